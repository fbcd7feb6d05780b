//! `weir test` over configurations and requests made at random: what live traffic got is written down as cases, in its
//! order, and all of them hold, because it is the same engine with the same turns, tables, maps and variables.
//!
//! `WEIR_EXPLAIN_PAIRS` says how many pairs of configuration and request, `WEIR_EXPLAIN_SEED` which.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot start its program fails"
)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use weir_testkit::{Head, Origin, Peer, Program, TempDir};

/// Requests of one configuration.
const EACH: usize = 100;

#[test]
fn what_live_traffic_gets_is_what_is_explained() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let configurations = number("WEIR_EXPLAIN_PAIRS").unwrap_or(400).div_ceil(EACH as u64);
    let seed = number("WEIR_EXPLAIN_SEED").unwrap_or(7);
    let faults: Vec<String> = (0..configurations).filter_map(|n| compare(seed * 100_000 + n)).collect();
    assert!(faults.is_empty(), "{} of {configurations}:\n{}", faults.len(), faults.join("\n"));
}

/// One configuration: what its live requests got is what `weir test` finds. The configuration and what failed, where
/// it is not so.
fn compare(seed: u64) -> Option<String> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let dir = TempDir::new();
    let map = dir.path().join("paths.map");
    std::fs::write(&map, "/a one\n/b two\n/api api\n/c three\n").unwrap();
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/../tls/tests/a.example.pem");
    let config =
        config(&mut random).replace("MAP", map.to_str().unwrap()).replace("PEM", tls).replace("ACLS", ACLS);
    let sent = Arc::new(Mutex::new(None));
    let remembers = sent.clone();
    let origin = Origin::new();
    let mut launch = Program::at("weir", env!("CARGO_BIN_EXE_weir")).launch();
    launch.set("a", origin.address().to_string());
    let _answering = origin.serve(move |peer, _| {
        while peer.wait_for_bytes() {
            let head = peer.recv_head();
            let length = head.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
            peer.recv_exactly(length);
            *remembers.lock().unwrap() = Some(head);
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let mut live = launch.start(&config);
    let doors = [live.address("web"), live.address("tls")];
    let mut cases = "config test.cfg\n".to_owned();
    for n in 0..EACH {
        let request = Request::new(&mut random);
        let door = doors[usize::from(request.tls)];
        *sent.lock().unwrap() = None;
        let head = if request.tls { request.ask_tls(door) } else { request.ask(door) };
        request.write(&mut cases, n, door);
        expectations(&mut cases, &head, sent.lock().unwrap().as_ref());
    }
    let filled = config
        .replace("{web}", &doors[0].to_string())
        .replace("{tls}", &doors[1].to_string())
        .replace("{a}", "127.0.0.1:9");
    std::fs::write(dir.path().join("test.cfg"), filled).unwrap();
    let file = dir.path().join("cases");
    std::fs::write(&file, &cases).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).arg("test").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.ends_with(&format!("{EACH} of {EACH} cases hold\n")) {
        return None;
    }
    Some(format!("seed {seed}\n{config}\n{said}\n{}\n{cases}", String::from_utf8_lossy(&output.stderr)))
}

/// All that a client and a server saw, as expectations of a case.
fn expectations(cases: &mut String, answer: &Head, sent: Option<&Head>) {
    writeln!(cases, " expect status {}", answer.status()).unwrap();
    let chosen = answer.header("x-chosen").unwrap_or_default();
    if let Some((backend, server)) = chosen.split_once('/').filter(|(_, server)| !server.is_empty()) {
        writeln!(cases, " expect backend {backend}\n expect server {server}").unwrap();
    }
    for (what, head) in [("header", Some(answer)), ("sent", sent)] {
        let lines = head.map(Head::lines).unwrap_or_default();
        for line in lines.iter().filter(|l| !l.to_ascii_lowercase().starts_with("date:")) {
            writeln!(cases, " expect {what} {line}").unwrap();
        }
        for name in ["x-a", "x-b", "x-c", "x-n", "location", "set-cookie", "cookie", "x-team"] {
            if head.is_some_and(|head| head.header(name).is_none()) {
                writeln!(cases, " expect {what} !{name}").unwrap();
            }
        }
    }
    if sent.is_none() {
        cases.push_str(" expect sent !host\n");
    }
}

/// A configuration of two doors and three backends.
fn config(random: &mut Random) -> String {
    let mut text = "
global
    nbthread 1
    expose-experimental-directives
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind {web}
    bind {tls} ssl crt PEM
    option forwardfor if-none
    stick-table type string len 20 size 1k store gpc0,gpt0,http_req_cnt,http_err_cnt,bytes_out_cnt
    http-request track-sc0 req.hdr(x-client)
    ACLS
    declare capture request len 20
    declare capture response len 20
"
    .to_owned();
    for _ in 0..random.below(8) + 4 {
        writeln!(text, "    {}", rule(random, FRONT)).unwrap();
    }
    for _ in 0..random.below(3) {
        writeln!(text, "    use_backend {} {}", random.of(&["one", "two", "api"]), condition(random))
            .unwrap();
    }
    if random.below(3) == 0 {
        text.push_str("    use_backend %[path,map_beg(MAP,two)] if { path_beg /c /b }\n");
    }
    text.push_str(
        "    http-after-response set-header X-Chosen %[be_name]/%[srv_name]\n    default_backend one\n",
    );
    for name in ["one", "two", "three", "api"] {
        backend(&mut text, name, random);
    }
    text
}

fn backend(text: &mut String, name: &str, random: &mut Random) {
    writeln!(text, "backend {name}\n    ACLS\n    balance {}", random.of(BALANCE)).unwrap();
    if random.below(2) == 0 {
        writeln!(text, "    hash-type {}", random.of(HASH)).unwrap();
    }
    let cookie = random.below(3) == 0;
    match random.below(4) {
        _ if cookie => writeln!(text, "    cookie S {}", random.of(COOKIE)).unwrap(),
        0 => writeln!(text, "    stick-table type string len 20 size 1k\n    stick on {}", random.of(STICK))
            .unwrap(),
        1 => writeln!(text, "    use-server s2 {}", condition(random)).unwrap(),
        _ => {}
    }
    for _ in 0..random.below(5) {
        writeln!(text, "    {}", rule(random, BACK)).unwrap();
    }
    for n in 1..random.below(4) + 3 {
        let weight = random.below(4) + 1;
        let value = if cookie { format!(" cookie k{n}") } else { String::new() };
        let state = if n > 2 { random.of(&["", "", " backup", " disabled"]) } else { "" };
        writeln!(text, "    server s{n} {{a}} weight {weight}{value}{state}").unwrap();
    }
}

fn rule(random: &mut Random, set: &[&str]) -> String {
    let action = random.of(set);
    let action = match action.contains('#') {
        true => action.replace('#', &random.below(4).to_string()),
        false => action.to_owned(),
    };
    let bare = random.below(4) == 0 && !ENDS.iter().any(|word| action.contains(word));
    if bare || !action.contains("http-re") && !action.contains("http-after") {
        return action;
    }
    format!("{action} {}", condition(random))
}

fn condition(random: &mut Random) -> String {
    let mut text = random.of(&["if", "if", "unless"]).to_owned();
    for at in 0..random.below(3) + 1 {
        if at > 0 && random.below(3) == 0 {
            text.push_str(" or");
        }
        let sign = if random.below(5) == 0 { "!" } else { "" };
        write!(text, " {sign}{}", random.of(TERMS).replace('#', &random.below(9).to_string())).unwrap();
    }
    text
}

/// What a client asks.
struct Request {
    tls: bool,
    method: &'static str,
    host: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    source: SocketAddr,
    body: &'static str,
}

// === impl Request ===

impl Request {
    fn new(random: &mut Random) -> Self {
        let method = random.of(&["GET", "GET", "HEAD", "POST", "DELETE"]);
        let mut path = random.of(PATHS).to_owned();
        if random.below(3) == 0 {
            write!(path, "?{}", random.of(QUERIES)).unwrap();
        }
        let mut headers = vec![("x-client", random.of(&["ann", "bob", "eve"]).to_owned())];
        for (name, values) in HEADERS {
            if random.below(2) == 0 {
                headers.push((name, random.of(values).to_owned()));
            }
        }
        Self {
            tls: random.below(6) == 0,
            method,
            host: random.of(&["a.example", "b.example", "www.a.example"]),
            path,
            headers,
            source: SocketAddr::from(([127, 0, 0, u8::try_from(random.below(20) + 2).unwrap()], 0)),
            body: if method == "POST" { random.of(&["x=1&y=2", "{\"n\":4}"]) } else { "" },
        }
    }

    fn ask(&self, door: SocketAddr) -> Head {
        let mut client = Peer::try_connect(door, Some(self.source)).unwrap();
        let mut text =
            format!("{} {} HTTP/1.1\r\nhost: {}:{}\r\n", self.method, self.path, self.host, door.port());
        self.headers.iter().for_each(|(name, value)| write!(text, "{name}: {value}\r\n").unwrap());
        if !self.body.is_empty() {
            write!(text, "content-length: {}\r\n", self.body.len()).unwrap();
        }
        client.send(format!("{text}\r\n{}", self.body));
        client.recv_head()
    }

    fn ask_tls(&self, door: SocketAddr) -> Head {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-k", "-i", "--http1.1", "--path-as-is", "-m", "20"]);
        curl.args(["-H", "User-Agent:", "-H", "Accept:", "-H", "Content-Type:"]);
        match self.method {
            "HEAD" => curl.arg("-I"),
            method => curl.args(["-X", method]),
        };
        for (name, value) in &self.headers {
            curl.args([
                "-H",
                &if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") },
            ]);
        }
        if !self.body.is_empty() {
            curl.args(["--data-binary", self.body]);
        }
        curl.args(["--interface", &self.source.ip().to_string(), "--connect-to", &format!("::{door}")]);
        let output =
            curl.arg(format!("https://{}:{}{}", self.host, door.port(), self.path)).output().unwrap();
        let end = output.stdout.windows(4).position(|w| w == b"\r\n\r\n");
        Head::new(output.stdout[..end.unwrap_or_else(|| panic!("{curl:?} {output:?}")) + 4].to_vec())
    }

    fn write(&self, cases: &mut String, n: usize, door: SocketAddr) {
        let scheme = if self.tls { "https" } else { "http" };
        let url = format!("{scheme}://{}:{}{}", self.host, door.port(), self.path);
        writeln!(cases, "case {n}\n request {} {url}\n src {}", self.method, self.source.ip()).unwrap();
        self.headers.iter().for_each(|(name, value)| writeln!(cases, " header {name}: {value}").unwrap());
        if !self.body.is_empty() {
            writeln!(cases, " body {}", self.body).unwrap();
        }
    }
}

/// Numbers that a seed makes (xorshift).
struct Random(u64);

// === impl Random ===

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const ACLS: &str = "acl api path_beg /api\n    acl team req.hdr(x-team),lower -m str red blue";
/// Rules that end the evaluation: they have a condition always.
const ENDS: &[&str] = &["deny", "return", "redirect", "auth", "allow"];
const FRONT: &[&str] = &[
    "http-request set-header X-A a#",
    "http-request add-header X-A %[path,field(2,/)]",
    "http-request add-header X-B %[var(txn.v)]-%[src]",
    "http-request set-header X-Sni %[ssl_fc_sni]/%[ssl_fc]/%[dst_port,sub(0),mul(0)]",
    "http-request del-header X-C",
    "http-request del-header x-t -m beg",
    "http-request replace-header X-B (.*)b(.*) \\2-\\1",
    "http-request replace-value X-Team e E",
    "http-request replace-path /(.)(.*) /\\2/\\1",
    "http-request replace-pathq ([^?]*)(.*) \\1x\\2",
    "http-request replace-uri ^/a(.*) /z\\1",
    "http-request set-path /p#%[path]",
    "http-request set-pathq /q#%[path]?was=%[query]",
    "http-request set-query n=%[rand(1)]&%[query]",
    "http-request set-uri /u#%[path]",
    "http-request set-method PUT",
    "http-request normalize-uri path-merge-slashes",
    "http-request normalize-uri query-sort-by-name",
    "http-request normalize-uri path-strip-dotdot",
    "http-request set-var(txn.v) req.hdr(x-n),add(#)",
    "http-request set-var(proc.last) path",
    "http-request set-var-fmt(txn.v) %[method]#%[req.hdr(x-team)]",
    "http-request set-header X-C %[var(proc.last)]",
    "http-request unset-var(txn.v)",
    "http-request set-map(MAP) /b%[req.hdr(x-n)] three",
    "http-request del-map(MAP) /a",
    "http-request set-header X-C %[path,map_beg(MAP,none)]",
    "http-request sc-inc-gpc0(0)",
    "http-request sc-set-gpt0(0) #",
    "http-request set-header X-B %[sc_http_req_cnt(0)]/%[sc_get_gpc0(0)]/%[sc_get_gpt0(0)]/%[sc_http_err_cnt(0)]",
    "http-request capture path id 0",
    "http-request set-header X-Cap %[capture.req.hdr(0)]",
    "http-request deny deny_status 421",
    "http-request deny deny_status 429",
    "http-request deny deny_status 403 hdr X-Why %[path]",
    "http-request return status 200 content-type text/plain lf-string %[path]-%[var(txn.v)] hdr X-A #",
    "http-request return status 503",
    "http-request redirect location /to/%[path] code 302",
    "http-request redirect prefix https://other.example drop-query",
    "http-request redirect scheme https code 301 set-cookie SEEN=#",
    "http-request auth realm here",
    "http-request allow",
    "http-response set-header X-C %[status]#",
    "http-response add-header X-A r%[sc_get_gpc0(0)]",
    "http-response set-status 20#",
    "http-response set-status 201 reason Made",
    "http-response return status 418 hdr X-B r#",
    "http-response deny deny_status 502",
    "http-response redirect location /after",
    "http-after-response add-header X-After %[var(txn.v)]",
    "http-after-response del-header X-C",
    "http-after-response replace-header X-A (.) \\1\\1",
];
const BACK: &[&str] = &[
    "http-request set-header X-B %[be_name]#",
    "http-request add-header X-C %[cook(S)]",
    "http-request set-path /be#%[path]",
    "http-request deny deny_status 400",
    "http-request set-header X-N %[req.hdr(x-n),mul(2)]",
    "http-request set-var(txn.v) str(be#)",
    "http-request replace-header Cookie (.*)old(.*) \\1new\\2",
    "http-response add-header X-A %[srv_name]",
    "http-response set-header X-C %[var(txn.v)]",
    "http-response set-status 20#",
    "option forwardfor header X-From",
    "option originalto",
    "http-send-name-header X-Server",
];
const TERMS: &[&str] = &[
    "{ path_beg /a }",
    "{ path_end .html }",
    "{ path -m reg ^/[abc]/ }",
    "{ req.hdr(x-team) -i blue }",
    "{ req.hdr(x-n) -m int gt # }",
    "{ url_param(q) -m found }",
    "{ src 127.0.0.0/29 }",
    "{ method POST }",
    "{ req.cook(S) -m found }",
    "{ ssl_fc }",
    "{ ssl_fc_sni -i a.example }",
    "{ var(txn.v) -m found }",
    "{ var(txn.v) -m sub # }",
    "{ path,map_beg(MAP) -m found }",
    "{ sc_http_req_cnt(0) gt # }",
    "{ sc_get_gpc0(0) ge # }",
    "{ req.hdr(host) -m dom a.example }",
    "{ req.body -m sub x=1 }",
    "{ query -m len gt # }",
    "{ base,crc32,mod(9) lt # }",
    "api",
    "team",
];
const BALANCE: &[&str] = &[
    "roundrobin",
    "static-rr",
    "first",
    "source",
    "uri",
    "uri whole",
    "uri depth 1",
    "url_param q",
    "hdr(x-team)",
    "hdr(host) use_domain_only",
    "hash req.hdr(x-n),add(1)",
    "hash path,lower",
];
const HASH: &[&str] = &[
    "map-based",
    "consistent",
    "map-based sdbm avalanche",
    "consistent djb2",
    "consistent wt6 avalanche",
    "consistent crc32",
];
const COOKIE: &[&str] = &[
    "insert indirect nocache",
    "insert",
    "insert postonly",
    "insert indirect httponly secure attr SameSite=Lax",
    "rewrite",
    "prefix",
    "insert preserve domain .a.example",
];
const STICK: &[&str] = &["req.hdr(x-team)", "path", "url_param(q)", "req.cook(S)"];
const PATHS: &[&str] = &[
    "/",
    "/a/x",
    "/b/y.html",
    "/c",
    "/api/v1",
    "/api/../b",
    "//c//d",
    "/d/e/f/g.html",
    "/a%20b",
    "/b3/x",
    "/Xy/Z",
];
const QUERIES: &[&str] = &["q=1", "q=abc&b=2&a=1", "was", "q=%41&q=2", "b=1&a=2"];
const HEADERS: &[(&str, &[&str])] = &[
    ("x-team", &["Red", "blue", "green"]),
    ("x-n", &["1", "5", "7", "-3", "abc"]),
    ("x-b", &["abba", "b", "none"]),
    ("x-c", &["kept", ""]),
    ("cookie", &["S=k1", "S=k2; T=1", "a=b; S=k3~old", "old=1"]),
];
