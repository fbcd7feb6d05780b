//! The words of the language, gathered from the rooms that implement them: the one place that knows every table.
//!
//! From here come the sections that a load knows, what conditions may ask for, and `weir keywords`.

use weir_config::Features;
use weir_engine::keywords as engine;
pub(crate) use weir_engine::keywords::SECTIONS;

use crate::cli::version;
use crate::supervision;

/// A line `class<TAB>name<TAB>state` for every word.
pub(crate) fn listing() -> Vec<String> {
    let mut lines = long_listing();
    for line in &mut lines {
        if let Some((at, _)) = line.match_indices('\t').nth(2) {
            line.truncate(at);
        }
    }
    lines
}

/// A line `class<TAB>name<TAB>state<TAB>sections<TAB>help` for every word.
pub(crate) fn long_listing() -> Vec<String> {
    let mut lines = engine::listing();
    lines.extend(weir_expr::FETCHES.iter().copied().flatten().map(weir_config::Keyword::listing));
    lines.extend(weir_expr::CONVERTERS.iter().copied().flatten().map(weir_config::Keyword::listing));
    lines.extend(weir_expr::CRITERIA.iter().map(weir_config::Keyword::listing));
    lines.extend(weir_admin::registry().commands().iter().map(weir_config::Keyword::listing));
    // What a worker's socket has, too, is listed already.
    let mut of_master = supervision::commands();
    of_master.retain(|line| !lines.iter().any(|known| named(known) == named(line)));
    lines.append(&mut of_master);
    lines
}

/// Class and name of a line.
fn named(line: &str) -> Option<&str> {
    line.match_indices('\t').nth(1).and_then(|(at, _)| line.get(..at))
}

/// What conditions may ask for (`.if feature(...)`, `-cc`): only what is there.
pub(crate) fn features() -> Features {
    Features {
        version: version::RELEASE.to_owned(),
        names: version::FEATURES
            .iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        enabled: ["EPOLL", "GETADDRINFO", "REUSEPORT", "FAST-FORWARD", "SPLICE"].map(str::to_owned).to_vec(),
        ssl_library: "AWS-LC".to_owned(),
        openssl_version: "1.1.1".to_owned(),
        awslc_api: 37,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_listing_has_class_name_and_state() {
        for line in listing() {
            let parts: Vec<&str> = line.split('\t').collect();
            assert_eq!(parts.len(), 3, "{line}");
            assert!(["works", "inert", "refused"].contains(&parts[2].split(' ').next().unwrap()), "{line}");
        }
    }

    #[test]
    fn no_word_stands_twice() {
        let mut names: Vec<String> =
            listing().iter().map(|line| line.rsplit_once('\t').unwrap().0.to_owned()).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
