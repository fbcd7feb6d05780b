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
        return status(line, &search, &with, condition);
    }
    let edit = TargetEdit::of(&search, &with)?;
    let pattern = insensitive(line, &format!("^{}", edit.pattern));
    let rule = build(line, "http-request replace-pathq", &[&pattern, &constant(&edit.text)], &[])?;
    let method =
        edit.method.map_or_else(Vec::new, |m| like(line.words.first(), &format!("{{ method {m} }}")));
    guarded(rule, method, condition)
}

/// An edit of the line of the status: another status for one.
fn status(line: &Line, search: &str, with: &str, condition: &[Word]) -> Option<Vec<Line>> {
    let code = |text: &str| {
        let code = text.get(..3)?;
        code.bytes().all(|b| b.is_ascii_digit()).then(|| code.to_owned())
    };
    let (_, old) = search.strip_prefix("^HTTP/")?.split_once(' ')?;
    let (_, new) = with.strip_prefix("HTTP/")?.split_once(' ')?;
    let (was, becomes) = (code(old)?, code(new)?);
    let reason = new.get(3..)?.trim();
    let args = if reason.is_empty() { vec![&*becomes] } else { vec![&*becomes, "reason", reason] };
    let rule = build(line, "http-response set-status", &args, &[])?;
    guarded(rule, like(line.words.first(), &format!("{{ status {was} }}")), condition)
}

/// The rule, where `wanted` holds and the condition of the line does.
fn guarded(mut rule: Vec<Line>, wanted: Vec<Word>, condition: &[Word]) -> Option<Vec<Line>> {
    let line = rule.first_mut()?;
    if wanted.is_empty() {
        line.words.extend_from_slice(condition);
        return Some(rule);
    }
    let place = line.words.first().cloned();
    line.words.extend(like(place.as_ref(), "if"));
    line.words.extend(wanted);
    line.words.extend(joined(condition)?);
    Some(rule)
}

/// `reqallow`, `reqdeny`, `reqtarpit`, `rspdeny` and those that ignore case.
pub(super) fn judge(line: &Line, args: &[Word]) -> Option<Vec<Line>> {
    let (search, condition) = args.split_first()?;
    let word = line.words.first()?.text().into_owned();
    let action = ["allow", "deny", "tarpit"].into_iter().find(|action| word.ends_with(action))?;
    let search = search.text();
    if matches!(&*search, ".*" | "." | "^" | "^.*" | "^.*$") {
        return build(line, &format!("{} {action}", side(line)), &[], condition);
    }
    let mut words = like(line.words.first(), &format!("{} {action} if", side(line)));
    if search.starts_with('^') {
        words.extend(holds(line, &search)?);
        words.extend(joined(condition)?);
    } else {
        words.extend(anywhere(line, &search, &joined(condition)?)?);
    }
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

/// What an edit of the request line does to the target.
struct TargetEdit {
    /// The only method that it is for.
    method: Option<String>,
    /// What the target has to match, from its start.
    pattern: String,
    text: String,
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
}

// === impl TargetEdit ===

impl TargetEdit {
    fn of(search: &str, with: &str) -> Option<Self> {
        let (search, with) = without_version(search.strip_prefix('^')?, with)?;
        let (method, uri) = search.split_at_checked(space_outside_brackets(&search)?)?;
        let uri = uri.strip_prefix(' ')?;
        if space_outside_brackets(uri).is_some() {
            return None;
        }
        let (method, pattern, text) = match method.strip_prefix('(') {
            Some(inner) if is_any_method(inner.trim_end_matches(')')) => match inner.strip_suffix(')') {
                Some(_) => (None, uri.to_owned(), renumbered(with.strip_prefix("\\1 ")?)?),
                // The blank lies in the group: `([^ ]* /)`.
                None => (None, format!("({uri}"), with.strip_prefix("\\1").map(|_| with.clone())?),
            },
            _ if !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase()) => {
                let text = with.strip_prefix(method)?.strip_prefix(' ')?.to_owned();
                (Some(method.to_owned()), uri.to_owned(), text)
            }
            _ => return None,
        };
        Some(Self { method, pattern, text })
    }
}

/// Takes the version away from an expression about a request line and from what replaces it, where both name it.
fn without_version(search: &str, with: &str) -> Option<(String, String)> {
    let plain = |with: &str| {
        let short = with.strip_suffix(" HTTP/1.0").or(with.strip_suffix(" HTTP/1.1"));
        short.unwrap_or(with).to_owned()
    };
    let Some((front, tail)) =
        search.rsplit_once(' ').filter(|(front, _)| space_outside_brackets(front).is_some())
    else {
        return Some((search.to_owned(), plain(with)));
    };
    if !matches!(tail, "(.*)" | "(.*)$" | "(HTTP/.*)" | "(HTTP/.*)$") {
        return tail.starts_with("HTTP/").then(|| (format!("{front}$"), plain(with)));
    }
    let group = front.matches('(').count() - front.matches("\\(").count() - front.matches("(?").count() + 1;
    let text = with.strip_suffix(&format!(" \\{group}"))?;
    Some((format!("{front}$"), text.to_owned()))
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
        let method = method.strip_prefix('(').and_then(|m| m.strip_suffix(')')).unwrap_or(method);
        if method.contains(['(', ')']) {
            return None;
        }
        Some(Self { method: method.to_owned(), uri: uri.to_owned() })
    }
}

fn is_any_method(pattern: &str) -> bool {
    matches!(
        pattern,
        "[^ ]*" | "[^: ]*" | "[^ ]+" | "[^ :]*" | "[^ :]+" | "[^:]*" | ".*" | "[A-Z]*" | "[A-Z]+"
    )
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
    if !is_any_method(&request.method) {
        test("method", &format!("^{}$", request.method));
    }
    test("pathq", &format!("^{}", request.uri));
    Some(words)
}

/// The condition that the target or a header line of a request has what an expression without an anchor looks for,
/// besides another one.
fn anywhere(line: &Line, search: &str, besides: &[Word]) -> Option<Vec<Word>> {
    if is_response(line) || search.contains(' ') || search.ends_with('$') {
        return None;
    }
    let (place, flags) = (line.words.first(), if ignores_case(line) { " -i" } else { "" });
    let mut words = Vec::new();
    for fetch in ["pathq", "req.hdrs"] {
        words.extend(
            like(place, if words.is_empty() { "" } else { "or" }).into_iter().filter(|w| !w.bytes.is_empty()),
        );
        words.extend(like(place, &format!("{{ {fetch} -m reg{flags}")));
        words.push(one(place, search));
        words.extend(like(place, "}"));
        words.extend_from_slice(besides);
    }
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
