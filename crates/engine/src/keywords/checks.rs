//! How the servers of a proxy are checked: `option httpchk`, `http-check` and their kin (manual, 4.2).

/// What the check lines of a proxy said so far.
#[derive(Clone, Debug, Default)]
pub struct CheckDraft {}
