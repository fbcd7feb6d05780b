//! Files that an earlier process left: states of servers, and statistics.

use weir_engine::operator::state_file::StateFile;

#[test]
fn state_file() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let _ = StateFile::parse(&String::from_utf8_lossy(bytes));
    });
}

/// Every value stands under the name of a column, and belongs to an object.
#[test]
fn stats_file() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        for (object, column, _) in weir_admin::counted(&text) {
            assert!(text.contains(object) && text.contains(column));
        }
    });
}
