//! Which processors workers run on where no `cpu-map` names them (manual, 3.1 "cpu-set", "cpu-policy", "cpu-affinity").
//!
//! What the system has comes from `/sys`, once at load, before the folder that is the root changes. Workers are not
//! grouped: of a policy counts which processors it leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::conf::{CpuAffinity, CpuPolicy, CpuTrait, Cpus};

/// A processor, and what it belongs to. Numbers are the system's, but those of cores, of clusters and of threads of a
/// core, which count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// Its number.
    pub cpu: usize,
    /// Its memory.
    pub node: usize,
    /// Those that are alike and share a cache of the last level.
    pub cluster: usize,
    /// Its core.
    pub core: usize,
    /// Which of the threads of its core it is.
    pub thread: usize,
    /// How much work it does, against others.
    pub capacity: usize,
}

/// Where workers run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// All processors that are used, each once.
    pub all: Vec<usize>,
    /// The processors of each worker; they are dealt out again where there are more workers. None where a worker runs
    /// on all.
    pub sets: Vec<Vec<usize>>,
    /// As many workers as there are unless `nbthread` says otherwise.
    pub threads: usize,
}

impl Layout {
    /// What `cpus` asks for of the processors that are `present` and may be used.
    pub fn of(cpus: &Cpus, present: &[Processor]) -> Self {
        let mut kept: Vec<Processor> = present.iter().filter(|p| cpus.keeps(p)).copied().collect();
        if kept.is_empty() {
            kept = present.to_vec();
        }
        evict(&mut kept, cpus.policy);
        let group = |of: fn(&Processor) -> usize| {
            let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            kept.iter().for_each(|p| sets.entry(of(p)).or_default().push(p.cpu));
            sets
        };
        let cores = group(|p| p.core);
        let one_each = cores.values().filter_map(|core| core.first().copied());
        let chosen: Vec<usize> =
            if cpus.one_per_core { one_each.collect() } else { kept.iter().map(|p| p.cpu).collect() };
        let affinity = match cpus.affinity {
            CpuAffinity::Auto if cpus.one_per_core => CpuAffinity::Core,
            other => other,
        };
        let mates = |of: fn(&Processor) -> usize| -> Vec<Vec<usize>> {
            let sets = group(of);
            let home =
                |cpu: &usize| kept.iter().find(|p| p.cpu == *cpu).and_then(|p| sets.get(&of(p)).cloned());
            chosen.iter().filter_map(home).collect()
        };
        let sets = match affinity {
            CpuAffinity::Auto | CpuAffinity::Group if kept.len() == present.len() => Vec::new(),
            CpuAffinity::Auto | CpuAffinity::Group => vec![kept.iter().map(|p| p.cpu).collect()],
            // Workers go from core to core, and to the first again.
            CpuAffinity::Core => cores.into_values().collect(),
            CpuAffinity::Thread => chosen.iter().map(|cpu| vec![*cpu]).collect(),
            CpuAffinity::Cache => mates(|p| p.cluster),
        };
        Self { all: kept.iter().map(|p| p.cpu).collect(), sets, threads: chosen.len() }
    }

    /// The processors of a worker, counted from 0; `None` for all.
    pub fn of_worker(&self, id: usize) -> Option<&[usize]> {
        let at = id.checked_rem(self.sets.len())?;
        self.sets.get(at).map(Vec::as_slice)
    }
}

/// Leaves out what a policy does without: clusters that do much less, or much more, than the next ones.
fn evict(kept: &mut Vec<Processor>, policy: CpuPolicy) {
    let mut clusters: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for p in kept.iter() {
        let (capacity, count) = clusters.entry(p.cluster).or_default();
        *capacity = p.capacity.max(*capacity);
        *count += 1;
    }
    let mut order: Vec<(usize, usize, usize)> =
        clusters.into_iter().map(|(cluster, (capacity, count))| (capacity, count, cluster)).collect();
    order.sort_unstable();
    let evicted: BTreeSet<usize> = match policy {
        CpuPolicy::All => return,
        CpuPolicy::FirstNode => {
            let first = kept.iter().map(|p| p.node).min();
            return kept.retain(|p| Some(p.node) == first);
        }
        CpuPolicy::Smallest => order.iter().skip(1).map(|(_, _, cluster)| *cluster).collect(),
        CpuPolicy::Performance => {
            order.reverse();
            behind(&order, |before, next| next * 100 < before * 80)
        }
        CpuPolicy::Efficiency => behind(&order, |before, next| next * 100 > before * 125),
    };
    kept.retain(|p| !evicted.contains(&p.cluster));
}

/// The clusters from the first on that is too far from the one before it.
fn behind(order: &[(usize, usize, usize)], too_far: impl Fn(usize, usize) -> bool) -> BTreeSet<usize> {
    let cut = order.windows(2).position(|pair| matches!(pair, [a, b] if too_far(a.0, b.0)));
    let from = cut.map_or(order.len(), |at| at + 1);
    order.iter().skip(from).map(|(_, _, cluster)| *cluster).collect()
}

/// The processors of the system out of `usable`, as it tells of them.
pub fn present(usable: &[usize]) -> Vec<Processor> {
    let mut cores = Names::default();
    let mut clusters = Names::default();
    let mut threads: BTreeMap<usize, usize> = BTreeMap::new();
    let of = |cpu: &usize| {
        let folder = Path::new(CPUS).join(format!("cpu{cpu}"));
        let number = |file: &str| -> Option<usize> {
            std::fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
        };
        let package = number("topology/physical_package_id").unwrap_or(0);
        let cache = number("cache/index3/id").unwrap_or(0);
        let capacity = number("cpu_capacity").or_else(|| number("cpufreq/cpuinfo_max_freq")).unwrap_or(FULL);
        let core = cores.number([package, number("topology/core_id").unwrap_or(*cpu), 0]);
        let thread = threads.entry(core).or_default();
        *thread += 1;
        Processor {
            cpu: *cpu,
            node: node(&folder),
            cluster: clusters.number([package, cache, capacity]),
            core,
            thread: *thread - 1,
            capacity,
        }
    };
    usable.iter().map(of).collect()
}

/// The memory of a processor: its folder has an entry `nodeN`.
fn node(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("node")?.parse().ok());
    numbers.min().unwrap_or(0)
}

/// Things that are numbered as they come.
#[derive(Default)]
struct Names(Vec<[usize; 3]>);

impl Names {
    fn number(&mut self, name: [usize; 3]) -> usize {
        self.0.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.0.push(name);
            self.0.len() - 1
        })
    }
}

impl Cpus {
    /// Whether the lines of `cpu-set` leave this one in.
    fn keeps(&self, p: &Processor) -> bool {
        self.rules.iter().all(|rule| {
            let number = match rule.by {
                CpuTrait::Cpu => p.cpu,
                CpuTrait::Node => p.node,
                CpuTrait::Cluster => p.cluster,
                CpuTrait::Core => p.core,
                CpuTrait::Thread => p.thread,
            };
            rule.ranges.iter().any(|range| range.contains(&number)) == rule.keeps
        })
    }
}

/// Where the system tells of its processors.
const CPUS: &str = "/sys/devices/system/cpu";
/// What a processor does where the system does not tell.
const FULL: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::CpuRule;

    /// Two nodes of two cores with two threads each, then a cluster of two small cores.
    fn machine() -> Vec<Processor> {
        let big = (0..8).map(|cpu| Processor {
            cpu,
            node: cpu / 4,
            cluster: cpu / 4,
            core: cpu / 2,
            thread: cpu % 2,
            capacity: 1000,
        });
        let small = (8..10).map(|cpu| Processor {
            cpu,
            node: 1,
            cluster: 2,
            core: cpu - 4,
            thread: 0,
            capacity: 500,
        });
        big.chain(small).collect()
    }

    #[test]
    fn rules_and_policies_leave_processors_out() {
        let rule = |keeps, by, range| CpuRule { keeps, by, ranges: vec![range] };
        let all = CpuPolicy::All;
        let cases: [(Vec<CpuRule>, CpuPolicy, &[usize]); 10] = [
            (vec![], all, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (vec![rule(true, CpuTrait::Cpu, 2..=3)], all, &[2, 3]),
            (vec![rule(false, CpuTrait::Thread, 1..=1)], all, &[0, 2, 4, 6, 8, 9]),
            (vec![rule(true, CpuTrait::Core, 1..=2)], all, &[2, 3, 4, 5]),
            (vec![rule(true, CpuTrait::Node, 7..=7)], all, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (vec![rule(false, CpuTrait::Cluster, 0..=0), rule(false, CpuTrait::Cpu, 4..=6)], all, &[7, 8, 9]),
            (vec![], CpuPolicy::Performance, &[0, 1, 2, 3, 4, 5, 6, 7]),
            (vec![], CpuPolicy::Efficiency, &[8, 9]),
            (vec![], CpuPolicy::Smallest, &[8, 9]),
            (vec![], CpuPolicy::FirstNode, &[0, 1, 2, 3]),
        ];
        for (rules, policy, wanted) in cases {
            let cpus = Cpus { rules, policy, ..Cpus::default() };
            assert_eq!(Layout::of(&cpus, &machine()).all, wanted, "{cpus:?}");
        }
    }

    #[test]
    fn workers_are_dealt_out() {
        let layout = |affinity, one_per_core| {
            let cpus = Cpus { affinity, one_per_core, policy: CpuPolicy::FirstNode, ..Cpus::default() };
            Layout::of(&cpus, &machine())
        };
        let auto = layout(CpuAffinity::Auto, false);
        assert_eq!((auto.threads, auto.of_worker(3)), (4, Some(&[0, 1, 2, 3][..])));
        let cores = layout(CpuAffinity::Auto, true);
        assert_eq!(
            (cores.threads, cores.of_worker(1), cores.of_worker(2)),
            (2, Some(&[2, 3][..]), Some(&[0, 1][..]))
        );
        let threads = layout(CpuAffinity::Thread, true);
        assert_eq!((threads.of_worker(0), threads.of_worker(1)), (Some(&[0][..]), Some(&[2][..])));
        let whole = Layout::of(&Cpus::default(), &machine()[..8]);
        assert_eq!((whole.threads, whole.of_worker(0)), (8, None));
        let cache = Layout::of(
            &Cpus { affinity: CpuAffinity::Cache, policy: CpuPolicy::All, ..Cpus::default() },
            &machine(),
        );
        assert_eq!(cache.of_worker(9), Some(&[8, 9][..]));
    }
}
