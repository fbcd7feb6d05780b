//! What failed while a socket was set up, and with which `errno`.
//!
//! The caller turns a [`SocketError`] into its own message and decides whether it is fatal.

use std::{fmt, io};

/// The step of a socket's set-up that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The address cannot be expressed, such as a unix path longer than the kernel takes.
    Address,
    /// Entering the network namespace.
    Namespace,
    /// Creating the socket.
    Create,
    /// Setting the option of this name.
    Option(&'static str),
    /// Preparing the temporary or backup name beside a unix socket's path.
    Prepare,
    /// Binding to the address (for outgoing connections: to the source address).
    Bind,
    /// Changing mode or owner of a unix socket.
    Ownership,
    /// Moving a unix socket from its temporary name to its path.
    Rename,
    /// Starting to listen.
    Listen,
    /// Starting the connection.
    Connect,
    /// No port of the source range could be used.
    SourcePorts,
    /// The inherited descriptor is not open, or is not a socket of the expected kind.
    Inherited,
}

/// A step and why it failed.
#[derive(Debug)]
pub struct SocketError {
    /// What was being done.
    pub step: Step,
    /// What the system answered.
    pub source: io::Error,
}

// === impl SocketError ===

impl SocketError {
    /// The system's error number, zero where there is none.
    pub fn errno(&self) -> i32 {
        self.source.raw_os_error().unwrap_or(0)
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.source)
    }
}

impl std::error::Error for SocketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

// === impl Step ===

impl Step {
    /// Makes the closure for `map_err` that blames this step.
    pub(crate) fn failed<E: Into<io::Error>>(self) -> impl FnOnce(E) -> SocketError {
        move |source| SocketError { step: self, source: source.into() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Step::Address => "unusable address",
            Step::Namespace => "cannot enter the network namespace",
            Step::Create => "cannot create socket",
            Step::Option(name) => return write!(f, "cannot set {name}"),
            Step::Prepare => "cannot prepare the socket's path",
            Step::Bind => "cannot bind socket",
            Step::Ownership => "cannot change UNIX socket ownership",
            Step::Rename => "cannot switch final and temporary UNIX sockets",
            Step::Listen => "cannot listen to socket",
            Step::Connect => "cannot connect",
            Step::SourcePorts => "no free port in the source range",
            Step::Inherited => "unusable inherited descriptor",
        };
        f.write_str(text)
    }
}
