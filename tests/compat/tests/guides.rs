//! Guides that users start from: their configurations and commands, addresses, users and host names adapted.
//!
//! Where today's reference refuses a configuration as it is printed (headers inside `option httpchk`, a frontend and a
//! backend of one name), Weir runs it and the reference runs the modern spelling.

use std::time::{Duration, Instant};

use weir_compat::{Subject, compat};
use weir_testkit::{Origin, Peer, Running, Serving};

/// A server that answers with its name, checks included.
fn named(origin: Origin, name: &'static str) -> Serving {
    let body = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Node: {name}\r\n\r\n{name}", name.len());
    origin.answer_all(body)
}

fn get(proxy: &mut Running, door: &str, lines: &str) -> weir_testkit::Message {
    let mut client = proxy.client(door);
    client.send(format!("GET / HTTP/1.1\r\nHost: www\r\n{lines}Connection: close\r\n\r\n"));
    client.recv_message()
}

/// The node that answers once `accept` likes it; retried until a deadline.
#[track_caller]
fn node_until(proxy: &mut Running, door: &str, accept: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let node = get(proxy, door, "").head.header("x-node").unwrap_or_default();
        if accept(&node) {
            return node;
        }
        assert!(Instant::now() < deadline, "the answer still comes from {node:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn page(proxy: &mut Running, door: &str, uri: &str, credentials: &str) -> weir_testkit::Message {
    let mut client = proxy.client(door);
    let line = if credentials.is_empty() {
        String::new()
    } else {
        format!("Authorization: Basic {credentials}\r\n")
    };
    client.send(format!("GET {uri} HTTP/1.1\r\nHost: www\r\n{line}Connection: close\r\n\r\n"));
    client.recv_message()
}

/// Weir takes the configuration as the guide prints it, the reference in today's spelling.
fn printed<'a>(t: &Subject, printed: &'a str, modern: &'a str) -> &'a str {
    if t.differs("Weir translates what older versions accepted") { printed } else { modern }
}

#[test]
fn a_tcp_farm_with_a_backup_server_and_a_stats_frontend() {
    compat(|t| {
        let app1 = t.origin("app1");
        let app1 = named(app1, "app1");
        let app2 = t.origin("app2");
        let _app2 = named(app2, "app2");
        let stats = printed(t, "stats", "stats_back");
        let config = "
global
    log 127.0.0.1 local0 notice
    maxconn 2000

defaults
    log     global
    mode    tcp
    option  tcplog
    option  dontlognull
    retries 3
    option redispatch
    timeout connect  5000
    timeout client  10000
    timeout server  10000

frontend stats
bind {stats}
mode http
default_backend STATS

backend STATS
mode http
balance roundrobin
stats uri /
stats auth jmordica:382jjrQBcZDjwi2N

listen speapp
    bind {fe}
    balance roundrobin
    mode tcp
    server app1 {app1} check inter 100ms
    server app2 {app2} check inter 100ms backup
"
        .replace("STATS", stats);
        let mut proxy = t.start(&config);
        for _ in 0..4 {
            assert_eq!(node_until(&mut proxy, "fe", |n| !n.is_empty()), "app1");
        }
        assert_eq!(page(&mut proxy, "stats", "/", "").head.status(), 401);
        let shown = page(&mut proxy, "stats", "/", "am1vcmRpY2E6MzgyampyUUJjWkRqd2kyTg==");
        assert_eq!(shown.head.status(), 200);
        let text = String::from_utf8_lossy(&shown.body).into_owned();
        assert!(text.contains("speapp") && text.contains("app2"));
        drop(app1);
        node_until(&mut proxy, "fe", |n| n == "app2");
    });
}

#[test]
fn a_first_http_balancer_with_a_stats_page_and_sticky_cookies() {
    compat(|t| {
        let web1 = t.origin("web1");
        let _web1 = named(web1, "web1");
        let web2 = t.origin("web2");
        let web2 = named(web2, "web2");
        let mut proxy = t.start(
            "
global
    log {dir}/log    local0
    nbthread 1

defaults
    mode http
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms

frontend http_in
    bind {fe}
    default_backend http_back

backend http_back
    balance roundrobin
    option httpchk GET /health
    server web1 {web1} check inter 100ms
    server web2 {web2} check inter 100ms

frontend sticky_in
    bind {sticky}
    default_backend sticky

backend sticky
    cookie SERVERID insert indirect
    server web1 {web1} cookie web1
    server web2 {web2} cookie web2

listen stats
    bind {stats}
    mode http
    stats enable
    stats uri /haproxy?stats
    stats auth admin:password
",
        );
        let nodes: Vec<String> = (0..6).map(|_| node_until(&mut proxy, "fe", |n| !n.is_empty())).collect();
        for pair in nodes.windows(2) {
            assert_ne!(pair[0], pair[1], "turn by turn: {nodes:?}");
        }
        let first = get(&mut proxy, "sticky", "");
        let cookie = first.head.header("set-cookie").unwrap();
        let node = first.head.header("x-node").unwrap();
        assert_eq!(cookie, format!("SERVERID={node}; path=/"));
        for _ in 0..3 {
            let again = get(&mut proxy, "sticky", &format!("Cookie: SERVERID={node}\r\n"));
            assert_eq!(
                (again.head.header("x-node"), again.head.header("set-cookie")),
                (Some(node.clone()), None)
            );
        }
        assert_eq!(page(&mut proxy, "stats", "/haproxy?stats", "").head.status(), 401);
        assert_eq!(page(&mut proxy, "stats", "/haproxy?stats", "YWRtaW46cGFzc3dvcmQ=").head.status(), 200);
        drop(web2);
        node_until(&mut proxy, "fe", |n| n == "web1");
        for _ in 0..4 {
            assert_eq!(node_until(&mut proxy, "fe", |n| !n.is_empty()), "web1");
        }
    });
}

/// The set-up of the long guide, end to end.
const PRODUCTION: &str = "
global
log {dir}/log local0
log {dir}/log local1 notice
stats socket {dir}/admin.sock mode 660 level admin expose-fd listeners
stats timeout 30s
ca-base /etc/ssl/certs
crt-base /etc/ssl/private
ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384
ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
maxconn 400
nbthread 1
defaults
log global
mode http
option httplog
option dontlognull
option forwardfor
option http-server-close
timeout connect 5s
timeout client 30s
timeout server 30s
errorfile 503 {dir}/503.http
listen stats
bind {stats}
stats enable
stats uri /haproxy-stats
stats realm HAProxy\\ Statistics
stats auth infrarunbook-admin:Ch4ng3M3N0w!
stats refresh 10s
stats show-node
stats show-legends
stats hide-version
frontend http_frontend
bind {fe}
default_backend web_servers
http-request capture req.hdr(Host) len 64
http-response set-header X-Content-Type-Options nosniff
http-response set-header X-Frame-Options SAMEORIGIN
backend web_servers
balance roundrobin
CHECK
default-server inter 100ms fall 3 rise 2 maxconn 200
server web-01 {web1} check
server web-02 {web2} check
server web-03 {web3} check
";

#[test]
fn a_production_set_up_with_headers_captures_maintenance_and_error_files() {
    compat(|t| {
        t.file("503.http", "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nback soon\n");
        let mut nodes: Vec<Serving> = ["web1", "web2", "web3"]
            .into_iter()
            .map(|name| {
                let origin = t.origin(name);
                named(origin, name)
            })
            .collect();
        let check = printed(
            t,
            "option httpchk GET /healthz HTTP/1.1\\r\\nHost:\\ solvethenetwork.com",
            "option httpchk\nhttp-check send meth GET uri /healthz ver HTTP/1.1 hdr Host solvethenetwork.com",
        );
        let mut proxy = t.start(&PRODUCTION.replace("CHECK", check));
        proxy.admin_until("show servers state", "web-03");
        let answers: Vec<String> = (0..9).map(|_| node_until(&mut proxy, "fe", |n| !n.is_empty())).collect();
        for name in ["web1", "web2", "web3"] {
            assert_eq!(answers.iter().filter(|n| *n == name).count(), 3, "{answers:?}");
        }
        let answer = get(&mut proxy, "fe", "");
        assert_eq!(answer.head.header("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(answer.head.header("x-frame-options").as_deref(), Some("SAMEORIGIN"));
        let credentials = "aW5mcmFydW5ib29rLWFkbWluOkNoNG5nM00zTjB3IQ==";
        assert_eq!(
            page(&mut proxy, "stats", "/haproxy-stats", "").head.header("www-authenticate").as_deref(),
            Some("Basic realm=\"HAProxy Statistics\"")
        );
        assert_eq!(
            page(&mut proxy, "stats", "/haproxy-stats", credentials).head.header("refresh").as_deref(),
            Some("10")
        );
        proxy.admin("set server web_servers/web-02 state maint");
        let rest: Vec<String> = (0..6).map(|_| node_until(&mut proxy, "fe", |n| !n.is_empty())).collect();
        assert!(!rest.contains(&"web2".to_owned()), "{rest:?}");
        proxy.admin("set server web_servers/web-02 state ready");
        node_until(&mut proxy, "fe", |n| n == "web2");
        nodes.clear();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = get(&mut proxy, "fe", "");
            if answer.head.status() == 503 && answer.body == b"back soon\n" {
                break;
            }
            assert!(Instant::now() < deadline, "still {}", answer.head.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn the_checks_before_a_reload_say_valid_and_name_the_line_of_a_mistake() {
    compat(|t| {
        for name in ["web1", "web2", "web3"] {
            t.set(name, "127.0.0.1:80");
        }
        t.file("503.http", "HTTP/1.0 503 Service Unavailable\r\n\r\n");
        let config = PRODUCTION.replace("CHECK", "option httpchk GET /healthz");
        let valid = t.check(&config);
        assert_eq!(valid.code, Some(0), "{}", valid.text());
        let wrong = t.check(&config.replace("balance roundrobin", "balance roundrobbin"));
        assert_eq!(wrong.code, Some(1));
        assert!(wrong.text().contains("parsing ["), "{}", wrong.text());
    });
}

#[test]
fn farms_of_an_infrastructure_team_take_a_port_each_and_a_backup_waits() {
    compat(|t| {
        let app1 = t.origin("app1");
        let app1 = named(app1, "app1");
        let app2 = t.origin("app2");
        let app2 = named(app2, "app2");
        let app4 = t.origin("app4");
        let _app4 = named(app4, "app4");
        let mut proxy = t.start(
            "
global
    nbthread 1
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
listen  fpo-wiki
    bind {fe}
    balance roundrobin
    server  app1 {app1} check inter 100 rise 2 fall 5
    server  app2 {app2} check inter 100 rise 2 fall 5
    server  app4 {app4} backup check inter 100 rise 2 fall 5
    option  httpchk GET /wiki/Infrastructure
listen  fpo-other
    bind {other}
    balance roundrobin
    server  app1 {app1} check inter 100 rise 2 fall 5
",
        );
        let nodes: Vec<String> = (0..6).map(|_| node_until(&mut proxy, "fe", |n| !n.is_empty())).collect();
        assert!(nodes.windows(2).all(|w| w[0] != w[1]) && !nodes.contains(&"app4".to_owned()), "{nodes:?}");
        assert_eq!(node_until(&mut proxy, "other", |n| !n.is_empty()), "app1");
        drop((app1, app2));
        node_until(&mut proxy, "fe", |n| n == "app4");
    });
}

#[test]
fn the_configuration_of_a_distribution_loads_with_a_farm_added_to_it() {
    compat(|t| {
        let node = t.origin("node");
        let _node = named(node, "node");
        for status in [400, 403, 408, 500, 502, 503, 504] {
            t.file(&format!("{status}.http"), format!("HTTP/1.0 {status} Error\r\n\r\n<h1>{status}</h1>\n"));
        }
        let mut proxy = t.start(
            "
    global
        log {dir}/log    local0
        log {dir}/log    local1 notice
        stats socket {dir}/admin.sock mode 660 level admin
        stats timeout 30s
        ca-base /etc/ssl/certs
        crt-base /etc/ssl/private
        ssl-default-bind-ciphers ECDH+AESGCM:DH+AESGCM:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!MD5:!DSS
        ssl-default-bind-options no-sslv3

    defaults
        log     global
        mode    http
        option  httplog
        option  dontlognull
        timeout connect 5000
        timeout client  50000
        timeout server  50000
        errorfile 400 {dir}/400.http
        errorfile 403 {dir}/403.http
        errorfile 408 {dir}/408.http
        errorfile 500 {dir}/500.http
        errorfile 502 {dir}/502.http
        errorfile 503 {dir}/503.http
        errorfile 504 {dir}/504.http

    frontend localnodes
        bind {fe}
        mode http
        default_backend nodes
    backend nodes
        mode http
        balance roundrobin
        option forwardfor
        server web01 {node} check
",
        );
        assert_eq!(node_until(&mut proxy, "fe", |n| !n.is_empty()), "node");
        let mut client: Peer = proxy.client("fe");
        client.send("NOT HTTP\r\n\r\n");
        assert_eq!(client.recv_message().head.status(), 400);
    });
}
