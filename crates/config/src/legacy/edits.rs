//! The `req*` and `rsp*` words of versions up to 1.9: regular expressions over whole lines of messages, as rules.
//!
//! A line of a message was a request line (`GET /uri HTTP/1.1`) or a header with its name. Which one an expression is
//! about shows in how it begins; where it does not, there is no rule that says the same, and the line is refused.

use super::{like, special::one};
use crate::{Line, Word};

/// `reqadd`, `rspadd`: a header line.
pub(super) fn add(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let (header, condition) = args.split_first()?;
    let text = header.text();
    let (name, value) = text.split_once(':')?;
    let rule = if is_response(line) { "http-response add-header" } else { "http-request add-header" };
    build(line, rule, &[name.trim(), &constant(value.trim())], condition)
}

/// `reqdel`, `rspdel` and those that ignore case: header lines that match.
pub(super) fn del(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let (search, condition) = args.split_first()?;
    let (text, side) = (search.text(), side(line));
    if let Some(start) = text.strip_prefix('^').filter(|name| is_name(name)) {
        return build(line, &format!("{side} del-header"), &[start, "-m", "beg"], condition);
    }
    let header = Header::of(&text)?;
    if matches!(header.value.as_str(), "" | ".*" | ".*$") {
        return build(line, &format!("{side} del-header"), &[&header.name], condition);
    }
    // One line among others of its name: what is left of it says nothing. An empty word would end the line.
    let pattern = insensitive(line, &format!("{}.*", header.value.trim_end_matches(".*")));
    build(line, &format!("{side} replace-header"), &[&header.name, &pattern, "%[str()]"], condition)
}

/// `reqrep`, `rsprep` and those that ignore case: lines that match are replaced whole.
pub(super) fn replace(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let [search, with, condition @ ..] = args else { return None };
    let (search, with) = (search.text(), with.text());
    if let Some(header) = Header::of(&search) {
        let (name, value) = with.split_once(':')?;
        if !name.eq_ignore_ascii_case(&header.name) {
            return None;
        }
        let pattern =
            if header.value.is_empty() { ".*".to_owned() } else { insensitive(line, &header.value) };
        let rule = format!("{} replace-header", side(line));
        return build(line, &rule, &[&header.name, &pattern, &constant(value.trim())], condition);
    }
    if is_response(line) {
        return None;
    }
    let request = RequestLine::of(&search)?;
    let rest = match request.grouped {
        true => renumbered(with.strip_prefix("\\1 ")?)?,
        false => return None,
    };
    let pattern = insensitive(line, &format!("^{}", request.uri));
    let rest = rest.strip_suffix(" HTTP/1.0").or(rest.strip_suffix(" HTTP/1.1")).unwrap_or(&rest);
    build(line, "http-request replace-pathq", &[&pattern, &constant(rest)], condition)
}

/// `reqallow`, `reqdeny`, `reqtarpit`, `rspdeny` and those that ignore case.
pub(super) fn judge(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let (search, condition) = args.split_first()?;
    let word = line.words.first()?.text().into_owned();
    let action = ["allow", "deny", "tarpit"].into_iter().find(|action| word.ends_with(action))?;
    let mut words = like(line.words.first(), &format!("{} {action} if", side(line)));
    words.extend(holds(line, &search.text())?);
    words.extend(joined(condition)?);
    Some(vec![Line { words, ..line.clone() }])
}

/// `reqsetbe`, `reqisetbe`: a backend for requests with a line that matches.
pub(super) fn set_backend(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let [search, backend, condition @ ..] = args else { return None };
    let mut words = like(line.words.first(), "use_backend");
    words.push(backend.clone());
    words.extend(like(line.words.first(), "if"));
    words.extend(holds(line, &search.text())?);
    words.extend(joined(condition)?);
    Some(vec![Line { words, ..line.clone() }])
}

/// An expression that is about a header.
struct Header {
    name: String,
    /// What the value has to match.
    value: String,
}

/// An expression that is about the request line.
struct RequestLine {
    method: String,
    /// What the target has to match, from its start.
    uri: String,
    /// The method is the first group of the expression.
    grouped: bool,
}

// === impl Header ===

impl Header {
    fn of(search: &str) -> Option<Self> {
        let (name, value) = search.strip_prefix('^')?.split_once(':')?;
        if !is_name(name) {
            return None;
        }
        let value = BLANKS.into_iter().find_map(|blank| value.strip_prefix(blank)).unwrap_or(value);
        let value =
            if value.is_empty() || value.starts_with(".*") { value.to_owned() } else { format!("^{value}") };
        Some(Self { name: name.to_owned(), value })
    }
}

// === impl RequestLine ===

impl RequestLine {
    fn of(search: &str) -> Option<Self> {
        let rest = search.strip_prefix('^')?;
        let end = space_outside_brackets(rest)?;
        let (method, uri) = rest.split_at_checked(end)?;
        let uri = uri.strip_prefix(' ')?;
        if uri.contains(" HTTP") || uri.contains(' ') || method.is_empty() {
            return None;
        }
        let inner = method.strip_prefix('(').and_then(|m| m.strip_suffix(')'));
        if inner.unwrap_or(method).contains(['(', ')']) {
            return None;
        }
        let grouped = inner.is_some();
        Some(Self { method: inner.unwrap_or(method).to_owned(), uri: uri.to_owned(), grouped })
    }

    fn any_method(&self) -> bool {
        matches!(
            self.method.as_str(),
            "[^ ]*" | "[^: ]*" | "[^ ]+" | "[^ :]*" | "[^ :]+" | "[^:]*" | ".*" | "[A-Z]*" | "[A-Z]+"
        )
    }
}

/// Whether a text is the name of a header, or the start of one.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// The condition that a message has a line that matches.
fn holds(line: &Line, search: &str) -> Option<Vec<Word>> {
    let place = line.words.first();
    let flags = if ignores_case(line) { " -i" } else { "" };
    let mut words = Vec::new();
    let mut test = |fetch: &str, pattern: &str| {
        words.extend(like(place, &format!("{{ {fetch} -m reg{flags}")));
        words.push(one(place, pattern));
        words.extend(like(place, "}"));
    };
    if let Some(header) = Header::of(search) {
        let fetch = if is_response(line) { "res.fhdr" } else { "req.fhdr" };
        let pattern = if header.value.is_empty() { ".*" } else { &header.value };
        test(&format!("{fetch}({})", header.name), pattern);
        return Some(words);
    }
    if is_response(line) {
        return None;
    }
    let request = RequestLine::of(search)?;
    if !request.any_method() {
        test("method", &format!("^{}$", request.method));
    }
    test("pathq", &format!("^{}", request.uri));
    Some(words)
}

/// A condition that is to hold besides another; none where that takes more than a list.
fn joined(condition: &[Word]) -> Option<Vec<Word>> {
    match condition.split_first() {
        None => Some(Vec::new()),
        Some((first, rest)) if first.is("if") && !rest.iter().any(|w| w.is("or") || w.is("||")) => {
            Some(rest.to_vec())
        }
        Some(_) => None,
    }
}

fn build(line: &Line, rule: &str, args: &[&str], condition: &[Word]) -> Option<Vec<Line>> {
    let place = line.words.first();
    let mut words = like(place, rule);
    words.extend(args.iter().map(|arg| one(place, arg)));
    words.extend_from_slice(condition);
    Some(vec![Line { words, ..line.clone() }])
}

fn is_response(line: &Line) -> bool {
    line.words.first().is_some_and(|w| w.bytes.starts_with(b"rsp"))
}

fn side(line: &Line) -> &'static str {
    if is_response(line) { "http-response" } else { "http-request" }
}

/// `reqirep`, `rspidel` and so on.
fn ignores_case(line: &Line) -> bool {
    line.words.first().is_some_and(|w| w.bytes.get(3) == Some(&b'i'))
}

fn insensitive(line: &Line, pattern: &str) -> String {
    if ignores_case(line) { format!("(?i){pattern}") } else { pattern.to_owned() }
}

/// A text in a format that says just this.
fn constant(text: &str) -> String {
    text.replace('%', "%%")
}

/// References to groups, the first of which is gone; none where that one is used.
fn renumbered(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c != '\\' {
            continue;
        }
        let next = chars.next()?;
        match next.to_digit(10) {
            Some(0 | 1) => return None,
            Some(n) => out.push(char::from_digit(n - 1, 10)?),
            None => out.push(next),
        }
    }
    Some(out)
}

/// Where the first space is that does not stand in brackets.
fn space_outside_brackets(text: &str) -> Option<usize> {
    let mut inside = false;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        (c == ' ' && !inside).then_some(at)
    })
}

/// Ways to write the blanks before a value.
const BLANKS: [&str; 7] = [" *", " +", "[ ]*", "\\s*", "[ \t]*", "[[:space:]]*", " "];
