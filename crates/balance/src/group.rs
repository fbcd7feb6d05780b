//! Which servers of a backend take traffic now: the active ones, or the backups.
//!
//! Backups serve only while no active server does: the first of them alone, or all of them with
//! `option allbackups` (manual "4.2").

use crate::farm::Member;

/// The servers among which an algorithm may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Active,
    AllBackups,
    OneBackup(usize),
    Nobody,
}

// === impl Group ===

impl Group {
    pub(crate) fn of(members: &[Member], all_backups: bool) -> Self {
        if members.iter().any(|member| !member.backup && member.in_farm()) {
            return Self::Active;
        }
        let first = members.iter().position(|member| member.backup && member.in_farm());
        match first {
            Some(_) if all_backups => Self::AllBackups,
            Some(first) => Self::OneBackup(first),
            None => Self::Nobody,
        }
    }

    /// Whether the server takes traffic.
    pub(crate) fn has(self, server: usize, member: &Member) -> bool {
        member.in_farm()
            && match self {
                Self::Active => !member.backup,
                Self::AllBackups => member.backup,
                Self::OneBackup(first) => first == server,
                Self::Nobody => false,
            }
    }
}
