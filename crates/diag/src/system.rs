//! Errors of the system in words.

use std::io;

/// An error of the system in its own words, without its number.
pub fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None if error.kind() == io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        None => text,
    }
}
