//! Responses of OCSP and certificates in the words of OpenSSL (`openssl ocsp -text`, `openssl x509 -text`), as the
//! runtime API shows them.

mod certificate;
mod extensions;
mod response;

pub use response::response;

use crate::certificate::attributes;
use crate::text::{self, name_of_type};

/// `C = DE, O = "Test, Inc", CN = name`, or `C=DE, O=Test, Inc, CN=name` where it is `tight`.
fn name(name: &[u8], tight: bool) -> String {
    let mut out = String::new();
    for (oid, value) in attributes(name) {
        let kind = name_of_type(oid);
        let value = String::from_utf8_lossy(value.content);
        // The tight form is the one-line form with other separators: what comes behind a common name stays in it.
        let separator = match out.is_empty() {
            true => "",
            false if tight && kind == "emailAddress" => "/",
            false => ", ",
        };
        out.push_str(separator);
        match tight {
            true => out.push_str(&format!("{kind}={value}")),
            false if value.contains([',', '+', '"', '<', '>', ';', '\\']) => {
                out.push_str(&format!("{kind} = \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")));
            }
            false => out.push_str(&format!("{kind} = {value}")),
        }
    }
    out
}

/// Bytes with colons between them, so many on a line, each line behind `indent` blanks.
fn dump(bytes: &[u8], indent: usize, per_line: usize) -> String {
    let mut out = String::new();
    let mut rest = bytes.chunks(per_line).peekable();
    while let Some(line) = rest.next() {
        out.push_str(&" ".repeat(indent));
        out.push_str(&colons(line, false));
        out.push_str(if rest.peek().is_some() { ":\n" } else { "\n" });
    }
    out
}

/// `0a:0b`, or `0A:0B`.
fn colons(bytes: &[u8], upper: bool) -> String {
    let byte = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    bytes.iter().map(byte).collect::<Vec<_>>().join(":")
}

/// The signature at the end of a certificate or of a response.
fn signature(algorithm: &[u8], bytes: &[u8]) -> String {
    let algorithm = text::long_algorithm(algorithm);
    format!("    Signature Algorithm: {algorithm}\n    Signature Value:\n{}", dump(bytes, 8, 18))
}
