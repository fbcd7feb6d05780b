//! The PROXY protocol, in both versions and both directions.

use weir_compat::{Proxy, compat, table};
use weir_testkit::{Peer, mask};

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[test]
fn version_1_goes_before_the_bytes_of_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().servers("server s {srv} send-proxy").text());
        let mut client = proxy.client("fe");
        client.send("hello");
        let line = format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\nhello",
            client.local().port(),
            client.remote().port()
        );
        server.accept().expect(line);
    });
}

#[test]
fn version_2_goes_before_the_bytes_of_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let mut proxy = t.start(&Proxy::tcp().servers("server s {srv} send-proxy-v2").text());
        let mut client = proxy.client("fe");
        client.send("hello");
        let mut wanted = V2.to_vec();
        wanted.extend([0x21, 0x11, 0, 12, 127, 0, 0, 1, 127, 0, 0, 1]);
        wanted.extend(client.local().port().to_be_bytes());
        wanted.extend(client.remote().port().to_be_bytes());
        wanted.extend(b"hello");
        server.accept().expect(wanted);
    });
}

#[test]
fn accepted_headers_give_the_addresses_of_the_client() {
    compat(|t| {
        let server = t.origin("srv");
        let log = t.sink("log");
        let text = "
            defaults
                mode tcp
                timeout connect 5s
                timeout client 2s
                timeout server 2s
            frontend fe
                bind {fe} accept-proxy
                log {log} format raw local0
                log-format \"%ci:%cp %fi:%fp %ts\"
                default_backend be
            backend be
                server s {srv}
        ";
        let mut proxy = t.start(text);
        let none = "127.0.0.1:PORT [DATE] fe/1: Received an invalid PROXY protocol header";
        let strict = t.differs("an address or port that cannot be is refused, not made into another one");
        let rows = [
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n", "1.2.3.4:1111 5.6.7.8:2222 --\n"),
            ("PROXY TCP6 ::1 2001:db8::2 1111 2222\r\n", "::1:1111 2001:db8::2:2222 --\n"),
            ("PROXY UNKNOWN\r\n", "127.0.0.1:OWN 127.0.0.1:FE --\n"),
            (
                "PROXY UNKNOWN and more\r\n",
                "127.0.0.1:PORT [DATE] fe/1: Received an unhandled protocol in the PROXY protocol header",
            ),
            (
                "PROXY TCP4 1.2.3.4 5.6.7.8 1111 99999\r\n",
                if strict { none } else { "1.2.3.4:1111 5.6.7.8:34463 --\n" },
            ),
            (
                "PROXY TCP4 1.2.3 5.6.7.8 1111 2222\r\n",
                if strict { none } else { "1.2.3.0:1111 5.6.7.8:2222 --\n" },
            ),
            (
                "PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\n",
                "127.0.0.1:PORT [DATE] fe/1: Received an invalid PROXY protocol header",
            ),
            (
                "PROXY TCP5 1.2.3.4 5.6.7.8 1111 2222\r\n",
                "127.0.0.1:PORT [DATE] fe/1: Received an unhandled protocol in the PROXY protocol header",
            ),
            (
                "proxy TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n",
                "127.0.0.1:PORT [DATE] fe/1: Received something which does not look like a PROXY protocol header",
            ),
            (
                "no header at all\r\n",
                "127.0.0.1:PORT [DATE] fe/1: Received something which does not look like a PROXY protocol header",
            ),
            ("v2 local", "127.0.0.1:OWN 127.0.0.1:FE --\n"),
            ("v2 inet", "1.2.3.4:1111 5.6.7.8:2222 --\n"),
            ("v2 with a TLV", "1.2.3.4:1111 5.6.7.8:2222 --\n"),
            (
                "v2 bad version",
                "127.0.0.1:PORT [DATE] fe/1: Received something which does not look like a PROXY protocol header",
            ),
        ];
        table(&rows, |header| {
            let mut client = proxy.client("fe");
            let (own, front) = (client.local().port().to_string(), client.remote().port().to_string());
            let mut bytes = match header {
                "v2 local" => [V2, &[0x20, 0, 0, 0]].concat(),
                "v2 inet" => [V2, &[0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 4, 87, 8, 174]].concat(),
                "v2 with a TLV" => {
                    [V2, &[0x21, 0x11, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 4, 87, 8, 174, 4, 0, 1, 0]].concat()
                }
                "v2 bad version" => [V2, &[0x31, 0x11, 0, 0]].concat(),
                text => text.as_bytes().to_vec(),
            };
            bytes.extend(b"hello");
            client.send(bytes);
            if let Some(mut far) = server.accept_within(std::time::Duration::from_millis(150)) {
                far.expect("hello").send("back").close();
                client.expect("back").expect_eof();
            } else {
                let _ = client.recv_to_close();
            }
            client.close();
            let line = log.try_next(std::time::Duration::from_millis(150)).unwrap_or_default();
            // Only the program's own words about a bad header carry a date.
            if line.contains(" [") {
                mask::log_line(&line)
            } else {
                line.replace(&own, "OWN").replace(&front, "FE")
            }
        });
    });
}

#[test]
fn the_address_passes_through_a_chain_of_proxies() {
    compat(|t| {
        let server = t.origin("srv");
        let text = "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            listen outer
                bind {fe}
                server s {inner} send-proxy-v2
            listen inner
                bind {inner} accept-proxy
                option forwardfor
                server s {srv} send-proxy
        ";
        let mut proxy = t.start(text);
        let mut client = Peer::try_connect(proxy.address("fe"), "127.0.0.77:0".parse().ok()).unwrap();
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut far = server.accept();
        let line = String::from_utf8(far.recv_until("\r\n")).unwrap();
        assert_eq!(mask::digits(&line), "PROXY TCPN N.N.N.N N.N.N.N N N\r\n");
        assert!(line.contains(" 127.0.0.77 127.0.0.1 "), "{line}");
        far.expect("GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 127.0.0.77\r\n\r\n");
    });
}

#[test]
fn what_is_no_header_is_told_apart_and_reset() {
    compat(|t| {
        let log = t.sink("log");
        let text = "
            defaults
                mode tcp
                timeout client 5s
            frontend fe
                bind {fe} accept-proxy
                log {log} format raw local0
                log-format %ts
                tcp-request content reject
        ";
        let mut proxy = t.start(text);
        let truncated = "Truncated PROXY protocol header received";
        let other = "Received something which does not look like a PROXY protocol header";
        let rows = [
            ("junk", truncated),
            ("fifteen octets!", truncated),
            ("sixteen octets!!", other),
            ("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", truncated),
            ("PROXY UNKNOWN", "Received an unhandled protocol in the PROXY protocol header"),
        ];
        table(&rows, |bytes| {
            let mut client = proxy.client("fe");
            client.send(bytes).expect_reset();
            let line = log.next();
            line.rsplit_once("fe/1: ").map(|(_, text)| text.trim_end().to_owned()).unwrap_or(line)
        });
    });
}
