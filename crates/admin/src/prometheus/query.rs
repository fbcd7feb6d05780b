//! What the address of the exporter asks for: `scope`, `metrics`, `extra-counters`, `no-maint`, `desc-labels`,
//! and of our own `latency`.

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
    /// Metrics by name, each wanted or not; what comes last counts.
    metrics: Vec<(String, bool)>,
    /// The counters of modules, too.
    pub extra: bool,
    /// No servers in maintenance.
    pub no_maintenance: bool,
    /// Histograms of latency, too.
    pub latency: bool,
    /// Descriptions as labels.
    pub described: bool,
}

/// A scope that there is not, or a field that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

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
    pub fn parse(target: &[u8]) -> Result<Self, Unreadable> {
        let mut query = Self {
            scopes: [true; Scope::ALL.len()],
            metrics: Vec::new(),
            extra: false,
            no_maintenance: false,
            latency: false,
            described: false,
        };
        let at = target.iter().position(|b| *b == b'?').map_or(target.len(), |at| at + 1);
        let mut scoped = false;
        for field in target.get(at..).unwrap_or_default().split(|b| *b == b'&') {
            let mut parts = field.split(|b| *b == b'=').map(decoded);
            let name = parts.next().ok_or(Unreadable)??;
            let value = parts.next().transpose()?;
            if parts.next().is_some() {
                return Err(Unreadable);
            }
            match name.as_slice() {
                b"scope" => {
                    if !std::mem::replace(&mut scoped, true) {
                        query.scopes.fill(false);
                    }
                    query.scope(&value.ok_or(Unreadable)?)?;
                }
                b"metrics" => query.metrics(&value.ok_or(Unreadable)?),
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
        let said = self.metrics.iter().rev().find(|(n, _)| n == name);
        said.map_or_else(|| !self.metrics.iter().any(|(_, wanted)| *wanted), |(_, wanted)| *wanted)
    }

    /// An empty value takes back what was said before.
    fn scope(&mut self, value: &[u8]) -> Result<(), Unreadable> {
        match value {
            b"" => self.scopes.fill(false),
            b"*" => self.scopes.fill(true),
            _ => {
                let scope =
                    Scope::ALL.into_iter().find(|s| s.word().as_bytes() == value).ok_or(Unreadable)?;
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
                Some(name) => self.metrics.push((name.to_owned(), false)),
                None if name.is_empty() => {}
                None => self.metrics.push((name.into_owned(), true)),
            }
        }
    }
}

/// A name or value with `%xx` and `+` resolved.
fn decoded(part: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let escapes = part.iter().enumerate().filter(|(_, b)| **b == b'%');
    let whole =
        |(at, _)| part.get(at + 1..at + 3).is_some_and(|hex: &[u8]| hex.iter().all(u8::is_ascii_hexdigit));
    let decoded = crate::page::decoded(part);
    (escapes.into_iter().all(whole) && !decoded.contains(&0)).then(|| decoded.into_owned()).ok_or(Unreadable)
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
        for query in ["scope=nope", "scope=SERVER", "scope=server,global"] {
            assert_eq!(Query::parse(format!("/metrics?{query}").as_bytes()), Err(Unreadable), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in ["scope", "metrics", "a=%00", "%00", "a=%zz", "a=%6", "a=b=c", "a=%26scope=frontend"] {
            assert_eq!(Query::parse(format!("/metrics?{query}").as_bytes()), Err(Unreadable), "{query}");
        }
        for query in ["", "=", "&&", "a=%01", "a=%3dx", "no-maint", "a?scope=nope", "?scope=nope"] {
            assert!(Query::parse(format!("/metrics?{query}").as_bytes()).is_ok(), "{query}");
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
            ("/m?metrics=-a,a", true, false),
            ("/m?metrics=a,-a,a", true, false),
            ("/m?metrics=nope,-a", false, false),
            ("/m?metrics=--a", true, true),
        ] {
            let query = Query::parse(target.as_bytes()).unwrap();
            assert_eq!((query.wants("a"), query.wants("b")), (a, b), "{target}");
        }
    }
}
