//! Keys of tickets (management manual, 9.3 "show tls-keys", "set ssl tls-key").

use std::io::Write as _;
use std::sync::Arc;

use weir_engine::conf::CliLevel::Admin;
use weir_tls::tickets::{Refused, TicketKeys};

use super::store;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "set ssl tls-key",
            "[id|file] <key>",
            Admin,
            "set the next TLS key for the <id> or <file> listener to <key>",
            set,
        ),
        command(
            "show tls-keys",
            "[id|*]",
            Admin,
            "show tls keys references or dump tls ticket keys when id specified",
            show,
        ),
    ]
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let wanted = call.arg(0).into_owned();
    let store = store(call);
    let all = store.tickets.all();
    if wanted.is_empty() {
        call.out.extend_from_slice(b"# id (file)\n");
        for (id, keys) in all.iter().enumerate() {
            let _ = writeln!(call.out, "{id} ({})", keys.path);
        }
        return Outcome::Done;
    }
    let asked: Vec<(usize, &Arc<TicketKeys>)> =
        all.iter().enumerate().filter(|(id, keys)| wanted == "*" || is_meant(&wanted, *id, keys)).collect();
    if asked.is_empty() && wanted != "*" {
        return call.tell(Severity::Error, "'show tls-keys' unable to locate referenced filename");
    }
    call.out.extend_from_slice(b"# id secret\n");
    for (id, keys) in asked {
        let _ = writeln!(call.out, "# {id} ({})", keys.path);
        for (at, text) in keys.texts().iter().enumerate() {
            let _ = writeln!(call.out, "{id}.{at} {text}");
        }
    }
    Outcome::Done
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let (wanted, key) = (call.arg(0).into_owned(), call.arg(1).into_owned());
    if wanted.is_empty() || key.is_empty() {
        let said = "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.";
        return call.tell(Severity::Error, said);
    }
    let all = store(call).tickets.all();
    let Some((_, keys)) = all.iter().enumerate().find(|(id, keys)| is_meant(&wanted, *id, keys)) else {
        return call.tell(Severity::Error, "'set ssl tls-key' unable to locate referenced filename");
    };
    match keys.push(key.as_bytes()) {
        Ok(()) => call.tell(Severity::Notice, "TLS ticket key updated!"),
        Err(Refused::NotBase64) => {
            call.tell(Severity::Error, "'set ssl tls-key' received invalid base64 encoded TLS key.")
        }
        Err(Refused::WrongSize) => {
            call.tell(Severity::Error, "'set ssl tls-key' received a key of wrong size.")
        }
    }
}

/// Whether the word names these keys, by number or by file.
fn is_meant(wanted: &str, id: usize, keys: &TicketKeys) -> bool {
    match wanted.strip_prefix('#') {
        Some(number) => number.parse() == Ok(id),
        None => keys.path == wanted,
    }
}
