//! Commands about servers and backends: their states, weights and limits, and the tables that list them.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use weir_balance::health::{CheckStatus, Health as Counter, Verdict};
use weir_config::Word;
use weir_diag::Span;
use weir_engine::clock;
use weir_engine::conf::{self, CliLevel, Endpoint, PortRule};
use weir_engine::keywords::DYNAMIC;
use weir_engine::operator::amounts::{self, number};
use weir_engine::operator::servers::{self, Obstacle};
use weir_engine::operator::{self, Order};
use weir_engine::runtime::{Admin, Saying};
use weir_engine::snapshot::{Proxy, Server};

use super::agents;
use super::anonymous::masked;
use crate::cli::{Call, CommandKeyword, Outcome, Severity, Waited, command};
use crate::world::World;

/// The commands of this file.
pub(super) fn table() -> Vec<CommandKeyword<World>> {
    use CliLevel::{Admin, User};
    vec![
        command("add server", "<bk>/<srv>", Admin, "create a new server", add),
        command("del server", "<bk>/<srv>", Admin, "remove a server", remove),
        command("disable health", "", Admin, "disable health checks", |call| give(call, Order::Check(false))),
        command("disable server", "(DEPRECATED)", Admin, DISABLE, |call| give(call, Order::Maintain)),
        command("enable health", "", Admin, "enable health checks", enable_health),
        command("enable server", " (DEPRECATED)", Admin, ENABLE, |call| give(call, Order::Ready)),
        command("get weight", "<bk>/<srv>", User, "report a server's current weight", weight_of),
        command("set maxconn server", "<bk>/<srv>", Admin, "change a server's maxconn setting", set_maxconn),
        command(
            "set server",
            "<bk>/<srv> [opts]",
            Admin,
            "change a server's state, weight, address or ssl",
            set_server,
        ),
        command("set weight", "<bk>/<srv>  (DEPRECATED)", Admin, WEIGHT, |call| set_weight(call, 1)),
        command("shutdown sessions server", "<bk>/<srv>", Admin, "kill sessions on a server", |call| {
            give(call, Order::EndSessions)
        }),
        command("show backend", "", User, "list backends in the current running config", backends),
        command(
            "show servers conn",
            "[<backend>]",
            User,
            "dump server connections status (all or for a single backend)",
            connections,
        ),
        command(
            "show servers state",
            "[<backend>]",
            User,
            "dump volatile server information (all or for a single backend)",
            states,
        ),
    ]
}

/// The server that the first word names, or a message.
pub(super) fn named(call: &mut Call<'_, World>) -> Result<(Arc<Proxy>, Arc<Server>), &'static str> {
    let word = call.arg(0);
    let named = word.split_once('/').filter(|(_, name)| !name.is_empty());
    let (backend, name) = named.ok_or("Require 'backend/server'.")?;
    let snapshot = call.world.engine.snapshot();
    let proxy = snapshot.backend(backend).ok_or("No such backend.")?;
    let server = proxy.servers.iter().find(|server| server.conf.name == name).ok_or("No such server.")?;
    Ok((proxy.clone(), server.clone()))
}

pub(super) fn give(call: &mut Call<'_, World>, order: Order) -> Outcome {
    match named(call) {
        Ok((proxy, server)) => {
            operator::order(&call.world.engine, &proxy, &server, order);
            Outcome::Done
        }
        Err(message) => call.fail(message),
    }
}

fn weight_of(call: &mut Call<'_, World>) -> Outcome {
    match named(call) {
        Ok((_, server)) => {
            let state = &server.runtime;
            call.say(format!("{} (initial {})", state.weight.load(Relaxed), state.initial_weight()))
        }
        Err(message) => call.fail(message),
    }
}

fn set_server(call: &mut Call<'_, World>) -> Outcome {
    let tracks = match named(call) {
        Ok((_, server)) => server.conf.track.is_some(),
        Err(message) => return call.fail(message),
    };
    let value = call.arg(2).into_owned();
    let order = match (call.arg(1).as_ref(), value.as_str()) {
        ("weight", _) => return set_weight(call, 2),
        ("state", "ready") => Order::Ready,
        ("state", "drain") => Order::Drain,
        ("state", "maint") => Order::Maintain,
        ("state", _) => {
            return call.fail("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
        }
        ("health", _) if tracks => return call.fail("cannot change health on a tracking server."),
        ("health", "up") => Order::Up,
        ("health", "stopping") => Order::Stop,
        ("health", "down") => Order::Down,
        ("health", _) => {
            return call.fail("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
        }
        ("addr", _) => return set_address(call),
        ("agent" | "agent-addr" | "agent-port" | "agent-send", _) => return agents::set(call),
        ("check-addr", _) => return set_check_address(call),
        ("check-port", _) => return set_check_port(call),
        ("fqdn", "") => return call.fail("set server <b>/<s> fqdn requires a FQDN."),
        ("fqdn", _) => {
            return call.fail("set server <b>/<s> fqdn failed because no resolution is configured.");
        }
        ("ssl", value) => return set_tls(call, value == "on", value == "on" || value == "off"),
        _ => return call.fail(SET_SERVER),
    };
    give(call, order)
}

/// Whether sessions with a server go over TLS from now on; only where its line prepares for that.
fn set_tls(call: &mut Call<'_, World>, on: bool, is_known: bool) -> Outcome {
    let prepared = named(call).is_ok_and(|(_, server)| server.conf.tls.prepared);
    if !prepared {
        return call.fail("'set server <srv> ssl' cannot be set.  default-server should define ssl settings");
    }
    if !is_known {
        return call.fail("'set server <srv> ssl' expects 'on' or 'off'.");
    }
    let outcome = give(call, Order::Secure(on));
    call.say("server ssl setting updated.");
    outcome
}

fn enable_health(call: &mut Call<'_, World>) -> Outcome {
    match named(call) {
        Ok((_, server)) if server.conf.check.is_none() => {
            call.fail("Health check was not configured on this server, cannot enable.")
        }
        _ => give(call, Order::Check(true)),
    }
}

/// The words that name a server: its backend and its own.
pub(super) fn names(call: &Call<'_, World>) -> Option<(String, String)> {
    let word = call.arg(0);
    let (backend, name) = word.split_once('/').filter(|(_, name)| !name.is_empty())?;
    Some((backend.to_owned(), name.to_owned()))
}

fn add(call: &mut Call<'_, World>) -> Outcome {
    if call.arg(0) == "help" {
        call.say("List of keywords supported for dynamic server:");
        for keyword in DYNAMIC {
            call.say(keyword);
        }
        return Outcome::Done;
    }
    let Some((backend, name)) = names(call) else { return call.fail("Require 'backend/server'.") };
    let word = |bytes: &Vec<u8>| Word { bytes: bytes.as_slice().into(), span: Span::default() };
    let words: Vec<Word> = call.args.iter().skip(1).map(word).collect();
    let world = call.world;
    let voice = &world.engine.runtime().process.voice;
    let said = format!("'server {backend}/{name}' : ");
    match servers::add(&world.engine, &backend, &name, &words) {
        Ok(warnings) => {
            for warning in &warnings {
                voice.say(Saying::Warning, &format!("CLI : {said}{warning}"));
                call.say(warning);
            }
            let said = if warnings.is_empty() { said.as_str() } else { "" };
            voice.say(Saying::Notice, &format!("CLI : {said}New server registered."));
            call.tell(Severity::Info, "New server registered.")
        }
        Err(message) => call.fail(message),
    }
}

fn remove(call: &mut Call<'_, World>) -> Outcome {
    if let Err(message) = named(call) {
        return call.fail(message);
    }
    let Some((backend, name)) = names(call) else { return call.fail("Require 'backend/server'.") };
    match servers::remove(&call.world.engine, &backend, &name) {
        Ok(()) => {
            call.world.engine.runtime().process.voice.say(Saying::Notice, "Server deleted.");
            call.tell(Severity::Info, "Server deleted.")
        }
        Err(message) => call.fail(message),
    }
}

fn set_address(call: &mut Call<'_, World>) -> Outcome {
    let text = call.arg(2).into_owned();
    if text.is_empty() {
        return call.fail("set server <b>/<s> addr requires an address and optionally a port.");
    }
    let (Some((backend, name)), Ok(ip)) = (names(call), text.parse()) else {
        return call.tell(Severity::Warning, format!("Invalid addr '{text}'"));
    };
    let port = (call.arg(3) == "port").then(|| call.arg(4).into_owned());
    match servers::move_to(&call.world.engine, &backend, &name, ip, port.as_deref()) {
        Ok(text) | Err(text) => call.tell(Severity::Warning, text),
    }
}

fn set_check_address(call: &mut Call<'_, World>) -> Outcome {
    let Ok((_, server)) = named(call) else { return Outcome::Done };
    let text = call.arg(2).into_owned();
    if text.is_empty() {
        return call.fail("set server <b>/<s> check-addr requires an address and optionally a port.");
    }
    if server.conf.check.is_none() || server.runtime.unchecked.load(Relaxed) {
        return call.fail("health checks are not enabled on this server");
    }
    // The reference takes none.
    call.fail(format!("invalid addr '{text}'"))
}

fn set_check_port(call: &mut Call<'_, World>) -> Outcome {
    let (Ok((_, server)), Some((backend, name))) = (named(call), names(call)) else { return Outcome::Done };
    if server.conf.check.is_none() || server.runtime.unchecked.load(Relaxed) {
        return call.fail("health checks are not enabled on this server");
    }
    let text = call.arg(2).into_owned();
    if text.is_empty() {
        return call.fail("set server <b>/<s> check-port requires a port.");
    }
    let Some((port, b"")) = number(text.as_bytes()) else {
        return call.fail("provided port is not an integer");
    };
    let Ok(port) = u16::try_from(port) else { return call.fail("provided port is invalid") };
    match servers::check_at_port(&call.world.engine, &backend, &name, port) {
        Ok(()) => Outcome::Done,
        Err(message) => call.fail(message),
    }
}

/// How far the removal of something has come that somebody waits for.
pub(super) fn waited(outcome: Result<(), Obstacle>) -> Waited {
    match outcome {
        Ok(()) => Waited::Met,
        Err(Obstacle::Busy(text)) => Waited::NotYet(text),
        Err(Obstacle::Firm(text)) => Waited::Never(text),
    }
}

/// What stands in the way of taking a server away, for those who wait for it (`wait srv-removable`).
pub(crate) fn removable(world: &World, name: &str) -> Waited {
    let Some((backend, name)) = name.split_once('/') else {
        return Waited::Wrong("Require 'backend/server'.");
    };
    let snapshot = world.engine.snapshot();
    let Some(proxy) = snapshot.backend(backend) else { return Waited::Never("No such backend.") };
    let Some(server) = proxy.server_named(name) else { return Waited::Never("No such server.") };
    waited(servers::removable(&snapshot, proxy, server))
}

/// `at`: where the weight stands behind the name of the command.
fn set_weight(call: &mut Call<'_, World>, at: usize) -> Outcome {
    let (proxy, server) = match named(call) {
        Ok(named) => named,
        Err(message) => return call.fail(message),
    };
    match amounts::weight_of(&proxy, &server, call.arg(at).as_bytes()) {
        Ok(weight) => give(call, Order::Weight(weight)),
        Err(message) => call.fail(message),
    }
}

fn set_maxconn(call: &mut Call<'_, World>) -> Outcome {
    if let Err(message) = named(call) {
        return call.fail(message);
    }
    match amounts::maxconn(call.arg(1).as_bytes()) {
        Ok(limit) => give(call, Order::Maxconn(limit)),
        Err(message) => call.fail(message),
    }
}

fn backends(call: &mut Call<'_, World>) -> Outcome {
    call.say("# name");
    for proxy in call.world.engine.snapshot().proxies.iter().filter(|p| p.conf.is_backend()) {
        call.say(&proxy.conf.name);
    }
    Outcome::Done
}

/// The backends that a list is about: the one named by the first word, or all.
fn listed(call: &Call<'_, World>) -> Option<Vec<Arc<Proxy>>> {
    let snapshot = call.world.engine.snapshot();
    if call.has(0) {
        return Some(vec![snapshot.backend(&call.arg(0))?.clone()]);
    }
    let wanted = |p: &&Arc<Proxy>| p.conf.is_backend() && !p.conf.disabled;
    Some(snapshot.proxies.iter().filter(wanted).cloned().collect())
}

/// Address and port as the tables show them.
fn address(server: &Server) -> (String, u16) {
    match &server.conf.endpoint {
        Some(Endpoint::Inet(address)) => {
            let port = match server.conf.port {
                PortRule::Fixed => address.port(),
                PortRule::Offset(by) => by as u16,
            };
            (address.ip().to_string(), port)
        }
        _ => ("-".to_owned(), server.conf.named_port),
    }
}

fn connections(call: &mut Call<'_, World>) -> Outcome {
    let Some(backends) = listed(call) else { return call.fail("Can't find backend.") };
    let (threads, key) = (call.world.engine.runtime().workers, call.settings.anonymous);
    call.say(format!(
        "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[{threads}]"
    ));
    for proxy in backends {
        for server in &proxy.servers {
            let (ip, port) = address(server);
            let state = &server.runtime;
            let (served, idle) = (state.serving.now(), state.idle.load(Relaxed));
            // A check uses a connection, too.
            let health = state.health.lock();
            let (checking, checked) = (u32::from(health.under_way), u32::from(health.status.is_some()));
            drop(health);
            let _ = write!(
                call.out,
                "{}/{} {}/{} {ip} {port} - {} {served} {} {} {} 0 0 {idle} {} {idle}",
                masked(key, &proxy.conf.name),
                masked(key, &server.conf.name),
                proxy.conf.id,
                server.conf.id,
                server.conf.pool.purge_delay.as_millis(),
                served + checking,
                state.serving.highest().max(checked),
                served.max(checked),
                server.conf.pool.max,
            );
            // Whose they are is known to the workers alone: all are shown with the first.
            for thread in 0..threads {
                let _ = write!(call.out, " {}", if thread == 0 { idle } else { 0 });
            }
            call.out.push(b'\n');
        }
    }
    Outcome::Done
}

/// The format of state files, version 1 (management manual, 9.3 "show servers state").
fn states(call: &mut Call<'_, World>) -> Outcome {
    let Some(backends) = listed(call) else { return call.fail("Can't find backend.") };
    call.say("1");
    call.say(STATE_COLUMNS);
    for proxy in backends {
        for server in &proxy.servers {
            state_line(call.out, call.settings.anonymous, &proxy, server);
        }
    }
    Outcome::Done
}

fn state_line(out: &mut Vec<u8>, key: u32, proxy: &Proxy, server: &Server) {
    let (conf, state) = (&server.conf, &server.runtime);
    let health = state.health.lock().clone();
    let admin = state.admin();
    let since = clock::now().0.saturating_sub(state.changed.load(Relaxed)) / 1_000_000;
    // 0: stopped, 1: starting, 2: running, 3: stopping.
    let operational = match () {
        () if !state.is_running() => 0,
        () if state.stopping.load(Relaxed) => 3,
        () if state.ramp().is_some() => 1,
        () => 2,
    };
    // What the file says is in force until an operator says otherwise.
    let mut forced =
        if admin.contains(Admin::CONFIGURED_MAINT) { Admin::FORCED_MAINT } else { Admin::empty() };
    forced.set(Admin::CONFIGURED_MAINT, conf.disabled && !conf.dynamic);
    let unchecked = state.unchecked.load(Relaxed);
    let paused = if conf.check.is_some() {
        admin.intersects(Admin::MAINT) && !conf.dynamic && (!unchecked || conf.disabled)
    } else {
        conf.disabled
    };
    let agent_state = agents::state_flags(server);
    let (check_address, check_port) = conf.check_at;
    let check_address = check_address.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
    let (agent_address, agent_port) = agents::address(conf);
    // Configured and enabled, paused, under way.
    let check_state = match conf.check {
        Some(_) if unchecked => 2,
        Some(_) => 6,
        None => 0,
    } + if paused { 8 } else { 0 }
        + u32::from(conf.check.is_some() && health.under_way);
    let status = health.status.filter(|_| conf.check.is_some());
    let checked = status.map_or(1, status_number);
    let result = match status.map(CheckStatus::verdict) {
        _ if health.under_way => 0,
        None | Some(Verdict::Unknown) => 0,
        Some(Verdict::Failed) => 2,
        Some(Verdict::Passed) => 3,
        Some(Verdict::ConditionallyPassed) => 4,
    };
    let (ip, port) = address(server);
    let _ = writeln!(
        out,
        "{} {} {} {} {ip} {operational} {} {} {} {since} {checked} {result} {} {check_state} {agent_state} {} {} {} {port} - {} {} {check_address} {agent_address} {agent_port}",
        proxy.conf.id,
        masked(key, &proxy.conf.name),
        conf.id,
        masked(key, &conf.name),
        (admin | forced).bits(),
        state.weight.load(Relaxed),
        state.initial_weight(),
        told_health(conf, admin, &health.counter),
        u32::from(proxy.conf.explicit_id),
        u32::from(conf.explicit_id),
        conf.hostname.as_deref().unwrap_or("-"),
        u32::from(state.secured.load(Relaxed)),
        check_port.unwrap_or(0),
    );
}

/// How far a server has come up or down, as far as checks or its line tell.
fn told_health(conf: &conf::Server, admin: Admin, counter: &Counter) -> u32 {
    let unknown =
        conf.check.is_none() && conf.init_state.is_none() || counter.count() == 0 && counter.is_up();
    if admin.intersects(Admin::MAINT) && (conf.check.is_some() || conf.disabled) {
        return 0;
    }
    match unknown {
        // As if the first check had passed.
        true if conf.derived && !conf.disabled => conf.rise_and_fall.0,
        true => 0,
        false => counter.count(),
    }
}

/// The number of a check's outcome in state files.
fn status_number(status: CheckStatus) -> u32 {
    match status {
        CheckStatus::Unknown => 0,
        CheckStatus::Init => 1,
        CheckStatus::Start => 2,
        CheckStatus::Checked => 3,
        CheckStatus::Observed => 4,
        CheckStatus::SocketError => 5,
        CheckStatus::L4Ok => 6,
        CheckStatus::L4Timeout => 7,
        CheckStatus::L4Connection => 8,
        CheckStatus::L6Ok => 9,
        CheckStatus::L6Timeout => 10,
        CheckStatus::L6Response => 11,
        CheckStatus::L7Timeout => 12,
        CheckStatus::L7Response => 13,
        CheckStatus::L7Ok => 15,
        CheckStatus::L7OkConditional => 16,
        CheckStatus::L7Status => 17,
        CheckStatus::ProcError => 18,
        CheckStatus::ProcTimeout => 19,
        CheckStatus::ProcOk => 20,
    }
}

const DISABLE: &str = "disable a server for maintenance (use 'set server' instead)";
const ENABLE: &str = "enable a disabled server (use 'set server' instead)";
const WEIGHT: &str = "change a server's weight (use 'set server' instead)";

const STATE_COLUMNS: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

const SET_SERVER: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | health | ssl | state | weight";
