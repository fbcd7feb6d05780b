//! What a bench prints: medians over rounds, and ratios to the reference.

use super::checks;
use super::contender::Contender;
use super::cpu::Cpu;
use super::load::Load;

/// What one contender needed in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Microseconds of user time per request.
    user: f64,
    /// Microseconds of system time per request.
    system: f64,
    /// Requests per second.
    rate: f64,
    /// Microseconds.
    p50: f64,
    /// Microseconds.
    p99: f64,
}

/// The table in the making. Ratios are to the contender named `haproxy`.
pub(crate) struct Report {
    names: Vec<&'static str>,
    reference: usize,
}

// === impl Figures ===

impl Figures {
    /// Divides what was spent by what was served.
    pub(crate) fn new(load: &Load, spent: Cpu) -> Figures {
        let requests = load.requests.max(1.0);
        Figures {
            user: spent.user / requests,
            system: spent.system / requests,
            rate: load.requests / load.seconds.max(0.001),
            p50: load.p50,
            p99: load.p99,
        }
    }

    fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

// === impl Report ===

impl Report {
    /// A report on these contenders.
    pub(crate) fn new(contenders: &[Contender]) -> Report {
        let names: Vec<&'static str> = contenders.iter().map(|contender| contender.name).collect();
        let reference = names.iter().position(|name| *name == "haproxy").unwrap_or(0);
        Report { names, reference }
    }

    /// Begins a scenario.
    pub(crate) fn scenario(&self, name: &str, about: &str) {
        println!("\n{name}: {about}");
    }

    /// Prints the rows of a scenario from its rounds, one [`Figures`] per contender in each.
    pub(crate) fn rounds(&self, rounds: &[Vec<Figures>]) {
        println!(
            "  {:<8} {:>8} {:>8} {:>8} {:>6}   {:>8} {:>6}   {:>8} {:>6} {:>9} {:>6}",
            "",
            "user µs",
            "sys µs",
            "cpu µs",
            "ratio",
            "req/s",
            "ratio",
            "p50 µs",
            "ratio",
            "p99 µs",
            "ratio"
        );
        let present = rounds.first().map_or(0, Vec::len);
        for (index, name) in self.names.iter().enumerate().take(present) {
            let value = |of: fn(&Figures) -> f64| median(rounds.iter().filter_map(|r| r.get(index)).map(of));
            let ratio = |of: fn(&Figures) -> f64| {
                let pairs = rounds.iter().filter_map(|r| Some((r.get(index)?, r.get(self.reference)?)));
                median(pairs.map(|(own, reference)| of(own) / of(reference)))
            };
            println!(
                "  {name:<8} {:>8.2} {:>8.2} {:>8.2} {:>6.2}   {:>8.0} {:>6.2}   {:>8.0} {:>6.2} {:>9.0} {:>6.2}",
                value(|f| f.user),
                value(|f| f.system),
                value(Figures::cpu),
                ratio(Figures::cpu),
                value(|f| f.rate),
                ratio(|f| f.rate),
                value(|f| f.p50),
                ratio(|f| f.p50),
                value(|f| f.p99),
                ratio(|f| f.p99),
            );
        }
    }

    /// Prints the system calls per request of one contender.
    pub(crate) fn syscalls(&self, contender: &Contender, calls: &[(String, f64)]) {
        let sum: f64 = calls.iter().map(|(_, count)| count).sum();
        let list: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count:.2}")).collect();
        println!("  {:<8} {sum:.2} system calls per request: {}", contender.name, list.join(", "));
    }

    /// Prints what checks cost from their rounds.
    pub(crate) fn checks(&self, rounds: &[Vec<checks::Figures>]) {
        println!("  {:<8} {:>8} {:>6} {:>8} {:>9}", "", "CPU s/s", "ratio", "user s/s", "checks/s");
        let present = rounds.first().map_or(0, Vec::len);
        for (index, name) in self.names.iter().enumerate().take(present) {
            let value = |of: fn(&checks::Figures) -> f64| {
                median(rounds.iter().filter_map(|round| round.get(index)).map(of))
            };
            let pairs =
                rounds.iter().filter_map(|round| Some((round.get(index)?, round.get(self.reference)?)));
            let ratio = median(pairs.map(|(own, reference)| own.cpu / reference.cpu));
            println!(
                "  {name:<8} {:>8.3} {ratio:>6.2} {:>8.3} {:>9.0}",
                value(|f| f.cpu),
                value(|f| f.user),
                value(|f| f.rate)
            );
        }
    }

    /// Prints the memory of an idle connection from its rounds, KiB per contender in each.
    pub(crate) fn idle(&self, rounds: &[Vec<f64>], connections: usize) {
        println!("  {:<8} {:>8} {:>6}", "", "KiB each", "ratio");
        for (index, name) in self.names.iter().enumerate() {
            let value = median(rounds.iter().filter_map(|round| round.get(index).copied()));
            let pairs =
                rounds.iter().filter_map(|round| Some((round.get(index)?, round.get(self.reference)?)));
            let ratio = median(pairs.map(|(own, reference)| own / reference));
            println!("  {name:<8} {value:>8.2} {ratio:>6.2}   ({connections} connections)");
        }
    }
}

/// The middle of some values; between the two middle ones where their count is even.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
    }
}
