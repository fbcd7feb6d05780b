//! HTTP/2: header blocks, and a whole connection fed by anybody.

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
            Config { settings, shared_window: 65_535, max_lines: 20, max_head: 4096, max_glitches: 50 };
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
