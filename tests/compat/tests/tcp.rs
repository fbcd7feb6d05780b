//! TCP mode: bytes, closes, timeouts.

use std::time::Duration;
use weir_compat::compat;
use weir_testkit::mask;

const TCP: &str = "
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
";

#[test]
fn half_close_of_the_client_reaches_the_server() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&format!("{TCP}\nlisten fe\n bind {{fe}}\n server s {{srv}}\n"));
        let mut client = proxy.client("fe");
        client.send("question").shutdown_write();
        let mut far = server.accept();
        far.expect("question").expect_eof().send("answer").shutdown_write();
        client.expect("answer").expect_eof();
    });
}

#[test]
fn tcplog_is_written_with_the_bytes_of_the_server() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let config = format!(
            "{TCP}
            frontend fe
                bind {{fe}}
                log {{log}} local0
                option tcplog
                default_backend be
            backend be
                server s {{srv}}
            "
        );
        let mut proxy = t.start(&config);
        let mut client = proxy.client("fe");
        client.send("question");
        let mut far = server.accept();
        far.expect("question").send("answer").close();
        client.expect("answer").expect_eof().close();
        assert_eq!(
            mask::log_line(&log.next()),
            "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s T/T/T 6 -- 1/1/0/0/0 0/0"
        );
        log.expect_silence(Duration::from_millis(50));
    });
}
