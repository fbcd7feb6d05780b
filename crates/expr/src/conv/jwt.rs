//! JSON web tokens (RFC 7515, RFC 7519): what they say, and whether they are signed by who they should be.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::decode_url;
use super::json;
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::scope::TokenCertificate;
use crate::vars::VarRef;
use crate::{Load, Type, Value};

const QUERY: (u8, &[ArgType]) = (0, &[ArgType::Str, ArgType::Str]);
const VERIFY: (u8, &[ArgType]) = (2, &[ArgType::Str, ArgType::Str]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    prepared(
        converter(
            "jwt_header_query",
            QUERY,
            Type::Bin,
            Type::Any,
            |e, a, v| query(e, a, v, 0),
            "What a token's header says.",
        ),
        prepare_query,
    ),
    prepared(
        converter(
            "jwt_payload_query",
            QUERY,
            Type::Bin,
            Type::Any,
            |e, a, v| query(e, a, v, 1),
            "What a token's payload says.",
        ),
        prepare_query,
    ),
    prepared(
        converter(
            "jwt_verify",
            VERIFY,
            Type::Bin,
            Type::Sint,
            verified,
            "1 where a token's signature is right.",
        ),
        prepare_verify,
    ),
    prepared(
        converter(
            "jwt_verify_cert",
            VERIFY,
            Type::Bin,
            Type::Sint,
            verified_by_certificate,
            "1 where a token's signature is that of a certificate.",
        ),
        prepare_certificate,
    ),
];

fn prepare_query(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.str(1) {
        None | Some(b"int") => Ok(()),
        Some(_) => Err("output_type only supports \"int\" as argument".into()),
    }
}

fn query<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>, part: usize) -> Option<Value<'a>> {
    let encoded = value.bytes()?.split(|b| *b == b'.').nth(part)?;
    let decoded = decode_url(eval, encoded)?;
    match args.str(0) {
        None => Some(Value::Str(decoded)),
        Some(path) => json::look_up(eval, decoded, path, args.str(1) == Some(b"int")),
    }
}

/// What signs a token (RFC 7518, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    None,
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
    Ps256,
    Ps384,
    Ps512,
}

// === impl Algorithm ===

impl Algorithm {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"none" => Self::None,
            b"HS256" => Self::Hs256,
            b"HS384" => Self::Hs384,
            b"HS512" => Self::Hs512,
            b"RS256" => Self::Rs256,
            b"RS384" => Self::Rs384,
            b"RS512" => Self::Rs512,
            b"ES256" => Self::Es256,
            b"ES384" => Self::Es384,
            b"ES512" => Self::Es512,
            b"PS256" => Self::Ps256,
            b"PS384" => Self::Ps384,
            b"PS512" => Self::Ps512,
            _ => return None,
        })
    }

    fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }

    fn signature(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }
}

/// What the manual numbers the outcomes by.
mod outcome {
    pub(super) const VALID: i64 = 1;
    pub(super) const INVALID: i64 = 0;
    pub(super) const UNKNOWN_ALGORITHM: i64 = -1;
    pub(super) const UNMANAGED_ALGORITHM: i64 = -2;
    pub(super) const NO_TOKEN: i64 = -3;
    pub(super) const UNKNOWN_KEY: i64 = -5;
    pub(super) const UNAVAILABLE: i64 = -7;
}

/// Replaces names of variables by variables, and the path of a public key by the key.
fn prepare_verify(args: &mut Args, load: &mut Load<'_>) -> Result<(), String> {
    let name = args.str(0).unwrap_or_default().to_vec();
    let mut known = None;
    match VarRef::parse(&name) {
        Ok(var) => args.set(0, Arg::Var(Box::new(var))),
        Err(_) => {
            known = Algorithm::named(&name);
            let shown = String::from_utf8_lossy(&name);
            if known.is_none() {
                return Err(format!("unknown JWT algorithm: {shown}"));
            }
        }
    }
    let text = args.str(1).unwrap_or_default().to_vec();
    if let Ok(var) = VarRef::parse(&text) {
        args.set(1, Arg::Var(Box::new(var)));
    } else if known.is_some_and(|a| a.hmac().is_none()) {
        let path = String::from_utf8_lossy(&text).into_owned();
        let pem = load.names.read(&path).ok();
        let key = pem.and_then(|pem| public_key(&pem)).ok_or("(null)")?;
        args.set(1, Arg::Str(key.into()));
    }
    args.set(2, Arg::Int(load.names.takes_unsigned_tokens().into()));
    Ok(())
}

/// Replaces names of variables by variables, and lets a certificate that is named verify tokens.
fn prepare_certificate(args: &mut Args, load: &mut Load<'_>) -> Result<(), String> {
    let name = args.str(0).unwrap_or_default().to_vec();
    match (VarRef::parse(&name), Algorithm::named(&name)) {
        (Ok(var), _) => args.set(0, Arg::Var(Box::new(var))),
        (_, Some(algorithm)) if algorithm.hmac().is_some() => {
            return Err("HMAC-signed tokens can't be processed by this converter".into());
        }
        (_, Some(_)) => {}
        (_, None) => return Err(format!("unknown JWT algorithm: {}", String::from_utf8_lossy(&name))),
    }
    let path = args.str(1).unwrap_or_default().to_vec();
    match VarRef::parse(&path) {
        Ok(var) => args.set(1, Arg::Var(Box::new(var))),
        Err(_) => load.names.use_certificate(&String::from_utf8_lossy(&path)),
    }
    args.set(2, Arg::Int(load.names.takes_unsigned_tokens().into()));
    Ok(())
}

/// The key of the first `PUBLIC KEY` or `RSA PUBLIC KEY` of a PEM file (RFC 7468, 13; RFC 8017, A.1.1).
fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END")?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

fn verified<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (name, key) = (given(eval, args, 0)?, given(eval, args, 1)?);
    let key = if matches!(args.arg(1), Arg::Var(_)) { Key::Given(key) } else { Key::Loaded(key) };
    Some(Value::Sint(verify(eval, value.bytes()?, Algorithm::named(name), key, args.int(2) == Some(1))))
}

fn verified_by_certificate<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (name, path) = (given(eval, args, 0)?, given(eval, args, 1)?);
    let algorithm = Algorithm::named(name).filter(|a| a.hmac().is_none());
    let outcome = match eval.scope.token_certificate(path) {
        _ if algorithm == Some(Algorithm::None) => {
            verify(eval, value.bytes()?, algorithm, Key::Loaded(&[]), args.int(2) == Some(1))
        }
        TokenCertificate::Known { public, .. } => {
            verify(eval, value.bytes()?, algorithm, Key::Loaded(&public), false)
        }
        TokenCertificate::Unknown => outcome::UNKNOWN_KEY,
        TokenCertificate::Unavailable => outcome::UNAVAILABLE,
    };
    Some(Value::Sint(outcome))
}

/// An argument, or what the variable holds that it names.
pub(super) fn given<'a>(eval: &Eval<'a>, args: &'a Args, at: usize) -> Option<&'a [u8]> {
    match args.arg(at) {
        Arg::Str(text) => Some(text),
        Arg::Var(var) => eval.scope.var(var, eval.scratch)?.bytes(),
        _ => None,
    }
}

enum Key<'k> {
    /// It was there when the configuration was loaded.
    Loaded(&'k [u8]),
    /// A variable holds it: a secret, or the path of a key.
    Given(&'k [u8]),
}

fn verify(eval: &Eval<'_>, token: &[u8], algorithm: Option<Algorithm>, key: Key<'_>, unsigned: bool) -> i64 {
    let Some(algorithm) = algorithm else { return outcome::UNKNOWN_ALGORITHM };
    if algorithm == Algorithm::None {
        return if unsigned { outcome::VALID } else { outcome::UNMANAGED_ALGORITHM };
    }
    let signed = memchr::memrchr(b'.', token).and_then(|at| token.split_at_checked(at));
    let Some((signed, encoded)) = signed.filter(|(s, _)| memchr::memchr_iter(b'.', s).count() == 1) else {
        return outcome::NO_TOKEN;
    };
    let signature = decode_url(eval, encoded.get(1..).unwrap_or_default());
    let Some(signature) = signature.filter(|s| !s.is_empty()) else { return outcome::NO_TOKEN };
    let right = match (algorithm.hmac(), algorithm.signature(), key) {
        (Some(hmac), _, Key::Loaded(secret) | Key::Given(secret)) => {
            hmac::verify(&hmac::Key::new(hmac, secret), signed, signature).is_ok()
        }
        (_, Some(by), Key::Loaded(key)) => UnparsedPublicKey::new(by, key).verify(signed, signature).is_ok(),
        _ => return outcome::UNKNOWN_KEY,
    };
    if right { outcome::VALID } else { outcome::INVALID }
}
