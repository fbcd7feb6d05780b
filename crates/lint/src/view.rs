//! A configuration as the checks look at it: each proxy with its lines, and what the engine understood of it.

use std::collections::HashSet;

use weir_config::{Document, Line, Prefix, Section, Sections};
use weir_diag::Span;
use weir_engine::conf::{Caps, Conf, Proxy};

use crate::condition::Terms;

/// A line and its words as text.
pub(crate) struct Row<'a> {
    pub(crate) line: &'a Line,
    pub(crate) words: Vec<String>,
    /// The condition behind it.
    pub(crate) terms: Option<(usize, Terms)>,
}

/// A section of proxies, or any other.
pub(crate) struct Part<'a> {
    pub(crate) section: &'a Section,
    pub(crate) name: String,
    pub(crate) rows: Vec<Row<'a>>,
    /// What became of it, where it is a proxy.
    pub(crate) proxy: Option<&'a Proxy>,
    /// The `defaults` section it stands on, by its place among the parts.
    pub(crate) defaults: Option<usize>,
}

/// The whole configuration.
pub(crate) struct View<'a> {
    pub(crate) conf: &'a Conf,
    pub(crate) parts: Vec<Part<'a>>,
    /// All names that stand anywhere but in the header of a section.
    pub(crate) mentioned: HashSet<String>,
    /// A `use_backend` computes its backend's name.
    pub(crate) computes_backends: bool,
}

// === impl View ===

impl<'a> View<'a> {
    pub(crate) fn new(document: &'a Document, conf: &'a Conf) -> Self {
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut nearest = None;
        for section in &document.sections {
            let mut part = Part::new(section, conf);
            if section.kind == Sections::DEFAULTS {
                nearest = Some(parts.len());
            } else if part.proxy.is_some() {
                part.defaults = match section.from() {
                    Some(from) => {
                        parts.iter().position(|p| p.section.kind == Sections::DEFAULTS && from.is(&p.name))
                    }
                    None => nearest,
                };
            }
            parts.push(part);
        }
        let mut mentioned = HashSet::new();
        for word in parts.iter().flat_map(|p| &p.rows).flat_map(|r| &r.words) {
            mentioned.insert(word.clone());
            mentioned.extend(word.split(|c: char| !is_name(c)).map(str::to_owned));
        }
        let computes_backends =
            parts.iter().flat_map(|p| &p.rows).any(|r| r.is(&["use_backend"]) && r.word(1).contains('%'));
        Self { conf, parts, mentioned, computes_backends }
    }

    /// The proxies with their sections.
    pub(crate) fn proxies(&self) -> impl Iterator<Item = (&Part<'a>, &'a Proxy)> {
        self.parts.iter().filter_map(|p| Some((p, p.proxy?))).filter(|(_, proxy)| !proxy.disabled)
    }

    /// All lines of all sections.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.parts.iter().flat_map(|p| &p.rows)
    }

    /// Whether rules of the proxy answer, or end, every request by themselves, so that none needs a server.
    pub(crate) fn answers_all(&self, part: &Part<'a>, proxy: &Proxy) -> bool {
        let known = known_of_tls(proxy);
        for row in self.rows_of(part) {
            if row.is(&["http-request", "allow"]) {
                return false;
            }
            let always = row.terms.as_ref().is_none_or(|(_, t)| t.outcome(&known) == Some(true));
            let answers = row.is(&["redirect"])
                || row.is(&["http-request"]) && ANSWERS.contains(&row.word(1))
                || row.is(&["tcp-request"]) && ANSWERS.contains(&row.word(2));
            if always && answers {
                return true;
            }
        }
        false
    }

    /// The lines of a proxy: those of its `defaults`, then its own.
    pub(crate) fn rows_of<'v>(&'v self, part: &'v Part<'a>) -> impl Iterator<Item = &'v Row<'a>> {
        let below = part.defaults.and_then(|at| self.parts.get(at)).map(|p| p.rows.as_slice());
        below.unwrap_or_default().iter().chain(&part.rows)
    }
}

// === impl Part ===

impl<'a> Part<'a> {
    fn new(section: &'a Section, conf: &'a Conf) -> Self {
        let name = section.name().map(|w| w.text().into_owned()).unwrap_or_default();
        let caps = match section.kind {
            Sections::FRONTEND => Some(Caps::FRONTEND),
            Sections::BACKEND => Some(Caps::BACKEND),
            Sections::LISTEN => Some(Caps::LISTEN),
            _ => None,
        };
        let proxy = caps.and_then(|caps| conf.proxies.iter().find(|p| p.name == name && p.caps == caps));
        let rows = section.lines.iter().map(Row::new).collect();
        Self { section, name, rows, proxy: proxy.map(AsRef::as_ref), defaults: None }
    }

    /// Where the section begins.
    pub(crate) fn at(&self) -> Span {
        self.section.header.span
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    fn new(line: &'a Line) -> Self {
        let words: Vec<String> = line.words.iter().map(|w| w.text().into_owned()).collect();
        let terms = Terms::of(&words).filter(|_| words.first().is_some_and(|w| w != "acl"));
        Self { line, words, terms }
    }

    /// Whether the line begins with these words, and has no `no` before it.
    pub(crate) fn is(&self, words: &[&str]) -> bool {
        self.line.prefix == Prefix::None
            && self.words.len() >= words.len()
            && self.words.iter().zip(words).all(|(a, b)| a == b)
    }

    /// A word, or nothing.
    pub(crate) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// Where a word stands; the line where there is none.
    pub(crate) fn at(&self, word: usize) -> Span {
        self.line.words.get(word).map_or(self.line.span, |w| w.span)
    }

    /// The words before the condition.
    pub(crate) fn said(&self) -> &[String] {
        let end = self.terms.as_ref().map_or(self.words.len(), |(at, _)| *at);
        self.words.get(..end).unwrap_or_default()
    }

    /// The word behind this one.
    pub(crate) fn after(&self, word: &str) -> Option<&str> {
        let at = self.words.iter().position(|w| w == word)?;
        self.words.get(at + 1).map(String::as_str)
    }
}

/// What a frontend's `bind` lines tell of conditions on TLS: nothing where some have it and some not, or where a PROXY
/// header may speak of it.
pub(crate) fn known_of_tls(proxy: &Proxy) -> impl Fn(&str) -> Option<bool> + use<> {
    let tls = proxy.binds.iter().filter(|b| b.tls.ssl).count();
    let all = !proxy.binds.is_empty() && tls == proxy.binds.len();
    let none = !proxy.binds.is_empty() && tls == 0 && !proxy.binds.iter().any(|b| b.accept_proxy);
    move |term| match term {
        "{ ssl_fc }" if all => Some(true),
        "{ ssl_fc }" if none => Some(false),
        term if none && term.starts_with("{ ssl_c_") => Some(false),
        _ => None,
    }
}

/// Letters that names of the language are made of.
pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.:".contains(c)
}

/// Actions after which a request needs no server.
pub(crate) const ANSWERS: [&str; 7] =
    ["use-service", "return", "redirect", "deny", "reject", "tarpit", "silent-drop"];
