//! Configuration texts with placeholders.

use crate::ports::HeldPort;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Fills `{name}` in a configuration text.
///
/// A name that was set stands for its value. Any other stands for the address of a port that is taken then
/// and held. `{name.port}` and `{name.host}` are parts of an address. A name is made of lower-case letters,
/// digits and `_`; `${X}`, `%{..}` and braces with anything else inside are left alone.
#[derive(Debug, Default)]
pub struct Template {
    values: BTreeMap<String, String>,
    held: BTreeMap<String, HeldPort>,
}

// === impl Template ===

impl Template {
    /// Sets what a name stands for.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// The address behind a name, taken if nobody has used the name yet.
    #[track_caller]
    pub fn address(&mut self, name: &str) -> SocketAddr {
        let value = self.value(name);
        value.parse().unwrap_or_else(|_| panic!("{{{name}}} is {value}, which is no address"))
    }

    /// The ports that were taken because nobody had set their names.
    pub fn held(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.held.iter().map(|(name, port)| (name.as_str(), port.address()))
    }

    /// Gives up a held port, for a program that binds without `SO_REUSEPORT`.
    pub fn release(&mut self, name: &str) {
        if let Some(port) = self.held.remove(name) {
            self.values.insert(name.to_owned(), port.release().to_string());
        }
    }

    /// The text with every placeholder filled.
    #[track_caller]
    pub fn fill(&mut self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            rest = after;
            let name = after.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
            match name {
                Some(name) if !before.ends_with(['$', '%']) => {
                    filled.push_str(&self.expand(name));
                    rest = after.get(name.len() + 1..).unwrap_or_default();
                }
                _ => filled.push('{'),
            }
        }
        filled + rest
    }

    #[track_caller]
    fn expand(&mut self, name: &str) -> String {
        match name.split_once('.') {
            Some((name, "port")) => self.address(name).port().to_string(),
            Some((name, "host")) => self.address(name).ip().to_string(),
            _ => self.value(name),
        }
    }

    fn value(&mut self, name: &str) -> String {
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        self.held.entry(name.to_owned()).or_default().address().to_string()
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn names_are_filled_and_other_braces_left_alone() {
        let mut template = Template::default();
        template.set("srv", "127.0.0.1:80");
        let text = "server s {srv} # {srv.port} ${srv} %{+Q}o { path /x } a{2,3} {";
        assert_eq!(template.fill(text), "server s 127.0.0.1:80 # 80 ${srv} %{+Q}o { path /x } a{2,3} {");
    }

    #[test]
    fn an_unknown_name_is_a_port_of_its_own() {
        let mut template = Template::default();
        let text = template.fill("{a} {b} {a}");
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(words[0], words[2]);
        assert_ne!(words[0], words[1]);
        assert_eq!(template.address("a").to_string(), words[0]);
    }
}
