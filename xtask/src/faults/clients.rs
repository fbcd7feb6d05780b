//! Clients that keep asking over kept-alive connections, and count what they get.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Clients of one program.
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

/// What clients got.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests with a whole answer of status 200.
    pub(crate) answered: u64,
    /// Errors by their kind: a status, or how the connection failed.
    errors: BTreeMap<String, u64>,
    slowest: Duration,
}

// === impl Clients ===

impl Clients {
    pub(crate) fn start(address: SocketAddr, count: usize) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || ask_until(address, &stop))
        };
        Clients { threads: (0..count).map(client).collect(), stop }
    }

    /// Has them stop, and adds up.
    pub(crate) fn finish(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        for thread in self.threads {
            let one = thread.join().unwrap_or_default();
            all.answered += one.answered;
            all.slowest = all.slowest.max(one.slowest);
            for (kind, times) in one.errors {
                *all.errors.entry(kind).or_default() += times;
            }
        }
        all
    }
}

fn ask_until(address: SocketAddr, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let stream = match kept.take().map_or_else(|| TcpStream::connect(address), Ok) {
            Ok(stream) => stream,
            Err(error) => {
                tally.note(format!("connect: {error}"));
                continue;
            }
        };
        match ask(&stream) {
            Ok(200) => {
                tally.answered += 1;
                kept = Some(stream);
            }
            Ok(status) => tally.note(format!("status {status}")),
            Err(error) => tally.note(error),
        }
        tally.slowest = tally.slowest.max(begun.elapsed());
        std::thread::sleep(PAUSE);
    }
    tally
}

/// One request: the status of its answer, read to its end.
fn ask(mut stream: &TcpStream) -> Result<u16, String> {
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: farm\r\n\r\n").map_err(|error| format!("write: {error}"))?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) if answer.is_empty() => return Err("closed without an answer".into()),
            Ok(0) => return Err("closed within an answer".into()),
            Ok(n) => answer.extend(chunk.iter().take(n)),
            Err(error) => return Err(format!("read: {}", error.kind())),
        }
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").and_then(|length| length.parse::<usize>().ok())
        });
        if length.is_none_or(|length| body.len() >= length) {
            let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
            return status.ok_or_else(|| "no status".to_owned());
        }
    }
}

// === impl Tally ===

impl Tally {
    /// Requests without a good answer.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    fn note(&mut self, kind: String) {
        *self.errors.entry(kind).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered, {} errors, slowest {} ms",
            self.answered,
            self.errors(),
            self.slowest.as_millis()
        )?;
        self.errors.iter().try_for_each(|(kind, times)| write!(f, "; {kind}: {times}"))
    }
}

const PAUSE: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(20);
