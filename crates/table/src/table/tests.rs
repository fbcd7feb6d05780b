//! Rows against a model under a virtual clock, and the rules of room, holding and expiry.

use super::*;
use crate::data::{Data, SchemaError};
use crate::filter::Compare;
use proptest::prelude::*;
use std::collections::HashMap;

fn spec(size: usize, expire: Option<u64>, store: &[(Data, u32, u32)]) -> Spec {
    let mut schema = Schema::default();
    for &(data, count, period) in store {
        schema.store(data, count, period).unwrap();
    }
    Spec {
        name: "t".into(),
        key_type: KeyType::String(32),
        size,
        expire,
        nopurge: false,
        recv_only: false,
        write_to: None,
        byte_rate_factor: 1,
        schema,
        server_by_address: false,
        logged: true,
    }
}

fn key(text: &str) -> Vec<u8> {
    KeyType::String(32).parse(text).unwrap()
}

fn table(size: usize, expire: Option<u64>, store: &[(Data, u32, u32)]) -> Table {
    Table::new(spec(size, expire, store), 7)
}

fn bump(table: &Table, text: &str, now: u64) -> Option<u64> {
    table.update(&key(text), now, |row| row.add(Data::Gpc0, 0, 1)).ok().flatten()
}

fn value(table: &Table, text: &str, data: Data, now: u64) -> Option<u64> {
    table.with(&key(text), now, |row| row.value(data, 0)).flatten()
}

fn keys(table: &Table, filters: &[Filter], now: u64) -> Vec<String> {
    let mut found = Vec::new();
    table.for_each(filters, now, |row| found.push(table.spec().key_type.show(row.key())));
    found.sort();
    found
}

#[test]
fn looking_does_not_prolong_but_updating_does() {
    let table = table(10, Some(100), &[(Data::Gpc0, 1, 0)]);
    bump(&table, "a", 0);
    assert_eq!(value(&table, "a", Data::Gpc0, 99), Some(1));
    assert_eq!(value(&table, "a", Data::Gpc0, 100), None);
    assert_eq!(table.used(), 0);
    bump(&table, "a", 200);
    bump(&table, "a", 290);
    assert_eq!(value(&table, "a", Data::Gpc0, 380), Some(2));
    assert_eq!(table.next_expiry(), Some(390));
}

#[test]
fn a_full_table_gives_up_its_oldest_row_unless_nopurge() {
    let table = table(2, Some(1000), &[(Data::Gpc0, 1, 0)]);
    for (now, text) in ["a", "b", "c"].into_iter().enumerate() {
        bump(&table, text, now as u64);
    }
    assert_eq!(keys(&table, &[], 10), ["b", "c"]);

    let table = Table::new(Spec { nopurge: true, ..spec(2, Some(1000), &[(Data::Gpc0, 1, 0)]) }, 7);
    for text in ["a", "b"] {
        bump(&table, text, 0);
    }
    assert_eq!(table.track(&key("c"), 1, |_| ()), Err(TableFull));
    assert_eq!(keys(&table, &[], 10), ["a", "b"]);
    assert!(table.track(&key("c"), 1000, |_| ()).is_ok(), "an expired row makes room");
}

#[test]
fn a_tracked_row_outlives_expiry_purge_and_clear() {
    let table = table(1, Some(10), &[(Data::Gpc0, 1, 0)]);
    let held = table.track(&key("a"), 0, |_| ()).unwrap();
    assert_eq!(bump(&table, "b", 5), None, "no room beside a held row");
    table.expire(100, 10);
    assert_eq!(table.clear(&[], 100), 0);
    assert_eq!(table.remove(&key("a"), 100), Removal::InUse);
    assert_eq!(table.peek(&held, 100, |row| (row.users(), row.expires_in())), Some((1, 0)));
    table.release(held, 100, |_| ());
    assert_eq!(table.next_expiry(), Some(110));
    assert_eq!(table.remove(&key("a"), 105), Removal::Removed);
    assert_eq!(table.remove(&key("a"), 105), Removal::Absent);
}

#[test]
fn arrays_stand_in_for_gpc0_gpc1_and_gpt0() {
    let table = table(10, None, &[(Data::Gpc, 3, 0), (Data::GpcRate, 2, 1000), (Data::Gpt, 1, 0)]);
    table
        .update(&key("a"), 0, |row| {
            assert!(row.count(Data::Gpc0, Data::Gpc0Rate, 0, 2));
            assert!(row.count(Data::Gpc, Data::GpcRate, 2, 1), "stored as a counter only");
            row.set(Data::Gpt0, 0, 9);
            assert_eq!(row.value(Data::Gpc, 0), Some(2));
            assert_eq!(row.value(Data::Gpc1Rate, 0), Some(0));
            assert_eq!(row.value(Data::GpcRate, 0), Some(2));
            assert_eq!(row.value(Data::GpcRate, 2), None);
            assert_eq!(row.value(Data::Gpc, 2), Some(1));
            assert_eq!(row.value(Data::Gpt, 0), Some(9));
            assert_eq!(row.value(Data::ConnCnt, 0), None);
        })
        .unwrap();
}

#[test]
fn a_table_stores_each_type_once_and_arrays_instead_of_single_counters() {
    let mut schema = Schema::default();
    schema.store(Data::Gpc, 2, 0).unwrap();
    assert_eq!(schema.store(Data::Gpc, 2, 0), Err(SchemaError::Duplicate(Data::Gpc)));
    assert_eq!(schema.store(Data::Gpc1, 1, 0), Err(SchemaError::Excluded(Data::Gpc1, Data::Gpc)));
    assert_eq!(schema.store(Data::Gpt, 101, 0), Err(SchemaError::Count(Data::Gpt)));
    assert_eq!(schema.store(Data::ConnCnt, 2, 0), Err(SchemaError::Count(Data::ConnCnt)));
}

#[test]
fn byte_counts_pass_four_gigabytes() {
    let table = table(1, None, &[(Data::BytesOutCnt, 1, 0)]);
    let add = |amount| table.update(&key("a"), 0, |row| row.add(Data::BytesOutCnt, 0, amount)).unwrap();
    add(u64::from(u32::MAX));
    assert_eq!(add(123_456_789_012), Some(127_751_756_307));
}

#[test]
fn filters_compare_values_of_now() {
    let table = table(10, None, &[(Data::Gpc0, 1, 0), (Data::ConnRate, 1, 1000)]);
    for (text, times) in [("a", 1), ("b", 2), ("c", 3)] {
        for _ in 0..times {
            bump(&table, text, 0);
        }
    }
    let gpc0 = |compare, value| Filter { data: Data::Gpc0, index: 0, compare, value };
    assert_eq!(keys(&table, &[gpc0(Compare::Gt, 1)], 0), ["b", "c"]);
    assert_eq!(keys(&table, &[gpc0(Compare::Gt, 1), gpc0(Compare::Ne, 3)], 0), ["b"]);
    assert_eq!(keys(&table, &[Filter { data: Data::HttpErrCnt, ..gpc0(Compare::Ge, 0) }], 0), [""; 0]);
    assert_eq!(table.clear(&[gpc0(Compare::Le, 2)], 0), 2);
    assert_eq!(keys(&table, &[], 0), ["c"]);
}

#[test]
fn updates_come_in_order_and_once_per_row() {
    let table = table(10, None, &[(Data::Gpc0, 1, 0)]);
    for text in ["a", "b", "c", "a"] {
        bump(&table, text, 0);
    }
    let read = |from, limit| {
        let mut seen = String::new();
        let next = table.updates(from, limit, 0, |row| seen += std::str::from_utf8(row.key()).unwrap());
        (seen, next)
    };
    let (seen, next) = read(Update::default(), 2);
    assert_eq!(seen, "bc");
    let (seen, next) = read(next, 10);
    assert_eq!(seen, "a");
    bump(&table, "b", 0);
    assert_eq!(read(next, 10).0, "b");
}

#[test]
fn another_line_keeps_rows_and_what_both_store() {
    let old = table(10, Some(100), &[(Data::Gpc0, 1, 0), (Data::ConnCur, 1, 0), (Data::ConnRate, 1, 1000)]);
    old.update(&key("a"), 0, |row| (row.set(Data::Gpc0, 0, 7), row.set(Data::ConnCur, 0, 3))).unwrap();
    let same = spec(20, None, &[(Data::Gpc0, 1, 0), (Data::ConnCur, 1, 0), (Data::ConnRate, 1, 1000)]);
    assert!(old.fits(&same));
    old.adopt(&same);
    assert_eq!((old.size(), old.expire_after()), (20, None));

    let other = spec(20, None, &[(Data::Gpc0, 1, 0), (Data::ConnCur, 1, 0), (Data::HttpReqCnt, 1, 0)]);
    assert!(!old.fits(&other));
    let new = Table::succeeding(other, &old, 0);
    assert_eq!(value(&new, "a", Data::Gpc0, 0), Some(7));
    assert_eq!(value(&new, "a", Data::ConnCur, 0), Some(0), "nobody holds it there");
    assert_eq!(value(&new, "a", Data::HttpReqCnt, 0), Some(0));
}

#[test]
fn rows_are_found_by_their_numbers() {
    let table = table(10, None, &[(Data::Gpc0, 1, 0)]);
    let id = table.update(&key("a"), 0, |row| row.id()).unwrap();
    assert_eq!(table.with_id(id, 0, |row| row.key().to_vec()).as_deref(), Some(&b"a"[..]));
    assert_eq!(table.with_id(id + 1, 0, |_| ()), None);
    assert_eq!(table.remove_id(id), Removal::Removed);
    assert_eq!(table.remove_id(id), Removal::Absent);
}

#[test]
fn server_keys_are_numbered_once() {
    let table = table(1, None, &[(Data::ServerKey, 1, 0)]);
    let (one, two) = (table.word("s1"), table.word("s2"));
    assert_ne!(one, two);
    assert_eq!(table.word("s1"), one);
    assert_eq!(table.text(two).as_deref(), Some("s2"));
    assert_eq!(table.text(0), None);
}

#[test]
fn workers_count_together() {
    let table = table(100_000, Some(1000), &[(Data::Gpc0, 1, 0)]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for step in 0..5000 {
                    bump(&table, &(step % 500).to_string(), 0);
                }
            });
        }
    });
    assert_eq!(table.used(), 500);
    let mut total = 0;
    table.for_each(&[], 0, |row| total += row.value(Data::Gpc0, 0).unwrap());
    assert_eq!(total, 20_000);
}

proptest! {
    /// Whatever is bumped, removed and waited for: the table holds what a map of deadlines would.
    #[test]
    fn holds_what_a_map_would(steps in prop::collection::vec((0..4u8, 0..30u32, 0..40u64), 0..300), sharded: bool) {
        let size = if sharded { 20_000 } else { 100 };
        let table = table(size, Some(100), &[(Data::Gpc0, 1, 0)]);
        let mut model: HashMap<u32, (u64, u64)> = HashMap::new();
        let mut now = 0;
        for (what, id, wait) in steps {
            now += wait;
            model.retain(|_, (_, expires)| *expires > now);
            let text = id.to_string();
            match what {
                0 | 1 => {
                    let row = model.entry(id).or_insert((0, 0));
                    *row = (row.0 + 1, now + 100);
                    prop_assert_eq!(bump(&table, &text, now), Some(row.0));
                }
                2 => prop_assert_eq!(table.remove(&key(&text), now) == Removal::Removed, model.remove(&id).is_some()),
                _ => prop_assert_eq!(value(&table, &text, Data::Gpc0, now), model.get(&id).map(|row| row.0)),
            }
            table.expire(now, 1000);
            prop_assert_eq!(table.used(), model.len());
        }
    }
}
