//! Handing listening sockets over from one program to the other (`expose-fd listeners`, `-x`, `-sf`), under load.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use weir_testkit::{Program, Running};

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin expose-fd listeners
    nbthread 2
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    http-request return status 200
";

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A request on a connection of its own.
fn request(address: SocketAddr) -> std::io::Result<()> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    client.write_all(GET)?;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer)?;
    match answer.starts_with(b"HTTP/1.1 200") {
        true => Ok(()),
        false => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

fn hand_over(from: &Program, to: &Program) {
    let mut old: Running = from.launch().start(CONFIG);
    let address = old.address("fe");
    let admin = old.dir().join("admin.sock").display().to_string();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failures = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut failures = Vec::new();
            while !stop.load(Ordering::Acquire) {
                match request(address) {
                    Ok(()) => drop(answered.fetch_add(1, Ordering::AcqRel)),
                    Err(error) => failures.push(error.to_string()),
                }
            }
            failures
        });
        let mut launch = to.launch();
        launch.set("fe", address.to_string());
        launch.args(&["-x", &admin, "-sf", &old.pid().to_string()]);
        // Besides, it listens where it is seen to be ready.
        let new = launch.start(&format!("{CONFIG}    bind {{ready}}\n"));
        let ended = old.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.text());
        let before = answered.load(Ordering::Acquire);
        while answered.load(Ordering::Acquire) < before + 50 {
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Release);
        let failures = load.join().expect("the load");
        drop(new);
        failures
    });
    assert!(failures.is_empty(), "{} to {}: {failures:?}", from.name(), to.name());
}

#[test]
fn sockets_go_from_each_program_to_the_other_without_a_failed_connection() {
    let (Some(weir), Some(reference)) = (Program::weir(), Program::reference()) else {
        return eprintln!("one of the programs is not there: nothing to hand over between");
    };
    hand_over(&weir, &weir);
    hand_over(&reference, &weir);
    hand_over(&weir, &reference);
}
