//! The parameters of a `server` line about agents and about checks that differ from the proxy's (manual, 5.2).

use weir_config::values;
use weir_config::{Arity, Class, Entry, Keyword, Sections, Word};
use weir_diag::{Diagnostic, Form};

use super::process::put;
use super::server_params::interval;
use super::{Outside, ServerFn};

/// The parameters of this file.
pub(super) const CHECK_PARAMS: &[Keyword<ServerFn>] = &[
    value("agent-addr", "address of the agent", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'agent-addr' expects an address as argument."))?;
        let address = address(word, c.outside).ok_or_else(|| {
            word.alert(format!("parsing agent-addr failed. Check if '{}' is correct address.", word.text()))
        })?;
        put(Some(address), &mut c.draft.agent.addr)
    }),
    flag("agent-check", "asks an agent", |c, _| put(true, &mut c.draft.do_agent)),
    value("agent-inter", "time between questions to the agent", |c, v| {
        put(interval(c, v)?, &mut c.draft.agent.inter)
    }),
    value("agent-port", "port of the agent", |c, v| {
        let word =
            v.first().ok_or_else(|| c.name.alert("'agent-port' expects a port number as argument."))?;
        put((values::leading_integer(&word.bytes) & 0xffff) as u16, &mut c.draft.agent.port)
    }),
    value("agent-send", "what the agent is asked", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'agent-send' expects a string as argument."))?;
        put(Some(word.bytes.to_vec()), &mut c.draft.agent.send)
    }),
    value("check-pool-conn-name", "which idle connections checks may use", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'check-pool-conn-name' : missing value"))?;
        put(Some(word.text().into()), &mut c.draft.check.pool_name)
    }),
    value("check-proto", "protocol of checks", |c, v| {
        let word = v.first().ok_or_else(|| c.name.alert("'check-proto' : missing value"))?;
        let name = word.text();
        if !["h1", "h2", "fcgi", "quic", "none", "spop"].contains(&&*name) {
            return Err(word.alert(format!("'check-proto' :  unknown MUX protocol '{name}'")));
        }
        put(Some(name.into_owned()), &mut c.draft.check_proto)
    }),
    flag("check-reuse-pool", "checks may use idle connections", |c, _| put(true, &mut c.draft.check.reuse)),
    value("healthcheck", "the section with the steps of checks", |c, v| {
        let Some(word) = v.first() else {
            // The reference goes on all the same.
            let message = "'healthcheck' expects a healthcheck name as argument..";
            c.out.push(Diagnostic::complaint(c.name.span, message).form(Form::Here));
            return Ok(());
        };
        put(Some(word.clone()), &mut c.draft.healthcheck)
    }),
    flag("no-agent-check", "takes back an inherited 'agent-check'", |c, _| put(false, &mut c.draft.do_agent)),
    flag("no-check-reuse-pool", "takes back an inherited 'check-reuse-pool'", |c, _| {
        put(false, &mut c.draft.check.reuse)
    }),
];

/// An address without a port, or the address of a name.
fn address(word: &Word, outside: &dyn Outside) -> Option<std::net::IpAddr> {
    let text = word.text();
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    plain.parse().ok().or_else(|| outside.resolve(&text, values::Family::Any))
}

const fn flag(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(entry(name, Arity::NONE, help), run)
}

const fn value(name: &'static str, help: &'static str, run: ServerFn) -> Keyword<ServerFn> {
    Keyword::works(entry(name, Arity::exactly(1), help), run)
}

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Server, name, Sections::BACKENDS, arity, help)
}
