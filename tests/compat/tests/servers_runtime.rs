//! Servers and backends that an operator changes while they run: `add server`, `del server`, `set server`, `wait`,
//! `publish backend`, dynamic cookies.

use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::{Origin, Running, Serving};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-response set-header x-server %s
    use_backend other if { path /other }
    default_backend b
backend b
    balance roundrobin
    server s1 {a} weight 10 cookie one
    server s2 {b} weight 20 check inter 1h
    server s3 nosuch.invalid:80 init-addr none
    server s4 {b} disabled
    use-server s4 if { path /x }
backend other
    balance roundrobin
    server o1 {b}
backend off
    disabled
backend static
    balance source
    server s1 {a} weight 10
backend dyn
    dynamic-cookie-key key
    cookie C insert dynamic
    server d1 127.0.0.1:9
    server d2 127.0.0.1:10 cookie fix
";

fn ask(proxy: &Running, command: &str) -> String {
    let mut client = proxy.unix_client("admin.sock");
    client.send(format!("{command}\n"));
    let answer = client.recv_to_close();
    String::from_utf8_lossy(&answer).trim().to_owned()
}

fn answering(origin: Origin) -> Serving {
    origin.answer_all("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The servers of requests for `path`, one after the other.
fn served(proxy: &mut Running, path: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let mut client = proxy.client("fe");
            client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
            let answer = String::from_utf8_lossy(&client.recv_to_close()).into_owned();
            let line = answer.lines().find_map(|l| l.strip_prefix("x-server: ").map(str::to_owned));
            line.unwrap_or_else(|| answer.split(' ').nth(1).unwrap_or("nothing").to_owned())
        })
        .collect()
}

/// Commands and what they answer, in this order.
const DIALOGUE: &[(&str, &str)] = &[
    ("add server", "Require 'backend/server'."),
    ("add server b", "Require 'backend/server'."),
    ("add server nope/x 127.0.0.1:1", "No such backend."),
    ("add server fe/x 127.0.0.1:1", "No such backend."),
    ("add server b/s1 127.0.0.1:1", "Already exists a server with the same name in backend."),
    ("add server b/n1", "'server' expects <name> and <addr>[:<port>] as arguments."),
    (
        "add server static/x 127.0.0.1:1",
        "Backend does not support dynamic servers : backend 'static' uses a non dynamic load balancing method.",
    ),
    ("add server b/n!1 127.0.0.1:1", "character '!' is not permitted in server name 'n!1'."),
    ("add server b/n1 127.0.0.1:99999", "invalid port '99999'"),
    ("add server b/n1 fd@3", "a file descriptor is not acceptable here in 'fd@3'"),
    ("add server b/n1 127.0.0.1:1 wrong", "unknown keyword 'wrong'."),
    ("add server b/n1 127.0.0.1:1 weight 300", "weight of server n1 is not within 0 and 256 (300).."),
    ("add server b/n1 127.0.0.1:1 cookie", "'cookie' expects <value> as argument.."),
    ("add server b/n1 127.0.0.1:1 id 0", "'id' : custom id has to be between 1 and 4294967295.."),
    ("add server b/n1 127.0.0.1:1 proto xx", "'proto' :  unknown MUX protocol 'xx'."),
    ("add server b/n1 127.0.0.1:1 init-addr none", "'init-addr' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 enabled", "'enabled' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 namespace x", "'namespace' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 max-reuse 5", "'max-reuse' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 non-stick", "'non-stick' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 redir /x", "'redir' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 tcp-ut 5s", "'tcp-ut' option is not accepted for dynamic server"),
    ("add server b/n1 127.0.0.1:1 check track s2", "unable to enable checks and tracking at the same time!"),
    (
        "add server b/n1 127.0.0.1:1 track s1",
        "unable to use b/s1 for tracking as it does not have any check nor agent enabled.",
    ),
    ("add server b/n1 127.0.0.1:1 track nope", "unable to find required server 'nope' for tracking."),
    ("add server b/n1 127.0.0.1:1 track no/s1", "unable to find required proxy 'no' for tracking."),
    (
        "add server b/n1 127.0.0.1:1 check inter 5",
        "'inter 5' in server 'n1' is suspiciously small for a value in milliseconds. Please use an explicit unit \
         ('5ms') if that was the intent.",
    ),
    ("add server b/n1 127.0.0.1:1 track s2", "New server registered."),
    ("add server b/n2 127.0.0.1:1 track n1", "unable to use b/n1 for tracking as it is a dynamic server."),
    ("add server b/n2 127.0.0.1:1 check id 77 maxconn 7 guid g", "New server registered."),
    ("add server b/n3 127.0.0.1:1 id 77", "'id' : custom id 77 already used at (null):0 ('server n2')."),
    ("add server b/n3 127.0.0.1:1 guid g", "'guid': duplicate entry with server b/n2."),
    ("add server b/n3 nosuch.invalid:81 disabled backup", "New server registered."),
    ("enable health b/n1", "Health check was not configured on this server, cannot enable."),
    ("enable health b/n2", ""),
    ("disable health b/n2", ""),
    ("get weight b/n2", "1 (initial 1)"),
    ("set weight b/n2 200%", ""),
    ("get weight b/n2", "2 (initial 1)"),
    ("set server b/s1", USAGE),
    ("set server b/s1 nonsense", USAGE),
    ("set server b/s1 addr", "set server <b>/<s> addr requires an address and optionally a port."),
    ("set server b/s1 addr nohost", "Invalid addr 'nohost'"),
    ("set server b/s1 addr 127.0.0.2:80", "Invalid addr '127.0.0.2:80'"),
    ("set server b/s1 addr 127.0.0.2 port x", "problem converting port 'x' to an int"),
    ("set server b/s1 addr 127.0.0.2 port", "problem converting port '' to an int"),
    (
        "set server b/s3 addr 127.0.0.1 port 81",
        "Update for the current server address family is only supported through configuration file.",
    ),
    ("set server dyn/d1 addr 127.0.0.1", "nothing changed"),
    (
        "set server dyn/d1 addr 127.0.0.2",
        "IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'",
    ),
    ("set server b/s1 fqdn", "set server <b>/<s> fqdn requires a FQDN."),
    ("set server b/s1 fqdn a.b", "set server <b>/<s> fqdn failed because no resolution is configured."),
    ("set server b/s1 check-addr 127.0.0.1", "health checks are not enabled on this server"),
    ("set server b/s1 check-port 8", "health checks are not enabled on this server"),
    ("set server b/s2 check-port", "set server <b>/<s> check-port requires a port."),
    ("set server b/s2 check-port x", "provided port is not an integer"),
    ("set server b/s2 check-port 70000", "provided port is invalid"),
    (
        "set server b/s1 ssl on",
        "'set server <srv> ssl' cannot be set.  default-server should define ssl settings",
    ),
    ("wait", "Expects a duration in milliseconds."),
    ("wait 0", "Invalid duration."),
    ("wait x", "Invalid duration."),
    ("wait 10ms", "Done."),
    ("wait 10ms srv-removable", "Missing server name (<backend>/<server>)."),
    ("wait 10ms srv-removable b", "Require 'backend/server'."),
    ("wait 10ms srv-removable b/nope", "Failed. No such server."),
    ("wait 10ms srv-removable b/s1", "Failed. Only servers in maintenance mode can be deleted."),
    ("wait 10ms be-removable nope", "Failed. No such backend."),
    ("del server", "Require 'backend/server'."),
    ("del server b/nope", "No such server."),
    ("del server b/s1", "Only servers in maintenance mode can be deleted."),
    ("del server b/s2", POINTED_TO),
    ("del server b/s4", POINTED_TO),
    ("disable server b/s1", ""),
    ("wait 1s srv-removable b/s1", "Done."),
    ("del server b/s1", "Server deleted."),
    ("del server b/s1", "No such server."),
    ("del server b/n1", "Server deleted."),
    ("add server b/again 127.0.0.1:1", "New server registered."),
    ("shutdown sessions server b/nope", "No such server."),
    ("shutdown sessions server b/s2", ""),
    ("publish backend nope", "No such backend."),
    ("publish backend off", "No effect on a disabled backend."),
    ("unpublish backend off", "No effect on a disabled backend."),
    ("unpublish backend fe", "No such backend."),
    ("unpublish backend b", "Backend unpublished."),
    ("publish backend b", "Backend published."),
    ("enable dynamic-cookie backend", "A backend name is expected."),
    ("set dynamic-cookie-key backend dyn", "String value expected."),
    ("set dynamic-cookie-key backend nope x", "No such backend."),
];

const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
                     check-addr | check-port | fqdn | health | ssl | state | weight";
const POINTED_TO: &str =
    "This server cannot be removed at runtime due to other configuration elements pointing to it.";

#[test]
fn commands_about_servers_answer_as_the_reference_does() {
    compat(|t| {
        let _a = answering(t.origin("a"));
        let _b = answering(t.origin("b"));
        let proxy = t.start(CONFIG);
        for (command, wanted) in DIALOGUE {
            assert_eq!(ask(&proxy, command), *wanted, "{command}");
        }
        let states = ask(&proxy, "show servers state b");
        let shown: Vec<String> = states
            .lines()
            .skip(2)
            .map(|line| {
                // id, name, address, states, weights, checks and ids that were given; time and outcome left out.
                let f: Vec<&str> = line.split(' ').collect();
                [&f[2..9], &f[13..18]].concat().join(" ")
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2 s2 127.0.0.1 2 0 20 20 6 0 0 0 -",
                "3 s3 - 0 32 1 1 0 0 0 0 nosuch.invalid",
                "4 s4 127.0.0.1 0 5 1 1 8 0 0 0 -",
                "77 n2 127.0.0.1 0 1 2 1 2 0 0 1 -",
                "6 n3 - 0 1 1 1 8 0 0 0 nosuch.invalid",
                "1 again 127.0.0.1 0 1 1 1 0 0 0 0 -",
            ]
        );
    });
}

#[test]
fn a_server_comes_serves_moves_and_goes() {
    compat(|t| {
        let a = t.origin("a");
        let b = t.origin("b");
        let (first, second) = (a.address(), b.address());
        let (_a, _b) = (answering(a), answering(b));
        let mut proxy = t.start(CONFIG);
        assert_eq!(ask(&proxy, "disable server b/s1;disable server b/s2"), "");
        assert_eq!(served(&mut proxy, "/", 1), ["503"]);
        assert_eq!(ask(&proxy, &format!("add server b/new {first} cookie n")), "New server registered.");
        assert_eq!(served(&mut proxy, "/", 1), ["503"]);
        assert_eq!(ask(&proxy, "enable server b/new"), "");
        assert_eq!(served(&mut proxy, "/", 3), ["new", "new", "new"]);
        let moved = ask(&proxy, &format!("set server b/new addr {} port {}", second.ip(), second.port()));
        assert!(moved.starts_with("port changed from '"), "{moved}");
        assert_eq!(served(&mut proxy, "/", 2), ["new", "new"]);
        assert_eq!(ask(&proxy, "add server b/two 127.0.0.1:1"), "New server registered.");
        assert_eq!(ask(&proxy, "disable server b/new;wait 2s srv-removable b/new"), "Done.");
        assert_eq!(ask(&proxy, "del server b/new"), "Server deleted.");
        assert_eq!(served(&mut proxy, "/", 1), ["503"]);
        assert_eq!(ask(&proxy, "enable server b/s2"), "");
        assert_eq!(served(&mut proxy, "/", 2), ["s2", "s2"]);
    });
}

#[test]
fn a_busy_server_goes_when_its_sessions_have_ended() {
    compat(|t| {
        let server = t.origin("a");
        let _b = answering(t.origin("b"));
        let mut proxy = t.start(CONFIG);
        assert_eq!(ask(&proxy, "disable server b/s2"), "");
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_message();
        assert_eq!(ask(&proxy, "disable server b/s1"), "");
        let attached = "Server still has connections attached to it, cannot remove it.";
        assert_eq!(ask(&proxy, "del server b/s1"), attached);
        assert_eq!(ask(&proxy, "wait 200ms srv-removable b/s1"), format!("Wait delay expired. {attached}"));
        let begun = Instant::now();
        let answer = std::thread::scope(|scope| {
            let wait =
                scope.spawn(|| ask(&proxy, "shutdown sessions server b/s1;wait 4s srv-removable b/s1"));
            wait.join().unwrap()
        });
        assert_eq!(answer, "Done.");
        assert!(begun.elapsed() < Duration::from_secs(4));
        client.expect_eof();
        assert_eq!(ask(&proxy, "del server b/s1"), "Server deleted.");
    });
}

#[test]
fn a_backend_that_is_not_published_is_passed_by() {
    compat(|t| {
        let _a = answering(t.origin("a"));
        let _b = answering(t.origin("b"));
        let mut proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
            defaults
                mode http
                timeout connect 2s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                http-response set-header x-server %b
                force-be-switch if { req.hdr(x-force) 1 } or { path_beg /force }
                use_backend %[path,field(2,/)] if { path_beg /by/ } or { path_beg /named }
                use_backend new if { path /new } or { path /force }
                use_backend off if { path /off }
                use_backend new if { path /twice }
                use_backend named if { path /twice }
                default_backend main
            backend main
                server s {a}
            backend new
                be-unpublished
                server s {b}
            backend off
                disabled
                server s {b}
            backend named
                server s {b}
        ",
        );
        for (path, wanted) in [
            ("/", "main"),
            ("/new", "main"),
            ("/named", "named"),
            ("/twice", "named"),
            ("/force", "new"),
            ("/off", "main"),
        ] {
            assert_eq!(served(&mut proxy, path, 1), [wanted], "{path}");
        }
        assert_eq!(
            ask(&proxy, "publish backend new;unpublish backend main"),
            "Backend published.\n\nBackend unpublished."
        );
        for (path, wanted) in [("/", "503"), ("/new", "new"), ("/twice", "new"), ("/force", "new")] {
            assert_eq!(served(&mut proxy, path, 1), [wanted], "{path}");
        }
    });
}

#[test]
fn cookies_are_made_with_the_key_of_the_moment() {
    compat(|t| {
        let _a = answering(t.origin("a"));
        let _b = answering(t.origin("b"));
        let proxy = t.start(CONFIG);
        let cookies = || -> Vec<String> {
            let stat = ask(&proxy, "show stat dyn 4 -1");
            let column = stat.lines().next().unwrap().split(',').position(|c| c == "cookie").unwrap();
            stat.lines().skip(1).map(|l| l.split(',').nth(column).unwrap().to_owned()).collect()
        };
        let first = cookies();
        assert_eq!(first[1], "fix");
        assert_eq!(first[0].len(), 16);
        assert_eq!(ask(&proxy, "set dynamic-cookie-key backend dyn other"), "");
        let second = cookies();
        assert_ne!(first[0], second[0]);
        assert_eq!(ask(&proxy, "disable dynamic-cookie backend dyn"), "");
        assert_eq!(cookies(), ["", "fix"]);
        assert_eq!(ask(&proxy, "enable dynamic-cookie backend dyn"), "");
        assert_eq!(cookies(), second);
        assert_eq!(
            ask(&proxy, "set dynamic-cookie-key backend dyn key;add server dyn/d3 127.0.0.1:9"),
            "New server registered."
        );
        assert_eq!(cookies(), [first[0].clone(), "fix".to_owned(), first[0].clone()]);
    });
}
