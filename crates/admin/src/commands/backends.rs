//! Commands about backends: whether rules lead to them, and what their dynamic cookies are made with.

use std::sync::Arc;

use weir_engine::conf::CliLevel::Admin;
use weir_engine::operator::backends;
use weir_engine::runtime::Saying;
use weir_engine::snapshot::Proxy;

use crate::cli::{Call, CommandKeyword, Outcome, Severity, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    vec![
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
        command("unpublish backend", "<bk>", Admin, "remove backend from traffic", |call| {
            publish(call, false)
        }),
    ]
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
