//! Who gets which certificate (management manual, 9.3 "show ssl sni").

use std::io::Write as _;

use weir_config::values::{self, TimeFault, Unit};
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
    let wanted = match Wanted::read(call) {
        Ok(wanted) => wanted,
        Err(why) => return call.tell(Severity::Error, why),
    };
    let (only, expired) =
        (wanted.only, wanted.expired.then(|| super::seconds().saturating_add(wanted.offset)));
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

/// What is asked for.
#[derive(Default)]
struct Wanted {
    /// The names of this frontend.
    only: Option<String>,
    /// Only those that are of no use any more.
    expired: bool,
    /// Seconds from now on that they may still be.
    offset: i64,
}

impl Wanted {
    fn read(call: &Call<'_, World>) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut at = 0;
        let mut next = || {
            at += 1;
            call.arg(at - 1).into_owned()
        };
        loop {
            match next().as_str() {
                "" => return Ok(wanted),
                "-A" => wanted.expired = true,
                "-f" => {
                    let name = Some(next()).filter(|name| !name.is_empty());
                    wanted.only = Some(name.ok_or("'-f' requires a frontend name!")?);
                }
                "-t" => {
                    let text = Some(next()).filter(|text| !text.is_empty());
                    let text = text.ok_or("'-t' requires an offset argument!")?;
                    let time =
                        values::parse_time(text.as_bytes(), Unit::Seconds).map_err(|fault| match fault {
                            TimeFault::Unexpected(c) => format!("'-t {text}' : unexpected character '{c}'"),
                            TimeFault::Overflow => format!("'-t {text}' : timer overflow"),
                        })?;
                    wanted.offset = i64::try_from(time.duration.as_secs()).unwrap_or(i64::MAX);
                }
                _ => {
                    let known = "'show ssl sni' only supports '-f', '-A' or '-t' options!";
                    return Err(format!("Invalid parameters, {known}"));
                }
            }
        }
    }
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
