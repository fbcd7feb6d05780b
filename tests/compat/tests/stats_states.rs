//! The states of servers as the statistics page and `show stat` tell them, after what operators say; and what
//! servers count of answers that rules change.

use std::time::{Duration, Instant};

use weir_compat::{compat, table};
use weir_testkit::Running;

/// How all configurations begin; the frontend goes on.
const HEAD: &str = "
    global
        stats socket {dir}/admin.sock level admin
    defaults
        mode http
        timeout connect 5s
        timeout client 5s
        timeout server 5s
    frontend fe
        bind {fe}
";

/// Checks come so seldom that only the first server sees one while the test runs.
const STATES: &str = "
        stats enable
        stats uri /stats
    backend b
        server first {dead} check inter 1h
        server plain {dead}
        server fresh {dead} check inter 1h
        server spare {dead} check inter 1h backup
        server light {dead} weight 0
        server off {dead} disabled
        server follows {dead} track fresh
        server patient {dead} check inter 1h rise 5 fall 4
        server down {dead} check inter 1h init-state fully-down
";

const SERVERS: [&str; 8] = ["plain", "fresh", "spare", "light", "off", "follows", "patient", "down"];

/// For each server: the class of its row, the state as the page shows it, and as `show stat` does.
fn shown(proxy: &mut Running) -> String {
    let mut client = proxy.client("fe");
    client.send("GET /stats HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let page = String::from_utf8_lossy(&client.recv_to_eof()).into_owned();
    let csv = proxy.admin("show stat b 4 -1");
    let mut said = String::new();
    for name in SERVERS {
        let (before, row) = page.split_once(&format!("<a name=\"b/{name}\">")).expect("a row");
        let (_, class) = before.rsplit_once("<tr class=\"").expect("a class");
        let class = class.split('"').next().unwrap_or_default();
        let row = row.split("</tr>\n").next().unwrap_or_default();
        let cells: Vec<&str> = row.rsplit("</td>").collect();
        let state = cells.iter().rev().find_map(|cell| {
            let (_, text) = cell.split_once("<td class=ac>")?;
            let words = ["UP", "DOWN", "MAINT", "DRAIN", "NOLB", "no check"];
            words.iter().find_map(|word| Some(&text[text.find(word)?..]))
        });
        let line = csv.lines().find(|line| line.starts_with(&format!("b,{name},"))).expect("a line");
        let told = line.split(',').nth(17).unwrap_or_default();
        let state = state.unwrap_or_default().replace("</i>", "");
        said.push_str(&format!("\n    {name}: {class}, {state}, {told}"));
    }
    said
}

#[test]
fn states_are_shown_as_the_reference_shows_them() {
    compat(|t| {
        let mut proxy = t.start(&format!("{HEAD}{STATES}"));
        let mut said = String::new();
        for order in [
            "as configured",
            "set server b/SERVER state drain",
            "set server b/SERVER state maint",
            "set server b/SERVER state ready",
            "set server b/SERVER health down",
            "set server b/SERVER health up",
            "set server b/SERVER health stopping",
            "disable health b/SERVER",
            "set server b/SERVER health up",
            "set server b/SERVER weight 0",
            "set server b/SERVER state drain",
        ] {
            if order.contains("SERVER") {
                SERVERS.iter().for_each(|name| drop(proxy.admin(&order.replace("SERVER", name))));
            }
            said.push_str(&format!("{order}{}\n", shown(&mut proxy)));
        }
        assert_eq!(said, include_str!("stats_states.txt"));
    });
}

#[test]
fn servers_count_their_own_statuses_whatever_rules_make_of_them() {
    compat(|t| {
        let _server = t.origin("srv").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        let mut proxy = t.start(&format!(
            "{HEAD}
                http-request set-var(txn.u) url
                http-response set-status 404 if {{ var(txn.u) -m str /status }}
                http-response deny if {{ var(txn.u) -m str /deny }}
                http-response return status 201 if {{ var(txn.u) -m str /return }}
                http-response redirect location /x if {{ var(txn.u) -m str /redirect }}
                default_backend b
            backend b
                server s {{srv}}
        ",
        ));
        let rows = [
            ("/", "200: b/s 2xx=1 all=1, b/BACKEND 2xx=1 3xx=0 4xx=0 5xx=0"),
            ("/status", "404: b/s 2xx=2 all=2, b/BACKEND 2xx=1 3xx=0 4xx=1 5xx=0"),
            ("/deny", "502: b/s 2xx=3 all=3, b/BACKEND 2xx=1 3xx=0 4xx=1 5xx=1"),
            ("/return", "201: b/s 2xx=4 all=4, b/BACKEND 2xx=2 3xx=0 4xx=1 5xx=1"),
            ("/redirect", "302: b/s 2xx=5 all=5, b/BACKEND 2xx=2 3xx=1 4xx=1 5xx=1"),
        ];
        table(&rows, |path| {
            let mut client = proxy.client("fe");
            client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
            let status = client.recv_message().head.status();
            client.recv_to_close();
            let csv = proxy.admin("show stat b -1 -1");
            let names: Vec<&str> = csv.lines().next().unwrap_or_default().split(',').collect();
            let of = |row: &str, name: &str| {
                let line = csv.lines().find(|l| l.starts_with(&format!("b,{row},"))).expect("a row");
                let at = names.iter().position(|n| *n == name).expect("a column");
                line.split(',').nth(at).unwrap_or_default().to_owned()
            };
            let of_server = format!("2xx={} all={}", of("s", "hrsp_2xx"), of("s", "req_tot"));
            let of_backend =
                ["2xx", "3xx", "4xx", "5xx"].map(|c| format!("{c}={}", of("BACKEND", &format!("hrsp_{c}"))));
            format!("{status}: b/s {of_server}, b/BACKEND {}", of_backend.join(" "))
        });
    });
}

#[test]
fn a_backend_in_which_no_server_ever_had_a_weight_is_down_from_the_start() {
    compat(|t| {
        let proxy = t.start(&format!(
            "{HEAD}
            backend off
                server s {{dead}} disabled check
            backend light
                server s {{dead}} weight 0
            backend none
        ",
        ));
        // The 25th column, in seconds.
        let downtime = |name: &str| -> String {
            let stat = proxy.admin("show stat");
            let line = stat.lines().find(|line| line.starts_with(&format!("{name},BACKEND,")));
            line.and_then(|line| line.split(',').nth(24)).expect("a column").to_owned()
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while ["off", "light"].iter().any(|name| downtime(name) == "0") {
            assert!(Instant::now() < deadline, "{} {}", downtime("off"), downtime("light"));
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(downtime("none"), "");
        // So is a server that was in maintenance from the start.
        let stat = proxy.admin("show stat off 4 -1");
        let server = stat.lines().find(|line| line.starts_with("off,s,")).expect("a line");
        assert_ne!(server.split(',').nth(24), Some("0"), "{server}");
    });
}

#[test]
fn limits_and_outcomes_of_servers_are_told_as_the_reference_tells_them() {
    compat(|t| {
        let proxy = t.start(&format!(
            "{HEAD}
            backend b
                server low {{dead}} minconn 2
                server turned {{dead}} minconn 10 maxconn 5
                server both {{dead}} minconn 2 maxconn 5
                server none {{dead}}
                server first {{dead}} check inter 1h agent-check agent-port 1 agent-inter 1h
                server late {{dead}} check inter 1h agent-check agent-port 1 agent-inter 1h
        ",
        ));
        let typed = proxy.admin("show stat b 4 -1 typed");
        let server = |name: &str| -> Vec<&str> {
            let id =
                typed.lines().find(|l| l.ends_with(&format!(".svname.1:KNSV:str:{name}"))).expect("a server");
            let id = id.splitn(4, '.').take(3).collect::<Vec<_>>().join(".");
            typed.lines().filter_map(|l| l.strip_prefix(&id)).collect()
        };
        let rows = [
            ("low slim", "2"),
            ("turned slim", "10"),
            ("both slim", "5"),
            ("none slim", "absent"),
            ("none last_agt", "absent"),
            ("late check_status", "INI"),
            ("late check_duration", "absent"),
            ("late last_chk", ""),
            ("late agent_status", "INI"),
            ("late agent_duration", "0"),
            ("late last_agt", ""),
        ];
        table(&rows, |case| {
            let (name, column) = case.split_once(' ').expect("two words");
            let lines = server(name);
            let told = lines.iter().find(|l| l.split('.').nth(2) == Some(column));
            told.map_or("absent", |l| l.rsplit(':').next().unwrap_or_default()).to_owned()
        });
    });
}

#[test]
fn ages_are_of_the_moment_when_they_are_asked_for() {
    compat(|t| {
        let proxy = t.start(&format!(
            "{HEAD}
            backend b
                server s {{dead}}
        ",
        ));
        proxy.admin("set server b/s state maint");
        std::thread::sleep(Duration::from_millis(1100));
        let stat = proxy.admin("show stat b 4 -1");
        let age = stat.lines().find(|l| l.starts_with("b,s,")).and_then(|l| l.split(',').nth(23));
        assert!(age.and_then(|a| a.parse::<u64>().ok()) >= Some(1), "{stat}");
    });
}
