//! The head of the request: read, judged, and found to be one (manual, 4.2 "timeout http-request").

use std::future::poll_fn;
use std::task::Poll;

use weir_http::h1::{self, Limits, Parse};

use crate::conf::Options;
use crate::ending::{Cause, Stage};
use crate::facts::logged_size;
use crate::transaction::{Stop, Transaction};

/// Reads the head.
pub(crate) async fn request(t: &mut Transaction) -> Result<(), Stop> {
    let limits = limits(t);
    let conf = t.client.frontend.conf();
    let wait = conf.timeouts.http_request.or(conf.timeouts.client);
    // The first request was waited for since the connection came.
    let since = if t.client.requests == 0 { t.client.accepted } else { t.facts.begun };
    t.client.timer.set(since.after(wait));
    loop {
        let input = t.client.input.data();
        if !input.is_empty() {
            match h1::parse_request(&mut t.front.parser, input, &mut t.messages.request, &limits) {
                Parse::Complete { consumed } => {
                    t.client.input.consume(consumed);
                    t.facts.bytes_in += consumed as u64;
                    break;
                }
                Parse::Partial => {}
                Parse::Invalid(fault) => return Err(refuse(t, Cause::Proxy, fault.status)),
            }
        }
        fill(t).await?;
    }
    judge(t)
}

/// Reads more of the head.
async fn fill(t: &mut Transaction) -> Result<(), Stop> {
    let client = &mut t.client;
    let event = poll_fn(|cx| {
        if let Poll::Ready(r) = client.stream.poll_read(cx, client.input.space()) {
            return Poll::Ready(Some(r));
        }
        if client.timer.poll_expired(cx) { Poll::Ready(None) } else { Poll::Pending }
    })
    .await;
    match event {
        Some(Ok(n)) if n > 0 => {
            t.client.input.filled(n);
            Ok(())
        }
        // Nothing was asked: nothing is answered.
        Some(_) if t.client.input.is_empty() && t.client.requests > 0 => Err(Stop::Close),
        Some(r) => {
            let stop = refuse(t, Cause::Client, 400);
            t.facts.status = 400; // For the log, even where nobody is there to read it.
            Err(if r.is_err() { Stop::Close } else { stop })
        }
        None => Err(refuse(t, Cause::ClientTimeout, 408)),
    }
}

/// What follows from the head for the connection and the body.
fn judge(t: &mut Transaction) -> Result<(), Stop> {
    let head = &t.messages.request;
    match h1::request_body(head) {
        Ok(body) => t.front.request = body,
        Err(fault) => return Err(refuse(t, Cause::Proxy, fault.status)),
    }
    let closing = t.client.worker.runtime.process.is_stopping();
    t.front.keep_alive = h1::persists(head) && !closing && !t.client.frontend.has(Options::HTTP_CLOSE);
    t.client.requests += 1;
    t.facts.log_bytes.0 += logged_size(&t.messages.request);
    let limit = t.client.worker.view().snapshot.global.tune.log_uri_len;
    t.messages.captured.take(&t.messages.request, limit);
    let now = t.now();
    t.facts.requested = Some(now);
    let counters = t.client.frontend.front();
    counters.requests.add(1);
    counters.request_rate.count(now);
    if let Some(all) = t.client.worker.process() {
        all.requests.add(1);
    }
    Ok(())
}

fn refuse(t: &mut Transaction, cause: Cause, status: u16) -> Stop {
    t.facts.blame(cause, Stage::Request);
    t.client.frontend.front().failed_requests.add(1);
    t.front.keep_alive = false;
    Stop::Answer(status)
}

/// How large a head may be: a buffer without what is kept free for rewriting (manual, 3.2
/// "tune.maxrewrite").
pub(crate) fn limits(t: &Transaction) -> Limits {
    let tune = &t.client.worker.view().snapshot.global.tune;
    let reserve = tune.maxrewrite.unwrap_or_else(|| (tune.bufsize / 2).min(1024));
    Limits { max_headers: tune.max_headers, max_bytes: tune.bufsize.saturating_sub(reserve) }
}
