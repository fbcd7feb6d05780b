//! What the address of the exporter asks for: `scope`, `metrics`, `extra-counters`, `no-maint`, `desc-labels`,
//! and of our own `latency`.

use std::borrow::Cow;

/// What is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Scope {
    Global,
    Frontend,
    Listener,
    Backend,
    Server,
    StickTable,
    Resolver,
}

/// What an address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// In the order of [`Scope::ALL`].
    scopes: [bool; Scope::ALL.len()],
    only: Vec<String>,
    without: Vec<String>,
    /// The counters of modules, too.
    pub extra: bool,
    /// No servers in maintenance.
    pub no_maintenance: bool,
    /// Histograms of latency, too.
    pub latency: bool,
    /// Descriptions as labels.
    pub described: bool,
}

/// A scope that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownScope;

// === impl Scope ===

impl Scope {
    /// All of them, in the order of the exporter's output.
    pub const ALL: [Self; 7] = [
        Self::Global,
        Self::Frontend,
        Self::Listener,
        Self::Backend,
        Self::Server,
        Self::StickTable,
        Self::Resolver,
    ];

    /// The word of the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Frontend => "frontend",
            Self::Listener => "listener",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::StickTable => "sticktable",
            Self::Resolver => "resolver",
        }
    }
}

// === impl Query ===

impl Query {
    /// Reads path and query of an address.
    pub fn parse(target: &[u8]) -> Result<Self, UnknownScope> {
        let mut query = Self {
            scopes: [true; Scope::ALL.len()],
            only: Vec::new(),
            without: Vec::new(),
            extra: false,
            no_maintenance: false,
            latency: false,
            described: false,
        };
        let at = target.iter().position(|b| *b == b'?').map_or(target.len(), |at| at + 1);
        let mut scoped = false;
        for field in target.get(at..).unwrap_or_default().split(|b| *b == b'&') {
            let end = field.iter().position(|b| *b == b'=').unwrap_or(field.len());
            let (name, value) = field.split_at_checked(end).unwrap_or((field, b""));
            let value = decoded(value.get(1..).unwrap_or_default());
            match &*decoded(name) {
                b"scope" => {
                    if !std::mem::replace(&mut scoped, true) {
                        query.scopes.fill(false);
                    }
                    query.scope(&value)?;
                }
                b"metrics" => query.metrics(&value),
                b"extra-counters" => query.extra = true,
                b"no-maint" => query.no_maintenance = true,
                b"latency" => query.latency = true,
                b"desc-labels" => query.described = true,
                _ => {}
            }
        }
        Ok(query)
    }

    /// Whether something is told of.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.get(scope as usize).is_some_and(|wanted| *wanted)
    }

    /// Whether a metric of this name is told.
    pub fn wants(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|n| n == name))
            && !self.without.iter().any(|n| n == name)
    }

    /// An empty value takes back what was said before.
    fn scope(&mut self, value: &[u8]) -> Result<(), UnknownScope> {
        match value {
            b"" => self.scopes.fill(false),
            b"*" => self.scopes.fill(true),
            _ => {
                let scope =
                    Scope::ALL.into_iter().find(|s| s.word().as_bytes() == value).ok_or(UnknownScope)?;
                if let Some(wanted) = self.scopes.get_mut(scope as usize) {
                    *wanted = true;
                }
            }
        }
        Ok(())
    }

    fn metrics(&mut self, value: &[u8]) {
        for name in value.split(|b| *b == b',') {
            let name = String::from_utf8_lossy(name);
            match name.strip_prefix('-') {
                Some(name) => self.without.push(name.to_owned()),
                None if name.is_empty() => {}
                None => self.only.push(name.into_owned()),
            }
        }
    }
}

/// A value with `%xx` and `+` resolved.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    crate::page::decoded(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_add_up_and_an_empty_one_takes_them_back() {
        for (target, wanted) in [
            ("/metrics", "global frontend listener backend server sticktable resolver"),
            ("/metrics?scope=*", "global frontend listener backend server sticktable resolver"),
            ("/metrics?scope=frontend&scope=backend", "frontend backend"),
            ("/metrics?scope=global&scope=&scope=%73erver", "server"),
            ("/metrics?scope=", ""),
        ] {
            let query = Query::parse(target.as_bytes()).unwrap();
            let has: Vec<&str> = Scope::ALL.into_iter().filter(|s| query.has(*s)).map(Scope::word).collect();
            assert_eq!(has.join(" "), wanted, "{target}");
        }
        for target in ["/metrics?scope=nope", "/metrics?scope=SERVER", "/metrics?scope=server,global"] {
            assert_eq!(Query::parse(target.as_bytes()), Err(UnknownScope), "{target}");
        }
    }

    #[test]
    fn metrics_are_named_or_left_out() {
        for (target, a, b) in [
            ("/m", true, true),
            ("/m?metrics=", true, true),
            ("/m?metrics=a", true, false),
            ("/m?metrics=a,b", true, true),
            ("/m?metrics=-a", false, true),
            ("/m?metrics=a&metrics=-a", false, false),
        ] {
            let query = Query::parse(target.as_bytes()).unwrap();
            assert_eq!((query.wants("a"), query.wants("b")), (a, b), "{target}");
        }
    }
}
