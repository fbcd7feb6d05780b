//! The head of a request or response: start line and header lines, in one recycled arena.
//!
//! The bytes of a head are copied in once; lines are ranges into the arena, values that are added go to its
//! end. Order, case of values and duplicates survive; names are kept in lower case.

/// The head of a request or response. `clear` keeps the storage for the next one.
#[derive(Clone, Debug, Default)]
pub struct Head {
    arena: Vec<u8>,
    lines: Vec<HeaderLine>,
    method: Range,
    target: Range,
    reason: Range,
    version: (u8, u8),
    status: u16,
}

/// One header line.
#[derive(Clone, Copy, Debug)]
pub struct HeaderLine {
    /// Which well-known name it has.
    pub id: HeaderId,
    name: Range,
    value: Range,
}

/// Well-known names, recognised once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the header of its name")]
pub enum HeaderId {
    Other,
    Connection,
    ContentLength,
    TransferEncoding,
    Host,
    Expect,
    Upgrade,
    KeepAlive,
    ProxyConnection,
    Te,
    Trailer,
    Cookie,
    SetCookie,
    XForwardedFor,
    Forwarded,
    CacheControl,
    Authorization,
    ContentType,
    Date,
    Location,
}

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
        (self.version, self.status) = Default::default();
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

    /// The status; 0 for a request.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Sets the start line of a request.
    pub fn set_request(&mut self, method: &[u8], target: &[u8], version: (u8, u8)) {
        self.method = self.push(method);
        self.target = self.push(target);
        self.version = version;
    }

    /// Sets the start line of a response.
    pub fn set_response(&mut self, status: u16, reason: &[u8], version: (u8, u8)) {
        self.status = status;
        self.reason = self.push(reason);
        self.version = version;
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[HeaderLine] {
        &self.lines
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
        let start = self.arena.len() as u32;
        self.arena.extend(name.iter().map(u8::to_ascii_lowercase));
        let name = Range { start, end: self.arena.len() as u32 };
        let id = HeaderId::of(self.bytes(name));
        let value = self.push(value);
        self.lines.push(HeaderLine { id, name, value });
    }

    /// Takes out all lines that `pick` names.
    pub fn remove(&mut self, mut pick: impl FnMut(HeaderId, &[u8], &[u8]) -> bool) {
        let arena = &self.arena;
        let of = |r: Range| arena.get(r.start as usize..r.end as usize).unwrap_or_default();
        self.lines.retain(|l| !pick(l.id, of(l.name), of(l.value)));
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

// === impl HeaderId ===

impl HeaderId {
    /// The id of a name in lower case.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"connection" => Self::Connection,
            b"content-length" => Self::ContentLength,
            b"transfer-encoding" => Self::TransferEncoding,
            b"host" => Self::Host,
            b"expect" => Self::Expect,
            b"upgrade" => Self::Upgrade,
            b"keep-alive" => Self::KeepAlive,
            b"proxy-connection" => Self::ProxyConnection,
            b"te" => Self::Te,
            b"trailer" => Self::Trailer,
            b"cookie" => Self::Cookie,
            b"set-cookie" => Self::SetCookie,
            b"x-forwarded-for" => Self::XForwardedFor,
            b"forwarded" => Self::Forwarded,
            b"cache-control" => Self::CacheControl,
            b"authorization" => Self::Authorization,
            b"content-type" => Self::ContentType,
            b"date" => Self::Date,
            b"location" => Self::Location,
            _ => Self::Other,
        }
    }
}
