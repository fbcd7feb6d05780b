//! Any bytes as patterns of each method and as samples: a pattern is taken or refused, and a text that is a
//! pattern of an exact method matches itself.

use weir_expr::pattern::{Method, PatternSet};
use weir_expr::{Scratch, Value};

#[test]
fn any_text_is_a_pattern_or_an_error() {
    let methods = ["int", "ip", "bin", "len", "str", "beg", "sub", "dir", "dom", "end", "reg"];
    bolero::check!().with_type::<(Vec<u8>, Vec<u8>, bool)>().for_each(|(pattern, sample, fold)| {
        let scratch = Scratch::new();
        for method in methods.iter().filter_map(|m| Method::named(m.as_bytes())) {
            let mut set = PatternSet::new(method);
            if set.add(pattern, *fold).is_err() {
                continue;
            }
            set.matches(Value::Str(sample), &scratch);
            set.matches(Value::Bin(sample), &scratch);
            if matches!(method, Method::Str | Method::Beg | Method::End | Method::Sub) {
                assert!(set.matches(Value::Str(pattern), &scratch), "{method:?} {pattern:?}");
            }
        }
    });
}
