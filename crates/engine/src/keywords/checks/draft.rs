//! The check lines of a section while it is read, and the steps that they are in the end.

use weir_config::Line;
use weir_diag::{Diagnostic, Span};

use std::sync::Arc;

use crate::conf::{
    CheckAct, CheckConnect, CheckExpect, CheckKind, CheckSend, CheckStep, CheckText, HttpSend, Program,
    Ruleset, Talk, Want,
};

/// What the check lines of a section said so far.
#[derive(Clone, Debug, Default)]
pub struct CheckDraft {
    pub(super) method: Method,
    /// `http-check` lines.
    pub(super) http: Lines,
    /// `tcp-check` lines.
    pub(super) tcp: Lines,
    /// The request of `option httpchk`.
    pub(super) request: HttpSend,
    pub(super) disable_on_404: bool,
    pub(super) send_state: bool,
    pub(super) program: ProgramDraft,
    /// `option httpchk` was given, whatever came after it.
    pub(super) asked_for_http: bool,
}

/// What the servers are checked by; the last option counts.
#[derive(Clone, Debug, Default)]
pub(super) enum Method {
    /// A connection.
    #[default]
    None,
    /// `option tcp-check`
    Tcp,
    /// `option httpchk`
    Http,
    /// Another protocol, by the name of its option.
    Protocol(&'static str, Arc<Ruleset>),
    /// `option external-check`
    Program,
}

/// `external-check` lines.
#[derive(Clone, Debug, Default)]
pub(super) struct ProgramDraft {
    pub(super) command: Option<(String, Span)>,
    pub(super) path: Option<(String, Span)>,
}

/// The lines of one ruleset.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    steps: Vec<CheckStep>,
    /// They are those of a `defaults` section, to be replaced by the first of one's own.
    inherited: bool,
    /// Where they begin where no option asks for them.
    pub(super) unasked: Option<Span>,
    /// What the first `send` of HTTP leaves to `option httpchk`.
    open: Open,
}

/// What a `send` line did not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    pub(super) method: bool,
    pub(super) uri: bool,
    pub(super) version: bool,
    pub(super) headers: bool,
    pub(super) body: bool,
}

// === impl CheckDraft ===

impl CheckDraft {
    /// The lines belong to a section that starts from this one.
    pub fn inherit(&mut self) {
        for lines in [&mut self.http, &mut self.tcp] {
            lines.inherited = true;
            lines.unasked = None;
        }
    }

    /// Keeps of lines that are ignored that there were some.
    pub fn note_ignored(&mut self, spare: &Self) {
        self.http.unasked = self.http.unasked.or(spare.http.unasked);
        self.tcp.unasked = self.tcp.unasked.or(spare.tcp.unasked);
    }

    /// The ruleset that has lines though no option asks for it: `http-check` or `tcp-check`, and where.
    pub fn unused(&self) -> impl Iterator<Item = (&'static str, &'static str, Span)> {
        let (http, tcp) = (self.http.unasked, self.tcp.unasked);
        let http = http.map(|at| ("http-check", "httpchk", at));
        http.into_iter().chain(tcp.map(|at| ("tcp-check", "tcp-check", at)))
    }

    /// Whether a server needs a port of its own to be checked; the words that say so.
    pub fn lacks_port(&self) -> Option<&'static str> {
        const RULES: &str = " nor tcp_check rule 'connect' with port information";
        match &self.method {
            Method::None => Some(""),
            Method::Program => None,
            Method::Tcp => match self.tcp.steps.iter().find(|s| is_action(s)) {
                None => Some(""),
                Some(step) => (!names_port(step)).then_some(RULES),
            },
            Method::Http => {
                let first = self.http.steps.iter().find(|s| is_action(s));
                let asks = self.http.steps.iter().any(|s| matches!(s.act, CheckAct::Send(_)));
                (!asks || !first.is_some_and(names_port)).then_some(RULES)
            }
            Method::Protocol(..) => Some(RULES),
        }
    }

    /// Whether a step of the check asks for TLS by itself.
    pub fn is_secure(&self) -> bool {
        let asks = |step: &CheckStep| matches!(&step.act, CheckAct::Connect(connect) if connect.ssl);
        self.http.steps.iter().chain(&self.tcp.steps).any(asks)
    }

    /// Whether servers are checked by `option external-check`.
    pub fn is_program(&self) -> bool {
        matches!(self.method, Method::Program)
    }

    /// Whether checks speak HTTP.
    pub fn is_http(&self) -> bool {
        matches!(self.method, Method::Http)
    }

    /// What the servers are checked by.
    pub fn kind(self, keeps_environment: bool) -> CheckKind {
        if let Method::Program = self.method {
            let command = self.program.command.map(|(text, _)| text).unwrap_or_default();
            let path = self.program.path.map(|(text, _)| text);
            return CheckKind::Program(Arc::new(Program { command, path, keeps_environment }));
        }
        CheckKind::Rules(self.rules())
    }

    /// The steps of the option that counts.
    pub fn rules(self) -> Arc<Ruleset> {
        match self.method {
            Method::None | Method::Program => Arc::default(),
            Method::Tcp => Arc::new(self.tcp.script()),
            Method::Protocol(_, rules) => rules,
            Method::Http => {
                let rules = self.http.requests(self.request);
                Arc::new(Ruleset {
                    disable_on_404: self.disable_on_404,
                    send_state: self.send_state,
                    ..rules
                })
            }
        }
    }
}

// === impl Lines ===

impl Lines {
    /// Adds a step of `tcp-check`.
    pub(super) fn add_tcp(&mut self, line: &Line, act: CheckAct) -> Result<(), Diagnostic> {
        self.own();
        let number = self.steps.last().map_or(1, |step| step.number + 1);
        if matches!(act, CheckAct::Connect(_)) {
            self.judge_first(line)?;
        }
        self.steps.push(CheckStep { number, act });
        Ok(())
    }

    /// Adds a step of `http-check`. The reference numbers them in a way of its own: the first request is the
    /// first step, whether a connection precedes it or not.
    pub(super) fn add_http(&mut self, line: &Line, act: CheckAct, asked: bool) -> Result<(), Diagnostic> {
        self.own();
        let before = self.steps.iter().rev().find(|s| is_action(s));
        let next = before.map_or(1, |step| step.number + 1);
        let missing = match (&act, before.map(|step| &step.act)) {
            (CheckAct::Connect(_), Some(before)) => {
                self.judge_first(line)?;
                (!matches!(before, CheckAct::Expect(_))).then_some(("connect", "expect"))
            }
            (CheckAct::Send(_), Some(CheckAct::Send(_) | CheckAct::Expect(_))) => Some(("send", "connect")),
            (CheckAct::Expect(_), Some(CheckAct::Connect(_))) => Some(("expect", "send")),
            _ => None,
        };
        // Without the option the lines do nothing, whatever their order.
        if let Some((name, missing)) = missing.filter(|_| asked) {
            return Err(line.alert(format!(
                "'{}' : unable to add http-check {name} rule at step {next} (missing {missing} rule)..",
                line.name()
            )));
        }
        let sent = self.steps.iter().any(|s| matches!(s.act, CheckAct::Send(_)));
        let number = match act {
            CheckAct::Send(_) if !sent => 1,
            CheckAct::Send(_) | CheckAct::Connect(_) => next,
            _ => self.steps.last().map_or(1, |step| step.number + 1),
        };
        self.steps.push(CheckStep { number, act });
        Ok(())
    }

    /// The steps, to be compiled.
    pub(super) fn steps_mut(&mut self) -> &mut [CheckStep] {
        &mut self.steps
    }

    /// Notes what the first `send` of HTTP leaves open.
    pub(super) fn leave_open(&mut self, open: Open) {
        if self.steps.iter().filter(|s| matches!(s.act, CheckAct::Send(_))).count() == 1 {
            self.open = open;
        }
    }

    /// A first rule of one's own drops the rules that were inherited.
    fn own(&mut self) {
        if std::mem::take(&mut self.inherited) {
            self.steps.clear();
        }
    }

    fn judge_first(&self, line: &Line) -> Result<(), Diagnostic> {
        match self.steps.iter().find(|s| is_action(s)) {
            Some(step) if !matches!(step.act, CheckAct::Connect(_)) => Err(line.alert(format!(
                "'{}' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' \
                 or a 'comment', when there is a 'connect' step in the tcp-check ruleset.",
                line.name()
            ))),
            _ => Ok(()),
        }
    }

    fn script(self) -> Ruleset {
        let mut steps = self.steps;
        let Some(first) = steps.iter().find(|s| is_action(s)) else { return Ruleset::default() };
        if !matches!(first.act, CheckAct::Connect(_)) {
            steps.insert(0, implied_connection());
        }
        Ruleset { talk: Talk::Script, steps, disable_on_404: false, send_state: false }
    }

    fn requests(self, request: HttpSend) -> Ruleset {
        let Self { mut steps, open, .. } = self;
        match steps
            .iter_mut()
            .find_map(|s| if let CheckAct::Send(send) = &mut s.act { Some(send) } else { None })
        {
            Some(CheckSend::Http(send)) => complete(send, request, open),
            _ => {
                let connect = steps.iter().position(|s| matches!(s.act, CheckAct::Connect(_)));
                let number = connect.and_then(|at| steps.get(at)).map_or(1, |step| step.number + 1);
                let act = CheckAct::Send(CheckSend::Http(Box::new(request)));
                steps.insert(connect.map_or(0, |at| at + 1), CheckStep { number, act });
            }
        }
        if let Some(CheckStep { act: CheckAct::Send(_), .. }) = steps.iter().rev().find(|s| is_action(s)) {
            let number = steps.last().map_or(1, |step| step.number + 1);
            let good = CheckExpect::new(Want::Status(vec![(200, 399)]));
            steps.push(CheckStep { number, act: CheckAct::Expect(good) });
        }
        if !steps.iter().any(|s| matches!(s.act, CheckAct::Connect(_))) {
            steps.insert(0, implied_connection());
        }
        Ruleset { talk: Talk::Http, steps, disable_on_404: false, send_state: false }
    }
}

/// Whether a step does more than keep a text or a variable.
fn is_action(step: &CheckStep) -> bool {
    !matches!(step.act, CheckAct::Comment(_) | CheckAct::Variable(_))
}

fn names_port(step: &CheckStep) -> bool {
    matches!(&step.act, CheckAct::Connect(connect) if connect.port.is_some() || connect.addr.is_some_and(|a| a.port() != 0))
}

fn implied_connection() -> CheckStep {
    CheckStep { number: 0, act: CheckAct::Connect(CheckConnect::implied()) }
}

/// Takes what the line did not say from `option httpchk`.
fn complete(send: &mut HttpSend, request: HttpSend, open: Open) {
    let HttpSend { method, uri, version, headers, body } = request;
    if open.method {
        send.method = method;
    }
    if open.uri {
        send.uri = uri;
    }
    if open.version {
        send.version = version;
    }
    if open.headers {
        send.headers = headers;
    }
    if open.body && body != CheckText::Plain(Vec::new()) {
        send.body = body;
    }
}
