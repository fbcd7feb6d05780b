//! A GET to a responder, over a connection of its own, on a thread that may wait.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use weir_config::values::Family;
use weir_http::Head;

use crate::check::Response;
use crate::conf::HttpClient;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The address of it, `http://host:port/path`.
    pub(super) url: String,
    /// Who is asked instead of the host itself (`ocsp-update.httpproxy`).
    pub(super) proxy: Option<SocketAddr>,
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Its `content-type`, in small letters.
    pub(super) kind: String,
    pub(super) body: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The address is none that we can ask.
    Address,
    /// The name of the host stands for nothing.
    Name,
    /// Nobody took the connection, after so many attempts more than the first.
    Connection(u32),
    /// The connection broke off before there was a whole answer.
    Answer,
    /// What came is no answer.
    Garbage,
}

/// Asks, and waits for the answer.
pub(super) fn get(request: &Request, client: &HttpClient) -> Result<Answer, Failure> {
    let (host, path) = split(&request.url).ok_or(Failure::Address)?;
    let address = match request.proxy {
        Some(proxy) => proxy,
        None => resolve(host, client).ok_or(Failure::Name)?,
    };
    let mut stream = connect(address, client)?;
    let target = if request.proxy.is_some() { &request.url } else { path };
    let head = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\nuser-agent: HAProxy\r\n\r\n");
    exchange(&mut stream, head.as_bytes())
}

/// The host with its port, and the path behind it.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    Some((host, if path.is_empty() { "/" } else { path }))
}

fn resolve(host: &str, client: &HttpClient) -> Option<SocketAddr> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let named = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
    if let Ok(address) = named.parse() {
        return Some(address);
    }
    if client.asks_no_names {
        return None;
    }
    let found: Vec<SocketAddr> = named.to_socket_addrs().ok()?.collect();
    let is_preferred = |address: &&SocketAddr| match client.prefers {
        Some(Family::V4) => address.is_ipv4(),
        _ => address.is_ipv6(),
    };
    found.iter().find(is_preferred).or(found.first()).copied()
}

fn connect(address: SocketAddr, client: &HttpClient) -> Result<TcpStream, Failure> {
    let mut attempts = 0;
    loop {
        match TcpStream::connect_timeout(&address, client.connect) {
            Ok(stream) => return Ok(stream),
            Err(_) if attempts >= client.retries => return Err(Failure::Connection(attempts)),
            Err(_) => {
                attempts += 1;
                std::thread::sleep(PAUSE.min(client.connect));
            }
        }
    }
}

fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<Answer, Failure> {
    let broken = |_: io::Error| Failure::Answer;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(broken)?;
    stream.write_all(request).map_err(broken)?;
    let begun = Instant::now();
    let (mut input, mut response) = (Vec::new(), Response::default());
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).map_err(broken)?;
        input.extend_from_slice(piece.get(..n).unwrap_or_default());
        let ended = n == 0;
        match response.read(&input) {
            Some(false) => return Err(Failure::Garbage),
            Some(true) => {
                let (body, whole) = response.body(&input, false);
                if whole || ended {
                    return Ok(Answer { status: response.status(), kind: kind(response.head()), body });
                }
            }
            None if ended => return Err(Failure::Answer),
            None => {}
        }
        if input.len() > MOST || begun.elapsed() > PATIENCE {
            return Err(Failure::Answer);
        }
    }
}

/// The `content-type` of an answer.
fn kind(head: &Head) -> String {
    let line = head.lines().iter().find(|line| head.name(line) == b"content-type");
    line.map(|line| String::from_utf8_lossy(head.value(line)).to_ascii_lowercase()).unwrap_or_default()
}

/// Where responders listen if nothing is said.
const PORT: u16 = 80;
/// How soon a connection is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How large it may be.
const MOST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_path() {
        for (url, parts) in [
            ("http://a.example/b/c", Some(("a.example", "/b/c"))),
            ("http://a.example:81", Some(("a.example:81", "/"))),
            ("https://a.example/", None),
            ("a.example", None),
        ] {
            assert_eq!(split(url), parts);
        }
        assert_eq!(resolve("127.0.0.1", &HttpClient::default()), Some(([127, 0, 0, 1], 80).into()));
        let strict = HttpClient { asks_no_names: true, ..HttpClient::default() };
        assert_eq!(resolve("localhost", &strict), None);
    }
}
