//! `cargo xtask test`: everything that CI runs, stage by stage, with one count at the end.
//!
//! A stage that has tests counts them; a stage that has none counts as one failed test when it fails, so that
//! the closing line never says that all is well when it is not.

use crate::shell::{cargo, has_subcommand, run as run_command, watch};
use crate::{Result, compat, corpus, dashboard, faults, fuzz, manual, packages, tidy};
use std::process::Command;
use std::time::Instant;

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
}

/// A stage: its name and what it does.
struct Stage {
    name: &'static str,
    run: fn() -> Result<Count>,
}

/// `cargo xtask test [STAGE..]`.
pub(crate) fn run(options: &[String]) -> Result {
    let unknown = options.iter().find(|name| !STAGES.iter().any(|stage| stage.name == name.as_str()));
    if let Some(name) = unknown {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(format!("no stage {name}; there are: {}", names.join(" ")));
    }
    let mut total = Count::default();
    let mut summary = Vec::new();
    for stage in STAGES.iter().filter(|s| options.is_empty() || options.iter().any(|name| name == s.name)) {
        println!("\n=== {}", stage.name);
        let start = Instant::now();
        let (count, reason) = match (stage.run)() {
            Ok(count) => (count, String::new()),
            Err(reason) => (Count { passed: 0, failed: 1 }, reason),
        };
        total.passed += count.passed;
        total.failed += count.failed;
        let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
        let seconds = start.elapsed().as_secs_f64();
        let line = format!("{:<10} {verdict:<6} {seconds:>6.1} s  {} {reason}", stage.name, count.text());
        println!("{line}");
        summary.push(line.trim_end().to_owned());
    }
    println!("\n=== summary\n{}\n\n{} passed, {} failed", summary.join("\n"), total.passed, total.failed);
    if total.failed == 0 { Ok(()) } else { Err(String::new()) }
}

const STAGES: &[Stage] = &[
    Stage { name: "tools", run: tools },
    Stage { name: "format", run: || plain(&mut cargo(&["fmt", "--all", "--check"])) },
    Stage { name: "clippy", run: clippy },
    Stage { name: "deny", run: deny },
    Stage { name: "tidy", run: || tidy::run(&[]).map(|()| Count::default()) },
    Stage { name: "manual", run: || manual::run(&["--check".to_owned()]).map(|()| Count::default()) },
    Stage { name: "dashboard", run: || dashboard::run(&["--check".to_owned()]).map(|()| Count::default()) },
    Stage { name: "unit", run: unit },
    Stage { name: "doc", run: doc },
    Stage { name: "compat", run: compat_tests },
    Stage { name: "threads", run: compat_threaded },
    Stage { name: "faults", run: faults_in_short },
    Stage { name: "corpus", run: corpus_verdicts },
    Stage { name: "fuzz", run: fuzz_targets },
];

fn tools() -> Result<Count> {
    packages::ensure(&[
        "cc", "make", "curl", "socat", "hatop", "strace", "wrk", "taskset", "nghttp", "h2load",
    ])
    .or_else(|missing| {
        // Without root the tests that need a tool say so themselves; only the compiler is needed by all.
        println!("{missing}");
        if missing.contains(" cc ") { Err(missing) } else { Ok(()) }
    })?;
    // Apart, so that one that cannot be had keeps none of those above away.
    for server in ["mariadbd", "initdb", "redis-server", "slapd"] {
        let _ = packages::ensure(&[server]).inspect_err(|missing| println!("{missing}"));
    }
    Ok(Count::default())
}

fn clippy() -> Result<Count> {
    plain(&mut cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Licences, sources and duplicates always; advisories where their database can be had.
fn deny() -> Result<Count> {
    if !has_subcommand("deny") {
        run_command(&mut cargo(&["install", "--quiet", "--locked", "--debug", "cargo-deny"]))?;
    }
    plain(&mut cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))?;
    let (good, text) = watch(&mut cargo(&["deny", "--log-level", "error", "check", "advisories"]))?;
    if !good && text.contains("failed to fetch advisory database") {
        println!("advisories were not checked: their database is out of reach here");
        return Ok(Count::default());
    }
    if good {
        return Ok(Count::default());
    }
    Err("cargo deny check advisories".to_owned())
}

fn unit() -> Result<Count> {
    let scope = ["--workspace", "--exclude", "weir-compat", "--exclude", "weir-fuzz"];
    let mut command = if has_subcommand("nextest") {
        cargo(&["nextest", "run", "--no-fail-fast", "--no-tests", "pass"])
    } else {
        cargo(&["test", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"])
    };
    counted(command.args(scope))
}

fn doc() -> Result<Count> {
    counted(&mut cargo(&["test", "--quiet", "--doc", "--workspace", "--no-fail-fast"]))
}

fn compat_tests() -> Result<Count> {
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    counted(&mut compat::tests())
}

/// After the stage before, which built all of it.
fn compat_threaded() -> Result<Count> {
    compat::threaded().map_or(Ok(Count::default()), |mut command| counted(&mut command))
}

fn faults_in_short() -> Result<Count> {
    let options = ["--seconds", "15"].map(str::to_owned);
    faults::run(&options).map(|()| Count { passed: 1, failed: 0 })
}

fn corpus_verdicts() -> Result<Count> {
    let passed = usize::from(corpus::folder(None).is_ok());
    corpus::run(&["--strict".to_owned()]).map(|()| Count { passed, failed: 0 })
}

fn fuzz_targets() -> Result<Count> {
    println!("{} targets, {FUZZ_SECONDS} s each", fuzz::count()?);
    counted(&mut fuzz::targets(FUZZ_SECONDS))
}

/// Runs a command that has no tests of its own.
fn plain(command: &mut Command) -> Result<Count> {
    run_command(command).map(|()| Count::default())
}

/// Runs a test runner and reads its counts.
fn counted(command: &mut Command) -> Result<Count> {
    let (good, text) = watch(command)?;
    let count = Count::read(&text);
    match (good, count.failed) {
        (false, 0) => Err("the runner failed before or after its tests".to_owned()),
        _ => Ok(count),
    }
}

// === impl Count ===

impl Count {
    /// Adds up what runners say: `5 passed; 1 failed` (libtest), `6 tests run: 5 passed, 1 failed` (nextest).
    /// What nextest shows of a test that failed holds libtest's line for it, which its own sum covers.
    fn read(text: &str) -> Count {
        let lines = || text.lines().map(str::trim);
        let begins = if lines().any(|line| line.starts_with(NEXTEST)) { NEXTEST } else { LIBTEST };
        let mut count = Count::default();
        for line in lines().filter(|line| line.starts_with(begins)) {
            count.passed += number_before(line, "passed");
            count.failed += number_before(line, "failed") + number_before(line, "timed out");
        }
        count
    }

    fn text(self) -> String {
        match self {
            Count { passed: 0, failed: 0 } => String::new(),
            Count { passed, failed } => format!("{passed} passed, {failed} failed"),
        }
    }
}

/// The number in front of a word, 0 where the word is not there.
fn number_before(line: &str, word: &str) -> usize {
    let before = line.split(word).next().filter(|before| before.len() < line.len());
    let number = before.and_then(|before| before.split_ascii_whitespace().next_back());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

const FUZZ_SECONDS: u64 = 15;
/// What the sum of a runner begins with.
const NEXTEST: &str = "Summary [";
const LIBTEST: &str = "test result:";

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_of_both_runners_are_read() {
        let cases = [
            ("test result: ok. 5 passed; 1 failed; 0 ignored; 0 measured", 5, 1),
            ("     Summary [   0.010s] 9 tests run: 7 passed (1 slow), 2 failed, 3 skipped", 7, 2),
            ("     Summary [   0.010s] 3 tests run: 2 passed, 1 timed out, 0 skipped", 2, 1),
            (
                "test result: FAILED. 0 passed; 1 failed\n Summary [ 1 s] 2 tests run: 2 passed (1 flaky)",
                2,
                0,
            ),
            ("7 passed, by somebody else", 0, 0),
        ];
        for (text, passed, failed) in cases {
            assert_eq!(Count::read(text), Count { passed, failed }, "{text}");
        }
    }
}
