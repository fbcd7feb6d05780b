//! The persistence cookie on its way through: read in requests, set in answers (manual, 4.2 "cookie").
//!
//! Backends without `cookie` pay one look at an option for it.

use std::net::SocketAddr;

use weir_http::cookie::{self, Fate, Sifted};
use weir_http::{Head, HeaderId};

use crate::balance;
use crate::clock;
use crate::conf::{CookieFlags, CookieMode, Endpoint, Options};
use crate::local;
use crate::persistence::{ClientCookie, Persisted, ServerCookie, SetCookie};
use crate::stage::rules;
use crate::transaction::Transaction;

/// Finds the server that the client's cookie names, and takes out of the request what the server shall not see.
pub(crate) fn request(t: &mut Transaction) {
    if t.proxy().shared.cookie.is_none() {
        return;
    }
    let backend = t.proxy().clone();
    let Some(cookie) = &backend.shared.cookie else { return };
    let mut spare = std::mem::take(&mut t.messages.spare);
    let rule = rules::persistence(t);
    let forced = rule == Some(true) || backend.has(Options::PERSIST);
    let found = Persisted { ignored: rule == Some(false), ..Persisted::default() };
    let mut search = Search { backend: &backend, cookie, found, forced, now: now() };
    let head = &mut t.messages.request;
    let mut index = 0;
    while let Some(line) = head.lines().get(index) {
        if line.id != HeaderId::Cookie {
            index += 1;
            continue;
        }
        match cookie::sift(head.value(line), &mut spare, |name, value| search.judge(name, value)) {
            Sifted::Same => index += 1,
            Sifted::Changed => {
                head.set_value(index, &spare);
                index += 1;
            }
            Sifted::Empty => remove(head, index),
        }
    }
    t.facts.persisted = search.found;
    spare.clear();
    t.messages.spare = spare;
}

/// Finds the server that the cookie of an RDP client names: its address and port as a terminal server writes
/// them, two numbers with the bytes in the order of the network, `3640205228.15629.0000`.
pub(crate) fn rdp(t: &mut Transaction) {
    let backend = t.proxy().clone();
    let Some(cookie) = &backend.conf().persistence.rdp_cookie else { return };
    let text = balance::text_of(t, &cookie.0);
    let Some(address) = rdp_address(&text) else { return };
    let is_it = |s: &&std::rc::Rc<local::Server>| s.conf().endpoint == Some(Endpoint::Inet(address));
    let forced = backend.has(Options::PERSIST);
    let server = backend.servers.iter().find(is_it).filter(|s| s.shared.runtime.is_running() || forced);
    if t.facts.persisted.server.is_none() {
        t.facts.persisted.server = server.map(|s| s.shared.index);
    }
}

fn rdp_address(text: &[u8]) -> Option<SocketAddr> {
    let mut numbers = text.split(|b| *b == b'.');
    let mut number = || std::str::from_utf8(numbers.next()?).ok()?.parse::<u32>().ok();
    let (ip, port) = (number()?, number()?);
    let port = u16::try_from(port).ok()?;
    // The end of the port is marked, too.
    number()?;
    Some(SocketAddr::new(ip.to_le_bytes().into(), port.swap_bytes()))
}

/// Sees to the cookie in the answer.
pub(crate) fn response(t: &mut Transaction) {
    if t.proxy().shared.cookie.is_none() {
        return;
    }
    let backend = t.proxy().clone();
    let Some(cookie) = &backend.shared.cookie else { return };
    let Some(server) = t.assigned.as_ref().map(|a| a.server.shared.index) else { return };
    let persisted = &mut t.facts.persisted;
    let direct = persisted.server == Some(server);
    let mut spare = std::mem::take(&mut t.messages.spare);
    let (request, response) = (&t.messages.request, &mut t.messages.response);
    pass(cookie, server, direct, persisted, response, &mut spare);
    let now = now();
    if is_set(cookie, direct, persisted, request, now) {
        cookie.write(server, persisted.dates.first, now, &mut spare);
        let private = cookie.has(CookieFlags::NOCACHE) && may_be_cached(request, response);
        response.append(b"set-cookie", &spare);
        if private {
            response.append(b"cache-control", b"private");
        }
        persisted.set = if direct { SetCookie::Updated } else { SetCookie::Inserted };
    }
    spare.clear();
    t.messages.spare = spare;
}

/// Whether caches on the way may keep the answer and give its cookie to others (`option checkcache`).
pub(crate) fn shares_a_cookie(t: &Transaction) -> bool {
    let (request, response) = (&t.messages.request, &t.messages.response);
    let sets = response.values(HeaderId::SetCookie).next().is_some();
    let without = |value| directives(value).any(|d: &[u8]| d.eq_ignore_ascii_case(WITHOUT_COOKIES));
    sets && may_be_cached(request, response) && !response.values(HeaderId::CacheControl).any(without)
}

/// The search for the server in the lines of a request.
struct Search<'a> {
    backend: &'a local::Proxy,
    cookie: &'a ServerCookie,
    found: Persisted,
    /// A server that is down will do (`option persist`, `force-persist`).
    forced: bool,
    now: i64,
}

// === impl Search ===

impl Search<'_> {
    fn judge(&mut self, name: &[u8], value: &[u8]) -> Fate {
        if name != &*self.cookie.conf.name {
            return Fate::Keep;
        }
        let (id, taken) = self.cookie.split(value);
        if self.found.ignored {
            self.found.client = ClientCookie::Unused;
        } else if self.found.server.is_none() {
            self.look_up(id, value);
        }
        match self.cookie.conf.mode {
            CookieMode::Insert if self.cookie.has(CookieFlags::INDIRECT) => Fate::Drop,
            _ if taken > 0 => Fate::Cut(taken),
            _ => Fate::Keep,
        }
    }

    fn look_up(&mut self, id: &[u8], value: &[u8]) {
        let dates = self.cookie.dates(value);
        if let Some(worth) = self.cookie.too_old(dates, self.now) {
            self.found.client = worth;
            return;
        }
        self.found.dates = dates;
        self.found.client = ClientCookie::Invalid;
        for index in self.cookie.servers(id) {
            let Some(server) = self.backend.server(index) else { continue };
            let running = server.shared.runtime.is_running();
            self.found.client = if running { ClientCookie::Valid } else { ClientCookie::Down };
            if running || self.forced {
                self.found.server = Some(index);
                return;
            }
        }
    }
}

/// Takes out, rewrites or lets through what the server sets itself.
fn pass(
    cookie: &ServerCookie,
    server: usize,
    direct: bool,
    persisted: &mut Persisted,
    head: &mut Head,
    out: &mut Vec<u8>,
) {
    let has = |flag| cookie.has(flag);
    let mode = cookie.conf.mode;
    let unwanted =
        !has(CookieFlags::PRESERVE) && (mode == CookieMode::Insert || has(CookieFlags::INDIRECT) && direct);
    let mut index = 0;
    while let Some(line) = head.lines().get(index) {
        let text = head.value(line);
        index += 1;
        if line.id != HeaderId::SetCookie {
            continue;
        }
        let Some(piece) = cookie::pieces(text).next() else { continue };
        let Some(value) = piece.value else { continue };
        let part = |range| text.get(range).unwrap_or_default();
        let ours = part(piece.name.clone()) == &*cookie.conf.name;
        if ours && unwanted {
            index -= 1;
            remove(head, index);
            persisted.set = SetCookie::Deleted;
            continue;
        }
        out.clear();
        out.extend_from_slice(part(0..piece.name.end));
        out.push(b'=');
        let mut from = value.start;
        if ours {
            persisted.set = SetCookie::Passed;
            match (mode, cookie.value(server)) {
                (CookieMode::Rewrite, Some(name)) => {
                    out.extend_from_slice(name);
                    from = value.end;
                    persisted.set = SetCookie::Rewritten;
                }
                (CookieMode::Prefix, Some(name)) => {
                    out.extend_from_slice(name);
                    out.push(b'~');
                    persisted.set = SetCookie::Rewritten;
                }
                _ => {}
            }
        }
        out.extend_from_slice(part(from..text.len()));
        if out.as_slice() != text {
            head.set_value(index - 1, out);
        }
    }
}

/// Whether we set the cookie in this answer.
fn is_set(cookie: &ServerCookie, direct: bool, persisted: &Persisted, request: &Head, now: i64) -> bool {
    cookie.conf.mode == CookieMode::Insert
        && !persisted.ignored
        && persisted.set != SetCookie::Passed
        && (!direct || cookie.is_stale(persisted.dates, now))
        && (!cookie.has(CookieFlags::POSTONLY) || request.method() == b"POST")
}

/// Whether a cache may keep the answer (RFC 9111, 3), as far as a cookie in it is concerned: by method, status,
/// and what the answer says of its freshness.
fn may_be_cached(request: &Head, response: &Head) -> bool {
    let by_kind = matches!(request.method(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE")
        && matches!(response.status(), 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
    let mut has_reason = false;
    for line in response.lines() {
        let value = response.value(line);
        match response.name(line) {
            b"etag" | b"last-modified" | b"expires" => has_reason = true,
            b"pragma" if directives(value).any(|d| d.eq_ignore_ascii_case(b"no-cache")) => return false,
            b"cache-control" => {
                for directive in directives(value) {
                    match Directive::of(directive) {
                        Directive::Forbids => return false,
                        Directive::Allows => has_reason = true,
                        Directive::Other => {}
                    }
                }
            }
            _ => {}
        }
    }
    by_kind && has_reason
}

/// What a word of `Cache-Control` means for keeping an answer.
enum Directive {
    Forbids,
    Allows,
    Other,
}

// === impl Directive ===

impl Directive {
    fn of(text: &[u8]) -> Self {
        let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
        let is_zero = |word: &[u8]| matches!(text.get(word.len()..), Some(b"=0"));
        if text.eq_ignore_ascii_case(WITHOUT_COOKIES) {
            Self::Other
        } else if starts(b"no-cache") || starts(b"no-store") || starts(b"private") {
            Self::Forbids
        } else if starts(b"max-age") && !is_zero(b"max-age") || starts(b"s-maxage") && !is_zero(b"s-maxage") {
            Self::Allows
        } else {
            Self::Other
        }
    }
}

/// What `Cache-Control` says where caches may keep all but the cookies.
const WITHOUT_COOKIES: &[u8] = b"no-cache=\"set-cookie\"";

fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii)
}

fn remove(head: &mut Head, index: usize) {
    let mut at = 0;
    head.remove(|_, _, _| {
        at += 1;
        at == index + 1
    });
}

/// Seconds since 1970.
fn now() -> i64 {
    (clock::wall() / 1_000_000) as i64
}
