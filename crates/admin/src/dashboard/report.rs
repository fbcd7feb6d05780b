//! What the page shows, as JSON.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use weir_engine::conf::Endpoint;
use weir_engine::runtime::Event;
use weir_engine::snapshot::{Proxy, Server};

use super::history::{ALL, History, Point};
use crate::info;
use crate::latency::{self, Kind};
use crate::stat::status;
use crate::world::World;

/// The report for an object; `token` where who asks may change things.
pub(super) fn of(world: &World, history: &History, object: &str, token: Option<&str>) -> String {
    let snapshot = world.engine.snapshot();
    let mut objects = vec![ALL.to_owned()];
    objects.extend(latency::objects(&snapshot).iter().filter_map(|object| match object.kind {
        Kind::Frontend => Some(format!("frontend {}", object.proxy)),
        Kind::Backend => Some(format!("backend {}", object.proxy)),
        Kind::Server => None,
    }));
    let object = if objects.iter().any(|name| name == object) { object } else { ALL };
    let track = history.of(object);
    let column = |of: fn(&Point) -> Value| track.points.iter().map(of).collect::<Vec<_>>();
    let all = snapshot.proxies.iter().filter(|p| !p.conf.disabled);
    let servers: Vec<Value> =
        all.flat_map(|p| p.servers.iter().map(|s| server(world, p, s))).take(SERVERS).collect();
    let recorded = world.engine.runtime().process.recorder.events();
    json!({
        "node": info::node(world).unwrap_or_default(),
        "version": world.about.version,
        "admin": token.is_some(),
        "token": token.unwrap_or_default(),
        "objects": objects,
        "object": object,
        "series": {
            "time": column(|p| p.at.into()),
            "rate": column(|p| p.rate.into()),
            "sessions": column(|p| p.sessions.into()),
            "errors": column(|p| p.errors.into()),
            "p50": column(|p| { let [p50, _, _] = p.latency; p50.into() }),
            "p95": column(|p| { let [_, p95, _] = p.latency; p95.into() }),
            "p99": column(|p| { let [_, _, p99] = p.latency; p99.into() }),
        },
        "servers": servers,
        "recent": recorded.iter().rev().take(EVENTS).map(event).collect::<Vec<_>>(),
    })
    .to_string()
}

fn server(world: &World, proxy: &Proxy, server: &Server) -> Value {
    let state = &server.runtime;
    let health = state.health.lock().clone();
    let check = match (server.conf.check.is_some(), health.status) {
        (true, Some(status)) => format!("{} {} ms {}", status.name(), health.duration, health.message),
        _ => String::new(),
    };
    json!({
        "backend": proxy.conf.name,
        "name": server.conf.name,
        "status": status::server(world, proxy, server),
        "weight": state.weight.load(Relaxed),
        "sessions": state.serving.now(),
        "queued": state.queued.now(),
        "check": check.trim_end(),
        "address": address(server),
    })
}

fn address(server: &Server) -> String {
    match &server.conf.endpoint {
        Some(Endpoint::Inet(address)) => address.to_string(),
        Some(_) => "unix".to_owned(),
        None => String::new(),
    }
}

fn event(event: &Event) -> Value {
    let decided = match &event.rule {
        Some((file, line)) => format!("{file}:{line}"),
        None => event.reason.to_owned(),
    };
    let id = if event.id.is_empty() { format!("{:#x}", event.number) } else { event.id.clone() };
    let way = [&event.frontend, &event.backend, &event.server].map(String::as_str);
    json!({
        "at": event.at,
        "id": id,
        "client": event.client,
        "way": way.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" > "),
        "status": event.status,
        "ending": String::from_utf8_lossy(&event.ending),
        "decided": decided,
        "request": event.request,
    })
}

/// More than a page shows in a table.
const SERVERS: usize = 2000;
const EVENTS: usize = 50;
