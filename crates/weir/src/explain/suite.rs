//! `weir test FILE`: cases beside a configuration, run on the bench of `explain`.
//!
//! ```text
//! config haproxy.cfg
//! case the API has a backend of its own
//!     request GET https://www.example.com/api
//!     header X-Team: blue
//!     src 10.0.0.1
//!     expect status 200
//!     expect backend api
//!     expect server a1
//!     expect header location: https://www.example.com/
//!     expect sent x-forwarded-for: 10.0.0.1
//!     expect var txn.team = blue
//! ```

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::access::Access;
use crate::cli::Options;
use crate::finish::Finish;
use crate::load;
use crate::say::{self, Voice};

use super::bench::Bench;
use super::{Answer, Request};

/// A case of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Case {
    name: String,
    line: usize,
    request: Request,
    expectations: Vec<(String, String)>,
}

/// Runs the cases of a file; 0 where all hold, 1 where one does not, 2 where the file cannot be run.
pub(crate) fn run(file: &Path, junit: Option<&Path>, voice: &Voice) -> Finish {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return refuse(voice, &format!("{}: {error}.", file.display())),
    };
    let (config, cases) = match parse(&text) {
        Ok(parsed) => parsed,
        Err(fault) => return refuse(voice, &format!("{}:{fault}", file.display())),
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let config = config.map_or_else(|| file.with_extension("cfg"), |name| folder.join(name));
    let options = Options { files: vec![config], check: true, ..Options::default() };
    let configuration = load::load(&options, &Access::Own);
    if configuration.diagnostics.is_fatal() {
        load::announce(&configuration, &options, voice);
        return Finish::Exit(2);
    }
    let bench = match Bench::start(configuration.conf) {
        Ok(bench) => bench,
        Err(fault) => return refuse(voice, &fault),
    };
    let results: Vec<(&Case, Vec<String>, Duration)> = cases
        .iter()
        .map(|case| {
            let begun = Instant::now();
            let faults =
                bench.ask(&case.request).map_or_else(|fault| vec![fault], |answer| judge(case, &answer));
            (case, faults, begun.elapsed())
        })
        .collect();
    let failed = results.iter().filter(|(_, faults, _)| !faults.is_empty()).count();
    let mut out = String::new();
    for (case, faults, _) in results.iter().filter(|(_, faults, _)| !faults.is_empty()) {
        let _ = writeln!(out, "FAILED {}:{} {}", file.display(), case.line, case.name);
        faults.iter().for_each(|fault| out.push_str(&format!("    {fault}\n")));
    }
    let _ = writeln!(out, "{} of {} cases hold", cases.len() - failed, cases.len());
    say::print(out);
    if let Some(path) = junit
        && let Err(error) = std::fs::write(path, report(file, &results))
    {
        return refuse(voice, &format!("{}: {error}.", path.display()));
    }
    Finish::Exit(i32::from(failed > 0))
}

fn refuse(voice: &Voice, fault: &str) -> Finish {
    voice.alert(fault);
    Finish::Exit(2)
}

/// Reads the cases: the name of the configuration, where one is given, and the cases in their order.
fn parse(text: &str) -> Result<(Option<PathBuf>, Vec<Case>), String> {
    let (mut config, mut cases) = (None, Vec::<Case>::new());
    for (line, at) in text.lines().zip(1..) {
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match (word, cases.last_mut()) {
            ("", _) => {}
            (word, _) if word.starts_with('#') => {}
            ("config", _) => config = Some(PathBuf::from(rest)),
            ("case", _) => cases.push(Case { name: rest.to_owned(), line: at, ..Case::default() }),
            ("request", Some(case)) => {
                let headers = std::mem::take(&mut case.request.headers);
                let source = case.request.source;
                let request = Request::parse(rest).map_err(|fault| format!("{at}: {fault}."))?;
                case.request = Request { headers, source, ..request };
            }
            ("header", Some(case)) => {
                let (name, value) =
                    rest.split_once(':').ok_or_else(|| format!("{at}: a header is 'name: value'."))?;
                case.request.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            ("src", Some(case)) => {
                case.request.source = Some(source(rest).ok_or(format!("{at}: no address."))?)
            }
            ("frontend", Some(case)) => case.request.frontend = Some(rest.to_owned()),
            ("body", Some(case)) => case.request.body = rest.as_bytes().to_vec(),
            ("expect", Some(case)) => {
                let (what, value) = rest.split_once(' ').unwrap_or((rest, ""));
                if !EXPECTED.contains(&what) {
                    return Err(format!("{at}: '{what}' is not among {}.", EXPECTED.join(", ")));
                }
                case.expectations.push((what.to_owned(), value.trim().to_owned()));
            }
            (word, _) => return Err(format!("{at}: unexpected '{word}'.")),
        }
    }
    match cases.iter().find(|case| case.request.method.is_empty()) {
        Some(case) => Err(format!("{}: the case has no request.", case.line)),
        None => Ok((config, cases)),
    }
}

/// `ADDRESS` or `ADDRESS:PORT`
pub(crate) fn source(text: &str) -> Option<SocketAddr> {
    let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 50_000));
    text.parse().ok().or_else(alone)
}

/// What does not hold.
fn judge(case: &Case, answer: &Answer) -> Vec<String> {
    let mut faults = Vec::new();
    for (what, wanted) in &case.expectations {
        let got = match what.as_str() {
            "status" => answer.status().to_string(),
            "backend" => answer.backend().unwrap_or("none").to_owned(),
            "server" => answer.server().map_or("none", |(name, _)| name).to_owned(),
            "var" => {
                let name = wanted.split('=').next().unwrap_or_default().trim();
                let value = answer.variables().into_iter().find(|(known, _)| *known == name);
                let (wanted, got) = (spaced(wanted), value.map(|(n, v)| format!("{n} = {v}")));
                if got.as_ref() != Some(&wanted) {
                    faults.push(format!(
                        "var is {}, not '{wanted}'",
                        got.map_or("not set".to_owned(), |g| format!("'{g}'"))
                    ));
                }
                continue;
            }
            _ => {
                let lines = if what == "header" { Some(&answer.answered) } else { answer.sent.as_ref() };
                faults.extend(header(what, wanted, lines));
                continue;
            }
        };
        if got != *wanted {
            faults.push(format!("{what} is '{got}', not '{wanted}'"));
        }
    }
    faults
}

/// `name = value`, whatever blanks are around the sign.
fn spaced(text: &str) -> String {
    text.split_once('=').map_or_else(|| text.to_owned(), |(n, v)| format!("{} = {}", n.trim(), v.trim()))
}

/// A header with this value among its lines, or with any where only a name is given; `!name` for none.
fn header(what: &str, wanted: &str, lines: Option<&Vec<String>>) -> Option<String> {
    let lines = lines.map(Vec::as_slice).unwrap_or_default();
    let values_of = |name: &str| -> Vec<&str> {
        let name = format!("{}:", name.trim().to_ascii_lowercase());
        lines.iter().skip(1).filter_map(|l| l.strip_prefix(&name)).map(str::trim).collect()
    };
    let told = |values: &[&str]| values.join("', '");
    if let Some(name) = wanted.strip_prefix('!') {
        let got = values_of(name);
        return (!got.is_empty()).then(|| format!("{what} {name} is '{}', and was to be absent", told(&got)));
    }
    let (name, value) = wanted.split_once(':').map_or((wanted, None), |(n, v)| (n, Some(v.trim())));
    match (values_of(name), value) {
        (got, _) if got.is_empty() => Some(format!("{what} {name} is absent")),
        (got, Some(value)) if !got.contains(&value) => {
            Some(format!("{what} {name} is '{}', not '{value}'", told(&got)))
        }
        _ => None,
    }
}

/// The results as JUnit writes them.
fn report(file: &Path, results: &[(&Case, Vec<String>, Duration)]) -> String {
    let suite = escaped(&file.display().to_string());
    let failed = results.iter().filter(|(_, faults, _)| !faults.is_empty()).count();
    let time: Duration = results.iter().map(|(.., time)| *time).sum();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{suite}\" tests=\"{}\" \
         failures=\"{failed}\" time=\"{:.3}\">\n",
        results.len(),
        time.as_secs_f64()
    );
    for (case, faults, time) in results {
        let name = escaped(&case.name);
        let _ = write!(
            out,
            "    <testcase classname=\"{suite}\" name=\"{name}\" line=\"{}\" time=\"{:.3}\"",
            case.line,
            time.as_secs_f64()
        );
        match faults.is_empty() {
            true => out.push_str("/>\n"),
            false => {
                let _ = writeln!(
                    out,
                    ">\n      <failure>{}</failure>\n    </testcase>",
                    escaped(&faults.join("\n"))
                );
            }
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a case may expect something of.
const EXPECTED: [&str; 6] = ["status", "backend", "server", "header", "sent", "var"];
