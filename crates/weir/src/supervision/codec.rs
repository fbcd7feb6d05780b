//! Fields of a packet as bytes, and back. Reading never panics and never allocates more than the packet holds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use weir_sys::Address;
use weir_sys::listen::{ListenSpec, Ownership, Transport};

/// A value that a packet can hold.
pub trait Wire: Sized {
    /// Appends the value.
    fn write(&self, to: &mut Writer);

    /// Takes the value off; `None` where the bytes are none.
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

/// The packet of a value.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    value.write(&mut writer);
    writer.0
}

/// The value of a packet; `None` where it is cut off, too long, or means nothing.
pub fn decode<T: Wire>(packet: &[u8]) -> Option<T> {
    let mut reader = Reader(packet);
    let value = T::read(&mut reader)?;
    reader.0.is_empty().then_some(value)
}

/// A packet that is written.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

/// What is left of a packet that is read.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

// === impl Writer ===

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn number(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// At most what 32 bits count; packets are far shorter.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn texts(&mut self, texts: &[String]) -> &mut Self {
        self.number(u32::try_from(texts.len()).unwrap_or(u32::MAX));
        for text in texts {
            self.text(text);
        }
        self
    }

    pub(crate) fn addresses(&mut self, addresses: &[IpAddr]) -> &mut Self {
        self.number(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
        for address in addresses {
            self.ip(*address);
        }
        self
    }

    pub(crate) fn spec(&mut self, spec: &ListenSpec) -> &mut Self {
        self.address(&spec.address);
        self.byte(u8::from(spec.transport == Transport::Datagram));
        self.number(spec.backlog.cast_unsigned());
        for flag in [
            spec.reuse_port,
            spec.transparent,
            spec.defer_accept,
            spec.fast_open,
            spec.mptcp,
            spec.no_delay,
            spec.no_quick_ack,
        ] {
            self.byte(u8::from(flag));
        }
        self.maybe(spec.v6_only, |to, only| to.byte(u8::from(only)));
        for text in [&spec.interface, &spec.congestion, &spec.namespace] {
            self.maybe(text.as_ref(), |to, text| to.text(text));
        }
        self.maybe(spec.mss, |to, mss| to.number(mss.cast_unsigned()));
        let millis = spec.user_timeout.map(|t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX));
        self.maybe(millis, Self::number);
        for number in [spec.ownership.mode, spec.ownership.uid, spec.ownership.gid] {
            self.maybe(number, Self::number);
        }
        self
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T) -> &mut Self) {
        match value {
            Some(value) => write(self.byte(1), value),
            None => self.byte(0),
        };
    }

    fn ip(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(ip) => self.byte(4).0.extend(ip.octets()),
            IpAddr::V6(ip) => self.byte(6).0.extend(ip.octets()),
        }
        self
    }

    fn address(&mut self, address: &Address) -> &mut Self {
        match address {
            Address::Inet(inet) => {
                self.byte(1).ip(inet.ip()).number(u32::from(inet.port()));
                let scope = match inet {
                    SocketAddr::V6(v6) => v6.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                self.number(scope)
            }
            Address::Unix(path) => self.byte(2).bytes(path.as_os_str().as_bytes()),
            Address::Abstract { name, padded: false } => self.byte(3).bytes(name),
            Address::Abstract { name, padded: true } => self.byte(4).bytes(name),
            Address::Unnamed => self.byte(5),
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn bytes(&mut self) -> Option<Vec<u8>> {
        let count = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn texts(&mut self) -> Option<Vec<String>> {
        (0..self.number()?).map(|_| self.text()).collect()
    }

    pub(crate) fn addresses(&mut self) -> Option<Vec<IpAddr>> {
        (0..self.number()?).map(|_| self.ip()).collect()
    }

    pub(crate) fn spec(&mut self) -> Option<ListenSpec> {
        let mut spec = ListenSpec::new(self.address()?);
        spec.transport = if self.flag()? { Transport::Datagram } else { Transport::Stream };
        spec.backlog = self.number()?.cast_signed();
        for flag in [
            &mut spec.reuse_port,
            &mut spec.transparent,
            &mut spec.defer_accept,
            &mut spec.fast_open,
            &mut spec.mptcp,
            &mut spec.no_delay,
            &mut spec.no_quick_ack,
        ] {
            *flag = self.flag()?;
        }
        spec.v6_only = self.maybe(Self::flag)?;
        spec.interface = self.maybe(Self::text)?;
        spec.congestion = self.maybe(Self::text)?;
        spec.namespace = self.maybe(Self::text)?;
        spec.mss = self.maybe(Self::number)?.map(u32::cast_signed);
        spec.user_timeout = self.maybe(Self::number)?.map(|ms| Duration::from_millis(ms.into()));
        let (mode, uid) = (self.maybe(Self::number)?, self.maybe(Self::number)?);
        spec.ownership = Ownership { mode, uid, gid: self.maybe(Self::number)? };
        Some(spec)
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn ip(&mut self) -> Option<IpAddr> {
        match self.byte()? {
            4 => Some(Ipv4Addr::from(self.array::<4>()?).into()),
            6 => Some(Ipv6Addr::from(self.array::<16>()?).into()),
            _ => None,
        }
    }

    fn address(&mut self) -> Option<Address> {
        Some(match self.byte()? {
            1 => {
                let (ip, port) = (self.ip()?, u16::try_from(self.number()?).ok()?);
                match (ip, self.number()?) {
                    (IpAddr::V6(ip), scope) => Address::Inet(SocketAddrV6::new(ip, port, 0, scope).into()),
                    (IpAddr::V4(ip), 0) => Address::Inet((ip, port).into()),
                    (IpAddr::V4(_), _) => return None,
                }
            }
            2 => Address::Unix(PathBuf::from(std::ffi::OsString::from_vec(self.bytes()?))),
            3 => Address::Abstract { name: self.bytes()?, padded: false },
            4 => Address::Abstract { name: self.bytes()?, padded: true },
            5 => Address::Unnamed,
            _ => return None,
        })
    }
}
