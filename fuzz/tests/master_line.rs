//! Lines of the master's socket, and the list of sockets that an older process hands over.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use weir::supervision::master_line::{announced, commands, payload, prefixed, target};
use weir_admin::hand_over::Receiving;

/// Commands, put together again, are the line; a prefix and its rest are parts of it; a payload is no longer than what
/// there is.
#[test]
fn master_line() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let all = commands(bytes);
        assert_eq!(all.join(&b';'), bytes);
        for command in &all {
            let (prefix, rest) = prefixed(command);
            assert!(prefix.map_or(0, <[u8]>::len) + rest.len() <= command.len());
            target(prefix.unwrap_or_default(), Some(7));
        }
        let end = announced(bytes).unwrap_or_default();
        for ended in [false, true] {
            assert!(payload(bytes, end, ended).is_none_or(|length| length <= bytes.len()));
        }
    });
}

/// Whatever comes in whatever pieces, the list ends, fails, or needs more, and does not grow.
#[test]
fn handed_over_sockets() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut receiving = Receiving::default();
        for piece in bytes.chunks(3) {
            match receiving.take(piece, usize::from(piece[0] % 3)) {
                Ok(true) | Err(_) => return,
                Ok(false) => {}
            }
        }
    });
}

/// Who answers with anything else than sockets is told apart from a process that hands them over.
#[test]
fn what_is_no_list_of_sockets_is_refused() {
    let folder = std::env::temp_dir().join(format!("weir-fuzz-{}", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&folder).expect("a socket");
    let talker = std::thread::spawn(move || {
        let (mut stream, _): (UnixStream, _) = listener.accept().expect("a client");
        stream.write_all(b"Unknown command\n").expect("an answer");
    });
    assert!(weir_admin::hand_over::fetch(&folder).is_err());
    talker.join().expect("the other side");
    let _ = std::fs::remove_file(&folder);
}
