//! `show sess` and `shutdown session`: what runs now (management manual, 9.3).
//!
//! Both forms are the reference's line by line. What stands in them of its insides (flags, buffers, addresses in
//! memory) is shown as it is for a session at rest: tools find every field where they look for it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use weir_config::values::{Unit, parse_time};
use weir_engine::Running;
use weir_engine::conf::{CliLevel, Endpoint, Mode};
use weir_engine::snapshot::Proxy;

use super::anonymous::masked;
use super::local_time;
use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command(
            "show sess",
            "[help|<id>|all] [opts...]",
            CliLevel::Operator,
            "report the list of current streams or dump this exact stream",
            show,
        ),
        command("shutdown session", "[id]", CliLevel::Admin, "kill a specific session", shutdown),
    ]
}

/// What is wanted, and how much of it.
#[derive(Default)]
struct Selection {
    large: bool,
    suspicious: bool,
    older: Option<Duration>,
    of: Option<Of>,
}

enum Of {
    Frontend(u32),
    Backend(u32),
    Server(u32, u32),
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let words: Vec<String> = (0..call.args.len()).map(|at| call.arg(at).into_owned()).collect();
    let mut selection = Selection::default();
    let mut rest = words.as_slice();
    if let Some((first, others)) = words.split_first() {
        match first.as_str() {
            "help" => return call.usage(false, USAGE),
            "all" => selection.large = true,
            "susp" => (selection.large, selection.suspicious) = (true, true),
            "older" => {
                let Some(text) = others.first() else {
                    return call.fail("Expects a minimum age (in seconds by default).");
                };
                let Ok(time) = parse_time(text.as_bytes(), Unit::Seconds) else {
                    return call.fail("Invalid age.");
                };
                (selection.large, selection.older) = (true, Some(time.duration));
                rest = others.get(1..).unwrap_or_default();
            }
            id if id.starts_with(|c: char| c.is_ascii_digit()) => {
                return match options(call.world, others, &mut selection) {
                    Ok(()) => one(call, id),
                    Err(message) => call.fail(message),
                };
            }
            _ => {}
        }
        if (selection.large || selection.suspicious) && selection.older.is_none() {
            rest = others;
        }
    }
    if let Err(message) = options(call.world, rest, &mut selection) {
        return call.fail(message);
    }
    let sessions = call.world.engine.sessions();
    for session in sessions.iter().filter(|session| selection.takes(session)) {
        if selection.large { large(call, session) } else { short(call, session) }
    }
    if selection.of.is_none() && !selection.suspicious && selection.older.is_none_or(|age| age.is_zero()) {
        own(call, selection.large);
    }
    Outcome::Done
}

fn one(call: &mut Call<'_, World>, id: &str) -> Outcome {
    let id = number(id);
    let sessions = call.world.engine.sessions();
    match sessions.iter().find(|session| Some(session.id) == id) {
        Some(session) => {
            large(call, session);
            Outcome::Done
        }
        None => call.say("Session not found."),
    }
}

fn options(world: &World, words: &[String], selection: &mut Selection) -> Result<(), String> {
    let mut words = words.iter();
    let snapshot = world.engine.snapshot();
    while let Some(word) = words.next() {
        if word == "show-uri" {
            continue;
        }
        let kind = word.as_str();
        if !["frontend", "backend", "server"].contains(&kind) {
            return Err(format!("Unsupported option '{word}', try 'help' for more info."));
        }
        let Some(name) = words.next() else {
            let what =
                if kind == "server" { "server name (<backend>/<server>)" } else { &format!("{kind} name") };
            return Err(format!("Missing {what}."));
        };
        if selection.of.is_some() {
            return Err("Only one of backend, frontend or server may be set.".into());
        }
        selection.of = Some(match kind {
            "frontend" => Of::Frontend(snapshot.frontend(name).ok_or("No such frontend.")?.conf.id),
            "backend" => Of::Backend(snapshot.backend(name).ok_or("No such backend.")?.conf.id),
            _ => {
                let (backend, server) = name.split_once('/').ok_or("Require 'backend/server'.")?;
                let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
                Of::Server(proxy.conf.id, proxy.server_named(server).ok_or("No such server.")?.conf.id)
            }
        });
    }
    Ok(())
}

fn shutdown(call: &mut Call<'_, World>) -> Outcome {
    let word = call.arg(0).into_owned();
    let Some(id) = number(&word).filter(|id| *id != 0) else {
        return call.fail("Session pointer expected (use 'show sess').");
    };
    match call.world.engine.end_session(id) {
        true => Outcome::Done,
        false => call.fail("No such session (use 'show sess')."),
    }
}

// === impl Selection ===

impl Selection {
    fn takes(&self, session: &Running) -> bool {
        let backend = session.backend.as_ref().map(|p| p.conf.id);
        let server = session.server.as_ref().map(|s| s.conf.id);
        let mine = match self.of {
            None => true,
            Some(Of::Frontend(id)) => session.frontend.conf.id == id,
            Some(Of::Backend(id)) => backend == Some(id),
            Some(Of::Server(proxy, id)) => (backend, server) == (Some(proxy), Some(id)),
        };
        mine && !self.suspicious && self.older.is_none_or(|age| session.age >= age)
    }
}

fn short(call: &mut Call<'_, World>, session: &Running) {
    let key = call.settings.anonymous;
    let name = |proxy: Option<&Arc<Proxy>>| proxy.map_or("<NONE>".into(), |p| masked(key, &p.conf.name));
    let server = session.server.as_ref().map_or("<none>".into(), |s| masked(key, &s.conf.name));
    let (protocol, source) = ends(session, key);
    let _ = writeln!(
        call.out,
        "{:#x}: proto={protocol} src={source} fe={} be={} srv={server} ts=00 epoch=0 age={} calls=1 rate=0 cpu=0 lat=0 \
         rq[f=808000h,i=0,an=00h,ax=] rp[f=80008000h,i=0,an=00h,ax=] scf=[8,0h,fd={},rex=,wex=] scb=[8,1h,fd=-1,rex=,wex=] \
         exp= rc=0 c_exp=",
        session.id,
        masked(key, &session.frontend.conf.name),
        name(session.backend.as_ref()),
        human(session.age),
        session.descriptor,
    );
}

fn large(call: &mut Call<'_, World>, session: &Running) {
    let key = call.settings.anonymous;
    let (protocol, source) = ends(session, key);
    let front = &session.frontend.conf;
    let out = &mut *call.out;
    let _ = writeln!(
        out,
        "{:#x}: [{}] id={} proto={protocol} source={source}",
        session.id,
        local_time(session.began, 6),
        session.number
    );
    let _ = writeln!(
        out,
        "  flags=0x4a, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0"
    );
    let _ = writeln!(out, "  p_con=2 p_stc=2 p_req=3 p_res=3 p_prp=3");
    let bind = front.binds.first();
    let address = bind.map_or("?".to_owned(), |bind| match &bind.endpoint {
        Endpoint::Inet(address) => address.to_string(),
        Endpoint::Unix(_) | Endpoint::Abstract { .. } => "unix:1".to_owned(),
        _ => "?".to_owned(),
    });
    let listener = bind.and_then(|bind| bind.name.clone()).unwrap_or_else(|| "?".into());
    let _ = writeln!(
        out,
        "  frontend={} (id={} mode={}), listener={listener} (id=1) addr={address}",
        masked(key, &front.name),
        front.id,
        front.mode.word(),
    );
    let _ = match &session.backend {
        Some(back) => {
            let conf = &back.conf;
            writeln!(out, "  backend={} (id={} mode={})", masked(key, &conf.name), conf.id, conf.mode.word())
        }
        None => writeln!(out, "  backend=<NONE> (id=-1 mode=-)"),
    };
    let _ = match &session.server {
        Some(server) => {
            let place = match &server.conf.endpoint {
                Some(Endpoint::Inet(address)) => format!(" addr={address}"),
                _ => String::new(),
            };
            writeln!(out, "  server={} (id={}){place}", masked(key, &server.conf.name), server.conf.id)
        }
        None => writeln!(out, "  server=<NONE> (id=-1)"),
    };
    task(out, session.id, session.worker, session.age, 0);
    insides(out, session, protocol);
}

fn task(out: &mut Vec<u8>, id: u64, worker: usize, age: Duration, nice: i32) {
    let age = human(age);
    let _ = writeln!(
        out,
        "  task={id:#x} (state=0x00 nice={nice} calls=1 rate=0 exp=<NEVER> tid={worker}(1/{worker}) age={age})"
    );
}

/// Both sides of a session and its buffers, in the reference's fields.
fn insides(out: &mut Vec<u8>, session: &Running, protocol: &str) {
    let (id, front) = (session.id, &session.frontend.conf);
    let is_http = front.mode == Mode::Http;
    let mux = if is_http { "H1" } else { "PASS" };
    if is_http {
        let _ = writeln!(
            out,
            "  txn={id:#x} flags=0x3000 meth=0 status=-1 req.st=MSG_DONE rsp.st=MSG_RPBEFORE req.f=0x4c rsp.f=0x00"
        );
    }
    let wait = |time: Option<Duration>| time.map_or("<NEVER>".into(), human);
    let client = wait(front.timeouts.client);
    side(out, ("scf", id, 0), &client, "EST");
    let _ = writeln!(
        out,
        "      co0={id:#x} ctrl={protocol} xprt=RAW mux={mux} target=LISTENER:{id:#x}\n      flags=0x00000300 fd={} \
         fd.state=121 updt=0 fd.tmask={:#x}",
        session.descriptor,
        1_u64 << session.worker.min(63)
    );
    let server = session.backend.as_ref().and_then(|b| b.conf.timeouts.server);
    side(out, ("scb", id, 1), &wait(server), if session.server.is_some() { "EST" } else { "INI" });
    if let Some(server) = &session.server {
        let number = server.conf.id;
        let _ = writeln!(
            out,
            "      co1={id:#x} ctrl=tcpv4 xprt=RAW mux={mux} target=SERVER:{number:#x}\n      flags=0x00000300 fd=-1 \
             fd.state=0 updt=0 fd.tmask=0x0"
        );
    }
    for (name, flags) in [("req", "0x848000"), ("res", "0x80000000")] {
        let forward = if is_http { 0 } else { -1 };
        let _ = writeln!(
            out,
            "  {name}={id:#x} (f={flags} an=0x0 tofwd={forward})\n      an_exp=<NEVER> buf={id:#x} data=(nil) o=0 p=0 i=0 \
             size=0"
        );
        if is_http {
            let _ = writeln!(out, "      htx={id:#x} flags=0x0 size=0 data=0 used=0 wrap=NO");
        }
    }
}

fn side(out: &mut Vec<u8>, (name, id, flags): (&str, u64, u32), wait: &str, state: &str) {
    let _ = writeln!(
        out,
        "  {name}={id:#x} flags={flags:#010x} ioto={wait} state={state} endp=CONN,{id:#x},0x50400041 sub=1 in=0 out=0 \
         rex=<NEVER> wex=<NEVER> rto={wait} wto=<NEVER>\n    iobuf.flags=0x00000000 .pipe=0 .buf=0@(nil)+0/0"
    );
}

/// The session in which it is asked for: a session as others are.
fn own(call: &mut Call<'_, World>, large: bool) {
    let key = call.settings.anonymous;
    let front = masked(key, "GLOBAL");
    if large {
        let _ = writeln!(
            call.out,
            "0x1: [{}] id=0 proto=unix_stream source=unix:1\n  flags=0x8, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 \
             srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0\n  p_con=1 p_stc=2 p_req=2 p_res=2 p_prp=2\n  \
             frontend={front} (id=0 mode=tcp), listener=? (id=1) addr=unix:1\n  backend=<NONE> (id=-1 mode=-)\n  \
             server=<NONE> (id=-1)",
            local_time(weir_engine::clock::wall(), 6)
        );
        task(call.out, 1, 0, Duration::ZERO, -64);
        side(call.out, ("scf", 1, 0), &human(call.settings.timeout), "EST");
        side(call.out, ("scb", 1, 1), "0s", "EST");
    } else {
        let _ = writeln!(
            call.out,
            "0x1: proto=unix_stream src=unix:1 fe={front} be=<NONE> srv=<none> ts=00 epoch=0 age=0s calls=1 rate=0 cpu=0 \
             lat=0 rq[f=10848101h,i=0,an=00h,ax=] rp[f=80008000h,i=0,an=00h,ax=] scf=[8,40002h,fd=-1,rex=,wex=] \
             scb=[8,8001h,fd=-1,rex=,wex=] exp=10s rc=0 c_exp= run(nice=-64)"
        );
    }
}

/// The protocol of the client's side, and its address.
fn ends(session: &Running, key: u32) -> (&'static str, String) {
    match session.source {
        Some(source) if key != 0 => {
            let protocol = if source.is_ipv4() { "tcpv4" } else { "tcpv6" };
            (protocol, format!("{}:{}", masked(key, &source.ip().to_string()), source.port()))
        }
        Some(source) if source.is_ipv4() => ("tcpv4", source.to_string()),
        Some(source) => ("tcpv6", format!("{}:{}", source.ip(), source.port())),
        None => ("unix_stream", "unix:1".to_owned()),
    }
}

/// `0x7f...`, or digits.
fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// The two largest units of a time: `6s`, `1m5s`, `2h3m`, `1d4h`.
fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes}m"),
        (days, hours, _) => format!("{days}d{hours}h"),
    }
}

const USAGE: &[u8] = b"Usage: show sess [<id> | all | help] [<options>*]
Dumps active streams (formerly called 'sessions'). Available selectors:
   <id>         dump only this stream identifier (0x...)
   all          dump all matching streams in large format
   help         show this message
   susp         report streams considered suspicious
Available options: 
   show-uri     also display the transaction URI, if available
   older <age>  only display streams older than <age> seconds
   server <b/s> only show streams attached to this backend+server
   backend <b>  only show streams attached to this backend
   frontend <f> only show streams attached to this frontend
Without any argument, all streams are dumped in a shorter format.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_show_their_two_largest_units() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (65, "1m5s"), (7380, "2h3m"), (100_800, "1d4h")] {
            assert_eq!(human(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn sessions_are_named_in_hexadecimal_or_decimal() {
        for (word, wanted) in [("0x1f", Some(31)), ("12", Some(12)), ("0x", None), ("x", None)] {
            assert_eq!(number(word), wanted, "{word}");
        }
    }
}
