//! The chunked coding (RFC 9112, 7.1).

/// Reads the chunked coding from pieces of input.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChunkDecoder {
    state: State,
    size: u64,
    digits: u8,
}

/// What the input begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// `skip` bytes of framing, then `len` bytes of data.
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
    /// The end: `skip` bytes close the body.
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
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLine,
    TrailerLf,
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
            let Some(next) = self.next(*b) else { return ChunkStep::Invalid };
            self.state = next;
            if next == State::End {
                return ChunkStep::End { skip: i + 1 };
            }
        }
        ChunkStep::Partial { skip: input.len() }
    }

    /// `n` bytes of data were taken.
    pub fn passed(&mut self, n: usize) {
        self.size = self.size.saturating_sub(n as u64);
        if self.state == State::Data && self.size == 0 {
            self.state = State::DataCr;
        }
    }

    fn next(&mut self, b: u8) -> Option<State> {
        Some(match (self.state, b) {
            (State::Size, b) if b.is_ascii_hexdigit() => {
                if self.digits >= 16 {
                    return None;
                }
                self.digits += 1;
                self.size = (self.size << 4) | u64::from((b as char).to_digit(16)?);
                State::Size
            }
            (State::Size, _) if self.digits == 0 => return None,
            (State::Size, b'\r') => State::SizeLf,
            (State::Size, b'\n') | (State::Extension, b'\n') | (State::SizeLf, b'\n') => self.after_size(),
            (State::Size, b';' | b' ' | b'\t') => State::Extension,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, _) => State::Extension,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataCr, b'\n') | (State::DataLf, b'\n') => State::Size,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::Trailer, b'\n') | (State::TrailerLf, b'\n') => State::End,
            (State::Trailer, _) => State::TrailerLine,
            (State::TrailerLine, b'\n') => State::Trailer,
            (State::TrailerLine, _) => State::TrailerLine,
            _ => return None,
        })
    }

    fn after_size(&mut self) -> State {
        self.digits = 0;
        if self.size == 0 { State::Trailer } else { State::Data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_comes_out_whatever_way_it_is_cut() {
        let coded = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\nrest";
        for cut in 1..coded.len() {
            let mut d = ChunkDecoder::default();
            let mut out = Vec::new();
            let mut at = 0;
            let mut end = cut;
            let ended = loop {
                match d.step(&coded[at..end]) {
                    ChunkStep::Data { skip, len } => {
                        out.extend_from_slice(&coded[at + skip..at + skip + len]);
                        d.passed(len);
                        at += skip + len;
                    }
                    ChunkStep::Partial { skip } => {
                        at += skip;
                        end = (end + cut).min(coded.len());
                    }
                    ChunkStep::End { skip } => break at + skip,
                    ChunkStep::Invalid => panic!("invalid at {at} cut {cut}"),
                }
            };
            assert_eq!((out.as_slice(), &coded[ended..]), (&b"hello world"[..], &b"rest"[..]));
        }
    }
}
