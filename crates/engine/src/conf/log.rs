//! `log` lines and what decides the line that is logged (manual, 4.2 "log" and chapter 8).

use std::net::SocketAddr;
use std::path::PathBuf;

use weir_diag::Span;

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
    /// Where it stands in the configuration.
    pub at: Span,
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
