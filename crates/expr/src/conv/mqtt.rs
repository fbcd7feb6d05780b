//! MQTT: the first packet of each side, CONNECT and CONNACK, of versions 3.1, 3.1.1 and 5.0.
//!
//! Numbers are given in decimal. A packet whose end is missing is as absent as one that is none.

use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Converter, Eval, NO_ARGS, converter, prepared};
use crate::{Load, Type, Value};

/// The table.
pub(super) const CONVERTERS: &[Converter] = &[
    converter(
        "mqtt_is_valid",
        NO_ARGS,
        Type::Bin,
        Type::Bool,
        |_, _, v| is_valid(v.bytes()?).map(Value::Bool),
        "Whether it is a CONNECT or CONNACK of MQTT.",
    ),
    prepared(
        converter(
            "mqtt_field_value",
            (2, &[ArgType::Str, ArgType::Str]),
            Type::Bin,
            Type::Str,
            field_value,
            "A field or a property of a packet of MQTT.",
        ),
        prepare,
    ),
];

const CONNECT: u8 = 1;
const CONNACK: u8 = 2;

/// Fields with names; a number beyond them is a property's identifier.
const FIELDS: [&str; 10] = [
    "flags",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
    "reason_code",
];
const PROPERTIES: i64 = 100;

/// What a property holds (MQTT 5.0, 2.2.2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte,
    Two,
    Four,
    Varint,
    Text,
    Pair,
}

const fn kind(id: u8) -> Option<Kind> {
    Some(match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Kind::Byte,
        19 | 33 | 34 | 35 => Kind::Two,
        2 | 17 | 24 | 39 => Kind::Four,
        11 => Kind::Varint,
        3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => Kind::Text,
        38 => Kind::Pair,
        _ => return None,
    })
}

/// Whether a property may be asked of a packet.
fn is_property_of(packet: u8, id: u8) -> bool {
    match packet {
        CONNECT => matches!(id, 17 | 33 | 39 | 34 | 25 | 23 | 21 | 22 | 38) || is_of_will(id),
        _ => matches!(id, 17 | 33 | 36 | 37 | 39 | 18 | 34 | 31 | 38 | 40..=42 | 19 | 26 | 28 | 21 | 22),
    }
}

const fn is_of_will(id: u8) -> bool {
    matches!(id, 24 | 1 | 2 | 3 | 8 | 9)
}

/// Replaces the names of packet and field by their numbers.
fn prepare(args: &mut Args, _: &mut Load<'_>) -> Result<(), String> {
    let shown = |at: usize| String::from_utf8_lossy(args.str(at).unwrap_or_default()).into_owned();
    let (packet, field) = (shown(0), shown(1));
    let number = match packet.to_ascii_lowercase().as_str() {
        "connect" => CONNECT,
        "connack" => CONNACK,
        other => other
            .parse()
            .ok()
            .filter(|n| (1..=15).contains(n))
            .ok_or_else(|| format!("Unknown MQTT type '{packet}'"))?,
    };
    let named = FIELDS.iter().position(|f| f.eq_ignore_ascii_case(&field)).filter(|f| match number {
        CONNECT => *f != 9,
        CONNACK => matches!(f, 0 | 2 | 9),
        _ => false,
    });
    let id =
        field.parse().ok().filter(|id| matches!(number, CONNECT | CONNACK) && is_property_of(number, *id));
    let index = named.map(|n| n as i64).or(id.map(|id| PROPERTIES + i64::from(id)));
    let index =
        index.ok_or_else(|| format!("Unknown MQTT field name '{field}' for packet type '{packet}'"))?;
    args.set(0, Arg::Int(i64::from(number)));
    args.set(1, Arg::Int(index));
    Ok(())
}

/// Nothing where its end is missing.
fn is_valid(input: &[u8]) -> Option<bool> {
    let [kind, rest @ ..] = input else { return None };
    if rest.is_empty() {
        return None;
    }
    if !are_flags_right(*kind) {
        return Some(false);
    }
    let (len, rest) = match varint(rest) {
        Some(read) => read,
        None if rest.len() >= 4 => return Some(false),
        // A length that is cut counts for what is there of it.
        None => (rest.iter().rev().fold(0, |n, byte| n << 7 | usize::from(byte & 0x7f)), &[][..]),
    };
    let body = body(*kind >> 4, rest, len)?;
    Some(matches!(*kind >> 4, CONNECT | CONNACK) && Packet::read(*kind >> 4, body).is_some())
}

/// MQTT 5.0, 2.1.3
const fn are_flags_right(kind: u8) -> bool {
    match kind >> 4 {
        0 => false,
        3 => true,
        6 | 8 | 10 => kind & 15 == 2,
        _ => kind & 15 == 0,
    }
}

/// What a packet of that length holds. Of a CONNACK what follows counts too, and makes it wrong.
fn body(kind: u8, rest: &[u8], len: usize) -> Option<&[u8]> {
    let body = rest.get(..len)?;
    Some(if kind == CONNACK { rest } else { body })
}

fn field_value<'a>(eval: &mut Eval<'a>, args: &'a Args, value: Value<'a>) -> Option<Value<'a>> {
    let (kind, rest) = value.bytes()?.split_first()?;
    let wanted = u8::try_from(args.int(0)?).ok()?;
    if *kind != wanted << 4 {
        return None;
    }
    let (len, rest) = varint(rest)?;
    let packet = Packet::read(wanted, body(wanted, rest, len)?)?;
    match packet.field(args.int(1)?)? {
        Field::Text(text) => Some(Value::Str(text)),
        Field::Number(n) => Some(Value::Str(Value::Sint(n.into()).to_str(eval.scratch))),
    }
}

enum Field<'p> {
    Text(&'p [u8]),
    Number(u32),
}

/// What a CONNECT or a CONNACK says.
#[derive(Default)]
struct Packet<'p> {
    flags: u8,
    name: &'p [u8],
    version: u8,
    client: Option<&'p [u8]>,
    will: Option<(&'p [u8], &'p [u8])>,
    user: Option<&'p [u8]>,
    password: Option<&'p [u8]>,
    keepalive: u16,
    reason: u8,
    properties: Option<&'p [u8]>,
    will_properties: Option<&'p [u8]>,
}

// === impl Packet ===

impl<'p> Packet<'p> {
    /// Nothing where it is not valid from the first byte to the last.
    fn read(kind: u8, body: &'p [u8]) -> Option<Self> {
        let mut rest = body;
        let packet = if kind == CONNECT { Self::connect(&mut rest)? } else { Self::connack(&mut rest)? };
        rest.is_empty().then_some(packet)
    }

    /// MQTT 5.0, 3.1; 3.1.1, 3.1
    fn connect(rest: &mut &'p [u8]) -> Option<Self> {
        let name = text(rest)?;
        let version = byte(rest)?;
        if !matches!((name, version), (b"MQIsdp", 3) | (b"MQTT", 4 | 5)) {
            return None;
        }
        let flags = byte(rest).filter(|f| f & 1 == 0)?;
        let mut packet = Self { flags, name, version, keepalive: two(rest)?, ..Self::default() };
        if version == 5 {
            packet.properties = Some(properties(rest)?);
        }
        packet.client = Some(text(rest)?);
        if flags & 0x04 != 0 {
            if version == 5 {
                packet.will_properties = Some(properties(rest)?);
            }
            packet.will = Some((text(rest)?, text(rest)?));
        }
        if flags & 0x80 != 0 {
            packet.user = Some(text(rest)?);
        }
        if flags & 0x40 != 0 {
            packet.password = Some(text(rest)?);
        }
        Some(packet)
    }

    /// MQTT 5.0, 3.2; 3.1.1, 3.2. Properties tell the newer version.
    fn connack(rest: &mut &'p [u8]) -> Option<Self> {
        let flags = byte(rest).filter(|f| f & 0xfe == 0)?;
        let reason = byte(rest)?;
        let mut packet = Self { flags, reason, version: 4, ..Self::default() };
        if !rest.is_empty() {
            packet.version = 5;
            packet.properties = Some(properties(rest)?);
        }
        Some(packet)
    }

    fn field(&self, index: i64) -> Option<Field<'p>> {
        let number = |n: u8| Some(Field::Number(u32::from(n)));
        match index {
            0 => number(self.flags),
            1 => Some(Field::Text(self.name)),
            2 => number(self.version),
            3 => self.client.map(Field::Text),
            4 => self.will.map(|(topic, _)| Field::Text(topic)),
            5 => self.will.map(|(_, payload)| Field::Text(payload)),
            6 => self.user.map(Field::Text),
            7 => self.password.map(Field::Text),
            8 => Some(Field::Number(u32::from(self.keepalive))),
            9 => number(self.reason),
            _ => self.property(u8::try_from(index - PROPERTIES).ok()?),
        }
    }

    /// A property; a number that was not sent is 0.
    fn property(&self, id: u8) -> Option<Field<'p>> {
        let of_will = is_of_will(id) && self.will_properties.is_some();
        let mut rest = if is_of_will(id) && !of_will {
            None
        } else if of_will {
            self.will_properties
        } else {
            self.properties
        }?;
        while !rest.is_empty() {
            let found = byte(&mut rest)?;
            let value = property(found, &mut rest)?;
            if found == id {
                return value;
            }
        }
        matches!(kind(id)?, Kind::Byte | Kind::Two | Kind::Four).then_some(Field::Number(0))
    }
}

/// The value of a property; nothing inside for a pair, which is not given.
#[expect(clippy::option_option, reason = "the outer one is for what is not valid")]
fn property<'p>(id: u8, rest: &mut &'p [u8]) -> Option<Option<Field<'p>>> {
    Some(match kind(id)? {
        Kind::Byte => Some(Field::Number(u32::from(byte(rest)?))),
        Kind::Two => Some(Field::Number(u32::from(two(rest)?))),
        Kind::Four => {
            let (four, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(Field::Number(u32::from_be_bytes(*four)))
        }
        Kind::Varint => {
            let (n, after) = varint(rest)?;
            *rest = after;
            Some(Field::Number(u32::try_from(n).ok()?))
        }
        Kind::Text => Some(Field::Text(text(rest)?)),
        Kind::Pair => {
            text(rest)?;
            text(rest)?;
            None
        }
    })
}

/// A block of properties, each of them valid.
fn properties<'p>(rest: &mut &'p [u8]) -> Option<&'p [u8]> {
    let (len, after) = varint(rest)?;
    let (block, after) = after.split_at_checked(len)?;
    *rest = after;
    let mut inside = block;
    while !inside.is_empty() {
        let id = byte(&mut inside)?;
        property(id, &mut inside)?;
    }
    Some(block)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn two(rest: &mut &[u8]) -> Option<u16> {
    let (two, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u16::from_be_bytes(*two))
}

fn text<'p>(rest: &mut &'p [u8]) -> Option<&'p [u8]> {
    let len = two(rest)?;
    let (text, after) = rest.split_at_checked(usize::from(len))?;
    *rest = after;
    Some(text)
}

/// MQTT 5.0, 1.5.5
fn varint(input: &[u8]) -> Option<(usize, &[u8])> {
    let mut n = 0;
    for (i, byte) in input.iter().enumerate().take(4) {
        n |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((n, input.get(i + 1..)?));
        }
    }
    None
}
