//! Proxies and servers: their names, numbers and counters (manual, 7.3.2 and 7.3.3).

use super::{number, text};
use crate::args::{Arg, ArgType, Args};
use crate::keyword::{Eval, Fetch, NO_ARGS, fetch};
use crate::place::Needs;
use crate::scope::{Number, ProxyNumber, ServerNumber, Text, TimeoutOf};
use crate::{Lookup, Type, Value};

macro_rules! of_frontend {
    ($name:literal, $what:ident, $help:literal) => {
        fetch(
            $name,
            (1, &[ArgType::Frontend]),
            Type::Sint,
            Needs::Process,
            |e, a| proxy(e, a, ProxyNumber::$what),
            $help,
        )
    };
}
macro_rules! of_backend {
    ($name:literal, $what:ident, $help:literal) => {
        fetch(
            $name,
            (1, &[ArgType::Backend]),
            Type::Sint,
            Needs::Process,
            |e, a| proxy(e, a, ProxyNumber::$what),
            $help,
        )
    };
}
macro_rules! of_server {
    ($name:literal, $what:ident, $help:literal) => {
        fetch(
            $name,
            (1, &[ArgType::Server]),
            Type::Sint,
            Needs::Process,
            |e, a| server(e, a, ServerNumber::$what),
            $help,
        )
    };
}
macro_rules! timeout {
    ($name:literal, $needs:expr, $of:ident, $which:ident, $help:literal) => {
        fetch($name, NO_ARGS, Type::Sint, $needs, |e, _| number(e, Number::$of(TimeoutOf::$which)), $help)
    };
}

/// The table.
pub(super) const FETCHES: &[Fetch] = &[
    of_backend!("nbsrv", UsableServers, "Servers that are up."),
    of_backend!("avg_queue", AverageQueue, "Mean queue per server that is up."),
    of_backend!("queue", Queue, "Requests queued in a backend."),
    of_backend!("connslots", ConnectionSlots, "Slots left for connections and queue."),
    of_backend!("be_conn", BackendConnections, "Connections of a backend."),
    of_backend!("be_conn_free", FreeConnections, "Connections left on a backend's servers."),
    of_backend!("be_sess_rate", BackendSessionRate, "Sessions a second of a backend."),
    of_frontend!("fe_conn", FrontendConnections, "Connections of a frontend."),
    of_frontend!("fe_req_rate", FrontendRequestRate, "Requests a second of a frontend."),
    of_frontend!("fe_sess_rate", FrontendSessionRate, "Sessions a second of a frontend."),
    of_server!("srv_conn", Connections, "Connections of a server."),
    of_server!("srv_conn_free", FreeConnections, "Connections left on a server."),
    of_server!("srv_queue", Queue, "Requests queued for a server."),
    of_server!("srv_sess_rate", SessionRate, "Sessions a second of a server."),
    of_server!("srv_iweight", InitialWeight, "Configured weight of a server."),
    of_server!("srv_uweight", UserWeight, "Weight of a server as users set it."),
    of_server!("srv_weight", EffectiveWeight, "Weight of a server in force."),
    fetch(
        "srv_is_up",
        (1, &[ArgType::Server]),
        Type::Bool,
        Needs::Process,
        srv_is_up,
        "Whether a server is up.",
    ),
    fetch(
        "fe_id",
        NO_ARGS,
        Type::Sint,
        Needs::Frontend,
        |e, _| number(e, Number::FrontendId),
        "The frontend's number.",
    ),
    fetch(
        "fe_name",
        NO_ARGS,
        Type::Str,
        Needs::Frontend,
        |e, _| text(e, Text::Frontend),
        "The frontend's name.",
    ),
    fetch(
        "fe_defbe",
        NO_ARGS,
        Type::Str,
        Needs::Frontend,
        |e, _| text(e, Text::DefaultBackend),
        "Name of the default backend.",
    ),
    fetch(
        "be_id",
        NO_ARGS,
        Type::Sint,
        Needs::Backend,
        |e, _| number(e, Number::BackendId),
        "The backend's number.",
    ),
    fetch(
        "be_name",
        NO_ARGS,
        Type::Str,
        Needs::Backend,
        |e, _| text(e, Text::Backend),
        "The backend's name.",
    ),
    fetch(
        "srv_id",
        NO_ARGS,
        Type::Sint,
        Needs::Server,
        |e, _| number(e, Number::ServerId),
        "The server's number.",
    ),
    fetch("srv_name", NO_ARGS, Type::Str, Needs::Server, |e, _| text(e, Text::Server), "The server's name."),
    fetch(
        "bc_be_queue",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::BackendQueue),
        "Requests that were before in the backend's queue.",
    ),
    fetch(
        "bc_srv_queue",
        NO_ARGS,
        Type::Sint,
        Needs::ServerConnection,
        |e, _| number(e, Number::ServerQueue),
        "Requests that were before in the server's queue.",
    ),
    timeout!("fe_client_timeout", Needs::Frontend, FrontendTimeout, Client, "The frontend's client timeout."),
    timeout!("fe_tarpit_timeout", Needs::Frontend, FrontendTimeout, Tarpit, "The frontend's tarpit timeout."),
    timeout!("be_connect_timeout", Needs::Backend, BackendTimeout, Connect, "The backend's connect timeout."),
    timeout!("be_queue_timeout", Needs::Backend, BackendTimeout, Queue, "The backend's queue timeout."),
    timeout!("be_server_timeout", Needs::Backend, BackendTimeout, Server, "The backend's server timeout."),
    timeout!("be_tarpit_timeout", Needs::Backend, BackendTimeout, Tarpit, "The backend's tarpit timeout."),
    timeout!("be_tunnel_timeout", Needs::Backend, BackendTimeout, Tunnel, "The backend's tunnel timeout."),
    timeout!("cur_client_timeout", Needs::Frontend, CurrentTimeout, Client, "The client timeout in force."),
    timeout!("cur_connect_timeout", Needs::Backend, CurrentTimeout, Connect, "The connect timeout in force."),
    timeout!("cur_queue_timeout", Needs::Backend, CurrentTimeout, Queue, "The queue timeout in force."),
    timeout!("cur_server_timeout", Needs::Backend, CurrentTimeout, Server, "The server timeout in force."),
    timeout!(
        "cur_tarpit_timeout",
        Needs::ClientConnection,
        CurrentTimeout,
        Tarpit,
        "The tarpit timeout in force."
    ),
    timeout!("cur_tunnel_timeout", Needs::Backend, CurrentTimeout, Tunnel, "The tunnel timeout in force."),
];

fn proxy<'a>(eval: &Eval<'a>, args: &Args, what: ProxyNumber) -> Lookup<Value<'a>> {
    let id = match args.arg(0) {
        Arg::Proxy(id) => Some(*id),
        _ => None,
    };
    eval.scope.proxy(id, what).map(Value::Sint).into()
}

fn server<'a>(eval: &Eval<'a>, args: &Args, what: ServerNumber) -> Lookup<Value<'a>> {
    match args.arg(0) {
        Arg::Server(id) => eval.scope.server(*id, what).map(Value::Sint).into(),
        _ => Lookup::Absent,
    }
}

fn srv_is_up<'a>(eval: &mut Eval<'a>, args: &'a Args) -> Lookup<Value<'a>> {
    server(eval, args, ServerNumber::Up).map(|v| Value::Bool(v.to_bool().unwrap_or(false)))
}
