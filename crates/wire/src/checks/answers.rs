//! Answers of servers to the checks of their protocols. Nothing is trusted: what does not fit is malformed.

/// What an answer says of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// More bytes are needed.
    Open,
    /// It is well.
    Good,
    /// The bytes are not those of the protocol; what is to be told, if anything.
    Malformed(&'static str),
    /// The server turns us away: a number and a text of the protocol.
    Refused(u32, String),
}

/// Judges the first packet of a MySQL server. `ended`: no more bytes will come.
pub fn mysql_greeting(bytes: &[u8], ended: bool) -> Answer {
    mysql_packet(bytes, ended).1
}

/// Judges what a MySQL server says to a login, behind its first packet.
pub fn mysql_login_answer(bytes: &[u8], ended: bool) -> Answer {
    match mysql_packet(bytes, ended) {
        (Some(rest), Answer::Good) => mysql_packet(rest, ended).1,
        (_, other) => other,
    }
}

/// A packet: its length in three bytes, its number, its content. What follows it, and what it says.
fn mysql_packet(bytes: &[u8], ended: bool) -> (Option<&[u8]>, Answer) {
    let open = || (None, if ended { Answer::Malformed("") } else { Answer::Open });
    let Some((&[low, middle, high, _], rest)) = bytes.split_first_chunk::<4>() else { return open() };
    let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
    let Some((content, rest)) = rest.split_at_checked(length) else { return open() };
    let answer = match content {
        [0xff, said @ ..] => {
            let (code, text) = said.split_at_checked(2).unwrap_or((said, &[]));
            let code = code.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte));
            Answer::Refused(code, printable(text))
        }
        _ => Answer::Good,
    };
    (Some(rest), answer)
}

/// Judges the response to a bind of LDAP (RFC 4511, 4.2.2).
pub fn ldap_bind(bytes: &[u8], ended: bool) -> Answer {
    if bytes.len() < LDAP_SHORTEST && !ended {
        return Answer::Open;
    }
    let strange = Answer::Malformed("Not LDAPv3 protocol");
    let Some((content, length)) = ber_header(bytes, 0x30).filter(|(rest, _)| !rest.is_empty()) else {
        return strange;
    };
    if content.len() < length {
        return if ended { Answer::Malformed("") } else { Answer::Open };
    }
    // The number of the message is that of the only one we sent.
    let response = content.strip_prefix(b"\x02\x01\x01").and_then(|rest| ber_header(rest, 0x61));
    match response {
        Some(([0x0a, 1, 0, ..], _)) => Answer::Good,
        Some(([0x0a, 1, code, ..], _)) => Answer::Refused(
            (*code).into(),
            "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9".into(),
        ),
        _ => strange,
    }
}

/// What follows a tag and its length, and the length.
fn ber_header(bytes: &[u8], tag: u8) -> Option<(&[u8], usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    if length & 0x80 == 0 {
        return Some((rest, length.into()));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
    Some((rest, digits.iter().fold(0, |n, byte| n << 8 | usize::from(*byte))))
}

/// Judges what a server says to a ClientHello: any record of a handshake or an alert shows that it speaks TLS.
pub fn ssl_hello_answer(bytes: &[u8], ended: bool) -> Answer {
    match bytes {
        [0x15 | 0x16, ..] if ended || bytes.len() >= TLS_HEADER => Answer::Good,
        _ if !ended && bytes.len() < TLS_HEADER => Answer::Open,
        _ => Answer::Malformed(""),
    }
}

/// Judges the HELLO of an agent of SPOE.
pub fn spop_hello(bytes: &[u8], ended: bool) -> Answer {
    let invalid = Answer::Malformed("invalid frame received");
    let open = || if ended { invalid.clone() } else { Answer::Open };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return open() };
    if u64::from(u32::from_be_bytes(*length)) > SPOP_LARGEST_FRAME {
        return invalid;
    }
    let Some(frame) = rest.get(..u32::from_be_bytes(*length) as usize).filter(|f| f.len() >= SPOP_SHORTEST)
    else {
        return open();
    };
    // HELLO or DISCONNECT, whole, of no stream.
    let Some((101 | 102, [0, 0, 0, 1, 0, 0, pairs @ ..])) = frame.split_first().map(|(k, rest)| (*k, rest))
    else {
        return invalid;
    };
    match spop_pairs(pairs) {
        Err(Fault::Frame) => invalid,
        Err(Fault::Value(text)) => Answer::Malformed(text),
        Ok(found) => match found {
            Found { version: false, .. } => Answer::Malformed("version value not found"),
            Found { frame_size: false, .. } => Answer::Malformed("max-frame-size value not found"),
            Found { capabilities: false, .. } => Answer::Malformed("capabilities value not found"),
            _ => Answer::Good,
        },
    }
}

#[derive(Default)]
struct Found {
    version: bool,
    frame_size: bool,
    capabilities: bool,
}

enum Fault {
    /// The bytes make no sense.
    Frame,
    /// They do, and we cannot go on with them.
    Value(&'static str),
}

fn spop_pairs(mut bytes: &[u8]) -> Result<Found, Fault> {
    let mut found = Found::default();
    while !bytes.is_empty() {
        let (name, rest) = spop_string(bytes).ok_or(Fault::Frame)?;
        let (value, rest) = spop_value(rest).ok_or(Fault::Frame)?;
        bytes = rest;
        match (name, value) {
            (b"version", SpopValue::Text(version)) => {
                if version.trim_ascii() != b"2.0" {
                    return Err(Fault::Value("unsupported version"));
                }
                found.version = true;
            }
            (b"max-frame-size", SpopValue::Number(size)) => {
                if !(SPOP_SMALLEST_FRAME..=SPOP_LARGEST_FRAME).contains(&size) {
                    return Err(Fault::Value("max-frame-size too big or too small"));
                }
                found.frame_size = true;
            }
            (b"capabilities", SpopValue::Text(_)) => found.capabilities = true,
            (b"version" | b"max-frame-size" | b"capabilities", _) => return Err(Fault::Frame),
            _ => {}
        }
    }
    Ok(found)
}

enum SpopValue<'a> {
    Text(&'a [u8]),
    Number(u64),
    Other,
}

fn spop_value(bytes: &[u8]) -> Option<(SpopValue<'_>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    Some(match kind & 0x0f {
        // Nothing, and a boolean, whose value lies in the other four bits.
        0 | 1 => (SpopValue::Other, rest),
        2..=5 => {
            let (number, rest) = spop_number(rest)?;
            (SpopValue::Number(number), rest)
        }
        6 => (SpopValue::Other, rest.get(4..)?),
        7 => (SpopValue::Other, rest.get(16..)?),
        8 => {
            let (text, rest) = spop_string(rest)?;
            (SpopValue::Text(text), rest)
        }
        9 => (SpopValue::Other, spop_string(rest)?.1),
        _ => return None,
    })
}

fn spop_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = spop_number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A number of SPOP: below 240 one byte, else four bits and then seven for each byte.
fn spop_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut number = u64::from(first);
    if first < 240 {
        return Some((number, rest));
    }
    for shift in (4..=60).step_by(7) {
        let (&next, tail) = rest.split_first()?;
        rest = tail;
        number = number.checked_add(u64::from(next).checked_shl(shift)?)?;
        if next < 128 {
            return Some((number, rest));
        }
    }
    None
}

/// A text up to its end or the first NUL.
fn printable(text: &[u8]) -> String {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned()
}

/// A response to a bind without any text.
const LDAP_SHORTEST: usize = 14;
/// The header of a record of TLS.
const TLS_HEADER: usize = 5;
/// A frame of SPOP without any pair: its kind, flags, stream and frame.
const SPOP_SHORTEST: usize = 7;
const SPOP_SMALLEST_FRAME: u64 = 256;
/// What we said that we take, the length before a frame not counted.
const SPOP_LARGEST_FRAME: u64 = 16380;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u32, text: &str) -> Answer {
        Answer::Refused(code, text.to_owned())
    }

    #[test]
    fn packets_of_mysql_are_judged_when_they_are_whole() {
        let greeting = b"\x05\0\0\x00\x0a8.0\0";
        for (bytes, ended, wanted) in [
            (&greeting[..], false, Answer::Good),
            (&greeting[..6], false, Answer::Open),
            (&greeting[..6], true, Answer::Malformed("")),
            (b"\x08\0\0\0\xff\x69\x04Host\0x", false, refused(1129, "Host")),
        ] {
            assert_eq!(mysql_greeting(bytes, ended), wanted, "{bytes:?}");
        }
        let both = [&greeting[..], b"\x07\0\0\x02\0\0\0\x02\0\0\0"].concat();
        assert_eq!(mysql_login_answer(&both, false), Answer::Good);
        assert_eq!(mysql_login_answer(greeting, false), Answer::Open);
    }

    #[test]
    fn binds_of_ldap_are_good_when_their_result_is_0() {
        for (bytes, ended, wanted) in [
            (&b"0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\0"[..], false, Answer::Good),
            (b"0\x0c\x02\x01\x01a\x07\x0a\x01\x31\x04\0\x04\0", false, {
                refused(49, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9")
            }),
            (b"0\x0c\x02\x01\x01", false, Answer::Open),
            (b"0\x0c\x02\x01\x01", true, Answer::Malformed("")),
            (b"HTTP/1.1 400 Bad Request", false, Answer::Malformed("Not LDAPv3 protocol")),
            (b"0\x03\x02\x01\x01", true, Answer::Malformed("Not LDAPv3 protocol")),
        ] {
            assert_eq!(ldap_bind(bytes, ended), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn agents_of_spoe_say_all_that_a_hello_needs() {
        let version = b"\x07version\x08\x032.0";
        let size = b"\x0emax-frame-size\x03\xfc\xf0\x06";
        let capabilities = b"\x0ccapabilities\x08\0";
        let frame = |kind: u8, pairs: &[&[u8]]| {
            let content = [&[kind, 0, 0, 0, 1, 0, 0][..], &pairs.concat()].concat();
            [&(content.len() as u32).to_be_bytes()[..], &content].concat()
        };
        for (kind, pairs, wanted) in [
            (101, vec![&version[..], size, capabilities], Answer::Good),
            (101, vec![&size[..], capabilities], Answer::Malformed("version value not found")),
            (101, vec![&version[..], capabilities], Answer::Malformed("max-frame-size value not found")),
            (101, vec![b"\x07version\x08\x039.9"], Answer::Malformed("unsupported version")),
            (101, vec![b"\x07version\x03\x02"], Answer::Malformed("invalid frame received")),
            (103, vec![], Answer::Malformed("invalid frame received")),
        ] {
            assert_eq!(spop_hello(&frame(kind, &pairs), false), wanted);
        }
        assert_eq!(spop_hello(b"\0\0", false), Answer::Open);
        assert_eq!(spop_hello(b"\0\0", true), Answer::Malformed("invalid frame received"));
    }
}
