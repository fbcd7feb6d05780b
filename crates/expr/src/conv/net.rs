//! Addresses: masks, hosts and ports.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter};
use crate::value::v6_to_v4;
use crate::{Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "ipmask",
        (1, &[ArgType::Mask4, ArgType::Mask6]),
        Type::Addr,
        Type::Addr,
        ipmask,
        "The network of an address.",
    ),
    converter(
        "host_only",
        NO_ARGS,
        Type::Str,
        Type::Str,
        |e, _, v| {
            let host = host_and_port(v.bytes()?).0.iter().map(u8::to_ascii_lowercase);
            Some(Value::Str(e.scratch.build(|out| out.extend(host))))
        },
        "A host without its port, in lower case.",
    ),
    converter(
        "port_only",
        NO_ARGS,
        Type::Str,
        Type::Sint,
        |_, _, v| Some(Value::Sint(port(host_and_port(v.bytes()?).1))),
        "The port after a host, or 0.",
    ),
];

/// With one mask only, IPv6 addresses are taken as IPv4 ones where they can be.
fn ipmask<'a>(_: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let Arg::Ipv4(mask) = args.arg(0) else { return None };
    // What can be an IPv4 address is one.
    let v4 = match value {
        Value::Ipv4(ip) => Some(ip),
        Value::Ipv6(ip) => v6_to_v4(ip),
        _ => return None,
    };
    match (v4, value, args.arg(1)) {
        (Some(ip), ..) => Some(Value::Ipv4(Ipv4Addr::from_bits(ip.to_bits() & mask.to_bits()))),
        (None, Value::Ipv6(ip), Arg::Ipv6(mask)) => {
            Some(Value::Ipv6(Ipv6Addr::from_bits(ip.to_bits() & mask.to_bits())))
        }
        _ => None,
    }
}

/// Parts a host at its last colon, one in brackets aside.
fn host_and_port(text: &[u8]) -> (&[u8], &[u8]) {
    let last = text.iter().rposition(|c| matches!(c, b':' | b']'));
    match last.filter(|at| text.get(*at) == Some(&b':')) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, b""),
    }
}

/// Read as HAProxy reads it: every character counts as a digit, and 32 bits wrap around.
fn port(digits: &[u8]) -> i64 {
    let n = digits.iter().fold(0u32, |n, c| n.wrapping_mul(10).wrapping_add(u32::from(*c)).wrapping_sub(48));
    i64::from(n)
}
