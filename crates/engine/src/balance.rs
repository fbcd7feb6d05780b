//! From `balance` to a plan for the farm, and from a request to the key that the plan hashes (manual, 4.2
//! "balance").

use std::sync::Arc;

use weir_balance::hash::{Function, Hashing};
use weir_balance::key::{self, UriOptions};
use weir_balance::{Plan, RingKey, Scheme};
use weir_expr::{Expr, Lookup, Type, Value};

use crate::action::RuleSet;
use crate::conf::{self, HashKey, Options};
use crate::log::Origin;
use crate::scope::View;
use crate::stage::body;
use crate::transaction::Transaction;

/// What of a request decides its server.
#[derive(Clone, Debug, Default)]
pub enum Key {
    /// Nothing: it is another's turn.
    #[default]
    None,
    /// The client's address.
    Source,
    /// The target of the request.
    Uri(UriOptions),
    /// A parameter of the query.
    UrlParam {
        /// Its name.
        name: Box<[u8]>,
        /// In the form of a `POST` too (`check_post`).
        in_body: bool,
    },
    /// What an expression gives.
    Expr(Arc<Expr>),
    /// A header's value.
    Header {
        /// Its name, in lower case.
        name: Box<[u8]>,
        /// Only the domain's own label (`use_domain_only`).
        domain_only: bool,
    },
}

/// How a proxy's servers are chosen.
pub(crate) fn plan(conf: &conf::Proxy) -> (Plan, Key) {
    let (scheme, key) = match &conf.balance {
        // As the reference does since 3.4: the least loaded of two draws.
        conf::Balance::Default => (Scheme::Random { draws: 2 }, Key::None),
        conf::Balance::RoundRobin => (Scheme::RoundRobin, Key::None),
        conf::Balance::Other(words) => of(words),
    };
    let (scheme, key) = match &conf.balance_key {
        Some(expr) if matches!(key, Key::None) && scheme == Scheme::MapHash => {
            (Scheme::MapHash, Key::Expr(expr.clone()))
        }
        _ => (scheme, key),
    };
    let scheme = match scheme {
        Scheme::MapHash if conf.hash.consistent => Scheme::RingHash,
        other => other,
    };
    let mut plan = Plan::of(scheme);
    plan.balance_factor = conf.hash.balance_factor;
    plan.affinity = conf.hash.affinity;
    plan.all_backups = conf.options.contains(Options::ALL_BACKUPS);
    plan.seed = seed();
    (plan, key)
}

/// What a server's places on the ring are spread from; its number where it lacks what `hash-key` names.
pub(crate) fn ring_key(server: &conf::Server) -> RingKey {
    let address = match &server.endpoint {
        Some(conf::Endpoint::Inet(address)) => Some(*address),
        _ => None,
    };
    let key = match server.hash_key {
        HashKey::Id => None,
        HashKey::Id32 => Some(RingKey::Id32),
        HashKey::Guid => server.guid.as_ref().map(|g| RingKey::Guid(g.clone().into_bytes())),
        HashKey::Addr => address.map(|a| RingKey::Addr(a.ip())),
        HashKey::AddrPort => address.map(RingKey::AddrPort),
    };
    key.unwrap_or_default()
}

/// The hash of a request's key, where its backend goes by one and the request has it.
pub(crate) fn hash(t: &Transaction) -> Option<u32> {
    let backend = &t.proxy().shared;
    let hashing = backend.conf.hash.hashing;
    let head = &t.messages.request;
    let key = match &backend.key {
        Key::None => return None,
        Key::Source => return t.client.source.ip().map(|ip| key::source_hash(ip, hashing)),
        Key::Expr(expr) => return of_expr(t, expr, hashing),
        Key::Uri(options) => key::uri(head.target(), *options)?,
        Key::UrlParam { name, in_body } => {
            let query = key::query(head.target()).and_then(|q| key::url_param(q, name));
            match query {
                None if *in_body && head.method() == b"POST" => key::url_param(body::so_far(t), name)?,
                found => found?,
            }
        }
        Key::Header { name, domain_only } => {
            let line = head.lines().iter().find(|l| head.name(l) == &**name)?;
            let value = head.value(line);
            if *domain_only { key::domain(value) } else { value }
        }
    };
    Some(hashing.of(key))
}

/// The hash of an expression's value: numbers as eight bytes, addresses as theirs; as text where the function
/// reads a number out of it.
fn of_expr(t: &Transaction, expr: &Expr, hashing: Hashing) -> Option<u32> {
    let view = view(t);
    let to = if hashing.function == Function::None { Type::Str } else { Type::Bin };
    match expr.eval_as(to, &view, &t.messages.bench.scratch) {
        Lookup::Value(value) | Lookup::Partial(value) => bytes(&value).map(|b| hashing.of(b)),
        _ => None,
    }
}

/// What is seen of a request, or of a session's first bytes.
fn view(t: &Transaction) -> View<'_> {
    match t.proxy().conf().mode {
        conf::Mode::Tcp => View::of_rules(t, RuleSet::TcpContent),
        _ => View::new(t, Origin::Unspecified),
    }
}

/// The text that an expression gives of the request; empty where it gives none.
pub(crate) fn text_of(t: &Transaction, expr: &Expr) -> Vec<u8> {
    let view = view(t);
    match expr.eval_as(Type::Str, &view, &t.messages.bench.scratch) {
        Lookup::Value(value) | Lookup::Partial(value) => bytes(&value).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

fn bytes<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    match value {
        Value::Str(bytes) | Value::Bin(bytes) | Value::Meth(bytes) => Some(bytes),
        _ => None,
    }
}

fn of(words: &[String]) -> (Scheme, Key) {
    let Some((first, args)) = words.split_first() else { return (Scheme::RoundRobin, Key::None) };
    let (name, inner) = match first.split_once('(') {
        Some((name, inner)) => (name, inner.strip_suffix(')').unwrap_or(inner)),
        None => (first.as_str(), ""),
    };
    match name {
        "static-rr" => (Scheme::StaticRr, Key::None),
        "leastconn" => (Scheme::LeastConn, Key::None),
        "first" => (Scheme::First, Key::None),
        "hash" | "rdp-cookie" => (Scheme::MapHash, Key::None),
        "sticky" => (Scheme::Sticky, Key::None),
        "log-hash" => (Scheme::MapHash, Key::None),
        _ if name.starts_with("random") => {
            let number = inner.split(')').next().unwrap_or_default();
            (Scheme::Random { draws: number.parse().unwrap_or(2) }, Key::None)
        }
        "source" => (Scheme::MapHash, Key::Source),
        "uri" => (Scheme::MapHash, Key::Uri(uri_options(args))),
        "url_param" => {
            let name = args.first().map_or(&b""[..], |a| a.as_bytes()).into();
            let in_body = args.iter().skip(1).any(|a| a == "check_post");
            (Scheme::MapHash, Key::UrlParam { name, in_body })
        }
        "hdr" => {
            let name = inner.to_ascii_lowercase().into_bytes().into();
            let domain_only = args.iter().any(|a| a == "use_domain_only");
            (Scheme::MapHash, Key::Header { name, domain_only })
        }
        _ => (Scheme::RoundRobin, Key::None),
    }
}

fn uri_options(args: &[String]) -> UriOptions {
    let number = |word: &str| {
        let at = args.iter().position(|a| a == word)?;
        args.get(at + 1)?.parse().ok()
    };
    let has = |word: &str| args.iter().any(|a| a == word);
    UriOptions {
        whole: has("whole"),
        path_only: has("path-only"),
        len: number("len").unwrap_or(0),
        depth: number("depth").unwrap_or(0),
    }
}

/// Something that differs from one backend and one start to the next.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
