//! Anonymised output: names are shown as hashes under a key (management manual, 9.3 "set anon").

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::conf::CliLevel;
use xxhash_rust::xxh32::xxh32;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use CliLevel::{Admin, User};
    vec![
        command("set anon global-key", "<value>", Admin, "change the global anonymizing key", set_global),
        command("set anon off", "", User, "deactivate the anonymized mode", |call| {
            if call.has(0) {
                return call.fail("Key can't be added while disabling anonymized mode");
            }
            call.settings.anonymous = 0;
            Outcome::Done
        }),
        command("set anon on", "[value]", User, "activate the anonymized mode", turn_on),
        command("show anon", "", User, "display the current state of anonymized mode", show),
    ]
}

/// A name as a session with this key sees it; 0 for as it is.
pub(super) fn masked(key: u32, name: &str) -> String {
    match key {
        0 => name.to_owned(),
        key => format!("{:06x}", xxh32(name.as_bytes(), key) & 0xff_ffff),
    }
}

fn turn_on(call: &mut Call<'_, World>) -> Outcome {
    let random = || RandomState::new().hash_one(0) as u32 & 0x7fff_ffff | 1;
    let key = match call.has(0) {
        true => match key(&call.arg(0)) {
            Some(key) => key,
            None => return call.fail(OUT_OF_RANGE),
        },
        false => match call.world.engine.runtime().process.anonymous_key.load(Relaxed) {
            0 => random(),
            key => key,
        },
    };
    call.settings.anonymous = key;
    Outcome::Done
}

fn set_global(call: &mut Call<'_, World>) -> Outcome {
    // What is no key changes nothing, and nothing is said.
    if let Some(key) = key(&call.arg(0)) {
        call.world.engine.runtime().process.anonymous_key.store(key, Relaxed);
    }
    Outcome::Done
}

fn show(call: &mut Call<'_, World>) -> Outcome {
    match call.settings.anonymous {
        0 => call.tell(Severity::Info, "Anonymized mode disabled"),
        key => call.tell(Severity::Info, format!("Anonymized mode enabled\nKey : {key}")),
    }
}

fn key(word: &str) -> Option<u32> {
    word.parse().ok().filter(|key| *key != 0)
}

const OUT_OF_RANGE: &str = "Value out of range (1 to 4294967295 expected).";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_the_reference_does() {
        for (name, hash) in [("be", "5c7c37"), ("s1", "8e467b"), ("fe", "0f3ebb"), ("127.0.0.1:80", "8e2a82")]
        {
            assert_eq!(masked(5, name), hash);
        }
        assert_eq!(masked(0, "be"), "be");
    }
}
