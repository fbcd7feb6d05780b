//! Names of proxies, servers and all else that has one.

use weir_diag::{Diagnostic, Span};

use crate::Word;

/// The first character that may not stand in a name: anything but letters, digits and `-_.:`.
pub fn invalid_character(name: &[u8]) -> Option<char> {
    name.iter().find(|b| !(b.is_ascii_alphanumeric() || b"-_.:".contains(b))).map(|&b| char::from(b))
}

/// The alert for a name with a character that may not stand in it, `what` as the line has it: `'frontend' name`,
/// `server name`, `acl name`.
pub fn check_name(what: &str, word: &Word) -> Result<(), Diagnostic> {
    match invalid_character(&word.bytes) {
        Some(c) => Err(word
            .alert(format!("character '{c}' is not permitted in {what} '{}'.", word.text()))
            .hint("letters, digits, '-', '_', '.' and ':' may stand in a name")),
        None => Ok(()),
    }
}

/// Adds the place where the name was defined before to a message about a second definition.
pub fn defined_before(diagnostic: Diagnostic, first: Span) -> Diagnostic {
    diagnostic.related(first, "first defined here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_four_signs() {
        for (name, expected) in
            [("A1-_.:", None), ("a!b", Some('!')), ("a b", Some(' ')), ("a$", Some('$')), ("a/b", Some('/'))]
        {
            assert_eq!(invalid_character(name.as_bytes()), expected, "{name}");
        }
    }
}
