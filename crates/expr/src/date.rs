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
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "each is a remainder in its range"
    )]
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
        out.extend(digits4(self.year));
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
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each is one digit")]
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
#[expect(clippy::cast_possible_truncation, reason = "a day has 24 hours")]
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
