//! What shows when the pointer rests on a cell.

use std::io::Write as _;

use weir_engine::conf::Mode;

use super::cells::{Cells, grouped};
use crate::stat::columns::{Column as C, MODULES};

/// Lines of a tooltip.
pub(super) struct Tip<'a> {
    out: &'a mut Vec<u8>,
}

// === impl Tip ===

impl<'a> Tip<'a> {
    /// A tooltip that is a table; [`Tip::end`] ends it.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.extend_from_slice(b"<div class=tips><table class=det>");
        Self { out }
    }

    pub(super) fn end(self) {
        self.out.extend_from_slice(b"</table></div>");
    }

    fn count(&mut self, label: &str, n: u64) {
        let _ = write!(self.out, "<tr><th>{label}</th><td>");
        grouped(n, self.out);
        self.out.extend_from_slice(b"</td></tr>");
    }

    fn limit(&mut self, label: &str, n: Option<u64>) {
        match n {
            Some(n) => self.count(label, n),
            None => drop(write!(self.out, "<tr><th>{label}</th><td>-</td></tr>")),
        }
    }

    /// A number, and which part of another it is.
    fn share(&mut self, label: &str, n: u64, of: u64) {
        let _ = write!(self.out, "<tr><th>{label}</th><td>");
        grouped(n, self.out);
        let percent = (n * 100).checked_div(of).unwrap_or(0);
        let _ = write!(self.out, "</td><td>({percent}%)</td></tr>");
    }

    fn rate(&mut self, label: &str, n: u64) {
        let _ = write!(self.out, "<tr><th>{label}</th><td>");
        grouped(n, self.out);
        self.out.extend_from_slice(b"/s</td></tr>");
    }

    fn time(&mut self, label: &str, (most, mean): (u64, u64)) {
        let _ = write!(self.out, "<tr><th>{label}</th><td>{most} / {mean}</td><td>ms</td></tr>");
    }
}

/// Rates of a frontend: of connections, sessions and requests.
pub(super) fn rates(cells: Cells<'_>, which: &str, columns: [C; 3], http: bool, out: &mut Vec<u8>) {
    let [connections, sessions, requests] = columns;
    let mut tip = Tip::begin(out);
    tip.rate(&format!("{which} connection rate:"), cells.number(connections));
    tip.rate(&format!("{which} session rate:"), cells.number(sessions));
    if http {
        tip.rate(&format!("{which} request rate:"), cells.number(requests));
    }
    tip.end();
}

/// What a frontend counted.
pub(super) fn frontend_totals(cells: Cells<'_>, mode: Mode, out: &mut Vec<u8>) {
    let n = |column| cells.number(column);
    let mut tip = Tip::begin(out);
    tip.count("Cum. connections:", n(C::ConnTot));
    tip.count("Cum. sessions:", n(C::Stot));
    if mode == Mode::Http {
        tip.count("- HTTP/1 sessions:", n(C::H1sess));
        tip.count("- HTTP/2 sessions:", n(C::H2sess));
        tip.count("- HTTP/3 sessions:", n(C::H3sess));
        tip.count("- other sessions:", n(C::SessOther));
        tip.count("Cum. HTTP requests:", n(C::ReqTot));
        tip.count("- HTTP/1 requests:", n(C::H1req));
        tip.count("- HTTP/2 requests:", n(C::H2req));
        tip.count("- HTTP/3 requests:", n(C::H3req));
        tip.count("- other requests:", n(C::ReqOther));
        answers(cells, &mut tip);
        tip.count("Intercepted requests:", n(C::Intercepted));
        cache(cells, &mut tip);
        tip.count("Failed hdr rewrites:", n(C::Wrew));
        tip.count("Internal errors:", n(C::Eint));
    }
    tip.end();
}

/// What a backend counted.
pub(super) fn backend_totals(cells: Cells<'_>, mode: Mode, out: &mut Vec<u8>) {
    let mut tip = Tip::begin(out);
    tip.count("Cum. sessions:", cells.number(C::Stot));
    if mode == Mode::Http {
        connections(cells, &mut tip);
        answers(cells, &mut tip);
        cache(cells, &mut tip);
        tip.count("Failed hdr rewrites:", cells.number(C::Wrew));
        tip.count("Internal errors:", cells.number(C::Eint));
    }
    times(cells, mode, &mut tip);
    tip.end();
}

/// What a server counted.
pub(super) fn server_totals(cells: Cells<'_>, mode: Mode, out: &mut Vec<u8>) {
    let mut tip = Tip::begin(out);
    tip.count("Cum. sessions:", cells.number(C::Stot));
    if mode == Mode::Http {
        connections(cells, &mut tip);
        let all = cells.number(C::ReqTot);
        for (class, column) in CLASSES {
            tip.share(&format!("- {class} responses:"), cells.number(column), all);
        }
        tip.count("Failed hdr rewrites:", cells.number(C::Wrew));
        tip.count("Internal error:", cells.number(C::Eint));
    }
    times(cells, mode, &mut tip);
    tip.end();
}

/// The connections of a server.
pub(super) fn server_connections(cells: Cells<'_>, out: &mut Vec<u8>) {
    let n = |column| cells.number(column);
    let mut tip = Tip::begin(out);
    tip.count("Current active connections:", n(C::Scur));
    tip.count("Current used connections:", n(C::UsedConnCur));
    tip.count("Current idle connections:", n(C::SrvIcur));
    tip.count("- unsafe:", n(C::IdleConnCur));
    tip.count("- safe:", n(C::SafeConnCur));
    tip.count("Estimated need of connections:", n(C::NeedConnEst));
    tip.count("Private idle connections:", n(C::PrivIdleCur));
    tip.limit("Active connections limit:", cells.limit(C::Slim));
    tip.limit("Idle connections limit:", cells.limit(C::SrcIlim));
    tip.end();
}

/// What became of the bytes of answers.
pub(super) fn bytes_out(cells: Cells<'_>, out: &mut Vec<u8>) {
    let n = |column| cells.number(column);
    let (from, to) = (n(C::CompIn), n(C::CompOut));
    let mut tip = Tip::begin(out);
    tip.count("Response bytes in:", n(C::Bout));
    tip.count("Compression in:", from);
    tip.share("Compression out:", to, from);
    tip.count("Compression bypass:", n(C::CompByp));
    tip.share("Total bytes saved:", from.saturating_sub(to), n(C::Bout));
    tip.end();
}

/// The counters of a module.
pub(super) fn module(name: &str, out: &mut Vec<u8>) {
    let mut tip = Tip::begin(out);
    for (counter, _, description) in MODULES {
        if module_of(counter) == name {
            tip.count(description, 0);
        }
    }
    tip.end();
}

/// The module that a counter belongs to.
pub(crate) fn module_of(counter: &str) -> &str {
    match counter.split_once('_').map_or(counter, |(module, _)| module) {
        "pack" | "qpack" => "h3",
        module => module,
    }
}

fn connections(cells: Cells<'_>, tip: &mut Tip<'_>) {
    let (fresh, reused) = (cells.number(C::Connect), cells.number(C::Reuse));
    tip.count("New connections:", fresh);
    tip.share("Reused connections:", reused, fresh + reused);
    tip.count("Cum. HTTP requests:", cells.number(C::ReqTot));
}

fn answers(cells: Cells<'_>, tip: &mut Tip<'_>) {
    for (class, column) in CLASSES {
        tip.count(&format!("- {class} responses:"), cells.number(column));
        if column == C::Hrsp2xx {
            tip.share("&nbsp;&nbsp;Compressed 2xx:", cells.number(C::CompRsp), cells.number(column));
        }
    }
}

fn cache(cells: Cells<'_>, tip: &mut Tip<'_>) {
    let lookups = cells.number(C::CacheLookups);
    tip.count("Cache lookups:", lookups);
    tip.share("Cache hits:", cells.number(C::CacheHits), lookups);
}

fn times(cells: Cells<'_>, mode: Mode, tip: &mut Tip<'_>) {
    let pair = |most, mean| (cells.number(most), cells.number(mean));
    tip.out.extend_from_slice(b"<tr><th colspan=3>Max / Avg over last 1024 success. conn.</th></tr>");
    tip.time("- Queue time:", pair(C::QtimeMax, C::Qtime));
    tip.time("- Connect time:", pair(C::CtimeMax, C::Ctime));
    if mode == Mode::Http {
        tip.time("- Responses time:", pair(C::RtimeMax, C::Rtime));
    }
    tip.time("- Total time:", pair(C::TtimeMax, C::Ttime));
}

const CLASSES: [(&str, C); 6] = [
    ("HTTP 1xx", C::Hrsp1xx),
    ("HTTP 2xx", C::Hrsp2xx),
    ("HTTP 3xx", C::Hrsp3xx),
    ("HTTP 4xx", C::Hrsp4xx),
    ("HTTP 5xx", C::Hrsp5xx),
    ("other", C::HrspOther),
];
