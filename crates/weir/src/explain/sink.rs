//! The server in the place of all servers: it answers 200 and remembers the head of what it was sent.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// A listening server; its threads end with the process.
pub(crate) struct Sink {
    address: SocketAddr,
    last: Arc<Mutex<Option<Vec<String>>>>,
}

// === impl Sink ===

impl Sink {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let last = Arc::new(Mutex::new(None));
        let remembers = last.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let last = remembers.clone();
                std::thread::spawn(move || {
                    // A client that goes away ends its own connection only.
                    let _ = serve(stream, &last);
                });
            }
        });
        Ok(Self { address, last })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The head that came last.
    pub(crate) fn last(&self) -> Option<Vec<String>> {
        self.last.lock().clone()
    }

    pub(crate) fn forget(&self) {
        *self.last.lock() = None;
    }
}

fn serve(stream: TcpStream, last: &Mutex<Option<Vec<String>>>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    loop {
        let lines = head(&mut input)?;
        if lines.is_empty() {
            return Ok(());
        }
        let length = lines.iter().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        *last.lock() = Some(lines);
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        out.write_all(OK)?;
    }
}

/// The lines of a head, names in lower case; none at the end.
pub(crate) fn head(input: &mut impl io::BufRead) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if input.take(MOST).read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(match line.split_once(':').filter(|_| !lines.is_empty()) {
            Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
            None => line.to_owned(),
        });
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// No line of a head is longer.
const MOST: u64 = 1 << 20;
