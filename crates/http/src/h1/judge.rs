//! The lines that decide on body, connection and authority, judged as they come (RFC 9112, 3.2, 6.1 to 6.3
//! and 9.3; RFC 9110, 7.6.1, 7.8 and 10.1.4).
//!
//! What is for one connection only is taken out here, and what remains is brought into one spelling, so that
//! rules and the far side see lines that nobody can read in two ways.

use super::authority;
use super::chars::{self, trim};
use super::parse::{Kind, Limits, weight};
use crate::{Head, HeaderId};

/// What the lines so far said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judge {
    content_length: Option<u64>,
    coded: bool,
    chunked: bool,
    /// A transfer coding that is not known here.
    foreign: bool,
    close: bool,
    keep_alive: bool,
    /// `Connection: upgrade`
    wants_upgrade: bool,
    /// There is an `Upgrade` with something in it.
    upgrade: bool,
    websocket: bool,
    websocket_key: bool,
    /// The line of `Host`.
    host: Option<u16>,
    dropped: u16,
}

// === impl Judge ===

impl Judge {
    /// Lines that were read and left out.
    pub(super) fn dropped(&self) -> usize {
        usize::from(self.dropped)
    }

    /// Whether a fault found now is not answered: a body of known length was announced before it.
    pub(super) fn is_silent(&self, kind: Kind) -> bool {
        kind == Kind::Request && !self.coded && self.content_length.is_some_and(|n| n > 0)
    }

    /// Looks at a line, and adds what is to be kept of it.
    pub(super) fn line(
        &mut self,
        kind: Kind,
        id: HeaderId,
        value: &[u8],
        head: &mut Head,
        lenient: bool,
    ) -> Result<(), u16> {
        let before = head.lines().len();
        match id {
            HeaderId::ContentLength => self.content_length(kind, value, head)?,
            HeaderId::TransferEncoding => self.transfer_encoding(kind, value, head, lenient)?,
            HeaderId::Host if kind != Kind::Response => self.host(kind, value, head)?,
            HeaderId::Host => head.push_known(id, b"host", value),
            _ if kind == Kind::Trailers => head.push_known(id, name_of(id), value),
            HeaderId::Connection => self.connection(value, head),
            HeaderId::Upgrade => self.upgrade(value, head),
            HeaderId::Te => {
                head.facts_mut().odd_te |= value != b"trailers";
                head.push_known(id, b"te", value);
            }
            _ => {
                self.websocket_key = true;
                head.push_known(id, b"sec-websocket-key", value);
            }
        }
        self.dropped += u16::from(head.lines().len() == before);
        Ok(())
    }

    /// All lines are there.
    pub(super) fn finish(&mut self, kind: Kind, head: &mut Head, limits: &Limits) -> Result<(), u16> {
        let bad = kind.status();
        if kind == Kind::Request {
            self.finish_request(head, limits)?;
        }
        self.check_codings(kind)?;
        if kind == Kind::Trailers {
            return Ok(());
        }
        if weight(head) > limits.max_weight {
            return Err(if kind == Kind::Request { 431 } else { bad });
        }
        let ambiguous = self.coded && self.content_length.is_some();
        if ambiguous {
            // RFC 9112, 6.3 rule 3: what is overridden is not passed on.
            head.remove(|id, _, _| id == HeaderId::ContentLength);
        }
        let facts = head.facts_mut();
        facts.content_length = self.content_length.filter(|_| !self.coded);
        facts.chunked = self.chunked;
        facts.ambiguous_length = ambiguous;
        facts.close = self.close;
        facts.keep_alive = self.keep_alive;
        facts.upgrade = self.wants_upgrade && self.upgrade;
        Ok(())
    }

    fn check_codings(&self, kind: Kind) -> Result<(), u16> {
        if self.coded && !self.chunked {
            return Err(kind.status()); // RFC 9112, 6.3 rule 4
        }
        if self.foreign {
            return Err(if kind == Kind::Request { 422 } else { kind.status() });
        }
        Ok(())
    }

    fn finish_request(&mut self, head: &mut Head, limits: &Limits) -> Result<(), u16> {
        let host = self.host.map(usize::from);
        if host.is_none() && head.target().first() == Some(&b'/') && head.method() != b"CONNECT" {
            // The common case without a host needs no look at the target.
        } else {
            authority::reconcile(head, host, limits.lenient)?;
        }
        if self.wants_upgrade != self.upgrade {
            self.drop_upgrade(head);
        }
        if self.wants_upgrade && self.websocket && !self.websocket_key && !limits.lenient {
            return Err(400); // RFC 6455, 4.1
        }
        let announced = self.chunked || self.content_length.is_some_and(|n| n > 0);
        let bare = matches!(head.method(), b"GET" | b"HEAD" | b"DELETE");
        if announced && bare && head.version() < (1, 1) && !limits.payload_with_any_method {
            return Err(413);
        }
        Ok(())
    }

    /// RFC 9112, 6.3 rule 5; one number remains, in decimal.
    fn content_length(&mut self, kind: Kind, value: &[u8], head: &mut Head) -> Result<(), u16> {
        let bad = kind.status();
        let mut found = None;
        for part in value.split(|b| *b == b',') {
            let n = number(trim(part)).ok_or(bad)?;
            if found.is_some_and(|f| f != n) {
                return Err(bad);
            }
            found = Some(n);
        }
        let n = found.ok_or(bad)?;
        if self.content_length.is_some_and(|f| f != n) {
            return Err(bad);
        }
        if self.content_length.replace(n).is_none() {
            let mut digits = [0u8; 20];
            head.push_known(HeaderId::ContentLength, b"content-length", decimal(n, &mut digits));
        }
        Ok(())
    }

    /// `chunked` comes once and last (RFC 9112, 6.1). Of servers whose violations are accepted, empty codings and
    /// `chunked` again say nothing.
    fn transfer_encoding(
        &mut self,
        kind: Kind,
        value: &[u8],
        head: &mut Head,
        lenient: bool,
    ) -> Result<(), u16> {
        let mut any = false;
        for coding in value.split(|b| *b == b',').map(trim) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            if lenient && kind == Kind::Response && (coding.is_empty() || chunked && self.chunked) {
                continue;
            }
            if coding.is_empty() || self.chunked {
                return Err(kind.status());
            }
            any = true;
            if chunked {
                self.chunked = true;
            } else {
                self.foreign = true;
            }
        }
        if !any {
            return Ok(());
        }
        self.coded = true;
        head.push_known(HeaderId::TransferEncoding, b"transfer-encoding", b"chunked");
        Ok(())
    }

    /// RFC 9112, 3.2: one host. The same again is left out.
    fn host(&mut self, kind: Kind, value: &[u8], head: &mut Head) -> Result<(), u16> {
        if !authority::is_valid_host(value) {
            return Err(kind.status());
        }
        let first = self.host.and_then(|i| head.lines().get(usize::from(i)));
        match first {
            Some(line) if head.value(line).eq_ignore_ascii_case(value) => Ok(()),
            Some(_) => Err(kind.status()),
            None => {
                self.host = u16::try_from(head.lines().len()).ok();
                head.push_known(HeaderId::Host, b"host", value);
                Ok(())
            }
        }
    }

    /// `close` and `keep-alive` are for this connection; the rest goes on (RFC 9112, 9.6).
    fn connection(&mut self, value: &[u8], head: &mut Head) {
        let mut kept = Kept::default();
        for token in tokens(value) {
            match trim(token) {
                t if t.eq_ignore_ascii_case(b"close") => self.close = true,
                t if t.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                t => {
                    self.wants_upgrade |= t.eq_ignore_ascii_case(b"upgrade");
                    kept.keep(token);
                    continue;
                }
            }
            kept.leave_out();
        }
        kept.write(HeaderId::Connection, b"connection", value, head);
    }

    /// HTTP/2 is not reached by upgrading.
    fn upgrade(&mut self, value: &[u8], head: &mut Head) {
        let mut kept = Kept::default();
        for token in tokens(value) {
            match trim(token) {
                b"h2c" | b"h2" => kept.leave_out(),
                t => {
                    self.websocket |= t.eq_ignore_ascii_case(b"websocket");
                    self.upgrade |= !t.is_empty();
                    kept.keep(token);
                }
            }
        }
        kept.write(HeaderId::Upgrade, b"upgrade", value, head);
    }

    /// One of `Connection: upgrade` and `Upgrade` without the other says nothing (RFC 9110, 7.8).
    #[cold]
    fn drop_upgrade(&mut self, head: &mut Head) {
        if !self.wants_upgrade {
            head.remove(|id, _, _| id == HeaderId::Upgrade);
            return;
        }
        head.remove(|id, _, value| id == HeaderId::Upgrade && value.is_empty());
        for index in 0..head.lines().len() {
            let Some(line) = head.lines().get(index).filter(|l| l.id == HeaderId::Connection) else {
                continue;
            };
            let mut kept = Kept::default();
            for token in tokens(head.value(line)) {
                if trim(token).eq_ignore_ascii_case(b"upgrade") { kept.leave_out() } else { kept.keep(token) }
            }
            if kept.left_out {
                head.set_value(index, &kept.joined);
            }
        }
        head.remove(|id, _, value| id == HeaderId::Connection && value.is_empty());
    }
}

/// What remains of a list. Nothing is copied before something is left out.
#[derive(Default)]
struct Kept {
    joined: Vec<u8>,
    /// How many tokens were kept before the first that was not.
    any: bool,
    left_out: bool,
}

// === impl Kept ===

impl Kept {
    fn keep(&mut self, token: &[u8]) {
        if self.any {
            self.joined.push(b',');
        }
        let start = token.iter().position(|b| self.left_out && !chars::is_blank(*b));
        self.joined.extend_from_slice(token.get(start.unwrap_or(0)..).unwrap_or_default());
        self.any = true;
    }

    fn leave_out(&mut self) {
        self.left_out = true;
    }

    fn write(&self, id: HeaderId, name: &[u8], value: &[u8], head: &mut Head) {
        let rest = if self.left_out { &self.joined } else { value.strip_suffix(b",").unwrap_or(value) };
        if !rest.is_empty() {
            head.push_known(id, name, rest);
        }
    }
}

/// The parts of a list, blanks included.
fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| *b == b',')
}

/// The names of the lines that are judged here.
fn name_of(id: HeaderId) -> &'static [u8] {
    match id {
        HeaderId::Connection => b"connection",
        HeaderId::Upgrade => b"upgrade",
        HeaderId::Te => b"te",
        _ => b"sec-websocket-key",
    }
}

/// A number of digits alone.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        if !b.is_ascii_digit() {
            return None;
        }
        n.checked_mul(10)?.checked_add(u64::from(b - b'0'))
    })
}

/// A number in decimal, in storage of the caller's.
pub(crate) fn decimal(mut n: u64, storage: &mut [u8; 20]) -> &[u8] {
    let mut at = storage.len();
    loop {
        at -= 1;
        if let Some(digit) = storage.get_mut(at) {
            *digit = b'0' + (n % 10) as u8;
        }
        n /= 10;
        if n == 0 {
            return storage.get(at..).unwrap_or_default();
        }
    }
}
