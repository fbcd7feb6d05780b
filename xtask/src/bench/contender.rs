//! The programs that are measured, and the origin behind them.

use super::rules;
use super::scenario::{Kind, NGINX};
use crate::Result;
use crate::oracle;
use crate::shell::{cargo, output, run, target, which};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use weir_testkit::{Program, Running};

/// A program to measure.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(super) program: Program,
    is_nginx: bool,
}

/// A contender that serves.
pub(crate) struct Started {
    running: Running,
    pub(crate) address: SocketAddr,
}

/// The origin server, in a process of its own on the load's core.
pub(crate) struct Origin {
    child: Child,
    address: String,
    log: String,
}

/// Builds or finds the contenders: Weir, the reference, and nginx where asked.
pub(crate) fn all(weir: Option<String>, build: &str, nginx: bool) -> Result<Vec<Contender>> {
    let weir = match weir {
        Some(path) => path,
        None => {
            run(&mut cargo(&["build", "--quiet", "--package", "weir", "--profile", build]))?;
            let folder = if build == "dev" { "debug" } else { build };
            target().join(folder).join("weir").display().to_string()
        }
    };
    let mut contenders = vec![
        Contender { name: "weir", program: Program::at("weir", weir), is_nginx: false },
        Contender { name: "haproxy", program: Program::at("haproxy", oracle::ensure()?), is_nginx: false },
    ];
    if nginx {
        let path = which("nginx").ok_or("nginx is not installed")?;
        contenders.push(Contender { name: "nginx", program: Program::at("nginx", path), is_nginx: true });
    }
    Ok(contenders)
}

// === impl Contender ===

impl Contender {
    /// True where it can do this kind of work.
    pub(crate) fn does(&self, kind: Kind) -> bool {
        !self.is_nginx
            || !(matches!(kind, Kind::Tcp | Kind::Rules | Kind::Farm | Kind::TcpChecks | Kind::HttpChecks)
                || kind.is_tls())
    }

    /// Starts it on the configuration of a kind of scenario and pins it to its core.
    pub(crate) fn start(&self, kind: Kind, origin: &Origin) -> Result<Started> {
        let mut launch = self.program.launch();
        launch.set("origin", &origin.address).set("log", &origin.log);
        let address = launch.address("fe");
        if kind == Kind::Rules {
            for (name, text) in [("nets", rules::networks()), ("tenants", rules::tenants())] {
                let path = launch.file(name, text);
                launch.set(name, path.display().to_string());
            }
        }
        if kind.is_tls() {
            let path = launch.file("certificate", CERTIFICATE);
            launch.set("certificate", path.display().to_string());
        }
        let config = if self.is_nginx {
            launch.command_line(&["-c", "{dir}/test.cfg", "-g", "daemon off;"]);
            NGINX.to_owned()
        } else {
            kind.haproxy()
        };
        let running = launch.try_start(&config).map_err(|o| format!("{} did not start: {o:?}", self.name))?;
        let started = Started { running, address };
        for pid in started.pids() {
            pin(pid, PROGRAM_CORE)?;
        }
        Ok(started)
    }
}

// === impl Started ===

impl Started {
    /// Its process and all that it has started.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.running.pids()
    }
}

// === impl Origin ===

impl Origin {
    /// Builds and starts it on the load's core.
    pub(crate) fn start() -> Result<Origin> {
        let build =
            ["build", "--quiet", "--package", "weir-testkit", "--bin", "bench-origin", "--profile", "quick"];
        run(&mut cargo(&build))?;
        let mut command = Command::new(target().join("quick/bench-origin"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("bench-origin: {error}"))?;
        pin(child.id(), LOAD_CORE)?;
        let mut line = String::new();
        let pipe = child.stdout.take().ok_or("bench-origin has no output")?;
        BufReader::new(pipe).read_line(&mut line).map_err(|error| error.to_string())?;
        let (address, log) = line.trim().split_once(' ').ok_or("bench-origin said nothing")?;
        Ok(Origin { child, address: address.to_owned(), log: log.to_owned() })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pins all threads of a process to one core.
fn pin(pid: u32, core: &str) -> Result {
    output(Command::new("taskset").args(["-a", "-c", "-p", core, &pid.to_string()])).map(|_| ())
}

/// A certificate of P-256 and its key, those of the tests.
const CERTIFICATE: &str = include_str!("../../../tests/compat/fixtures/tls/server.pem");

/// Where the program under measurement runs.
pub(crate) const PROGRAM_CORE: &str = "0";
/// Where load and origin run.
pub(crate) const LOAD_CORE: &str = "1";
