//! The words of the language, gathered from the tables of all rooms, and the checks that need nothing else.
//!
//! [`Registry::line`] finds the keyword of a line (the longest name wins: `timeout client` before `timeout`),
//! judges prefix, section and number of words, and reports in HAProxy's words; the function in the entry judges
//! the rest. [`Registry::parameter`] finds one parameter of a `bind` or `server` line.
//! A registry has one function type `F`; rooms whose functions look different make registries of their own.

use std::collections::HashMap;

use weir_diag::{Diagnostic, Diagnostics, Form, Span, nearest};

use crate::{Class, Entry, Keyword, Line, Negation, Prefix, Sections, State, Word};

/// All entries of one function type, by class and name.
#[derive(Clone, Debug)]
pub struct Registry<F: 'static> {
    list: Vec<&'static Keyword<F>>,
    by_name: HashMap<&'static str, Vec<usize>>,
    longest: usize,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The tables its words come from (`[Class::Proxy, Class::Action]`).
    pub classes: &'a [Class],
    /// The section, as one flag. For a class that belongs to one section only (`Class::Peers`), `Sections::empty()`:
    /// the section is not checked then.
    pub section: Sections,
    /// The section's keyword as messages name it: `frontend`.
    pub keyword: &'a str,
    /// The section's name, empty where it has none. A `defaults` section without one is anonymous.
    pub name: &'a str,
}

/// A keyword that may stand where it stands.
#[derive(Clone, Debug)]
pub struct Found<F: 'static> {
    /// What is known of it.
    pub entry: &'static Entry,
    /// What it does.
    pub run: F,
    /// It stands in a proxy that has no use for it (`balance` in a frontend). That was said in a warning; the
    /// arguments are still to be judged, and what they say is to be thrown away.
    pub ignored: bool,
    /// The warning about that, where it comes behind what is said of the arguments.
    pub late_warning: Option<Diagnostic>,
    /// Why it has no effect, where its arguments are judged and no more.
    pub without_effect: Option<&'static str>,
}

// === impl Registry ===

impl<F: Copy + 'static> Registry<F> {
    /// Gathers the tables. Where two entries have the same class and name, the first wins.
    pub fn new(tables: &[&'static [Keyword<F>]]) -> Self {
        let mut registry = Self { list: Vec::new(), by_name: HashMap::new(), longest: 1 };
        for keyword in tables.iter().copied().flatten() {
            registry.longest = registry.longest.max(keyword.entry.name.split(' ').count());
            registry.by_name.entry(keyword.entry.name).or_default().push(registry.list.len());
            registry.list.push(keyword);
        }
        registry
    }

    /// The entry of this class and exactly this name.
    pub fn named(&self, class: Class, name: &str) -> Option<&'static Keyword<F>> {
        let indexes = self.by_name.get(name)?;
        indexes.iter().filter_map(|&at| self.list.get(at).copied()).find(|k| k.entry.class == class)
    }

    /// Every entry, in the order of the tables.
    pub fn iter(&self) -> impl Iterator<Item = &'static Keyword<F>> {
        self.list.iter().copied()
    }

    /// A line for each entry, see [`Keyword::listing`].
    pub fn listing(&self) -> Vec<String> {
        self.iter().map(|k| k.listing()).collect()
    }

    /// The keyword that `words` begin with and how many words its name has. The longest name wins. A word with
    /// parentheses is found by what stands before them: `set-var(txn.a)` by `set-var`; options and timeouts have none.
    pub fn find(&self, classes: &[Class], words: &[Word]) -> Option<(&'static Keyword<F>, usize)> {
        let most = self.longest.min(words.len());
        (1..=most).rev().find_map(|n| {
            let words = words.get(..n)?;
            let plain: Vec<_> = words.iter().map(Word::text).collect();
            // What stands in parentheses belongs to the last word of a name.
            let earlier = plain.split_last().map_or(&[][..], |(_, earlier)| earlier);
            let has_bare = !earlier.iter().any(|word| word.contains('('));
            let plain = plain.join(" ");
            let bare = plain.split_once('(').filter(|_| has_bare).map(|(before, _)| before);
            classes
                .iter()
                .find_map(|&c| {
                    let bare =
                        bare.filter(|name| !["option ", "timeout "].iter().any(|p| name.starts_with(p)));
                    self.named(c, &plain).or_else(|| bare.and_then(|b| self.named(c, b)))
                })
                .map(|k| (k, n))
        })
    }

    /// Finds the keyword of a line and judges everything that its entry tells: prefix, section, state and number
    /// of arguments. Sets `line.name_len`. `None` where there is nothing to run: a message says why.
    pub fn line(&self, place: &Place<'_>, line: &mut Line, out: &mut Diagnostics) -> Option<Found<F>> {
        let is_name = |(keyword, name_len): &(&Keyword<F>, usize)| {
            *name_len > 1 || line.words.first().is_none_or(|word| word.is(keyword.entry.name))
        };
        let found = self.find(place.classes, &line.words).filter(is_name);
        let prefix_fault = match found {
            Some((keyword, _)) => prefix_fault(line, Some(&keyword.entry)),
            None => prefix_fault(line, None),
        };
        if let Some(fault) = prefix_fault {
            out.push(fault);
            return None;
        }
        let Some((keyword, name_len)) = found else {
            out.push(self.unknown_line(place, line));
            return None;
        };
        line.name_len = name_len;
        let entry = &keyword.entry;
        let (ignored, late_warning) = stands_here(place, line, entry, out)?;
        let run = out.take(run_of(keyword, line.name_span(), &line.name()))?;
        let run = match run {
            Ok(run) => run,
            Err(notice) => {
                out.take(arity(entry, line))?;
                out.push(notice);
                return None;
            }
        };
        out.take(arity(entry, line))?;
        let without_effect = keyword.state.without_effect();
        Some(Found { entry, run, ignored, late_warning, without_effect })
    }

    /// The parameter that stands at the beginning of `words` on a `bind` or `server` line, of class `class`.
    /// `None` where there is no such parameter; [`unknown_parameter`](Self::unknown_parameter) says that. Its values
    /// are the words behind the name, [`Entry::arity`] tells how many there may be.
    pub fn parameter(&self, class: Class, words: &[Word]) -> Option<(&'static Keyword<F>, usize)> {
        self.find(&[class], words)
    }

    /// The message for a parameter that does not exist, without the beginning that names the line:
    /// `unknown keyword 'foo'; did you mean 'tfo' maybe ?`.
    pub fn unknown_parameter(&self, class: Class, word: &Word) -> String {
        let text = word.text();
        let names = self.iter().filter(|k| k.entry.class == class).map(|k| k.entry.name);
        match nearest(&text, names) {
            Some(name) => format!("unknown keyword '{text}'; did you mean '{name}' maybe ?"),
            None => format!("unknown keyword '{text}'."),
        }
    }

    fn unknown_line(&self, place: &Place<'_>, line: &Line) -> Diagnostic {
        let Some(first) = line.words.first() else { return line.alert("empty line") };
        let here: Vec<&'static Keyword<F>> = self
            .iter()
            .filter(|k| place.classes.contains(&k.entry.class) && allows(place, &k.entry))
            .collect();
        let text = first.text();
        let second = line.words.get(1);
        let seconds: Vec<&str> = here
            .iter()
            .filter_map(|k| k.entry.name.strip_prefix(&*text)?.strip_prefix(' ')?.split(' ').next())
            .collect();
        if !seconds.is_empty() {
            return unknown_second(first, second, &seconds);
        }
        let firsts = here.iter().filter_map(|k| k.entry.name.split(' ').next());
        let base = match place.section {
            Sections::LOG_PROFILE => format!("unknown keyword '{text}' in {} section.", place.keyword),
            Sections::RING => format!("unknown statement '{text}'."),
            _ => format!("unknown keyword '{text}' in '{}' section", place.keyword),
        };
        let message = match nearest(&text, firsts.chain(sections_near(place.section).iter().copied())) {
            _ if WITHOUT_PROPOSALS.contains(place.section) => base,
            Some(name) => format!("{base}; did you mean '{name}' maybe ?"),
            None => base,
        };
        let diagnostic = first.alert(message);
        let diagnostic = if place.section == Sections::USERLIST { diagnostic.tight() } else { diagnostic };
        match self.elsewhere(&text) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }

    /// Where a word that is unknown here would be known.
    fn elsewhere(&self, first: &str) -> Option<String> {
        let homes = self
            .iter()
            .filter(|k| k.entry.name.split(' ').next() == Some(first))
            .fold(Sections::empty(), |all, k| all | k.entry.sections);
        (!homes.is_empty()).then(|| format!("'{first}' is allowed in {}", section_list(homes)))
    }
}

// === impl Found ===

impl<F> Found<F> {
    /// What is to be said of a line whose words are right and do nothing.
    pub fn notice(&self, line: &Line) -> Option<Diagnostic> {
        self.without_effect.map(|reason| no_effect(line.name_span(), &line.name(), reason))
    }
}

// === impl Keyword ===

impl<F: 'static> Keyword<F> {
    /// `class<TAB>name<TAB>state<TAB>sections<TAB>help`: what `weir keywords --long` prints, and the reference pages
    /// are made of.
    pub fn listing(&self) -> String {
        let Entry { class, name, sections, help, .. } = self.entry;
        let state = match self.state {
            State::Works(_) => "works".to_owned(),
            State::Inert(reason) | State::Judged(_, reason) => format!("inert {reason}"),
            State::Refused(reason) => format!("refused {reason}"),
        };
        format!("{}\t{name}\t{state}\t{}\t{help}", class.word(), sections.words())
    }
}

/// What `state` says of a word at `at`: the function; a notice where the word has no meaning here; an alert where
/// it is refused. For parameters, actions and all else that [`Registry::line`] does not judge.
pub fn run_of<F: Copy>(
    keyword: &Keyword<F>,
    at: Span,
    name: &str,
) -> Result<Result<F, Diagnostic>, Diagnostic> {
    match keyword.state {
        State::Works(run) | State::Judged(run, _) => Ok(Ok(run)),
        State::Inert(reason) => Ok(Err(no_effect(at, name, reason))),
        // Words of work to come share one phrase, so that tools can tell them from what never comes.
        State::Refused(reason) if reason.starts_with("comes with") => {
            Err(Diagnostic::alert(at, format!("'{name}' is not available yet (it {reason}).")))
        }
        State::Refused(reason) => Err(Diagnostic::alert(at, format!("'{name}' is not supported: {reason}."))),
    }
}

/// The notice for a word that does nothing here, for this reason.
pub fn no_effect(at: Span, name: &str, reason: &str) -> Diagnostic {
    Diagnostic::notice(at, format!("'{name}' has no effect: {reason}."))
}

/// `no` and `default` where they may not stand.
fn prefix_fault(line: &Line, entry: Option<&Entry>) -> Option<Diagnostic> {
    if line.prefix == Prefix::None {
        return None;
    }
    let is_option = line.words.first().is_some_and(|w| w.is("option"));
    let negation = entry.map_or(Negation::None, |e| e.negation);
    let allowed = match line.prefix {
        Prefix::None => true,
        Prefix::No => negation != Negation::None,
        Prefix::Default => negation == Negation::NoAndDefault,
    };
    if allowed {
        return None;
    }
    Some(match (is_option, line.words.get(1)) {
        (true, Some(option)) => {
            option.alert(format!("negation/default is not supported for option '{}'.", option.text())).tight()
        }
        (true, None) => line.alert("'option' expects an option name.").tight(),
        (false, _) => negation_alert(line.span),
    })
}

/// The alert for `no` or `default` where they may not stand.
pub fn negation_alert(at: Span) -> Diagnostic {
    Diagnostic::alert(at, NEGATION).tight()
}

/// `Err` where the keyword may not stand in this section, `Ok(Some(warning))` where it is ignored there.
fn section_verdict(place: &Place<'_>, line: &Line, entry: &Entry) -> Result<Option<Diagnostic>, Diagnostic> {
    if allows(place, entry) {
        return Ok(None);
    }
    let name = line.words.first().map(Word::text).unwrap_or_default();
    let at = line.name_span();
    if place.section == Sections::DEFAULTS {
        let said = match entry.name {
            "declare capture" => "'declare' not available in default section".to_owned(),
            "capture request header" => "'capture request' not allowed in 'defaults' section.".to_owned(),
            "capture response header" => "'capture response' not allowed in 'defaults' section.".to_owned(),
            _ => format!("'{name}' not allowed in 'defaults' section."),
        };
        return Err(Diagnostic::alert(at, said)
            .hint(format!("'{name}' is allowed in {}", section_list(entry.sections))));
    }
    if (Sections::FRONTENDS | Sections::BACKENDS).contains(place.section) {
        let lacking = if place.section == Sections::FRONTEND { "backend" } else { "frontend" };
        let (keyword, proxy) = (place.keyword, place.name);
        let whole = line.name();
        let because = format!("because {keyword} '{proxy}' has no {lacking} capability");
        let message = match &*name {
            "timeout" => format!("'{whole}' will be ignored {because}"),
            "max-keep-alive-queue"
            | "rate-limit"
            | "srvtcpka-cnt"
            | "srvtcpka-idle"
            | "srvtcpka-intvl"
            | "clitcpka-cnt"
            | "clitcpka-idle"
            | "clitcpka-intvl" => format!("{whole} will be ignored {because}"),
            "option" => {
                let option = line.words.get(1).map(Word::text).unwrap_or_default();
                let option = if option == "forwarded" { whole.into() } else { option };
                format!("'{option}' ignored {because}.")
            }
            "fullconn" => format!("'{name}' ignored {because}. Maybe you want 'maxconn' instead ?"),
            "maxconn" => format!("'{name}' ignored {because}. Maybe you want 'fullconn' instead ?"),
            _ => format!("'{name}' ignored {because}."),
        };
        return Ok(Some(Diagnostic::warning(at, message)));
    }
    Err(Diagnostic::alert(at, format!("unknown keyword '{name}' in '{}' section", place.keyword))
        .hint(format!("'{name}' is allowed in {}", section_list(entry.sections))))
}

/// Whether the line is ignored in its section, and the warning about that where it comes later. `None` where it must not
/// stand there, which is said.
fn stands_here(
    place: &Place<'_>,
    line: &Line,
    entry: &Entry,
    out: &mut Diagnostics,
) -> Option<(bool, Option<Diagnostic>)> {
    let Some(warning) = out.take(section_verdict(place, line, entry))? else { return Some((false, None)) };
    if entry.name.starts_with("option ") {
        // What is wrong with an option is said before that it is ignored.
        out.take(arity(entry, line))?;
    }
    if judges_first(line) {
        return Some((true, Some(warning)));
    }
    out.push(warning);
    if let Some(alert) = unknown_elsewhere(line, entry) {
        out.push(alert);
        return None;
    }
    Some((true, None))
}

/// Whether the arguments of a line are judged before it is said that the line is ignored.
fn judges_first(line: &Line) -> bool {
    let first = line.words.first().map(Word::text).unwrap_or_default();
    first.contains("tcpka-") || matches!(&*first, "max-keep-alive-queue" | "rate-limit" | "timeout")
}

/// Some options are ignored where they mean nothing, and then unknown: the reference goes on looking for them.
fn unknown_elsewhere(line: &Line, entry: &Entry) -> Option<Diagnostic> {
    let option = entry.name.strip_prefix("option ")?;
    let word = line.words.get(1).filter(|_| UNKNOWN_ELSEWHERE.contains(&option))?;
    Some(match line.prefix {
        Prefix::None => word.alert(format!("unknown option '{option}'; did you mean '{option}' maybe ?")),
        _ => word.alert(format!("negation/default is not supported for option '{option}'.")).tight(),
    })
}

fn allows(place: &Place<'_>, entry: &Entry) -> bool {
    place.section.is_empty() || entry.sections.is_empty() || entry.sections.intersects(place.section)
}

/// Judges the number of words behind the name: too few in the entry's own words, too many in HAProxy's usual ones.
pub fn arity(entry: &Entry, line: &Line) -> Result<(), Diagnostic> {
    let args = line.args();
    if args.len() < usize::from(entry.arity.min) {
        return Err(match entry.missing {
            Some((form, message)) => Diagnostic::alert(line.name_span(), message).form(form),
            None if entry.arity.min == 1 => {
                Diagnostic::alert(line.name_span(), format!("'{}' expects an argument.", entry.name))
            }
            None => Diagnostic::alert(
                line.name_span(),
                format!("'{}' expects {} arguments.", entry.name, entry.arity.min),
            ),
        });
    }
    match args.get(usize::from(entry.arity.max)..).and_then(<[Word]>::first) {
        Some(extra) if entry.arity.max != u16::MAX => Err(extra.alert(format!(
            "'{}' cannot handle unexpected argument '{}'.",
            entry.name,
            extra.text()
        ))),
        _ => Ok(()),
    }
}

/// The first word begins longer names, and no name goes on like this.
fn unknown_second(first: &Word, second: Option<&Word>, seconds: &[&str]) -> Diagnostic {
    let name = first.text();
    let got = second.map(Word::text).unwrap_or_default();
    if &*name == "option" {
        let Some(second) = second else {
            return first.alert("'option' expects an option name.").tight();
        };
        return second.alert(match nearest(&got, seconds.iter().copied()) {
            Some(near) => format!("unknown option '{got}'; did you mean '{near}' maybe ?"),
            None => format!("unknown option '{got}'."),
        });
    }
    let mut list: Vec<&str> = Vec::new();
    for &word in seconds {
        if !list.contains(&word) {
            list.push(word);
        }
    }
    let quoted: Vec<String> = list.iter().map(|w| format!("'{w}'")).collect();
    let (form, message) = match &*name {
        "http-request" | "http-response" | "http-after-response" | "tcp-request" | "tcp-response" => {
            (Form::Tight, format!("'{name}' expects {}, but got '{got}'.", quoted.join(", ")))
        }
        "http-check" | "tcp-check" => {
            (Form::Parsing, format!("'{name}' only supports {}. but got '{got}'", quoted.join(", ")))
        }
        _ => {
            let list = match quoted.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
                _ => quoted.join(", "),
            };
            (Form::Parsing, format!("'{name}' supports {list} (got '{got}')"))
        }
    };
    let diagnostic = second.unwrap_or(first).alert(message).form(form);
    match nearest(&got, list.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean '{name} {near}'?")),
        None => diagnostic,
    }
}

fn section_list(sections: Sections) -> String {
    const NAMES: [(Sections, &str); 13] = [
        (Sections::GLOBAL, "global"),
        (Sections::DEFAULTS, "defaults"),
        (Sections::FRONTEND, "frontend"),
        (Sections::LISTEN, "listen"),
        (Sections::BACKEND, "backend"),
        (Sections::USERLIST, "userlist"),
        (Sections::HTTP_ERRORS, "http-errors"),
        (Sections::LOG_PROFILE, "log-profile"),
        (Sections::RING, "ring"),
        (Sections::PEERS, "peers"),
        (Sections::HEALTHCHECK, "healthcheck"),
        (Sections::TRACES, "traces"),
        (Sections::MAILERS, "mailers"),
    ];
    let names: Vec<&str> = NAMES.iter().filter(|(s, _)| sections.contains(*s)).map(|(_, n)| *n).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// The options of [`unknown_elsewhere`].
const UNKNOWN_ELSEWHERE: [&str; 27] = [
    "accept-unsafe-violations-in-http-request",
    "accept-unsafe-violations-in-http-response",
    "allbackups",
    "checkcache",
    "clitcpka",
    "contstats",
    "disable-h2-upgrade",
    "dontlog-normal",
    "dontlognull",
    "h1-case-adjust-bogus-client",
    "h1-case-adjust-bogus-server",
    "http-drop-request-trailers",
    "http-drop-response-trailers",
    "http-ignore-probes",
    "http-pretend-keepalive",
    "http-use-proxy-header",
    "idle-close-on-response",
    "log-health-checks",
    "log-separate-errors",
    "logasap",
    "persist",
    "prefer-last-server",
    "socket-stats",
    "srvtcpka",
    "tcp-smart-accept",
    "tcp-smart-connect",
    "transparent",
];

/// The sections that a mistyped word in `section` may have been meant to begin.
fn sections_near(section: Sections) -> &'static [&'static str] {
    match section {
        Sections::GLOBAL => &["global", "listen", "frontend", "backend", "defaults", "peers", "resolvers"],
        _ if Sections::PROXIES.contains(section) => &["listen", "frontend", "backend", "defaults"],
        _ => &[],
    }
}

/// Where the reference proposes no other word.
const WITHOUT_PROPOSALS: Sections = Sections::PEERS
    .union(Sections::USERLIST)
    .union(Sections::HTTP_ERRORS)
    .union(Sections::HEALTHCHECK)
    .union(Sections::LOG_PROFILE)
    .union(Sections::RING)
    .union(Sections::LOG_FORWARD)
    .union(Sections::MAILERS);

const NEGATION: &str = "negation/default currently supported only for options, log, busy-polling, set-dumpable, \
                        strict-limits, insecure-fork-wanted and numa-cpu-mapping.";
