//! The chunked coding (RFC 9112, 7.1).

/// Reads the chunked coding from pieces of input, up to the line that announces the end. Trailers follow it:
/// see [`super::parse_trailers`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ChunkDecoder {
    state: State,
    /// Of a chunk, what is still to come.
    size: u64,
}

/// What the input begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// `skip` bytes of framing, then `len` bytes of data, as far as they are there.
    Data {
        /// Bytes of framing before the data.
        skip: usize,
        /// Bytes of data; consume them with [`ChunkDecoder::passed`].
        len: usize,
    },
    /// Framing only, all of the input; more is needed.
    Partial {
        /// Bytes to be thrown away.
        skip: usize,
    },
    /// The last chunk: `skip` bytes, then trailers and an empty line.
    End {
        /// Bytes to be thrown away.
        skip: usize,
    },
    /// It is no chunked coding.
    Invalid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// At least one digit was there.
    Digits,
    /// Blanks after the size.
    Blank,
    Extension,
    Quoted,
    QuotedPair,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    End,
}

// === impl ChunkDecoder ===

impl ChunkDecoder {
    /// Looks at the input from where it stopped. Framing that was skipped must not be given again.
    pub fn step(&mut self, input: &[u8]) -> ChunkStep {
        for (i, b) in input.iter().enumerate() {
            if self.state == State::Data {
                let len = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len() - i);
                return ChunkStep::Data { skip: i, len };
            }
            if self.state == State::End {
                return ChunkStep::End { skip: i };
            }
            let Some(next) = self.next(*b) else { return ChunkStep::Invalid };
            self.state = next;
        }
        match self.state {
            State::End => ChunkStep::End { skip: input.len() },
            _ => ChunkStep::Partial { skip: input.len() },
        }
    }

    /// `n` bytes of data were taken.
    pub fn passed(&mut self, n: usize) {
        self.size = self.size.saturating_sub(n as u64);
        if self.state == State::Data && self.size == 0 {
            self.state = State::DataCr;
        }
    }

    /// The data that chunks are known to hold from here on: all that the input has, and what its last chunk
    /// announces beyond. The input begins with data.
    pub fn announced(mut self, mut input: &[u8]) -> u64 {
        let mut total = 0;
        while let ChunkStep::Data { skip, len } = self.step(input) {
            total += self.size;
            if (len as u64) < self.size {
                break;
            }
            self.passed(len);
            input = input.get(skip + len..).unwrap_or_default();
        }
        total
    }

    /// Whether the input may go on to be chunks; what follows the last one is for `rest` to judge.
    pub fn seems_valid(mut self, mut input: &[u8], rest: impl FnOnce(&[u8]) -> bool) -> bool {
        loop {
            match self.step(input) {
                ChunkStep::Data { skip, len } => {
                    self.passed(len);
                    input = input.get(skip + len..).unwrap_or_default();
                    if input.is_empty() {
                        return true;
                    }
                }
                ChunkStep::Partial { .. } => return true,
                ChunkStep::End { skip } => return rest(input.get(skip..).unwrap_or_default()),
                ChunkStep::Invalid => return false,
            }
        }
    }

    /// Line ends are CR and LF together: a bare one is where smuggling begins.
    fn next(&mut self, b: u8) -> Option<State> {
        Some(match (self.state, b) {
            (State::Size | State::Digits, b) if b.is_ascii_hexdigit() => {
                self.size = (self.size << 4) | u64::from(char::from(b).to_digit(16)?);
                if self.size >> MAX_BITS > 0 {
                    return None;
                }
                State::Digits
            }
            (State::Size, _) => return None,
            (State::Digits | State::Blank | State::Extension, b'\r') => State::SizeLf,
            (State::Digits | State::Blank, b' ' | b'\t') => State::Blank,
            (State::Digits | State::Blank, b';') => State::Extension,
            (State::Extension, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Extension,
            (State::Quoted, b'\\') => State::QuotedPair,
            (State::Extension, b'\\') => return None,
            (State::QuotedPair, b'\t' | b' '..=b'~' | 0x80..) => State::Quoted,
            (state @ (State::Extension | State::Quoted), b'\t' | b' '..=b'~' | 0x80..) => state,
            (State::SizeLf, b'\n') if self.size == 0 => State::End,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            _ => return None,
        })
    }
}

/// Chunks of up to this many bits of size are read: no 64-bit sum can overflow with them.
const MAX_BITS: u32 = 52;

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out when at most `cut` more bytes are given each time, and what is left; nothing when invalid.
    fn decode(coded: &[u8], cut: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut d = ChunkDecoder::default();
        let (mut out, mut at, mut end) = (Vec::new(), 0, cut.min(coded.len()));
        loop {
            match d.step(&coded[at..end]) {
                ChunkStep::Data { skip, len } => {
                    out.extend_from_slice(&coded[at + skip..at + skip + len]);
                    d.passed(len);
                    at += skip + len;
                }
                ChunkStep::Partial { skip } => at += skip,
                ChunkStep::End { skip } => return Some((out, coded[at + skip..].to_vec())),
                ChunkStep::Invalid => return None,
            }
            if at == end {
                if end == coded.len() {
                    return None;
                }
                end = (end + cut).min(coded.len());
            }
        }
    }

    #[test]
    fn data_comes_out_whatever_way_it_is_cut() {
        let coded = b"5\r\nhello\r\n6;x=\"y;\\\"\"\r\n world\r\n000\r\nA: b\r\n\r\n";
        for cut in 1..coded.len() {
            assert_eq!(
                decode(coded, cut),
                Some((b"hello world".to_vec(), b"A: b\r\n\r\n".to_vec())),
                "{cut}"
            );
        }
    }

    #[test]
    fn what_the_reference_takes_for_chunks() {
        for (coded, good) in [
            ("3\r\nabc\r\n0\r\n", true),
            ("3;x=y\r\nabc\r\n0;z\r\n", true),
            ("3 ;x\r\nabc\r\n0\r\n", true),
            ("3\t\r\nabc\r\n0\r\n", true),
            ("00000000000000000003\r\nabc\r\n0\r\n", true),
            (" 3\r\nabc\r\n0\r\n", false),
            ("3\nabc\r\n0\r\n", false),
            ("3\r\nabc\n0\r\n", false),
            ("3\r\nabc\r\n0\n", false),
            ("3;x\nabc\r\n0\r\n", false),
            ("3;x=\"a\r\nb\"\r\nabc\r\n0\r\n", false),
            ("3;\0\r\nabc\r\n0\r\n", false),
            ("3 x\r\nabc\r\n0\r\n", false),
            ("3\r\r\nabc\r\n0\r\n", false),
            ("0x3\r\nabc\r\n0\r\n", false),
            ("-1\r\n", false),
            ("\r\n", false),
            ("10000000000000\r\nabc", false),
            ("10000000000000000\r\nabc", false),
        ] {
            assert_eq!(decode(coded.as_bytes(), coded.len()).is_some(), good, "{coded:?}");
        }
    }
}
