//! What the two ends tell each other of their limits (RFC 9113, 6.5; RFC 8441, 3).

use super::error::ErrorCode;
use super::frame::{FrameHead, flag, kind};

/// The settings of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets of the dynamic table that its decoder keeps.
    pub header_table_size: u32,
    /// It takes pushed streams.
    pub enable_push: bool,
    /// Streams that the other end may have open; `u32::MAX` for no limit. 0 is obeyed and not announced.
    pub max_concurrent_streams: u32,
    /// The window that a stream begins with, in octets.
    pub initial_window_size: u32,
    /// The largest payload it takes, in octets.
    pub max_frame_size: u32,
    /// Octets of the header lists it takes; `u32::MAX` for no limit.
    pub max_header_list_size: u32,
    /// It takes `CONNECT` with `:protocol` (RFC 8441).
    pub enable_connect_protocol: bool,
}

/// The largest window (RFC 9113, 6.9.1).
pub(super) const MAX_WINDOW: u32 = 0x7fff_ffff;

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_table_size: 4096,
            enable_push: true,
            max_concurrent_streams: u32::MAX,
            initial_window_size: 65_535,
            max_frame_size: 16_384,
            max_header_list_size: u32::MAX,
            enable_connect_protocol: false,
        }
    }
}

impl Settings {
    /// Takes over what a payload says; the last word on each counts.
    pub(super) fn apply(&mut self, payload: &[u8]) -> Result<(), ErrorCode> {
        for pair in payload.as_chunks::<6>().0 {
            let [a, b, value @ ..] = pair;
            self.set(u16::from_be_bytes([*a, *b]), u32::from_be_bytes(*value))?;
        }
        Ok(())
    }

    fn set(&mut self, id: u16, value: u32) -> Result<(), ErrorCode> {
        let switch = || match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ErrorCode::ProtocolError),
        };
        match id {
            1 => self.header_table_size = value,
            2 => self.enable_push = switch()?,
            3 => self.max_concurrent_streams = value,
            4 if value > MAX_WINDOW => return Err(ErrorCode::FlowControlError),
            4 => self.initial_window_size = value,
            5 if !(16_384..=0xff_ffff).contains(&value) => return Err(ErrorCode::ProtocolError),
            5 => self.max_frame_size = value,
            6 => self.max_header_list_size = value,
            8 => self.enable_connect_protocol = switch()?,
            _ => {} // RFC 9113, 6.5.2: what is not known is ignored
        }
        Ok(())
    }

    /// Appends a frame with what differs from the defaults; the order means nothing.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let usual = Self::default();
        let pairs = [
            (2, u32::from(self.enable_push), u32::from(usual.enable_push)),
            (8, u32::from(self.enable_connect_protocol), 0),
            (1, self.header_table_size, usual.header_table_size),
            (4, self.initial_window_size, usual.initial_window_size),
            (3, self.max_concurrent_streams, usual.max_concurrent_streams),
            (5, self.max_frame_size, usual.max_frame_size),
            (6, self.max_header_list_size, usual.max_header_list_size),
        ];
        // Who serves no stream at all does not say so.
        let said = || pairs.iter().filter(|(id, own, usual)| own != usual && (*id, *own) != (3, 0));
        FrameHead { len: 6 * said().count(), kind: kind::SETTINGS, flags: 0, stream: 0 }.write(out);
        for (id, value, _) in said() {
            out.extend_from_slice(&(*id as u16).to_be_bytes());
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends the acknowledgement of the other end's settings.
pub(super) fn write_ack(out: &mut Vec<u8>) {
    FrameHead { len: 0, kind: kind::SETTINGS, flags: flag::ACK, stream: 0 }.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let own = Settings {
            header_table_size: 0,
            enable_push: false,
            max_concurrent_streams: 100,
            initial_window_size: 1 << 20,
            max_frame_size: 1 << 15,
            max_header_list_size: 9,
            enable_connect_protocol: true,
        };
        let mut out = Vec::new();
        own.write(&mut out);
        let mut back = Settings::default();
        assert_eq!(back.apply(&out[9..]), Ok(()));
        assert_eq!(back, own);
    }

    #[test]
    fn values_out_of_range_are_faults_of_the_connection() {
        for (payload, code) in [
            ([0u8, 2, 0, 0, 0, 2], ErrorCode::ProtocolError),
            ([0, 4, 0x80, 0, 0, 0], ErrorCode::FlowControlError),
            ([0, 5, 0, 0, 0x3f, 0xff], ErrorCode::ProtocolError),
            ([0, 5, 1, 0, 0, 0], ErrorCode::ProtocolError),
            ([0, 8, 0, 0, 0, 2], ErrorCode::ProtocolError),
        ] {
            assert_eq!(Settings::default().apply(&payload), Err(code), "{payload:?}");
        }
        assert_eq!(Settings::default().apply(&[0, 99, 1, 2, 3, 4]), Ok(()));
    }
}
