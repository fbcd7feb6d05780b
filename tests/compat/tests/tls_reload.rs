//! What operators change of TLS while the program runs outlives a reload in place, but where its file has changed: then the
//! file counts, which a notice says. The reference loses all of it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weir_testkit::{Authority, Program, Running, Signal, TempDir, Wanted};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    crt-base {dir}
    ca-base {dir}
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind {one} ssl crt one
    bind {list} ssl crt-list {dir}/list
    bind {asks} ssl crt one verify required ca-file authority crl-file revoked
    bind {keys} ssl crt one tls-ticket-keys {dir}/keys
    bind {stapled} ssl crt stapled
    http-request return status 200
";

/// Something that an operator changes.
struct Change {
    /// Commands, one after the other; what stands in braces is a file's text.
    commands: &'static [&'static str],
    /// What shows it, and a part of the answer.
    shown: (&'static str, &'static str),
    /// The file that may change, and what a notice says then; empty where there is none.
    file: (&'static str, &'static str),
}

const CHANGES: &[Change] = &[
    Change {
        commands: &["set ssl cert {dir}/one <<\n{two}\n", "commit ssl cert {dir}/one"],
        shown: ("show ssl cert {dir}/one", "Subject: /CN=two.example"),
        file: ("one", "certificate '{dir}/one'"),
    },
    Change {
        commands: &["set ssl ca-file {dir}/authority <<\n{two}\n", "commit ssl ca-file {dir}/authority"],
        shown: ("show ssl ca-file {dir}/authority", "Subject: /CN=two.example"),
        file: ("authority", "file of authorities '{dir}/authority'"),
    },
    Change {
        commands: &["set ssl crl-file {dir}/revoked <<\n{none}\n", "commit ssl crl-file {dir}/revoked"],
        shown: ("show ssl crl-file {dir}/revoked", "No Revoked Certificates"),
        file: ("revoked", "file of authorities '{dir}/revoked'"),
    },
    Change {
        commands: &[
            "del ssl crt-list {dir}/list {dir}/gone",
            "add ssl crt-list {dir}/list <<\n{dir}/one listed.example\n",
        ],
        shown: ("show ssl crt-list {dir}/list", "# {dir}/list\n{dir}/stapled\n{dir}/one listed.example\n"),
        file: ("list", "list of certificates '{dir}/list'"),
    },
    Change {
        commands: &["set ssl tls-key {dir}/keys {key}"],
        shown: ("show tls-keys *", "0.2 {key}"),
        file: ("keys", "keys of tickets '{dir}/keys'"),
    },
    Change {
        commands: &["set ssl ocsp-response {ocsp}"],
        shown: ("show ssl ocsp-response base64 {dir}/stapled", "{ocsp}"),
        file: ("stapled.ocsp", "certificate '{dir}/stapled'"),
    },
    Change {
        commands: &["new ssl cert fresh", "set ssl cert fresh <<\n{two}\n", "commit ssl cert fresh"],
        shown: ("show ssl cert fresh", "Subject: /CN=two.example"),
        file: ("", ""),
    },
];

#[test]
fn changes_outlive_a_reload_unless_their_file_has_changed() {
    let Some(weir) = Program::weir() else { return eprintln!("Weir is not built") };
    let mut launch = weir.launch();
    let scratch = TempDir::new();
    let authority = Authority::new(&scratch.path().join("authority"));
    let issued = |name: &str| authority.issue(Wanted::good(name));
    let (one, two, gone) = (issued("one.example"), issued("two.example"), issued("gone.example"));
    let stapled = issued("stapled.example") + &authority.text("ca.pem");
    let none = authority.revocations();
    let good = authority.ocsp_response("stapled.example");
    let revoked = authority.revoke("stapled.example");
    let bad = authority.ocsp_response("stapled.example");
    let list = "{dir}/stapled\n{dir}/gone\n".replace("{dir}", &launch.dir().display().to_string());
    let files: [(&str, &[u8]); 8] = [
        ("one", one.as_bytes()),
        ("gone", gone.as_bytes()),
        ("stapled", stapled.as_bytes()),
        ("stapled.ocsp", &good),
        ("authority", &authority.text("ca.pem").into_bytes()),
        ("revoked", revoked.as_bytes()),
        ("keys", &keys(1).into_bytes()),
        ("list", list.as_bytes()),
    ];
    for (name, content) in files {
        launch.file(name, content);
    }
    let proxy = launch.start(CONFIG);
    let dir = proxy.dir().display().to_string();
    let (key, ocsp) = ("BQUF".repeat(16), STANDARD.encode(bad));
    let fill = |text: &str| {
        let text = text.replace("{dir}", &dir).replace("{two}", two.trim_end());
        text.replace("{none}", none.trim_end()).replace("{key}", &key).replace("{ocsp}", &ocsp)
    };
    for command in CHANGES.iter().flat_map(|change| change.commands) {
        proxy.admin(&fill(command));
    }
    let missing = || -> Vec<&str> {
        let is_missing = |change: &&Change| {
            let (question, part) = change.shown;
            !proxy.admin(&fill(question)).contains(&fill(part))
        };
        CHANGES.iter().filter(is_missing).map(|change| change.shown.0).collect()
    };
    assert_eq!(missing(), [""; 0], "after the commands");
    for done in 1..3 {
        reload(&proxy, done);
        assert_eq!(missing(), [""; 0], "after {done} reloads");
    }
    assert!(!proxy.stderr().contains("is lost"), "{}", proxy.stderr());
    // Now the files themselves say something else.
    for (name, content) in files {
        let changed = match name {
            "one" | "gone" | "stapled" => continue,
            "stapled.ocsp" => authority.ocsp_response("one.example"),
            "keys" => keys(7).into_bytes(),
            "list" => [content, format!("{dir}/one\n").as_bytes()].concat(),
            "authority" => gone.clone().into_bytes(),
            _ => authority.revoke("gone.example").into_bytes(),
        };
        std::fs::write(proxy.dir().join(name), changed).expect("a file");
    }
    std::fs::write(proxy.dir().join("one"), &gone).expect("a file");
    reload(&proxy, 3);
    let kept: Vec<&str> =
        CHANGES.iter().map(|c| c.shown.0).filter(|shown| !missing().contains(shown)).collect();
    assert_eq!(kept, ["show ssl cert fresh"], "after a reload with other files");
    for change in CHANGES.iter().filter(|change| !change.file.0.is_empty()) {
        let said = format!("{}: the file has changed and counts", fill(change.file.1));
        assert!(proxy.stderr().contains(&said), "{said}: {}", proxy.stderr());
    }
}

/// A file of keys of tickets, the first of this byte.
fn keys(first: u8) -> String {
    (first..first + 3).map(|byte| STANDARD.encode([byte; 48]) + "\n").collect()
}

/// Waits until as many reloads are over.
fn reload(proxy: &Running, done: usize) {
    proxy.signal(Signal::USR2);
    let until = Instant::now() + Duration::from_secs(10);
    while proxy.stderr().matches("Reload done").count() < done {
        assert!(Instant::now() < until, "reload {done} does not end:\n{}", proxy.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}
