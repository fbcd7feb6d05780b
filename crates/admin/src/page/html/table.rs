//! The table of a proxy.

use std::io::Write as _;

use weir_engine::conf::Caps;
use weir_engine::snapshot::Proxy;

use super::cells::{Cells, escaped};
use super::rows::{self, Scene};
use crate::page::pieces::Report;
use crate::stat::columns::Column as C;
use crate::stat::row::{Kind, Row};

/// A proxy with all its rows.
pub(in crate::page) fn proxy(report: &Report, proxy: &Proxy, rows: &[Row], out: &mut Vec<u8>) {
    let conf = &proxy.conf;
    let admin = report.admin && conf.is_backend() && !proxy.servers.is_empty();
    let page = &report.page;
    let scene = Scene { proxy, legends: page.legends, modules: page.modules, ticks: report.admin, admin };
    if admin {
        out.extend_from_slice(b"<form method=\"post\">");
    }
    title(report, proxy, out);
    heading(&scene, out);
    for row in rows {
        let cells = Cells(row);
        match row.kind {
            Kind::Frontend => rows::frontend(&scene, cells, out),
            Kind::Listener => rows::listener(&scene, cells, out),
            Kind::Backend => rows::backend(&scene, cells, out),
            Kind::Server => {
                let id = u32::try_from(cells.number(C::Sid)).unwrap_or(0);
                if let Some(server) = proxy.servers.iter().find(|s| s.conf.id == id) {
                    rows::server(&scene, server, cells, out);
                }
            }
        }
    }
    out.extend_from_slice(b"</table>");
    if admin {
        form(proxy, out);
    }
    out.extend_from_slice(b"<p>\n");
}

/// The name of a proxy, an anchor to it.
fn title(report: &Report, proxy: &Proxy, out: &mut Vec<u8>) {
    let conf = &proxy.conf;
    let name = &conf.name;
    out.extend_from_slice(
        b"<table class=\"tbl\" width=\"100%\">\n<tr class=\"titre\"><th class=\"pxname\" width=\"10%\">",
    );
    let _ = write!(out, "<a name=\"{name}\"></a>");
    let link = format!("<a class=px href=\"#{name}\">{name}</a>");
    if report.page.legends {
        let sides = match conf.caps {
            Caps::FRONTEND => "frontend",
            Caps::BACKEND => "backend",
            _ => "proxy",
        };
        let (mode, id) = (conf.mode.word(), conf.id);
        let _ = write!(out, "<u>{link}<div class=tips>cap: {sides}, mode: {mode}, id: {id}</div></u>");
    } else {
        out.extend_from_slice(link.as_bytes());
    }
    out.extend_from_slice(b"</th>");
    match &conf.description {
        Some(text) => {
            let _ = write!(out, "<th class=\"desc\" width=\"90%\">{}</th>", escaped(text));
        }
        None => out.extend_from_slice(b"<th class=\"empty\" role=\"cell\" width=\"90%\"></th>"),
    }
    out.extend_from_slice(b"</tr>\n</table>\n");
}

/// The names of the columns.
fn heading(scene: &Scene<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<table class=\"tbl\" width=\"100%\">\n<tr class=\"titre\">");
    if scene.admin {
        let class = format!("{}-checkbox", scene.proxy.conf.name);
        let _ = write!(
            out,
            "<th rowspan=2 width=1><input type=\"checkbox\" aria-label=\"all servers\" \
             onclick=\"for (const box of document.getElementsByClassName('{class}')) box.checked = this.checked\"></th>"
        );
    } else if scene.ticks {
        out.extend_from_slice(b"<th rowspan=2 role=\"cell\"></th>");
    }
    out.extend_from_slice(b"<th rowspan=2 role=\"cell\"></th>");
    for (title, columns) in GROUPS {
        let _ = write!(out, "<th colspan={}>{title}</th>", columns.len());
    }
    if scene.modules {
        let _ = write!(out, "<th colspan={}>Extra modules</th>", rows::MODULE_NAMES.len());
    }
    out.extend_from_slice(b"</tr>\n<tr class=\"titre\">");
    let modules: &[&str] = if scene.modules { &rows::MODULE_NAMES } else { &[] };
    for column in GROUPS.iter().flat_map(|(_, columns)| columns.iter()).chain(modules) {
        let _ = write!(out, "<th>{column}</th>");
    }
    out.extend_from_slice(b"\n</tr>");
}

/// What can be done with the servers that are ticked.
fn form(proxy: &Proxy, out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"<label>Choose the action to perform on the checked servers : <select name=action><option value=\"\"></option>",
    );
    for (word, text) in ACTIONS {
        let _ = write!(out, "<option value=\"{word}\">{text}</option>");
    }
    let _ = write!(
        out,
        "</select></label><input type=\"hidden\" name=\"b\" value=\"#{}\">&nbsp;\
         <input type=\"submit\" value=\"Apply\"></form>",
        proxy.conf.id
    );
}

/// The columns in their groups.
const GROUPS: [(&str, &[&str]); 8] = [
    ("Queue", &["Cur", "Max", "Limit"]),
    ("Session rate", &["Cur", "Max", "Limit"]),
    ("Sessions", &["Cur", "Max", "Limit", "Total", "LbTot", "Last"]),
    ("Bytes", &["In", "Out"]),
    ("Denied", &["Req", "Resp"]),
    ("Errors", &["Req", "Conn", "Resp"]),
    ("Warnings", &["Retr", "Redis"]),
    ("Server", &["Status", "LastChk", "Wght", "Act", "Bck", "Chk", "Dwn", "Dwntme", "Thrtle"]),
];

/// The actions of the form, in their order.
const ACTIONS: [(&str, &str); 13] = [
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill Sessions"),
];
