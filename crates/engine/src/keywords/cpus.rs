//! How many workers there are and which processors they run on: words of `global` (manual, 3.1).

use std::ops::RangeInclusive;

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections, Word};
use weir_diag::Diagnostic;

use super::inert::{at_most, check, said};
use super::process::is_range;
use super::{GlobalCtx, GlobalFn};
use crate::conf::{CpuAffinity, CpuPolicy, CpuRule, CpuTrait};

/// The lines of this file.
pub(super) const CPUS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("cpu-affinity", Arity::ANY, "what a worker may run on"), cpu_affinity),
    Keyword::works(entry("cpu-policy", Arity::ANY, "which processors are left out"), cpu_policy),
    Keyword::works(entry("cpu-set", Arity::ANY, "processors that are used"), cpu_set),
    Keyword::works(entry("thread-hard-limit", Arity::between(0, 1), "most workers"), thread_limit),
];

const fn entry(name: &'static str, arity: Arity, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, arity, help)
}

fn cpu_affinity(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    const WAYS: &[&str] = &["per-core", "per-group", "per-thread", "per-ccx", "auto"];
    at_most(line, 2)?;
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    let known = format!("parsed an unknown directive '{got}'. Known values are : {}", WAYS.join(" "));
    check(WAYS.contains(&&*got), line, &known)?;
    ctx.global.cpus.affinity = match &*got {
        "per-core" => CpuAffinity::Core,
        "per-group" => CpuAffinity::Group,
        "per-thread" => CpuAffinity::Thread,
        "per-ccx" => CpuAffinity::Cache,
        _ => CpuAffinity::Auto,
    };
    let Some(option) = line.arg(1) else { return Ok(()) };
    let (fits, known) = match &*got {
        "per-group" => (option.is("loose") || option.is("auto"), " Known values are : loose auto"),
        _ => (false, ""),
    };
    if fits {
        return Ok(());
    }
    let message = format!("'{got}' provided with unknown optional argument '{}'. {known}", option.text());
    Err(option.alert(message))
}

fn cpu_policy(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    at_most(line, 3)?;
    let got = line.arg(0).map(Word::text).unwrap_or_default();
    match line.arg(1) {
        None => {}
        Some(word) if word.is("threads-per-core") => {
            let value = line.arg(2).map(Word::text).unwrap_or_default();
            let message = format!(
                "passed an unknown value '{value}' to keyword 'threads-per-core', known values are 1 or auto"
            );
            check(matches!(&*value, "1" | "auto"), line, &message)?;
            ctx.global.cpus.one_per_core = value == "1";
        }
        Some(word) => {
            let text = word.text();
            let message =
                format!("passed an unknown keyword '{text}', the only known values are threads-per-core");
            return Err(said(line, &message));
        }
    }
    let is_known = POLICIES.iter().any(|(name, _)| *name == got);
    let mut shown: Vec<String> = POLICIES.iter().map(|(name, what)| format!("'{name}' ({what})")).collect();
    let last = shown.pop().unwrap_or_default();
    let list = shown.join(", ");
    check(
        is_known,
        line,
        &format!("passed an unknown CPU policy '{got}'. Supported values are: and {list}, and {last}."),
    )?;
    ctx.global.cpus.policy = match &*got {
        "performance" => CpuPolicy::Performance,
        "efficiency" => CpuPolicy::Efficiency,
        "resource" => CpuPolicy::Smallest,
        "first-usable-node" => CpuPolicy::FirstNode,
        _ => CpuPolicy::All,
    };
    Ok(())
}

fn cpu_set(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let only = format!("(only {} supported).", DIRECTIVES.map(|d| format!("'{d}'")).join(", "));
    let mut words = line.args().iter();
    check(words.len() > 0, line, &format!("requires a directive and an optional value {only}"))?;
    while let Some(word) = words.next() {
        let text = word.text();
        if text == "reset" {
            ctx.global.cpus.reset = true;
            continue;
        }
        if !DIRECTIVES.contains(&&*text) {
            return Err(said(line, &format!("passed an unknown directive '{text}' {only}")));
        }
        let set = words.next();
        let set = set.ok_or_else(|| line.alert(format!("'cpu-set {text}': missing CPU set")))?;
        if !set.text().split(',').all(is_range) {
            return Err(set.alert(format!("'cpu-set {text}': '{}' is not a CPU range.", set.text())));
        }
        let rule = rule(&text, &set.text());
        // A range may be open.
        let beyond = |number: &usize| *number >= MOST_CPUS && *number != usize::MAX;
        if rule.iter().flat_map(|rule| &rule.ranges).any(|range| beyond(range.start()) || beyond(range.end()))
        {
            let message = format!("'cpu-set {text}': supports CPU numbers from 0 to {}.", MOST_CPUS - 1);
            return Err(set.alert(message));
        }
        ctx.global.cpus.rules.extend(rule);
    }
    Ok(())
}

/// What a directive of `cpu-set` says with its ranges.
fn rule(directive: &str, set: &str) -> Option<CpuRule> {
    let (verb, what) = directive.split_once('-')?;
    let by = match what {
        "cpu" => CpuTrait::Cpu,
        "node" => CpuTrait::Node,
        "cluster" => CpuTrait::Cluster,
        "core" => CpuTrait::Core,
        _ => CpuTrait::Thread,
    };
    let range = |part: &str| -> Option<RangeInclusive<usize>> {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(low.parse().ok()?..=if high.is_empty() { usize::MAX } else { high.parse().ok()? })
    };
    Some(CpuRule { keeps: verb == "only", by, ranges: set.split(',').filter_map(range).collect() })
}

fn thread_limit(ctx: &mut GlobalCtx<'_>, line: &Line) -> Result<(), Diagnostic> {
    let n = whole(line)?;
    check(i32::try_from(n).is_ok_and(|n| n > 0), line, &format!("value must be at least 1 (was {n})"))?;
    ctx.global.thread_limit = Some(u16::try_from(n).unwrap_or(u16::MAX));
    Ok(())
}

/// One more than the highest number of a processor.
const MOST_CPUS: usize = 1024;

/// The first argument, all of which must be a number.
pub(super) fn whole(line: &Line) -> Result<i64, Diagnostic> {
    let text = line.arg(0).map(Word::text).unwrap_or_default();
    text.parse().map_err(|_| said(line, &format!("passed a missing or unparsable integer value in '{text}'")))
}

/// What `cpu-set` may begin with; `reset` alone has no set behind it.
const DIRECTIVES: [&str; 11] = [
    "reset",
    "only-cpu",
    "drop-cpu",
    "only-node",
    "drop-node",
    "only-cluster",
    "drop-cluster",
    "only-core",
    "drop-core",
    "only-thread",
    "drop-thread",
];

/// The words of `cpu-policy`, as its message lists them.
const POLICIES: [(&str, &str); 13] = [
    ("none", "use all available CPUs"),
    ("performance", "make one thread group per perf. core cluster"),
    ("group-by-ccx", "make one thread group per CCX"),
    ("group-by-2-ccx", "make one thread group per 2 CCX"),
    ("group-by-3-ccx", "make one thread group per 3 CCX"),
    ("group-by-4-ccx", "make one thread group per 4 CCX"),
    ("group-by-cluster", "make one thread group per core cluster"),
    ("group-by-2-clusters", "make one thread group per 2 core clusters"),
    ("group-by-3-clusters", "make one thread group per 3 core clusters"),
    ("group-by-4-clusters", "make one thread group per 4 core clusters"),
    ("efficiency", "make one thread group per eff. core cluster"),
    ("resource", "make one thread group from the smallest cluster"),
    ("first-usable-node", "use only first usable node if nbthreads not set"),
];
