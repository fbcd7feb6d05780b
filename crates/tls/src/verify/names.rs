//! Names in certificates: whether two are the same, and whether one is meant by another.

use crate::certificate::{COMMON_NAME, Certificate, DNS_NAME, attributes};

/// A distinguished name in the form in which equal names have equal bytes: strings in small letters, without spaces
/// around them and with single ones within, whatever their kind (RFC 5280 section 7.1).
pub fn canonical(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for (oid, value) in attributes(name) {
        out.push(oid.len().min(255) as u8);
        out.extend_from_slice(oid);
        // The kinds of strings that hold bytes of ASCII or UTF-8.
        if ![0x0c, 0x13, 0x14, 0x16, 0x1a].contains(&value.tag) {
            out.extend_from_slice(value.whole);
        } else {
            let mut words = value.content.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
            if let Some(first) = words.next() {
                out.extend(first.iter().map(u8::to_ascii_lowercase));
            }
            for word in words {
                out.push(b' ');
                out.extend(word.iter().map(u8::to_ascii_lowercase));
            }
        }
        out.push(0);
    }
    out
}

/// Whether a certificate is for a host: by its alternative names, else by its common names (manual, 5.2 "verifyhost").
pub fn host_matches(certificate: &Certificate<'_>, host: &[u8]) -> bool {
    let alternative = certificate.alternative_names().filter(|n| n.tag == DNS_NAME).map(|n| n.content);
    let common = attributes(certificate.subject)
        .filter(|(oid, _)| *oid == COMMON_NAME)
        .map(|(_, value)| value.content);
    alternative.chain(common).any(|pattern| is_meant(pattern, host))
}

/// Whether a name, or one with a star in its first label, means a host.
fn is_meant(pattern: &[u8], host: &[u8]) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    let Some(star) = pattern.iter().position(|b| *b == b'*') else { return pattern == host };
    let label = |name: &[u8]| name.iter().position(|b| *b == b'.');
    let (Some(end), Some(host_end)) = (label(&pattern), label(&host)) else { return false };
    let (Some((left, rest)), Some((host_left, host_rest))) =
        (pattern.split_at_checked(end), host.split_at_checked(host_end))
    else {
        return false;
    };
    // A star alone in a domain of the top level means nobody.
    let domains = rest.iter().filter(|b| **b == b'.').count();
    let (Some(before), Some(after)) = (left.get(..star), left.get(star + 1..)) else { return false };
    domains >= 2
        && rest == host_rest
        && host_left.len() > before.len() + after.len()
        && host_left.starts_with(before)
        && host_left.ends_with(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label_or_a_part_of_it() {
        let cases = [
            ("a.example", "A.example", true),
            ("*.w.example", "x.w.example", true),
            ("*.w.example", "x.y.w.example", false),
            ("*.w.example", "w.example", false),
            ("f*o.w.example", "foo.w.example", true),
            ("f*o.w.example", "fo.w.example", false),
            ("*.example", "x.example", false),
            ("x.*.example", "x.y.example", false),
        ];
        for (pattern, host, meant) in cases {
            assert_eq!(is_meant(pattern.as_bytes(), host.as_bytes()), meant, "{pattern} {host}");
        }
    }
}
