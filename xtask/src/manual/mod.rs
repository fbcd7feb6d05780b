//! Pages made from the tables of the program: the reference in `docs/reference`, man pages, completions of shells.
//!
//! The tables are read from the program itself (`weir keywords --long`, `weir help`), so that a page says what is there.
//! `--check` writes nothing and fails where a page is not what the tables say.

mod completions;
mod man;
mod reference;

use std::fs;

use crate::Result;
use crate::shell::{cargo, output, project, run as run_command, target};
use std::process::Command;

/// A word of the language.
struct Word {
    class: String,
    name: String,
    state: String,
    sections: String,
    help: String,
}

/// An option of the command line.
struct Flag {
    /// Its forms, as they are typed: `-f <file|folder>`.
    forms: String,
    help: String,
}

/// A page: where it lies in the project, and what it says.
struct Page {
    path: String,
    text: String,
}

/// `cargo xtask manual [--check]`.
pub(crate) fn run(options: &[String]) -> Result {
    let check = match options {
        [] => false,
        [one] if one == "--check" => true,
        _ => return Err("manual takes --check".into()),
    };
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    let words = words()?;
    let (flags, commands) = flags()?;
    let mut pages = reference::pages(&words);
    pages.extend(man::pages(&words, &flags));
    pages.extend(completions::pages(&flags, &commands));
    let mut stale = Vec::new();
    for page in &pages {
        let path = project().join(&page.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == page.text) {
            continue;
        }
        stale.push(page.path.as_str());
        if !check {
            let folder = path.parent().unwrap_or(&path);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, &page.text))
                .map_err(|error| format!("{}: {error}", page.path))?;
        }
    }
    match (check, stale.is_empty()) {
        (true, false) => Err(format!("not what the tables say: {} (cargo xtask manual)", stale.join(" "))),
        (_, true) => Ok(()),
        (false, false) => {
            println!("written: {}", stale.join(" "));
            Ok(())
        }
    }
}

fn program() -> Command {
    Command::new(target().join("debug/weir"))
}

fn words() -> Result<Vec<Word>> {
    let text = output(program().args(["keywords", "--long"]))?;
    let mut words: Vec<Word> = text.lines().filter_map(word).collect();
    words.sort_by(|a, b| (&a.class, &a.name).cmp(&(&b.class, &b.name)));
    Ok(words)
}

fn word(line: &str) -> Option<Word> {
    let mut cells = line.split('\t').map(str::to_owned);
    let (class, name, state) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Word { class, name, state, sections: cells.next()?, help: cells.next()? })
}

/// The options that `weir help` tells, and the commands in its first lines.
fn flags() -> Result<(Vec<Flag>, Vec<String>)> {
    let text = output(program().arg("help"))?;
    let (usage, options) = text.split_once("\n\n").unwrap_or((&text, ""));
    let flag = |line: &str| {
        let line = line.strip_prefix("        ")?;
        let (forms, help) = line.split_at_checked(22)?;
        // Forms that are longer than their column have two spaces fewer before the help.
        let (forms, help) = line.split_once("  ").unwrap_or((forms, help));
        Some(Flag { forms: forms.trim().to_owned(), help: help.trim().to_owned() })
    };
    let flags = options.lines().filter_map(flag).collect();
    let mut commands: Vec<String> = usage
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| COMMANDS.contains(word))
        .map(str::to_owned)
        .collect();
    commands.sort();
    commands.dedup();
    Ok((flags, commands))
}

/// The commands of Weir's own that may stand in the usage.
const COMMANDS: [&str; 9] =
    ["check", "demo", "explain", "help", "keywords", "lint", "modernize", "plan", "test"];
