//! The text of `Cookie` lines.

use weir_http::cookie::{self, Fate, Sifted};

/// Pieces lie in order within their line, and cover it but for delimiters.
#[test]
fn http_cookie_pieces() {
    bolero::check!().for_each(|line: &[u8]| {
        let mut last = 0;
        for piece in cookie::pieces(line) {
            assert!(last <= piece.start && piece.start <= piece.name.start && piece.name.end <= piece.end);
            if let Some(value) = piece.value {
                assert!(piece.name.end < value.start && value.start <= value.end && value.end <= piece.end);
            }
            last = piece.end;
        }
        assert_eq!(last, line.len().max(last));
    });
}

/// A line that lost a cookie has no more bytes than before and one space at most, and no cookie of that name.
#[test]
fn http_cookie_sift() {
    bolero::check!().for_each(|line: &[u8]| {
        let mut out = Vec::new();
        let drop = |name: &[u8], _: &[u8]| if name == b"S" { Fate::Drop } else { Fate::Keep };
        if cookie::sift(line, &mut out, drop) == Sifted::Same {
            assert_eq!(out, line);
        }
        let left = out.clone();
        let keep = |name: &[u8], _: &[u8]| {
            assert_ne!(name, b"S");
            Fate::Keep
        };
        cookie::sift(&left, &mut out, keep);
    });
}
