//! Redirects (manual, 4.2 "redirect", 4.4 "redirect").

use weir_config::Keyword;
use weir_expr::{Format, Purpose, WordsError};
use weir_http::{Head, HeaderId, uri};

use super::{Action, ActionFn, Parse, Parsed, Run, Verdict, number, works};
use crate::ending::Cause;

/// The actions of this file.
pub(super) const REDIRECT: &[Keyword<ActionFn>] = &[
    works("http-request redirect", "sends the client elsewhere", |p| redirect(p, false)),
    works("http-response redirect", "sends the client elsewhere", |p| redirect(p, false)),
];

#[derive(Debug)]
struct Redirect {
    kind: Kind,
    to: Text,
    code: u16,
    drop_query: bool,
    keep_query: bool,
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

/// A text that stands there, or is computed.
#[derive(Debug)]
enum Text {
    Literal(Box<[u8]>),
    Format(Format),
}

#[derive(Debug)]
enum Cookie {
    Set(Text),
    Clear(Box<[u8]>),
}

/// Reads the words of a redirect; those of the older keyword are taken as they stand.
pub(super) fn redirect(p: &mut Parse<'_, '_>, literal: bool) -> Parsed {
    let mut to = None;
    let (mut code, mut drop_query, mut keep_query) = (302, false, false);
    let (mut append_slash, mut ignore_empty) = (false, false);
    let mut cookie = None;
    while let Some(word) = p.next() {
        let name = word.text().into_owned();
        let missing = format!("missing argument for '{name}'");
        match name.as_str() {
            "location" => to = Some((Kind::Location, text(p, literal, &missing)?)),
            "prefix" => to = Some((Kind::Prefix, text(p, literal, &missing)?)),
            "scheme" => to = Some((Kind::Scheme, text(p, literal, &missing)?)),
            "code" => {
                let value = p.expect(&missing)?;
                // What follows the digits is not looked at.
                code = match number(value) {
                    found @ (301 | 302 | 303 | 307 | 308) => found as u16,
                    _ => {
                        return Err(p.error(format!(
                            "'code': unsupported HTTP code '{}' (must be one of 301, 302, 303, 307 or 308)",
                            value.text()
                        )));
                    }
                };
            }
            "set-cookie" => cookie = Some(Cookie::Set(text(p, true, &missing)?)),
            "set-cookie-fmt" => cookie = Some(Cookie::Set(text(p, false, &missing)?)),
            "clear-cookie" => cookie = Some(Cookie::Clear(p.expect(&missing)?.bytes.clone())),
            "drop-query" => drop_query = true,
            "keep-query" => keep_query = true,
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
    Ok(Box::new(Redirect { kind, to, code, drop_query, keep_query, append_slash, ignore_empty, cookie }))
}

fn text(p: &mut Parse<'_, '_>, literal: bool, missing: &str) -> Result<Text, WordsError> {
    Ok(match literal {
        true => Text::Literal(p.expect(missing)?.bytes.clone()),
        false => Text::Format(p.format(Purpose::Http, missing)?),
    })
}

impl Action for Redirect {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        self.to.put(run);
        if self.ignore_empty && run.bench.text.is_empty() {
            return Verdict::Next;
        }
        let mut place = std::mem::take(&mut run.bench.made);
        place.clear();
        // A response knows nothing of the query any more.
        let keeps_query = self.keep_query && !run.set.is_response();
        self.place(&run.t.messages.request, keeps_query, &run.bench.text, &mut place);
        let mut head = run.new_head(self.code);
        head.append(b"content-length", b"0");
        head.facts_mut().content_length = Some(0);
        head.append(b"location", &place);
        if matches!(self.code, 302 | 303 | 307) {
            head.append(b"cache-control", b"no-cache");
        }
        if let Some(cookie) = &self.cookie {
            let end: &[u8] = match cookie {
                Cookie::Set(text) => {
                    text.put(run);
                    b"; path=/;"
                }
                Cookie::Clear(text) => {
                    run.bench.text.clear();
                    run.bench.text.extend_from_slice(text);
                    b"; path=/; Max-Age=0;"
                }
            };
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
    fn place(&self, request: &Head, keeps_query: bool, text: &[u8], out: &mut Vec<u8>) {
        let target = uri::path_and_query(request.target());
        let path = uri::path(request.target());
        let query = target.get(path.len()..).unwrap_or_default();
        match self.kind {
            Kind::Location => {
                out.extend_from_slice(text);
                if keeps_query {
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
        out.extend_from_slice(if self.drop_query { path } else { target });
        if self.append_slash && out.last() != Some(&b'/') {
            out.push(b'/');
        }
    }
}

// === impl Text ===

impl Text {
    /// Puts it into the bench's text.
    fn put(&self, run: &mut Run<'_>) {
        match self {
            Self::Format(format) => run.render(format),
            Self::Literal(text) => {
                run.bench.text.clear();
                run.bench.text.extend_from_slice(text);
            }
        }
    }
}

/// Appends a query to a place that may have one already.
fn append_query(query: &[u8], out: &mut Vec<u8>) {
    let Some((_, rest)) = query.split_first().filter(|(_, rest)| !rest.is_empty()) else { return };
    let joint = if out.contains(&b'?') { b'&' } else { b'?' };
    out.push(joint);
    out.extend_from_slice(rest);
}
