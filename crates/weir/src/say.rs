//! The process' own messages, in the form that tools grep for: `[NOTICE]   (pid) : text`.
//!
//! The first warning or alert is preceded by two notices that tell which program speaks. Quiet mode silences all but
//! alerts; a check in quiet mode silences those too.

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_diag::{Diagnostics, Renderer, Report, Severity, Sources};

use crate::cli::version;

/// Where messages go, and how many of them. One of these lives in each process.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    program: String,
    path: PathBuf,
    loudness: Loudness,
    introduced: Arc<AtomicBool>,
    record: Record,
}

/// What was said while a configuration was loaded (`show startup-logs`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    text: Vec<u8>,
    closed: bool,
    warnings: u64,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    /// Nothing at all: `-q`, the exit code tells.
    Silent,
    /// Alerts only: `quiet` in the configuration.
    Alerts,
    /// Everything.
    All,
}

// === impl Voice ===

impl Voice {
    /// A voice for a program that was called by this path.
    pub(crate) fn new(called: &Path, loudness: Loudness) -> Self {
        let program = called.file_name().map_or("weir".into(), |name| name.to_string_lossy().into_owned());
        let path = std::env::current_exe().unwrap_or_else(|_| called.to_owned());
        Self { program, path, loudness, introduced: Arc::default(), record: Record::default() }
    }

    /// The name that the program was called by.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// What it said while it loaded.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Says less from now on.
    pub(crate) fn lower(&mut self, loudness: Loudness) {
        self.loudness = self.loudness.min(loudness);
    }

    /// Forgets that it introduced itself, for a process that was just made.
    pub(crate) fn introduce_again(&self) {
        self.introduced.store(false, Ordering::Relaxed);
    }

    /// For information.
    pub(crate) fn notice(&self, text: impl Display) {
        self.line(Severity::Notice, &text);
    }

    /// Something is doubtful, and the program goes on.
    pub(crate) fn warning(&self, text: impl Display) {
        self.line(Severity::Warning, &text);
    }

    /// Something failed.
    pub(crate) fn alert(&self, text: impl Display) {
        self.line(Severity::Alert, &text);
    }

    /// The messages of a load with their excerpts, and the lines that close it.
    pub(crate) fn report(&self, list: &Diagnostics, sources: &Sources, report: &Report<'_>) {
        let worst =
            list.iter().filter(|d| report.diag || d.severity != Severity::Diag).map(|d| d.severity).max();
        let Some(worst) = worst.filter(|worst| self.prepare(*worst)) else { return };
        let renderer = Renderer { sources, pid: std::process::id() };
        if self.loudness == Loudness::All || worst == Severity::Alert {
            self.write(renderer.report(list, report).as_bytes());
        }
    }

    fn write(&self, bytes: &[u8]) {
        self.record.note(bytes);
        write_error(bytes);
    }

    fn line(&self, severity: Severity, text: &dyn Display) {
        if self.prepare(severity) {
            self.write(format!("{}({}) : {text}\n", severity.tag(), std::process::id()).as_bytes());
        }
    }

    /// Whether a message of this severity is said; introduces the program before the first that matters.
    fn prepare(&self, severity: Severity) -> bool {
        let said = match self.loudness {
            Loudness::Silent => false,
            Loudness::Alerts => severity == Severity::Alert,
            Loudness::All => true,
        };
        let matters = severity >= Severity::Warning || severity == Severity::Diag;
        if said && matters && !self.introduced.swap(true, Ordering::Relaxed) {
            let (pid, tag) = (std::process::id(), Severity::Notice.tag());
            let number = version::number(&self.program);
            let (program, path) = (&self.program, self.path.display());
            self.write(
                format!("{tag}({pid}) : {program} version is {number}\n{tag}({pid}) : path to executable is {path}\n")
                    .as_bytes(),
            );
        }
        said
    }
}

// === impl Record ===

impl Record {
    /// All of it.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.lock().text.clone()
    }

    /// Warnings since the process began.
    pub(crate) fn warnings(&self) -> u64 {
        self.lock().warnings
    }

    /// Begins anew: a configuration is being loaded.
    pub(crate) fn open(&self) {
        let mut noted = self.lock();
        *noted = Noted { warnings: noted.warnings, ..Noted::default() };
    }

    /// What is said from now on does not belong to a load.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Adds what another process said.
    pub(crate) fn add(&self, bytes: &[u8]) {
        self.note(bytes);
    }

    fn note(&self, bytes: &[u8]) {
        let mut noted = self.lock();
        let tag = Severity::Warning.tag().trim_end().as_bytes();
        let warnings = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(tag)).count();
        noted.warnings += warnings as u64;
        if !noted.closed && noted.text.len() + bytes.len() <= MOST_NOTED {
            noted.text.extend_from_slice(bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to standard output; a reader that has gone away is no reason to fail.
pub(crate) fn print(text: impl Display) {
    let _ = write!(std::io::stdout().lock(), "{text}").and_then(|()| std::io::stdout().flush());
}

/// One write for a message, so that lines of several processes do not mix.
fn write_error(bytes: &[u8]) {
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// How much is kept of what was said, in bytes.
const MOST_NOTED: usize = 64 * 1024;
