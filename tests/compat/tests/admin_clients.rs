//! Programs that operators use on HAProxy's socket, unchanged, on both programs: `hatop`, the library `haproxyadmin`,
//! `socat`, and the commands and readings of Ansible's module. What is not installed and cannot be had is left out.

use std::collections::HashMap;
use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use weir_compat::{Subject, compat};
use weir_testkit::{Running, Signal};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    maxconn 100
    node nodeA
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request deny if { path -f {dir}/bad.acl }
    http-request set-header x %[path,map({dir}/m.map,none)]
    default_backend be
backend be
    server s1 {dead1} weight 10
    server s2 {dead2} backup
    server s3 {dead3} disabled
    server s4 {dead4} check inter 1h agent-check agent-port 1 agent-inter 1h
";

fn start(t: &mut Subject) -> Running {
    t.file("m.map", "/a va\n").file("bad.acl", "/x\n/y\n");
    t.start(CONFIG)
}

fn has(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

#[test]
fn hatop_shows_what_there_is() {
    if !has("hatop") || !has("script") {
        return eprintln!("hatop or script is not installed");
    }
    compat(|t| {
        let proxy = start(t);
        let socket = proxy.dir().join("admin.sock");
        let watch = format!("stty rows 40 cols 160; exec hatop -s {}", socket.display());
        let mut terminal = Command::new("script")
            .args(["-qec", &watch, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a terminal");
        let mut screen = Vec::new();
        let mut output = terminal.stdout.take().expect("its output");
        let until = Instant::now() + Duration::from_secs(20);
        let mut chunk = [0; 4096];
        // Everything is drawn once; the last of it is the row of the backend.
        while !String::from_utf8_lossy(&screen).contains("BACKEND") && Instant::now() < until {
            match output.read(&mut chunk) {
                Ok(count @ 1..) => screen.extend_from_slice(&chunk[..count]),
                _ => break,
            }
        }
        let shown = String::from_utf8_lossy(&screen).into_owned();
        for wanted in ["nodeA", "FRONTEND", "OPEN", "s1", "s2", "s3", "MAINT", "BACKEND"] {
            assert!(shown.contains(wanted), "{wanted} is missing in {shown:?}");
        }
        std::io::Write::write_all(&mut terminal.stdin.take().expect("its input"), b"q").expect("a key");
        let mut rest = Vec::new();
        let _ = output.read_to_end(&mut rest);
        assert!(terminal.wait().expect("its end").success());
    });
}

const SCRIPT: &str = r#"
import sys
from haproxyadmin import haproxy, STATE_DISABLE, STATE_ENABLE, STATE_DRAIN, STATE_READY
h, m = haproxy.HAProxy(socket_file=sys.argv[1]), sys.argv[2]
print([f.name for f in h.frontends()], [b.name for b in h.backends()])
print([(s.name, s.weight, s.status) for s in h.servers()])
s = [s for s in h.servers() if s.name == 's1'][0]
print(s.setweight(20), s.weight, s.setweight('50%'), s.weight, s.sid, s.metric('stot'))
for state in (STATE_DISABLE, STATE_ENABLE, STATE_DRAIN, STATE_READY):
    print(s.setstate(state), s.status)
print(s.shutdown(), h.maxconn, h.nodename, h.setratelimitconn(5), h.ratelimitconn, h.setmaxconn(50), h.maxconn)
print(len(h.show_map(m)), h.add_map(m, '/n', 'v'), h.get_map(m, '/n'), h.set_map(m, '/n', 'w'), h.get_map(m, '/n'))
print(h.del_map(m, '/n'), len(h.show_map(m)), h.clear_map(m), h.show_map(m))
print(len(h.show_acl('#0')), h.add_acl('#0', '/z'), len(h.show_acl('#0')), h.del_acl('#0', '/z'), h.clear_acl('#0'))
f = h.frontend('fe')
print(f.status, f.disable(), f.status, f.enable(), f.status, f.setmaxconn(30), f.maxconn, f.requests)
print(h.clearcounters(all=True), h.command('show cli level'), h.errors('be') is not None)
"#;

const SAID: &str = r#"['fe'] ['be']
[('s1', '10', 'no check'), ('s2', '1', 'no check'), ('s3', '1', 'MAINT'), ('s4', '1', 'DOWN')]
True 20 True 5 1 0
True MAINT
True no check
True DRAIN
True no check
True 100 nodeA True 5 True 50
1 True type=str, case=sensitive, found=yes, idx=tree, key="/n", value="v", type="str" True type=str, case=sensitive, found=yes, idx=tree, key="/n", value="w", type="str"
True 1 True []
2 True 3 True True
OPEN True PAUSED True OPEN True 30 0
True [('1', ['admin'])] True
"#;

#[test]
fn haproxyadmin_reads_and_changes_what_it_always_did() {
    let Some(python) = weir_compat::python("haproxyadmin", "haproxyadmin==0.2.4") else {
        return eprintln!("haproxyadmin cannot be had");
    };
    compat(|t| {
        let proxy = start(t);
        proxy.admin_until("show stat", "s4,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,");
        let ran = Command::new(&python)
            .args(["-c", SCRIPT])
            .args([proxy.dir().join("admin.sock"), proxy.dir().join("m.map")])
            .output()
            .expect("Python");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(String::from_utf8_lossy(&ran.stdout), SAID);
    });
}

#[test]
fn socat_asks_in_both_ways() {
    if !has("socat") {
        return eprintln!("socat is not installed");
    }
    compat(|t| {
        let proxy = start(t);
        let socket = proxy.dir().join("admin.sock");
        let say = |words: &str| {
            let line = format!("{words} | socat -t5 stdio unix-connect:{}", socket.display());
            let ran = Command::new("sh").args(["-c", &line]).output().expect("a shell");
            String::from_utf8_lossy(&ran.stdout).into_owned()
        };
        assert_eq!(say("echo get weight be/s1"), "10 (initial 10)\n\n");
        assert_eq!(say("printf 'prompt\\nget weight be/s1\\nquit\\n'"), "\n> 10 (initial 10)\n\n> ");
        assert_eq!(say("echo 'disable server be/s1; get weight be/s1'"), "\n10 (initial 10)\n\n");
    });
}

/// A command as Ansible's module gives it: no half-close, and the answer ends with the connection.
fn execute(proxy: &Running, line: &str) -> String {
    let mut client = proxy.unix_client("admin.sock");
    client.send(format!("{line}\n"));
    String::from_utf8_lossy(&client.recv_to_close()).into_owned()
}

/// Status, weight and sessions of a server, read by the names of the columns.
fn state(proxy: &Running, backend: &str, server: &str) -> Option<(String, String, String)> {
    let shown = execute(proxy, "show stat");
    let mut lines = shown.trim_start_matches(['#', ' ']).lines();
    let names: Vec<&str> = lines.next()?.split(',').collect();
    let rows = lines.map(|line| names.iter().copied().zip(line.split(',')).collect::<HashMap<&str, &str>>());
    let mut found =
        rows.filter(|row| row.get("pxname") == Some(&backend) && row.get("svname") == Some(&server));
    let row = found.next()?;
    Some((row["status"].to_owned(), row["weight"].to_owned(), row["scur"].to_owned()))
}

#[test]
fn ansible_moves_servers_and_reads_what_became_of_them() {
    compat(|t| {
        let proxy = start(t);
        let info = execute(&proxy, "show info");
        let version = info.lines().find_map(|line| line.split_once("Version:")).expect("a version").1;
        let mut numbers = version.trim().split('.').map(str::parse::<u32>);
        assert_eq!((numbers.next(), numbers.next()), (Some(Ok(3)), Some(Ok(4))));
        let weight = "10 (initial 10)\n\n";
        let steps = [
            ("get weight be/s1; disable server be/s1", format!("{weight}\n"), "MAINT", "10"),
            ("get weight be/s1; enable server be/s1", format!("{weight}\n"), "no check", "10"),
            (
                "get weight be/s1; enable server be/s1; set weight be/s1 50%",
                format!("{weight}\n\n"),
                "no check",
                "5",
            ),
            ("set server be/s1 state drain", "\n".to_owned(), "DRAIN", "5"),
            (
                "get weight be/s1; disable server be/s1; shutdown sessions server be/s1",
                "5 (initial 10)\n\n\n\n".to_owned(),
                "MAINT",
                "5",
            ),
        ];
        for (command, answer, status, weight) in steps {
            assert_eq!(execute(&proxy, command), answer, "{command}");
            let wanted = (status.to_owned(), weight.to_owned(), "0".to_owned());
            assert_eq!(state(&proxy, "be", "s1"), Some(wanted), "{command}");
        }
        let agent = "get weight be/s4; disable agent be/s4; disable health be/s4; disable server be/s4";
        assert_eq!(execute(&proxy, agent), "1 (initial 1)\n\n\n\n\n");
        let back = "get weight be/s4; enable server be/s4; enable agent be/s4; enable health be/s4";
        assert_eq!(execute(&proxy, back), "1 (initial 1)\n\n\n\n\n");
        assert_eq!(state(&proxy, "be", "nobody"), None);
    });
}

/// What the service tells systemd (`-Ws`), without the numbers. It stays the process that systemd started, though the
/// file says `daemon`, as those of distributions do.
#[test]
fn systemd_is_told_how_the_service_does() {
    compat(|t| {
        let place = t.scratch("notify");
        let socket = UnixDatagram::bind(&place).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let heard = || {
            let mut text = [0; 512];
            let count = socket.recv(&mut text).expect("a message");
            String::from_utf8_lossy(&text[..count]).into_owned()
        };
        t.args(&["-Ws"]).env("NOTIFY_SOCKET", &place.display().to_string());
        t.file("m.map", "/a va\n").file("bad.acl", "/x\n/y\n");
        let mut launch = t.launch();
        launch.without_db();
        let mut proxy = launch.start(&CONFIG.replacen("global\n", "global\n    daemon\n", 1));
        let ready = format!("READY=1\nMAINPID={}\nSTATUS=Ready.\n", proxy.pid());
        assert_eq!(heard(), ready);
        // The reference runs itself anew for a reload, which it cannot where it was fetched to.
        if t.differs("the reference cannot be started again by itself here") {
            let file = proxy.dir().join("test.cfg");
            let good = std::fs::read_to_string(&file).expect("the configuration");
            for (text, after) in [
                (good.clone(), ready.as_str()),
                (format!("{good}\nnonsense\n"), "READY=1\nSTATUS=Reload failed!\n"),
            ] {
                std::fs::write(&file, text).expect("a file");
                proxy.signal(Signal::HUP);
                let began = heard();
                let micros =
                    began.strip_prefix("RELOADING=1\nSTATUS=Reloading Configuration.\nMONOTONIC_USEC=");
                assert!(micros.is_some_and(|text| text.trim_end().parse::<u64>().is_ok()), "{began}");
                assert_eq!(heard(), after);
            }
        }
        proxy.signal(Signal::TERM);
        assert_eq!(heard(), "STOPPING=1");
        proxy.wait();
    });
}
