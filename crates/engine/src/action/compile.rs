//! From the lines of a proxy to its rules, when all names of the configuration are known.
//!
//! Messages are in HAProxy's words; each family of lines has its own way to begin them.

use std::sync::Arc;

use weir_config::{Class, Line, Word, run_of};
use weir_diag::{Diagnostic, Diagnostics, Form, Sources, Span};
use weir_expr::{Acls, Condition, Expr, Load, PatternFiles, Place, Side, Words, WordsError};

use super::fault::{ACL, Fault, context_of, ended, is_of_names};
use super::judge::{Late, Reader};
use super::parse::{Parse, is_condition};
use super::rules::Rule;
use super::{ACTIONS, Action, Directory, RuleSet, Rules, Slot, counters, expected, lines};
use crate::conf::{Caps, Mentions, Mode, StickTable};
use crate::keywords::steps;

/// A line that is read when all names are known.
#[derive(Clone, Debug)]
pub struct RuleLine {
    /// Its words.
    pub line: Line,
    /// It stands in the `defaults` section that the proxy starts from; such lines have ACLs of their own.
    pub inherited: bool,
    /// It means nothing in its section, and is judged all the same.
    pub ignored: bool,
}

/// Compiles the rules of a configuration, proxy by proxy.
pub(crate) struct Compiler<'a> {
    pub(super) directory: Directory<'a>,
    pub(super) sources: &'a Sources,
    /// The stick tables, by number, and `tune.stick-counters`.
    pub(super) tables: &'a [Arc<StickTable>],
    counters: u32,
    /// What messages call the line that is compiled.
    context: &'static str,
    /// Tables that rules of persistence write to.
    pub(super) sticky: Vec<usize>,
    /// What is judged when all lines of the proxy are read.
    pub(super) late: Late,
    /// What takes long of the line that was read last.
    pub(super) slow: Vec<Expr>,
    /// A word was used that `expose-experimental-directives` allows.
    experimental_used: bool,
    pub(super) words: Arc<Words>,
    pub(super) files: PatternFiles,
    pub(super) out: &'a mut Diagnostics,
}

/// A proxy while its rules are compiled.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) caps: Caps,
    pub(super) kind: &'static str,
    pub(super) mode: Mode,
    /// ACLs of the proxy itself, and those of its `defaults`.
    pub(super) acls: [Acls; 2],
    pub(super) rules: Rules,
    /// For each set, whether its last rule was final without a condition.
    ended: Vec<RuleSet>,
    /// The steps of a transaction that lines were for, as far as their order matters.
    pub(super) steps: u16,
}

// === impl RuleLine ===

impl RuleLine {
    /// A line of the section itself.
    pub(crate) fn new(line: Line) -> Self {
        Self { line, inherited: false, ignored: false }
    }
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    /// A compiler over these names.
    pub(crate) fn new(
        directory: Directory<'a>,
        counters: u32,
        sources: &'a Sources,
        files: PatternFiles,
        out: &'a mut Diagnostics,
    ) -> Self {
        Self {
            tables: directory.tables,
            counters,
            context: ACL,
            sticky: Vec::new(),
            late: Late::default(),
            slow: Vec::new(),
            experimental_used: false,
            directory,
            sources,
            words: Words::builtin(),
            files,
            out,
        }
    }

    /// What was named since the last call.
    pub(crate) fn take_mentions(&mut self) -> Mentions {
        self.directory.mentions.take()
    }

    /// Takes what was said since message `from` of what is judged when all lines are read.
    pub(crate) fn take_late(&mut self, from: usize) -> Vec<Diagnostic> {
        let (read, late) = self.out.split_off(from).into_iter().partition(|said| said.step == 0);
        self.out.extend::<Vec<_>>(read);
        late
    }

    /// How many messages there are.
    pub(crate) fn said(&self) -> usize {
        self.out.len()
    }

    /// Whether a word was used that is experimental.
    pub(crate) const fn experimental_used(&self) -> bool {
        self.experimental_used
    }

    /// The numbers of the tables that rules of persistence write servers to.
    pub(crate) fn sticky(&self) -> &[usize] {
        &self.sticky
    }

    /// The rules of the proxy at this position of the directory.
    pub(crate) fn proxy(&mut self, index: usize, mode: Mode, lines: &[RuleLine]) -> Arc<Rules> {
        let Some(mut draft) = self.draft(index, mode) else { return Arc::default() };
        // Rules may name filters that stand below them.
        let (filters, others): (Vec<_>, Vec<_>) = lines.iter().partition(|l| l.line.name() == "filter");
        for line in filters.into_iter().chain(others) {
            match line {
                RuleLine { ignored: true, .. } => self.ignored_line(index, &draft, line),
                RuleLine { inherited: true, .. } => self.inherited(&mut draft, line),
                _ => self.own(&mut draft, line),
            }
        }
        self.judge(&draft);
        let [own, _] = draft.acls;
        draft.rules.acls = own;
        Arc::new(draft.rules)
    }

    /// Judges the rules of the `defaults` at this position of the directory, whoever starts from them.
    pub(crate) fn defaults(&mut self, index: usize, mode: Mode, lines: &[RuleLine]) {
        let Some(mut draft) = self.draft(index, mode) else { return };
        for line in lines.iter().filter(|line| !line.inherited) {
            self.own(&mut draft, line);
        }
        // No place can be declared here. What else lines say together is judged in each proxy.
        let late = std::mem::take(&mut self.late);
        self.judge_slots(&draft, &late);
    }

    fn draft(&mut self, index: usize, mode: Mode) -> Option<Draft> {
        self.directory.current = index;
        let named = self.directory.proxies.get(index)?;
        let kind = match named.caps {
            _ if named.is_defaults => "defaults",
            Caps::FRONTEND => "frontend",
            Caps::BACKEND => "backend",
            _ => "proxy",
        };
        Some(Draft {
            name: named.name.clone(),
            caps: named.caps,
            kind,
            mode,
            acls: Default::default(),
            rules: Rules::default(),
            ended: Vec::new(),
            steps: 0,
        })
    }

    /// Compiles a line of the section itself.
    fn own(&mut self, draft: &mut Draft, line: &RuleLine) {
        let from = self.out.len();
        let result = self.line(draft, line).map_err(|said| of_line(said, &line.line));
        // Names that point nowhere are found when the line has its place.
        if result.as_ref().map_or_else(|said| said.step > 0, |()| true) {
            let said = self.out.split_off(from);
            self.misplaced(draft, line);
            self.out.extend(said);
        }
        self.out.take(result);
    }

    /// Judges a line that means nothing in its section.
    fn ignored_line(&mut self, index: usize, draft: &Draft, line: &RuleLine) {
        let Some(mut spare) = self.draft(index, draft.mode) else { return };
        spare.acls.clone_from(&draft.acls);
        let result = self.line(&mut spare, line).map_err(|said| of_line(said, &line.line));
        self.out.take(result);
    }

    /// Compiles a line of the `defaults`, which were judged by themselves, as a section with both sides.
    fn inherited(&mut self, draft: &mut Draft, line: &RuleLine) {
        let from = self.out.len();
        let slots = self.late.slots.len();
        let caps = std::mem::replace(&mut draft.caps, Caps::LISTEN);
        // What is wrong was said already.
        let _ = self.line(draft, line);
        draft.caps = caps;
        self.late.slots.truncate(slots);
        drop(self.out.split_off(from));
    }

    /// The expression of `balance hash` of the proxy at this position.
    pub(crate) fn balance_key(&mut self, index: usize, at: Span, word: &Word) -> Option<Arc<Expr>> {
        self.context = "use-server or balance expression";
        self.directory.current = index;
        let named = self.directory.proxies.get(index)?;
        let kind = if named.caps == Caps::BACKEND { "backend" } else { "proxy" };
        let http = named.mode == Mode::Http;
        let mut names = self.directory;
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            place: Place::UseServer,
            other: None,
            proxy: named.name.clone(),
            context: self.context,
            files: self.files.clone(),
            at: crate::keywords::file_and_line(self.sources, at),
            acls: Acls::default(),
            warnings: Vec::new(),
            slow: Vec::new(),
        };
        let text = word.text();
        let message = match Expr::compile(&word.bytes, &mut load) {
            Ok(expr) => match expr.check_place(&load) {
                Ok(()) => {
                    // `balance rdp-cookie` is such an expression too, and nobody wrote it.
                    if http && expr.reads_bytes() && word.span.end - word.span.start == text.len() as u32 {
                        let place = crate::keywords::place(self.sources, at);
                        let name = &named.name;
                        let message = format!(
                            "{kind} '{name}' [{place}]: L6 sample fetch <{text}> will be ignored in 'balance hash' expression \
                             in HTTP mode."
                        );
                        let said = Diagnostic::warning(word.span, message).form(Form::Bare);
                        self.out.push(said.step(steps::BALANCE));
                    }
                    return Some(Arc::new(expr));
                }
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
        let message = match self.lost(&message) {
            Some(lost) => word.alert(lost.replace("..", ".")).form(Form::Unresolved),
            None => {
                let place = crate::keywords::place(self.sources, at);
                let name = &named.name;
                word.alert(format!("{kind} '{name}' [{place}]: {message}")).form(Form::Bare)
            }
        };
        self.out.push(message.step(steps::BALANCE));
        None
    }

    fn line(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let name = line.name();
        let action = line.words.get(line.name_len).map(Word::text).unwrap_or_default();
        self.context = context_of(&name, &action);
        if let Some(set) =
            RuleSet::ALL.into_iter().find(|set| set.name() == name && *set != RuleSet::Redirect)
        {
            return self.rule(draft, rule, set);
        }
        match name.as_str() {
            "acl" => self.acl(draft, rule),
            "tcp-request inspect-delay" | "tcp-response inspect-delay" => lines::inspect_delay(draft, line),
            "force-persist" | "ignore-persist" => self.persist_rule(draft, rule),
            "stick on" | "stick match" | "stick store-request" | "stick store-response" => {
                self.stick(draft, rule)
            }
            "use-server" => self.use_server(draft, rule),
            "use_backend" => self.use_backend(draft, rule),
            "redirect" => self.redirect(draft, rule),
            "stats admin" => self.stats_admin(draft, rule),
            "stats http-request" => self.stats_rule(draft, rule),
            "http-error" => self.http_error(draft, rule),
            "force-be-switch" => self.force_be_switch(draft, rule),
            "monitor fail" => self.monitor_fail(draft, rule),
            "filter" => self.filter(draft, rule),
            "capture request header" => lines::capture_header(draft, line, Side::Client),
            "capture response header" => lines::capture_header(draft, line, Side::Server),
            "declare capture" => lines::declare_capture(draft, line),
            _ => Ok(()),
        }
    }

    /// Lends the context of a compilation, and shows its warnings.
    pub(super) fn with<T>(
        &mut self,
        draft: &Draft,
        line: &Line,
        place: Place,
        read: impl FnOnce(&mut Load<'_>) -> T,
    ) -> T {
        let mut names = self.directory;
        let [own, _] = &draft.acls;
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            place,
            other: place.counterpart().filter(|_| draft.caps == Caps::LISTEN),
            proxy: draft.name.clone(),
            context: self.context,
            files: self.files.clone(),
            at: crate::keywords::file_and_line(self.sources, line.span),
            acls: own.clone(),
            warnings: Vec::new(),
            slow: Vec::new(),
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
    pub(super) fn reading<T>(
        &mut self,
        draft: &Draft,
        line: &Line,
        place: Place,
        kept: &mut [Vec<Slot>; 2],
        read: impl FnOnce(&mut Parse<'_, '_>) -> T,
    ) -> T {
        let Directory { outside, http_errors, log_profiles, .. } = self.directory;
        let (tables, counters) = (self.tables, self.counters);
        let (words, at) = (line.words.as_slice(), line.name_len);
        let (set, caps) = (RuleSet::HttpRequest, draft.caps);
        let mut late = std::mem::take(&mut self.late);
        let mut slow = Vec::new();
        let found = self.with(draft, line, place, |load| {
            let found = read(&mut Parse {
                words,
                at,
                name: 0,
                set,
                caps,
                load,
                outside,
                http_errors,
                log_profiles,
                tables,
                counters,
                late: &mut late,
                filters: &draft.rules.filters,
                kept,
            });
            slow.append(&mut load.slow);
            found
        });
        (self.late, self.slow) = (late, slow);
        found
    }

    /// A rule and where it stands.
    pub(super) fn made(
        &mut self,
        line: &Line,
        condition: Option<Condition>,
        action: Box<dyn Action>,
    ) -> Rule {
        let source = self.sources.of(line.span.source);
        let file = Arc::from(source.map_or("", |s| s.name.as_str()));
        let slow = std::mem::take(&mut self.slow).into();
        Rule { condition, action, slow, file, line: line.span.line }
    }

    /// The condition that `words` are, or none.
    pub(super) fn condition(
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

    pub(super) fn rule(
        &mut self,
        draft: &mut Draft,
        rule: &RuleLine,
        set: RuleSet,
    ) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let words = &line.words;
        let name_at = line.name_len;
        // Some names have two words.
        let found = [1, 2].into_iter().find_map(|names| {
            let mut wanted = words.get(..name_at + names)?.to_vec();
            if let Some(action) = wanted.get_mut(name_at)
                && let Some(name) = counters::canonical(&action.text())
            {
                action.bytes = name.as_bytes().into();
            }
            // Of the others none has anything in parentheses.
            let is_plain = wanted.get(name_at).is_some_and(|action| !action.bytes.contains(&b'('));
            ACTIONS.find(&[Class::Action], &wanted).filter(|(_, n)| *n == wanted.len() && is_plain)
        });
        let (Some((keyword, read)), Some(action)) = (found, words.get(name_at)) else {
            return Err(expected::unknown(set, line, draft.kind, &draft.name));
        };
        self.judge_experimental(action)?;
        let parse = match run_of(keyword, action.span, &format!("{} {}", set.name(), action.text())) {
            Ok(Ok(parse)) => parse,
            Ok(Err(said)) | Err(said) => return Err(said),
        };
        let (caps, name) = (draft.caps, action);
        let place = set.place(caps.contains(Caps::FRONTEND), caps.contains(Caps::BACKEND));
        let mut kept = std::mem::take(&mut draft.rules.slots);
        let acls = draft.acls_of(rule);
        let is_track = set == RuleSet::TcpContent && action.text().starts_with("track-sc");
        let compiled = self.reading(draft, line, place, &mut kept, |reader| {
            (reader.at, reader.name, reader.set) = (read, name_at, set);
            let action = parse(reader).map_err(Fault::Action);
            if matches!(&action, Err(fault) if !fault.is_of_names()) {
                return action.map(|action| (action, None));
            }
            // What a name stands for is looked up when the whole line is read.
            if let Some(extra) = words.get(reader.at).filter(|w| !is_condition(w)) {
                return Err(Fault::Extra(extra.clone()));
            }
            let condition = reader.condition(acls).map_err(|e| Fault::of_condition(e, name))?;
            let action = action?;
            let early = condition.as_ref().is_none_or(|c| c.fits(Place::FrontTcpSession));
            if is_track && !early && reader.late.tracks.last() == Some(&true) {
                // The session gives the key, but not yet whether it is tracked.
                reader.late.tracks.pop();
            }
            Ok((action, condition))
        });
        draft.rules.slots = kept;
        let (action, condition) = compiled.map_err(|fault| {
            let unresolved = fault.error().and_then(|e| self.unresolved(line, e));
            unresolved.unwrap_or_else(|| fault.alert(set, words, action, (draft.kind, &draft.name)))
        })?;
        let last = condition.is_none() && (action.is_final() || set == RuleSet::Stats);
        self.judge_end(draft, line, set, last);
        self.note_bytes(Reader::Rules(set), condition.as_ref(), line);
        draft.rules.switches_mode |= words.get(name_at).is_some_and(|w| w.is("switch-mode"));
        let rule = self.made(line, condition, action);
        draft.rules.push(set, rule);
        Ok(())
    }

    /// Warns of a rule behind one that ends its set, and notes whether this one does.
    fn judge_end(&mut self, draft: &mut Draft, line: &Line, set: RuleSet, ends: bool) {
        if draft.ended.contains(&set) && set.is_http() {
            draft.ended.retain(|s| *s != set);
            let (name, what) = match set {
                RuleSet::Stats => ("stats", ""),
                _ => (set.name(), "is final and "),
            };
            let message = format!(
                "previous '{name}' action {what}has no condition attached, further entries are NOOP."
            );
            self.out.push(line.warning(message).tight());
        }
        if ends {
            draft.ended.push(set);
        }
    }

    /// Refuses an action that is experimental where such are not exposed.
    fn judge_experimental(&mut self, action: &Word) -> Result<(), Diagnostic> {
        if !action.is("normalize-uri") {
            return Ok(());
        }
        self.experimental_used = true;
        if self.directory.experimental {
            return Ok(());
        }
        Err(action.alert(
            "'normalize-uri' action is experimental, must be allowed via a global 'expose-experimental-directives'",
        ))
    }

    /// The message for a name that points nowhere, which is found when all is read.
    pub(super) fn unresolved(&self, line: &Line, error: &WordsError) -> Option<Diagnostic> {
        let message = &error.error.message;
        if is_of_names(message) {
            let proxy = self.directory.proxies.get(self.directory.current)?;
            let message = message.strip_prefix("set-bandwidth-limit: ").unwrap_or(message);
            return Some(line.alert(format!("Proxy '{}': {message}.", proxy.name)).form(Form::Bare));
        }
        let lost = self.lost(message)?;
        Some(line.alert(lost).form(Form::Unresolved))
    }

    /// What is said of an argument that names nothing, where that is what a message is about.
    pub(super) fn lost(&self, message: &str) -> Option<String> {
        let capable = || message.find("proxy '").filter(|_| message.contains(" capability"));
        let start = message.find("unable to find ").or_else(capable)?;
        message.get(start..)?.find("referenced in arg ")?;
        let mut message = message.get(start..)?.to_owned();
        let end = message.find(" in ACL expression");
        if let Some(at) = end {
            message.truncate(at);
        }
        if end.is_some() || self.context == ACL {
            message = message.replacen("sample fetch keyword", "ACL keyword", 1);
            message = message.replacen(&format!(" in {}", self.context), "", 1);
        }
        message.push('.');
        Some(message)
    }
}

// === impl Draft ===

impl Draft {
    pub(super) fn slots(&mut self, side: Side) -> &mut Vec<Slot> {
        let [request, response] = &mut self.rules.slots;
        match side {
            Side::Client => request,
            Side::Server => response,
        }
    }

    /// The ACLs that a line may use.
    pub(super) fn acls_of(&self, rule: &RuleLine) -> &Acls {
        let [own, inherited] = &self.acls;
        if rule.inherited { inherited } else { own }
    }
}

/// What is said of a line; at its step, where it is found when all lines are read.
fn of_line(said: Diagnostic, line: &Line) -> Diagnostic {
    match said.form {
        Form::Unresolved => said.step(steps::ARGUMENTS),
        Form::Bare | Form::Late => said.step(steps::of_rule(&line.name())),
        _ => said,
    }
}
