//! The command line, with HAProxy's grammar (management manual, chapter 3).
//!
//! One loop over the words: an option is known by its first letters, `-sf` and `-st` take every word up to the next
//! option, `--` makes the rest files. Nothing is acted upon here; [`parse`] says what is asked for.

mod debug;
pub(crate) mod help;
pub(crate) mod usage;
pub(crate) mod version;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub(crate) use debug::{Dump, Switches, memory_help};

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Load a configuration and serve it, or only check it.
    Run(Box<Options>),
    /// Judge one condition of the language (`-cc`).
    Judge(OsString),
    /// Print the version in one of its forms.
    Version(version::Form),
    /// Print what `-dM` knows.
    MemoryHelp,
    /// A subcommand of this program's own.
    Own(Own),
}

/// The subcommands that HAProxy does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// `weir check FILE...`
    Check(Vec<PathBuf>),
    /// `weir plan NEW.cfg [SOCKET|OLD.cfg]`
    Plan(PathBuf, Option<PathBuf>),
    /// `weir explain -f FILE [-H LINE] [--src ADDRESS] [--json] REQUEST`
    Explain(Box<crate::explain::Question>),
    /// `weir test [--junit FILE] FILE`
    Test(PathBuf, Option<PathBuf>),
    /// `weir lint [--format text|json|sarif] FILE...`
    Lint(weir_lint::Shape, Vec<PathBuf>),
    /// `weir modernize FILE`
    Modernize(PathBuf),
    /// `weir keywords`
    Keywords,
    /// `weir keywords --long`
    LongKeywords,
    /// `weir demo`
    Demo,
    /// `weir help`
    Help,
    /// `weir help COMMAND`, with the text.
    HelpOn(&'static str),
}

/// Everything that a start can be told on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `-f`, `--`: files and folders in the order given.
    pub(crate) files: Vec<PathBuf>,
    /// `-c`
    pub(crate) check: bool,
    /// `-C`
    pub(crate) folder: Option<PathBuf>,
    /// `-D`
    pub(crate) daemon: bool,
    /// `-W`, `-Ws`
    pub(crate) master: bool,
    /// `-Ws`
    pub(crate) notify: bool,
    /// `-q`; cleared by `-V`.
    pub(crate) quiet: bool,
    /// `-V`
    pub(crate) verbose: bool,
    /// `-p`
    pub(crate) pidfile: Option<PathBuf>,
    /// `-m`, megabytes.
    pub(crate) memory: Option<u64>,
    /// `-n`
    pub(crate) maxconn: Option<u32>,
    /// `-N`
    pub(crate) proxy_maxconn: Option<u32>,
    /// `-L`
    pub(crate) local_peer: Option<String>,
    /// `-x`
    pub(crate) old_socket: Option<PathBuf>,
    /// `-S`: the words of a bind line.
    pub(crate) master_cli: Option<Vec<String>>,
    /// `-sf`, `-st`
    pub(crate) old: Option<OldProcesses>,
    /// `-d...` that switch something.
    pub(crate) switches: Switches,
    /// `-d...` that print something.
    pub(crate) dumps: Vec<Dump>,
    /// Words that were accepted without effect, each with the reason.
    pub(crate) inert: Vec<(String, &'static str)>,
    /// What was said twice.
    pub(crate) warnings: Vec<&'static str>,
    /// `-dt`, as lines of a `traces` section.
    pub(crate) traces: Vec<String>,
}

/// Processes that the started one replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OldProcesses {
    /// `-sf`: they finish what they are doing. `-st`: they stop at once.
    pub(crate) finish: bool,
    /// Their numbers.
    pub(crate) pids: Vec<i32>,
}

/// Why a command line cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misuse {
    /// What is wrong, as an alert; absent where the usage text says enough.
    pub(crate) message: Option<String>,
    /// Whether the usage text follows.
    pub(crate) usage: bool,
}

/// Reads the words behind the program's name.
///
/// # Errors
/// A word that is no option, an option without its argument, or an argument that means nothing.
pub(crate) fn parse(words: &[OsString]) -> Result<Request, Misuse> {
    if let Some(own) = own_command(words)? {
        return Ok(Request::Own(own));
    }
    let mut words = Words(words);
    let mut options = Options::default();
    while let Some(word) = words.next() {
        match word.as_bytes().strip_prefix(b"-") {
            Some(b"-") => options.files.extend(words.rest().iter().map(PathBuf::from)),
            Some(flag) => {
                if let Some(answer) = option(flag, &mut words, &mut options)? {
                    return Ok(answer);
                }
            }
            None => return Err(Misuse::usage()),
        }
    }
    if options.files.is_empty() {
        return Err(Misuse::usage());
    }
    Ok(Request::Run(Box::new(options)))
}

// === impl Options ===

impl Options {
    /// Whether the process stays in front (`-db`, `-d`), whatever else was said.
    pub(crate) fn foreground(&self) -> bool {
        self.switches.intersects(Switches::FOREGROUND | Switches::DEBUG)
    }
}

// === impl Misuse ===

impl Misuse {
    /// The usage text alone.
    fn usage() -> Self {
        Self { message: None, usage: true }
    }

    /// An alert without the usage text.
    fn alert(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), usage: false }
    }
}

/// What is left of the command line.
struct Words<'a>(&'a [OsString]);

// === impl Words ===

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a OsStr> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn rest(&mut self) -> &'a [OsString] {
        std::mem::take(&mut self.0)
    }

    fn argument(&mut self, option: char) -> Result<&'a OsStr, Misuse> {
        self.next().ok_or_else(|| Misuse::alert(format!("option '-{option}' expects an argument.")))
    }

    fn text(&mut self, option: char) -> Result<String, Misuse> {
        Ok(self.argument(option)?.to_string_lossy().into_owned())
    }

    /// A number as the reference reads one: leading digits count, nothing counts as 0, and 0 says nothing.
    fn number<N: TryFrom<u64>>(&mut self, option: char) -> Result<Option<N>, Misuse> {
        let text = self.text(option)?;
        let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
        Ok(digits.parse::<u64>().ok().filter(|n| *n > 0).and_then(|n| N::try_from(n).ok()))
    }

    /// The words up to the next option, as numbers of processes.
    fn pids(&mut self, finish: bool) -> Result<OldProcesses, Misuse> {
        let mut pids = Vec::new();
        while let Some(word) = self.0.first().filter(|w| !w.as_bytes().starts_with(b"-")) {
            let text = word.to_string_lossy();
            match text.parse::<i32>() {
                Ok(pid) if pid > 0 => pids.push(pid),
                _ => {
                    let option = if finish { "-sf" } else { "-st" };
                    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                    let left = text.get(digits..).unwrap_or_default();
                    let message = match left {
                        "" => format!("{option} option: '{text}' is not the number of a process."),
                        left => format!("{option} option: some bytes unconsumed in PID list {{{left}}}"),
                    };
                    return Err(Misuse { message: Some(message), usage: true });
                }
            }
            self.next();
        }
        Ok(OldProcesses { finish, pids })
    }
}

/// Applies one option, without its dash. An answer ends the command line.
fn option(flag: &[u8], words: &mut Words<'_>, options: &mut Options) -> Result<Option<Request>, Misuse> {
    match flag {
        [b'v', rest @ ..] => return Ok(Some(Request::Version(version::Form::named(rest)))),
        [b'c', b'c', ..] => {
            let condition = words.next().ok_or_else(Misuse::usage)?;
            return Ok(Some(Request::Judge(condition.to_owned())));
        }
        [b'd', b'M', rest @ ..] => {
            if debug::memory(&String::from_utf8_lossy(rest), options)? {
                return Ok(Some(Request::MemoryHelp));
            }
        }
        [b'd', rest @ ..] => debug::option(&String::from_utf8_lossy(rest), words, options)?,
        [b's', b'f', ..] => options.old = Some(words.pids(true)?),
        [b's', b't', ..] => options.old = Some(words.pids(false)?),
        [b'c', ..] => options.check = true,
        [b'C', ..] => options.folder = Some(words.argument('C')?.into()),
        [b'D', ..] => options.daemon = true,
        [b'W', rest @ ..] => {
            options.master = true;
            options.notify |= rest.starts_with(b"s");
        }
        [b'q', ..] => options.quiet = !options.verbose,
        [b'V', ..] => (options.quiet, options.verbose) = (false, true),
        [b'4', ..] => options.inert.push(("-4".into(), "there are no resolvers yet that it could limit")),
        [b'f', ..] => options.files.push(words.argument('f')?.into()),
        [b'p', ..] => options.pidfile = Some(words.argument('p')?.into()),
        [b'm', ..] => options.memory = words.number('m')?,
        [b'n', ..] => options.maxconn = words.number('n')?,
        [b'N', ..] => options.proxy_maxconn = words.number('N')?,
        [b'L', ..] => options.local_peer = Some(words.text('L')?),
        [b'x', ..] => {
            let word = words.next().ok_or_else(|| Misuse {
                message: Some("Unix socket path expected with the -x flag".into()),
                usage: true,
            })?;
            options.warnings.extend(
                options.old_socket.is_some().then_some("-x option already set, overwriting the value"),
            );
            let path = PathBuf::from(word);
            options.old_socket = (path.as_os_str() != "/dev/null").then_some(path);
        }
        [b'S', ..] => {
            let bind = words.text('S')?;
            options.master_cli = Some(bind.split(',').map(str::to_owned).collect());
        }
        _ => return Err(Misuse::usage()),
    }
    Ok(None)
}

/// A subcommand of our own, where the first word is one.
fn own_command(words: &[OsString]) -> Result<Option<Own>, Misuse> {
    let Some((first, rest)) = words.split_first() else { return Ok(None) };
    if let Some(text) = help_on(words) {
        return Ok(Some(Own::HelpOn(text)));
    }
    let own = match first.as_bytes() {
        b"check" if rest.is_empty() => {
            return Err(Misuse { message: Some("check: expects the files to check.".into()), usage: true });
        }
        b"check" => return Ok(Some(Own::Check(rest.iter().map(PathBuf::from).collect()))),
        b"keywords" if rest == ["--long"] => return Ok(Some(Own::LongKeywords)),
        b"plan" => match rest {
            [new] => return Ok(Some(Own::Plan(new.into(), None))),
            [new, against] => return Ok(Some(Own::Plan(new.into(), Some(against.into())))),
            _ => {
                let message = "plan: expects the new file, and a socket or the old file.".into();
                return Err(Misuse { message: Some(message), usage: true });
            }
        },
        b"explain" => return explain(rest).map(Some),
        b"test" => return test(rest).map(Some),
        b"lint" => return lint(rest).map(Some),
        b"modernize" | b"modernise" => {
            let [file] = rest else {
                return Err(Misuse { message: Some("modernize: expects one file.".into()), usage: true });
            };
            return Ok(Some(Own::Modernize(PathBuf::from(file))));
        }
        b"keywords" => Own::Keywords,
        b"demo" => Own::Demo,
        b"help" | b"--help" => Own::Help,
        _ => return Ok(None),
    };
    match rest.first() {
        Some(extra) => {
            let name = first.to_string_lossy();
            let extra = extra.to_string_lossy();
            Err(Misuse { message: Some(format!("{name}: unexpected argument '{extra}'.")), usage: true })
        }
        None => Ok(Some(own)),
    }
}

/// `help COMMAND`, `COMMAND --help`
fn help_on(words: &[OsString]) -> Option<&'static str> {
    match words {
        [ask, command] if ask == "help" || ask == "--help" => help::on(command.to_str()?),
        [command, ask] if ask == "help" || ask == "--help" || ask == "-h" => help::on(command.to_str()?),
        _ => None,
    }
}

/// The words behind `weir explain`.
fn explain(words: &[OsString]) -> Result<Own, Misuse> {
    let misuse = |message: String| Misuse { message: Some(format!("explain: {message}")), usage: true };
    let mut question = crate::explain::Question::default();
    let (mut headers, mut source, mut frontend, mut request) = (Vec::new(), None, None, None);
    let mut words = words.iter().map(|w| w.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let mut value =
            || words.next().ok_or_else(|| misuse(format!("option '{word}' expects an argument.")));
        match word.as_str() {
            "-f" => question.files.push(PathBuf::from(value()?)),
            "-H" => {
                let line = value()?;
                let (name, text) =
                    line.split_once(':').ok_or_else(|| misuse("-H expects 'name: value'.".to_owned()))?;
                headers.push((name.trim().to_owned(), text.trim().to_owned()));
            }
            "--src" => {
                let text = value()?;
                let address = crate::explain::suite::source(&text);
                source = Some(address.ok_or_else(|| misuse(format!("'{text}' is no address.")))?);
            }
            "--frontend" => frontend = Some(value()?),
            "--data" => question.request.body = value()?.into_bytes(),
            "--json" => question.json = true,
            text => request = Some(crate::explain::Request::parse(text).map_err(misuse)?),
        }
    }
    let Some(request) = request.filter(|_| !question.files.is_empty()) else {
        return Err(misuse("expects -f <file> and a request as 'GET https://host/path'.".to_owned()));
    };
    let body = std::mem::take(&mut question.request.body);
    question.request = crate::explain::Request { headers, source, frontend, body, ..request };
    Ok(Own::Explain(Box::new(question)))
}

/// The words behind `weir test`.
fn test(words: &[OsString]) -> Result<Own, Misuse> {
    let (file, junit) = match words {
        [file] => (file, None),
        [option, junit, file] | [file, option, junit] if option == "--junit" => {
            (file, Some(PathBuf::from(junit)))
        }
        _ => return Err(Misuse { message: Some("test: expects one file of cases.".into()), usage: true }),
    };
    Ok(Own::Test(PathBuf::from(file), junit))
}

/// The words behind `weir lint`.
fn lint(words: &[OsString]) -> Result<Own, Misuse> {
    let misuse = |message: &str| Misuse { message: Some(format!("lint: {message}")), usage: true };
    let (mut shape, mut files) = (weir_lint::Shape::Text, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let format = match text.strip_prefix("--format") {
            Some("") => words.next().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default(),
            Some(rest) => rest.trim_start_matches('=').to_owned(),
            None => {
                files.push(PathBuf::from(word));
                continue;
            }
        };
        shape = match format.as_str() {
            "text" => weir_lint::Shape::Text,
            "json" => weir_lint::Shape::Json,
            "sarif" => weir_lint::Shape::Sarif,
            _ => return Err(misuse("--format is text, json or sarif.")),
        };
    }
    if files.is_empty() {
        return Err(misuse("expects the files of a configuration."));
    }
    Ok(Own::Lint(shape, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_ascii_whitespace().map(OsString::from).collect()
    }

    #[track_caller]
    fn run(line: &str) -> Options {
        match parse(&words(line)) {
            Ok(Request::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn files_keep_their_order_and_the_rest_after_two_dashes_is_files() {
        let cases: [(&str, &[&str]); 4] = [
            ("-f a", &["a"]),
            ("-f a -q -f dir", &["a", "dir"]),
            ("-f a -- b c", &["a", "b", "c"]),
            ("-- a -f", &["a", "-f"]),
        ];
        for (line, files) in cases {
            let wanted: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            assert_eq!(run(line).files, wanted, "{line}");
        }
    }

    #[test]
    fn pid_lists_end_at_the_next_option() {
        let cases: [(&str, bool, &[i32]); 4] = [
            ("-f a -sf 1 2 3", true, &[1, 2, 3]),
            ("-sf 1 2 -f a", true, &[1, 2]),
            ("-f a -st", false, &[]),
            ("-f a -st 7 -q", false, &[7]),
        ];
        for (line, finish, pids) in cases {
            assert_eq!(run(line).old, Some(OldProcesses { finish, pids: pids.to_vec() }), "{line}");
        }
        for line in ["-f a -sf abc", "-f a -st 0", "-f a -sf 1x"] {
            assert!(parse(&words(line)).unwrap_err().usage, "{line}");
        }
    }

    #[test]
    fn each_option_sets_what_it_names() {
        type Holds = fn(&Options) -> bool;
        let cases: [(&str, Holds); 24] = [
            ("-c", |o| o.check),
            ("-C /tmp", |o| o.folder == Some("/tmp".into())),
            ("-D", |o| o.daemon),
            ("-W", |o| o.master && !o.notify),
            ("-Ws", |o| o.master && o.notify),
            ("-db", Options::foreground),
            ("-d", Options::foreground),
            ("-q", |o| o.quiet),
            ("-q -V", |o| !o.quiet && o.verbose),
            ("-4", |o| o.inert.len() == 1),
            ("-p /run/p", |o| o.pidfile == Some("/run/p".into())),
            ("-m 100", |o| o.memory == Some(100)),
            ("-n 12", |o| o.maxconn == Some(12)),
            ("-n x", |o| o.maxconn.is_none()),
            ("-n 0", |o| o.maxconn.is_none()),
            ("-N 5", |o| o.proxy_maxconn == Some(5)),
            ("-L me", |o| o.local_peer.as_deref() == Some("me")),
            ("-x /run/s", |o| o.old_socket == Some("/run/s".into())),
            ("-x /dev/null", |o| o.old_socket.is_none()),
            ("-S /run/m,mode,600", |o| o.master_cli == Some(words_of(&["/run/m", "mode", "600"]))),
            ("-dW", |o| o.switches.contains(Switches::ZERO_WARNING)),
            ("-dr", |o| o.switches.contains(Switches::IGNORE_RESOLUTION)),
            ("-dV", |o| o.switches.contains(Switches::NO_SERVER_VERIFY)),
            ("-dS -dR", |o| o.switches.contains(Switches::NO_SPLICE | Switches::NO_REUSE_PORT)),
        ];
        for (line, holds) in cases {
            assert!(holds(&run(&format!("{line} -f a"))), "{line}");
        }
    }

    fn words_of(list: &[&str]) -> Vec<String> {
        list.iter().map(|&w| w.to_owned()).collect()
    }

    #[test]
    fn some_words_end_the_command_line_with_an_answer() {
        let cases = [
            ("-v", Request::Version(version::Form::Short)),
            ("-vfoo -f", Request::Version(version::Form::Short)),
            ("-vv", Request::Version(version::Form::Full)),
            ("-vq", Request::Version(version::Form::Number)),
            ("-vqs", Request::Version(version::Form::Release)),
            ("-vqb", Request::Version(version::Form::Branch)),
            ("-cc true()", Request::Judge("true()".into())),
            ("-dMhelp", Request::MemoryHelp),
            ("-dM0x50,help -f", Request::MemoryHelp),
            ("keywords", Request::Own(Own::Keywords)),
            ("help", Request::Own(Own::Help)),
            ("help demo", Request::Own(Own::HelpOn(help::on("demo").unwrap()))),
            ("demo --help", Request::Own(Own::HelpOn(help::on("demo").unwrap()))),
            ("demo", Request::Own(Own::Demo)),
            ("plan a", Request::Own(Own::Plan("a".into(), None))),
            ("plan a b", Request::Own(Own::Plan("a".into(), Some("b".into())))),
            ("check a b", Request::Own(Own::Check(vec!["a".into(), "b".into()]))),
        ];
        for (line, wanted) in cases {
            assert_eq!(parse(&words(line)), Ok(wanted), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_obeyed_says_why() {
        let cases = [
            ("", None, true),
            ("-q", None, true),
            ("-Z -f a", None, true),
            ("-sx -f a", None, true),
            ("-f a stray", None, true),
            ("-cc", None, true),
            ("-f", Some("option '-f' expects an argument."), false),
            ("-f a -n", Some("option '-n' expects an argument."), false),
            ("-f a -dMfoo", Some("-dM: unknown memory debugging feature <foo>"), false),
            ("-f a -dt foo", Some("config : -dt: unknown trace source 'foo'."), false),
            ("-f a -dA", Some("-dA: missing output file name"), false),
            ("check", Some("check: expects the files to check."), true),
            ("plan", Some("plan: expects the new file, and a socket or the old file."), true),
            ("demo x", Some("demo: unexpected argument 'x'."), true),
        ];
        for (line, message, usage) in cases {
            let misuse = parse(&words(line)).unwrap_err();
            assert_eq!((misuse.message.as_deref(), misuse.usage), (message, usage), "{line}");
        }
    }
}
