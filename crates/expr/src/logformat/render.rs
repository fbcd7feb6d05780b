//! Rendering of a compiled format.

use super::alias::{DateForm, RequestPart, Timer};
use super::encode::{self, Field, Piece, Unsafe};
use super::{Alias, Format, Item, ItemKind, Options, Purpose};
use crate::date::{self, Civil};
use crate::scope::{Address, Endpoint, Number, Side, Text, Times};
use crate::{Expr, Scope, Scratch, Type, Value};

/// Appends the text of `format` to `out`, at most `max` bytes.
pub(super) fn render<'r>(
    format: &'r Format,
    scope: &'r dyn Scope,
    scratch: &'r Scratch,
    out: &'r mut Vec<u8>,
    max: usize,
) -> usize {
    let start = out.len();
    let mut line = Renderer { format, scope, scratch, out, times: None, blank: true, named: 0 };
    line.all(start, max);
    out.truncate(start.saturating_add(max));
    out.len() - start
}

pub(super) struct Renderer<'r> {
    pub(super) format: &'r Format,
    pub(super) scope: &'r dyn Scope,
    scratch: &'r Scratch,
    pub(super) out: &'r mut Vec<u8>,
    times: Option<Times>,
    /// Whether a blank would follow a blank, or stand first.
    pub(super) blank: bool,
    /// How many named items were written of a line that is encoded as a whole.
    named: usize,
}

// === impl Renderer ===

impl<'r> Renderer<'r> {
    fn all(&mut self, start: usize, max: usize) {
        let (format, global) = (self.format, self.format.global);
        if !global.encodes() {
            for step in &format.steps {
                self.step(step);
                if self.out.len() - start >= max {
                    break;
                }
            }
            return;
        }
        let raw = global.has(Options::BIN);
        match (global.has(Options::JSON), global.has(Options::CBOR)) {
            (true, _) => self.out.push(b'{'),
            (false, true) => encode::cbor_byte(0xbf, raw, self.out),
            (false, false) => {}
        }
        for item in &self.format.items {
            self.item(item);
            if self.out.len() - start >= max {
                break;
            }
        }
        match (global.has(Options::JSON), global.has(Options::CBOR)) {
            (true, _) => self.out.push(b'}'),
            (false, true) => encode::cbor_byte(0xff, raw, self.out),
            (false, false) => {}
        }
    }

    pub(super) fn item(&mut self, item: &'r Item) {
        let whole = self.format.global.encodes();
        match &item.kind {
            ItemKind::Text(_) | ItemKind::Separator if whole => {}
            ItemKind::Text(text) => {
                self.out.extend_from_slice(text);
                self.blank = false;
            }
            ItemKind::Separator => {
                if !self.blank {
                    self.out.push(b' ');
                    self.blank = true;
                }
            }
            _ if whole && item.name.is_empty() => {}
            ItemKind::Alias(alias) => self.alias(*alias, item),
            ItemKind::Expr(expr) => self.expr(expr, item),
        }
    }

    /// The name of an item of a line that is encoded as a whole.
    fn name(&mut self, item: &Item) {
        let global = self.format.global;
        if global.has(Options::JSON) {
            if self.named > 0 {
                self.out.extend_from_slice(b", ");
            }
            encode::json_text(&item.name, false, self.out);
            self.out.extend_from_slice(b": ");
        } else if global.has(Options::CBOR) {
            encode::cbor_text(&item.name, global.has(Options::BIN), self.out);
        }
        self.named += 1;
    }

    fn field(&mut self, field: Field<'_>, item: &Item) {
        if self.format.global.encodes() {
            self.name(item);
        }
        let options = item.options;
        let wrote = if options.has(Options::JSON) {
            encode::json(field, options.has(Options::UTF8), item.cast, self.out);
            true
        } else if options.has(Options::CBOR) {
            encode::cbor(field, self.format.global.has(Options::BIN), item.cast, self.out);
            true
        } else {
            encode::plain(field, options, self.out)
        };
        self.blank &= !wrote;
    }

    fn expr(&mut self, expr: &'r Expr, item: &Item) {
        let encodes = item.options.encodes();
        let Some(mut value) = expr.eval(self.scope, self.scratch).some() else {
            if !matches!(self.format.purpose, Purpose::Http | Purpose::UniqueId) || encodes {
                self.field(Field::Nothing, item);
            }
            return;
        };
        if let Some(cast) = item.cast.filter(|c| encodes && *c != Type::Any) {
            match value.kind().casts_to(cast).then(|| value.cast(cast, self.scratch)).flatten() {
                Some(v) => value = v,
                None => return self.field(Field::Nothing, item),
            }
        }
        if item.cast == Some(Type::Any) {
            if self.format.global.encodes() {
                self.name(item);
            }
            self.out.extend_from_slice(value.to_bin(self.scratch));
            self.blank = false;
            return;
        }
        match self.format.purpose {
            Purpose::Http if !encodes => return self.http(value, item.options),
            Purpose::UniqueId => {
                let text = value.to_str(self.scratch);
                self.out.extend_from_slice(text.split(|c| *c == 0).next().unwrap_or_default());
                self.blank &= text.is_empty();
                return;
            }
            _ => {}
        }
        match value {
            Value::Bin(b) if !encodes && self.format.global.has(Options::BIN) => {
                self.out.extend_from_slice(b);
                self.blank = false;
            }
            Value::Bin(b) => self.field(Field::Binary(b), item),
            Value::Bool(b) => self.field(Field::Bool(b), item),
            Value::Sint(n) if encodes => self.field(Field::Number(n), item),
            other => self.field(Field::Text(other.to_str(self.scratch)), item),
        }
    }

    /// A sample in a header field.
    fn http(&mut self, value: Value<'r>, options: Options) {
        let text = match value {
            Value::Bin(b) if self.format.global.has(Options::BIN) => b,
            other => other.to_str(self.scratch),
        };
        encode::http(text, options.has(Options::ESCAPE), self.out);
        self.blank = false;
    }

    fn alias(&mut self, alias: Alias, item: &Item) {
        let scope = self.scope;
        match alias {
            Alias::Options => {}
            Alias::Ip(which) => self.ip(which, item),
            Alias::Port(which) => self.port(which, item),
            Alias::Text(what) => self.field(Field::Text(scope.text(what).unwrap_or_default()), item),
            Alias::Backend => {
                let name = scope.text(Text::Backend).or_else(|| scope.text(Text::Frontend));
                self.field(Field::Text(name.unwrap_or_default()), item);
            }
            Alias::Server => {
                let name = scope.text(Text::Server).or_else(|| scope.text(Text::Service));
                self.field(Field::Text(name.unwrap_or(b"<NOSRV>")), item);
            }
            Alias::FrontendTransport => self.frontend_transport(item),
            Alias::Termination { cookie } => {
                let state = scope.text(Text::Termination).unwrap_or(b"----");
                let shown = if cookie { state } else { state.get(..2).unwrap_or(state) };
                self.field(Field::Plain(shown), item);
            }
            Alias::Number { number, absent } => {
                self.field(Field::Number(scope.number(number).unwrap_or(absent)), item);
            }
            Alias::Total(number) => {
                let n = scope.number(number).unwrap_or(0);
                self.total(n, item);
            }
            Alias::HexNumber(number) => self.hexable(scope.number(number).unwrap_or(0), item),
            Alias::Retries => {
                let n = scope.number(Number::Retries).unwrap_or(0);
                let redispatched = scope.number(Number::Redispatched) == Some(1);
                self.field(if redispatched { Field::Growing(n) } else { Field::Number(n) }, item);
            }
            Alias::Date(form) => self.date(form, item),
            Alias::Timer(timer) => self.timer(timer, item),
            Alias::Request(part) => self.request(part, item),
            Alias::Captures { side, list: false } => self.captures(side, item),
            Alias::Captures { side, list: true } => self.capture_list(side, item),
        }
    }

    fn total(&mut self, n: i64, item: &Item) {
        let growing = self.times().unfinished;
        self.field(if growing { Field::Growing(n) } else { Field::Number(n) }, item);
    }

    fn hexable(&mut self, n: i64, item: &Item) {
        if !item.options.has(Options::HEX) {
            return self.field(Field::Number(n), item);
        }
        let scratch = self.scratch;
        let text = scratch.build(|out| hex(n.cast_unsigned(), 4, out));
        self.field(Field::Hex(text), item);
    }

    pub(super) fn times(&mut self) -> &Times {
        self.times.get_or_insert_with(|| self.scope.times())
    }

    fn ip(&mut self, which: Address, item: &Item) {
        let scratch = self.scratch;
        match self.scope.address(which) {
            None => self.field(Field::Text(b""), item),
            Some(Endpoint::Unix(_)) => self.field(Field::Text(b"unix"), item),
            Some(Endpoint::Ip(address)) if item.options.has(Options::HEX) => {
                let text = scratch.build(|out| match address.ip() {
                    std::net::IpAddr::V4(ip) => hex(u64::from(ip.to_bits()), 8, out),
                    std::net::IpAddr::V6(ip) => {
                        ip.octets().iter().for_each(|o| hex(u64::from(*o), 2, out));
                    }
                });
                self.field(Field::Hex(text), item);
            }
            Some(Endpoint::Ip(address)) => {
                let text = crate::value::IpText::new(address.ip());
                self.field(Field::Text(text.bytes()), item);
            }
        }
    }

    fn port(&mut self, which: Address, item: &Item) {
        match self.scope.address(which) {
            None => self.field(Field::Text(b""), item),
            Some(Endpoint::Unix(_)) => {
                let id = self.scope.number(Number::ListenerId).unwrap_or(0);
                self.field(Field::Number(id), item);
            }
            Some(Endpoint::Ip(address)) => self.hexable(i64::from(address.port()), item),
        }
    }

    fn frontend_transport(&mut self, item: &Item) {
        let name = self.scope.text(Text::Frontend).unwrap_or_default();
        let tls = self.scope.number(Number::Tls(Side::Client)) == Some(1);
        if item.options.has(Options::CBOR) {
            if self.format.global.encodes() {
                self.name(item);
            }
            let mark = tls.then_some(Piece::Own(b"~"));
            let raw = self.format.global.has(Options::BIN);
            encode::cbor_pieces([Piece::Own(name)].into_iter().chain(mark), raw, self.out);
            self.blank = false;
            return;
        }
        if !tls {
            return self.field(Field::Text(name), item);
        }
        let scratch = self.scratch;
        let marked = scratch.build(|out| {
            out.extend_from_slice_copy(name);
            out.push(b'~');
        });
        self.field(Field::Text(marked), item);
    }

    fn date(&mut self, form: DateForm, item: &Item) {
        let times = *self.times();
        let us =
            if form.of_request() && times.request_us != 0 { times.request_us } else { times.accepted_us };
        let seconds = us.div_euclid(1_000_000);
        let millis = us.rem_euclid(1_000_000) / 1000;
        let mut text = [0u8; 32];
        let len = match form {
            DateForm::Unix => return self.hexable(seconds, item),
            DateForm::Milliseconds if item.options.encodes() => {
                return self.field(Field::Number(millis), item);
            }
            DateForm::Milliseconds => write_to(&mut text, &[&millis_digits(millis)]),
            DateForm::LocalMs { .. } => {
                let civil = Civil::new(seconds, self.scope.utc_offset(seconds));
                write_to(&mut text, &[&civil.log(), b".", &millis_digits(millis)])
            }
            DateForm::Gmt { .. } => write_to(&mut text, &[&Civil::new(seconds, 0).log(), b" +0000"]),
            DateForm::Local { .. } => {
                let offset = self.scope.utc_offset(seconds);
                write_to(&mut text, &[&Civil::new(seconds, offset).log(), b" ", &date::offset(offset)])
            }
        };
        self.field(Field::Plain(text.get(..len).unwrap_or_default()), item);
    }

    fn timer(&mut self, timer: Timer, item: &Item) {
        let ms = timer.of(self.times());
        if timer.is_total() {
            self.total(ms, item);
        } else {
            self.field(Field::Number(ms), item);
        }
    }

    fn request(&mut self, part: RequestPart, item: &Item) {
        let captured = match part {
            RequestPart::Line => self.scope.text(Text::RequestLine),
            RequestPart::Method => self.scope.text(Text::CapturedMethod),
            RequestPart::Version => self.scope.text(Text::CapturedRequestVersion),
            _ => self.scope.text(Text::CapturedUri),
        };
        let text = captured.unwrap_or(b"<BADREQ>");
        let query = memchr::memchr(b'?', text).unwrap_or(text.len());
        let (before, after) = text.split_at_checked(query).unwrap_or((text, b""));
        let shown = match part {
            RequestPart::UriWithoutQuery => before,
            RequestPart::Path if captured.is_some() => weir_http::uri::path(before),
            RequestPart::Query if captured.is_some() => after,
            _ => text,
        };
        let blank = self.blank;
        self.field(Field::Client(shown, Unsafe::Line), item);
        if shown.is_empty() && !item.options.encodes() && !item.options.has(Options::QUOTE) {
            // No query, no blank.
            self.blank = blank;
        }
    }

    /// `{a|b}`
    fn captures(&mut self, side: Side, item: &Item) {
        let (scope, options) = (self.scope, item.options);
        let count = scope.captures(side);
        if count == 0 {
            return self.field(Field::Null, item);
        }
        if self.format.global.encodes() {
            self.name(item);
        }
        self.blank = false;
        let kept = |slot| scope.capture(side, slot).unwrap_or_default();
        if options.has(Options::CBOR) && !options.has(Options::JSON) {
            let pieces = (0..count).flat_map(|slot| {
                let before: &[u8] = if slot == 0 { b"{" } else { b"|" };
                [Piece::Own(before), Piece::Client(kept(slot), Unsafe::Header)]
            });
            let raw = self.format.global.has(Options::BIN);
            return encode::cbor_pieces(pieces.chain([Piece::Own(b"}")]), raw, self.out);
        }
        let json = options.has(Options::JSON);
        let quote: &[u8] = if json || options.has(Options::QUOTE) { b"\"" } else { b"" };
        self.out.extend_from_slice(quote);
        for slot in 0..count {
            self.out.push(if slot == 0 { b'{' } else { b'|' });
            if json {
                encode::json_client(kept(slot), Unsafe::Header, self.out);
            } else {
                encode::client(kept(slot), Unsafe::Header, options, self.out);
            }
        }
        self.out.push(b'}');
        self.out.extend_from_slice(quote);
    }

    /// One word for each capture, or an array of them.
    fn capture_list(&mut self, side: Side, item: &Item) {
        let (scope, options) = (self.scope, item.options);
        let count = scope.captures(side);
        if count == 0 {
            return self.field(Field::Null, item);
        }
        if self.format.global.encodes() {
            self.name(item);
        }
        let (json, cbor) = (options.has(Options::JSON), options.has(Options::CBOR));
        let raw = self.format.global.has(Options::BIN);
        let absent: &[u8] = if options.has(Options::QUOTE) { b"" } else { b"-" };
        if json {
            self.out.push(b'[');
        } else if cbor {
            encode::cbor_byte(0x9f, raw, self.out);
        }
        for slot in 0..count {
            let kept = scope.capture(side, slot);
            let field = Field::Client(kept.unwrap_or(absent), Unsafe::Header);
            if slot > 0 && !cbor {
                self.out.extend_from_slice(if json { b", " } else { b" " });
            }
            if json {
                encode::json(field, false, None, self.out);
            } else if cbor {
                encode::cbor(field, raw, None, self.out);
            } else if kept.is_none() && options.has(Options::QUOTE) {
                self.out.extend_from_slice(b"\"\"");
            } else {
                encode::plain(field, options, self.out);
            }
        }
        if json {
            self.out.push(b']');
        } else if cbor {
            encode::cbor_byte(0xff, raw, self.out);
        }
        self.blank = false;
    }
}

fn write_to(text: &mut [u8; 32], parts: &[&[u8]]) -> usize {
    let mut len = 0;
    for part in parts {
        if let Some(room) = text.get_mut(len..len + part.len()) {
            room.copy_from_slice(part);
            len += part.len();
        }
    }
    len
}

pub(super) const fn millis_digits(millis: i64) -> [u8; 3] {
    let [_, a, b, c] = date::digits4(millis);
    [a, b, c]
}

/// Appends upper-case hexadecimal digits, at least `width` of them.
fn hex(n: u64, width: u32, out: &mut impl Extend<u8>) {
    let digits = (64 - n.leading_zeros()).div_ceil(4).max(width);
    out.extend((0..digits).rev().map(|i| encode::hex_digit((n >> (4 * i) & 15) as u8)));
}
