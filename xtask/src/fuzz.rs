//! Fuzz targets: the tests of the package `weir-fuzz`, each given a time to run.

use crate::Result;
use crate::shell::{cargo, output, run as run_command};
use std::process::Command;

/// `cargo xtask fuzz [--seconds N] [TARGET]`.
pub(crate) fn run(options: &[String]) -> Result {
    let mut seconds = 600;
    let mut filter = Vec::new();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                seconds = words.next().and_then(|n| n.parse().ok()).ok_or("--seconds wants a number")?
            }
            target => filter.push(target.to_owned()),
        }
    }
    let mut command = targets(seconds);
    run_command(command.args(filter))
}

/// The command that runs every target for so many seconds.
pub(crate) fn targets(seconds: u64) -> Command {
    let mut command = package("test");
    command.env("BOLERO_RANDOM_TEST_TIME_MS", (seconds * 1000).to_string());
    command.arg("--");
    command
}

/// How many targets there are.
///
/// # Errors
/// Where they do not build.
pub(crate) fn count() -> Result<usize> {
    let text = output(package("test").args(["--", "--list"]))?;
    Ok(text.lines().filter(|line| line.ends_with(": test")).count())
}

fn package(verb: &str) -> Command {
    cargo(&[verb, "--quiet", "--package", "weir-fuzz", "--profile", "fuzz"])
}
