//! What stands around the tables of proxies: the head with the colours, the process, legend and links.

use std::io::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use weir_engine::clock;

use super::cells::escaped;
use crate::info;
use crate::page::pieces::Report;
use crate::page::query::{Query, Status};
use crate::totals;

/// Everything before the first proxy.
pub(in crate::page) fn begin(report: &Report, out: &mut Vec<u8>) {
    let page = &report.page;
    let node = page.node.as_ref().map(|own| match own.is_empty() {
        true => info::node(&report.world).unwrap_or_default(),
        false => own.clone(),
    });
    let on = node.map_or_else(String::new, |name| format!(" on {}", escaped(&name)));
    let about = &report.world.about;
    let version = match page.shows_version {
        true => format!(" version {}, released {}", escaped(&about.version), escaped(&about.released)),
        false => String::new(),
    };
    let described = page.description.as_ref().map_or_else(String::new, |d| format!(": {}", escaped(d)));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Statistics Report for Weir{on}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">\n\
         <style>\n{STYLE}</style></head>\n\
         <body><main><h1>Weir{version}</h1>\n\
         <h2>Statistics Report for pid {}{on}{described}</h2>\n\
         <hr width=\"100%\" class=\"hr\">\n",
        std::process::id(),
    );
    process(report, out);
    legend(out);
    links(report, out);
    if let Some(status) = report.query.status {
        message(report, status, out);
    }
}

/// Everything after the last proxy.
pub(in crate::page) fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</main></body></html>\n");
}

fn process(report: &Report, out: &mut Vec<u8>) {
    let world = &report.world;
    let runtime = world.engine.runtime();
    let process = &runtime.process;
    let counters = process.per_worker.get().map_or(&[][..], |all| all);
    let age = world.age().as_secs();
    let memory = match world.about.memory {
        0 => "unlimited".to_owned(),
        megabytes => format!("{megabytes} MB"),
    };
    let files = world.about.descriptors;
    let connections = process.connections.load(Relaxed);
    let _ = write!(
        out,
        "<h3>&gt; General process information</h3>\n\
         <table border=0><tr><td align=\"left\" nowrap width=\"1%\">\n\
         <p><b>pid = </b> {} (process #1, nbproc = 1, nbthread = {})<br>\n\
         <b>uptime = </b> {}d {}h{:02}m{:02}s; warnings = {}<br>\n\
         <b>system limits:</b> memmax = {memory}; ulimit-n = {files}<br>\n\
         <b>maxsock = </b> {files}; <b>maxconn = </b> {}; <b>reached = </b> 0; <b>maxpipes = </b> {}<br>\n\
         current conns = {connections}; current pipes = 0/0; conn rate = {}/sec; bit rate = 0.000 kbps<br>\n\
         Running tasks: {connections}/{} (0 niced); idle = 100 %<br>\n",
        std::process::id(),
        runtime.workers,
        age / 86_400,
        age / 3600 % 24,
        age / 60 % 60,
        age % 60,
        world.program.warnings(),
        process.maxconn.load(Relaxed),
        report.snapshot.global.max_pipes.unwrap_or(0),
        totals::rate(counters, |c| &c.connection_rate, clock::now()),
        u64::from(connections) + runtime.workers as u64,
    );
}

/// What the colours mean.
fn legend(out: &mut Vec<u8>) {
    let pair = |(class, text): (&str, &str)| {
        format!("<td class=\"{class}\">&nbsp;</td><td class=\"noborder\">{text}</td>")
    };
    let wide = |(class, text): (&str, &str)| {
        format!("<td class=\"{class}\"></td><td class=\"noborder\" colspan=\"3\">{text}</td>")
    };
    let rows: Vec<String> = [
        [("active_up", "active UP"), ("backup_up", "backup UP")].map(pair).concat(),
        [("active_going_down", "active UP, going down"), ("backup_going_down", "backup UP, going down")]
            .map(pair)
            .concat(),
        [("active_going_up", "active DOWN, going up"), ("backup_going_up", "backup DOWN, going up")]
            .map(pair)
            .concat(),
        [("active_down", "active or backup DOWN"), ("active_no_check", "not checked")].map(pair).concat(),
        wide(("maintain", "active or backup DOWN for maintenance (MAINT)")),
        wide(("active_draining", "active or backup SOFT STOPPED for maintenance")),
    ]
    .into();
    let _ = write!(
        out,
        "</td><td align=\"center\" nowrap>\n<table class=\"lgd\"><tr>\n{}</tr></table>\n\
         Note: \"NOLB\"/\"DRAIN\" = UP with load-balancing disabled.</td>",
        rows.join("</tr><tr>\n")
    );
}

fn links(report: &Report, out: &mut Vec<u8>) {
    let query = &report.query;
    let uri = escaped(&String::from_utf8_lossy(&report.page.uri));
    let (scope, quiet) = (query.scoped(), query.no_refresh());
    let up = if query.up { ";up" } else { "" };
    let export = if query.may_refresh { ";norefresh" } else { "" };
    let shown = query.scope.as_deref().unwrap_or_default();
    let _ = writeln!(
        out,
        "<td align=\"left\" valign=\"top\" nowrap width=\"1%\"><b>Display option:</b><ul>\
         <li><form method=\"GET\">Scope : <input value=\"{shown}\" name=\"scope\" aria-label=\"scope\" size=\"8\" \
         maxlength=\"20\"></form>"
    );
    match query.up {
        true => item(out, &format!("{uri}{quiet}{scope}"), "Show all servers"),
        false => item(out, &format!("{uri};up{quiet}{scope}"), "Hide 'DOWN' servers"),
    }
    match (query.may_refresh, query.refreshes) {
        (true, true) => item(out, &format!("{uri}{up};norefresh{scope}"), "Disable refresh"),
        (true, false) => item(out, &format!("{uri}{up}{scope}"), "Enable refresh"),
        (false, _) => {}
    }
    item(out, &format!("{uri}{up}{quiet}{scope}"), "Refresh now");
    item(out, &format!("{uri};csv{export}{scope}"), "CSV export");
    let _ = write!(
        out,
        "<li><a href=\"{uri};json{export}{scope}\">JSON export</a> (<a href=\"{uri};json-schema\">schema</a>)<br>\n\
         </ul></td></tr></table>\n"
    );
}

fn item(out: &mut Vec<u8>, address: &str, text: &str) {
    let _ = writeln!(out, "<li><a href=\"{address}\">{text}</a><br>");
}

/// What became of a form.
fn message(report: &Report, status: Status, out: &mut Vec<u8>) {
    let (class, text) = match status {
        Status::Done => ("active_up", "Action processed successfully."),
        Status::Nothing => ("active_going_down", "Nothing has changed."),
        Status::Partly => (
            "active_going_down",
            "Action partially processed.<br>Some server names are probably unknown or ambiguous \
             (duplicated names in the backend).",
        ),
        Status::Wrong => (
            "active_down",
            "Action not processed because of invalid parameters.<ul><li>The action is maybe unknown.</li>\
             <li>Invalid key parameter (empty or too long).</li>\
             <li>The backend name is probably unknown or ambiguous (duplicated names).</li>\
             <li>Some server names are probably unknown or ambiguous (duplicated names in the backend).</li></ul>",
        ),
        Status::TooLong => (
            "active_down",
            "<b>Action not processed : the buffer couldn't store all the data.<br>\
             You should retry with less servers at a time.</b>",
        ),
        Status::Denied => ("active_down", "<b>Action denied.</b>"),
        Status::Unknown => ("active_no_check", "Unexpected result."),
    };
    let query = Query { status: None, ..report.query.clone() };
    let uri = escaped(&String::from_utf8_lossy(&report.page.uri));
    let _ = write!(
        out,
        "<p><div class={class}><a class=lfsb href=\"{uri}{}\" title=\"Remove this message\">[X]</a> {text}</div>\n<p>\n",
        query.kept()
    );
}

const STYLE: &str = include_str!("style.css");
