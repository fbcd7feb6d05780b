//! What is said of a proxy's rules when all its lines are read: what belongs elsewhere, waits for nothing, or is
//! ignored in its mode.

use weir_config::Line;
use weir_diag::{Diagnostic, Form, Severity, Span};
use weir_expr::{Condition, Side};

use super::RuleSet;
use super::compile::{Compiler, Draft, RuleLine};
use super::directory::Directory;
use super::rules::Target;
use crate::conf::{Caps, Mode};
use crate::keywords::steps;

/// What rules leave to be judged when all lines of the proxy are read.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// For each key that `tcp-request content` tracks: whether the session alone gives it.
    pub(super) tracks: Vec<bool>,
    /// How many rules of `tcp-request content` capture what the session alone does not give.
    pub(super) captures: usize,
    /// The places for the log that rules name by number, as it is written.
    pub(super) slots: Vec<(Side, i64, RuleSet)>,
    /// Lines whose conditions read bytes as such.
    byte_readers: Vec<(Reader, Span)>,
}

/// What a condition belongs to, in the order in which they are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    UseBackend,
    UseServer,
    Stick,
    Rules(RuleSet),
}

// === impl Compiler ===

impl Compiler<'_> {
    /// Judges what all lines say together.
    pub(super) fn judge(&mut self, draft: &Draft) {
        let late = std::mem::take(&mut self.late);
        self.ignored(draft);
        self.judge_slots(draft, &late);
        self.judge_contents(draft, &late);
        self.judge_bytes(draft, late);
    }

    /// Notes a line whose condition reads bytes as such.
    pub(super) fn note_bytes(&mut self, reader: Reader, condition: Option<&Condition>, line: &Line) {
        if condition.is_some_and(Condition::reads_bytes) {
            self.late.byte_readers.push((reader, line.span));
        }
    }

    /// Rules may name places that a later line declares, but some line has to.
    pub(super) fn judge_slots(&mut self, draft: &Draft, late: &Late) {
        for (side, written, set) in &late.slots {
            let declared = draft.rules.slots(*side).len();
            if usize::try_from(*written).is_ok_and(|slot| slot < declared) {
                continue;
            }
            let (name, rule) = (&draft.name, set.name());
            let message = format!(
                "Proxy '{name}': unable to find capture id '{written}' referenced by {rule} capture rule."
            );
            let said = Diagnostic::new(Severity::Alert, None, message).form(Form::Bare);
            self.out.push(said.step(steps::of_rule(rule)));
        }
    }

    /// Keys that `tcp-request content` tracks belong elsewhere, or need something to be waited for.
    fn judge_contents(&mut self, draft: &Draft, late: &Late) {
        if !draft.caps.contains(Caps::FRONTEND) {
            return;
        }
        let (kind, name) = (draft.kind, &draft.name);
        let contents = late.tracks.contains(&false) && draft.rules.inspect_delay.is_none();
        let session = late.tracks.contains(&true) && draft.mode == Mode::Http;
        let said = [
            contents.then_some(UNWAITED),
            session.then_some(
                "not depending on request contents for an HTTP frontend should be executed at the session level, using \
                 a 'tcp-request session' rule (mandatory to track invalid HTTP requests).",
            ),
        ];
        let tracks = said.into_iter().flatten().map(|what| ("content track-sc*", what));
        let unwaited = if draft.rules.inspect_delay.is_none() { late.captures } else { 0 };
        for (rule, what) in tracks.chain(std::iter::repeat_n(("capture", UNWAITED), unwaited)) {
            let message = format!("{kind} '{name}' : a 'tcp-request {rule}' rule {what}");
            let said = Diagnostic::new(Severity::Warning, None, message).form(Form::Bare);
            self.out.push(said.step(steps::TCP_RULES));
        }
    }

    /// Nothing reads bytes as such where they are HTTP.
    fn judge_bytes(&mut self, draft: &Draft, mut late: Late) {
        if draft.mode != Mode::Http {
            return;
        }
        late.byte_readers.sort_by_key(|(reader, _)| reader.rank());
        for (reader, at) in late.byte_readers {
            let (name, place) = (&draft.name, super::place(self.sources, at));
            let message =
                format!("Proxy '{name}': L6 sample fetches ignored on HTTP proxies (declared at {place}).");
            self.out.push(Diagnostic::warning(at, message).form(Form::Bare).step(reader.step()));
        }
    }

    /// Warns of a line whose rule is run before those of lines above it.
    pub(super) fn misplaced(&mut self, draft: &mut Draft, rule: &RuleLine) {
        let name = rule.line.name();
        let steps = if RESPONSE_STEPS.contains(&name.as_str()) { &RESPONSE_STEPS[..] } else { &STEPS[..] };
        let base = if steps.len() == STEPS.len() { 0 } else { STEPS.len() };
        let Some(step) = steps.iter().position(|s| *s == name).filter(|_| !rule.inherited) else { return };
        let later = steps.iter().enumerate().skip(step + 1).find(|(n, _)| draft.steps & 1 << (base + n) != 0);
        draft.steps |= 1 << (base + step);
        let Some((_, after)) = later else { return };
        let article = if after.starts_with("http-") { "an" } else { "a" };
        self.out.push(rule.line.warning(format!(
            "a '{name}' rule placed after {article} '{after}' rule will still be processed before."
        )));
    }

    /// Rules that see HTTP mean nothing elsewhere.
    fn ignored(&mut self, draft: &Draft) {
        if draft.mode == Mode::Http || draft.rules.switches_mode || draft.upgrades(&self.directory) {
            return;
        }
        for set in RuleSet::ALL
            .into_iter()
            .filter(|set| set.is_http() && *set != RuleSet::Stats && !draft.rules.is_empty(*set))
        {
            let (kind, name) = (draft.kind, &draft.name);
            let message =
                format!("'{}' rules ignored for {kind} '{name}' as they require HTTP mode.", set.name());
            self.ignore(message);
        }
        if !draft.rules.is_empty(RuleSet::Redirect) {
            let (kind, name) = (draft.kind, &draft.name);
            let message = format!("'redirect' rules ignored for {kind} '{name}' as they require HTTP mode.");
            self.ignore(message);
        }
    }

    fn ignore(&mut self, message: String) {
        let said = Diagnostic::new(Severity::Warning, None, message).form(Form::Bare);
        self.out.push(said.step(steps::IGNORED_RULES));
    }
}

// === impl Draft ===

impl Draft {
    /// Whether sessions of TCP may become HTTP on their way to a backend.
    fn upgrades(&self, directory: &Directory<'_>) -> bool {
        let speaks_http =
            |position: usize| directory.proxies.get(position).is_some_and(|p| p.mode == Mode::Http);
        let default = directory.proxies.get(directory.current).and_then(|p| p.default_backend);
        self.caps.contains(Caps::FRONTEND)
            && (default.is_some_and(speaks_http)
                || self.rules.use_backend.iter().any(|switch| match switch.target {
                    Target::Position(position) => speaks_http(position),
                    Target::Named(_) => true,
                }))
    }
}

// === impl Reader ===

impl Reader {
    const fn rank(self) -> usize {
        match self {
            Self::UseBackend => 0,
            Self::UseServer => 1,
            Self::Stick => 2,
            Self::Rules(RuleSet::TcpResponse) => 6,
            Self::Rules(RuleSet::HttpRequest) => 7,
            Self::Rules(set) => 3 + set as usize + (set.is_http() as usize),
        }
    }

    const fn step(self) -> u8 {
        match self {
            Self::UseBackend => steps::BACKENDS,
            Self::UseServer => steps::USE_SERVER,
            Self::Stick => steps::STICK,
            Self::Rules(set) if set.is_http() => steps::HTTP_RULES,
            Self::Rules(_) => steps::TCP_RULES,
        }
    }
}

/// What rules are told that look at contents at once.
const UNWAITED: &str = "explicitly depending on request contents without any 'tcp-request inspect-delay' setting. This \
     means that this rule will randomly find its contents. This can be fixed by setting the tcp-request inspect-delay.";

/// Lines by the step of a transaction at which they count, in the order of the steps.
const STEPS: [&str; 8] = [
    "tcp-request connection",
    "tcp-request session",
    "tcp-request content",
    "monitor fail",
    "http-request",
    "redirect",
    "use_backend",
    "use-server",
];

/// The same of responses.
const RESPONSE_STEPS: [&str; 2] = ["tcp-response content", "http-response"];
