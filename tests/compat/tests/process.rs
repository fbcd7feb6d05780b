//! The process: daemon, pid file, signals, hand-over to a successor, master and worker, and what `-v` says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use weir_compat::{Proxy, Subject, compat};
use weir_testkit::{Launch, Origin, PATIENCE, Peer, Program, Running, Serving, Signal, signal_process};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn serving(origin: Origin) -> Serving {
    origin.answer_all(OK)
}

/// The process numbers in a pid file, once it holds any.
#[track_caller]
fn pids_in(path: &std::path::Path) -> Vec<u32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        }
        assert!(Instant::now() < deadline, "{} stays empty", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Waits until a process that is not a child of the test has ended.
#[track_caller]
fn gone(pid: u32) {
    let deadline = Instant::now() + PATIENCE;
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One request on a connection of its own.
fn one_request(address: std::net::SocketAddr) -> std::io::Result<u16> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.write_all(GET.as_bytes())?;
    let mut line = [0; "HTTP/1.1 200".len()];
    client.read_exact(&mut line)?;
    let code = String::from_utf8_lossy(&line).split_once(' ').and_then(|(_, code)| code.parse().ok());
    code.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// Sends requests, one connection each, for as long as `work` runs; how many were answered and what failed.
fn under_load(address: std::net::SocketAddr, work: impl FnOnce()) -> (usize, Vec<String>) {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut failures = Vec::new();
            while !stop.load(Ordering::Acquire) {
                match one_request(address) {
                    Ok(200) => drop(answered.fetch_add(1, Ordering::AcqRel)),
                    other => failures.push(format!("{other:?}")),
                }
            }
            failures
        });
        work();
        stop.store(true, Ordering::Release);
        load.join().unwrap()
    });
    (answered.into_inner(), failures)
}

#[test]
fn versions_are_told() {
    compat(|t| {
        let short = t.program().run(&["-v"]);
        assert_eq!((short.code, short.stderr.as_str()), (Some(0), ""));
        let long = t.program().run(&["-vv"]);
        assert!(long.stdout.starts_with(&short.stdout), "{}", long.stdout);
        for wanted in [
            "\nFeature list : ",
            "\nDefault settings :\n",
            "\nAvailable polling systems :\n",
            "\nAvailable multiplexer protocols :\n",
            "\nAvailable services :",
            "\nAvailable filters :\n",
        ] {
            assert!(long.stdout.contains(wanted), "{wanted:?} in {}", long.stdout);
        }
        let features = long.stdout.lines().find(|line| line.starts_with("Feature list : ")).unwrap();
        for feature in ["+EPOLL", "+THREAD", "+LINUX_SPLICE", "+TPROXY", "+GETADDRINFO"] {
            assert!(features.contains(feature), "{feature} in {features}");
        }
    });
}

#[test]
fn a_program_called_haproxy_says_the_version_of_its_language_first() {
    compat(|t| {
        let launch = t.launch();
        let path = launch.dir().join("haproxy");
        std::os::unix::fs::symlink(t.program().path(), &path).unwrap();
        let output = Command::new(&path).arg("-v").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with("HAProxy version 3.4"), "{text}");
    });
}

#[test]
fn command_lines_that_are_wrong_end_with_one() {
    compat(|t| {
        for arguments in [&["-c"] as &[&str], &["-bogus"], &["-f"], &["-n", "x", "-bogus"], &[]] {
            let outcome = t.program().run(arguments);
            assert_eq!(outcome.code, Some(1), "{arguments:?} {outcome:?}");
        }
    });
}

#[test]
fn a_daemon_leaves_its_number_in_the_pid_file_and_frees_the_terminal() {
    compat(|t| {
        let server = t.origin("srv");
        let mut launch = t.launch();
        launch.without_db().args(&["-D", "-p", "{dir}/pid"]);
        let mut proxy = launch.start(&Proxy::http().text());
        assert_eq!(proxy.wait().code, Some(0));
        let pids = pids_in(&proxy.dir().join("pid"));
        assert_eq!(pids.len(), 1);
        let _server = serving(server);
        assert_eq!(one_request(proxy.address("fe")).unwrap(), 200);
        let terminal = std::fs::read_link(format!("/proc/{}/fd/0", pids[0])).map(|p| p.display().to_string());
        assert!(terminal.is_err() || terminal.as_deref().is_ok_and(|p| p == "/dev/null"), "{terminal:?}");
        signal_process(pids[0], Signal::TERM);
        gone(pids[0]);
    });
}

/// The processes that this one has started.
fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Who reads what a daemon says on the way waits for the end of it: no process may hold on to it.
#[test]
fn a_daemon_and_its_worker_let_go_of_standard_output() {
    compat(|t| {
        let _server = t.origin("srv");
        let mut launch = t.launch();
        launch.without_db().args(&["-W", "-D", "-p", "{dir}/pid"]);
        let mut proxy = launch.start(&Proxy::http().text());
        assert_eq!(proxy.wait().code, Some(0));
        let master = pids_in(&proxy.dir().join("pid"))[0];
        let workers = children(master);
        assert_eq!(workers.len(), 1);
        for pid in workers.into_iter().chain([master]) {
            let until = Instant::now() + Duration::from_secs(10);
            let target = |fd| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap_or_default();
            while !(1..=2).all(|fd| target(fd) == std::path::Path::new("/dev/null")) {
                assert!(Instant::now() < until, "{pid} holds {:?} and {:?}", target(1), target(2));
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        signal_process(master, Signal::TERM);
        gone(master);
    });
}

/// The processors that a process was told to run on, thread by thread, and whether it may gain privileges.
fn limits_of(pid: u32) -> (Vec<String>, String) {
    let value = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().to_owned()
    };
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statuses = threads.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let all: Vec<String> = statuses.collect();
    let cpus = all.iter().map(|status| value(status, "Cpus_allowed_list:")).collect();
    (cpus, all.first().map(|status| value(status, "NoNewPrivs:")).unwrap_or_default())
}

#[test]
fn workers_run_where_the_file_says_and_gain_no_privileges() {
    compat(|t| {
        let _server = t.origin("srv");
        let (own, _) = limits_of(std::process::id());
        let first: usize = own[0].split(['-', ',']).next().and_then(|cpu| cpu.parse().ok()).unwrap();
        for (words, workers, pinned, privileges) in [
            (format!("cpu-set only-cpu {first}"), Some("1"), 1, "1"),
            (format!("cpu-set only-cpu {first}\nnbthread 3"), Some("3"), 3, "1"),
            (format!("cpu-set drop-cpu {first}-{first}\ncpu-policy none\nnbthread 2"), Some("2"), 0, "1"),
            (format!("cpu-set only-node 999 only-cpu {first}\ninsecure-setuid-wanted"), None, 0, "0"),
            ("prealloc-fd".to_owned(), None, 0, "1"),
        ] {
            let proxy =
                t.start(&Proxy::http().global(&format!("stats socket {{dir}}/admin.sock\n{words}")).text());
            let shown = proxy.admin("show info");
            let told = shown.lines().find_map(|line| line.strip_prefix("Nbthread: "));
            assert!(workers.is_none() || told == workers, "{words}: {told:?}");
            let (cpus, gains) = limits_of(proxy.pid());
            let there = cpus.iter().filter(|list| **list == first.to_string()).count();
            assert_eq!((there, gains.as_str()), (pinned, privileges), "{words}: {cpus:?}");
        }
    });
}

#[test]
fn daemon_and_pidfile_can_stand_in_the_configuration() {
    compat(|t| {
        let _server = t.origin("srv");
        // Its `-D` tells the harness that the first process ends.
        let mut launch = t.launch();
        launch.without_db().args(&["-D"]);
        let mut proxy = launch.start(&Proxy::http().global("daemon\npidfile {dir}/pid").text());
        assert_eq!(proxy.wait().code, Some(0));
        let pids = pids_in(&proxy.dir().join("pid"));
        signal_process(pids[0], Signal::INT);
        gone(pids[0]);
    });
}

#[test]
fn sigterm_ends_at_once_and_sigusr1_after_the_last_request() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        proxy.signal(Signal::TERM);
        assert_ne!(proxy.wait().code, Some(1));
        client.expect_closed();

        let mut proxy = t.start(&Proxy::http().text());
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        proxy.signal(Signal::USR1);
        refuses(&mut proxy, "fe");
        assert!(proxy.wait_within(Duration::from_millis(200)).is_none());
        far.send(OK);
        let answer = client.recv_message();
        assert_eq!(answer.head.header("connection").as_deref(), Some("close"));
        client.expect_eof();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

/// Waits until nobody accepts any more.
#[track_caller]
fn refuses(proxy: &mut Running, name: &str) {
    let address = proxy.address(name);
    let deadline = Instant::now() + PATIENCE;
    while Peer::try_connect(address, None).is_ok() {
        assert!(Instant::now() < deadline, "{address} still accepts");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_drained_process_closes_idle_clients_and_ends() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let _server = serving(server);
        let mut client = proxy.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.recv_message();
        proxy.signal(Signal::USR1);
        client.expect_eof();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn hard_stop_after_ends_what_does_not_end_itself() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().global("hard-stop-after 400ms").text());
        let mut client = proxy.client("fe");
        client.send("x");
        let mut far = server.accept();
        far.expect("x");
        proxy.signal(Signal::USR1);
        assert!(proxy.wait_within(Duration::from_millis(150)).is_none());
        assert!(proxy.wait_within(Duration::from_secs(3)).is_some());
        client.expect_closed();
    });
}

#[test]
fn listeners_pause_on_sigttou_and_come_back_on_sigttin() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().text());
        let _server = serving(server);
        assert_eq!(one_request(proxy.address("fe")).unwrap(), 200);
        proxy.signal(Signal::TTOU);
        refuses(&mut proxy, "fe");
        proxy.signal(Signal::TTIN);
        let address = proxy.address("fe");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match one_request(address) {
                Ok(status) => return assert_eq!(status, 200),
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => panic!("never came back: {error}"),
            }
        }
    });
}

#[test]
fn a_successor_takes_over_without_a_refused_connection() {
    compat(|t| {
        let server = t.origin("srv");
        let text =
            Proxy::http().global("stats socket {dir}/admin.sock level admin expose-fd listeners").text();
        let mut old = t.start(&text);
        let _server = serving(server);
        let address = old.address("fe");
        let admin = old.dir().join("admin.sock").display().to_string();
        let number = old.pid().to_string();
        let mut new = None;
        let (answered, failures) = under_load(address, || {
            std::thread::sleep(Duration::from_millis(100));
            t.set("fe", address.to_string());
            new = Some(start_successor(t, &["-x", &admin, "-sf", &number]));
            assert_eq!(old.wait().code, Some(0));
            std::thread::sleep(Duration::from_millis(100));
        });
        assert!(failures.is_empty(), "{failures:?}");
        assert!(answered > 10, "{answered}");
        assert_eq!(one_request(address).unwrap(), 200);
    });
}

#[test]
fn a_successor_lets_the_old_process_finish_its_requests() {
    compat(|t| {
        let server = t.origin("srv");
        let mut old = t.start(&Proxy::http().text());
        let mut client = old.client("fe");
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        let address = old.address("fe");
        t.set("fe", address.to_string());
        let _new = start_successor(t, &["-sf", &old.pid().to_string()]);
        let mut second = Peer::connect(address);
        second.send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut other = server.accept();
        assert_eq!(other.recv_head().start_line(), "GET /new HTTP/1.1");
        far.send(OK);
        assert_eq!(client.recv_message().body, b"hi");
        assert_eq!(old.wait().code, Some(0));
    });
}

#[test]
fn st_ends_the_old_process_at_once() {
    compat(|t| {
        let server = t.origin("srv");
        let mut old = t.start(&Proxy::http().text());
        let mut client = old.client("fe");
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut far = server.accept();
        far.recv_head();
        t.set("fe", old.address("fe").to_string());
        let _new = start_successor(t, &["-st", &old.pid().to_string()]);
        old.wait();
        client.expect_closed();
    });
}

/// Starts a second process on the first one's address and waits until it listens there and elsewhere.
#[track_caller]
fn start_successor(t: &Subject, arguments: &[&str]) -> Running {
    let mut launch = t.launch();
    launch.args(arguments);
    launch.start(&Proxy::http().frontend("bind {ready}").text())
}

/// A start under a master, which executes its program again for a reload: a reference that needs a script to
/// find its libraries is told to execute the script.
fn master(t: &mut Subject) -> Launch {
    let script = std::fs::read_to_string(t.program().path()).unwrap_or_default();
    let mut launch = t.launch();
    if script.starts_with("#!/bin/sh") && script.contains("--library-path") {
        let path = t.scratch("haproxy");
        std::fs::write(&path, script.replace("--library-path", "--argv0 \"$0\" --library-path")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        launch = t.launch_of(&Program::at("the reference", path));
    }
    launch.without_db().args(&["-W"]);
    launch
}

#[test]
fn a_master_reloads_under_load_without_a_refused_connection() {
    compat(|t| {
        let server = t.origin("srv");
        let mut launch = master(t);
        launch.args(&["-p", "{dir}/pid"]);
        let text =
            Proxy::http().global("stats socket {dir}/admin.sock level admin expose-fd listeners").text();
        let mut proxy = launch.start(&text);
        let _server = serving(server);
        let address = proxy.address("fe");
        let path = proxy.dir().join("pid");
        let master = proxy.pid();
        assert_eq!(pids_in(&path)[0], master);
        let (answered, failures) = under_load(address, || {
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(150));
                proxy.signal(Signal::USR2);
            }
            std::thread::sleep(Duration::from_millis(600));
        });
        let strict = t.differs("the reference may reset connections that wait in a socket it closes");
        assert!(failures.is_empty() || !strict, "{failures:?}");
        assert!(answered > 10, "{answered}");
        assert!(is_alive(master));
        proxy.signal(Signal::TERM);
        proxy.wait();
        refuses(&mut proxy, "fe");
    });
}

#[test]
fn a_reload_with_a_broken_file_leaves_everything_running() {
    compat(|t| {
        let server = t.origin("srv");
        let launch = master(t);
        let mut proxy = launch.start(&Proxy::http().text());
        let _server = serving(server);
        let address = proxy.address("fe");
        std::fs::write(proxy.dir().join("test.cfg"), "frontend fe\n bogus\n").unwrap();
        proxy.signal(Signal::USR2);
        proxy.stderr_until("unknown keyword 'bogus'");
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(one_request(address).unwrap(), 200);
    });
}

#[test]
fn a_reload_takes_the_changed_file() {
    compat(|t| {
        let (old, new) = (t.origin("old"), t.origin("new"));
        let launch = master(t);
        let mut proxy = launch.start(&Proxy::http().servers("server s {old}").text());
        let address = proxy.address("fe");
        let path = proxy.dir().join("test.cfg");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(&old.address().to_string(), &new.address().to_string())).unwrap();
        let _old = old.answer_all("HTTP/1.1 201 Old\r\nContent-Length: 0\r\n\r\n");
        let _new = new.answer_all("HTTP/1.1 202 New\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(one_request(address).unwrap(), 201);
        proxy.signal(Signal::USR2);
        let deadline = Instant::now() + PATIENCE;
        while one_request(address).unwrap() != 202 {
            assert!(Instant::now() < deadline, "the new file is never obeyed");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn addresses_that_are_taken_are_named() {
    compat(|t| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        t.set("taken", taken.local_addr().unwrap().to_string());
        let text = "defaults\n mode tcp\n timeout client 1s\nlisten a\n bind {taken}\n";
        let outcome = t.launch().try_start(text).err();
        // Without a placeholder of its own there is nothing to wait for: the program ends by itself.
        let outcome = outcome.unwrap_or_else(|| {
            let mut running = t.launch().start(text);
            running.wait()
        });
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.stderr.contains("[ALERT]"), "{outcome:?}");
        assert!(outcome.stderr.contains(&taken.local_addr().unwrap().to_string()), "{outcome:?}");
    });
}
