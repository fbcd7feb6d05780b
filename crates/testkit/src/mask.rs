//! Makes log lines comparable: what differs from run to run becomes a word.

/// Masks a log line: `[21/Nov/2026:02:10:15.123]` → `[DATE]`, a syslog date → `DATE`, `haproxy[12]` →
/// `haproxy[PID]`, `127.0.0.1:54321` → `127.0.0.1:PORT`, and in a group of timers (`0/12/-1/-1/30`) each
/// number of milliseconds → `T`, while `-1` and the `+` of `logasap` stay.
///
/// Counters (`1/1/0/0/0`), byte counts, statuses and termination letters stay as they are.
pub fn log_line(line: &str) -> String {
    let words: Vec<&str> = line.trim_end_matches('\n').split(' ').collect();
    let mut masked: Vec<String> = Vec::with_capacity(words.len());
    let mut timers_seen = false;
    let mut skip = 0;
    for (index, word) in words.iter().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if let Some(count) = syslog_date(words.get(index..).unwrap_or_default()) {
            masked.push(priority(word) + "DATE");
            skip = count - 1;
        } else if !timers_seen && is_timers(word) {
            timers_seen = true;
            masked.push(timers(word));
        } else {
            masked.push(plain_word(word));
        }
    }
    masked.join(" ")
}

fn plain_word(word: &str) -> String {
    if word.starts_with('[') && word.ends_with(']') && word.contains('/') && word.contains(':') {
        return "[DATE]".to_owned();
    }
    if let Some(rest) = word.strip_prefix("127.0.0.1:") {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        return format!("127.0.0.1:PORT{}", rest.get(digits..).unwrap_or_default());
    }
    match (word.find('['), word.strip_suffix("]:")) {
        (Some(at), Some(body)) if is_number(body.get(at + 1..).unwrap_or_default()) => {
            format!("{}[PID]:", word.get(..at).unwrap_or_default())
        }
        _ => word.to_owned(),
    }
}

/// `<134>` in front of a date, or nothing.
fn priority(word: &str) -> String {
    word.split_once('>').map(|(number, _)| format!("{number}>")).unwrap_or_default()
}

/// How many words a syslog date takes here: three for `Nov 21 02:10:15` (four with a padded day), one for ISO.
fn syslog_date(words: &[&str]) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let first = *words.first()?;
    let first = first.split_once('>').map_or(first, |(_, rest)| rest);
    if MONTHS.contains(&first) {
        let padded = words.get(1) == Some(&"");
        return Some(if padded { 4 } else { 3 });
    }
    let iso = first.len() >= 19 && first.get(4..5) == Some("-") && first.get(10..11) == Some("T");
    iso.then_some(1)
}

/// Three to five numbers parted by slashes with nothing else: the first such word of a line is its timers.
fn is_timers(word: &str) -> bool {
    let parts: Vec<&str> = word.split('/').collect();
    (3..=5).contains(&parts.len()) && parts.iter().all(|part| is_number(part.trim_start_matches(['-', '+'])))
}

fn timers(word: &str) -> String {
    let mask = |part: &str| match part {
        "-1" => "-1".to_owned(),
        part if part.starts_with('+') => "+T".to_owned(),
        _ => "T".to_owned(),
    };
    word.split('/').map(mask).collect::<Vec<_>>().join("/")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Replaces the port of every `127.0.0.1:12345` by `PORT`.
pub fn ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let port = if rest.len() < part.len() { "PORT" } else { "" };
        masked.push_str(HOST);
        masked.push_str(port);
        masked.push_str(rest);
    }
    masked
}

/// Replaces every run of digits by `N`.
pub fn digits(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if !c.is_ascii_digit() {
            masked.push(c);
        } else if !inside {
            masked.push('N');
        }
        inside = c.is_ascii_digit();
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::{digits, log_line, ports};

    #[test]
    fn a_log_line_loses_its_times_and_ports_and_nothing_else() {
        let cases = [
            (
                "<134>Nov  1 02:10:15 haproxy[77]: 127.0.0.1:4444 [21/Nov/2026:02:10:15.123] fe be/s1 0/0/-1/3/4 200 79 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s1 T/T/-1/T/T 200 79 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"",
            ),
            (
                "<134>1 2026-11-21T02:10:15.123456+00:00 host haproxy 77 - - 127.0.0.1:4444 x",
                "<134>1 DATE host haproxy 77 - - 127.0.0.1:PORT x",
            ),
            ("fe be/s1 0/0/+4 +120 --", "fe be/s1 T/T/+T +120 --"),
        ];
        for (line, masked) in cases {
            assert_eq!(log_line(line), masked);
        }
    }

    #[test]
    fn digits_become_one_letter_per_number() {
        assert_eq!(digits("a12b3"), "aNbN");
        assert_eq!(ports("for=127.0.0.1:80;by=127.0.0.1"), "for=127.0.0.1:PORT;by=127.0.0.1");
    }
}
