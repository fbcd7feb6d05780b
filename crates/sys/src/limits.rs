//! What the process may use: descriptors, memory, processors, priority.

use std::ffi::CString;
use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::CpuSet;

/// A soft limit, which counts, and the hard one, up to which it may be raised. `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What counts.
    pub soft: Option<u64>,
    /// Up to where an unprivileged process may raise it.
    pub hard: Option<u64>,
}

/// How many descriptors the process may open (`ulimit -n`).
pub fn descriptors() -> Limit {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    Limit { soft: current, hard: maximum }
}

/// Sets how many descriptors the process may open. Raising the hard limit needs privileges.
pub fn set_descriptors(limit: Limit) -> io::Result<()> {
    let limit = Rlimit { current: limit.soft, maximum: limit.hard };
    Ok(rustix::process::setrlimit(Resource::Nofile, limit)?)
}

/// Limits the memory that can be written to, thread stacks included, to so many bytes (`-m`).
pub fn set_memory(bytes: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    Ok(rustix::process::setrlimit(Resource::Data, limit)?)
}

/// Has memory come in small pages, for this process and those it makes: a page of 2 MiB is whole from its first byte on,
/// and what lies on the heap of a process like ours never fills many.
pub fn use_small_pages() -> io::Result<()> {
    Ok(rustix::thread::disable_transparent_huge_pages(true)?)
}

/// Lets a crash leave a core file of any size, also after privileges were dropped (`set-dumpable`).
pub fn allow_core_files() -> io::Result<()> {
    let limit = Rlimit { current: None, maximum: None };
    rustix::process::setrlimit(Resource::Core, limit)?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?)
}

/// The processors that the calling thread may run on, by number; what `nbthread` defaults to is their count.
pub fn usable_cpus() -> io::Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect())
}

/// All processors of the system, whatever the process was told to run on (`cpu-set reset`).
pub fn all_cpus() -> io::Result<Vec<usize>> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/online")?;
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(low.parse().ok()?..=high.parse().ok()?)
    };
    Ok(text.trim().split(',').filter_map(range).flatten().collect())
}

/// Ties the calling thread to these processors (`cpu-map`). Numbers the kernel cannot know are left out.
pub fn bind_thread_to(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Names the calling thread for `ps` and `top`; the kernel keeps fifteen bytes.
pub fn name_thread(name: &str) -> io::Result<()> {
    let bytes: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    let name = CString::new(bytes).unwrap_or_default();
    Ok(rustix::thread::set_name(&name)?)
}

/// Programs that this process starts gain no rights that it does not have itself.
pub fn forbid_new_privileges() -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Has the kernel make room for so many descriptors at once, and not piece by piece as they come.
pub fn make_room_for_descriptors(count: u64) -> io::Result<()> {
    let last = i32::try_from(count).unwrap_or(i32::MAX).saturating_sub(1);
    let null = std::fs::File::open("/dev/null")?;
    // Closed again at once; the room stays.
    rustix::io::fcntl_dupfd_cloexec(&null, last)?;
    Ok(())
}

/// Sets the process's niceness, from -20 (favoured) to 19.
pub fn set_niceness(niceness: i32) -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, niceness)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_can_be_limited_below_the_hard_limit() {
        let before = descriptors();
        let soft = before.soft.map(|soft| soft - 1);
        set_descriptors(Limit { soft, ..before }).unwrap();
        assert_eq!(descriptors().soft, soft);
        set_descriptors(before).unwrap();
    }

    #[test]
    fn a_thread_runs_where_it_is_bound() {
        let cpus = usable_cpus().unwrap();
        let last = *cpus.last().unwrap();
        std::thread::spawn(move || {
            name_thread("a name that is too long").unwrap();
            bind_thread_to(&[last, 1_000_000]).unwrap();
            assert_eq!(usable_cpus().unwrap(), [last]);
        })
        .join()
        .unwrap();
        assert_eq!(usable_cpus().unwrap(), cpus);
    }
}
