//! Any bytes as a sample expression: it compiles or is refused with a place inside of the text, and what
//! compiled evaluates.

use weir_expr::{Expr, Load, NoNames, NoScope, PatternFiles, Place, Scratch, Words};

#[test]
fn any_text_is_an_expression_or_an_error_with_a_place() {
    let words = Words::builtin();
    bolero::check!().with_type::<Vec<u8>>().for_each(|text| {
        let mut load = Load {
            words: words.clone(),
            names: &mut NoNames,
            place: Place::FrontHttpRequest,
            other: None,
            proxy: String::from("f"),
            context: "http-request",
            files: PatternFiles::default(),
            at: (String::new(), 0),
            acls: weir_expr::Acls::default(),
            warnings: Vec::new(),
            slow: Vec::new(),
        };
        // With a constant before it, the bytes reach the converters too.
        for prefix in [&b""[..], b"str(", b"str(a,b),", b"int(5),", b"bin(0102),"] {
            let whole = [prefix, text].concat();
            match Expr::parse(&whole, 0, &mut load) {
                Ok((expr, end)) => {
                    assert!(end <= whole.len());
                    let _ = expr.eval(&NoScope, &Scratch::new());
                }
                Err(error) => assert!(error.at.0 <= whole.len() && error.at.0 <= error.at.1),
            }
        }
    });
}
