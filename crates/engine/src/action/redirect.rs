//! Redirects (manual, 4.2 "redirect", 4.4 "redirect").

use weir_config::Keyword;
use weir_expr::{Format, Purpose};
use weir_http::{Head, HeaderId, uri};

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, works};
use crate::ending::Cause;

/// The actions of this file.
pub(super) const REDIRECT: &[Keyword<ActionFn>] = &[
    works("http-request redirect", "sends the client elsewhere", redirect),
    works("http-response redirect", "sends the client elsewhere", redirect),
];

#[derive(Debug)]
struct Redirect {
    kind: Kind,
    to: Format,
    code: u16,
    query: Query,
    append_slash: bool,
    ignore_empty: bool,
    cookie: Option<Cookie>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Location,
    Prefix,
    Scheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Query {
    /// As the kind of redirect has it.
    AsUsual,
    Drop,
    Keep,
}

#[derive(Debug)]
enum Cookie {
    Set(Format),
    Clear(Format),
}

/// Reads the words of a redirect.
pub(super) fn redirect(p: &mut Parse<'_, '_>) -> Parsed {
    let mut to = None;
    let (mut code, mut query, mut append_slash, mut ignore_empty) = (302, Query::AsUsual, false, false);
    let mut cookie = None;
    while let Some(word) = p.next() {
        let name = word.text().into_owned();
        let missing = format!("missing argument for '{name}'");
        match name.as_str() {
            "location" => to = Some((Kind::Location, p.format(Purpose::Http, &missing)?)),
            "prefix" => to = Some((Kind::Prefix, p.format(Purpose::Http, &missing)?)),
            "scheme" => to = Some((Kind::Scheme, p.format(Purpose::Http, &missing)?)),
            "code" => {
                let value = p.expect(&missing)?;
                code = match &*value.bytes {
                    b"301" => 301,
                    b"302" => 302,
                    b"303" => 303,
                    b"307" => 307,
                    b"308" => 308,
                    _ => {
                        return Err(p.error(format!(
                            "'code': unsupported HTTP code '{}' (must be one of 301, 302, 303, 307 or 308)",
                            value.text()
                        )));
                    }
                };
            }
            "set-cookie" | "set-cookie-fmt" => cookie = Some(Cookie::Set(p.format(Purpose::Http, &missing)?)),
            "clear-cookie" => cookie = Some(Cookie::Clear(p.format(Purpose::Http, &missing)?)),
            "drop-query" => query = Query::Drop,
            "keep-query" => query = Query::Keep,
            "append-slash" => append_slash = true,
            "ignore-empty" => ignore_empty = true,
            _ => {
                return Err(p.error(format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'set-cookie-fmt', \
                     'clear-cookie', 'drop-query', 'keep-query', 'ignore-empty' or 'append-slash' (was '{name}')"
                )));
            }
        }
    }
    let Some((kind, to)) = to else {
        return Err(p.error("redirection type expected ('prefix', 'location', or 'scheme')"));
    };
    if p.set.is_response() && kind != Kind::Location {
        return Err(p.error("response only supports redirect type 'location'"));
    }
    Ok(Box::new(Redirect { kind, to, code, query, append_slash, ignore_empty, cookie }))
}

impl Action for Redirect {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.render(&self.to);
        if self.ignore_empty && run.bench.text.is_empty() {
            return Verdict::Next;
        }
        let mut place = std::mem::take(&mut run.bench.made);
        place.clear();
        self.place(&run.t.messages.request, &run.bench.text, &mut place);
        let mut head = run.new_head(self.code);
        head.append(b"content-length", b"0");
        head.facts_mut().content_length = Some(0);
        head.append(b"location", &place);
        if matches!(self.code, 302 | 303 | 307) {
            head.append(b"cache-control", b"no-cache");
        }
        if let Some(cookie) = &self.cookie {
            let (format, end): (_, &[u8]) = match cookie {
                Cookie::Set(format) => (format, b"; path=/;"),
                Cookie::Clear(format) => (format, b"; path=/; Max-Age=0;"),
            };
            run.render(format);
            run.bench.text.extend_from_slice(end);
            head.append(b"set-cookie", &run.bench.text);
        }
        run.bench.made = place;
        run.put_head(head);
        run.t.messages.body.clear();
        run.blame(Cause::Local);
        Verdict::Reply
    }

    fn is_final(&self) -> bool {
        !self.ignore_empty
    }
}

// === impl Redirect ===

impl Redirect {
    /// Appends where it goes.
    fn place(&self, request: &Head, text: &[u8], out: &mut Vec<u8>) {
        let target = uri::path_and_query(request.target());
        let path = uri::path(request.target());
        let query = target.get(path.len()..).unwrap_or_default();
        match self.kind {
            Kind::Location => {
                out.extend_from_slice(text);
                if self.query == Query::Keep {
                    append_query(query, out);
                }
                return;
            }
            Kind::Prefix if text == b"/" => {}
            Kind::Prefix => out.extend_from_slice(text),
            Kind::Scheme => {
                out.extend_from_slice(text);
                out.extend_from_slice(b"://");
                out.extend_from_slice(request.values(HeaderId::Host).next().unwrap_or_default());
            }
        }
        if self.query == Query::Drop {
            out.extend_from_slice(path);
            if self.append_slash && path.last() != Some(&b'/') {
                out.push(b'/');
            }
        } else {
            out.extend_from_slice(target);
        }
    }
}

/// Appends a query to a place that may have one already.
fn append_query(query: &[u8], out: &mut Vec<u8>) {
    let Some((_, rest)) = query.split_first() else { return };
    let joint = if out.contains(&b'?') { b'&' } else { b'?' };
    out.push(joint);
    out.extend_from_slice(rest);
}
