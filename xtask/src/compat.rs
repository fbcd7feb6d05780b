//! Runs the compat tests on a fresh build of Weir.

use crate::Result;
use crate::oracle;
use crate::shell::{cargo, has_subcommand, run as run_command, target};
use std::process::Command;

/// `cargo xtask compat [--weir|--reference] [--threads N] [FILTER]`.
pub(crate) fn run(options: &[String]) -> Result {
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    let mut command = tests();
    let mut options = options.iter().map(String::as_str);
    while let Some(option) = options.next() {
        match option {
            "--weir" => command.env("WEIR_COMPAT", "weir"),
            "--reference" => command.env("WEIR_COMPAT", "reference"),
            "--threads" => command.env(THREADS, options.next().ok_or("--threads takes a number")?),
            filter => command.arg(filter),
        };
    }
    run_command(&mut command)
}

/// The command that runs Weir with two threads through the tests for which it matters who serves whom, and that
/// hold for several threads: what a test sees of the connection before it may still be there on another.
pub(crate) fn threaded() -> Option<Command> {
    if !has_subcommand("nextest") {
        return None;
    }
    let mut command = cargo(&["nextest", "run", "--package", "weir-compat"]);
    command.args(["--no-fail-fast", "--test-threads", "6", "--retries", "2"]);
    command.args(THREADED.iter().flat_map(|file| ["--test", file]));
    command.env("WEIR_COMPAT", "weir").env(THREADS, "2").env("RUST_BACKTRACE", "0");
    Some(command)
}

/// `cargo xtask expressions [--evaluations N] [--seed N]`.
pub(crate) fn expressions(options: &[String]) -> Result {
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    oracle::ensure()?;
    let test = ["test", "--package", "weir-compat", "--test", "random_expressions", "--", "--nocapture"];
    let mut command = cargo(&test);
    command.env("WEIR_EVALUATIONS", "100000");
    for pair in options.chunks(2) {
        match pair {
            [name, value] if name == "--evaluations" => command.env("WEIR_EVALUATIONS", value),
            [name, value] if name == "--seed" => command.env("WEIR_SEED", value),
            _ => return Err("expressions takes --evaluations N and --seed N".into()),
        };
    }
    run_command(&mut command)
}

/// `cargo xtask reloads [--reloads N]`.
pub(crate) fn reloads(options: &[String]) -> Result {
    // What is late is told of the program that users have.
    run_command(&mut cargo(&["build", "--quiet", "--release", "--package", "weir"]))?;
    let mut command = cargo(&["test", "--no-fail-fast", "--package", "weir-compat"]);
    let built = target().join("release/weir").canonicalize().map_err(|error| error.to_string())?;
    command.env("WEIR_BIN", built);
    command.args(["--test", "reloads", "--test", "kills", "--test", "admin_crowd", "--", "--nocapture"]);
    // One after the other: they measure memory and times, and load the machine.
    command.args(["--test-threads", "1"]).env("WEIR_RELOADS", "1000").env("WEIR_STRICT", "1");
    match options {
        [] => {}
        [name, count] if name == "--reloads" => drop(command.env("WEIR_RELOADS", count)),
        _ => return Err("reloads takes --reloads N".into()),
    }
    run_command(&mut command)
}

/// The command that runs all compat tests, the reference made ready before.
pub(crate) fn tests() -> Command {
    match oracle::ensure() {
        Ok(path) => println!("reference: {}", oracle::version(&path).unwrap_or_default()),
        Err(reason) => println!("no reference, so on Weir alone: {reason}"),
    }
    if has_subcommand("nextest") {
        // These tests wait more than they compute. One that a busy machine made too late gets two more chances.
        let arguments = ["--no-fail-fast", "--test-threads", "6", "--retries", "2"];
        let mut command = cargo(&["nextest", "run", "--package", "weir-compat"]);
        command.args(arguments);
        // Peers that a test has stopped die with a panic, whose traces would bury what counts.
        command.env("RUST_BACKTRACE", "0");
        command
    } else {
        cargo(&["test", "--package", "weir-compat", "--no-fail-fast"])
    }
}

/// Says with how many threads the programs run where a test does not choose them itself.
const THREADS: &str = "WEIR_COMPAT_THREADS";
/// The files of tests that run with two threads, too.
const THREADED: &[&str] = &["http_bodies", "failures", "queues", "servers", "tcp"];
