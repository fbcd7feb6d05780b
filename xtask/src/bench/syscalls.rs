//! What a program does per request, seen from outside: system calls (strace) and where its time goes (perf).

use super::contender::Started;
use super::load;
use super::scenario::Scenario;
use crate::Result;
use crate::shell::{target, which};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use weir_testkit::{Signal, signal_process};

/// System calls per request by name, most frequent first.
pub(crate) fn per_request(program: &Started, scenario: &Scenario) -> Result<Vec<(String, f64)>> {
    let file = target().join("strace.txt");
    let _ = fs::remove_file(&file);
    let mut command = Command::new("strace");
    command.args(["-c", "-f", "-q", "-o"]).arg(&file);
    for pid in program.pids() {
        command.args(["-p", &pid.to_string()]);
    }
    let child = watch(&mut command)?;
    let load = load::run(scenario, program.address, 2)?;
    finish(child)?;
    let text = fs::read_to_string(&file).map_err(|error| format!("strace wrote nothing: {error}"))?;
    let mut calls: Vec<(String, f64)> = text.lines().filter_map(row).collect();
    calls.iter_mut().for_each(|(_, count)| *count /= load.requests);
    calls.retain(|(_, count)| *count >= 0.005);
    calls.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(calls)
}

/// Records where a program's time goes under the scenario's load, and says where the record is.
pub(crate) fn profile(program: &Started, scenario: &Scenario, seconds: u64, name: &str) -> Result {
    which("perf").ok_or("perf is not installed")?;
    let file = target().join(format!("perf-{}-{name}.data", scenario.name));
    let pids: Vec<String> = program.pids().iter().map(u32::to_string).collect();
    let mut command = Command::new("perf");
    command.args(["record", "-q", "-g", "-o"]).arg(&file).args(["-p", &pids.join(",")]);
    let child = watch(&mut command)?;
    load::run(scenario, program.address, seconds)?;
    finish(child)?;
    println!("  profile of {name}: perf report -i {}", file.display());
    Ok(())
}

/// Starts a tool that attaches to the program, and gives it a moment to do so.
fn watch(command: &mut Command) -> Result<Child> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    std::thread::sleep(Duration::from_millis(500));
    child.map_err(|error| format!("{}: {error}", command.get_program().display()))
}

/// Ends a tool by the signal at which it writes what it has.
fn finish(mut child: Child) -> Result {
    signal_process(child.id(), Signal::INT);
    child.wait().map(|_| ()).map_err(|error| error.to_string())
}

/// One row of strace's table: `% time, seconds, usecs/call, calls, [errors], name`.
fn row(line: &str) -> Option<(String, f64)> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    words.first()?.parse::<f64>().ok()?;
    let calls = words.get(3)?.parse::<f64>().ok()?;
    let name = words.last().filter(|name| **name != "total")?;
    Some(((*name).to_owned(), calls))
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn rows_of_strace_are_read_and_its_sum_is_not() {
        let cases = [
            (
                " 40.00    0.000400           1       400        10 recvfrom",
                Some(("recvfrom".to_owned(), 400.0)),
            ),
            ("100.00    0.001000                  1000        10 total", None),
            ("% time     seconds  usecs/call     calls    errors syscall", None),
        ];
        for (line, wanted) in cases {
            assert_eq!(row(line), wanted);
        }
    }
}
