//! Actions that set how the rest is done: log level, strictness, early hints (manual, 4.4).

use weir_config::Keyword;
use weir_expr::{Format, Purpose};
use weir_wire::syslog::Level;

use super::header::new_name;
use super::{Action, ActionFn, Bench, Parse, Parsed, Run, Verdict, works};
use crate::log;

/// The actions of this file.
pub(super) const SESSION: &[Keyword<ActionFn>] = &[
    works("tcp-request content set-log-level", LOG_LEVEL, log_level),
    works("tcp-response content set-log-level", LOG_LEVEL, log_level),
    works("http-request set-log-level", LOG_LEVEL, log_level),
    works("http-response set-log-level", LOG_LEVEL, log_level),
    works("http-after-response set-log-level", LOG_LEVEL, log_level),
    works("http-request strict-mode", STRICT, strict_mode),
    works("http-response strict-mode", STRICT, strict_mode),
    works("http-after-response strict-mode", STRICT, strict_mode),
    works("tcp-request connection do-log", DO_LOG, do_log),
    works("tcp-request session do-log", DO_LOG, do_log),
    works("tcp-request content do-log", DO_LOG, do_log),
    works("tcp-response content do-log", DO_LOG, do_log),
    works("http-request do-log", DO_LOG, do_log),
    works("http-response do-log", DO_LOG, do_log),
    works("http-after-response do-log", DO_LOG, do_log),
    works("http-request early-hint", "tells the client of a link before the answer", early_hint),
];

const LOG_LEVEL: &str = "the level at which the line is logged";
const DO_LOG: &str = "writes a line to the log here";
const STRICT: &str = "whether a rewrite that fails is an error";

#[derive(Debug)]
struct LogLevel(Option<Level>);

fn log_level(p: &mut Parse<'_, '_>) -> Parsed {
    const EXPECTS: &str = "expects exactly 1 argument (log level name or 'silent')";
    let word = p.expect(EXPECTS)?;
    let level = Level::named(&word.bytes);
    if level.is_none() && !word.is("silent") {
        return Err(p.error(EXPECTS));
    }
    Ok(Box::new(LogLevel(level)))
}

impl Action for LogLevel {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.t.facts.log_level = Some(self.0);
        Verdict::Next
    }
}

#[derive(Debug)]
struct DoLog {
    /// Where the profile stands among those of the configuration.
    profile: Option<usize>,
}

fn do_log(p: &mut Parse<'_, '_>) -> Parsed {
    if !p.eat("profile") {
        return Ok(Box::new(DoLog { profile: None }));
    }
    let name = p.expect("action 'do-log': 'profile' expects argument.")?;
    let profile = p.log_profiles.iter().position(|known| known.as_bytes() == &*name.bytes);
    Ok(Box::new(DoLog { profile }))
}

impl Action for DoLog {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        log::asked(run.t, run.set, self.profile);
        Verdict::Next
    }
}

#[derive(Clone, Copy, Debug)]
struct StrictMode {
    on: bool,
}

fn strict_mode(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.expect("expects exactly 1 arguments")?;
    if !word.is("on") && !word.is("off") {
        return Err(p.error(format!("Unexpected value '{}'. Only 'on' and 'off' are supported", word.text())));
    }
    Ok(Box::new(StrictMode { on: word.is("on") }))
}

impl Action for StrictMode {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.bench.lenient = !self.on;
        Verdict::Next
    }
}

#[derive(Debug)]
struct EarlyHint {
    name: Box<[u8]>,
    value: Format,
}

fn early_hint(p: &mut Parse<'_, '_>) -> Parsed {
    const EXPECTS: &str = "expects exactly 2 arguments";
    let name = new_name(p, EXPECTS)?;
    let value = p.format(Purpose::Http, EXPECTS)?;
    Ok(Box::new(EarlyHint { name, value }))
}

impl Action for EarlyHint {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        // HTTP/1.0 knows no interim answers (RFC 9110, 15.2).
        if run.t.messages.request.version() < (1, 1) {
            return Verdict::Next;
        }
        run.render(&self.value);
        let Bench { text, hints, hinting, .. } = &mut *run.bench;
        if !*hinting {
            *hinting = true;
            hints.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
        }
        for piece in [&*self.name, b": ", text, b"\r\n"] {
            hints.extend_from_slice(piece);
        }
        Verdict::Next
    }

    fn is_hint(&self) -> bool {
        true
    }
}
