//! Whether a certificate that was named before may be named again, with these words (manual, 12.7 "crt-store").

use crate::ocsp::Updating;
use crate::pair::{Origin, Pair, Sources};

/// What is different from before, line by line; nothing where that does no harm. `words` where the line has any,
/// `mode` as `ocsp-update.mode`.
pub(super) fn between(pair: &Pair, words: Option<(&Sources, Updating)>, mode: bool) -> Option<String> {
    let nothing = (&Sources::default(), Updating::Default);
    let how = match (pair.origin, words) {
        (Origin::Plain, Some(_)) => Some("without any keyword with these keywords"),
        (Origin::Plain | Origin::Store, None) => return None,
        (Origin::List, None) => Some("with keywords without these keywords"),
        (Origin::List | Origin::Store, Some(_)) => None,
    };
    let (sources, updating) = words.unwrap_or(nothing);
    let before = &pair.sources;
    let files = [
        ("key", &before.key, &sources.key),
        ("ocsp", &before.ocsp, &sources.ocsp),
        ("issuer", &before.issuer, &sources.issuer),
        ("sctl", &before.sctl, &sources.sctl),
    ];
    let shown = |path: &Option<String>| format!("'{}'", path.as_deref().unwrap_or("(null)"));
    let mut lines: Vec<String> = files
        .into_iter()
        .filter(|(_, before, now)| before != now)
        .map(|(name, before, now)| different(name, &shown(before), &shown(now)))
        .collect();
    if pair.updating != updating {
        lines.push(different("ocsp-update", &word(pair.updating, mode), &word(updating, mode)));
    }
    if lines.is_empty() {
        return None;
    }
    let head = how.map(|how| format!("   Can't use the certificate previously defined {how}:\n"));
    Some(head.unwrap_or_else(|| " ".to_owned()) + &lines.join("\n"))
}

fn different(name: &str, before: &str, now: &str) -> String {
    format!("  - different parameter '{name}' : previously {before} vs {now}")
}

fn word(updating: Updating, mode: bool) -> String {
    match updating {
        Updating::Default => format!("'default' (ocsp-update.mode {})", if mode { "on" } else { "off" }),
        Updating::On => "'on'".to_owned(),
        Updating::Off => "'off'".to_owned(),
    }
}
