//! What lists of a million patterns cost: time to load, and time per look-up of a sample that is found and of one
//! that is not.
//!
//! `cargo run --release -p weir-expr --example figures`

#![allow(clippy::disallowed_methods, reason = "a bench looks at the clock; the room does not")]

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use weir_expr::pattern::{Comparing, Method, PatternFiles, User, View, Which};
use weir_expr::{Scratch, Value};

const ENTRIES: u64 = 1_000_000;
const LOOK_UPS: u64 = 1_000_000;

fn main() {
    println!("{:<22} {:>9} {:>9} {:>9} {:>12}", "patterns", "load", "found", "absent", "after change");
    texts("str", Method::Str, |n| name(n, 0), |n| name(n, 0));
    texts("beg", Method::Beg, |n| format!("/{}", name(n, 0)), |n| format!("/{}/index", name(n, 0)));
    texts(
        "end",
        Method::End,
        |n| format!("{}.example", name(n, 0)),
        |n| format!("a.b.{}.example", name(n, 0)),
    );
    texts(
        "dom",
        Method::Dom,
        |n| format!("{}.example", name(n, 0)),
        |n| format!("a.b.{}.example", name(n, 0)),
    );
    networks("ip: v4 /24 to /32", |n| {
        let length = 24 + n % 9;
        format!("{}/{length}", v4(n))
    });
    networks("ip: v4 /8 to /32", |n| {
        // Most networks are small ones.
        let length = if n % 64 == 0 { 8 + n / 64 % 25 } else { 16 + n % 17 };
        format!("{}/{length}", v4(n))
    });
    networks("ip: v6 /32 to /64", |n| format!("{}/{}", v6(n), 32 + n % 33));
}

/// A name that is unlike that of its neighbour, of 6 to 30 letters.
fn name(n: u64, salt: u64) -> String {
    let mut bits = mixed(n ^ salt << 40);
    let length = 6 + bits % 25;
    bits = mixed(bits);
    let letter = |i| char::from(b'a' + ((bits.rotate_left(i * 5) ^ u64::from(i)) % 26) as u8);
    let tail: String = (0..length as u32).map(letter).collect();
    format!("{tail}{n:x}")
}

const fn mixed(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn v4(n: u64) -> Ipv4Addr {
    Ipv4Addr::from_bits(mixed(n + 1) as u32)
}

fn v6(n: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2000 << 112 | u128::from(mixed(n + 1)) << 48 | u128::from(mixed(n + 7)))
}

fn texts(title: &str, method: Method, pattern: impl Fn(u64) -> String, sample: impl Fn(u64) -> String) {
    let patterns: Vec<Vec<u8>> = (0..ENTRIES).map(|n| pattern(n).into_bytes()).collect();
    let order = |n: u64| mixed(n) % ENTRIES;
    let found: Vec<String> = (0..LOOK_UPS).map(|n| sample(order(n))).collect();
    let absent: Vec<String> = (0..LOOK_UPS).map(|n| format!("{}?", sample(order(n) + ENTRIES))).collect();
    let value = |text: &'_ String| -> Vec<u8> { text.clone().into_bytes() };
    let (found, absent): (Vec<_>, Vec<_>) =
        (found.iter().map(value).collect(), absent.iter().map(value).collect());
    measure(title, method, &patterns, |n| Value::Str(at(&found, n)), |n| Value::Str(at(&absent, n)));
}

fn networks(title: &str, pattern: impl Fn(u64) -> String) {
    let patterns: Vec<Vec<u8>> = (0..ENTRIES).map(|n| pattern(n).into_bytes()).collect();
    let is_v6 = title.contains("v6");
    let found = |n| {
        let n = mixed(n) % ENTRIES;
        if is_v6 { Value::Ipv6(v6(n)) } else { Value::Ipv4(v4(n)) }
    };
    let absent = |n| match is_v6 {
        true => Value::Ipv6(Ipv6Addr::from_bits(0x3000 << 112 | u128::from(mixed(n)))),
        false => Value::Ipv4(v4(n + (1 << 40))),
    };
    measure(title, Method::Ip, &patterns, found, absent);
}

fn at(texts: &[Vec<u8>], n: u64) -> &[u8] {
    texts.get(n as usize).map(Vec::as_slice).unwrap_or_default()
}

fn measure<'v>(
    title: &str,
    method: Method,
    patterns: &[Vec<u8>],
    found: impl Fn(u64) -> Value<'v>,
    absent: impl Fn(u64) -> Value<'v>,
) {
    let begun = Instant::now();
    let user = User { file: "figures", line: 1 };
    let list = PatternFiles::default().inline(title, user, None, patterns);
    let Ok(view) = list.view(Comparing { method, ignore_case: false, output: None }) else { return };
    let load = begun.elapsed();
    let (hit, miss) = (per_look_up(&view, &found), per_look_up(&view, &absent));
    let _ = list.add(b"10.1.2.3", b"", None);
    let _ = list.delete(Which::Key(b"10.1.2.3"));
    let changed = per_look_up(&view, &found);
    println!("{title:<22} {:>6} ms {:>6} ns {:>6} ns {:>9} ns", load.as_millis(), hit.0, miss.0, changed.0);
    println!("{:<22} {:>19} % {:>7} %", "  matched", hit.1 * 100 / LOOK_UPS, miss.1 * 100 / LOOK_UPS);
}

/// Nanoseconds for each, and how many matched.
fn per_look_up<'v>(view: &View, sample: &impl Fn(u64) -> Value<'v>) -> (u128, u64) {
    let scratch = Scratch::new();
    let begun = Instant::now();
    let matched = (0..LOOK_UPS).filter(|n| black_box(view.matches(sample(*n), &scratch))).count();
    (begun.elapsed().as_nanos() / u128::from(LOOK_UPS), matched as u64)
}
