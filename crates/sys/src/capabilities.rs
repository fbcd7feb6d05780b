//! Linux capabilities that survive the change to an unprivileged user (`setcap`, manual chapter 3.1).
//!
//! Order: [`keep_over_user_change`], change the user, [`restrict_to`]. Capabilities belong to threads, so all of it
//! happens before the workers start.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets};

/// One capability that a configuration may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capability(CapabilitySet);

// === impl Capability ===

impl Capability {
    /// The capability of this name, `cap_net_raw` for instance.
    pub fn named(name: &str) -> Option<Capability> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, set)| Capability(*set))
    }

    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Whether the calling thread may use it now.
    pub fn is_effective(self) -> io::Result<bool> {
        Ok(rustix::thread::capabilities(None)?.effective.contains(self.0))
    }
}

/// Lets the calling thread keep its permitted capabilities when it changes from root to another user.
pub fn keep_over_user_change() -> io::Result<()> {
    Ok(rustix::thread::set_keep_capabilities(true)?)
}

/// Gives up all capabilities but these, and makes these effective again after the user was changed.
///
/// Fails with `EPERM` where one of them is not permitted.
pub fn restrict_to(kept: &[Capability]) -> io::Result<()> {
    let set = kept.iter().fold(CapabilitySet::empty(), |set, capability| set | capability.0);
    let sets = CapabilitySets { effective: set, permitted: set, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

const NAMES: [(&str, CapabilitySet); 4] = [
    ("cap_net_raw", CapabilitySet::NET_RAW),
    ("cap_net_admin", CapabilitySet::NET_ADMIN),
    ("cap_net_bind_service", CapabilitySet::NET_BIND_SERVICE),
    ("cap_sys_admin", CapabilitySet::SYS_ADMIN),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_a_thread_only_shrink() {
        std::thread::spawn(|| {
            let raw = Capability::named("cap_net_raw").unwrap();
            restrict_to(&[]).unwrap();
            assert!(!raw.is_effective().unwrap());
            assert_eq!(restrict_to(&[raw]).unwrap_err().raw_os_error(), Some(libc::EPERM));
        })
        .join()
        .unwrap();
    }
}
