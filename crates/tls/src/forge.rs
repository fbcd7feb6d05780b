//! Certificates that are made for the names that clients ask for (manual, 5.1 "generate-certificates").
//!
//! Each has the key of the line's first certificate and is signed by the authority of `ca-sign-file`. Those that were
//! made last are kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, UnixTime};

use crate::acceptor::Context;
use crate::certificate::{COMMON_NAME, Certificate, DNS_NAME, SUBJECT_ALT_NAME};
use crate::der::{self, Der, tagged};
use crate::names::sha1;
use crate::pair::Pair;
use crate::time::utc;

/// Makes certificates.
#[derive(Debug)]
pub struct Forger {
    signer: Arc<Pair>,
    serials: Arc<Serials>,
    kept: Mutex<Kept>,
    most: usize,
}

/// The numbers of the certificates that are made; those of one authority must differ on all lines.
#[derive(Debug)]
pub struct Serials(AtomicU32);

/// Set-ups of sessions by name, with the turn in which each was used last.
#[derive(Default)]
struct Kept {
    by_name: HashMap<Box<str>, (Arc<Context>, u64)>,
    turn: u64,
}

// === impl Forger ===

impl Forger {
    /// An authority that signs; `most` as `tune.ssl.ssl-ctx-cache-size`.
    pub fn new(signer: Arc<Pair>, serials: Arc<Serials>, most: usize) -> Self {
        Self { signer, serials, kept: Mutex::default(), most }
    }

    /// The set-up for this name: one that was made before, or what `make` makes of a certificate for it.
    pub(crate) fn context(
        &self,
        name: &str,
        key: &Pair,
        make: impl FnOnce(Arc<Pair>) -> Arc<Context>,
    ) -> Option<Arc<Context>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        if let Some((known, used)) = kept.by_name.get_mut(name) {
            *used = turn;
            return Some(known.clone());
        }
        let context = make(Arc::new(self.pair(name, key)?));
        if kept.by_name.len() >= self.most {
            let oldest = kept.by_name.iter().min_by_key(|(_, (_, used))| *used).map(|(name, _)| name.clone());
            oldest.and_then(|name| kept.by_name.remove(&name));
        }
        if self.most > 0 {
            kept.by_name.insert(name.into(), (context.clone(), turn));
        }
        Some(context)
    }

    /// A certificate for a name, with the key of another.
    fn pair(&self, name: &str, key: &Pair) -> Option<Pair> {
        let authority = self.signer.certificate()?;
        let holder = key.certificate()?;
        let signer = self.signer.key.choose_scheme(SCHEMES)?;
        let algorithm = ALGORITHMS.iter().find(|(scheme, _)| *scheme == signer.scheme())?.1;
        let serial = [&[0], self.serials.0.fetch_add(1, Relaxed).to_be_bytes().as_slice()].concat();
        let now = UnixTime::now().as_secs().cast_signed();
        let body = [
            tagged(EXPLICIT_0, &[der::INTEGER, 1, 2]),
            tagged(der::INTEGER, &serial),
            algorithm.to_vec(),
            authority.subject.to_vec(),
            tagged(der::SEQUENCE, &[utc(now - DAY), utc(now + 365 * DAY)].concat()),
            subject(authority.subject, name),
            holder.key.to_vec(),
            tagged(EXPLICIT_3, &tagged(der::SEQUENCE, &extensions(&authority, &holder, name)?)),
        ];
        let body = tagged(der::SEQUENCE, &body.concat());
        let signature = [&[0], signer.sign(&body).ok()?.as_slice()].concat();
        let whole = [body, algorithm.to_vec(), tagged(der::BIT_STRING, &signature)].concat();
        let mut chain: Vec<CertificateDer<'static>> = vec![tagged(der::SEQUENCE, &whole).into()];
        chain.extend(self.signer.chain.iter().cloned());
        Pair::new("", chain, &key.secret).ok()
    }
}

// === impl Serials ===

impl Default for Serials {
    fn default() -> Self {
        // Numbers differ from those of the configuration before, as far as time goes by.
        Self(AtomicU32::new((UnixTime::now().as_secs() as u32) | 1 << 31))
    }
}

// === impl Kept ===

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} set-ups", self.by_name.len())
    }
}

/// The name of the authority, and one more common name behind it.
fn subject(authority: &[u8], name: &str) -> Vec<u8> {
    let before = Der(authority).enter(der::SEQUENCE).unwrap_or_default().0;
    let pair = [tagged(der::OID, COMMON_NAME), tagged(UTF8_STRING, name.as_bytes())].concat();
    let own = tagged(der::SET, &tagged(der::SEQUENCE, &pair));
    tagged(der::SEQUENCE, &[before, &own].concat())
}

fn extensions(authority: &Certificate<'_>, holder: &Certificate<'_>, name: &str) -> Option<Vec<u8>> {
    let one = |oid: &[u8], value: &[u8]| {
        tagged(der::SEQUENCE, &[tagged(der::OID, oid), tagged(der::OCTET_STRING, value)].concat())
    };
    let key_of = |certificate: &Certificate<'_>| Some(sha1(certificate.public_key()?.1));
    let own_key = authority.extension(SUBJECT_KEY).map(|known| known.value.to_vec());
    let above = match own_key.and_then(|value| Some(Der(&value).item()?.content.to_vec())) {
        Some(known) => known,
        None => key_of(authority)?,
    };
    let above = [
        tagged(0x80, &above),
        tagged(0xa1, &tagged(DIRECTORY_NAME, authority.issuer)),
        tagged(0x82, authority.serial),
    ];
    let list = [
        one(BASIC_CONSTRAINTS, &tagged(der::SEQUENCE, b"")),
        one(COMMENT, &tagged(IA5_STRING, b"\"OpenSSL Generated Certificate\"")),
        one(SUBJECT_KEY, &tagged(der::OCTET_STRING, &key_of(holder)?)),
        one(AUTHORITY_KEY, &tagged(der::SEQUENCE, &above.concat())),
        // Digital signature, non-repudiation, key encipherment.
        one(KEY_USAGE, &tagged(der::BIT_STRING, &[5, 0xe0])),
        one(SUBJECT_ALT_NAME, &tagged(der::SEQUENCE, &tagged(DNS_NAME, name.as_bytes()))),
    ];
    Some(list.concat())
}

const DAY: i64 = 86_400;
const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_3: u8 = 0xa3;
const UTF8_STRING: u8 = 0x0c;
const IA5_STRING: u8 = 0x16;
const DIRECTORY_NAME: u8 = 0xa4;
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 35];
const COMMENT: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 13];

/// How authorities sign.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ED25519,
];

/// The same as certificates say it (RFC 5758, RFC 4055, RFC 8410).
const ALGORITHMS: &[(SignatureScheme, &[u8])] = &[
    (SignatureScheme::ECDSA_NISTP256_SHA256, &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]),
    (SignatureScheme::ECDSA_NISTP521_SHA512, &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]),
    (
        SignatureScheme::RSA_PKCS1_SHA256,
        &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0],
    ),
    (SignatureScheme::ED25519, &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70]),
];
