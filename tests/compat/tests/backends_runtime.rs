//! Backends that come and go while the program runs: `add backend`, `del backend`, `wait be-removable`, and the
//! traffic that is led to them by name.
//!
//! `backends_runtime.txt` holds commands in order: `> command`, then the lines of the answer, each behind a `|`.

use weir_compat::compat;
use weir_testkit::{Origin, Running, Serving, Signal};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    nbthread 2
defaults http
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
defaults heir from http
    retries 2
defaults bare
    fullconn 77
defaults logs
    mode log
defaults hashed
    mode http
    balance uri
defaults page
    mode http
    balance hdr(host)
    cookie C insert
    stats enable
    option forwardfor
defaults fronts from http
    http-request set-header x-a b
defaults conns from http
    tcp-request connection accept
defaults rules from http
    http-request set-header x-servers %[nbsrv]
defaults through
    mode tcp
    option transparent
frontend fe from fronts
    bind {fe}
    guid front
    use_backend named if FALSE
    default_backend be
listen li from http
    bind {li}
backend be from http
    guid back
    server s1 {dead1} guid one
backend named from http
backend asked from http
backend asking from http
    http-request set-header x-servers %[nbsrv(asked)]
backend sticky from http
    stick-table type ip size 100 expire 1m
backend off from http
    id 400
    disabled
backend lb from logs
    server l udp@{dead2}
backend free from http
";

fn ask(proxy: &Running, command: &str) -> String {
    let mut client = proxy.unix_client("admin.sock");
    client.send(format!("{command}\n"));
    let answer: String = client.recv_to_close().iter().map(|byte| char::from(*byte)).collect();
    answer.trim_end().to_owned()
}

/// The place of a section, which differs from run to run, as `AT`.
fn without_place(text: &str) -> String {
    match text.split_once("defaults section at ") {
        Some((before, _)) => format!("{before}defaults section at AT)."),
        None => text.to_owned(),
    }
}

#[test]
fn backends_come_and_go_in_the_words_of_the_reference() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let mut lines = include_str!("backends_runtime.txt").lines().peekable();
        let (mut count, mut faults) = (0, String::new());
        while let Some(head) = lines.next() {
            let command = head.strip_prefix("> ").expect("a command");
            let mut wanted = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
                wanted.push(&line[1..]);
            }
            let mut answer = without_place(&ask(&proxy, command));
            if command.starts_with("del backend") {
                // The reference says once more what it said of servers before.
                answer = answer.lines().last().unwrap_or_default().to_owned();
            }
            count += 1;
            if answer != wanted.join("\n").trim_end() {
                faults.push_str(&format!(
                    "{head}\n--- wanted\n{}\n--- answered\n{answer}\n",
                    wanted.join("\n")
                ));
            }
        }
        assert!(count > 80, "{count} commands");
        assert!(faults.is_empty(), "{faults}");
    });
}

const TRAFFIC: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults http
    mode http
    balance roundrobin
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    retries 1
defaults slow from http
    http-request wait-for-body time 20s
defaults asks from http
    http-request return status 200 content-type text/plain lf-string \"%[nbsrv]/%[nbsrv(main)]/%[be_name]\"
defaults old from http
    fullconn 44
frontend fe from http
    bind {fe}
    http-response set-header x-server %s
    use_backend %[path,field(2,/)] if { path_beg /by }
    default_backend main
backend main from http
    server s1 {b}
";

fn answering(origin: Origin) -> Serving {
    origin.answer_all("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The server that a request goes to, else the answer's status, else its body.
fn served(proxy: &mut Running, path: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
    let answer = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let name = head.lines().find_map(|l| l.strip_prefix("x-server: "));
    match name.filter(|name| *name != "<NOSRV>") {
        Some(name) => name.to_owned(),
        None if body.is_empty() || body.starts_with('<') => head[9..12].to_owned(),
        None => body.to_owned(),
    }
}

/// Some columns of the rows of a backend and its servers.
fn rows(proxy: &Running, backend: &str) -> Vec<String> {
    let text = ask(proxy, &format!("show stat {backend} 6 -1"));
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let wanted = ["svname", "status", "weight", "act", "slim", "stot", "iid", "sid", "srid", "mode", "algo"];
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |name: &&str| cells[names.iter().position(|n| n == name).expect("a column")];
            wanted.iter().map(cell).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn traffic_goes_to_a_backend_that_came_and_keeps_it_while_it_lasts() {
    compat(|t| {
        let _a = answering(t.origin("a"));
        let _b = answering(t.origin("b"));
        let mut proxy = t.start(TRAFFIC);
        let a = proxy.address("a").to_string();
        assert_eq!(served(&mut proxy, "/by_name"), "s1");
        assert_eq!(ask(&proxy, "add backend by_name from http"), "New backend registered.");
        assert_eq!(served(&mut proxy, "/by_name"), "s1", "it is not published");
        assert_eq!(rows(&proxy, "by_name"), ["BACKEND UP (UNPUB) 0 0 0 0 4 0  http roundrobin"]);
        assert_eq!(ask(&proxy, "publish backend by_name"), "Backend published.");
        assert_eq!(served(&mut proxy, "/by_name"), "503");
        for name in ["x", "y"] {
            let added = ask(&proxy, &format!("add server by_name/{name} {a} weight 3"));
            assert_eq!(added, "New server registered.");
            assert_eq!(ask(&proxy, &format!("enable server by_name/{name}")), "");
        }
        let mut seen: Vec<String> = (0..4).map(|_| served(&mut proxy, "/by_name")).collect();
        seen.sort();
        assert_eq!(seen, ["x", "x", "y", "y"]);
        let wanted = [
            "y no check 3 1  2 4 2 0 http ",
            "x no check 3 1  2 4 1 0 http ",
            "BACKEND UP 6 2 0 5 4 0  http roundrobin",
        ];
        assert_eq!(rows(&proxy, "by_name"), wanted);
        // Rules of the defaults ask about the backend itself, and about others.
        assert_eq!(ask(&proxy, "add backend by_rule from asks"), "New backend registered.");
        assert_eq!(ask(&proxy, "publish backend by_rule"), "Backend published.");
        assert_eq!(served(&mut proxy, "/by_rule"), "0/1/by_rule");
        assert_eq!(
            ask(&proxy, &format!("add server by_rule/z {a};enable server by_rule/z")),
            "New server registered."
        );
        assert_eq!(served(&mut proxy, "/by_rule"), "1/1/by_rule");
        assert_eq!(ask(&proxy, "add backend by_old from old mode http"), "New backend registered.");
        assert_eq!(rows(&proxy, "by_old"), ["BACKEND UP (UNPUB) 0 0 44 0 6 0  http roundrobin"]);
        // Sessions keep it.
        assert_eq!(ask(&proxy, "add backend by_slow from slow"), "New backend registered.");
        assert_eq!(ask(&proxy, "publish backend by_slow"), "Backend published.");
        let mut client = proxy.client("fe");
        client.send("POST /by_slow HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n");
        proxy.admin_until("show stat by_slow 2 -1", "by_slow,BACKEND,0,0,1,");
        assert_eq!(ask(&proxy, "unpublish backend by_slow"), "Backend unpublished.");
        let attached = "Backend still has attached streams on it.";
        assert_eq!(ask(&proxy, "del backend by_slow"), attached);
        let expired = format!("Wait delay expired. {attached}");
        assert_eq!(ask(&proxy, "wait 10ms be-removable by_slow"), expired);
        client.send("xx");
        client.recv_message();
        assert_eq!(ask(&proxy, "wait 10s be-removable by_slow"), "Done.");
        assert!(ask(&proxy, "del backend by_slow").ends_with("Backend deleted."));
        assert_eq!(served(&mut proxy, "/by_slow"), "s1");
        // Another of that name takes nothing over.
        assert_eq!(ask(&proxy, "add backend by_slow from http"), "New backend registered.");
        assert_eq!(rows(&proxy, "by_slow"), ["BACKEND UP (UNPUB) 0 0 0 0 7 0  http roundrobin"]);
    });
}

#[test]
fn a_reload_keeps_backends_that_came_while_the_files_allow_it() {
    compat(|t| {
        if !t.differs("The reference forgets with its process what was changed at run time.") {
            return;
        }
        let _a = answering(t.origin("a"));
        let _b = answering(t.origin("b"));
        let mut proxy = t.start(TRAFFIC);
        let a = proxy.address("a").to_string();
        for command in
            ["add backend by_name from http", "add backend by_old from old", "add backend by_rule from asks"]
        {
            assert_eq!(ask(&proxy, command), "New backend registered.");
        }
        ask(&proxy, "publish backend by_name;publish backend by_rule");
        for name in ["x", "y"] {
            ask(&proxy, &format!("add server by_name/{name} {a};enable server by_name/{name}"));
        }
        let before = rows(&proxy, "by_name");
        let config = proxy.dir().join("test.cfg");
        let text = std::fs::read_to_string(&config).unwrap().replace("defaults old", "defaults new");
        std::fs::write(&config, text).unwrap();
        proxy.signal(Signal::HUP);
        let said = proxy.stderr_until("Reload done");
        assert!(
            said.contains("backend 'by_old', added at run time, is lost: Cannot find default proxy 'old'.")
        );
        assert_eq!(rows(&proxy, "by_name"), before);
        let mut seen = [served(&mut proxy, "/by_name"), served(&mut proxy, "/by_name")];
        seen.sort();
        assert_eq!(seen, ["x", "y"]);
        assert_eq!(served(&mut proxy, "/by_rule"), "0/1/by_rule");
        assert_eq!(ask(&proxy, "show backend"), "# name\nmain\nby_name\nby_rule");
        assert_eq!(ask(&proxy, "add backend next from new"), "New backend registered.");
    });
}
