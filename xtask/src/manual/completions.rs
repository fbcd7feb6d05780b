//! Completions for bash, zsh and fish.

use super::{Flag, Page};

/// A file for each shell.
pub(super) fn pages(flags: &[Flag], commands: &[String]) -> Vec<Page> {
    let flags: Vec<(String, &str)> = flags
        .iter()
        .flat_map(|flag| names(&flag.forms).into_iter().map(|name| (name, flag.help.as_str())))
        .collect();
    let page = |name: &str, text| Page { path: format!("packaging/completions/{name}"), text };
    vec![
        page("weir.bash", bash(&flags, commands)),
        page("_weir", zsh(&flags, commands)),
        page("weir.fish", fish(&flags, commands)),
    ]
}

/// The options in a form: `-sf <pid>...`, `-W, -Ws`. What goes on in brackets is left out.
fn names(forms: &str) -> Vec<String> {
    let words = forms.split([' ', ',']).filter(|word| word.starts_with('-') && *word != "--");
    let bare = words.map(|word| word.split(['[', '<']).next().unwrap_or_default().to_owned());
    bare.filter(|name| name.len() > 1).collect()
}

fn bash(flags: &[(String, &str)], commands: &[String]) -> String {
    let names: Vec<&str> = flags.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        "# Made by `cargo xtask manual`.\n_weir() {{\n    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n    \
         case $before in\n        -C) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n        -f|-p|-x|--|check|lint|modernize|test) \
         COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n    esac\n    case $word in\n        -*) COMPREPLY=($(compgen -W '{}' -- \
         \"$word\")) ;;\n        *) [[ $COMP_CWORD -eq 1 ]] && COMPREPLY=($(compgen -W '{}' -- \"$word\")) || COMPREPLY=($(compgen -f \
         -- \"$word\")) ;;\n    esac\n}}\ncomplete -o filenames -F _weir weir\n",
        names.join(" "),
        commands.join(" ")
    )
}

fn zsh(flags: &[(String, &str)], commands: &[String]) -> String {
    let mut text = String::from("#compdef weir\n# Made by `cargo xtask manual`.\n_arguments \\\n");
    for (name, help) in flags {
        let help = help.replace(['[', ']', ':', '\''], " ");
        let argument = match name.as_str() {
            "-f" | "-p" | "-x" => ":file:_files",
            "-C" => ":folder:_files -/",
            _ => "",
        };
        text.push_str(&format!("  '*{name}[{help}]{argument}' \\\n"));
    }
    text.push_str(&format!("  '1:command:({})' \\\n  '*:file:_files'\n", commands.join(" ")));
    text
}

fn fish(flags: &[(String, &str)], commands: &[String]) -> String {
    let mut text = String::from("# Made by `cargo xtask manual`.\n");
    for (name, help) in flags {
        let (name, help) = (name.trim_start_matches('-'), help.replace('\'', "\\'"));
        text.push_str(&format!("complete -c weir -o {name} -d '{help}'\n"));
    }
    text.push_str(&format!("complete -c weir -n __fish_use_subcommand -a '{}'\n", commands.join(" ")));
    text
}
