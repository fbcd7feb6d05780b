//! The lines that tell a server who asked, and whom (manual, 4.2 "option forwardfor", "option originalto",
//! "option forwarded"; RFC 7239).

use std::io::Write;
use std::net::SocketAddr;

use weir_http::{Head, HeaderId};
use weir_sys::Address;

use crate::conf::{AddressHeader, Forwarded};
use crate::transaction::Transaction;

/// Adds what frontend and backend ask for, in the order of the reference.
pub(crate) fn add(t: &mut Transaction) {
    let (front, back) = (t.client.frontend.shared.conf.clone(), t.proxy().shared.conf.clone());
    if let Some(parts) = &back.forwarded {
        let value = forwarded(parts, &t.messages.request, &t.client.source, t.client.destination());
        t.messages.request.append(b"forwarded", &value);
    }
    if back.forward_for.is_some() || front.forward_for.is_some() {
        let ip = t.client.source.ip();
        add_one(&mut t.messages.request, ip, [&back.forward_for, &front.forward_for]);
    }
    if back.original_to.is_some() || front.original_to.is_some() {
        let ip = t.client.destination().ip();
        add_one(&mut t.messages.request, ip, [&back.original_to, &front.original_to]);
    }
}

/// One line for both sides: the backend names it, either can except the address.
fn add_one(head: &mut Head, ip: Option<std::net::IpAddr>, rules: [&Option<AddressHeader>; 2]) {
    let rules = || rules.into_iter().flatten();
    let Some(ip) = ip else { return };
    let Some(AddressHeader { name, .. }) = rules().next() else { return };
    let excepted = rules().any(|r| r.except.is_some_and(|net| net.contains(&ip)));
    if excepted || (rules().all(|r| r.if_none) && head.has(name)) {
        return;
    }
    let mut text = [0u8; 46];
    let mut rest = &mut text[..];
    let _ = write!(rest, "{ip}");
    let left = rest.len();
    let len = text.len() - left;
    head.append(name, text.get(..len).unwrap_or_default());
}

/// The value of `Forwarded`, without the parts that are expressions.
fn forwarded(parts: &Forwarded, head: &Head, source: &Address, destination: &Address) -> Vec<u8> {
    let mut value = Vec::with_capacity(96);
    let mut next = |name: &str, text: &[u8]| {
        if !value.is_empty() {
            value.push(b';');
        }
        value.extend_from_slice(name.as_bytes());
        value.push(b'=');
        value.extend_from_slice(text);
    };
    if parts.proto {
        next("proto", b"http");
    }
    if parts.host.is_some() {
        let host = head.values(HeaderId::Host).next().filter(|h| h.iter().all(|b| is_host(*b)));
        next("host", &[b"\"", host.unwrap_or_default(), b"\""].concat());
    }
    if parts.by.is_some() {
        next("by", &node(destination, parts.by_port.is_some()));
    }
    if parts.for_.is_some() {
        next("for", &node(source, parts.for_port.is_some()));
    }
    value
}

/// RFC 7239, 6: what is more than an IPv4 address is quoted.
fn node(address: &Address, with_port: bool) -> Vec<u8> {
    let socket = match address {
        Address::Inet(socket) => *socket,
        _ => return b"unknown".to_vec(),
    };
    match socket {
        _ if with_port => format!("\"{socket}\"").into_bytes(),
        SocketAddr::V4(v4) => v4.ip().to_string().into_bytes(),
        SocketAddr::V6(v6) => format!("\"[{}]\"", v6.ip()).into_bytes(),
    }
}

fn is_host(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}
