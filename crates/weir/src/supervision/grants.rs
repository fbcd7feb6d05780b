//! What a worker may ask its supervisor for: what the configuration names, and nothing else.
//!
//! Kept from the words of the configuration, not from their meaning: the supervisor does not resolve a file. A path is
//! named where it stands in the text, alone or inside a word (`map(/etc/x.map)`), lies in a folder that stands there,
//! or is made of a base and a name that both stand there (`crt-base /etc/ssl`, `crt site.pem`).

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use weir_config::{Document, Line, Section};
use weir_sys::Address;
use weir_sys::listen::ListenSpec;

/// The words that matter, cut into pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    files: HashSet<String>,
    bases: HashSet<String>,
    pieces: HashSet<String>,
    listening: HashSet<String>,
    /// Lists of certificates, whose words count as those of the configuration.
    lists: HashSet<String>,
}

// === impl Grants ===

impl Grants {
    /// What `document` names, and the files and folders that it was read from.
    pub(crate) fn of(document: &Document, paths: &[PathBuf], files: &[String]) -> Self {
        let mut grants = Self::default();
        grants.files.extend(paths.iter().map(|path| path.to_string_lossy().into_owned()));
        grants.files.extend(files.iter().cloned());
        for section in &document.sections {
            grants.section(section);
        }
        grants
    }

    /// Takes the words of the lists of certificates that the configuration names (`crt-list`); `read` opens them.
    pub(crate) fn with_lists(mut self, read: impl Fn(&str) -> std::io::Result<Vec<u8>>) -> Self {
        for list in std::mem::take(&mut self.lists) {
            let below = |base: &String| format!("{base}/{list}");
            let paths = std::iter::once(list.clone()).chain(self.bases.iter().map(below));
            for text in paths.filter_map(|path| read(&path).ok()).collect::<Vec<_>>() {
                let text = String::from_utf8_lossy(&text);
                text.split(|c: char| c.is_whitespace() || c == '[' || c == ']')
                    .for_each(|word| self.piece(word));
            }
        }
        self
    }

    /// Whether the file may be read.
    pub(crate) fn file(&self, path: &str) -> bool {
        if self.files.contains(path) || self.pieces.contains(path) {
            return true;
        }
        // Its ending may stand in the place of the certificate's own (`ssl-load-extra-del-ext`).
        let beside = |plain: &str| self.file(plain) || self.file(&format!("{plain}.crt"));
        if COMPANIONS.iter().any(|end| path.strip_suffix(end).is_some_and(beside)) {
            return true;
        }
        let plain = Path::new(path);
        if plain.components().any(|part| part == Component::ParentDir) {
            return false;
        }
        let inside = plain.parent().and_then(Path::to_str).is_some_and(|folder| self.pieces.contains(folder));
        inside || self.below_a_base(path)
    }

    /// Whether the folder may be listed.
    pub(crate) fn folder(&self, path: &str) -> bool {
        let plain = path.trim_end_matches('/');
        self.files.contains(path) || self.pieces.contains(plain) || self.below_a_base(plain)
    }

    /// Whether the socket may be opened.
    pub(crate) fn listens(&self, spec: &ListenSpec) -> bool {
        match &spec.address {
            Address::Inet(inet) => {
                let port = inet.port();
                self.listening.iter().any(|piece| names_port(piece, port))
            }
            Address::Unix(path) => {
                let path = path.to_string_lossy();
                // `unix-bind prefix` stands before what the line names.
                self.listening.iter().any(|piece| piece.starts_with('/') && path.ends_with(piece.as_str()))
            }
            Address::Abstract { name, .. } => self.listening.contains(&*String::from_utf8_lossy(name)),
            Address::Unnamed => false,
        }
    }

    /// Whether a host, user or group of this name may be asked for.
    pub(crate) fn host(&self, name: &str) -> bool {
        self.pieces.contains(name)
    }

    fn section(&mut self, section: &Section) {
        if section.keyword() == "listen" || section.keyword() == "frontend" {
            // Old spellings have the address in the header.
            self.listens_at(&section.header);
        }
        for line in &section.lines {
            let mut words = line.words.iter();
            let first = words.next().map(|word| word.text().into_owned()).unwrap_or_default();
            match first.as_str() {
                "crt-base" | "ca-base" | "key-base" | "default-path" | "server-state-base" => {
                    self.bases.extend(words.map(|word| plain(&word.text())));
                    continue;
                }
                "chroot" => continue,
                "bind" | "stats" => self.listens_at(line),
                _ => {}
            }
            let mut is_list = false;
            for word in words {
                let text = word.text();
                if is_list {
                    self.lists.insert(text.clone().into_owned());
                }
                is_list = text == "crt-list";
                if text == "@system-ca" {
                    self.pieces.insert(SYSTEM_AUTHORITIES.to_owned());
                }
                self.piece(&text);
            }
        }
    }

    fn listens_at(&mut self, line: &Line) {
        for word in line.words.iter().skip(1) {
            let text = word.text();
            for part in text.split(',') {
                let part = part.rsplit_once('@').map_or(part, |(_, rest)| rest);
                self.listening.insert(part.to_owned());
            }
        }
    }

    fn piece(&mut self, word: &str) {
        self.pieces.insert(plain(word));
        for part in word.split(['(', ')', ',', '=', '@', ':', ' ', '[', ']']).filter(|part| part.len() > 1) {
            self.pieces.insert(plain(part));
        }
    }

    fn below_a_base(&self, path: &str) -> bool {
        let name = |base: &String| Some(path.strip_prefix(base.as_str())?.trim_start_matches('/').to_owned());
        self.bases.iter().filter_map(name).any(|name| {
            let parent = Path::new(&name).parent().and_then(Path::to_str).unwrap_or_default();
            self.pieces.contains(&name) || (!parent.is_empty() && self.pieces.contains(parent))
        })
    }
}

/// A path without the slash at its end; the root itself is never a folder to read from.
fn plain(word: &str) -> String {
    word.trim_end_matches('/').to_owned()
}

/// Whether a word of a bind line, `host:80` or `*:8000-8010`, covers the port.
fn names_port(word: &str, port: u16) -> bool {
    let ports = word.rsplit_once(':').map_or(word, |(_, ports)| ports);
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) => (low..=high).contains(&port),
        _ => false,
    }
}

/// Where the system keeps the authorities that it trusts (manual, 5.1 `ca-file`).
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs";

/// Files that are looked for beside a certificate (manual, 3.1 `ssl-load-extra-files`).
const COMPANIONS: &[&str] = &[".key", ".ocsp", ".issuer", ".sctl", ".rsa", ".ecdsa", ".dsa"];

#[cfg(test)]
mod tests {
    use super::*;
    use weir_config::{Prefix, Sections, Word};
    use weir_diag::Span;

    fn line(text: &str) -> Line {
        let words =
            text.split(' ').map(|w| Word { bytes: w.as_bytes().into(), span: Span::default() }).collect();
        Line { prefix: Prefix::None, words, name_len: 1, span: Span::default() }
    }

    fn grants(lines: &[&str]) -> Grants {
        let section = Section {
            kind: Sections::LISTEN,
            header: line("listen x"),
            lines: lines.iter().map(|text| line(text)).collect(),
        };
        let document = Document { sections: vec![section], ..Document::default() };
        Grants::of(&document, &["/etc/haproxy/conf.d".into()], &["/etc/haproxy/conf.d/a.cfg".into()])
    }

    #[test]
    fn files_are_opened_where_the_text_names_them() {
        let grants = grants(&[
            "chroot /var/empty",
            "crt-base /etc/ssl/private",
            "bind :443 ssl crt site.pem crt /etc/certs/ crt sub/more.pem",
            "errorfile 503 /etc/errors/503.http",
            "use_backend %[req.hdr(host),map(/etc/hosts.map,none)]",
        ]);
        let cases = [
            ("/etc/haproxy/conf.d/a.cfg", true),
            ("/etc/errors/503.http", true),
            ("/etc/errors/404.http", false),
            ("/etc/hosts.map", true),
            ("/etc/ssl/private/site.pem", true),
            ("/etc/ssl/private/site.pem.key", true),
            ("/etc/ssl/private/sub/more.pem", true),
            ("/etc/ssl/private/other.pem", false),
            ("/etc/certs/any.pem", true),
            ("/etc/certs/../shadow", false),
            ("/etc/certs/deeper/any.pem", false),
            ("/var/empty/x", false),
            ("/etc/shadow", false),
        ];
        for (path, allowed) in cases {
            assert_eq!(grants.file(path), allowed, "{path}");
        }
        for (path, allowed) in [
            ("/etc/haproxy/conf.d", true),
            ("/etc/certs", true),
            ("/etc/certs/", true),
            ("/etc/ssl/private", false),
            ("/etc", false),
        ] {
            assert_eq!(grants.folder(path), allowed, "{path}");
        }
    }

    #[test]
    fn certificates_are_opened_where_a_list_names_them() {
        let grants = grants(&["crt-base /etc/ssl", "bind :443 ssl crt-list all.list ca-file @system-ca"]);
        let grants = grants.with_lists(|path| match path {
            "/etc/ssl/all.list" => Ok(b"# all\none.crt [alpn h2] a.b\n/etc/two.pem\n".to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        });
        let cases = [
            ("/etc/ssl/all.list", true),
            ("/etc/ssl/one.crt", true),
            ("/etc/ssl/one.key", true),
            ("/etc/two.pem", true),
            ("/etc/two.pem.ocsp", true),
            ("/etc/ssl/certs/root.pem", true),
            ("/etc/three.pem", false),
        ];
        for (path, allowed) in cases {
            assert_eq!(grants.file(path), allowed, "{path}");
        }
    }

    #[test]
    fn sockets_are_opened_where_a_bind_line_names_them() {
        let grants = grants(&[
            "bind :443,10.0.0.1:8000-8002 ssl",
            "bind unix@/run/x.sock",
            "bind abns@name",
            "stats socket /run/admin.sock mode 600",
            "server s 10.0.0.2:9000",
        ]);
        let inet = |text: &str| Address::Inet(text.parse().unwrap());
        let cases = [
            (inet("0.0.0.0:443"), true),
            (inet("10.0.0.1:8001"), true),
            (inet("10.0.0.1:8003"), false),
            (inet("10.0.0.2:9000"), false),
            (Address::Unix("/run/x.sock".into()), true),
            (Address::Unix("/prefix/run/admin.sock".into()), true),
            (Address::Unix("/run/y.sock".into()), false),
            (Address::Abstract { name: b"name".to_vec(), padded: true }, true),
            (Address::Abstract { name: b"other".to_vec(), padded: true }, false),
            (Address::Unnamed, false),
        ];
        for (address, allowed) in cases {
            assert_eq!(grants.listens(&ListenSpec::new(address.clone())), allowed, "{address}");
        }
    }

    #[test]
    fn names_are_asked_for_where_the_text_has_them() {
        let grants = grants(&["server s app.example:80 check", "server t ipv4@db.example:5432"]);
        assert!(grants.host("app.example") && grants.host("db.example"));
        assert!(!grants.host("other.example"));
    }
}
