//! The statistics page: who sees it, what it answers byte for byte, its forms, and the structure of its HTML.

use weir_compat::{compat, table};
use weir_testkit::mask;
use weir_testkit::{Message, Running};

/// A page on a frontend with two backends behind it, one of which has a page of its own.
const CONFIG: &str = "
    global
        stats socket {dir}/admin.sock level admin
    defaults
        mode http
        log {log} local0
        option httplog
        retries 0
        timeout connect 5s
        timeout client 5s
        timeout server 5s
    frontend fe
        bind {fe}
        http-response set-header x-response 1
        http-after-response set-header x-after 1
        stats enable
        stats uri /stats
        stats refresh 10s
        stats admin if { hdr(x-admin) yes }
        stats http-request deny if { url_param(deny) 1 }
        stats http-request auth realm R if { url_param(auth) 1 }
        stats http-request auth if { url_param(auth) nameless }
        stats http-request return status 200 content-type text/plain string \"hi\" if { url_param(return) 1 }
        redirect location /elsewhere if { hdr(x-go) yes }
        use_backend own if { path_beg /own }
        default_backend back
    backend back
        balance roundrobin
        option httpchk
        server a 127.0.0.1:1 weight 3
        server b 127.0.0.1:2 backup
        server c 127.0.0.1:3 disabled
    backend own
        stats uri /own
        stats auth u:p
        stats auth v:w:x
        stats scope .
        stats show-legends
        http-after-response set-header x-own 1
";

fn ask(proxy: &mut Running, head: &str) -> Message {
    let mut client = proxy.client("fe");
    client.send(format!("{head}\r\n\r\n").replace('\n', "\r\n").replace("\r\r", "\r"));
    client.recv_message()
}

fn post(proxy: &mut Running, uri: &str, body: &str) -> Message {
    let mut client = proxy.client("fe");
    let length = body.len();
    client.send(format!(
        "POST {uri} HTTP/1.1\r\nHost: h\r\nX-Admin: yes\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    client.recv_message()
}

/// The head of an answer, line ends as they are shown in tables.
fn head(message: &Message) -> String {
    message.head.text().trim_end().replace("\r\n", "\n")
}

#[test]
fn answers_have_the_heads_of_the_reference() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        let html = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/html\nrefresh: 10\ntransfer-encoding: chunked\nx-after: 1";
        let still = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/html\ntransfer-encoding: chunked\nx-after: 1";
        let plain = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/plain\nrefresh: 10\ntransfer-encoding: chunked\nx-after: 1";
        let quiet = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/plain\ntransfer-encoding: chunked\nx-after: 1";
        let json = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: application/json\nrefresh: 10\ntransfer-encoding: chunked\nx-after: 1";
        let ours = |realm: &str, own: &str| {
            format!(
                "HTTP/1.1 401 Unauthorized\ncontent-length: 112\ncache-control: no-cache\ncontent-type: text/html\nwww-authenticate: Basic realm=\"{realm}\"\n{own}x-after: 1"
            )
        };
        let (asked, asked_own) = (ours("R", ""), ours("HAProxy Statistics", "x-own: 1\n"));
        let nameless = ours("HAProxy Statistics", "");
        let own = "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/html\ntransfer-encoding: chunked\nx-own: 1\nx-after: 1";
        let none = "HTTP/1.1 503 Service Unavailable\ncontent-length: 107\ncache-control: no-cache\ncontent-type: text/html\nx-after: 1";
        let rows = [
            ("GET /stats HTTP/1.1\nHost: h", html),
            ("GET /statsx HTTP/1.1\nHost: h", html),
            ("GET /stats/x?y HTTP/1.1\nHost: h", html),
            ("GET http://h/stats HTTP/1.1\nHost: h", html),
            ("GET /stats;norefresh HTTP/1.1\nHost: h", still),
            ("GET /stats;csv HTTP/1.1\nHost: h", plain),
            ("GET /stats;csv;norefresh HTTP/1.1\nHost: h", quiet),
            ("GET /stats;typed HTTP/1.1\nHost: h", plain),
            ("GET /stats;json HTTP/1.1\nHost: h", json),
            ("GET /stats;json-schema HTTP/1.1\nHost: h", json),
            (
                "GET /stats;norefresh HTTP/1.1\nHost: h\nConnection: close",
                "HTTP/1.1 200 OK\ncache-control: no-cache\ncontent-type: text/html\ntransfer-encoding: chunked\nx-after: 1\nconnection: close",
            ),
            (
                "GET /stats?deny=1 HTTP/1.1\nHost: h",
                "HTTP/1.1 403 Forbidden\ncontent-length: 93\ncache-control: no-cache\ncontent-type: text/html\nx-after: 1",
            ),
            ("GET /stats?auth=1 HTTP/1.1\nHost: h", &asked),
            ("GET /stats?auth=nameless HTTP/1.1\nHost: h", &nameless),
            (
                "GET /stats?return=1 HTTP/1.1\nHost: h",
                "HTTP/1.1 200 OK\ncontent-length: 2\ncontent-type: text/plain\nx-after: 1",
            ),
            ("GET /stats HTTP/1.1\nHost: h\nX-Go: yes", html),
            ("PUT /stats HTTP/1.1\nHost: h\nContent-Length: 0", none),
            ("DELETE /stats HTTP/1.1\nHost: h", none),
            ("GET /stat HTTP/1.1\nHost: h", none),
            ("GET /own HTTP/1.1\nHost: h", &asked_own),
            ("GET /own HTTP/1.1\nHost: h\nAuthorization: Basic dTpw", own),
            ("GET /own HTTP/1.1\nHost: h\nAuthorization: Basic djp3Ong=", own),
            ("GET /own HTTP/1.1\nHost: h\nAuthorization: Basic dTp3", &asked_own),
        ];
        table(&rows, |request| head(&ask(&mut proxy, request)));
    });
}

#[test]
fn a_head_alone_and_an_old_client_end_the_connection() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        for (request, length) in [
            ("HEAD /stats;csv HTTP/1.1\r\nHost: h\r\n\r\n", "x-after: 1\r\nconnection: close\r\n\r\n"),
            (
                "GET /stats;csv HTTP/1.0\r\n\r\n",
                "content-type: text/plain\r\nrefresh: 10\r\nx-after: 1\r\nconnection: close\r\n\r\n",
            ),
        ] {
            let mut client = proxy.client("fe");
            client.send(request);
            let all = String::from_utf8(client.recv_to_eof()).unwrap();
            let end = all.find("\r\n\r\n").unwrap() + 4;
            assert!(all[..end].ends_with(length), "{request}: {all}");
            assert_eq!(all.len() > end, request.starts_with("GET"), "{request}");
        }
    });
}

#[test]
fn log_lines_name_the_page_and_who_answered() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        let rows = [
            ("GET /stats?deny=1 HTTP/1.1\nHost: h", "fe fe/<STATS> T/T/T/-1/T 400 0 - - PR--"),
            ("GET /stats?auth=1 HTTP/1.1\nHost: h", "fe fe/<STATS> T/T/T/-1/T 400 0 - - LR--"),
            ("GET /stats?return=1 HTTP/1.1\nHost: h", "fe fe/<STATS> T/T/T/-1/T 400 0 - - LR--"),
            ("GET /stats;json-schema HTTP/1.1\nHost: h", "fe fe/<STATS> T/T/T/T/T 200 2899 - - LR--"),
            (
                "GET /own;json-schema HTTP/1.1\nHost: h\nAuthorization: Basic dTpw",
                "fe own/<STATS> T/T/T/T/T 200 2890 - - LR--",
            ),
            ("GET /own HTTP/1.1\nHost: h", "fe own/<STATS> T/T/T/-1/T 400 0 - - LR--"),
            ("POST /stats HTTP/1.1\nHost: h\nContent-Length: 0", "fe fe/<STATS> T/T/T/T/T 303 121 - - LR--"),
        ];
        table(&rows, |request| {
            ask(&mut proxy, request);
            let line = mask::log_line(&log.next());
            line.split(' ').skip(4).take(8).collect::<Vec<_>>().join(" ")
        });
    });
}

#[test]
fn the_form_changes_servers() {
    compat(|t| {
        let _log = t.sink("log");
        let watched = "backend watched\n server g 127.0.0.1:1 agent-check agent-port 1 agent-inter 60s\n server h 127.0.0.1:1 check inter 1h\n";
        let mut proxy = t.start(&format!("{CONFIG}\n{watched}"));
        let rows = [
            ("s=a&b=back&action=drain", "DONE a=DRAIN b=no check c=MAINT"),
            ("s=a&b=back&action=drain", "DONE a=DRAIN b=no check c=MAINT"),
            ("s=a&b=back&action=ready", "DONE a=no check b=no check c=MAINT"),
            ("s=a&s=b&action=maint&b=back", "DONE a=MAINT b=MAINT c=MAINT"),
            ("action=ready&b=back&s=a&s=b&s=c", "DONE a=no check b=no check c=no check"),
            ("s=%61&b=b%61ck&action=%6daint", "DONE a=MAINT b=no check c=no check"),
            ("s=a&b=back&action=enable", "DONE a=no check b=no check c=no check"),
            ("s=a&b=back&action=disable", "DONE a=MAINT b=no check c=no check"),
            ("s=a&b=back&action=start", "NONE a=MAINT b=no check c=no check"),
            ("s=a&b=back&action=stop", "DONE a=MAINT b=no check c=no check"),
            ("s=a&b=back&action=ready&x=y", "DONE a=no check b=no check c=no check"),
            ("s=a&b=%233&action=maint", "DONE a=MAINT b=no check c=no check"),
            ("s=a&b=%233&action=ready", "DONE a=no check b=no check c=no check"),
            ("s=a&b=back&action=shutdown", "DONE a=no check b=no check c=no check"),
            ("s=nope&b=back&action=drain", "ERRP a=no check b=no check c=no check"),
            ("s=a&s=nope&b=back&action=drain", "PART a=DRAIN b=no check c=no check"),
            ("s=a&s=nope&b=back&action=dhlth", "ERRP a=DRAIN b=no check c=no check"),
            ("s=b&s=nope&b=back&action=start", "ERRP a=DRAIN b=no check c=no check"),
            ("s=a&b=nope&action=drain", "ERRP a=DRAIN b=no check c=no check"),
            ("s=a&b=back&action=nope", "ERRP a=DRAIN b=no check c=no check"),
            ("s=a&b=back", "NONE a=DRAIN b=no check c=no check"),
            ("b=back&action=drain", "NONE a=DRAIN b=no check c=no check"),
            ("", "NONE a=DRAIN b=no check c=no check"),
            ("s=a&b=back&action=hdown", "DONE a=DOWN b=no check c=no check"),
            ("s=a&b=back&action=dhlth", "NONE a=DOWN b=no check c=no check"),
            ("s=a&b=back&action=dagent", "NONE a=DOWN b=no check c=no check"),
            ("s=a&b=%23&action=ready", "ERRP a=DOWN b=no check c=no check"),
            ("s=a&b=back&action=hrunn", "DONE a=DRAIN b=no check c=no check"),
            ("s=a&b=back&action=ready", "DONE a=no check b=no check c=no check"),
            ("s=a&b=back&action=start", "NONE a=no check b=no check c=no check"),
            ("s=a&b=back&action=stop", "DONE a=DRAIN b=no check c=no check"),
            ("s=a&b=back&action=stop", "NONE a=DRAIN b=no check c=no check"),
            ("s=a&b=back&action=start", "DONE a=no check b=no check c=no check"),
            ("s=a&action=drain", "NONE a=no check b=no check c=no check"),
            ("s=h&s=g&b=watched&action=dhlth", "DONE a=no check b=no check c=no check"),
            ("s=h&s=g&b=watched&action=dhlth", "DONE a=no check b=no check c=no check"),
            ("s=h&s=nope&b=watched&action=ehlth", "PART a=no check b=no check c=no check"),
            ("s=g&b=watched&action=eagent", "DONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=dagent", "DONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=dagent", "DONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=adown", "NONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=eagent", "DONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=adown", "DONE a=no check b=no check c=no check"),
            ("s=g&b=watched&action=arunn", "DONE a=no check b=no check c=no check"),
        ];
        table(&rows, |body| {
            let answer = post(&mut proxy, "/stats", body);
            assert_eq!(answer.head.status(), 303);
            let location = answer.head.header("location").unwrap_or_default();
            let code = location.strip_prefix("/stats;st=").unwrap_or(&location).to_owned();
            let csv = proxy.admin("show stat");
            let states = csv.lines().filter(|l| l.starts_with("back,") && !l.contains("BACKEND"));
            let states = states.map(|l| {
                let columns: Vec<&str> = l.split(',').collect();
                format!(" {}={}", columns[1], columns[17])
            });
            format!("{code}{}", states.collect::<String>())
        });
    });
}

#[test]
fn a_form_reaches_what_the_page_may_show() {
    compat(|t| {
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                stats enable
                stats uri /stats
                stats scope shown
                stats scope .
                stats admin if TRUE
            listen own
                bind {own}
                stats uri /stats
                stats scope .
                stats admin if TRUE
                server a 127.0.0.1:1
            backend shown
                id 50
                server a 127.0.0.1:1
            backend other
                id 60
                server a 127.0.0.1:1
        ",
        );
        let rows = [
            ("fe s=a&b=shown&action=drain", "DONE"),
            ("fe s=a&b=%2350&action=drain", "DONE"),
            ("fe s=a&b=other&action=drain", "DENY"),
            ("fe s=a&b=%2360&action=drain", "DENY"),
            ("fe s=a&b=own&action=drain", "DENY"),
            ("fe s=a&b=fe&action=drain", "DENY"),
            ("fe s=a&b=nope&action=drain", "DENY"),
            ("fe b=other", "DENY"),
            ("fe s=a&action=drain&b=other&b=shown", "DONE"),
            ("fe s=a&action=drain&b=shown&b=other", "DENY"),
            ("fe s=a&b=other&action=nope", "ERRP"),
            ("fe s=a&action=nope&b=other", "DENY"),
            ("fe s=a&b=shown&action=nope", "ERRP"),
            ("fe action=nope", "ERRP"),
            ("fe s=nope&b=shown&action=drain", "ERRP"),
            ("own s=a&b=own&action=drain", "DONE"),
            ("own s=a&b=shown&action=drain", "DENY"),
        ];
        table(&rows, |case| {
            let (at, body) = case.split_once(' ').unwrap();
            let mut client = proxy.client(at);
            let length = body.len();
            client.send(format!("POST /stats HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}"));
            let location = client.recv_message().head.header("location").unwrap_or_default();
            location.strip_prefix("/stats;st=").unwrap_or(&location).to_owned()
        });
    });
}

#[test]
fn a_form_is_answered_with_a_place_that_tells_of_it() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        let rows = [
            ("/stats", "/stats;st=NONE"),
            ("/stats;norefresh", "/stats;st=NONE;norefresh"),
            ("/stats;up", "/stats;st=NONE;up"),
            ("/stats;up;norefresh", "/stats;st=NONE;up;norefresh"),
            ("/stats;no-maint", "/stats;st=NONE"),
            ("/stats;csv", "/stats;st=NONE"),
            ("/stats?scope=back", "/stats;st=NONE?scope=back"),
            ("/stats;up;scope=back;st=DONE", "/stats;st=NONE;up?scope=back"),
        ];
        table(&rows, |uri| {
            let answer = post(&mut proxy, uri, "b=back&action=drain");
            answer.head.header("location").unwrap_or_default()
        });
        let refused = ask(&mut proxy, "POST /stats HTTP/1.1\nHost: h\nContent-Length: 0");
        assert_eq!(refused.head.header("location").as_deref(), Some("/stats;st=DENY"));
        assert_eq!(
            head(&refused),
            "HTTP/1.1 303 See Other\ncache-control: no-cache\ncontent-type: text/plain\ncontent-length: 0\nlocation: /stats;st=DENY\nx-after: 1"
        );
    });
}

#[test]
fn csv_shows_what_is_asked_for() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        let all = "fe/FRONTEND back/a back/b back/c back/BACKEND own/BACKEND";
        let rows = [
            ("/stats;csv", all),
            ("/stats;csvx", all),
            ("/stats/y;csv", all),
            ("/stats;up;csv", "fe/FRONTEND back/a back/b back/BACKEND own/BACKEND"),
            ("/stats;no-maint;csv", "fe/FRONTEND back/a back/b back/BACKEND own/BACKEND"),
            ("/stats;csv?scope=back", "back/a back/b back/c back/BACKEND"),
            ("/stats;csv?scope=BACK", "back/a back/b back/c back/BACKEND"),
            ("/stats;csv?scope=ac", "back/a back/b back/c back/BACKEND"),
            ("/stats;csv;scope=ow", "own/BACKEND"),
            ("/stats;csv?scope=nope", ""),
            ("/stats;csv?scope=%20x", all),
            ("/stats;csv?x=1&scope=fe", "fe/FRONTEND"),
        ];
        table(&rows, |uri| {
            let answer = ask(&mut proxy, &format!("GET {uri} HTTP/1.1\nHost: h"));
            let text = answer.content();
            let mut lines = text.lines();
            assert!(lines.next().is_some_and(|l| l.starts_with("# pxname,svname,qcur,")), "{text}");
            let names = lines.filter(|l| !l.is_empty()).map(|l| {
                let columns: Vec<&str> = l.split(',').collect();
                format!("{}/{}", columns[0], columns[1])
            });
            names.collect::<Vec<_>>().join(" ")
        });
    });
}

#[test]
fn csv_json_and_typed_output_are_those_of_the_runtime_api() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        for (uri, command) in [
            ("/own;csv", "show stat own -1 -1"),
            ("/own;typed", "show stat own -1 -1 typed"),
            ("/own;json", "show stat own -1 -1 json"),
            ("/own;json-schema", "show schema json"),
        ] {
            let request = format!("GET {uri} HTTP/1.1\nHost: h\nAuthorization: Basic dTpw");
            let page = ask(&mut proxy, &request);
            let fields = |text: &str| {
                let text = mask::digits(text.trim_end()).replace("-N", "N");
                text.split([',', '\n']).map(str::to_owned).collect::<Vec<_>>()
            };
            let page = fields(&page.content());
            let told = fields(&proxy.admin(command));
            let differs = page.iter().zip(&told).filter(|(a, b)| a != b).collect::<Vec<_>>();
            assert!(differs.is_empty() && page.len() == told.len(), "{uri}: {differs:?}");
        }
    });
}

#[test]
fn a_page_that_a_rule_refuses_counts_as_aborted() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        let rows = [
            ("GET /own HTTP/1.1\nHost: h", "401: 2"),
            ("GET /own HTTP/1.1\nHost: h\nAuthorization: Basic dTpw", "200: 2"),
            ("POST /own HTTP/1.1\nHost: h\nContent-Length: 0", "401: 4"),
        ];
        table(&rows, |request| {
            let status = ask(&mut proxy, request).head.status();
            let csv = proxy.admin("show stat own 2 -1");
            let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let at = lines.next().and_then(|names| names.iter().position(|name| *name == "cli_abrt"));
            let told = at.and_then(|at| lines.next()?.get(at).copied());
            format!("{status}: {}", told.unwrap_or_default())
        });
    });
}

/// The structure of a page: anchors, classes of rows, names of columns, fields of forms, links.
fn structure(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('>') else { break };
        let (tag, after) = rest.split_at(end);
        let value = |name: &str| {
            let (_, from) = tag.split_once(&format!("{name}="))?;
            let quote = from.chars().next()?;
            Some(match quote {
                '"' | '\'' => from[1..].split(quote).next()?.to_owned(),
                _ => from.split(' ').next()?.to_owned(),
            })
        };
        let text = || after[1..].split('<').next().unwrap_or_default().trim().to_owned();
        match tag.split(' ').next().unwrap_or_default() {
            "a" => {
                found.extend(value("name").map(|n| format!("anchor {n}")));
                found.extend(value("href").filter(|h| !h.starts_with("http")).map(|h| format!("link {h}")));
            }
            "tr" => found.extend(value("class").map(|c| format!("row {c}"))),
            "th" if tag.contains("rowspan") => found.push("column".to_owned()),
            "th" if tag == "th" && !text().ends_with(':') && !text().starts_with('-') => {
                found.push(format!("column {}", text()));
            }
            "th" => found.extend(
                value("colspan")
                    .filter(|c| c != "3" || text().len() < 12)
                    .map(|c| format!("group {c} {}", text())),
            ),
            "form" => found.push(format!("form {}", value("method").unwrap_or_default().to_lowercase())),
            "input" => found.push(format!(
                "input {} {}",
                value("name").unwrap_or_default(),
                value("value").unwrap_or_default()
            )),
            "select" => found.push(format!("select {}", value("name").unwrap_or_default())),
            "option" => found.push(format!("option {}", value("value").unwrap_or_default())),
            _ => {}
        }
    }
    found
}

#[test]
fn html_has_the_structure_that_scripts_know() {
    compat(|t| {
        let _log = t.sink("log");
        let mut proxy = t.start(CONFIG);
        for (uri, name) in [
            ("/stats", include_str!("stats_page.structure.txt")),
            ("/stats;up;norefresh;scope=back;st=DONE", include_str!("stats_page.narrow.txt")),
        ] {
            let page = ask(&mut proxy, &format!("GET {uri} HTTP/1.1\nHost: h\nX-Admin: yes"));
            let page = page.content();
            let found = structure(&page).join("\n");
            assert_eq!(found.trim(), name.trim(), "{uri}");
        }
    });
}

#[test]
fn a_section_that_says_anything_of_its_page_forgets_that_of_its_defaults() {
    compat(|t| {
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
                stats uri /inherited
                stats auth u:p
            listen fe
                bind {fe}
            listen other
                bind {other}
                stats refresh 5s
        ",
        );
        let mut status = |name: &str, uri: &str| {
            let mut client = proxy.client(name);
            client.send(format!("GET {uri} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.recv_message().head.status()
        };
        assert_eq!(status("fe", "/inherited"), 401);
        assert_eq!(status("fe", "/haproxy?stats"), 503);
        assert_eq!(status("other", "/inherited"), 503);
        assert_eq!(status("other", "/haproxy?stats"), 200);
        assert_eq!(status("other", "/haproxy?stat"), 503);
    });
}

#[test]
fn what_we_answer_ourselves_is_counted_where_only_a_frontend_saw_it() {
    compat(|t| {
        let mut proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe} name one
                bind {two} name two
                option socket-stats
                http-request return status 200 if { path /return }
                http-request redirect location / if { path /redirect }
                http-request auth if { path /auth }
                http-request deny if { path /deny }
                http-request use-service prometheus-exporter if { path /metrics }
                stats uri /stats
                stats http-request auth if { url_param(auth) 1 }
                stats http-request deny if { url_param(deny) 1 }
                redirect location / if { path /moved }
                default_backend b
            backend b
                stats uri /own
                http-request return status 200
        ",
        );
        let columns = ["stot", "intercepted", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "dreq", "req_tot"];
        let rows = [
            ("fe /return", "fe 1,1,1,0,0,0,1 one 1,0 two 0,0"),
            ("fe /redirect", "fe 2,2,1,1,0,0,2 one 2,0 two 0,0"),
            ("fe /auth", "fe 3,3,1,1,1,0,3 one 3,0 two 0,0"),
            ("fe /deny", "fe 4,3,1,1,2,1,4 one 4,1 two 0,0"),
            ("two /metrics?scope=", "fe 5,4,2,1,2,1,5 one 4,1 two 1,0"),
            ("two /stats;csv", "fe 6,5,3,1,2,1,6 one 4,1 two 2,0"),
            ("fe /stats?auth=1", "fe 7,6,3,1,3,1,7 one 5,1 two 2,0"),
            ("fe /stats?deny=1", "fe 8,6,3,1,4,2,8 one 6,2 two 2,0"),
            ("fe /moved", "fe 9,7,3,2,4,2,9 one 7,2 two 2,0"),
            ("fe /own;csv", "fe 10,7,4,2,4,2,10 one 8,2 two 2,0"),
            ("fe /x", "fe 11,7,5,2,4,2,11 one 9,2 two 2,0"),
        ];
        table(&rows, |case| {
            let (to, uri) = case.split_once(' ').unwrap();
            let mut client = proxy.client(to);
            client.send(format!("GET {uri} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
            client.recv_to_eof();
            let csv = proxy.admin("show stat");
            let names: Vec<&str> = csv.lines().next().unwrap().trim_start_matches("# ").split(',').collect();
            let of = |row: &str, wanted: &[&str]| {
                let line = csv.lines().find(|l| l.starts_with(&format!("fe,{row},"))).unwrap();
                let cells: Vec<&str> = line.split(',').collect();
                let at = |name: &&str| cells[names.iter().position(|n| n == name).unwrap()];
                wanted.iter().map(at).collect::<Vec<_>>().join(",")
            };
            let own = ["stot", "dreq"];
            format!("fe {} one {} two {}", of("FRONTEND", &columns), of("one", &own), of("two", &own))
        });
    });
}

/// What a reader sees of a page, a line for each row: texts between tags, numbers masked, without the program's name
/// and the places on the web that it links to.
fn seen(page: &str) -> String {
    let page = page.replace("<span class=\"rls\">", "").replace("</span>", "").replace("&nbsp;", " ");
    let (_, body) = page.split_once("</style>").expect("a style");
    let cells =
        body.split("<td align=\"left\" valign=\"top\"").map(|cell| match cell.find("External resources") {
            Some(_) => cell.split_once("</table>").map_or("", |(_, after)| after),
            None => cell,
        });
    let body = cells.collect::<Vec<_>>().join("<td");
    let rows = body.split("<tr").map(|row| {
        let texts = row.split('<').filter_map(|part| part.split_once('>')).map(|(tag, text)| {
            let tip = if tag.starts_with("div class=tips") { "? " } else { "" };
            let is_figure = !text.contains(|c: char| c.is_alphabetic() && !"dhms".contains(c));
            let is_time =
                text.contains("ms") || text.contains("s ") && text.starts_with(|c: char| c.is_ascii_digit());
            let varies =
                is_figure || is_time || row.contains("uptime") || text.starts_with("Statistics Report");
            let text = if varies { mask::digits(text).replace("Mbps", "kbps") } else { text.to_owned() };
            format!("{tip}{}", text.replace("HAProxy", "Weir").trim())
        });
        texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join(" | ")
    });
    let rows = rows.filter(|row| !row.is_empty());
    rows.map(|row| row.split("; maxpipes").next().unwrap_or_default().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn pages_read_as_those_of_the_reference() {
    compat(|t| {
        let mut proxy = t.start(
            "
            global
                node here
                description all and sundry
                maxconn 1000
                user root
                chroot /
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                description the door
                bind {fe} name li
                option socket-stats
                stats uri /stats
                stats hide-version
                stats admin if { hdr(x-admin) yes }
                default_backend b
            frontend side
                bind {side}
                stats uri /full
                stats hide-version
                stats show-legends
                stats show-node
                stats show-desc
                stats show-modules
                stats refresh 7s
                stats scope full
            listen full
                bind {full}
                description of all
                cookie C insert
                server a 127.0.0.1:1 cookie c1 weight 3 maxconn 5 maxqueue 6
                server b 127.0.0.1:1 backup disabled
            backend b
                balance uri
                server first 127.0.0.1:1 check inter 1h
                server fresh 127.0.0.1:1 check inter 1h
                server t 127.0.0.1:1 track fresh
            backend empty
            listen t
                mode tcp
                bind {t}
                rate-limit sessions 100
                server s 127.0.0.1:1
        ",
        );
        let mut said = String::new();
        for (door, uri) in [
            ("fe", "/stats"),
            ("side", "/full"),
            ("side", "/full;norefresh;up?scope=full"),
            ("fe", "/stats;scope=empty;st=DONE"),
            ("fe", "/stats;scope=empty;st=NONE"),
            ("fe", "/stats;scope=empty;st=PART"),
            ("fe", "/stats;scope=empty;st=ERRP"),
            ("fe", "/stats;scope=empty;st=EXCD"),
            ("fe", "/stats;scope=empty;st=DENY"),
            ("fe", "/stats;scope=empty;st=WHAT"),
        ] {
            let mut client = proxy.client(door);
            client.send(format!("GET {uri} HTTP/1.1\r\nHost: h\r\nX-Admin: yes\r\n\r\n"));
            let page = client.recv_message().content();
            said.push_str(&format!("== {uri}\n{}\n", seen(&page)));
        }
        assert_eq!(said.trim(), include_str!("stats_page.text.txt").trim());
    });
}
