//! The rest of a body that nobody wants: its request was answered before it was there. It is read to its end, so that
//! the next request can be told from it, and so that who still sends gets to read the answer.

use weir_http::Head;
use weir_http::h1::{self, BodyLength, Limits, Parse};

use super::h1::{Frame, Reader};
use crate::buffer::Buffer;

/// What is still to come of a request's body.
pub(crate) struct Rest {
    reader: Reader,
    limits: Limits,
    /// The connection may carry another request behind it.
    pub(crate) goes_on: bool,
}

/// How far a body was thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// To its end.
    All,
    /// As far as it was there.
    Some,
    /// This is no body.
    Invalid,
}

// === impl Rest ===

impl Rest {
    pub(crate) fn new(body: BodyLength, limits: Limits) -> Self {
        Self::of(Reader::new(body), limits)
    }

    /// What a reader has not read yet.
    pub(super) fn of(reader: Reader, limits: Limits) -> Self {
        Self { reader, limits, goes_on: false }
    }

    /// Throws away what lies in the input of it.
    pub(crate) fn skip(&mut self, input: &mut Buffer) -> Skipped {
        loop {
            match self.reader.frame(input.data(), false) {
                Frame::Data { skip, len } => {
                    self.reader.passed(len);
                    input.consume(skip + len);
                }
                Frame::End => return Skipped::All,
                Frame::Trailers { skip } => {
                    input.consume(skip);
                    return match h1::parse_trailers(input.data(), &mut Head::default(), &self.limits, 400) {
                        Parse::Complete { consumed } => {
                            input.consume(consumed);
                            Skipped::All
                        }
                        Parse::Partial => Skipped::Some,
                        Parse::Invalid(_) => Skipped::Invalid,
                    };
                }
                Frame::More { skip } => {
                    input.consume(skip);
                    return Skipped::Some;
                }
                Frame::Invalid => return Skipped::Invalid,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::BufferPool;

    const LIMITS: Limits = Limits {
        max_headers: 101,
        max_bytes: 16384,
        max_weight: 15320,
        lenient: false,
        payload_with_any_method: false,
    };

    #[test]
    fn a_body_is_skipped_to_its_end_however_it_comes() {
        let cases: [(BodyLength, &[u8], Skipped); 8] = [
            (BodyLength::Known(3), b"abcGET", Skipped::All),
            (BodyLength::Known(3), b"ab", Skipped::Some),
            (BodyLength::Chunked, b"3\r\nabc\r\n0\r\n\r\nGET", Skipped::All),
            (BodyLength::Chunked, b"3\r\nabc\r\n0\r\nX: y\r\n\r\nGET", Skipped::All),
            (BodyLength::Chunked, b"3\r\nabc\r\n0\r\nX: y\r\n", Skipped::Some),
            (BodyLength::Chunked, b"3\r\nab", Skipped::Some),
            (BodyLength::Chunked, b"zz\r\n", Skipped::Invalid),
            (BodyLength::Chunked, b"0\r\n: y\r\n\r\n", Skipped::Invalid),
        ];
        for (body, bytes, wanted) in cases {
            for step in 1..=bytes.len() {
                let mut rest = Rest::new(body, LIMITS);
                let mut input = BufferPool::new(1024).buffer();
                let mut end = Skipped::Some;
                for part in bytes.chunks(step) {
                    if end == Skipped::Some || end == Skipped::All && !input.is_empty() {
                        input.space()[..part.len()].copy_from_slice(part);
                        input.filled(part.len());
                    }
                    if end == Skipped::Some {
                        end = rest.skip(&mut input);
                    }
                }
                assert_eq!(end, wanted, "{body:?} {bytes:?} in steps of {step}");
                if end == Skipped::All && step == bytes.len() {
                    assert_eq!(input.data(), b"GET".get(..input.len()).unwrap());
                }
            }
        }
    }
}
