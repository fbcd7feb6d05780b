//! Expressions and formats that stand alone, outside rules: of `server` lines, of persistence.

use std::sync::Arc;

use weir_config::Word;
use weir_expr::{Acls, Error, Expr, Format, Load, Place, Purpose};

use super::Compiler;

// === impl Compiler ===

impl Compiler<'_> {
    /// The expression in `word` of the proxy at this position.
    pub(crate) fn lone_expr(&mut self, index: usize, word: &Word, place: Place) -> Result<Arc<Expr>, Error> {
        self.alone(index, word, place, |load| Expr::compile(&word.bytes, load)).map(Arc::new)
    }

    /// The same, or the words of the reference where it needs what is not there.
    pub(crate) fn judged_expr(
        &mut self,
        index: usize,
        word: &Word,
        place: Place,
    ) -> Result<Arc<Expr>, String> {
        let expr = self.alone(index, word, place, |load| {
            let expr = Expr::compile(&word.bytes, load)?;
            expr.check_place(load).map_err(|reason| {
                let needs = reason.split('\'').nth(1).unwrap_or_default();
                let name = word.text();
                let message = format!(
                    "fetch method '{name}' extracts information from '{needs}', none of which is available here."
                );
                Error::new(message, 0, word.bytes.len())
            })?;
            Ok(expr)
        });
        expr.map(Arc::new).map_err(|error| error.message)
    }

    /// The format in `word` of the proxy at this position.
    pub(crate) fn lone_format(&mut self, index: usize, word: &Word) -> Result<Arc<Format>, Error> {
        let purpose = Purpose::Http;
        self.alone(index, word, Place::UseServer, |load| Format::compile(&word.bytes, purpose, load))
            .map(Arc::new)
    }

    /// The format in `word` of a check of the proxy at this position.
    pub(crate) fn check_format(
        &mut self,
        index: usize,
        word: &Word,
        purpose: Purpose,
    ) -> Result<Arc<Format>, Error> {
        self.alone(index, word, Place::Check, |load| Format::compile(&word.bytes, purpose, load))
            .map(Arc::new)
    }

    /// The expression in `word` of a check of the proxy at this position; where it has nothing to read there, why.
    pub(crate) fn check_expr(
        &mut self,
        index: usize,
        word: &Word,
    ) -> Result<Result<Arc<Expr>, String>, Error> {
        self.alone(index, word, Place::Check, |load| {
            let expr = Expr::compile(&word.bytes, load)?;
            Ok(expr.check_place(load).map(|()| Arc::new(expr)))
        })
    }

    fn alone<T>(
        &mut self,
        index: usize,
        word: &Word,
        place: Place,
        read: impl FnOnce(&mut Load<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.directory.current = index;
        let mut names = self.directory;
        let proxy = self.directory.proxies.get(index).map(|p| p.name.clone()).unwrap_or_default();
        let mut load = Load {
            words: self.words.clone(),
            names: &mut names,
            place,
            other: None,
            proxy,
            context: "expression",
            files: self.files.clone(),
            at: crate::keywords::file_and_line(self.sources, word.span),
            acls: Acls::default(),
            warnings: Vec::new(),
            slow: Vec::new(),
        };
        read(&mut load)
    }
}
