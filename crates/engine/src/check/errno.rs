//! What the system said of a failure, as checks report it: `ECONNREFUSED returned by OS (Connection refused)`.

use std::io;

use rustix::io::Errno;
use weir_diag::system_words;

/// The text for an error.
pub(super) fn text(error: &io::Error) -> String {
    let said = system_words(error);
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    match NAMES.iter().find(|(errno, _)| Some(*errno) == number) {
        Some((_, name)) => format!("{name} returned by OS ({said})"),
        None => said,
    }
}

const NAMES: &[(Errno, &str)] = &[
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NETDOWN, "ENETDOWN"),
    (Errno::HOSTDOWN, "EHOSTDOWN"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
    (Errno::AFNOSUPPORT, "EAFNOSUPPORT"),
    (Errno::PIPE, "EPIPE"),
    (Errno::NOENT, "ENOENT"),
    (Errno::ACCESS, "EACCES"),
    (Errno::PERM, "EPERM"),
    (Errno::INVAL, "EINVAL"),
    (Errno::MFILE, "EMFILE"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOBUFS, "ENOBUFS"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::AGAIN, "EAGAIN"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_by_its_name_and_the_systems_words() {
        let refused = io::Error::from_raw_os_error(Errno::CONNREFUSED.raw_os_error());
        assert_eq!(text(&refused), "ECONNREFUSED returned by OS (Connection refused)");
    }
}
