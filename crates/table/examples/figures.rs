//! What a stick table of a million addresses costs: bytes per entry, and time per update with two threads.
//!
//! `cargo run --release -p weir-table --example figures`

#![allow(clippy::disallowed_methods, reason = "a bench looks at the clock; the table does not")]

use std::fs;
use std::net::Ipv4Addr;
use std::time::Instant;

use weir_table::{Data, KeyType, Schema, Spec, Table};

const ENTRIES: u32 = 1_000_000;
const UPDATES: u32 = 4_000_000;
const WORKERS: u32 = 2;

fn main() {
    let before = resident();
    let table = Table::new(spec(), 7);
    let begun = Instant::now();
    for number in 0..ENTRIES {
        let _ = table.update(&key(number), 0, |row| row.count(Data::Gpc0, Data::ConnRate, 0, 1));
    }
    let created = begun.elapsed().as_nanos() / u128::from(ENTRIES);
    let stored = 4 + 4 + 12;
    println!("entries         {}", table.used());
    println!(
        "bytes per entry {} beside {stored} of key and data",
        (resident() - before) / ENTRIES as usize - stored
    );
    println!("created in      {created} ns each, by one thread");
    for (name, hot) in [("any of them", ENTRIES), ("1000 of them", 1000), ("one of them", 1)] {
        let took = [1, WORKERS].map(|workers| {
            let begun = Instant::now();
            std::thread::scope(|scope| {
                for worker in 0..workers {
                    let table = &table;
                    scope.spawn(move || update(table, worker, hot));
                }
            });
            begun.elapsed().as_nanos() / u128::from(UPDATES * workers)
        });
        println!("an update every {} ns by one thread, {} ns by {WORKERS}: {name}", took[0], took[1]);
    }
}

fn update(table: &Table, worker: u32, hot: u32) {
    let mut number = worker + 1;
    for now in 0..UPDATES {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let chosen = ((u64::from(number) * u64::from(hot)) >> 32) as u32;
        let _ = table
            .update(&key(chosen), u64::from(now / 1000), |row| row.count(Data::Gpc0, Data::ConnRate, 0, 1));
    }
}

fn key(number: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0a00_0000 + number).octets()
}

fn spec() -> Spec {
    let mut schema = Schema::default();
    for (data, period) in [(Data::Gpc0, 0), (Data::ConnRate, 10_000)] {
        let _ = schema.store(data, 1, period);
    }
    Spec {
        name: "t".into(),
        key_type: KeyType::Ipv4,
        size: 2 * ENTRIES as usize,
        expire: Some(1_000_000),
        nopurge: false,
        recv_only: false,
        write_to: None,
        byte_rate_factor: 1,
        schema,
        server_by_address: false,
        logged: false,
    }
}

/// Memory of the process, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
