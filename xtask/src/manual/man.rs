//! The man pages: the program, and the words of its configuration.

use super::reference::KINDS;
use super::{Flag, Page, Word};

/// `weir(8)` and `weir.cfg(5)`.
pub(super) fn pages(words: &[Word], flags: &[Flag]) -> Vec<Page> {
    vec![
        Page { path: "packaging/man/weir.8".into(), text: program(flags) },
        Page { path: "packaging/man/weir.cfg.5".into(), text: configuration(words) },
    ]
}

fn program(flags: &[Flag]) -> String {
    let mut text = head("WEIR", 8, "weir", "load balancer that reads haproxy.cfg");
    text.push_str(
        ".SH SYNOPSIS\n.B weir\n.RB [ \\-f\n.IR file | folder ]...\n.RI [ options ]\n.RB [ \\-\\-\n.IR file ...]\n.br\n.B \
         weir check\n.IR file ...\n.br\n.B weir keywords\n.br\n.B weir demo\n.SH DESCRIPTION\nBalances TCP and HTTP as its \
         configuration says, in the language of HAProxy 3.4. With\n.B \\-c\nit only checks the configuration.\n.SH OPTIONS\n",
    );
    for flag in flags {
        text.push_str(&format!(".TP\n.B {}\n{}\n", roff(&flag.forms), roff(&flag.help)));
    }
    text.push_str(
        ".SH SIGNALS\n.TP\n.B SIGUSR2, SIGHUP\nLoad the configuration again; what runs goes on where it is wrong.\n.TP\n.B \
         SIGUSR1\nTake no connection any more, and end with the last one.\n.TP\n.B SIGTERM, SIGINT\nEnd at once.\n.SH \
         FILES\n.TP\n.I /etc/haproxy/haproxy.cfg\nThe configuration.\n.TP\n.I /etc/default/weir\nWhat the unit is started \
         with.\n.SH EXIT STATUS\n0 where all went well, 1 where the configuration or the command line is wrong, 2 where the \
         configuration has nothing to listen on.\n.SH SEE ALSO\n.BR weir.cfg (5)\n",
    );
    text
}

fn configuration(words: &[Word]) -> String {
    let mut text = head("WEIR.CFG", 5, "weir.cfg", "words of the configuration");
    text.push_str(
        ".SH DESCRIPTION\nA line begins with a word; words end at blanks; quotes, backslashes and # are as in HAProxy. Words \
         that are known and refused are named, with the reason, by\n.BR \"weir keywords\" .\n",
    );
    for (class, title, intro) in KINDS {
        let works = |word: &&Word| word.class == *class && word.state == "works";
        let mut of_class = words.iter().filter(works).peekable();
        if of_class.peek().is_none() {
            continue;
        }
        text.push_str(&format!(".SH {}\n{}\n", title.to_uppercase(), roff(&intro.replace('`', ""))));
        for word in of_class {
            text.push_str(&format!(".TP\n.B {}\n{}\n", roff(&word.name), roff(&word.help)));
        }
    }
    text.push_str(".SH SEE ALSO\n.BR weir (8)\n");
    text
}

fn head(title: &str, section: u8, name: &str, what: &str) -> String {
    format!(
        ".\\\" Made by `cargo xtask manual`.\n.TH {title} {section} \"\" \"Weir\" \"Weir\"\n.SH NAME\n{name} \\- {what}\n"
    )
}

/// Text in which nothing is a request or an escape of roff.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.is_empty() {
        return "\\&".to_owned();
    }
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
