//! Keys that decrypt tokens: JSON web keys (RFC 7517, RFC 7518 section 6) and those of certificates.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey,
    PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

/// A key.
pub(super) enum Key {
    /// The bytes of a secret.
    Secret(Vec<u8>),
    /// An RSA key, as PKCS #8.
    Rsa(Vec<u8>),
    /// A key on a curve.
    Curve(Curve, PrivateKey),
}

/// The curves of RFC 7518, 6.2.1.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// How a key is wrapped under RSA.
#[derive(Clone, Copy)]
pub(super) enum Padding {
    Pkcs1,
    Oaep,
    Oaep256,
}

// === impl Key ===

impl Key {
    /// Reads a JSON web key. The error is HAProxy's wording.
    pub(super) fn of_jwk(text: &[u8]) -> Result<Self, &'static str> {
        let jwk = object(text);
        match jwk.as_ref().and_then(|jwk| jwk.get("kty")?.as_str()) {
            None => Err("Missing key type (expected 'oct', 'RSA' or 'EC')"),
            Some("oct") => {
                let key = jwk.as_ref().and_then(|jwk| jwk.get("k")?.as_str());
                let key = key.ok_or("Missing 'k' field in JWK")?;
                Ok(Self::Secret(decoded(key).unwrap_or_default()))
            }
            Some("RSA") => jwk.as_ref().and_then(rsa).ok_or("Failed to parse RSA JWK"),
            Some("EC") => jwk.as_ref().and_then(curve).ok_or("Failed to parse EC JWK"),
            Some(_) => Err("Unmanaged key type (expected 'oct', 'RSA' or 'EC'"),
        }
    }

    /// The private key of a certificate, in DER: as PKCS #8, PKCS #1 or by RFC 5915.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            if let Ok(key) = PrivateKey::from_private_key_der(curve.agreement(), der) {
                return Some(Self::Curve(curve, key));
            }
        }
        let is_rsa = |der: &[u8]| PrivateDecryptingKey::from_pkcs8(der).is_ok();
        [der.to_vec(), pkcs8(der)].into_iter().find(|der| is_rsa(der)).map(Self::Rsa)
    }

    /// What was encrypted under the public half of an RSA key.
    pub(super) fn unwrap(&self, wrapped: &[u8], padding: Padding) -> Option<Vec<u8>> {
        let Self::Rsa(der) = self else { return None };
        let key = PrivateDecryptingKey::from_pkcs8(der).ok()?;
        let mut out = vec![0; wrapped.len().max(512)];
        let algorithm = match padding {
            Padding::Pkcs1 => {
                let key = Pkcs1PrivateDecryptingKey::new(key).ok()?;
                return Some(key.decrypt(wrapped, &mut out).ok()?.to_vec());
            }
            Padding::Oaep => &OAEP_SHA1_MGF1SHA1,
            Padding::Oaep256 => &OAEP_SHA256_MGF1SHA256,
        };
        let key = OaepPrivateDecryptingKey::new(key).ok()?;
        Some(key.decrypt(algorithm, wrapped, &mut out, None).ok()?.to_vec())
    }

    /// What both ends make of this key and the other's public one (`epk`), where that is on the same curve.
    pub(super) fn agree(&self, other: &Json) -> Option<Vec<u8>> {
        let Self::Curve(curve, key) = self else { return None };
        if other.get("kty")?.as_str()? != "EC" || Curve::named(other.get("crv")?.as_str()?)? != *curve {
            return None;
        }
        let point = UnparsedPublicKey::new(curve.agreement(), point(*curve, other)?);
        agreement::agree(key, point, (), |secret| Ok(secret.to_vec())).ok()
    }
}

// === impl Curve ===

impl Curve {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "P-256" => Self::P256,
            "P-384" => Self::P384,
            "P-521" => Self::P521,
            _ => return None,
        })
    }

    const fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
            Self::P521 => &agreement::ECDH_P521,
        }
    }

    /// Octets of a coordinate.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// The object that a text begins with; what follows it does not matter.
pub(super) fn object(text: &[u8]) -> Option<Json> {
    serde_json::Deserializer::from_slice(text).into_iter().next()?.ok().filter(Json::is_object)
}

/// Base64 with the alphabet of URLs, filled up or not.
fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn curve(jwk: &Json) -> Option<Key> {
    let curve = Curve::named(jwk.get("crv")?.as_str()?)?;
    let secret = filled(&decoded(jwk.get("d")?.as_str()?)?, curve.width())?;
    let key = PrivateKey::from_private_key(curve.agreement(), &secret).ok()?;
    // The public half has to be that of the private one.
    let public = key.compute_public_key().ok()?;
    (*point(curve, jwk)? == *public.as_ref()).then_some(Key::Curve(curve, key))
}

/// A point as SEC 1 has it, uncompressed.
fn point(curve: Curve, jwk: &Json) -> Option<Vec<u8>> {
    let of = |name: &str| filled(&decoded(jwk.get(name)?.as_str()?)?, curve.width());
    Some([&[4][..], &of("x")?, &of("y")?].concat())
}

fn filled(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let missing = width.checked_sub(bytes.len())?;
    Some([&vec![0; missing], bytes].concat())
}

fn rsa(jwk: &Json) -> Option<Key> {
    let mut key = integer(&[0]);
    for name in ["n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        key.extend(integer(&decoded(jwk.get(name)?.as_str()?)?));
    }
    let der = pkcs8(&tagged(SEQUENCE, &key));
    PrivateDecryptingKey::from_pkcs8(&der).ok()?;
    Some(Key::Rsa(der))
}

/// An RSA key of PKCS #1 as one of PKCS #8 (RFC 5958).
fn pkcs8(key: &[u8]) -> Vec<u8> {
    let body = [&integer(&[0])[..], RSA_ENCRYPTION, &tagged(OCTETS, key)].concat();
    tagged(SEQUENCE, &body)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|b| *b > 127) { &[0] } else { &[] };
    tagged(INTEGER, &[sign, digits].concat())
}

/// A value in DER.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length < 128 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let digits = bytes.iter().copied().skip_while(|b| *b == 0);
        out.push(0x80 | digits.clone().count() as u8);
        out.extend(digits);
    }
    out.extend_from_slice(content);
    out
}

const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const SEQUENCE: u8 = 0x30;

/// The algorithm `rsaEncryption` without parameters.
const RSA_ENCRYPTION: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
