//! `log-forward`: messages that come in, and what the targets get of them (manual, 12.6).

use std::net::UdpSocket;

use weir_compat::{Subject, compat};
use weir_testkit::{Buffers, LogSink, SocketType};

/// Formats of targets, and of none.
const FORMATS: [&str; 9] = ["", "rfc3164", "rfc5424", "raw", "short", "timed", "iso", "priority", "local"];

/// Messages as they come; what a target of each format gets is compared between the programs by its lines here.
/// `NOW` is a date of this moment in the format's way.
const MESSAGES: [(&str, [&str; 9]); 6] = [
    (
        "<134>Nov 21 12:33:16 host haproxy[20544]: req /3 x\n",
        [
            "<134>Nov 21 12:33:16 host haproxy[20544]: req /3 x",
            "<134>Nov 21 12:33:16 host haproxy[20544]: req /3 x",
            "<134>1 YEAR-11-21T12:33:16-00:00 host haproxy 20544 - - req /3 x",
            "req /3 x",
            "<6>req /3 x",
            "<6>YEAR-11-21T12:33:16-00:00 req /3 x",
            "YEAR-11-21T12:33:16-00:00 req /3 x",
            "<134>req /3 x",
            "<134>Nov 21 12:33:16 haproxy[20544]: req /3 x",
        ],
    ),
    (
        "<14>1 2026-11-01T12:33:25Z - app p m [a@1 x=\"y\"] text\n\n",
        [
            "<14>1 2026-11-01T12:33:25Z 127.0.0.1 app p m [a@1 x=\"y\"] text",
            "<14>Nov  1 12:33:25 127.0.0.1 app[p]: text",
            "<14>1 2026-11-01T12:33:25Z 127.0.0.1 app p m [a@1 x=\"y\"] text",
            "text",
            "<6>text",
            "<6>2026-11-01T12:33:25Z text",
            "2026-11-01T12:33:25Z text",
            "<14>text",
            "<14>Nov  1 12:33:25 app[p]: text",
        ],
    ),
    (
        "plain message",
        [
            "<152>NOW 127.0.0.1 plain message",
            "<152>NOW 127.0.0.1 plain message",
            "<152>1 NOW 127.0.0.1 - - - - plain message",
            "plain message",
            "<0>plain message",
            "<0>NOW plain message",
            "NOW plain message",
            "<152>plain message",
            "<152>NOW plain message",
        ],
    ),
    (
        "<12>hello there",
        [
            "<12>NOW 127.0.0.1 hello there",
            "<12>NOW 127.0.0.1 hello there",
            "<12>1 NOW 127.0.0.1 - - - - hello there",
            "hello there",
            "<4>hello there",
            "<4>NOW hello there",
            "NOW hello there",
            "<12>hello there",
            "<12>NOW hello there",
        ],
    ),
    (
        "<3>Nov  1 12:33:16 tag: only",
        [
            "<3>Nov  1 12:33:16 tag: only",
            "<3>Nov  1 12:33:16 tag: only",
            "<3>1 YEAR-11-01T12:33:16-00:00 tag: - - - - only",
            "only",
            "<3>only",
            "<3>YEAR-11-01T12:33:16-00:00 only",
            "YEAR-11-01T12:33:16-00:00 only",
            "<3>only",
            "<3>Nov  1 12:33:16 only",
        ],
    ),
    (
        "<7>Nov 21 12:33:16 host app[1]:msg",
        [
            "<7>Nov 21 12:33:16 host app[1]:msg",
            "<7>Nov 21 12:33:16 host app[1]:msg",
            "<7>1 YEAR-11-21T12:33:16-00:00 host - - - - app[1]:msg",
            "app[1]:msg",
            "<7>app[1]:msg",
            "<7>YEAR-11-21T12:33:16-00:00 app[1]:msg",
            "YEAR-11-21T12:33:16-00:00 app[1]:msg",
            "<7>app[1]:msg",
            "<7>Nov 21 12:33:16 app[1]:msg",
        ],
    ),
];

#[test]
fn messages_are_written_again_in_the_format_of_each_target() {
    compat(|t| {
        let (config, sinks) = section(t, "", &FORMATS);
        let mut proxy = t.start(&config);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (message, wanted) in MESSAGES {
            socket.send_to(message.as_bytes(), proxy.address("fe")).unwrap();
            for (at, sink) in sinks.iter().enumerate() {
                let line = sink.next();
                let got = masked(&line, wanted[at]);
                assert_eq!(got, format!("{}\n", wanted[at]), "{message:?} as {:?}", FORMATS[at]);
            }
        }
    });
}

/// What `option host` and `option dont-parse-log` make of a message with a host, one without, and one without a header.
#[test]
fn options_say_which_host_a_message_is_from() {
    let cases = [
        ("option host replace", ["127.0.0.1", "127.0.0.1", "127.0.0.1"]),
        ("option host append", ["host,127.0.0.1", "127.0.0.1", "127.0.0.1"]),
        ("option host fill", ["host", "127.0.0.1", "127.0.0.1"]),
        ("option host keep", ["host", "-", "-"]),
        ("option dont-parse-log", ["-", "-", "-"]),
    ];
    compat(|t| {
        for (option, wanted) in cases {
            let (config, sinks) = section(t, option, &["rfc5424"]);
            let mut proxy = t.start(&config);
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let messages =
                ["<13>Nov 21 12:33:16 host a: x", "<13>1 2026-11-21T12:33:25Z - a p m - x", "<13>x"];
            for (message, wanted) in messages.iter().zip(wanted) {
                socket.send_to(message.as_bytes(), proxy.address("fe")).unwrap();
                let line = sinks[0].next();
                assert_eq!(line.split(' ').nth(2), Some(wanted), "{option}: {message}: {line}");
            }
        }
    });
}

/// Over connections, messages end with a line feed or come behind their length; what is neither ends the connection.
#[test]
fn messages_come_over_connections_in_either_framing() {
    compat(|t| {
        let (config, sinks) = section(t, "", &["raw"]);
        let mut proxy = t.start(&config);
        let mut client = proxy.client("fe");
        client.send("<134>Nov 21 12:33:16 h a[1]: one\n11 <14>hel\nlo7<13>two\n");
        assert_eq!(sinks[0].next(), "one\n");
        assert_eq!(sinks[0].next(), "hel\nlo7\n");
        assert_eq!(sinks[0].next(), "two\n");
        client.send("junk\n").expect_eof();
        let mut parts = proxy.client("fe");
        parts.send("1").pause(std::time::Duration::from_millis(20)).send("0 <14>a b");
        parts.pause(std::time::Duration::from_millis(20)).send(" cde");
        assert_eq!(sinks[0].next(), "a b cd\n");
    });
}

/// The buffers of a frontend are those of sockets that take datagrams, `tune.sndbuf.backend` is that of those that send
/// log lines; none of them changes a connection, nor does `tune.rcvbuf.backend` change anything.
#[test]
fn buffers_of_sockets_without_connections_are_as_they_are_asked_for() {
    compat(|t| {
        let (section, sinks) = section(t, "", &["raw"]);
        let sizes = "rcvbuf.frontend 20000\n tune.sndbuf.backend 30000\n tune.rcvbuf.backend 40000\n \
                     tune.sndbuf.frontend 50000\n tune.rcvbuf.client 60000\n tune.sndbuf.client 70000";
        let mut proxy = t.start(&format!("global\n nbthread 1\n tune.{sizes}\n{section}"));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"<13>x", proxy.address("fe")).unwrap();
        assert_eq!(sinks[0].next(), "x\n");
        let mut client = proxy.client("fe");
        client.send("<13>y\n");
        assert_eq!(sinks[0].next(), "y\n");
        let pids = proxy.pids();
        let datagrams = Buffers::of(&pids, SocketType::DGRAM);
        assert!(datagrams.iter().any(|b| (b.receive, b.send) == (40_000, 100_000)), "{datagrams:?}");
        assert!(datagrams.iter().any(|b| b.send == 60_000), "{datagrams:?}");
        assert!(!datagrams.iter().any(|b| b.receive == 80_000), "{datagrams:?}");
        let streams = Buffers::of(&pids, SocketType::STREAM);
        assert!(streams.iter().any(|b| (b.receive, b.send) == (120_000, 140_000)), "{streams:?}");
    });
}

/// A section that sends all it takes in to sinks, one for each format.
fn section(t: &mut Subject, option: &str, formats: &[&str]) -> (String, Vec<LogSink>) {
    let sinks = (0..formats.len()).map(|n| t.sink(&format!("s{n}"))).collect();
    let mut config =
        format!("log-forward lf\n dgram-bind {{fe}}\n bind {{fe}}\n timeout client 10s\n {option}\n");
    for (n, format) in formats.iter().enumerate() {
        let format = if format.is_empty() { String::new() } else { format!("format {format} ") };
        config += &format!(" log {{s{n}}} {format}local3\n");
    }
    (config, sinks)
}

/// A line with the dates of this moment taken out, where another line has none.
fn masked(line: &str, like: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let wanted: Vec<&str> = like.split(' ').collect();
    if let Some(at) = wanted.iter().position(|w| w.ends_with("NOW")) {
        let head = wanted[at].trim_end_matches("NOW");
        // `Mmm dd hh:mm:ss` is three words, four where the day is padded; the other date is one.
        let width = match words[at].contains('T') {
            true => 1,
            false if words[at + 1].is_empty() => 4,
            false => 3,
        };
        words.splice(at..at + width, [format!("{head}NOW")]);
    }
    let year = |word: String| match word.find("-11-") {
        Some(at) if like.contains("YEAR") && at >= 4 => format!("{}YEAR{}", &word[..at - 4], &word[at..]),
        _ => word,
    };
    words.into_iter().map(year).collect::<Vec<_>>().join(" ")
}
