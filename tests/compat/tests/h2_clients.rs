//! Programs that speak HTTP/2, unchanged, on both programs: `curl`, `nghttp`, `h2load` and a browser. What is not
//! installed is left out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use weir_compat::{Subject, compat};
use weir_testkit::{Origin, Running, Serving};

/// A client meets HTTP/2 on `{fe}` and `{tls}`; so does `inner`, which stands for a server, on a link to itself.
const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    nbthread 2
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend fe
    bind {fe}
    bind {tls} ssl crt {dir}/one alpn h2,http/1.1
    http-response set-header x-seen %[fc_http_major]
    http-response set-header x-count %[fc_nb_streams]
    default_backend be
backend be
    server s {inner} proto h2
frontend inner
    bind {inner} proto h2
    http-request return status 200 content-type text/html lf-file {dir}/page if { path /page }
    http-request return status 200 content-type image/svg+xml file {dir}/image if { path_beg /image }
    http-request return status 200 content-type text/plain string hello hdr server-name %[hdr(host)] if { path /hello }
    default_backend origin
backend origin
    server s {srv}
";

const PAGE: &str = "<!doctype html><title>page</title><body><script>
const images = [];
for (let i = 0; i < 100; i++) {
  const image = new Image();
  image.src = '/image/' + i + '.svg';
  images.push(image);
  document.body.append(image);
}
addEventListener('load', () => {
  const good = images.filter(i => i.complete && i.naturalWidth === 7).length;
  const entries = performance.getEntriesByType('resource').filter(e => e.name.includes('/image/'));
  const protocols = [...new Set(entries.map(e => e.nextHopProtocol))].join();
  document.body.textContent = 'images ' + good + ' of ' + entries.length + ' by ' + protocols + ' end';
});
</script></body>";

const IMAGE: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>"#;
const CERTIFICATE: &str = include_str!("../fixtures/tls/one.pem");
const MUCH: usize = 10 << 20;

/// A server in HTTP/1: gives a body back, or much where none came.
fn echo(origin: Origin) -> Serving {
    origin.serve(|peer, _| {
        while peer.wait_for_bytes() {
            let message = peer.recv_message();
            let body = if message.body.is_empty() { &*NOISE } else { &message.body };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            if peer.try_send([head.as_bytes(), body].concat()).is_err() {
                return;
            }
        }
    })
}

/// Bytes that do not repeat within a window.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(MUCH);
    while bytes.len() < MUCH {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
});

fn started(t: &mut Subject) -> (Running, Serving) {
    let serving = echo(t.origin("srv"));
    t.file("one", CERTIFICATE).file("page", PAGE).file("image", IMAGE).file("much", &*NOISE);
    (t.start(CONFIG), serving)
}

fn has(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if status.is_err() {
        let _ = writeln!(std::io::stderr(), "{program} is not installed");
    }
    status.is_ok()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["30", program]).args(arguments);
    command.stdin(Stdio::null()).output().expect("timeout(1) is there")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn curl_uploads_and_downloads() {
    if !has("curl") {
        return;
    }
    compat(|t| {
        let (mut proxy, served) = started(t);
        let plain = format!("http://{}", proxy.address("fe"));
        let secure = format!("https://{}", proxy.address("tls"));
        let much = proxy.dir().join("much").display().to_string();
        let upload = ["-T", much.as_str()];
        let post = format!("@{much}");
        let posted = ["--data-binary", post.as_str()];
        let two = "--http2-prior-knowledge";
        // An upgrade to h2c is not acted on.
        for (url, how, more, version) in [
            (&secure, "--http2", &[][..], "2"),
            (&secure, "--http2", &upload, "2"),
            (&secure, "--http1.1", &upload, "1.1"),
            (&plain, two, &[], "2"),
            (&plain, two, &upload, "2"),
            (&plain, two, &posted, "2"),
            (&plain, "--http2", &[], "1.1"),
            (&plain, "--http1.1", &posted, "1.1"),
        ] {
            let told = "%{stderr}%{http_version} %{http_code} %header{x-seen}";
            let arguments = [&["-sk", how, "-w", told], more, &[url.as_str()]].concat();
            let output = run("curl", &arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(said, format!("{version} 200 {}", &version[..1]), "{arguments:?}");
            assert!(output.stdout == *NOISE, "{arguments:?}: {} bytes that differ", output.stdout.len());
        }
        served.finish();
    });
}

#[test]
fn curl_sends_many_requests_on_one_connection() {
    if !has("curl") {
        return;
    }
    compat(|t| {
        let (mut proxy, _served) = started(t);
        let url = format!("https://{}/hello?[1-50]", proxy.address("tls"));
        let told = "[%{http_version} %{http_code}]";
        let together = text(&run("curl", &["-skZ", "--parallel-max", "20", "--http2", "-w", told, &url]));
        let count = |wanted| together.matches(wanted).count();
        assert_eq!((count("hello"), count("[2 200]")), (50, 50), "{together}");
    });
}

#[test]
fn nghttp_sees_the_frames_of_an_answer() {
    if !has("nghttp") {
        return;
    }
    compat(|t| {
        let (mut proxy, _served) = started(t);
        let plain = format!("http://{}/hello", proxy.address("fe"));
        let secure = format!("https://{}/hello", proxy.address("tls"));
        for url in [&plain, &secure] {
            let output = run("nghttp", &["-nv", "--no-dep", "--color", url]);
            let output = text(&output);
            assert!(url == &plain || output.contains("The negotiated protocol: h2"), "{output}");
            let mut got = BTreeMap::new();
            // Every frame is told with its direction, kind, length, flags and stream.
            for line in output.lines().filter(|line| line.contains("recv")) {
                let line: String = plain_of(line);
                let frame = line.split_once("recv ").map_or("", |(_, frame)| frame);
                let parts = frame.split_once(" frame <").map(|(kind, rest)| {
                    let field = |name: &str| {
                        let (_, rest) = rest.split_once(name)?;
                        rest.split([',', '>']).next().map(str::to_owned)
                    };
                    (
                        kind.to_owned(),
                        field("flags=").unwrap_or_default(),
                        field("stream_id=").unwrap_or_default(),
                    )
                });
                *got.entry(parts.unwrap_or_default()).or_insert(0) += 1;
            }
            for (kind, flags, stream) in [
                ("SETTINGS", "0x00", "0"),
                ("SETTINGS", "0x01", "0"),
                ("HEADERS", "0x04", "1"),
                ("DATA", "0x01", "1"),
            ] {
                let frame = (kind.to_owned(), flags.to_owned(), stream.to_owned());
                let count = got.get(&frame).copied().unwrap_or_default();
                let stream = stream.replace('1', "13");
                let other =
                    got.get(&(kind.to_owned(), flags.to_owned(), stream)).copied().unwrap_or_default();
                assert_eq!(count.max(other), 1, "{kind} {flags} in {got:?}");
            }
            for line in [":status: 200", "content-length: 5", "content-type: text/plain", "x-seen: 2"] {
                assert!(plain_of(&output).contains(line), "{line} in {output}");
            }
            assert!(!output.contains("RST_STREAM"), "{output}");
        }
        // A body of many frames, and one that is uploaded.
        let much = proxy.dir().join("much").display().to_string();
        let url = format!("http://{}/much", proxy.address("fe"));
        let down = run("nghttp", &["--no-dep", "-w", "14", "-W", "15", &url]);
        assert!(down.stdout == *NOISE, "{} bytes", down.stdout.len());
        let up = run("nghttp", &["--no-dep", "-d", &much, &url]);
        assert!(up.stdout == *NOISE, "{} bytes", up.stdout.len());
    });
}

/// Without colours.
fn plain_of(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn h2load_gets_every_answer() {
    if !has("h2load") {
        return;
    }
    compat(|t| {
        let (mut proxy, _served) = started(t);
        for (url, requests) in [
            (format!("http://{}/hello", proxy.address("fe")), 10_000),
            (format!("https://{}/hello", proxy.address("tls")), 1_000),
        ] {
            let count = requests.to_string();
            let output = text(&run("h2load", &["-n", &count, "-c", "8", "-m", "32", &url]));
            for wanted in [
                format!(
                    "requests: {requests} total, {requests} started, {requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout"
                ),
                format!("status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx"),
            ] {
                assert!(output.contains(&wanted), "{wanted} in {output}");
            }
        }
        // All of it went over links of HTTP/2, few of them.
        let stat = proxy.admin("show stat be 4 -1 typed");
        let field = |name: &str| {
            let line = stat.lines().find(|line| line.contains(&format!(".{name}."))).unwrap_or_default();
            line.rsplit(':').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default()
        };
        assert!(field("connect") < 600, "{stat}");
        assert_eq!(field("hrsp_2xx"), 11_000, "{stat}");
    });
}

#[test]
fn a_browser_loads_a_page_with_a_hundred_images() {
    if !has("chromium") {
        return;
    }
    compat(|t| {
        let (mut proxy, _served) = started(t);
        let profile = format!("--user-data-dir={}", proxy.dir().join("profile").display());
        let url = format!("https://{}/page", proxy.address("tls"));
        let shown = run(
            "chromium",
            &[
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--ignore-certificate-errors",
                "--no-first-run",
                "--disable-background-networking",
                &profile,
                "--dump-dom",
                &url,
            ],
        );
        let shown = text(&shown);
        assert!(shown.contains("images 100 of 100 by h2 end"), "{shown}");
    });
}
