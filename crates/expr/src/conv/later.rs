//! Converters that are known and still to come: each is refused with the reason.

use crate::keyword::{Converter, converter_to_come};

const CRYPTO: &str = "it comes with cryptography";
const LATER: &str = "it is still to come";

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter_to_come("aes_cbc_dec", CRYPTO),
    converter_to_come("aes_cbc_enc", CRYPTO),
    converter_to_come("aes_gcm_dec", CRYPTO),
    converter_to_come("aes_gcm_enc", CRYPTO),
    converter_to_come("digest", CRYPTO),
    converter_to_come("hmac", CRYPTO),
    converter_to_come("ip.fp", LATER),
    converter_to_come("jwt_decrypt_cert", CRYPTO),
    converter_to_come("jwt_decrypt_jwk", CRYPTO),
    converter_to_come("jwt_decrypt_secret", CRYPTO),
    converter_to_come("jwt_header_query", CRYPTO),
    converter_to_come("jwt_payload_query", CRYPTO),
    converter_to_come("jwt_verify", CRYPTO),
    converter_to_come("jwt_verify_cert", CRYPTO),
    converter_to_come("mqtt_field_value", LATER),
    converter_to_come("mqtt_is_valid", LATER),
    converter_to_come("sha1", CRYPTO),
    converter_to_come("sha2", CRYPTO),
    converter_to_come("x509_v_err_str", CRYPTO),
];
