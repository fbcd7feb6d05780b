//! `show stat`: statistics of every proxy and server (management manual, 9.3 "show stat").

mod agents;
pub mod columns;
pub mod row;
pub(crate) mod rows;
pub(crate) mod status;

use weir_config::values::leading_integer;
use weir_engine::conf::{CliLevel, Options};
use weir_engine::runtime::Admin;
use weir_engine::snapshot::Proxy;

use crate::cli::{Call, CommandKeyword, Outcome, command};
use crate::field::Value;
use crate::world::World;

use columns::Column;
use row::{Format, Kind, Row};

/// The commands of this file.
pub(crate) fn table() -> Vec<CommandKeyword<World>> {
    vec![command(
        "show stat",
        "[desc|json|no-maint|typed|up]*",
        CliLevel::User,
        "report counters for each proxy and server",
        show,
    )]
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// The proxy with this number.
    pub proxy: Option<u32>,
    /// A bit for each of frontends, backends and servers, in this order; all bits for listeners, too.
    pub kinds: i64,
    /// The server with this number.
    pub server: Option<u32>,
    /// No servers that are down, and none in maintenance.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maintenance: bool,
}

/// Hands over every row that `filter` lets through, in the order of the configuration.
pub fn each(world: &World, filter: &Filter, mut take: impl FnMut(Row)) {
    for proxy in world.engine.snapshot().proxies.iter() {
        let mine = filter.proxy.is_none_or(|id| id == proxy.conf.id);
        if mine && !proxy.conf.disabled && proxy.conf.log_forward.is_none() {
            of_proxy(world, proxy, filter, &mut take);
        }
    }
}

pub(crate) fn of_proxy(world: &World, proxy: &Proxy, filter: &Filter, take: &mut impl FnMut(Row)) {
    let conf = &proxy.conf;
    let wants = |kind: Kind| filter.kinds & (1 << kind as i64) != 0;
    if conf.is_frontend() && wants(Kind::Frontend) {
        take(rows::frontend(world, proxy));
    }
    if conf.is_frontend() && wants(Kind::Listener) && conf.options.contains(Options::SOCKET_STATS) {
        let wanted = |id: Option<u32>| filter.server.is_none_or(|wanted| Some(wanted) == id);
        conf.binds.iter().filter(|b| wanted(b.id)).for_each(|b| take(rows::listener(world, proxy, b)));
    }
    if conf.is_backend() && wants(Kind::Server) {
        for server in proxy.servers.iter().filter(|s| filter.server.is_none_or(|id| id == s.conf.id)) {
            let maintained = server.runtime.admin().intersects(Admin::MAINT);
            let hidden = (filter.up && !server.runtime.is_running()) || (filter.no_maintenance && maintained);
            if !hidden {
                take(rows::server(world, proxy, server));
            }
        }
    }
    if conf.is_backend() && wants(Kind::Backend) {
        take(rows::backend(world, proxy, filter.up || filter.no_maintenance));
    }
}

/// `show stat [domain proxy] [<proxy> <type> <sid>] [typed|json] [desc] [up|no-maint]`
fn show(call: &mut Call<'_, World>) -> Outcome {
    let mut filter = Filter { proxy: None, kinds: -1, server: None, up: false, no_maintenance: false };
    let mut args: Vec<String> = (0..call.args.len()).map(|at| call.arg(at).into_owned()).collect();
    if args.first().is_some_and(|word| word == "domain") {
        match args.get(1).map(String::as_str) {
            Some("proxy") => drop(args.drain(..2)),
            _ => return call.fail("Invalid statistics domain."),
        }
    }
    if let [proxy, kinds, server, ..] = args.as_slice() {
        let number = |word: &str| leading_integer(word.as_bytes());
        let Ok(id) = proxy_number(call.world, proxy) else { return call.fail("No such proxy.") };
        filter = Filter { proxy: id, kinds: number(kinds), ..filter };
        filter.server = u32::try_from(number(server)).ok();
    }
    let (mut format, mut described) = (Format::Csv, false);
    for word in &args {
        match word.as_str() {
            "typed" => format = Format::Typed,
            "json" => format = Format::Json,
            "desc" => described = true,
            "up" => filter.up = true,
            "no-maint" => filter.no_maintenance = true,
            _ => {}
        }
    }
    match format {
        Format::Csv => row::write_header(call.out),
        Format::Typed => {}
        Format::Json => call.out.push(b'['),
    }
    let mut first = true;
    let out = &mut *call.out;
    let explains = call.settings.level >= CliLevel::Operator;
    each(call.world, &filter, |mut row| {
        if !explains {
            EXPLAINED.into_iter().for_each(|column| row.clear(column));
        }
        row.write(format, described, first, out);
        first = false;
    });
    if format == Format::Json {
        call.out.extend_from_slice(b"]\n");
    }
    Outcome::Done
}

/// What is told of the insides: to operators, and on pages with legends.
pub(crate) const EXPLAINED: [Column; 3] = [Column::Addr, Column::Cookie, Column::Algo];

/// The number of the proxy that a word names; none for all of them.
fn proxy_number(world: &World, word: &str) -> Result<Option<u32>, ()> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(u32::try_from(leading_integer(word.as_bytes())).ok());
    }
    let snapshot = world.engine.snapshot();
    let proxy = snapshot.proxies.iter().find(|p| p.conf.name == word).ok_or(())?;
    Ok(Some(proxy.conf.id))
}

/// The number in a column of a row; for those who show statistics in other ways.
pub fn number(row: &Row, column: Column) -> Option<u64> {
    match row.value(column)? {
        Value::Number(n) => Some(*n),
        _ => None,
    }
}
