//! What `check` on a `server` line and the proxy's check options give together.

use std::net::SocketAddr;
use std::time::Duration;

use weir_balance::health::CheckStatus;

/// How a server is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// What a check of a proxy's servers says and expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CheckKind {
    /// A connection that is established is enough.
    #[default]
    Tcp,
    /// `option httpchk` with its `http-check` lines.
    Http(HttpCheck),
    /// `option tcp-check` with its `tcp-check` lines, in order.
    Script(Vec<CheckStep>),
}

/// A `tcp-check` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStep {
    /// `connect`, and its comment.
    Connect(CheckConnect, Option<String>),
    /// `send`, `send-binary`
    Send(Vec<u8>),
    /// `expect`
    Expect(CheckExpect),
    /// `comment`
    Comment(String),
}

/// `option httpchk` and `http-check` (manual, 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpCheck {
    /// The request.
    pub send: HttpSend,
    /// How the check connects, where it is said.
    pub connect: Option<Box<CheckConnect>>,
    /// The judgements, all of which must hold; without one, every status of 2xx and 3xx is good.
    pub expect: Vec<CheckExpect>,
    /// `http-check disable-on-404`
    pub disable_on_404: bool,
    /// `http-check send-state`
    pub send_state: bool,
}

/// `http-check connect`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckConnect {
    /// `default`: the rest is taken from the server line.
    pub default: bool,
    /// `addr`
    pub addr: Option<SocketAddr>,
    /// `port`
    pub port: Option<u16>,
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
}

/// The request of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSend {
    /// The method.
    pub method: Vec<u8>,
    /// The URI.
    pub uri: Vec<u8>,
    /// The version, as written on the request line.
    pub version: Vec<u8>,
    /// Headers in order, each as name and value.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// `http-check expect`, `tcp-check expect`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckExpect {
    /// What is looked for.
    pub want: Want,
    /// `!`: it must not be there.
    pub negated: bool,
    /// `min-recv`: bytes that must be there before a mismatch counts.
    pub min_recv: usize,
    /// `comment`
    pub comment: Option<String>,
    /// `ok-status`
    pub ok_status: Option<CheckStatus>,
    /// `error-status`
    pub error_status: Option<CheckStatus>,
    /// `tout-status`
    pub timeout_status: Option<CheckStatus>,
    /// `on-success`, a text without variables.
    pub on_success: Option<String>,
    /// `on-error`, a text without variables.
    pub on_error: Option<String>,
}

/// What a check looks for in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// `status`: any of these ranges, both ends included.
    Status(Vec<(u16, u16)>),
    /// `rstatus`: the status matches this regex.
    StatusRegex(String),
    /// `string`: these bytes, in the body where it is HTTP.
    Text(Vec<u8>),
    /// `rstring`: this regex.
    Regex(String),
    /// `binary`: these bytes.
    Binary(Vec<u8>),
    /// `rbinary`: this regex over the bytes in hexadecimal, upper case.
    BinaryRegex(String),
}

// === impl CheckExpect ===

impl CheckExpect {
    /// An expectation with no option.
    pub fn new(want: Want, negated: bool) -> Self {
        Self {
            want,
            negated,
            min_recv: 0,
            comment: None,
            ok_status: None,
            error_status: None,
            timeout_status: None,
            on_success: None,
            on_error: None,
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
        }
    }
}

// === impl HttpSend ===

impl Default for HttpSend {
    fn default() -> Self {
        Self {
            method: b"OPTIONS".to_vec(),
            uri: b"/".to_vec(),
            version: b"HTTP/1.0".to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}
