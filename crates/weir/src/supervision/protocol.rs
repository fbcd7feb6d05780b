//! What worker and supervisor say to each other.
//!
//! One packet is one message: a byte that tells which, then its fields; texts carry their length, numbers are in
//! network order. Descriptors travel beside the packet that speaks of them. A packet is at most [`LARGEST`] bytes; what
//! does not decode whole is refused, never guessed at. Bytes in, values out: no descriptor is touched here.

use std::fmt;
use std::io;
use std::net::IpAddr;

use weir_diag::system_words;
use weir_sys::listen::ListenSpec;
use weir_sys::{SocketError, Step};

use super::codec::{Reader, Wire, Writer};

/// The most bytes of a packet.
pub const LARGEST: usize = 64 * 1024;

/// What a worker asks of its supervisor. Each gets one [`Answer`], in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The file, opened for reading.
    Open(String),
    /// The regular files of a folder.
    List(String),
    /// The socket that listens so; there may be several for one address, told apart by a number.
    Bind(Box<ListenSpec>, u16),
    /// The addresses of a host name.
    Resolve(String),
    /// The number of a user, or of a group.
    Account(String, bool),
}

/// What the supervisor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The file comes as a descriptor.
    Opened,
    /// The names; absent where the path is no folder.
    Listed(Option<Vec<String>>),
    /// The socket comes as a descriptor; options that could not be set.
    Bound(Vec<String>),
    /// The addresses.
    Resolved(Vec<IpAddr>),
    /// The number.
    Account(u32),
    /// It did not work, or is not allowed.
    Failed(Failure),
}

/// What the supervisor tells a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Load the configuration anew and take it over.
    Reload,
    /// Serve the session of the runtime API that comes with it.
    Session {
        /// What its client may do: 0 user, 1 operator, 2 admin.
        level: u8,
        /// It is in experimental mode.
        experimental: bool,
        /// It is in expert mode.
        expert: bool,
    },
}

/// What a worker tells its supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It serves.
    Ready,
    /// How a reload went, what is to be said about it, and what was said while it was under way.
    Reloaded(bool, String, String),
    /// It takes no connections any more: its sockets are not to be kept open.
    Draining,
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The system's error number; 0 where there is none.
    pub errno: i32,
    /// The step of a socket's set-up that failed: `cannot bind socket`.
    pub step: String,
}

// === impl Failure ===

impl Failure {
    /// The supervisor does not do this, because the configuration does not name it.
    pub(crate) fn not_named() -> Self {
        Self { errno: EPERM, step: "the configuration does not name it".into() }
    }

    /// From an error of the system.
    pub(crate) fn of(error: &io::Error) -> Self {
        Self { errno: error.raw_os_error().unwrap_or(0), step: String::new() }
    }

    /// From an error of a socket's set-up, worded as the reference words it.
    pub(crate) fn of_socket(error: &SocketError) -> Self {
        let step = match error.step {
            Step::Listen => "cannot listen on socket".to_owned(),
            step => step.to_string(),
        };
        Self { errno: error.errno(), step }
    }

    /// What the system says of it: `Address already in use`.
    pub(crate) fn reason(&self) -> String {
        if self.errno == 0 {
            return "unknown reason".to_owned();
        }
        system_words(&io::Error::from_raw_os_error(self.errno))
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure.errno {
            0 => Self::other(failure.to_string()),
            errno => Self::from_raw_os_error(errno),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.step, self.reason())
    }
}

// === impl Question ===

impl Wire for Question {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Open(path) => to.byte(1).text(path),
            Self::List(path) => to.byte(2).text(path),
            Self::Bind(spec, copy) => to.byte(3).number(u32::from(*copy)).spec(spec),
            Self::Resolve(name) => to.byte(4).text(name),
            Self::Account(name, group) => to.byte(5).text(name).byte(u8::from(*group)),
        };
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            1 => Self::Open(from.text()?),
            2 => Self::List(from.text()?),
            3 => {
                let copy = u16::try_from(from.number()?).ok()?;
                Self::Bind(Box::new(from.spec()?), copy)
            }
            4 => Self::Resolve(from.text()?),
            5 => Self::Account(from.text()?, from.flag()?),
            _ => return None,
        })
    }
}

// === impl Answer ===

impl Wire for Answer {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Opened => to.byte(1),
            Self::Listed(None) => to.byte(2),
            Self::Listed(Some(names)) => to.byte(3).texts(names),
            Self::Bound(complaints) => to.byte(4).texts(complaints),
            Self::Resolved(addresses) => to.byte(5).addresses(addresses),
            Self::Account(number) => to.byte(7).number(*number),
            Self::Failed(failure) => to.byte(6).number(failure.errno.cast_unsigned()).text(&failure.step),
        };
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            1 => Self::Opened,
            2 => Self::Listed(None),
            3 => Self::Listed(Some(from.texts()?)),
            4 => Self::Bound(from.texts()?),
            5 => Self::Resolved(from.addresses()?),
            6 => Self::Failed(Failure { errno: from.number()?.cast_signed(), step: from.text()? }),
            7 => Self::Account(from.number()?),
            _ => return None,
        })
    }
}

// === impl Order ===

impl Wire for Order {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Reload => to.byte(1),
            Self::Session { level, experimental, expert } => {
                to.byte(2).byte(*level).byte(u8::from(*experimental)).byte(u8::from(*expert))
            }
        };
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            1 => Some(Self::Reload),
            2 => {
                Some(Self::Session { level: from.byte()?, experimental: from.flag()?, expert: from.flag()? })
            }
            _ => None,
        }
    }
}

// === impl Report ===

impl Wire for Report {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Ready => to.byte(1),
            Self::Reloaded(worked, text, log) => to.byte(2).byte(u8::from(*worked)).text(text).text(log),
            Self::Draining => to.byte(3),
        };
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            1 => Self::Ready,
            2 => Self::Reloaded(from.flag()?, from.text()?, from.text()?),
            3 => Self::Draining,
            _ => return None,
        })
    }
}

/// `EPERM` on every system that this program runs on.
const EPERM: i32 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::net::SocketAddr;
    use std::time::Duration;
    use weir_sys::Address;
    use weir_sys::listen::{Ownership, Transport};

    use super::super::codec::{decode, encode};
    use super::*;

    fn addresses() -> impl Strategy<Value = Address> {
        prop_oneof![
            any::<(u32, u16)>()
                .prop_map(|(ip, port)| Address::Inet((std::net::Ipv4Addr::from(ip), port).into())),
            any::<(u128, u16)>().prop_map(|(ip, port)| {
                let inet: SocketAddr = (std::net::Ipv6Addr::from(ip), port).into();
                Address::Inet(inet)
            }),
            "[a-z/]{1,40}".prop_map(|path| Address::Unix(path.into())),
            (proptest::collection::vec(any::<u8>(), 0..30), any::<bool>())
                .prop_map(|(name, padded)| Address::Abstract { name, padded }),
        ]
    }

    fn specs() -> impl Strategy<Value = ListenSpec> {
        let texts = || proptest::option::of("[a-z0-9]{0,12}");
        (
            addresses(),
            (any::<i32>(), any::<[bool; 7]>(), proptest::option::of(any::<bool>())),
            (texts(), texts(), texts()),
            (proptest::option::of(any::<i32>()), proptest::option::of(any::<u32>())),
            (any::<bool>(), proptest::option::of(any::<u32>()), proptest::option::of(any::<u32>())),
        )
            .prop_map(
                |(address, (backlog, flags, v6_only), names, (mss, timeout), (datagram, mode, uid))| {
                    let [reuse_port, transparent, defer_accept, fast_open, mptcp, no_delay, no_quick_ack] =
                        flags;
                    ListenSpec {
                        transport: if datagram { Transport::Datagram } else { Transport::Stream },
                        backlog,
                        reuse_port,
                        v6_only,
                        transparent,
                        interface: names.0,
                        mss,
                        defer_accept,
                        fast_open,
                        user_timeout: timeout.map(|ms| Duration::from_millis(ms.into())),
                        congestion: names.1,
                        namespace: names.2,
                        mptcp,
                        no_delay,
                        no_quick_ack,
                        ownership: Ownership { mode, uid, gid: uid },
                        ..ListenSpec::new(address)
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_question_comes_back_as_it_was(path in ".{0,60}", spec in specs(), copy: u16) {
            for question in [
                Question::Open(path.clone()),
                Question::List(path.clone()),
                Question::Account(path.clone(), copy % 2 == 0),
                Question::Resolve(path),
                Question::Bind(Box::new(spec), copy),
            ] {
                prop_assert_eq!(decode::<Question>(&encode(&question)), Some(question));
            }
        }

        #[test]
        fn an_answer_comes_back_as_it_was(texts: Vec<String>, ips: Vec<IpAddr>, errno: i32, step: String) {
            for answer in [
                Answer::Opened,
                Answer::Listed(None),
                Answer::Listed(Some(texts.clone())),
                Answer::Bound(texts),
                Answer::Resolved(ips),
                Answer::Account(errno.cast_unsigned()),
                Answer::Failed(Failure { errno, step }),
            ] {
                prop_assert_eq!(decode::<Answer>(&encode(&answer)), Some(answer));
            }
        }

        #[test]
        fn reports_and_orders_come_back_as_they_were(worked: bool, text: String) {
            for report in [Report::Ready, Report::Reloaded(worked, text.clone(), text), Report::Draining] {
                prop_assert_eq!(decode::<Report>(&encode(&report)), Some(report));
            }
            for order in [Order::Reload, Order::Session { level: 2, experimental: worked, expert: !worked }] {
                prop_assert_eq!(decode::<Order>(&encode(&order)), Some(order));
            }
        }

        #[test]
        fn any_bytes_decode_to_a_message_or_to_nothing(bytes: Vec<u8>) {
            // What decodes encodes to the same bytes: there is one way to say each thing.
            if let Some(question) = decode::<Question>(&bytes) {
                prop_assert_eq!(encode(&question), bytes.clone());
            }
            if let Some(answer) = decode::<Answer>(&bytes) {
                prop_assert_eq!(encode(&answer), bytes.clone());
            }
            if let Some(report) = decode::<Report>(&bytes) {
                prop_assert_eq!(encode(&report), bytes);
            }
        }
    }

    #[test]
    fn a_failure_says_what_the_system_says() {
        let failure = Failure { errno: 98, step: "cannot bind socket".into() };
        assert_eq!(failure.to_string(), "cannot bind socket (Address already in use)");
        assert_eq!(io::Error::from(failure).kind(), io::ErrorKind::AddrInUse);
    }
}
