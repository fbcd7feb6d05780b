//! What a client says of itself before its first byte, and what we say of it to a server: the PROXY protocol
//! (manual, 5.1 "accept-proxy", "accept-netscaler-cip"; 5.2 "send-proxy", "send-proxy-v2").

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use weir_expr::Format;
use weir_sys::Address;
use weir_wire::proxy::{self, Endpoints};
use weir_wire::proxy_v2::Tlvs;
use weir_wire::{Parsed, netscaler_cip, proxy_v1, proxy_v2};

use crate::action::{RuleSet, Run};
use crate::conf::{Mode, ProxyHeader};
use crate::ending::{Cause, Stage};
use crate::io::Stream;
use crate::local;
use crate::log;
use crate::refusal::Refusal;
use crate::stage::reach::{self, Ended};
use crate::transaction::{Stop, Transaction};

/// Reads the header where the `bind` line asks for one, before the first request of a connection.
pub(crate) async fn accept(t: &mut Transaction) -> Result<(), Stop> {
    let Some(bind) = t.client.listener.conf() else { return Ok(()) };
    let proxy = bind.accept_proxy || t.client.expects_proxy;
    let cip = bind.accept_netscaler_cip.or(t.client.expects_cip.then_some(0));
    if t.client.requests > 0 || !(proxy || cip.is_some()) {
        return Ok(());
    }
    if let Some(magic) = cip {
        Box::pin(read(t, &CIP, |bytes| cip_header(bytes, magic))).await?;
    }
    if proxy {
        Box::pin(read(t, &PROXY, proxy_header)).await?;
    }
    // The request begins where the header ends.
    t.facts.begun = t.now();
    Ok(())
}

/// Whether a header comes before the first request of the connection.
pub(crate) fn is_expected(t: &Transaction) -> bool {
    let bind = t.client.listener.conf();
    t.client.expects_proxy
        || t.client.expects_cip
        || bind.is_some_and(|b| b.accept_proxy || b.accept_netscaler_cip.is_some())
}

/// Says who the client is, where the server wants to know.
pub(crate) async fn introduce(
    t: &mut Transaction,
    server: &local::Server,
    stream: &Stream,
) -> Result<(), Ended> {
    let Some(rule) = &server.conf().proxy_header else { return Ok(()) };
    let mut bytes = Vec::new();
    let custom = values(t, server);
    let custom: Vec<(u8, &[u8])> = custom.iter().map(|(id, value)| (*id, value.as_slice())).collect();
    write(rule, &custom, t, &mut bytes);
    let mut rest = bytes.as_slice();
    // The request follows at once; a server that speaks first must not wait for it.
    let more = t.proxy().conf().mode == Mode::Http;
    while !rest.is_empty() {
        let sent = poll_fn(|cx| match stream.poll_write(cx, rest, more) {
            Poll::Ready(r) => Poll::Ready(r.map_err(|_| Ended::Refused)),
            Poll::Pending if t.client.timer.poll_expired(cx) => Poll::Ready(Err(Ended::TimedOut)),
            Poll::Pending => Poll::Pending,
        })
        .await?;
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// The values of `set-proxy-v2-tlv-fmt`, with their types.
fn values(t: &mut Transaction, server: &local::Server) -> Vec<(u8, Vec<u8>)> {
    let tlvs = &server.conf().tlvs;
    if tlvs.is_empty() {
        return Vec::new();
    }
    let mut bench = std::mem::take(&mut t.messages.bench);
    let mut run = Run { t, bench: &mut bench, set: RuleSet::HttpRequest, since: None };
    let render = |(id, format): &(u8, Arc<Format>)| {
        run.bench.scratch.reset();
        run.render(format);
        (*id, run.bench.text.clone())
    };
    let rendered = tlvs.iter().map(render).collect();
    t.messages.bench = bench;
    rendered
}

/// Adds the header that a server gets before everything else; `custom` are values of types of their own.
pub(crate) fn write(rule: &ProxyHeader, custom: &[(u8, &[u8])], t: &Transaction, out: &mut Vec<u8>) {
    let ends = match (t.client.source.inet(), t.client.destination().inet()) {
        (Some(source), Some(destination)) => Some(Endpoints { source, destination }),
        _ => None,
    };
    if !rule.v2 {
        return proxy_v1::write(out, ends);
    }
    let has = |name: &str| rule.options.iter().any(|o| o == name);
    let tls = ["ssl", "cert-cn", "ssl-cipher", "cert-sig", "cert-key"].iter().any(|o| has(o));
    let facts = proxy_v2::Facts {
        endpoints: ends,
        custom,
        unique_id: has("unique-id").then(|| log::unique_id(t)).flatten().filter(|id| !id.is_empty()),
        crc32c: has("crc32c"),
        ssl: tls.then(proxy_v2::Ssl::default),
        ..proxy_v2::Facts::default()
    };
    // Without custom values the header always fits.
    let _ = proxy_v2::write(out, &facts);
}

/// What a header says: the addresses that it names, `None` where the connection's own count, and what a PROXY header
/// says beside them.
type Found<'a> = Parsed<(Option<Endpoints>, Option<Tlvs<'a>>), Refusal>;

/// What is said of a header that does not come.
struct Faults {
    empty: Refusal,
    aborted: Refusal,
    timeout: Refusal,
    truncated: Refusal,
}

const PROXY: Faults = Faults {
    empty: Refusal::ProxyEmpty,
    aborted: Refusal::ProxyAborted,
    timeout: Refusal::ProxyTimeout,
    truncated: Refusal::ProxyTruncated,
};

const CIP: Faults = Faults {
    empty: Refusal::CipEmpty,
    aborted: Refusal::CipAborted,
    timeout: Refusal::CipTimeout,
    truncated: Refusal::CipTruncated,
};

fn proxy_header(bytes: &[u8]) -> Found<'_> {
    match proxy::parse(bytes) {
        Parsed::Partial => Parsed::Partial,
        Parsed::Complete { value, consumed } => {
            Parsed::Complete { value: (value.endpoints, Some(value.tlvs)), consumed }
        }
        Parsed::Invalid(proxy::Refusal::NotProxy) => Parsed::Invalid(Refusal::ProxyMissing),
        Parsed::Invalid(proxy::Refusal::Malformed) => Parsed::Invalid(Refusal::ProxyMalformed),
        Parsed::Invalid(proxy::Refusal::Protocol) => Parsed::Invalid(Refusal::ProxyProtocol),
    }
}

fn cip_header(bytes: &[u8], magic: u32) -> Found<'_> {
    match netscaler_cip::parse(bytes, magic) {
        Parsed::Partial => Parsed::Partial,
        Parsed::Complete { value, consumed } => Parsed::Complete { value: (Some(value), None), consumed },
        Parsed::Invalid(netscaler_cip::Refusal::Magic) => Parsed::Invalid(Refusal::CipMagic),
        Parsed::Invalid(_) => Parsed::Invalid(Refusal::CipProtocol),
    }
}

/// Reads one header. As in the reference it has to come with the first bytes: a part of one is refused, which
/// the specification of the protocol allows (section 2).
async fn read(t: &mut Transaction, faults: &Faults, parse: impl Fn(&[u8]) -> Found<'_>) -> Result<(), Stop> {
    if t.client.input.is_empty() {
        fill(t, faults).await?;
    }
    let refusal = match parse(t.client.input.data()) {
        Parsed::Complete { value: (endpoints, tlvs), consumed } => {
            t.client.introduced = tlvs.map(|tlvs| tlvs.bytes().into()).or(t.client.introduced.take());
            t.client.input.consume(consumed);
            if let Some(Endpoints { source, destination }) = endpoints {
                t.client.set_addresses(Address::Inet(source), Address::Inet(destination));
            }
            return Ok(());
        }
        Parsed::Partial => faults.truncated,
        Parsed::Invalid(refusal) => refusal,
    };
    Err(refuse(t, Cause::Proxy, refusal))
}

async fn fill(t: &mut Transaction, faults: &Faults) -> Result<(), Stop> {
    let timeouts = &t.client.frontend.conf().timeouts;
    let wait = timeouts.client_hs.or(timeouts.http_request).or(timeouts.client);
    t.client.timer.set(t.client.accepted.after(wait));
    let client = &mut t.client;
    let got = poll_fn(|cx| match client.stream.poll_read(cx, client.input.space()) {
        Poll::Ready(Ok(0)) => Poll::Ready(Err((Cause::Client, faults.empty))),
        Poll::Ready(Ok(n)) => Poll::Ready(Ok(n)),
        Poll::Ready(Err(_)) => Poll::Ready(Err((Cause::Client, faults.aborted))),
        Poll::Pending if client.timer.poll_expired(cx) => {
            Poll::Ready(Err((Cause::ClientTimeout, faults.timeout)))
        }
        Poll::Pending => Poll::Pending,
    })
    .await;
    match got {
        Ok(n) => {
            t.client.input.filled(n);
            Ok(())
        }
        Err((cause, refusal)) => Err(refuse(t, cause, refusal)),
    }
}

fn refuse(t: &mut Transaction, cause: Cause, refusal: Refusal) -> Stop {
    t.facts.blame(cause, Stage::Request);
    t.client.count(|c| &c.failed_requests);
    log::refused(t, refusal);
    if t.client.input.is_empty() {
        return Stop::Close;
    }
    // Who says something else hears of it by a reset.
    reach::abandon(&t.client.stream);
    Stop::Drop
}
