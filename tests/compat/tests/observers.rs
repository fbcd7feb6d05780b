//! Programs that watch a balancer, unchanged, on both programs: Prometheus and its `promtool`, the exporter that reads
//! the CSV of the statistics page, `rsyslogd` and `logrotate`, and an analyser of log files. What is not installed is left out.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::compat;
use weir_testkit::Running;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    stats uri /stats
    http-request use-service prometheus-exporter if { path /metrics }
    http-request return status 200 if { path /here }
    default_backend be
backend be
    server s1 {dead1}
";

/// A program that ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Service {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }
}

fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")])
        .stdout(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("{program} is not installed");
    }
    found
}

#[track_caller]
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// The body of an answer of a server on this machine; none while nobody answers.
fn fetch(port: u16, path: &str) -> Option<String> {
    let curl =
        Command::new("curl").args(["-s", "-m", "5", &format!("http://127.0.0.1:{port}{path}")]).output();
    let curl = curl.ok().filter(|curl| curl.status.success())?;
    Some(String::from_utf8_lossy(&curl.stdout).into_owned())
}

fn ask(proxy: &mut Running, path: &str) -> String {
    let port = proxy.address("fe").port();
    fetch(port, path).expect("an answer")
}

#[test]
fn prometheus_takes_the_metrics_in() {
    if !has("prometheus") || !has("promtool") {
        return;
    }
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        for _ in 0..3 {
            ask(&mut proxy, "/here");
        }
        let metrics = proxy.dir().join("metrics.txt");
        std::fs::write(&metrics, ask(&mut proxy, "/metrics")).unwrap();
        let check = format!("promtool check metrics < {}", metrics.display());
        let told = Command::new("sh").args(["-c", &check]).output().unwrap();
        let told =
            format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        let mut complaints: Vec<&str> = told.lines().filter_map(|line| line.split(' ').next()).collect();
        complaints.sort_unstable();
        complaints.dedup();
        assert_eq!(complaints, COMPLAINTS, "{told}");

        let (port, target) = (free_port(), proxy.address("fe"));
        let config = proxy.dir().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: w\n    static_configs:\n      - targets: ['{target}']\n"
        );
        std::fs::write(&config, text).unwrap();
        let _prometheus = Service::start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", proxy.dir().join("tsdb").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}")),
        );
        until("a metric is there", || {
            fetch(port, "/api/v1/query?query=haproxy_frontend_http_responses_total%7Bcode%3D%222xx%22%7D")
                .filter(|body| body.contains("\"proxy\":\"fe\""))
        });
        until("it is up", || fetch(port, "/api/v1/query?query=up").filter(|body| body.contains(",\"1\"]")));
    });
}

#[test]
fn the_exporter_reads_the_csv() {
    if !has("prometheus-haproxy-exporter") {
        return;
    }
    compat(|t| {
        let mut proxy = t.start(CONFIG);
        ask(&mut proxy, "/here");
        let port = free_port();
        let page = format!("http://{}/stats;csv", proxy.address("fe"));
        let _exporter = Service::start(
            Command::new("prometheus-haproxy-exporter")
                .arg(format!("--haproxy.scrape-uri={page}"))
                .arg(format!("--web.listen-address=127.0.0.1:{port}")),
        );
        let told =
            until("it reads", || fetch(port, "/metrics").filter(|body| body.contains("haproxy_up 1\n")));
        for line in [
            "haproxy_exporter_csv_parse_failures_total 0",
            "haproxy_frontend_http_requests_total{frontend=\"fe\"} 2",
            "haproxy_backend_up{backend=\"be\"} 1",
            "haproxy_server_up{backend=\"be\",server=\"s1\"} 1",
        ] {
            assert!(told.lines().any(|l| l == line), "{line}: {told}");
        }
    });
}

#[test]
fn rsyslogd_reads_both_formats_and_logrotate_turns_its_file() {
    if !has("rsyslogd") || !has("logrotate") {
        return;
    }
    compat(|t| {
        let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
        t.set("syslog", format!("127.0.0.1:{port}"));
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
                option httplog
            frontend old
                bind {old}
                http-request return status 200
                log {syslog} format rfc3164 local2
            frontend new
                bind {new}
                http-request return status 200
                log {syslog} format rfc5424 local3
        ",
        );
        let (file, pidfile) = (proxy.dir().join("weir.log"), proxy.dir().join("rsyslogd.pid"));
        let config = proxy.dir().join("rsyslog.conf");
        std::fs::write(&config, rsyslog(port, &file)).unwrap();
        let _rsyslogd = Service::start(
            Command::new("/usr/sbin/rsyslogd").arg("-n").arg("-f").arg(&config).arg("-i").arg(&pidfile),
        );
        let logged = |file: &Path, proxy: &mut Running, name: &str, wanted: &str| {
            until(wanted, || {
                let port = proxy.address(name).port();
                fetch(port, "/it");
                let text = std::fs::read_to_string(file).unwrap_or_default();
                text.lines().find(|line| line.contains(wanted)).map(str::to_owned)
            })
        };
        for (name, facility) in [("old", "local2"), ("new", "local3")] {
            let line = logged(&file, &mut proxy, name, &format!("{facility}|info|haproxy|"));
            assert!(line.contains(&format!(" {name} {name}/<NOSRV> ")), "{line}");
            assert!(line.ends_with("\"GET /it HTTP/1.1\""), "{line}");
        }
        let pid = std::fs::read_to_string(&pidfile).unwrap();
        turn(proxy.dir(), &file, pid.trim());
        let line = logged(&file, &mut proxy, "old", "local2|info|haproxy|");
        assert!(line.ends_with("\"GET /it HTTP/1.1\""), "{line}");
        assert!(proxy.dir().join("weir.log.1").exists());
    });
}

#[test]
fn an_analyser_of_logs_reads_the_lines() {
    let Some(python) = weir_compat::python("haproxy", "haproxy_log_analysis==5.1.0") else {
        return eprintln!("haproxy_log_analysis cannot be had");
    };
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(
            "
            global
                log-send-hostname balancer
            defaults
                mode http
                log {log} local0
                option httplog
                retries 0
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                capture request header user-agent len 32
                capture response header server len 32
                http-request deny if { path /secret }
                http-request redirect location / if { path /old }
                use_backend gone if { path_beg /gone }
                default_backend be
            backend be
                http-request return status 200 content-type text/plain string hello
            backend gone
                server s {dead}
        ",
        );
        let file = proxy.dir().join("haproxy.log");
        let mut lines = String::new();
        for path in ["/", "/a/b?c=d", "/secret", "/old", "/gone/x", "/(odd)~'*[path]"] {
            let mut client = proxy.client("fe");
            client.send(format!(
                "GET {path} HTTP/1.1\r\nHost: h\r\nUser-Agent: curl\r\nConnection: close\r\n\r\n"
            ));
            client.recv_to_close();
            let line = log.next();
            lines.push_str(line.split_once('>').map_or(line.as_str(), |(_, line)| line).trim_end());
            lines.push('\n');
        }
        std::fs::write(&file, &lines).unwrap();
        let commands =
            "counter,status_codes_counter,http_methods,server_load,request_path_counter,queue_peaks";
        let told = Command::new(python.with_file_name("haproxy_log_analysis"))
            .args(["--invalid", "-l"])
            .arg(&file)
            .args(["-c", commands])
            .output()
            .unwrap();
        let told =
            String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
        let (_, results) = told.split_once("RESULTS").unwrap_or_default();
        assert_eq!(results.trim(), ANALYSIS, "{told}{lines}");
    });
}

/// What `rsyslogd` does with datagrams.
fn rsyslog(port: u16, file: &Path) -> String {
    format!(
        "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n\
         template(name=\"t\" type=\"string\" string=\"%syslogfacility-text%|%syslogseverity-text%|%programname%|%msg%\\n\")\n\
         *.* action(type=\"omfile\" file=\"{}\" template=\"t\")\n",
        file.display()
    )
}

/// Turns the file as the snippet of the packages does.
fn turn(folder: &Path, file: &Path, pid: &str) {
    let snippet = include_str!("../../../packaging/logrotate.conf");
    let (rules, _) = snippet.split_once("    postrotate").expect("a script");
    let rules = rules.replace("/var/log/weir.log", &file.display().to_string());
    let config = folder.join("logrotate.conf");
    std::fs::write(
        &config,
        format!("{rules}    su root root\n    postrotate\n        kill -HUP {pid}\n    endscript\n}}\n"),
    )
    .unwrap();
    let turned = Command::new("/usr/sbin/logrotate")
        .args(["-f", "-s"])
        .arg(folder.join("logrotate.state"))
        .arg(&config)
        .output()
        .unwrap();
    assert!(turned.status.success(), "{}", String::from_utf8_lossy(&turned.stderr));
}

/// What the analyser makes of six requests.
const ANALYSIS: &str = "COUNTER
=======
6

STATUS_CODES_COUNTER
====================
- 200: 3
- 403: 1
- 302: 1
- 503: 1


HTTP_METHODS
============
- GET: 6


SERVER_LOAD
===========
- <NOSRV>: 5
- s: 1


REQUEST_PATH_COUNTER
====================
- /: 1
- /a/b?c=d: 1
- /secret: 1
- /old: 1
- /gone/x: 1
- /(odd)~'*[path]: 1


QUEUE_PEAKS
===========";

/// The names that `promtool` finds fault with, on both programs.
const COMPLAINTS: &[&str] = &[
    "haproxy_process_failed_resolutions",
    "haproxy_process_patterns_added_total",
    "haproxy_process_patterns_freed_total",
    "haproxy_process_total_warnings",
    "haproxy_server_check_failures_total",
    "haproxy_server_check_up_down_total",
    "haproxy_server_downtime_seconds_total",
];
