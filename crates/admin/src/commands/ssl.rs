//! Certificates at run time (management manual, 9.3 "set ssl cert" and its kin). A certificate that is set waits until it
//! is committed; then every `bind` line that shows the old one shows it to who comes from then on.

use std::io::Write as _;
use std::sync::Arc;

use weir_engine::conf::CliLevel::Admin;
use weir_engine::conf::{BindTls, Proxy};
use weir_tls::certificate::Certificate;
use weir_tls::pair::{Kind, Pair};
use weir_tls::store::{Pending, Store};
use weir_tls::{names, text};

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("abort ssl cert", "<certfile>", Admin, "abort a transaction for a certificate file", abort),
        command("commit ssl cert", "<certfile>", Admin, "commit a certificate file", commit),
        command("del ssl cert", "<certfile>", Admin, "delete an unused certificate file", delete),
        command("new ssl cert", "<certfile>", Admin, "create a new certificate file to be used", create),
        command("set ssl cert", "<certfile> <payload>", Admin, "replace a certificate file", set),
        command("show ssl ca-file", "", Admin, "display the SSL CA files used in memory", |call| {
            let rows =
                store(call).trusts().into_iter().filter(|(_, trust)| trust.certificates().next().is_some());
            list(call, rows.map(|(path, trust)| format!("{path} - {} certificate(s)", trust.len())))
        }),
        command("show ssl crl-file", "", Admin, "display the SSL CRL files used in memory", |call| {
            let rows = store(call).trusts().into_iter().filter(|(_, trust)| trust.lists().next().is_some());
            list(call, rows.map(|(path, _)| path))
        }),
        command("show ssl cert", "[<certfile>]", Admin, "display the SSL certificates used in memory", show),
        command("show ssl providers", "", Admin, "show loaded SSL providers", |call| {
            call.out.extend_from_slice(b"Loaded providers : \n\t- default\n");
            Outcome::Done
        }),
        command(
            "show ssl sni",
            "[-f <frontend>]",
            Admin,
            "display the list of SNI and their corresponding filename",
            show_names,
        ),
    ]
}

fn list(call: &mut Call<'_, World>, rows: impl Iterator<Item = String>) -> Outcome {
    call.out.extend_from_slice(b"# filename\n");
    for row in rows {
        let _ = writeln!(call.out, "{row}");
    }
    Outcome::Done
}

fn store(call: &Call<'_, World>) -> Arc<Store> {
    call.world.engine.snapshot().global.tls.store.clone()
}

fn set(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    let Some(payload) = call.payload.filter(|_| !path.is_empty()) else {
        return call
            .tell(Severity::Error, "'set ssl cert' expects a filename and a certificate as a payload");
    };
    let store = store(call);
    let refuse = |call: &mut Call<'_, World>, why: String| {
        call.tell(Severity::Error, format!("{why}\nCan't update {path}!"))
    };
    if let Some(other) = store.pending().as_ref().map(|p| p.path.clone()).filter(|other| *other != path) {
        let why = format!("The ongoing transaction is about '{other}' but you are trying to set '{path}'");
        return refuse(call, why);
    }
    if !store.listed().iter().any(|(known, ..)| *known == path) {
        let why = "Can't replace a certificate which is not referenced by the configuration!".to_owned();
        return refuse(call, why);
    }
    match store.prepare(&path, payload) {
        Ok(pending) => {
            let before = store.pending().replace(pending);
            let what = if before.is_some() { "updated" } else { "created" };
            call.tell(Severity::Notice, format!("Transaction {what} for certificate {path}!"))
        }
        Err(fault) => refuse(call, format!("{fault}\nCan't load the payload")),
    }
}

fn commit(call: &mut Call<'_, World>) -> Outcome {
    let path = call.arg(0).into_owned();
    if path.is_empty() {
        return call.tell(Severity::Error, "'commit ssl cert expects a filename");
    }
    let store = store(call);
    let waiting = store.pending().clone();
    let pending = match waiting {
        None => {
            let said = format!("No ongoing transaction! !\nCan't commit {path}!");
            return call.tell(Severity::Error, &said);
        }
        Some(pending) if pending.path != path => {
            let said = format!(
                "The ongoing transaction is about '{}' but you are trying to set '{path}'\nCan't commit {path}!",
                pending.path
            );
            return call.tell(Severity::Error, &said);
        }
        Some(pending) => pending,
    };
    *store.pending() = None;
    let _ = write!(call.out, "Committing {path}");
    let pair = match pending.pair {
        Ok(pair) => pair,
        Err(why) => {
            let _ = writeln!(call.out, "\n{why}\nFailed!");
            return Outcome::Done;
        }
    };
    let snapshot = call.world.engine.snapshot();
    let mut places = 0;
    for (_, tls) in snapshot.proxies.iter().flat_map(|p| lines(&p.conf)) {
        places += tls.acceptor.as_ref().map_or(0, |acceptor| acceptor.replace(&pair));
    }
    store.settle(pair);
    call.out.extend(std::iter::repeat_n(b'.', places));
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
    match waiting {
        None => call.tell(Severity::Error, "No ongoing transaction!"),
        Some(other) if other != path => call.tell(
            Severity::Error,
            format!(
                "The ongoing transaction is about '{other}' but you are trying to abort a transaction for '{path}'"
            ),
        ),
        Some(_) => {
            *store.pending() = None;
            call.tell(Severity::Notice, format!("Transaction aborted for certificate '{path}'!"))
        }
    }
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
    let why = match store(call).remove(&path) {
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
        call.out.extend_from_slice(b"# filename\n");
        for (path, ..) in store.listed() {
            let _ = writeln!(call.out, "{path}");
        }
        return Outcome::Done;
    }
    if let Some(path) = wanted.strip_prefix('*') {
        let waiting = store.pending().clone().filter(|p| p.path == path);
        return match waiting {
            Some(Pending { chain, .. }) => {
                describe(call.out, &wanted, "Uncommitted", Some(path), chain.iter().map(AsRef::as_ref));
                Outcome::Done
            }
            None => call.tell(Severity::Error, NOT_FOUND),
        };
    }
    let found = store.listed().into_iter().find(|(path, ..)| *path == wanted);
    let Some((path, used, pair)) = found else { return call.tell(Severity::Error, NOT_FOUND) };
    let status = match (&pair, used) {
        (None, _) => "Empty",
        (Some(_), true) => "Used",
        (Some(_), false) => "Unused",
    };
    let chain = pair.iter().flat_map(|pair| pair.chain.iter().map(AsRef::as_ref));
    describe(call.out, &path, status, used.then_some(path.as_str()), chain);
    Outcome::Done
}

/// The words about one certificate; `path` is its file, where it came from one.
fn describe<'a>(
    out: &mut Vec<u8>,
    name: &str,
    status: &str,
    path: Option<&str>,
    mut chain: impl Iterator<Item = &'a [u8]>,
) {
    let mut say = |text: String| out.extend_from_slice(text.as_bytes());
    say(format!("Filename: {name}\n"));
    if let Some(path) = path {
        say(format!("Crt filename: {path}\nKey filename: {path}\n"));
        say(format!("OCSP filename: {path}.ocsp\nSCTL filename: {path}.sctl\n"));
    }
    say(format!("Option: ocsp-update off\nOption: jwt off\nStatus: {status}\n"));
    if let Some(certificate) = chain.next().and_then(Certificate::parse) {
        let time = |item| text::time_in_words(item).unwrap_or_default();
        let alternative: Vec<String> = certificate
            .alternative_names()
            .map(|name| match name.tag {
                weir_tls::certificate::DNS_NAME => format!("DNS:{}", String::from_utf8_lossy(name.content)),
                _ => String::new(),
            })
            .collect();
        say(format!("Serial: {}\n", hex(text::serial(certificate.serial))));
        say(format!(
            "notBefore: {}\nnotAfter: {}\n",
            time(certificate.not_before),
            time(certificate.not_after)
        ));
        say(format!("Subject Alternative Name: {}\n", alternative.join(", ")));
        say(format!("Algorithm: {}\n", text::key_in_words(&certificate)));
        say(format!("SHA1 FingerPrint: {}\n", hex(&names::sha1(certificate.der))));
        say(format!("Subject: {}\nIssuer: {}\n", line(certificate.subject), line(certificate.issuer)));
        for above in chain.filter_map(Certificate::parse) {
            say(format!("Chain Subject: {}\nChain Issuer: {}\n", line(above.subject), line(above.issuer)));
        }
    }
    say("OCSP Response Key: \n".to_owned());
}

fn show_names(call: &mut Call<'_, World>) -> Outcome {
    let only = (call.arg(0) == "-f").then(|| call.arg(1).into_owned());
    let snapshot = call.world.engine.snapshot();
    if let Some(name) = only.as_ref().filter(|name| snapshot.frontend(name).is_none()) {
        return call.tell(Severity::Error, format!("Couldn't find the specified frontend '{name}'!"));
    }
    call.out
        .extend_from_slice(b"# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n");
    for proxy in snapshot.proxies.iter().filter(|p| only.as_ref().is_none_or(|name| p.conf.name == *name)) {
        for (bind, tls) in lines(&proxy.conf) {
            let Some(acceptor) = &tls.acceptor else { continue };
            let mut rows: Vec<(u8, String, String)> = Vec::new();
            let defaults = acceptor.defaults();
            for (at, context) in acceptor.contexts().iter().enumerate() {
                let negative: String =
                    context.filters.iter().filter(|f| f.negative).map(|f| format!("!{} ", f.name)).collect();
                let negative = if negative.is_empty() { "-".to_owned() } else { negative };
                let mut names = context.names();
                names.retain(|name| name != "*");
                names.extend(defaults.contains(&at).then(|| "*".to_owned()));
                for name in names {
                    let rank = if name == "*" { 1 } else { 2 * u8::from(name.starts_with('*')) };
                    let row = format!("{name}\t{negative}\t{}", kind_and_times(&context.pair));
                    rows.push((rank, name, row));
                }
            }
            rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            for (.., row) in rows {
                let _ = writeln!(call.out, "{}/{bind}\t{row}", proxy.conf.name);
            }
        }
    }
    Outcome::Done
}

fn kind_and_times(pair: &Pair) -> String {
    let kind = match pair.kind() {
        Kind::Rsa => "rsa",
        Kind::Ecdsa => "ecdsa",
        Kind::Other => "dsa",
    };
    let times = pair.certificate().map(|c| {
        let time = |item| text::time_in_words(item).unwrap_or_default();
        (time(c.not_after), time(c.not_before))
    });
    let (after, before) = times.unwrap_or_default();
    format!("{kind}\t{}\t{after}\t{before}", pair.path)
}

/// The `bind` lines of a proxy, with their names; addresses of one line count once.
fn lines(conf: &Proxy) -> Vec<(String, &BindTls)> {
    let mut found = Vec::new();
    let mut last = None;
    for bind in &conf.binds {
        if last.replace(bind.at) != Some(bind.at) {
            let name = bind.name.clone().unwrap_or_else(|| bind.tls.place.clone());
            found.push((name, &bind.tls));
        }
    }
    found
}

fn line(name: &[u8]) -> String {
    let mut out = Vec::new();
    text::one_line(name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

const NOT_FOUND: &str = "Can't display the certificate: Not found or the certificate is a bundle!";
