//! Weir and the reference on the same work in one run, printed as ratios.
//!
//! For each scenario every contender is started on the same configuration and pinned to one core; load (`wrk`)
//! and origin run on another. Rounds are interleaved, so that what the machine does meanwhile hits all alike; what
//! is printed is the median over rounds, ratios taken within a round. Timings never decide a test.

mod certificates;
mod checks;
mod contender;
mod cpu;
mod idle;
mod load;
mod report;
mod rules;
mod scenario;
mod syscalls;

use crate::{Result, packages};
use contender::{Contender, Origin};
use report::{Figures, Report};
use scenario::{Kind, SCENARIOS, Scenario};

/// The options, for `cargo xtask help`.
pub(crate) const OPTIONS: &str = "[SCENARIO..] [--rounds N] [--seconds N] [--idle N] [--certificates N] [--nginx] [--build PROFILE] [--weir PATH] [--perf]";

/// What was asked for.
struct Plan {
    scenarios: Vec<&'static Scenario>,
    idle: Vec<&'static str>,
    checks: bool,
    rounds: usize,
    seconds: u64,
    idle_connections: usize,
    /// How many certificates lie in a folder, where that is asked for.
    certificates: Option<usize>,
    perf: bool,
    contenders: Vec<Contender>,
}

/// `cargo xtask bench`; see [`OPTIONS`]. Scenarios are those of the table, `idle`, `idle-tls`, `checks` and `certificates`.
pub(crate) fn run(options: &[String]) -> Result {
    packages::ensure(&["wrk", "taskset", "strace", "h2load"])?;
    let plan = Plan::read(options)?;
    let origin = Origin::start()?;
    let report = Report::new(&plan.contenders);
    for scenario in &plan.scenarios {
        report.scenario(scenario.name, scenario.about);
        measure(&plan, scenario, &origin, &report)?;
    }
    for (name, tls) in IDLE {
        if plan.idle.contains(&name) {
            report.scenario(name, "memory of an idle kept-alive connection");
            report.idle(&idle_rounds(&plan, &origin, tls)?, plan.idle_connections);
        }
    }
    if plan.checks {
        for (kind, about) in CHECKS {
            report.scenario(CHECKED, about);
            report.checks(&check_rounds(&plan, &origin, kind)?);
        }
    }
    match plan.certificates {
        Some(count) => certificates::run_all(&plan.contenders, count, plan.rounds),
        None => Ok(()),
    }
}

/// Measures idle connections on all contenders in turn, several rounds; nginx has no TLS here.
fn idle_rounds(plan: &Plan, origin: &Origin, tls: bool) -> Result<Vec<Vec<f64>>> {
    let kind = if tls { Kind::IdleTls } else { Kind::Idle };
    let round = |_| {
        let able = plan.contenders.iter().filter(|contender| contender.does(kind));
        able.map(|contender| idle::measure(contender, origin, plan.idle_connections, tls)).collect()
    };
    (0..plan.rounds).map(round).collect()
}

/// Lets all contenders but nginx check servers in turn, several rounds.
fn check_rounds(plan: &Plan, origin: &Origin, kind: Kind) -> Result<Vec<Vec<checks::Figures>>> {
    let round = |_| {
        let able = plan.contenders.iter().filter(|contender| contender.does(kind));
        able.map(|contender| checks::measure(contender, origin, kind, plan.seconds)).collect()
    };
    (0..plan.rounds).map(round).collect()
}

/// Runs one scenario on all contenders in turn, several rounds.
fn measure(plan: &Plan, scenario: &Scenario, origin: &Origin, report: &Report) -> Result {
    // nginx comes last, so that leaving it out moves nobody in the report.
    let able = plan.contenders.iter().filter(|contender| contender.does(scenario.kind));
    load::prepare(scenario)?;
    let started: Vec<_> =
        able.map(|contender| contender.start(scenario.kind, origin)).collect::<Result<_>>()?;
    for program in &started {
        load::run(scenario, program.address, 1)?;
    }
    let mut rounds: Vec<Vec<Figures>> = Vec::new();
    for _ in 0..plan.rounds {
        let mut round = Vec::new();
        for program in &started {
            let before = cpu::used(&program.pids())?;
            let load = load::run(scenario, program.address, plan.seconds)?;
            let spent = cpu::used(&program.pids())?.since(before);
            round.push(Figures::new(&load, spent));
        }
        rounds.push(round);
    }
    report.rounds(&rounds);
    for (contender, program) in plan.contenders.iter().zip(&started) {
        if scenario.count_syscalls {
            report.syscalls(contender, &syscalls::per_request(program, scenario)?);
        }
        if plan.perf {
            syscalls::profile(program, scenario, plan.seconds, contender.name)?;
        }
    }
    Ok(())
}

// === impl Plan ===

impl Plan {
    fn read(options: &[String]) -> Result<Plan> {
        let (mut rounds, mut seconds, mut idle_connections, mut certificates) = (5, 3, 5000, 20_000);
        let (mut nginx, mut perf, mut build, mut weir) = (false, false, "release".to_owned(), None);
        let mut names = Vec::new();
        let mut words = options.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().cloned().ok_or_else(|| format!("{word} wants a value"));
            let number = |text: String| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
            match word.as_str() {
                "--rounds" => rounds = number(value()?)?.max(1),
                "--seconds" => seconds = number(value()?)?.max(1) as u64,
                "--idle" => idle_connections = number(value()?)?.max(1),
                "--certificates" => certificates = number(value()?)?.clamp(1, 1_000_000),
                "--build" => build = value()?,
                "--weir" => weir = Some(value()?),
                "--nginx" => nginx = true,
                "--perf" => perf = true,
                name => names.push(name.to_owned()),
            }
        }
        let all = names.is_empty();
        let known = |name: &String| {
            [CHECKED, CERTIFICATES].contains(&name.as_str())
                || IDLE.iter().any(|(idle, _)| name == idle)
                || SCENARIOS.iter().any(|s| s.name == name.as_str())
        };
        if let Some(name) = names.iter().find(|name| !known(name)) {
            let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
            return Err(format!(
                "no scenario {name}; there are: {} idle idle-tls {CHECKED} {CERTIFICATES}",
                known.join(" ")
            ));
        }
        Ok(Plan {
            scenarios: SCENARIOS.iter().filter(|s| all || names.iter().any(|name| name == s.name)).collect(),
            idle: IDLE
                .iter()
                .map(|(name, _)| *name)
                .filter(|idle| all || names.iter().any(|n| n == idle))
                .collect(),
            checks: all || names.iter().any(|name| name == "checks"),
            rounds,
            seconds,
            idle_connections,
            certificates: (all || names.iter().any(|n| n == CERTIFICATES)).then_some(certificates),
            perf,
            contenders: contender::all(weir, &build, nginx)?,
        })
    }
}

/// The checks whose cost is measured.
const CHECKS: [(Kind, &str); 2] = [
    (Kind::TcpChecks, "10,000 servers whose TCP port is checked every 2 s"),
    (Kind::HttpChecks, "10,000 servers that are asked over HTTP every 2 s"),
];

/// The scenario of checks, and that of a start with many certificates.
const CHECKED: &str = "checks";
const CERTIFICATES: &str = "certificates";
/// Scenarios of memory, and if clients speak TLS in them.
const IDLE: [(&str, bool); 2] = [("idle", false), ("idle-tls", true)];
