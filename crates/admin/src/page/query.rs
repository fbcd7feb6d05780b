//! What the address of a statistics page asks for: words behind `;`, in any order, and a scope.
//!
//! As in the reference, words are found wherever they stand behind the page's own address, and what is no word is
//! passed by.

/// The output that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of its name")]
pub enum Format {
    #[default]
    Html,
    Csv,
    Typed,
    Json,
    /// `json-schema`
    Schema,
}

/// What an address asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The output.
    pub format: Format,
    /// No servers that are down.
    pub up: bool,
    /// No servers in maintenance.
    pub no_maintenance: bool,
    /// The browser is to load the page again after a while, where the page says so.
    pub refreshes: bool,
    /// The page is one that browsers load again.
    pub may_refresh: bool,
    /// What the names of proxies contain, whatever the case.
    pub scope: Option<String>,
    /// What became of a form.
    pub status: Option<Status>,
}

/// What became of a form, as an address tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Status {
    Done,
    Nothing,
    Partly,
    Wrong,
    TooLong,
    Denied,
    Unknown,
}

// === impl Query ===

impl Query {
    /// Reads an address that begins with the page's. `may_refresh`: the page says that browsers load it again.
    pub fn parse(target: &[u8], uri: &[u8], may_refresh: bool) -> Self {
        let rest = target.strip_prefix(uri).unwrap_or_default();
        let has = |word: &[u8]| place(rest, word).is_some();
        let format = match () {
            () if has(b";json-schema") => Format::Schema,
            () if has(b";json") => Format::Json,
            () if has(b";typed") => Format::Typed,
            () if has(b";csv") => Format::Csv,
            () => Format::Html,
        };
        Self {
            format,
            up: has(b";up"),
            no_maintenance: has(b";no-maint"),
            refreshes: may_refresh && !has(b";norefresh"),
            may_refresh,
            scope: scope(rest),
            status: status(rest),
        }
    }

    /// Whether a proxy of this name is in scope.
    pub fn shows(&self, name: &str) -> bool {
        let Some(scope) = &self.scope else { return true };
        let (name, scope) = (name.as_bytes(), scope.as_bytes());
        name.windows(scope.len()).any(|part| part.eq_ignore_ascii_case(scope))
    }

    /// The words that another address of the same page keeps.
    pub fn kept(&self) -> String {
        let up = if self.up { ";up" } else { "" };
        format!("{up}{}{}", self.no_refresh(), self.scoped())
    }

    /// `;norefresh` where it was said.
    pub fn no_refresh(&self) -> &'static str {
        if self.may_refresh && !self.refreshes { ";norefresh" } else { "" }
    }

    /// The scope as a query.
    pub fn scoped(&self) -> String {
        self.scope.as_ref().map_or_else(String::new, |scope| format!("?scope={scope}"))
    }
}

/// Names that contain this; nothing where it could be no part of a name.
fn scope(rest: &[u8]) -> Option<String> {
    let at = place(rest, SCOPE)?;
    let value = rest.get(at + SCOPE.len()..).filter(|value| value.len() >= 2)?;
    let end = value.iter().position(|b| matches!(b, b';' | b'&' | b' ')).unwrap_or(value.len());
    let value = value.get(..end.min(LONGEST_SCOPE)).filter(|value| !value.is_empty())?;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
    value.iter().all(is_name).then(|| String::from_utf8_lossy(value).into_owned())
}

fn status(rest: &[u8]) -> Option<Status> {
    let at = place(rest, b";st=")?;
    let code = rest.get(at + 4..at + 8)?;
    Some(match code {
        b"DONE" => Status::Done,
        b"NONE" => Status::Nothing,
        b"PART" => Status::Partly,
        b"ERRP" => Status::Wrong,
        b"EXCD" => Status::TooLong,
        b"DENY" => Status::Denied,
        _ => Status::Unknown,
    })
}

fn place(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

const SCOPE: &[u8] = b"scope=";
const LONGEST_SCOPE: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rest: &str) -> Query {
        Query::parse(format!("/s{rest}").as_bytes(), b"/s", true)
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for (rest, format) in [
            ("", Format::Html),
            (";csv", Format::Csv),
            (";csvx", Format::Csv),
            ("/a;norefresh;csv", Format::Csv),
            ("?csv", Format::Html),
            (";CSV", Format::Html),
            (";json", Format::Json),
            (";json-schema", Format::Schema),
            (";typed;up", Format::Typed),
            (";csv;json", Format::Json),
            (";csv;typed", Format::Typed),
        ] {
            assert_eq!(parse(rest).format, format, "{rest}");
        }
        assert!(!parse(";norefresh").refreshes && parse("").refreshes);
        assert!(parse(";up;no-maint").up && parse(";up;no-maint").no_maintenance);
        assert_eq!(parse(";st=DONE").status, Some(Status::Done));
        assert_eq!(parse(";st=ABCD").status, Some(Status::Unknown));
        assert_eq!(parse(";st=FOO").status, None);
    }

    #[test]
    fn a_scope_is_a_part_of_a_name() {
        for (rest, scope) in [
            ("?scope=web", Some("web")),
            (";scope=b;up", Some("b")),
            ("?scope=b", None),
            ("?scope=a%20b", None),
            ("?scope=abcdefghijklmnopqrstuvwxyz", Some("abcdefghijklmnopqrst")),
            ("?scope=&x=1", None),
        ] {
            assert_eq!(parse(rest).scope.as_deref(), scope, "{rest}");
        }
        assert!(parse("?scope=WEB").shows("my-web-1"));
        assert!(!parse("?scope=web").shows("api"));
    }
}
