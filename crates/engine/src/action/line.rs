//! Actions on start lines: method, target, status (manual, 4.4 "set-method", "set-path", "replace-path",
//! "set-status", ...).

use weir_config::Keyword;
use weir_expr::regex::{self, Regex};
use weir_expr::{Format, Purpose, WordsError};
use weir_http::{Head, HeaderId, uri};

use super::parse::{is_condition, number};
use super::{Action, ActionFn, Bench, Parse, Parsed, Run, Verdict, has_room, works};
use crate::transaction::{Messages, Transaction};

/// The actions of this file.
pub(super) const LINE: &[Keyword<ActionFn>] = &[
    works("http-request set-method", "another method", |p| set(p, Part::Method)),
    works("http-request set-path", "another path; the query stays", |p| set(p, Part::Path)),
    works("http-request set-pathq", "another path and query", |p| set(p, Part::PathAndQuery)),
    works("http-request set-query", "another query; the path stays", |p| set(p, Part::Query)),
    works("http-request set-uri", "another target", |p| set(p, Part::Target)),
    works("http-request replace-path", "replaces a path that matches", |p| replace(p, Part::Path)),
    works("http-request replace-pathq", "replaces path and query that match", |p| {
        replace(p, Part::PathAndQuery)
    }),
    works("http-request replace-uri", "replaces a target that matches", |p| replace(p, Part::Target)),
    works("http-response set-status", STATUS, set_status),
    works("http-after-response set-status", STATUS, set_status),
];

const STATUS: &str = "another status and its reason";

/// A part of a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Method,
    Path,
    PathAndQuery,
    Query,
    Target,
}

#[derive(Debug)]
struct Set {
    part: Part,
    value: Format,
}

fn set(p: &mut Parse<'_, '_>, part: Part) -> Parsed {
    const EXPECTS: &str = "expects exactly 1 argument <format>";
    let value = p.format(Purpose::Http, EXPECTS)?;
    if p.peek().is_some() {
        return Err(p.error(EXPECTS));
    }
    Ok(Box::new(Set { part, value }))
}

impl Action for Set {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.render(&self.value);
        let (head, Bench { text, room, .. }) = run.head();
        if !self.part.has_room(head, *room, text) {
            return run.rewrite_failed();
        }
        if self.part == Part::Method {
            keep_method(run.t);
        }
        let (head, Bench { text, made, .. }) = run.head();
        put(head, self.part, text, made);
        Verdict::Next
    }
}

#[derive(Debug)]
struct Replace {
    part: Part,
    regex: Regex,
    value: Format,
}

fn replace(p: &mut Parse<'_, '_>, part: Part) -> Parsed {
    const MISSING: &str = "expects exactly 2 arguments <match-regex> and <replace-format>";
    let pattern = p.expect(MISSING)?;
    let at = p.at - 1;
    if p.take().is_none() || p.peek().is_some() {
        return Err(p.error(MISSING));
    }
    let regex = Regex::compile(&pattern.bytes, true)
        .map_err(|m| WordsError::new(at, format!("failed to parse the regex : {m}")))?;
    p.at = at + 1;
    let value = p.format(Purpose::Http, MISSING)?;
    Ok(Box::new(Replace { part, regex, value }))
}

impl Action for Replace {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let old = self.part.of(run.head().0);
        let Some(found) =
            self.regex.captures(old, 0).filter(|_| self.part == Part::Target || !old.is_empty())
        else {
            return Verdict::Next;
        };
        run.render(&self.value);
        let (head, Bench { text, made, expanded, room, .. }) = run.head();
        expanded.clear();
        regex::expand(text, self.part.of(head), &found, expanded);
        if !self.part.has_room(head, *room, expanded) {
            return run.rewrite_failed();
        }
        put(head, self.part, expanded, made);
        Verdict::Next
    }
}

// === impl Part ===

impl Part {
    /// Whether this text can take its place.
    fn has_room(self, head: &Head, room: usize, text: &[u8]) -> bool {
        has_room(head, room, text.len().saturating_sub(self.of(head).len()))
    }

    fn of(self, head: &Head) -> &[u8] {
        let target = head.target();
        match self {
            Self::Method => head.method(),
            Self::Path => uri::path(target),
            Self::PathAndQuery | Self::Query => uri::path_and_query(target),
            Self::Target => target,
        }
    }
}

/// Keeps the request line that came: rules for the answer see its method.
fn keep_method(t: &mut Transaction) {
    if t.messages.captured.line().is_none() {
        let limit = t.client.worker.view().snapshot.global.tune.log_uri_len;
        let Messages { captured, request, .. } = &mut *t.messages;
        captured.take(request, limit);
    }
}

/// Puts another text in the place of a part; `made` is room for the new target.
fn put(head: &mut Head, part: Part, text: &[u8], made: &mut Vec<u8>) {
    made.clear();
    let target = head.target();
    let all = uri::path_and_query(target);
    let path = uri::path(target).len();
    // A target without a path (`*`) is replaced whole.
    let before = target.get(..target.len() - all.len()).filter(|_| !all.is_empty()).unwrap_or_default();
    let query = all.get(path..).unwrap_or_default();
    match part {
        Part::Method => return head.set_method(text),
        Part::Target => {
            head.set_target(text);
            return follow_authority(head, made);
        }
        Part::Path => {
            for piece in [before, text, query] {
                made.extend_from_slice(piece);
            }
        }
        Part::PathAndQuery => {
            for piece in [before, text] {
                made.extend_from_slice(piece);
            }
        }
        Part::Query => {
            let path = if all.is_empty() { target } else { all.get(..path).unwrap_or_default() };
            let mark: &[u8] = if text.is_empty() && query.is_empty() { b"" } else { b"?" };
            for piece in [before, path, mark, text] {
                made.extend_from_slice(piece);
            }
        }
    }
    head.set_target(made);
}

/// The Host line says what an absolute target says (RFC 9112, 3.2.2).
fn follow_authority(head: &mut Head, room: &mut Vec<u8>) {
    let Some(authority) = uri::authority(head.target()).filter(|a| !a.is_empty()) else { return };
    room.extend_from_slice(authority);
    let at = head.lines().iter().position(|l| l.id == HeaderId::Host);
    if let Some(at) = at {
        head.set_value(at, room);
    }
}

/// An absolute target says what the Host line says that a rule made.
pub(super) fn follow_host(head: &mut Head, host: &[u8], made: &mut Vec<u8>) {
    let target = head.target();
    let Some(authority) = uri::authority(target).filter(|a| !a.is_empty()) else { return };
    let rest = uri::path_and_query(target);
    let before = target.len() - rest.len() - authority.len();
    made.clear();
    made.extend_from_slice(target.get(..before).unwrap_or_default());
    made.extend_from_slice(host);
    made.extend_from_slice(rest);
    head.set_target(made);
}

#[derive(Debug)]
struct SetStatus {
    status: u16,
    reason: Option<Format>,
}

fn set_status(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.expect("expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>")?;
    let status = u16::try_from(number(word)).ok().filter(|s| (100..=999).contains(s));
    let Some(status) = status else {
        return Err(p.error("expects an integer status code between 100 and 999"));
    };
    let has_reason = p.words.get(p.at + 1).is_some_and(|w| !is_condition(w)) && p.eat("reason");
    let reason = if has_reason { Some(p.format(Purpose::Http, "")?) } else { None };
    Ok(Box::new(SetStatus { status, reason }))
}

impl Action for SetStatus {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.bench.text.clear();
        match &self.reason {
            Some(format) => run.render(format),
            None => run.bench.text.extend_from_slice(weir_http::status::reason(self.status).as_bytes()),
        }
        let (head, Bench { text, .. }) = run.head();
        let version = head.version();
        head.set_response(self.status, text, version);
        Verdict::Next
    }
}
