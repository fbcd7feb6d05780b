//! Behaviour tests that run on Weir and on the reference HAProxy and must pass on both.
//!
//! A test is a closure over a [`Subject`], handed to [`compat`]. A test that fails on the reference is a wrong
//! test. A difference that is meant is declared where it is asserted, with [`Subject::differs`]. Where Weir
//! still falls short, the test's name stands in `falls-short.tsv` with what is missing: it must fail there on
//! Weir, so that the list can only shrink. `WEIR_COMPAT` selects `weir`, `reference` or `both` (the default);
//! without a reference the tests run on Weir alone and say so. See README.md beside this crate.

mod blocks;
mod config;
pub mod h2;

pub use blocks::{Line, blocks};
pub use config::{Proxy, judge, relay, retort, table};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use weir_testkit::{Launch, LogSink, Origin, Outcome, Program, Running, TempDir, panic_text};

/// One program under test, and what its configurations may refer to by name.
pub struct Subject {
    program: Program,
    is_weir: bool,
    scratch: TempDir,
    names: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// Runs a behaviour test on the selected programs and fails if it fails on any.
#[track_caller]
pub fn compat(test: impl Fn(&mut Subject)) {
    let name = test_name();
    let known = shortfall(&name);
    let failures: Vec<String> =
        subjects().iter_mut().filter_map(|s| run(s, &test, known.as_deref())).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs the test on one program. `known` is what Weir is known to lack for it. Gives the failure, if any.
fn run(subject: &mut Subject, test: impl Fn(&mut Subject), known: Option<&str>) -> Option<String> {
    let result = catch_unwind(AssertUnwindSafe(|| test(subject)));
    let failure = result.err().map(|panic| panic_text(panic.as_ref()));
    match (failure, known.filter(|_| subject.is_weir)) {
        (None, None) => None,
        (None, Some(_)) => Some("passes on weir: take it out of falls-short.tsv".to_owned()),
        (Some(_), Some(reason)) => {
            eprintln!("falls short on weir, as known: {reason}");
            None
        }
        (Some(text), None) if subject.is_weir => Some(format!("FAILS ON WEIR: {text}")),
        (Some(text), None) => Some(format!("FAILS ON THE REFERENCE, so the test is wrong: {text}")),
    }
}

// === impl Subject ===

impl Subject {
    fn new(program: Program, is_weir: bool) -> Subject {
        Subject {
            program,
            is_weir,
            scratch: TempDir::new(),
            names: Vec::new(),
            files: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Declares a difference that is meant, with its reason. True on Weir, false on the reference.
    pub fn differs(&self, reason: &str) -> bool {
        assert!(reason.contains(' '), "a reason is a sentence");
        self.is_weir
    }

    /// The program, for tests of its command line.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A listening server that configurations call `{name}`.
    pub fn origin(&mut self, name: &str) -> Origin {
        let origin = Origin::new();
        self.set(name, origin.address().to_string());
        origin
    }

    /// A UDP log target that configurations call `{name}`.
    pub fn sink(&mut self, name: &str) -> LogSink {
        let sink = LogSink::udp();
        self.set(name, sink.address().to_string());
        sink
    }

    /// A unix datagram log target whose path configurations call `{name}`.
    pub fn unix_sink(&mut self, name: &str) -> LogSink {
        let path = self.scratch.path().join(name);
        self.set(name, path.display().to_string());
        LogSink::unix(path)
    }

    /// A file that configurations call `{name}`; `{dir}/name` from the next start on.
    pub fn file(&mut self, name: &str, content: impl AsRef<[u8]>) -> &mut Subject {
        self.files.push((name.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// Sets what a placeholder stands for.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Subject {
        self.names.push((name.to_owned(), value.into()));
        self
    }

    /// Adds command line arguments to every start.
    pub fn args(&mut self, arguments: &[&str]) -> &mut Subject {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Adds an environment variable to every start.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Subject {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A start in preparation, for what [`Subject::start`] does not offer.
    #[track_caller]
    pub fn launch(&self) -> Launch {
        self.launch_of(&self.program)
    }

    /// A path in a folder that outlives the starts of this subject.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// As [`Subject::launch`], of another program that behaves as this one.
    #[track_caller]
    pub fn launch_of(&self, program: &Program) -> Launch {
        let mut launch = program.launch();
        for (name, value) in &self.names {
            launch.set(name, value);
        }
        for (name, content) in &self.files {
            launch.file(name, content);
        }
        for (name, value) in &self.environment {
            launch.env(name, value);
        }
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        launch.args(&arguments);
        launch
    }

    /// Starts the program on this configuration and waits until it listens (see [`Launch::start`]).
    #[track_caller]
    pub fn start(&self, config: &str) -> Running {
        self.launch().start(config)
    }

    /// Runs `-c` on this configuration.
    #[track_caller]
    pub fn check(&self, config: &str) -> Outcome {
        self.launch().check(config)
    }
}

/// A Python that has this module, which is fetched as `wanted` (`name==version`) where that is possible.
pub fn python(module: &str, wanted: &str) -> Option<PathBuf> {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/python").join(module);
    let python = home.join("bin/python");
    let quiet = |command: &mut Command| {
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let works = || quiet(Command::new(&python).args(["-c", &format!("import {module}")]));
    if !works() {
        quiet(Command::new("python3").args(["-m", "venv"]).arg(&home));
        quiet(Command::new(&python).args(["-m", "pip", "install", "--quiet", wanted]));
    }
    works().then_some(python)
}

/// The programs that `WEIR_COMPAT` selects.
#[track_caller]
fn subjects() -> Vec<Subject> {
    let selection = std::env::var("WEIR_COMPAT").unwrap_or_else(|_| "both".to_owned());
    assert!(["weir", "reference", "both"].contains(&selection.as_str()), "WEIR_COMPAT={selection}");
    let mut subjects = Vec::new();
    if selection != "weir" {
        match Program::reference() {
            Some(program) => subjects.push(Subject::new(program, false)),
            None if selection == "both" => {
                eprintln!("no reference HAProxy (`cargo xtask oracle` fetches one): on weir alone");
            }
            None => panic!("no reference HAProxy: run `cargo xtask oracle` or set WEIR_ORACLE"),
        }
    }
    if selection != "reference" {
        match Program::weir() {
            Some(program) => subjects.push(Subject::new(program, true)),
            None => panic!("weir is not built: run `cargo build -p weir` or set WEIR_BIN"),
        }
    }
    subjects
}

/// What `falls-short.tsv` says about a test.
fn shortfall(test: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("falls-short.tsv");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut pairs = lines.filter_map(|line| line.split_once('\t'));
    pairs.find(|(name, _)| *name == test).map(|(_, reason)| reason.to_owned())
}

/// The name of the running test, as its runner knows it.
fn test_name() -> String {
    let from_runner = std::env::var("NEXTEST_TEST_NAME").ok();
    from_runner.or_else(|| std::thread::current().name().map(str::to_owned)).unwrap_or_default()
}
