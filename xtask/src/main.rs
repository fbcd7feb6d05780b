//! The chores of the project: `cargo xtask CHORE`.
//!
//! `test` runs everything that CI runs; the others are its parts and the measurements. Each chore is a file
//! of its own with a function `run` that takes the words after the chore's name.

mod bench;
mod browser;
mod compat;
mod corpus;
mod dashboard;
mod faults;
mod fuzz;
mod guides;
mod manual;
mod oracle;
mod package;
mod packages;
mod shell;
mod suite;
mod testssl;
mod tidy;

use std::process::ExitCode;

/// What a chore gives: nothing, or a text for the person who ran it.
type Result<T = ()> = std::result::Result<T, String>;

/// A chore: its name, its options, what it does, its function.
struct Chore {
    name: &'static str,
    options: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (name, options) = words.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        print_help();
        return if ["help", "-h", "--help"].contains(&name) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    match (chore.run)(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // A chore that has said all by itself gives no text, so that its closing line stays the last.
            if !text.is_empty() {
                eprintln!("xtask {name}: {text}");
            }
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("cargo xtask CHORE [OPTIONS]\n");
    for chore in CHORES {
        println!("  {} {}\n      {}", chore.name, chore.options, chore.help);
    }
}

const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        options: "[STAGE..]",
        help: "Everything that CI runs, or only the named stages; ends with `N passed, N failed`.",
        run: suite::run,
    },
    Chore {
        name: "compat",
        options: "[--weir|--reference] [--threads N] [FILTER]",
        help: "Behaviour tests on Weir and on the reference HAProxy; FILTER is part of a test's name.",
        run: compat::run,
    },
    Chore {
        name: "expressions",
        options: "[--evaluations N] [--seed N]",
        help: "Random expressions on Weir and on the reference, a hundred thousand evaluations unless told.",
        run: compat::expressions,
    },
    Chore {
        name: "corpus",
        options: "[--strict] [--run-reference] [FOLDER]",
        help: "Loads configurations that people run and compares the verdicts with the reference's; --strict fails where one is refused for another reason than work still to come.",
        run: corpus::run,
    },
    Chore {
        name: "faults",
        options: faults::OPTIONS,
        help: "Twenty servers that die, freeze, crawl and come back under load, behind Weir and HAProxy at once; two minutes unless told. Fails where Weir lets more errors through.",
        run: faults::run,
    },
    Chore {
        name: "reloads",
        options: "[--reloads N]",
        help: "Reloads, deaths of the worker and sessions of the runtime API under load, with tunnels and a full table; a thousand reloads of each kind unless told. Fails where anything is lost or late.",
        run: compat::reloads,
    },
    Chore {
        name: "fuzz",
        options: "[--seconds N] [TARGET]",
        help: "Fuzz targets, 10 minutes each unless told.",
        run: fuzz::run,
    },
    Chore {
        name: "bench",
        options: bench::OPTIONS,
        help: "Weir and HAProxy on the same work in one run: CPU per request, rate, latency, memory, as ratios.",
        run: bench::run,
    },
    Chore {
        name: "tidy",
        options: "[--bless]",
        help: "Long functions, long files, bare TODOs: the counts in tidy.toml may only go down.",
        run: tidy::run,
    },
    Chore {
        name: "browser",
        options: "[--screenshots]",
        help: "The statistics page and the dashboard in Debian's Chromium, with axe (needs npm); --screenshots renews docs/screenshots.",
        run: browser::run,
    },
    Chore {
        name: "testssl",
        options: "",
        help: "testssl.sh against a bind line as it stands and a hardened one; fails where it finds worse than \"low\".",
        run: testssl::run,
    },
    Chore {
        name: "dashboard",
        options: "[--check]",
        help: "Builds the dashboard's page from its sources (needs npm); --check tells whether it was built from them.",
        run: dashboard::run,
    },
    Chore {
        name: "manual",
        options: "[--check]",
        help: "Reference pages, man pages and completions from the tables of the program; --check fails where one is stale.",
        run: manual::run,
    },
    Chore {
        name: "package",
        options: "FILE.deb",
        help: "Installs a Debian package in a clean root, serves and reloads there, and removes it without a trace.",
        run: package::run,
    },
    Chore {
        name: "guides",
        options: "FILE.deb [NAME..]",
        help: "The guides that users start from (tests/guides), command by command, on a machine with systemd of its own; needs to be root.",
        run: guides::run,
    },
    Chore {
        name: "oracle",
        options: "[--doc]",
        help: "Prints the path of the reference HAProxy (or of its manual), fetching it where needed.",
        run: oracle::run,
    },
];
