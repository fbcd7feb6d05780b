//! Packets between supervisor and worker: a worker that was taken over sends what it likes.

use weir::supervision::codec::{Wire, decode, encode};
use weir::supervision::protocol::{Answer, Order, Question, Report};

/// What decodes encodes to the same bytes, and nothing else decodes to it.
fn agrees<T: Wire>(bytes: &[u8]) {
    if let Some(message) = decode::<T>(bytes) {
        assert_eq!(encode(&message), bytes);
    }
}

#[test]
fn supervision_protocol() {
    bolero::check!().for_each(|bytes: &[u8]| {
        agrees::<Question>(bytes);
        agrees::<Answer>(bytes);
        agrees::<Order>(bytes);
        agrees::<Report>(bytes);
    });
}
