//! Dates: civil time from seconds since 1970, the forms of logs and headers, and `strftime`.

/// A date and time of day, with the offset it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 (Sunday) to 6.
    pub weekday: u8,
    /// 0 to 365.
    pub yearday: u16,
    /// Seconds ahead of UTC.
    pub offset: i32,
}

/// Names of months as logs and headers have them.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Names of days of the week, Sunday first.
pub const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

// === impl Civil ===

impl Civil {
    /// The civil time at `unix` seconds since 1970, `offset` seconds ahead of UTC.
    pub const fn new(unix: i64, offset: i32) -> Self {
        let local = unix.saturating_add(offset as i64);
        let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Days since 0000-03-01, in eras of 400 years, so that the leap day is the last of its year.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * march_month + 2) / 5 + 1) as u8;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u8;
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let yearday = if month > 2 { of_year + 59 + leap as i64 } else { of_year - 306 } as u16;
        Self {
            year,
            month,
            day,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
            yearday,
            offset,
        }
    }

    /// `21/Nov/2026:02:13:15`
    pub fn log(&self) -> [u8; 20] {
        let [d1, d0] = digits2(self.day);
        let [y3, y2, y1, y0] = digits4(self.year);
        let [h1, h0] = digits2(self.hour);
        let [m1, m0] = digits2(self.minute);
        let [s1, s0] = digits2(self.second);
        let [a, b, c] = month_name(self.month);
        [d1, d0, b'/', a, b, c, b'/', y3, y2, y1, y0, b':', h1, h0, b':', m1, m0, b':', s1, s0]
    }

    /// Appends `Sat, 21 Nov 2026 02:13:15 GMT` (RFC 9110 §5.6.7).
    pub fn write_http(&self, out: &mut impl Extend<u8>) {
        out.extend(self.day_name().bytes());
        out.extend(*b", ");
        out.extend(digits2(self.day));
        out.extend(*b" ");
        out.extend(month_name(self.month));
        out.extend(*b" ");
        match self.year {
            0..=9999 => out.extend(digits4(self.year)),
            year => out.extend(itoa::Buffer::new().format(year).bytes()),
        }
        out.extend(*b" ");
        out.extend(digits2(self.hour));
        out.extend(*b":");
        out.extend(digits2(self.minute));
        out.extend(*b":");
        out.extend(digits2(self.second));
        out.extend(*b" GMT");
    }

    /// `Sun` to `Sat`.
    pub fn day_name(&self) -> &'static str {
        DAYS.get(usize::from(self.weekday)).copied().unwrap_or("Sun")
    }
}

/// Two decimal digits.
pub const fn digits2(n: u8) -> [u8; 2] {
    [b'0' + n / 10 % 10, b'0' + n % 10]
}

/// Four decimal digits.
pub const fn digits4(n: i64) -> [u8; 4] {
    let n = n.unsigned_abs();
    [
        b'0' + (n / 1000 % 10) as u8,
        b'0' + (n / 100 % 10) as u8,
        b'0' + (n / 10 % 10) as u8,
        b'0' + (n % 10) as u8,
    ]
}

/// `+hhmm`
pub fn offset(seconds: i32) -> [u8; 5] {
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { b'-' } else { b'+' };
    let ([h1, h0], [m1, m0]) = (digits2((minutes / 60) as u8), digits2((minutes % 60) as u8));
    [sign, h1, h0, m1, m0]
}

fn month_name(month: u8) -> [u8; 3] {
    let name = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("Jan");
    name.as_bytes().try_into().unwrap_or(*b"Jan")
}

/// Appends a date by a format of `strftime`, names in English; with `nanos` also `%N` and `%3N` to `%9N`.
pub fn strftime(
    format: &[u8],
    unix: i64,
    offset: i32,
    nanos: Option<i64>,
    local: bool,
    out: &mut impl Extend<u8>,
) {
    let civil = Civil::new(unix, offset);
    let mut bytes = format.iter().copied().peekable();
    while let Some(c) = bytes.next() {
        if c != b'%' {
            out.extend([c]);
            continue;
        }
        let Some(mut letter) = bytes.next() else { return out.extend([b'%']) };
        let mut width = 9;
        let (Some(nanos), true) = (nanos, matches!(letter, b'N' | b'1'..=b'9')) else {
            directive(letter, &civil, unix, local, out);
            continue;
        };
        if letter != b'N' {
            width = usize::from(letter - b'0');
            match bytes.next() {
                Some(b'N') => letter = b'N',
                other => {
                    out.extend([b'%', letter].into_iter().chain(other));
                    continue;
                }
            }
        }
        let _ = letter;
        let digits = format!("{:09}", nanos as u64);
        out.extend(digits.bytes().take(width));
    }
}

/// Seconds since 1970 of a date in one of the three forms of HTTP (RFC 9110 §5.6.7).
pub fn parse_http(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let words: Vec<&str> = text.split([' ', ',', '-', ':']).filter(|w| !w.is_empty()).collect();
    let (day, month, year, time) = match words.as_slice() {
        [_, day, month, year, h, m, s, "GMT"] => (*day, *month, *year, [*h, *m, *s]),
        [_, month, day, h, m, s, year] => (*day, *month, *year, [*h, *m, *s]),
        _ => return None,
    };
    let month = 1 + MONTHS.iter().position(|m| *m == month)?;
    let mut year: i64 = year.parse().ok()?;
    if year < 100 {
        year += if year >= 70 { 1900 } else { 2000 };
    }
    let day: i64 = day.parse().ok()?;
    let [h, m, s] = time.map(|t| t.parse::<i64>().ok());
    let (h, m, s) = (h?, m?, s?);
    if !(1..=31).contains(&day) || h > 23 || m > 59 || s > 60 {
        return None;
    }
    Some(days_from_civil(year, i64::try_from(month).ok()?, day) * 86_400 + h * 3600 + m * 60 + s)
}

/// Days since 1970-01-01.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// One directive of `strftime`.
fn directive(letter: u8, civil: &Civil, unix: i64, local: bool, out: &mut impl Extend<u8>) {
    let again = |format: &[u8], out: &mut _| strftime_again(format, civil, unix, local, out);
    let (hour, year) = (i64::from(civil.hour), civil.year);
    let hour12 = (hour + 11) % 12 + 1;
    let (iso_year, iso_week) = iso_week(civil);
    let weekday = i64::from(civil.weekday);
    let yearday = i64::from(civil.yearday);
    match letter {
        b'a' => out.extend(civil.day_name().bytes()),
        b'A' => out.extend(long(civil.weekday, &LONG_DAYS).bytes()),
        b'b' | b'h' => out.extend(month_name(civil.month)),
        b'B' => out.extend(long(civil.month.wrapping_sub(1), &LONG_MONTHS).bytes()),
        b'c' => again(b"%a %b %e %H:%M:%S %Y", out),
        b'C' => padded(year / 100, 2, b'0', out),
        b'd' => padded(civil.day.into(), 2, b'0', out),
        b'D' | b'x' => again(b"%m/%d/%y", out),
        b'e' => padded(civil.day.into(), 2, b' ', out),
        b'F' => again(b"%Y-%m-%d", out),
        b'g' => padded(iso_year.rem_euclid(100), 2, b'0', out),
        b'G' => padded(iso_year, 1, b'0', out),
        b'H' => padded(hour, 2, b'0', out),
        b'I' => padded(hour12, 2, b'0', out),
        b'j' => padded(yearday + 1, 3, b'0', out),
        b'k' => padded(hour, 2, b' ', out),
        b'l' => padded(hour12, 2, b' ', out),
        b'm' => padded(civil.month.into(), 2, b'0', out),
        b'M' => padded(civil.minute.into(), 2, b'0', out),
        b'n' => out.extend([b'\n']),
        b'p' => out.extend(*if hour < 12 { b"AM" } else { b"PM" }),
        b'P' => out.extend(*if hour < 12 { b"am" } else { b"pm" }),
        b'r' => again(b"%I:%M:%S %p", out),
        b'R' => again(b"%H:%M", out),
        b's' => padded(unix, 1, b'0', out),
        b'S' => padded(civil.second.into(), 2, b'0', out),
        b't' => out.extend([b'\t']),
        b'T' | b'X' => again(b"%H:%M:%S", out),
        b'u' => padded((weekday + 6) % 7 + 1, 1, b'0', out),
        b'U' => padded((yearday + 7 - weekday) / 7, 2, b'0', out),
        b'V' => padded(iso_week, 2, b'0', out),
        b'w' => padded(weekday, 1, b'0', out),
        b'W' => padded((yearday + 7 - (weekday + 6) % 7) / 7, 2, b'0', out),
        b'y' => padded(year.rem_euclid(100), 2, b'0', out),
        b'Y' => padded(year, 1, b'0', out),
        b'z' => out.extend(offset(civil.offset)),
        b'Z' => out.extend(*if local && civil.offset == 0 { b"UTC" } else { b"GMT" }),
        b'%' => out.extend([b'%']),
        other => out.extend([b'%', other]),
    }
}

fn strftime_again(format: &[u8], civil: &Civil, unix: i64, local: bool, out: &mut impl Extend<u8>) {
    for pair in format.split(|c| *c == b'%').skip(1) {
        if let Some((letter, rest)) = pair.split_first() {
            simple(*letter, civil, unix, local, out);
            out.extend(rest.iter().copied());
        }
    }
}

/// The directives that composed ones are made of.
fn simple(letter: u8, civil: &Civil, unix: i64, local: bool, out: &mut impl Extend<u8>) {
    let _ = (unix, local);
    let hour = i64::from(civil.hour);
    match letter {
        b'a' => out.extend(civil.day_name().bytes()),
        b'b' => out.extend(month_name(civil.month)),
        b'd' => padded(civil.day.into(), 2, b'0', out),
        b'e' => padded(civil.day.into(), 2, b' ', out),
        b'H' => padded(hour, 2, b'0', out),
        b'I' => padded((hour + 11) % 12 + 1, 2, b'0', out),
        b'm' => padded(civil.month.into(), 2, b'0', out),
        b'M' => padded(civil.minute.into(), 2, b'0', out),
        b'p' => out.extend(*if hour < 12 { b"AM" } else { b"PM" }),
        b'S' => padded(civil.second.into(), 2, b'0', out),
        b'y' => padded(civil.year.rem_euclid(100), 2, b'0', out),
        _ => padded(civil.year, 1, b'0', out),
    }
}

/// Year and week of ISO 8601: weeks begin on Monday, the first one holds January 4.
const fn iso_week(civil: &Civil) -> (i64, i64) {
    let monday_based = (civil.weekday as i64 + 6) % 7;
    let week = (civil.yearday as i64 - monday_based + 10) / 7;
    if week < 1 {
        return (civil.year - 1, weeks_in(civil.year - 1));
    }
    if week > weeks_in(civil.year) {
        return (civil.year + 1, 1);
    }
    (civil.year, week)
}

const fn weeks_in(year: i64) -> i64 {
    let january_1 = Civil::new(days_from_civil(year, 1, 1) * 86_400, 0).weekday;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if january_1 == 4 || (leap && january_1 == 3) { 53 } else { 52 }
}

fn padded(n: i64, width: usize, fill: u8, out: &mut impl Extend<u8>) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(n);
    out.extend(std::iter::repeat_n(fill, width.saturating_sub(digits.len())));
    out.extend(digits.bytes());
}

fn long<'a>(n: u8, names: &[&'a str]) -> &'a str {
    names.get(usize::from(n)).copied().unwrap_or_default()
}

const LONG_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
