//! Well-known header names.

/// Well-known names, recognised once when a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    SecWebSocketKey,
}

// === impl HeaderId ===

impl HeaderId {
    /// The id of a name in lower case.
    pub fn of(name: &[u8]) -> Self {
        // By length first: most names differ there, and what is left is one comparison.
        let (known, id): (&[u8], Self) = match (name.len(), name.first()) {
            (2, _) => (b"te", Self::Te),
            (4, Some(b'h')) => (b"host", Self::Host),
            (4, _) => (b"date", Self::Date),
            (6, Some(b'c')) => (b"cookie", Self::Cookie),
            (6, _) => (b"expect", Self::Expect),
            (7, Some(b'u')) => (b"upgrade", Self::Upgrade),
            (7, _) => (b"trailer", Self::Trailer),
            (8, _) => (b"location", Self::Location),
            (9, _) => (b"forwarded", Self::Forwarded),
            (10, Some(b'c')) => (b"connection", Self::Connection),
            (10, Some(b'k')) => (b"keep-alive", Self::KeepAlive),
            (10, _) => (b"set-cookie", Self::SetCookie),
            (12, _) => (b"content-type", Self::ContentType),
            (13, Some(b'a')) => (b"authorization", Self::Authorization),
            (13, _) => (b"cache-control", Self::CacheControl),
            (14, _) => (b"content-length", Self::ContentLength),
            (15, _) => (b"x-forwarded-for", Self::XForwardedFor),
            (16, _) => (b"proxy-connection", Self::ProxyConnection),
            (17, Some(b't')) => (b"transfer-encoding", Self::TransferEncoding),
            (17, _) => (b"sec-websocket-key", Self::SecWebSocketKey),
            _ => return Self::Other,
        };
        if name == known { id } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_and_their_neighbours_are_not() {
        for (name, id) in [
            ("te", HeaderId::Te),
            ("host", HeaderId::Host),
            ("date", HeaderId::Date),
            ("hos", HeaderId::Other),
            ("hosu", HeaderId::Other),
            ("connection", HeaderId::Connection),
            ("keep-alive", HeaderId::KeepAlive),
            ("set-cookie", HeaderId::SetCookie),
            ("transfer-encoding", HeaderId::TransferEncoding),
            ("sec-websocket-key", HeaderId::SecWebSocketKey),
            ("", HeaderId::Other),
        ] {
            assert_eq!(HeaderId::of(name.as_bytes()), id, "{name}");
        }
    }
}
