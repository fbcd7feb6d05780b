//! `log-forward`: messages that come in as datagrams or over connections go to the targets of their section
//! (manual, 12.6; RFC 6587 for streams).

use std::future::poll_fn;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use rustix::net::RecvFlags;
use tokio::io::unix::AsyncFd;
use weir_sys::Address;
use weir_wire::syslog::Format;
use weir_wire::syslog_relay::{Kind, Message, Outgoing};

use super::Level;
use crate::clock;
use crate::conf::{HostStrategy, LogForward};
use crate::connection::Client;
use crate::local;
use crate::worker::Worker;

/// Takes all datagrams that are there; false where the socket is broken.
pub(crate) fn datagrams(
    worker: &Rc<Worker>,
    proxy: &local::Proxy,
    fd: &AsyncFd<Arc<OwnedFd>>,
) -> std::io::Result<bool> {
    let mut room = [0; LONGEST];
    match rustix::net::recvfrom(fd.get_ref(), &mut room[..], RecvFlags::empty()) {
        Ok((len, _, from)) => {
            let from = from.and_then(|a| std::net::SocketAddr::try_from(a).ok()).map(|a| a.ip());
            relay(worker, proxy, room.get(..len).unwrap_or_default(), from);
            Ok(true)
        }
        Err(rustix::io::Errno::AGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes the messages of a connection until it ends, is silent too long, or sends what is none.
pub(crate) async fn stream(mut client: Box<Client>) {
    let worker = client.worker.clone();
    let proxy = client.frontend.clone();
    let from = match &client.source {
        Address::Inet(address) => Some(address.ip()),
        _ => None,
    };
    let lines_only = proxy.conf().log_forward.is_some_and(|f| f.lines_only);
    loop {
        while let Frame::Message { skip, len } = frame(client.input.data(), lines_only) {
            let message = client.input.data().get(skip..skip + len).unwrap_or_default();
            relay(&worker, &proxy, message, from);
            client.input.consume(skip + len);
        }
        let junk = matches!(frame(client.input.data(), lines_only), Frame::Junk);
        if junk || client.input.is_full() {
            return;
        }
        client.timer.set(clock::now().after(proxy.conf().timeouts.client));
        let Client { stream, input, timer, .. } = &mut *client;
        let more = poll_fn(|cx| {
            if let Poll::Ready(read) = stream.poll_read(cx, input.space()) {
                return Poll::Ready(read.unwrap_or(0));
            }
            if timer.poll_expired(cx) { Poll::Ready(0) } else { Poll::Pending }
        })
        .await;
        match more {
            0 => return,
            n => client.input.filled(n),
        }
    }
}

/// What a stream goes on with.
enum Frame {
    /// A message behind its framing.
    Message { skip: usize, len: usize },
    /// More has to come.
    More,
    /// No message.
    Junk,
}

/// RFC 6587: a message up to a line feed, or behind its length.
fn frame(input: &[u8], lines_only: bool) -> Frame {
    match input.first() {
        None => Frame::More,
        Some(b'0'..=b'9') if !lines_only => {
            let digits = input.iter().take_while(|b| b.is_ascii_digit()).count();
            match input.get(digits) {
                Some(b' ') => {
                    let text = input.get(..digits).and_then(|d| std::str::from_utf8(d).ok());
                    let Some(len) = text.and_then(|t| t.parse().ok()).filter(|n| *n <= LONGEST) else {
                        return Frame::Junk;
                    };
                    match input.len() - digits > len {
                        true => Frame::Message { skip: digits + 1, len },
                        false => Frame::More,
                    }
                }
                None if digits < 8 => Frame::More,
                _ => Frame::Junk,
            }
        }
        Some(b'<') => line(input),
        Some(_) if lines_only => line(input),
        Some(_) => Frame::Junk,
    }
}

fn line(input: &[u8]) -> Frame {
    match input.iter().position(|b| *b == b'\n') {
        Some(end) => Frame::Message { skip: 0, len: end + 1 },
        None => Frame::More,
    }
}

/// Sends a message to all targets.
fn relay(worker: &Rc<Worker>, proxy: &local::Proxy, bytes: &[u8], from: Option<IpAddr>) {
    let Some(forward) = proxy.conf().log_forward else { return };
    worker.runtime.process.received_logs.fetch_add(1, Relaxed);
    let message = match forward.unparsed {
        true => Message::unparsed(bytes),
        false => Message::parse(bytes),
    };
    if message.text.is_empty() {
        return;
    }
    let mut shown = [0; ADDRESS];
    let from = from.map_or(&b""[..], |ip| text_of(ip, &mut shown));
    let (host, through) = host(forward, &message, from);
    let wall = clock::wall();
    let own = own_format(forward, &message, host);
    for target in &proxy.shared.log.targets {
        let level = Level::numbered(message.priority.unwrap_or(0) % 8);
        let Some(sent_as) = target.takes(level) else { continue };
        let facility = message.priority.map_or(u32::from(target.header.facility.number()), |n| n / 8);
        worker.log.push_made(target, wall, |now, out| {
            let how = Outgoing {
                format: if target.keeps_format { own } else { target.header.format },
                priority: facility * 8 + sent_as as u32,
                host,
                through,
                now,
                micros: (wall % 1_000_000) as u32,
                limit: target.header.limit,
            };
            how.write(&message, out);
        });
    }
}

/// The format that a message keeps where none is asked for: no more than it has fields for.
fn own_format(forward: LogForward, message: &Message<'_>, host: &[u8]) -> Format {
    match message.kind {
        _ if forward.unparsed => Format::Raw,
        Kind::New if host.is_empty() => Format::Local,
        Kind::New => Format::Rfc5424,
        Kind::Bare if host.is_empty() && message.priority.is_none() => Format::Raw,
        Kind::Bare if host.is_empty() => Format::Priority,
        Kind::Bare | Kind::Old => Format::Rfc3164,
    }
}

/// The host that a message is said to be from, and what is written behind it.
fn host<'a>(forward: LogForward, message: &Message<'a>, from: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let named = !message.host.is_empty();
    let address = from.strip_prefix(b",").unwrap_or_default();
    match forward.host {
        _ if from.is_empty() || forward.unparsed => (message.host, b""),
        HostStrategy::Replace => (address, b""),
        HostStrategy::Append if named => (message.host, from),
        HostStrategy::Keep => (message.host, b""),
        HostStrategy::Fill | HostStrategy::Append => (if named { message.host } else { address }, b""),
    }
}

/// A comma and the address.
fn text_of(ip: IpAddr, room: &mut [u8; ADDRESS]) -> &[u8] {
    use std::io::Write;
    let mut cursor = std::io::Cursor::new(&mut room[..]);
    // The longest address fits.
    let _ = write!(cursor, ",{ip}");
    let len = cursor.position() as usize;
    room.get(..len).unwrap_or_default()
}

/// A comma and the longest address.
const ADDRESS: usize = 64;
/// The longest message.
const LONGEST: usize = 65_536;
