//! What most tests share: a proxy of one frontend and one backend, and one exchange through it.

use std::time::{Duration, Instant};
use weir_testkit::{Message, Origin, PATIENCE, Peer, Running};

/// A configuration with a frontend `fe` on `{fe}` and a backend `be` with the server `s` at `{srv}`.
///
/// What is added goes line by line into the section it names. Every timeout is 5 s unless `defaults` says
/// otherwise. One thread serves, so that cursors and pools have one order.
#[derive(Debug, Clone)]
pub struct Proxy {
    mode: &'static str,
    global: String,
    defaults: String,
    frontend: String,
    backend: String,
    server: String,
    more: String,
}

// === impl Proxy ===

impl Proxy {
    /// An HTTP proxy.
    pub fn http() -> Proxy {
        Proxy::new("http")
    }

    /// A TCP proxy.
    pub fn tcp() -> Proxy {
        Proxy::new("tcp")
    }

    fn new(mode: &'static str) -> Proxy {
        let empty = String::new;
        let server = "server s {srv}".to_owned();
        Proxy {
            mode,
            global: empty(),
            defaults: empty(),
            frontend: empty(),
            backend: empty(),
            server,
            more: empty(),
        }
    }

    /// Adds lines to `global`.
    pub fn global(mut self, lines: &str) -> Proxy {
        add(&mut self.global, lines);
        self
    }

    /// Adds lines to `defaults`.
    pub fn defaults(mut self, lines: &str) -> Proxy {
        add(&mut self.defaults, lines);
        self
    }

    /// Adds lines to the frontend.
    pub fn frontend(mut self, lines: &str) -> Proxy {
        add(&mut self.frontend, lines);
        self
    }

    /// Adds lines to the backend, before its servers.
    pub fn backend(mut self, lines: &str) -> Proxy {
        add(&mut self.backend, lines);
        self
    }

    /// Replaces the server lines.
    pub fn servers(mut self, lines: &str) -> Proxy {
        self.server = lines.to_owned();
        self
    }

    /// Adds whole sections after the backend.
    pub fn sections(mut self, lines: &str) -> Proxy {
        self.more.push_str(lines);
        self.more.push('\n');
        self
    }

    /// Logs the frontend to `{log}` in the full format of the mode.
    pub fn logged(self) -> Proxy {
        let format = if self.mode == "http" { "httplog" } else { "tcplog" };
        self.frontend(&format!("log {{log}} local0\noption {format}"))
    }

    /// The text, for one thread unless `WEIR_COMPAT_THREADS` says otherwise.
    pub fn text(&self) -> String {
        let Proxy { mode, global, defaults, frontend, backend, server, more } = self;
        let threads = std::env::var("WEIR_COMPAT_THREADS").unwrap_or_else(|_| "1".to_owned());
        format!(
            "global\n nbthread {threads}\n{global}\ndefaults\n mode {mode}\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n{defaults}\n\
             frontend fe\n bind {{fe}}\n{frontend} default_backend be\n\nbackend be\n{backend} {server}\n\n{more}"
        )
    }
}

fn add(section: &mut String, lines: &str) {
    for line in lines.lines() {
        section.push_str(&format!(" {}\n", line.trim()));
    }
}

/// One request through the proxy on a connection of its own: what the server saw and what the client got.
#[track_caller]
pub fn relay(proxy: &mut Running, server: &Origin, request: &str, answer: &str) -> (Message, Message) {
    let mut client = proxy.client("fe");
    client.send(request);
    let mut far = server.accept();
    let seen = far.recv_message();
    far.send(answer);
    if !answer.to_ascii_lowercase().contains("content-length") {
        far.shutdown_write();
    }
    let got = client.recv_message();
    (seen, got)
}

/// What becomes of a request: the whole message as the server sees it (which then answers), or the whole answer
/// of the proxy itself where it does not pass the request on.
#[track_caller]
pub fn judge(proxy: &mut Running, server: &Origin, request: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(request).patience(Duration::from_millis(1));
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(mut far) = server.accept_within(Duration::from_millis(2)) {
            let seen = far.recv_message();
            far.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            client.patience(PATIENCE).recv_message();
            return seen.text();
        }
        if client.wait_for_bytes() || !client.is_open() {
            let answer = client.patience(PATIENCE).recv_to_close();
            return String::from_utf8_lossy(&answer).into_owned();
        }
    }
    panic!("neither passed on nor answered: {request:?}")
}

/// What the proxy itself answers to these bytes, up to its closing the connection.
#[track_caller]
pub fn retort(proxy: &mut Running, request: &str) -> String {
    let mut client: Peer = proxy.client("fe");
    client.send(request);
    String::from_utf8_lossy(&client.recv_to_close()).into_owned()
}

/// Runs every row of a table, input first, and fails with all rows whose outcome is not the wanted one.
#[track_caller]
pub fn table(rows: &[(&str, &str)], mut run: impl FnMut(&str) -> String) {
    let mut wrong = String::new();
    for (input, wanted) in rows {
        let got = run(input);
        if got != *wanted {
            wrong.push_str(&format!("\n  for     {input:?}\n  wanted  {wanted:?}\n  got     {got:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
