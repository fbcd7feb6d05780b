//! Certificates that verify and decrypt tokens (management manual, 9.3 "show ssl jwt", "add ssl jwt", "del ssl jwt").

use std::io::Write as _;

use weir_engine::conf::CliLevel::{Admin, User};
use weir_tls::store::Store;

use super::store;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "add ssl jwt",
            "<certfile>",
            Admin,
            "add certificate to list of certificates used for JWT validation",
            |call| change(call, "add", Store::allow_tokens),
        ),
        command(
            "del ssl jwt",
            "<certfile>",
            Admin,
            "remove certificate from list of certificates used for JWT validation",
            |call| change(call, "del", Store::forbid_tokens),
        ),
        command("show ssl jwt", "", User, "show list of certificates used for JWT validation", |call| {
            call.out.extend_from_slice(b"# filename\n");
            let store = store(call);
            for (path, ..) in store.listed().into_iter().filter(|(path, ..)| store.is_for_tokens(path)) {
                let _ = writeln!(call.out, "{path}");
            }
            Outcome::Done
        }),
    ]
}

fn change(call: &mut Call<'_, World>, verb: &str, change: fn(&Store, &str)) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, format!("'{verb} ssl cert' expects a filename"));
    }
    let store = store(call);
    if !store.listed().iter().any(|(known, ..)| *known == path) {
        return call.tell(Severity::Error, super::NOT_FOUND);
    }
    change(&store, &path);
    Outcome::Done
}
