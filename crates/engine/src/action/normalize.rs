//! One form for targets that mean the same (manual, 4.4 "normalize-uri").

use weir_config::Keyword;
use weir_http::normalize::{Normalizer, normalize};

use super::{Action, ActionFn, Bench, Parse, Parsed, Run, Verdict, works};
use crate::ending::{Cause, Stage};

/// The actions of this file.
pub(super) const NORMALIZE: &[Keyword<ActionFn>] =
    &[works("http-request normalize-uri", "brings the target into one form", normalize_uri)];

#[derive(Debug)]
struct Normalize(Normalizer);

fn normalize_uri(p: &mut Parse<'_, '_>) -> Parsed {
    let name = p.expect("missing argument <normalizer>")?.text().into_owned();
    let normalizer = match name.as_str() {
        "fragment-encode" => Normalizer::FragmentEncode,
        "fragment-strip" => Normalizer::FragmentStrip,
        "path-merge-slashes" => Normalizer::PathMergeSlashes,
        "path-strip-dot" => Normalizer::PathStripDot,
        "path-strip-dotdot" => Normalizer::PathStripDotdot { full: option(p, &name, "full")? },
        "percent-decode-unreserved" => {
            Normalizer::PercentDecodeUnreserved { strict: option(p, &name, "strict")? }
        }
        "percent-to-uppercase" => Normalizer::PercentToUppercase { strict: option(p, &name, "strict")? },
        "query-sort-by-name" => Normalizer::QuerySortByName,
        _ => return Err(p.error(format!("unknown normalizer '{name}'"))),
    };
    Ok(Box::new(Normalize(normalizer)))
}

/// Whether the one option of a normalizer is there.
fn option(p: &mut Parse<'_, '_>, name: &str, option: &str) -> Result<bool, weir_expr::WordsError> {
    match p.next() {
        None => Ok(false),
        Some(word) if word.is(option) => Ok(true),
        Some(word) => Err(p.error(format!("unknown argument '{}' for '{name}' normalizer", word.text()))),
    }
}

impl Action for Normalize {
    fn run(&self, run: &mut Run<'_>) -> Verdict {
        let (head, Bench { made, .. }) = run.head();
        made.clear();
        if normalize(head.target(), self.0, made).is_err() {
            run.t.facts.turned_away = true;
            run.t.facts.blame(Cause::Proxy, Stage::Request);
            run.t.front.keep_alive = false;
            return Verdict::Answer(400);
        }
        if made.as_slice() != head.target() {
            head.set_target(made);
        }
        Verdict::Next
    }
}
