//! From a document to plain data: sections in order, `defaults` handed down, each line to its keyword.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use weir_config::{Class, Document, Environment, Line, Place, Section, Sections, Word, values};
use weir_diag::{Diagnostic, Diagnostics, Form, Severity, Sources, Span};

use super::{
    Draft, GLOBAL, GlobalCtx, LISTS, List, ListCtx, Outside, PROXY, ProxyCtx, Templates, UserlistDraft,
    checks, cross, log_forward, log_profiles, mail, peers, rings, rules, stats_page, steps, traces, userlist,
};
use crate::conf::{Caps, Conf, Global, HttpErrors, LogProfile, Peers, Proxy};

/// What `doc` means, and everything that is to be said about it. The configuration is as complete as the messages
/// allow; it is to be used only where none of them is an alert.
pub fn resolve(doc: &Document, sources: &Sources, outside: &dyn Outside) -> (Conf, Diagnostics) {
    let outside = &WithEnvironment { outside, environment: &doc.environment };
    let mut load = Load::new(sources, outside);
    for section in &doc.sections {
        load.section(section);
    }
    load.finish()
}

/// The world outside, and the environment that the text has made for itself.
struct WithEnvironment<'a> {
    outside: &'a dyn Outside,
    environment: &'a Environment,
}

impl Outside for WithEnvironment<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.outside.read(path)
    }

    fn list(&self, path: &Path) -> std::io::Result<Option<Vec<String>>> {
        self.outside.list(path)
    }

    fn resolve(&self, name: &str, family: values::Family) -> Option<IpAddr> {
        self.outside.resolve(name, family)
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.outside.user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.outside.group(name)
    }

    fn inherited(&self, number: i32) -> std::io::Result<bool> {
        self.outside.inherited(number)
    }

    fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.environment.value(name).map(<[u8]>::to_vec)
    }
}

/// A load on its way.
pub(super) struct Load<'a> {
    pub(super) sources: &'a Sources,
    pub(super) outside: &'a dyn Outside,
    pub(super) out: Diagnostics,
    /// What is said of proxies as a whole, each message with the position of its proxy.
    pub(super) whole: Vec<(usize, Diagnostic)>,
    pub(super) conf: Conf,
    pub(super) drafts: Vec<Draft>,
    /// Where the `http-errors` sections stand.
    http_errors_at: Vec<(String, Span)>,
    /// Where the `log-profile` sections stand.
    log_profiles_at: Vec<Span>,
    /// The `peers` sections.
    pub(super) peers: Vec<Peers>,
    /// The `mailers` sections.
    pub(super) mailers: Vec<mail::Mailers>,
    /// What was said already of what TLS lacks here.
    pub(super) tls_said: super::tls::Said,
    /// The `healthcheck` sections, each as a proxy of which only the checks count.
    pub(super) healthchecks: Vec<Draft>,
    /// A server's name has no address.
    pub(super) unresolved: bool,
    pub(super) defaults: Vec<Defaults>,
    /// Which kind of proxy started from `defaults` that carry rules, by their place.
    pub(super) rule_users: Vec<(Span, Caps)>,
}

/// A `defaults` section that has been read.
pub(super) struct Defaults {
    pub(super) name: String,
    at: Span,
    pub(super) draft: Draft,
    /// How many sections of this name stood before.
    used: bool,
}

// === impl Load ===

impl<'a> Load<'a> {
    pub(super) fn new(sources: &'a Sources, outside: &'a dyn Outside) -> Self {
        let conf = Conf { global: Global { strict_limits: true, ..Global::default() }, ..Conf::default() };
        Self {
            sources,
            outside,
            out: Diagnostics::default(),
            whole: Vec::new(),
            conf,
            drafts: Vec::new(),
            http_errors_at: Vec::new(),
            log_profiles_at: Vec::new(),
            peers: Vec::new(),
            mailers: Vec::new(),
            tls_said: Vec::new(),
            healthchecks: Vec::new(),
            unresolved: false,
            defaults: Vec::new(),
            rule_users: Vec::new(),
        }
    }

    fn section(&mut self, section: &Section) {
        match section.kind {
            Sections::GLOBAL => self.global(section),
            Sections::DEFAULTS => self.defaults_section(section),
            Sections::FRONTEND => self.proxy(section, "frontend", Caps::FRONTEND),
            Sections::BACKEND => self.proxy(section, "backend", Caps::BACKEND),
            Sections::LISTEN => self.proxy(section, "listen", Caps::LISTEN),
            Sections::USERLIST => self.userlist(section),
            Sections::HTTP_ERRORS => self.http_errors(section),
            Sections::LOG_PROFILE => self.log_profile(section),
            Sections::RING => rings::section(self, section),
            Sections::LOG_FORWARD => log_forward::section(self, section),
            Sections::PEERS => self.peers(section),
            Sections::CRT_STORE => super::tls::crt_store(self, section),
            Sections::TRACES => traces::section(self, section),
            Sections::MAILERS => mail::section(self, section),
            Sections::HEALTHCHECK => checks::healthcheck(self, section),
            _ => {}
        }
    }

    fn userlist(&mut self, section: &Section) {
        let header = &section.header;
        let name = match header.words.get(1..) {
            Some([name]) => name.text().into_owned(),
            Some([_, extra, ..]) => return self.out.push(unexpected("userlist", extra)),
            _ => return self.out.push(header.alert("'userlist' expects <name> as arguments.").tight()),
        };
        if let Some(bad) = values::invalid_character(name.as_bytes()) {
            self.out.push(
                header
                    .alert(format!("character '{bad}' is not permitted in 'userlist' name '{name}'."))
                    .tight(),
            );
            return;
        }
        if self.conf.userlists.iter().any(|l| l.name == name) {
            return self.out.push(header.warning(format!("ignoring duplicated userlist '{name}'.")).tight());
        }
        let mut draft = UserlistDraft::default();
        draft.list.name = name;
        let place =
            Place { classes: &[Class::Userlist], section: Sections::USERLIST, keyword: "userlist", name: "" };
        for line in &section.lines {
            let mut line = line.clone();
            let Some(found) = LISTS.line(&place, &mut line, &mut self.out) else { continue };
            let mut ctx = ListCtx {
                list: List::Users(&mut draft),
                out: &mut self.out,
                sources: self.sources,
                outside: self.outside,
            };
            let result = (found.run)(&mut ctx, &line);
            self.out.take(result);
        }
        let list = userlist::joined(draft, &mut self.out);
        self.conf.userlists.push(Arc::new(list));
    }

    fn peers(&mut self, section: &Section) {
        let mut draft = match peers::begin(self, section) {
            Ok(draft) => draft,
            Err(said) => return self.out.push(said),
        };
        let place = Place { classes: &[Class::Peers], section: Sections::PEERS, keyword: "peers", name: "" };
        for line in &section.lines {
            let mut line = line.clone();
            let Some(found) = LISTS.line(&place, &mut line, &mut self.out) else { continue };
            let list = List::Peers(&mut draft);
            let mut ctx = ListCtx { list, out: &mut self.out, sources: self.sources, outside: self.outside };
            let result = (found.run)(&mut ctx, &line);
            self.out.take(result);
        }
        self.conf.tables.extend(draft.tables.into_iter().map(Arc::new));
        self.peers.push(draft.section);
    }

    fn http_errors(&mut self, section: &Section) {
        let header = &section.header;
        let Some(name) = header.words.get(1) else {
            return self.out.push(header.alert("missing name for http-errors section."));
        };
        if let Some(bad) = values::invalid_character(&name.bytes) {
            let message =
                format!("character '{bad}' is not permitted in 'http-errors' name '{}'.", name.text());
            return self.out.push(name.alert(message));
        }
        let name = name.text().into_owned();
        let mut errors = HttpErrors { name: name.clone(), files: Vec::new() };
        if let Some((_, at)) = self.http_errors_at.iter().find(|(other, _)| *other == name) {
            let first = place(self.sources, *at);
            self.out.push(
                header
                    .alert(format!("http-errors section '{name}' already exists (declared at {first})."))
                    .tight()
                    .related(*at, "first declared here"),
            );
        }
        self.http_errors_at.push((name, header.span));
        let place = Place {
            classes: &[Class::Proxy],
            section: Sections::HTTP_ERRORS,
            keyword: "http-errors",
            name: "",
        };
        for line in &section.lines {
            let mut line = line.clone();
            let Some(found) = LISTS.line(&place, &mut line, &mut self.out) else { continue };
            let mut ctx = ListCtx {
                list: List::Errors(&mut errors),
                out: &mut self.out,
                sources: self.sources,
                outside: self.outside,
            };
            let result = (found.run)(&mut ctx, &line);
            self.out.take(result);
        }
        self.conf.http_errors.push(Arc::new(errors));
    }

    fn log_profile(&mut self, section: &Section) {
        let known: Vec<_> = self
            .conf
            .log_profiles
            .iter()
            .map(|p| p.name.clone())
            .zip(self.log_profiles_at.iter().copied())
            .collect();
        let name = match log_profiles::name(section, &known, self.sources) {
            Ok(name) => name,
            Err(said) => return self.out.push(said),
        };
        self.log_profiles_at.push(section.header.span);
        let mut profile = LogProfile { name, ..LogProfile::default() };
        let place = Place {
            classes: &[Class::Proxy],
            section: Sections::LOG_PROFILE,
            keyword: "log-profile",
            name: "",
        };
        for line in &section.lines {
            let mut line = line.clone();
            let Some(found) = LISTS.line(&place, &mut line, &mut self.out) else { continue };
            let mut ctx = ListCtx {
                list: List::Profile(&mut profile),
                out: &mut self.out,
                sources: self.sources,
                outside: self.outside,
            };
            let result = (found.run)(&mut ctx, &line);
            self.out.take(result);
        }
        self.conf.log_profiles.push(Arc::new(profile));
    }

    fn global(&mut self, section: &Section) {
        if let Some(extra) = section.header.words.get(1) {
            self.out.push(unexpected("global", extra));
        }
        let place =
            Place { classes: &[Class::Global], section: Sections::GLOBAL, keyword: "global", name: "" };
        for line in &section.lines {
            let mut line = line.clone();
            let Some(found) = GLOBAL.line(&place, &mut line, &mut self.out) else { continue };
            let mut ctx = GlobalCtx {
                global: &mut self.conf.global,
                out: &mut self.out,
                outside: self.outside,
                patterns: &self.conf.patterns,
                sources: self.sources,
            };
            let result = (found.run)(&mut ctx, &line);
            if self.out.take(result).is_some() {
                self.out.extend(found.notice(&line));
            }
        }
    }

    fn defaults_section(&mut self, section: &Section) {
        let name = match section.name() {
            Some(word) if !word.is("from") => word.text().into_owned(),
            _ => String::new(),
        };
        let at = section.header.span;
        let mut draft = Draft::new(Proxy::new(name.clone(), Caps::LISTEN, at), "defaults");
        if let Some(from) = self.parent(section, "defaults", &name, true) {
            draft = inherit(from, Proxy::new(name.clone(), Caps::LISTEN, at), "defaults");
        }
        self.lines(section, &mut draft, Sections::DEFAULTS, "defaults");
        self.defaults.push(Defaults { name, at, draft, used: false });
    }

    fn proxy(&mut self, section: &Section, keyword: &'static str, caps: Caps) {
        let at = section.header.span;
        let Some(name) = self.proxy_name(section, keyword) else { return };
        let proxy = Proxy::new(name.clone(), caps, at);
        let (from, mut draft) = match self.parent(section, keyword, &name, false) {
            Some(from) => (Some(from.proxy.at), inherit(from, proxy, keyword)),
            None => (None, Draft::new(proxy, keyword)),
        };
        if let Some(from) = from {
            rules::judge_inherited(self, &draft, from);
        }
        self.lines(section, &mut draft, section.kind, keyword);
        self.conf.tables.extend(draft.table.clone().map(Arc::new));
        self.drafts.push(draft);
    }

    /// Judges the header of a proxy's section and returns its name.
    fn proxy_name(&mut self, section: &Section, keyword: &str) -> Option<String> {
        let Some(word) = section.name().filter(|w| !w.bytes.is_empty()) else {
            self.out.push(section.header.alert(format!("'{keyword}' expects an <id> argument")));
            return None;
        };
        // The reference complains with an alert and loads the file all the same.
        if let Some(bad) = values::invalid_character(&word.bytes) {
            let message =
                format!("character '{bad}' is not permitted in '{keyword}' name '{}'.", word.text());
            self.out.push(Diagnostic::complaint(word.span, message));
        }
        let rest = section.header.words.get(2..).unwrap_or_default();
        let extra = match rest {
            [from, _, extra, ..] if from.is("from") => Some(extra),
            [from, _] if from.is("from") => None,
            [extra, ..] => Some(extra),
            [] => None,
        };
        match extra {
            Some(extra)
                if keyword == "backend" || rest.len() > 1 && rest.first().is_some_and(|w| w.is("from")) =>
            {
                self.out.push(unexpected(keyword, extra));
            }
            Some(extra) => {
                self.out.push(extra.alert("please use the 'bind' keyword for listening addresses."));
            }
            None => {}
        }
        Some(word.text().into_owned())
    }

    /// The `defaults` section that `section` starts from: the one that `from` names, else the last before it.
    fn parent(&mut self, section: &Section, keyword: &str, name: &str, is_defaults: bool) -> Option<&Draft> {
        let Some(from) = section.from() else {
            return if is_defaults { None } else { self.defaults.last().map(|d| &d.draft) };
        };
        let wanted = from.text();
        let matches: Vec<usize> =
            self.defaults.iter().enumerate().filter(|(_, d)| d.name == wanted).map(|(i, _)| i).collect();
        let Some(&last) = matches.last() else {
            let kind = if keyword == "listen" { "proxy" } else { keyword };
            self.out.push(from.alert(format!("defaults section '{wanted}' not found for {kind} '{name}'.")));
            return None;
        };
        if let Some(first) = matches.iter().rev().nth(1).and_then(|&i| self.defaults.get(i)) {
            let here = self.defaults.get(last).map(|d| d.at).unwrap_or_default();
            let message = format!(
                "ambiguous defaults section name '{wanted}' referenced by {keyword} '{name}' exists at least at {} and {}.",
                place(self.sources, here),
                place(self.sources, first.at)
            );
            self.out.push(Diagnostic::warning(from.span, message).related(first.at, "first defined here"));
        }
        let found = self.defaults.get_mut(last)?;
        found.used = true;
        Some(&found.draft)
    }

    pub(super) fn lines(
        &mut self,
        section: &Section,
        draft: &mut Draft,
        kind: Sections,
        keyword: &'static str,
    ) {
        let name = draft.proxy.name.clone();
        let place = Place { classes: &[Class::Proxy], section: kind, keyword, name: &name };
        for line in &section.lines {
            self.proxy_line(&place, line, draft);
        }
    }

    fn proxy_line(&mut self, place: &Place<'_>, line: &Line, draft: &mut Draft) {
        let mut line = line.clone();
        let Some(found) = PROXY.line(place, &mut line, &mut self.out) else { return };
        let mut spare = found.ignored.then(|| draft.clone());
        let faults = self.out.count(Severity::Alert);
        let mut ctx = ProxyCtx {
            draft: spare.as_mut().unwrap_or(draft),
            section: place.section,
            keyword: place.keyword,
            global: &self.conf.global,
            out: &mut self.out,
            outside: self.outside,
            sources: self.sources,
        };
        let result = (found.run)(&mut ctx, &line);
        let lacking = spare.as_ref().filter(|_| result.is_ok()).and_then(|_| without_condition(&line));
        if let Some(mut spare) = spare {
            if lacking.is_some() {
                spare.rules.pop();
            }
            draft.note_ignored(spare);
        }
        self.out.extend(lacking);
        if self.out.take(result).is_some() {
            self.out.extend(found.notice(&line));
            let is_right = self.out.count(Severity::Alert) == faults;
            self.out.extend(found.late_warning.filter(|_| is_right));
        }
    }

    fn finish(mut self) -> (Conf, Diagnostics) {
        stats_page::authenticate(&mut self);
        rules::compile(&mut self);
        peers::check(&mut self);
        let (mut drafts, last_id) = cross::check(&mut self);
        peers::judge_incomplete(&mut self);
        mail::judge_unwanted(&mut self);
        rings::behind_streams(&mut self, &mut drafts);
        rings::behind_servers(&mut self, &drafts);
        rings::judge_targets(&mut self, &drafts);
        self.conf.templates = Arc::new(Templates::of(&self, last_id));
        self.conf.proxies = drafts.into_iter().map(|d| Arc::new(d.proxy)).collect();
        self.tell();
        (self.conf, self.out)
    }

    /// Adds what is to be said of proxies as a whole: proxy by proxy, each in the order of its steps.
    fn tell(&mut self) {
        let mut whole = std::mem::take(&mut self.whole);
        whole.extend(crate::log::check(&self.conf).map(|(at, said)| (at, said.step(steps::FORMATS))));
        whole.sort_by_key(|(at, said)| (said.step == steps::AGAIN, *at, said.step));
        let (general, read): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.out).into_iter().partition(|said| said.step > 0);
        self.out.extend(read.into_iter().chain(whole.into_iter().map(|(_, said)| said)).chain(general));
    }
}

/// What is wrong with a line that is ignored and lacks its condition, which is looked at all the same.
fn without_condition(line: &Line) -> Option<Diagnostic> {
    let name = line.name();
    let at = match &*name {
        "use-server" => 1,
        "force-persist" | "ignore-persist" | "monitor fail" => 0,
        _ => return None,
    };
    let word = line.arg(at).map(Word::text).unwrap_or_default();
    let message = format!("'{name}' requires either 'if' or 'unless' followed by a condition.");
    (!matches!(&*word, "if" | "unless")).then(|| line.alert(message))
}

/// A new section that takes over what `from` says.
pub(super) fn inherit(from: &Draft, own: Proxy, keyword: &'static str) -> Draft {
    let mut draft = from.clone();
    let Proxy { name, at, caps, .. } = own;
    draft.proxy = Proxy { name, at, caps, ..draft.proxy };
    draft.keyword = keyword;
    draft.own_page = false;
    draft.checks.inherit();
    if caps == Caps::BACKEND {
        draft.proxy.default_backend = None;
    }
    if caps == Caps::FRONTEND {
        draft.proxy.persistence.cookie = None;
    }
    for rule in &mut draft.rules {
        rule.inherited = true;
    }
    draft
}

/// `file:line`, as messages name a place in their text.
pub(crate) fn place(sources: &Sources, at: Span) -> String {
    let name = sources.of(at.source).map_or("", |s| s.name.as_str());
    format!("{name}:{}", at.line)
}

/// The file and the line of a place.
pub(crate) fn file_and_line(sources: &Sources, at: Span) -> (String, usize) {
    let name = sources.of(at.source).map_or("", |s| s.name.as_str());
    (name.to_owned(), at.line as usize)
}

pub(super) fn unexpected(keyword: &str, extra: &Word) -> Diagnostic {
    extra
        .alert(format!("'{keyword}' cannot handle unexpected argument '{}'.", extra.text()))
        .form(Form::Parsing)
}
