//! The reference pages: a table of words for each kind.

use super::{Page, Word};

/// The pages and their index.
pub(super) fn pages(words: &[Word]) -> Vec<Page> {
    let mut index = String::from(
        "# Reference\n\nEvery word of the language that Weir knows, made from its tables by `cargo xtask manual`. What a word \
         means in full stands\nin HAProxy's configuration manual; these pages say what it does here.\n\n| page | words | work \
         | have no effect here | are refused |\n|---|---|---|---|---|\n",
    );
    let mut pages = Vec::new();
    for (class, title, intro) in KINDS {
        let of_class: Vec<&Word> = words.iter().filter(|word| word.class == *class).collect();
        if of_class.is_empty() {
            continue;
        }
        let count = |state: &str| of_class.iter().filter(|word| word.state.starts_with(state)).count();
        index.push_str(&format!(
            "| [{title}]({class}.md) | {} | {} | {} | {} |\n",
            of_class.len(),
            count("works"),
            count("inert"),
            count("refused")
        ));
        pages.push(Page { path: format!("docs/reference/{class}.md"), text: page(title, intro, &of_class) });
    }
    pages.push(Page { path: "docs/reference/README.md".into(), text: index });
    pages
}

fn page(title: &str, intro: &str, words: &[&Word]) -> String {
    let mut text = format!("# {title}\n\n{intro}\n\n| word | what it does | where |\n|---|---|---|\n");
    let section = |state: &str| words.iter().filter(|word| word.state.starts_with(state)).collect::<Vec<_>>();
    for word in section("works") {
        let row = format!("| `{}` | {} | {} |\n", cell(&word.name), cell(&word.help), cell(&word.sections));
        text.push_str(&row);
    }
    for (state, title) in [("inert", "Accepted, without effect here"), ("refused", "Refused")] {
        let of_state = section(state);
        if of_state.is_empty() {
            continue;
        }
        text.push_str(&format!("\n## {title}\n\n| word | why |\n|---|---|\n"));
        for word in of_state {
            let why = word.state.strip_prefix(state).unwrap_or_default().trim();
            text.push_str(&format!("| `{}` | {} |\n", cell(&word.name), cell(why)));
        }
    }
    text
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// Class, title, and what stands above the table.
pub(super) const KINDS: &[(&str, &str, &str)] = &[
    ("section", "Sections", "What begins a section."),
    ("global", "Process settings", "Lines of the `global` section."),
    ("proxy", "Proxies", "Lines of `defaults`, `frontend`, `listen` and `backend` sections."),
    ("bind", "Bind options", "Words of `bind` lines, and of `stats socket` where they fit."),
    ("server", "Server options", "Words of `server`, `default-server` and `server-template` lines."),
    ("action", "Actions", "What rules do, the set of rules first."),
    ("acl", "ACL criteria", "Criteria of ACLs that are no plain fetches."),
    ("fetch", "Sample fetches", "Where samples come from."),
    ("converter", "Converters", "What samples are turned into."),
    ("filter", "Filters", "What `filter` lines name."),
    ("userlist", "Users", "Lines of `userlist` sections."),
    ("peers", "Peers", "Lines of `peers` sections."),
    ("crt-list", "Certificate lists", "Words of lines in `crt-list` files."),
    ("crt-store", "Certificate stores", "Lines of `crt-store` sections."),
    ("traces", "Traces", "Lines of `traces` sections."),
    ("acme", "ACME", "Lines of `acme` sections."),
    ("cli", "Commands", "Commands of the runtime API."),
];
