//! Where an expression may stand: the moments of a transaction, and what a fetch needs of one.
//!
//! A fetch declares what it [`Needs`]; a rule set has a [`Place`]. The table of which need is met where is a fact
//! of the language: a fetch in a place that cannot give it is refused in an expression and warned about in an ACL.

/// A moment at which expressions are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `tcp-request connection`
    FrontTcpConnection,
    /// `tcp-request session`
    FrontTcpSession,
    /// `tcp-request content` of a frontend
    FrontTcpRequest,
    /// `http-request` of a frontend
    FrontHttpRequest,
    /// the same with the body waited for
    FrontHttpBody,
    /// `use_backend`
    UseBackend,
    /// `tcp-request content` of a backend
    BackTcpRequest,
    /// `http-request` of a backend
    BackHttpRequest,
    /// the same with the body waited for
    BackHttpBody,
    /// `use-server`, `balance`
    UseServer,
    /// `source`
    Source,
    /// `tcp-response content` of a backend
    BackTcpResponse,
    /// `http-response` of a backend
    BackHttpResponse,
    /// the same with the body
    BackHttpResponseBody,
    /// `stick store-response`
    StickStore,
    /// `tcp-response` of a frontend
    FrontTcpResponse,
    /// `http-response`, `http-after-response` of a frontend
    FrontHttpResponse,
    /// the same with the body
    FrontHttpResponseBody,
    /// log formats
    Log,
    /// health checks
    Check,
    /// while the configuration loads
    Config,
    /// the runtime API
    Cli,
}

/// What a fetch needs of the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Nothing: constants, the state of the process.
    Nothing,
    /// A running process: counters, tables, names.
    Process,
    /// The listener and the client's connection.
    ClientConnection,
    /// The client's session, after what the connection itself brings (PROXY header).
    ClientSession,
    /// The frontend and its listener.
    Frontend,
    /// The bytes of a request.
    RequestBytes,
    /// What was kept of the first bytes of a connection.
    FirstBytes,
    /// The head of a request.
    RequestHead,
    /// What is kept of a request until it is logged.
    Request,
    /// Counts of what was transferred of the request.
    RequestStats,
    /// Times of the whole transaction.
    TransactionStats,
    /// The head of a request or that of a response, by the rule set.
    AnyHead,
    /// The bytes of a request or those of a response, by the rule set.
    AnyBytes,
    /// The backend, once it is chosen.
    Backend,
    /// The server, once it is chosen.
    Server,
    /// The connection to the server.
    ServerConnection,
    /// What the connection to the server speaks.
    ServerSession,
    /// Counts and times of what was transferred.
    TransferStats,
    /// The bytes of a response.
    ResponseBytes,
    /// The head of a response.
    ResponseHead,
    /// What is kept of a response until it is logged.
    Response,
}

/// The moments at which something is available, one bit for each [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity(u32);

// === impl Place ===

impl Place {
    /// The place of rules that see requests: `http-request`, or `tcp-request content` in TCP mode.
    pub const fn request(frontend: bool, http: bool) -> Self {
        match (frontend, http) {
            (true, true) => Self::FrontHttpRequest,
            (true, false) => Self::FrontTcpRequest,
            (false, true) => Self::BackHttpRequest,
            (false, false) => Self::BackTcpRequest,
        }
    }

    /// The place of rules that see responses.
    pub const fn response(frontend: bool, http: bool) -> Self {
        match (frontend, http) {
            (true, true) => Self::FrontHttpResponse,
            (true, false) => Self::FrontTcpResponse,
            (false, true) => Self::BackHttpResponse,
            (false, false) => Self::BackTcpResponse,
        }
    }

    /// The same moment of the other side.
    pub const fn counterpart(self) -> Option<Self> {
        Some(match self {
            Self::FrontTcpRequest => Self::BackTcpRequest,
            Self::FrontHttpRequest => Self::BackHttpRequest,
            Self::FrontHttpBody => Self::BackHttpBody,
            Self::BackTcpRequest => Self::FrontTcpRequest,
            Self::BackHttpRequest => Self::FrontHttpRequest,
            Self::BackHttpBody => Self::FrontHttpBody,
            Self::BackTcpResponse => Self::FrontTcpResponse,
            Self::BackHttpResponse => Self::FrontHttpResponse,
            Self::FrontTcpResponse => Self::BackTcpResponse,
            Self::FrontHttpResponse => Self::BackHttpResponse,
            _ => return None,
        })
    }

    /// The name in warnings about ACLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FrontTcpConnection => "frontend tcp-request connection rule",
            Self::FrontTcpSession => "frontend tcp-request session rule",
            Self::FrontTcpRequest => "frontend tcp-request content rule",
            Self::FrontHttpRequest => "frontend http-request header rule",
            Self::FrontHttpBody => "frontend http-request body rule",
            Self::UseBackend => "frontend use-backend rule",
            Self::BackTcpRequest => "backend tcp-request content rule",
            Self::BackHttpRequest => "backend http-request header rule",
            Self::BackHttpBody => "backend http-request body rule",
            Self::UseServer => "backend use-server, balance or stick-match rule",
            Self::Source => "server source selection",
            Self::BackTcpResponse => "backend tcp-response content rule",
            Self::BackHttpResponse => "backend http-response header rule",
            Self::BackHttpResponseBody => "backend http-response body rule",
            Self::StickStore => "backend stick-store rule",
            Self::FrontTcpResponse => "frontend tcp-response content rule",
            Self::FrontHttpResponse => "frontend http-response header rule",
            Self::FrontHttpResponseBody => "frontend http-response body rule",
            Self::Log => "logs",
            Self::Check => "tcp-check rule",
            Self::Config => "configuration parsing",
            Self::Cli => "CLI",
        }
    }
}

// === impl Needs ===

impl Needs {
    /// Where it is met.
    pub const fn validity(self) -> Validity {
        Validity::of(match self {
            Self::Nothing => b"YYYYYYYYYYYYYYYYYYYYYY",
            Self::Process => b"YYYYYYYYYYYYYYYYYYYY-Y",
            Self::ClientConnection | Self::FirstBytes => b"YYYYYYYYYYYYYYYYYYYY--",
            Self::ClientSession => b"-YYYYYYYYYYYYYYYYYY---",
            Self::Frontend => b"YYYYYYYYYYYYYYYYYYY---",
            Self::RequestBytes | Self::RequestHead => b"--YYYYYYYYY-----------",
            Self::Request | Self::RequestStats | Self::TransactionStats => b"--YYYYYYYYYYYYYYYYY---",
            Self::AnyHead | Self::AnyBytes => b"--YYYYYYYYYYYYYYYY-Y--",
            Self::Backend => b"------YYYYYYYYYYYYYY--",
            Self::Server => b"----------YYYYYYYYYY--",
            Self::TransferStats => b"---------YYYYYYYYYY---",
            Self::ResponseBytes | Self::ResponseHead => b"-----------YYYYYYY-Y--",
            Self::Response | Self::ServerConnection | Self::ServerSession => b"-----------YYYYYYYYY--",
        })
    }

    /// What a message calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing | Self::Process => "internal state",
            Self::ClientConnection | Self::FirstBytes => "client address",
            Self::ClientSession => "client-side connection",
            Self::Frontend => "frontend",
            Self::RequestBytes => "request buffer",
            Self::RequestHead => "HTTP request headers",
            Self::Request => "HTTP request",
            Self::RequestStats => "request buffer statistics",
            Self::TransactionStats => "transaction statistics",
            Self::AnyHead => "HTTP request headers,HTTP response headers",
            Self::AnyBytes => "request buffer,response buffer",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::ServerConnection => "server address",
            Self::ServerSession => "server-side connection",
            Self::TransferStats => "response buffer statistics",
            Self::ResponseBytes => "response buffer",
            Self::ResponseHead => "HTTP response headers",
            Self::Response => "HTTP response",
        }
    }

    /// Whether it is about bytes, which nothing reads as such where they are HTTP.
    pub const fn is_bytes(self) -> bool {
        matches!(self, Self::RequestBytes | Self::FirstBytes | Self::AnyBytes | Self::ResponseBytes)
    }
}

// === impl Validity ===

impl Validity {
    /// Everywhere.
    pub const ALL: Self = Self(u32::MAX);

    const fn of(table: &[u8; 22]) -> Self {
        let (mut bits, mut bit, mut rest): (u32, u32, &[u8]) = (0, 1, table);
        while let [first, tail @ ..] = rest {
            if *first == b'Y' {
                bits |= bit;
            }
            bit <<= 1;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether it is available there.
    pub const fn at(self, place: Place) -> bool {
        self.0 & (1 << place as u32) != 0
    }

    /// Where both are available.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
