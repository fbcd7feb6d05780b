//! The form of the statistics page: what is to be done with which servers (manual, 4.2 "stats admin").
//!
//! Fields are `name=value` joined by `&`: `b` is the backend, by name or by `#` and its number, `action` what is to be
//! done, each `s` a server. What a field before another says is kept until the end, as a browser sends them in the
//! order of the page.

use std::borrow::Cow;
use std::sync::Arc;

use weir_engine::operator::{self, Order};
use weir_engine::snapshot::{Proxy, Server};

use crate::world::World;

/// What became of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All was done.
    Done,
    /// There was nothing to do.
    Nothing,
    /// Some of it was done.
    Partly,
    /// A field is wrong, or names nothing.
    Wrong,
    /// It is longer than a buffer.
    TooLong,
    /// Who asks may not.
    Denied,
}

/// Fields of a form.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form<'a> {
    backend: Option<Cow<'a, [u8]>>,
    action: Option<Cow<'a, [u8]>>,
    servers: Vec<Cow<'a, [u8]>>,
}

/// Does what a form asks for.
pub(super) fn apply(world: &World, page: &Arc<Proxy>, body: &[u8]) -> Outcome {
    let _ = page;
    let form = Form::parse(body);
    let snapshot = world.engine.snapshot();
    let Some(orders) = form.action.as_deref().and_then(action) else { return Outcome::Wrong };
    let Some(backend) = form.backend.as_deref().and_then(|name| found(&snapshot.proxies, name)) else {
        return Outcome::Wrong;
    };
    let (mut done, mut missing) = (0, 0);
    for name in &form.servers {
        let server = backend.servers.iter().find(|s| s.conf.name.as_bytes() == &**name);
        match server {
            Some(server) => {
                done += u32::from(carry_out(world, backend, server, orders));
            }
            None => missing += 1,
        }
    }
    match (done, missing) {
        (0, 0) => Outcome::Nothing,
        (0, _) => Outcome::Wrong,
        (_, 0) => Outcome::Done,
        _ => Outcome::Partly,
    }
}

/// The backend of a name, or of `#` and a number.
fn found<'a>(proxies: &'a [Arc<Proxy>], name: &[u8]) -> Option<&'a Arc<Proxy>> {
    let number = name.strip_prefix(b"#").and_then(|n| std::str::from_utf8(n).ok()?.parse::<u32>().ok());
    let fits = |p: &&Arc<Proxy>| match number {
        Some(id) => p.conf.id == id,
        None => p.conf.name.as_bytes() == name,
    };
    proxies.iter().filter(|p| p.conf.is_backend()).find(fits)
}

/// The order behind a word of the form; none where agents are meant, which no server has.
fn action(word: &[u8]) -> Option<Option<Order>> {
    Some(Some(match word {
        b"ready" | b"enable" | b"start" => Order::Ready,
        b"drain" | b"stop" => Order::Drain,
        b"maint" | b"disable" => Order::Maintain,
        b"dhlth" => Order::Check(false),
        b"ehlth" => Order::Check(true),
        b"hrunn" => Order::Up,
        b"hnolb" => Order::Stop,
        b"hdown" => Order::Down,
        b"shutdown" => Order::EndSessions,
        b"dagent" | b"eagent" | b"arunn" | b"adown" => return Some(None),
        _ => return None,
    }))
}

/// Whether a server was given an order that means something to it.
fn carry_out(world: &World, backend: &Arc<Proxy>, server: &Arc<Server>, order: Option<Order>) -> bool {
    let Some(order) = order else { return false };
    let needs_check = matches!(order, Order::Check(_) | Order::Up | Order::Stop | Order::Down);
    if needs_check && server.conf.check.is_none() {
        return false;
    }
    operator::order(&world.engine, backend, server, order);
    true
}

// === impl Outcome ===

impl Outcome {
    /// The word that stands for it in an address.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Nothing => "NONE",
            Self::Partly => "PART",
            Self::Wrong => "ERRP",
            Self::TooLong => "EXCD",
            Self::Denied => "DENY",
        }
    }
}

// === impl Form ===

impl<'a> Form<'a> {
    fn parse(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for field in body.split(|b| *b == b'&') {
            let Some(at) = field.iter().position(|b| *b == b'=') else { continue };
            let (name, value) = field.split_at_checked(at).unwrap_or_default();
            let value = decoded(value.get(1..).unwrap_or_default());
            match name {
                b"b" => form.backend = Some(value),
                b"action" => form.action = Some(value),
                b"s" => form.servers.push(value),
                _ => {}
            }
        }
        form
    }
}

/// A value as it was typed: `%xx` and `+` resolved.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        rest = match (first, code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                after.get(2..).unwrap_or_default()
            }
            _ => {
                out.push(if *first == b'+' { b' ' } else { *first });
                after
            }
        };
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_any_order() {
        let form = Form::parse(b"s=a&s=b%2d1&action=drain&b=%233&x&=&y=+");
        assert_eq!(form.backend.as_deref(), Some(&b"#3"[..]));
        assert_eq!(form.action.as_deref(), Some(&b"drain"[..]));
        assert_eq!(form.servers, [Cow::Borrowed(&b"a"[..]), Cow::Borrowed(b"b-1")]);
        assert_eq!(Form::parse(b""), Form::default());
        assert_eq!(&*decoded(b"%zz%4"), b"%zz%4");
    }
}
