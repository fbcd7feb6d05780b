//! What tests of this room share: a scope made of a request's text, and words as a line has them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use weir_config::Word;
use weir_diag::Span;
use weir_http::Head;

use crate::scope::{Address, Bytes, Endpoint, Number, ProxyId, ServerId, TableId, Text, Times, UserlistId};
use crate::vars::{VarRef, Vars};
use crate::{Load, Lookup, Names, PatternFiles, Place, Scope, Scratch, Side, Value, Words};

/// A scope of which a test fills in what it needs.
#[derive(Default)]
pub(crate) struct TestScope {
    pub(crate) request: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) raw: Option<Vec<u8>>,
    pub(crate) waiting: bool,
    pub(crate) texts: Vec<(Text, Vec<u8>)>,
    pub(crate) numbers: Vec<(Number, i64)>,
    pub(crate) times: Option<Times>,
    pub(crate) captures: Vec<(Side, Vec<u8>)>,
    pub(crate) vars: std::cell::RefCell<Option<Vars>>,
}

impl TestScope {
    /// The scope of a request in its text form.
    pub(crate) fn request(text: &str) -> Self {
        let mut scope = Self::default();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let mut start = lines.next().unwrap().split(' ');
        let (method, target) = (start.next().unwrap(), start.next().unwrap());
        let minor = u8::from(start.next().unwrap().ends_with('1'));
        let bytes = |s: &str| s.chars().map(|c| c as u8).collect::<Vec<u8>>();
        scope.request.set_request(method.as_bytes(), &bytes(target), (1, minor));
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            scope.request.append(name.to_ascii_lowercase().as_bytes(), &bytes(value.trim()));
        }
        scope.body = bytes(body);
        scope
    }
}

impl Scope for TestScope {
    fn head(&self, side: Side) -> Lookup<&Head> {
        if side == Side::Client && !self.request.method().is_empty() {
            Lookup::Value(&self.request)
        } else {
            Lookup::Absent
        }
    }

    fn body(&self, side: Side) -> Lookup<Bytes<'_>> {
        if side == Side::Client { Lookup::Value(Bytes::whole(&self.body, true)) } else { Lookup::Absent }
    }

    fn raw(&self, _: Side) -> Lookup<Bytes<'_>> {
        let bytes = self.raw.as_deref().map(|raw| Bytes::whole(raw, !self.waiting));
        match bytes {
            Some(bytes) if self.waiting => Lookup::Partial(bytes),
            Some(bytes) => Lookup::Value(bytes),
            None => Lookup::Absent,
        }
    }

    fn is_final(&self) -> bool {
        !self.waiting
    }

    fn address(&self, which: Address) -> Option<Endpoint<'_>> {
        let port = match which {
            Address::Source | Address::FrontSource => 40000,
            Address::Destination | Address::FrontDestination => 28050,
            _ => return None,
        };
        Some(Endpoint::Ip(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
    }

    fn text(&self, what: Text) -> Option<&[u8]> {
        self.texts.iter().find(|(t, _)| *t == what).map(|(_, v)| &v[..])
    }

    fn number(&self, what: Number) -> Option<i64> {
        self.numbers.iter().find(|(n, _)| *n == what).map(|(_, v)| *v)
    }

    fn times(&self) -> Times {
        self.times.unwrap_or(Times::NONE)
    }

    fn capture(&self, side: Side, slot: usize) -> Option<&[u8]> {
        self.captures
            .iter()
            .filter(|(s, _)| *s == side)
            .nth(slot)
            .map(|(_, v)| &v[..])
            .filter(|v| !v.is_empty())
    }

    fn captures(&self, side: Side) -> usize {
        self.captures.iter().filter(|(s, _)| *s == side).count()
    }

    fn var<'a>(&'a self, var: &VarRef, scratch: &'a Scratch) -> Option<Value<'a>> {
        self.vars.borrow().as_ref()?.value(var, scratch)
    }

    fn set_var(&self, var: &VarRef, value: Option<Value<'_>>) -> bool {
        self.vars.borrow_mut().get_or_insert_with(|| Vars::new(None)).set(var, value)
    }

    fn password(&self, _: UserlistId, user: &[u8], password: &[u8]) -> Lookup<bool> {
        Lookup::Value(user == b"joe" && password == b"pw")
    }

    fn user_group(&self, _: UserlistId, user: &[u8], n: usize) -> Option<&[u8]> {
        [&b"g1"[..], b"g2"].get(n).copied().filter(|_| user == b"joe")
    }
}

/// Knows the backend `b` with its server `s`, the table `t`, the userlist `ul`, and two files.
pub(crate) struct TestNames;

impl Names for TestNames {
    fn proxy(&mut self, name: Option<&[u8]>, side: Side) -> Option<ProxyId> {
        match (name, side) {
            (Some(b"b"), Side::Server) => Some(ProxyId(1)),
            (None | Some(b"f"), Side::Client) => Some(ProxyId(0)),
            _ => None,
        }
    }

    fn server(&mut self, backend: Option<&[u8]>, name: &[u8]) -> Option<ServerId> {
        (backend == Some(b"b") && name == b"s").then_some(ServerId(0))
    }

    fn table(&mut self, name: Option<&[u8]>) -> Option<TableId> {
        (name == Some(b"t")).then_some(TableId(0))
    }

    fn userlist(&mut self, name: &[u8]) -> Option<UserlistId> {
        (name == b"ul").then_some(UserlistId(0))
    }

    fn read(&mut self, path: &str) -> std::io::Result<Vec<u8>> {
        match path {
            "/map" => Ok(include_bytes!("../tests/cases/map.txt").to_vec()),
            "/mapip2" => Ok(include_bytes!("../tests/cases/mapip2.txt").to_vec()),
            "/mapb" => Ok(include_bytes!("../tests/cases/mapb.txt").to_vec()),
            "/mapint" => Ok(include_bytes!("../tests/cases/mapint.txt").to_vec()),
            "/mapip" => Ok(include_bytes!("../tests/cases/mapip.txt").to_vec()),
            "/mapsi" => Ok(include_bytes!("../tests/cases/mapsi.txt").to_vec()),
            "/mapsa" => Ok(include_bytes!("../tests/cases/mapsa.txt").to_vec()),
            "/mapii" => Ok(include_bytes!("../tests/cases/mapii.txt").to_vec()),
            "/mapia" => Ok(include_bytes!("../tests/cases/mapia.txt").to_vec()),
            "/mapai" => Ok(include_bytes!("../tests/cases/mapai.txt").to_vec()),
            "/mapaa" => Ok(include_bytes!("../tests/cases/mapaa.txt").to_vec()),
            "/mapreg" => Ok(include_bytes!("../tests/cases/mapreg.txt").to_vec()),
            "/ips" => Ok(b"# networks\n10.0.0.0/8\n 192.168.1.1\n\n2001:db8::/32\n".to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        (name == "FOO").then(|| b"bar".to_vec())
    }
}

/// Runs `with` with what a compilation at `place` is given.
pub(crate) fn load_at<T>(place: Place, with: impl FnOnce(&mut Load<'_>) -> T) -> T {
    let mut load = Load {
        words: Words::builtin(),
        names: &mut TestNames,
        place,
        other: None,
        proxy: "f".into(),
        context: "http-request expression",
        files: PatternFiles::default(),
        at: ("test.cfg".into(), 1),
        acls: crate::Acls::default(),
        warnings: Vec::new(),
        slow: Vec::new(),
    };
    with(&mut load)
}

/// The words of a line without quotes.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let word = |w: &str| Word { bytes: w.replace("\\\"", "\"").as_bytes().into(), span: Span::default() };
    line.split_whitespace().map(word).collect()
}

/// Bytes as the case tables write them: printable ones as they are, others as `\xXX`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|c| match c {
            b'\\' => "\\x5c".to_owned(),
            32..127 => char::from(*c).to_string(),
            _ => format!("\\x{c:02x}"),
        })
        .collect()
}
