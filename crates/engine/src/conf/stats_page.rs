//! The statistics page of a proxy (manual, 4.2 "stats ...").

use std::time::Duration;

use weir_diag::Span;

/// What the page shows and where; who may see and change it is among the [`Rules`](crate::action::Rules).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsPage {
    /// What the addresses of the page begin with (`stats uri`).
    pub uri: Box<[u8]>,
    /// `stats realm`
    pub realm: Option<String>,
    /// `stats auth`: names and passwords.
    pub users: Vec<(String, String)>,
    /// After how long browsers load it again (`stats refresh`).
    pub refresh: Option<Duration>,
    /// The proxies that are shown (`stats scope`), `.` for its own; empty for all.
    pub scope: Vec<String>,
    /// `stats show-version`
    pub shows_version: bool,
    /// `stats show-node`; a name of its own, or empty for the process's.
    pub node: Option<String>,
    /// `stats show-desc`
    pub description: Option<String>,
    /// `stats show-legends`
    pub legends: bool,
    /// `stats show-modules`
    pub modules: bool,
    /// Where it is first spoken of.
    pub at: Span,
}

// === impl StatsPage ===

impl StatsPage {
    /// What browsers show where a page asks for a password and gives no `realm`.
    pub(crate) const REALM: &str = "HAProxy Statistics";

    /// The page of `stats enable` alone.
    pub fn new(at: Span) -> Self {
        Self {
            uri: (*b"/haproxy?stats").into(),
            realm: None,
            users: Vec::new(),
            refresh: None,
            scope: Vec::new(),
            shows_version: false,
            node: None,
            description: None,
            legends: false,
            modules: false,
            at,
        }
    }

    /// Whether a proxy is in the scope of the page of the proxy `own`.
    pub fn is_in_scope(&self, proxy: &str, own: &str) -> bool {
        let named = |name: &String| name == proxy || name == "." && proxy == own;
        self.scope.is_empty() || self.scope.iter().any(named)
    }
}
