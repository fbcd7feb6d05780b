//! The words for what checks find: lines to the log targets of the backend, and on standard error.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::{CheckStatus, Progress, Verdict};

use super::state::{Reason, Serving, Sign};
use super::{Kind, Place};
use crate::conf::Endpoint;
use crate::log::{self, Level};
use crate::runtime::{Health, Saying};

/// Where a server went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Down,
    Up,
    Stopping,
}

/// `, reason: Layer4 timeout, check duration: 300ms`
pub(super) fn reason(health: &Health) -> String {
    let Some(status) = health.status else { return String::new() };
    let mut text = format!(", reason: {}", status.description());
    if let Some(code) = health.code.filter(|_| status.has_code()) {
        text.push_str(&format!(", code: {code}"));
    }
    if !health.message.is_empty() {
        text.push_str(&format!(", info: \"{}\"", visible(&health.message)));
    }
    if status != CheckStatus::Observed {
        text.push_str(&format!(", check duration: {}ms", health.duration));
    }
    text
}

/// A text of a server on one line: what cannot be printed as `<0D>`.
fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if c.is_control() { format!("<{:02X}>", c as u32) } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A check or an agent changed something (`option log-health-checks`).
pub(super) fn checked(place: &Place, kind: Kind, health: &Health) {
    let outcome = match health.status.map(|s| s.verdict()) {
        Some(Verdict::Passed) => "succeeded",
        Some(Verdict::ConditionallyPassed) => "conditionally succeeded",
        _ => "failed",
    };
    let counter = &health.counter;
    let status = if counter.count() >= counter.rise() {
        let loaded = place.server.runtime.weight.load(Relaxed) > 0;
        let word = if loaded { "UP" } else { "DRAIN" };
        format!("{}/{} {word}", counter.count() - counter.rise() + 1, counter.fall())
    } else {
        format!("{}/{} DOWN", counter.count(), counter.rise())
    };
    let text = format!(
        "{} check for {}server {} {outcome}{}, status: {status}.",
        if kind == Kind::Agent { "Agent" } else { "Health" },
        if place.server.conf.backup { "backup " } else { "" },
        name(place),
        reason(health),
    );
    say(place, Saying::Warning, Level::Notice, &text, &text);
}

/// A server changed its state.
pub(super) fn turned(place: &Place, to: Turn, reason: &Reason<'_>, now: Serving, moved: usize) {
    let (word, level) = match to {
        Turn::Down => ("DOWN", Level::Alert),
        Turn::Up => ("UP", Level::Notice),
        Turn::Stopping => ("stopping", Level::Notice),
    };
    let on_backup = if now.active == 0 && now.backup > 0 { " Running on backup." } else { "" };
    let waiting = place.proxy.runtime.queued.now();
    let tail = match to {
        Turn::Down => {
            let sessions = place.server.runtime.serving.now().saturating_sub(reason.ended);
            format!(
                "left.{on_backup} {sessions} sessions active, {moved} requeued, {waiting} remaining in queue."
            )
        }
        Turn::Up | Turn::Stopping => {
            format!("online.{on_backup} {moved} sessions requeued, {waiting} total in queue.")
        }
    };
    let text = format!(
        "{}Server {} is {word}{}. {} active and {} backup servers {tail}",
        if place.server.conf.backup { "Backup " } else { "" },
        name(place),
        reason.text,
        now.active,
        now.backup,
    );
    say(place, Saying::Warning, level, &text, &text);
}

/// The last server of a backend is gone.
pub(super) fn nobody(place: &Place) {
    let name = &place.proxy.conf.name;
    let kind = if place.proxy.conf.is_frontend() { "proxy" } else { "backend" };
    let here = format!("{kind} '{name}' has no server available!");
    let logged = format!("{kind} {name} has no server available!");
    say(place, Saying::Alert, Level::Emerg, &here, &logged);
}

/// What a sign of ill health is called.
pub(super) fn observed(sign: Sign) -> &'static str {
    match sign {
        Sign::Connected => "L4 successful connection",
        Sign::Unreachable => "L4 unsuccessful connection",
        Sign::Status(_) => "Wrong http response",
        Sign::Broken => "Read error (http)",
        Sign::Junk => "Invalid http response (headers)",
        Sign::Late => "Read timeout (http)",
    }
}

/// `UP 2/3; address=192.0.2.1; port=80; name=b/s; node=n; weight=1/2; scur=0/0; qcur=0`
pub(super) fn server_state(place: &Place) -> String {
    let (proxy, server) = (&place.proxy, &place.server);
    let rt = &server.runtime;
    let (address, port) = match &server.conf.endpoint {
        Some(Endpoint::Inet(a)) => (a.ip().to_string(), a.port().to_string()),
        Some(_) => ("unix".to_owned(), String::new()),
        None => (String::new(), String::new()),
    };
    let node = place.snapshot.global.node.as_deref().unwrap_or(&HOST);
    let total = proxy.farm.active().1.div_ceil(16);
    format!(
        "{}; address={address}; port={port}; name={}/{}; node={node}; weight={}/{total}; scur={}/{}; qcur={}",
        progress(rt.stopping.load(Relaxed), rt.health.lock().counter.progress()),
        proxy.conf.name,
        server.conf.name,
        rt.effective().shown(),
        rt.serving.now(),
        proxy.runtime.backend.sessions.now(),
        rt.queued.now(),
    )
}

/// `UP`, `UP 1/3`, `NOLB`, `DOWN 1/2`
fn progress(stopping: bool, progress: Progress) -> String {
    let word = match (progress.up, stopping) {
        (true, true) => "NOLB",
        (true, false) => "UP",
        (false, _) => "DOWN",
    };
    if progress.is_partial() { format!("{word} {}/{}", progress.count, progress.of) } else { word.to_owned() }
}

static HOST: LazyLock<String> = LazyLock::new(log::system_name);

fn name(place: &Place) -> String {
    format!("{}/{}", place.proxy.conf.name, place.server.conf.name)
}

/// Says it on standard error and to the log targets of the backend.
pub(crate) fn say(place: &Place, saying: Saying, level: Level, here: &str, logged: &str) {
    place.runtime.process.voice.say(saying, here);
    log::event(&place.proxy, &place.runtime, level, logged);
}
