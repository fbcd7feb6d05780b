//! Files of authorities and of revoked certificates (management manual, 9.3 "set ssl ca-file", "set ssl crl-file" and
//! their kin).

use std::io::Write as _;

use weir_engine::conf::CliLevel::{Admin, Operator, User};
use weir_engine::operator::certificates;
use weir_tls::text;
use weir_tls::trusts::{Kept, Kind, Waiting};
use weir_tls::verify::{RevocationList, Trust};

use super::{aborted, asked, describe, line, snapshot};
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("abort ssl ca-file", "<cafile>", Admin, "abort a transaction for a CA file", |c| {
            abort(c, CA)
        }),
        command("abort ssl crl-file", "<crlfile>", Admin, "abort a transaction for a CRL file", |c| {
            abort(c, CRL)
        }),
        command(
            "add ssl ca-file",
            "<cafile> <payload>",
            Admin,
            "add a certificate into the CA file",
            |call| set(call, CA, true),
        ),
        command("commit ssl ca-file", "<cafile>", Admin, "commit a CA file", |call| commit(call, CA)),
        command("commit ssl crl-file", "<crlfile>", Admin, "commit a CRL file", |call| commit(call, CRL)),
        command("del ssl ca-file", "<cafile>", Admin, "delete an unused CA file", |call| delete(call, CA)),
        command("del ssl crl-file", "<crlfile>", Admin, "delete an unused CRL file", |call| {
            delete(call, CRL)
        }),
        command(
            "new ssl ca-file",
            "<cafile>",
            Admin,
            "create a new CA file to be used in a crt-list",
            |call| create(call, CA),
        ),
        command(
            "new ssl crl-file",
            "<crlfile>              ",
            Admin,
            "create a new CRL file to be used in a crt-list",
            |call| create(call, CRL),
        ),
        command("set ssl ca-file", "<cafile> <payload>", Admin, "replace a CA file", |call| {
            set(call, CA, false)
        }),
        command("set ssl crl-file", "<crlfile> <payload>", Admin, "replace a CRL file", |call| {
            set(call, CRL, false)
        }),
        command(
            "show ssl ca-file",
            "[<cafile>[:<index>]]",
            User,
            "display the SSL CA files used in memory, or the details of a <cafile>, or a single certificate of index \
             <index> of a CA file <cafile>",
            |call| asked(call, Operator, |call| show(call, CA)),
        ),
        command(
            "show ssl crl-file",
            "[<crlfile[:<index>>]]",
            User,
            "display the SSL CRL files used in memory, or the details of a <crlfile>, or a single CRL of index <index> \
             of CRL file <crlfile>",
            |call| asked(call, Operator, |call| show(call, CRL)),
        ),
    ]
}

/// A kind of files, and the words about it.
#[derive(Clone, Copy)]
struct Words {
    kind: Kind,
    keyword: &'static str,
    short: &'static str,
    payload: &'static str,
}

const CA: Words = Words { kind: Kind::Authorities, keyword: "ca-file", short: "CA", payload: "CAs" };
const CRL: Words = Words { kind: Kind::Revoked, keyword: "crl-file", short: "CRL", payload: "CRLs" };

fn expects(call: &mut Call<'_, World>, verb: &str, words: Words) -> Outcome {
    let Words { keyword, short, .. } = words;
    let what = if verb == "del" { format!("a {short} file name") } else { "a filename".to_owned() };
    call.tell(Severity::Error, format!("'{verb} ssl {keyword}' expects {what}"))
}

fn create(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return expects(call, "new", words);
    }
    let short = words.short;
    match certificates::trusts(&snapshot(call)).create(&path, words.kind) {
        true => call.tell(Severity::Notice, format!("New {short} file created '{path}'!")),
        false => call.tell(Severity::Error, format!("{short} file '{path}' already exists!")),
    }
}

fn delete(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return expects(call, "del", words);
    }
    let Words { kind, keyword, short, .. } = words;
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    if trusts.waiting(kind).as_ref().is_some_and(|waiting| waiting.path == path) {
        let why = format!("Can't remove the {short} file: ongoing transaction for the {short} file '{path}'");
        return call.tell(Severity::Error, why);
    }
    let why = match trusts.remove(&path, kind) {
        Ok(()) => return call.tell(Severity::Notice, format!("{short} file '{path}' deleted!")),
        Err(Kept::Unknown) => format!("{short} file '{path}' doesn't exist!"),
        Err(Kept::Used) => format!("{short} file '{path}' in use, can't be deleted!"),
        Err(Kept::Other) => format!("'del ssl {keyword}' does not work on CA files!"),
    };
    call.tell(Severity::Error, format!("Can't remove the {short} file: {why}"))
}

/// `set` and, where it `adds` to what is there, `add`.
fn set(call: &mut Call<'_, World>, words: Words, adds: bool) -> Outcome {
    let Words { kind, keyword, short, payload } = words;
    let path = call.arg(0).into_owned();
    let Some(text) = call.payload.filter(|_| !path.is_empty()) else {
        let verb = if adds { "add" } else { "set" };
        let said = format!("'{verb} ssl {keyword}' expects a filename and {payload} as a payload");
        return call.tell(Severity::Error, said);
    };
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    let refuse = |call: &mut Call<'_, World>, why: String| {
        call.tell(Severity::Error, format!("{why}\nCan't update {path}!"))
    };
    let waiting = trusts.waiting(kind).clone();
    if let Some(other) = waiting.as_ref().filter(|waiting| waiting.path != path) {
        let why =
            format!("The ongoing transaction is about '{}' but you are trying to set '{path}'", other.path);
        return refuse(call, why);
    }
    let Some(known) = trusts.known(&path) else {
        let why = format!("Can't replace a {short} file which is not referenced by the configuration!");
        return refuse(call, why);
    };
    let mut came = Trust::default();
    came.add(text);
    if came.is_empty() {
        return refuse(call, "Invalid payload".to_owned());
    }
    let mut trust = Trust::default();
    if adds {
        match &waiting {
            Some(waiting) => trust.merge(&waiting.trust),
            None => trust.merge(&known.file.now()),
        }
    }
    trust.merge(&came);
    let what = if waiting.is_some() { "updated" } else { "created" };
    *trusts.waiting(kind) = Some(Waiting { path: path.clone(), trust });
    call.tell(Severity::Notice, format!("transaction {what} for {short} {path}!"))
}

fn commit(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return expects(call, "commit", CA); // The reference says the same of both kinds.
    }
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    let waiting = trusts.waiting(words.kind).clone();
    let why = match waiting {
        Some(waiting) if waiting.path == path => {
            *trusts.waiting(words.kind) = None;
            trusts.commit(waiting, words.kind);
            let places = certificates::renew(&snapshot, &path);
            let _ = writeln!(call.out, "Committing {path}{}\nSuccess!", ".".repeat(places));
            return Outcome::Done;
        }
        Some(other) => {
            format!("The ongoing transaction is about '{}' but you are trying to set '{path}'", other.path)
        }
        None => "No ongoing transaction! !".to_owned(),
    };
    call.tell(Severity::Error, format!("{why}\nCan't commit {path}!"))
}

fn abort(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return expects(call, "abort", words);
    }
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    let waiting = trusts.waiting(words.kind).as_ref().map(|waiting| waiting.path.clone());
    let outcome = aborted(call, waiting.as_deref(), &path);
    if waiting.as_ref() == Some(&path) {
        *trusts.waiting(words.kind) = None;
    }
    outcome
}

fn show(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let wanted = call.arg(0).into_owned();
    if wanted.is_empty() {
        return list(call, words);
    }
    let Words { kind, short, .. } = words;
    let (name, index) = match wanted.rsplit_once(':') {
        Some((name, index)) => match index.parse::<usize>() {
            Ok(index) if index > 0 => (name, Some(index)),
            _ => {
                let said = format!("wrong {short} index after colons in '{wanted}'!");
                return call.tell(Severity::Error, said);
            }
        },
        None => (wanted.as_str(), None),
    };
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    let (status, trust) = match name.strip_prefix('*') {
        Some(path) => {
            let waiting = trusts.waiting(kind).clone().filter(|waiting| waiting.path == path);
            ("Uncommitted", waiting.map(|waiting| waiting.trust))
        }
        None => match trusts.find(name, kind) {
            Some(known) => {
                let trust = known.file.now();
                let unused = if trust.is_empty() { "Empty" } else { "Unused" };
                (if known.used { "Used" } else { unused }, Some(Trust::clone(&trust)))
            }
            None => ("", None),
        },
    };
    let Some(trust) = trust else {
        return call.tell(Severity::Error, format!("Can't display the {short} file : Not found!"));
    };
    let texts: Vec<String> = match kind {
        Kind::Authorities => trust.certificates().map(|c| describe(&c)).collect(),
        Kind::Revoked => trust.lists().map(|list| describe_list(&list)).collect(),
    };
    let title = if kind == Kind::Authorities { "Certificate" } else { "Certificate Revocation List" };
    let asked: Vec<(usize, &String)> =
        (1..).zip(&texts).filter(|(at, _)| index.is_none_or(|index| index == *at)).collect();
    // Of a file without authorities there is nothing to say.
    if kind == Kind::Authorities && asked.is_empty() {
        return Outcome::Done;
    }
    let _ = writeln!(call.out, "Filename: {name}\nStatus: {status}");
    for (at, text) in asked {
        let _ = write!(call.out, " \n{title} #{at}:\n{text}");
    }
    Outcome::Done
}

fn list(call: &mut Call<'_, World>, words: Words) -> Outcome {
    let Words { kind, .. } = words;
    let snapshot = snapshot(call);
    let trusts = certificates::trusts(&snapshot);
    let row = |path: &str, trust: &Trust| match kind {
        Kind::Authorities => format!("{path} - {} certificate(s)\n", trust.len()),
        Kind::Revoked => format!("{path}\n"),
    };
    let waiting = trusts.waiting(kind).clone();
    if let Some(waiting) = waiting {
        call.out.extend_from_slice(b"# transaction\n*");
        call.out.extend_from_slice(row(&waiting.path, &waiting.trust).as_bytes());
    }
    call.out.extend_from_slice(b"# filename\n");
    for known in trusts.of(kind) {
        call.out.extend_from_slice(row(&known.file.path, &known.file.now()).as_bytes());
    }
    Outcome::Done
}

fn describe_list(list: &RevocationList<'_>) -> String {
    let time = |item| text::time_in_words(item).unwrap_or_default();
    let mut out = format!(
        "Version {}\nSignature Algorithm: {}\nIssuer: {}\nLast Update: {}\nNext Update: {}\n",
        list.version,
        text::algorithm(list.signature_algorithm).unwrap_or_default(),
        line(list.issuer),
        time(list.this_update),
        list.next_update.map_or_else(|| "NONE".to_owned(), time),
    );
    let mut revoked = list.revoked().peekable();
    let has_some = revoked.peek().is_some();
    out.push_str(if has_some { "Revoked Certificates:\n" } else { "No Revoked Certificates.\n" });
    for (serial, at) in revoked {
        out.push_str(&format!(
            "    Serial Number: {}\n        Revocation Date: {}\n",
            text::hex(text::serial(serial)),
            time(at)
        ));
    }
    out
}
