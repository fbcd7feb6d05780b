//! How orders to servers are told of, on standard error and in the logs.

use crate::check::{Place, Serving, say};
use crate::log::Level;
use crate::runtime::{Admin, Saying};

/// How a server stood before an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub(super) admin: Admin,
    pub(super) up: bool,
    /// It took new clients.
    pub(super) usable: bool,
}

/// Tells that reasons to be kept from traffic were set or cleared; `moved` requests left its queue.
pub(super) fn administered(place: &Place, before: Before, moved: usize) {
    let after = place.server.runtime.admin();
    let is_in = |admin: Admin, reasons: Admin| admin.intersects(reasons);
    match (is_in(before.admin, Admin::MAINT), is_in(after, Admin::MAINT)) {
        (false, true) => entered_maintenance(place, before, moved),
        (true, true) if is_in(before.admin, FORCED_MAINT) && !is_in(after, FORCED_MAINT) => {
            tell(place, Level::Notice, "is leaving forced maintenance but remains in maintenance.");
        }
        (true, true) => {}
        (true, false) => left_maintenance(place, before),
        (false, false) => drained(place, before, moved),
    }
}

fn entered_maintenance(place: &Place, before: Before, moved: usize) {
    let via = via(place, Admin::INHERITED_MAINT);
    if !before.up {
        return tell(place, Level::Notice, &format!("was DOWN and now enters maintenance{via}."));
    }
    let level = if before.usable { Level::Alert } else { Level::Notice };
    tell(place, level, &format!("is going DOWN for maintenance{via}. {}", left(place, moved)));
}

fn left_maintenance(place: &Place, before: Before) {
    let state = &place.server.runtime;
    let after = state.admin();
    let drained = after.intersects(Admin::DRAIN);
    let how = if before.admin.intersects(FORCED_MAINT) { "forced " } else { "" };
    let health = if state.is_up() { "UP" } else { "DOWN" };
    let mode = if drained { "DRAIN" } else { "READY" };
    tell(place, Level::Notice, &format!("is {health}/{mode} (leaving {how}maintenance)."));
    if drained {
        let text = match after.intersects(Admin::FORCED_DRAIN) {
            true => "remains in forced drain mode.".to_owned(),
            false => format!("remains in drain mode{}.", via(place, Admin::INHERITED_DRAIN)),
        };
        tell(place, Level::Notice, &text);
    }
}

fn drained(place: &Place, before: Before, moved: usize) {
    let state = &place.server.runtime;
    let after = state.admin();
    match (before.admin.intersects(Admin::DRAIN), after.intersects(Admin::DRAIN)) {
        (false, true) => {
            let via = via(place, Admin::INHERITED_DRAIN);
            let rest = if state.is_up() { online(place, moved) } else { left(place, moved) };
            tell(place, Level::Notice, &format!("enters drain state{via}. {rest}"));
        }
        (true, false) => {
            let health = if state.is_up() { "UP" } else { "DOWN" };
            let how = match before.admin.intersects(Admin::FORCED_DRAIN) {
                true => "(leaving forced drain)".to_owned(),
                false => format!("(leaving drain){}", tracked(place)),
            };
            tell(place, Level::Notice, &format!("is {health} {how}."));
        }
        _ => {}
    }
}

/// ` via b/s`, where the reason comes from the server that this one tracks.
fn via(place: &Place, inherited: Admin) -> String {
    if place.server.runtime.admin().intersects(inherited) { tracked(place) } else { String::new() }
}

fn tracked(place: &Place) -> String {
    let Some(track) = place.server.conf.track.as_deref() else { return String::new() };
    let (proxy, server) = track.split_once('/').unwrap_or((&place.proxy.conf.name, track));
    format!(" via {proxy}/{server}")
}

fn left(place: &Place, moved: usize) -> String {
    let sessions = place.server.runtime.serving.now();
    let waiting = place.proxy.runtime.queued.now();
    format!(
        "{} left.{} {sessions} sessions active, {moved} requeued, {waiting} remaining in queue.",
        serving(place),
        on_backup(place)
    )
}

fn online(place: &Place, moved: usize) -> String {
    let waiting = place.proxy.runtime.queued.now();
    format!(
        "{} online.{} {moved} sessions requeued, {waiting} total in queue.",
        serving(place),
        on_backup(place)
    )
}

fn serving(place: &Place) -> String {
    let now = Serving::of(&place.proxy);
    format!("{} active and {} backup servers", now.active, now.backup)
}

fn on_backup(place: &Place) -> &'static str {
    let now = Serving::of(&place.proxy);
    if now.active == 0 && now.backup > 0 { " Running on backup." } else { "" }
}

fn tell(place: &Place, level: Level, what: &str) {
    let backup = if place.server.conf.backup { "Backup " } else { "" };
    let text = format!("{backup}Server {}/{} {what}", place.proxy.conf.name, place.server.conf.name);
    say(place, Saying::Warning, level, &text, &text);
}

const FORCED_MAINT: Admin = Admin::FORCED_MAINT.union(Admin::CONFIGURED_MAINT);
