//! Certificates at run time (management manual, 9.3 "set ssl cert" and its kin). A certificate that is set waits until it
//! is committed; then every `bind` line that shows the old one shows it to who comes from then on.

use std::io::Write as _;
use std::sync::Arc;

use weir_engine::conf::CliLevel::{Admin, Operator, User};
use weir_engine::operator::certificates;
use weir_tls::certificate::Certificate;
use weir_tls::ocsp::Updating;
use weir_tls::pair::Sources;
use weir_tls::pem;
use weir_tls::store::{Part, Pending};

use super::{NOT_FOUND, aborted, asked, describe, line, ocsp, store};
use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("abort ssl cert", "<certfile>", Admin, "abort a transaction for a certificate file", abort),
        command("commit ssl cert", "<certfile>", Admin, "commit a certificate file", commit),
        command("del ssl cert", "<certfile>", Admin, "delete an unused certificate file", delete),
        command("dump ssl cert", "<certfile>", User, "dump the SSL certificates in PEM format", |call| {
            asked(call, Admin, dump)
        }),
        command(
            "new ssl cert",
            "<certfile>",
            Admin,
            "create a new certificate file to be used in a crt-list or a directory",
            create,
        ),
        command("set ssl cert", "<certfile> <payload>", Admin, "replace a certificate file", set),
        command(
            "show ssl cert",
            "[<certfile>]",
            User,
            "display the SSL certificates used in memory, or the details of a file",
            |call| asked(call, Operator, show),
        ),
        command("show ssl providers", "", User, "show loaded SSL providers", |call| {
            call.out.extend_from_slice(b"Loaded providers : \n\t- default\n");
            Outcome::Done
        }),
    ]
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    let Some(payload) = call.payload.filter(|_| !path.is_empty()) else {
        return call
            .tell(Severity::Error, "'set ssl cert' expects a filename and a certificate as a payload");
    };
    let store = store(call);
    let refuse = |call: &mut Call<'_, World>, why: String| {
        let blank = if why.is_empty() { "" } else { "\n" };
        call.tell(Severity::Error, format!("{why}{blank}Can't update {path}!"))
    };
    let found = store.part(&path);
    let name = found.as_ref().map_or(&path, |(name, ..)| name).clone();
    if let Some(other) = store.pending().as_ref().map(|p| p.path.clone()).filter(|other| *other != name) {
        let meant = Part::named(&path).0;
        let why = format!("The ongoing transaction is about '{other}' but you are trying to set '{meant}'");
        return refuse(call, why);
    }
    let Some((name, part, pair)) = found else {
        let why = "Can't replace a certificate which is not referenced by the configuration!".to_owned();
        return refuse(call, why);
    };
    let mut waiting = store.pending();
    let what = if waiting.is_some() { "updated" } else { "created" };
    let mut pending = waiting.take().unwrap_or_else(|| Pending::of(name.clone(), pair.as_deref()));
    let taken = pending.take(part, &path, payload);
    // A part that is of no use leaves the transaction as it was.
    *waiting = (taken.is_ok() || what == "updated").then_some(pending);
    drop(waiting);
    match taken {
        Ok(()) => call.tell(Severity::Notice, format!("Transaction {what} for certificate {name}!")),
        Err(why) => {
            let blank = if why.is_empty() || part == Part::Ocsp { "" } else { "\n" };
            refuse(call, format!("{why}{blank}Can't load the payload"))
        }
    }
}

fn commit(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'commit ssl cert expects a filename");
    }
    let store = store(call);
    let other = store.pending().as_ref().map(|pending| pending.path.clone());
    let why = match other {
        None => Some("No ongoing transaction! !".to_owned()),
        Some(other) if other != path => {
            Some(format!("The ongoing transaction is about '{other}' but you are trying to set '{path}'"))
        }
        Some(_) => {
            let mixed = store.pending().as_ref().is_some_and(Pending::is_mixed);
            mixed.then(|| format!("inconsistencies between private key and certificate loaded '{path}'."))
        }
    };
    if let Some(why) = why {
        return call.tell(Severity::Error, format!("{why}\nCan't commit {path}!"));
    }
    let Some(pending) = store.pending().take() else { return Outcome::Done };
    let _ = write!(call.out, "Committing {path}");
    let pair = match pending.pair() {
        Ok(pair) => Arc::new(pair),
        Err(why) => {
            let _ = writeln!(call.out, "\n{why}\nFailed!");
            return Outcome::Done;
        }
    };
    let places = certificates::replace(&call.world.engine.snapshot(), &pair);
    let ignored = pair.staple.ignored.clone();
    store.settle(pair);
    call.out.extend(std::iter::repeat_n(b'.', places));
    if let Some(why) = ignored {
        let _ = write!(call.out, "\nLoading: {why}. Content will be ignored.");
    }
    call.out.extend_from_slice(b"\nSuccess!\n");
    Outcome::Done
}

fn abort(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'abort ssl cert' expects a filename");
    }
    let store = store(call);
    let waiting = store.pending().as_ref().map(|p| p.path.clone());
    let outcome = aborted(call, waiting.as_deref(), &path);
    if waiting.as_ref() == Some(&path) {
        *store.pending() = None;
    }
    outcome
}

fn create(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'new ssl cert' expects a filename");
    }
    match store(call).create(&path) {
        true => call.tell(Severity::Notice, format!("New empty certificate store '{path}'!")),
        false => call.tell(Severity::Error, format!("Certificate '{path}' already exists!")),
    }
}

fn delete(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'del ssl cert' expects a certificate name");
    }
    let store = store(call);
    if store.pending().as_ref().is_some_and(|pending| pending.path == path) {
        let why = format!("Can't remove the certificate: ongoing transaction for the certificate '{path}'");
        return call.tell(Severity::Error, why);
    }
    if store.is_for_tokens(&path) {
        let why = format!("certificate '{path}' in use for JWT validation, can't be deleted!");
        return call.tell(Severity::Error, format!("Can't remove the certificate: {why}"));
    }
    let why = match store.remove(&path) {
        Some(true) => return call.tell(Severity::Notice, format!("Certificate '{path}' deleted!")),
        Some(false) => format!("certificate '{path}' in use, can't be deleted!"),
        None => format!("certificate '{path}' doesn't exist!"),
    };
    call.tell(Severity::Error, format!("Can't remove the certificate: {why}"))
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let wanted = call.arg(0).into_owned();
    let store = store(call);
    if wanted.is_empty() {
        if let Some(pending) = &*store.pending() {
            let _ = writeln!(call.out, "# transaction\n*{}", pending.path);
        }
        let listed = store.listed();
        if !listed.is_empty() {
            call.out.extend_from_slice(b"# filename\n");
        }
        for (path, ..) in listed {
            let _ = writeln!(call.out, "{path}");
        }
        return Outcome::Done;
    }
    if let Some(path) = wanted.strip_prefix('*') {
        let waiting = store.pending();
        let response_of = path.strip_suffix(".ocsp");
        return match waiting.as_ref().filter(|p| p.path == path || response_of == Some(&p.path)) {
            Some(pending) if response_of == Some(&pending.path) => {
                ocsp::in_words(call.out, pending.ocsp.as_deref().unwrap_or_default());
                Outcome::Done
            }
            Some(pending) => {
                let identity = pending.pair().ok().and_then(|pair| pair.staple.identity);
                let shown = Shown {
                    sources: &pending.sources,
                    updating: pending.updating,
                    tokens: store.is_for_tokens(path),
                    identity: identity.as_deref(),
                };
                tell(call.out, (&wanted, "Uncommitted"), shown, pending.chain.iter().map(AsRef::as_ref));
                Outcome::Done
            }
            None => call.tell(Severity::Error, NOT_FOUND),
        };
    }
    let listed = store.listed();
    if let Some(path) = wanted.strip_suffix(".ocsp")
        && let Some((.., pair)) = listed.iter().find(|(known, ..)| known == path)
    {
        let response = pair.as_ref().and_then(|pair| pair.staple.response.as_deref());
        ocsp::in_words(call.out, response.unwrap_or_default());
        return Outcome::Done;
    }
    let found = listed.into_iter().find(|(path, ..)| *path == wanted);
    let Some((path, used, pair)) = found else { return call.tell(Severity::Error, NOT_FOUND) };
    let status = match (&pair, used) {
        (Some(_), _) if store.is_for_tokens(&path) => "Used for JWT verification",
        (None, _) => "Empty",
        (Some(_), true) => "Used",
        (Some(_), false) => "Unused",
    };
    let chain = pair.iter().flat_map(|pair| pair.chain.iter().map(AsRef::as_ref));
    let sources = pair.as_ref().map(|pair| pair.sources.clone()).unwrap_or_default();
    let shown = Shown {
        sources: &sources,
        updating: pair.as_ref().map(|pair| pair.updating).unwrap_or_default(),
        tokens: store.is_for_tokens(&path),
        identity: pair.as_ref().and_then(|pair| pair.staple.identity.as_deref()),
    };
    tell(call.out, (&path, status), shown, chain);
    Outcome::Done
}

/// What is told of a certificate beside what it says itself.
struct Shown<'a> {
    sources: &'a Sources,
    updating: Updating,
    tokens: bool,
    identity: Option<&'a [u8]>,
}

/// The words about one certificate, of this name and in this state.
fn tell<'a>(
    out: &mut Vec<u8>,
    (name, status): (&str, &str),
    shown: Shown<'_>,
    mut chain: impl Iterator<Item = &'a [u8]>,
) {
    let Shown { sources, updating, tokens, identity } = shown;
    let mut say = |text: String| out.extend_from_slice(text.as_bytes());
    say(format!("Filename: {name}\n"));
    let files = [
        ("Crt", &sources.crt),
        ("Key", &sources.key),
        ("OCSP", &sources.ocsp),
        ("OCSP Issuer", &sources.issuer),
        ("SCTL", &sources.sctl),
    ];
    for (what, path) in files {
        say(path.as_ref().map(|path| format!("{what} filename: {path}\n")).unwrap_or_default());
    }
    let on = |is: bool| if is { "on" } else { "off" };
    // Whatever the word says, as the reference has it.
    let updating = on(updating != Updating::Default);
    say(format!("Option: ocsp-update {updating}\nOption: jwt {}\nStatus: {status}\n", on(tokens)));
    if let Some(certificate) = chain.next().and_then(Certificate::parse) {
        say(describe(&certificate));
        for above in chain.filter_map(Certificate::parse) {
            say(format!("Chain Subject: {}\nChain Issuer: {}\n", line(above.subject), line(above.issuer)));
        }
    }
    say(format!("OCSP Response Key: {}\n", ocsp::hex(identity.unwrap_or_default())));
}

/// The certificate and its key as a file has them.
fn dump(call: &mut Call<'_, World>) -> Outcome {
    let wanted = call.arg(0).into_owned();
    let store = store(call);
    let text = match wanted.strip_prefix('*') {
        Some(path) => {
            let pending = store.pending();
            let pending = pending.as_ref().filter(|pending| pending.path == path);
            pending.map(|pending| pem::bundle(pending.key.as_ref(), &pending.chain))
        }
        None => store.listed().into_iter().find(|(path, ..)| *path == wanted).map(|(.., pair)| match pair {
            Some(pair) => pem::bundle(Some(&pair.secret).filter(|_| pair.has_key()), &pair.chain),
            None => String::new(),
        }),
    };
    let Some(text) = text else { return call.tell(Severity::Error, NOT_FOUND) };
    call.out.extend_from_slice(text.as_bytes());
    Outcome::Done
}
