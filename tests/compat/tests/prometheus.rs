//! The exporter for Prometheus: which metrics there are, their types, labels and values after the same traffic.

use weir_compat::{compat, table};
use weir_testkit::Running;

const CONFIG: &str = "
    global
        stats socket {dir}/admin.sock level admin
        node here
        description about_this
    defaults
        mode http
        timeout connect 5s
        timeout client 5s
        timeout server 5s
    frontend fe
        bind {fe} name li
        option socket-stats
        http-response set-header x-response 1
        http-after-response set-header x-after 1
        http-request use-service prometheus-exporter if { path /metrics }
        default_backend b
    backend b
        description my desc
        http-request use-service prometheus-exporter if { path /metrics-of-b }
        stick-table type ip size 1k store gpc0
        server s1 {srv} maxconn 7 maxqueue 4 weight 30
        server s2 {dead} backup
        server s3 {dead} disabled
    listen t
        mode tcp
        bind {t}
        maxconn 2000
        server a {srv}
";

fn get(proxy: &mut Running, target: &str) -> (u16, String) {
    let mut client = proxy.client("fe");
    client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
    let answer = client.recv_message();
    let chunked = answer.head.header("transfer-encoding").is_some();
    (answer.head.status(), if chunked { answer.content() } else { String::new() })
}

/// The names, types, helps and labels, without what the process's own version and resolvers are.
fn shape(text: &str) -> String {
    let lines = text.lines().filter(|l| !l.contains("haproxy_resolver_"));
    let shown = lines.map(|l| match l.strip_prefix('#') {
        Some(_) => l.to_owned(),
        None => l.rsplit_once(' ').map_or(l, |(name, _)| name).to_owned(),
    });
    let shown = shown.map(|l| match l.strip_prefix("haproxy_process_build_info{version=\"") {
        Some(_) => "haproxy_process_build_info{version}".to_owned(),
        None => l,
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn metrics_have_the_names_types_helps_and_labels_of_the_reference() {
    compat(|t| {
        let _server = t.origin("srv").answer_all("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let mut proxy = t.start(CONFIG);
        let (_, text) = get(&mut proxy, "/metrics");
        assert_eq!(shape(&text), include_str!("prometheus.shape.txt").trim_end());
        let (_, text) =
            get(&mut proxy, "/metrics?extra-counters&desc-labels&no-maint&scope=listener&scope=server");
        assert_eq!(shape(&text), include_str!("prometheus.extra.txt").trim_end());
    });
}

#[test]
fn values_are_those_of_the_reference_after_the_same_traffic() {
    compat(|t| {
        let _server = t.origin("srv").answer_all("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nab");
        let mut proxy = t.start(CONFIG);
        for _ in 0..3 {
            get(&mut proxy, "/x");
        }
        get(&mut proxy, "/metrics?scope=");
        get(&mut proxy, "/metrics-of-b?scope=nope");
        let (_, text) = get(&mut proxy, "/metrics?extra-counters");
        let rows = [
            ("haproxy_frontend_sessions_total{proxy=\"fe\"}", "6"),
            ("haproxy_frontend_http_requests_total{proxy=\"fe\"}", "6"),
            ("haproxy_frontend_http_responses_total{proxy=\"fe\",code=\"4xx\"}", "4"),
            ("haproxy_frontend_intercepted_requests_total{proxy=\"fe\"}", "2"),
            ("haproxy_frontend_h1_total_streams{proxy=\"fe\",mod=\"h1\"}", "6"),
            ("haproxy_backend_h1_total_streams{proxy=\"b\",mod=\"h1\"}", "3"),
            ("haproxy_listener_ssl_sess{proxy=\"fe\",listener=\"li\",mod=\"ssl\"}", "0"),
            ("haproxy_listener_h1_total_streams{proxy=\"fe\",listener=\"li\",mod=\"h1\"}", "absent"),
            ("haproxy_backend_response_errors_total{proxy=\"b\"}", "1"),
            ("haproxy_frontend_limit_sessions{proxy=\"t\"}", "2000"),
            ("haproxy_backend_sessions_total{proxy=\"b\"}", "4"),
            ("haproxy_backend_loadbalanced_total{proxy=\"b\"}", "3"),
            ("haproxy_backend_http_responses_total{proxy=\"b\",code=\"4xx\"}", "4"),
            ("haproxy_backend_active_servers{proxy=\"b\"}", "1"),
            ("haproxy_backend_backup_servers{proxy=\"b\"}", "1"),
            ("haproxy_backend_weight{proxy=\"b\"}", "30"),
            ("haproxy_backend_status{proxy=\"b\",state=\"UP\"}", "1"),
            ("haproxy_backend_status{proxy=\"b\",state=\"DOWN\"}", "0"),
            ("haproxy_backend_agg_server_status{proxy=\"b\",state=\"UP\"}", "2"),
            ("haproxy_backend_agg_server_status{proxy=\"b\",state=\"MAINT\"}", "1"),
            ("haproxy_backend_last_session_seconds{proxy=\"t\"}", "-1"),
            ("haproxy_server_sessions_total{proxy=\"b\",server=\"s1\"}", "3"),
            ("haproxy_server_limit_sessions{proxy=\"b\",server=\"s1\"}", "7"),
            ("haproxy_server_limit_sessions{proxy=\"b\",server=\"s2\"}", "NaN"),
            ("haproxy_server_queue_limit{proxy=\"b\",server=\"s1\"}", "4"),
            ("haproxy_server_weight{proxy=\"b\",server=\"s1\"}", "30"),
            ("haproxy_server_backup{proxy=\"b\",server=\"s2\"}", "1"),
            ("haproxy_server_status{proxy=\"b\",server=\"s1\",state=\"UP\"}", "1"),
            ("haproxy_server_status{proxy=\"b\",server=\"s3\",state=\"MAINT\"}", "1"),
            ("haproxy_server_check_failures_total{proxy=\"b\",server=\"s1\"}", "NaN"),
            ("haproxy_server_queue_time_average_seconds{proxy=\"b\",server=\"s2\"}", "0.000000"),
            ("haproxy_server_http_responses_total{proxy=\"b\",server=\"s1\",code=\"4xx\"}", "3"),
            ("haproxy_process_nbproc", "1"),
            ("haproxy_process_current_zlib_memory", "NaN"),
            ("haproxy_process_node{node=\"here\"}", "1"),
            ("haproxy_process_stopping", "0"),
            ("haproxy_sticktable_size{name=\"b\",type=\"ip\"}", "1024"),
            ("haproxy_sticktable_used{name=\"b\",type=\"ip\"}", "0"),
        ];
        table(&rows, |name| {
            let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
            line.map_or("absent", |l| &l[name.len() + 1..]).to_owned()
        });
    });
}

#[test]
fn parameters_choose_what_is_told() {
    compat(|t| {
        let _server = t.origin("srv");
        let mut proxy = t.start(CONFIG);
        let rows = [
            ("scope=global", "200 66 process"),
            ("scope=frontend", "200 33 frontend"),
            ("scope=listener", "200 19 listener"),
            ("scope=backend", "200 55 backend"),
            ("scope=server", "200 55 server"),
            ("scope=sticktable", "200 3 sticktable"),
            ("scope=*", "200 231 process frontend listener backend server sticktable"),
            ("scope=frontend&scope=backend", "200 88 frontend backend"),
            ("scope=backend&scope=frontend", "200 88 frontend backend"),
            ("scope=global&scope=&scope=server", "200 55 server"),
            ("scope=%73erver", "200 55 server"),
            ("scope=", "200 0 "),
            ("scope=nope", "400 0 "),
            ("scope=SERVER", "400 0 "),
            ("scope=server,global", "400 0 "),
            ("scope=glob", "400 0 "),
            ("scope", "400 0 "),
            ("scope=server&metrics", "400 0 "),
            ("scope=global&a=%00", "400 0 "),
            ("scope=global&a=%zz", "400 0 "),
            ("scope=global&a=%6", "400 0 "),
            ("scope=global&a=b=c", "400 0 "),
            ("a=%26scope=global", "400 0 "),
            ("a=%3dx&=&scope=global", "200 66 process"),
            ("metrics=-haproxy_server_status,haproxy_server_status", "200 1 server"),
            ("metrics=haproxy_server_status,-haproxy_server_status", "200 0 "),
            ("metrics=-haproxy_server_status,nope", "200 0 "),
            ("metrics=--haproxy_server_status&scope=server", "200 55 server"),
            ("", "200 231 process frontend listener backend server sticktable"),
            ("foo&bar=1", "200 231 process frontend listener backend server sticktable"),
            ("metrics=haproxy_process_nbproc", "200 1 process"),
            ("metrics=haproxy_server_status,haproxy_process_nbproc", "200 2 process server"),
            ("metrics=haproxy_server_status&metrics=haproxy_process_nbproc", "200 2 process server"),
            ("metrics=-haproxy_process_nbproc&scope=global", "200 65 process"),
            ("metrics=nope", "200 0 "),
            ("metrics=", "200 231 process frontend listener backend server sticktable"),
            ("metrics=haproxy_backend_status&metrics=-haproxy_backend_status", "200 0 "),
            ("no-maint&scope=backend", "200 55 backend"),
            ("extra-counters&scope=server", "200 60 server"),
            ("extra-counters&scope=backend", "200 149 backend"),
        ];
        table(&rows, |query| {
            let (status, text) = get(&mut proxy, &format!("/metrics?{query}"));
            let types = text.lines().filter_map(|l| l.strip_prefix("# TYPE haproxy_"));
            let types: Vec<&str> = types.filter(|l| !l.starts_with("resolver_")).collect();
            let mut scopes: Vec<&str> = types.iter().filter_map(|l| l.split('_').next()).collect();
            scopes.dedup();
            format!("{status} {} {}", types.len(), scopes.join(" "))
        });
    });
}

#[test]
fn heads_and_log_lines_are_those_of_the_reference() {
    compat(|t| {
        let _server = t.origin("srv");
        let mut proxy = t.start(CONFIG);
        let fine = "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-type: text/plain; version=0.0.4\r\ntransfer-encoding: chunked\r\nx-response: 1\r\nx-after: 1\r\n\r\n";
        let rows = [
            ("GET /metrics?scope= HTTP/1.1\r\nHost: h\r\n\r\n", fine),
            ("POST /metrics?scope= HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", fine),
            ("HEAD /metrics?scope= HTTP/1.1\r\nHost: h\r\n\r\n", fine),
            (
                "GET /metrics?scope=x HTTP/1.1\r\nHost: h\r\n\r\n",
                "HTTP/1.1 400 Bad request\r\ncontent-length: 90\r\ncache-control: no-cache\r\ncontent-type: text/html\r\nx-response: 1\r\nx-after: 1\r\nconnection: close\r\n\r\n",
            ),
        ];
        table(&rows, |request| {
            let mut client = proxy.client("fe");
            client.send(request);
            client.recv_head().text()
        });
    });
}
