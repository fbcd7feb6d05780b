//! Lists of certificates (management manual, 9.3 "show ssl crt-list", "add ssl crt-list", "del ssl crt-list").

use std::io::Write as _;

use weir_engine::conf::CliLevel::Admin;
use weir_engine::operator::certificates::{self, Kept, Refused};
use weir_tls::lists::NotFound;

use super::store;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "add ssl crt-list",
            "<list> <cert> [opts]*",
            Admin,
            "add to crt-list file <list> a line <cert> or a payload",
            add,
        ),
        command(
            "del ssl crt-list",
            "<list> <cert[:line]>",
            Admin,
            "delete a line <cert> from crt-list file <list>",
            delete,
        ),
        command(
            "show ssl crt-list",
            "[-n] [<list>]",
            Admin,
            "show the list of crt-lists or the content of a crt-list file <list>",
            show,
        ),
    ]
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let numbered = call.arg(0) == "-n";
    let wanted = call.arg(usize::from(numbered)).into_owned();
    let store = store(call);
    if wanted.is_empty() {
        if numbered {
            let said = "'show ssl crt-list -n' expects a filename or a directory";
            return call.tell(Severity::Error, said);
        }
        for name in store.lists.names() {
            let _ = writeln!(call.out, "{name}");
        }
        return Outcome::Done;
    }
    let Some(lines) = store.lists.lines(&wanted) else {
        return call.tell(Severity::Error, "didn't find the specified filename");
    };
    let _ = writeln!(call.out, "# {wanted}");
    for line in lines {
        let _ = writeln!(call.out, "{}", line.text(numbered));
    }
    Outcome::Done
}

fn add(call: &mut Call<'_, World>) -> Outcome {
    let list = call.arg(0).trim_end_matches('/').to_owned();
    let text = match call.payload {
        Some(payload) => payload.split(|b| *b == b'\n').next().unwrap_or_default().to_vec(),
        None => call.arg(1).into_owned().into_bytes(),
    };
    if list.is_empty() || text.is_empty() {
        return call.tell(Severity::Error, "'add ssl crtlist' expects a filename and a certificate name");
    }
    let inserting = |path: &str, places| {
        format!("Inserting certificate '{path}' in crt-list '{list}'{}", ".".repeat(places))
    };
    match certificates::add_line(&call.world.engine.snapshot(), &list, &text) {
        Ok((path, places)) => {
            let _ = writeln!(call.out, "{}\nSuccess!", inserting(&path, places));
            Outcome::Done
        }
        Err(Refused::Bind { path, tried, why }) => {
            let _ = writeln!(call.out, "{}\n{why}.\nFailed!", inserting(&path, tried));
            Outcome::Done
        }
        Err(Refused::Line(why)) => call.tell(Severity::Error, format!("Can't edit the crt-list: {why}")),
    }
}

fn delete(call: &mut Call<'_, World>) -> Outcome {
    let list = call.arg(0).trim_end_matches('/').to_owned();
    let wanted = call.arg(1).into_owned();
    if list.is_empty() || wanted.is_empty() {
        return call.tell(Severity::Error, "'del ssl crtlist' expects a filename and a certificate name");
    }
    let refuse = |call: &mut Call<'_, World>, why: String| {
        call.tell(Severity::Error, format!("Can't delete the entry: {why}"))
    };
    let (path, number) = match wanted.rsplit_once(':') {
        Some((path, number)) => match number.parse::<usize>() {
            Ok(number) => (path, Some(number)),
            Err(_) => return refuse(call, format!("wrong line number after colons in '{wanted}'!")),
        },
        None => (wanted.as_str(), None),
    };
    let numbers = |list: &[usize]| list.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let why = match certificates::remove_line(&call.world.engine.snapshot(), &list, path, number) {
        Ok(()) => {
            return call.tell(Severity::Notice, format!("Entry '{path}' deleted in crtlist '{list}'!"));
        }
        Err(Kept::NotFound(NotFound::List)) => format!("crt-list '{list}' does not exist!"),
        Err(Kept::NotFound(NotFound::Certificate)) => {
            match store(call).listed().into_iter().find(|(known, ..)| known == path) {
                Some((.., Some(_))) => format!("certificate '{path}' can't be found in crt-list '{list}'!"),
                Some((.., None)) => format!("certificate '{path}' is empty!"),
                None => format!("certificate '{path}' does not exist!"),
            }
        }
        Err(Kept::NotFound(NotFound::Several(at))) => format!(
            "found the certificate '{path}' in several entries, please specify a line number preceded by colons \
             ({})!",
            numbers(&at)
        ),
        Err(Kept::NotFound(NotFound::Elsewhere(at))) => format!(
            "found a certificate '{path}' but the line number is incorrect, please specify a correct line number \
             preceded by colons ({})!",
            numbers(&at)
        ),
        Err(Kept::Default(places)) => {
            let places: String = places.iter().map(|place| format!("\n\t- {place}")).collect();
            format!(
                "certificate '{path}' cannot be deleted, it is used as default certificate by the following \
                 frontends:{places}"
            )
        }
    };
    refuse(call, why)
}
