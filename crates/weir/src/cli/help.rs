//! `weir help COMMAND`: what each command of Weir's own takes, gives and ends with, and an example.

/// The help on a command; none where there is no such command.
pub(crate) fn on(command: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(name, _)| *name == command).map(|(_, text)| *text)
}

const COMMANDS: &[(&str, &str)] = &[
    (
        "check",
        "\
Usage : weir check <file>...

Loads the files and says what is wrong in them, with more than -c: what keeps the program from starting later, too.
Ends with 0 where they are valid, with 1 where not.

    weir check /etc/haproxy/haproxy.cfg
",
    ),
    (
        "lint",
        "\
Usage : weir lint [--format <text|json|sarif>] <file>...

Finds what loads and is wrong all the same: rules that are never reached, names that nobody uses, missing timeouts,
secrets in clear. Each finding has a code that stays. Ends with 0 where nothing is worth a warning, with 1 where something
is, with 2 where the files do not load. Several files are one configuration.

    weir lint /etc/haproxy/haproxy.cfg
    weir lint --format sarif haproxy.cfg > findings.sarif
",
    ),
    (
        "explain",
        "\
Usage : weir explain -f <file> [-H <header>]... [--src <address>] [--frontend <name>] [--data <body>] [--json]
                     '<method> <url>'

Tells what becomes of a request, rule by rule: ACLs and the values that they looked at, variables, the backend, the
server and why, changed headers, what is written to stick tables. The engine that serves runs the request; no server is
asked, each is taken to be up and to answer 200.

        -f <file>              the configuration; may be repeated
        -H <header>            a header line, 'name: value'; may be repeated
        --src <address>        where the request comes from, with or without a port
        --frontend <name>      the frontend that takes it; the one on the port of the URL unless told
        --data <body>          the body
        --json                 for programs

    weir explain -f haproxy.cfg --src 10.0.0.7 -H 'X-Team: blue' 'GET https://www.example.com/api?v=1'
",
    ),
    (
        "test",
        "\
Usage : weir test [--junit <file>] <file>

Runs cases against a configuration, as explain does, one after the other on one start: tables, turns and variables go
on from case to case. Ends with 0 where all hold, with 1 where one does not, with 2 where the file cannot be run.

    config haproxy.cfg                  the configuration; the file's name with .cfg unless told
    case the API has servers of its own
        request GET https://www.example.com/api
        header X-Team: blue             what the request has besides
        src 10.0.0.7
        frontend www
        body {\"a\": 1}
        expect status 200
        expect backend api
        expect server a1                none where no server is chosen
        expect header location: /there  a line of the answer; !location for none, location for any
        expect sent x-forwarded-for: 10.0.0.7      a line of what the server gets
        expect var txn.team = blue
",
    ),
    (
        "modernize",
        "\
Usage : weir modernize <file>

Prints the file in today's spelling, comments and layout kept.

    weir modernize old.cfg > new.cfg
",
    ),
    (
        "plan",
        "\
Usage : weir plan <new.cfg> [<socket>|<old.cfg>]

Tells in words what a reload would change: against the process behind the admin socket that the file names, behind
another, or against another file.

    weir plan new.cfg
",
    ),
    (
        "keywords",
        "\
Usage : weir keywords [--long]

Lists every word of the language: kind, name, and whether it works, is inert or is refused, with the reason; --long adds
sections and a line of help.

    weir keywords | grep '^fetch'
",
    ),
    ("demo", "Usage : weir demo\n\nTwo servers and a balancer before them on free ports, to look at; Ctrl-C ends it.\n"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_usage_has_a_help_of_its_own() {
        let usage = crate::cli::usage::text("weir");
        for (name, text) in COMMANDS {
            assert!(text.starts_with(&format!("Usage : weir {name}")), "{name}");
            assert!(usage.contains(&format!(" {name} ")), "{name}");
        }
        assert_eq!(on("explain"), COMMANDS.iter().find(|(n, _)| *n == "explain").map(|(_, t)| *t));
        assert_eq!(on("nothing"), None);
    }
}
