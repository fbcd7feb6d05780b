//! From the lines of a proxy to its rules, when all names of the configuration are known.
//!
//! Messages are in HAProxy's words; each family of lines has its own way to begin them.

use std::sync::Arc;

use weir_config::{Class, Line, Word, run_of, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Severity, Sources, Span};
use weir_expr::{Acls, Condition, Expr, Format, Load, PatternFiles, Place, Purpose, Side, Words, WordsError};

use super::parse::{Parse, is_condition, number};
use super::reply::{Kind, Reply};
use super::rules::{Rule, Switch};
use super::{ACTIONS, Action, Directory, RuleSet, Rules, Slot, Target, expected};
use crate::conf::{Caps, Mode};

/// A line that is read when all names are known.
#[derive(Clone, Debug)]
pub struct RuleLine {
    /// Its words.
    pub line: Line,
    /// It stands in the `defaults` section that the proxy starts from; such lines have ACLs of their own.
    pub inherited: bool,
}

/// Compiles the rules of a configuration, proxy by proxy.
pub(crate) struct Compiler<'a> {
    directory: Directory<'a>,
    sources: &'a Sources,
    words: Arc<Words>,
    files: PatternFiles,
    out: &'a mut Diagnostics,
}

/// A proxy while its rules are compiled.
struct Draft {
    name: String,
    caps: Caps,
    kind: &'static str,
    mode: Mode,
    /// ACLs of the proxy itself, and those of its `defaults`.
    acls: [Acls; 2],
    rules: Rules,
    /// For each set, whether its last rule was final without a condition.
    ended: Vec<RuleSet>,
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    /// A compiler over these names.
    pub(crate) fn new(directory: Directory<'a>, sources: &'a Sources, out: &'a mut Diagnostics) -> Self {
        Self { directory, sources, words: Words::builtin(), files: PatternFiles::default(), out }
    }

    /// The rules of the proxy at this position of the directory.
    pub(crate) fn proxy(&mut self, index: usize, mode: Mode, lines: &[RuleLine]) -> Arc<Rules> {
        self.directory.current = index;
        let Some(named) = self.directory.proxies.get(index) else { return Arc::default() };
        let kind = match named.caps {
            Caps::FRONTEND => "frontend",
            Caps::BACKEND => "backend",
            _ => "proxy",
        };
        let mut draft = Draft {
            name: named.name.clone(),
            caps: named.caps,
            kind,
            mode,
            acls: Default::default(),
            rules: Rules::default(),
            ended: Vec::new(),
        };
        for line in lines {
            if let Err(said) = self.line(&mut draft, line) {
                self.out.push(said);
            }
        }
        self.ignored(&mut draft);
        draft.rules.finish();
        Arc::new(draft.rules)
    }

    /// The expression of `balance hash` of the proxy at this position.
    pub(crate) fn balance_key(&mut self, index: usize, at: Span, word: &Word) -> Option<Arc<Expr>> {
        self.directory.current = index;
        let named = self.directory.proxies.get(index)?;
        let kind = if named.caps == Caps::BACKEND { "backend" } else { "proxy" };
        let mut names = self.directory;
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            place: Place::UseServer,
            proxy: named.name.clone(),
            context: "balance",
            files: &mut self.files,
            warnings: Vec::new(),
        };
        let text = word.text();
        let message = match Expr::compile(&word.bytes, &mut load) {
            Ok(expr) => match expr.check_place(&load) {
                Ok(()) => return Some(Arc::new(expr)),
                Err(reason) => {
                    let needs = reason.split('\'').nth(1).unwrap_or_default();
                    format!(
                        "error detected while parsing 'balance hash' expression '{text}' which requires information from \
                         {needs}, which is not available here."
                    )
                }
            },
            Err(error) => {
                format!("failed to parse 'balance hash' expression '{text}' in : {}.", error.message)
            }
        };
        let place = crate::keywords::place(self.sources, at);
        let message = format!("{kind} '{}' [{place}]: {message}", load.proxy);
        self.out.push(word.alert(message).form(Form::Bare));
        None
    }

    fn line(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let name = line.name();
        if let Some(set) = RuleSet::ALL.into_iter().find(|set| set.name() == name) {
            return self.rule(draft, rule, set);
        }
        match name.as_str() {
            "acl" => self.acl(draft, rule),
            "tcp-request inspect-delay" => inspect_delay(draft, line),
            "use-server" => self.use_server(draft, rule),
            "use_backend" => self.use_backend(draft, rule),
            "redirect" => self.redirect(draft, rule),
            "http-error" => self.http_error(draft, rule),
            "monitor fail" => self.monitor_fail(draft, rule),
            "capture request header" => capture_header(draft, line, Side::Client),
            "capture response header" => capture_header(draft, line, Side::Server),
            "declare capture" => declare_capture(draft, line),
            _ => Ok(()),
        }
    }

    /// Lends the context of a compilation, and shows its warnings.
    fn with<T>(
        &mut self,
        draft: &Draft,
        line: &Line,
        place: Place,
        read: impl FnOnce(&mut Load<'_>) -> T,
    ) -> T {
        let mut names = self.directory;
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            place,
            proxy: draft.name.clone(),
            context: "rule",
            files: &mut self.files,
            warnings: Vec::new(),
        };
        let found = read(&mut load);
        let warnings = std::mem::take(&mut load.warnings);
        self.warn(line, warnings);
        found
    }

    /// Shows warnings; of ACLs that do not fit the place only the first.
    fn warn(&mut self, line: &Line, warnings: Vec<String>) {
        let mut misplaced = false;
        for warning in warnings {
            if warning.starts_with("parsing ") {
                self.out.push(line.warning(warning).form(Form::Config));
            } else if !warning.contains("incompatible with") {
                self.out.push(line.warning(warning));
            } else if !misplaced {
                misplaced = true;
                let name = line.name();
                self.out.push(line.warning(if name.starts_with("tcp-") {
                    let plain =
                        warning.strip_prefix('\'').and_then(|w| w.strip_suffix('\'')).unwrap_or(&warning);
                    plain.replacen(" because ", &format!(" in '{name}' because "), 1)
                } else {
                    format!("{warning}.")
                }));
            }
        }
    }

    /// Lends what the functions of actions read from.
    fn reading<T>(
        &mut self,
        draft: &Draft,
        line: &Line,
        place: Place,
        kept: &mut [Vec<Slot>; 2],
        read: impl FnOnce(&mut Parse<'_, '_>) -> T,
    ) -> T {
        let (outside, http_errors) = (self.directory.outside, self.directory.http_errors);
        let (words, at) = (line.words.as_slice(), line.name_len);
        let (set, caps, kind) = (RuleSet::HttpRequest, draft.caps, draft.kind);
        self.with(draft, line, place, |load| {
            read(&mut Parse { words, at, name: 0, set, caps, kind, load, outside, http_errors, kept })
        })
    }

    /// `redirect ...` is a rule of `http-request` by an older name; all of them come after the others.
    fn redirect(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let place = RuleSet::HttpRequest.place(draft.caps.contains(Caps::FRONTEND), true);
        let acls = draft.acls_of(rule);
        let compiled = self.reading(draft, line, place, &mut Default::default(), |reader| {
            let action = super::redirect::redirect(reader)?;
            let mut condition = reader.condition(acls);
            if let Err(e) = &mut condition {
                e.error.message.insert_str(0, "error in condition: ");
            }
            Ok((action, condition?))
        });
        let (kind, name) = (draft.kind, &draft.name);
        let (action, condition) = compiled.map_err(|e: WordsError| {
            let prefix = format!("error detected in {kind} '{name}' while parsing redirect rule : ");
            self.unresolved(line, &e).unwrap_or_else(|| ended(e.alert(&line.words, &prefix)))
        })?;
        let rule = self.made(line, condition, action);
        draft.rules.redirects.push(rule);
        Ok(())
    }

    fn use_server(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let Some((word, words)) = line.args().split_first() else {
            return Err(line.alert("'use-server' expects a server name."));
        };
        if !words.first().is_some_and(is_condition) {
            return Err(line.alert("'use-server' requires either 'if' or 'unless' followed by a condition."));
        }
        let prefix = "error detected while parsing switching rule : ";
        let condition = self.condition(draft, rule, Place::UseServer, words, prefix)?;
        let shown = word.text();
        let format =
            self.with(draft, line, Place::UseServer, |l| Format::compile(&word.bytes, Purpose::Http, l));
        let format = format.map_err(|e| {
            let at = super::place(self.sources, line.span);
            let prefix = format!("Parsing [{at}]: failed to parse use-server rule '{shown}' : ");
            ended(e.alert(word, &prefix)).form(Form::Bare)
        })?;
        let current = self.directory.current;
        let target = match format.constant() {
            Some(name) => {
                let servers = self.directory.proxies.get(current).map(|p| p.servers.as_slice());
                let at = servers.unwrap_or_default().iter().position(|s| s.as_bytes() == name);
                let Some(at) = at else {
                    let (kind, proxy) = (draft.kind, &draft.name);
                    let message = format!(
                        "{kind} '{proxy}' : unable to find server '{shown}' referenced in a 'use-server' rule."
                    );
                    return Err(word.alert(message).form(Form::Bare));
                };
                Target::Position(at)
            }
            None => Target::Named(Box::new(format)),
        };
        draft.rules.use_server.push(Switch { condition, target });
        Ok(())
    }

    fn http_error(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let place = RuleSet::HttpRequest.place(draft.caps.contains(Caps::FRONTEND), true);
        let read = self.reading(draft, line, place, &mut Default::default(), |reader| {
            let reply = Reply::parse(reader, Kind::Return, 0)?;
            match reader.words.get(reader.at) {
                Some(extra) => Err(WordsError::new(reader.at, format!("unknown keyword '{}'", extra.text()))),
                None if reply.status == 0 => Err(reader.error("expects at least a <status> as arguments")),
                None => Ok(reply),
            }
        });
        let reply = read.map_err(|e| ended(e.alert(&line.words, "http-error : ")))?;
        draft.rules.errors.push(reply);
        Ok(())
    }

    fn monitor_fail(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let words = rule.line.args();
        if !words.first().is_some_and(is_condition) {
            return Err(rule
                .line
                .alert("'monitor fail' requires either 'if' or 'unless' followed by a condition."));
        }
        let place = RuleSet::HttpRequest.place(true, false);
        let prefix = "error detected while parsing a 'monitor fail' condition : ";
        let condition = self.condition(draft, rule, place, words, prefix)?;
        draft.rules.monitor_fail.extend(condition);
        Ok(())
    }

    /// A rule and where it stands.
    fn made(&self, line: &Line, condition: Option<Condition>, action: Box<dyn Action>) -> Rule {
        let source = self.sources.of(line.span.source);
        let file = Arc::from(source.map_or("", |s| s.name.as_str()));
        Rule { condition, action, file, line: line.span.line }
    }

    fn acl(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let words = line.args();
        let Some(name) = words.first() else { return Ok(()) };
        let shown = name.text();
        if name.is("or") {
            return Err(name.alert(
                "acl name 'or' will never match. 'or' is used to express a logical disjunction within a condition.",
            ));
        }
        let place = RuleSet::HttpRequest.place(true, true);
        let mut acls = std::mem::take(&mut draft.acls);
        let [own, inherited] = &mut acls;
        let acls_here = if rule.inherited { inherited } else { own };
        let result = self.with(draft, line, place, |load| acls_here.define(words, load));
        draft.acls = acls;
        if let Err(e) = &result
            && let Some(said) = self.unresolved(line, e)
        {
            return Err(said);
        }
        result.map_err(|e| match e.word {
            0 if e.error.message.starts_with("character ") => ended(e.alert(words, "")),
            _ => ended(e.alert(words, &format!("error detected while parsing ACL '{shown}' : "))),
        })
    }

    fn use_backend(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let Some((word, rest)) = line.args().split_first() else {
            return Err(line.alert("'use_backend' expects a backend name."));
        };
        if let Some(extra) = rest.first().filter(|w| !is_condition(w)) {
            return Err(extra.alert(format!(
                "unexpected keyword '{}' after switching rule, only 'if' and 'unless' are allowed.",
                extra.text()
            )));
        }
        let prefix = "error detected while parsing switching rule : ";
        let condition = self.condition(draft, rule, Place::UseBackend, rest, prefix)?;
        let format =
            self.with(draft, line, Place::UseBackend, |l| Format::compile(&word.bytes, Purpose::Http, l));
        let shown = word.text();
        let format = format.map_err(|e| {
            let at = super::place(self.sources, line.span);
            ended(e.alert(word, &format!("Parsing [{at}]: failed to parse use_backend rule '{shown}' : ")))
                .form(Form::Bare)
        })?;
        let target = match format.constant() {
            // A name that is not there is reported with all others that point nowhere.
            Some(name) => match self.directory.find(Some(name), Side::Server) {
                Some(position) => Target::Position(position),
                None => return Ok(()),
            },
            None => Target::Named(Box::new(format)),
        };
        draft.rules.use_backend.push(Switch { condition, target });
        Ok(())
    }

    /// The condition that `words` are, or none.
    fn condition(
        &mut self,
        draft: &Draft,
        rule: &RuleLine,
        place: Place,
        words: &[Word],
        prefix: &str,
    ) -> Result<Option<Condition>, Diagnostic> {
        if words.is_empty() {
            return Ok(None);
        }
        let acls = draft.acls_of(rule);
        let compiled = self.with(draft, &rule.line, place, |load| Condition::compile(words, acls, load));
        compiled
            .map(Some)
            .map_err(|e| self.unresolved(&rule.line, &e).unwrap_or_else(|| ended(e.alert(words, prefix))))
    }

    fn rule(&mut self, draft: &mut Draft, rule: &RuleLine, set: RuleSet) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let words = &line.words;
        let name_at = line.name_len;
        let wanted = words.get(..=name_at).unwrap_or(words);
        let found = ACTIONS.find(&[Class::Action], wanted).filter(|(_, n)| *n == name_at + 1);
        let (Some((keyword, _)), Some(action)) = (found, words.get(name_at)) else {
            return Err(expected::unknown(set, line, draft.kind, &draft.name));
        };
        let parse = match run_of(keyword, action.span, &format!("{} {}", set.name(), action.text())) {
            Ok(Ok(parse)) => parse,
            Ok(Err(said)) | Err(said) => return Err(said),
        };
        let caps = draft.caps;
        let place = set.place(caps.contains(Caps::FRONTEND), caps.contains(Caps::BACKEND));
        let mut kept = std::mem::take(&mut draft.rules.slots);
        let acls = draft.acls_of(rule);
        let compiled = self.reading(draft, line, place, &mut kept, |reader| {
            (reader.at, reader.name, reader.set) = (name_at + 1, name_at, set);
            let action = parse(reader).map_err(Fault::Action)?;
            if let Some(extra) = words.get(reader.at).filter(|w| !is_condition(w)) {
                return Err(Fault::Extra(extra.clone()));
            }
            let condition = reader.condition(acls).map_err(Fault::Condition)?;
            Ok((action, condition))
        });
        draft.rules.slots = kept;
        let (action, condition) = compiled.map_err(|fault| {
            let unresolved = fault.error().and_then(|e| self.unresolved(line, e));
            unresolved.unwrap_or_else(|| fault.alert(set, words, action, (draft.kind, &draft.name)))
        })?;
        if draft.ended.contains(&set) && set.is_http() {
            draft.ended.retain(|s| *s != set);
            self.out.push(
                line.warning(format!(
                    "previous '{}' action is final and has no condition attached, further entries are NOOP.",
                    set.name()
                ))
                .tight(),
            );
        }
        if action.is_final() && condition.is_none() {
            draft.ended.push(set);
        }
        let rule = self.made(line, condition, action);
        draft.rules.push(set, rule);
        Ok(())
    }

    /// The message for a name that points nowhere, which is found when all is read.
    fn unresolved(&self, line: &Line, error: &WordsError) -> Option<Diagnostic> {
        let message = &error.error.message;
        if message.starts_with("unable to find capture id")
            || message.starts_with("unknown http-errors section")
        {
            let proxy = self.directory.proxies.get(self.directory.current)?;
            return Some(line.alert(format!("Proxy '{}': {message}.", proxy.name)).form(Form::Bare));
        }
        let (start, _) = message.find("unable to find ").zip(message.find("referenced in arg "))?;
        let mut message = message.get(start..)?.replacen("in rule expression ", "", 1);
        if let Some(at) = message.find(" in ACL expression") {
            message.truncate(at);
            message = message.replacen("sample fetch keyword", "ACL keyword", 1);
        }
        let at = super::place(self.sources, line.span);
        Some(line.alert(format!("parsing [{at}]: {message}.")).form(Form::Bare))
    }

    /// Rules that see HTTP mean nothing elsewhere.
    fn ignored(&mut self, draft: &mut Draft) {
        if draft.mode == Mode::Http {
            return;
        }
        for set in RuleSet::ALL.into_iter().filter(|set| set.is_http() && !draft.rules.is_empty(*set)) {
            let (kind, name) = (draft.kind, &draft.name);
            let message =
                format!("'{}' rules ignored for {kind} '{name}' as they require HTTP mode.", set.name());
            self.out.push(Diagnostic::new(Severity::Warning, None, message).form(Form::Bare));
        }
    }
}

// === impl Draft ===

impl Draft {
    fn slots(&mut self, side: Side) -> &mut Vec<Slot> {
        let [request, response] = &mut self.rules.slots;
        match side {
            Side::Client => request,
            Side::Server => response,
        }
    }

    /// The ACLs that a line may use.
    fn acls_of(&self, rule: &RuleLine) -> &Acls {
        let [own, inherited] = &self.acls;
        if rule.inherited { inherited } else { own }
    }
}

/// `tcp-request inspect-delay TIME`
fn inspect_delay(draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    let (kind, name) = (draft.kind, &draft.name);
    let expects =
        format!("'tcp-request inspect-delay' expects a positive delay in milliseconds, in {kind} '{name}'");
    let Some(word) = line.arg(0) else { return Err(line.alert(expects)) };
    match values::parse_time(&word.bytes, values::Unit::Milliseconds) {
        Ok(time) => {
            draft.rules.inspect_delay = Some(time.duration).filter(|d| !d.is_zero());
            Ok(())
        }
        Err(values::TimeFault::Unexpected(c)) => {
            Err(word.alert(format!("{expects} (unexpected character '{c}')")))
        }
        Err(values::TimeFault::Overflow) => Err(word.alert(format!("{expects} (timer overflow)"))),
    }
}

/// `capture request header NAME len N`
fn capture_header(draft: &mut Draft, line: &Line, side: Side) -> Result<(), Diagnostic> {
    let which = if side == Side::Client { "request" } else { "response" };
    let usage = || line.alert(format!("'capture {which}' expects 'header' <header_name> 'len' <len>."));
    let [name, len, count, ..] = line.args() else { return Err(usage()) };
    if !len.is("len") {
        return Err(usage());
    }
    let length = usize::try_from(number(count)).unwrap_or(0);
    draft.slots(side).push(Slot { header: Some(name.bytes.to_ascii_lowercase().into()), length });
    Ok(())
}

/// `declare capture request|response len N`
fn declare_capture(draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    const DIRECTION: &str = "'declare capture' requires a direction ('request' or 'response')";
    const LENGTH: &str =
        "'declare capture': 'len' requires a numeric value that represents the capture length";
    let side = match line.arg(0) {
        Some(word) if word.is("request") => Side::Client,
        Some(word) if word.is("response") => Side::Server,
        Some(word) => return Err(word.alert(DIRECTION)),
        None => return Err(line.alert(DIRECTION)),
    };
    if !line.arg(1).is_some_and(|w| w.is("len")) {
        let got = line.arg(1).map(Word::text).unwrap_or_default();
        return Err(line.alert(format!("'declare capture' requires a 'len' parameter (got '{got}')")));
    }
    let Some(count) = line.arg(2) else { return Err(line.alert(LENGTH)) };
    let length = usize::try_from(number(count)).unwrap_or(0);
    draft.slots(side).push(Slot { header: None, length });
    Ok(())
}

/// What is wrong with a rule.
enum Fault {
    Action(WordsError),
    Extra(Word),
    Condition(WordsError),
}

// === impl Fault ===

impl Fault {
    const fn error(&self) -> Option<&WordsError> {
        match self {
            Self::Action(e) | Self::Condition(e) => Some(e),
            Self::Extra(_) => None,
        }
    }

    fn alert(self, set: RuleSet, words: &[Word], action: &Word, (kind, name): (&str, &str)) -> Diagnostic {
        let (rule, action) = (set.name(), action.text());
        match self {
            Self::Action(e) if set.is_http() => ended(e.alert(
                words,
                &format!("error detected in {kind} '{name}' while parsing '{rule} {action}' rule : "),
            )),
            Self::Action(e) => e.alert(words, ""),
            Self::Extra(word) if set.is_http() => word
                .alert(format!(
                    "'{rule} {action}' expects either 'if' or 'unless' followed by a condition but found '{}'.",
                    word.text()
                ))
                .tight(),
            Self::Extra(word) => word.alert(format!(
                "'{rule} {action}' only accepts 'if' or 'unless', in {kind} '{name}' (got '{}')",
                word.text()
            )),
            Self::Condition(e) if set.is_http() => {
                let article = if rule.starts_with('h') { "an" } else { "a" };
                ended(e.alert(words, &format!("error detected while parsing {article} '{rule} {action}' condition : ")))
            }
            Self::Condition(e) => {
                let word = words.iter().find(|w| is_condition(w)).map(Word::text).unwrap_or_default();
                let prefix = format!(
                    "'{rule} {action}' : error detected in {kind} '{name}' while parsing '{word}' condition : "
                );
                e.alert(words, &prefix)
            }
        }
    }
}

/// The message with the dot that ends it.
fn ended(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.message.push('.');
    diagnostic
}
