//! The conversation of a check, without I/O: bytes come in, the next thing to do comes out.
//!
//! ```text
//! Connect ──connected──► Send ──sent──► Expect ──enough bytes──► … ──► Done
//! ```
//! One interpreter runs all rulesets. A step that fails ends the check; so do the end of the server's bytes where
//! more are expected, and time.

use std::borrow::Cow;
use std::io;

use weir_balance::health::CheckStatus;
use weir_config::values::leading_integer;
use weir_expr::{Expr, Format, Scope as _, Scratch, Value};
use weir_http::Head;

use super::errno;
use super::expect::{self, Heard, Met};
use super::http::{self, Request, Response};
use super::scope::{Variables, View};
use super::{Place, report};
use crate::conf::{
    CheckAct, CheckConnect, CheckExpect, CheckSend, CheckStep, CheckText, CheckVariable, Computed, HttpSend,
    Ruleset, Talk, VariableValue,
};
use crate::keywords::binary;
use crate::refusal::Unreached;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: CheckStatus,
    pub(super) code: Option<i32>,
    pub(super) message: String,
    /// What an agent said, up to the end of its line.
    pub(super) agent: Option<Vec<u8>>,
}

/// A check under way.
pub(super) struct Run<'a> {
    rules: &'a Ruleset,
    /// The server that is checked; absent in tests.
    place: Option<&'a Place>,
    variables: Variables,
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
}

/// What is to be done.
pub(super) enum Next<'a> {
    /// Open this, at this port where one was computed, then tell [`Run::connected`] or [`Run::connection_failed`].
    Connect(&'a CheckConnect, Option<u16>),
    /// Send this, then tell [`Run::sent`].
    Send(Cow<'a, [u8]>),
    /// Ask this, then tell [`Run::sent`].
    Ask(Request),
    /// Read more, then tell [`Run::received`] or [`Run::broken`].
    Read,
    /// It is over.
    Done(Outcome),
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn new(status: CheckStatus, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into(), agent: None }
    }

    /// What the system said.
    pub(super) fn of_error(status: CheckStatus, error: &io::Error) -> Self {
        Self::new(status, errno::text(error))
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    pub(super) fn new(rules: &'a Ruleset, place: Option<&'a Place>) -> Self {
        Self {
            rules,
            place,
            variables: Variables::of(place),
            at: 0,
            connected: false,
            secure: false,
            input: Vec::new(),
            ended: false,
            response: Response::default(),
            head_only: false,
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self) -> Next<'a> {
        loop {
            let rules = self.rules;
            let Some(step) = rules.steps.get(self.at) else { return Next::Done(self.passed()) };
            match &step.act {
                CheckAct::Comment(_) => {}
                CheckAct::Variable(variable) => self.assign(variable),
                CheckAct::Connect(connect) => return Next::Connect(connect, self.port(connect)),
                CheckAct::Send(send) => match self.words(send) {
                    Ok(next) => return next,
                    Err(what) => {
                        let message = format!("tcp-check send : {what} at step {}", step.number);
                        return Next::Done(Outcome::new(CheckStatus::L7Response, message));
                    }
                },
                CheckAct::Expect(expect) => match self.hear(expect, step.number) {
                    Met::Yes => {}
                    Met::No(outcome) => return Next::Done(outcome),
                    Met::Open => return Next::Read,
                },
            }
            self.at += 1;
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
    pub(super) fn not_secured(&self, why: Unreached) -> Outcome {
        Outcome::new(CheckStatus::L6Response, format!("{}{}", why.text(), self.whereabouts()))
    }

    /// There will be no connection.
    pub(super) fn connection_failed(&self, error: &io::Error) -> Outcome {
        let mut outcome = Outcome::of_error(CheckStatus::L4Connection, error);
        outcome.message.push_str(&self.whereabouts());
        outcome
    }

    /// All is sent.
    pub(super) fn sent(&mut self) {
        if let Some(CheckAct::Send(CheckSend::Http(send))) = self.act() {
            self.head_only = send.method == b"HEAD";
        }
        self.at += 1;
        self.forget();
    }

    /// The server said this; nothing is the end. No more than `room` bytes are looked at.
    pub(super) fn received(&mut self, bytes: &[u8], room: usize) {
        let left = room.saturating_sub(self.input.len());
        self.input.extend(bytes.iter().take(left));
        self.ended |= bytes.is_empty() || self.input.len() >= room;
    }

    /// The head of the answer came, where its framing is none of the bytes that [`Self::received`] is told.
    pub(super) fn answered(&mut self, head: Head) {
        self.response = Response::of(head);
    }

    /// No more of the answer will come.
    pub(super) fn finished(&mut self) {
        self.ended = true;
    }

    /// Whether all of the answer came, and nothing else, and its connection goes on.
    pub(super) fn is_answered(&self) -> bool {
        self.response.is_whole(&self.input, self.head_only)
    }

    /// Whether more can be looked at.
    pub(super) fn has_room(&self, room: usize) -> bool {
        self.input.len() < room
    }

    /// The connection broke.
    pub(super) fn broken(&mut self, error: &io::Error) -> Outcome {
        if matches!(self.rules.talk, Talk::Script | Talk::Protocol)
            && !self.input.is_empty()
            && let Some(CheckStep { number, act: CheckAct::Expect(expect) }) = self.rules.steps.get(self.at)
        {
            // What came before counts, as it does before an orderly end.
            self.ended = true;
            if let Met::No(outcome) = self.hear(expect, *number) {
                return outcome;
            }
        }
        Outcome::of_error(CheckStatus::SocketError, error)
    }

    /// The time is over.
    pub(super) fn timed_out(&self) -> Outcome {
        let status = match self.act() {
            Some(CheckAct::Expect(expect)) if self.connected => {
                expect.timeout_status.unwrap_or(CheckStatus::L7Timeout)
            }
            _ if self.connected => CheckStatus::L7Timeout,
            _ if self.secure => CheckStatus::L6Timeout,
            _ => CheckStatus::L4Timeout,
        };
        Outcome::new(status, self.whereabouts())
    }

    fn act(&self) -> Option<&'a CheckAct> {
        self.rules.steps.get(self.at).map(|step| &step.act)
    }

    /// Where a script stands: ` at step 2 of tcp-check (expect string 'PONG') comment: 'ping'`.
    fn whereabouts(&self) -> String {
        let Some(step) = self.rules.steps.get(self.at).filter(|_| self.rules.talk == Talk::Script) else {
            return String::new();
        };
        if step.number == 0 {
            return " at initial connection step of tcp-check".to_owned();
        }
        let (what, comment) = match &step.act {
            CheckAct::Connect(connect) => match connect.port {
                Some(port) => (format!("connect port {port}"), connect.comment.as_ref()),
                None => ("connect".to_owned(), connect.comment.as_ref()),
            },
            CheckAct::Expect(expect) => {
                (format!("expect {}", expect::describe(&expect.want)), expect.comment.as_ref())
            }
            CheckAct::Send(_) => ("send".to_owned(), None),
            CheckAct::Comment(_) | CheckAct::Variable(_) => return String::new(),
        };
        let mut text = format!(" at step {} of tcp-check ({what})", step.number);
        if let Some(comment) = comment.or_else(|| self.comment_before()) {
            text.push_str(&format!(" comment: '{comment}'"));
        }
        text
    }

    fn comment_before(&self) -> Option<&'a String> {
        match &self.rules.steps.get(self.at.checked_sub(1)?)?.act {
            CheckAct::Comment(text) => Some(text),
            _ => None,
        }
    }

    fn forget(&mut self) {
        self.input.clear();
        self.ended = false;
        self.response = Response::default();
    }

    fn hear(&mut self, expect: &CheckExpect, number: u32) -> Met {
        let http = self.rules.talk == Talk::Http;
        if http {
            match self.response.read(&self.input) {
                Some(true) => {}
                None if !self.ended => return Met::Open,
                Some(false) | None => return Met::No(Outcome::new(CheckStatus::SocketError, "")),
            }
            if self.rules.disable_on_404 && self.is_up() && self.response.status() == 404 {
                let outcome = Outcome::new(CheckStatus::L7OkConditional, "");
                return Met::No(Outcome { code: Some(404), ..outcome });
            }
        }
        let heard = Heard {
            run: self,
            response: &self.response,
            input: &self.input,
            ended: self.ended,
            head_only: self.head_only,
            comment: self.comment_before(),
        };
        if http { heard.judge_http(expect, number) } else { heard.judge_bytes(expect, number) }
    }

    fn is_up(&self) -> bool {
        self.place.is_none_or(|place| place.server.runtime.is_up())
    }

    /// What is found when all steps went well. Only an expectation that ends the ruleset has a say.
    fn passed(&self) -> Outcome {
        let actions = || self.rules.steps.iter().filter(|s| !matches!(s.act, CheckAct::Comment(_)));
        let last = match actions().next_back().map(|step| &step.act) {
            Some(CheckAct::Expect(expect)) => Some(expect),
            _ => None,
        };
        let told = last.and_then(|expect| expect.on_success.as_ref()).map(|text| self.told(text));
        let said = match (told, self.rules.talk) {
            (Some(told), _) => told,
            (None, Talk::Script) => "(tcp-check)".to_owned(),
            (None, _) => String::new(),
        };
        let talks = actions().any(|s| matches!(s.act, CheckAct::Send(_) | CheckAct::Expect(_)));
        let default = match (talks, self.secure) {
            (true, _) => CheckStatus::L7Ok,
            (false, true) => CheckStatus::L6Ok,
            (false, false) => CheckStatus::L4Ok,
        };
        let status = last.and_then(|expect| expect.ok_status).unwrap_or(default);
        let code = match last.and_then(|expect| self.code(expect)) {
            Some(code) => Some(code),
            None if self.rules.talk == Talk::Http => {
                Some(i32::from(self.response.status())).filter(|code| *code != 0)
            }
            None => Some(0).filter(|_| status.has_code() && status != CheckStatus::L6Ok),
        };
        Outcome { code, ..Outcome::new(status, said) }
    }

    /// What `status-code` gives.
    pub(super) fn code(&self, expect: &CheckExpect) -> Option<i32> {
        let expr = expect.status_code.as_ref()?;
        self.number(expr).map(|code| code as i32)
    }

    fn number(&self, expr: &Computed<Expr>) -> Option<i64> {
        let scratch = Scratch::new();
        let view = self.view();
        let value = expr.compiled.as_ref()?.eval(&view, &scratch).some()?;
        // The digits that a text begins with are a number, too.
        value.to_sint().or_else(|| value.bytes().map(leading_integer))
    }

    /// A text for people.
    pub(super) fn told(&self, text: &CheckText) -> String {
        String::from_utf8_lossy(&self.text(text)).into_owned()
    }

    /// The bytes of a text.
    pub(super) fn text<'t>(&self, text: &'t CheckText) -> Cow<'t, [u8]> {
        match text {
            CheckText::Plain(bytes) => Cow::Borrowed(bytes),
            CheckText::Format(format) => Cow::Owned(self.render(format)),
        }
    }

    /// What a format gives.
    pub(super) fn render(&self, format: &Computed<Format>) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(format) = &format.compiled {
            format.render(&self.view(), &Scratch::new(), &mut out, LONGEST);
        }
        out
    }

    /// The host that a request of the check asks for, without a port.
    pub(super) fn host(&self) -> Option<Vec<u8>> {
        let request = self.rules.steps.iter().find_map(|step| match &step.act {
            CheckAct::Send(CheckSend::Http(send)) => Some(send),
            _ => None,
        })?;
        let (_, host) = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"))?;
        let host = self.text(host);
        host.split(|b| *b == b':').next().map(<[u8]>::to_vec).filter(|host| !host.is_empty())
    }

    fn view(&self) -> View<'_> {
        View {
            place: self.place,
            variables: &self.variables,
            input: &self.input,
            response: (self.rules.talk == Talk::Http).then_some(&self.response),
            head_only: self.head_only,
        }
    }

    /// The port that an expression gives; none where it gives none that there is.
    fn port(&self, connect: &CheckConnect) -> Option<u16> {
        let number = self.number(connect.computed_port.as_ref()?)?;
        Some((number & 0xffff) as u16).filter(|port| *port != 0)
    }

    fn assign(&self, variable: &CheckVariable) {
        let (view, scratch) = (self.view(), Scratch::new());
        let text;
        let value = match &variable.value {
            None => {
                view.set_var(&variable.var, None);
                return;
            }
            Some(VariableValue::Sample(sample)) => {
                sample.compiled.as_ref().and_then(|expr| expr.eval(&view, &scratch).some())
            }
            Some(VariableValue::Text(format)) => {
                text = self.render(format);
                Some(Value::Str(&text))
            }
        };
        let Some(value) = value else { return };
        if variable.when.iter().all(|when| when.holds(&view, &variable.var, value, &scratch)) {
            view.set_var(&variable.var, Some(value));
        }
    }

    fn words(&self, send: &'a CheckSend) -> Result<Next<'a>, &'static str> {
        Ok(Next::Send(match send {
            CheckSend::Bytes(bytes) => Cow::Borrowed(bytes),
            CheckSend::Text(format) => Cow::Owned(self.render(format)),
            CheckSend::Binary(format) => {
                let bytes = binary(&self.render(format));
                Cow::Owned(bytes.map_err(|_| "failed to build log-format string")?)
            }
            CheckSend::Http(send) => return Ok(Next::Ask(self.request(send))),
            CheckSend::SslHello => {
                let mut out = Vec::new();
                let seconds = crate::clock::wall() / 1_000_000;
                weir_wire::checks::ssl_hello(&mut out, u32::try_from(seconds).unwrap_or(u32::MAX));
                Cow::Owned(out)
            }
        }))
    }

    fn request(&self, send: &HttpSend) -> Request {
        let text = |text| self.text(text).into_owned();
        let headers: Vec<_> =
            send.headers.iter().map(|(name, value)| (name.as_slice(), text(value))).collect();
        let state = self.place.filter(|_| self.rules.send_state).map(report::server_state);
        http::request(send, &text(&send.uri), &headers, text(&send.body), state)
    }
}

/// The longest text that a format gives.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Want;

    const ROOM: usize = 16384;

    fn script(acts: Vec<CheckAct>) -> Ruleset {
        let mut all = vec![CheckAct::Connect(CheckConnect::implied())];
        all.extend(acts);
        Ruleset::new(Talk::Script, 0, all)
    }

    fn text(text: &str, negated: bool) -> CheckAct {
        CheckAct::Expect(CheckExpect { negated, ..CheckExpect::new(Want::Text(text.as_bytes().to_vec())) })
    }

    /// Goes on until bytes are needed or the outcome is there, connecting and sending without fail.
    fn drive(run: &mut Run<'_>) -> Option<Outcome> {
        loop {
            match run.next() {
                Next::Connect(..) => run.connected(),
                Next::Send(_) | Next::Ask(_) => run.sent(),
                Next::Read => return None,
                Next::Done(outcome) => return Some(outcome),
            }
        }
    }

    #[test]
    fn a_connection_is_enough_where_nothing_is_asked() {
        let rules = Ruleset::default();
        let outcome = drive(&mut Run::new(&rules, None)).unwrap();
        assert_eq!((outcome.status, outcome.message.as_str()), (CheckStatus::L4Ok, ""));
    }

    #[test]
    fn an_expectation_is_met_by_bytes_in_any_pieces() {
        let rules = script(vec![CheckAct::Send(CheckSend::Bytes(b"PING".to_vec())), text("+PONG", false)]);
        let mut run = Run::new(&rules, None);
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
        for (act, answer, status, message) in cases {
            let rules = script(vec![act]);
            let mut run = Run::new(&rules, None);
            assert!(drive(&mut run).is_none());
            run.received(answer.as_bytes(), ROOM);
            if !answer.is_empty() && drive(&mut run).is_none() {
                run.received(b"", ROOM);
            }
            let outcome = drive(&mut run).unwrap();
            assert_eq!((outcome.status, outcome.message.as_str()), (status, message), "{answer}");
        }
    }

    #[test]
    fn time_tells_where_a_script_stands() {
        let rules = script(vec![CheckAct::Comment("greeting".to_owned()), text("220", false)]);
        let mut run = Run::new(&rules, None);
        assert_eq!(run.timed_out().message, " at initial connection step of tcp-check");
        assert!(drive(&mut run).is_none());
        assert_eq!(
            run.timed_out(),
            Outcome::new(
                CheckStatus::L7Timeout,
                " at step 2 of tcp-check (expect string '220') comment: 'greeting'"
            )
        );
    }
}
