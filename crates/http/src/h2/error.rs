//! What goes wrong on a connection, and its number on the wire (RFC 9113, 7).

/// The reason a stream or a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the code of its name")]
pub enum ErrorCode {
    NoError,
    ProtocolError,
    InternalError,
    FlowControlError,
    SettingsTimeout,
    StreamClosed,
    FrameSizeError,
    RefusedStream,
    Cancel,
    CompressionError,
    ConnectError,
    EnhanceYourCalm,
    InadequateSecurity,
    Http11Required,
    /// A number that RFC 9113 does not know.
    Other(u32),
}

// === impl ErrorCode ===

impl ErrorCode {
    /// Its number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Other(n) => n,
            known => CODES.iter().position(|c| *c == known).unwrap_or(2) as u32,
        }
    }

    /// The code of a number.
    pub fn of(number: u32) -> Self {
        CODES.get(number as usize).copied().unwrap_or(Self::Other(number))
    }
}

const CODES: [ErrorCode; 14] = [
    ErrorCode::NoError,
    ErrorCode::ProtocolError,
    ErrorCode::InternalError,
    ErrorCode::FlowControlError,
    ErrorCode::SettingsTimeout,
    ErrorCode::StreamClosed,
    ErrorCode::FrameSizeError,
    ErrorCode::RefusedStream,
    ErrorCode::Cancel,
    ErrorCode::CompressionError,
    ErrorCode::ConnectError,
    ErrorCode::EnhanceYourCalm,
    ErrorCode::InadequateSecurity,
    ErrorCode::Http11Required,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for n in 0..20 {
            assert_eq!(ErrorCode::of(n).number(), n);
        }
        assert_eq!(ErrorCode::EnhanceYourCalm.number(), 0xb);
    }
}
