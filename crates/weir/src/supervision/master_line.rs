//! A line of the master's socket, taken apart (management manual, 9.4): commands, the processes that they are for, and
//! the lines that go with them. Bytes of anybody who may connect.

/// A process that a prefix means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The master itself.
    Master,
    /// Its worker.
    Worker,
}

/// A line at each `;` that no `\` stands before.
pub fn commands(line: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut escaped = false;
    for &byte in line {
        if byte == b';' && !escaped {
            all.push(Vec::new());
            continue;
        }
        escaped = byte == b'\\' && !escaped;
        if let Some(last) = all.last_mut() {
            last.push(byte);
        }
    }
    all
}

/// The prefix of a command, `@1`, where it has one, and the rest of it.
pub fn prefixed(command: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let text = command.trim_ascii();
    if !text.starts_with(b"@") {
        return (None, text);
    }
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (prefix, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (Some(prefix), rest.trim_ascii_start())
}

/// The process that a prefix means; none where there is no such process. `worker`: the number of the worker.
pub fn target(prefix: &[u8], worker: Option<i32>) -> Option<Target> {
    let of_worker = |is_meant: bool| (is_meant && worker.is_some()).then_some(Target::Worker);
    match std::str::from_utf8(prefix).ok()? {
        "@" | "@master" => Some(Target::Master),
        name => match name.strip_prefix("@!") {
            Some(pid) => of_worker(pid.parse().is_ok_and(|pid: i32| worker == Some(pid))),
            None => match name.strip_prefix('@')?.parse::<u32>().ok()? {
                0 => Some(Target::Master),
                number => of_worker(number == 1),
            },
        },
    }
}

/// The line that ends the lines that go with this one, where it announces some (`<<`, `<<%`).
pub fn announced(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.rsplit(u8::is_ascii_whitespace).next()?.strip_prefix(b"<<")
}

/// How many bytes of `input` the lines up to the one that is `end` are, that one included; all where the client has
/// `ended`, none where the end is to come.
pub fn payload(input: &[u8], end: &[u8], ended: bool) -> Option<usize> {
    let mut length = 0;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        length += line.len();
        if line.strip_suffix(b"\n") == Some(end) {
            return Some(length);
        }
    }
    ended.then_some(input.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_names_the_master_or_its_worker() {
        for (prefix, wanted) in [
            ("@master", Some(Target::Master)),
            ("@", Some(Target::Master)),
            ("@0", Some(Target::Master)),
            ("@1", Some(Target::Worker)),
            ("@01", Some(Target::Worker)),
            ("@!77", Some(Target::Worker)),
            ("@!78", None),
            ("@2", None),
            ("@1x", None),
            ("@-1", None),
            ("@mast", None),
        ] {
            assert_eq!(target(prefix.as_bytes(), Some(77)), wanted, "{prefix}");
        }
        assert_eq!(target(b"@1", None), None);
    }

    #[test]
    fn lines_are_split_at_semicolons_that_are_not_escaped() {
        let shown = |line: &str| -> Vec<String> {
            commands(line.as_bytes()).into_iter().map(|c| String::from_utf8(c).unwrap()).collect()
        };
        assert_eq!(shown("a; b"), ["a", " b"]);
        assert_eq!(shown(r"a\;b;c"), [r"a\;b", "c"]);
        assert_eq!(shown(""), [""]);
        assert_eq!(prefixed(b" @1 show  info "), (Some(&b"@1"[..]), &b"show  info"[..]));
        assert_eq!(prefixed(b"show @1"), (None, &b"show @1"[..]));
    }

    #[test]
    fn a_payload_ends_with_the_line_that_was_announced_or_with_the_client() {
        assert_eq!(announced(b"@1 add map x <<"), Some(&b""[..]));
        assert_eq!(announced(b"@1 add map x <<%"), Some(&b"%"[..]));
        assert_eq!(announced(b"echo a<<b c"), None);
        for (input, end, ended, wanted) in [
            ("a b\n\nrest", "", false, Some(5)),
            ("a b\n", "", false, None),
            ("a b\n", "", true, Some(4)),
            ("\n", "", false, Some(1)),
            ("a\n\nb\n%\nrest", "%", false, Some(7)),
        ] {
            assert_eq!(payload(input.as_bytes(), end.as_bytes(), ended), wanted, "{input:?}");
        }
    }
}
