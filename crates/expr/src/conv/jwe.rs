//! Encrypted JSON web tokens (RFC 7516) in their compact form: `jwt_decrypt_secret`, `jwt_decrypt_jwk` and
//! `jwt_decrypt_cert`. Which algorithms may be used is said by `jwt.decrypt_alg_list` and `jwt.decrypt_enc_list`.

use aws_lc_rs::cipher::{DecryptingKey, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use super::crypto::{cipher_of, prepare_secret, secret};
use super::gcm::Gcm;
use super::jwk::{Key, Padding, object};
use super::jwt::given;
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, converter, prepared};
use crate::load::TokenAlgorithms;
use crate::scope::TokenCertificate;
use crate::vars::VarRef;
use crate::{Load, Type, Value};

const KEY: (u8, &[ArgType]) = (1, &[ArgType::Str]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    prepared(
        converter(
            "jwt_decrypt_secret",
            KEY,
            Type::Bin,
            Type::Bin,
            by_secret,
            "What a token says that was encrypted under a secret.",
        ),
        |args, load| {
            prepare_secret(args, 0, "secret").map_err(|said| said.replacen(" : ", ": ", 1))?;
            permit(args, load);
            Ok(())
        },
    ),
    prepared(
        converter(
            "jwt_decrypt_jwk",
            KEY,
            Type::Bin,
            Type::Bin,
            by_jwk,
            "What a token says that was encrypted under a JSON web key.",
        ),
        |args, load| {
            let text = args.str(0).unwrap_or_default().to_vec();
            match VarRef::parse(&text) {
                Ok(var) => args.set(0, Arg::Var(Box::new(var))),
                Err(_) => Key::of_jwk(&text).map(|_| ())?,
            }
            permit(args, load);
            Ok(())
        },
    ),
    prepared(
        converter(
            "jwt_decrypt_cert",
            KEY,
            Type::Bin,
            Type::Bin,
            by_certificate,
            "What a token says that was encrypted for a certificate.",
        ),
        |args, load| {
            let name = args.str(0).unwrap_or_default().to_vec();
            if let Ok(var) = VarRef::parse(&name) {
                args.set(0, Arg::Var(Box::new(var)));
            } else if !load.names.has_certificate(&String::from_utf8_lossy(&name)) {
                return Err(format!("unknown certificate {}", String::from_utf8_lossy(&name)));
            }
            permit(args, load);
            Ok(())
        },
    ),
];

/// Puts what may be used behind the key.
fn permit(args: &mut Args, load: &mut Load<'_>) {
    let TokenAlgorithms { keys, contents } = load.names.token_algorithms();
    args.set(1, Arg::Int(keys.into()));
    args.set(2, Arg::Int(contents.into()));
}

fn by_secret<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    decrypted(eval, args, value, &Key::Secret(secret(eval, args, 0)?))
}

fn by_jwk<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    decrypted(eval, args, value, &Key::of_jwk(given(eval, args, 0)?).ok()?)
}

fn by_certificate<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    match eval.scope.token_certificate(given(eval, args, 0)?) {
        TokenCertificate::Known { key, .. } => decrypted(eval, args, value, &Key::of_der(&key)?),
        TokenCertificate::Unknown | TokenCertificate::Unavailable => None,
    }
}

fn decrypted<'a>(eval: &Eval<'a>, args: &Args, value: Value<'a>, key: &Key) -> Option<Value<'a>> {
    let allowed = |at: usize, number: usize| args.int(at).is_some_and(|bits| bits >> number & 1 == 1);
    let token = value.bytes()?;
    let parts: Vec<&[u8]> = token.split(|c| *c == b'.').collect();
    let &[header, wrapped, iv, text, tag] = parts.as_slice() else { return None };
    let of = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
    let about = object(&of(header)?)?;
    let (algorithm, content) = (about.get("alg")?.as_str()?, about.get("enc")?.as_str()?);
    let at = KEYS.iter().position(|name| *name == algorithm).filter(|n| allowed(1, *n))?;
    let (content, name) = CONTENTS.iter().enumerate().find(|(_, name)| **name == content)?;
    let content = Some(content).filter(|n| allowed(2, *n)).and_then(|n| CIPHERS.get(n))?;
    let needed = content.key;
    let mut secret = match KEYS.get(at).copied()? {
        "dir" => match key {
            Key::Secret(secret) => secret.clone(),
            _ => return None,
        },
        "RSA1_5" => key.unwrap(&of(wrapped)?, Padding::Pkcs1)?,
        "RSA-OAEP" => key.unwrap(&of(wrapped)?, Padding::Oaep)?,
        "RSA-OAEP-256" => key.unwrap(&of(wrapped)?, Padding::Oaep256)?,
        "ECDH-ES" => agreed(key, &about, name, needed)?,
        other => {
            let bits = other.trim_end_matches("GCMKW").trim_end_matches("KW");
            let width: usize = bits.rsplit('A').next()?.parse::<usize>().ok()? / 8;
            let own = match key {
                _ if other.starts_with("ECDH-ES") => agreed(key, &about, other, width)?,
                Key::Secret(secret) => secret.get(..width)?.to_vec(),
                _ => return None,
            };
            if other.ends_with("GCMKW") {
                opened(&own, &about, of(wrapped)?)?
            } else {
                unwrapped(&own, &of(wrapped)?)?
            }
        }
    };
    if secret.len() < needed {
        return None;
    }
    secret.truncate(needed);
    let plain = content.open(&secret, &of(iv)?, header, of(text)?, &of(tag)?)?;
    Some(Value::Bin(eval.scratch.bytes(&plain)))
}

/// A key from the agreement of two (RFC 7518, 4.6.2): the derivation of NIST SP 800-56A with SHA-256.
fn agreed(key: &Key, about: &Json, name: &str, width: usize) -> Option<Vec<u8>> {
    let secret = key.agree(about.get("epk")?)?;
    let party = |name: &str| {
        let text = about.get(name).and_then(Json::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).ok()
    };
    let (one, other) = (party("apu")?, party("apv")?);
    let sized = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let bits = (width as u32 * 8).to_be_bytes();
    let info = [sized(name.as_bytes()), sized(&one), sized(&other), bits.to_vec()].concat();
    let mut out = Vec::new();
    for round in 1u32.. {
        if out.len() >= width {
            break;
        }
        let block = [&round.to_be_bytes()[..], &secret, &info].concat();
        out.extend_from_slice(digest::digest(&digest::SHA256, &block).as_ref());
    }
    out.truncate(width);
    Some(out)
}

/// What AES in Galois/counter mode wrapped; nonce and tag are in the header (RFC 7518, 4.7).
fn opened(key: &[u8], about: &Json, mut wrapped: Vec<u8>) -> Option<Vec<u8>> {
    let of = |name: &str| URL_SAFE_NO_PAD.decode(about.get(name)?.as_str()?).ok();
    let (nonce, tag) = (of("iv")?, of("tag").filter(|tag| tag.len() == 16)?);
    let key = UnboundCipherKey::new(cipher_of(key), key).ok()?;
    Gcm::new(key, &nonce)?.open(&[], &mut wrapped, &tag)?;
    Some(wrapped)
}

/// What AES wrapped (RFC 3394, 2.2.2).
fn unwrapped(key: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    let blocks: Vec<[u8; 8]> = wrapped.as_chunks::<8>().0.to_vec();
    let (check, rest) = blocks.split_first()?;
    if rest.len() < 2 || !wrapped.len().is_multiple_of(8) {
        return None;
    }
    let (mut check, mut rest) = (u64::from_be_bytes(*check), rest.to_vec());
    let cipher = DecryptingKey::ecb(UnboundCipherKey::new(cipher_of(key), key).ok()?).ok()?;
    let mut count = 6 * rest.len() as u64;
    for _ in 0..6 {
        for block in rest.iter_mut().rev() {
            let mut both = [0; 16];
            let halves = [(check ^ count).to_be_bytes(), *block].concat();
            both.copy_from_slice(&halves);
            let plain = cipher.decrypt(&mut both, DecryptionContext::None).ok()?;
            let (first, second) = plain.split_first_chunk::<8>()?;
            check = u64::from_be_bytes(*first);
            *block = second.try_into().ok()?;
            count -= 1;
        }
    }
    (check == u64::from_be_bytes([0xa6; 8])).then(|| rest.concat())
}

/// A cipher of contents (RFC 7518, 5.1).
struct Content {
    /// Octets of its key.
    key: usize,
    /// What authenticates where the mode does not by itself.
    mac: Option<&'static hmac::Algorithm>,
}

// === impl Content ===

impl Content {
    fn open(&self, key: &[u8], iv: &[u8], header: &[u8], mut text: Vec<u8>, tag: &[u8]) -> Option<Vec<u8>> {
        let Some(mac) = self.mac else {
            let key = UnboundCipherKey::new(cipher_of(key), key).ok()?;
            Gcm::new(key, iv)?.open(header, &mut text, Some(tag).filter(|tag| tag.len() == 16)?)?;
            return Some(text);
        };
        let (first, second) = key.split_at_checked(self.key / 2)?;
        let bits = (header.len() as u64 * 8).to_be_bytes();
        let own = hmac::sign(&hmac::Key::new(*mac, first), &[header, iv, &text, &bits].concat());
        let own = own.as_ref().get(..self.key / 2)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(own, tag).ok()?;
        let cipher =
            PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(cipher_of(second), second).ok()?)
                .ok()?;
        let iv: [u8; 16] = iv.try_into().ok()?;
        Some(cipher.decrypt(&mut text, DecryptionContext::Iv128(iv.into())).ok()?.to_vec())
    }
}

/// The names of `jwt.decrypt_alg_list`; a number of a set of them is the place here.
pub(crate) const KEYS: [&str; 14] = [
    "RSA1_5",
    "RSA-OAEP",
    "RSA-OAEP-256",
    "A128KW",
    "A192KW",
    "A256KW",
    "dir",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A192KW",
    "ECDH-ES+A256KW",
    "A128GCMKW",
    "A192GCMKW",
    "A256GCMKW",
];

/// The names of `jwt.decrypt_enc_list`.
pub(crate) const CONTENTS: [&str; 6] =
    ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"];

/// The ciphers of these names.
const CIPHERS: [Content; 6] = [
    Content { key: 32, mac: Some(&hmac::HMAC_SHA256) },
    Content { key: 48, mac: Some(&hmac::HMAC_SHA384) },
    Content { key: 64, mac: Some(&hmac::HMAC_SHA512) },
    Content { key: 16, mac: None },
    Content { key: 24, mac: None },
    Content { key: 32, mac: None },
];
