//! The lines beside the sets of rules that are read with them: `acl`, `use_backend`, `use-server`, `redirect`,
//! `http-error`, `monitor fail`, captures, delays (manual, 4.2).

use weir_config::{Class, Line, Word, run_of, values};
use weir_diag::{Diagnostic, Form};
use weir_expr::{Condition, Format, Place, Purpose, Side, WordsError};

use super::compile::{Compiler, Draft, RuleLine};
use super::fault::ended;
use super::judge::Reader;
use super::parse::{is_condition, number};
use super::reply::{Kind, Reply};
use super::rules::{PersistRule, Switch};
use super::{RuleSet, Slot, Target};
use crate::conf::Caps;
use crate::filter::FILTERS;

// === impl Compiler ===

impl Compiler<'_> {
    /// `redirect ...` is a rule of `http-request` by an older name; all of them come after the others.
    pub(super) fn redirect(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let place = RuleSet::HttpRequest.place(draft.caps.contains(Caps::FRONTEND), true);
        let acls = draft.acls_of(rule);
        let compiled = self.reading(draft, line, place, &mut Default::default(), |reader| {
            let action = super::redirect::redirect(reader, true)?;
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
        draft.rules.push(RuleSet::Redirect, rule);
        Ok(())
    }

    /// `stats http-request ...`: a rule of requests by its words, for those that are for the statistics page.
    pub(super) fn stats_rule(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let mut plain = rule.clone();
        plain.line.words.remove(0);
        plain.line.name_len = 1;
        self.rule(draft, &plain, RuleSet::Stats)
    }

    /// `stats admin CONDITION`
    pub(super) fn stats_admin(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let place = RuleSet::Stats.place(draft.caps.contains(Caps::FRONTEND), true);
        let prefix = "error detected while parsing a 'stats admin' rule : ";
        let condition = self.condition(draft, rule, place, rule.line.args(), prefix)?;
        draft.rules.stats_admin.extend(condition);
        Ok(())
    }

    pub(super) fn use_server(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
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
        let format = self.with(draft, line, Place::FrontHttpRequest, |load| {
            load.other = None;
            Format::compile(&word.bytes, Purpose::Text, load)
        });
        let format = format.map_err(|e| {
            if let Some(lost) = self.lost(&e.message) {
                return word.alert(lost).form(Form::Unresolved);
            }
            let at = super::place(self.sources, line.span);
            let prefix = format!("Parsing [{at}]; use-server rule failed to parse log-format '{shown}' : ");
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
        self.note_bytes(Reader::UseServer, condition.as_ref(), line);
        draft.rules.use_server.push(Switch { condition, target });
        Ok(())
    }

    pub(super) fn http_error(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let place = RuleSet::HttpRequest.place(draft.caps.contains(Caps::FRONTEND), true);
        let read = self.reading(draft, line, place, &mut Default::default(), |reader| {
            // It may answer at any time.
            reader.load.other = Some(Place::BackHttpResponse);
            let reply = Reply::parse(reader, Kind::Return, 0)?;
            if reply.status == 0 {
                return Err(reader.error("expects at least a <status> as arguments."));
            }
            match reader.words.get(reader.at) {
                Some(extra) => {
                    Err(WordsError::new(reader.at, format!("unknown keyword '{}'.", extra.text())))
                }
                None => Ok(reply),
            }
        });
        let reply = read.map_err(|e| {
            self.unresolved(line, &e).unwrap_or_else(|| e.alert(&line.words, "http-error : "))
        })?;
        draft.rules.errors.push(reply);
        Ok(())
    }

    /// `force-persist CONDITION`, `ignore-persist CONDITION`
    pub(super) fn persist_rule(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let (words, name) = (rule.line.args(), rule.line.name());
        if !words.first().is_some_and(is_condition) {
            return Err(rule
                .line
                .alert(format!("'{name}' requires either 'if' or 'unless' followed by a condition.")));
        }
        let place = RuleSet::TcpContent.place(false, true);
        let prefix = format!("error detected while parsing a '{name}' rule : ");
        let condition = self.condition(draft, rule, place, words, &prefix)?;
        draft.rules.persist.push(PersistRule { condition, forced: name == "force-persist" });
        Ok(())
    }

    /// `force-be-switch CONDITION`
    pub(super) fn force_be_switch(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let words = rule.line.args();
        if !words.first().is_some_and(is_condition) {
            return Err(rule
                .line
                .alert("'force-be-switch' requires either 'if' or 'unless' followed by a condition."));
        }
        let place = RuleSet::TcpContent.place(true, false);
        let prefix = "'force-be-switch' : ";
        let condition = self.condition(draft, rule, place, words, prefix)?;
        draft.rules.force_be_switch.extend(condition);
        Ok(())
    }

    pub(super) fn monitor_fail(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let words = rule.line.args();
        if !words.first().is_some_and(is_condition) {
            return Err(rule
                .line
                .alert("'monitor fail' requires either 'if' or 'unless' followed by a condition."));
        }
        let prefix = "error detected while parsing a 'monitor fail' condition : ";
        let acls = draft.acls_of(rule);
        let compiled = self.with(draft, &rule.line, Place::FrontHttpRequest, |load| {
            let condition = Condition::compile(words, acls, load);
            // Nobody asks whether it can ever hold.
            load.warnings.retain(|warning| !warning.contains("incompatible with"));
            condition
        });
        let condition = compiled
            .map_err(|e| self.unresolved(&rule.line, &e).unwrap_or_else(|| ended(e.alert(words, prefix))))?;
        draft.rules.monitor_fail.push(condition);
        Ok(())
    }

    pub(super) fn acl(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let words = line.args();
        // What ends the empty word ends the message.
        let Some(name) = words.first() else { return Err(line.alert("character '")) };
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

    /// `filter NAME ...`
    pub(super) fn filter(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
        let line = &rule.line;
        let Some((keyword, read)) = FILTERS.find(&[Class::Filter], line.args()) else {
            return Err(self.unknown_filter(draft, line));
        };
        let shown = line.args().first().map_or(line.span, |w| w.span);
        let parse = match run_of(keyword, shown, &format!("filter {}", keyword.entry.name)) {
            Ok(Ok(parse)) => parse,
            Ok(Err(said)) | Err(said) => return Err(said),
        };
        let place = RuleSet::HttpRequest.place(draft.caps.contains(Caps::FRONTEND), true);
        let at = line.name_len;
        let parsed = self.reading(draft, line, place, &mut Default::default(), |reader| {
            (reader.name, reader.at) = (at, at + read);
            parse(reader)
        });
        let filter = parsed.map_err(|e| match e.error.message.starts_with("Proxy ") {
            true => line.alert(e.error.message).form(Form::Bare),
            false => self.unresolved(line, &e).unwrap_or_else(|| e.alert(&line.words, "")),
        })?;
        draft.rules.filters.push(filter);
        Ok(())
    }

    fn unknown_filter(&self, draft: &Draft, line: &Line) -> Diagnostic {
        let Some(word) = line.arg(0) else {
            let at = super::place(self.sources, line.span);
            let (kind, name) = (draft.kind, &draft.name);
            return line.alert(format!("parsing [{at}] : missing argument for 'filter' in {kind} '{name}'."));
        };
        let names = FILTERS.iter().map(|k| k.entry.name);
        let list: String = names.map(|n| format!("\n    [{:>4}] {n}", family(n))).collect();
        word.alert(format!("'filter' : unknown keyword '{}'. Registered keywords :{list}", word.text()))
    }

    pub(super) fn use_backend(&mut self, draft: &mut Draft, rule: &RuleLine) -> Result<(), Diagnostic> {
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
            self.with(draft, line, Place::UseBackend, |l| Format::compile(&word.bytes, Purpose::Text, l));
        let shown = word.text();
        let format = format.map_err(|e| {
            if let Some(lost) = self.lost(&e.message) {
                return word.alert(lost).form(Form::Unresolved);
            }
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
        self.note_bytes(Reader::UseBackend, condition.as_ref(), line);
        draft.rules.use_backend.push(Switch { condition, target });
        Ok(())
    }
}

/// What a filter belongs to, as lists of filters say it.
fn family(filter: &str) -> &'static str {
    match filter {
        "bwlim-in" | "bwlim-out" => "BWLIM",
        "cache" => "CACHE",
        "fcgi-app" => "FCGI",
        "opentracing" => "OT",
        "spoe" => "SPOE",
        "trace" => "TRACE",
        _ => "COMP",
    }
}

/// `tcp-request inspect-delay TIME`, `tcp-response inspect-delay TIME`
pub(super) fn inspect_delay(draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    let (kind, name, words) = (draft.kind, &draft.name, line.name());
    let expects = format!("'{words}' expects a positive delay in milliseconds, in {kind} '{name}'");
    let Some(word) = line.arg(0) else { return Err(line.alert(expects)) };
    match values::parse_time(&word.bytes, values::Unit::Milliseconds) {
        Ok(time) => {
            let delay = if words.starts_with("tcp-response") {
                &mut draft.rules.response_delay
            } else {
                &mut draft.rules.inspect_delay
            };
            *delay = Some(time.duration).filter(|d| !d.is_zero());
            Ok(())
        }
        Err(values::TimeFault::Unexpected(c)) => {
            Err(word.alert(format!("{expects} (unexpected character '{c}')")))
        }
        Err(values::TimeFault::Overflow) => Err(word.alert(format!("{expects} (timer overflow)"))),
    }
}

/// `capture request header NAME len N`
pub(super) fn capture_header(draft: &mut Draft, line: &Line, side: Side) -> Result<(), Diagnostic> {
    let which = if side == Side::Client { "request" } else { "response" };
    let usage = || line.alert(format!("'capture {which}' expects 'header' <header_name> 'len' <len>."));
    let [name, len, count, rest @ ..] = line.args() else { return Err(usage()) };
    if let Some(extra) = rest.first() {
        let message = format!("'capture {which}' cannot handle unexpected argument '{}'.", extra.text());
        return Err(extra.alert(message));
    }
    if !len.is("len") {
        return Err(usage());
    }
    let length = usize::try_from(number(count)).unwrap_or(0);
    draft.slots(side).push(Slot { header: Some(name.bytes.to_ascii_lowercase().into()), length });
    Ok(())
}

/// `declare capture request|response len N`
pub(super) fn declare_capture(draft: &mut Draft, line: &Line) -> Result<(), Diagnostic> {
    const DIRECTION: &str = "'declare capture' requires a direction ('request' or 'response')";
    let side = match line.arg(0) {
        Some(word) if word.is("request") => Side::Client,
        Some(word) if word.is("response") => Side::Server,
        Some(word) => return Err(word.alert(DIRECTION)),
        None => return Err(line.alert(DIRECTION)),
    };
    if !line.arg(1).is_some_and(|w| w.is("len")) {
        return Err(line.alert("'declare capture' requires a capture length ('len')"));
    }
    let written = line.arg(2).map(Word::text).unwrap_or_default();
    if !written.bytes().all(|b| b.is_ascii_digit()) {
        return Err(line.alert(format!("'declare capture': cannot parse the length '{written}'.")));
    }
    let length = line.arg(2).map_or(0, number);
    if length <= 0 {
        return Err(line.alert("length must be > 0"));
    }
    let length = usize::try_from(length).unwrap_or(0);
    draft.slots(side).push(Slot { header: None, length });
    Ok(())
}
