//! What the other end may say and do, frame by frame.

use proptest::prelude::*;

use super::*;
use crate::Head;
use crate::h2::frame::{FrameHead, HEAD, PREFACE, flag, kind};
use crate::h2::hpack::Encoder;
use crate::h2::{ErrorCode, Kind};

const END: u8 = flag::END_STREAM | flag::END_HEADERS;

fn config() -> Config {
    Config {
        settings: Settings {
            initial_window_size: 16_384,
            max_concurrent_streams: 100,
            ..Settings::default()
        },
        buffers: 6,
        buffer: 16_384,
        max_lines: 101,
        max_head: 16_384,
        max_glitches: 0,
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    FrameHead { len: payload.len(), kind, flags, stream }.write(&mut out);
    out.extend_from_slice(payload);
    out
}

fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    lines.iter().for_each(|(n, v)| Encoder.line(&mut out, n.as_bytes(), v.as_bytes()));
    out
}

const LINES: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a")];

fn get(stream: u32, flags: u8) -> Vec<u8> {
    frame(kind::HEADERS, flags, stream, &block(&LINES))
}

fn post(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    let lines = [&[(":method", "POST")], &LINES[1..], more].concat();
    frame(kind::HEADERS, flag::END_HEADERS, stream, &block(&lines))
}

fn data(stream: u32, bytes: &[u8], end: bool) -> Vec<u8> {
    frame(kind::DATA, u8::from(end), stream, bytes)
}

/// A server that was greeted.
fn server() -> Connection {
    let mut this = Connection::new(Role::Server, config());
    let greeting = [PREFACE.as_slice(), &frame(kind::SETTINGS, 0, 0, b"")].concat();
    assert_eq!(play(&mut this, &greeting), []);
    let unsent = this.output().len();
    this.sent(unsent);
    this
}

/// Feeds all of `input`, a few octets at a time, and gives back what happened.
fn play(to: &mut Connection, input: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut head = Head::default();
    let mut at = 0;
    for end in (0..=input.len()).step_by(7).chain([input.len()]) {
        loop {
            let step = to.step(input.get(at..end).unwrap_or_default(), &mut head);
            at += step.consumed;
            match step.event {
                Event::More => break,
                Event::Nothing => {}
                Event::Over { .. } => {
                    events.push(step.event);
                    return events;
                }
                event => events.push(event),
            }
        }
    }
    events
}

/// The frames of an output: kind, stream and, where there is one, the error code.
fn said(from: &mut Connection) -> Vec<(u8, u32, Option<ErrorCode>)> {
    let out = from.output().to_vec();
    from.sent(out.len());
    let mut rest = out.as_slice();
    let mut found = Vec::new();
    while let Some(head) = FrameHead::read(rest) {
        let payload = &rest[HEAD..HEAD + head.len];
        let code = match head.kind {
            kind::RST_STREAM => Some(&payload[..4]),
            kind::GOAWAY => Some(&payload[4..8]),
            _ => None,
        };
        let code = code.map(|c| ErrorCode::of(u32::from_be_bytes(c.try_into().unwrap())));
        found.push((head.kind, head.stream, code));
        rest = &rest[HEAD + head.len..];
    }
    found
}

#[test]
fn faults_of_the_connection_end_it() {
    use ErrorCode::*;
    let get1 = get(1, END);
    let open1 = get(1, flag::END_HEADERS);
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("4.2: a frame above the limit", frame(kind::HEADERS, END, 1, &[0; 16_385]), FrameSizeError),
        ("4.2: of an unknown kind too", frame(77, END, 1, &[0; 16_385]), FrameSizeError),
        ("4.3: a block that cannot be read", frame(kind::HEADERS, END, 1, b"\x80"), CompressionError),
        ("4.3: a block that is cut", frame(kind::HEADERS, END, 1, b"\x00\x05ab"), CompressionError),
        ("5.1: data on an idle stream", data(1, b"x", true), ProtocolError),
        ("5.1: a reset of an idle stream", frame(kind::RST_STREAM, 0, 1, &[0; 4]), ProtocolError),
        ("5.1: a window of an idle stream", frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), ProtocolError),
        ("5.1: a head after the end", [get1.clone(), get1.clone()].concat(), ProtocolError),
        ("5.1.1: an even stream", get(2, END), ProtocolError),
        ("5.1.1: a stream below the last", [get(3, END), get1.clone()].concat(), StreamClosed),
        (
            "5.3: a stream that depends on itself",
            frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 1, 9]),
            ProtocolError,
        ),
        ("6.1: data of the connection", data(0, b"x", false), ProtocolError),
        (
            "6.1: padding as long as the payload",
            [open1.clone(), frame(kind::DATA, 8, 1, b"\x03ab")].concat(),
            ProtocolError,
        ),
        ("6.2: a head of the connection", get(0, END), ProtocolError),
        ("6.2: padding as long as the payload", frame(kind::HEADERS, END | 8, 1, b"\xffabc"), ProtocolError),
        ("6.2: an empty head", frame(kind::HEADERS, END, 1, b""), FrameSizeError),
        ("6.3: a priority of the connection", frame(kind::PRIORITY, 0, 0, &[0; 5]), ProtocolError),
        ("6.3: a priority of four octets", frame(kind::PRIORITY, 0, 1, &[0; 4]), FrameSizeError),
        ("6.4: a reset of the connection", frame(kind::RST_STREAM, 0, 0, &[0; 4]), ProtocolError),
        (
            "6.4: a reset of three octets",
            [open1.clone(), frame(kind::RST_STREAM, 0, 1, &[0; 3])].concat(),
            FrameSizeError,
        ),
        ("6.5: settings of a stream", frame(kind::SETTINGS, 0, 1, b""), ProtocolError),
        ("6.5: settings of five octets", frame(kind::SETTINGS, 0, 0, &[0; 5]), FrameSizeError),
        ("6.5: an acknowledgement that says more", frame(kind::SETTINGS, 1, 0, &[0; 6]), FrameSizeError),
        (
            "6.5.2: a window above the largest",
            frame(kind::SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]),
            FlowControlError,
        ),
        (
            "6.5.2: frames below the smallest",
            frame(kind::SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]),
            ProtocolError,
        ),
        ("6.6: a push", frame(kind::PUSH_PROMISE, 4, 2, &[0, 0, 0, 2]), ProtocolError),
        ("6.7: a ping of seven octets", frame(kind::PING, 0, 0, &[0; 7]), FrameSizeError),
        ("6.7: a ping of a stream", frame(kind::PING, 0, 1, &[0; 8]), ProtocolError),
        ("6.8: a farewell of a stream", frame(kind::GOAWAY, 0, 1, &[0; 8]), ProtocolError),
        ("6.8: a farewell of seven octets", frame(kind::GOAWAY, 0, 0, &[0; 7]), FrameSizeError),
        ("6.9: a window of nothing", frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4]), ProtocolError),
        ("6.9: a window of three octets", frame(kind::WINDOW_UPDATE, 0, 0, &[0; 3]), FrameSizeError),
        (
            "6.9.1: a window above the largest",
            frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            FlowControlError,
        ),
        ("6.10: a continuation of nothing", frame(kind::CONTINUATION, 4, 1, b""), ProtocolError),
        (
            "6.10: another frame in between",
            [get(1, flag::END_STREAM), frame(kind::PING, 0, 0, &[0; 8])].concat(),
            ProtocolError,
        ),
        (
            "6.10: a continuation of another stream",
            [get(1, flag::END_STREAM), frame(kind::CONTINUATION, 4, 3, b"")].concat(),
            ProtocolError,
        ),
        (
            "8.1: lines after a body that do not end it",
            [post(1, &[]), get(1, flag::END_HEADERS)].concat(),
            ProtocolError,
        ),
    ];
    for (why, input, code) in cases {
        let mut server = server();
        let last = play(&mut server, &input).pop();
        assert_eq!(last, Some(Event::Over { code: Some(code) }), "{why}");
        assert!(said(&mut server).contains(&(kind::GOAWAY, 0, Some(code))), "{why}");
        assert_eq!(
            play(&mut server, &get(5, END)),
            [Event::Over { code: Some(code) }],
            "{why}: it stays over"
        );
    }
}

#[test]
fn faults_of_a_stream_end_it_alone() {
    use ErrorCode::*;
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("5.1: data after the end", [get(1, END), data(1, b"x", true)].concat(), StreamClosed),
        (
            "6.9: a window of nothing",
            [post(1, &[]), frame(kind::WINDOW_UPDATE, 0, 1, &[0; 4])].concat(),
            ProtocolError,
        ),
        (
            "6.9.1: a window above the largest",
            [post(1, &[]), frame(kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])].concat(),
            FlowControlError,
        ),
        (
            "8.1.1: more than its length",
            [post(1, &[("content-length", "2")]), data(1, b"abc", true)].concat(),
            ProtocolError,
        ),
        (
            "8.1.1: less than its length",
            [post(1, &[("content-length", "4")]), data(1, b"abc", true)].concat(),
            ProtocolError,
        ),
        ("8.2.1: a name in upper case", post(1, &[("X", "1")]), ProtocolError),
        ("8.1: pseudo-header fields in trailers", [post(1, &[]), get(1, END)].concat(), ProtocolError),
    ];
    for (why, input, code) in cases {
        let mut server = server();
        play(&mut server, &input);
        assert!(said(&mut server).contains(&(kind::RST_STREAM, 1, Some(code))), "{why}");
        assert_eq!(play(&mut server, &get(3, END)), [Event::Head { stream: 3, end: true }], "{why}");
    }
}

/// RFC 9113, 5.1: what was on its way when this end gave a stream up is no fault, and the other streams go on.
#[test]
fn what_comes_late_ends_nothing() {
    let mut client = Connection::new(Role::Client, config());
    play(&mut client, &frame(kind::SETTINGS, 0, 0, &[]));
    let (given_up, other) = (client.open().unwrap(), client.open().unwrap());
    client.reset(given_up, ErrorCode::Cancel);
    client.release(given_up);
    let answer = |stream| frame(kind::HEADERS, flag::END_HEADERS, stream, &block(&[(":status", "200")]));
    let late = [answer(given_up), data(given_up, b"abc", true), answer(other)].concat();
    assert_eq!(play(&mut client, &late), [Event::Head { stream: other, end: false }]);

    let mut server = server();
    play(&mut server, &post(1, &[]));
    server.reset(1, ErrorCode::NoError);
    server.release(1);
    let late =
        [data(1, b"abc", false), frame(kind::HEADERS, flag::END_HEADERS | END, 1, &block(&[("x", "1")]))];
    assert_eq!(play(&mut server, &late.concat()), []);
    assert_eq!(play(&mut server, &get(3, END)), [Event::Head { stream: 3, end: true }]);
}

/// RFC 9113, 6.9: a window that is hardly any is not given back in steps of nothing.
#[test]
fn nothing_is_never_given_back() {
    let mut config = config();
    (config.settings.initial_window_size, config.buffers, config.buffer) = (3, 0, 3);
    let mut server = Connection::new(Role::Server, config);
    play(
        &mut server,
        &[crate::h2::PREFACE.as_slice(), &frame(kind::SETTINGS, 0, 0, &[]), &post(1, &[])].concat(),
    );
    play(&mut server, &data(1, b"", false));
    server.credit(1, 0);
    let windows = server.output().windows(9).filter(|w| w[..4] == [0, 0, 4, kind::WINDOW_UPDATE]);
    assert_eq!(windows.count(), 1, "that of the connection");
}

#[test]
fn what_has_no_meaning_is_passed_over() {
    let input = [
        frame(77, 0xff, 1, b"abc"),
        frame(kind::PRIORITY, 0, 5, &[0, 0, 0, 0, 9]),
        frame(kind::SETTINGS, 0, 0, &[0, 99, 1, 2, 3, 4]),
        frame(kind::PING, flag::ACK, 0, &[0; 8]),
        get(1, END),
        frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
    ]
    .concat();
    let mut server = server();
    assert_eq!(
        play(&mut server, &input),
        [Event::Head { stream: 1, end: true }, Event::Window { stream: 1 }]
    );
}

#[test]
fn what_is_no_http_2_is_not_answered() {
    for input in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"] {
        let mut server = Connection::new(Role::Server, config());
        assert_eq!(play(&mut server, input), [Event::Over { code: None }]);
        assert_eq!(server.output(), b"");
    }
    let mut server = Connection::new(Role::Server, config());
    let over = Event::Over { code: Some(ErrorCode::ProtocolError) };
    assert_eq!(play(&mut server, &[PREFACE.as_slice(), &get(1, END)].concat()), [over]);
}

#[test]
fn blocks_may_come_in_parts_within_limits() {
    let whole = block(&LINES);
    let (a, b) = whole.split_at(3);
    let mut server = server();
    let input = [
        frame(kind::HEADERS, flag::END_STREAM, 1, a),
        frame(kind::CONTINUATION, 0, 1, b""),
        frame(kind::CONTINUATION, flag::END_HEADERS, 1, b),
    ]
    .concat();
    assert_eq!(play(&mut server, &input), [Event::Head { stream: 1, end: true }]);
    let endless: Vec<u8> = std::iter::once(frame(kind::HEADERS, flag::END_STREAM, 3, a))
        .chain((0..1000).map(|_| frame(kind::CONTINUATION, 0, 3, b"")))
        .flatten()
        .collect();
    assert_eq!(play(&mut server, &endless), [Event::Over { code: Some(ErrorCode::InternalError) }]);
}

#[test]
fn more_streams_than_agreed_are_refused() {
    let mut server = server();
    let many: Vec<u8> = (0..101).flat_map(|i| get(2 * i + 1, END)).collect();
    assert_eq!(play(&mut server, &many).len(), 100);
    assert!(said(&mut server).contains(&(kind::RST_STREAM, 201, Some(ErrorCode::RefusedStream))));
    // A stream that was reset makes room, but only so many may wait to be let go of.
    let mut begun = 0;
    for i in 0..150 {
        play(&mut server, &frame(kind::RST_STREAM, 0, 2 * i + 1, &[0, 0, 0, 8]));
        begun += play(&mut server, &get(203 + 2 * i, END)).len();
    }
    assert_eq!(begun, 100);
    server.release(1);
    assert_eq!(play(&mut server, &get(701, END)), [Event::Head { stream: 701, end: true }]);
}

#[test]
fn glitches_end_the_connection_where_they_are_counted() {
    let mut server = Connection::new(Role::Server, Config { max_glitches: 10, ..config() });
    let greeting = [PREFACE.as_slice(), &frame(kind::SETTINGS, 0, 0, b"")].concat();
    play(&mut server, &greeting);
    let mut last = None;
    for i in 0..10 {
        let stream = 2 * i + 1;
        last = play(
            &mut server,
            &[get(stream, flag::END_HEADERS), frame(kind::RST_STREAM, 0, stream, &[0; 4])].concat(),
        )
        .pop();
        server.release(stream);
    }
    assert_eq!(last, Some(Event::Over { code: Some(ErrorCode::EnhanceYourCalm) }));
}

#[test]
fn windows_bound_what_is_sent_and_what_may_come() {
    let mut server = server();
    play(&mut server, &frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 10]));
    play(&mut server, &get(1, END));
    let mut head = Head::default();
    head.set_response(200, b"", (2, 0));
    server.send_head(1, Kind::Response, &head, b"", false);
    assert_eq!((server.room(1), server.send_data(1, &[b'x'; 100], true)), (10, 10));
    assert_eq!(server.send_data(1, b"x", true), 0);
    assert_eq!(
        play(&mut server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 5])),
        [Event::Window { stream: 1 }]
    );
    assert_eq!(server.room(1), 5);
    // RFC 9113, 6.9.2: a window may fall below zero.
    play(&mut server, &frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    assert_eq!(server.room(1), 0);
    play(&mut server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 6]));
    assert_eq!(server.room(1), 1);

    play(&mut server, &post(3, &[]));
    let full = data(3, &[b'x'; 16_384], false);
    for _ in 0..4 {
        assert!(play(&mut server, &full).iter().all(|e| matches!(e, Event::Data { stream: 3, .. })));
    }
    let over = play(&mut server, &full).pop();
    let code = ErrorCode::FlowControlError;
    assert_eq!(over, Some(Event::Reset { stream: 3, code, by_peer: false }));
}

#[test]
fn what_was_read_may_come_again() {
    let mut server = server();
    play(&mut server, &post(1, &[]));
    let full = data(1, &[b'x'; 16_384], false);
    for _ in 0..100 {
        let len: usize = play(&mut server, &full)
            .iter()
            .map(|e| if let Event::Data { len, .. } = e { *len } else { panic!("{e:?}") })
            .sum();
        assert_eq!(len, 16_384);
        server.credit(1, len);
    }
    let words = said(&mut server);
    assert!(
        words.contains(&(kind::WINDOW_UPDATE, 1, None)) && words.contains(&(kind::WINDOW_UPDATE, 0, None))
    );
}

#[test]
fn pings_and_settings_are_answered_until_the_other_end_does_not_listen() {
    let mut server = server();
    play(&mut server, &[frame(kind::PING, 0, 0, b"12345678"), frame(kind::SETTINGS, 0, 0, b"")].concat());
    assert_eq!(said(&mut server), [(kind::PING, 0, None), (kind::SETTINGS, 0, None)]);
    let flood: Vec<u8> = (0..5000).flat_map(|_| frame(kind::PING, 0, 0, b"12345678")).collect();
    play(&mut server, &flood);
    assert!(server.is_choked());
}

/// RFC 8441, 3: `:protocol` is for servers that announced that they take it.
#[test]
fn tunnels_wait_for_the_word_of_the_server() {
    let mut asks = Head::default();
    asks.set_request(b"GET", b"http://a/chat", (1, 1));
    asks.append(b"upgrade", b"websocket");
    asks.facts_mut().upgrade = true;
    for (settings, takes) in
        [(vec![0, 8, 0, 0, 0, 1], true), (vec![0, 8, 0, 0, 0, 0], false), (vec![], false)]
    {
        for known in [true, false] {
            let mut client = Connection::new(Role::Client, config());
            let settings = frame(kind::SETTINGS, 0, 0, &settings);
            client.sent(client.output().len());
            if known {
                play(&mut client, &settings);
            }
            let stream = client.open().unwrap();
            client.send_head(stream, Kind::Request, &asks, b"http", false);
            let now = said(&mut client);
            assert_eq!(now.iter().any(|w| w.0 == kind::HEADERS), known && takes);
            assert_eq!(client.send_data(stream, b"abc", false), if known && takes { 3 } else { 0 });
            let events = if known { play(&mut client, &[]) } else { play(&mut client, &settings) };
            let code = ErrorCode::InternalError;
            let refused = events.contains(&Event::Reset { stream, code, by_peer: false });
            assert_eq!(refused, !takes, "{settings:?} {known}");
            if !known {
                assert_eq!(said(&mut client).iter().any(|w| w.0 == kind::HEADERS), takes);
            }
            client.release(stream);
            assert!(said(&mut client).iter().all(|w| w.0 != kind::RST_STREAM) || takes);
        }
    }
}

#[test]
fn two_ends_speak_to_each_other() {
    let mut client = Connection::new(Role::Client, config());
    let mut server = Connection::new(Role::Server, config());
    let relay = |from: &mut Connection, to: &mut Connection| {
        let words = from.output().to_vec();
        from.sent(words.len());
        let mut events = play(to, &words);
        events.retain(|e| !matches!(e, Event::Window { .. }));
        events
    };
    let stream = client.open().unwrap();
    let mut request = Head::default();
    request.set_request(b"POST", b"/upload", (1, 1));
    request.append(b"host", b"a.example");
    client.send_head(stream, Kind::Request, &request, b"https", false);
    assert_eq!(client.send_data(stream, b"hello", false), 5);
    let mut trailers = Head::default();
    trailers.append(b"x-sum", b"5");
    client.send_head(stream, Kind::Trailers, &trailers, b"", true);
    let events = relay(&mut client, &mut server);
    assert_eq!(events.first(), Some(&Event::Head { stream, end: false }));
    assert_eq!(events.last(), Some(&Event::Trailers { stream }));

    let mut response = Head::default();
    response.set_response(103, b"", (1, 1));
    server.send_head(stream, Kind::Response, &response, b"", false);
    response.clear();
    response.set_response(200, b"OK", (1, 1));
    server.send_head(stream, Kind::Response, &response, b"", false);
    assert_eq!(server.send_data(stream, b"bye", true), 3);
    server.release(stream);
    let events = relay(&mut server, &mut client);
    assert_eq!(events[..2], [Event::Head { stream, end: false }; 2]);
    assert!(matches!(events.last(), Some(Event::Data { end: true, .. })));
    client.release(stream);
    assert_eq!((client.streams(), server.streams()), (0, 0));

    server.leave(ErrorCode::NoError);
    let events = relay(&mut server, &mut client);
    assert_eq!(events, [Event::GoAway { last: stream, code: ErrorCode::NoError }]);
    assert_eq!(client.open(), None);
}

proptest! {
    #[test]
    fn nothing_that_comes_breaks_it(input in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut server = server();
        play(&mut server, &input);
        prop_assert!(server.streams() <= 100);
    }
}
