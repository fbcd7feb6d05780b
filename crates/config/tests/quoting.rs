//! A word written with [`quote`] is read back as it was.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;

use proptest::prelude::*;
use weir_config::{Arity, Class, Entry, Environment, Features, Files, Keyword, Loader, Sections, quote};

struct Text(String);

impl Files for Text {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

const SECTIONS: &[Keyword<Sections>] = &[Keyword::works(
    Entry::new(Class::Section, "backend", Sections::empty(), Arity::ANY, ""),
    Sections::BACKEND,
)];

proptest! {
    #[test]
    fn quoted_words_read_back(words in prop::collection::vec(prop::collection::vec(1u8.., 1..20), 1..8)) {
        let quoted: Vec<String> = words.iter().map(|w| quote(w)).collect();
        let files = Text(format!("backend b\n word {}\n", quoted.join(" ")));
        let features = Features::default();
        let environment = Environment::default();
        let loaded = Loader { files: &files, sections: SECTIONS, features: &features, environment }.load(&["f"]);
        prop_assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let line = loaded.document.sections.first().unwrap().lines.first().unwrap();
        let read: Vec<Vec<u8>> = line.words.iter().skip(1).map(|w| w.bytes.to_vec()).collect();
        prop_assert_eq!(read, words);
    }
}
