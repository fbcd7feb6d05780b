//! Servers in HTTP/2, or in what `ws` says of WebSockets: which protocol each is asked in, and what the limits of
//! `global` make of what both ends are told.

use weir_compat::{Proxy, compat};
use weir_testkit::h2::{Frame, H2Peer};

/// A server that says how it was asked: behind `{plain}` by the first bytes, behind `{tls}` by agreement.
const SERVER: &str = "
frontend inner
    mode http
    bind {plain}
    bind {tls} ssl crt {dir}/one alpn h2,http/1.1
    http-request return status 403 hdr x-asked %[fc_http_major]:%[ssl_fc_alpn]:%[method]
";

const WEBSOCKET: &str = "GET /PATH HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const OTHER: &str = "GET /PATH HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// What stands on the line of a server, and how it is asked for a WebSocket, and for anything else.
const ASKED: [(&str, &str, &str); 21] = [
    ("{plain}", "1::GET", "1::GET"),
    ("{plain} ws auto", "1::GET", "1::GET"),
    ("{plain} ws h1", "1::GET", "1::GET"),
    ("{plain} ws h2", "2::GET", "1::GET"),
    ("{plain} proto h1 ws h2", "2::GET", "1::GET"),
    ("{plain} proto h2", "2::GET", "2::GET"),
    ("{plain} proto h2 ws auto", "2::GET", "2::GET"),
    ("{plain} proto h2 ws h1", "1::GET", "2::GET"),
    ("{plain} proto h2 ws h2", "2::GET", "2::GET"),
    ("{tls} ssl verify none", "1::GET", "1::GET"),
    ("{tls} ssl verify none ws h2", "2::GET", "1::GET"),
    ("{tls} ssl verify none proto h2 ws h1", "1::GET", "2::GET"),
    ("{tls} ssl verify none alpn h2,http/1.1", "1:http/1.1:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2,http/1.1 ws auto", "1:http/1.1:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2,http/1.1 ws h1", "1:http/1.1:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2,http/1.1 ws h2", "2:h2:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2", "2:h2:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2 ws h1", "1:http/1.1:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn http/1.1 ws h2", "2:h2:GET", "1:http/1.1:GET"),
    ("{tls} ssl verify none alpn http/1.0,h2,http/1.1", "1:http/1.1:GET", "2:h2:GET"),
    ("{tls} ssl verify none alpn h2 proto h2 ws h2", "2:h2:GET", "2:h2:GET"),
];

#[test]
fn websockets_are_asked_for_in_the_protocol_that_ws_says() {
    compat(|t| {
        t.file("one", include_str!("../fixtures/tls/one.pem"));
        let mut config =
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
            frontend fe\n bind {fe}\n use_backend %[path,field(2,/)]\n"
                .to_owned();
        for (n, (server, ..)) in ASKED.iter().enumerate() {
            // What one has agreed on the reference takes for what the next one will.
            config += &format!("backend w{n}\n server s {server}\nbackend o{n}\n server s {server}\n");
        }
        let mut proxy = t.start(&(config + SERVER));
        let mut wrong = Vec::new();
        for (n, (server, websocket, other)) in ASKED.iter().enumerate() {
            for (request, name, wanted) in [(WEBSOCKET, 'w', websocket), (OTHER, 'o', other)] {
                let mut client = proxy.client("fe");
                client.send(request.replace("PATH", &format!("{name}{n}")));
                let answer = client.recv_message();
                let asked = answer.head.header("x-asked").unwrap_or_default();
                if asked != *wanted {
                    wrong.push(format!("{server}: {asked} instead of {wanted}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// Lines of `global`, what the client and the server are told, and how far the window of a body without a length is
/// opened by the one and the other end.
const ANNOUNCED: [(&str, &str, &str, [u32; 2]); 13] = [
    ("", "8=1 4=16384 3=100", "2=0 8=1 4=16384 3=100", [1_409_024, 1_409_024]),
    (
        "tune.h2.header-table-size 8192",
        "8=1 1=8192 4=16384 3=100",
        "2=0 8=1 1=8192 4=16384 3=100",
        [1_409_024, 1_409_024],
    ),
    ("tune.h2.max-frame-size 20000", "8=1 4=16384 3=100", "2=0 8=1 4=16384 3=100", [1_409_024, 1_409_024]),
    (
        "tune.h2.max-frame-size 20000\ntune.bufsize 32768",
        "8=1 4=32720 3=100 5=20000",
        "2=0 8=1 4=32720 3=100 5=20000",
        [2_813_920, 2_813_920],
    ),
    (
        "tune.h2.initial-window-size 70000",
        "8=1 4=70000 3=100",
        "2=0 8=1 4=70000 3=100",
        [1_355_408, 1_355_408],
    ),
    ("tune.h2.initial-window-size 0", "8=1 4=16384 3=100", "2=0 8=1 4=16384 3=100", [1_409_024, 1_409_024]),
    (
        "tune.h2.fe.initial-window-size 30000",
        "8=1 4=30000 3=100",
        "2=0 8=1 4=16384 3=100",
        [1_395_408, 1_409_024],
    ),
    (
        "tune.h2.be.initial-window-size 40000",
        "8=1 4=16384 3=100",
        "2=0 8=1 4=40000 3=100",
        [1_409_024, 1_385_408],
    ),
    ("tune.h2.max-concurrent-streams 5", "8=1 4=16384 3=5", "2=0 8=1 4=16384 3=5", [49_152, 49_152]),
    (
        "tune.h2.fe.max-concurrent-streams 7\ntune.h2.be.max-concurrent-streams 8",
        "8=1 4=16384 3=7",
        "2=0 8=1 4=16384 3=8",
        [81_920, 98_304],
    ),
    (
        "tune.h2.fe.max-concurrent-streams 50 rq-load auto",
        "8=1 4=16384 3=50",
        "2=0 8=1 4=16384 3=100",
        [688_128, 1_409_024],
    ),
    (
        "tune.h2.fe.rxbuf 32k\ntune.h2.be.rxbuf 0",
        "8=1 4=16384 3=100",
        "2=0 8=1 4=16384 3=100",
        [1_409_024, 1_409_024],
    ),
    ("tune.h2.fe.rxbuf 4m", "8=1 4=16384 3=100", "2=0 8=1 4=16384 3=100", [3_981_312, 1_409_024]),
];

#[test]
fn both_ends_are_told_the_limits_of_the_configuration() {
    compat(|t| {
        let mut wrong = Vec::new();
        for (lines, client, server, windows) in ANNOUNCED {
            let origin = t.origin("srv");
            let config = Proxy::http().global(lines).servers("server s {srv} proto h2");
            let mut proxy = t.start(&config.text());
            let mut front = H2Peer::client(proxy.client("fe"), &[]);
            let told = pairs(&front.recv_of("SETTINGS"));
            let post =
                [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")];
            front.send(&Frame::headers(1, &post, false));
            let mut back = H2Peer::server(origin.accept(), &[]);
            let asked = pairs(&back.recv_of("SETTINGS"));
            back.recv_of("HEADERS");
            back.send(&Frame::headers(1, &[(":status", "200")], false));
            let opened = [window(&mut front), window(&mut back)];
            if (told.as_str(), asked.as_str(), opened) != (client, server, windows) {
                wrong.push(format!("{lines}: {told}, {asked}, {opened:?}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

/// What a SETTINGS frame says, in its order.
fn pairs(settings: &Frame) -> String {
    let pairs = settings.payload.chunks_exact(6);
    let told = pairs.map(|p| format!("{}={}", p[1], p[2..].iter().fold(0, |n, b| n << 8 | u32::from(*b))));
    told.collect::<Vec<_>>().join(" ")
}

/// How far the window of the first stream is opened; that of the connection is passed over.
fn window(peer: &mut H2Peer) -> u32 {
    loop {
        let update = peer.recv_of("WINDOW_UPDATE");
        if update.stream == 1 {
            return update.number(0);
        }
    }
}
