//! What `check` and `agent-check` on a `server` line and the proxy's check options give together.
//!
//! Whatever is checked, a check is one list of steps ([`Ruleset`]): `tcp-check` and `http-check` lines, the
//! options that speak a protocol of their own, and the agent. Only programs (`option external-check`) are not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use weir_balance::health::CheckStatus;
use weir_diag::Span;
use weir_expr::regex::Regex;
use weir_expr::{Expr, Format, VarRef, When};

use super::Proto;

/// How a server is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// `inter`
    pub inter: Duration,
    /// `fastinter`; without it `inter`.
    pub fastinter: Option<Duration>,
    /// `downinter`; without it `inter`.
    pub downinter: Option<Duration>,
    /// `rise`
    pub rise: u32,
    /// `fall`
    pub fall: u32,
    /// `addr`
    pub addr: Option<SocketAddr>,
    /// `port`
    pub port: Option<u16>,
    /// `check-proto`; without it `proto`.
    pub proto: Proto,
    /// `check-reuse-pool`, where nothing on the line asks for connections of its own.
    pub reuse: bool,
    /// `check-pool-conn-name`
    pub pool_name: Option<Box<str>>,
    /// The steps of the section that `healthcheck` names, in place of the proxy's.
    pub rules: Option<Arc<Ruleset>>,
}

/// `agent-check` and what belongs to it (manual, 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `agent-inter`
    pub inter: Duration,
    /// `agent-port`
    pub port: u16,
    /// `agent-addr`
    pub addr: Option<IpAddr>,
    /// `agent-send`
    pub send: Option<Vec<u8>>,
}

/// What the servers of a proxy are checked by.
#[derive(Clone, Debug)]
pub enum CheckKind {
    /// Steps.
    Rules(Arc<Ruleset>),
    /// `option external-check`
    Program(Arc<Program>),
}

/// A program that checks (manual, 4.2 "external-check command").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// `external-check command`
    pub command: String,
    /// `external-check path`
    pub path: Option<String>,
    /// `external-check preserve-env` in `global`
    pub keeps_environment: bool,
}

/// The steps of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruleset {
    /// How answers are read, and what messages tell.
    pub talk: Talk,
    /// The steps, a connection first.
    pub steps: Vec<CheckStep>,
    /// `http-check disable-on-404`
    pub disable_on_404: bool,
    /// `http-check send-state`
    pub send_state: bool,
}

/// The manner of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// A connection is enough.
    None,
    /// `option tcp-check` with steps: bytes, and messages that tell the step.
    Script,
    /// `option httpchk`: messages of HTTP.
    Http,
    /// Another protocol: bytes, and few words.
    Protocol,
}

/// A step, and the number that messages tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckStep {
    /// 0 for what no line asks for.
    pub number: u32,
    /// What is done.
    pub act: CheckAct,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckAct {
    /// `connect`
    Connect(CheckConnect),
    /// `send`, `send-binary`, `send-lf`, `send-binary-lf`
    Send(CheckSend),
    /// `expect`
    Expect(CheckExpect),
    /// `comment`: told where the next step fails.
    Comment(String),
    /// `set-var`, `set-var-fmt`, `unset-var`
    Variable(CheckVariable),
}

/// A text or an expression of a step, as written and, once the names of the configuration are known, compiled.
#[derive(Clone, Debug)]
pub struct Computed<T> {
    /// As written.
    pub text: Box<[u8]>,
    /// Where it stands.
    pub at: Span,
    /// What it means.
    pub compiled: Option<Arc<T>>,
}

/// Bytes that are known at load or made for each check.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckText {
    /// These.
    Plain(Vec<u8>),
    /// A log format.
    Format(Computed<Format>),
}

/// `connect`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckConnect {
    /// `default`: the rest is taken from the server line.
    pub default: bool,
    /// No line asks for it.
    pub implied: bool,
    /// `addr`
    pub addr: Option<SocketAddr>,
    /// `port` with a number.
    pub port: Option<u16>,
    /// `port` with an expression.
    pub computed_port: Option<Computed<Expr>>,
    /// `proto`
    pub proto: Proto,
    /// `send-proxy`
    pub send_proxy: bool,
    /// `via-socks4`
    pub via_socks4: bool,
    /// `linger`: no reset at the end.
    pub linger: bool,
    /// `ssl`
    pub ssl: bool,
    /// `sni`
    pub sni: Option<Box<str>>,
    /// `alpn`
    pub alpn: Option<Vec<Vec<u8>>>,
    /// `comment`
    pub comment: Option<String>,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckSend {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The text that a format gives.
    Text(Computed<Format>),
    /// The bytes that a format gives in hexadecimal.
    Binary(Computed<Format>),
    /// A request.
    Http(Box<HttpSend>),
    /// The ClientHello of `option ssl-hello-chk`.
    SslHello,
}

/// The request of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSend {
    /// The method.
    pub method: Vec<u8>,
    /// The URI.
    pub uri: CheckText,
    /// The version, as written on the request line.
    pub version: Vec<u8>,
    /// Headers in order, each as name and value.
    pub headers: Vec<(Vec<u8>, CheckText)>,
    /// The body.
    pub body: CheckText,
}

/// `expect`
#[derive(Clone, Debug, PartialEq)]
pub struct CheckExpect {
    /// What is looked for.
    pub want: Want,
    /// `!`: it must not be there.
    pub negated: bool,
    /// `min-recv`: the judgement is final once so many bytes are there; without it, once it is good.
    pub min_recv: Option<usize>,
    /// `comment`
    pub comment: Option<String>,
    /// `ok-status`
    pub ok_status: Option<CheckStatus>,
    /// `error-status`
    pub error_status: Option<CheckStatus>,
    /// `tout-status`
    pub timeout_status: Option<CheckStatus>,
    /// `on-success`
    pub on_success: Option<CheckText>,
    /// `on-error`
    pub on_error: Option<CheckText>,
    /// `status-code`
    pub status_code: Option<Computed<Expr>>,
}

/// What a check looks for in an answer.
#[derive(Clone, Debug)]
pub enum Want {
    /// `status`: any of these ranges, both ends included.
    Status(Vec<(i64, i64)>),
    /// `rstatus`: the status matches this regex.
    StatusRegex(Regex),
    /// `string`: these bytes, in the body where it is HTTP.
    Text(Vec<u8>),
    /// `string-lf`
    TextFormat(Computed<Format>),
    /// `rstring`: this regex.
    Regex(Regex),
    /// `binary`: these bytes.
    Binary(Vec<u8>),
    /// `binary-lf`: these bytes, which a format gives in hexadecimal.
    BinaryFormat(Computed<Format>),
    /// `rbinary`: this regex over the bytes in hexadecimal, upper case.
    BinaryRegex(Regex),
    /// `hdr`, `fhdr`
    Header(Box<HeaderWant>),
    /// An answer that a protocol has its own words for.
    Answer(Answer),
}

/// `hdr`, `fhdr`: a header of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderWant {
    /// Its name.
    pub name: HeaderMatch,
    /// Its value; any without it.
    pub value: Option<HeaderMatch>,
    /// `fhdr`: the whole value, not its parts between commas.
    pub whole: bool,
}

/// How a name or a value is compared.
#[derive(Clone, Debug)]
pub enum HeaderMatch {
    /// The same.
    Exact(CheckText),
    /// `-m beg`
    Prefix(CheckText),
    /// `-m end`
    Suffix(CheckText),
    /// `-m sub`
    Part(CheckText),
    /// `-m reg`
    Regex(Regex),
}

/// An answer of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The first packet of a MySQL server.
    MysqlGreeting,
    /// What it says to a login, behind its first packet.
    MysqlLogin,
    /// The response to a bind of LDAP.
    Ldap,
    /// The HELLO of an agent of SPOE.
    Spop,
    /// What a server says to a ClientHello.
    Tls,
    /// The line of an agent (`agent-check`).
    Agent,
}

/// A variable that is set or forgotten.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckVariable {
    /// Its name with what stands in the parentheses, for messages.
    pub written: String,
    /// The variable.
    pub var: VarRef,
    /// When it is set.
    pub when: Vec<When>,
    /// Its value; forgotten without one.
    pub value: Option<VariableValue>,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableValue {
    /// `set-var`
    Sample(Computed<Expr>),
    /// `set-var-fmt`
    Text(Computed<Format>),
}

// === impl CheckKind ===

impl Default for CheckKind {
    fn default() -> Self {
        Self::Rules(Arc::new(Ruleset::default()))
    }
}

impl PartialEq for CheckKind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rules(a), Self::Rules(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Program(a), Self::Program(b)) => a == b,
            _ => false,
        }
    }
}

// === impl Ruleset ===

impl Default for Ruleset {
    fn default() -> Self {
        Self::new(Talk::None, 0, vec![CheckAct::Connect(CheckConnect::implied())])
    }
}

impl Ruleset {
    /// These steps, numbered from `first`: 0 where no line asks for the connection, else 1.
    pub fn new(talk: Talk, first: u32, acts: Vec<CheckAct>) -> Self {
        let steps = acts.into_iter().zip(first..).map(|(act, number)| CheckStep { number, act }).collect();
        Self { talk, steps, disable_on_404: false, send_state: false }
    }

    /// Whether nothing of the check's own is ever sent.
    pub fn is_silent(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.act, CheckAct::Send(_)))
    }

    /// Whether the server is to speak first on the first connection.
    pub fn hears_first(&self) -> bool {
        let speech = |step: &&CheckStep| matches!(step.act, CheckAct::Send(_) | CheckAct::Expect(_));
        self.steps.iter().find(speech).is_some_and(|step| matches!(step.act, CheckAct::Expect(_)))
    }
}

// === impl Computed ===

impl<T> Computed<T> {
    /// What is written there.
    pub fn new(text: &[u8], at: Span) -> Self {
        Self { text: text.into(), at, compiled: None }
    }
}

impl<T> PartialEq for Computed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

// === impl CheckConnect ===

impl CheckConnect {
    /// Whether nothing is said of the connection but what one that is at rest may have, too (manual, 5.2
    /// "check-reuse-pool").
    pub fn takes_any(&self) -> bool {
        let elsewhere = self.addr.is_some() || self.port.is_some() || self.computed_port.is_some();
        let dressed = self.ssl || self.alpn.is_some() || self.send_proxy || self.via_socks4;
        !elsewhere && !dressed && !self.linger && self.proto == Proto::Any
    }

    /// A connection that no line asks for.
    pub fn implied() -> Self {
        Self { default: true, implied: true, ..Self::default() }
    }
}

// === impl CheckExpect ===

impl CheckExpect {
    /// An expectation with no option.
    pub fn new(want: Want) -> Self {
        Self {
            want,
            negated: false,
            min_recv: None,
            comment: None,
            ok_status: None,
            error_status: None,
            timeout_status: None,
            on_success: None,
            on_error: None,
            status_code: None,
        }
    }
}

// === impl Want ===

impl PartialEq for Want {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Status(a), Self::Status(b)) => a == b,
            (Self::Text(a), Self::Text(b)) | (Self::Binary(a), Self::Binary(b)) => a == b,
            (Self::TextFormat(a), Self::TextFormat(b)) | (Self::BinaryFormat(a), Self::BinaryFormat(b)) => {
                a == b
            }
            (Self::StatusRegex(a), Self::StatusRegex(b))
            | (Self::Regex(a), Self::Regex(b))
            | (Self::BinaryRegex(a), Self::BinaryRegex(b)) => a.source() == b.source(),
            (Self::Header(a), Self::Header(b)) => a == b,
            (Self::Answer(a), Self::Answer(b)) => a == b,
            _ => false,
        }
    }
}

// === impl HeaderMatch ===

impl PartialEq for HeaderMatch {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b))
            | (Self::Prefix(a), Self::Prefix(b))
            | (Self::Suffix(a), Self::Suffix(b))
            | (Self::Part(a), Self::Part(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.source() == b.source(),
            _ => false,
        }
    }
}

// === impl Check ===

impl Default for Check {
    fn default() -> Self {
        Self {
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            addr: None,
            port: None,
            proto: Proto::Any,
            reuse: false,
            pool_name: None,
            rules: None,
        }
    }
}

// === impl HttpSend ===

impl Default for HttpSend {
    fn default() -> Self {
        Self {
            method: b"OPTIONS".to_vec(),
            uri: CheckText::Plain(b"/".to_vec()),
            version: b"HTTP/1.0".to_vec(),
            headers: Vec::new(),
            body: CheckText::Plain(Vec::new()),
        }
    }
}
