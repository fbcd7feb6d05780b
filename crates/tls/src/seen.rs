//! What is kept of a handshake's first words for samples (manual, 7.3.4): who asked for what, and the randoms by which
//! key logs name a session.

use std::cell::RefCell;

use weir_wire::client_hello::{self, ClientHello, is_grease, pairs};

/// What was seen of a session's beginning.
#[derive(Debug, Default)]
pub struct Seen {
    /// The client's random.
    pub client_random: [u8; 32],
    /// The server's random.
    pub server_random: [u8; 32],
    /// The number that both call the session by.
    pub session_id: Box<[u8]>,
    /// The version in the client's first words.
    pub hello_version: u16,
    /// The name that the client asked for.
    pub server_name: Option<Box<[u8]>>,
    /// Lists of the client's first words, where they are to be kept (`tune.ssl.capture-buffer-size`).
    pub lists: Option<Box<Lists>>,
    /// Secrets by their labels, where they are to be kept (`tune.ssl.keylog`).
    pub secrets: Vec<Secret>,
    answered: bool,
}

/// A secret after its label.
pub type Secret = (Box<str>, Box<[u8]>);

/// Lists of the client's first words.
#[derive(Debug, Default)]
pub struct Lists {
    /// Cipher suites, two bytes each.
    pub ciphers: Box<[u8]>,
    /// The kinds of extensions, two bytes each.
    pub extensions: Box<[u8]>,
    /// Groups, two bytes each.
    pub groups: Box<[u8]>,
    /// Formats of points, one byte each.
    pub point_formats: Box<[u8]>,
    /// Algorithms of signatures, two bytes each.
    pub signature_algorithms: Box<[u8]>,
    /// Versions, two bytes each.
    pub versions: Box<[u8]>,
}

/// Hands the secrets of handshakes to the sessions that they belong to: a handshake is worked on by one thread at a
/// time.
#[derive(Debug)]
pub struct SecretKeeper;

thread_local! {
    static SECRETS: RefCell<Vec<Secret>> = const { RefCell::new(Vec::new()) };
}

// === impl Seen ===

impl Seen {
    /// The client's first words; up to `room` bytes of lists are kept.
    pub(crate) fn hello(&mut self, hello: &ClientHello<'_>, room: usize) {
        self.client_random = *hello.random;
        self.hello_version = hello.version;
        self.server_name = hello.server_name().map(Box::from);
        self.lists = (room > 0).then(|| Box::new(Lists::of(hello, room)));
    }

    /// What we said first to a server.
    pub(crate) fn own_hello(&mut self, records: &[u8], name: Option<&[u8]>) {
        let mut joined = Vec::new();
        if let weir_wire::Parsed::Complete { value, .. } = client_hello::parse(records, &mut joined) {
            self.hello(&value, 0);
        }
        self.server_name = name.map(Box::from);
    }

    /// The server's first words, in a record at the start of what it says.
    pub(crate) fn answer(&mut self, records: &[u8]) {
        if self.answered {
            return;
        }
        // Record and message head, version, random, number of the session.
        let Some((&[22, _, _, _, _, SERVER_HELLO, _, _, _, _, _], rest)) = records.split_first_chunk::<11>()
        else {
            return;
        };
        let Some((random, rest)) = rest.split_first_chunk::<32>() else { return };
        let id = rest.split_first().and_then(|(len, rest)| rest.get(..usize::from(*len)));
        if *random == RETRY {
            return;
        }
        self.answered = true;
        self.server_random = *random;
        self.session_id = id.unwrap_or_default().into();
    }

    /// Takes the secrets that came up since the last call.
    pub(crate) fn take_secrets(&mut self) {
        SECRETS.with_borrow_mut(|secrets| self.secrets.append(secrets));
    }

    /// The secret with this label.
    pub fn secret(&self, label: &str) -> Option<&[u8]> {
        self.secrets.iter().find(|(known, _)| **known == *label).map(|(_, secret)| &**secret)
    }
}

// === impl Lists ===

impl Lists {
    fn of(hello: &ClientHello<'_>, room: usize) -> Self {
        let mut left = room;
        let mut cut = |bytes: &[u8]| -> Box<[u8]> {
            let kept = bytes.get(..left).unwrap_or(bytes);
            left -= kept.len();
            kept.into()
        };
        let extensions: Vec<u8> = hello.extensions().flat_map(|(kind, _)| kind.to_be_bytes()).collect();
        Self {
            ciphers: cut(hello.cipher_suites),
            extensions: cut(&extensions),
            groups: cut(hello.supported_groups().unwrap_or_default()),
            point_formats: cut(hello.ec_point_formats().unwrap_or_default()),
            signature_algorithms: cut(hello.signature_algorithms().unwrap_or_default()),
            versions: cut(hello.supported_versions().unwrap_or_default()),
        }
    }
}

/// A list of two-byte values without those that are there to be ignored (RFC 8701).
pub fn without_grease(list: &[u8]) -> impl Iterator<Item = u8> {
    pairs(list).filter(|value| !is_grease(*value)).flat_map(u16::to_be_bytes)
}

// === impl SecretKeeper ===

impl rustls::KeyLog for SecretKeeper {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        SECRETS.with_borrow_mut(|secrets| secrets.push((label.into(), secret.into())));
    }
}

/// The type of the message (RFC 8446 section 4).
const SERVER_HELLO: u8 = 2;
/// The random of a server that wants to hear the client's first words once more (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_server_is_read_once() {
        let mut record = vec![22, 3, 3, 0, 70, 2, 0, 0, 66, 3, 3];
        record.extend([7; 32]);
        record.extend([2, 8, 9]);
        let mut seen = Seen::default();
        for end in 0..record.len() {
            Seen::default().answer(&record[..end]);
        }
        seen.answer(&record);
        assert_eq!((seen.server_random, &*seen.session_id), ([7; 32], &[8, 9][..]));
        record[11..43].copy_from_slice(&[1; 32]);
        seen.answer(&record);
        assert_eq!(seen.server_random, [7; 32]);
    }

    #[test]
    fn values_that_mean_nothing_are_left_out() {
        assert_eq!(without_grease(&[0x0a, 0x0a, 0x13, 0x01, 0xfa, 0xfa]).collect::<Vec<_>>(), [0x13, 0x01]);
    }
}
