//! The `option` lines of a proxy that are plain flags, and those that carry a little data.

#![expect(missing_docs, reason = "each flag is the word of its name")]

use bitflags::bitflags;
use ipnet::IpNet;

bitflags! {
    /// Flags of a proxy; each is the `option` of its name (manual, 4.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Options: u64 {
        const ABORT_ON_CLOSE = 1;
        const ALL_BACKUPS = 1 << 1;
        const CHECK_CACHE = 1 << 2;
        const CLITCPKA = 1 << 3;
        const CONTSTATS = 1 << 4;
        const DISABLE_H2_UPGRADE = 1 << 5;
        const DONTLOG_NORMAL = 1 << 6;
        const DONTLOG_NULL = 1 << 7;
        const H1_CASE_ADJUST_BOGUS_CLIENT = 1 << 8;
        const H1_CASE_ADJUST_BOGUS_SERVER = 1 << 9;
        const HTTP_BUFFER_REQUEST = 1 << 10;
        const HTTP_CLOSE = 1 << 11;
        const HTTP_DROP_REQUEST_TRAILERS = 1 << 12;
        const HTTP_DROP_RESPONSE_TRAILERS = 1 << 13;
        const HTTP_IGNORE_PROBES = 1 << 14;
        const HTTP_KEEP_ALIVE = 1 << 15;
        const HTTP_NO_DELAY = 1 << 16;
        const HTTP_PRETEND_KEEPALIVE = 1 << 17;
        const HTTP_SERVER_CLOSE = 1 << 18;
        const HTTP_USE_PROXY_HEADER = 1 << 19;
        const IDLE_CLOSE_ON_RESPONSE = 1 << 20;
        const INDEPENDENT_STREAMS = 1 << 21;
        const LOGASAP = 1 << 22;
        const LOG_HEALTH_CHECKS = 1 << 23;
        const LOG_SEPARATE_ERRORS = 1 << 24;
        const NOLINGER = 1 << 25;
        const PERSIST = 1 << 26;
        const PREFER_LAST_SERVER = 1 << 27;
        const SOCKET_STATS = 1 << 28;
        const SRVTCPKA = 1 << 32;
        const TCP_SMART_ACCEPT = 1 << 33;
        const TCP_SMART_CONNECT = 1 << 34;
        /// Connect to the address that the client asked for (`option transparent`, `dispatch` of old).
        const TRANSPARENT = 1 << 35;
        const ACCEPT_UNSAFE_REQUEST = 1 << 36;
        const ACCEPT_UNSAFE_RESPONSE = 1 << 37;
        /// `no option abortonclose`: in `mode http` that has to be said.
        const NO_ABORT_ON_CLOSE = 1 << 39;
    }

    /// The events of `retry-on` (manual, 4.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct RetryOn: u32 {
        const CONN_FAILURE = 1;
        const EMPTY_RESPONSE = 1 << 1;
        const JUNK_RESPONSE = 1 << 2;
        const RESPONSE_TIMEOUT = 1 << 3;
        const EARLY_DATA_REJECTED = 1 << 4;
        const S401 = 1 << 5;
        const S403 = 1 << 6;
        const S404 = 1 << 7;
        const S408 = 1 << 8;
        const S421 = 1 << 9;
        const S425 = 1 << 10;
        const S429 = 1 << 11;
        const S500 = 1 << 12;
        const S501 = 1 << 13;
        const S502 = 1 << 14;
        const S503 = 1 << 15;
        const S504 = 1 << 16;
        /// `all-retryable-errors`
        const ALL_RETRYABLE = Self::CONN_FAILURE.bits() | Self::EMPTY_RESPONSE.bits()
            | Self::JUNK_RESPONSE.bits() | Self::RESPONSE_TIMEOUT.bits()
            | Self::EARLY_DATA_REJECTED.bits() | Self::S500.bits() | Self::S502.bits()
            | Self::S503.bits() | Self::S504.bits();
    }
}

/// `option forwardfor` and `option originalto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHeader {
    /// The header's name, in lower case.
    pub name: Box<[u8]>,
    /// Addresses for which nothing is added.
    pub except: Option<IpNet>,
    /// Only where the request has no such header.
    pub if_none: bool,
}

/// `option forwarded`: which parts of the header are made (RFC 7239). The expressions of its long forms are
/// kept as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// `proto`
    pub proto: bool,
    /// `host`, or `host-expr`'s expression.
    pub host: Option<Option<String>>,
    /// `by`, or `by-expr`'s expression.
    pub by: Option<Option<String>>,
    /// `by_port`, or `by_port-expr`'s expression.
    pub by_port: Option<Option<String>>,
    /// `for`, or `for-expr`'s expression.
    pub for_: Option<Option<String>>,
    /// `for_port`, or `for_port-expr`'s expression.
    pub for_port: Option<Option<String>>,
}

/// `option http-restrict-req-hdr-names`: what happens to a request with other characters than
/// `[a-zA-Z0-9-]` in a header's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderNames {
    /// The header passes.
    #[default]
    Preserve,
    /// The header is taken out.
    Delete,
    /// The request is answered with 403.
    Reject,
}
