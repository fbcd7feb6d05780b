//! The body of the exporter's answer: the metrics of one scope after the other.
//!
//! The rows of a scope are taken when its first metric is due and serve all of them, so that they agree.

use std::io::Write as _;
use std::sync::Arc;

use weir_engine::conf::Mode;
use weir_engine::service::Pieces;
use weir_engine::snapshot::{Proxy, Snapshot};

use super::histograms;
use super::metrics::{self, Kind, Metric, Shape};
use super::process::PROCESS;
use super::query::{Query, Scope};
use crate::field::Value;
use crate::info;
use crate::stat::columns::{Column as C, MODULES};
use crate::stat::row::{self, Row};
use crate::stat::{self, Filter, status};
use crate::world::World;

/// The metrics while they are sent.
#[derive(Debug)]
pub(super) struct Export {
    world: Arc<World>,
    snapshot: Arc<Snapshot>,
    query: Query,
    /// What is told of now, and which of its metrics is next.
    scope: usize,
    metric: usize,
    rows: Vec<Told>,
}

/// A row, and the labels of all its metrics.
#[derive(Debug)]
struct Told {
    row: Row,
    proxy: Arc<Proxy>,
    labels: String,
}

// === impl Export ===

impl Export {
    pub(super) fn new(world: Arc<World>, query: Query) -> Self {
        let snapshot = world.engine.snapshot();
        Self { world, snapshot, query, scope: 0, metric: 0, rows: Vec::new() }
    }

    /// Writes one metric; false where the scope has no further one.
    fn metric(&mut self, scope: Scope, out: &mut Vec<u8>) -> bool {
        match scope {
            Scope::Global => return self.process(out),
            Scope::StickTable => return self.stick_table(out),
            // There are none.
            Scope::Resolver => return false,
            Scope::Frontend | Scope::Listener | Scope::Backend | Scope::Server => {}
        }
        if self.metric == 0 {
            self.gather(scope);
        }
        match metrics::of(scope).nth(self.metric) {
            Some(metric) => self.told(scope, metric, out),
            None => return self.module(scope, self.metric - metrics::of(scope).count(), out),
        }
        true
    }

    /// Takes the rows of a scope.
    fn gather(&mut self, scope: Scope) {
        self.rows.clear();
        let kind = match scope {
            Scope::Frontend => row::Kind::Frontend,
            Scope::Listener => row::Kind::Listener,
            Scope::Backend => row::Kind::Backend,
            _ => row::Kind::Server,
        };
        let filter = Filter {
            proxy: None,
            kinds: 1 << kind as i64,
            server: None,
            up: false,
            no_maintenance: self.query.no_maintenance && scope == Scope::Server,
        };
        let shown = |p: &&std::sync::Arc<weir_engine::snapshot::Proxy>| {
            !p.conf.disabled && p.conf.log_forward.is_none()
        };
        for proxy in self.snapshot.proxies.iter().filter(shown) {
            let described = proxy.conf.description.as_deref().filter(|_| self.query.described);
            stat::of_proxy(&self.world, proxy, &filter, &mut |row: Row| {
                let labels = labels(scope, &row, described);
                self.rows.push(Told { row, proxy: proxy.clone(), labels });
            });
        }
    }

    fn told(&self, scope: Scope, metric: &Metric, out: &mut Vec<u8>) {
        let name = format!("haproxy_{}_{}", scope.word(), metric.name);
        if !self.query.wants(&name) {
            return;
        }
        let start = out.len();
        // As the reference has it: the first line decides, and what is not known is no counter.
        let first = self.rows.first().map(|told| told.row.value(metric.column).is_some());
        let unknown = scope == Scope::Server && UNKNOWN.contains(&metric.column) && first == Some(false);
        head(&name, metric.help(), if unknown { Kind::Gauge } else { metric.kind }, out);
        let values = out.len();
        self.values(&name, metric, scope, out);
        // What nobody has is not spoken of.
        if out.len() == values {
            out.truncate(start);
        }
    }

    fn values(&self, name: &str, metric: &Metric, scope: Scope, out: &mut Vec<u8>) {
        if metric.shape == Shape::Classes {
            for (class, column) in CLASSES {
                for told in &self.rows {
                    if let Some(value) = told.row.value(column) {
                        let _ = write!(out, "{name}{{{},code=\"{class}\"}} ", told.labels);
                        value.write(out);
                        out.push(b'\n');
                    }
                }
            }
            return;
        }
        for told in &self.rows {
            match metric.shape {
                Shape::Plain | Shape::Millis => plain(name, metric, told, out),
                Shape::Status => states(name, told, &[state_of(scope, told)], states_of(scope), out),
                Shape::Checks => {
                    if let Some(Value::Text(found)) = told.row.value(metric.column) {
                        let found = found.trim_start_matches("* ").to_owned();
                        states(name, told, &[found], &CHECKS, out);
                    }
                }
                // Without servers there is nothing to count.
                Shape::Servers | Shape::ServersByCheck if told.proxy.servers.is_empty() => {}
                Shape::Servers => {
                    let servers = told.proxy.servers.iter();
                    let all: Vec<String> =
                        servers.map(|s| of_server(&status::server(&self.world, &told.proxy, s))).collect();
                    states(name, told, &all, states_of(Scope::Server), out);
                }
                Shape::ServersByCheck => {
                    let servers = told.proxy.servers.iter().filter(|s| s.conf.check.is_some());
                    let outcome = servers.filter_map(|s| s.runtime.health.lock().status);
                    let all: Vec<String> = outcome.map(|status| status.name().to_owned()).collect();
                    states(name, told, &all, &CHECKS, out);
                }
                Shape::Classes => {}
            }
        }
    }

    /// A counter of a module.
    fn module(&self, scope: Scope, at: usize, out: &mut Vec<u8>) -> bool {
        // Without a row there is nothing to tell of any counter.
        let most = self.rows.first().map_or(0, |told| told.row.modules());
        let Some((counter, _, help)) = MODULES.get(at).filter(|_| self.query.extra && at < most) else {
            return false;
        };
        let name = format!("haproxy_{}_{counter}", scope.word());
        if self.query.wants(&name) {
            head(&name, help, Kind::Counter, out);
            let module = crate::page::module_of(counter);
            for told in &self.rows {
                let _ = write!(out, "{name}{{{},mod=\"{module}\"}} ", told.labels);
                told.row.module(counter).write(out);
                out.push(b'\n');
            }
        }
        true
    }

    fn process(&self, out: &mut Vec<u8>) -> bool {
        let Some(metric) = PROCESS.get(self.metric) else { return false };
        let name = format!("haproxy_process_{}", metric.name);
        if !self.query.wants(&name) {
            return true;
        }
        let described = self.snapshot.global.description.as_deref().filter(|_| self.query.described);
        let described = described.map(|text| format!("desc=\"{}\"", escaped(text)));
        let value = match metric.field {
            "" => None,
            field => info::value(&self.world, field, false),
        };
        let own = match (metric.name, &value) {
            ("node", Some(Value::Text(text))) => Some(format!("node=\"{}\"", escaped(text))),
            ("description", Some(Value::Text(text))) => Some(format!("desc=\"{}\"", escaped(text))),
            ("build_info", Some(Value::Text(text))) => Some(format!("version=\"{}\"", escaped(text))),
            ("description", None) => return true,
            _ => None,
        };
        head(&name, metric.help(), metric.kind, out);
        let is_text = own.is_some();
        let own_is_it = metric.name == "description";
        let labels: Vec<String> = own.into_iter().chain(described.filter(|_| !own_is_it)).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = write!(out, "{name}{labels} ");
        match value {
            _ if is_text => out.push(b'1'),
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"NaN"),
        }
        out.push(b'\n');
        true
    }

    fn stick_table(&self, out: &mut Vec<u8>) -> bool {
        let Some((name, help)) = STICK_TABLE.get(self.metric) else { return false };
        let full = format!("haproxy_sticktable_{name}");
        if self.snapshot.tables.is_empty() || !self.query.wants(&full) {
            return true;
        }
        head(&full, help, Kind::Gauge, out);
        // The last that was declared comes first.
        for table in self.snapshot.tables.iter().rev() {
            let spec = table.spec();
            let value = match *name {
                "size" => table.size(),
                "used" => table.used(),
                _ => 0,
            };
            let (name, kind) = (escaped(&spec.name), spec.key_type.name());
            let _ = writeln!(out, "{full}{{name=\"{name}\",type=\"{kind}\"}} {value}");
        }
        true
    }
}

impl Pieces for Export {
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(scope) = Scope::ALL.get(self.scope).copied() else { return false };
        if self.query.has(scope) && self.metric(scope, out) {
            self.metric += 1;
            return true;
        }
        (self.scope, self.metric) = (self.scope + 1, 0);
        self.rows.clear();
        if self.scope == Scope::ALL.len() && self.query.latency {
            histograms::write(&self.snapshot, &self.query, out);
        }
        self.scope < Scope::ALL.len()
    }
}

/// The lines before the values of a metric.
pub(super) fn head(name: &str, help: &str, kind: Kind, out: &mut Vec<u8>) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.word());
}

/// What identifies a row.
fn labels(scope: Scope, row: &Row, described: Option<&str>) -> String {
    let text = |column| match row.value(column) {
        Some(Value::Text(text)) => escaped(text),
        _ => String::new(),
    };
    let mut labels = format!("proxy=\"{}\"", text(C::Pxname));
    if let Some(text) = described {
        labels.push_str(&format!(",desc=\"{}\"", escaped(text)));
    }
    match scope {
        Scope::Listener => labels.push_str(&format!(",listener=\"{}\"", text(C::Svname))),
        Scope::Server => labels.push_str(&format!(",server=\"{}\"", text(C::Svname))),
        _ => {}
    }
    labels
}

fn plain(name: &str, metric: &Metric, told: &Told, out: &mut Vec<u8>) {
    let unknown = match told.row.kind {
        row::Kind::Server => UNKNOWN.contains(&metric.column),
        row::Kind::Backend => metric.column == C::Downtime,
        _ => false,
    };
    let code = Value::Number(0);
    let value = told.row.value(metric.column);
    // An outcome without a code has the code 0 here.
    let coded = match metric.column {
        C::CheckCode => told.row.value(C::CheckStatus).is_some(),
        C::AgentCode => told.row.value(C::AgentStatus).is_some(),
        _ => false,
    };
    let value = if coded { value.or(Some(&code)) } else { value };
    let of_http = HTTP_ONLY.contains(&metric.column) && told.proxy.conf.mode != Mode::Http;
    if of_http || (value.is_none() && !unknown) {
        return;
    }
    let _ = write!(out, "{name}{{{}}} ", told.labels);
    match (metric.shape, value) {
        (Shape::Millis, Some(Value::Number(millis))) => {
            let _ = write!(out, "{}.{:03}000", millis / 1000, millis % 1000);
        }
        (_, Some(value)) => value.write(out),
        (_, None) => out.extend_from_slice(b"NaN"),
    }
    out.push(b'\n');
}

/// A line for each state that there can be, with how often it was found.
fn states(name: &str, told: &Told, found: &[String], all: &[&str], out: &mut Vec<u8>) {
    for state in all {
        let count = found.iter().filter(|f| f == state).count();
        let _ = writeln!(out, "{name}{{{},state=\"{state}\"}} {count}", told.labels);
    }
}

fn state_of(scope: Scope, told: &Told) -> String {
    let text = match told.row.value(C::Status) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    match scope {
        Scope::Listener => text.to_owned(),
        Scope::Frontend => if text == "STOP" { "DOWN" } else { "UP" }.to_owned(),
        Scope::Backend => if text.starts_with("UP") { "UP" } else { "DOWN" }.to_owned(),
        _ => of_server(text),
    }
}

/// The state of a server without its progress.
fn of_server(status: &str) -> String {
    match status.split([' ', '(']).next() {
        Some("no") | None => "UP".to_owned(),
        Some(word) => word.to_owned(),
    }
}

fn states_of(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::Frontend | Scope::Backend => &["DOWN", "UP"],
        Scope::Listener => &["WAITING", "OPEN", "FULL"],
        _ => &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"],
    }
}

/// The value of a label.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The outcomes of checks, in their order.
const CHECKS: [&str; 16] = [
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK",
    "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// What servers have even where nothing is known of it.
const UNKNOWN: [C; 7] = [C::Slim, C::Chkfail, C::Chkdown, C::Downtime, C::Qlimit, C::Throttle, C::SrcIlim];

/// What only HTTP has.
const HTTP_ONLY: [C; 6] = [C::ReqRateMax, C::ReqTot, C::CompIn, C::CompOut, C::CompByp, C::CompRsp];

const CLASSES: [(&str, C); 6] = [
    ("1xx", C::Hrsp1xx),
    ("2xx", C::Hrsp2xx),
    ("3xx", C::Hrsp3xx),
    ("4xx", C::Hrsp4xx),
    ("5xx", C::Hrsp5xx),
    ("other", C::HrspOther),
];

const STICK_TABLE: [(&str, &str); 3] = [
    ("size", "Stick table size."),
    ("used", "Number of entries used in this stick table."),
    ("local_updates", LOCAL_UPDATES),
];

const LOCAL_UPDATES: &str = "Cumulative number of updates on the stick table initiated by the local process. Please note that this value will eventually wrap after 4294967295 since it is stored using unsigned int (uint32). As this metric is often used to compute the update rate of a given table between two queries, wrapping must be taken into account and the time between 2 queries must not exceed the theoretical time needed for this value to wrap.";
