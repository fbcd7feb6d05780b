//! `show errors`: the last messages that broke the protocol (management manual, 9.3).

use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use weir_config::values::leading_integer;
use weir_engine::clock;
use weir_engine::conf::CliLevel;
use weir_engine::runtime::{BadMessage, Part};
use weir_engine::snapshot::Proxy;

use super::local_time;
use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![command(
        "show errors",
        "[<px>] [request|response]",
        CliLevel::Operator,
        "report last request and/or response errors for each proxy",
        show,
    )]
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    let name = call.arg(0).into_owned();
    let snapshot = call.world.engine.snapshot();
    let is_meant = |p: &Proxy| p.conf.name == name || p.conf.id.to_string() == name;
    let number = leading_integer(name.as_bytes());
    let all = !call.has(0) || number < 0;
    // A number need not be that of a proxy: there is nothing to show then.
    if !all && number == 0 && !snapshot.proxies.iter().any(|p| is_meant(p)) {
        return call.fail("No such proxy.");
    }
    let is_about = |p: &Proxy, message: &BadMessage| {
        let other = message.other.as_ref();
        all || is_meant(p) || other.is_some_and(|(other, id)| *other == name || id.to_string() == name)
    };
    let kind = call.arg(1).into_owned();
    let process = &call.world.engine.runtime().process;
    let count = process.bad_messages.load(Relaxed);
    call.say(format!("Total events captured on [{}] : {count}", local_time(clock::wall(), 3)));
    for proxy in snapshot.proxies.iter() {
        let errors = &proxy.runtime.errors;
        if kind != "response"
            && let Some(message) = errors.request.lock().clone().filter(|message| is_about(proxy, message))
        {
            head(call.out, proxy, &message, true);
            body(call.out, &message);
        }
        if kind != "request"
            && let Some(message) = errors.response.lock().clone().filter(|message| is_about(proxy, message))
        {
            head(call.out, proxy, &message, false);
            body(call.out, &message);
        }
    }
    Outcome::Done
}

fn head(out: &mut Vec<u8>, proxy: &Proxy, message: &BadMessage, is_request: bool) {
    let named = |of: &Option<(String, u32)>| match of {
        Some((name, id)) => format!("{name} (#{id})"),
        None => "<NONE> (#-1)".to_owned(),
    };
    let (side, kind, other) =
        if is_request { ("frontend", "request", "backend") } else { ("backend", "response", "frontend") };
    let source = message.source.map_or("unix:1".to_owned(), |s| format!("{}:{}", s.ip(), s.port()));
    let length = message.bytes.len();
    let (state, flags) = state(message.part, is_request);
    let stream = if is_request { 0x810 } else { 0x1_4810 };
    let connection = if is_request { 0_u32 } else { 0x8000_0000 };
    let conf = &proxy.conf;
    let _ = write!(
        out,
        " \n[{}] {side} {} (#{}): invalid {kind}\n  {other} {}, server {}, event #{}, src {source}\n  \
         buffer starts at 0 (including 0 out), {} free,\n  len {length}, wraps at {}, error at position {}\n  \
         H1 connection flags {connection:#010x}, H1 stream flags {stream:#010x}\n  \
         H1 msg state {state}, H1 msg flags {flags:#010x}\n  H1 chunk len {} bytes, H1 body len {} bytes :\n  \n",
        local_time(message.at, 3),
        conf.name,
        conf.id,
        named(&message.other),
        named(&message.server),
        message.event,
        (message.room + TAKEN).saturating_sub(length),
        message.room,
        message.position,
        message.body,
        message.body,
    );
}

/// The reference's name of what was being read, and the flags that it shows then.
fn state(part: Part, is_request: bool) -> (&'static str, u32) {
    let response = if is_request { 0 } else { 5 };
    match part {
        Part::Method => ("MSG_RQMETH(2)", 0x1400),
        Part::Target => ("MSG_RQURI(4)", 0x1400),
        Part::Start if is_request => ("MSG_DATA(27)", 0x1410),
        Part::Start => ("MSG_RPVER(11)", 0x1401),
        Part::Name => ("MSG_HDR_NAME(17)", 0x1410 | response),
        Part::Value => ("MSG_HDR_VAL(22)", 0x1410 | response),
        Part::Meaning => ("MSG_HDR_L2_LWS(24)", 0x1410 | response),
        Part::ChunkSize => ("MSG_CHUNK_SIZE(26)", 0x1_1712),
    }
}

/// What was received: a line for each of the message, longer ones in pieces.
fn body(out: &mut Vec<u8>, message: &BadMessage) {
    let mut start = 0;
    let mut line = Vec::new();
    let mut goes_on = false;
    for (at, byte) in message.bytes.iter().enumerate() {
        let piece = shown(*byte);
        line.extend_from_slice(piece.as_bytes());
        let (ends, full) = (*byte == b'\n', line.len() >= WIDTH);
        if ends || full {
            let mark = if goes_on { '+' } else { ' ' };
            let _ = write!(out, "  {start:05}{mark} ");
            out.append(&mut line);
            out.push(b'\n');
            (start, goes_on) = (at + 1, !ends);
        }
    }
    if !line.is_empty() {
        let mark = if goes_on { '+' } else { ' ' };
        let _ = write!(out, "  {start:05}{mark} ");
        out.append(&mut line);
        out.push(b'\n');
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\r' => "\\r".into(),
        b'\n' => "\\n".into(),
        b'\t' => "\\t".into(),
        0x1b => "\\e".into(),
        b'\\' => "\\\\".into(),
        b' '..0x7f => char::from(byte).to_string(),
        other => format!("\\x{other:02X}"),
    }
}

/// What a line shows at most.
const WIDTH: usize = 70;
/// What the reference keeps of a buffer for itself.
const TAKEN: usize = 40;
