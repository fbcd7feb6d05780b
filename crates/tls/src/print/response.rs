//! A response of OCSP as text.

use super::{certificate, extensions, name, signature};
use crate::certificate::Certificate;
use crate::der::{self, Der, Item};
use crate::ocsp::{Response, Single, parts};
use crate::{pem, text};

/// The lines of a response; `None` where it is none.
pub fn response(bytes: &[u8]) -> Option<String> {
    let response = Response::parse(bytes).ok()?;
    let responder = match response.responder.tag {
        BY_NAME => name(response.responder.content, false),
        _ => text::hex(Der(response.responder.content).item()?.content),
    };
    let (version, number) = (response.version, response.version.saturating_sub(1));
    let mut out = format!(
        "OCSP Response Data:\n    OCSP Response Status: successful (0x0)\n    Response Type: Basic OCSP Response\n    \
         Version: {version} (0x{number:x})\n    Responder Id: {responder}\n    Produced At: {}\n    Responses:\n",
        text::time_in_words(response.produced)?
    );
    for single in &response.singles {
        out.push_str(&of_one(single)?);
    }
    let extensions: Vec<_> = response.extensions.collect();
    if !extensions.is_empty() {
        out.push_str("    Response Extensions:\n");
        out.push_str(&extensions::lines(&extensions, 8));
    }
    out.push_str(&signature(response.algorithm, response.signature));
    for der in &response.certificates {
        if let Some(certificate) = Certificate::parse(der) {
            out.push_str(&certificate::lines(&certificate));
            pem::write("CERTIFICATE", der, &mut out);
        }
    }
    Some(out)
}

fn of_one(single: &Single<'_>) -> Option<String> {
    let id = parts(single.id)?;
    let mut out = format!(
        "    Certificate ID:\n      Hash Algorithm: {}\n      Issuer Name Hash: {}\n      Issuer Key Hash: {}\n      \
         Serial Number: {}\n",
        text::digest(id.digest),
        text::hex(id.issuer_name),
        text::hex(id.issuer_key),
        text::hex(id.serial),
    );
    out.push_str(&status(&single.status)?);
    out.push_str(&format!("    This Update: {}\n", text::time_in_words(single.this_update)?));
    if let Some(next) = single.next_update {
        out.push_str(&format!("    Next Update: {}\n", text::time_in_words(next)?));
    }
    out.push('\n');
    Some(out)
}

fn status(status: &Item<'_>) -> Option<String> {
    let word = match status.tag & TAG {
        0 => "good",
        1 => "revoked",
        _ => "unknown",
    };
    let mut out = format!("    Cert Status: {word}\n");
    let mut inside = status.inside();
    if let Some(time) = inside.tagged(der::GENERALIZED_TIME) {
        out.push_str(&format!("    Revocation Time: {}\n", text::time_in_words(time)?));
        let reason = inside.enter(EXPLICIT_0).and_then(|mut reason| reason.item()?.content.first().copied());
        if let Some(reason) = reason {
            let name = REASONS.get(usize::from(reason)).copied().unwrap_or("(UNKNOWN)");
            out.push_str(&format!("    Revocation Reason: {name} (0x{reason:x})\n"));
        }
    }
    Some(out)
}

const BY_NAME: u8 = 0xa1;
const EXPLICIT_0: u8 = 0xa0;
/// The part of a tag that tells alternatives apart.
const TAG: u8 = 0x1f;
/// Why certificates are revoked, by number (RFC 5280, 5.3.1).
const REASONS: [&str; 9] = [
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "(UNKNOWN)",
    "removeFromCRL",
];
