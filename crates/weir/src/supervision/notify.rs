//! Telling systemd how the service does (`-Ws`, `sd_notify(3)`), in the words that HAProxy uses.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use weir_sys::time::monotonic_micros;

/// How the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It serves the configuration that it was told to serve.
    Ready,
    /// It loads a configuration; the old one serves meanwhile.
    Reloading,
    /// It goes on serving the old configuration: the new one has faults.
    ReloadFailed,
    /// It ends.
    Stopping,
}

/// Sends the condition to the socket that `NOTIFY_SOCKET` names; without it nobody listens, and that is fine.
pub(crate) fn tell(condition: Condition) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        Some((b'/', _)) => SocketAddr::from_pathname(&name),
        _ => return,
    };
    // systemd may be gone or restarting: the service goes on.
    let _ = address
        .and_then(|address| UnixDatagram::unbound()?.send_to_addr(condition.text().as_bytes(), &address));
}

// === impl Condition ===

impl Condition {
    fn text(self) -> String {
        match self {
            Self::Ready => format!("READY=1\nMAINPID={}\nSTATUS=Ready.\n", std::process::id()),
            // systemd wants to know since when (`Type=notify-reload`).
            Self::Reloading => {
                let micros = monotonic_micros();
                format!("RELOADING=1\nSTATUS=Reloading Configuration.\nMONOTONIC_USEC={micros}\n")
            }
            Self::ReloadFailed => "READY=1\nSTATUS=Reload failed!\n".to_owned(),
            Self::Stopping => "STOPPING=1".to_owned(),
        }
    }
}
