//! The runtime API: how a session goes, what commands answer, and the shape of the statistics.

use std::collections::BTreeMap;
use std::time::Duration;

use weir_compat::compat;
use weir_testkit::Running;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    stats socket {dir}/user.sock level user
    stats socket {dir}/operator.sock level operator
    node here
    description 'a, \"b\"'
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe} name main
    option socket-stats
    default_backend be
backend be
    balance roundrobin
    server s1 {dead1} weight 10 maxconn 5 maxqueue 7
    server s2 {dead2} backup
    server s3 {dead3} disabled
listen li
    mode tcp
    bind {li}
    server a {dead4}
    server b {dead5}
backend empty
";

/// What `socket` answers to these bytes, up to the end of the connection.
fn ask(proxy: &Running, socket: &str, bytes: &[u8]) -> String {
    let mut client = proxy.unix_client(socket);
    client.send(bytes);
    client.shutdown_write();
    String::from_utf8_lossy(&client.recv_to_close()).into_owned()
}

#[test]
fn a_session_takes_one_line_or_a_dialogue() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        for (sent, wanted) in [
            (&b"echo a;echo b\n"[..], "a\n\nb\n\n"),
            (b"echo a\necho b\n", "a\n\n"),
            (b"\n", "\n"),
            (b";echo a;\n", "\na\n\n\n"),
            (b"echo a\r\n", "a\n\n\n"),
            (b"echo a", ""),
            (b"quit;echo a\n", ""),
            (b"echo a\\;b c\\\\d\n", "a;b c\\d\n\n"),
            (b"echo \"a  b\"\tc\n", "\"a b\" c\n\n"),
            (b"prompt\necho a\n", "\n> a\n\n> "),
            (b"prompt;echo a\nprompt\necho b\n", "\na\n\n> \n"),
            (b"prompt i\necho a\necho b\n", "\na\n\nb\n\n"),
            (b"prompt n\necho a\n", "\n"),
            (b"prompt i\necho a <<\nx\ny\n\necho b\n", "\na\n\nb\n\n"),
            (b"prompt i\necho a <<END\nx\n\nEND\necho b\n", "\na\n\nb\n\n"),
            (b"echo <<\n", ""),
        ] {
            let answer = ask(&proxy, "admin.sock", sent);
            assert_eq!(answer, wanted, "{}", String::from_utf8_lossy(sent));
        }
    });
}

#[test]
fn a_prompt_waits_for_the_rest_of_a_payload() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let mut client = proxy.unix_client("admin.sock");
        client.send("prompt\n").expect("\n> ");
        client.send("echo a <<\n").expect("+ ");
        client.send("line\n").expect("+ ");
        client.send("\n").expect("a\n\n> ");
        client.send("quit\n").expect_eof();
    });
}

#[test]
fn several_clients_are_served_side_by_side() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let mut silent = proxy.unix_client("admin.sock");
        let mut waiting = proxy.unix_client("admin.sock");
        silent.send("prompt i\n").expect("\n");
        waiting.send("wait 300ms;echo late\n");
        assert_eq!(ask(&proxy, "admin.sock", b"echo a\n"), "a\n\n");
        waiting.expect("Done.\n\nlate\n\n").expect_eof();
        silent.send("echo b\n").expect("b\n\n");
    });
}

#[test]
fn what_is_too_long_ends_the_session() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let mut client = proxy.unix_client("admin.sock");
        client.send([b'x'; 17_000]);
        let told = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the configuration to use a bigger command.\n";
        client.expect(told);
        let many = format!("echo{}\n", " a".repeat(64));
        let told = "Too many arguments. Commands must have at most 64 arguments.\n\n";
        assert_eq!(ask(&proxy, "admin.sock", many.as_bytes()), told);
    });
}

#[test]
fn a_level_bounds_what_a_session_may_do() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let denied = "Permission denied\n\n";
        for (socket, command, wanted) in [
            ("user.sock", "show cli level", "user\n\n"),
            ("operator.sock", "show cli level", "operator\n\n"),
            ("admin.sock", "operator;show cli level;user;show cli level", "\noperator\n\n\nuser\n\n"),
            ("admin.sock", "user;operator;show cli level", "\nPermission denied\n\nuser\n\n"),
            ("user.sock", "show env", denied),
            ("user.sock", "show errors", denied),
            ("user.sock", "clear counters", denied),
            ("operator.sock", "clear counters", "\n"),
            ("operator.sock", "clear counters all", denied),
            ("operator.sock", "set server be/s1 state maint", denied),
            ("operator.sock", "set maxconn global 5", denied),
            ("operator.sock", "disable server be/s1", denied),
            ("operator.sock", "set maxconn frontend fe 5", denied),
            ("operator.sock", "wait 1", denied),
            ("user.sock", "get weight be/s1", "10 (initial 10)\n\n"),
            ("user.sock", "set timeout cli 5", "\n"),
        ] {
            assert_eq!(ask(&proxy, socket, format!("{command}\n").as_bytes()), wanted, "{socket}: {command}");
        }
    });
}

#[test]
fn mistakes_are_answered_in_words() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        for (command, wanted) in [
            ("show stat nope 1 -1", "No such proxy.\n\n"),
            ("show servers state nope", "Can't find backend.\n\n"),
            ("show servers conn nope", "Can't find backend.\n\n"),
            ("show errors nope", "No such proxy.\n\n"),
            ("show env no_such_variable", "Variable not found\n\n"),
            ("get weight", "Require 'backend/server'.\n\n"),
            ("get weight no/s1", "No such backend.\n\n"),
            ("get weight be/no", "No such server.\n\n"),
            ("set server be", "Require 'backend/server'.\n\n"),
            (
                "set server be/s1 state x",
                "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n",
            ),
            (
                "set server be/s1 health x",
                "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n",
            ),
            ("set weight be/s1", "Require <weight> or <weight%>.\n\n"),
            ("set weight be/s1 x", "Empty weight string empty or preceded by garbage\n\n"),
            ("set weight be/s1 5x", "Trailing garbage in weight string\n\n"),
            ("set weight be/s1 -5%", "Relative weight must be positive.\n\n"),
            ("set weight be/s1 300", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
            ("set maxconn server be/s1", "Require <maxconn>.\n\n"),
            ("set maxconn server be/s1 x", "maxconn string empty or preceded by garbage\n\n"),
            ("set maxconn frontend", "A frontend name is expected.\n\n"),
            ("set maxconn frontend nope 5", "No such frontend.\n\n"),
            ("set maxconn frontend fe", "Integer value expected.\n\n"),
            ("set maxconn frontend fe -1", "Value out of range.\n\n"),
            ("set maxconn global", "Expects an integer value.\n\n"),
            ("set maxconn global 5000", "Value out of range.\n\n"),
            ("disable frontend nope", "No such frontend.\n\n"),
            ("enable frontend fe", "All sockets are already enabled.\n\n"),
            ("set timeout", "'set timeout' only supports 'cli'.\n\n"),
            ("set timeout cli", "Expects an integer value.\n\n"),
            ("set timeout cli x", "Invalid timeout value.\n\n"),
            ("wait", "Expects a duration in milliseconds.\n\n"),
            ("wait x", "Invalid duration.\n\n"),
        ] {
            assert_eq!(proxy.admin(command), wanted, "{command}");
        }
    });
}

#[test]
fn an_unknown_command_is_told_what_there_is() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let said = proxy.admin("show stut");
        let head = "Unknown command: 'show', but maybe one of the following ones is a better match:\n";
        assert!(said.starts_with(head), "{said}");
        let stat = "  show stat [desc|json|no-maint|typed|up]*: report counters for each proxy and server\n";
        assert!(said.contains(stat), "{said}");
        let tail = "  help [<command>]                        : list matching or all commands
  prompt [help | n | i | p | timed ]*     : toggle interactive mode with prompt
  quit                                    : disconnect

";
        assert!(said.ends_with(tail), "{said}");
        let help = proxy.admin("help");
        assert!(help.starts_with("The following commands are valid at this level:\n"), "{help}");
        assert!(help.contains(stat) && help.ends_with(tail), "{help}");
    });
}

/// The lines that `help` of the reference prints for the commands that Weir has.
#[test]
fn help_lists_commands_in_the_words_of_the_reference() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let help = proxy.admin("help");
        for line in [
            "  clear counters [all]                    : clear max statistics counters (or all counters)",
            "  disable frontend <frontend>             : temporarily disable specific frontend",
            "  disable server (DEPRECATED)             : disable a server for maintenance (use 'set server' instead)",
            "  enable server  (DEPRECATED)             : enable a disabled server (use 'set server' instead)",
            "  get weight <bk>/<srv>                   : report a server's current weight",
            "  set maxconn frontend <frontend> <value> : change a frontend's maxconn setting",
            "  set server <bk>/<srv> [opts]            : change a server's state, weight, address or ssl",
            "  set weight <bk>/<srv>  (DEPRECATED)     : change a server's weight (use 'set server' instead)",
            "  show errors [<px>] [request|response]   : report last request and/or response errors for each proxy",
            "  show info [desc|json|typed|float]*      : report information about the running process",
            "  show servers state [<backend>]          : dump volatile server information (all or for a single backend)",
            "  wait {-h|<delay_ms>} cond [args...]     : wait the specified delay or condition (-h to see list)",
        ] {
            assert!(help.lines().any(|l| l == line), "{line}\n{help}");
        }
        // What is always listed has nothing like it.
        for words in ["help", "prompt x", "quit"] {
            let shown = proxy.admin(&format!("help {words}"));
            assert_eq!(shown.lines().filter(|line| line.starts_with("  ")).count(), 3, "{shown}");
        }
        assert_eq!(proxy.admin("show ssl cert"), "\n");
    });
}

/// `show info` as fields, those that differ from run to run masked.
fn info(text: &str) -> String {
    let own = [
        "Version",
        "Release_date",
        "Pid",
        "Uptime",
        "CumConns",
        "CumReq",
        "Tasks",
        "Idle_pct",
        "Jobs",
        "TotalBytesOut",
        "BytesOutRate",
        "Build info",
        "PoolAlloc",
        "PoolUsed",
        "Start_time_sec",
        "TotalWarnings",
        "BootTime_ms",
        "CumStreams",
        "PatternsAdded",
        "ConnRate",
        "SessRate",
        "MaxConnRate",
        "MaxSessRate",
        "CurrStreams",
        "Listeners",
    ];
    let mask = |line: &str| {
        let head = line.split([':', '.']).find(|part| part.parse::<u32>().is_err()).unwrap_or(line);
        match own.iter().any(|name| head.starts_with(name)) {
            true => format!("{head} *"),
            false => line.to_owned(),
        }
    };
    text.lines().map(mask).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_process_shows_its_fields_in_order() {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let seen = std::cell::RefCell::new(&mut seen);
    compat(|t| {
        let proxy = t.start(CONFIG);
        for command in
            ["show info", "show info desc", "show info typed", "show info typed float", "show info float"]
        {
            let text = info(&proxy.admin(command));
            assert!(text.contains("Hard_maxconn"), "{text}");
            let mut seen = seen.borrow_mut();
            let first = seen.entry(command).or_insert_with(|| text.clone());
            assert_eq!(&text, first, "{command}");
        }
    });
}

/// CSV as rows of cells.
fn cells(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        row.push(cell);
        rows.push(row);
    }
    rows
}

#[test]
fn every_object_has_its_row_with_the_columns_of_its_kind() {
    let first = std::cell::RefCell::new(None);
    compat(|t| {
        let proxy = t.start(CONFIG);
        let rows = cells(&proxy.admin("show stat"));
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        let objects: Vec<_> = rows.iter().skip(1).map(|row| format!("{}/{}", row[0], row[1])).collect();
        let wanted = [
            "fe/FRONTEND",
            "fe/main",
            "be/s1",
            "be/s2",
            "be/s3",
            "be/BACKEND",
            "li/FRONTEND",
            "li/a",
            "li/b",
            "li/BACKEND",
            "empty/BACKEND",
        ];
        assert_eq!(objects, wanted);
        // Addresses are free ports, and seconds pass.
        let vary = ["lastchg", "addr", "downtime"];
        let shape: Vec<String> = rows
            .iter()
            .map(|row| {
                let cell = |(name, cell): (&String, &String)| {
                    if vary.contains(&name.as_str()) { (!cell.is_empty()).to_string() } else { cell.clone() }
                };
                rows[0].iter().zip(row).map(cell).collect::<Vec<_>>().join(",")
            })
            .collect();
        let mut first = first.borrow_mut();
        assert_eq!(&shape, first.get_or_insert_with(|| shape.clone()));
    });
}

#[test]
fn statistics_are_narrowed_by_proxy_kind_server_and_state() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        for (command, wanted) in [
            ("show stat be 2 -1", &["be/BACKEND"][..]),
            ("show stat be 4 2", &["be/s2"]),
            ("show stat fe 1 -1", &["fe/FRONTEND"]),
            ("show stat fe 8 -1", &["fe/main"]),
            ("show stat fe 2 -1", &[]),
            ("show stat 99 -1 -1", &[]),
            ("show stat -1 2 -1", &["be/BACKEND", "li/BACKEND", "empty/BACKEND"]),
            ("show stat be 6 1 up", &["be/s1", "be/BACKEND"]),
            ("show stat be 4 -1 no-maint", &["be/s1", "be/s2"]),
        ] {
            let rows = cells(&proxy.admin(command));
            let objects: Vec<_> = rows.iter().skip(1).map(|row| format!("{}/{}", row[0], row[1])).collect();
            assert_eq!(objects, wanted, "{command}");
        }
    });
}

/// A row's cell by the name of its column.
fn cell(proxy: &Running, object: &str, column: &str) -> String {
    let rows = cells(&proxy.admin("show stat"));
    let at = rows[0].iter().position(|name| name == column).unwrap();
    let row = rows.iter().find(|row| format!("{}/{}", row[0], row[1]) == object).unwrap();
    row[at].clone()
}

#[test]
fn an_operator_moves_servers_in_and_out_of_traffic() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        for (command, object, wanted) in [
            ("set server be/s2 state drain", "be/s2", "DRAIN"),
            ("set server be/s2 state maint", "be/s2", "MAINT"),
            ("set server be/s2 state ready", "be/s2", "no check"),
            ("disable server be/s1", "be/s1", "MAINT"),
            ("enable server be/s1", "be/s1", "no check"),
            ("enable server be/s3", "be/s3", "no check"),
            ("set server be/s1 health down", "be/s1", "DOWN"),
            ("set server be/s1 health stopping", "be/s1", "NOLB"),
            ("set server be/s1 health up", "be/s1", "no check"),
            ("disable frontend fe", "fe/FRONTEND", "PAUSED"),
            ("enable frontend fe", "fe/FRONTEND", "OPEN"),
        ] {
            proxy.admin(command);
            assert_eq!(cell(&proxy, object, "status"), wanted, "{command}");
        }
        for (command, object, column, wanted) in [
            ("set weight be/s1 50%", "be/s1", "weight", "5"),
            ("set server be/s1 weight 20", "be/BACKEND", "weight", "21"),
            ("set maxconn server be/s1 9", "be/s1", "slim", "9"),
            ("set maxconn frontend fe 7", "fe/FRONTEND", "slim", "7"),
        ] {
            assert_eq!(proxy.admin(command), "\n", "{command}");
            assert_eq!(cell(&proxy, object, column), wanted, "{command}");
        }
    });
}

#[test]
fn traffic_is_counted_and_counters_are_cleared() {
    compat(|t| {
        let server = t.origin("srv");
        let serving = server.serve(|peer, _| {
            peer.recv_head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").close();
        });
        let mut proxy = t.start(
            "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen fe
    bind {fe}
    monitor-uri /probe
    server s {srv}
    server none {dead} backup
",
        );
        let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        for target in ["/", "/", "/probe"] {
            let mut client = proxy.client("fe");
            client.send(request(target));
            client.recv_to_close();
        }
        let mut client = proxy.client("fe");
        client.send("nonsense\r\n\r\n");
        client.recv_to_close();
        std::thread::sleep(Duration::from_millis(100));
        let columns: Vec<_> = [
            ("fe/FRONTEND", "stot", "4"),
            ("fe/FRONTEND", "conn_tot", "4"),
            ("fe/FRONTEND", "req_tot", "4"),
            ("fe/FRONTEND", "hrsp_2xx", "3"),
            ("fe/FRONTEND", "hrsp_4xx", "1"),
            ("fe/FRONTEND", "ereq", "1"),
            ("fe/FRONTEND", "intercepted", "1"),
            ("fe/s", "stot", "2"),
            ("fe/s", "lbtot", "2"),
            ("fe/s", "hrsp_2xx", "2"),
            ("fe/s", "connect", "2"),
            ("fe/s", "smax", "1"),
            ("fe/none", "stot", "0"),
            ("fe/none", "lastsess", "-1"),
            ("fe/BACKEND", "stot", "2"),
            ("fe/BACKEND", "req_tot", "2"),
        ]
        .into_iter()
        .filter(|(object, column, wanted)| cell(&proxy, object, column) != *wanted)
        .map(|(object, column, _)| format!("{object} {column} = {}", cell(&proxy, object, column)))
        .collect();
        assert!(columns.is_empty(), "{columns:?}");
        for column in ["bin", "bout"] {
            let sides = ["fe/FRONTEND", "fe/BACKEND", "fe/s"].map(|object| cell(&proxy, object, column));
            assert!(sides.iter().all(|n| n.parse::<u64>().unwrap() > 60), "{column}: {sides:?}");
        }
        proxy.admin("clear counters");
        assert_eq!((cell(&proxy, "fe/s", "smax"), cell(&proxy, "fe/s", "stot")), ("0".into(), "2".into()));
        proxy.admin("clear counters all");
        assert_eq!(
            (cell(&proxy, "fe/s", "stot"), cell(&proxy, "fe/FRONTEND", "req_tot")),
            ("0".into(), "0".into())
        );
        drop(serving);
    });
}

#[test]
fn servers_are_listed_with_their_state() {
    compat(|t| {
        let proxy = t.start(CONFIG);
        let text = proxy.admin("show servers state be");
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        assert_eq!(lines[0], ["1"]);
        assert_eq!(lines[1].len(), lines[2].len() + 1);
        let states: Vec<_> =
            lines.iter().skip(2).filter(|l| l.len() > 9).map(|l| (l[3], l[5], l[6], l[7], l[8])).collect();
        assert_eq!(
            states,
            [("s1", "2", "0", "10", "10"), ("s2", "2", "0", "1", "1"), ("s3", "0", "5", "1", "1")]
        );
        assert_eq!(proxy.admin("show backend"), "# name\nbe\nli\nempty\n\n");
        let sockets = proxy.admin("show cli sockets");
        assert!(sockets.starts_with("# socket lvl processes\nunix@"), "{sockets}");
        assert!(sockets.lines().nth(2).unwrap().ends_with("/user.sock user all"), "{sockets}");
    });
}

/// `severity-output` of the socket, and `set severity-output` of a session.
#[test]
fn messages_are_marked_with_their_severity_where_it_is_asked_for() {
    compat(|t| {
        let config = CONFIG.replace(
            "stats socket {dir}/user.sock level user",
            "stats socket {dir}/user.sock level admin severity-output number",
        );
        let proxy = t.start(&config);
        for (command, answer) in [
            ("get weight be/x", "[3]: No such server.\n\n"),
            ("get weight be/s1", "10 (initial 10)\n\n"),
            ("show cli level", "[6]: admin\n\n"),
            ("echo hi", "[6]: hi\n\n"),
            ("enable frontend fe", "[5]: All sockets are already enabled.\n\n"),
            ("set severity-output string; get weight be/x", "\n[err]: No such server.\n\n"),
            ("set severity-output none; get weight be/x", "\nNo such server.\n\n"),
            ("operator; set weight be/s1 1", "\n[3]: Permission denied\n\n"),
            ("show env NOPE_HERE", "[3]: Variable not found\n\n"),
            ("set maxconn global", "[3]: Expects an integer value.\n\n"),
            ("set severity-output", "[3]: one of 'none', 'number', 'string' is a required argument\n\n"),
            ("set severity-output bad", "[3]: one of 'none', 'number', 'string' is a required argument\n\n"),
        ] {
            assert_eq!(ask(&proxy, "user.sock", format!("{command}\n").as_bytes()), answer, "{command}");
        }
        let plain = "set severity-output number; get weight be/x\n";
        assert_eq!(ask(&proxy, "admin.sock", plain.as_bytes()), "\n[3]: No such server.\n\n");
    });
}

const SENT: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    retries 0
frontend fe
    bind {fe} name main
    option socket-stats
    http-request deny if { path /deny }
    http-request return status 200 content-type text/plain string hello if { path /ret }
    http-request set-path /longer%[path] if { path /p }
    http-response del-header a
    use_backend dead if { path /dead }
    default_backend be
backend be
    option forwardfor
    server s {srv}
backend dead
    server d {dead}
";

/// Of each object the bytes of requests, as they came and as they were sent, and those of responses.
fn passed(proxy: &Running) -> Vec<[u64; 4]> {
    let rows = cells(&proxy.admin("show stat"));
    let at = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    let columns = ["reqbin", "reqbout", "resbin", "resbout"].map(at);
    let number = |row: &Vec<String>, column: usize| row[column].parse().unwrap_or(0);
    rows[1..].iter().map(|row| columns.map(|column| number(row, column))).collect()
}

#[test]
fn messages_are_counted_as_they_came_and_as_they_were_sent() {
    compat(|t| {
        let _server = t.origin("srv").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: b\r\n\r\nhi");
        let mut proxy = t.start(SENT);
        let mut before = passed(&proxy);
        for (path, body, wanted) in [
            // The frontend, its listener, the server and its backend, then those of the other.
            ("/", "", [[38, 62, 53, 51]; 4]),
            ("/p", "", [[39, 70, 53, 51]; 4]),
            ("/", "0123456789", [[65, 89, 53, 51]; 4]),
            ("/deny", "", [[42, 0, 0, 384], [42, 0, 0, 384], [0; 4], [0; 4]]),
            ("/ret", "", [[41, 0, 0, 152], [41, 0, 0, 152], [0; 4], [0; 4]]),
            ("/dead", "", [[42, 0, 0, 434], [42, 0, 0, 434], [0; 4], [0; 4]]),
        ] {
            let mut client = proxy.client("fe");
            let (method, length) = match body.len() {
                0 => ("GET", String::new()),
                length => ("POST", format!("Content-Length: {length}\r\n")),
            };
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}"));
            client.recv_message();
            drop(client);
            let until = std::time::Instant::now() + Duration::from_secs(10);
            loop {
                let after = passed(&proxy);
                let grown: Vec<[u64; 4]> = before
                    .iter()
                    .zip(&after)
                    .map(|(before, after)| std::array::from_fn(|at| after[at] - before[at]))
                    .collect();
                if grown[..4] == wanted {
                    before = after;
                    break;
                }
                assert!(std::time::Instant::now() < until, "{path}: {grown:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
}
