//! The rows of a proxy's table: frontend, listeners, servers, backend.

use std::io::Write as _;

use weir_engine::conf::Mode;
use weir_engine::snapshot::{Proxy, Server};

use super::cells::{Cells, count, escaped, grouped, limit, period};
use super::tips;
use crate::stat::columns::Column as C;

/// What the rows of a table have in common.
pub(super) struct Scene<'a> {
    pub(super) proxy: &'a Proxy,
    /// Names explain themselves.
    pub(super) legends: bool,
    /// There are columns for modules.
    pub(super) modules: bool,
    /// There is a column of ticks on the page.
    pub(super) ticks: bool,
    /// The proxy's servers can be ticked.
    pub(super) admin: bool,
}

/// The columns of modules.
pub(super) const MODULE_NAMES: [&str; 5] = ["ssl", "h3", "quic", "h2", "h1"];

// === impl Scene ===

impl Scene<'_> {
    /// The cell that stands beside those with which servers are ticked.
    fn tick(&self, out: &mut Vec<u8>) {
        if self.ticks {
            out.extend_from_slice(b"<td></td>");
        }
    }
}

pub(super) fn frontend(scene: &Scene<'_>, cells: Cells<'_>, out: &mut Vec<u8>) {
    let conf = &scene.proxy.conf;
    let http = conf.mode == Mode::Http;
    out.extend_from_slice(b"<tr class=\"frontend\">");
    scene.tick(out);
    out.extend_from_slice(b"<td class=ac>");
    anchor(&conf.name, "Frontend", "Frontend", out);
    out.extend_from_slice(b"</td><td colspan=3></td>");
    let shown = if http { (C::ReqRate, C::ReqRateMax) } else { (C::Rate, C::RateMax) };
    underlined(cells.number(shown.0), out, |out| {
        tips::rates(cells, "Current", [C::ConnRate, C::Rate, C::ReqRate], http, out);
    });
    underlined(cells.number(shown.1), out, |out| {
        tips::rates(cells, "Max", [C::ConnRateMax, C::RateMax, C::ReqRateMax], http, out);
    });
    limit(cells.limit(C::RateLim).filter(|n| *n > 0), out);
    count(cells.number(C::Scur), out);
    count(cells.number(C::Smax), out);
    count(cells.number(C::Slim), out);
    underlined(cells.number(C::Stot), out, |out| tips::frontend_totals(cells, conf.mode, out));
    out.extend_from_slice(b"<td></td><td></td>");
    bytes(cells, true, out);
    count(cells.number(C::Dreq), out);
    count(cells.number(C::Dresp), out);
    count(cells.number(C::Ereq), out);
    out.extend_from_slice(b"<td></td><td></td><td></td><td></td>");
    let _ = write!(out, "<td class=ac>{}</td><td class=ac colspan=8></td>", cells.text(C::Status));
    modules(scene, MODULE_NAMES.len(), out);
    out.extend_from_slice(b"</tr>");
}

pub(super) fn listener(scene: &Scene<'_>, cells: Cells<'_>, out: &mut Vec<u8>) {
    let (proxy, name) = (&scene.proxy.conf.name, cells.text(C::Svname));
    out.extend_from_slice(b"<tr class=socket>");
    scene.tick(out);
    out.extend_from_slice(b"<td class=ac>");
    let _ = write!(out, "<a name=\"{proxy}/+{name}\"></a>");
    let link = format!("<a class=lfsb href=\"#{proxy}/+{name}\">{name}</a>");
    let (protocol, id) = (cells.text(C::Proto), cells.number(C::Sid));
    let address = address(cells.text(C::Addr));
    explained(scene, &link, &format!("{address}, proto={protocol}, id: {id}"), out);
    out.extend_from_slice(b"</td><td colspan=3></td><td colspan=3>&nbsp;</td>");
    for column in [C::Scur, C::Smax, C::Slim, C::Stot] {
        count(cells.number(column), out);
    }
    out.extend_from_slice(b"<td>&nbsp;</td><td>&nbsp;</td>");
    for column in [C::Bin, C::Bout, C::Dreq, C::Dresp, C::Ereq] {
        count(cells.number(column), out);
    }
    let _ = write!(
        out,
        "<td></td><td></td><td></td><td></td><td class=ac>{}</td><td class=ac colspan=8></td>",
        cells.text(C::Status)
    );
    modules(scene, SERVER_MODULES, out);
    out.extend_from_slice(b"</tr>");
}

pub(super) fn server(scene: &Scene<'_>, server: &Server, cells: Cells<'_>, out: &mut Vec<u8>) {
    let (conf, name) = (&scene.proxy.conf, &server.conf.name);
    let _ = write!(out, "<tr class=\"{}\">", class(server, cells));
    if scene.admin {
        let proxy = &conf.name;
        let _ = write!(
            out,
            "<td><input class='{proxy}-checkbox' type=\"checkbox\" name=\"s\" value=\"{name}\" \
             aria-label=\"{name}\"></td>"
        );
    }
    let _ = write!(out, "<td class=ac><a name=\"{}/{name}\"></a>", conf.name);
    let link = format!("<a class=lfsb href=\"#{}/{name}\">{name}</a>", conf.name);
    let mut legend =
        format!("{}, id: {}, rid: {}", address(cells.text(C::Addr)), server.conf.id, cells.number(C::Srid));
    if cells.has(C::Cookie) {
        let _ = std::fmt::Write::write_fmt(
            &mut legend,
            format_args!(", cookie: '{}'", escaped(cells.text(C::Cookie))),
        );
    }
    explained(scene, &link, &legend, out);
    out.extend_from_slice(b"</td>");
    count(cells.number(C::Qcur), out);
    count(cells.number(C::Qmax), out);
    limit(cells.limit(C::Qlimit), out);
    count(cells.number(C::Rate), out);
    count(cells.number(C::RateMax), out);
    out.extend_from_slice(b"<td></td>");
    underlined(cells.number(C::Scur), out, |out| tips::server_connections(cells, out));
    count(cells.number(C::Smax), out);
    limit(cells.limit(C::Slim), out);
    underlined(cells.number(C::Stot), out, |out| tips::server_totals(cells, conf.mode, out));
    relayed(cells, false, out);
    status(cells, out);
    checked(scene, cells, out);
    modules(scene, SERVER_MODULES, out);
    out.extend_from_slice(b"</tr>\n");
}

pub(super) fn backend(scene: &Scene<'_>, cells: Cells<'_>, out: &mut Vec<u8>) {
    let conf = &scene.proxy.conf;
    out.extend_from_slice(b"<tr class=\"backend\">");
    scene.tick(out);
    out.extend_from_slice(b"<td class=ac>");
    if scene.legends {
        out.extend_from_slice(b"<u>");
    }
    anchor(&conf.name, "Backend", "Backend", out);
    if scene.legends {
        let _ = write!(out, "<div class=tips>balancing: {}", cells.text(C::Algo));
        if cells.has(C::Cookie) {
            let _ = write!(out, ", cookie: '{}'", escaped(cells.text(C::Cookie)));
        }
        out.extend_from_slice(b"</div></u>");
    }
    out.extend_from_slice(b"</td>");
    count(cells.number(C::Qcur), out);
    count(cells.number(C::Qmax), out);
    out.extend_from_slice(b"<td></td>");
    count(cells.number(C::Rate), out);
    count(cells.number(C::RateMax), out);
    out.extend_from_slice(b"<td></td>");
    count(cells.number(C::Scur), out);
    count(cells.number(C::Smax), out);
    count(cells.number(C::Slim), out);
    underlined(cells.number(C::Stot), out, |out| tips::backend_totals(cells, conf.mode, out));
    relayed(cells, true, out);
    let since = period(cells.number(C::Lastchg));
    let _ = write!(
        out,
        "<td class=ac>{since} {}</td><td class=ac>&nbsp;</td><td class=ac>{}/{}</td><td class=ac>{}</td>\
         <td class=ac>{}</td><td class=ac>&nbsp;</td>",
        match cells.text(C::Status) {
            "DOWN" => "<font color=\"red\"><b>DOWN</b></font>",
            status => status,
        },
        cells.number(C::Weight),
        cells.number(C::Uweight),
        cells.number(C::Act),
        cells.number(C::Bck),
    );
    count(cells.number(C::Chkdown), out);
    let downtime = cells.limit(C::Downtime).map_or_else(String::new, period);
    let _ = write!(out, "<td>{downtime}</td><td></td>");
    modules(scene, MODULE_NAMES.len(), out);
    out.extend_from_slice(b"</tr>");
}

/// From the choices of balancing to the redispatches, alike for servers and backends.
fn relayed(cells: Cells<'_>, whole: bool, out: &mut Vec<u8>) {
    count(cells.number(C::Lbtot), out);
    let last = cells.limit(C::Lastsess).map_or_else(|| "?".to_owned(), period);
    let _ = write!(out, "<td>{last}</td>");
    bytes(cells, whole, out);
    match whole {
        true => count(cells.number(C::Dreq), out),
        false => out.extend_from_slice(b"<td></td>"),
    }
    count(cells.number(C::Dresp), out);
    out.extend_from_slice(b"<td></td>");
    count(cells.number(C::Econ), out);
    underlined(cells.number(C::Eresp), out, |out| {
        let (client, server) = (cells.number(C::CliAbrt), cells.number(C::SrvAbrt));
        let _ = write!(
            out,
            "<div class=tips>Connection resets during transfers: {client} client, {server} server</div>"
        );
    });
    count(cells.number(C::Wretr), out);
    count(cells.number(C::Wredis), out);
}

fn bytes(cells: Cells<'_>, compressed: bool, out: &mut Vec<u8>) {
    count(cells.number(C::Bin), out);
    out.extend_from_slice(b"<td>");
    grouped(cells.number(C::Bout), out);
    if compressed {
        tips::bytes_out(cells, out);
    }
    out.extend_from_slice(b"</td>");
}

/// The state of a server, and since when.
fn status(cells: Cells<'_>, out: &mut Vec<u8>) {
    let text = match cells.text(C::Status) {
        // Whom it follows stands in a cell of its own.
        text if text.starts_with("MAINT (via") => "MAINT",
        text => text,
    };
    if text == "no check" {
        out.extend_from_slice(b"<td class=ac><i>no check</i></td>");
        return;
    }
    let arrow = match () {
        () if text.starts_with("MAINT") => "",
        () if text.starts_with("DOWN") && text.contains('/') => " &uarr;",
        () if text.starts_with("DOWN") => "",
        () if is_settled(cells) == Some(true) => "",
        () => " &darr;",
    };
    let _ = write!(out, "<td class=ac>{} {}{arrow}</td>", period(cells.number(C::Lastchg)), escaped(text));
}

/// What checks found, what weight follows from it, and how often it was down.
fn checked(scene: &Scene<'_>, cells: Cells<'_>, out: &mut Vec<u8>) {
    let of_agent = cells.text(C::Status) == "DOWN (agent)";
    let [status, code, duration, description, message] = if of_agent {
        [C::AgentStatus, C::AgentCode, C::AgentDuration, C::AgentDesc, C::LastAgt]
    } else {
        [C::CheckStatus, C::CheckCode, C::CheckDuration, C::CheckDesc, C::LastChk]
    };
    let found = cells.text(status);
    if found.is_empty() {
        out.extend_from_slice(b"<td></td>");
    } else {
        let (star, word) = found.strip_prefix("* ").map_or(("", found), |word| ("*", word));
        let _ = write!(out, "<td class=ac><u>{star} {word}");
        if let Some(code) = cells.limit(code) {
            let _ = write!(out, "/{code}");
        }
        if let Some(duration) = cells.limit(duration) {
            let _ = write!(out, " in {duration}ms");
        }
        let _ = write!(out, "<div class=tips>{}", escaped(cells.text(description)));
        if !cells.text(message).is_empty() {
            let _ = write!(out, ": {}", escaped(cells.text(message)));
        }
        out.extend_from_slice(b"</div></u></td>");
    }
    let _ = write!(out, "<td class=ac>{}/{}</td>", cells.number(C::Weight), cells.number(C::Uweight));
    for column in [C::Act, C::Bck] {
        let _ = write!(out, "<td class=ac>{}</td>", if cells.number(column) > 0 { "Y" } else { "-" });
    }
    let followed = cells.text(C::Tracked);
    if !followed.is_empty() {
        let _ =
            write!(out, "<td class=ac colspan=3><a class=lfsb href=\"#{followed}\">via {followed}</a></td>");
    } else if cells.has(C::CheckStatus) || cells.has(C::Chkfail) && scene.proxy.conf.is_backend() {
        out.extend_from_slice(b"<td><u>");
        grouped(cells.number(C::Chkfail), out);
        match cells.limit(C::Hanafail) {
            Some(analysed) => {
                let _ = write!(out, "/{analysed}<div class=tips>Failed Health Checks/Health Analyses</div>");
            }
            None => out.extend_from_slice(b"<div class=tips>Failed Health Checks</div>"),
        }
        out.extend_from_slice(b"</u></td>");
        count(cells.number(C::Chkdown), out);
        let _ = write!(out, "<td>{}</td>", period(cells.number(C::Downtime)));
    } else {
        out.extend_from_slice(b"<td colspan=3></td>");
    }
    match cells.limit(C::Throttle) {
        Some(percent) => drop(write!(out, "<td class=ac>{percent} %</td>")),
        None => out.extend_from_slice(b"<td class=ac>-</td>"),
    }
}

/// The class of a server's row: what colour it has.
fn class(server: &Server, cells: Cells<'_>) -> String {
    let text = cells.text(C::Status);
    if text.starts_with("MAINT") {
        return "maintain".to_owned();
    }
    let state = match text {
        "no check" => "no_check",
        "DRAIN" => "draining",
        "NOLB" => "nolb",
        _ if text.starts_with("DOWN") && text.contains('/') => "going_up",
        _ if text.starts_with("DOWN") => "down",
        _ if is_settled(cells) == Some(false) => "going_down",
        _ if cells.number(C::Weight) == 0 => "draining",
        _ => "up",
    };
    let side = if server.conf.backup { "backup" } else { "active" };
    format!("{side}_{state}")
}

/// Whether no check that failed is remembered; nothing where no checks are made of the server itself.
fn is_settled(cells: Cells<'_>) -> Option<bool> {
    let most = cells.limit(C::CheckRise)? + cells.limit(C::CheckFall)?;
    Some(cells.number(C::CheckHealth) + 1 >= most)
}

/// `active UP 1/3`: which modules a row has, and what they counted.
fn modules(scene: &Scene<'_>, has: usize, out: &mut Vec<u8>) {
    if !scene.modules {
        return;
    }
    for (at, name) in MODULE_NAMES.iter().enumerate() {
        if at < has {
            let _ = write!(out, "<td><u>{name}");
            tips::module(name, out);
            out.extend_from_slice(b"</u></td>");
        } else {
            out.extend_from_slice(b"<td></td>");
        }
    }
}

fn anchor(proxy: &str, name: &str, text: &str, out: &mut Vec<u8>) {
    let _ = write!(out, "<a name=\"{proxy}/{name}\"></a><a class=lfsb href=\"#{proxy}/{name}\">{text}</a>");
}

/// A link that explains itself where legends are wanted.
fn explained(scene: &Scene<'_>, link: &str, legend: &str, out: &mut Vec<u8>) {
    let _ = match scene.legends {
        true => write!(out, "<u>{link}<div class=tips>{legend}</div></u>"),
        false => write!(out, "{link}"),
    };
}

/// A cell with a number that has a tooltip.
fn underlined(n: u64, out: &mut Vec<u8>, tip: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"<td><u>");
    grouped(n, out);
    tip(out);
    out.extend_from_slice(b"</u></td>");
}

/// An address with its family.
fn address(shown: &str) -> String {
    match shown {
        "unix" => "unix".to_owned(),
        _ if shown.starts_with('[') || shown.matches(':').count() > 1 => format!("IPv6: {shown}"),
        _ => format!("IPv4: {shown}"),
    }
}

/// How many of [`MODULE_NAMES`] servers and listeners have.
const SERVER_MODULES: usize = 1;
