//! What a row may hold (`store`), and where in the row it lies.

/// A data type of the `store` keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of the manual, see `Data::name`")]
pub enum Data {
    ServerId,
    Gpt0,
    Gpc0,
    Gpc0Rate,
    ConnCnt,
    ConnRate,
    ConnCur,
    SessCnt,
    SessRate,
    HttpReqCnt,
    HttpReqRate,
    HttpErrCnt,
    HttpErrRate,
    BytesInCnt,
    BytesInRate,
    BytesOutCnt,
    BytesOutRate,
    Gpc1,
    Gpc1Rate,
    ServerKey,
    HttpFailCnt,
    HttpFailRate,
    Gpt,
    Gpc,
    GpcRate,
    GlitchCnt,
    GlitchRate,
}

/// How a data type is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A 32-bit counter or tag.
    Counter,
    /// A 64-bit counter.
    Wide,
    /// A [`crate::Rate`].
    Rate,
    /// An index into the table's dictionary of server keys.
    Word,
}

/// One stored data type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Which one.
    pub data: Data,
    /// Elements: 1, or the size of the array.
    pub count: u32,
    /// Period in milliseconds, 0 where it is no rate.
    pub period: u32,
    /// First slot of the row.
    offset: usize,
}

/// The columns of a table, in the order of `show table`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    columns: Vec<Column>,
    slots: usize,
    /// By data type, the position of its column plus one; 0 where it is not stored.
    places: [u8; Data::ALL.len()],
}

/// Why a `store` cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaError {
    /// The same data type twice; HAProxy warns and ignores the second.
    Duplicate(Data),
    /// `gpc(n)` with `gpc0` and the like.
    Excluded(Data, Data),
    /// An array of fewer than 1 or more than 100 elements.
    Count(Data),
}

// === impl Data ===

impl Data {
    /// Every data type, in the order of `show table`.
    pub const ALL: [Self; 27] = [
        Self::ServerId,
        Self::Gpt0,
        Self::Gpc0,
        Self::Gpc0Rate,
        Self::ConnCnt,
        Self::ConnRate,
        Self::ConnCur,
        Self::SessCnt,
        Self::SessRate,
        Self::HttpReqCnt,
        Self::HttpReqRate,
        Self::HttpErrCnt,
        Self::HttpErrRate,
        Self::BytesInCnt,
        Self::BytesInRate,
        Self::BytesOutCnt,
        Self::BytesOutRate,
        Self::Gpc1,
        Self::Gpc1Rate,
        Self::ServerKey,
        Self::HttpFailCnt,
        Self::HttpFailRate,
        Self::Gpt,
        Self::Gpc,
        Self::GpcRate,
        Self::GlitchCnt,
        Self::GlitchRate,
    ];

    /// The word of `store` and of `show table`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerId => "server_id",
            Self::Gpt0 => "gpt0",
            Self::Gpc0 => "gpc0",
            Self::Gpc0Rate => "gpc0_rate",
            Self::ConnCnt => "conn_cnt",
            Self::ConnRate => "conn_rate",
            Self::ConnCur => "conn_cur",
            Self::SessCnt => "sess_cnt",
            Self::SessRate => "sess_rate",
            Self::HttpReqCnt => "http_req_cnt",
            Self::HttpReqRate => "http_req_rate",
            Self::HttpErrCnt => "http_err_cnt",
            Self::HttpErrRate => "http_err_rate",
            Self::BytesInCnt => "bytes_in_cnt",
            Self::BytesInRate => "bytes_in_rate",
            Self::BytesOutCnt => "bytes_out_cnt",
            Self::BytesOutRate => "bytes_out_rate",
            Self::Gpc1 => "gpc1",
            Self::Gpc1Rate => "gpc1_rate",
            Self::ServerKey => "server_key",
            Self::HttpFailCnt => "http_fail_cnt",
            Self::HttpFailRate => "http_fail_rate",
            Self::Gpt => "gpt",
            Self::Gpc => "gpc",
            Self::GpcRate => "gpc_rate",
            Self::GlitchCnt => "glitch_cnt",
            Self::GlitchRate => "glitch_rate",
        }
    }

    /// The data type of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|data| data.name() == name)
    }

    /// How it is stored.
    pub fn shape(self) -> Shape {
        match self {
            Self::BytesInCnt | Self::BytesOutCnt => Shape::Wide,
            Self::ServerKey => Shape::Word,
            Self::Gpc0Rate
            | Self::ConnRate
            | Self::SessRate
            | Self::HttpReqRate
            | Self::HttpErrRate
            | Self::BytesInRate
            | Self::BytesOutRate
            | Self::Gpc1Rate
            | Self::HttpFailRate
            | Self::GpcRate
            | Self::GlitchRate => Shape::Rate,
            _ => Shape::Counter,
        }
    }

    /// Whether it takes a number of elements: `gpt(n)`, `gpc(n)`, `gpc_rate(n,period)`.
    pub fn is_array(self) -> bool {
        matches!(self, Self::Gpt | Self::Gpc | Self::GpcRate)
    }

    /// The array element that stands in for it where the table stores an array instead.
    pub fn in_array(self) -> Option<(Self, u32)> {
        Some(match self {
            Self::Gpt0 => (Self::Gpt, 0),
            Self::Gpc0 => (Self::Gpc, 0),
            Self::Gpc1 => (Self::Gpc, 1),
            Self::Gpc0Rate => (Self::GpcRate, 0),
            Self::Gpc1Rate => (Self::GpcRate, 1),
            _ => return None,
        })
    }
}

// === impl Shape ===

impl Shape {
    fn slots(self) -> usize {
        match self {
            Self::Counter | Self::Word => 1,
            Self::Wide => 2,
            Self::Rate => 3,
        }
    }
}

// === impl Column ===

impl Column {
    /// The first slot of element `index`, if there is one.
    pub(crate) fn slot(&self, index: u32) -> Option<usize> {
        (index < self.count).then(|| self.offset + index as usize * self.data.shape().slots())
    }

    /// All slots of the column in a row's values.
    pub(crate) fn all<'v>(&self, values: &'v mut [u32]) -> Option<&'v mut [u32]> {
        values.get_mut(self.range())
    }

    /// The same, to be read.
    pub(crate) fn all_of<'v>(&self, values: &'v [u32]) -> Option<&'v [u32]> {
        values.get(self.range())
    }

    fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.data.shape().slots() * self.count as usize
    }
}

// === impl Schema ===

impl Schema {
    /// Adds a data type. `count` is 1 for what is no array; `period` is in milliseconds.
    pub fn store(&mut self, data: Data, count: u32, period: u32) -> Result<(), SchemaError> {
        if self.columns.iter().any(|column| column.data == data) {
            return Err(SchemaError::Duplicate(data));
        }
        if !(1..=MAX_ELEMENTS).contains(&count) || (count != 1 && !data.is_array()) {
            return Err(SchemaError::Count(data));
        }
        let excluded = self.columns.iter().find(|column| {
            let pairs = [(column.data, data), (data, column.data)];
            pairs.iter().any(|(one, array)| one.in_array().is_some_and(|(of, _)| of == *array))
        });
        if let Some(column) = excluded {
            return Err(SchemaError::Excluded(data, column.data));
        }
        self.columns.push(Column { data, count, period, offset: 0 });
        self.columns.sort_by_key(|column| column.data);
        self.slots = 0;
        for (at, column) in (1..).zip(&mut self.columns) {
            if let Some(place) = self.places.get_mut(column.data as usize) {
                *place = at;
            }
            column.offset = self.slots;
            self.slots += column.data.shape().slots() * column.count as usize;
        }
        Ok(())
    }

    /// The stored data types, in the order of `show table`.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column and element that hold `data[index]`, looking into arrays for `gpc0` and the like.
    pub fn find(&self, data: Data, index: u32) -> Option<(&Column, u32)> {
        let column = |wanted: Data| {
            let place = self.places.get(wanted as usize)?;
            self.columns.get(usize::from(*place).checked_sub(1)?)
        };
        if let Some(found) = column(data) {
            return (index < found.count).then_some((found, index));
        }
        let (array, element) = data.in_array()?;
        column(array).filter(|found| element < found.count).map(|found| (found, element))
    }

    /// Whether `data` is stored, itself or in an array.
    pub fn has(&self, data: Data) -> bool {
        self.find(data, 0).is_some()
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Empties a row's values; the periods of rates begin now.
    pub(crate) fn begin(&self, values: &mut [u32], now: u32) {
        values.fill(0);
        for column in self.columns.iter().filter(|column| column.data.shape() == Shape::Rate) {
            for start in (0..column.count).filter_map(|index| column.slot(index)) {
                if let Some(slot) = values.get_mut(start) {
                    *slot = now;
                }
            }
        }
    }
}

/// Largest array there may be.
const MAX_ELEMENTS: u32 = 100;
