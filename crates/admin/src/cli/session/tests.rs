use super::*;
use crate::cli::standard;

struct Age(u64);

impl World for Age {
    fn uptime(&self) -> Duration {
        Duration::from_secs(self.0)
    }
}

fn registry() -> Registry<Age> {
    let (among, last) = standard();
    Registry::new(vec![among], last)
}

fn open(level: CliLevel) -> Session {
    Session::new(level, SeverityOutput::None, Duration::from_secs(10), (64, 32))
}

/// Everything that a session answers to `pieces`, each come alone; `#` where it closes, `~` where it waits.
fn talk(level: CliLevel, pieces: &[&str]) -> String {
    let (registry, world, mut session) = (registry(), Age(90_061), open(level));
    let mut out = Vec::new();
    for piece in pieces {
        session.feed(piece.as_bytes());
        loop {
            match session.next(&registry, &world, &mut out) {
                Next::Input => break,
                Next::Send => {}
                Next::Follow(_) => session.followed(true, &world, &mut out),
                Next::Wait(_) => {
                    out.push(b'~');
                    session.resume(false, &world, &mut out);
                }
                Next::Close | Next::HandOver => {
                    out.push(b'#');
                    return String::from_utf8_lossy(&out).into_owned();
                }
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn a_session_speaks_as_the_reference_does() {
    for (pieces, wanted) in [
        (&["echo a\n"][..], "a\n\n#"),
        (&["ec", "ho a\n"], "a\n\n#"),
        (&["echo a;echo b\n"], "a\n\nb\n\n#"),
        (&["echo a\necho b\n"], "a\n\n#"),
        (&["\n"], "\n#"),
        (&[";echo a;\n"], "\na\n\n\n#"),
        (&["echo a\r\n"], "a\n\n\n#"),
        (&["quit;echo a\n"], "#"),
        (&["echo a;quit;echo b\n"], "a\n\n#"),
        (&["prompt\n", "echo a\n", "\n", "quit\n"], "\n> a\n\n> \n> #"),
        (&["prompt\necho a\n"], "\n> a\n\n> "),
        (&["prompt;echo a\n", "prompt\n"], "\na\n\n> \n#"),
        (&["prompt i\n", "echo a\n", "prompt\n", "prompt n;echo b\n"], "\na\n\n\n> \nb\n\n#"),
        (&["prompt timed\n"], "\n[1:01:01:01]> "),
        (&["prompt i timed\n", "prompt\n"], "\n\n[1:01:01:01]> "),
        (&["prompt\n", "echo a <<\n", "x\n", "\n"], "\n> + + a\n\n> "),
        (&["prompt\n", "echo a <<END\n", "x\n\nEND\n"], "\n> + a\n\n> "),
        (&["prompt\necho a <<\nx\n\necho b\n"], "\n> a\n\n> b\n\n> "),
        (&["prompt i\n", "echo a <<\n", "x\n", "\n"], "\na\n\n"),
        (&["wait 10;echo a\n"], "~Done.\n\na\n\n#"),
        (&["set timeout\n"], "'set timeout' only supports 'cli'.\n\n#"),
        (&["set timeout cli x\n"], "Invalid timeout value.\n\n#"),
        (&["set timeout cli 5\n"], "\n#"),
    ] {
        assert_eq!(talk(CliLevel::Admin, pieces), wanted, "{pieces:?}");
    }
}

#[test]
fn a_level_is_lowered_and_never_raised() {
    for (level, line, wanted) in [
        (CliLevel::Admin, "show cli level", "admin\n\n#"),
        (CliLevel::Operator, "wait 1", "Permission denied\n\n#"),
        (CliLevel::Admin, "operator;show cli level", "\noperator\n\n#"),
        (CliLevel::Admin, "user;operator;show cli level", "\nPermission denied\n\nuser\n\n#"),
    ] {
        assert_eq!(talk(level, &[&format!("{line}\n")]), wanted, "{line}");
    }
}

#[test]
fn what_is_too_long_ends_the_session() {
    let long = "x".repeat(65);
    let said = String::from_utf8_lossy(LINE_TOO_BIG).into_owned() + "#";
    assert_eq!(talk(CliLevel::Admin, &[&long]), said);
    assert_eq!(talk(CliLevel::Admin, &[&format!("{long}\n")]), said);
    let payload = format!("echo <<\n{}\n", "y".repeat(40));
    assert_eq!(
        talk(CliLevel::Admin, &[&payload]),
        String::from_utf8_lossy(PAYLOAD_TOO_BIG).into_owned() + "#"
    );
}

#[test]
fn a_client_that_ends_within_a_line_gets_no_answer() {
    let (registry, world, mut session) = (registry(), Age(0), open(CliLevel::User));
    let mut out = Vec::new();
    session.feed(b"echo a");
    session.end();
    assert_eq!(session.next(&registry, &world, &mut out), Next::Close);
    assert!(out.is_empty());
}

#[test]
fn an_unknown_command_is_answered_with_what_it_may_have_been() {
    let said = talk(CliLevel::User, &["ecko a\n"]);
    let head = "Unknown command: 'ecko', but maybe one of the following ones is a better match:\n";
    assert!(said.starts_with(head), "{said}");
    assert!(
        said.contains("  echo <text>                             : print text to the output\n"),
        "{said}"
    );
    assert!(said.ends_with("  quit                                    : disconnect\n\n#"), "{said}");
    let said = talk(CliLevel::User, &["show\n"]);
    assert_eq!(said.lines().filter(|line| line.starts_with("  ")).count(), 4, "{said}");
}
