//! What a configuration means: the plain data that the words fill in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its cases fails")]

use std::io;
use std::net::IpAddr;
use std::path::Path;

use weir_config::values::Family;
use weir_config::{Environment, Features, Files, Loader};
use weir_engine::conf::{
    CheckAct, CheckExpect, CheckKind, CheckSend, CheckText, Conf, Endpoint, ErrorSource, LogTransport, Mode,
    Options, Password, PortRule, Proxy, Want,
};
use weir_engine::keywords::{Outside, SECTIONS, resolve};

struct Text(&'static str);

impl Files for Text {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn list(&self, _: &str) -> io::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

impl Outside for Text {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(b"HTTP/1.0 503 Busy\r\n\r\nbusy".to_vec())
    }

    fn resolve(&self, name: &str, _: Family) -> Option<IpAddr> {
        (name == "www").then_some(IpAddr::from([192, 0, 2, 7]))
    }

    fn user(&self, _: &str) -> Option<u32> {
        Some(99)
    }

    fn group(&self, _: &str) -> Option<u32> {
        Some(98)
    }
}

/// The configuration that `text` means; it must be free of alerts.
fn conf(text: &'static str) -> Conf {
    let text = Text(text);
    let mut environment = Environment::default();
    environment.set("PORT", "8080");
    environment.set("HOST", "127.0.0.9");
    let features = Features::default();
    let loader = Loader { files: &text, sections: SECTIONS, features: &features, environment };
    let loaded = loader.load(&["F"]);
    let (conf, messages) = resolve(&loaded.document, &loaded.sources, &text);
    assert!(!loaded.diagnostics.is_fatal(), "{:#?}", loaded.diagnostics);
    assert!(!messages.is_fatal(), "{messages:#?}");
    conf
}

fn proxy<'a>(conf: &'a Conf, name: &str) -> &'a Proxy {
    conf.proxies.iter().find(|p| p.name == name).unwrap()
}

#[test]
fn defaults_are_handed_down_to_the_sections_that_follow_and_by_name() {
    let conf = conf(
        "defaults a\n mode http\n timeout client 5s\n option httplog\n\
         defaults b from a\n timeout client 7s\n\
         frontend last\n bind :1000\n\
         frontend named from a\n bind :1001\n no option dontlognull\n\
         defaults\n\
         frontend bare\n bind :1002\n",
    );
    let client = |name| proxy(&conf, name).timeouts.client.map(|d| d.as_secs());
    assert_eq!((client("last"), client("named"), client("bare")), (Some(7), Some(5), None));
    assert_eq!(proxy(&conf, "last").mode, Mode::Http);
    assert_eq!(proxy(&conf, "bare").mode, Mode::Tcp);
}

#[test]
fn a_frontend_and_a_backend_of_one_name_both_exist() {
    let conf = conf("frontend web\n bind :1000\n default_backend web\nbackend web\n server a 127.0.0.1:80\n");
    assert_eq!(conf.proxies.len(), 2);
    assert!(conf.proxies.iter().any(|p| p.is_backend() && p.servers.len() == 1));
}

#[test]
fn numbers_fill_the_gaps_that_explicit_ones_leave() {
    let conf = conf(
        "listen one\n bind :1000\n bind :1001 id 1\n server a 127.0.0.1:80\n server b 127.0.0.1:80 id 1\n \
         server c 127.0.0.1:80\nlisten two\n id 1\n bind :1002-1004\n",
    );
    let one = proxy(&conf, "one");
    assert_eq!((one.id, proxy(&conf, "two").id), (2, 1));
    assert_eq!(one.servers.iter().map(|s| s.id).collect::<Vec<_>>(), [2, 1, 4]);
    assert_eq!(one.binds.iter().filter_map(|b| b.id).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(proxy(&conf, "two").binds.len(), 3);
}

#[test]
fn servers_take_over_what_default_server_says() {
    let conf = conf(
        "backend b\n default-server inter 3s fall 5 check maxconn 7\n server a 127.0.0.1:80 no-check\n \
         server www www:+1000 weight 9\n server-template t 2-3 127.0.0.1:80 maxconn 1\n",
    );
    let b = proxy(&conf, "b");
    let names: Vec<_> = b.servers.iter().map(|s| (s.name.as_str(), s.maxconn, s.check.is_some())).collect();
    assert_eq!(names, [("a", 7, false), ("www", 7, true), ("t2", 1, true), ("t3", 1, true)]);
    let www = &b.servers[1];
    assert_eq!((www.port, www.weight), (PortRule::Offset(1000), 9));
    assert_eq!(www.endpoint, Some(Endpoint::Inet("192.0.2.7:0".parse().unwrap())));
    assert_eq!(www.check.as_ref().map(|c| (c.inter.as_secs(), c.fall)), Some((3, 5)));
}

#[test]
fn variables_in_addresses_need_no_quotes() {
    let conf = conf("frontend f\n bind $HOST:${PORT}\n log ${HOST} local0\n");
    let f = proxy(&conf, "f");
    assert_eq!(f.binds[0].endpoint, Endpoint::Inet("127.0.0.9:8080".parse().unwrap()));
    assert_eq!(f.logs[0].transport, LogTransport::Udp("127.0.0.9:514".parse().unwrap()));
}

#[test]
fn log_global_stands_for_the_global_targets_in_its_place() {
    let conf = conf(
        "global\n log 127.0.0.1:1 local0\n log stdout format raw local1 notice\ndefaults\n log global\n\
         frontend f\n bind :1\n log 127.0.0.1:2 local2\nfrontend g\n bind :2\n no log\n",
    );
    let facilities = |name| proxy(&conf, name).logs.iter().map(|l| l.facility.0).collect::<Vec<_>>();
    assert_eq!(facilities("f"), [16, 17, 18]);
    assert!(facilities("g").is_empty());
}

#[test]
fn headers_hidden_behind_the_version_of_a_check_are_found() {
    let conf = conf(
        "backend b\n mode http\n option httpchk GET /up HTTP/1.1\\r\\nHost:\\ www\n \
         http-check expect status 200-299\n http-check expect ! string down\n",
    );
    let CheckKind::Rules(rules) = &proxy(&conf, "b").check else { panic!("no steps") };
    let acts: Vec<_> = rules.steps.iter().map(|step| &step.act).collect();
    let [
        CheckAct::Connect(_),
        CheckAct::Send(CheckSend::Http(send)),
        CheckAct::Expect(first),
        CheckAct::Expect(then),
    ] = acts[..]
    else {
        panic!("{acts:?}")
    };
    assert_eq!((&*send.method, &send.uri), (&b"GET"[..], &CheckText::Plain(b"/up".to_vec())));
    assert_eq!(send.version, b"HTTP/1.1");
    assert_eq!(send.headers, [(b"host".to_vec(), CheckText::Plain(b"www".to_vec()))]);
    assert_eq!(*first, CheckExpect::new(Want::Status(vec![(200, 299)])));
    let down = CheckExpect::new(Want::Text(b"down".to_vec()));
    assert_eq!(*then, CheckExpect { negated: true, ..down });
}

#[test]
fn error_answers_come_from_files_and_sections_in_order() {
    let conf = conf(
        "http-errors e\n errorfile 503 /x\n errorfile 500 /y\n\
         frontend f\n mode http\n bind :1\n errorloc303 503 /sorry\n errorfiles e 503\n",
    );
    let answers: Vec<_> = proxy(&conf, "f").error_files.iter().map(|e| (e.status, &e.source)).collect();
    assert!(matches!(answers[..], [(503, ErrorSource::Redirect { .. }), (503, ErrorSource::File { .. })]));
}

#[test]
fn users_and_groups_name_each_other() {
    let conf = conf(
        "userlist u\n group a users ann\n group b\n user ann password $1$x$y\n \
         user bob insecure-password hi groups a,b\n",
    );
    let users = &conf.userlists[0].users;
    assert_eq!((users[0].groups.join(","), users[1].groups.join(",")), ("a".into(), "a,b".into()));
    assert_eq!(users[1].password, Password::Clear("hi".into()));
}

#[test]
fn options_are_set_cleared_and_replace_each_other() {
    let conf = conf(
        "defaults\n mode http\n option dontlognull\n option http-server-close\n option tcpka\n\
         frontend f\n bind :1\n no option dontlognull\n option httpclose\n",
    );
    let options = proxy(&conf, "f").options;
    assert!(options.contains(Options::HTTP_CLOSE | Options::CLITCPKA | Options::SRVTCPKA));
    assert!(!options.intersects(Options::DONTLOG_NULL | Options::HTTP_SERVER_CLOSE));
}

#[test]
fn the_process_is_described() {
    let conf = conf(
        "global\n maxconn 500\n nbthread 2\n user www\n group www\n stats socket /run/a.sock mode 660 level admin\n \
         tune.bufsize 32k\n hard-stop-after 30s\n h1-case-adjust x-id X-ID\n",
    );
    let global = &conf.global;
    assert_eq!((global.maxconn, global.nbthread), (Some(500), Some(2)));
    assert_eq!((global.uid, global.gid), (Some(99), Some(98)));
    assert_eq!(global.stats_sockets[0].bind.perms.mode, Some(0o660));
    assert_eq!(global.tune.bufsize, 32768);
    assert_eq!(global.h1_case_adjust.get(&b"x-id"[..]).map(Vec::as_slice), Some(&b"X-ID"[..]));
}
