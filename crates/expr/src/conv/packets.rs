//! Headers of Ethernet, IP and TCP, as `fc_saved_syn` gives them.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::args::{ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter};
use crate::{Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "eth.dst",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| v.bytes()?.get(..6).map(Value::Bin),
        "Destination of an Ethernet frame.",
    ),
    converter(
        "eth.src",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| v.bytes()?.get(6..12).map(Value::Bin),
        "Source of an Ethernet frame.",
    ),
    converter(
        "eth.proto",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| {
            let b = v.bytes()?;
            number(b, ethernet(b)? - 2, 2)
        },
        "Protocol in an Ethernet frame.",
    ),
    converter(
        "eth.hdr",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| {
            let b = v.bytes()?;
            b.get(..ethernet(b)?).map(Value::Bin)
        },
        "Header of an Ethernet frame.",
    ),
    converter(
        "eth.data",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| {
            let b = v.bytes()?;
            b.get(ethernet(b)?..).map(Value::Bin)
        },
        "What follows an Ethernet header.",
    ),
    converter(
        "eth.vlan",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| vlan(v.bytes()?),
        "Last VLAN of an Ethernet frame.",
    ),
    converter(
        "ip.ver",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| v.bytes()?.first().map(|b| Value::Sint((b >> 4).into())),
        "Version of an IP header.",
    ),
    converter(
        "ip.df",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| {
            let b = v.bytes()?;
            if is_v6(b)? {
                Some(Value::Sint(1))
            } else {
                Some(Value::Sint((b.get(6).unwrap_or(b.get(5).map(|_| &0)?) >> 6 & 1).into()))
            }
        },
        "Whether it may not be fragmented.",
    ),
    converter(
        "ip.tos",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| {
            let b = v.bytes()?;
            let [first, second, ..] = b else { return None };
            Some(Value::Sint(if is_v6(b)? { (first & 15) << 4 | second >> 4 } else { *second }.into()))
        },
        "Type of service, or traffic class.",
    ),
    converter(
        "ip.ttl",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| {
            let b = v.bytes()?;
            whole(b)?.get(if is_v6(b)? { 7 } else { 8 }).map(|n| Value::Sint((*n).into()))
        },
        "Time to live.",
    ),
    converter(
        "ip.proto",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| transport(v.bytes()?).map(|(proto, _)| Value::Sint(proto.into())),
        "Protocol above IP.",
    ),
    converter(
        "ip.hdr",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| {
            let b = v.bytes()?;
            b.get(..payload(b)?).map(Value::Bin)
        },
        "The IP header.",
    ),
    converter(
        "ip.data",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        |_, _, v| {
            let b = v.bytes()?;
            b.get(payload(b)?..).map(Value::Bin)
        },
        "What follows an IP header.",
    ),
    converter(
        "ip.src",
        NO_ARGS,
        Type::Bin,
        Type::Addr,
        |_, _, v| address(v.bytes()?, 12, 8),
        "Source of an IP header.",
    ),
    converter(
        "ip.dst",
        NO_ARGS,
        Type::Bin,
        Type::Addr,
        |_, _, v| address(v.bytes()?, 16, 24),
        "Destination of an IP header.",
    ),
    converter(
        "tcp.src",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| number(tcp(v)?, 0, 2),
        "Source port of a TCP header.",
    ),
    converter(
        "tcp.dst",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| number(tcp(v)?, 2, 2),
        "Destination port of a TCP header.",
    ),
    converter(
        "tcp.seq",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| number(tcp(v)?, 4, 4),
        "Sequence number of a TCP header.",
    ),
    converter(
        "tcp.flags",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| number(tcp(v)?, 13, 1),
        "Flags of a TCP header.",
    ),
    converter(
        "tcp.win",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| number(tcp(v)?, 14, 2),
        "Window of a TCP header.",
    ),
    converter(
        "tcp.options.mss",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 2, 2),
        "Maximum segment size, or 0.",
    ),
    converter(
        "tcp.options.wscale",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 3, 1),
        "Window scale, or 0.",
    ),
    converter(
        "tcp.options.wsopt",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 3, 0),
        "Whether window scaling is offered.",
    ),
    converter(
        "tcp.options.sack",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 4, 0),
        "Whether selective acknowledgment is offered.",
    ),
    converter(
        "tcp.options.tsopt",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 8, 0),
        "Whether timestamps are offered.",
    ),
    converter(
        "tcp.options.tsval",
        NO_ARGS,
        Type::Bin,
        Type::Sint,
        |_, _, v| option(tcp(v)?, 8, 4),
        "The timestamp, or 0.",
    ),
    converter(
        "ip.fp",
        (0, &[ArgType::Int]),
        Type::Bin,
        Type::Bin,
        fingerprint,
        "What tells hosts behind one address apart.",
    ),
    converter(
        "tcp.options_list",
        NO_ARGS,
        Type::Bin,
        Type::Bin,
        option_list,
        "Kinds of the TCP options in order.",
    ),
];

/// How long an Ethernet header is, VLAN tags (802.1Q, 802.1ad) counted; something follows it.
fn ethernet(frame: &[u8]) -> Option<usize> {
    let mut end = 14;
    while matches!(frame.get(end - 2..end)?, [0x81, 0x00] | [0x88, 0xa8]) {
        end += 4;
    }
    (frame.len() > end).then_some(end)
}

fn vlan(frame: &[u8]) -> Option<Value<'_>> {
    let end = ethernet(frame)?;
    if end == 14 {
        return None;
    }
    let [high, low] = frame.get(end - 4..end - 2)? else { return None };
    Some(Value::Sint(i64::from(high & 15) << 8 | i64::from(*low)))
}

fn is_v6(packet: &[u8]) -> Option<bool> {
    match packet.first()? >> 4 {
        4 => Some(false),
        6 => Some(true),
        _ => None,
    }
}

/// The protocol above IP and where it begins, behind options or extension headers (RFC 8200 §4).
fn transport(packet: &[u8]) -> Option<(u8, usize)> {
    if !is_v6(packet)? {
        return Some((*packet.get(9)?, usize::from(packet.first()? & 15) * 4));
    }
    let (mut next, mut at) = (*packet.get(6)?, 40);
    while matches!(next, 0 | 43 | 44 | 51 | 60) {
        let length = usize::from(*packet.get(at + 1)?);
        let size = match next {
            44 => 8,
            51 => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        next = *packet.get(at)?;
        at += size;
    }
    // Of IPv6 only TCP and UDP are looked into.
    (matches!(next, 6 | 17) && packet.len() >= at).then_some((next, at))
}

/// Where what follows the IP header begins: of IPv4 its first octet tells, unless it says that there is no header.
fn payload(packet: &[u8]) -> Option<usize> {
    match is_v6(packet)? {
        true => transport(packet).map(|(_, at)| at),
        false => Some(usize::from(packet.first()? & 15) * 4).filter(|at| *at > 0),
    }
}

/// A packet that has a whole IP header at least, options aside.
fn whole(packet: &[u8]) -> Option<&[u8]> {
    let header = if is_v6(packet)? { 40 } else { 20 };
    Some(packet).filter(|p| p.len() >= header)
}

fn address(packet: &[u8], v4: usize, v6: usize) -> Option<Value<'_>> {
    let packet = whole(packet)?;
    if is_v6(packet)? {
        let octets: [u8; 16] = packet.get(v6..v6 + 16)?.try_into().ok()?;
        return Some(Value::Ipv6(Ipv6Addr::from(octets)));
    }
    let octets: [u8; 4] = packet.get(v4..v4 + 4)?.try_into().ok()?;
    Some(Value::Ipv4(Ipv4Addr::from(octets)))
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<Value<'_>> {
    let n = bytes.get(at..at + len)?.iter().fold(0, |n, b| n << 8 | i64::from(*b));
    Some(Value::Sint(n))
}

/// A TCP header, at least the part that is always there.
fn tcp(value: Value<'_>) -> Option<&[u8]> {
    value.bytes().filter(|bytes| bytes.len() >= 20)
}

/// The options of a TCP header (RFC 9293 §3.2): kind and data.
fn options(header: &[u8]) -> Option<impl Iterator<Item = (u8, &[u8])>> {
    let end = usize::from(header.get(12)? >> 4) * 4;
    let mut rest = header.get(20..end)?;
    Some(std::iter::from_fn(move || match rest {
        [] | [0, ..] => None,
        [1, tail @ ..] => {
            rest = tail;
            Some((1, &[][..]))
        }
        [kind, len, ..] => {
            let (option, tail) = rest.split_at_checked(usize::from(*len))?;
            rest = tail;
            Some((*kind, option.get(2..)?))
        }
        _ => None,
    }))
}

/// The first `len` bytes of an option as an integer, 0 without it; 1 for a `len` of 0 where it is there.
fn option(header: &[u8], kind: u8, len: usize) -> Option<Value<'_>> {
    let Some((_, data)) = options(header)?.find(|(k, _)| *k == kind) else { return Some(Value::Sint(0)) };
    if len == 0 { Some(Value::Sint(1)) } else { number(data, 0, len) }
}

fn option_list<'a>(eval: &mut Eval<'a>, _: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let kinds = options(value.bytes()?)?.map(|(kind, _)| kind);
    Some(Value::Bin(eval.scratch.build(|out| out.extend(kinds))))
}

/// Parts of the IP and TCP headers that a host keeps from connection to connection (manual, "ip.fp").
fn fingerprint<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let packet = value.bytes()?;
    let v6 = is_v6(packet)?;
    let (protocol, at) = transport(packet)?;
    let tcp = packet.get(at..).filter(|_| protocol == 6)?;
    let (tos, ttl) = if v6 {
        let [a, b, ..] = packet else { return None };
        (a << 4 | b >> 4, *packet.get(7)?)
    } else {
        (*packet.get(1)?, *packet.get(8)?)
    };
    let total = if v6 { 40 + number16(packet, 4)? } else { number16(packet, 2)? };
    let header = usize::from(tcp.get(12)? >> 4) * 4;
    let no_fragments = v6 || packet.get(6)? & 0x40 != 0;
    let hops = match ttl {
        0..=32 => 0,
        33..=64 => 1,
        65..=128 => 2,
        _ => 3,
    };
    let bit = |set: bool, at: u8| u8::from(set) << at;
    let flags = *tcp.get(13)?;
    let with_options = if v6 { at > 40 } else { at > 20 };
    let first = bit(v6, 7)
        | bit(no_fragments, 6)
        | hops << 4
        | bit(with_options, 3)
        | bit(usize::from(total) > at + header, 2)
        | bit(flags & 0x80 != 0, 1)
        | bit(flags & 0x40 != 0, 0);
    let (mut scale, mut mss, mut kinds) = (0, [0, 0], 0);
    for (kind, data) in options(tcp)? {
        match (kind, data) {
            (3, [shift, ..]) => scale = (*shift).min(14) + 1,
            (2, [high, low, ..]) => mss = [*high, *low],
            _ => {}
        }
        kinds |= match kind {
            2..=8 => 1 << (kind - 2),
            9.. => 0x80,
            _ => 0,
        };
    }
    let window = *tcp.get(14..)?.first_chunk::<2>()?;
    let mode = args.int(0).unwrap_or(0);
    let source = if v6 { packet.get(8..24)? } else { packet.get(12..16)? };
    let list = options(tcp)?.map(|(kind, _)| kind);
    Some(Value::Bin(eval.scratch.build(|out| {
        out.extend([tos, first, (tcp.get(12).copied().unwrap_or(0) & 0xf0) | scale]);
        out.extend(window.into_iter().chain(mss).chain([kinds]));
        if mode & 1 != 0 {
            out.extend([ttl]);
        }
        if mode & 2 != 0 {
            out.extend(list);
        }
        if mode & 4 != 0 {
            out.extend(source.iter().copied());
        }
    })))
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}
