//! Certificates, authorities, lists and keys of tickets at run time: commands in order, their answers compared whole.
//!
//! `tls_runtime.txt` holds them: `== name` begins a program, `> command` is one (`\n` ends a line of it, `{name}` stands
//! for a file), the lines of the answer follow, each behind a `|`. The system trusts one authority; of the addresses of
//! `bind` lines the ports are left out.

use weir_compat::{Subject, compat};
use weir_testkit::Running;

const FILES: &[(&str, &str)] = &[
    ("authority.pem", include_str!("../fixtures/tls/authority.pem")),
    ("client.pem", include_str!("../fixtures/tls/client.pem")),
    ("one.pem", include_str!("../fixtures/tls/one.pem")),
    ("revoked.crl", include_str!("../fixtures/tls/revoked.crl")),
    ("self.pem", include_str!("../fixtures/tls/self.pem")),
    ("wild.pem", include_str!("../fixtures/tls/wild.pem")),
    ("list", LIST),
    ("list2", OPTIONS),
    ("keys1", KEYS_48),
    ("keys2", KEYS_80),
];

const LIST: &str = "\
# comment
one.pem
wild.pem [alpn http/1.0] *.wild.example !not.wild.example

self.pem [ssl-min-ver TLSv1.3] Listed.Example other.example
";

const OPTIONS: &str = "\
one.pem [alpn h2 ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3 verify optional ca-file authority.pem ca-verify-file \
authority.pem crl-file revoked.crl ciphers ECDHE-RSA-AES128-GCM-SHA256 ciphersuites TLS_AES_128_GCM_SHA256 curves P-256 \
ecdhe P-256 sigalgs RSA+SHA256 client-sigalgs RSA+SHA256 no-ca-names allow-0rtt]
wild.pem [no-alpn verify required ca-file authority.pem] foo
self.pem [alpn h2,http/1.1]
";

const KEYS_48: &str = "\
8soFg6XXxMHeaCYXmgh1nCGEboR+caiQABiZelnLSlH2RXaQZrJpyH7I+8erRjmF
Xn32htctA+KqAVVKACf+6FkmKoCCtD5Pdxy9PLp/kaBPCetX8LNUCNkaRXU1UxG/
kS8f1orMMcQAIPYnJ7URIWWn6CuQn3gu+keF+RhONgfV0729rBLmQJc/CGeCRJJV
";

const KEYS_80: &str = "\
6Jnn61dEBF1DO0yNj18XDjAxzwLK/oreGrL2yq/Ad+id6/sE1arS1WZMrZ7mAVpo+IieXgbBVnlEanhB6T5tFrE7y2L9tzasWenO+LS7mVg=
KyvXvfYNHd4zTyXLuS5mUl5MCakJZ8Z+9U4UOm0wwV9F2/9t1GzpHo15g5ffQP/X3FHE1KJJ1S3qN+nicw5LPCDkjaBsTyOLobL+9BrAPHE=
RzyXP8WUtEOjdtzejadprENIsuFFLjwpxpGhMLdIW+/IufCf34L7z8qnH8uhnpRlCzepf6HGeYJSyjqugBM1XSGvnp14R20DKTdNW1VB2bA=
L2Lf3JE1GL7xqiWWtuKM9XnjapPwCsvF39AGqnPXH2SAXYG9dg000K9HwpkM+ksrHjkBXWxH389lD2/JhA4JUEjOxx7rHscKXSzrnN4NFKg=
";

const CONFIG: &str = "
    global
        stats socket {dir}/admin.sock level admin
        crt-base {dir}
        ca-base {dir}
    crt-store store
        load crt {dir}/one.pem alias named
        load crt {dir}/one.pem key {dir}/one.pem issuer {dir}/authority.pem alias parts
    defaults
        mode http
        timeout client 5s
        timeout server 5s
        timeout connect 5s
    frontend f
        bind {f1} ssl crt one.pem crt wild.pem ca-file authority.pem crl-file revoked.crl verify optional
        bind {f2} ssl crt-list {dir}/list
        bind {f3} ssl crt one.pem name named crt @store/parts
        bind {f4} ssl crt-list {dir}/list2 tls-ticket-keys {dir}/keys1
        bind {f5} ssl crt one.pem tls-ticket-keys {dir}/keys2
        http-request return status 200
    frontend g
        bind {g1},{g2} ssl crt one.pem crt wild.pem ca-file self.pem verify optional
    backend b
        server s {dead1} ssl verify required ca-file authority.pem
        server p {dead2}
        server q {dead3} ssl verify none crt client.pem
    ";

fn started(t: &mut Subject) -> Running {
    for (name, content) in FILES {
        t.file(name, content);
    }
    let system = t.scratch("system");
    std::fs::create_dir_all(&system).expect("a folder");
    for (name, file) in [("b.crt", "authority.pem"), ("c.txt", "self.pem"), (".d.pem", "one.pem")] {
        let (_, content) = FILES.iter().find(|(known, _)| *known == file).expect("a file");
        std::fs::write(system.join(name), content).expect("a file");
    }
    t.env("SSL_CERT_DIR", &system.display().to_string());
    t.start(CONFIG)
}

/// A command, and its answer.
type Row<'a> = (&'a str, Vec<&'a str>);

/// The commands of the file, by program.
fn programs() -> Vec<(&'static str, Vec<Row<'static>>)> {
    let mut programs: Vec<(&str, Vec<Row<'_>>)> = Vec::new();
    for line in include_str!("tls_runtime.txt").lines() {
        if let Some(name) = line.strip_prefix("== ") {
            programs.push((name, Vec::new()));
        } else if let Some(command) = line.strip_prefix("> ") {
            programs.last_mut().unwrap().1.push((command, Vec::new()));
        } else if let Some(answer) = line.strip_prefix('|') {
            programs.last_mut().unwrap().1.last_mut().unwrap().1.push(answer);
        }
    }
    programs
}

fn filled(command: &str, folder: &str) -> String {
    let mut text = command.replace("{dir}", folder).replace("\\n", "\n");
    for (name, content) in FILES {
        text = text.replace(&format!("{{{name}}}"), content.trim());
    }
    if text.contains("<<") { text + "\n" } else { text }
}

fn compared(name: &str) {
    let (_, rows) = programs().into_iter().find(|(known, _)| *known == name).expect("the file names it");
    assert!(rows.len() > 10, "{} commands of {name}", rows.len());
    compat(|t| {
        let proxy = started(t);
        let folder = proxy.dir().display().to_string();
        let mut wrong = Vec::new();
        for (command, expected) in &rows {
            let answer =
                proxy.admin(&filled(command, &folder)).replace(&folder, "{dir}").replace('\0', "\\0");
            let got: Vec<String> = answer.trim_end().lines().map(without_ports).collect();
            let (got, expected) = (got.join("\n"), expected.join("\n"));
            if got.trim_end() != expected.trim_end() {
                wrong.push(format!("> {command}\n{got}\n-- expected:\n{expected}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

fn without_ports(line: &str) -> String {
    match line.split_once("127.0.0.1:") {
        Some((before, after)) => {
            format!("{before}ADDRESS{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => line.to_owned(),
    }
}

#[test]
fn certificates_of_tokens_come_and_go() {
    compared("tokens");
}

#[test]
fn authorities_are_replaced_while_lines_use_them() {
    compared("authorities");
}

#[test]
fn lists_of_revoked_certificates_are_replaced() {
    compared("revoked");
}

#[test]
fn lists_of_certificates_grow_and_shrink() {
    compared("lists");
}

#[test]
fn certificates_are_set_whole_and_in_parts() {
    compared("certificates");
}

#[test]
fn files_are_set_as_what_they_were_not() {
    compared("kinds");
}

#[test]
fn keys_of_tickets_and_responses_are_shown_and_set() {
    compared("others");
}

#[test]
fn commands_are_for_who_may_give_them() {
    compat(|t| {
        let proxy = started(t);
        let none = "Can't allocate memory!";
        let denied = "Permission denied";
        let names = "# Frontend/Bind";
        let rows = [
            ("show ssl cert", none, "# filename"),
            ("show ssl ca-file", none, "# filename"),
            ("show ssl crl-file", none, "# filename"),
            ("dump ssl cert x", none, none),
            ("show ssl crt-list", denied, denied),
            ("show ssl ocsp-response", denied, denied),
            ("show ssl ocsp-updates", denied, denied),
            ("show ssl sni", names, names),
            ("show ssl providers", "Loaded providers", "Loaded providers"),
            ("new ssl cert x", denied, denied),
            ("add ssl crt-list x y", denied, denied),
            ("del ssl ca-file x", denied, denied),
            ("commit ssl crl-file x", denied, denied),
            ("set ssl ocsp-response x", denied, denied),
        ];
        let mut wrong = Vec::new();
        for (command, user, operator) in rows {
            for (level, expected) in [("user", user), ("operator", operator)] {
                let answer = proxy.admin(&format!("{level};{command}"));
                let first = answer.lines().find(|line| !line.is_empty()).unwrap_or_default().to_owned();
                if !first.starts_with(expected) {
                    wrong.push(format!("{level}: {command}: {first}, not {expected}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
