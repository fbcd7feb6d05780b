//! Digests, message authentication and AES (manual, 7.3.1), on the library that TLS stands on.

use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::digests::Algorithm;
use super::gcm::Gcm;
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::vars::VarRef;
use crate::{Load, Type, Value};

const BITS: (u8, &[ArgType]) = (0, &[ArgType::Int]);
const NAMED: (u8, &[ArgType]) = (0, &[ArgType::Str]);
const KEYED: (u8, &[ArgType]) = (2, &[ArgType::Str, ArgType::Str]);
const CBC: (u8, &[ArgType]) = (3, &[ArgType::Int, ArgType::Str, ArgType::Str, ArgType::Str]);
const GCM: (u8, &[ArgType]) = (4, &[ArgType::Int, ArgType::Str, ArgType::Str, ArgType::Str, ArgType::Str]);

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter("sha1", NO_ARGS, Type::Bin, Type::Bin, |e, _, v| digested(e, Algorithm::Sha1, v), "SHA-1."),
    prepared(
        converter("sha2", BITS, Type::Bin, Type::Bin, sha2, "A digest of the SHA-2 family, of 256 bits."),
        prepare_sha2,
    ),
    prepared(
        converter("digest", NAMED, Type::Bin, Type::Bin, named_digest, "A digest by its name."),
        prepare_digest,
    ),
    prepared(
        converter("hmac", KEYED, Type::Bin, Type::Bin, authenticated, "A keyed digest (RFC 2104)."),
        prepare_hmac,
    ),
    prepared(
        converter("aes_cbc_enc", CBC, Type::Bin, Type::Bin, cbc_encrypted, "Encrypted with AES in CBC mode."),
        |args, _| prepare_aes(args, false, false),
    ),
    prepared(
        converter("aes_cbc_dec", CBC, Type::Bin, Type::Bin, cbc_decrypted, "Decrypted with AES in CBC mode."),
        |args, _| prepare_aes(args, false, false),
    ),
    prepared(
        converter("aes_gcm_enc", GCM, Type::Bin, Type::Bin, gcm_encrypted, "Encrypted with AES in GCM mode."),
        |args, _| prepare_aes(args, true, true),
    ),
    prepared(
        converter("aes_gcm_dec", GCM, Type::Bin, Type::Bin, gcm_decrypted, "Decrypted with AES in GCM mode."),
        |args, _| prepare_aes(args, true, false),
    ),
];

fn digested<'a>(eval: &mut Eval<'a>, algorithm: Algorithm, value: Value<'a>) -> Option<Value<'a>> {
    let scratch = eval.scratch;
    algorithm.digest(&[value.bytes()?], |d| Value::Bin(scratch.bytes(d)))
}

fn sha2<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let algorithm = match args.int(0).unwrap_or(256) {
        224 => Algorithm::Sha224,
        384 => Algorithm::Sha384,
        512 => Algorithm::Sha512,
        _ => Algorithm::Sha256,
    };
    digested(eval, algorithm, value)
}

fn prepare_sha2(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    match args.int(0) {
        None | Some(224 | 256 | 384 | 512) => Ok(()),
        Some(bits) => Err(format!("Unsupported number of bits: '{bits}'")),
    }
}

/// Puts the number of the algorithm in the place of its name.
fn prepare_digest(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let found = Algorithm::named(args.str(0).unwrap_or_default());
    let found = found.ok_or("algorithm must be a valid OpenSSL message digest name.")?;
    args.set(0, Arg::Int(found.number()));
    Ok(())
}

fn algorithm(args: &Args) -> Option<Algorithm> {
    Algorithm::numbered(args.int(0)?)
}

fn named_digest<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    digested(eval, algorithm(args)?, value)
}

fn prepare_hmac(args: &mut Args, load: &mut Load<'_>) -> Result<(), String> {
    prepare_digest(args, load)?;
    prepare_secret(args, 1, "key")
}

fn authenticated<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let scratch = eval.scratch;
    let key = secret(eval, args, 1)?;
    algorithm(args)?.authenticate(&key, value.bytes()?, |d| Value::Bin(scratch.bytes(d)))
}

/// An argument in base64, or a variable that holds some.
pub(super) fn prepare_secret(args: &mut Args, at: usize, what: &str) -> Result<(), String> {
    let Some(text) = args.str(at) else { return Ok(()) };
    let arg = match VarRef::parse(text) {
        Ok(var) => Arg::Var(Box::new(var)),
        Err(_) => {
            let decoded = STANDARD.decode(text).map_err(|_| {
                format!(
                    "failed to parse {what} : argument needs to be base64 encoded, and can either be a string or a variable"
                )
            })?;
            Arg::Str(decoded.into())
        }
    };
    args.set(at, arg);
    Ok(())
}

pub(super) fn secret(eval: &Eval<'_>, args: &Args, at: usize) -> Option<Vec<u8>> {
    match args.arg(at) {
        Arg::Str(decoded) => Some(decoded.to_vec()),
        Arg::Var(var) => STANDARD.decode(eval.scope.var(var, eval.scratch)?.bytes()?).ok(),
        _ => None,
    }
}

fn prepare_aes(args: &mut Args, tagged: bool, writes_tag: bool) -> Result<(), String> {
    if !matches!(args.int(0), Some(128 | 192 | 256)) {
        return Err("key size must be 128, 192 or 256 (bits).".into());
    }
    prepare_secret(args, 1, "nonce")?;
    prepare_secret(args, 2, "key")?;
    if writes_tag {
        let var = VarRef::parse(args.str(3).unwrap_or_default());
        let var =
            var.map_err(|error| format!("failed to parse aead_tag : {}", error.trim_end_matches('.')))?;
        args.set(3, Arg::Var(Box::new(var)));
    } else if tagged {
        prepare_secret(args, 3, "aead_tag")?;
    }
    prepare_secret(args, if tagged { 4 } else { 3 }, "aad")
}

/// The key of as many bits as the first argument says: a longer one is cut.
fn key(eval: &Eval<'_>, args: &Args) -> Option<Vec<u8>> {
    let mut key = secret(eval, args, 2)?;
    let len = usize::try_from(args.int(0)? / 8).ok()?;
    if key.len() < len {
        return None;
    }
    key.truncate(len);
    Some(key)
}

fn cbc(eval: &Eval<'_>, args: &Args) -> Option<(UnboundCipherKey, [u8; 16])> {
    let key = key(eval, args)?;
    // A shorter one is filled up with zeros, a longer one is cut.
    let mut iv = [0; 16];
    iv.iter_mut().zip(secret(eval, args, 1)?).for_each(|(to, from)| *to = from);
    Some((UnboundCipherKey::new(cipher_of(&key), &key).ok()?, iv))
}

pub(super) fn cipher_of(key: &[u8]) -> &'static cipher::Algorithm {
    match key.len() {
        16 => &cipher::AES_128,
        24 => &cipher::AES_192,
        _ => &cipher::AES_256,
    }
}

fn cbc_encrypted<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (key, iv) = cbc(eval, args)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
    let mut data = value.bytes()?.to_vec();
    key.less_safe_encrypt(&mut data, EncryptionContext::Iv128(iv.into())).ok()?;
    Some(Value::Bin(eval.scratch.bytes(&data)))
}

fn cbc_decrypted<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (key, iv) = cbc(eval, args)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut data = value.bytes()?.to_vec();
    let plain = key.decrypt(&mut data, DecryptionContext::Iv128(iv.into())).ok()?;
    Some(Value::Bin(eval.scratch.bytes(plain)))
}

fn gcm(eval: &Eval<'_>, args: &Args) -> Option<Gcm> {
    let key = key(eval, args)?;
    let key = UnboundCipherKey::new(cipher_of(&key), &key).ok()?;
    Gcm::new(key, &secret(eval, args, 1)?)
}

fn additional(eval: &Eval<'_>, args: &Args) -> Option<Vec<u8>> {
    if matches!(args.arg(4), Arg::None) { Some(Vec::new()) } else { secret(eval, args, 4) }
}

fn gcm_encrypted<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let gcm = gcm(eval, args)?;
    let mut data = value.bytes()?.to_vec();
    let tag = gcm.seal(&additional(eval, args)?, &mut data)?;
    let text = STANDARD.encode(tag);
    eval.scope.set_var(args.var(3)?, Some(Value::Str(text.as_bytes())));
    Some(Value::Bin(eval.scratch.bytes(&data)))
}

fn gcm_decrypted<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let gcm = gcm(eval, args)?;
    let mut data = value.bytes()?.to_vec();
    gcm.open(&additional(eval, args)?, &mut data, &secret(eval, args, 3)?)?;
    Some(Value::Bin(eval.scratch.bytes(&data)))
}
