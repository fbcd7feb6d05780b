//! Actions that set what a connection or a transaction goes on with: addresses, timeouts, marks of packets,
//! whether it is tried again (manual, 4.4).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_config::{Arity, Class, Entry, Keyword, Sections, values};
use weir_expr::scope::TimeoutOf;
use weir_expr::{Expr, Type, Value};
use weir_sys::connect;

use super::{Action, ActionFn, Parse, Parsed, RuleSet, Run, Verdict, works};
use crate::conf::Caps;
use crate::scope::View;

/// The actions of this file.
pub(super) const SETTINGS: &[Keyword<ActionFn>] = &[
    works("tcp-request connection set-src", SRC, |p| end(p, End::SourceIp)),
    works("tcp-request session set-src", SRC, |p| end(p, End::SourceIp)),
    works("tcp-request content set-src", SRC, |p| end(p, End::SourceIp)),
    works("http-request set-src", SRC, |p| end(p, End::SourceIp)),
    works("tcp-request connection set-src-port", SRC_PORT, |p| end(p, End::SourcePort)),
    works("tcp-request session set-src-port", SRC_PORT, |p| end(p, End::SourcePort)),
    works("tcp-request content set-src-port", SRC_PORT, |p| end(p, End::SourcePort)),
    works("http-request set-src-port", SRC_PORT, |p| end(p, End::SourcePort)),
    works("tcp-request connection set-dst", DST, |p| end(p, End::DestinationIp)),
    works("tcp-request session set-dst", DST, |p| end(p, End::DestinationIp)),
    works("tcp-request content set-dst", DST, |p| end(p, End::DestinationIp)),
    works("http-request set-dst", DST, |p| end(p, End::DestinationIp)),
    works("tcp-request connection set-dst-port", DST_PORT, |p| end(p, End::DestinationPort)),
    works("tcp-request session set-dst-port", DST_PORT, |p| end(p, End::DestinationPort)),
    works("tcp-request content set-dst-port", DST_PORT, |p| end(p, End::DestinationPort)),
    works("http-request set-dst-port", DST_PORT, |p| end(p, End::DestinationPort)),
    works("tcp-request connection set-mark", MARK, mark),
    works("tcp-request session set-mark", MARK, mark),
    works("tcp-request content set-mark", MARK, mark),
    works("http-request set-mark", MARK, mark),
    works("http-response set-mark", MARK, mark),
    works("tcp-request connection set-fc-mark", MARK, mark),
    works("tcp-request session set-fc-mark", MARK, mark),
    works("tcp-request content set-fc-mark", MARK, mark),
    works("http-request set-fc-mark", MARK, mark),
    works("http-response set-fc-mark", MARK, mark),
    works("tcp-request connection set-tos", TOS, tos),
    works("tcp-request session set-tos", TOS, tos),
    works("tcp-request content set-tos", TOS, tos),
    works("http-request set-tos", TOS, tos),
    works("http-response set-tos", TOS, tos),
    works("tcp-request connection set-fc-tos", TOS, tos),
    works("tcp-request session set-fc-tos", TOS, tos),
    works("tcp-request content set-fc-tos", TOS, tos),
    works("http-request set-fc-tos", TOS, tos),
    works("http-response set-fc-tos", TOS, tos),
    works("http-request set-timeout", "another timeout", set_timeout),
    works("http-response set-timeout", "another timeout", set_timeout),
    works("http-request disable-l7-retry", "a request that is not sent twice", |_| Ok(Box::new(NoReplay))),
    nice("tcp-request content set-nice"),
    nice("tcp-response content set-nice"),
    nice("http-request set-nice"),
    nice("http-response set-nice"),
];

const SRC: &str = "another address of the client";
const SRC_PORT: &str = "another port of the client";
const DST: &str = "another address that the client asked for";
const DST_PORT: &str = "another port that the client asked for";
const MARK: &str = "marks the packets to the client";
const TOS: &str = "the type of service of the packets to the client";

const fn nice(name: &'static str) -> Keyword<ActionFn> {
    let help = "the turn that a connection gets";
    Keyword::inert(
        Entry::new(Class::Action, name, Sections::PROXIES, Arity::ANY, help),
        "a worker serves its connections in the order in which they have something to do",
    )
}

/// A part of the two ends of the client's connection.
#[derive(Clone, Copy, Debug)]
enum End {
    SourceIp,
    SourcePort,
    DestinationIp,
    DestinationPort,
}

#[derive(Debug)]
struct SetEnd {
    end: End,
    value: Expr,
}

fn end(p: &mut Parse<'_, '_>, end: End) -> Parsed {
    let value = p.expr()?;
    Ok(Box::new(SetEnd { end, value }))
}

impl Action for SetEnd {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let view = View::of_rules(run.t, run.set);
        let wanted = match self.end {
            End::SourceIp | End::DestinationIp => Type::Addr,
            End::SourcePort | End::DestinationPort => Type::Sint,
        };
        let scratch = &run.bench.scratch;
        let Some(value) = self.value.eval_as(wanted, &view, scratch).some() else { return Verdict::Next };
        let source = run.t.client.source.inet();
        let destination = run.t.client.destination().inet();
        let (mut source, mut destination) = (source.unwrap_or(NOBODY), destination.unwrap_or(NOBODY));
        let port = value.to_sint().and_then(|n| u16::try_from(n).ok());
        match (self.end, value.to_ip(), port) {
            (End::SourceIp, Some(ip), _) => source = with_ip(source, ip),
            (End::DestinationIp, Some(ip), _) => destination = with_ip(destination, ip),
            (End::SourcePort, _, Some(port)) => source.set_port(port),
            (End::DestinationPort, _, Some(port)) => destination.set_port(port),
            _ => return Verdict::Next,
        }
        let lasting = matches!(run.set, RuleSet::TcpConnection | RuleSet::TcpSession);
        run.t.set_ends(source, destination, lasting);
        Verdict::Next
    }
}

const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// The port stays where the family does.
fn with_ip(old: SocketAddr, ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, if old.is_ipv4() == ip.is_ipv4() { old.port() } else { 0 })
}

/// A number that is written or computed.
#[derive(Debug)]
enum Amount {
    Fixed(u32),
    Computed(Expr),
}

fn amount(p: &mut Parse<'_, '_>) -> Result<Amount, weir_expr::WordsError> {
    let text = p.peek().map(|w| w.text().into_owned()).unwrap_or_default();
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    match parsed {
        Some(n) => {
            p.at += 1;
            Ok(Amount::Fixed(n))
        }
        None => Ok(Amount::Computed(p.expr()?)),
    }
}

// === impl Amount ===

impl Amount {
    fn now(&self, run: &Run<'_>) -> Option<u32> {
        match self {
            Self::Fixed(n) => Some(*n),
            Self::Computed(expr) => {
                let view = View::of_rules(run.t, run.set);
                let value = expr.eval_as(Type::Sint, &view, &run.bench.scratch).some();
                value.and_then(Value::to_sint).and_then(|n| u32::try_from(n).ok())
            }
        }
    }
}

#[derive(Debug)]
struct Mark(Amount);

fn mark(p: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Mark(amount(p)?)))
}

impl Action for Mark {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        if let Some(mark) = self.0.now(run) {
            // Without the right to mark packets they go as they are.
            let _ = connect::set_mark(&run.t.client.stream, mark);
        }
        Verdict::Next
    }
}

#[derive(Debug)]
struct Tos(Amount);

fn tos(p: &mut Parse<'_, '_>) -> Parsed {
    Ok(Box::new(Tos(amount(p)?)))
}

impl Action for Tos {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let ip = run.t.client.source.ip();
        if let (Some(tos), Some(ip)) = (self.0.now(run).and_then(|n| u8::try_from(n).ok()), ip) {
            let _ = connect::set_tos(&run.t.client.stream, ip, tos);
        }
        Verdict::Next
    }
}

#[derive(Debug)]
struct SetTimeout {
    which: TimeoutOf,
    time: Time,
}

#[derive(Debug)]
enum Time {
    Fixed(Duration),
    Computed(Expr),
}

fn set_timeout(p: &mut Parse<'_, '_>) -> Parsed {
    let word = p.next().map(|w| w.text().into_owned()).unwrap_or_default();
    let which = match word.as_str() {
        "client" => TimeoutOf::Client,
        "connect" => TimeoutOf::Connect,
        "queue" => TimeoutOf::Queue,
        "server" => TimeoutOf::Server,
        "tarpit" => TimeoutOf::Tarpit,
        "tunnel" => TimeoutOf::Tunnel,
        _ => {
            return Err(p.error(format!(
                "'set-timeout' rule supports 'client'/'connect'/'queue'/'server'/'tarpit'/'tunnel' (got '{word}')"
            )));
        }
    };
    let side = if word == "client" { Caps::FRONTEND } else { Caps::BACKEND };
    if !p.caps.contains(side) {
        let lacks = if side == Caps::FRONTEND { "frontend" } else { "backend" };
        let proxy = p.load.proxy.clone();
        return Err(p.error(format!("'{proxy}' has no {lacks} capability")));
    }
    let written = p.peek().and_then(|w| values::parse_time(&w.bytes, values::Unit::Milliseconds).ok());
    let time = match written {
        Some(time) => {
            p.at += 1;
            Time::Fixed(time.duration)
        }
        None => Time::Computed(p.expr()?),
    };
    Ok(Box::new(SetTimeout { which, time }))
}

impl Action for SetTimeout {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let time = match &self.time {
            Time::Fixed(time) => Some(*time),
            Time::Computed(expr) => {
                let view = View::of_rules(run.t, run.set);
                let value = expr.eval_as(Type::Sint, &view, &run.bench.scratch).some();
                let millis = value.and_then(Value::to_sint).and_then(|n| u64::try_from(n).ok());
                millis.map(Duration::from_millis)
            }
        };
        if let Some(time) = time.filter(|t| !t.is_zero()) {
            run.t.messages.timeouts.set(self.which, time);
        }
        Verdict::Next
    }
}

#[derive(Clone, Copy, Debug)]
struct NoReplay;

impl Action for NoReplay {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        run.t.facts.not_replayed = true;
        Verdict::Next
    }
}
