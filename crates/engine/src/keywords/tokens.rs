//! What JSON web tokens may use (manual, 3.1 `jwt.*`).

use weir_config::{Arity, Class, Entry, Keyword, Line, Sections};
use weir_diag::Diagnostic;
use weir_expr::TokenAlgorithms;

use super::GlobalFn;

/// The words of this file.
pub(super) const TOKENS: &[Keyword<GlobalFn>] = &[
    Keyword::works(entry("jwt.allow_none_alg", "tokens that nobody signed are right"), |ctx, line| {
        if line.arg(0).is_some() {
            let place = super::resolve::place(ctx.sources, line.span);
            return Err(line.alert(format!(
                "parsing [{place}]: keyword '{}' in 'global' section does not take any arguments.",
                line.name()
            )));
        }
        ctx.global.tokens.unsigned = true;
        Ok(())
    }),
    Keyword::works(
        entry("jwt.decrypt_alg_list", "how keys of encrypted tokens may be given"),
        |ctx, line| {
            ctx.global.tokens.algorithms.keys = set(line, TokenAlgorithms::KEYS)?;
            Ok(())
        },
    ),
    Keyword::works(entry("jwt.decrypt_enc_list", "how tokens may be encrypted"), |ctx, line| {
        ctx.global.tokens.algorithms.contents = set(line, TokenAlgorithms::CONTENTS)?;
        Ok(())
    }),
];

/// The set that a list names: `ALL`, names, and names to be left out behind a `!`.
fn set(line: &Line, names: &[&str]) -> Result<u16, Diagnostic> {
    let list = line.arg(0).map(|word| word.text().into_owned()).unwrap_or_default();
    let mut set = 0;
    for name in list.split(':').filter(|name| !name.is_empty()) {
        let bare = name.trim_start_matches('!');
        let bits = match names.iter().position(|known| *known == bare) {
            Some(at) => 1 << at,
            None if bare == "ALL" => (1 << names.len()) - 1,
            None => return Err(line.alert(format!("Unknown algorithm/encoding {bare}"))),
        };
        if name.starts_with('!') {
            set &= !bits;
        } else {
            set |= bits;
        }
    }
    Ok(set)
}

const fn entry(name: &'static str, help: &'static str) -> Entry {
    Entry::new(Class::Global, name, Sections::GLOBAL, Arity::ANY, help)
}
