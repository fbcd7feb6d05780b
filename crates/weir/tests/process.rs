//! The program as a process: signals, exit codes, pidfile, daemon, master and supervisor.

#![expect(clippy::unwrap_used, reason = "a test that cannot start its program fails")]

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use weir_testkit::{Launch, Origin, Program, Running, Signal, TempDir};

const CONFIG: &str = "
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen x
    bind {in}
    server s {origin}
";

fn weir() -> Program {
    Program::at("weir", env!("CARGO_BIN_EXE_weir"))
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_command_line_that_cannot_be_obeyed_ends_with_1_and_the_usage() {
    for arguments in [&[][..], &["-Z"], &["-q"], &["stray"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage : weir"), "{arguments:?}");
    }
}

#[test]
fn conditions_are_judged_by_the_exit_code() {
    for (condition, code) in [("streq(a,a)", 0), ("streq(a,b)", 1), ("feature(THREAD)", 0), ("bla", 2)] {
        assert_eq!(run(&["-cc", condition]).status.code(), Some(code), "{condition}");
    }
}

#[test]
fn a_check_tells_by_its_exit_code() {
    let dir = TempDir::new();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let good = file(
        "good",
        "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\nlisten x\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n",
    );
    let warns = file("warns", "listen x\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n");
    let (bad, empty) = (file("bad", "global\n bogus\n"), file("empty", ""));
    let cases: [(&[&str], i32, &str); 9] = [
        (&["-c", "-f", &good], 0, ""),
        (&["-c", "-V", "-f", &good], 0, "Configuration file is valid\n"),
        (&["-c", "-V", "-f", &warns], 0, "Warnings were found.\nConfiguration file is valid\n"),
        (&["-c", "-q", "-f", &warns], 0, ""),
        (&["-c", "-dW", "-f", &warns], 1, ""),
        (&["-c", "-f", &bad], 1, ""),
        (&["-c", "-f", "/nonexistent"], 1, ""),
        (
            &["-c", "-f", &empty],
            2,
            "Configuration file has no error but will not start (no listener) => exit(2).\n",
        ),
        (&["check", &warns, &bad], 1, ""),
    ];
    for (arguments, code, stdout) in cases {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(arguments[0] == "check" || text(&output.stdout) == stdout, "{arguments:?}");
    }
}

/// A start of the program before an origin.
fn launch(origin: &Origin, arguments: &[&str]) -> Launch {
    let mut launch = weir().launch();
    launch.set("origin", origin.address().to_string());
    launch.args(arguments);
    launch
}

#[track_caller]
fn serves(running: &mut Running, origin: &Origin) {
    let mut client = running.client("in");
    client.send("question");
    origin.accept().expect("question").send("answer").close();
    client.expect("answer").expect_eof();
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap().success());
}

#[test]
fn signals_end_it_as_they_end_the_reference() {
    // Arguments, signal, exit code; none where the signal itself is what ended it.
    let cases: [(&[&str], Signal, Option<i32>); 6] = [
        (&[], Signal::TERM, None),
        (&[], Signal::INT, None),
        (&[], Signal::USR1, Some(0)),
        (&["-W"], Signal::TERM, Some(0)),
        (&["-W"], Signal::INT, Some(130)),
        (&["-W"], Signal::USR1, Some(0)),
    ];
    for (arguments, signal, code) in cases {
        let origin = Origin::new();
        let mut running = launch(&origin, arguments).start(CONFIG);
        serves(&mut running, &origin);
        running.signal(signal);
        assert_eq!(running.wait().code, code, "{arguments:?} {signal:?}");
    }
}

#[test]
fn a_memory_limit_holds_for_what_may_be_written_to() {
    let origin = Origin::new();
    let mut running = launch(&origin, &["-m", "150"]).start(CONFIG);
    serves(&mut running, &origin);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert!(line.contains(" 157286400 "), "{line}");
}

#[test]
fn memory_comes_in_small_pages_in_every_process() {
    let origin = Origin::new();
    let running = launch(&origin, &["-W"]).start(CONFIG);
    let pids = running.pids();
    assert!(pids.len() > 1, "{pids:?}");
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        // Kernels before 5.0 do not tell.
        let told = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
        assert!(told.is_none_or(|on| on.trim() == "0"), "{pid}: {told:?}");
    }
}

/// Bytes of `mode tcp` go through pipes of the kernel, which are there while a client does not take what there is.
#[test]
fn large_transfers_are_spliced_unless_that_is_refused() {
    let pipes = |pid: u32| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let targets = descriptors.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("pipe:")).count()
    };
    let words = ["nosplice", "tune.disable-fast-forward", "tune.disable-zero-copy-forwarding"];
    for word in std::iter::once("").chain(words) {
        let origin = Origin::new();
        let mut running = launch(&origin, &[]).start(&format!("global\n nbthread 1\n {word}\n{CONFIG}"));
        let pid = running.pid();
        let before = pipes(pid);
        let mut client = running.client("in");
        client.send("question");
        let mut server = origin.accept();
        server.expect("question");
        // It ends when the client leaves.
        let sender = std::thread::spawn(move || server.try_send(vec![b'x'; 64 << 20]).is_err());
        client.recv_exactly(8 << 20);
        if word.is_empty() {
            until("a pipe", || pipes(pid) > before);
        }
        assert_eq!(pipes(pid) > before, word.is_empty(), "{word:?}");
        drop(client);
        assert!(sender.join().unwrap(), "{word:?}");
    }
}

#[test]
fn a_master_takes_commands() {
    let origin = Origin::new();
    let running = launch(&origin, &["-W", "-S", "{dir}/master.sock,mode,600"]).start(CONFIG);
    running.stderr_until("Loading success.");
    for (command, wanted) in [
        ("show proc\n", "worker          0  "),
        ("show version;help\n", "The following commands"),
        ("reload\n", "Success=1"),
    ] {
        let mut client = running.unix_client("master.sock");
        client.send(command).shutdown_write();
        let answer = String::from_utf8(client.recv_to_close()).unwrap();
        assert!(answer.contains(wanted), "{command}: {answer}");
    }
    running.stderr_until("Reload done.");
}

#[test]
fn draining_waits_for_the_connection_that_runs() {
    let origin = Origin::new();
    let mut running = launch(&origin, &[]).start(CONFIG);
    let mut client = running.client("in");
    client.send("question");
    let mut far = origin.accept();
    far.expect("question");
    running.signal(Signal::USR1);
    assert!(running.wait_within(Duration::from_millis(200)).is_none());
    far.send("answer").close();
    client.expect("answer").expect_eof();
    assert_eq!(running.wait().code, Some(0));
}

#[test]
fn hard_stop_after_ends_what_does_not_finish() {
    let origin = Origin::new();
    let config = format!("global\n    hard-stop-after 200ms\n{CONFIG}");
    let mut running = launch(&origin, &[]).start(&config);
    let mut client = running.client("in");
    client.send("question");
    let _far = origin.accept();
    running.signal(Signal::USR1);
    assert_eq!(running.wait().code, Some(0));
    client.expect_closed();
}

#[test]
fn a_worker_that_dies_is_replaced_on_the_same_sockets() {
    let origin = Origin::new();
    let mut running = launch(&origin, &["-W"]).start(CONFIG);
    running.stderr_until("Loading success.");
    let first = running.pids().get(1).copied().unwrap();
    signal(first, "KILL");
    let said = running.stderr_until("Starting another worker");
    assert!(said.contains(&format!("Current worker ({first}) exited with code 137 (Killed)")), "{said}");
    serves(&mut running, &origin);
    let second = running.pids().get(1).copied().unwrap();
    assert_ne!(first, second);
}

#[test]
fn a_reload_takes_over_whole_or_not_at_all() {
    for arguments in [&["-W"][..], &[]] {
        let origin = Origin::new();
        let mut running = launch(&origin, arguments).start(CONFIG);
        serves(&mut running, &origin);
        let file = running.dir().join("test.cfg");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{before}\nbogus\n")).unwrap();
        running.signal(Signal::USR2);
        running.stderr_until("Reload failed, the running configuration stays");
        serves(&mut running, &origin);
        std::fs::write(&file, before.replace("listen x", "listen y")).unwrap();
        running.signal(Signal::USR2);
        running.stderr_until("Reload done.");
        serves(&mut running, &origin);
    }
}

/// What operators changed stays where the file says the same as before.
#[test]
fn a_reload_takes_over_what_the_file_says_anew_of_limits_and_servers() {
    const BEFORE: &str = "
global
    stats socket {dir}/admin.sock level admin
    maxconn 300
defaults
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen x
    bind {in}
    server a 127.0.0.1:9 weight 3 maxconn 20
    server b 127.0.0.1:9 disabled
    server c 127.0.0.1:9
    server d 127.0.0.1:9 weight 7 maxconn 70
    server e 127.0.0.1:9 disabled
";
    let running = weir().launch().start(BEFORE);
    let file = running.dir().join("test.cfg");
    running.admin("set server x/d weight 8; set maxconn server x/d 71; set server x/e state ready");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (old, new) in [
        ("maxconn 300", "maxconn 250"),
        ("weight 3 maxconn 20", "weight 4 maxconn 10"),
        ("b 127.0.0.1:9 disabled", "b 127.0.0.1:9"),
        ("c 127.0.0.1:9", "c 127.0.0.1:9 disabled"),
    ] {
        text = text.replace(old, new);
    }
    std::fs::write(&file, text).unwrap();
    running.signal(Signal::USR2);
    running.stderr_until("Reload done.");
    let stat = running.admin("show stat");
    let servers: Vec<String> = stat
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|cells| cells.len() > 18 && cells[1].len() == 1)
        .map(|cells| [cells[1], cells[6], cells[17], cells[18]].join(" "))
        .collect();
    let wanted = ["a 10 no check 4", "b  no check 1", "c  MAINT 1", "d 71 no check 8", "e  no check 1"];
    assert_eq!(servers, wanted);
    let info = running.admin("show info");
    assert!(info.contains("\nMaxconn: 250\nHard_maxconn: 250\n"), "{info}");
}

#[test]
fn a_daemon_writes_its_number_and_leaves_the_terminal() {
    daemon(CONFIG);
    if is_root() {
        daemon(&format!("global\n    chroot auto\n    uid 65534\n    gid 65534\n{CONFIG}"));
    }
}

fn daemon(config: &str) {
    let origin = Origin::new();
    let mut launch = launch(&origin, &["-D", "-p", "{dir}/pid"]);
    launch.without_db();
    let mut running = launch.start(config);
    assert_eq!(running.wait().code, Some(0));
    let pid = std::fs::read_to_string(running.dir().join("pid")).unwrap();
    let pid: u32 = pid.strip_suffix('\n').unwrap().parse().unwrap();
    serves(&mut running, &origin);
    for fd in 0..3 {
        assert_eq!(
            std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().to_string_lossy(),
            "/dev/null"
        );
    }
    signal(pid, "TERM");
    until("the daemon ends", || !std::path::Path::new(&format!("/proc/{pid}/exe")).exists());
}

#[test]
fn an_address_in_use_ends_it_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [&[][..], &["-W"], &["-D"]] {
        let mut launch = weir().launch();
        launch.set("taken", address.clone());
        launch.args(arguments);
        let outcome = launch.try_start(&CONFIG.replace("{in}", "{taken}").replace("{origin}", "{taken}"));
        let said = match outcome {
            Err(outcome) => outcome,
            Ok(mut running) => running.wait(),
        };
        assert_eq!(said.code, Some(1), "{arguments:?}");
        let wanted = format!("protocol tcpv4: cannot bind socket (Address already in use) for [{address}].");
        assert!(said.stderr.contains(&wanted), "{}", said.stderr);
    }
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").unwrap().contains("Uid:\t0\t0")
}

#[test]
fn privileges_are_dropped_and_the_supervisor_keeps_them() {
    if !is_root() {
        eprintln!("skipped: giving up privileges takes root");
        return;
    }
    let origin = Origin::new();
    let config = format!("global\n    chroot auto\n    uid 65534\n    gid 65534\n{CONFIG}");
    let mut running = launch(&origin, &[]).start(&config);
    serves(&mut running, &origin);
    let worker = running.pids().get(1).copied().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    for line in ["Uid:\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534", "CapEff:\t0000000000000000"] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
    assert_eq!(groups.trim(), "");
    let folder = std::fs::read_link(format!("/proc/{worker}/root")).unwrap();
    assert!(folder.to_string_lossy().ends_with("(deleted)"), "{folder:?}");
    // Behind an empty root the files of a reload come from the supervisor.
    running.signal(Signal::USR2);
    running.stderr_until("Reload done.");
    serves(&mut running, &origin);
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code, None);
}

#[test]
fn an_older_process_finishes_once_the_next_one_serves() {
    let origin = Origin::new();
    let mut old = launch(&origin, &[]).start(CONFIG);
    let address = old.address("in").to_string();
    let pid = old.pid().to_string();
    let mut next = weir().launch();
    next.set("in", address).set("origin", origin.address().to_string());
    next.args(&["-sf", &pid]);
    let _next = next.start(CONFIG);
    assert_eq!(old.wait().code, Some(0));
    serves(&mut old, &origin);
}

#[test]
fn switches_let_names_and_certificates_be_what_they_are() {
    let launch = weir().launch();
    let file = launch.dir().join("switches.cfg");
    let proxy = "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\nfrontend fe\n bind \
                 127.0.0.1:1\n default_backend be\nbackend be\n";
    let servers = [("-dr", "server a nowhere.invalid:80"), ("-dV", "server a 127.0.0.1:443 ssl")];
    for (switch, server) in servers {
        std::fs::write(&file, format!("{proxy} {server}\n")).expect("a file");
        let path = file.to_str().expect("a path");
        assert_eq!(run(&["-c", "-f", path]).status.code(), Some(1), "{server}");
        let switched = run(&[switch, "-c", "-f", path]);
        assert_eq!(switched.status.code(), Some(0), "{server}: {}", text(&switched.stderr));
    }
}

#[test]
fn a_plan_tells_what_a_reload_would_change() {
    let mut launch = weir().launch();
    let config = "
        global
            stats socket {dir}/admin.sock level admin
        defaults
            mode http
            timeout connect 5s
            timeout client 5s
            timeout server 5s
        frontend fe
            bind {fe}
            default_backend be
        backend be
            server a {dead1}
        ";
    let address = launch.address("fe");
    let running = launch.start(config);
    let file = running.dir().join("test.cfg");
    let old = std::fs::read_to_string(&file).expect("the configuration");
    let new = running.dir().join("new.cfg");
    let plan = |text: String, against: &[&str]| {
        std::fs::write(&new, text).expect("a file");
        let words = [&["plan", new.to_str().expect("a path")], against].concat();
        let planned = run(&words);
        (planned.status.code(), self::text(&planned.stdout))
    };
    let same = (Some(0), "nothing changes\n".to_owned());
    assert_eq!(plan(old.clone(), &[]), same);
    assert_eq!(plan(old.clone(), &[file.to_str().expect("a path")]), same);
    let changed = old.replace("default_backend be", "http-request deny if { path /x }\n default_backend be");
    let changed = format!("{changed}\nbackend more\n    server b 127.0.0.1:9\n");
    let socket = running.dir().join("admin.sock");
    let told =
        "backend more comes, with the servers b\nfrontend fe: now 'http-request deny if { path /x }'\n";
    assert_eq!(plan(changed, &[socket.to_str().expect("a path")]), (Some(0), told.to_owned()));
    let (code, _) = plan(old.replace("mode http", "mode nonsense"), &[]);
    assert_eq!(code, Some(1));
    let moved = old.replace(&address.to_string(), "127.0.0.1:1");
    let told = format!("frontend fe: closes {address}\nfrontend fe: opens 127.0.0.1:1\n");
    assert_eq!(plan(moved, &[]), (Some(0), told));
}
