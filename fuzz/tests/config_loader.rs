//! The loader: any bytes give a document and messages that can be shown.

use std::io;

use weir_config::values;
use weir_config::{
    Arity, Class, Entry, Environment, Features, Files, Keyword, Loader, Place, Registry, Sections,
};
use weir_diag::{Diagnostics, Renderer, Report};

struct One<'a>(&'a [u8]);

impl Files for One<'_> {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

const fn section(name: &'static str, kind: Sections) -> Keyword<Sections> {
    Keyword::works(Entry::new(Class::Section, name, Sections::empty(), Arity::ANY, ""), kind)
}

const SECTIONS: &[Keyword<Sections>] = &[
    section("global", Sections::GLOBAL),
    section("defaults", Sections::DEFAULTS),
    section("listen", Sections::LISTEN),
    section("backend", Sections::BACKEND),
    Keyword::refused(Entry::new(Class::Section, "peers", Sections::empty(), Arity::ANY, ""), "to come"),
];

const WORDS: &[Keyword<()>] = &[
    Keyword::works(Entry::new(Class::Proxy, "option httplog", Sections::PROXIES, Arity::NONE, "").no(), ()),
    Keyword::works(
        Entry::new(Class::Proxy, "timeout client", Sections::FRONTENDS, Arity::exactly(1), ""),
        (),
    ),
    Keyword::works(Entry::new(Class::Proxy, "maxconn", Sections::all(), Arity::between(1, 2), ""), ()),
];

/// Nothing panics, each span lies within its text, and each word of the document reads back from its quoted form.
#[test]
fn config_loader() {
    bolero::check!().for_each(|bytes: &[u8]| {
        load(bytes);
        load(&[b"listen a\n", bytes].concat());
        load(
            &[b"global\n setenv A \"", bytes, b"\"\nlisten a\n.if ", bytes, b"\n x \"${A[*]}\"\n.endif\n"]
                .concat(),
        );
    });
}

fn load(text: &[u8]) {
    let environment: Environment = [("A", "a b"), ("E", "")].into_iter().collect();
    let features = Features {
        version: "3.4.7".into(),
        openssl_version: "1.1.1".into(),
        awslc_api: 35,
        ..Features::default()
    };
    let files = One(text);
    let loaded =
        Loader { files: &files, sections: SECTIONS, features: &features, environment }.load(&["f.cfg"]);
    let registry = Registry::new(&[WORDS]);
    let mut out = Diagnostics::default();
    for section in loaded.document.sections {
        let (keyword, name) =
            (section.keyword(), section.name().map(|w| w.text().into_owned()).unwrap_or_default());
        let place = Place { classes: &[Class::Proxy], section: section.kind, keyword: &keyword, name: &name };
        for mut line in section.lines {
            registry.line(&place, &mut line, &mut out);
            for word in &line.words {
                let _ = values::bind_addresses(word);
                let _ = values::endpoint(word);
                let _ = values::size("x", word);
                values::time("x", word, values::Unit::Milliseconds, &mut out);
                let _ = values::integer("x", word, 0..=9);
            }
        }
    }
    let renderer = Renderer { sources: &loaded.sources, pid: 1 };
    let report = Report { excerpts: true, diag: true, ..Report::default() };
    for diagnostics in [&loaded.diagnostics, &out] {
        for span in diagnostics.iter().filter_map(|d| d.at) {
            assert!(span.start as usize <= text.len() && span.start <= span.end);
        }
        renderer.report(diagnostics, &report);
    }
}
