//! What certificates say, in the words of OpenSSL, as logs and rules show it (manual, 7.3.4 "ssl_c_s_dn" and its kin).

use std::borrow::Cow;

use crate::certificate::{Certificate, attributes};
use crate::der::{self, Der, Item};

/// `/C=DE/O=Example/CN=name`
pub fn one_line(name: &[u8], out: &mut Vec<u8>) {
    for (oid, value) in attributes(name) {
        out.push(b'/');
        push_type(oid, out);
        out.push(b'=');
        out.extend_from_slice(value.content);
    }
}

/// `CN=name,O=Example,C=DE` (RFC 2253): from the end, several attributes of one place joined by `+`.
pub fn ldap(name: &[u8], out: &mut Vec<u8>) {
    let sets: Vec<Item<'_>> = Der(name).enter(der::SEQUENCE).unwrap_or_default().collect();
    for (at, set) in sets.iter().rev().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let pairs: Vec<_> = set.inside().filter_map(pair).collect();
        for (at, (oid, value)) in pairs.iter().rev().enumerate() {
            if at > 0 {
                out.push(b'+');
            }
            push_type(oid, out);
            out.push(b'=');
            push_escaped(value.content, out);
        }
    }
}

/// The value of an attribute, by its short name: the `occurrence`th from the start, or from the end where it is
/// negative.
pub fn attribute<'a>(name: &'a [u8], wanted: &[u8], occurrence: i64) -> Option<&'a [u8]> {
    let mut typed = Vec::new();
    let is_wanted = |oid: &[u8]| {
        typed.clear();
        push_type(oid, &mut typed);
        typed.eq_ignore_ascii_case(wanted)
    };
    let mut is_wanted = is_wanted;
    let mut found: Vec<&[u8]> =
        attributes(name).filter(|(oid, _)| is_wanted(oid)).map(|(_, value)| value.content).collect();
    if occurrence < 0 {
        found.reverse();
    }
    let at = usize::try_from(occurrence.unsigned_abs()).ok()?.checked_sub(1)?;
    found.get(at).copied()
}

/// Whether a name holds a value with a NUL, which some would take for its end.
pub fn is_malformed(name: &[u8]) -> bool {
    attributes(name).any(|(_, value)| value.content.contains(&0))
}

/// `DNS:a.example, IP Address:127.0.0.1`
pub fn alternative_names(certificate: &Certificate<'_>, out: &mut Vec<u8>) {
    for (at, name) in certificate.alternative_names().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        general_name(name, out);
    }
}

/// `DNS:a.example`
pub(crate) fn general_name(name: Item<'_>, out: &mut Vec<u8>) {
    match name.tag {
        0x81 => labelled(b"email:", name.content, out),
        0x82 => labelled(b"DNS:", name.content, out),
        0x86 => labelled(b"URI:", name.content, out),
        0x87 => address(name.content, out),
        0x88 => labelled(b"Registered ID:", der::dotted(name.content).as_bytes(), out),
        0xa4 => {
            out.extend_from_slice(b"DirName:");
            one_line(name.content, out);
        }
        0xa0 => out.extend_from_slice(b"othername:<unsupported>"),
        0xa3 => out.extend_from_slice(b"X400Name:<unsupported>"),
        _ => out.extend_from_slice(b"EdiPartyName:<unsupported>"),
    }
}

/// A time as `YYMMDDhhmmssZ`; the century of longer ones goes without saying.
pub fn time(item: Item<'_>) -> Option<&[u8]> {
    match item.tag {
        der::UTC_TIME => Some(item.content),
        der::GENERALIZED_TIME => item.content.strip_prefix(b"20"),
        _ => None,
    }
}

/// `Nov 21 09:19:06 2026 GMT`
pub fn time_in_words(item: Item<'_>) -> Option<String> {
    let text = std::str::from_utf8(item.content.strip_suffix(b"Z")?).ok()?;
    let (year, rest) = match item.tag {
        der::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            (format!("{}{year}", if year < "50" { "20" } else { "19" }), rest)
        }
        _ => text.split_at_checked(4).map(|(year, rest)| (year.to_owned(), rest))?,
    };
    let part = |at: usize| rest.get(at..at + 2);
    let month = MONTHS.get(part(0)?.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day: u8 = part(2)?.parse().ok()?;
    Some(format!("{month} {day:>2} {}:{}:{} {year} GMT", part(4)?, part(6)?, part(8)?))
}

/// A key by its kind and size: `RSA2048`, `EC256`.
pub fn key_in_words(certificate: &Certificate<'_>) -> String {
    let Some((algorithm, key)) = certificate.public_key() else { return String::new() };
    let mut parts = Der(algorithm);
    let (kind, curve) = (parts.item().map(|i| i.content), parts.item().map(|i| i.content));
    match (kind, curve) {
        (Some(RSA), _) => {
            let modulus = Der(key).enter(der::SEQUENCE).and_then(|mut d| d.tagged(der::INTEGER));
            let bytes = modulus.map_or(0, |m| m.content.iter().skip_while(|b| **b == 0).count());
            format!("RSA{}", bytes * 8)
        }
        (Some(EC), Some(P256)) => "EC256".to_owned(),
        (Some(EC), Some(P384)) => "EC384".to_owned(),
        (Some(EC), Some(P521)) => "EC521".to_owned(),
        _ => "unknown".to_owned(),
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// A serial number without the bytes that carry nothing.
pub fn serial(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => serial(rest),
        _ => bytes,
    }
}

/// The name of an algorithm of keys or signatures, by the content of its sequence.
pub fn algorithm(content: &[u8]) -> Option<&'static str> {
    let oid = Der(content).tagged(der::OID)?.content;
    ALGORITHMS.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

fn pair(item: Item<'_>) -> Option<(&[u8], Item<'_>)> {
    let mut inside = item.inside();
    Some((inside.tagged(der::OID)?.content, inside.item()?))
}

fn push_type(oid: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name_of_type(oid).as_bytes());
}

/// The short name of an attribute, or its number.
pub(crate) fn name_of_type(oid: &[u8]) -> Cow<'static, str> {
    match ATTRIBUTES.iter().find(|(known, _)| *known == oid) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(der::dotted(oid)),
    }
}

/// The long name of an algorithm of signatures.
pub(crate) fn long_algorithm(content: &[u8]) -> Cow<'static, str> {
    match algorithm(content) {
        Some("RSA-SHA1") => "sha1WithRSAEncryption".into(),
        Some("RSA-SHA256") => "sha256WithRSAEncryption".into(),
        Some("RSA-SHA384") => "sha384WithRSAEncryption".into(),
        Some("RSA-SHA512") => "sha512WithRSAEncryption".into(),
        Some("RSA-SHA224") => "sha224WithRSAEncryption".into(),
        Some("RSASSA-PSS") => "rsassaPss".into(),
        Some(name) => name.into(),
        None => der::dotted(Der(content).item().map(|item| item.content).unwrap_or_default()).into(),
    }
}

/// The name of a digest.
pub(crate) fn digest(oid: &[u8]) -> Cow<'static, str> {
    match oid {
        [0x2b, 0x0e, 3, 2, 26] => "sha1".into(),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => "sha256".into(),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => "sha384".into(),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => "sha512".into(),
        other => der::dotted(other).into(),
    }
}

/// `0A1B`
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// RFC 2253, 2.4, and bytes above ASCII by their numbers.
fn push_escaped(value: &[u8], out: &mut Vec<u8>) {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.iter().copied().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend_from_slice(&[b'\\', byte]),
            b'#' if at == 0 => out.extend_from_slice(b"\\#"),
            b' ' if at == 0 || at == last => out.extend_from_slice(b"\\ "),
            0..b' ' | 0x7f.. => out.extend_from_slice(format!("\\{byte:02X}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

fn labelled(label: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(label);
    out.extend_from_slice(value);
}

/// IPv6 in eight groups, none left out.
fn address(bytes: &[u8], out: &mut Vec<u8>) {
    let text = match bytes {
        [a, b, c, d] => format!("{a}.{b}.{c}.{d}"),
        _ if bytes.len() == 16 => {
            let groups = bytes.as_chunks::<2>().0.iter().map(|g| format!("{:X}", u16::from_be_bytes(*g)));
            groups.collect::<Vec<_>>().join(":")
        }
        _ => "<invalid>".to_owned(),
    };
    labelled(b"IP Address:", text.as_bytes(), out);
}

/// Attributes of names with OpenSSL's short names (RFC 4519, RFC 2985, RFC 4514).
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x04], "SN"),
    (&[0x55, 0x04, 0x05], "serialNumber"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "street"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x0c], "title"),
    (&[0x55, 0x04, 0x0d], "description"),
    (&[0x55, 0x04, 0x0f], "businessCategory"),
    (&[0x55, 0x04, 0x10], "postalAddress"),
    (&[0x55, 0x04, 0x11], "postalCode"),
    (&[0x55, 0x04, 0x14], "telephoneNumber"),
    (&[0x55, 0x04, 0x29], "name"),
    (&[0x55, 0x04, 0x2a], "GN"),
    (&[0x55, 0x04, 0x2b], "initials"),
    (&[0x55, 0x04, 0x2c], "generationQualifier"),
    (&[0x55, 0x04, 0x2e], "dnQualifier"),
    (&[0x55, 0x04, 0x41], "pseudonym"),
    (&[0x55, 0x04, 0x61], "organizationIdentifier"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01], "emailAddress"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x02], "unstructuredName"),
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x01], "jurisdictionL"),
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x02], "jurisdictionST"),
    (&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, 0x03], "jurisdictionC"),
];

/// Algorithms with OpenSSL's short names (RFC 3279, RFC 5758, RFC 8410).
const ALGORITHMS: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], "rsaEncryption"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA-MD5"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "RSA-SHA1"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "RSASSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], "RSA-SHA256"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], "RSA-SHA384"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], "RSA-SHA512"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e], "RSA-SHA224"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], "id-ecPublicKey"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ecdsa-with-SHA1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], "ecdsa-with-SHA256"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "ecdsa-with-SHA384"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "ecdsa-with-SHA512"),
    (&[0x2b, 0x65, 0x70], "ED25519"),
    (&[0x2b, 0x65, 0x71], "ED448"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// `SEQUENCE { SET { SEQUENCE { OID, UTF8String } } ... }`
    fn name(parts: &[(&[u8], &str)]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let sets: Vec<u8> = parts
            .iter()
            .flat_map(|(oid, value)| {
                let pair = [wrap(0x06, oid), wrap(0x0c, value.as_bytes())].concat();
                wrap(0x31, &wrap(0x30, &pair))
            })
            .collect();
        wrap(0x30, &sets)
    }

    const C: &[u8] = &[0x55, 0x04, 0x06];
    const OU: &[u8] = &[0x55, 0x04, 0x0b];
    const CN: &[u8] = &[0x55, 0x04, 0x03];

    #[test]
    fn names_in_both_forms() {
        let name = name(&[(C, "DE"), (OU, "Org, Inc"), (OU, "b"), (CN, "É x"), (&[0x2a, 0x03], "?")]);
        let mut out = Vec::new();
        one_line(&name, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "/C=DE/OU=Org, Inc/OU=b/CN=É x/1.2.3=?");
        let mut out = Vec::new();
        ldap(&name, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r"1.2.3=?,CN=\C3\89 x,OU=b,OU=Org\, Inc,C=DE");
    }

    #[test]
    fn attributes_are_found_from_both_ends() {
        let name = name(&[(OU, "a"), (CN, "c"), (OU, "b")]);
        for (wanted, occurrence, found) in [
            ("OU", 1, Some("a")),
            ("OU", 2, Some("b")),
            ("OU", -1, Some("b")),
            ("OU", 3, None),
            ("OU", 0, None),
            ("CN", 1, Some("c")),
            ("X", 1, None),
        ] {
            assert_eq!(attribute(&name, wanted.as_bytes(), occurrence), found.map(str::as_bytes), "{wanted}");
        }
    }

    #[test]
    fn serials_and_addresses() {
        assert_eq!(serial(&[0, 0xf1, 0]), [0xf1, 0]);
        assert_eq!(serial(&[0]), [0]);
        let mut out = Vec::new();
        address(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1a], &mut out);
        assert_eq!(out, b"IP Address:0:0:0:0:0:0:0:1A");
    }
}
