//! `show events`: what rings hold (management manual, 9.3).

use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::conf::CliLevel;

use crate::cli::{Call, CommandKeyword, Following, Outcome, World as _, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![command(
        "show events",
        "[<sink>] [-w] [-n] [-0]",
        CliLevel::Operator,
        "show event sink state",
        events,
    )]
}

fn events(call: &mut Call<'_, World>) -> Outcome {
    let sinks = &call.world.engine.runtime().process.log_destinations.sinks;
    let name = call.arg(0).into_owned();
    if name.is_empty() {
        call.out.extend_from_slice(HEAD);
        for sink in sinks.all() {
            let (dropped, description) = (sink.dropped.load(Relaxed), sink.description());
            let _ =
                writeln!(call.out, "    {:<10} : type=buffer, {dropped} dropped, {description}", sink.name);
        }
        return Outcome::Done;
    }
    if ["stdout", "stderr"].contains(&name.as_str()) {
        return call.fail("Nothing to report for this sink");
    }
    let sink = sinks.find(&name);
    if sink.is_none() {
        return call.fail("No such event sink");
    }
    let mut follows = Following { ring: name, next: 0, end: b'\n', sanitized: false };
    let (mut waits, mut new) = (false, false);
    for word in call.args.get(1..).unwrap_or_default() {
        match word.as_slice() {
            b"-w" => waits = true,
            b"-n" => new = true,
            b"-wn" | b"-nw" => (waits, new) = (true, true),
            b"-0" => follows.end = 0,
            b"-s" => follows.sanitized = true,
            _ => return call.fail("unknown option"),
        }
    }
    if let (Some(sink), true) = (sink, new) {
        follows.next = sink.next();
    }
    call.world.follow(&mut follows, call.out);
    if !waits {
        return Outcome::Done;
    }
    call.settings.follows = Some(follows);
    Outcome::Follow
}

const HEAD: &[u8] =
    b"Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new), -s(anitize). Any key to stop.
    stdout     : type=fd, 0 dropped, standard output (fd#1)
    stderr     : type=fd, 0 dropped, standard output (fd#2)
";
