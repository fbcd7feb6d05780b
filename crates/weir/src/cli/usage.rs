//! The help texts.

/// What `weir help` prints, and what follows a command line that cannot be obeyed.
pub(crate) fn text(program: &str) -> String {
    let mut out = format!(
        "Usage : {program} [-f <file|folder>]... [options] [-- <file>...]\n        {program} check <file>... | \
         lint [--format <text|json|sarif>] <file>... | modernize <file> | \n        {program} explain -f <file> [-H <header>] [--src <address>] \
         [--frontend <name>] [--data <body>] [--json] '<method> <url>' | \n        {program} test [--junit <file>] <file> | \n        \
         {program} plan <new.cfg> [<socket>|<old.cfg>] | keywords [--long] | demo | help [<command>]\n\n"
    );
    for (option, what) in OPTIONS {
        out.push_str(&format!("        {option:<22} {what}\n"));
    }
    out
}

const OPTIONS: &[(&str, &str)] = &[
    ("-f <file|folder>", "load this file, or the *.cfg files of this folder; may be repeated"),
    ("-- <file>...", "load all of these"),
    ("-c", "check the configuration and leave; -V says that it is valid"),
    ("-cc <condition>", "judge a condition as .if does; exit 0 true, 1 false, 2 error"),
    ("-C <folder>", "go to this folder first"),
    ("-D", "become a daemon"),
    ("-W, -Ws", "run a worker under a master; -Ws tells systemd when it is ready"),
    ("-S <bind>[,<option>...]", "listen for commands to the master"),
    ("-db, -d", "stay in front"),
    ("-q, -V", "say nothing; say more"),
    ("-p <file>", "write the process number into this file"),
    ("-n <count>", "most connections of the process"),
    ("-N <count>", "most connections of a proxy that does not say"),
    ("-m <megabytes>", "most memory of the process"),
    ("-L <name>", "name of the local peer"),
    ("-4", "use IPv4 addresses of names only"),
    ("-x <socket>", "take the listening sockets of the process behind this admin socket"),
    ("-sf <pid>...", "once started, ask these processes to finish and leave"),
    ("-st <pid>...", "once started, stop these processes"),
    ("-dW, -dD", "fail on warnings; point out doubtful style"),
    ("-dr, -dV", "ignore names of servers that do not resolve; do not check their certificates"),
    ("-dS, -dR, -dF, -dZ", "no splicing; no shared ports; bodies through buffers (both)"),
    ("-dI", "allow programs to be started"),
    ("-dC[key]", "print the configuration as read; with a key, names and secrets hashed"),
    ("-dK<class>[,...]", "print the keywords of these classes; -dKhelp lists them"),
    ("-dL, -dA<file>, -dc", "print shared objects; archive them; print processors"),
    ("-dM[...], -dG, -dT, -dt,", ""),
    ("-de, -dk, -dp, -dv", "accepted, without effect here"),
    ("-v, -vv, -vq[s|b]", "version; with what it can do; number alone"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn the_help_names_the_program_as_it_was_called() {
        let text = super::text("haproxy");
        assert!(text.starts_with("Usage : haproxy [-f <file|folder>]"));
        assert!(text.contains("haproxy check <file>..."));
    }
}
