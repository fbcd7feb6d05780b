//! Names of proxies, servers and all else that has one.

use weir_diag::Diagnostic;

use crate::Word;

/// The first character that may not stand in a name: anything but letters, digits and `-_.:`.
pub fn invalid_character(name: &[u8]) -> Option<char> {
    name.iter().find(|b| !(b.is_ascii_alphanumeric() || b"-_.:".contains(b))).map(|&b| char::from(b))
}

/// The name of a proxy section, judged as HAProxy judges it.
pub fn proxy_name(keyword: &str, word: &Word) -> Result<String, Diagnostic> {
    match invalid_character(&word.bytes) {
        Some(c) => {
            Err(word
                .alert(format!("character '{c}' is not permitted in '{keyword}' name '{}'.", word.text())))
        }
        None => Ok(word.text().into_owned()),
    }
}
