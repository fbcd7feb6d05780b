//! Why a connection is refused before its first byte: what `fc_err` and its kin tell, and the error line of the
//! log (manual, 8.2.5).

/// What was wrong with what should have come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ProxyEmpty,
    ProxyAborted,
    ProxyTimeout,
    ProxyTruncated,
    ProxyMissing,
    ProxyMalformed,
    ProxyProtocol,
    CipEmpty,
    CipAborted,
    CipTimeout,
    CipTruncated,
    CipMagic,
    CipProtocol,
    HandshakeClosed,
    HandshakeTimeout,
    HandshakeAuthority,
    HandshakeCertificate,
    HandshakeFailed,
}

// === impl Refusal ===

impl Refusal {
    /// The number of `fc_err`.
    pub(crate) fn code(self) -> i64 {
        self.row().0
    }

    /// The word of `fc_err_name`.
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// The text of `fc_err_str`.
    pub(crate) fn text(self) -> &'static str {
        self.row().2
    }

    /// Whether the client had not said a byte.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::ProxyEmpty | Self::CipEmpty | Self::HandshakeClosed)
    }

    fn row(self) -> (i64, &'static str, &'static str) {
        match self {
            Self::ProxyEmpty => {
                (11, "PRX_EMPTY", "Connection closed while waiting for PROXY protocol header")
            }
            Self::ProxyAborted => {
                (12, "PRX_ABORT", "Connection error while waiting for PROXY protocol header")
            }
            Self::ProxyTimeout => (13, "PRX_TIMEOUT", "Timeout while waiting for PROXY protocol header"),
            Self::ProxyTruncated => (14, "PRX_TRUNCATED", "Truncated PROXY protocol header received"),
            Self::ProxyMissing => {
                (15, "PRX_NOT_HDR", "Received something which does not look like a PROXY protocol header")
            }
            Self::ProxyMalformed => (16, "PRX_BAD_HDR", "Received an invalid PROXY protocol header"),
            Self::ProxyProtocol => {
                (17, "PRX_BAD_PROTO", "Received an unhandled protocol in the PROXY protocol header")
            }
            Self::CipEmpty => {
                (18, "CIP_EMPTY", "Connection closed while waiting for NetScaler Client IP header")
            }
            Self::CipAborted => {
                (19, "CIP_ABORT", "Connection error while waiting for NetScaler Client IP header")
            }
            Self::CipTimeout => (20, "CIP_TIMEOUT", "Timeout while waiting for a NetScaler Client IP header"),
            Self::CipTruncated => (21, "CIP_TRUNCATED", "Truncated NetScaler Client IP header received"),
            Self::CipMagic => (22, "CIP_BAD_MAGIC", "Received an invalid NetScaler Client IP magic number"),
            Self::CipProtocol => {
                (23, "CIP_BAD_PROTO", "Received an unhandled protocol in the NetScaler Client IP header")
            }
            Self::HandshakeClosed => (24, "SSL_EMPTY", "Connection closed during SSL handshake"),
            Self::HandshakeTimeout => (26, "SSL_TIMEOUT", "Timeout during SSL handshake"),
            Self::HandshakeAuthority => (30, "SSL_CA_FAIL", "SSL client CA chain cannot be verified"),
            Self::HandshakeCertificate => (31, "SSL_CRT_FAIL", "SSL client certificate not trusted"),
            Self::HandshakeFailed => (34, "SSL_HANDSHAKE", "SSL handshake failure"),
        }
    }
}

/// Why there was no connection to a server: what `bc_err` and its kin tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// Nobody listens there.
    Refused,
    /// There was no session of TLS.
    Handshake,
    /// The server ended the session before it began.
    Ended,
    /// Its certificate is not for the name that `verifyhost` gives.
    OtherHost,
    /// Its certificate is not for the name that it was asked for.
    OtherName,
}

// === impl Unreached ===

impl Unreached {
    /// The number of `bc_err`.
    pub(crate) fn code(self) -> i64 {
        self.row().0
    }

    /// The word of `bc_err_name`.
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// The text of `bc_err_str`.
    pub(crate) fn text(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (i64, &'static str, &'static str) {
        match self {
            Self::Refused => (47, "EREFUSED", "ECONNREFUSED returned by OS"),
            Self::Handshake => Refusal::HandshakeFailed.row(),
            Self::Ended => Refusal::HandshakeClosed.row(),
            Self::OtherHost => {
                (32, "SSL_MISMATCH", "Server presented an SSL certificate different from the configured one")
            }
            Self::OtherName => (
                33,
                "SSL_MISMATCH_SNI",
                "Server presented an SSL certificate different from the expected one",
            ),
        }
    }
}
