//! Variables of the process: set by `global`, by the runtime API and by rules, and what variables may hold.

use weir_compat::compat;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    set-var proc.a str(hello)
    set-var proc.n int(5),add(2)
    set-var proc.b var(proc.a),upper
    set-var-fmt proc.f \"x %[int(3)] y\"
    set-var proc.t bool(true)
    set-var proc.none str(a),map_str_int(virt@none)
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request set-var(proc.seen) path if { path /seen }
    http-request return status 200 content-type text/plain lf-string \"%[var(proc.a)] %[var(proc.n)] %[var(proc.b)] %[var(proc.q)] %[var(proc.seen)]\"
";

#[test]
fn variables_of_the_process_are_read_and_set() {
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        let body = |proxy: &mut weir_testkit::Running, target: &str| {
            let mut client = proxy.client("fe");
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
            String::from_utf8(client.recv_message().body).unwrap()
        };
        assert_eq!(body(&mut proxy, "/"), "hello 7 HELLO  ");
        assert_eq!(body(&mut proxy, "/seen"), "hello 7 HELLO  /seen");
        for line in CASES.lines().filter(|l| !l.is_empty()) {
            let (command, answer) = line.split_once(" => ").unwrap();
            let answer = answer.replace('|', "\n");
            assert_eq!(
                proxy.admin(command).trim_end_matches('\n'),
                answer.trim_end_matches('\n'),
                "{command}"
            );
        }
        assert_eq!(body(&mut proxy, "/"), "hello 7 HELLO x /seen");
    });
}

/// Rows: what the variable holds before (`-` for nothing), the condition, the new value, what it holds then.
#[test]
fn variables_are_set_under_conditions() {
    const ROWS: &str = "
        - ifexists int(3) -          | int(0) ifexists int(3) 3    | - ifnotexists int(3) 3    | int(0) ifnotexists int(3) 0
        - ifempty int(0) -           | int(7) ifempty str() [empty] | int(7) ifempty str(x) 7  | int(7) ifempty int(0) 7
        - ifnotempty int(0) 0        | int(7) ifnotempty str() 7   | int(7) ifnotempty src 127.0.0.1
        - ifset int(3) -             | int(0) ifset int(3) 3       | str() ifset int(0) 0      | - ifnotset int(3) 3
        int(7) ifnotset int(0) 7     | str() ifnotset str(x) [empty]
        - ifgt int(3) 3              | int(7) ifgt int(3) 3        | int(3) ifgt int(7) 3      | int(7) ifgt int(7) 7
        int(3) ifgt str(9) 9         | str(3) ifgt int(9) 9        | int(3) ifgt bool(true) 1  | src ifgt int(9) 9
        - iflt int(3) 3              | int(7) iflt int(3) 7        | int(3) iflt int(7) 7      | int(7) iflt int(-9) 7
        int(9) iflt str(3) 3         | int(3) iflt,ifnotempty int(7) 7 | int(3) ifgt,ifexists int(7) 3
        proc ifexists int(3) 3       | proc ifnotexists int(3) -   | proc ifset int(3) -       | proc ifnotset int(3) 3
    ";
    let rows: Vec<Vec<&str>> = ROWS
        .split(['|', '\n'])
        .map(|row| row.split_whitespace().collect())
        .filter(|row: &Vec<&str>| !row.is_empty())
        .collect();
    compat(|t| {
        // Each row by the action and by the converter.
        let mut rules = String::new();
        for (n, row) in rows.iter().enumerate() {
            for (form, at) in [("action", 2 * n), ("converter", 2 * n + 1)] {
                let scope = if row[0] == "proc" { "proc" } else { "txn" };
                let var = format!("{scope}.v{at}");
                let here = format!("if {{ url_param(n) {at} }}");
                if !["-", "proc"].contains(&row[0]) {
                    rules += &format!(" http-request set-var({var}) {} {here}\n", row[0]);
                }
                rules += &match form {
                    "action" => format!(" http-request set-var({var},{}) {} {here}\n", row[1], row[2]),
                    _ => {
                        format!(" http-request set-header x %[{},set-var({var},{})] {here}\n", row[2], row[1])
                    }
                };
                rules += &format!(
                    " http-request return status 200 content-type text/plain string - {here} !{{ var({var}) -m found }}\n \
                     http-request return status 200 content-type text/plain string [empty] {here} {{ var({var}) -m len 0 }}\n \
                     http-request return status 200 content-type text/plain lf-string %[var({var})] {here}\n"
                );
            }
        }
        let mut proxy = t.start(&weir_compat::Proxy::http().frontend(&rules).servers("").text());
        let mut client = proxy.client("fe");
        for (n, row) in rows.iter().enumerate() {
            for at in [2 * n, 2 * n + 1] {
                client.send(format!("GET /?n={at} HTTP/1.1\r\nHost: h\r\n\r\n"));
                let body = String::from_utf8(client.recv_message().body).unwrap();
                assert_eq!(
                    body,
                    row[3],
                    "{row:?}, {}",
                    if at % 2 == 0 { "the action" } else { "the converter" }
                );
            }
        }
    });
}

const CASES: &str = r"
get var proc.a => proc.a: type=str value=<hello>
get var proc.n => proc.n: type=sint value=<7>
get var proc.b => proc.b: type=str value=<HELLO>
get var proc.f => proc.f: type=str value=<x 3 y>
get var proc.t => proc.t: type=bool value=<1>
get var proc.seen => proc.seen: type=str value=</seen>
get var proc.none => Variable not found.
get var => Missing process-wide variable identifier.
get var proc.zz => Variable not found.
get var txn.a => Variable not found.
get var foo => Variable not found.
get var proc. => Variable not found.
get var proc.a b => proc.a: type=str value=<hello>
user; get var proc.a => |Permission denied
operator; get var proc.a => |proc.a: type=str value=<hello>
set var proc.q int(7) => This command is restricted to experimental mode only.
expert-mode on; set var proc.q int(7) => |This command is restricted to experimental mode only.
experimental-mode on; set var proc.q int(7); get var proc.q => ||proc.q: type=sint value=<7>
experimental-mode on; set var proc.q str(a),upper; get var proc.q => ||proc.q: type=str value=<A>
experimental-mode on; set var => |Missing process-wide variable identifier.
experimental-mode on; set var proc.q => |Missing either 'expr', 'fmt' or expression.
experimental-mode on; set var proc.q expr => |unknown fetch method 'expr'
experimental-mode on; set var proc.q fmt a\ b%[int(3)]; get var proc.q => ||proc.q: type=str value=<a b3>
experimental-mode on; set var txn.q str(x) => |'set var': cannot set variable 'txn.q', only scope 'proc' is permitted here.
experimental-mode on; set var proc.q foo(x) => |unknown fetch method 'foo'
experimental-mode on; set var proc.q src => |fetch method 'set-var(proc.q)' extracts information from 'client address', none of which is available here
experimental-mode on; set var proc.q path => |fetch method 'set-var(proc.q)' extracts information from 'HTTP request headers', none of which is available here
experimental-mode on; set var proc.q fmt %[foo] => |failed to parse sample expression <foo]> : unknown fetch method 'foo'
experimental-mode on; set var proc.q fmt %[src] => |sample fetch <src> may not be reliably used here because it needs 'client address' which is not available here
experimental-mode on; set var foo int(1) => |invalid variable name 'foo'. A variable name must start with its scope. The scope can be 'proc', '(p)sess', '(p)txn', '(p)req', '(p)res' or 'check'
experimental-mode on; set var proc.bad-x int(1) => |invalid syntax at char '-'
experimental-mode on; set var proc.q str(1.2.3.4),ipmask(8); get var proc.q => ||proc.q: type=ipv4 value=<1.0.0.0>
experimental-mode on; set var proc.q str(abc),sha1; get var proc.q => ||proc.q: type=bin value=<..>6G..j.>%qxP.l....>
experimental-mode on; set var proc.q str(abc) def => |'set var': arg type must be either 'expr' or 'fmt' but got 'str(abc)'.
experimental-mode on; set var proc.q expr int(1) int(2); get var proc.q => ||proc.q: type=sint value=<1>
experimental-mode on; set var proc.q fmt a b; get var proc.q => ||proc.q: type=str value=<a>
experimental-mode on; user; set var proc.q int(1) => ||This command is restricted to experimental mode only.
experimental-mode on; set var proc.q int(1),foo => |unknown converter 'foo'
experimental-mode on; set var proc.q int(x) => |fetch method 'int' : failed to parse 'x' as type 'integer' at position 1
experimental-mode => experimental-mode is OFF
expert-mode => expert-mode is OFF
experimental-mode on; experimental-mode; experimental-mode x; experimental-mode => |experimental-mode is ON|||experimental-mode is OFF
user; experimental-mode => |Permission denied
operator; experimental-mode on => |Permission denied
experimental-mode on; set var proc.q expr str(x); get var proc.q => ||proc.q: type=str value=<x>
";

#[test]
fn variables_hold_no_more_than_their_limits() {
    // The value of a variable that does not fit is of no meaning; whether it is the one that was given is tested.
    let cases = [
        ("txn", "txn", 10, Some(20)),
        ("sess", "req", 10, Some(20)),
        ("reqres", "txn", 100, None),
        ("sess", "sess", 10, Some(20)),
        ("txn", "sess", 100, None),
        ("proc", "txn", 10, Some(20)),
    ];
    for (limit, scope, fits, too_long) in cases {
        compat(|t| {
            let config = LIMITED.replace("LIMIT", limit).replace("SCOPE", scope);
            let mut proxy = t.start(&config);
            for length in [Some(fits), too_long].into_iter().flatten() {
                let value = "v".repeat(length);
                let mut client = proxy.client("fe");
                client.send(format!("GET /?v={value} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
                let body = client.recv_message().body;
                assert_eq!(body == value.as_bytes(), length == fits, "{limit} {scope} {length}");
            }
        });
    }
}

const LIMITED: &str = "
global
    tune.vars.LIMIT-max-size 100
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request set-var(SCOPE.a) url_param(v)
    http-request return status 200 content-type text/plain lf-string \"%[var(SCOPE.a)]\"
";
