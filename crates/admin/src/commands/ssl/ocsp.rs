//! What authorities say of certificates today (management manual, 9.3 "set ssl ocsp-response" and its kin).

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weir_engine::conf::CliLevel::Admin;
use weir_engine::operator::certificates;
use weir_expr::date::{self, Civil};
use weir_tls::ocsp::{self, Fault, Response};
use weir_tls::pair::Pair;
use weir_tls::{print, text};

use super::store;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "set ssl ocsp-response",
            "<resp|payload>       ",
            Admin,
            "update a certificate's OCSP Response from a base64-encode DER",
            set,
        ),
        command(
            "show ssl ocsp-response",
            "[[text|base64] id]  ",
            Admin,
            "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response (in text or \
             base64 format)",
            show,
        ),
        command(
            "show ssl ocsp-updates",
            "                     ",
            Admin,
            "display information about the next 'nb' ocsp responses that \
             will be updated automatically",
            updates,
        ),
        command(
            "update ssl ocsp-response",
            "<certfile>",
            Admin,
            "send ocsp request and update stored ocsp response",
            update,
        ),
    ]
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let text = match call.payload {
        Some(payload) => payload.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect(),
        None => call.arg(0).into_owned().into_bytes(),
    };
    if text.is_empty() {
        return call.tell(Severity::Error, "'set ssl ocsp-response' expects response in base64 encoding.");
    }
    let Ok(response) = STANDARD.decode(text) else {
        return call
            .tell(Severity::Error, "'set ssl ocsp-response' received invalid base64 encoded response.");
    };
    let now = super::seconds();
    if let Err(fault) = Response::parse(&response).and_then(|parsed| parsed.judge(None, now)) {
        return call.tell(Severity::Error, format!("{fault}."));
    }
    let Some(meant) = ocsp::certificate_id(&response).map(|id| store(call).known_as(id)) else {
        return call.tell(Severity::Error, format!("{}.", Fault::Unreadable));
    };
    if meant.is_empty() {
        return call.tell(Severity::Error, format!("{}.", Fault::NoCertificate));
    }
    certificates::staple(&call.world.engine.snapshot(), &meant, &response);
    call.tell(Severity::Notice, "OCSP Response updated!")
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let first = call.arg(0).into_owned();
    if first.is_empty() {
        let mut told: Vec<Vec<u8>> = Vec::new();
        for pair in used(call) {
            let Some(id) = &pair.staple.identity else { continue };
            if !told.contains(id) {
                call.out.extend_from_slice(if told.is_empty() { b"# Certificate IDs\n" } else { b"" });
                list(call.out, &pair, id);
                told.push(id.clone());
            }
        }
        return Outcome::Done;
    }
    let is_format = first == "text" || first == "base64";
    let wanted = if is_format { call.arg(1).into_owned() } else { first.clone() };
    if is_format && wanted.is_empty() {
        let said = "'show ssl ocsp-response [text|base64]' expects a valid certid.";
        return call.tell(Severity::Error, said);
    }
    let is_meant = |pair: &Arc<Pair>| {
        let id = pair.staple.identity.as_ref();
        id.is_some_and(|id| pair.path == wanted || hex(id).eq_ignore_ascii_case(&wanted))
    };
    let Some(pair) = used(call).into_iter().find(is_meant) else {
        let said = "'show ssl ocsp-response' expects a valid certid or certificate path.";
        return call.tell(Severity::Error, said);
    };
    match (&pair.staple.response, first == "base64") {
        (Some(response), true) => call.out.extend_from_slice(STANDARD.encode(response).as_bytes()),
        (Some(response), false) => in_words(call.out, response),
        (None, _) => {}
    }
    Outcome::Done
}

/// A response in the words of OpenSSL; a line of nothing would end the answer.
pub(super) fn in_words(out: &mut Vec<u8>, response: &[u8]) {
    for line in print::response(response).unwrap_or_default().lines() {
        let line = if line.is_empty() { " " } else { line };
        let _ = writeln!(out, "{line}");
    }
}

fn update(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'update ssl ocsp-response' expects a filename");
    }
    let known = store(call).listed().into_iter().find(|(known, ..)| *known == path);
    let why = match known {
        Some((.., pair)) => match pair.and_then(|pair| pair.staple.identity.clone()) {
            Some(identity) => {
                call.world.engine.ask_about(&identity, &path);
                return Outcome::Done;
            }
            None => {
                "'update ssl ocsp-response' only works on certificates that already have a known OCSP response."
            }
        },
        None => {
            "Unknown certificate! 'update ssl ocsp-response' expects an already known certificate file name."
        }
    };
    call.tell(Severity::Error, format!("{why}\nCan't send ocsp request for {path}!"))
}

fn updates(call: &mut Call<'_, World>) -> Outcome {
    call.out.extend_from_slice(UPDATES.as_bytes());
    let now = super::seconds();
    for row in store(call).updates.rows() {
        let last = row.last.map_or_else(|| "-".to_owned(), stamp);
        let _ = writeln!(
            call.out,
            "{} | {} | {} | {last} | {} | {} | {} | {}",
            hex(&row.identity),
            row.path,
            stamp(row.next.unwrap_or(now)),
            row.successes,
            row.failures,
            row.outcome.number(),
            row.outcome.text(),
        );
    }
    Outcome::Done
}

/// `21/Nov/2026:18:17:26 +0000`
fn stamp(seconds: i64) -> String {
    let offset = weir_sys::time::local_offset(seconds);
    let civil = Civil::new(seconds, offset).log();
    format!("{} {}", String::from_utf8_lossy(&civil), String::from_utf8_lossy(&date::offset(offset)))
}

/// The certificates in use that an authority has said something of.
fn used(call: &Call<'_, World>) -> Vec<Arc<Pair>> {
    let listed = store(call).listed();
    listed.into_iter().filter(|(_, used, _)| *used).filter_map(|(.., pair)| pair).collect()
}

fn list(out: &mut Vec<u8>, pair: &Pair, id: &[u8]) {
    let _ = writeln!(out, "Certificate ID key : {}\nCertificate path : {}", hex(id), pair.path);
    if let Some(parts) = ocsp::parts(id) {
        let _ = writeln!(
            out,
            " Certificate ID:\n   Issuer Name Hash: {}\n   Issuer Key Hash: {}\n   Serial Number: {}",
            text::hex(parts.issuer_name),
            text::hex(parts.issuer_key),
            text::hex(parts.serial),
        );
    }
}

/// An identity as it is named.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const UPDATES: &str = "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | \
    Last Update Status (str)\n";
