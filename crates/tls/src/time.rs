//! Times as certificates write them (RFC 5280 section 4.1.2.5), as seconds since 1970.

use crate::der::{GENERALIZED_TIME, Item, UTC_TIME, tagged};

/// The seconds of a time; `None` where it is none.
pub fn seconds(time: &Item<'_>) -> Option<i64> {
    let text = time.content.strip_suffix(b"Z")?;
    let (year, rest) = match time.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(number);
    let (month, day) = (parts.next()??, parts.next()??);
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |second| second)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that leap days come last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time as certificates write it, until 2049 (RFC 5280 section 4.1.2.5.1).
pub(crate) fn utc(seconds: i64) -> Vec<u8> {
    let (mut year, mut month) = (1970, 1);
    let day = seconds.div_euclid(86_400);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    while month < 12 && days(year, month + 1, 1) <= day {
        month += 1;
    }
    let of_month = day - days(year, month, 1) + 1;
    let rest = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let year = year % 100;
    tagged(UTC_TIME, format!("{year:02}{month:02}{of_month:02}{hour:02}{minute:02}{second:02}Z").as_bytes())
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for at in [0, 951_782_400, 951_868_800, 1_709_208_000, 1_795_253_374, 2_493_071_999] {
            let written = utc(at);
            let item = crate::der::Der(&written).item().unwrap();
            assert_eq!(seconds(&item), Some(at));
        }
    }

    #[test]
    fn both_kinds_are_read() {
        let time = |tag, content: &'static [u8]| seconds(&Item { tag, content, whole: content });
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"261121092934Z"), Some(1_795_253_374));
        assert_eq!(time(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(GENERALIZED_TIME, b"20240229120000Z"), Some(1_709_208_000));
        for bad in [&b"261321092934Z"[..], b"2611210929", b"", b"26112109293xZ"] {
            assert_eq!(time(UTC_TIME, bad), None);
        }
    }
}
