//! Who gets which certificate (management manual, 9.3 "show ssl sni").

use std::io::Write as _;
use std::time::SystemTime;

use weir_engine::conf::CliLevel::User;
use weir_engine::conf::{BindTls, Proxy};
use weir_tls::pair::{Kind, Pair};
use weir_tls::text;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![command(
        "show ssl sni",
        "[-f <frontend>] [-A]",
        User,
        "display the list of SNI and their corresponding filename",
        show_names,
    )]
}

fn show_names(call: &mut Call<'_, World>) -> Outcome {
    let words: Vec<String> = (0..3).map(|at| call.arg(at).into_owned()).collect();
    let only = words.iter().position(|word| word == "-f").and_then(|at| words.get(at + 1)).cloned();
    // Only those that are of no use any more.
    let expired = words.iter().any(|word| word == "-A").then(now);
    let snapshot = call.world.engine.snapshot();
    if only.as_ref().is_some_and(|name| snapshot.frontend(name).is_none()) {
        return call.tell(Severity::Error, "Couldn't find the specified frontend!");
    }
    call.out
        .extend_from_slice(b"# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n");
    for proxy in snapshot.proxies.iter().filter(|p| only.as_ref().is_none_or(|name| p.conf.name == *name)) {
        for (bind, tls) in lines(&proxy.conf) {
            let Some(acceptor) = &tls.acceptor else { continue };
            let mut rows: Vec<(u8, String, String)> = Vec::new();
            let defaults = acceptor.defaults();
            for (at, context) in acceptor.contexts().iter().enumerate() {
                if expired.is_some_and(|now| !is_over(&context.pair, now)) {
                    continue;
                }
                let negative: String =
                    context.filters.iter().filter(|f| f.negative).map(|f| format!("!{} ", f.name)).collect();
                let negative = if negative.is_empty() { "-".to_owned() } else { negative };
                let mut names = context.names();
                names.retain(|name| name != "*");
                names.extend(defaults.contains(&at).then(|| "*".to_owned()));
                for name in names {
                    let negative = if name.starts_with('*') { negative.as_str() } else { "-" };
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

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}

fn is_over(pair: &Pair, now: i64) -> bool {
    let end = pair.certificate().and_then(|c| weir_tls::time::seconds(&c.not_after));
    end.is_some_and(|end| end < now)
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

/// The `bind` lines of a proxy, with their places; addresses of one line count once.
fn lines(conf: &Proxy) -> Vec<(String, &BindTls)> {
    let mut found = Vec::new();
    let mut last = None;
    for bind in &conf.binds {
        if last.replace(bind.at) != Some(bind.at) {
            let name = bind.tls.place.clone();
            found.push((name, &bind.tls));
        }
    }
    found
}
