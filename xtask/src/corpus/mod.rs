//! Loads configurations that people run, and compares Weir's verdicts with the reference's, and what `weir lint` says
//! of them with what is known to be true.
//!
//! The folder holds `*.cfg` files in which `@CORPUS@` stands for the folder's own path, and `verdicts.tsv` with
//! what the reference answered to `-c`. Where the folder is absent the chore says so and does nothing.

mod findings;

use crate::Result;
use crate::shell::{cargo, project, run as run_command, target};
use findings::{Finding, Judged};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use weir_testkit::{Outcome, Program, TempDir};

/// What both programs said about one file.
struct Verdict {
    file: String,
    reference_accepts: bool,
    weir: Outcome,
    /// What `weir lint` finds, where it can read the file.
    findings: Option<BTreeSet<Finding>>,
}

/// `cargo xtask corpus [--strict] [--run-reference] [FOLDER]`.
pub(crate) fn run(options: &[String]) -> Result {
    let asked = |name: &str| options.iter().any(|option| option == name);
    let folder = match folder(options.iter().find(|option| !option.starts_with("--"))) {
        Ok(folder) => folder,
        Err(missing) => {
            println!("skipped: there is no folder {}", missing.display());
            return Ok(());
        }
    };
    run_command(&mut cargo(&["build", "--quiet", "--package", "weir"]))?;
    let weir = Program::at("weir", target().join("debug/weir"));
    let reference = asked("--run-reference").then(Program::reference).flatten();
    let verdicts = judge(&folder, &weir, reference.as_ref())?;
    report(&verdicts, asked("--strict"))?;
    report_findings(&verdicts)
}

/// The folder of configurations: the given one, or the one beside the project.
///
/// # Errors
/// Its path, where it is absent.
pub(crate) fn folder(given: Option<&String>) -> std::result::Result<PathBuf, PathBuf> {
    let folder = given.map_or_else(|| project().join("../shared/corpus"), PathBuf::from);
    folder.canonicalize().map_err(|_| folder)
}

/// Loads every file of the folder.
fn judge(folder: &Path, weir: &Program, reference: Option<&Program>) -> Result<Vec<Verdict>> {
    let kept = kept_verdicts(folder)?;
    let scratch = TempDir::new();
    // Files that configurations name have the placeholder, too.
    let own = scratch.path().join("corpus");
    copy(&folder.join("files"), &own.join("files"), own.as_os_str().as_encoded_bytes())?;
    let mut verdicts = Vec::new();
    for (file, accepted) in kept {
        let text = fs::read(folder.join(&file)).map_err(|error| format!("{file}: {error}"))?;
        let text = replace(&text, b"@CORPUS@", own.as_os_str().as_encoded_bytes());
        let path = scratch.path().join(&file);
        fs::write(&path, text).map_err(|error| error.to_string())?;
        let path = path.display().to_string();
        let load = |program: &Program| program.run(&["-c", "-f", &path]);
        let reference_accepts = reference.map_or(accepted, |program| load(program).success());
        let linted = weir.run(&["lint", &path]);
        let findings = linted.code.is_some_and(|code| code < 2).then(|| findings::told(&linted.stdout));
        verdicts.push(Verdict { file, reference_accepts, weir: load(weir), findings });
    }
    Ok(verdicts)
}

/// Copies a folder, with `root` in the place of the placeholder.
fn copy(from: &Path, to: &Path, root: &[u8]) -> Result {
    let said = |error: std::io::Error| format!("{}: {error}", from.display());
    if from.is_dir() {
        fs::create_dir_all(to).map_err(said)?;
        for entry in fs::read_dir(from).map_err(said)? {
            let name = entry.map_err(said)?.file_name();
            copy(&from.join(&name), &to.join(&name), root)?;
        }
        return Ok(());
    }
    let content = fs::read(from).map_err(said)?;
    fs::write(to, replace(&content, b"@CORPUS@", root)).map_err(said)
}

/// The reference's verdict on each file: its name, and whether it was accepted.
fn kept_verdicts(folder: &Path) -> Result<Vec<(String, bool)>> {
    let text = fs::read_to_string(folder.join("verdicts.tsv")).map_err(|error| error.to_string())?;
    let rows = text.lines().skip(1).map(|line| line.split('\t'));
    Ok(rows.filter_map(|mut row| Some((row.next()?.to_owned(), row.next()? == "0"))).collect())
}

/// Prints the verdicts.
///
/// # Errors
/// Where Weir panicked, or (strictly) refused what the reference accepts for anything but work still to come.
fn report(verdicts: &[Verdict], strict: bool) -> Result {
    let count = |reference: bool, weir: bool| {
        let same = |v: &&Verdict| v.reference_accepts == reference && v.weir.success() == weir;
        verdicts.iter().filter(same).count()
    };
    let panics: Vec<&str> = verdicts.iter().filter(|v| v.panicked()).map(|v| v.file.as_str()).collect();
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    let mut unexplained = 0;
    for verdict in verdicts.iter().filter(|v| v.reference_accepts && !v.weir.success()) {
        let alerts = verdict.alerts();
        let (to_come, other): (Vec<&str>, Vec<&str>) = alerts.iter().partition(|alert| is_to_come(alert));
        for alert in &to_come {
            *words.entry(quoted(alert)).or_default() += 1;
        }
        if !other.is_empty() || alerts.is_empty() {
            unexplained += 1;
            println!(
                "{}: refused by weir alone: {}",
                verdict.file,
                other.first().unwrap_or(&"without an alert")
            );
        }
    }
    for verdict in verdicts.iter().filter(|v| !v.reference_accepts && v.weir.success()) {
        println!("{}: accepted by weir alone", verdict.file);
    }
    let mut words: Vec<(String, usize)> = words.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let words: Vec<String> = words.iter().map(|(word, count)| format!("{word} ({count})")).collect();
    println!("still to come: {}", words.join(", "));
    println!("accepted by both       {:4}", count(true, true));
    println!("refused by both        {:4}", count(false, false));
    println!(
        "refused by weir alone  {:4}, {unexplained} of them not only for words still to come",
        count(true, false)
    );
    println!("accepted by weir alone {:4}", count(false, true));
    println!("panics                 {:4} {}", panics.len(), panics.join(" "));
    if !panics.is_empty() {
        return Err("the loader panicked".to_owned());
    }
    if strict && unexplained > 0 {
        return Err(format!("{unexplained} files are refused for something that is not still to come"));
    }
    Ok(())
}

/// Compares what `weir lint` finds with what is true.
///
/// # Errors
/// Where they differ in a file that was judged.
fn report_findings(verdicts: &[Verdict]) -> Result {
    let judged = Judged::read()?;
    let mut wrong = Vec::new();
    let (mut files, mut count) = (0, 0);
    for (verdict, found) in verdicts.iter().filter_map(|v| Some((v, v.findings.as_ref()?))) {
        match judged.differences(&verdict.file, found) {
            Some(differences) => {
                files += 1;
                count += found.len();
                wrong.extend(differences);
            }
            None => println!("{}: {} findings of lint, not judged", verdict.file, found.len()),
        }
    }
    println!("findings of lint       {count:4}, all known to be true but {}, in {files} files", wrong.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

// === impl Verdict ===

impl Verdict {
    fn panicked(&self) -> bool {
        self.weir.code.is_none() || self.weir.code == Some(101) || self.weir.text().contains("panicked at")
    }

    /// Weir's alerts, the ones that only sum up left out.
    fn alerts(&self) -> Vec<&str> {
        let sums_up = |line: &str| SUMMARIES.iter().any(|summary| line.contains(summary));
        let alerts = self.weir.stderr.lines().chain(self.weir.stdout.lines());
        alerts.filter(|line| line.starts_with("[ALERT]") && !sums_up(line)).collect()
    }
}

/// True where an alert says that its word is known and not there yet.
fn is_to_come(alert: &str) -> bool {
    alert.contains(TO_COME)
}

/// The word that a message says is still to come: the quoted one right before the phrase.
fn quoted(alert: &str) -> String {
    let before = alert.split(TO_COME).next().unwrap_or_default();
    before.rsplit('\'').nth(1).unwrap_or("(no word)").to_owned()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            replaced.extend_from_slice(to);
            rest = after;
        } else {
            replaced.push(*first);
            rest = after;
        }
    }
    replaced
}

/// What the keyword tables say of a known word that does not work yet.
const TO_COME: &str = "is not available yet";
const SUMMARIES: [&str; 2] = ["Error(s) found in configuration file", "Fatal errors found in configuration"];
