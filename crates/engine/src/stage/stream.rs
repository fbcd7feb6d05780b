//! A TCP session once its server is reached: a tunnel, and what is counted of it.

use std::sync::atomic::Ordering::Relaxed;
use std::task::Context;

use weir_expr::scope::TimeoutOf;
use weir_http::h1::BodyLength;

use crate::clock::Tick;
use crate::conf::{Options, Proxy};
use crate::ending::Cause;
use crate::io::Stream;
use crate::log;
use crate::mux::h1::Conn;
use crate::runtime::Counters;
use crate::stage::{answer, reach, rules, stick};
use crate::tables::Meter;
use crate::trace;
use crate::transaction::{Stop, Transaction};
use crate::tunnel::{self, End, Rules};

/// Passes bytes until one side is done.
pub(crate) async fn run(t: &mut Transaction, server: Stream) -> Result<(), Stop> {
    let input = t.client.worker.buffers.buffer();
    t.facts.answered = t.facts.connected;
    log::answered(t, BodyLength::None, &[]);
    t.far = Some(Conn::new(server, input));
    let allowed = rules::server_content(t).await;
    if allowed.is_ok() {
        stick::response(t);
    }
    let Some(mut far) = t.far.take() else { return Err(Stop::Close) };
    if let Err(stop) = allowed {
        t.facts.log_bytes.1 += far.input.data().len() as u64;
        t.facts.bytes_down += far.input.data().len() as u64;
        return Err(stop);
    }
    between(t, &far.stream, &mut far.input).await;
    Err(Stop::Close)
}

/// Passes bytes between the client and a server; also after an upgrade.
pub(crate) async fn between(t: &mut Transaction, server: &Stream, server_input: &mut crate::buffer::Buffer) {
    let plan = plan(t);
    let front = t.client.frontend.clone();
    let back = t.proxy().clone();
    let assigned = t.assigned.as_ref().map(|a| a.server.clone());
    let generation = t.assigned.as_ref().map(|a| (a.server.shared.runtime.clone(), a.generation));
    let mut watch = t.assigned.as_mut().and_then(|a| a.watch.as_deref_mut());
    let place = &t.place;
    let told = |cx: &mut Context<'_>| {
        let over = generation.as_ref().is_some_and(|(s, began)| s.generation.load(Relaxed) != *began);
        if over || place.is_told_to_end() {
            return Some(Cause::Killed);
        }
        watch.as_mut()?.poll(cx)
    };
    // Beside the client, of which the rest is only looked at.
    let mut input = std::mem::take(&mut t.client.input);
    let client = &*t.client;
    let meter = Meter::new(&t.messages.tracking, &client.session().tracking);
    let passed = tunnel::run(
        End { stream: &client.stream, input: &mut input },
        End { stream: server, input: server_input },
        &client.timer,
        &plan,
        told,
        |up, down| {
            let count = |c: &Counters| {
                c.bytes_in.add(up);
                c.bytes_out.add(down);
                c.request_bytes_out.add(up);
                c.response_bytes_out.add(down);
            };
            count(front.front());
            count(back.back());
            meter.count(up, down);
            if let Some(s) = &assigned {
                count(s.counters());
            }
        },
    )
    .await;
    client.timer.set(Tick::NEVER);
    t.client.input = input;
    if matches!(passed.ending.cause, Cause::Client | Cause::Killed) && !passed.server_ended {
        reach::abandon(server);
    }
    t.facts.part(server);
    t.facts.server_first = passed.server_first;
    t.facts.bytes_in += passed.up;
    t.facts.bytes_up += passed.up;
    t.facts.log_bytes.0 += passed.up;
    t.facts.log_bytes.1 += passed.down;
    t.facts.counted.0 += passed.up;
    t.facts.counted.1 += passed.down;
    t.facts.streamed = (passed.up, passed.down);
    t.facts.bytes_out += passed.down;
    t.facts.bytes_down += passed.down;
    t.facts.blame(passed.ending.cause, passed.ending.stage);
    trace::transaction(t, &trace::PLAIN_PASSED);
    answer::count_end(t, passed.ending.cause);
}

fn plan(t: &Transaction) -> Rules {
    let (front, back): (&Proxy, &Proxy) = (t.client.frontend.conf(), t.proxy().conf());
    let global = &t.client.worker.view().snapshot.global;
    Rules {
        client: t.timeout(TimeoutOf::Client),
        server: t.timeout(TimeoutOf::Server),
        tunnel: t.timeout(TimeoutOf::Tunnel),
        client_fin: front.timeouts.client_fin,
        server_fin: back.timeouts.server_fin,
        independent: (front.options | back.options).contains(Options::INDEPENDENT_STREAMS),
        splices: !global.no_splice,
        pipe_size: global.tune.pipe_size,
        gates: [t.messages.filters.up.clone(), t.messages.filters.down.clone()],
    }
}
