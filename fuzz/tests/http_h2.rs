//! HTTP/2: header blocks, a whole connection fed by anybody, and two of them that speak to each other.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a fuzz target that looks wrong places up fails")]

use weir_http::Head;
use weir_http::h2::hpack::{Decoder, Encoder};
use weir_http::h2::{Config, Connection, ErrorCode, Event, Kind, Role, Settings};

/// Any block is read to its end or refused; what is given stays within the limit.
#[test]
fn http_h2_hpack() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut decoder = Decoder::new(4096);
        for block in bytes.chunks(97) {
            let mut given = 0;
            let all = decoder.decode(block, 8192, |name, value| given += name.len() + value.len() + 32);
            assert!(given <= 8192);
            if all.is_err() {
                return;
            }
        }
    });
}

/// What the encoder writes the decoder reads, whatever the lines.
#[test]
fn http_h2_hpack_round_trip() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let lines: Vec<(Vec<u8>, Vec<u8>)> = bytes
            .chunks(23)
            .map(|chunk| {
                let at = usize::from(chunk[0]) % chunk.len();
                let name = chunk[..at].iter().map(|b| b'a' + b % 26);
                (if at == 0 { b"x".to_vec() } else { name.collect() }, chunk[at..].to_vec())
            })
            .collect();
        let mut block = Vec::new();
        lines.iter().for_each(|(name, value)| Encoder.line(&mut block, name, value));
        let mut got = Vec::new();
        let all = Decoder::new(4096).decode(&block, usize::MAX, |name, value| {
            got.push((name.to_vec(), value.to_vec()));
        });
        assert!(all.is_ok(), "{all:?}");
        assert_eq!(got, lines);
    });
}

/// Whatever comes, and whatever is answered to it, the limits hold and the input is used up.
#[test]
fn http_h2_connection() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((&choice, bytes)) = bytes.split_first() else { return };
        let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
        let settings = Settings { max_concurrent_streams: 10, ..Settings::default() };
        let config =
            Config { settings, buffers: 4, buffer: 16_384, max_lines: 20, max_head: 4096, max_glitches: 50 };
        let mut connection = Connection::new(role, config);
        let mut input = Vec::new();
        if role == Role::Server {
            input.extend_from_slice(weir_http::h2::frame::PREFACE);
        } else {
            connection.open();
        }
        input.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        input.extend_from_slice(bytes);
        run(&mut connection, &input, choice);
    });
}

fn run(connection: &mut Connection, input: &[u8], choice: u8) {
    let mut head = Head::default();
    let mut answer = Head::default();
    answer.set_response(200, b"", (2, 0));
    let mut rest = input;
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps < 2 * input.len() + 16, "the input is not used up");
        let step = connection.step(rest, &mut head);
        assert!(step.consumed <= rest.len());
        rest = rest.get(step.consumed..).unwrap_or_default();
        match step.event {
            Event::More | Event::Over { .. } => return,
            Event::Head { stream, .. } if choice & 2 == 0 => {
                connection.send_head(stream, Kind::Response, &answer, b"", false);
                connection.send_data(stream, &[b'x'; 300], choice & 4 == 0);
            }
            Event::Data { stream, skip, len, .. } => {
                assert!(skip + len <= input.len());
                connection.credit(stream, len);
            }
            Event::Reset { stream, .. } | Event::Trailers { stream } => connection.release(stream),
            Event::Window { stream } if choice & 8 == 0 => connection.reset(stream, ErrorCode::Cancel),
            _ => {}
        }
        assert!(connection.streams() <= 11);
        if choice & 16 == 0 {
            let unsent = connection.output().len();
            connection.sent(unsent);
        }
    }
}

/// Two ends of a connection that do whatever they are told agree on all of it: nothing that one of ours says is a
/// fault to the other, and every octet of a body arrives.
#[test]
fn http_h2_both_ends() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut ends = Ends::new(bytes.first().copied().unwrap_or_default());
        bytes.chunks(2).for_each(|pair| ends.act(pair[0], pair.get(1).copied().unwrap_or_default()));
        ends.settle();
        assert_eq!(ends.arrived, ends.sent, "octets of bodies, by end that takes them");
    });
}

/// A client and a server, and what lies between them.
struct Ends {
    ends: [Connection; 2],
    wires: [Vec<u8>; 2],
    /// Streams that the client began, the newest last.
    streams: Vec<u32>,
    /// Those whose side an end has ended.
    done: [Vec<u32>; 2],
    sent: [usize; 2],
    arrived: [usize; 2],
}

// === impl Ends ===

impl Ends {
    fn new(choice: u8) -> Ends {
        let settings = |role| Settings {
            max_concurrent_streams: 5,
            initial_window_size: 1 << (choice & 15),
            enable_push: role == Role::Server,
            ..Settings::default()
        };
        let config = |role| Config {
            settings: settings(role),
            buffers: 4,
            buffer: 16_384,
            max_lines: 20,
            max_head: 4096,
            max_glitches: 0,
        };
        let [client, server] = [Role::Client, Role::Server].map(|role| Connection::new(role, config(role)));
        let mut ends = [client, server];
        ends[0].open();
        let mut this = Ends {
            ends,
            wires: Default::default(),
            streams: vec![1],
            done: Default::default(),
            sent: [0; 2],
            arrived: [0; 2],
        };
        this.say_head(0, 1);
        this.settle();
        this
    }

    fn act(&mut self, what: u8, with: u8) {
        let end = usize::from(what & 1);
        let stream = self.streams.get(usize::from(with) % self.streams.len()).copied().unwrap_or(1);
        let free = !self.done[end].contains(&stream);
        match (what >> 1) % 8 {
            0 => {
                if let Some(stream) = self.ends[0].open() {
                    self.streams.push(stream);
                    self.say_head(0, stream);
                }
            }
            1 | 2 if free => {
                let last = with & 1 == 1;
                let body = vec![b'x'; usize::from(with) * 97];
                let taken = self.ends[end].send_data(stream, &body, last);
                self.sent[1 - end] += taken;
                if last && taken == body.len() {
                    self.done[end].push(stream);
                }
            }
            3 if free => {
                let mut trailers = Head::default();
                trailers.append(b"x-end", b"1");
                self.ends[end].send_head(stream, Kind::Trailers, &trailers, b"", true);
                self.done[end].push(stream);
            }
            4 => self.ends[end].ping(&[with; 8]),
            5 => self.carry(end, usize::from(with) + 1),
            6 => self.carry(end, usize::from(with) * 100 + 1),
            _ => self.settle(),
        }
    }

    fn say_head(&mut self, end: usize, stream: u32) {
        let mut head = Head::default();
        if end == 0 {
            head.set_request(b"POST", b"/x", (2, 0));
            head.append(b"host", b"a.example");
            self.ends[0].send_head(stream, Kind::Request, &head, b"http", false);
        } else {
            head.set_response(200, b"", (2, 0));
            self.ends[1].send_head(stream, Kind::Response, &head, b"", false);
        }
    }

    /// So many octets of what an end says arrive.
    fn carry(&mut self, from: usize, octets: usize) {
        let output = self.ends[from].output();
        let octets = octets.min(output.len());
        self.wires[from].extend_from_slice(&output[..octets]);
        self.ends[from].sent(octets);
        let to = 1 - from;
        let mut head = Head::default();
        loop {
            let step = self.ends[to].step(&self.wires[from], &mut head);
            self.wires[from].drain(..step.consumed);
            match step.event {
                Event::More => return,
                Event::Over { .. } | Event::Malformed { .. } | Event::GoAway { .. } => {
                    panic!("{:?} at end {to}", step.event)
                }
                Event::Head { stream, .. } if to == 1 => self.say_head(1, stream),
                Event::Data { stream, len, .. } => {
                    self.arrived[to] += len;
                    self.ends[to].credit(stream, len);
                }
                Event::Reset { stream, .. } => panic!("stream {stream} was reset at end {to}"),
                _ => {}
            }
        }
    }

    /// All that was said arrives.
    fn settle(&mut self) {
        while self.ends.iter().any(|end| !end.output().is_empty()) {
            self.carry(0, usize::MAX);
            self.carry(1, usize::MAX);
        }
    }
}
