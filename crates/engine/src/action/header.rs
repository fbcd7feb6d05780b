//! Actions on header lines (manual, 4.4 "add-header", "del-header", "replace-header", "replace-value",
//! "set-header").

use weir_config::{Keyword, Word};
use weir_expr::regex::{self, Regex};
use weir_expr::{Format, Purpose, WordsError};
use weir_http::{Head, HeaderId, h1};

use super::{Action, ActionFn, Bench, LINE, Parse, Parsed, Run, Verdict, has_room, line, works};

/// The actions of this file.
pub(super) const HEADER: &[Keyword<ActionFn>] = &[
    works("http-request add-header", ADD, add),
    works("http-response add-header", ADD, add),
    works("http-after-response add-header", ADD, add),
    works("http-request set-header", SET, set),
    works("http-response set-header", SET, set),
    works("http-after-response set-header", SET, set),
    works("http-request del-header", DEL, del),
    works("http-response del-header", DEL, del),
    works("http-after-response del-header", DEL, del),
    works("http-request replace-header", REPLACE, replace_line),
    works("http-response replace-header", REPLACE, replace_line),
    works("http-after-response replace-header", REPLACE, replace_line),
    works("http-request replace-value", REPLACE_VALUE, replace_value),
    works("http-response replace-value", REPLACE_VALUE, replace_value),
    works("http-after-response replace-value", REPLACE_VALUE, replace_value),
];

const ADD: &str = "adds a header line at the end";
const SET: &str = "puts one header line in the place of all of its name";
const DEL: &str = "takes out header lines by name";
const REPLACE: &str = "replaces values of whole lines that match";
const REPLACE_VALUE: &str = "replaces values between commas that match";

#[derive(Debug)]
struct Put {
    id: HeaderId,
    name: Box<[u8]>,
    value: Format,
    alone: bool,
}

fn add(p: &mut Parse<'_, '_>) -> Parsed {
    put(p, false)
}

fn set(p: &mut Parse<'_, '_>) -> Parsed {
    put(p, true)
}

fn put(p: &mut Parse<'_, '_>, alone: bool) -> Parsed {
    let name = new_name(p, "expects exactly 2 arguments")?;
    let value = p.format(Purpose::Http, "expects exactly 2 arguments")?;
    Ok(Box::new(Put { id: HeaderId::of(&name), name, value, alone }))
}

/// The name of a header that is to be made, in lower case; whoever reads it may stumble over what is no token.
pub(super) fn new_name(p: &mut Parse<'_, '_>, missing: &str) -> Result<Box<[u8]>, WordsError> {
    let word = p.expect(missing)?;
    if let Some(bad) = word.bytes.iter().find(|b| !h1::is_token(**b)) {
        let (name, bad) = (word.text(), char::from(*bad));
        p.load.warnings.push(format!("header name '{name}' contains forbidden character '{bad}'."));
    }
    Ok(lower(word))
}

/// A header's name, in lower case.
pub(super) fn lower(word: &Word) -> Box<[u8]> {
    word.bytes.to_ascii_lowercase().into()
}

impl Action for Put {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.render(&self.value);
        let (head, Bench { text, made, room, .. }) = run.head();
        if self.alone {
            head.remove_named(self.id, &self.name);
        }
        if !has_room(head, *room, self.name.len() + text.len() + LINE) {
            return run.rewrite_failed();
        }
        head.append_known(self.id, &self.name, text);
        if self.id == HeaderId::Host {
            line::follow_host(head, text, made);
        }
        Verdict::Next
    }
}

#[derive(Debug)]
struct Del {
    name: Name,
}

/// Which names are meant.
#[derive(Debug)]
enum Name {
    Text(Match, Box<[u8]>),
    Matches(Regex),
}

/// How a name is matched with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Is,
    Begins,
    Ends,
    Holds,
}

fn del(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.expect("expects at least 1 argument")?;
    let at = p.at - 1;
    let mut method = None;
    if p.eat("-m") {
        let named = p.expect("-m flag expects exactly 1 argument")?;
        method = Some(named.text().into_owned());
    }
    let name = lower(word);
    let name = match method.as_deref() {
        None => Name::Text(Match::Is, name),
        Some("reg") => Name::Matches(Regex::compile(&word.bytes, true).map_err(|m| WordsError::new(at, m))?),
        Some(other) => match Match::named(other) {
            Some(how) => Name::Text(how, name),
            None => return Err(p.error(format!("-m with unsupported matching method '{other}'"))),
        },
    };
    Ok(Box::new(Del { name }))
}

impl Action for Del {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let (head, _) = run.head();
        match &self.name {
            Name::Text(Match::Is, name) => head.remove_named(HeaderId::of(name), name),
            other => head.remove(|_, name, _| other.fits(name)),
        }
        Verdict::Next
    }
}

// === impl Name ===

impl Name {
    fn fits(&self, name: &[u8]) -> bool {
        match self {
            Self::Text(how, text) => how.fits(name, text),
            Self::Matches(regex) => regex.is_match(name),
        }
    }
}

// === impl Match ===

impl Match {
    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Is,
            "beg" => Self::Begins,
            "end" => Self::Ends,
            "sub" => Self::Holds,
            _ => return None,
        })
    }

    pub(super) fn fits(self, name: &[u8], text: &[u8]) -> bool {
        match self {
            Self::Is => name == text,
            Self::Begins => name.starts_with(text),
            Self::Ends => name.ends_with(text),
            Self::Holds => text.is_empty() || name.windows(text.len()).any(|part| part == text),
        }
    }
}

#[derive(Debug)]
struct Replace {
    name: Box<[u8]>,
    regex: Regex,
    value: Format,
    each: bool,
}

fn replace_line(p: &mut Parse<'_, '_>) -> Parsed {
    replace(p, false)
}

fn replace_value(p: &mut Parse<'_, '_>) -> Parsed {
    replace(p, true)
}

fn replace(p: &mut Parse<'_, '_>, each: bool) -> Parsed {
    const MISSING: &str = "expects exactly 3 arguments";
    let name = lower(p.expect(MISSING)?);
    let pattern = p.expect(MISSING)?;
    let at = p.at - 1;
    let value = p.format(Purpose::Http, MISSING)?;
    let regex = Regex::compile(&pattern.bytes, true).map_err(|m| WordsError::new(at, m))?;
    Ok(Box::new(Replace { name, regex, value, each }))
}

impl Action for Replace {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if !run.head().0.has(&self.name) {
            return Verdict::Next;
        }
        run.render(&self.value);
        let (head, Bench { text, made, expanded, room, .. }) = run.head();
        let mut fits = true;
        for index in 0..head.lines().len() {
            made.clear();
            if !self.rewrite(head, index, text, made) {
                continue;
            }
            let old = head.lines().get(index).map_or(0, |l| head.value(l).len());
            if !has_room(head, *room, made.len().saturating_sub(old)) {
                fits = false;
                break;
            }
            head.set_value(index, made);
            if *self.name == *b"host" {
                line::follow_host(head, made, expanded);
            }
        }
        if fits { Verdict::Next } else { run.rewrite_failed() }
    }
}

// === impl Replace ===

impl Replace {
    /// Appends the new value of a line to `out`; whether there is one.
    fn rewrite(&self, head: &Head, index: usize, replacement: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(line) = head.lines().get(index).filter(|l| *head.name(l) == *self.name) else {
            return false;
        };
        let value = head.value(line);
        if !self.each {
            let Some(found) = self.regex.captures(value, 0) else { return false };
            regex::expand(replacement, value, &found, out);
            return true;
        }
        let mut changed = false;
        for (n, part) in value.split(|c| *c == b',').enumerate() {
            if n > 0 {
                out.push(b',');
            }
            let trimmed = part.trim_ascii();
            match self.regex.captures(trimmed, 0) {
                Some(found) => {
                    regex::expand(replacement, trimmed, &found, out);
                    changed = true;
                }
                None => out.extend_from_slice(part),
            }
        }
        changed
    }
}
