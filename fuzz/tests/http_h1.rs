//! The HTTP/1 codec on arbitrary bytes.

use weir_http::Head;
use weir_http::h1::{
    ChunkDecoder, ChunkStep, Limits, Outgoing, Parse, Parser, parse_request, parse_response, parse_trailers,
    write_head,
};

const LIMITS: Limits = Limits {
    max_headers: 101,
    max_bytes: 16384,
    max_weight: 15320,
    lenient: false,
    payload_with_any_method: false,
};

type Parsing = fn(&mut Parser, &[u8], &mut Head, &Limits) -> Parse;

/// What is read is the same in two parts, and what is written is read as it was.
fn holds(parse: Parsing, bytes: &[u8]) -> Option<(Head, usize)> {
    let mut head = Head::default();
    let whole = parse(&mut Parser::default(), bytes, &mut head, &LIMITS);
    let (mut parser, mut again) = (Parser::default(), Head::default());
    let half = parse(&mut parser, bytes.split_at(bytes.len() / 2).0, &mut again, &LIMITS);
    let Parse::Complete { consumed } = whole else { return None };
    assert!(consumed <= bytes.len());
    if half == Parse::Partial {
        assert_eq!(parse(&mut parser, bytes, &mut again, &LIMITS), whole);
        assert_eq!(written(&again), written(&head));
    }
    let out = written(&head);
    let mut back = Head::default();
    let parsed = parse(&mut Parser::default(), &out, &mut back, &LIMITS);
    assert_eq!(parsed, Parse::Complete { consumed: out.len() }, "{}", String::from_utf8_lossy(&out));
    assert_eq!(written(&back), out);
    Some((head, consumed))
}

fn written(head: &Head) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(head, &Outgoing::default(), &mut out);
    out
}

/// Where both take a head, they see the same words and the same end.
#[test]
fn http_request_head() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((head, consumed)) = holds(parse_request, bytes) else { return };
        let mut lines = [httparse::EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut lines);
        if let Ok(httparse::Status::Complete(n)) = request.parse(bytes) {
            assert_eq!(n, consumed);
            assert_eq!(request.method.unwrap().as_bytes(), head.method());
        }
    });
}

#[test]
fn http_response_head() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((head, consumed)) = holds(parse_response, bytes) else { return };
        let mut lines = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut lines);
        if let Ok(httparse::Status::Complete(n)) = response.parse(bytes) {
            assert_eq!(n, consumed);
            assert_eq!(response.code.unwrap(), head.status());
        }
    });
}

/// However chunks are cut, the data is the same.
#[test]
fn http_chunks() {
    fn decode(bytes: &[u8], step: usize) -> Option<Vec<u8>> {
        let (mut decoder, mut data, mut at, mut end) = (ChunkDecoder::default(), Vec::new(), 0, 0);
        while end < bytes.len() {
            end = (end + step).min(bytes.len());
            while at < end {
                match decoder.step(&bytes[at..end]) {
                    ChunkStep::Data { skip, len } => {
                        at += skip + len;
                        data.extend_from_slice(&bytes[at - len..at]);
                        decoder.passed(len);
                    }
                    ChunkStep::Partial { skip } => at += skip,
                    ChunkStep::End { .. } => return Some(data),
                    ChunkStep::Invalid => return None,
                }
            }
        }
        Some(data)
    }
    bolero::check!().for_each(|bytes: &[u8]| {
        let whole = decode(bytes, bytes.len().max(1));
        assert_eq!(whole, decode(bytes, 1));
        assert_eq!(whole, decode(bytes, 3));
        assert!(ChunkDecoder::default().seems_valid(bytes, |_| true) || whole.is_none());
    });
}

#[test]
fn http_trailers() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Parse::Complete { consumed } = parse_trailers(bytes, &mut Head::default(), &LIMITS, 400) {
            assert!(consumed <= bytes.len());
        }
    });
}
