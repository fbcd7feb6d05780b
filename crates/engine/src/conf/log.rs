//! `log` lines and what decides the line that is logged (manual, 4.2 "log" and chapter 8).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use weir_diag::Span;
use weir_sys::Address;

/// One `log` target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Where lines go.
    pub transport: LogTransport,
    /// The header's form (`format`); absent for the one that goes with `log-send-hostname`.
    pub format: Option<SyslogFormat>,
    /// Lines are cut at so many bytes.
    pub max_len: usize,
    /// The syslog facility.
    pub facility: Facility,
    /// Lines less urgent than this are not sent.
    pub max_level: LogLevel,
    /// Lines more urgent than this are sent as this.
    pub min_level: LogLevel,
    /// `sample`
    pub sample: Option<LogSample>,
    /// The `log-profile` section whose lines are sent (`profile`).
    pub profile: Option<String>,
    /// Where it stands in the configuration.
    pub at: Span,
}

/// What a `log-forward` section does with messages (manual, 12.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogForward {
    /// `option host`
    pub host: HostStrategy,
    /// `option dont-parse-log`
    pub unparsed: bool,
    /// `option assume-rfc6587-ntf`
    pub lines_only: bool,
}

/// What becomes of the host that a message names (`option host`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostStrategy {
    /// The sender's address takes its place.
    Replace,
    /// The sender's address stands where none is named.
    #[default]
    Fill,
    /// It stays.
    Keep,
    /// The sender's address follows it.
    Append,
}

/// How lines travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTransport {
    /// Datagrams.
    Udp(SocketAddr),
    /// Datagrams to a socket in the file system.
    Unix(PathBuf),
    /// An inherited descriptor; 1 and 2 are `stdout` and `stderr`.
    Fd(i32),
    /// The ring of this name.
    Ring(String),
    /// A backend of `mode log` (`backend@`).
    Backend(String),
    /// A stream (`tcp@`, `uxst@`); it becomes a ring of its own when all is read.
    Stream(Address),
}

/// A `ring` section, or what stands behind a log target that is a stream (manual, 12.5).
#[derive(Clone, Debug)]
pub struct Ring {
    /// Its name.
    pub name: String,
    /// `description`; else the name.
    pub description: String,
    /// `format`; the targets' own where it stands behind one.
    pub format: Option<SyslogFormat>,
    /// The longest line, in bytes.
    pub longest: usize,
    /// The bytes that it holds.
    pub size: usize,
    /// `timeout connect`
    pub connect: Option<Duration>,
    /// `timeout server`
    pub write: Option<Duration>,
    /// Who is sent all lines.
    pub servers: Vec<RingServer>,
}

/// A `server` line of a `ring` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingServer {
    /// Where it is.
    pub address: Address,
    /// `log-proto octet-count`: each line follows its length.
    pub octet_count: bool,
}

/// `sample <ranges>:<size>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSample {
    /// Which of every `size` lines are sent, from 1, both ends included.
    pub ranges: Vec<(u32, u32)>,
    /// After how many lines it starts again.
    pub size: u32,
}

/// The header of a line (`format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum SyslogFormat {
    Local,
    Rfc3164,
    Rfc5424,
    Priority,
    Short,
    Timed,
    Iso,
    Raw,
}

/// A syslog facility, by its number (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facility(pub u8);

/// A syslog level (RFC 5424, 6.2.1): the lower the more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the level of its name")]
pub enum LogLevel {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

/// Which line a proxy logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine {
    /// `log-format`, `option httplog` and their kin.
    pub format: LogFormatKind,
    /// `error-log-format`
    pub error_format: Option<(String, Span)>,
    /// `log-format-sd`
    pub structured_data: Option<(String, Span)>,
    /// The steps at which a line is written (`log-steps`); absent for one line, as soon as all is known.
    pub steps: Option<Vec<LogStep>>,
}

/// A step of a session, or an action, that a line is written at (manual, 4.2 "log-steps" and 8.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum LogStep {
    Accept,
    Request,
    Connect,
    Response,
    Close,
    QuicInit,
    HttpRequest,
    HttpResponse,
    HttpAfterResponse,
    TcpConnection,
    TcpSession,
    TcpContent,
    TcpResponse,
}

/// A `log-profile` section (manual, 8.3.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogProfile {
    /// Its name.
    pub name: String,
    /// `log-tag`
    pub tag: Option<String>,
    /// `on STEP`: what becomes of a line, the last one of a step.
    pub steps: Vec<(LogProfileStep, LogOverride)>,
}

/// What a line of a `log-profile` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogProfileStep {
    /// `any`: all that have no line of their own.
    Any,
    /// `error`: connections that fail before there is a transaction.
    Error,
    /// This step.
    At(LogStep),
}

/// What a profile says of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOverride {
    /// `drop`
    pub drop: bool,
    /// `format`
    pub format: Option<(String, Span)>,
    /// `sd`
    pub structured: Option<(String, Span)>,
}

// === impl Ring ===

impl Ring {
    /// A ring of this name with what holds where nothing is said.
    pub fn new(name: String) -> Self {
        Self {
            description: name.clone(),
            name,
            format: Some(SyslogFormat::Raw),
            longest: Self::LONGEST,
            size: Self::SIZE,
            connect: None,
            write: None,
            servers: Vec::new(),
        }
    }

    /// The size where none is given.
    pub const SIZE: usize = 16384;
    /// What a ring needs for itself of its size.
    pub const OVERHEAD: usize = 197;
    /// The longest line where nothing is said.
    pub const LONGEST: usize = Self::SIZE - Self::OVERHEAD;
}

// === impl LogStep ===

impl LogStep {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Accept,
        Self::Request,
        Self::Connect,
        Self::Response,
        Self::Close,
        Self::QuicInit,
        Self::HttpRequest,
        Self::HttpResponse,
        Self::HttpAfterResponse,
        Self::TcpConnection,
        Self::TcpSession,
        Self::TcpContent,
        Self::TcpResponse,
    ];

    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Request => "request",
            Self::Connect => "connect",
            Self::Response => "response",
            Self::Close => "close",
            Self::QuicInit => "quic-init",
            Self::HttpRequest => "http-req",
            Self::HttpResponse => "http-res",
            Self::HttpAfterResponse => "http-after-res",
            Self::TcpConnection => "tcp-req-conn",
            Self::TcpSession => "tcp-req-sess",
            Self::TcpContent => "tcp-req-cont",
            Self::TcpResponse => "tcp-res-cont",
        }
    }

    /// The step of this name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name().as_bytes() == name)
    }
}

/// The form of a log line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogFormatKind {
    /// Neither an option nor a format is given: the short line of `mode tcp` and `http`.
    #[default]
    Default,
    /// `option tcplog`; with `clf`.
    Tcp {
        /// `clf`
        clf: bool,
    },
    /// `option httplog`; with `clf`.
    Http {
        /// `clf`
        clf: bool,
    },
    /// `option httpslog`
    Https,
    /// `log-format`, as written.
    Custom(String, Span),
}
