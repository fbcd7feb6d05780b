//! Figures of lists of patterns: how long a million take to load, and a look-up in them.
//!
//! `cargo run --release -p weir-expr --example lists`

#![allow(clippy::disallowed_methods, reason = "a bench looks at the clock; the lists do not")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::time::Instant;

use weir_expr::pattern::{Comparing, Method, User};
use weir_expr::scope::{ProxyId, ServerId, TableId, UserlistId};
use weir_expr::{Names, PatternFiles, Scratch, Side, Value};

const ENTRIES: usize = 1_000_000;
const LOOKUPS: usize = 2_000_000;

/// A file that is made up.
struct Made(Vec<u8>);

impl Names for Made {
    fn proxy(&mut self, _: Option<&[u8]>, _: Side) -> Option<ProxyId> {
        None
    }

    fn server(&mut self, _: Option<&[u8]>, _: &[u8]) -> Option<ServerId> {
        None
    }

    fn table(&mut self, _: Option<&[u8]>) -> Option<TableId> {
        None
    }

    fn userlist(&mut self, _: &[u8]) -> Option<UserlistId> {
        None
    }

    fn read(&mut self, _: &str) -> io::Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.0))
    }
}

/// A number that looks like none before it.
fn scattered(n: usize) -> u32 {
    (n as u32).wrapping_mul(2_654_435_761)
}

fn pattern(method: Method, n: usize) -> String {
    let x = scattered(n);
    match method {
        Method::Ip => format!("{}.{}.{}.0/24", x >> 24, x >> 16 & 255, x >> 8 & 255),
        Method::Dom => format!("site{x}.example"),
        Method::End => format!(".{x}.example.com"),
        Method::Beg => format!("/{x:08x}/"),
        _ => format!("key-{x}"),
    }
}

fn sample(method: Method, n: usize) -> String {
    let x = scattered(n);
    match method {
        Method::Ip => format!("{}.{}.{}.7", x >> 24, x >> 16 & 255, x >> 8 & 255),
        Method::Dom => format!("www.site{x}.example"),
        Method::End => format!("www.{x}.example.com"),
        Method::Beg => format!("/{x:08x}/index.html"),
        _ => format!("key-{x}"),
    }
}

fn main() -> Result<(), String> {
    println!("{ENTRIES} entries; half of the look-ups find one");
    println!("method   load s   ns per look-up (any entry)   (among 1000)");
    for method in [Method::Str, Method::Beg, Method::End, Method::Dom, Method::Ip] {
        let mut text = String::new();
        for n in 0..ENTRIES {
            let _ = writeln!(text, "{}", pattern(method, n));
        }
        let begun = Instant::now();
        let files = PatternFiles::default();
        let user = User { file: "figures", line: 1 };
        let list = files.load("made", false, user, &mut Made(text.into_bytes()))?;
        let view = list.view(Comparing { method, ignore_case: false, output: None })?;
        let load = begun.elapsed().as_secs_f64();
        let each = |span: usize| {
            let samples: Vec<String> = (0..span).map(|n| sample(method, n * 2)).collect();
            let values: Vec<Value<'_>> = samples
                .iter()
                .map(|s| match method {
                    Method::Ip => Value::from_ip(s.parse().unwrap_or([0, 0, 0, 0].into())),
                    _ => Value::Str(s.as_bytes()),
                })
                .collect();
            let scratch = Scratch::new();
            let begun = Instant::now();
            let found = (0..LOOKUPS)
                .filter(|n| values.get(n % span).is_some_and(|v| view.matches(black_box(*v), &scratch)));
            black_box(found.count());
            begun.elapsed().as_nanos() as f64 / LOOKUPS as f64
        };
        println!("{:6} {load:8.2} {:28.0} {:14.0}", method.name(), each(ENTRIES), each(1000));
    }
    Ok(())
}
