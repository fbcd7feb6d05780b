//! The rows of `show stat`: what the engine knows of each frontend, listener, server and backend.
//!
//! Which columns a row has, and which stay empty, follows the reference (management manual, 9.1, the letters LFBS).

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::clock::{self, Tick};
use weir_engine::conf::{self, Balance, Bind, Endpoint, Mode, Options, PortRule};
use weir_engine::runtime::{Admin, Counters, Side};
use weir_engine::snapshot::{Proxy, Server};

use super::agents;
use super::columns::Column as C;
use super::row::{Kind, Row};
use super::status;
use crate::field::Value;
use crate::totals::{self, Totals};
use crate::world::{Counted, World};

/// The row of a frontend.
pub(crate) fn frontend(world: &World, proxy: &Proxy) -> Row {
    let (conf, side) = (&proxy.conf, &proxy.runtime.frontend);
    let totals = world.totals(&Counted::Frontend(conf.name.clone()), &side.counters);
    let now = clock::now();
    let http = conf.mode == Mode::Http;
    let mut row = Row::new(Kind::Frontend, (&conf.name, conf.id), "FRONTEND", 0);
    row.put(C::Status, status::frontend(world, proxy));
    let limit = match side.maxconn.load(Relaxed) {
        0 => proxy.maxconn,
        set => set,
    };
    sessions(&mut row, side, Some(limit));
    traffic(&mut row, &totals);
    row.put(C::Stot, totals.sessions);
    let rate = |which| totals::rate(&side.counters, which, now);
    let most = |which| totals::highest_rate(&side.counters, which);
    row.put_all([
        (C::Dreq, totals.denied_requests),
        (C::Dresp, totals.denied_responses),
        (C::Ereq, totals.failed_requests),
        (C::Rate, rate(|c| &c.session_rate)),
        (C::ReqRate, rate(|c| &c.request_rate)),
        (C::ReqRateMax, most(|c| &c.request_rate)),
        (C::ReqTot, totals.requests),
        (C::RateLim, conf.rate_limit.into()),
        (C::RateMax, most(|c| &c.session_rate)),
        (C::ConnRate, rate(|c| &c.connection_rate)),
        (C::ConnRateMax, most(|c| &c.connection_rate)),
        (C::ConnTot, totals.connections),
        (C::Dcon, totals.denied_connections),
        (C::Dses, totals.denied_sessions),
        (C::Wrew, totals.failed_rewrites),
        (C::SessOther, if http { 0 } else { totals.sessions }),
        (C::H1sess, if http { totals.sessions.saturating_sub(totals.h2_total_connections) } else { 0 }),
        (C::H2sess, totals.h2_total_connections),
        (C::H3sess, 0),
        (C::ReqOther, 0),
        (C::H1req, if http { totals.requests.saturating_sub(totals.h2_total_streams) } else { 0 }),
        (C::H2req, totals.h2_total_streams),
        (C::H3req, 0),
        (C::CompIn, 0),
        (C::CompOut, 0),
        (C::CompByp, 0),
        (C::CompRsp, 0),
    ]);
    if http {
        responses(&mut row, &totals);
        row.put_all([(C::Intercepted, totals.intercepted), (C::CacheLookups, 0), (C::CacheHits, 0)]);
    }
    protocols(&mut row, &side.counters, &totals);
    row.put(C::Mode, conf.mode.word());
    row
}

/// The row of a `bind` line with `option socket-stats`.
pub(crate) fn listener(world: &World, proxy: &Proxy, bind: &Bind) -> Row {
    let conf = &proxy.conf;
    let id = bind.id.unwrap_or_default();
    let name = bind.name.clone().unwrap_or_else(|| format!("sock-{id}"));
    let side = proxy.runtime.listener(id);
    let totals = Totals::of(&side.counters);
    let mut row = Row::new(Kind::Listener, (&conf.name, conf.id), &name, id);
    row.put(C::Status, status::frontend(world, proxy));
    traffic(&mut row, &totals);
    row.put_all([
        (C::Scur, side.sessions.now().into()),
        (C::Smax, side.sessions.highest().into()),
        (C::Slim, bind.maxconn.into()),
        (C::Stot, totals.sessions),
        (C::Dreq, totals.denied_requests),
        (C::Dresp, totals.denied_responses),
        (C::Ereq, totals.failed_requests),
        (C::ConnTot, totals.connections),
        (C::Dcon, totals.denied_connections),
        (C::Dses, totals.denied_sessions),
        (C::Wrew, totals.failed_rewrites),
    ]);
    let (address, protocol) = match &bind.endpoint {
        Endpoint::Inet(address) => (address.to_string(), if address.is_ipv4() { "tcpv4" } else { "tcpv6" }),
        Endpoint::Unix(_) => ("unix".to_owned(), "unix_stream"),
        Endpoint::Abstract { .. } => ("unix".to_owned(), "abns_stream"),
        Endpoint::Fd(_) | Endpoint::SockPair(_) => ("fd".to_owned(), "sockpair"),
    };
    row.put(C::Addr, address);
    row.put(C::Proto, protocol);
    row.put(C::Mode, conf.mode.word());
    row
}

/// The row of a server.
pub(crate) fn server(world: &World, proxy: &Proxy, server: &Server) -> Row {
    let (conf, state) = (&server.conf, &server.runtime);
    let counted = Counted::Server(proxy.conf.name.clone(), conf.name.clone());
    let totals = world.totals(&counted, &state.counters);
    let now = clock::now();
    let mut row = Row::new(Kind::Server, (&proxy.conf.name, proxy.conf.id), &conf.name, conf.id);
    row.put_all([
        (C::Qcur, state.queued.now().into()),
        (C::Qmax, state.queued.highest().into()),
        (C::Scur, state.serving.now().into()),
        (C::Smax, state.serving.highest().into()),
        (C::Weight, u64::from(state.effective().shown())),
        (C::Uweight, state.weight.load(Relaxed).into()),
        (C::Act, (!conf.backup).into()),
        (C::Bck, conf.backup.into()),
        (C::Lastchg, seconds_since(state.changed.load(Relaxed), now)),
        (C::SrvIcur, state.idle.load(Relaxed).into()),
        (C::IdleConnCur, state.idle.load(Relaxed).saturating_sub(state.proven.load(Relaxed)).into()),
        (C::SafeConnCur, state.proven.load(Relaxed).into()),
        (C::UsedConnCur, state.serving.now().into()),
        (C::NeedConnEst, state.needed_now().into()),
        (C::Srid, server.conf.revision.into()),
        (C::PrivIdleCur, 0),
    ]);
    for (column, limit) in [(C::Slim, state.maxconn.load(Relaxed)), (C::Qlimit, conf.maxqueue)] {
        if limit > 0 {
            row.put(column, limit);
        }
    }
    if let Ok(limit) = u64::try_from(conf.pool.max) {
        row.put(C::SrcIlim, limit);
    }
    if state.ramp().is_some() && state.is_usable() {
        row.put(C::Throttle, state.effective().percent_of(state.weight.load(Relaxed)));
    }
    row.put(C::Status, status::server(world, proxy, server));
    row.put(C::Dresp, totals.denied_responses);
    traffic(&mut row, &totals);
    relayed(&mut row, proxy.conf.mode, &state.counters, &totals, now);
    row.put(C::Lastsess, ago(last_session(&state.counters), now));
    checked(&mut row, server, now);
    agents::asked(&mut row, server);
    if let Some(track) = &conf.track {
        let whole = if track.contains('/') { track.clone() } else { format!("{}/{track}", proxy.conf.name) };
        row.put(C::Tracked, whole);
    }
    if let Some(address) = &conf.endpoint {
        row.put(C::Addr, shown(address, conf.port));
    }
    if let Some(cookie) = proxy.cookie_of(server) {
        row.put(C::Cookie, String::from_utf8_lossy(cookie).into_owned());
    }
    row.put(C::Mode, proxy.conf.mode.word());
    row
}

/// The row of a backend. `narrowed`: servers are left out, and the status tells how many there are.
pub(crate) fn backend(world: &World, proxy: &Proxy, narrowed: bool) -> Row {
    let (conf, side) = (&proxy.conf, &proxy.runtime.backend);
    let totals = world.totals(&Counted::Backend(conf.name.clone()), &side.counters);
    let now = clock::now();
    let group = status::Group::of(proxy);
    let availability = *proxy.runtime.availability.lock();
    let mut row = Row::new(Kind::Backend, (&conf.name, conf.id), "BACKEND", 0);
    sessions(&mut row, side, Some(proxy.fullconn));
    traffic(&mut row, &totals);
    row.put_all([
        (C::Qcur, proxy.runtime.queued.now().into()),
        (C::Qmax, proxy.runtime.queued.highest().into()),
        (C::Dreq, totals.denied_requests),
        (C::Dresp, totals.denied_responses),
        (C::Weight, group.weight),
        (C::Uweight, group.user_weight),
        (C::Act, group.active),
        (C::Bck, group.backup),
        (C::Chkdown, availability.downs),
        (C::Lastchg, seconds_since(availability.changed.0, now)),
        (C::CompIn, 0),
        (C::CompOut, 0),
        (C::CompByp, 0),
        (C::CompRsp, 0),
        (C::AggServerStatus, 0),
        (C::AggServerCheckStatus, 0),
        (C::AggCheckStatus, 0),
    ]);
    if !proxy.servers.is_empty() {
        // Where no server ever had a weight, nobody went.
        let is_down = availability.is_down || group.weight == 0;
        let since = if is_down { now.millis_since(availability.changed).unsigned_abs() } else { 0 };
        row.put(C::Downtime, (availability.down_millis + since) / 1000);
    }
    row.put(C::Status, status::backend(proxy, &group, narrowed));
    relayed(&mut row, conf.mode, &side.counters, &totals, now);
    // Where nothing can serve a session, there was none.
    let serves = !proxy.servers.is_empty() || conf.stats.is_some();
    row.put(C::Lastsess, ago(last_session(&side.counters).filter(|_| serves), now));
    if conf.mode == Mode::Http {
        row.put_all([(C::CacheLookups, 0), (C::CacheHits, 0)]);
    }
    if let Some(cookie) = &conf.persistence.cookie {
        row.put(C::Cookie, String::from_utf8_lossy(&cookie.name).into_owned());
    }
    protocols(&mut row, &side.counters, &totals);
    row.put(C::Mode, conf.mode.word());
    row.put(C::Algo, algorithm(conf));
    if let Some(cookie) = &conf.persistence.cookie {
        row.put(C::Cookie, String::from_utf8_lossy(&cookie.name).into_owned());
    }
    row
}

/// What came and went in HTTP/2 and HTTP/1.
fn protocols(row: &mut Row, counters: &[Counters], totals: &Totals) {
    // What is open now has nothing to do with when counters were cleared.
    let sum = |which: fn(&Counters) -> u64| counters.iter().map(which).sum::<u64>();
    row.put_modules([
        ("h2_headers_rcvd", totals.h2_headers_rcvd),
        ("h2_data_rcvd", totals.h2_data_rcvd),
        ("h2_settings_rcvd", totals.h2_settings_rcvd),
        ("h2_rst_stream_rcvd", totals.h2_rst_stream_rcvd),
        ("h2_goaway_rcvd", totals.h2_goaway_rcvd),
        ("h2_detected_conn_protocol_errors", totals.h2_detected_conn_protocol_errors),
        ("h2_detected_strm_protocol_errors", totals.h2_detected_strm_protocol_errors),
        ("h2_rst_stream_resp", totals.h2_rst_stream_resp),
        ("h2_goaway_resp", totals.h2_goaway_resp),
        (
            "h2_open_connections",
            sum(|c| c.h2_total_connections.value().saturating_sub(c.h2_closed_connections.value())),
        ),
        (
            "h2_backend_open_streams",
            sum(|c| c.h2_total_streams.value().saturating_sub(c.h2_closed_streams.value())),
        ),
        ("h2_total_connections", totals.h2_total_connections),
        ("h2_backend_total_streams", totals.h2_total_streams),
        (
            "h1_open_connections",
            sum(|c| c.h1_total_connections.value()).saturating_sub(sum(|c| c.h1_closed_connections.value())),
        ),
        (
            "h1_open_streams",
            sum(|c| c.h1_total_streams.value()).saturating_sub(sum(|c| c.h1_closed_streams.value())),
        ),
        ("h1_total_connections", totals.h1_total_connections),
        ("h1_total_streams", totals.h1_total_streams),
        ("h1_bytes_in", totals.h1_bytes_in),
        ("h1_bytes_out", totals.h1_bytes_out),
        ("h1_spliced_bytes_in", totals.h1_spliced_bytes_in),
        ("h1_spliced_bytes_out", totals.h1_spliced_bytes_out),
    ]);
}

fn sessions(row: &mut Row, side: &Side, limit: Option<u32>) {
    row.put(C::Scur, side.sessions.now());
    row.put(C::Smax, side.sessions.highest());
    if let Some(limit) = limit {
        row.put(C::Slim, limit);
    }
}

fn traffic(row: &mut Row, totals: &Totals) {
    let Totals { bytes_in, bytes_out, .. } = *totals;
    row.put_all([
        (C::Bin, bytes_in),
        (C::Bout, bytes_out),
        (C::Eint, totals.internal_errors),
        (C::Reqbin, bytes_in),
        (C::Reqbout, totals.request_bytes_out),
        (C::Resbin, bytes_out),
        (C::Resbout, totals.response_bytes_out),
    ]);
}

fn responses(row: &mut Row, totals: &Totals) {
    // The classes from 1xx to 5xx, then all others.
    let columns = [C::Hrsp1xx, C::Hrsp2xx, C::Hrsp3xx, C::Hrsp4xx, C::Hrsp5xx, C::HrspOther];
    for (column, count) in columns.into_iter().zip(totals.responses) {
        row.put(column, count);
    }
}

/// What a server and a backend have in common.
fn relayed(row: &mut Row, mode: Mode, counters: &[Counters], totals: &Totals, now: Tick) {
    let queue = totals::average(counters, |c| &c.queue_millis);
    let connect = totals::average(counters, |c| &c.connect_millis);
    let response = totals::average(counters, |c| &c.response_millis);
    let total = totals::average(counters, |c| &c.total_millis);
    row.put_all([
        (C::Stot, totals.sessions),
        (C::Econ, totals.failed_connections),
        (C::Eresp, totals.failed_responses),
        (C::Wretr, totals.retries),
        (C::Wredis, totals.redispatches),
        (C::Lbtot, totals.selected),
        (C::Rate, totals::rate(counters, |c| &c.session_rate, now)),
        (C::RateMax, totals::highest_rate(counters, |c| &c.session_rate)),
        (C::CliAbrt, totals.client_aborts),
        (C::SrvAbrt, totals.server_aborts),
        (C::Wrew, totals.failed_rewrites),
        (C::Connect, totals.connects),
        (C::Reuse, totals.reuses),
        (C::Qtime, queue.0),
        (C::Ctime, connect.0),
        (C::Rtime, response.0),
        (C::Ttime, total.0),
        (C::QtimeMax, queue.1),
        (C::CtimeMax, connect.1),
        (C::RtimeMax, response.1),
        (C::TtimeMax, total.1),
    ]);
    if mode == Mode::Http {
        responses(row, totals);
        row.put(C::ReqTot, totals.requests.max(totals.responses.iter().sum()));
    }
}

/// The second of the process in which the last session came.
fn last_session(counters: &[Counters]) -> Option<u64> {
    counters.iter().filter_map(|c| c.session_rate.last_second()).max()
}

/// The seconds since then; -1 where it never was.
fn ago(second: Option<u64>, now: Tick) -> Value {
    let since = |second| i64::try_from((now.0 / 1_000_000).saturating_sub(second)).unwrap_or(i64::MAX);
    Value::Signed(second.map_or(-1, since))
}

/// The columns of a server that is checked.
fn checked(row: &mut Row, server: &Server, now: Tick) {
    let unchecked = server.runtime.unchecked.load(Relaxed);
    if server.conf.observe.is_some() {
        row.put(C::Hanafail, server.runtime.health.lock().observed);
    }
    let Some(check) = server.conf.check.as_ref().filter(|_| !unchecked) else { return };
    let health = server.runtime.health.lock().clone();
    let maintained = server.runtime.admin().intersects(Admin::MAINT);
    let down = if server.runtime.up.load(Relaxed) && !maintained {
        0
    } else {
        now.0.saturating_sub(server.runtime.changed.load(Relaxed)) / 1000
    };
    row.put_all([
        (C::Chkfail, health.failures),
        (C::Chkdown, health.downs),
        (C::Downtime, (health.down_millis + down) / 1000),
    ]);
    if maintained {
        return;
    }
    let status = health.status.unwrap_or(weir_balance::health::CheckStatus::Init);
    // A star marks the outcome of the one before while a check is under way.
    let star = if health.under_way && health.status.is_some() { "* " } else { "" };
    row.put(C::CheckStatus, format!("{star}{}", status.name()));
    row.put(C::CheckDesc, status.description());
    if let (true, Some(code)) = (status.has_code(), health.code) {
        // The column has no sign.
        row.put(C::CheckCode, u64::from(code.cast_unsigned()));
    }
    if health.status.is_some() {
        row.put(C::CheckDuration, health.duration);
    }
    if health.status.is_none() || !health.under_way {
        row.put(C::LastChk, agents::on_one_line(&health.message));
    }
    row.put_all([
        (C::CheckRise, check.rise.into()),
        (C::CheckFall, check.fall.into()),
        (C::CheckHealth, health.counter.count().into()),
    ]);
}

/// The address of a server as `addr` shows it.
fn shown(endpoint: &Endpoint, port: PortRule) -> String {
    match endpoint {
        Endpoint::Inet(address) if let PortRule::Offset(by) = port => {
            SocketAddr::new(address.ip(), by as u16).to_string()
        }
        Endpoint::Inet(address) => address.to_string(),
        _ => "unix".to_owned(),
    }
}

fn algorithm(proxy: &conf::Proxy) -> String {
    match &proxy.balance {
        Balance::Default if proxy.options.contains(Options::TRANSPARENT) => "none".to_owned(),
        // The reference has no word for the algorithms that draw lots.
        Balance::Default => "unknown".to_owned(),
        Balance::RoundRobin => "roundrobin".to_owned(),
        Balance::Other(words) => match words.first().map(String::as_str) {
            Some(word) if word.starts_with("hdr") => "hdr".to_owned(),
            Some(word) if word.starts_with("rdp-cookie") => "rdp-cookie".to_owned(),
            Some(word) if word.starts_with("random") => "unknown".to_owned(),
            word => word.unwrap_or("unknown").to_owned(),
        },
    }
}

fn seconds_since(micros: u64, now: Tick) -> u64 {
    now.0.saturating_sub(micros) / 1_000_000
}
