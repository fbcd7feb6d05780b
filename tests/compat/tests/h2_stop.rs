//! How a process that stops parts from clients in HTTP/2: it tells them to turn elsewhere, serves what they still ask
//! for, and ends.

use std::time::Duration;

use weir_compat::{Proxy, compat};
use weir_testkit::h2::{Came, Frame, H2Peer};
use weir_testkit::{Origin, Peer, Running, Serving, Signal};

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a.example")];
/// What a GOAWAY says that ends nothing yet (RFC 9113, 6.8).
const ALL: u32 = (1 << 31) - 1;

fn served(origin: Origin) -> Serving {
    origin.answer_all("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
}

fn asked(proxy: &mut Running) -> H2Peer {
    let mut client = H2Peer::client(proxy.client("fe"), &[]);
    ask(&mut client, 1);
    client
}

/// One request, whose answer is complete.
#[track_caller]
fn ask(client: &mut H2Peer, stream: u32) {
    client.send(&Frame::headers(stream, &GET, true));
    answered(client, stream);
}

#[track_caller]
fn answered(client: &mut H2Peer, stream: u32) {
    let head = client.recv_of("HEADERS");
    let lines = client.lines(&head).expect("a whole block").expect("a block");
    assert_eq!((head.stream, lines[0].1.as_str()), (stream, "200"));
    let data = client.recv_of("DATA");
    assert!(data.stream == stream && data.ends(), "{data:?}");
}

/// The last stream that a GOAWAY names.
#[track_caller]
fn told_to_go(client: &mut H2Peer) -> u32 {
    let frame = client.recv_of("GOAWAY");
    assert_eq!(frame.number(4), 0, "{frame:?}");
    frame.number(0)
}

/// A client whose request is at its server when the process is told to stop, and that server's side.
#[track_caller]
fn open_while_it_stops(proxy: &mut Running, origin: &Origin) -> (H2Peer, Peer) {
    let mut client = H2Peer::client(proxy.client("fe"), &[]);
    client.send(&Frame::headers(1, &GET, true));
    let mut far = origin.accept();
    far.recv_head();
    proxy.signal(Signal::USR1);
    assert_eq!(told_to_go(&mut client), ALL);
    (client, far)
}

#[test]
fn clients_are_warned_and_served_until_they_go() {
    compat(|t| {
        let origin = served(t.origin("srv"));
        let mut proxy = t.start(&Proxy::http().text());
        let mut idle = asked(&mut proxy);
        let mut busy = asked(&mut proxy);
        proxy.signal(Signal::USR1);
        assert_eq!([told_to_go(&mut idle), told_to_go(&mut busy)], [ALL, ALL]);
        for stream in [3, 5, 7] {
            ask(&mut busy, stream);
        }
        assert!(proxy.wait_within(Duration::from_millis(200)).is_none());
        idle.peer().close();
        busy.peer().close();
        assert_eq!(proxy.wait().code, Some(0));
        drop(origin);
    });
}

#[test]
fn streams_that_are_open_end_as_if_nothing_were() {
    compat(|t| {
        let origin = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().defaults("timeout client 1s").text());
        let (mut client, mut far) = open_while_it_stops(&mut proxy, &origin);
        // A request that was on its way already.
        client.send(&Frame::headers(3, &GET, true));
        let mut second = origin.accept();
        second.recv_head();
        second.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        answered(&mut client, 3);
        far.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        answered(&mut client, 1);
        // Who stays for longer than a client may is left.
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn nobody_is_warned_where_closing_is_spread() {
    compat(|t| {
        let _origin = served(t.origin("srv"));
        let mut proxy = t.start(&Proxy::http().global("close-spread-time infinite").text());
        let mut client = asked(&mut proxy);
        proxy.signal(Signal::USR1);
        assert_eq!(client.next_within(Duration::from_millis(300)), Came::Silence);
        ask(&mut client, 3);
        client.peer().close();
        assert_eq!(proxy.wait().code, Some(0));

        let mut proxy = t.start(&Proxy::http().global("close-spread-time 500ms").text());
        let mut client = asked(&mut proxy);
        proxy.signal(Signal::USR1);
        assert_eq!(told_to_go(&mut client), 1);
        client.peer().close();
        assert_eq!(proxy.wait().code, Some(0));
    });
}

#[test]
fn a_hard_stop_ends_open_streams() {
    compat(|t| {
        let origin = t.origin("srv");
        let mut proxy = t.start(&Proxy::http().global("hard-stop-after 400ms").text());
        let _open = open_while_it_stops(&mut proxy, &origin);
        assert_eq!(proxy.wait().code, Some(0));
    });
}
