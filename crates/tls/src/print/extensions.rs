//! Extensions of certificates and responses as text (RFC 5280, 4.2).

use super::colons;
use crate::der::{self, Der, Item};
use crate::text;

/// The lines of extensions, each a sequence, behind `indent` blanks.
pub(super) fn lines(extensions: &[Item<'_>], indent: usize) -> String {
    extensions.iter().filter_map(|item| one(item.inside(), indent)).collect()
}

fn one(mut parts: Der<'_>, indent: usize) -> Option<String> {
    let oid = parts.tagged(der::OID)?.content;
    let critical = parts.tagged(der::BOOLEAN).is_some_and(|flag| flag.content != [0]);
    let value = parts.tagged(der::OCTET_STRING)?.content;
    let known = KNOWN.iter().find(|(known, ..)| *known == oid);
    let name = known.map_or_else(|| der::dotted(oid), |(_, name, _)| (*name).to_owned());
    let blanks = " ".repeat(indent);
    let mut out = format!("{blanks}{name}:{}\n", if critical { " critical" } else { " " });
    let text = known.and_then(|(.., show)| show(value)).unwrap_or_else(|| printable(value));
    for line in text.split('\n') {
        let line = if line.is_empty() { "\n".to_owned() } else { format!("{blanks}    {line}\n") };
        out.push_str(&line);
    }
    Some(out)
}

type Show = fn(&[u8]) -> Option<String>;

fn basic_constraints(value: &[u8]) -> Option<String> {
    let mut inside = Der(value).enter(der::SEQUENCE)?;
    let authority = inside.tagged(der::BOOLEAN).is_some_and(|flag| flag.content != [0]);
    let most = inside.tagged(der::INTEGER).map(|n| format!(", pathlen:{}", number(n.content)));
    Some(format!("CA:{}{}", if authority { "TRUE" } else { "FALSE" }, most.unwrap_or_default()))
}

fn key_usage(value: &[u8]) -> Option<String> {
    let bits = Der(value).tagged(der::BIT_STRING)?.content.get(1..)?;
    let is_set = |at: usize| bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
    let set = USAGES.iter().enumerate().filter(|(at, _)| is_set(*at)).map(|(_, name)| *name);
    Some(set.collect::<Vec<_>>().join(", "))
}

fn extended_usage(value: &[u8]) -> Option<String> {
    let name = |item: Item<'_>| {
        let known = PURPOSES.iter().find(|(oid, _)| *oid == item.content);
        known.map_or_else(|| der::dotted(item.content), |(_, name)| (*name).to_owned())
    };
    Some(Der(value).enter(der::SEQUENCE)?.map(name).collect::<Vec<_>>().join(", "))
}

fn alternative_names(value: &[u8]) -> Option<String> {
    Some(Der(value).enter(der::SEQUENCE)?.map(general).collect::<Vec<_>>().join(", "))
}

fn general(name: Item<'_>) -> String {
    let mut out = Vec::new();
    text::general_name(name, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn access(value: &[u8]) -> Option<String> {
    let line = |item: Item<'_>| {
        let mut inside = item.inside();
        let method = match inside.tagged(der::OID)?.content {
            [0x2b, 6, 1, 5, 5, 7, 48, 1] => "OCSP".to_owned(),
            [0x2b, 6, 1, 5, 5, 7, 48, 2] => "CA Issuers".to_owned(),
            other => der::dotted(other),
        };
        Some(format!("{method} - {}", general(inside.item()?)))
    };
    Some(Der(value).enter(der::SEQUENCE)?.filter_map(line).collect::<Vec<_>>().join("\n"))
}

fn distribution_points(value: &[u8]) -> Option<String> {
    let point = |item: Item<'_>| {
        let names = item.inside().enter(0xa0)?.enter(0xa0)?;
        let names: Vec<String> = names.map(|name| format!("\n  {}", general(name))).collect();
        Some(format!("Full Name:{}\n", names.concat()))
    };
    Some(Der(value).enter(der::SEQUENCE)?.filter_map(point).collect::<Vec<_>>().join("\n"))
}

fn policies(value: &[u8]) -> Option<String> {
    let policy = |item: Item<'_>| {
        let mut inside = item.inside();
        let mut out = format!("Policy: {}", der::dotted(inside.tagged(der::OID)?.content));
        for qualifier in inside.enter(der::SEQUENCE).unwrap_or_default() {
            let mut parts = qualifier.inside();
            if parts.tagged(der::OID)?.content == PRACTICES {
                out.push_str(&format!("\n  CPS: {}", String::from_utf8_lossy(parts.item()?.content)));
            }
        }
        Some(out)
    };
    Some(Der(value).enter(der::SEQUENCE)?.filter_map(policy).collect::<Vec<_>>().join("\n"))
}

fn subject_key(value: &[u8]) -> Option<String> {
    Some(colons(Der(value).tagged(der::OCTET_STRING)?.content, true))
}

fn authority_key(value: &[u8]) -> Option<String> {
    let mut inside = Der(value).enter(der::SEQUENCE)?;
    let key = inside.tagged(0x80).map(|key| colons(key.content, true));
    let issuer = inside.enter(0xa1).map(|names| names.map(general).collect::<Vec<_>>().join("\n"));
    let serial = inside.tagged(0x82).map(|serial| format!("serial:{}", colons(serial.content, true)));
    if issuer.is_none() && serial.is_none() {
        return key;
    }
    let key = key.map(|key| format!("keyid:{key}"));
    Some([key, issuer, serial].into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

fn features(value: &[u8]) -> Option<String> {
    let name = |item: Item<'_>| match item.content {
        [5] => "status_request".to_owned(),
        [17] => "status_request_v2".to_owned(),
        other => number(other).to_string(),
    };
    Some(Der(value).enter(der::SEQUENCE)?.map(name).collect::<Vec<_>>().join(", "))
}

fn comment(value: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(Der(value).item()?.content).into_owned())
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// What nobody knows how to show.
fn printable(value: &[u8]) -> String {
    value.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// Extensions by their OIDs, with OpenSSL's names for them.
const KNOWN: &[(&[u8], &str, Show)] = &[
    (&[0x55, 0x1d, 14], "X509v3 Subject Key Identifier", subject_key),
    (&[0x55, 0x1d, 15], "X509v3 Key Usage", key_usage),
    (&[0x55, 0x1d, 17], "X509v3 Subject Alternative Name", alternative_names),
    (&[0x55, 0x1d, 18], "X509v3 Issuer Alternative Name", alternative_names),
    (&[0x55, 0x1d, 19], "X509v3 Basic Constraints", basic_constraints),
    (&[0x55, 0x1d, 31], "X509v3 CRL Distribution Points", distribution_points),
    (&[0x55, 0x1d, 32], "X509v3 Certificate Policies", policies),
    (&[0x55, 0x1d, 35], "X509v3 Authority Key Identifier", authority_key),
    (&[0x55, 0x1d, 37], "X509v3 Extended Key Usage", extended_usage),
    (&[0x2b, 6, 1, 5, 5, 7, 1, 1], "Authority Information Access", access),
    (&[0x2b, 6, 1, 5, 5, 7, 1, 24], "TLS Feature", features),
    (&[0x2b, 6, 1, 5, 5, 7, 48, 1, 2], "OCSP Nonce", |value| Some(text::hex(value))),
    (&[0x2b, 6, 1, 5, 5, 7, 48, 1, 5], "OCSP No Check", |_| Some(String::new())),
    (&[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 13], "Netscape Comment", comment),
];

/// Bits of `keyUsage`, the first first.
const USAGES: [&str; 9] = [
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

const PURPOSES: &[(&[u8], &str)] = &[
    (&[0x2b, 6, 1, 5, 5, 7, 3, 1], "TLS Web Server Authentication"),
    (&[0x2b, 6, 1, 5, 5, 7, 3, 2], "TLS Web Client Authentication"),
    (&[0x2b, 6, 1, 5, 5, 7, 3, 3], "Code Signing"),
    (&[0x2b, 6, 1, 5, 5, 7, 3, 4], "E-mail Protection"),
    (&[0x2b, 6, 1, 5, 5, 7, 3, 8], "Time Stamping"),
    (&[0x2b, 6, 1, 5, 5, 7, 3, 9], "OCSP Signing"),
];

/// id-qt-cps
const PRACTICES: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 2, 1];
