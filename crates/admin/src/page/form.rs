//! The form of the statistics page: what is to be done with which servers (manual, 4.2 "stats admin").
//!
//! Fields are `name=value` joined by `&`: `b` is the backend, by name or by `#` and its number, `action` what is to be
//! done, each `s` a server. What a field before another says is kept until the end, as a browser sends them in the
//! order of the page.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::numbered::Numbered;
use weir_engine::operator::{self, Order};
use weir_engine::runtime::Admin;
use weir_engine::snapshot::{Proxy, Server};

use crate::world::World;

/// What became of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
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
pub struct Form<'a> {
    /// `b`
    pub backend: Option<Cow<'a, [u8]>>,
    /// `action`
    pub action: Option<Cow<'a, [u8]>>,
    /// `s`, one for each server.
    pub servers: Vec<Cow<'a, [u8]>>,
    /// `b` comes behind `action`. What comes last is judged first.
    pub backend_is_last: bool,
}

/// Does what a form asks for, sent to the page of a proxy: nothing outside of its scope.
pub(crate) fn apply(world: &World, page: &Proxy, body: &[u8]) -> Outcome {
    let form = Form::parse(body);
    let snapshot = world.engine.snapshot();
    let backend =
        form.backend.as_ref().map(|name| in_scope(found(&snapshot.proxies, name), page)).transpose();
    let action = form.action.as_ref().map(|word| Action::named(word).ok_or(Outcome::Wrong)).transpose();
    match (backend, action) {
        (Ok(Some(backend)), Ok(Some(action))) => carry_out(world, &form, backend, action),
        (Ok(_), Ok(_)) => Outcome::Nothing,
        (Err(outcome), Ok(_)) | (Ok(_), Err(outcome)) => outcome,
        (Err(of_backend), Err(of_action)) => {
            if form.backend_is_last {
                of_backend
            } else {
                of_action
            }
        }
    }
}

/// The backend, where it is there and the page may speak of it.
fn in_scope<'a>(backend: Option<&'a Arc<Proxy>>, page: &Proxy) -> Result<&'a Arc<Proxy>, Outcome> {
    let Some(stats) = page.conf.stats.as_ref().filter(|stats| !stats.scope.is_empty()) else {
        return backend.ok_or(Outcome::Wrong);
    };
    let spoken_of = |b: &&Arc<Proxy>| stats.is_in_scope(&b.conf.name, &page.conf.name);
    backend.filter(spoken_of).ok_or(Outcome::Denied)
}

fn carry_out(world: &World, form: &Form<'_>, backend: &Arc<Proxy>, action: Action) -> Outcome {
    let (mut done, mut missing) = (false, false);
    for name in &form.servers {
        match backend.servers.iter().find(|s| s.conf.name.as_bytes() == &**name) {
            Some(server) => done |= action.carry_out(world, backend, server),
            None => missing = true,
        }
    }
    match (done, missing) {
        (true, false) => Outcome::Done,
        (true, true) => Outcome::Partly,
        (false, true) => Outcome::Wrong,
        (false, false) => Outcome::Nothing,
    }
}

/// The backend of a name, or of `#` and a number.
fn found<'a>(proxies: &'a Numbered<Arc<Proxy>>, name: &[u8]) -> Option<&'a Arc<Proxy>> {
    let number = name.strip_prefix(b"#").and_then(|n| std::str::from_utf8(n).ok()?.parse::<u32>().ok());
    let fits = |p: &&Arc<Proxy>| match number {
        Some(id) => p.conf.id == id,
        None => p.conf.name.as_bytes() == name,
    };
    proxies.iter().filter(|p| p.conf.is_backend()).find(fits)
}

/// What is to be done with each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// This, whatever the server's state.
    Give(Order),
    /// Out of maintenance, where it is in it (`enable`).
    Enable,
    /// Into maintenance, where it is not (`disable`).
    Disable,
    /// Out of draining, where it is drained (`start`).
    Start,
    /// Drained, where it is not (`stop`).
    Stop,
    /// Checks are made, or not, where the server has any.
    Check(bool),
    /// This, where an agent is asked.
    Agent(Order),
}

// === impl Action ===

impl Action {
    /// The action behind a word, those of older versions among them.
    fn named(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"ready" => Self::Give(Order::Ready),
            b"drain" => Self::Give(Order::Drain),
            b"maint" => Self::Give(Order::Maintain),
            b"hrunn" => Self::Give(Order::Up),
            b"hnolb" => Self::Give(Order::Stop),
            b"hdown" => Self::Give(Order::Down),
            b"shutdown" => Self::Give(Order::EndSessions),
            b"dhlth" => Self::Check(false),
            b"ehlth" => Self::Check(true),
            b"enable" => Self::Enable,
            b"disable" => Self::Disable,
            b"start" => Self::Start,
            b"stop" => Self::Stop,
            b"dagent" => Self::Agent(Order::Ask(false)),
            b"eagent" => Self::Agent(Order::Ask(true)),
            b"arunn" => Self::Agent(Order::AgentSays(true)),
            b"adown" => Self::Agent(Order::AgentSays(false)),
            _ => return None,
        })
    }

    /// Does it; whether there was something to do.
    fn carry_out(self, world: &World, backend: &Arc<Proxy>, server: &Arc<Server>) -> bool {
        let admin = server.runtime.admin();
        let (maintained, drained) = (admin.intersects(Admin::MAINT), admin.contains(Admin::FORCED_DRAIN));
        let asked = !server.runtime.unasked.load(Relaxed);
        let order = match self {
            Self::Give(order) => order,
            Self::Enable if maintained => Order::Ready,
            Self::Disable if !maintained => Order::Maintain,
            Self::Start if drained && !maintained => Order::Ready,
            // What is in maintenance stays there.
            Self::Stop if !drained && maintained => return true,
            Self::Stop if !drained => Order::Drain,
            Self::Check(on) if server.conf.check.is_some() => Order::Check(on),
            // Whether it is checked or asked may be said again; what an agent said counts while it is asked.
            Self::Agent(order @ Order::Ask(_)) if server.conf.agent.is_some() => order,
            Self::Agent(order) if server.conf.agent.is_some() && asked => order,
            _ => return false,
        };
        operator::order(&world.engine, backend, server, order);
        true
    }
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
    /// Reads the body of a request.
    pub fn parse(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for field in body.split(|b| *b == b'&') {
            let Some(at) = field.iter().position(|b| *b == b'=') else { continue };
            let (name, value) = field.split_at_checked(at).unwrap_or_default();
            let value = decoded(value.get(1..).unwrap_or_default());
            match name {
                b"b" => (form.backend, form.backend_is_last) = (Some(value), true),
                b"action" => (form.action, form.backend_is_last) = (Some(value), false),
                b"s" => form.servers.push(value),
                _ => {}
            }
        }
        form
    }
}

/// A value as it was typed: `%xx` and `+` resolved.
pub(crate) fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
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
