//! The head of a request or response: start line and header lines, in one recycled arena.
//!
//! Every line lies in the arena as it goes out, `name: value\r\n` with the name in lower case, so that lines
//! nobody touched are written in one piece. Order, duplicates and the case of values survive. What the codec
//! found out about body and connection while it read the lines is kept beside them ([`Facts`]).

use crate::HeaderId;

/// The head of a request or response. `clear` keeps the storage for the next one.
#[derive(Clone, Debug, Default)]
pub struct Head {
    arena: Vec<u8>,
    lines: Vec<HeaderLine>,
    method: Range,
    target: Range,
    reason: Range,
    protocol: Range,
    /// The status as it is written; empty for a request.
    code: Range,
    version: (u8, u8),
    status: u16,
    facts: Facts,
}

/// One header line.
#[derive(Clone, Copy, Debug)]
pub struct HeaderLine {
    /// Which well-known name it has.
    pub id: HeaderId,
    name: Range,
    value: Range,
}

/// What the lines of a head say about its body and connection (RFC 9112, 6 and 9; RFC 9110, 7.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `Content-Length`, where no `Transfer-Encoding` overrides it.
    pub content_length: Option<u64>,
    /// `Transfer-Encoding: chunked`
    pub chunked: bool,
    /// There are both `Content-Length` and `Transfer-Encoding`: the connection ends after this message.
    pub ambiguous_length: bool,
    /// `Connection: close`
    pub close: bool,
    /// `Connection: keep-alive`
    pub keep_alive: bool,
    /// `Connection: upgrade` and an `Upgrade` to go with it.
    pub upgrade: bool,
    /// A `TE` says something else than `trailers`.
    pub odd_te: bool,
    /// The scheme, which the target does not say, was `http`.
    pub plain: bool,
}

/// A part of the arena.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    start: u32,
    end: u32,
}

// === impl Head ===

impl Head {
    /// Empties it; the storage stays.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.lines.clear();
        (self.method, self.target, self.reason) = Default::default();
        (self.protocol, self.code) = Default::default();
        (self.version, self.status, self.facts) = Default::default();
    }

    /// The method.
    pub fn method(&self) -> &[u8] {
        self.bytes(self.method)
    }

    /// The target as it came.
    pub fn target(&self) -> &[u8] {
        self.bytes(self.target)
    }

    /// The reason phrase.
    pub fn reason(&self) -> &[u8] {
        self.bytes(self.reason)
    }

    /// Major and minor.
    pub fn version(&self) -> (u8, u8) {
        self.version
    }

    /// The protocol and its version as they came, where they are not `HTTP/` and two digits.
    pub fn protocol(&self) -> Option<&[u8]> {
        Some(self.bytes(self.protocol)).filter(|p| !p.is_empty())
    }

    /// The status; 0 for a request.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is a response.
    pub fn is_response(&self) -> bool {
        self.code.end > self.code.start
    }

    /// The status as it is written.
    pub fn code(&self) -> &[u8] {
        self.bytes(self.code)
    }

    /// What was found out about body and connection.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same, to be changed.
    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Sets the start line of a request.
    pub fn set_request(&mut self, method: &[u8], target: &[u8], version: (u8, u8)) {
        self.method = self.push(method);
        self.target = self.push(target);
        self.version = version;
    }

    /// Sets the start line of a response.
    pub fn set_response(&mut self, status: u16, reason: &[u8], version: (u8, u8)) {
        let digits = [status / 100 % 10, status / 10 % 10, status % 10].map(|d| b'0' + d as u8);
        self.set_coded_response(&digits, status, reason, version);
    }

    /// The same for a status that is not written in three digits.
    pub(crate) fn set_coded_response(&mut self, code: &[u8], status: u16, reason: &[u8], version: (u8, u8)) {
        self.status = status;
        self.code = self.push(code);
        self.reason = self.push(reason);
        self.version = version;
    }

    /// Sets a protocol that is not HTTP's own.
    pub fn set_protocol(&mut self, protocol: &[u8]) {
        self.protocol = self.push(protocol);
    }

    /// Sets the method.
    pub fn set_method(&mut self, method: &[u8]) {
        self.method = self.push(method);
    }

    /// Sets the target.
    pub fn set_target(&mut self, target: &[u8]) {
        self.target = self.push(target);
    }

    /// Sets the target to `parts`, one after the other.
    pub(crate) fn set_target_of(&mut self, parts: &[&[u8]]) {
        let start = self.arena.len() as u32;
        parts.iter().for_each(|p| self.arena.extend_from_slice(p));
        self.target = Range { start, end: self.arena.len() as u32 };
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[HeaderLine] {
        &self.lines
    }

    /// The most that [`crate::h1::weight`] can give, without looking at the lines.
    pub fn footprint(&self) -> usize {
        self.arena.len() + 8 * self.lines.len() + 64
    }

    /// The name of a line, in lower case.
    pub fn name(&self, line: &HeaderLine) -> &[u8] {
        self.bytes(line.name)
    }

    /// The value of a line.
    pub fn value(&self, line: &HeaderLine) -> &[u8] {
        self.bytes(line.value)
    }

    /// The values of all lines of a well-known name.
    pub fn values(&self, id: HeaderId) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().filter(move |l| l.id == id).map(|l| self.bytes(l.value))
    }

    /// Whether a line of this name (lower case) is there.
    pub fn has(&self, name: &[u8]) -> bool {
        self.lines.iter().any(|l| self.bytes(l.name) == name)
    }

    /// Adds a line at the end.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        let line = self.push_line(name, value);
        self.lines.push(line);
    }

    /// Gives the `index`th line another value; nothing where there is no such line.
    pub fn set_value(&mut self, index: usize, value: &[u8]) {
        let Some(line) = self.lines.get(index) else { return };
        // Names are short; their copy keeps the line in one piece.
        let mut name = [0u8; 64];
        let len = line.name.end.saturating_sub(line.name.start) as usize;
        let line = match name.get_mut(..len) {
            Some(name) => {
                name.copy_from_slice(self.bytes(line.name));
                self.push_line(name, value)
            }
            None => {
                let name = self.bytes(line.name).to_vec();
                self.push_line(&name, value)
            }
        };
        if let Some(slot) = self.lines.get_mut(index) {
            *slot = line;
        }
    }

    /// Takes out all lines that `pick` names.
    pub fn remove(&mut self, mut pick: impl FnMut(HeaderId, &[u8], &[u8]) -> bool) {
        let arena = &self.arena;
        let of = |r: Range| arena.get(r.start as usize..r.end as usize).unwrap_or_default();
        self.lines.retain(|l| !pick(l.id, of(l.name), of(l.value)));
    }

    /// Takes out all lines of a name in lower case, and with the name's id.
    pub fn remove_named(&mut self, id: HeaderId, name: &[u8]) {
        let arena = &self.arena;
        let is = |l: &HeaderLine| {
            l.id == id
                && (id != HeaderId::Other
                    || (l.name.end - l.name.start) as usize == name.len()
                        && arena.get(l.name.start as usize..l.name.end as usize) == Some(name))
        };
        if self.lines.iter().any(is) {
            self.lines.retain(|l| !is(l));
        }
    }

    /// Adds a line of a name in lower case, and with the name's id, that may be written as it is.
    pub fn append_known(&mut self, id: HeaderId, name: &[u8], value: &[u8]) {
        self.push_known(id, name, value);
    }

    /// Writes all lines, neighbours in one piece.
    pub(crate) fn write_lines(&self, out: &mut Vec<u8>) {
        let mut run = Range::default();
        for line in &self.lines {
            let end = line.value.end + 2;
            if line.name.start != run.end {
                out.extend_from_slice(self.bytes(run));
                run.start = line.name.start;
            }
            run.end = end;
        }
        out.extend_from_slice(self.bytes(run));
    }

    /// Adds a line of a name in lower case whose value has been looked at.
    pub(crate) fn push_known(&mut self, id: HeaderId, name: &[u8], value: &[u8]) {
        let start = self.arena.len();
        self.arena.reserve(name.len() + value.len() + 4);
        self.arena.extend_from_slice(name);
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_slice(value);
        self.arena.extend_from_slice(b"\r\n");
        self.lines.push(HeaderLine::over(id, start, name.len(), value.len()));
    }

    /// Copies a line with its end to the end of the arena, its name in lower case. Gives the name's id and
    /// length; nothing, and nothing is copied, where the line is not as it would be written.
    /// [`Self::finish_plain`] makes a line of it, [`Self::drop_plain`] forgets it.
    pub(crate) fn push_plain(&mut self, line: &[u8], lower: &[u8; 256]) -> Option<(HeaderId, usize)> {
        let start = self.arena.len();
        self.arena.extend_from_slice(line);
        let found = self.arena.get_mut(start..).and_then(|copied| {
            let mut colon = 0;
            for b in copied.iter_mut() {
                let low = lower.get(usize::from(*b)).copied().unwrap_or(0);
                if low == 0 {
                    break;
                }
                *b = low;
                colon += 1;
            }
            let (name, rest) = copied.split_at_checked(colon)?;
            let well_spaced = match rest {
                [b':', b' ', first, .., last, b'\r', b'\n'] => {
                    !matches!(first, b' ' | b'\t') && !matches!(last, b' ' | b'\t')
                }
                [b':', b' ', only, b'\r', b'\n'] => !matches!(only, b' ' | b'\t'),
                _ => false,
            };
            if well_spaced && colon > 0 { Some((HeaderId::of(name), colon)) } else { None }
        });
        if found.is_none() {
            self.arena.truncate(start);
        }
        found
    }

    /// Makes a line of the `len` bytes that end the arena.
    pub(crate) fn finish_plain(&mut self, id: HeaderId, colon: usize, len: usize) {
        let start = self.arena.len().saturating_sub(len);
        self.lines.push(HeaderLine::over(id, start, colon, len.saturating_sub(colon + 4)));
    }

    /// Forgets the `len` bytes that end the arena.
    pub(crate) fn drop_plain(&mut self, len: usize) {
        self.drop_name(len);
    }

    /// Copies a name in lower case to the end of the arena. Returns its bytes, or nothing where it has one
    /// that no name may have; [`Self::finish_line`] makes a line of it, [`Self::drop_name`] forgets it.
    pub(crate) fn push_name(&mut self, name: &[u8], lower: &[u8; 256]) -> Option<&[u8]> {
        let start = self.arena.len();
        self.arena.extend_from_slice(name);
        let copied = self.arena.get_mut(start..)?;
        let mut valid = true;
        for b in copied.iter_mut() {
            *b = lower.get(usize::from(*b)).copied().unwrap_or(0);
            valid &= *b != 0;
        }
        if valid { self.arena.get(start..) } else { None }
    }

    /// Makes a line of the `len` bytes of name that end the arena.
    pub(crate) fn finish_line(&mut self, id: HeaderId, len: usize, value: &[u8]) {
        let start = self.arena.len().saturating_sub(len);
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_slice(value);
        self.arena.extend_from_slice(b"\r\n");
        self.lines.push(HeaderLine::over(id, start, len, value.len()));
    }

    /// Forgets the `len` bytes of name that end the arena.
    pub(crate) fn drop_name(&mut self, len: usize) {
        self.arena.truncate(self.arena.len().saturating_sub(len));
    }

    fn push_line(&mut self, name: &[u8], value: &[u8]) -> HeaderLine {
        let start = self.arena.len();
        self.arena.extend(name.iter().map(u8::to_ascii_lowercase));
        let id = HeaderId::of(self.arena.get(start..).unwrap_or_default());
        self.arena.extend_from_slice(b": ");
        self.arena.extend_from_slice(value);
        self.arena.extend_from_slice(b"\r\n");
        HeaderLine::over(id, start, name.len(), value.len())
    }

    fn push(&mut self, bytes: &[u8]) -> Range {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Range { start, end: self.arena.len() as u32 }
    }

    fn bytes(&self, r: Range) -> &[u8] {
        self.arena.get(r.start as usize..r.end as usize).unwrap_or_default()
    }
}

// === impl HeaderLine ===

impl HeaderLine {
    /// The bytes of name and value.
    pub(crate) fn len(&self) -> usize {
        self.value.end.saturating_sub(self.name.start + 2) as usize
    }

    /// A line at `start` of the arena.
    fn over(id: HeaderId, start: usize, name: usize, value: usize) -> Self {
        let (start, name, value) = (start as u32, name as u32, value as u32);
        let colon = start + name;
        Self {
            id,
            name: Range { start, end: colon },
            value: Range { start: colon + 2, end: colon + 2 + value },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_changed_or_taken_out_leave_the_others_as_they_were() {
        let mut head = Head::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")] {
            head.append(name.as_bytes(), value.as_bytes());
        }
        head.set_value(1, b"two");
        head.remove(|_, name, _| name == b"c");
        let mut out = Vec::new();
        head.write_lines(&mut out);
        assert_eq!(out, b"a: 1\r\nb: two\r\nd: 4\r\n");
    }
}
