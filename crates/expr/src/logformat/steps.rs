//! What a line is written by: the items of a format, those that need no care reduced to one straight step each.
//!
//! Most lines are aliases without flags between blanks and punctuation. Compiled, their literal bytes are joined,
//! and a number is a number; all else is left to the renderer of items. Lines that are encoded as a whole have
//! no steps.

use std::cell::Cell;
use std::net::IpAddr;

use super::alias::{DateForm, RequestPart, Timer};
use super::render::Renderer;
use super::{Alias, Item, ItemKind, Options, encode};
use crate::date::{self, Civil};
use crate::scope::{Address, Endpoint, Number, Side, Text};
use crate::value::IpText;

/// One step of a line.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Bytes as they are; whether a blank is the last.
    Bytes(Box<[u8]>, bool),
    /// A blank, unless the line ends in one.
    Blank,
    /// The item at this place of the format.
    Item(usize),
    Ip(Address),
    Port(Address),
    /// A text, `-` where absent.
    Text(Text),
    Backend,
    Server,
    FrontendTransport,
    /// Two letters, or four.
    Termination(usize),
    Number(Number, i64),
    Total(Number),
    Retries,
    Timer(Timer),
    /// The date of the accept, or of the request.
    LocalDate {
        request: bool,
    },
    /// The request line.
    RequestLine {
        quoted: bool,
    },
}

/// The steps of a format.
pub(super) fn compile(items: &[Item], global: Options) -> Box<[Step]> {
    let mut steps = Vec::new();
    if global.encodes() {
        return steps.into();
    }
    for (place, item) in items.iter().enumerate() {
        match &item.kind {
            ItemKind::Text(text) => join(&mut steps, text, false),
            // What comes before has always written something.
            ItemKind::Separator if !matches!(steps.last(), None | Some(Step::Item(_) | Step::Blank)) => {
                join(&mut steps, b" ", true);
            }
            ItemKind::Separator => steps.push(Step::Blank),
            ItemKind::Alias(alias) => {
                let step = if global.has(Options::BIN) { None } else { straight(*alias, item.options) };
                steps.push(step.unwrap_or(Step::Item(place)));
            }
            ItemKind::Expr(_) => steps.push(Step::Item(place)),
        }
    }
    steps.into()
}

/// The step of an alias that needs no care.
fn straight(alias: Alias, options: Options) -> Option<Step> {
    if options == Options::MANDATORY.with(Options::QUOTE) && alias == Alias::Request(RequestPart::Line) {
        return Some(Step::RequestLine { quoted: true });
    }
    if options != Options::MANDATORY {
        return None;
    }
    Some(match alias {
        Alias::Ip(which) => Step::Ip(which),
        Alias::Port(which) => Step::Port(which),
        Alias::Text(what) => Step::Text(what),
        Alias::Backend => Step::Backend,
        Alias::Server => Step::Server,
        Alias::FrontendTransport => Step::FrontendTransport,
        Alias::Termination { cookie } => Step::Termination(if cookie { 4 } else { 2 }),
        Alias::Number { number, absent } => Step::Number(number, absent),
        Alias::Total(number) => Step::Total(number),
        Alias::Retries => Step::Retries,
        Alias::Timer(timer) => Step::Timer(timer),
        Alias::Date(DateForm::LocalMs { request }) => Step::LocalDate { request },
        Alias::Request(RequestPart::Line) => Step::RequestLine { quoted: false },
        _ => return None,
    })
}

fn join(steps: &mut Vec<Step>, text: &[u8], blank: bool) {
    if let Some(Step::Bytes(bytes, ends)) = steps.last_mut() {
        *bytes = [&**bytes, text].concat().into();
        *ends = blank;
    } else {
        steps.push(Step::Bytes(text.into(), blank));
    }
}

// === impl Renderer ===

impl<'r> Renderer<'r> {
    /// Writes what a step stands for.
    pub(super) fn step(&mut self, step: &'r Step) {
        let scope = self.scope;
        match step {
            Step::Bytes(bytes, blank) => {
                match **bytes {
                    [one] => self.out.push(one),
                    _ => self.out.extend_from_slice(bytes),
                }
                self.blank = *blank;
                return;
            }
            Step::Blank if self.blank => return,
            Step::Blank => {
                self.out.push(b' ');
                self.blank = true;
                return;
            }
            Step::Item(place) => {
                let format = self.format;
                return format.items.get(*place).map_or((), |item| self.item(item));
            }
            Step::Ip(which) => self.plain_ip(*which),
            Step::Port(which) => match scope.address(*which) {
                None => self.out.push(b'-'),
                Some(Endpoint::Unix(_)) => self.put(scope.number(Number::ListenerId).unwrap_or(0)),
                Some(Endpoint::Ip(address)) => self.put(i64::from(address.port())),
            },
            Step::Text(what) => self.or_dash(scope.text(*what)),
            Step::Backend => self.or_dash(scope.text(Text::Backend).or_else(|| scope.text(Text::Frontend))),
            Step::Server => {
                let name = scope.text(Text::Server).or_else(|| scope.text(Text::Service));
                self.or_dash(name.or(Some(b"<NOSRV>")));
            }
            Step::FrontendTransport => {
                self.or_dash(scope.text(Text::Frontend));
                if scope.number(Number::Tls(Side::Client)) == Some(1) {
                    self.out.push(b'~');
                }
            }
            Step::Termination(letters) => {
                let state = scope.text(Text::Termination).unwrap_or(b"----");
                self.out.extend_from_slice(state.get(..*letters).unwrap_or(state));
            }
            Step::Number(number, absent) => self.put(scope.number(*number).unwrap_or(*absent)),
            Step::Total(number) => self.growing(scope.number(*number).unwrap_or(0)),
            Step::Retries => {
                if scope.number(Number::Redispatched) == Some(1) {
                    self.out.push(b'+');
                }
                self.put(scope.number(Number::Retries).unwrap_or(0));
            }
            Step::Timer(timer) => {
                let ms = timer.of(self.times());
                if timer.is_total() { self.growing(ms) } else { self.put(ms) }
            }
            Step::LocalDate { request } => self.local_date(*request),
            Step::RequestLine { quoted } => {
                let line = scope.text(Text::RequestLine).unwrap_or(b"<BADREQ>");
                if *quoted {
                    self.out.push(b'"');
                }
                encode::client(line, encode::Unsafe::Line, Options::NONE, self.out);
                if *quoted {
                    self.out.push(b'"');
                }
            }
        }
        self.blank = false;
    }

    fn or_dash(&mut self, text: Option<&[u8]>) {
        match text {
            None | Some([]) => self.out.push(b'-'),
            Some(text) => self.out.extend_from_slice(text),
        }
    }

    fn growing(&mut self, n: i64) {
        if self.times().unfinished {
            self.out.push(b'+');
        }
        self.put(n);
    }

    fn put(&mut self, n: i64) {
        match n {
            0..10 => self.out.push(b'0' + n as u8),
            10..100 => self.out.extend_from_slice(&date::digits2(n as u8)),
            _ => self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes()),
        }
    }

    fn plain_ip(&mut self, which: Address) {
        let ip = match self.scope.address(which) {
            None => return self.out.push(b'-'),
            Some(Endpoint::Unix(_)) => return self.out.extend_from_slice(b"unix"),
            Some(Endpoint::Ip(address)) => address.ip(),
        };
        let IpAddr::V4(ip) = ip else {
            return self.out.extend_from_slice(IpText::new(ip).bytes());
        };
        let [a, b, c, d] = ip.octets().map(i64::from);
        self.put(a);
        for octet in [b, c, d] {
            self.out.push(b'.');
            self.put(octet);
        }
    }

    /// `21/Nov/2026:02:13:15.123`
    fn local_date(&mut self, request: bool) {
        let times = self.times();
        let us = if request && times.request_us != 0 { times.request_us } else { times.accepted_us };
        let second = us.div_euclid(1_000_000);
        let offset = self.scope.utc_offset(second);
        let millis = us.rem_euclid(1_000_000) / 1000;
        let text = SECOND.with(|known| {
            let (at, ahead, text) = known.get();
            if (at, ahead) == (second, offset) {
                return text;
            }
            let text = Civil::new(second, offset).log();
            known.set((second, offset, text));
            text
        });
        let mut whole = [b'.'; 24];
        whole[..20].copy_from_slice(&text);
        whole[21..].copy_from_slice(&super::render::millis_digits(millis));
        self.out.extend_from_slice(&whole);
    }
}

thread_local! {
    /// The second that was written last, with its offset from UTC: lines come by the thousand in one.
    static SECOND: Cell<(i64, i32, [u8; 20])> = const { Cell::new((i64::MIN, 0, [0; 20])) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::load_at;
    use crate::{Format, Place, Purpose};

    #[test]
    fn literal_bytes_between_plain_aliases_are_one_step() {
        let format =
            load_at(Place::Log, |load| Format::compile(b"%ci:%cp [%tr]  x %hr y", Purpose::Log, load))
                .unwrap();
        let kinds: Vec<String> =
            compile(&format.items, format.global).iter().map(|s| format!("{s:?}")).collect();
        assert_eq!(
            kinds,
            [
                "Ip(Source)",
                "Bytes([58], false)",
                "Port(Source)",
                "Bytes([32, 91], false)",
                "LocalDate { request: true }",
                "Bytes([93, 32, 120, 32], true)",
                "Item(10)",
                "Blank",
                "Bytes([121], false)",
            ]
        );
    }
}
