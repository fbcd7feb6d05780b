//! Actions that set what a connection or a transaction goes on with: its ends, its timeouts (manual, 4.4 "set-src",
//! "set-timeout", ...).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use weir_config::{Arity, Class, Entry, Keyword, Sections};
use weir_expr::scope::TimeoutOf;
use weir_expr::{Expr, Type, Value};

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
    works("http-request set-timeout", "another timeout", set_timeout),
    works("http-response set-timeout", "another timeout", set_timeout),
    nice("tcp-request content set-nice"),
    nice("tcp-response content set-nice"),
    nice("http-request set-nice"),
    nice("http-response set-nice"),
];

const SRC: &str = "another address of the client";
const SRC_PORT: &str = "another port of the client";
const DST: &str = "another address that the client asked for";
const DST_PORT: &str = "another port that the client asked for";

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
    let value = p.alone(Parse::request_expr)?;
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
        let port = value.to_sint().map(|n| n as u16); // As C cuts it.
        match (self.end, value.to_ip(), port) {
            (End::SourceIp, Some(ip), _) => source.set_ip(ip),
            (End::DestinationIp, Some(ip), _) => destination.set_ip(ip),
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
    const EXPECTS: &str = "expects exactly 2 arguments";
    let word = p.expect(EXPECTS)?.text().into_owned();
    if p.is_over() {
        return Err(p.error(EXPECTS));
    }
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
    let side = match which {
        TimeoutOf::Client => Caps::FRONTEND,
        TimeoutOf::Tarpit => p.caps,
        _ => Caps::BACKEND,
    };
    if !p.caps.contains(side) {
        let lacks = if side == Caps::FRONTEND { "frontend" } else { "backend" };
        let proxy = p.load.proxy.clone();
        return Err(p.error(format!("'{proxy}' has no {lacks} capability")));
    }
    let rule = format!("set-timeout {word}");
    let time = match p.written_time(&rule)? {
        Some(time) if time.is_zero() => {
            return Err(p.error(format!("null value is not valid for a '{rule}' rule")));
        }
        Some(time) => Time::Fixed(time),
        None => Time::Computed(p.alone(Parse::lax_expr)?),
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
