//! The TLS hello that a client begins with, for the rules that look at it without speaking TLS (manual, 7.3.5).

use std::cell::OnceCell;

use weir_expr::scope::Hello;
use weir_expr::{Lookup, Value};
use weir_wire::Parsed;
use weir_wire::client_hello::{self, ClientHello};

/// A hello, read when it is first asked for.
#[derive(Default)]
pub(crate) struct SeenHello(OnceCell<Seen>);

/// What came.
enum Seen {
    Parts(Box<Parts>),
    /// It is no hello.
    Other,
    /// There is not enough of it.
    Partial,
}

/// The parts that are asked for.
struct Parts {
    version: u16,
    server_name: Option<Vec<u8>>,
    protocols: Vec<u8>,
    has_curves: bool,
    ticket: Option<bool>,
    ciphers: Vec<u8>,
    key_shares: Vec<u8>,
    signatures: Option<Vec<u8>>,
    groups: Option<Vec<u8>>,
}

// === impl SeenHello ===

impl SeenHello {
    /// What the hello at the start of `input` says.
    pub(crate) fn look(&self, input: &[u8], what: Hello, is_final: bool) -> Lookup<Value<'_>> {
        match self.0.get_or_init(|| Seen::read(input)) {
            Seen::Parts(parts) => parts.value(what).map_or(Lookup::Absent, Lookup::Value),
            Seen::Partial if !is_final => Lookup::NotYet,
            Seen::Partial | Seen::Other => Lookup::Absent,
        }
    }
}

// === impl Seen ===

impl Seen {
    fn read(input: &[u8]) -> Self {
        let mut joined = Vec::new();
        match client_hello::parse(input, &mut joined) {
            Parsed::Complete { value, .. } => Self::Parts(Box::new(Parts::of(&value))),
            Parsed::Partial => Self::Partial,
            Parsed::Invalid(_) => Self::Other,
        }
    }
}

// === impl Parts ===

impl Parts {
    fn of(hello: &ClientHello<'_>) -> Self {
        let list = |numbers: &mut dyn Iterator<Item = u16>| numbers.flat_map(u16::to_be_bytes).collect();
        Self {
            version: hello.version,
            server_name: hello.server_name().map(<[u8]>::to_vec),
            protocols: hello.alpn().collect::<Vec<_>>().join(&b","[..]),
            has_curves: hello.supported_groups().is_some(),
            ticket: hello.extension(SESSION_TICKET).map(|ticket| !ticket.is_empty()),
            ciphers: hello.cipher_suites.to_vec(),
            key_shares: list(&mut hello.key_share_groups()),
            signatures: hello.signature_algorithms().map(<[u8]>::to_vec),
            groups: hello.supported_groups().map(<[u8]>::to_vec),
        }
    }

    fn value(&self, what: Hello) -> Option<Value<'_>> {
        Some(match what {
            Hello::Type => Value::Sint(1),
            Hello::Version => {
                let [major, minor] = self.version.to_be_bytes();
                Value::Sint(i64::from(major) << 16 | i64::from(minor))
            }
            Hello::Sni => Value::Str(self.server_name.as_ref()?),
            Hello::Alpn => Value::Str(Some(&self.protocols).filter(|p| !p.is_empty())?),
            Hello::HasCurves => Value::Bool(self.has_curves),
            Hello::Ticket => Value::Sint(self.ticket.map_or(0, |given| 1 + i64::from(given))),
            Hello::Ciphers => Value::Bin(&self.ciphers),
            Hello::KeyShares => Value::Bin(&self.key_shares),
            Hello::SignatureAlgorithms => Value::Bin(self.signatures.as_ref()?),
            Hello::Groups => Value::Bin(self.groups.as_ref()?),
        })
    }
}

/// The extension of RFC 5077.
const SESSION_TICKET: u16 = 35;
