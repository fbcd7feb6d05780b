//! The master's command socket (`-W`, `-S`): its own commands, and those that it passes to its worker.

use std::time::Duration;

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
    http-request return status 200
";

/// The modes that a session enters are shown in its prompt.
const FLAGS: &str = "master> master(e)> master(xe)> master(xed)> ";

fn ask(proxy: &Running, line: &str) -> String {
    let mut client = proxy.unix_client("master.sock");
    client.send(line);
    client.shutdown_write();
    String::from_utf8_lossy(&client.recv_to_close()).into_owned()
}

/// The numbers of the master and of its worker, as `show proc` lists them.
fn processes(proxy: &Running) -> (String, String) {
    let shown = ask(proxy, "show proc\n");
    let pid = |line: Option<&str>| line.and_then(|l| l.split(' ').next()).unwrap_or_default().to_owned();
    (pid(shown.lines().nth(1)), pid(shown.lines().nth(3)))
}

#[test]
fn a_session_goes_on_until_its_client_leaves() {
    compat(|t| {
        t.args(&["-W", "-S", "{dir}/master.sock"]);
        let proxy = t.start(CONFIG);
        let mut client = proxy.unix_client("master.sock");
        for (line, answer) in [
            ("echo a\n", "a\n\n"),
            ("@1 echo b\n", "b\n\n"),
            ("@9 echo a; echo c\n", "Can't find the target PID matching the prefix '@9'\n"),
            ("@@9\n", "Can't find the target PID matching the prefix '@@9'\n"),
            ("\n", "\n"),
            ("prompt\n", "master> "),
            ("@9\n", "Can't find the target PID matching the prefix '@9'\nmaster> "),
            ("echo d\n", "d\n\nmaster> "),
            ("prompt i\n", ""),
            ("operator; expert-mode on; echo e\n", "Permission denied!\n"),
            ("echo f\n", "f\n\n"),
            ("@@1\n", "\n"),
            ("echo g\n", "g\n\n"),
            ("echo h\n", "h\n\n"),
        ] {
            client.send(line).expect(answer);
        }
        client.shutdown_write().expect_eof();
    });
}

#[test]
fn commands_go_to_the_master_or_to_its_worker() {
    compat(|t| {
        t.args(&["-W", "-S", "{dir}/master.sock"]);
        let proxy = t.start(CONFIG);
        let (_, worker) = processes(&proxy);
        for (command, wanted) in [
            ("echo a;echo b\n", "a\n\nb\n\n".to_owned()),
            ("@master echo a\n", "a\n\n".to_owned()),
            ("@ echo a\n", "a\n\n".to_owned()),
            ("@0 echo a\n", "a\n\n".to_owned()),
            ("@1 echo a; echo b; @1 echo c\n", "a\n\nb\n\nc\n\n".to_owned()),
            ("@1 show env NO_SUCH\n", "Variable not found\n\n".to_owned()),
            ("@1 get weight x/y\n", "No such backend.\n\n".to_owned()),
            ("@1; get weight x/y\n", "No such backend.\n\n".to_owned()),
            (&format!("@!{worker} get weight x/y\n"), "No such backend.\n\n".to_owned()),
            ("@1\n", String::new()),
            ("show cli level\n", "admin\n\n".to_owned()),
            ("@1 show cli level\n", "admin\n\n".to_owned()),
            ("operator; @1 show cli level; show cli level\n", "operator\n\noperator\n\n".to_owned()),
            ("user; show proc\n", "Permission denied\n\n".to_owned()),
            ("user; reload\n", "Permission denied\n\n".to_owned()),
            ("user; @1 show env HOME\n", "Permission denied\n\n".to_owned()),
            ("expert-mode on; @1 expert-mode\n", "expert-mode is ON\n\n".to_owned()),
            ("@1 expert-mode on; @1 expert-mode\n", "\nexpert-mode is OFF\n\n".to_owned()),
            (
                "@1 add map x <<\nfoo\n\n",
                "Unknown map identifier. Please use #<id> or <file>.\n\n".to_owned(),
            ),
            ("show env NO_SUCH\n", "Variable not found\n\n".to_owned()),
            ("quit; echo a\n", String::new()),
            ("user\nshow cli level\n", "user\n\n".to_owned()),
            ("expert-mode on\necho a\n", "a\n\n".to_owned()),
            ("@1\necho a\n", "a\n\n".to_owned()),
            ("@1;user;show cli level\n", "user\n\n".to_owned()),
            ("\necho a\n", "\na\n\n".to_owned()),
            ("@01 echo a\n", "a\n\n".to_owned()),
            ("echo a <<\nb\n\n", "a\n\n".to_owned()),
            (
                "@1 add map x <<%\na\n\nb\n%\n",
                "Unknown map identifier. Please use #<id> or <file>.\n\n".to_owned(),
            ),
            ("show proc foo\n", "'show proc' only supports 'debug' as argument\n\n".to_owned()),
            ("show cli sockets\n", "\n".to_owned()),
            ("prompt i\nprompt\necho a\n", "master> a\n\nmaster> ".to_owned()),
            ("prompt\nexpert-mode on\nexperimental-mode on\nmcli-debug-mode on\n", FLAGS.to_owned()),
            ("@@1 echo a; echo b; show cli level\n", "a\n\nb\n\nadmin\n\n".to_owned()),
            (&format!("@@!{worker} echo a\n"), "a\n\n".to_owned()),
            ("@@ echo a\n", "a\n\n".to_owned()),
            ("@@1\necho a\n", "a\n\n".to_owned()),
            ("@@1 add map x <<\na\n\n", "Unknown map identifier. Please use #<id> or <file>.\n\n".to_owned()),
            ("prompt\n@@1 echo a; echo b\n", "master> a\n\nb\n\nmaster> ".to_owned()),
            ("mcli-debug-mode\n", String::new()),
        ] {
            assert_eq!(ask(&proxy, command), wanted, "{command}");
        }
        for name in ["@2", "@!1", "@x", "@-1"] {
            let text = format!("Can't find the target PID matching the prefix '{name}'\n");
            proxy.unix_client("master.sock").send(format!("{name} show info\n")).expect(text);
        }
        let help = ask(&proxy, "help\n");
        assert!(
            help.contains(
                "  @!<pid>                                 : send a command to the <pid> process\n"
            )
        );
        assert!(help.contains(
            "  reload                                  : achieve a soft-reload (-sf) of haproxy\n"
        ));
        assert_eq!(help.lines().count(), 19, "{help}");
    });
}

#[test]
fn a_session_inside_the_worker_hears_what_follows() {
    compat(|t| {
        t.args(&["-W", "-S", "{dir}/master.sock"]);
        let proxy = t.start(CONFIG);
        let mut client = proxy.unix_client("master.sock");
        // Both wait until somebody says something, or the time has passed.
        client.send("prompt\n").expect("master> ");
        client.send("@@1 echo a; wait 200; echo b\n").expect("a\n\nDone.\n\nb\n\nmaster> ");
        client.send("@@1\n").expect("\n> ");
        client.send("echo a\n").expect("a\n\n> ");
        client.send("show cli level; echo b\n").expect("admin\n\nb\n\n> ");
        client.send("quit\n").expect("master> ");
        client.send("echo c\n").expect("c\n\nmaster> ");
    });
}

#[test]
fn a_prompt_says_who_is_spoken_to() {
    compat(|t| {
        t.args(&["-W", "-S", "{dir}/master.sock"]);
        let proxy = t.start(CONFIG);
        let (_, worker) = processes(&proxy);
        let mut client = proxy.unix_client("master.sock");
        client.send("prompt\n").expect("master> ");
        client.send("echo a\n").expect("a\n\nmaster> ");
        client.send("@1\n").expect(format!("{worker}> "));
        client.send("get weight x/y\n").expect(format!("No such backend.\n\n{worker}> "));
        client.send("@master\n").expect("master> ");
        client.send("quit\n").expect("master> ").expect_eof();
    });
}

/// HAProxy's master ends with its worker; Weir's starts another one on the same sockets.
#[test]
fn a_worker_that_is_killed_is_replaced_on_the_same_sockets() {
    compat(|t| {
        if !t.differs("Weir starts another worker, HAProxy ends all of its processes") {
            return;
        }
        t.args(&["-W", "-S", "{dir}/master.sock"]);
        for signal in ["KILL", "SEGV"] {
            let mut proxy = t.start(CONFIG);
            let (_, worker) = processes(&proxy);
            let killed = std::process::Command::new("kill").args(["-s", signal, &worker]).status();
            assert!(killed.is_ok_and(|status| status.success()));
            let until = std::time::Instant::now() + Duration::from_secs(5);
            let next = loop {
                let (_, next) = processes(&proxy);
                if !next.is_empty() && next != worker {
                    break next;
                }
                assert!(std::time::Instant::now() < until, "no other worker came after {signal}");
            };
            assert_ne!(worker, next);
            // A connection waits in the queue of the sockets that the supervisor keeps until the worker takes it.
            let mut client = proxy.client("fe");
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let answer = client.recv_to_close();
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
        }
    });
}
