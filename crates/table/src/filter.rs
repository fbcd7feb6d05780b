//! Conditions on rows (`show table`, `clear table`: `data.<type> <operator> <value>`).

use crate::data::Data;
use crate::entry::Row;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the operators of the manual by name")]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// One condition; a row without the data type does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The data type looked at.
    pub data: Data,
    /// The element, for arrays.
    pub index: u32,
    /// The comparison.
    pub compare: Compare,
    /// What it is compared with.
    pub value: i64,
}

// === impl Compare ===

impl Compare {
    /// The operator of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            _ => return None,
        })
    }
}

// === impl Filter ===

impl Filter {
    /// Whether the row meets the condition now.
    pub fn matches(&self, row: &Row<'_>) -> bool {
        // Names are no numbers.
        if self.data == Data::ServerKey {
            return false;
        }
        let Some(value) = row.value(self.data, self.index) else { return false };
        let order = i64::try_from(value).unwrap_or(i64::MAX).cmp(&self.value);
        match self.compare {
            Compare::Eq => order.is_eq(),
            Compare::Ne => order.is_ne(),
            Compare::Lt => order.is_lt(),
            Compare::Le => order.is_le(),
            Compare::Gt => order.is_gt(),
            Compare::Ge => order.is_ge(),
        }
    }
}
