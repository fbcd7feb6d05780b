//! Commands about backends: they come and go, whether rules lead to them, and what their dynamic cookies are made with.

use std::sync::Arc;

use weir_config::values::invalid_character;
use weir_engine::conf::CliLevel::Admin;
use weir_engine::conf::Mode;
use weir_engine::keywords::NewBackend;
use weir_engine::operator::backends;
use weir_engine::runtime::Saying;
use weir_engine::snapshot::Proxy;

use super::servers::waited;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, Waited, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
        command("add backend", "<backend>", Admin, "add a new backend", add),
        command("del backend", "<backend>", Admin, "delete a backend", remove),
        command(
            "disable dynamic-cookie backend",
            "<bk>",
            Admin,
            "disable dynamic cookies on a specific backend",
            |call| set_dynamic(call, false),
        ),
        command(
            "enable dynamic-cookie backend",
            "<bk>",
            Admin,
            "enable dynamic cookies on a specific backend",
            |call| set_dynamic(call, true),
        ),
        command("publish backend", "<backend>", Admin, "mark backend as ready for traffic", |call| {
            publish(call, true)
        }),
        command(
            "set dynamic-cookie-key backend",
            "<bk> <k>",
            Admin,
            "change a backend secret key for dynamic cookies",
            set_key,
        ),
        command("unpublish backend", "<backend>", Admin, "remove backend for traffic processing", |call| {
            publish(call, false)
        }),
    ]
}

/// `add backend <name> from <defproxy> [mode <mode>] [guid <guid>]`
fn add(call: &mut Call<'_, World>) -> Outcome {
    let new = match wanted(call) {
        Ok(new) => new,
        Err(message) => return call.fail(message),
    };
    let name = new.name.clone();
    let voice = &call.world.engine.runtime().process.voice;
    match backends::add(&call.world.engine, new) {
        Ok(added) => {
            for warning in &added.warnings {
                voice.say(Saying::Warning, &format!("CLI : {warning}"));
                call.say(warning);
            }
            let aside = match added.takes_servers {
                true => String::new(),
                false => format!(
                    " (no support for dynamic servers: backend '{name}' uses a non dynamic load balancing method)"
                ),
            };
            let text = format!("New backend registered{aside}.");
            voice.say(Saying::Notice, &format!("CLI : {text}"));
            call.tell(Severity::Info, text)
        }
        Err(message) => call.fail(message),
    }
}

/// What the words of `add backend` ask for, or what is wrong with them.
fn wanted(call: &Call<'_, World>) -> Result<NewBackend, String> {
    if !call.has(0) {
        return Err("Require backend name.".to_owned());
    }
    let name = call.args.first().map(Vec::as_slice).unwrap_or_default();
    if let Some(bad) = invalid_character(name) {
        return Err(format!("Invalid character '{bad}' in backend name."));
    }
    if call.arg(1) != "from" || !call.has(2) {
        return Err("Usage: add backend <name> from <defproxy>.".to_owned());
    }
    let usage = || "Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].".to_owned();
    let (mut mode, mut guid) = (None, None);
    for at in (3..call.args.len()).step_by(2) {
        let value = call.arg(at + 1).into_owned();
        match call.arg(at).as_ref() {
            _ if value.is_empty() => return Err(usage()),
            "mode" if mode.is_none() => mode = Some(mode_of(&value)?),
            "guid" if guid.is_none() => guid = Some(value),
            _ => return Err(usage()),
        }
    }
    Ok(NewBackend { name: call.arg(0).into_owned(), from: call.arg(2).into_owned(), mode, guid })
}

fn mode_of(word: &str) -> Result<Mode, &'static str> {
    match word {
        "tcp" => Ok(Mode::Tcp),
        "http" => Ok(Mode::Http),
        "log" | "spop" | "haterm" => Err("Dynamic backends are compatible with only TCP or HTTP mode."),
        _ => Err("Unknown proxy mode."),
    }
}

fn remove(call: &mut Call<'_, World>) -> Outcome {
    if call.has(1) {
        return call.fail("Usage: del backend <name>.");
    }
    match backends::remove(&call.world.engine, &call.arg(0)) {
        Ok(()) => {
            call.world.engine.runtime().process.voice.say(Saying::Notice, "Backend deleted.");
            call.tell(Severity::Info, "Backend deleted.")
        }
        Err(message) => call.fail(message),
    }
}

/// What stands in the way of taking a backend away, for those who wait for it (`wait be-removable`).
pub(crate) fn removable(world: &World, name: &str) -> Waited {
    let snapshot = world.engine.snapshot();
    let Some(proxy) = snapshot.backend(name) else { return Waited::Never("No such backend.") };
    waited(backends::removable(&snapshot, proxy))
}

/// The backend that the first word names, or a message.
fn named(call: &Call<'_, World>) -> Result<Arc<Proxy>, &'static str> {
    if !call.has(0) {
        return Err("A backend name is expected.");
    }
    call.world.engine.snapshot().backend(&call.arg(0)).cloned().ok_or("No such backend.")
}

fn set_dynamic(call: &mut Call<'_, World>, dynamic: bool) -> Outcome {
    match named(call) {
        Ok(proxy) => {
            backends::set_dynamic_cookie(&call.world.engine, &proxy.conf.name, dynamic);
            Outcome::Done
        }
        Err(message) => call.fail(message),
    }
}

fn set_key(call: &mut Call<'_, World>) -> Outcome {
    match named(call) {
        Ok(_) if !call.has(1) => call.fail("String value expected."),
        Ok(proxy) => {
            let key = call.args.get(1).map(Vec::as_slice).unwrap_or_default();
            backends::set_dynamic_key(&call.world.engine, &proxy.conf.name, key);
            Outcome::Done
        }
        Err(message) => call.fail(message),
    }
}

fn publish(call: &mut Call<'_, World>, published: bool) -> Outcome {
    let Some(proxy) = call.world.engine.snapshot().backend(&call.arg(0)).cloned() else {
        return call.fail("No such backend.");
    };
    if proxy.conf.disabled {
        return call.fail("No effect on a disabled backend.");
    }
    backends::publish(&proxy, published);
    let text = if published { "Backend published." } else { "Backend unpublished." };
    call.world.engine.runtime().process.voice.say(Saying::Notice, &format!("CLI : {text}"));
    call.tell(Severity::Info, text)
}
