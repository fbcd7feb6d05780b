//! Rendering of a compiled format.

use std::net::IpAddr;

use super::alias::{DateForm, RequestPart, Timer};
use super::encode::{self, Unsafe};
use super::{Alias, Format, Item, ItemKind, Options, Purpose};
use crate::date::{self, Civil};
use crate::scope::{Address, Endpoint, Number, Side, Text, Times};
use crate::{Expr, Lookup, Scope, Scratch, Type, value};

/// Appends the text of `format` to `out`, at most `max` bytes.
pub(super) fn render(
    format: &Format,
    scope: &dyn Scope,
    scratch: &Scratch,
    out: &mut Vec<u8>,
    max: usize,
) -> usize {
    let start = out.len();
    let mut line = Renderer { format, scope, scratch, out, times: None };
    for item in &format.items {
        line.item(item);
        if line.out.len() - start >= max {
            break;
        }
    }
    out.truncate(start + max);
    out.len() - start
}

struct Renderer<'r> {
    format: &'r Format,
    scope: &'r dyn Scope,
    scratch: &'r Scratch,
    out: &'r mut Vec<u8>,
    times: Option<Times>,
}

// === impl Renderer ===

impl Renderer<'_> {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Text(text) => self.out.extend_from_slice(text),
            ItemKind::Separator => self.out.push(b' '),
            ItemKind::Alias(alias) => self.alias(*alias, item.options),
            ItemKind::Expr(expr) => self.expr(expr, item.options),
        }
    }

    fn expr(&mut self, expr: &Expr, options: Options) {
        let binary = options.has(Options::BIN) || self.format.global.has(Options::BIN);
        let to = if binary { Type::Bin } else { Type::Str };
        match expr.eval(self.scope, self.scratch) {
            Lookup::Value(v) | Lookup::Partial(v) => {
                let v = if binary && v.bytes().is_none() {
                    v.cast(Type::Str, self.scratch)
                } else {
                    v.cast(to, self.scratch)
                };
                let bytes = v.and_then(|v| v.bytes()).unwrap_or_default();
                if binary {
                    self.out.extend_from_slice(bytes);
                } else {
                    self.text(bytes, options);
                }
            }
            Lookup::Absent | Lookup::NotYet => self.text(b"", options),
        }
    }

    fn alias(&mut self, alias: Alias, options: Options) {
        match alias {
            Alias::Options => {}
            Alias::Ip(which) => self.ip(which, options),
            Alias::Port(which) => self.port(which, options),
            Alias::Text(what) => self.text(self.scope.text(what).unwrap_or_default(), options),
            Alias::Backend => {
                let name = self.scope.text(Text::Backend).or_else(|| self.scope.text(Text::Frontend));
                self.text(name.unwrap_or_default(), options);
            }
            Alias::Server => {
                let name = self.scope.text(Text::Server).or_else(|| self.scope.text(Text::Service));
                self.text(name.unwrap_or(b"<NOSRV>"), options);
            }
            Alias::FrontendTransport => self.frontend_transport(options),
            Alias::Termination { cookie } => {
                let state = self.scope.text(Text::Termination).unwrap_or(b"----");
                let state = if cookie { state } else { state.get(..2).unwrap_or(state) };
                self.text(state, options);
            }
            Alias::Number { number, absent } => {
                self.number(self.scope.number(number).unwrap_or(absent), options)
            }
            Alias::Total(number) => {
                self.unfinished(options);
                self.number(self.scope.number(number).unwrap_or(0), options);
            }
            Alias::HexNumber(number) => {
                let n = self.scope.number(number).unwrap_or(0);
                if options.has(Options::HEX) { self.hex(n, 4) } else { self.number(n, options) }
            }
            Alias::Retries => {
                if self.scope.number(Number::Redispatched) == Some(1) {
                    self.out.push(b'+');
                }
                self.number(self.scope.number(Number::Retries).unwrap_or(0), options);
            }
            Alias::Date(form) => self.date(form, options),
            Alias::Timer(timer) => self.timer(timer, options),
            Alias::Request(part) => self.request(part, options),
            Alias::Captures { side, list } => self.captures(side, list, options),
        }
    }

    fn text(&mut self, text: &[u8], options: Options) {
        encode::text(text, options, self.format.purpose, self.out);
    }

    /// Text that is known to be safe: quoted where asked for, nothing escaped.
    fn safe(&mut self, text: &[u8], options: Options) {
        let quote = options.has(Options::QUOTE);
        if quote {
            self.out.push(b'"');
        }
        self.out.extend_from_slice(text);
        if quote {
            self.out.push(b'"');
        }
    }

    fn number(&mut self, n: i64, options: Options) {
        let mut digits = itoa::Buffer::new();
        self.safe(digits.format(n).as_bytes(), options);
    }

    fn hex(&mut self, n: i64, width: usize) {
        // Writing to a vector cannot fail.
        let _ = std::io::Write::write_fmt(self.out, format_args!("{n:0width$X}"));
    }

    fn unfinished(&mut self, options: Options) {
        if self.times().unfinished && !options.encodes() {
            self.out.push(b'+');
        }
    }

    fn times(&mut self) -> Times {
        *self.times.get_or_insert_with(|| self.scope.times())
    }

    fn ip(&mut self, which: Address, options: Options) {
        match self.scope.address(which) {
            None => self.text(b"", options),
            Some(Endpoint::Unix(_)) => self.safe(b"unix", options),
            Some(Endpoint::Ip(address)) => {
                if options.has(Options::HEX) {
                    return self.hex_ip(address.ip());
                }
                let quote = options.has(Options::QUOTE);
                if quote {
                    self.out.push(b'"');
                }
                match address.ip() {
                    IpAddr::V4(ip) => value::write_ipv4(ip, self.out),
                    IpAddr::V6(ip) => value::write_ipv6(ip, self.out),
                }
                if quote {
                    self.out.push(b'"');
                }
            }
        }
    }

    fn hex_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.hex(i64::from(ip.to_bits()), 8),
            IpAddr::V6(ip) => ip.octets().iter().for_each(|o| self.hex(i64::from(*o), 2)),
        }
    }

    fn port(&mut self, which: Address, options: Options) {
        let port = match self.scope.address(which) {
            None => return self.text(b"", options),
            Some(Endpoint::Unix(_)) => self.scope.number(Number::ListenerId).unwrap_or(0),
            Some(Endpoint::Ip(address)) => i64::from(address.port()),
        };
        if options.has(Options::HEX) { self.hex(port, 4) } else { self.number(port, options) }
    }

    fn frontend_transport(&mut self, options: Options) {
        let name = self.scope.text(Text::Frontend).unwrap_or_default();
        if self.scope.number(Number::Tls(Side::Client)) != Some(1) {
            return self.text(name, options);
        }
        let marked = self.scratch.build(|out| {
            out.extend_from_slice_copy(name);
            out.push(b'~');
        });
        encode::text(marked, options, self.format.purpose, self.out);
    }

    fn date(&mut self, form: DateForm, options: Options) {
        let times = self.times();
        let us = match form {
            DateForm::LocalMs { request: true }
            | DateForm::Gmt { request: true }
            | DateForm::Local { request: true }
                if times.request_us != 0 =>
            {
                times.request_us
            }
            _ => times.accepted_us,
        };
        let seconds = us.div_euclid(1_000_000);
        let millis = us.rem_euclid(1_000_000) / 1000;
        let quote = options.has(Options::QUOTE);
        match form {
            DateForm::Unix if options.has(Options::HEX) => return self.hex(seconds, 4),
            DateForm::Unix => return self.number(seconds, options),
            DateForm::Milliseconds => {
                let [_, a, b, c] = date::digits4(millis);
                return self.out.extend_from_slice(&[a, b, c]);
            }
            _ => {}
        }
        if quote {
            self.out.push(b'"');
        }
        match form {
            DateForm::LocalMs { .. } => {
                let civil = Civil::new(seconds, self.scope.utc_offset(seconds));
                civil.write_log(self.out);
                let [_, a, b, c] = date::digits4(millis);
                self.out.extend_from_slice(&[b'.', a, b, c]);
            }
            DateForm::Gmt { .. } => {
                Civil::new(seconds, 0).write_log(self.out);
                self.out.extend_from_slice(b" +0000");
            }
            _ => {
                let offset = self.scope.utc_offset(seconds);
                Civil::new(seconds, offset).write_log(self.out);
                self.out.push(b' ');
                date::write_offset(offset, self.out);
            }
        }
        if quote {
            self.out.push(b'"');
        }
    }

    fn timer(&mut self, timer: Timer, options: Options) {
        let times = self.times();
        let ms = match timer {
            Timer::Handshake => times.handshake,
            Timer::Idle => times.idle,
            Timer::Request => times.request,
            Timer::UntilRequest => times.until_request(),
            Timer::Queue => times.queue,
            Timer::Connect => times.connect,
            Timer::Response => times.response,
            Timer::Data => times.data(),
            Timer::Active => times.active,
            Timer::Total => times.total,
            Timer::User => times.user(),
        };
        if matches!(timer, Timer::Data | Timer::Active | Timer::Total | Timer::User) {
            self.unfinished(options);
        }
        self.number(ms, options);
    }

    fn request(&mut self, part: RequestPart, options: Options) {
        let captured = match part {
            RequestPart::Line => {
                return self.text(self.scope.text(Text::RequestLine).unwrap_or(b"<BADREQ>"), options);
            }
            RequestPart::Method => self.scope.text(Text::CapturedMethod),
            RequestPart::Version => self.scope.text(Text::CapturedRequestVersion),
            _ => self.scope.text(Text::CapturedUri),
        };
        let Some(text) = captured else { return self.text(b"<BADREQ>", options) };
        let query = memchr::memchr(b'?', text).unwrap_or(text.len());
        let (before, after) = text.split_at_checked(query).unwrap_or((text, b""));
        match part {
            RequestPart::UriWithoutQuery => self.text(before, options),
            RequestPart::Path => self.text(crate::uri::path(before), options),
            RequestPart::Query => self.text(after, options),
            _ => self.text(text, options),
        }
    }

    fn captures(&mut self, side: Side, list: bool, options: Options) {
        let count = self.scope.captures(side);
        if count == 0 {
            // Without `capture` lines the whole word goes, the blank before it too.
            if self.format.purpose != Purpose::Http && self.out.last() == Some(&b' ') {
                self.out.pop();
            }
            return;
        }
        if list {
            for slot in 0..count {
                if slot > 0 {
                    self.out.push(b' ');
                }
                self.text(self.scope.capture(side, slot).unwrap_or_default(), options);
            }
            return;
        }
        let quote = options.has(Options::QUOTE);
        self.out.extend_from_slice(if quote { b"\"{" } else { b"{" });
        for slot in 0..count {
            if slot > 0 {
                self.out.push(b'|');
            }
            encode::escaped(self.scope.capture(side, slot).unwrap_or_default(), Unsafe::LogHeader, self.out);
        }
        self.out.extend_from_slice(if quote { b"}\"" } else { b"}" });
    }
}
