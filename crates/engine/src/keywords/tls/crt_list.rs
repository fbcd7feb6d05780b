//! Lists of certificates (manual, 5.1 "crt-list"): each line a file, options for it alone, and the names it is for.

use std::sync::Arc;

use weir_config::{Class, Word};
use weir_diag::{Diagnostic, Form};
use weir_tls::acceptor::Filter;

use super::super::{BIND, BindCtx};
use super::{Through, below, load_fault};
use crate::conf::{Bind, BindCertificate, Endpoint, TlsWords};

/// The certificates of a list.
pub(super) fn load(ctx: &mut BindCtx<'_>, word: &Word) -> Result<Vec<BindCertificate>, Diagnostic> {
    let said = |message: String| word.alert(format!("'crt-list' : {message}"));
    let path = below(ctx.tls.crt_base.as_ref(), &word.text());
    let text = ctx.outside.read(path.as_ref()).map_err(|error| {
        said(format!("cannot open file '{path}' : {}", weir_tls::store::system_words(&error)))
    })?;
    let mut certificates = Vec::new();
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        let at = format!("{path}:{}", number + 1);
        let Some(line) = Line::read(line).map_err(|m| said(format!("parsing [{at}]: {m}")))? else {
            continue;
        };
        let words = options(ctx, word, &line, &at).map_err(said)?;
        let file = below(ctx.tls.crt_base.as_ref(), &line.file);
        let pairs = ctx.tls.store.named(&file, &Through(ctx.outside), ctx.tls.extra).map_err(|fault| {
            let (first, message) = load_fault(&fault);
            if let Some(first) = first {
                ctx.out.push(word.alert(first).form(Form::Config));
            }
            said(message)
        })?;
        if line.filters.iter().any(|f| f.negative) && !line.filters.iter().any(|f| f.name.starts_with('*')) {
            let said = format!(
                "crt-list: negative filters on crt-list line \"{}\" without a positive wildcard filter won't do anything!",
                line.file
            );
            ctx.out.push(Diagnostic::warning(word.span, said).tight());
        }
        certificates.extend(pairs.into_iter().map(|pair| BindCertificate {
            pair,
            filters: line.filters.clone(),
            default: false,
            words: words.clone(),
        }));
    }
    Ok(certificates)
}

/// The words of a line's options, read as those of a `bind` line.
fn options(
    ctx: &mut BindCtx<'_>,
    at_word: &Word,
    line: &Line,
    at: &str,
) -> Result<Option<Arc<TlsWords>>, String> {
    let words: Vec<Word> =
        line.options.iter().map(|text| Word { bytes: text.as_bytes().into(), span: at_word.span }).collect();
    let mut bind = [Bind::new(Endpoint::Fd(-1), at_word.span)];
    let mut rest = words.as_slice();
    while let Some((name, tail)) = rest.split_first() {
        let text = name.text();
        if STORE.contains(&&*text) {
            return Err(format!("parsing [{at}]: '{text}' is not available yet (it comes with 'crt-store')"));
        }
        let known = KNOWN.contains(&&*text).then(|| BIND.parameter(Class::Bind, rest)).flatten();
        let Some((keyword, _)) = known else {
            return Err(format!("parsing [{at}]: unknown ssl keyword {text}"));
        };
        let count = usize::from(keyword.entry.arity.max);
        let Some((values, after)) = tail.split_at_checked(count) else {
            return Err(format!("parsing [{at}]: ssl args out of '[]' for {text}"));
        };
        rest = after;
        if let weir_config::State::Works(run) = keyword.state {
            let BindCtx { outside, tls, .. } = *ctx;
            let mut own = BindCtx { binds: &mut bind, name, out: ctx.out, outside, tls };
            run(&mut own, values).map_err(|fault| fault.message)?;
        }
    }
    let [bind] = bind;
    Ok((!line.options.is_empty()).then(|| Arc::new(bind.tls.words)))
}

/// A line of a list.
#[derive(Debug, Default)]
struct Line {
    file: String,
    options: Vec<String>,
    filters: Vec<Filter>,
}

// === impl Line ===

impl Line {
    /// Reads a line; `None` where it says nothing.
    fn read(bytes: &[u8]) -> Result<Option<Self>, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut line = Self::default();
        let mut inside = None;
        for piece in pieces(text.trim()) {
            match (piece.as_str(), inside) {
                (_, None) if line.file.is_empty() && piece.starts_with('#') => return Ok(None),
                ("[", _) if line.file.is_empty() => return Err("file must start with a cert".to_owned()),
                ("[", None) => inside = Some(true),
                ("[", Some(_)) => return Err("too many '['".to_owned()),
                ("]", Some(true)) => inside = Some(false),
                ("]", _) => return Err("missing '['".to_owned()),
                (_, Some(true)) => line.options.push(piece),
                _ if line.file.is_empty() => line.file = piece,
                _ => {
                    let negative = piece.starts_with('!');
                    let name = piece.trim_start_matches('!').to_ascii_lowercase();
                    // Nobody is kept from a star.
                    let negative = negative && !name.starts_with('*');
                    line.filters.push(Filter { name, negative });
                }
            }
        }
        Ok((!line.file.is_empty()).then_some(line))
    }
}

/// The words of a line; brackets stand for themselves, quotes and backslashes take away a blank's meaning.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.extend(chars.next()),
            (_, Some(end)) if c == end => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (' ' | '\t' | '[' | ']', None) => {
                if !word.is_empty() {
                    pieces.push(std::mem::take(&mut word));
                }
                if c == '[' || c == ']' {
                    pieces.push(c.to_string());
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        pieces.push(word);
    }
    pieces
}

/// The words of `bind` lines that may stand here.
const KNOWN: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "ca-verify-file",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "ecdhe",
    "no-alpn",
    "no-ca-names",
    "npn",
    "sigalgs",
    "ssl-max-ver",
    "ssl-min-ver",
    "verify",
];
/// The words of `crt-store` that may stand here.
const STORE: &[&str] = &["crt", "key", "ocsp", "issuer", "sctl", "ocsp-update"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_file_options_and_names() {
        let line = Line::read(b"a.pem [alpn h2,http/1.1 verify none] *.X.y !a.x.y *").unwrap().unwrap();
        assert_eq!((line.file.as_str(), line.options.len()), ("a.pem", 4));
        let names: Vec<_> = line.filters.iter().map(|f| (f.name.as_str(), f.negative)).collect();
        assert_eq!(names, [("*.x.y", false), ("a.x.y", true), ("*", false)]);
        assert!(Line::read(b"  # nothing").unwrap().is_none() && Line::read(b"").unwrap().is_none());
        assert!(Line::read(b"[alpn h2] x").is_err() && Line::read(b"a.pem ]").is_err());
    }
}
