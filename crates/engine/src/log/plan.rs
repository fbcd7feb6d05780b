//! What a proxy logs, compiled with the snapshot: targets, formats, and when a line is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use weir_config::Word;
use weir_diag::{Diagnostic, Diagnostics, Form, Span};
use weir_expr::keyword::Words;
use weir_expr::logformat::{Due, HTTP_LOG, HTTP_LOG_CLF, HTTPS_LOG, HTTPS_LOG_CLEAR, TCP_LOG, TCP_LOG_CLF};
use weir_expr::{Error, Format, Load, PatternFiles, Place, Purpose, Side};
use weir_wire::syslog::{self, Facility, Header, Level, Line, Stamp};

use super::Origin;
use super::destination::{Destination, Destinations};
use super::profile::{Override, Profile};
use crate::conf::{
    self, Caps, Conf, LogFormatKind, LogLevel, LogStep, LogTarget, LogTransport, Mode, Options, SyslogFormat,
};
use crate::names::ConfNames;

/// What a proxy logs, and where.
#[derive(Debug)]
pub struct LogPlan {
    pub(super) targets: Box<[Target]>,
    /// Absent where it does not compile, which [`check`] has reported.
    pub(super) format: Option<Format>,
    pub(super) structured: Option<Format>,
    /// For connections that fail before their first byte (`error-log-format`).
    pub(super) error: Option<Format>,
    /// Whether that one is the user's; ours is completed with the listener and the reason.
    pub(super) has_error_format: bool,
    /// `unique-id-format`
    pub(super) unique_id: Option<Format>,
    /// Lines before this one (`%lc`).
    pub(super) lines: AtomicU64,
    /// The longest line that any target takes.
    pub(super) longest: usize,
    pub(super) rules: Rules,
    /// The profiles of the configuration, in its order, for `do-log`.
    pub(super) profiles: Arc<[Arc<Profile>]>,
    /// Some line shows our own end of the connection to the server.
    pub(super) shows_back_source: bool,
    host: Vec<u8>,
}

/// Which lines are written, and how early.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// `option dontlognull` or `http-ignore-probes`
    pub(super) no_null: bool,
    /// No format is asked for.
    pub(super) plain: bool,
    /// `option dontlog-normal`
    pub(super) no_normal: bool,
    /// `option log-separate-errors`
    pub(super) separate_errors: bool,
    /// `option logasap`: totals may grow after the line.
    pub(super) growing: bool,
    /// When the line is due where no steps are asked for.
    pub(super) due: Moment,
    /// The steps that are asked for, one bit each; `None` for one line.
    pub(super) steps: Option<u16>,
}

/// When the one line of a transaction is written (manual, 8.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Moment {
    /// When the request is there, and again with the response.
    Request,
    /// With the response's head, or the server's connection in TCP mode.
    Response,
    /// At the end.
    #[default]
    End,
}

/// One `log` line.
#[derive(Debug)]
pub(super) struct Target {
    /// Its number in the process.
    pub(super) id: u64,
    pub(super) destination: Arc<Destination>,
    pub(super) header: Header,
    /// Messages that are relayed keep their format.
    pub(super) keeps_format: bool,
    /// What its lines look like where a profile says so.
    pub(super) profile: Option<Arc<Profile>>,
    /// Less grave lines are not sent.
    least: Level,
    /// Graver lines are sent as if they were only that.
    gravest: Level,
    sample: Option<Sample>,
}

/// `sample`
#[derive(Debug)]
struct Sample {
    ranges: Box<[(u32, u32)]>,
    size: u32,
    seen: AtomicU32,
}

/// Compiles the plans of a configuration.
pub(crate) struct Builder<'a> {
    conf: &'a Conf,
    destinations: &'a Destinations,
    words: Arc<Words>,
    files: PatternFiles,
    profiles: Option<Arc<[Arc<Profile>]>>,
    /// What is to be said of the format compiled last.
    warnings: Vec<String>,
}

/// Checks the formats of a configuration; what is wrong with them, in HAProxy's words, with the position of the proxy.
pub(crate) fn check(conf: &Conf) -> impl Iterator<Item = (usize, Diagnostic)> {
    let destinations = Destinations::default();
    let mut builder = Builder::new(conf, &destinations);
    let mut all = Vec::new();
    let mut found = Diagnostics::default();
    for index in 0..conf.proxies.len() {
        builder.check(index, &mut found);
        all.extend(std::mem::take(&mut found).into_iter().map(|said| (index, said)));
    }
    builder.check_profiles(&mut found);
    all.into_iter().chain(found.into_iter().map(|said| (usize::MAX, said)))
}

// === impl Builder ===

impl<'a> Builder<'a> {
    pub(crate) fn new(conf: &'a Conf, destinations: &'a Destinations) -> Self {
        destinations.sinks.declare(&conf.rings);
        let files = conf.patterns.clone();
        Self { conf, destinations, words: Words::builtin(), files, profiles: None, warnings: Vec::new() }
    }

    /// The plan of the proxy at this position. A format that [`check`] refused is absent.
    pub(crate) fn plan(&mut self, index: usize) -> Arc<LogPlan> {
        let conf = self.conf;
        let Some(proxy) = conf.proxies.get(index) else { return Arc::new(LogPlan::none()) };
        let profiles = self.profiles();
        let targets: Box<[Target]> = proxy
            .logs
            .iter()
            .map(|t| {
                let of = |name: &String| conf.log_profiles.iter().position(|p| p.name == *name);
                let profile = t.profile.as_ref().and_then(of).and_then(|at| profiles.get(at).cloned());
                Target::build(t, proxy, conf, self.destinations, profile)
            })
            .collect();
        let mut compile = |text: &str, purpose| self.compile(index, text.as_bytes(), purpose).ok();
        let line = &proxy.log_line;
        let mut format = compile(text_of(&line.format, proxy.mode), Purpose::Log);
        if format.is_none() && line.format == LogFormatKind::Https {
            format = compile(HTTPS_LOG_CLEAR, Purpose::Log);
        }
        let structured =
            line.structured_data.as_ref().and_then(|(text, _)| compile(text, Purpose::LogStructured));
        let error_text = line.error_format.as_ref().map_or(ERROR_LINE, |(text, _)| text);
        let error = compile(error_text, Purpose::Log);
        let unique_id =
            proxy.unique_id_format.as_ref().and_then(|(text, _)| compile(text, Purpose::UniqueId));
        let has = |option| proxy.options.contains(option);
        let rules = Rules {
            no_null: has(Options::DONTLOG_NULL) || has(Options::HTTP_IGNORE_PROBES),
            plain: line.format == LogFormatKind::Default,
            no_normal: has(Options::DONTLOG_NORMAL),
            separate_errors: has(Options::LOG_SEPARATE_ERRORS),
            growing: has(Options::LOGASAP),
            due: due(proxy, format.as_ref()),
            steps: line.steps.as_ref().filter(|_| !has(Options::LOGASAP)).map(|steps| bits(steps)),
        };
        let longest = targets.iter().map(|t| t.header.limit).max().unwrap_or(0);
        let lines = AtomicU64::new(0);
        let shows_back_source =
            [&format, &structured, &unique_id].into_iter().flatten().any(Format::shows_back_source);
        Arc::new(LogPlan {
            targets,
            format,
            structured,
            error,
            has_error_format: line.error_format.is_some(),
            unique_id,
            lines,
            longest,
            rules,
            profiles,
            shows_back_source,
            host: system_name().into_bytes(),
        })
    }

    /// The targets of `global`, for lines about the process itself.
    pub(crate) fn of_process(&mut self) -> Arc<LogPlan> {
        let profiles = self.profiles();
        let nobody = conf::Proxy::new("", Caps::empty(), Span::default());
        let logs = &self.conf.global.logs;
        let targets = logs.iter().map(|t| Target::build(t, &nobody, self.conf, self.destinations, None));
        Arc::new(LogPlan { targets: targets.collect(), profiles, ..LogPlan::none() })
    }

    /// The profiles of the configuration, compiled once. A format that [`check`] refused is absent.
    fn profiles(&mut self) -> Arc<[Arc<Profile>]> {
        if let Some(known) = &self.profiles {
            return known.clone();
        }
        let conf = self.conf;
        let mut compile = |text: &Option<(String, Span)>, purpose| {
            let (text, _) = text.as_ref()?;
            self.compile(usize::MAX, text.as_bytes(), purpose).ok()
        };
        let profiles = conf.log_profiles.iter().map(|profile| {
            let steps = profile.steps.iter().map(|(step, says)| {
                let format = compile(&says.format, Purpose::Log);
                let structured = compile(&says.structured, Purpose::LogStructured);
                (*step, Override { drop: says.drop, format, structured })
            });
            let tag = profile.tag.as_ref().map(|tag| tag.clone().into_bytes());
            Arc::new(Profile { steps: steps.collect(), tag })
        });
        let profiles: Arc<[Arc<Profile>]> = profiles.collect();
        self.profiles = Some(profiles.clone());
        profiles
    }

    fn compile(&mut self, index: usize, text: &[u8], purpose: Purpose) -> Result<Format, Error> {
        self.warnings.clear();
        let mut names = ConfNames::new(self.conf, index);
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            // It is made when the request is there.
            place: if purpose == Purpose::UniqueId { Place::request(true, true) } else { Place::Log },
            other: (purpose == Purpose::UniqueId
                && self.conf.proxies.get(index).is_some_and(|p| p.caps == Caps::LISTEN))
            .then_some(Place::request(false, true)),
            proxy: self.conf.proxies.get(index).map(|p| p.name.clone()).unwrap_or_default(),
            context: match purpose {
                Purpose::LogStructured => "log-format-sd string",
                Purpose::UniqueId => "unique-id-format string",
                _ => "log-format string",
            },
            files: self.files.clone(),
            at: (String::new(), 0),
            acls: self.conf.proxies.get(index).map(|p| p.rules.acls.clone()).unwrap_or_default(),
            warnings: Vec::new(),
            slow: Vec::new(),
        };
        let format = Format::compile(text, purpose, &mut load);
        self.warnings = load.warnings;
        format
    }

    fn check(&mut self, index: usize, found: &mut Diagnostics) {
        let conf = self.conf;
        let Some(proxy) = conf.proxies.get(index) else { return };
        if let LogFormatKind::Custom(text, at) = &proxy.log_line.format {
            self.check_one(index, (text, *at), Purpose::Log, "log-format", found);
        }
        let line = &proxy.log_line;
        let others = [
            (&line.structured_data, Purpose::LogStructured, "log-format-sd"),
            (&line.error_format, Purpose::Log, "error-log-format"),
            (&proxy.unique_id_format, Purpose::UniqueId, "unique-id"),
        ];
        for (format, purpose, word) in others {
            if let Some((text, at)) = format {
                self.check_one(index, (text, *at), purpose, word, found);
            }
        }
    }

    fn check_profiles(&mut self, found: &mut Diagnostics) {
        let conf = self.conf;
        let formats =
            conf.log_profiles.iter().flat_map(|p| &p.steps).flat_map(|(_, says)| {
                [(&says.format, Purpose::Log), (&says.structured, Purpose::LogStructured)]
            });
        for (format, purpose) in formats {
            let Some((text, span)) = format else { continue };
            if let Err(mut error) = self.compile(usize::MAX, text.as_bytes(), purpose) {
                let written = Word { bytes: text.as_bytes().into(), span: *span };
                error.message.push('.');
                found.push(error.alert(&written, "failed to parse logformat: ").form(Form::LateConfig));
            }
        }
    }

    fn check_one(
        &mut self,
        index: usize,
        (text, span): (&str, Span),
        purpose: Purpose,
        word: &str,
        found: &mut Diagnostics,
    ) {
        if let Err(mut error) = self.compile(index, text.as_bytes(), purpose) {
            let written = Word { bytes: text.as_bytes().into(), span };
            error.message.push('.');
            let lost = error
                .message
                .find("unable to find ")
                .filter(|_| error.message.contains("referenced in arg "));
            if let Some(at) = lost {
                error.message.drain(..at);
                found.push(error.alert(&written, "").form(Form::Unresolved));
                return;
            }
            found.push(error.alert(&written, &format!("failed to parse {word} : ")).form(Form::Late));
            return;
        }
        let is_http = self.conf.proxies.get(index).is_some_and(|p| p.mode == Mode::Http);
        for warning in self.warnings.drain(..).filter(|_| is_http) {
            found.push(Diagnostic::warning(span, warning).form(Form::Spaced));
        }
    }
}

// === impl LogPlan ===

impl LogPlan {
    fn none() -> Self {
        Self {
            targets: Box::default(),
            format: None,
            structured: None,
            error: None,
            has_error_format: false,
            unique_id: None,
            lines: AtomicU64::new(0),
            longest: 0,
            rules: Rules::default(),
            profiles: Arc::default(),
            shows_back_source: false,
            host: Vec::new(),
        }
    }

    /// Whether nobody wants a line.
    pub(crate) fn is_silent(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether the request line is kept for lines: not where steps are asked for and the request is none.
    pub(crate) fn keeps_request(&self) -> bool {
        self.is_due(Origin::Request)
    }

    /// Whether totals may grow after a line, so that they are shown with a `+`.
    pub(crate) fn is_growing(&self) -> bool {
        self.rules.growing
    }

    /// How lines of this origin look; a refused connection has a fixed form where the user gives none.
    pub(super) fn format_at(&self, origin: Origin) -> Option<&Format> {
        match origin {
            _ if origin.is_error() && self.has_error_format => self.error.as_ref(),
            Origin::SessionKilled => None,
            _ if self.rules.plain && !self.is_announced(origin) => None,
            _ => self.format.as_ref(),
        }
    }

    /// Whether a line of this origin is the one that a transaction is announced by, whatever profiles say: errors,
    /// steps that are asked for and `do-log` have none.
    pub(super) fn is_announced(&self, origin: Origin) -> bool {
        let by_rule = matches!(origin, Origin::Action(_));
        self.rules.plain && self.rules.steps.is_none() && !by_rule && !origin.is_error()
    }

    /// Whether the steps that are asked for, if any are, have this one.
    pub(super) fn is_due(&self, origin: Origin) -> bool {
        match (self.rules.steps, origin.step()) {
            (Some(steps), Some(step)) => steps & bit(step) != 0,
            _ => true,
        }
    }

    /// This machine's name (`%H`).
    pub(crate) fn host(&self) -> &[u8] {
        &self.host
    }

    /// Lines before this one (`%lc`).
    pub(crate) fn lines_so_far(&self) -> i64 {
        self.lines.load(Relaxed) as i64
    }

    /// Sends a line to all targets, past the rings; `wall` in µs since 1970. How many were dropped.
    pub(super) fn send_now(&self, wall: u64, level: Level, text: &[u8]) -> u64 {
        let second = (wall / 1_000_000) as i64;
        let stamp = Stamp::new(second, weir_sys::time::local_offset(second));
        let mut out = Vec::new();
        let mut dropped = 0;
        for target in &self.targets {
            let Some(level) = target.takes(level) else { continue };
            out.clear();
            let micros = (wall % 1_000_000) as u32;
            target.header.write(
                &mut out,
                Line { level, stamp: &stamp, micros, structured: b"", message: text, tag: None },
            );
            dropped += target.destination.send_now(&out);
        }
        dropped
    }
}

// === impl Target ===

impl Target {
    fn build(
        conf: &LogTarget,
        proxy: &conf::Proxy,
        all: &Conf,
        destinations: &Destinations,
        profile: Option<Arc<Profile>>,
    ) -> Self {
        let global = &all.global;
        let ring = match &conf.transport {
            LogTransport::Ring(name) => all.rings.iter().find(|r| r.name == *name),
            _ => None,
        };
        let hostname = global.log_send_hostname.as_ref().map(|name| match name.as_str() {
            "" => system_name().into_bytes(),
            _ => name.clone().into_bytes(),
        });
        let tag = proxy.log_tag.as_ref().or(global.log_tag.as_ref()).map_or(TAG, String::as_str);
        let written = ring.and_then(|r| r.format).or(conf.format);
        let format = written.map_or_else(|| syslog::Format::unspecified(hostname.is_some()), form);
        let header = Header {
            format,
            facility: Facility::numbered(conf.facility.0),
            hostname,
            tag: profile.as_ref().and_then(|p| p.tag.clone()).unwrap_or_else(|| tag.as_bytes().to_vec()),
            pid: std::process::id(),
            // A ring keeps no line feed, so that it has room for one character more.
            limit: ring.map_or(conf.max_len, |r| conf.max_len.min(r.longest + 1)),
        };
        Self {
            id: NEXT_TARGET.fetch_add(1, Relaxed),
            destination: destinations.find(&conf.transport),
            header,
            keeps_format: written.is_none(),
            profile,
            least: level(conf.max_level),
            gravest: level(conf.min_level),
            sample: conf.sample.as_ref().map(|s| Sample {
                ranges: s.ranges.clone().into(),
                size: s.size.max(1),
                seen: AtomicU32::new(0),
            }),
        }
    }

    /// The level at which this target is sent a line of that level; `None` where it is not. Counts it for
    /// `sample`.
    pub(super) fn takes(&self, level: Level) -> Option<Level> {
        let level = level.sent_as(self.least, self.gravest)?;
        self.sample.as_ref().is_none_or(Sample::takes_next).then_some(level)
    }
}

// === impl Sample ===

impl Sample {
    /// Counts a line; whether it is one of those that are sent.
    fn takes_next(&self) -> bool {
        let step = |n: u32| Some(if n + 1 >= self.size { 0 } else { n + 1 });
        let before = self.seen.fetch_update(Relaxed, Relaxed, step).unwrap_or(0);
        self.ranges.iter().any(|&(low, high)| (low..=high).contains(&(before + 1)))
    }
}

/// When the one line of a transaction of this proxy is due.
fn due(proxy: &conf::Proxy, format: Option<&Format>) -> Moment {
    let Some(format) = format else { return Moment::End };
    let keeps = [Side::Client, Side::Server].into_iter().any(|side| !proxy.rules.slots(side).is_empty())
        || proxy.capture_cookie.is_some();
    match format.due() {
        _ if proxy.options.contains(Options::LOGASAP) => Moment::Response,
        Due::End => Moment::End,
        Due::Request if !keeps => Moment::Request,
        _ => Moment::Response,
    }
}

fn bits(steps: &[LogStep]) -> u16 {
    steps.iter().fold(0, |bits, step| bits | bit(*step))
}

const fn bit(step: LogStep) -> u16 {
    1 << step as u16
}

fn text_of(kind: &LogFormatKind, mode: Mode) -> &str {
    match kind {
        LogFormatKind::Default if mode == Mode::Http => DEFAULT_HTTP,
        LogFormatKind::Default => DEFAULT_TCP,
        // A format of HTTP's does not fit; the files were warned about.
        LogFormatKind::Http { .. } | LogFormatKind::Https if mode != Mode::Http => TCP_LOG,
        LogFormatKind::Tcp { clf: false } => TCP_LOG,
        LogFormatKind::Tcp { clf: true } => TCP_LOG_CLF,
        LogFormatKind::Http { clf: false } => HTTP_LOG,
        LogFormatKind::Http { clf: true } => HTTP_LOG_CLF,
        LogFormatKind::Https => HTTPS_LOG,
        LogFormatKind::Custom(text, _) => text,
    }
}

pub(super) fn form(format: SyslogFormat) -> syslog::Format {
    match format {
        SyslogFormat::Local => syslog::Format::Local,
        SyslogFormat::Rfc3164 => syslog::Format::Rfc3164,
        SyslogFormat::Rfc5424 => syslog::Format::Rfc5424,
        SyslogFormat::Priority => syslog::Format::Priority,
        SyslogFormat::Short => syslog::Format::Short,
        SyslogFormat::Timed => syslog::Format::Timed,
        SyslogFormat::Iso => syslog::Format::Iso,
        SyslogFormat::Raw => syslog::Format::Raw,
    }
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Emerg => Level::Emerg,
        LogLevel::Alert => Level::Alert,
        LogLevel::Crit => Level::Crit,
        LogLevel::Err => Level::Err,
        LogLevel::Warning => Level::Warning,
        LogLevel::Notice => Level::Notice,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    }
}

/// The system's name. It is the kernel's to tell, so that it is there behind `chroot`, too.
pub fn system_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Numbers the targets of all configurations.
static NEXT_TARGET: AtomicU64 = AtomicU64::new(0);

/// What lines say where neither a format nor an option is given (manual, 8.2.1).
const DEFAULT_TCP: &str = "Connect from %ci:%cp to %fi:%fp (%f/TCP)";
const DEFAULT_HTTP: &str = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";

/// The program's name in lines: log servers sort by it, so that it is the name they know.
const TAG: &str = "haproxy";

/// How a line about a refused connection begins.
const ERROR_LINE: &str = "%ci:%cp [%t] %f/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_takes_its_ranges_and_starts_again() {
        let sample = Sample { ranges: [(1, 1), (3, 4)].into(), size: 5, seen: AtomicU32::new(0) };
        let taken: Vec<bool> = (0..10).map(|_| sample.takes_next()).collect();
        let round = [true, false, true, true, false];
        assert_eq!(taken, [round, round].concat());
    }
}
