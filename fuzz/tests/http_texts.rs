//! Texts within messages: targets, and blocks of header lines.

use weir_http::block;
use weir_http::normalize::{Normalizer, normalize};

/// What was normalized once stays as it is.
#[test]
fn http_normalize() {
    use Normalizer as N;
    bolero::check!().for_each(|target: &[u8]| {
        for how in [
            N::FragmentEncode,
            N::FragmentStrip,
            N::PathMergeSlashes,
            N::PathStripDot,
            N::PathStripDotdot { full: true },
            N::PathStripDotdot { full: false },
            N::PercentToUppercase { strict: true },
        ] {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            if normalize(target, how, &mut once).is_ok() && target.starts_with(b"/") {
                assert_eq!(normalize(&once, how, &mut twice), Ok(()));
                assert_eq!(once, twice, "{how:?}");
            }
        }
        let mut out = Vec::new();
        let _ = normalize(target, N::PercentDecodeUnreserved { strict: false }, &mut out);
        let _ = normalize(target, N::QuerySortByName, &mut out);
    });
}

/// The lines of a block are parts of it.
#[test]
fn http_header_block() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let taken: usize = block::lines(bytes).flatten().map(|(n, v)| n.len() + v.len() + 2).sum();
        assert!(taken <= bytes.len());
        let taken: usize = block::names(bytes).flatten().map(|n| n.len() + 1).sum();
        assert!(taken <= bytes.len());
    });
}
