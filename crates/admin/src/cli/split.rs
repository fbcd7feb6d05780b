//! A line of the runtime API into commands, and commands into words (management manual, 9.3).
//!
//! `;` ends a command, and so does a NUL; `\` takes the meaning from the next byte. Quotes mean nothing here.

/// The commands of a line, each as its words; an empty command has none.
pub(super) fn commands(line: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b';' | 0 => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            b' ' | b'\t' => words.extend(word.take()),
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    all.push(words);
    all
}

/// Where a line announces a payload: the line without the announcement, and the line that ends the payload.
pub(super) fn payload(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = line.iter().rposition(|b| matches!(b, b' ' | b'\t')).map_or(0, |blank| blank + 1);
    let (before, last) = line.split_at_checked(start)?;
    let end = last.strip_prefix(b"<<")?;
    (end.len() <= LONGEST_END).then_some((before, end))
}

/// How long the word may be that ends a payload.
const LONGEST_END: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let text = |words: Vec<Vec<u8>>| {
            words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>().join("|")
        };
        commands(line.as_bytes()).into_iter().map(text).collect()
    }

    #[test]
    fn lines_fall_into_commands_and_words() {
        for (line, wanted) in [
            ("", &[""][..]),
            ("show info", &["show|info"]),
            ("  show \t info ", &["show|info"]),
            ("a;b", &["a", "b"]),
            (";a;", &["", "a", ""]),
            (r"echo a\;b", &["echo|a;b"]),
            (r"echo a\\ b", &[r"echo|a\|b"]),
            (r"show\ info", &["show info"]),
            (r"echo a\nb", &["echo|anb"]),
            ("echo \"a b\"", &["echo|\"a|b\""]),
            ("show version\0", &["show|version", ""]),
            ("a\\", &["a"]),
        ] {
            assert_eq!(shown(line), wanted, "{line}");
        }
    }

    #[test]
    fn a_payload_is_announced_by_the_last_word() {
        for (line, wanted) in [
            ("add map m <<", Some(("add map m ", ""))),
            ("add map m <<END", Some(("add map m ", "END"))),
            ("<<", Some(("", ""))),
            ("add map m<<", None),
            ("add << m", None),
            ("", None),
        ] {
            let wanted = wanted.map(|(a, b): (&str, &str)| (a.as_bytes(), b.as_bytes()));
            assert_eq!(payload(line.as_bytes()), wanted, "{line}");
        }
        let long = format!("a <<{}", "x".repeat(65));
        assert_eq!(payload(long.as_bytes()), None);
    }
}
