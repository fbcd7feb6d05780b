//! Keys of tickets that several programs share (manual, 5.1 "tls-ticket-keys"; management manual, 9.3 "show tls-keys",
//! "set ssl tls-key").
//!
//! Three keys at a time: the oldest and the newest only open tickets, the one between makes them, so that all programs
//! know a key before any of them uses it. The tickets themselves are ours: they hold what `rustls` wants to remember.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;

/// The keys of a file.
#[derive(Debug)]
pub struct TicketKeys {
    /// The file.
    pub path: String,
    size: usize,
    /// The oldest first, as written.
    keys: RwLock<Vec<Vec<u8>>>,
    /// What the file said when it was read.
    read: Vec<Vec<u8>>,
}

/// Why a file of keys is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line is not base64.
    NotBase64(usize),
    /// The key of a line has another length than 48 or 80 bytes, or than the one before.
    WrongSize(usize),
    /// There are fewer than three.
    TooFew,
}

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not base64.
    NotBase64,
    /// It is not as long as the others.
    WrongSize,
}

/// The files of keys, each once.
#[derive(Debug, Default)]
pub struct TicketFiles(Mutex<Vec<Arc<TicketKeys>>>);

// === impl TicketFiles ===

impl TicketFiles {
    /// The keys of a file whose text `read` brings.
    pub fn named<E>(
        &self,
        path: &str,
        read: impl FnOnce() -> Result<Arc<TicketKeys>, E>,
    ) -> Result<Arc<TicketKeys>, E> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.iter().find(|keys| keys.path == path) {
            return Ok(known.clone());
        }
        let keys = read()?;
        // The last one that was named has the first number.
        files.insert(0, keys.clone());
        Ok(keys)
    }

    /// All of them; the place of each is its number.
    pub fn all(&self) -> Vec<Arc<TicketKeys>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TicketFiles {
    /// Takes over keys that came to `old` while the program ran; the names of files that had changed themselves.
    pub(crate) fn carry(&self, old: &Self) -> Vec<String> {
        let here = self.all();
        let mut lost = Vec::new();
        for old in old.all().iter().filter(|old| old.now() != old.read) {
            match here.iter().find(|keys| keys.path == old.path) {
                Some(keys) if keys.read == old.read => {
                    *keys.keys.write().unwrap_or_else(PoisonError::into_inner) = old.now();
                }
                Some(keys) => lost.push(keys.path.clone()),
                None => {}
            }
        }
        lost
    }
}

// === impl TicketKeys ===

impl TicketKeys {
    /// Reads a file: a key in base64 on each line, of which the last three count.
    pub fn read(path: &str, text: &[u8]) -> Result<Arc<Self>, Fault> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for (at, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let key = STANDARD.decode(line).map_err(|_| Fault::NotBase64(at + 1))?;
            let fits = keys.first().map_or(SIZES.contains(&key.len()), |first| first.len() == key.len());
            if !fits {
                return Err(Fault::WrongSize(at + 1));
            }
            keys.push(key);
        }
        let first = keys.len().checked_sub(KEPT).ok_or(Fault::TooFew)?;
        keys.drain(..first);
        let size = keys.first().map_or(0, Vec::len);
        let read = keys.clone();
        Ok(Arc::new(Self { path: path.to_owned(), size, keys: RwLock::new(keys), read }))
    }

    /// The keys in base64, the oldest first.
    pub fn texts(&self) -> Vec<String> {
        self.now().iter().map(|key| STANDARD.encode(key)).collect()
    }

    /// Takes a newer key; the oldest goes.
    pub fn push(&self, text: &[u8]) -> Result<(), Refused> {
        let key = STANDARD.decode(text).map_err(|_| Refused::NotBase64)?;
        if key.len() != self.size {
            return Err(Refused::WrongSize);
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.push(key);
        keys.remove(0);
        Ok(())
    }

    fn now(&self) -> Vec<Vec<u8>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.now();
        let key = keys.get(KEPT.checked_sub(2)?)?;
        let (name, sealing) = split(key)?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let tagged = Nonce::assume_unique_for_key(nonce);
        sealing.seal_in_place_append_tag(tagged, Aad::from(name), &mut sealed).ok()?;
        Some([name, nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let keys = self.now();
        let (name, opening) = keys.iter().filter_map(|key| split(key)).find(|(own, _)| *own == name)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let n = opening.open_in_place(nonce, Aad::from(name), &mut sealed).ok()?.len();
        sealed.truncate(n);
        Some(sealed)
    }
}

/// Tickets that are good for so long, whoever makes them.
#[derive(Debug)]
pub(crate) struct Lasting {
    pub(crate) maker: Arc<dyn ProducesTickets>,
    /// In seconds.
    pub(crate) lifetime: u32,
}

impl ProducesTickets for Lasting {
    fn enabled(&self) -> bool {
        self.maker.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.maker.encrypt(&stamped(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        fresh(self.maker.decrypt(cipher)?, self.lifetime)
    }
}

/// A session that is to be remembered, with the time behind it.
pub(crate) fn stamped(session: &[u8]) -> Vec<u8> {
    [session, &UnixTime::now().as_secs().to_be_bytes()].concat()
}

/// The session, where it is not older than `lifetime` in seconds.
pub(crate) fn fresh(stamped: Vec<u8>, lifetime: u32) -> Option<Vec<u8>> {
    let mut session = stamped;
    let made = u64::from_be_bytes(*session.last_chunk()?);
    session.truncate(session.len() - size_of::<u64>());
    let age = UnixTime::now().as_secs().checked_sub(made)?;
    (age <= u64::from(lifetime)).then_some(session)
}

/// Makes tickets with the keys of a file.
#[derive(Debug)]
pub(crate) struct Ticketer(pub(crate) Arc<TicketKeys>);

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        0 // [`Lasting`] says it.
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.open(cipher)
    }
}

/// The name of a key, by which tickets tell which one made them, and what seals them.
fn split(key: &[u8]) -> Option<(&[u8], LessSafeKey)> {
    let (name, secret) = key.split_at_checked(NAME)?;
    let secret = digest::digest(&digest::SHA256, secret);
    Some((name, LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.as_ref()).ok()?)))
}

/// Bytes of a key's name.
const NAME: usize = 16;
/// A name with keys of 128 or 256 bits for a cipher and for a MAC.
const SIZES: [usize; 2] = [48, 80];
/// So many keys are known at a time.
const KEPT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(keys: &[u8]) -> Vec<u8> {
        keys.iter().map(|k| STANDARD.encode([*k; 48]) + "\n").collect::<String>().into_bytes()
    }

    #[test]
    fn tickets_open_while_their_key_is_known() {
        let keys = TicketKeys::read("x", &text(&[9, 1, 2, 3])).unwrap();
        let ticket = keys.seal(b"session").unwrap();
        assert_eq!(&ticket[..16], [2; 16], "the key between makes them");
        assert_eq!(keys.open(&ticket).as_deref(), Some(&b"session"[..]));
        for (round, key) in [4, 5].into_iter().enumerate() {
            keys.push(STANDARD.encode([key; 48]).as_bytes()).unwrap();
            assert_eq!(keys.open(&ticket).is_some(), round == 0);
        }
        let mut spoiled = keys.seal(b"session").unwrap();
        *spoiled.last_mut().unwrap() ^= 1;
        assert_eq!((keys.open(&spoiled), keys.open(b"short")), (None, None));
    }

    #[test]
    fn sessions_are_forgotten_when_they_are_old() {
        let now = stamped(b"session");
        assert_eq!(fresh(now.clone(), 0).as_deref(), Some(&b"session"[..]));
        let mut old = now;
        let end = old.len();
        old[end - 8..].copy_from_slice(&(UnixTime::now().as_secs() - 10).to_be_bytes());
        assert_eq!((fresh(old.clone(), 5), fresh(old, 60).is_some(), fresh(vec![1], 9)), (None, true, None));
    }

    #[test]
    fn files_of_keys_are_judged() {
        let read = |text: &[u8]| TicketKeys::read("x", text).map(|keys| keys.texts().len());
        assert_eq!(read(&text(&[1, 2, 3])), Ok(3));
        assert_eq!(read(&text(&[1, 2])), Err(Fault::TooFew));
        assert_eq!(read(b"AAAA\n"), Err(Fault::WrongSize(1)));
        assert_eq!(read(b"# keys\n"), Err(Fault::NotBase64(1)));
        let keys = TicketKeys::read("x", &text(&[1, 2, 3])).unwrap();
        assert_eq!(keys.push(b"!"), Err(Refused::NotBase64));
        assert_eq!(keys.push(b"AAAA"), Err(Refused::WrongSize));
    }
}
