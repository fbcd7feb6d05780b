//! What authorities say of certificates today (management manual, 9.3 "set ssl ocsp-response" and its kin).

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weir_engine::conf::CliLevel::Admin;
use weir_engine::operator::certificates;
use weir_tls::ocsp;
use weir_tls::pair::Pair;

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
            |call| {
                call.out.extend_from_slice(UPDATES.as_bytes());
                Outcome::Done
            },
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
    let Some(id) = ocsp::certificate_id(&response) else {
        return call.tell(Severity::Error, "Unable to parse OCSP response.");
    };
    let meant: Vec<Arc<Pair>> = used(call).into_iter().filter(|pair| key(pair) == Some(id)).collect();
    if meant.is_empty() {
        let said = "OCSP single response: Certificate ID does not match any certificate or issuer.";
        return call.tell(Severity::Error, said);
    }
    let store = store(call);
    for pair in meant {
        let pair = Arc::new(Pair { ocsp: Some(response.clone()), ..Pair::clone(&pair) });
        certificates::replace(&call.world.engine.snapshot(), &pair);
        store.settle(pair);
    }
    call.tell(Severity::Notice, "OCSP Response updated!")
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let first = call.arg(0).into_owned();
    if first.is_empty() {
        for pair in used(call) {
            if let Some(id) = key(&pair) {
                list(call.out, &pair, id);
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
        pair.path == wanted || key(pair).is_some_and(|id| hex(id).eq_ignore_ascii_case(&wanted))
    };
    let found = used(call).into_iter().find(is_meant);
    let Some(response) = found.and_then(|pair| pair.ocsp.clone()) else {
        let said = "'show ssl ocsp-response' expects a valid certid or certificate path.";
        return call.tell(Severity::Error, said);
    };
    let _ = writeln!(call.out, "{}", STANDARD.encode(response));
    Outcome::Done
}

fn update(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'update ssl ocsp-response' expects a filename");
    }
    let why = match store(call).listed().iter().any(|(known, ..)| *known == path) {
        true => "responses of OCSP are not fetched".to_owned(),
        false => {
            "Unknown certificate! 'update ssl ocsp-response' expects an already known certificate file name."
                .to_owned()
        }
    };
    call.tell(Severity::Error, format!("{why}\nCan't send ocsp request for {path}!"))
}

/// The certificates in use that an authority has said something of.
fn used(call: &Call<'_, World>) -> Vec<Arc<Pair>> {
    let listed = store(call).listed();
    listed.into_iter().filter(|(_, used, _)| *used).filter_map(|(.., pair)| pair).collect()
}

fn key(pair: &Pair) -> Option<&[u8]> {
    ocsp::certificate_id(pair.ocsp.as_deref()?)
}

fn list(out: &mut Vec<u8>, pair: &Pair, id: &[u8]) {
    let _ = writeln!(out, "# Certificate IDs\n  Certificate ID key : {}", hex(id));
    let _ = writeln!(out, "  Certificate path : {}", pair.path);
    if let Some(parts) = ocsp::parts(id) {
        let _ = writeln!(
            out,
            "  Certificate ID:\n    Issuer Name Hash: {}\n    Issuer Key Hash: {}\n    Serial Number: {}",
            super::hex(parts.issuer_name),
            super::hex(parts.issuer_key),
            super::hex(parts.serial),
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const UPDATES: &str = "OCSP Certid | Path | Next Update | Last Update | Successes | Failures | Last Update Status | \
    Last Update Status (str)\n";
