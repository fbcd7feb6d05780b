//! The persistence cookie of a backend: which server a value names, how old it may be, and what is set
//! (manual, 4.2 "cookie", "dynamic-cookie-key"; 8.5 for the letters of the log).
//!
//! Made with the snapshot and asked by [`crate::stage::persist`]; knows neither sockets nor clocks.

use std::net::IpAddr;

use xxhash_rust::xxh64::xxh64;

use crate::conf::{self, Cookie, CookieFlags, CookieMode, Endpoint};

/// A `cookie` line with the values of its backend's servers.
#[derive(Clone, Debug)]
pub struct ServerCookie {
    pub(crate) conf: Cookie,
    /// The values, by server.
    values: Box<[Option<Box<[u8]>>]>,
    /// The servers that have one, by value.
    by_value: Box<[usize]>,
    /// What follows the value where it is set: `; path=/` and the attributes.
    tail: Box<[u8]>,
}

/// What a request and its answer have to do with the cookie.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Persisted {
    /// The server that the client's cookie or a rule names, while it is to be used.
    pub(crate) server: Option<usize>,
    pub(crate) client: ClientCookie,
    pub(crate) set: SetCookie,
    pub(crate) dates: Dates,
    /// A rule said that persistence counts for nothing (`ignore-persist`).
    pub(crate) ignored: bool,
}

/// What the client's cookie was worth: the third letter of the termination state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientCookie {
    /// `N`: there was none.
    #[default]
    None,
    /// `I`: it names no server.
    Invalid,
    /// `D`: its server is down.
    Down,
    /// `V`: its server gets the request.
    Valid,
    /// `E`: it was not used for longer than `maxidle`.
    Expired,
    /// `O`: it was made longer ago than `maxlife`.
    Old,
    /// `U`: a rule named another.
    Unused,
}

/// What became of the cookie in the answer: the fourth letter of the termination state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SetCookie {
    /// `N`: the server set none, nor did we.
    #[default]
    None,
    /// `P`: the server's went through.
    Passed,
    /// `D`: the server's was taken out.
    Deleted,
    /// `R`: the server's was rewritten.
    Rewritten,
    /// `I`: one was added.
    Inserted,
    /// `U`: the client's was renewed.
    Updated,
}

/// The dates in a cookie, in seconds since 1970, in steps of four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dates {
    /// When it was last set.
    pub(crate) last: Option<i64>,
    /// When it was first set.
    pub(crate) first: Option<i64>,
}

// === impl ServerCookie ===

impl ServerCookie {
    /// The cookie of a backend that has one; `servers` are its servers by their numbers.
    pub(crate) fn compile<'a>(
        proxy: &conf::Proxy,
        servers: impl Iterator<Item = (usize, &'a conf::Server)>,
    ) -> Option<Self> {
        let conf = proxy.persistence.cookie.clone().filter(|_| proxy.mode == conf::Mode::Http)?;
        let key =
            proxy.persistence.dynamic_key.as_deref().filter(|_| conf.flags.contains(CookieFlags::DYNAMIC));
        let value = |s: &conf::Server| s.cookie.clone().or_else(|| dynamic(key?, s.endpoint.as_ref()?));
        let mut values = Vec::new();
        for (number, server) in servers {
            values.resize(values.len().max(number + 1), None);
            if let Some(slot) = values.get_mut(number) {
                *slot = value(server);
            }
        }
        let values: Box<[_]> = values.into();
        let mut by_value: Box<[usize]> =
            values.iter().enumerate().filter(|(_, v)| v.is_some()).map(|(i, _)| i).collect();
        by_value.sort_by_key(|i| values.get(*i).cloned().flatten());
        let tail = tail(&conf);
        Some(Self { conf, values, by_value, tail })
    }

    /// Whether the log shows its letters.
    pub(crate) fn is_logged(&self) -> bool {
        self.conf.mode != CookieMode::Passive || self.has(CookieFlags::INDIRECT)
    }

    pub(crate) fn has(&self, flag: CookieFlags) -> bool {
        self.conf.flags.contains(flag)
    }

    /// The value that names a server.
    pub(crate) fn value(&self, server: usize) -> Option<&[u8]> {
        self.values.get(server)?.as_deref()
    }

    /// The servers that a value names, in the order of the configuration.
    pub(crate) fn servers<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let from = self.by_value.partition_point(|i| self.value(*i) < Some(value));
        self.by_value.iter().copied().skip(from).take_while(move |i| self.value(*i) == Some(value))
    }

    /// The part of a cookie's value that names the server, and how many bytes it takes up with its delimiter
    /// where something of the server's follows it.
    pub(crate) fn split<'a>(&self, value: &'a [u8]) -> (&'a [u8], usize) {
        if self.conf.mode == CookieMode::Prefix {
            return match value.iter().position(|b| *b == b'~') {
                Some(at) => (value.get(..at).unwrap_or_default(), at + 1),
                None => (value, 0),
            };
        }
        let at = value.iter().position(|b| *b == b'|').unwrap_or(value.len());
        (value.get(..at).unwrap_or_default(), 0)
    }

    /// The dates of a value.
    pub(crate) fn dates(&self, value: &[u8]) -> Dates {
        if self.conf.mode == CookieMode::Prefix {
            return Dates::default();
        }
        let mut parts = value.split(|b| *b == b'|').skip(1).map(date);
        Dates { last: parts.next().flatten(), first: parts.next().flatten() }
    }

    /// Whether a cookie of these dates has had its time.
    pub(crate) fn too_old(&self, dates: Dates, now: i64) -> Option<ClientCookie> {
        let over = |date: Option<i64>, limit: std::time::Duration| {
            let age = now - date?;
            let limit = limit.as_secs() as i64;
            (limit > 0 && (age > limit || age < -MOST_AHEAD)).then_some(())
        };
        over(dates.first, self.conf.max_life)
            .map(|()| ClientCookie::Old)
            .or_else(|| over(dates.last, self.conf.max_idle).map(|()| ClientCookie::Expired))
    }

    /// Whether the cookie of a client that got its server has to be set anew for its dates.
    pub(crate) fn is_stale(&self, dates: Dates, now: i64) -> bool {
        let idles = !self.conf.max_idle.is_zero();
        let lives = !self.conf.max_life.is_zero();
        let last_is_due = match dates.last {
            None => idles,
            Some(last) => last < now,
        };
        last_is_due || lives != dates.first.is_some()
    }

    /// Writes the value of a `Set-Cookie` line that sends the client to `server` from now on, or that takes the
    /// cookie away where that server has none.
    pub(crate) fn write(&self, server: usize, first: Option<i64>, now: i64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.conf.name);
        out.push(b'=');
        match self.value(server) {
            None => out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
            Some(value) => {
                out.extend_from_slice(value);
                let lives = !self.conf.max_life.is_zero();
                if lives || !self.conf.max_idle.is_zero() {
                    out.push(b'|');
                    write_date(now, out);
                }
                if lives {
                    out.push(b'|');
                    write_date(first.unwrap_or(now), out);
                }
            }
        }
        out.extend_from_slice(&self.tail);
    }
}

/// `; path=/` and the attributes of the line.
fn tail(conf: &Cookie) -> Box<[u8]> {
    let mut tail = b"; path=/".to_vec();
    let mut add = |parts: [&[u8]; 2]| {
        tail.extend_from_slice(b"; ");
        parts.iter().for_each(|part| tail.extend_from_slice(part));
    };
    conf.domains.iter().for_each(|domain| add([b"domain=", domain]));
    if conf.flags.contains(CookieFlags::HTTPONLY) {
        add([b"HttpOnly", b""]);
    }
    if conf.flags.contains(CookieFlags::SECURE) {
        add([b"Secure", b""]);
    }
    conf.attributes.iter().for_each(|attribute| add([attribute, b""]));
    tail.into()
}

/// The value that a server's address and the key make.
fn dynamic(key: &[u8], endpoint: &Endpoint) -> Option<Box<[u8]>> {
    let Endpoint::Inet(address) = endpoint else { return None };
    let mut input = key.to_vec();
    match address.ip() {
        IpAddr::V4(ip) => input.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => input.extend_from_slice(&ip.octets()),
    }
    input.extend_from_slice(&u32::from(address.port()).to_be_bytes());
    Some(format!("{:016x}", xxh64(&input, 0)).into_bytes().into())
}

/// A date of five digits in base 64. In 32 bits with a sign, as the reference has it: one that is far ahead is
/// long past.
fn date(text: &[u8]) -> Option<i64> {
    let digits = text.get(..5)?;
    let number = digits.iter().try_fold(0i64, |number, byte| {
        let digit = DIGITS.iter().position(|d| d == byte)?;
        Some(number << 6 | digit as i64)
    })?;
    Some(i64::from((number << 2) as i32)).filter(|date| *date != 0)
}

fn write_date(seconds: i64, out: &mut Vec<u8>) {
    let number = seconds >> 2;
    let digit = |shift: u32| DIGITS.get((number >> shift) as usize & 63).copied();
    out.extend([24, 18, 12, 6, 0].into_iter().filter_map(digit));
}

// === impl Persisted ===

impl Persisted {
    /// A rule names the server, whatever the cookie says.
    pub(crate) fn overrule(&mut self, server: usize) {
        self.server = Some(server);
        if self.client != ClientCookie::None {
            self.client = ClientCookie::Unused;
        }
    }

    /// The server that the cookie named is left for another.
    pub(crate) fn leave(&mut self) {
        if self.server.take().is_some() && self.client == ClientCookie::Valid {
            self.client = ClientCookie::Down;
        }
    }

    /// Its letters in the log.
    pub(crate) fn letters(&self) -> [u8; 2] {
        let client = match self.client {
            ClientCookie::None => b'N',
            ClientCookie::Invalid => b'I',
            ClientCookie::Down => b'D',
            ClientCookie::Valid => b'V',
            ClientCookie::Expired => b'E',
            ClientCookie::Old => b'O',
            ClientCookie::Unused => b'U',
        };
        let set = match self.set {
            SetCookie::None => b'N',
            SetCookie::Passed => b'P',
            SetCookie::Deleted => b'D',
            SetCookie::Rewritten => b'R',
            SetCookie::Inserted => b'I',
            SetCookie::Updated => b'U',
        };
        [client, set]
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How far ahead of our clock a date may be, so that a wrong time zone sends nobody away.
const MOST_AHEAD: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_a_round_trip_in_steps_of_four_seconds() {
        let mut text = Vec::new();
        write_date(1_795_232_247, &mut text);
        assert_eq!(text, b"awER9");
        assert_eq!(date(&text), Some(1_795_232_244));
        for bad in ["", "zz", "!!!!!", "awER"] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
    }

    /// As the reference made them.
    #[test]
    fn dynamic_values_come_from_the_key_and_the_address() {
        let rows =
            [("127.0.0.1:24101", "068037344d7afb47"), ("[::ffff:127.0.0.1]:24102", "fa3b9c0b8bf3fb45")];
        for (address, wanted) in rows {
            let endpoint = Endpoint::Inet(address.parse().unwrap());
            assert_eq!(dynamic(b"secret", &endpoint).as_deref(), Some(wanted.as_bytes()), "{address}");
        }
    }
}
