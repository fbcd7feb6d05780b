//! The `%` aliases: one table entry each, and what each prints.

use crate::scope::{Address, Number, Side, Text, Times};

/// What an alias stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alias {
    /// `%o`: its flags hold for all that follow.
    Options,
    /// The IP of an end of a connection.
    Ip(Address),
    /// The port of an end of a connection.
    Port(Address),
    /// A text; `-` where absent.
    Text(Text),
    /// The backend, or the frontend's name where there was none.
    Backend,
    /// The server, `<NOSRV>` where none, or the service that answered.
    Server,
    /// The frontend, with `~` where the client speaks TLS.
    FrontendTransport,
    /// The three characters of the termination state: two, or four with the cookie's.
    Termination {
        /// Whether all four.
        cookie: bool,
    },
    /// A number; `-1` or 0 as given where absent.
    Number {
        /// Which.
        number: Number,
        /// What to print where it is absent.
        absent: i64,
    },
    /// A total that `logasap` marks with `+`.
    Total(Number),
    /// A number written in hexadecimal by `+X`.
    HexNumber(Number),
    /// The retries, with `+` where redispatched.
    Retries,
    /// A date.
    Date(DateForm),
    /// A timing event.
    Timer(Timer),
    /// A part of the request.
    Request(RequestPart),
    /// The captured headers of a side, `{a|b}`, or each in a word of its own.
    Captures {
        /// Request or response.
        side: Side,
        /// Whether each in a word of its own.
        list: bool,
    },
}

/// How a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateForm {
    /// `%t`, `%tr`: `21/Nov/2026:02:13:15.123` in local time.
    LocalMs { request: bool },
    /// `%T`, `%trg`: `21/Nov/2026:02:13:15 +0000`.
    Gmt { request: bool },
    /// `%Tl`, `%trl`: the same in local time.
    Local { request: bool },
    /// `%Ts`
    Unix,
    /// `%ms`
    Milliseconds,
}

/// Timing events of the log (manual, 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    Handshake,
    Idle,
    Request,
    UntilRequest,
    Queue,
    Connect,
    Response,
    Data,
    Active,
    Total,
    User,
}

/// What a line waits for before it can tell an item (manual, 4.2 "log-steps").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Nothing: it is there whenever a line is written.
    Always,
    /// The request.
    Request,
    /// The head of the response, or the server's connection in TCP mode.
    Response,
    /// The end of the transaction: totals, timers, levels and what else may still change.
    End,
}

/// Parts of the captured request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestPart {
    Line,
    Method,
    Uri,
    UriWithoutQuery,
    Path,
    Query,
    Version,
}

/// An alias and its name.
#[derive(Clone, Copy, Debug)]
pub struct AliasEntry {
    /// The name after `%`.
    pub name: &'static str,
    /// What it stands for.
    pub alias: Alias,
    /// Whether it needs a proxy in HTTP mode.
    pub http: bool,
}

/// All aliases.
pub const ALIASES: &[AliasEntry] = &[
    any("o", Alias::Options),
    any("B", Alias::Total(Number::LogBytesRead)),
    http("CC", Alias::Text(Text::CapturedRequestCookie)),
    http("CS", Alias::Text(Text::CapturedResponseCookie)),
    any("H", Alias::Text(Text::Hostname)),
    http("HM", Alias::Request(RequestPart::Method)),
    http("HP", Alias::Request(RequestPart::UriWithoutQuery)),
    http("HPO", Alias::Request(RequestPart::Path)),
    http("HQ", Alias::Request(RequestPart::Query)),
    http("HU", Alias::Request(RequestPart::Uri)),
    http("HV", Alias::Request(RequestPart::Version)),
    any("ID", Alias::Text(Text::UniqueId)),
    any("OG", Alias::Text(Text::LogOrigin)),
    any("ST", Alias::Number { number: Number::Status, absent: -1 }),
    any("T", Alias::Date(DateForm::Gmt { request: false })),
    http("Ta", Alias::Timer(Timer::Active)),
    any("Tc", Alias::Timer(Timer::Connect)),
    any("Td", Alias::Timer(Timer::Data)),
    any("Th", Alias::Timer(Timer::Handshake)),
    http("Ti", Alias::Timer(Timer::Idle)),
    any("Tl", Alias::Date(DateForm::Local { request: false })),
    http("Tq", Alias::Timer(Timer::UntilRequest)),
    http("TR", Alias::Timer(Timer::Request)),
    http("Tr", Alias::Timer(Timer::Response)),
    any("Ts", Alias::Date(DateForm::Unix)),
    any("Tt", Alias::Timer(Timer::Total)),
    any("Tu", Alias::Timer(Timer::User)),
    any("Tw", Alias::Timer(Timer::Queue)),
    any("U", Alias::Number { number: Number::LogBytesUploaded, absent: 0 }),
    any("ac", Alias::Number { number: Number::ActiveConnections, absent: 0 }),
    any("b", Alias::Backend),
    any("bc", Alias::Number { number: Number::BackendConnections, absent: 0 }),
    any("bi", Alias::Ip(Address::BackSource)),
    any("bp", Alias::Port(Address::BackSource)),
    any("bq", Alias::Number { number: Number::BackendQueue, absent: 0 }),
    any("ci", Alias::Ip(Address::Source)),
    any("cp", Alias::Port(Address::Source)),
    any("f", Alias::Text(Text::Frontend)),
    any("fc", Alias::Number { number: Number::FrontendConnections, absent: 0 }),
    any("fi", Alias::Ip(Address::Destination)),
    any("fp", Alias::Port(Address::Destination)),
    any("ft", Alias::FrontendTransport),
    any("hr", Alias::Captures { side: Side::Client, list: false }),
    any("hrl", Alias::Captures { side: Side::Client, list: true }),
    any("hs", Alias::Captures { side: Side::Server, list: false }),
    any("hsl", Alias::Captures { side: Side::Server, list: true }),
    any("lc", Alias::HexNumber(Number::LogCounter)),
    any("ms", Alias::Date(DateForm::Milliseconds)),
    any("pid", Alias::HexNumber(Number::Pid)),
    http("r", Alias::Request(RequestPart::Line)),
    any("rc", Alias::Retries),
    any("rt", Alias::HexNumber(Number::RequestCounter)),
    any("s", Alias::Server),
    any("sc", Alias::Number { number: Number::ServerConnections, absent: 0 }),
    any("si", Alias::Ip(Address::BackDestination)),
    any("sp", Alias::Port(Address::BackDestination)),
    any("sq", Alias::Number { number: Number::ServerQueue, absent: 0 }),
    any("sslc", Alias::Text(Text::TlsCipher)),
    any("sslv", Alias::Text(Text::TlsVersion)),
    any("t", Alias::Date(DateForm::LocalMs { request: false })),
    http("tr", Alias::Date(DateForm::LocalMs { request: true })),
    http("trg", Alias::Date(DateForm::Gmt { request: true })),
    http("trl", Alias::Date(DateForm::Local { request: true })),
    any("ts", Alias::Termination { cookie: false }),
    http("tsc", Alias::Termination { cookie: true }),
];

const fn any(name: &'static str, alias: Alias) -> AliasEntry {
    AliasEntry { name, alias, http: false }
}

const fn http(name: &'static str, alias: Alias) -> AliasEntry {
    AliasEntry { name, alias, http: true }
}

// === impl DateForm ===

impl DateForm {
    /// Whether it is the request's date, not the connection's.
    pub const fn of_request(self) -> bool {
        match self {
            Self::LocalMs { request } | Self::Gmt { request } | Self::Local { request } => request,
            Self::Unix | Self::Milliseconds => false,
        }
    }
}

// === impl Timer ===

impl Timer {
    /// Its time in ms.
    pub(super) const fn of(self, times: &Times) -> i64 {
        match self {
            Self::Handshake => times.handshake,
            Self::Idle => times.idle,
            Self::Request => times.request,
            Self::UntilRequest => times.until_request(),
            Self::Queue => times.queue,
            Self::Connect => times.connect,
            Self::Response => times.response,
            Self::Data => times.data(),
            Self::Active => times.active,
            Self::Total => times.total,
            Self::User => times.user(),
        }
    }

    /// Whether it grows until the end.
    pub(super) const fn is_total(self) -> bool {
        matches!(self, Self::Active | Self::Total | Self::User)
    }
}

// === impl Alias ===

impl Alias {
    /// The alias of that name.
    pub fn of(name: &[u8]) -> Option<&'static AliasEntry> {
        ALIASES.iter().find(|entry| entry.name.as_bytes() == name)
    }

    /// What a line with it waits for.
    pub const fn due(self) -> Due {
        match self {
            Self::Total(_) | Self::Termination { cookie: false } | Self::Retries | Self::Timer(_) => Due::End,
            Self::Text(text) => match text {
                Text::UniqueId => Due::End,
                Text::Frontend | Text::Hostname | Text::LogOrigin => Due::Always,
                _ => Due::Response,
            },
            Self::Number { number, .. } => match number {
                Number::ActiveConnections
                | Number::FrontendConnections
                | Number::BackendConnections
                | Number::ServerConnections
                | Number::ServerQueue
                | Number::BackendQueue
                | Number::LogBytesUploaded => Due::End,
                _ => Due::Response,
            },
            Self::Request(_) | Self::HexNumber(Number::RequestCounter) => Due::Request,
            Self::Ip(_) | Self::Port(_) | Self::Server | Self::Captures { .. } => Due::Response,
            Self::Options
            | Self::Backend
            | Self::FrontendTransport
            | Self::Termination { cookie: true }
            | Self::HexNumber(_)
            | Self::Date(_) => Due::Always,
        }
    }
}
