//! How much plaintext a record holds (manual, 3.2 "tune.ssl.maxrecord", "tune.ssl.hard-maxrecord").

/// The limits of a line's sessions; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// At any time.
    pub always: usize,
    /// At the beginning of what is said at a stretch.
    pub first: usize,
}

/// How large the next records of a session are.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    records: Records,
    /// Bytes that were said since the peer was heard.
    said: usize,
}

// === impl Pace ===

impl Pace {
    pub(crate) fn new(records: Records) -> Self {
        Self { records, said: 0 }
    }

    /// The peer said something: what follows is a new beginning.
    pub(crate) fn heard(&mut self) {
        self.said = 0;
    }

    /// The most plaintext of the next record.
    pub(crate) fn most(&self) -> usize {
        let beginning = self.said < BEGINNING;
        let limits = [self.records.always, if beginning { self.records.first } else { 0 }];
        limits.into_iter().filter(|most| *most > 0).fold(MOST_PLAIN, usize::min)
    }

    pub(crate) fn say(&mut self, bytes: usize) {
        self.said = self.said.saturating_add(bytes);
    }
}

/// Plaintext of one of our records: a fifth of 64 KiB. RFC 8446 section 5.1 allows 16 KiB, but the library copies each
/// record twice, and copies of 16 KiB and more leave the fast path of common C libraries (`rep movsb`, which is several
/// times slower where source and target are not aligned alike).
pub(crate) const MOST_PLAIN: usize = (64 * 1024_usize).div_ceil(5);
/// So many bytes at a stretch are its beginning.
const BEGINNING: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_small_where_that_is_wanted() {
        let mut free = Pace::new(Records::default());
        free.say(1 << 20);
        assert_eq!(free.most(), MOST_PLAIN);
        let mut pace = Pace::new(Records { always: 5000, first: 1000 });
        assert_eq!(pace.most(), 1000);
        pace.say(BEGINNING);
        assert_eq!(pace.most(), 5000);
        pace.heard();
        assert_eq!(pace.most(), 1000);
    }
}
