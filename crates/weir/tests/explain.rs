//! `explain` and `test`: they say what live traffic gets, because it is the same engine.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot start its program fails"
)]

use std::fmt::Write as _;
use std::process::{Command, Output};

use weir_testkit::{Origin, Program, TempDir};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Rules that look at address, path, headers and variables; two backends, one of which hashes. `SEED` varies them.
const CONFIG: &str = "
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind {web}
    acl api path_beg /api
    acl team req.hdr(x-team),lower -m str red blue
    http-request deny deny_status 429 if { rand(1) gt 5 } or { path_end .bakSEED }
    http-request return status 204 if { path /ping } { method GET HEAD }
    http-request redirect prefix https://other.example code 302 if { path_beg /old } !team
    http-request set-var(txn.n) req.hdr(x-n),add(SEED)
    http-request set-header X-Sum %[var(txn.n)] if { var(txn.n) -m found }
    http-request del-header X-Secret
    http-request set-path /v%[var(txn.n)]%[path] if api team
    http-response set-header X-Team %[var(txn.n)] if { var(txn.n) -m int gt 3 }
    http-response set-header X-Chosen %[be_name]/%[srv_name]
    use_backend api if api !{ req.hdr(x-n) 7 }
    default_backend app
backend app
    balance uri
    option forwardfor
    server a1 {a}
    server a2 {a}
    server a3 {a}
backend api
    http-request deny if { url_param(evil) -m found }
    server b1 {a}
";

/// The `n`th request: its line, its header lines.
fn request(n: usize) -> (String, Vec<(String, String)>) {
    let paths =
        ["/", "/api/x", "/ping", "/old/a", "/file.bak1", "/api/y?evil=1", "/deep/er/path", "/api/z.bak0"];
    let path = format!(
        "{}{}",
        paths[n % paths.len()],
        if n.is_multiple_of(3) { format!("?q={n}") } else { String::new() }
    );
    let path = if path.matches('?').count() > 1 { path.replacen("?q", "&q", 1) } else { path };
    let mut headers = Vec::new();
    if n.is_multiple_of(2) {
        headers.push(("X-Team".to_owned(), ["Red", "blue", "green"][n / 2 % 3].to_owned()));
    }
    if !n.is_multiple_of(5) {
        headers.push(("X-N".to_owned(), (n % 9).to_string()));
    }
    if n.is_multiple_of(7) {
        headers.push(("X-Secret".to_owned(), "s".to_owned()));
    }
    (format!("{} {path}", ["GET", "HEAD", "DELETE"][n % 3]), headers)
}

/// What live traffic gets, written down as cases: they all hold.
#[test]
fn explanations_agree_with_live_traffic() {
    let pairs = std::env::var("WEIR_EXPLAIN_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(400_usize);
    let each = 100;
    for seed in 0..pairs.div_ceil(each) {
        let dir = TempDir::new();
        let config = CONFIG.replace("SEED", &seed.to_string());
        let origin = Origin::new();
        let mut launch = Program::at("weir", env!("CARGO_BIN_EXE_weir")).launch();
        launch.set("a", origin.address().to_string());
        let answering = origin.serve(|peer, _| {
            while peer.wait_for_bytes() {
                let head = peer.recv_head();
                let lines: String = head.lines().iter().map(|l| format!("{l}|")).collect();
                let all = format!("{}|{lines}", head.start_line());
                peer.send(format!("HTTP/1.1 200 OK\r\nX-Sent: {all}\r\nContent-Length: 0\r\n\r\n"));
            }
        });
        let mut live = launch.start(&config);
        let address = live.address("web");
        let mut cases = "config test.cfg\n".to_owned();
        for n in 0..each {
            let (line, headers) = request(n * 31 + seed * 7);
            let (method, path) = line.split_once(' ').unwrap();
            let lines: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
            let mut client = live.client("web");
            client.send(format!("{line} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n"));
            let head = client.recv_head();
            writeln!(cases, "case {n}\n request {method} http://{address}{path}").unwrap();
            headers.iter().for_each(|(n, v)| writeln!(cases, " header {n}: {v}").unwrap());
            writeln!(cases, " expect status {}", head.status()).unwrap();
            for name in ["location", "x-team", "x-chosen"] {
                match head.header(name) {
                    Some(value) => writeln!(cases, " expect header {name}: {value}").unwrap(),
                    None => writeln!(cases, " expect header !{name}").unwrap(),
                }
            }
            match head.header("x-sent") {
                Some(sent) => {
                    for line in sent.split('|').skip(1).filter(|l| !l.is_empty()) {
                        writeln!(cases, " expect sent {line}").unwrap();
                    }
                    cases.push_str(" expect sent !x-secret\n");
                }
                None => cases.push_str(" expect server none\n"),
            }
        }
        let filled = config.replace("{web}", &address.to_string()).replace("{a}", "127.0.0.1:9");
        std::fs::write(dir.path().join("test.cfg"), filled).unwrap();
        let file = dir.path().join("cases");
        std::fs::write(&file, &cases).unwrap();
        let output = run(&["test", file.to_str().unwrap()]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{said}\n{}", text(&output.stderr));
        assert!(said.ends_with(&format!("{each} of {each} cases hold\n")), "{said}");
        drop(answering);
    }
}

#[test]
fn an_explanation_names_rules_values_backend_server_and_changed_headers() {
    let dir = TempDir::new();
    let file = dir.path().join("c.cfg");
    let config = CONFIG.replace("SEED", "1").replace("{web}", ":80").replace("{a}", "192.0.2.1:80");
    std::fs::write(&file, config).unwrap();
    let ask = |more: &[&str]| {
        let words = [&["explain", "-f", file.to_str().unwrap(), "--src", "198.51.100.7"], more].concat();
        let output = run(&words);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let said = ask(&["GET http://h/api/x", "-H", "X-Team: RED", "-H", "X-N: 4"]);
    for part in [
        "req.hdr: 'red' matches",
        "+ ",
        "web: http-request set-path /v%[var(txn.n)]%[path] if api team",
        "  backend app\n",
        " (balance: uri)\n",
        "  variable txn.n = '5'\n",
        "    - GET /api/x HTTP/1.1\n    + GET /v5/api/x HTTP/1.1\n",
        "x-team: 5",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    let said = ask(&["http://h/plain", "--json"]);
    for part in ["\"backend\": \"app\"", "\"x-forwarded-for: 198.51.100.7\"", "\"status\": 200"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn an_explanation_tells_what_is_written_to_stick_tables() {
    let dir = TempDir::new();
    let file = dir.path().join("c.cfg");
    let config = "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
                  frontend web\n bind :80\n stick-table type string len 16 size 1k store gpc0,http_req_cnt\n \
                  http-request track-sc0 path\n http-request sc-inc-gpc0(0) if { path /b }\n default_backend app\n\
                  backend app\n stick-table type ip size 1k\n stick on src\n server s1 192.0.2.1:80\n";
    std::fs::write(&file, config).unwrap();
    let ask = |more: &[&str]| {
        let words = [&["explain", "-f", file.to_str().unwrap(), "--src", "198.51.100.7"], more].concat();
        text(&run(&words).stdout)
    };
    let said = ask(&["http://h/a"]);
    assert!(said.contains("\n  table web: /a gpc0=0 http_req_cnt=1\n"), "{said}");
    let said = ask(&["http://h/b"]);
    assert!(said.contains("\n  table web: /b gpc0=1 http_req_cnt=1\n"), "{said}");
    assert!(said.contains("\n  table app: 198.51.100.7 server_id=1 server_key=s1\n"), "{said}");
    let said = ask(&["http://h/b", "--json"]);
    for part in ["\"table\": \"web\"", "\"key\": \"/b\"", "\"gpc0\": \"1\""] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn cases_that_do_not_hold_are_told_and_end_with_1() {
    let dir = TempDir::new();
    let config = CONFIG.replace("SEED", "1").replace("{web}", ":80").replace("{a}", "192.0.2.1:80");
    std::fs::write(dir.path().join("a.cfg"), config).unwrap();
    let (file, junit) = (dir.path().join("a.cases"), dir.path().join("junit.xml"));
    std::fs::write(&file, "case holds\n request http://h/ping\n expect status 204\ncase fails\n request http://h/\n expect backend <api>\n").unwrap();
    let output = run(&["test", "--junit", junit.to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("backend is 'app', not '<api>'\n1 of 2 cases hold\n"));
    let report = std::fs::read_to_string(&junit).unwrap();
    assert!(
        report.contains("tests=\"2\" failures=\"1\"") && report.contains("not '&lt;api&gt;'</failure>"),
        "{report}"
    );
    std::fs::write(&file, "case x\n request nonsense\n").unwrap();
    assert_eq!(run(&["test", file.to_str().unwrap()]).status.code(), Some(2));
}

/// Old words, and what a modern configuration says in their place.
#[test]
fn old_spellings_are_written_anew_and_the_rest_is_kept() {
    let dir = TempDir::new();
    let file = dir.path().join("old.cfg");
    let old = "# a comment\ndefaults\n    mode http\n    clitimeout 5000   # ms\n    contimeout 5000\n    srvtimeout 5000\n\n\
               frontend same\n    bind :80\n    reqadd X-A:\\ b\n    reqidel ^X-Old:.*\n    default_backend same\n\
               backend same\n    rspadd X-C:\\ \"$HOME\"\n    option httpchk GET / HTTP/1.1\\r\\nHost:\\ h\n    server s 127.0.0.1:81\n";
    std::fs::write(&file, old).unwrap();
    let output = run(&["modernize", file.to_str().unwrap()]);
    let modern = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for line in [
        "# a comment",
        "    timeout client 5000   # ms",
        "    http-request add-header X-A b",
        "    default_backend same_back",
        "backend same_back",
        "    http-check send hdr Host h",
        "    server s 127.0.0.1:81",
    ] {
        assert!(modern.lines().any(|l| l == line), "{line:?} is not in\n{modern}");
    }
    std::fs::write(&file, &modern).unwrap();
    let again = run(&["modernize", file.to_str().unwrap()]);
    assert_eq!(text(&again.stdout), modern, "nothing is old any more");
    if let Some(reference) = Program::reference() {
        let verdict = reference.run(&["-c", "-f", file.to_str().unwrap()]);
        assert!(verdict.success(), "{}\n{modern}", verdict.text());
    }
}
