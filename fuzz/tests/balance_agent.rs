//! The answer of an agent, and the keys of requests.

use weir_balance::health::agent;
use weir_balance::key::{UriOptions, domain, query, uri, url_param};

/// Whatever an agent sends, its first line is all that counts.
#[test]
fn balance_agent() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some(answer) = agent::read(bytes) else { return };
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap();
        assert_eq!(agent::read(&bytes[..=end]), Some(answer));
    });
}

/// A key is a part of what it was taken from.
#[test]
fn balance_key() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (&[options, len, ..], target) = (bytes.split_at(bytes.len().min(2)).0, bytes) else { return };
        let options = UriOptions {
            whole: options & 1 == 1,
            path_only: options & 2 == 2,
            len: usize::from(len >> 4),
            depth: usize::from(len & 15),
        };
        if let Some(key) = uri(target, options) {
            assert!(key.len() <= target.len());
            assert!(options.len == 0 || key.len() <= options.len);
        }
        assert!(domain(target).len() <= target.len());
        if let Some(value) = query(target).and_then(|query| url_param(query, b"id")) {
            assert!(!value.contains(&b'&'));
        }
    });
}
