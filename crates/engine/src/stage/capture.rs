//! Keeps the last message that broke the protocol, for operators (management manual, 9.3 "show errors").

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_http::h1::BodyLength;
use weir_sys::Address;

use crate::clock;
use crate::runtime::{BadMessage, Part};
use crate::snapshot;
use crate::transaction::Transaction;

/// Keeps a request that is wrong in the line that begins at `line`.
pub(crate) fn request(t: &Transaction, line: usize) {
    let (position, part) = Part::locate(t.client.input.data(), line, true);
    keep_request(t, position, part);
}

/// Keeps a request whose body is wrong where it begins. `head` bytes before it are gone.
pub(crate) fn body(t: &Transaction) {
    keep_request(t, 0, Part::ChunkSize);
}

/// Keeps a response that is wrong in the line that begins at `line`.
pub(crate) fn response(t: &Transaction, bytes: &[u8], line: usize) {
    let (position, part) = Part::locate(bytes, line, false);
    let server = t.assigned.as_ref().map(|a| (a.server.conf().name.clone(), a.server.conf().id));
    let front = &t.client.frontend.shared;
    let message = message(t, bytes, (position, part), (Some(named(front)), server));
    *t.proxy().shared.runtime.errors.response.lock() = Some(Arc::new(message));
}

fn keep_request(t: &Transaction, position: usize, part: Part) {
    let bytes = t.client.input.data();
    let other = t.backend.as_ref().map(|b| named(&b.shared));
    let message = message(t, bytes, (position, part), (other, None));
    *t.client.frontend.shared.runtime.errors.request.lock() = Some(Arc::new(message));
}

type Named = Option<(String, u32)>;

fn message(t: &Transaction, bytes: &[u8], at: (usize, Part), (other, server): (Named, Named)) -> BadMessage {
    let source: Option<SocketAddr> = match &t.client.source {
        Address::Inet(inet) => Some(*inet),
        _ => None,
    };
    let process = &t.client.worker.runtime.process;
    let body = match t.front.request {
        BodyLength::Known(length) => length,
        _ => 0,
    };
    BadMessage {
        at: clock::wall(),
        event: process.bad_messages.fetch_add(1, Relaxed),
        other,
        server,
        source,
        bytes: bytes.to_vec(),
        position: at.0.min(bytes.len()),
        part: at.1,
        room: t.client.worker.view().snapshot.global.tune.bufsize.saturating_sub(OWN),
        body,
    }
}

fn named(proxy: &snapshot::Proxy) -> (String, u32) {
    (proxy.conf.name.clone(), proxy.conf.id)
}

/// What a buffer of the reference needs for itself.
const OWN: usize = 40;
