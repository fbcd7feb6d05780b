//! `weir demo`: two origin servers, a balancer before them, and addresses to open.
//!
//! The origins are threads of a process of their own; the balancer starts as it does from any file.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use weir_sys::process::{self, Forked, signal};

use crate::cli::Options;
use crate::finish::Finish;
use crate::say::{self, Voice};
use crate::start;

/// Runs the demonstration until it is stopped (Ctrl-C).
pub(crate) fn run(voice: Voice) -> Finish {
    match prepare() {
        Ok((origins, file)) => {
            let options = Options { files: vec![file.clone()], ..Options::default() };
            let finish = start::run(&options, voice);
            // Best effort: the folder is the system's to clean.
            let _ = std::fs::remove_file(&file);
            let _ = process::kill(origins, signal::SIGTERM).and_then(|()| process::wait(origins).map(|_| ()));
            match finish {
                Finish::Signal(signal::SIGINT | signal::SIGTERM) => {
                    say::print("\nStopped.\n");
                    Finish::Exit(0)
                }
                other => other,
            }
        }
        Err(error) => {
            voice.alert(format_args!("the demonstration cannot start: {error}."));
            Finish::Exit(1)
        }
    }
}

/// Starts the origins in a process of their own, writes the configuration and tells what to open.
fn prepare() -> io::Result<(i32, PathBuf)> {
    let (red, blue) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    let (red_at, blue_at) = (red.local_addr()?, blue.local_addr()?);
    let port = FAVOURITES.iter().find(|port| TcpListener::bind(("127.0.0.1", **port)).is_ok());
    let port = match port {
        Some(port) => *port,
        None => TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
    };
    let text = configuration(port, &red_at.to_string(), &blue_at.to_string());
    let file = std::env::temp_dir().join(format!("weir-demo-{}.cfg", std::process::id()));
    std::fs::write(&file, &text)?;
    let origins = match process::fork()? {
        Forked::Child => {
            let red = std::thread::spawn(move || serve(&red, "red"));
            serve(&blue, "blue");
            let _ = red.join();
            std::process::exit(0);
        }
        Forked::Parent(pid) => pid,
    };
    say::print(format_args!(
        "{text}\nTwo origins answer at http://{red_at}/ (red) and http://{blue_at}/ (blue).\n\
         The balancer before them is\n\n    http://127.0.0.1:{port}/\n\n\
         Open it, or run `curl http://127.0.0.1:{port}/` a few times: the answers alternate. Ctrl-C stops.\n\n"
    ));
    Ok((origins, file))
}

fn configuration(port: u16, red: &str, blue: &str) -> String {
    format!(
        "global\n    log stdout format raw local0\n    user root\n\n\
         defaults\n    mode http\n    log global\n    option httplog\n    timeout connect 5s\n    timeout client 30s\n    \
         timeout server 30s\n\n\
         frontend web\n    bind 127.0.0.1:{port}\n    default_backend origins\n\n\
         backend origins\n    balance roundrobin\n    server red {red}\n    server blue {blue}\n"
    )
    .replace("    user root\n", if weir_sys::privileges::is_root() { "    user root\n" } else { "" })
}

/// Answers every request with a page in the origin's colour.
fn serve(listener: &TcpListener, colour: &'static str) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            // A client that goes away ends its own connection only.
            let _ = answer(stream, colour);
        });
    }
}

fn answer(stream: TcpStream, colour: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while lines.read_line(&mut header)? > 2 {
            header.clear();
        }
        let body =
            format!("<body style=\"background:{colour}\"><h1>{colour} answers {}</h1>\n", request.trim_end());
        let length = body.len();
        stream.write_all(
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{body}")
                .as_bytes(),
        )?;
    }
}

/// Ports that are easy to remember, tried in this order.
const FAVOURITES: &[u16] = &[8080, 8000, 8888, 9090];
