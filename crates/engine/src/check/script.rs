//! The conversation of a check, without I/O: bytes come in, the next thing to do comes out.
//!
//! ```text
//! Connect ──connected──► Send ──sent──► Expect ──enough bytes──► … ──► Done
//! ```
//! A step that fails ends the check; so do the end of the server's bytes where more are expected, and time.

use std::io;
use std::net::SocketAddr;

use weir_balance::health::CheckStatus;
use weir_expr::regex::Regex;

use super::errno;
use super::http::{Request, Response};
use crate::conf::{self, CheckKind, HttpExpect};

/// The steps of a check.
#[derive(Debug)]
pub(super) struct Script {
    steps: Vec<Step>,
    /// What is spoken.
    pub(super) http: bool,
    /// `http-check disable-on-404`
    disable_on_404: bool,
}

/// One step.
#[derive(Debug)]
pub(super) enum Step {
    /// Open a connection.
    Connect(Connect),
    /// Say this.
    Send(Saying),
    /// Hear this.
    Expect(Expect),
}

/// How a connection of a check is opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Connect {
    /// The server line decides what is not said here.
    pub(super) default: bool,
    pub(super) addr: Option<SocketAddr>,
    pub(super) port: Option<u16>,
    pub(super) send_proxy: bool,
    /// No reset at the end.
    pub(super) linger: bool,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Saying {
    /// A request, with the state of the server in a header or not.
    Http(Request),
}

/// What is expected.
#[derive(Debug)]
pub(super) struct Expect {
    want: Want,
    /// `!`: the contrary.
    negated: bool,
    /// Bytes to wait for before a mismatch counts.
    min_recv: usize,
    /// Told where it is not met.
    comment: Option<String>,
}

#[derive(Debug)]
enum Want {
    Status(Vec<(u16, u16)>),
    StatusRegex(Regex),
    Body(Vec<u8>),
    BodyRegex(Regex),
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: CheckStatus,
    pub(super) code: Option<i32>,
    pub(super) message: String,
}

/// A check under way.
pub(super) struct Run<'a> {
    script: &'a Script,
    up: bool,
    at: usize,
    connected: bool,
    input: Vec<u8>,
    /// The server sends no more, or we read no more.
    ended: bool,
    response: Response,
    /// The last request was one whose answer has no body.
    head_only: bool,
}

/// What is to be done.
pub(super) enum Next<'a> {
    /// Open this, then tell [`Run::connected`] or [`Run::connection_failed`].
    Connect(&'a Connect),
    /// Send this, then tell [`Run::sent`].
    Send(&'a Saying),
    /// Read more, then tell [`Run::received`] or [`Run::broken`].
    Read,
    /// It is over.
    Done(Outcome),
}

/// What has come of an answer.
struct Heard<'a> {
    response: &'a Response,
    input: &'a [u8],
    ended: bool,
    head_only: bool,
}

/// What is known of an expectation.
enum Met {
    Yes,
    No(Outcome),
    /// More bytes may still decide.
    Open,
}

// === impl Script ===

impl Script {
    /// The script of a backend.
    pub(super) fn of(kind: &CheckKind) -> Self {
        match kind {
            CheckKind::Tcp => {
                Self { steps: vec![Step::Connect(Connect::implied())], http: false, disable_on_404: false }
            }
            CheckKind::Http(check) => Self::of_http(check),
        }
    }

    fn of_http(check: &conf::HttpCheck) -> Self {
        let connect = check.connect.as_ref().map_or_else(Connect::implied, Connect::of);
        let mut steps = vec![Step::Connect(connect)];
        steps.push(Step::Send(Saying::Http(Request::new(&check.send, check.send_state))));
        if check.expect.is_empty() {
            steps.push(Step::Expect(Expect::new(Want::Status(vec![(200, 399)]), false)));
        }
        steps.extend(check.expect.iter().filter_map(Expect::of).map(Step::Expect));
        Self { steps, http: true, disable_on_404: check.disable_on_404 }
    }
}

// === impl Connect ===

impl Connect {
    fn implied() -> Self {
        Self { default: true, ..Self::default() }
    }

    fn of(conf: &conf::CheckConnect) -> Self {
        Self {
            default: conf.default,
            addr: conf.addr,
            port: conf.port,
            send_proxy: conf.send_proxy,
            linger: conf.linger,
        }
    }
}

// === impl Expect ===

impl Expect {
    fn new(want: Want, negated: bool) -> Self {
        Self { want, negated, min_recv: 0, comment: None }
    }

    /// None where a regex does not compile, which the load has refused already.
    fn of(conf: &HttpExpect) -> Option<Self> {
        let regex = |text: &str| Regex::compile(text.as_bytes(), true).ok();
        Some(match conf {
            HttpExpect::Status(ranges, negated) => Self::new(Want::Status(ranges.clone()), *negated),
            HttpExpect::Body(text, negated) => Self::new(Want::Body(text.clone()), *negated),
            HttpExpect::StatusRegex(text, negated) => Self::new(Want::StatusRegex(regex(text)?), *negated),
            HttpExpect::BodyRegex(text, negated) => Self::new(Want::BodyRegex(regex(text)?), *negated),
        })
    }

    /// Judges a response whose head is there. `step` counts from the connection, which is 0.
    fn judge(&self, heard: &Heard<'_>, step: usize) -> Met {
        let response = heard.response;
        match &self.want {
            Want::Status(ranges) => {
                let code = response.status();
                let found = ranges.iter().any(|(low, high)| (*low..=*high).contains(&code));
                self.judge_status(found, response, "status codes", step)
            }
            Want::StatusRegex(regex) => {
                let found = regex.is_match(response.status().to_string().as_bytes());
                self.judge_status(found, response, "status regex", step)
            }
            Want::Body(text) => self.judge_body(heard, |body| contains(body, text)),
            Want::BodyRegex(regex) => self.judge_body(heard, |body| regex.is_match(body)),
        }
    }

    fn judge_status(&self, found: bool, response: &Response, what: &str, step: usize) -> Met {
        if found != self.negated {
            return Met::Yes;
        }
        let reason = response.reason();
        let message = if reason.is_empty() {
            self.with_comment(format!("TCPCHK did not match content({what}) at step {step}"))
        } else {
            reason
        };
        Met::No(Outcome { status: CheckStatus::L7Status, code: Some(response.status().into()), message })
    }

    fn judge_body(&self, heard: &Heard<'_>, matches: impl Fn(&[u8]) -> bool) -> Met {
        let (body, whole) = heard.response.body(heard.input, heard.head_only);
        let whole = whole || heard.ended;
        if body.is_empty() && whole {
            return Met::No(self.mismatch("HTTP content check could not find a response body"));
        }
        if !whole && body.len() < self.min_recv {
            return Met::Open;
        }
        match (matches(&body), self.negated) {
            (true, false) => Met::Yes,
            (true, true) => Met::No(self.mismatch("HTTP check matched unwanted content")),
            (false, _) if !whole => Met::Open,
            (false, true) => Met::Yes,
            (false, false) => Met::No(self.mismatch("HTTP content check did not match")),
        }
    }

    fn mismatch(&self, text: &str) -> Outcome {
        Outcome::new(CheckStatus::L7Response, self.with_comment(text.to_owned()))
    }

    fn with_comment(&self, text: String) -> String {
        match &self.comment {
            Some(comment) => format!("{text} comment: {comment}"),
            None => text,
        }
    }
}

/// Whether `text` occurs in `body`.
fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|w| w == text)
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn new(status: CheckStatus, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into() }
    }

    /// What the system said.
    pub(super) fn of_error(status: CheckStatus, error: &io::Error) -> Self {
        Self::new(status, errno::text(error))
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    /// `up`: whether the server is up now, so that a 404 may let it finish.
    pub(super) fn new(script: &'a Script, up: bool) -> Self {
        Self {
            script,
            up,
            at: 0,
            connected: false,
            input: Vec::new(),
            ended: false,
            response: Response::default(),
            head_only: false,
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self) -> Next<'a> {
        loop {
            match self.script.steps.get(self.at) {
                None => return Next::Done(self.passed()),
                Some(Step::Connect(connect)) => return Next::Connect(connect),
                Some(Step::Send(saying)) => return Next::Send(saying),
                Some(Step::Expect(expect)) => match self.hear(expect) {
                    Met::Yes => self.at += 1,
                    Met::No(outcome) => return Next::Done(outcome),
                    Met::Open => return Next::Read,
                },
            }
        }
    }

    /// The connection is there.
    pub(super) fn connected(&mut self) {
        self.connected = true;
        self.at += 1;
        self.forget();
    }

    /// There will be no connection.
    pub(super) fn connection_failed(&self, error: &io::Error) -> Outcome {
        Outcome::of_error(CheckStatus::L4Connection, error)
    }

    /// All is sent.
    pub(super) fn sent(&mut self, saying: &Saying) {
        let Saying::Http(request) = saying;
        self.head_only = request.head_only();
        self.at += 1;
        self.forget();
    }

    /// The server said this; nothing is the end. No more than `room` bytes are looked at.
    pub(super) fn received(&mut self, bytes: &[u8], room: usize) {
        let left = room.saturating_sub(self.input.len());
        self.input.extend(bytes.iter().take(left));
        self.ended |= bytes.is_empty() || self.input.len() >= room;
    }

    /// The connection broke.
    pub(super) fn broken(&self, error: &io::Error) -> Outcome {
        Outcome::of_error(CheckStatus::SocketError, error)
    }

    /// The time is over.
    pub(super) fn timed_out(&self) -> Outcome {
        let status = if !self.connected { CheckStatus::L4Timeout } else { CheckStatus::L7Timeout };
        Outcome::new(status, "")
    }

    fn forget(&mut self) {
        self.input.clear();
        self.ended = false;
        self.response = Response::default();
    }

    fn hear(&mut self, expect: &Expect) -> Met {
        match self.response.read(&self.input) {
            Some(true) => {}
            None if !self.ended => return Met::Open,
            Some(false) | None => return Met::No(Outcome::new(CheckStatus::SocketError, "")),
        }
        if self.script.disable_on_404 && self.up && self.response.status() == 404 {
            let outcome = Outcome::new(CheckStatus::L7OkConditional, "");
            return Met::No(Outcome { code: Some(404), ..outcome });
        }
        let heard = Heard {
            response: &self.response,
            input: &self.input,
            ended: self.ended,
            head_only: self.head_only,
        };
        expect.judge(&heard, self.at)
    }

    fn passed(&self) -> Outcome {
        if !self.script.http {
            return Outcome::new(CheckStatus::L4Ok, "");
        }
        let code = Some(self.response.status()).filter(|code| *code != 0).map(i32::from);
        Outcome { code, ..Outcome::new(CheckStatus::L7Ok, "") }
    }
}
