//! Any bytes as a configuration: read, resolved against the keyword tables, and every message written out.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use weir_config::values::Family;
use weir_config::{Environment, Features, Files, Loader};
use weir_diag::Renderer;
use weir_engine::keywords::{Outside, SECTIONS, resolve};

struct Bytes(Vec<u8>);

impl Files for Bytes {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

/// The bytes are also what every file that they name holds.
impl Outside for Bytes {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn resolve(&self, name: &str, _: Family) -> Option<IpAddr> {
        name.len().is_multiple_of(2).then_some(IpAddr::from([127, 0, 0, 1]))
    }

    fn user(&self, name: &str) -> Option<u32> {
        name.starts_with('r').then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        name.starts_with('r').then_some(0)
    }
}

/// Words put together at random reach deeper than bytes at random.
fn configuration(picks: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for pick in picks {
        let word = WORDS.get(usize::from(*pick) % WORDS.len()).copied().unwrap_or_default();
        text.extend_from_slice(word.as_bytes());
        text.push(if pick & 0x80 == 0 { b' ' } else { b'\n' });
    }
    text
}

const WORDS: [&str; 120] = [
    "global\n",
    "defaults\n",
    "frontend f\n",
    "backend b\n",
    "listen l\n",
    "userlist u\n",
    "http-errors e\n",
    "from",
    "no",
    "default",
    "bind",
    "server",
    "server-template",
    "default-server",
    "s1",
    "1-3",
    "127.0.0.1:80",
    ":23-20",
    "::1",
    "*:80",
    "/tmp/x",
    "fd@3",
    "abns@x",
    "host:80",
    "option",
    "httplog",
    "httpchk",
    "forwardfor",
    "except",
    "10.0.0.0/8",
    "header",
    "redispatch",
    "forwarded",
    "host",
    "timeout",
    "client",
    "connect",
    "5s",
    "99999999999999999999",
    "-1",
    "0",
    "1",
    "x",
    "log",
    "len",
    "format",
    "raw",
    "sample",
    "1-2:3",
    "local0",
    "info",
    "stdout",
    "log-format",
    "%[src]",
    "balance",
    "roundrobin",
    "random(0)",
    "uri",
    "depth",
    "hdr(",
    "hdr(x)",
    "weight",
    "check",
    "inter",
    "rise",
    "source",
    "usesrc",
    "hdr_ip(x,-1)",
    "interface",
    "track",
    "b/s1",
    "s1",
    "init-addr",
    "last,libc,none",
    "id",
    "guid",
    "cookie",
    "proxy-v2-options",
    "crc32c",
    "send-proxy-v2",
    "errorfile",
    "503",
    "/e",
    "errorfiles",
    "e",
    "errorloc",
    "stats",
    "socket",
    "level",
    "admin",
    "mode",
    "http",
    "tcp",
    "user",
    "root",
    "groups",
    "g",
    "group",
    "users",
    "password",
    "http-check",
    "send",
    "expect",
    "meth",
    "hdr",
    "! status",
    "200-",
    "rstring",
    "(",
    "cpu-map",
    "auto:1/1-4",
    "h1-case-adjust",
    "maxconn",
    "retry-on",
    "none",
    "dispatch",
    "monitor-net",
    "unix-bind",
    "prefix",
    "a%20\\x41\"'",
];

fn load(text: Vec<u8>) {
    let files = Bytes(text);
    let loader = Loader {
        files: &files,
        sections: SECTIONS,
        features: &Features::default(),
        environment: Environment::default(),
    };
    let loaded = loader.load(&["F"]);
    let (_, messages) = resolve(&loaded.document, &loaded.sources, &files);
    let renderer = Renderer { sources: &loaded.sources, pid: 1 };
    for message in &messages {
        assert!(!renderer.terminal(message).is_empty());
    }
}

#[test]
fn any_bytes_are_resolved_without_a_panic() {
    bolero::check!().for_each(|bytes: &[u8]| load(bytes.to_vec()));
}

#[test]
fn any_words_are_resolved_without_a_panic() {
    bolero::check!().for_each(|picks: &[u8]| load(configuration(picks)));
}
