//! The statistics page in HTML: the structure, classes, anchors and columns that users of HAProxy and their scripts
//! know.

mod cells;
mod frame;
mod rows;
mod table;
mod tips;

pub(super) use frame::{begin, end};
pub(super) use table::proxy;
pub(crate) use tips::module_of;
