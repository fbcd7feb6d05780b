//! The conversation of a check, without I/O: bytes come in, the next thing to do comes out.
//!
//! ```text
//! Connect ──connected──► Send ──sent──► Expect ──enough bytes──► … ──► Done
//! ```
//! A step that fails ends the check; so do the end of the server's bytes where more are expected, and time.

use std::io;
use std::net::SocketAddr;

use weir_balance::health::CheckStatus;

use super::errno;
use super::expect::{Expect, Heard, Met};
use super::http::{Request, Response};
use crate::conf::{self, CheckExpect, CheckKind, CheckStep, Want};

/// The steps of a check.
#[derive(Debug)]
pub(super) struct Script {
    steps: Vec<Step>,
    protocol: Protocol,
    /// `http-check disable-on-404`
    disable_on_404: bool,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// Nothing: a connection is enough.
    None,
    Http,
    /// What `tcp-check` lines say.
    Script,
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
    /// Tell this where the next step fails.
    Comment(String),
}

/// How a connection of a check is opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Connect {
    /// The server line decides what is not said here.
    pub(super) default: bool,
    /// No line asks for it.
    implied: bool,
    pub(super) addr: Option<SocketAddr>,
    pub(super) port: Option<u16>,
    pub(super) send_proxy: bool,
    pub(super) via_socks4: bool,
    /// No reset at the end.
    pub(super) linger: bool,
    /// Over TLS.
    pub(super) ssl: bool,
    /// The name that the server sees.
    pub(super) sni: Option<Box<str>>,
    /// Told where it fails.
    comment: Option<String>,
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Saying {
    /// A request, with the state of the server in a header or not.
    Http(Request),
    /// These bytes.
    Bytes(Vec<u8>),
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
    /// It is over TLS.
    secure: bool,
    input: Vec<u8>,
    /// The server sends no more, or we read no more.
    ended: bool,
    response: Response,
    /// The last request was one whose answer has no body.
    head_only: bool,
    /// `on-success` of the last expectation that had one.
    said: Option<String>,
    /// `ok-status` of the last expectation.
    ok: Option<CheckStatus>,
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

// === impl Script ===

impl Script {
    /// The script of a backend.
    pub(super) fn of(kind: &CheckKind) -> Self {
        match kind {
            CheckKind::Http(check) => Self::of_http(check),
            CheckKind::Script(steps) if !steps.is_empty() => Self::of_lines(steps),
            CheckKind::Tcp | CheckKind::Script(_) => {
                let steps = vec![Step::Connect(Connect::implied())];
                Self { steps, protocol: Protocol::None, disable_on_404: false }
            }
        }
    }

    fn of_lines(lines: &[CheckStep]) -> Self {
        let step = |line: &CheckStep| match line {
            CheckStep::Connect(connect, comment) => {
                Some(Step::Connect(Connect { comment: comment.clone(), ..Connect::of(connect) }))
            }
            CheckStep::Send(bytes) => Some(Step::Send(Saying::Bytes(bytes.clone()))),
            CheckStep::Expect(expect) => Expect::of(expect).map(Step::Expect),
            CheckStep::Comment(text) => Some(Step::Comment(text.clone())),
        };
        let mut steps: Vec<Step> = lines.iter().filter_map(step).collect();
        let first = steps.iter().find(|s| !matches!(s, Step::Comment(_)));
        if !matches!(first, Some(Step::Connect(_))) {
            steps.insert(0, Step::Connect(Connect::implied()));
        }
        Self { steps, protocol: Protocol::Script, disable_on_404: false }
    }

    fn of_http(check: &conf::HttpCheck) -> Self {
        let connect = check.connect.as_deref().map_or_else(Connect::implied, Connect::of);
        let mut steps = vec![Step::Connect(connect)];
        steps.push(Step::Send(Saying::Http(Request::new(&check.send, check.send_state))));
        if check.expect.is_empty() {
            let good = CheckExpect::new(Want::Status(vec![(200, 399)]), false);
            steps.extend(Expect::of(&good).map(Step::Expect));
        }
        steps.extend(check.expect.iter().filter_map(Expect::of).map(Step::Expect));
        Self { steps, protocol: Protocol::Http, disable_on_404: check.disable_on_404 }
    }
}

// === impl Connect ===

impl Connect {
    fn implied() -> Self {
        Self { default: true, implied: true, ..Self::default() }
    }

    fn of(conf: &conf::CheckConnect) -> Self {
        Self {
            default: conf.default,
            addr: conf.addr,
            port: conf.port,
            send_proxy: conf.send_proxy,
            via_socks4: conf.via_socks4,
            linger: conf.linger,
            ssl: conf.ssl,
            sni: conf.sni.clone(),
            ..Self::default()
        }
    }

    fn describe(&self) -> String {
        match self.port {
            Some(port) => format!("connect port {port}"),
            None => "connect".to_owned(),
        }
    }
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
            secure: false,
            input: Vec::new(),
            ended: false,
            response: Response::default(),
            head_only: false,
            said: None,
            ok: None,
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self) -> Next<'a> {
        loop {
            match self.script.steps.get(self.at) {
                None => return Next::Done(self.passed()),
                Some(Step::Comment(_)) => self.at += 1,
                Some(Step::Connect(connect)) => return Next::Connect(connect),
                Some(Step::Send(saying)) => return Next::Send(saying),
                Some(Step::Expect(expect)) => match self.hear(expect) {
                    Met::Yes => {
                        self.said = expect.on_success().cloned().or(self.said.take());
                        self.ok = expect.ok_status();
                        self.at += 1;
                    }
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

    /// The connection is there, and a session of TLS is to be made.
    pub(super) fn securing(&mut self) {
        self.secure = true;
    }

    /// There will be no session.
    pub(super) fn not_secured(&self) -> Outcome {
        Outcome::new(CheckStatus::L6Response, format!("SSL handshake failure{}", self.place()))
    }

    /// There will be no connection.
    pub(super) fn connection_failed(&self, error: &io::Error) -> Outcome {
        let mut outcome = Outcome::of_error(CheckStatus::L4Connection, error);
        outcome.message.push_str(&self.place());
        outcome
    }

    /// All is sent.
    pub(super) fn sent(&mut self, saying: &Saying) {
        self.head_only = matches!(saying, Saying::Http(request) if request.head_only());
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
    pub(super) fn broken(&mut self, error: &io::Error) -> Outcome {
        if self.script.protocol == Protocol::Script
            && let Some(Step::Expect(expect)) = self.script.steps.get(self.at)
        {
            // What came before counts, as it does before an orderly end.
            self.ended = true;
            if let Met::No(outcome) = self.hear(expect) {
                return outcome;
            }
        }
        Outcome::of_error(CheckStatus::SocketError, error)
    }

    /// The time is over.
    pub(super) fn timed_out(&self) -> Outcome {
        let step = self.script.steps.get(self.at);
        let status = match step {
            Some(Step::Expect(expect)) if self.connected => expect.timeout_status(),
            _ if self.connected => CheckStatus::L7Timeout,
            _ if self.secure => CheckStatus::L6Timeout,
            _ => CheckStatus::L4Timeout,
        };
        Outcome::new(status, self.place())
    }

    /// Where a script stands: ` at step 2 of tcp-check (expect string 'PONG') comment: 'ping'`.
    fn place(&self) -> String {
        if self.script.protocol != Protocol::Script {
            return String::new();
        }
        let (what, comment) = match self.script.steps.get(self.at) {
            Some(Step::Connect(connect)) if connect.implied => {
                return " at initial connection step of tcp-check".to_owned();
            }
            Some(Step::Connect(connect)) => (connect.describe(), connect.comment.as_ref()),
            Some(Step::Expect(expect)) => (format!("expect {}", expect.describe()), expect.comment()),
            Some(Step::Send(_)) => ("send".to_owned(), None),
            Some(Step::Comment(_)) | None => return String::new(),
        };
        let mut text = format!(" at step {} of tcp-check ({what})", self.number());
        if let Some(comment) = comment.or_else(|| self.comment_before()) {
            text.push_str(&format!(" comment: '{comment}'"));
        }
        text
    }

    /// The number of the step, from 1; a connection that no line asks for does not count.
    fn number(&self) -> usize {
        let implied = matches!(self.script.steps.first(), Some(Step::Connect(c)) if c.implied);
        let hidden = implied || self.script.protocol == Protocol::Http;
        self.at + usize::from(!hidden)
    }

    fn comment_before(&self) -> Option<&'a String> {
        match self.script.steps.get(self.at.checked_sub(1)?)? {
            Step::Comment(text) => Some(text),
            _ => None,
        }
    }

    fn forget(&mut self) {
        self.input.clear();
        self.ended = false;
        self.response = Response::default();
    }

    fn hear(&mut self, expect: &Expect) -> Met {
        if self.script.protocol == Protocol::Http {
            match self.response.read(&self.input) {
                Some(true) => {}
                None if !self.ended => return Met::Open,
                Some(false) | None => return Met::No(Outcome::new(CheckStatus::SocketError, "")),
            }
            if self.script.disable_on_404 && self.up && self.response.status() == 404 {
                let outcome = Outcome::new(CheckStatus::L7OkConditional, "");
                return Met::No(Outcome { code: Some(404), ..outcome });
            }
        }
        let heard = Heard {
            response: &self.response,
            input: &self.input,
            ended: self.ended,
            head_only: self.head_only,
            comment: self.comment_before(),
        };
        if self.script.protocol == Protocol::Http {
            expect.judge_http(&heard, self.number())
        } else {
            expect.judge_bytes(&heard, self.number())
        }
    }

    fn passed(&self) -> Outcome {
        let said = self.said.clone().unwrap_or_default();
        let reached = if self.secure { CheckStatus::L6Ok } else { CheckStatus::L4Ok };
        match self.script.protocol {
            Protocol::None => Outcome::new(reached, said),
            Protocol::Http => {
                let status = self.ok.unwrap_or(CheckStatus::L7Ok);
                let code = Some(self.response.status()).filter(|code| *code != 0).map(i32::from);
                Outcome { code, ..Outcome::new(status, said) }
            }
            Protocol::Script => {
                let said = if said.is_empty() { "(tcp-check)".to_owned() } else { said };
                let talks = |s: &Step| matches!(s, Step::Send(_) | Step::Expect(_));
                if !self.script.steps.iter().any(talks) {
                    return Outcome::new(reached, said);
                }
                Outcome { code: Some(0), ..Outcome::new(self.ok.unwrap_or(CheckStatus::L7Ok), said) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 16384;

    fn script(lines: &[CheckStep]) -> Script {
        Script::of(&CheckKind::Script(lines.to_vec()))
    }

    fn text(text: &str, negated: bool) -> CheckStep {
        CheckStep::Expect(CheckExpect::new(Want::Text(text.as_bytes().to_vec()), negated))
    }

    /// Goes on until bytes are needed or the outcome is there, connecting and sending without fail.
    fn drive(run: &mut Run<'_>) -> Option<Outcome> {
        loop {
            match run.next() {
                Next::Connect(_) => run.connected(),
                Next::Send(saying) => run.sent(saying),
                Next::Read => return None,
                Next::Done(outcome) => return Some(outcome),
            }
        }
    }

    #[test]
    fn a_connection_is_enough_where_nothing_is_asked() {
        for kind in [CheckKind::Tcp, CheckKind::Script(Vec::new())] {
            let script = Script::of(&kind);
            let outcome = drive(&mut Run::new(&script, true)).unwrap();
            assert_eq!((outcome.status, outcome.message.as_str()), (CheckStatus::L4Ok, ""));
        }
    }

    #[test]
    fn an_expectation_is_met_by_bytes_in_any_pieces() {
        let script = script(&[CheckStep::Send(b"PING".to_vec()), text("+PONG", false)]);
        let mut run = Run::new(&script, true);
        for piece in ["+", "PO", "N"] {
            assert!(drive(&mut run).is_none());
            run.received(piece.as_bytes(), ROOM);
        }
        assert!(drive(&mut run).is_none());
        run.received(b"G", ROOM);
        assert_eq!(drive(&mut run).unwrap().status, CheckStatus::L7Ok);
    }

    #[test]
    fn the_end_of_an_answer_decides_what_was_open() {
        let cases = [
            (text("x", false), "abc", CheckStatus::L7Response, "TCPCHK did not match content 'x' at step 1"),
            (text("x", true), "abc", CheckStatus::L7Ok, "(tcp-check)"),
            (
                text("b", true),
                "abc",
                CheckStatus::L7Response,
                "TCPCHK matched unwanted content 'b' at step 1",
            ),
            (text("x", false), "", CheckStatus::L7Response, "TCPCHK got an empty response at step 1"),
        ];
        for (line, answer, status, message) in cases {
            let script = script(&[line]);
            let mut run = Run::new(&script, true);
            assert!(drive(&mut run).is_none());
            run.received(answer.as_bytes(), ROOM);
            run.received(b"", ROOM);
            let outcome = drive(&mut run).unwrap();
            assert_eq!((outcome.status, outcome.message.as_str()), (status, message));
        }
    }

    #[test]
    fn time_tells_the_step_that_it_ran_out_in() {
        let lines =
            [CheckStep::Send(b"x".to_vec()), CheckStep::Comment("hallo".to_owned()), text("foo", false)];
        let script = script(&lines);
        let mut run = Run::new(&script, true);
        assert_eq!(run.timed_out().message, " at initial connection step of tcp-check");
        assert!(drive(&mut run).is_none());
        let outcome = run.timed_out();
        assert_eq!(outcome.status, CheckStatus::L7Timeout);
        assert_eq!(outcome.message, " at step 3 of tcp-check (expect string 'foo') comment: 'hallo'");
    }

    #[test]
    fn a_404_lets_only_a_server_that_is_up_finish() {
        let check = conf::HttpCheck { disable_on_404: true, ..conf::HttpCheck::default() };
        let script = Script::of(&CheckKind::Http(check));
        for (up, status) in [(true, CheckStatus::L7OkConditional), (false, CheckStatus::L7Status)] {
            let mut run = Run::new(&script, up);
            assert!(drive(&mut run).is_none());
            run.received(b"HTTP/1.0 404 Gone\r\n\r\n", ROOM);
            let outcome = drive(&mut run).unwrap();
            assert_eq!((outcome.status, outcome.code), (status, Some(404)));
        }
    }

    #[test]
    fn no_bytes_panic() {
        let http = Script::of(&CheckKind::Http(conf::HttpCheck {
            expect: vec![CheckExpect::new(Want::Text(b"x".to_vec()), false)],
            ..conf::HttpCheck::default()
        }));
        proptest::proptest!(|(pieces: Vec<Vec<u8>>)| {
            let mut run = Run::new(&http, true);
            for piece in &pieces {
                if drive(&mut run).is_some() {
                    break;
                }
                run.received(piece, 64);
            }
        });
    }
}
