//! Log lines in the formats of HAProxy's log targets (manual, `log ... format`).
//!
//! A [`Header`] holds what a target's lines share; [`Header::write`] adds one line to a buffer: header, message cut to
//! the target's length, line feed. Every transport gets the line feed: datagrams, pipes and terminals alike.
//! Time comes in as a [`Stamp`], made once per second by the caller, and as microseconds. Nothing is allocated.

/// How a log line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `<PRI>Mon dd hh:mm:ss tag[pid]: `, for a syslog daemon on this machine.
    Local,
    /// RFC 3164: as [`Format::Local`] with the host name before the tag.
    Rfc3164,
    /// RFC 5424, with microseconds, zone and structured data.
    Rfc5424,
    /// `<level>` alone, as systemd likes it.
    Short,
    /// The message alone.
    Raw,
    /// [`Format::Short`] followed by an ISO 8601 date.
    Timed,
    /// An ISO 8601 date.
    Iso,
    /// `<PRI>` alone.
    Priority,
}

/// How grave a line is; a lower number is graver (RFC 5424 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The system is unusable.
    Emerg = 0,
    /// Action must be taken at once.
    Alert = 1,
    /// Critical conditions.
    Crit = 2,
    /// Errors.
    Err = 3,
    /// Warnings.
    Warning = 4,
    /// Normal but significant.
    Notice = 5,
    /// Informational: the level of traffic logs.
    Info = 6,
    /// Debugging.
    Debug = 7,
}

/// Which part of a system speaks: a number from 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facility(u8);

/// What the lines of one target have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The target's format.
    pub format: Format,
    /// The target's facility.
    pub facility: Facility,
    /// `log-send-hostname`; without it a format that has a place for it says `localhost` (3164) or `-` (5424).
    pub hostname: Option<Vec<u8>>,
    /// `log-tag`.
    pub tag: Vec<u8>,
    /// The process id.
    pub pid: u32,
    /// Longest line in bytes, its line feed included (`len`).
    pub limit: usize,
}

/// One line to be written.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// How grave it is.
    pub level: Level,
    /// The second it was made in.
    pub stamp: &'a Stamp,
    /// Microseconds within that second.
    pub micros: u32,
    /// `log-format-sd`; empty for none. Only RFC 5424 has a place for it.
    pub structured: &'a [u8],
    /// The text. Line feeds at its end are not repeated.
    pub message: &'a [u8],
    /// In the place of the header's tag.
    pub tag: Option<&'a [u8]>,
}

/// A second, ready to be printed in the local zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    second: i64,
    /// `Nov 21 02:24:27`
    short: [u8; 15],
    /// `2026-11-21T02:24:27.000000+00:00`, whose zeroes each line fills in.
    long: [u8; 32],
}

// === impl Header ===

impl Header {
    /// Adds one line to `out`: at most [`Header::limit`] bytes with its line feed.
    ///
    /// A part of the header that does not fit ends the line there, message and all; a message that does not fit is
    /// cut.
    pub fn write(&self, out: &mut Vec<u8>, line: Line<'_>) {
        let mut text = Limited { end: out.len().saturating_add(self.limit.saturating_sub(1)), out };
        if self.begin(&mut text, line).is_some() {
            text.put_cut(without_line_feeds(line.message));
        }
        text.out.push(b'\n');
    }

    /// Adds what all lines of one second and level begin with; `false` where each line begins in its own way, or
    /// where there is no room for a message behind it.
    pub fn opening(&self, level: Level, stamp: &Stamp, out: &mut Vec<u8>) -> bool {
        if matches!(self.format, Format::Rfc5424 | Format::Timed | Format::Iso) {
            return false;
        }
        let line = Line { level, stamp, micros: 0, structured: b"", message: b"", tag: None };
        let mut text = Limited { end: out.len().saturating_add(self.limit.saturating_sub(1)), out };
        self.begin(&mut text, line).is_some() && text.room() > 0
    }

    /// Adds a line that begins with what [`Header::opening`] gave.
    pub fn write_behind(&self, opening: &[u8], message: &[u8], out: &mut Vec<u8>) {
        let room = self.limit.saturating_sub(opening.len() + 1);
        let message = without_line_feeds(message);
        out.reserve(opening.len() + message.len() + 1);
        out.extend_from_slice(opening);
        out.extend_from_slice(message.get(..room).unwrap_or(message));
        out.push(b'\n');
    }

    /// Writes what precedes the message; `None` where it did not fit.
    fn begin(&self, text: &mut Limited<'_>, line: Line<'_>) -> Option<()> {
        let priority = u32::from(self.facility.0) * 8 + line.level as u32;
        let tag = line.tag.unwrap_or(&self.tag);
        match self.format {
            Format::Raw => {}
            Format::Short => self.put_angled(text, line.level as u32, b">")?,
            Format::Priority => self.put_angled(text, priority, b">")?,
            Format::Iso => text.put(&[&line.stamp.long_with(line.micros), b" "])?,
            Format::Timed => {
                self.put_angled(text, line.level as u32, b">")?;
                text.put(&[&line.stamp.long_with(line.micros), b" "])?;
            }
            Format::Local => {
                self.put_angled(text, priority, b">")?;
                text.put(&[&line.stamp.short, b" "])?;
                self.put_tag_and_pid(text, tag)?;
            }
            Format::Rfc3164 => {
                self.put_angled(text, priority, b">")?;
                text.put(&[&line.stamp.short, b" "])?;
                text.put(&[self.hostname.as_deref().unwrap_or(b"localhost"), b" "])?;
                self.put_tag_and_pid(text, tag)?;
            }
            Format::Rfc5424 => {
                self.put_angled(text, priority, b">1 ")?;
                text.put(&[&line.stamp.long_with(line.micros), b" "])?;
                text.put(&[self.hostname.as_deref().unwrap_or(b"-"), b" "])?;
                text.put(&[tag, b" "])?;
                text.put(&[decimal(self.pid, &mut [0; 10]), b" - "])?;
                let structured = if line.structured.is_empty() { b"-" } else { line.structured };
                text.put(&[structured, b" "])?;
            }
        }
        Some(())
    }

    fn put_angled(&self, text: &mut Limited<'_>, number: u32, after: &[u8]) -> Option<()> {
        text.put(&[b"<", decimal(number, &mut [0; 10]), after])
    }

    fn put_tag_and_pid(&self, text: &mut Limited<'_>, tag: &[u8]) -> Option<()> {
        text.put(&[tag])?;
        text.put(&[b"[", decimal(self.pid, &mut [0; 10]), b"]: "])
    }
}

// === impl Format ===

impl Format {
    /// What a target without `format` uses: the host name appears where `log-send-hostname` asked for it.
    pub fn unspecified(sends_hostname: bool) -> Format {
        if sends_hostname { Format::Rfc3164 } else { Format::Local }
    }

    /// The format of this name.
    pub fn named(name: &[u8]) -> Option<Format> {
        FORMATS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, format)| *format)
    }

    /// Every name, in the manual's order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|(name, _)| *name)
    }
}

impl Format {
    /// Adds what an event of the program itself begins with: no facility, no level, no name.
    pub fn begin_event(self, stamp: &Stamp, micros: u32, out: &mut Vec<u8>) {
        let long = stamp.long_with(micros);
        let parts: &[&[u8]] = match self {
            Format::Raw => &[],
            Format::Short | Format::Priority => &[b"<0>"],
            Format::Iso => &[&long, b" "],
            Format::Timed => &[b"<0>", &long, b" "],
            Format::Local => &[b"<0>", stamp.short(), b" "],
            Format::Rfc3164 => &[b"<0>", stamp.short(), b" localhost "],
            Format::Rfc5424 => &[b"<0>1 ", &long, b" - - - - - "],
        };
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }
}

// === impl Level ===

impl Level {
    /// The level of this number; what is graver than none is the least grave.
    pub fn numbered(number: u32) -> Level {
        match number {
            0 => Level::Emerg,
            1 => Level::Alert,
            2 => Level::Crit,
            3 => Level::Err,
            4 => Level::Warning,
            5 => Level::Notice,
            6 => Level::Info,
            _ => Level::Debug,
        }
    }

    /// The level of this name.
    pub fn named(name: &[u8]) -> Option<Level> {
        LEVELS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, level)| *level)
    }

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        LEVELS.get(self as usize).map_or("", |(name, _)| name)
    }

    /// Every name, the gravest first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        LEVELS.iter().map(|(name, _)| *name)
    }

    /// The level at which a target with `<level> <minlevel>` sends a line of this level; `None` if it drops it.
    ///
    /// Lines less grave than `least` are dropped; those graver than `gravest` are sent as if they were only that.
    pub fn sent_as(self, least: Level, gravest: Level) -> Option<Level> {
        (self <= least).then_some(self.max(gravest))
    }
}

// === impl Facility ===

impl Facility {
    /// The facility of this number; numbers from 24 on begin again.
    pub fn numbered(number: u8) -> Facility {
        Facility(number % 24)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The facility of this name.
    pub fn named(name: &[u8]) -> Option<Facility> {
        let place = FACILITIES.iter().position(|known| known.as_bytes() == name)?;
        u8::try_from(place).ok().map(Facility)
    }

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        FACILITIES.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// Every name, in the order of their numbers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FACILITIES.iter().copied()
    }
}

// === impl Stamp ===

impl Stamp {
    /// Prepares a second: seconds since 1970 in UTC, and how many seconds the local zone is east of it.
    pub fn new(second: i64, offset: i32) -> Stamp {
        let local = second.saturating_add(i64::from(offset));
        let (year, month, day) = civil(local.div_euclid(DAY));
        let rest = u32::try_from(local.rem_euclid(DAY)).unwrap_or(0);
        let (hour, minute, within) = (rest / 3600, rest / 60 % 60, rest % 60);
        let name = MONTHS.get(month.saturating_sub(1) as usize).copied().unwrap_or(*b"---");

        let mut short = *b"Mon dd hh:mm:ss";
        splice(&mut short, 0, &name);
        splice(&mut short, 4, &two(day));
        if day < 10 {
            splice(&mut short, 4, b" ");
        }
        let mut long = *b"yyyy-mm-ddThh:mm:ss.uuuuuu+hh:mm";
        splice(&mut long, 0, &two(year / 100));
        splice(&mut long, 2, &two(year % 100));
        splice(&mut long, 5, &two(month));
        splice(&mut long, 8, &two(day));
        for (text, start) in [(short.as_mut_slice(), 7), (long.as_mut_slice(), 11)] {
            splice(text, start, &two(hour));
            splice(text, start + 3, &two(minute));
            splice(text, start + 6, &two(within));
        }
        splice(&mut long, 26, if offset < 0 { b"-" } else { b"+" });
        splice(&mut long, 27, &two(offset.unsigned_abs() / 3600));
        splice(&mut long, 30, &two(offset.unsigned_abs() / 60 % 60));
        Stamp { second, short, long }
    }

    /// The second it was made for: the caller makes another when the clock has moved on.
    pub fn second(&self) -> i64 {
        self.second
    }

    /// The date as RFC 3164 has it.
    pub(crate) fn short(&self) -> &[u8; 15] {
        &self.short
    }

    /// The date as RFC 5424 has it.
    pub(crate) fn long_with(&self, micros: u32) -> [u8; 32] {
        let mut long = self.long;
        splice(&mut long, 20, &two(micros / 10_000));
        splice(&mut long, 22, &two(micros / 100));
        splice(&mut long, 24, &two(micros));
        long
    }
}

/// The end of a buffer with a limit.
struct Limited<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
}

// === impl Limited ===

impl Limited<'_> {
    /// Adds parts that belong together, all of them or none.
    fn put(&mut self, parts: &[&[u8]]) -> Option<()> {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if size > self.room() {
            return None;
        }
        for part in parts {
            self.out.extend_from_slice(part);
        }
        Some(())
    }

    /// Adds as much as fits.
    fn put_cut(&mut self, part: &[u8]) {
        let cut = part.get(..self.room()).unwrap_or(part);
        self.out.extend_from_slice(cut);
    }

    fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len())
    }
}

fn without_line_feeds(mut message: &[u8]) -> &[u8] {
    while let [rest @ .., b'\n'] = message {
        message = rest;
    }
    message
}

fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut start = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start = place;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// The last two digits of a number.
fn two(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// Overwrites a part of a text; the places are constants that fit.
fn splice(text: &mut [u8], start: usize, part: &[u8]) {
    for (place, byte) in text.iter_mut().skip(start).zip(part) {
        *place = *byte;
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day ends one; 400 of them are an era of equal length.
fn civil(days: i64) -> (u32, u32, u32) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    (small(year), small(month), small(day))
}

const DAY: i64 = 86_400;

pub(crate) const MONTHS: [[u8; 3]; 12] = [
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov",
    *b"Dec",
];

const FORMATS: [(&str, Format); 8] = [
    ("local", Format::Local),
    ("rfc3164", Format::Rfc3164),
    ("rfc5424", Format::Rfc5424),
    ("priority", Format::Priority),
    ("short", Format::Short),
    ("timed", Format::Timed),
    ("iso", Format::Iso),
    ("raw", Format::Raw),
];

const LEVELS: [(&str, Level); 8] = [
    ("emerg", Level::Emerg),
    ("alert", Level::Alert),
    ("crit", Level::Crit),
    ("err", Level::Err),
    ("warning", Level::Warning),
    ("notice", Level::Notice),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(format: Format) -> Header {
        Header {
            format,
            facility: Facility::named(b"local3").unwrap(),
            hostname: None,
            tag: b"haproxy".to_vec(),
            pid: 17_662,
            limit: 1024,
        }
    }

    fn written(header: &Header, structured: &str, message: &str) -> String {
        let stamp = Stamp::new(1_795_227_867, 0);
        let mut out = b"earlier\n".to_vec();
        let (structured, message) = (structured.as_bytes(), message.as_bytes());
        header.write(
            &mut out,
            Line { level: Level::Info, stamp: &stamp, micros: 872_611, structured, message, tag: None },
        );
        String::from_utf8(out).unwrap().split_off(8)
    }

    #[test]
    fn each_format_reads_as_the_manual_shows_it() {
        let cases = [
            (Format::Local, "<158>Nov 21 02:24:27 haproxy[17662]: hello\n"),
            (Format::Rfc3164, "<158>Nov 21 02:24:27 localhost haproxy[17662]: hello\n"),
            (Format::Rfc5424, "<158>1 2026-11-21T02:24:27.872611+00:00 - haproxy 17662 - - hello\n"),
            (Format::Short, "<6>hello\n"),
            (Format::Raw, "hello\n"),
            (Format::Timed, "<6>2026-11-21T02:24:27.872611+00:00 hello\n"),
            (Format::Iso, "2026-11-21T02:24:27.872611+00:00 hello\n"),
            (Format::Priority, "<158>hello\n"),
        ];
        for (format, expected) in cases {
            assert_eq!(written(&header(format), "", "hello"), expected);
        }
    }

    #[test]
    fn hostname_and_structured_data_have_their_places() {
        let named = |format| Header { hostname: Some(b"myhost".to_vec()), ..header(format) };
        let cases = [
            (Format::Local, "<158>Nov 21 02:24:27 haproxy[17662]: x\n"),
            (Format::Rfc3164, "<158>Nov 21 02:24:27 myhost haproxy[17662]: x\n"),
            (
                Format::Rfc5424,
                "<158>1 2026-11-21T02:24:27.872611+00:00 myhost haproxy 17662 - [ex@1 a=\"b\"] x\n",
            ),
        ];
        for (format, expected) in cases {
            assert_eq!(written(&named(format), "[ex@1 a=\"b\"]", "x"), expected);
        }
    }

    #[test]
    fn line_feeds_at_the_end_of_a_message_are_not_repeated() {
        for (message, expected) in [("a\nb\n\n\n", "a\nb\n"), ("\n", "\n"), ("", "\n")] {
            assert_eq!(written(&header(Format::Raw), "", message), expected);
        }
    }

    #[test]
    fn a_long_message_is_cut_and_a_long_header_ends_the_line() {
        let message = "abcdefghij".repeat(20);
        let short = Header { limit: 80, ..header(Format::Local) };
        let text = written(&short, "", &message);
        assert_eq!((text.len(), text.ends_with("hijab\n")), (80, true));
        let named = Header { hostname: Some(vec![b'h'; 72]), limit: 80, ..header(Format::Rfc3164) };
        assert_eq!(written(&named, "", &message), "<158>Nov 21 02:24:27 \n");
    }

    #[test]
    fn stamps_follow_the_zone_and_the_calendar() {
        let cases = [
            (0, 0, "Jan  1 00:00:00", "1970-01-01T00:00:00.000000+00:00"),
            (951_782_400, 0, "Feb 29 00:00:00", "2000-02-29T00:00:00.000000+00:00"),
            (1_795_227_867, -18_000, "Nov 20 21:24:27", "2026-11-20T21:24:27.000000-05:00"),
            (1_795_227_867, 19_800, "Nov 21 07:54:27", "2026-11-21T07:54:27.000000+05:30"),
            (4_107_542_399, 0, "Feb 28 23:59:59", "2100-02-28T23:59:59.000000+00:00"),
            (4_107_542_400, 0, "Mar  1 00:00:00", "2100-03-01T00:00:00.000000+00:00"),
        ];
        for (second, offset, short, long) in cases {
            let stamp = Stamp::new(second, offset);
            assert_eq!(String::from_utf8_lossy(&stamp.short), short);
            assert_eq!(String::from_utf8_lossy(&stamp.long_with(0)), long);
        }
    }

    #[test]
    fn levels_filter_and_soften() {
        assert_eq!(Level::Info.sent_as(Level::Notice, Level::Emerg), None);
        assert_eq!(Level::Alert.sent_as(Level::Debug, Level::Err), Some(Level::Err));
        assert_eq!(Level::Info.sent_as(Level::Debug, Level::Err), Some(Level::Info));
    }

    #[test]
    fn names_round_trip() {
        assert!(Level::names().all(|name| Level::named(name.as_bytes()).unwrap().name() == name));
        assert!(Facility::names().all(|name| Facility::named(name.as_bytes()).unwrap().name() == name));
        assert!(Format::names().all(|name| Format::named(name.as_bytes()).is_some()));
    }

    proptest! {
        #[test]
        fn no_line_exceeds_its_limit(
            message in proptest::collection::vec(any::<u8>(), 0..300),
            limit in 80_usize..400,
            second in any::<i64>(),
            offset in any::<i32>(),
            micros in any::<u32>(),
        ) {
            let stamp = Stamp::new(second, offset);
            for (_, format) in FORMATS {
                let mut out = Vec::new();
                let line = Line { level: Level::Err, stamp: &stamp, micros, structured: b"", message: &message, tag: None };
                Header { limit, ..header(format) }.write(&mut out, line);
                prop_assert!(out.len() <= limit && out.ends_with(b"\n"));
            }
        }
    }
}
