//! Converters that are known and still to come: each is refused with the reason.

use crate::keyword::{Converter, converter_to_come};

const KEYS: &str = "it comes with the store of certificates";

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter_to_come("jwt_decrypt_cert", KEYS),
    converter_to_come("jwt_decrypt_jwk", KEYS),
    converter_to_come("jwt_decrypt_secret", KEYS),
    converter_to_come("jwt_verify_cert", KEYS),
];
