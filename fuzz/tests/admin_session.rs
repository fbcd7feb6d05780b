//! A session of the runtime API, fed by anybody.

use std::time::Duration;

use weir_admin::cli::{Next, Registry, Session, World, standard};
use weir_engine::conf::{CliLevel, SeverityOutput};

struct Still;

impl World for Still {
    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

/// Whatever comes in whatever pieces, a session ends or asks for more, and holds no more than its limits.
#[test]
fn admin_session() {
    let (among, last) = standard();
    let registry = Registry::new(vec![among], last);
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((&size, bytes)) = bytes.split_first() else { return };
        let mut session =
            Session::new(CliLevel::Admin, SeverityOutput::None, Duration::from_secs(1), (64, 64));
        let mut out = Vec::new();
        let mut pieces = bytes.chunks(usize::from(size).max(1));
        // A command or a line for each byte, and a few steps around each piece.
        for _ in 0..4 * bytes.len() + 16 {
            match session.next(&registry, &Still, &mut out) {
                Next::Input => match pieces.next() {
                    Some(piece) => session.feed(piece),
                    None => session.end(),
                },
                Next::Send => out.clear(),
                Next::Wait(_) => session.resume(false, &Still, &mut out),
                Next::Follow(_) => session.followed(true, &Still, &mut out),
                Next::Close | Next::HandOver => return,
            }
        }
        panic!("the session goes on for ever");
    });
}
