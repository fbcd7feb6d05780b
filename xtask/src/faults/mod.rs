//! Servers that die, freeze, crawl and come back at random under load, behind Weir and the reference at the same time.
//!
//! Twenty servers in processes of their own stand behind both programs, which run on one configuration with health
//! checks, retries and redispatch. Clients keep asking through both. In the end no more errors may have reached the
//! clients of Weir than those of the reference, which met the same faults at the same moments. A seed, which is
//! printed, decides what happens when.
//!
//! There are so many retries that nobody's request fails by chance, at every attempt on a server that is ill and not
//! yet known to be: with three of them that is one in some ten thousand, in either program.

mod clients;
mod farm;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use weir_testkit::{Program, Running};

use crate::shell::{cargo, run as run_command, target};
use crate::{Result, oracle};
use clients::{Clients, Tally};
use farm::Farm;

/// The options, for `cargo xtask help`.
pub(crate) const OPTIONS: &str = "[--seconds N] [--seed N] [--build PROFILE] [--weir PATH]";

struct Plan {
    seconds: u64,
    seed: u64,
    build: String,
    weir: Option<String>,
}

/// A program under test, and its clients.
struct Side {
    name: &'static str,
    _running: Running,
    clients: Clients,
}

/// `cargo xtask faults`; see [`OPTIONS`].
pub(crate) fn run(options: &[String]) -> Result {
    let plan = Plan::read(options)?;
    let programs = programs(&plan)?;
    println!("{SERVERS} servers, {} s, seed {}", plan.seconds, plan.seed);
    let mut farm = Farm::start(SERVERS, plan.seed)?;
    let sides: Vec<Side> =
        programs.iter().map(|program| Side::start(program, &farm)).collect::<Result<_>>()?;
    let end = Instant::now() + Duration::from_secs(plan.seconds);
    while Instant::now() < end {
        farm.tick();
        std::thread::sleep(TICK);
    }
    let history = farm.history();
    farm.heal();
    let tallies: Vec<(&str, Tally)> =
        sides.into_iter().map(|side| (side.name, side.clients.finish())).collect();
    println!("{history}");
    tallies.iter().for_each(|(name, tally)| println!("{name:<8} {tally}"));
    verdict(&tallies)
}

/// No more errors than the reference let through; where there is no reference, none at all.
fn verdict(tallies: &[(&str, Tally)]) -> Result {
    let of = |wanted: &str| tallies.iter().find(|(name, _)| *name == wanted).map(|(_, tally)| tally);
    let weir = of("weir").ok_or("Weir did not run")?;
    let allowed = of("haproxy").map_or(0, Tally::errors);
    if weir.answered == 0 {
        return Err("no request was answered".into());
    }
    match weir.errors() {
        errors if errors <= allowed => Ok(()),
        errors => Err(format!("{errors} errors reached clients of Weir, {allowed} those of the reference")),
    }
}

fn programs(plan: &Plan) -> Result<Vec<Program>> {
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir-testkit", "--bin", "bench-origin"]))?;
    let weir = match &plan.weir {
        Some(path) => path.into(),
        None => {
            run_command(&mut cargo(&["build", "--quiet", "--package", "weir", "--profile", &plan.build]))?;
            target().join(if plan.build == "dev" { "debug" } else { &plan.build }).join("weir")
        }
    };
    let mut programs = vec![Program::at("weir", weir)];
    match oracle::ensure() {
        Ok(path) => programs.push(Program::at("haproxy", path)),
        Err(reason) => println!("no reference, so on Weir alone: {reason}"),
    }
    Ok(programs)
}

// === impl Plan ===

impl Plan {
    fn read(options: &[String]) -> Result<Plan> {
        let mut plan = Plan { seconds: 120, seed: 1, build: "dev".to_owned(), weir: None };
        for pair in options.chunks(2) {
            let [name, value] = pair else { return Err(format!("faults takes {OPTIONS}")) };
            let number = || value.parse::<u64>().map_err(|error| format!("{value}: {error}"));
            match name.as_str() {
                "--seconds" => plan.seconds = number()?,
                "--seed" => plan.seed = number()?,
                "--build" => plan.build.clone_from(value),
                "--weir" => plan.weir = Some(value.clone()),
                _ => return Err(format!("faults takes {OPTIONS}")),
            }
        }
        Ok(plan)
    }
}

// === impl Side ===

impl Side {
    fn start(program: &Program, farm: &Farm) -> Result<Side> {
        let mut launch = program.launch();
        let address: SocketAddr = launch.address("fe");
        let running = launch
            .try_start(&config(farm))
            .map_err(|o| format!("{} did not start: {o:?}", program.name()))?;
        Ok(Side { name: program.name(), _running: running, clients: Clients::start(address, CLIENTS) })
    }
}

fn config(farm: &Farm) -> String {
    let server = |(number, address): (usize, SocketAddr)| format!("    server s{number} {address} check\n");
    let servers: String = farm.addresses().enumerate().map(server).collect();
    format!(
        "global
    nbthread 1
    maxconn 4000

defaults
    mode http
    timeout connect 300ms
    timeout client 10s
    timeout server 1s
    timeout check 300ms
    retries 10
    option redispatch 1
    retry-on all-retryable-errors
    option httpchk
    default-server inter 300ms fall 2 rise 1

frontend fe
    bind {{fe}}
    default_backend be

backend be
    balance roundrobin
{servers}"
    )
}

const SERVERS: usize = 20;
const CLIENTS: usize = 16;
/// How often something may happen, and how long a server that crawls runs and rests.
const TICK: Duration = Duration::from_millis(25);
