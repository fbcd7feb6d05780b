//! Any bytes as a log format: it compiles or is refused, and what compiled renders within its limit.

use weir_expr::{Format, Load, NoNames, NoScope, PatternFiles, Place, Purpose, Scratch, Words};

#[test]
fn any_text_is_a_format_or_an_error() {
    let words = Words::builtin();
    bolero::check!().with_type::<Vec<u8>>().for_each(|text| {
        for purpose in [Purpose::Log, Purpose::Http, Purpose::Text] {
            let mut load = Load {
                words: words.clone(),
                names: &mut NoNames,
                place: Place::Log,
                other: None,
                proxy: String::from("f"),
                context: "log-format",
                files: PatternFiles::default(),
                at: (String::new(), 0),
                acls: weir_expr::Acls::default(),
                warnings: Vec::new(),
                slow: Vec::new(),
            };
            let Ok(format) = Format::compile(text, purpose, &mut load) else { continue };
            let mut out = Vec::new();
            format.render(&NoScope, &Scratch::new(), &mut out, 200);
            assert!(out.len() <= 200);
        }
    });
}
