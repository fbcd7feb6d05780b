//! PEM as OpenSSL writes it (RFC 7468, and the headers of RFC 1421): blocks of base64 between lines of text.
//!
//! Lenient as the programs that write such files are not: text between blocks, carriage returns and blank lines
//! are passed over, and a block that does not decode is left out. Says of each whether it is encrypted.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// One block of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// The words between `-----BEGIN ` and the dashes.
    pub label: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// A header says that the content is encrypted.
    pub encrypted: bool,
}

impl std::fmt::Debug for Block {
    /// Without the content, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.label, self.content.len())
    }
}

/// The blocks of a text, in order.
pub fn blocks(text: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = between(line, b"-----BEGIN ") else { continue };
        let mut base64 = Vec::new();
        let mut encrypted = false;
        let ended = lines.by_ref().find_map(|line| {
            if let Some(end) = between(line, b"-----END ") {
                return Some(end == label);
            }
            if line.contains(&b':') {
                encrypted |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
            } else {
                base64.extend_from_slice(line);
            }
            None
        });
        if ended != Some(true) {
            continue;
        }
        if let Ok(content) = BASE64.decode(&base64) {
            let label = String::from_utf8_lossy(label).into_owned();
            encrypted |= label == "ENCRYPTED PRIVATE KEY";
            found.push(Block { label, content, encrypted });
        }
    }
    found
}

/// The text of a block.
pub fn write(label: &str, content: &[u8], out: &mut String) {
    let text = BASE64.encode(content);
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
}

// === impl Block ===

impl Block {
    /// Whether it is a certificate.
    pub fn is_certificate(&self) -> bool {
        ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains(&self.label.as_str())
    }

    /// Whether it is a private key.
    pub fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

fn between<'a>(line: &'a [u8], begin: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(begin)?.strip_suffix(b"-----")
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = b"subject=/CN=x\r\n-----BEGIN CERTIFICATE-----\r\nAQID\r\nBA==\r\n-----END CERTIFICATE-----\r\n\
                     junk\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nBQ==\n\
                     -----END RSA PRIVATE KEY-----\n-----BEGIN X-----\nAQ==\n";
        let found = blocks(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].label.as_str(), found[0].content.as_slice()),
            ("CERTIFICATE", &[1, 2, 3, 4][..])
        );
        assert!(found[0].is_certificate() && !found[0].encrypted);
        assert!(found[1].is_key() && found[1].encrypted);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut text = String::new();
        let content: Vec<u8> = (0..100).collect();
        write("CERTIFICATE", &content, &mut text);
        assert_eq!(blocks(text.as_bytes())[0].content, content);
        assert!(text.lines().all(|line| line.len() <= 64));
    }
}
