//! Lists of patterns that change while they are used: maps and ACL files, by rules and by the runtime API.

use weir_compat::compat;
use weir_testkit::Running;

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind {fe}
    acl inline path -i /x /y
    acl numbered path -u 77 /z
    acl several path_beg -f {dir}/list
    acl several src 127.0.0.0/8 10.0.0.1
    acl shared path,lower -f {dir}/list /q
    acl virtual path -f virt@seen
    acl ports src_port 10:20 ge 5
    acl regex path_reg ^/a(b)
    acl hex req.hdr(x),hex -m bin 616263
    acl lengths path_len 3
    http-request set-header a %[path,map({dir}/map,def)]
    http-request set-header b %[path,map_beg({dir}/map)]
    http-request set-header c %[src,map_ip(opt@{dir}/none.map,none)]
    http-request set-header d %[path,map_str_int({dir}/numbers,5)]
    http-request set-header e %[src,map_ip_int({dir}/networks)]
    http-request set-header f %[path,map_regm({dir}/regexes)]
    http-request set-map(virt@kept) %[url_param(k)] %[url_param(v)] if { path /set }
    http-request del-map(virt@kept) %[url_param(k)] if { path /del }
    http-request set-map(virt@numbers) %[url_param(k)] %[url_param(v)] if { path /seti }
    http-request add-acl(virt@seen) %[url_param(k)] if { path /add }
    http-request del-acl(virt@seen) %[url_param(k)] if { path /rm }
    http-request set-map(virt@nobody-else) a b if { path /set }
    http-request return status 200 content-type text/plain lf-string \"%[url_param(k),map(virt@kept,none)] %[url_param(k),map_str_int(virt@numbers,-1)] %[path,map({dir}/map,def)]\" if !{ url_param(k) -m str -f virt@seen }
    http-request return status 200 content-type text/plain string seen
    http-request deny if inline or several shared or virtual or numbered or ports or regex or hex or lengths
";

/// Starts it with its files.
fn start(t: &mut weir_compat::Subject) -> Running {
    t.file("list", "# one\n/l1\n/l2\n\n/l1\n");
    t.file("map", "# two\n/a v a\n/b   vb\n/a again\n");
    t.file("numbers", "/a 1\n/b 2\n");
    t.file("networks", "10.0.0.0/8 1\n10.1.0.0/16 2\n::/0 3\n");
    t.file("regexes", "^/a(.) x\\1y\nb c\n");
    t.start(CONFIG)
}

/// An answer without what differs between two runs: ids of entries, folders, and how entries are counted.
fn masked(answer: &str) -> String {
    let mut text = String::new();
    for line in answer.lines().filter(|l| !l.contains("httpclient")) {
        let words = line.split(' ').map(|word| match word {
            _ if word.starts_with("0x") => "PTR",
            _ if word.starts_with("entry_cnt=") => "entry_cnt=N",
            _ => word,
        });
        text += &words.collect::<Vec<_>>().join(" ");
        text.push('\n');
    }
    text
}

/// The body of the answer to a request for `target`.
fn body(proxy: &mut Running, target: &str) -> String {
    let mut client = proxy.client("fe");
    client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    String::from_utf8(client.recv_message().body).unwrap()
}

#[test]
fn rules_change_lists() {
    compat(|t| {
        let mut proxy = start(t);
        for (target, expected) in [
            ("/?k=a", "none -1 def"),
            ("/a?k=a", "none -1 v a"),
            ("/set?k=a&v=1", "1 -1 def"),
            ("/set?k=a&v=2", "2 -1 def"),
            ("/seti?k=a&v=zz", "2 -1 def"),
            ("/seti?k=a&v=7", "2 7 def"),
            ("/seti?k=a&v=zz", "2 7 def"),
            ("/del?k=a", "none 7 def"),
            ("/del?k=a", "none 7 def"),
            ("/add?k=a", "seen"),
            ("/add?k=a", "seen"),
            ("/?k=a", "seen"),
            ("/rm?k=a", "none 7 def"),
            ("/set?k=&v=", " -1 def"),
        ] {
            assert_eq!(body(&mut proxy, target), expected, "{target}");
        }
        let dump = masked(&proxy.admin("show map virt@kept; show map virt@numbers; show acl virt@seen"));
        assert_eq!(dump, "PTR  \n\nPTR a 7\n\n\n");
    });
}

#[test]
fn the_runtime_api_lists_and_dumps_them() {
    compat(|t| {
        let proxy = start(t);
        let map = proxy.dir().join("map").display().to_string();
        let config = proxy.dir().join("test.cfg").display().to_string();
        let maps = masked(&proxy.admin("show map"));
        assert!(maps.starts_with("# id (file) description\n"), "{maps}");
        let line = maps.lines().find(|l| l.contains(&format!("({map})"))).unwrap_or(&maps);
        let wanted = format!(
            "({map}) pattern loaded from file '{map}' used by map at file '{config}' line 21, by map at file '{config}' line 22, by map at file '{config}' line 33. curr_ver=0 next_ver=0 entry_cnt=N"
        );
        assert_eq!(line.split_once(' ').unwrap().1, wanted);
        let acls = masked(&proxy.admin("show acl"));
        for wanted in [
            format!("0 () acl 'path' file '{config}' line 11. curr_ver=0 next_ver=0 entry_cnt=N"),
            format!("77 () acl 'path' file '{config}' line 12. curr_ver=0 next_ver=0 entry_cnt=N"),
            format!("2 () acl 'path_beg' file '{config}' line 13. curr_ver=0 next_ver=0 entry_cnt=N"),
        ] {
            assert!(acls.lines().any(|l| l == wanted), "{wanted}\n{acls}");
        }
        for (command, answer) in [
            ("show acl #0", "PTR /x\nPTR /y\n\n"),
            ("show acl #77", "PTR /z\n\n"),
            ("show acl @7 #0", "\n"),
            ("show acl #2", "\n"),
            ("show map virt@kept", "\n"),
            ("show map kept", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
            ("show acl virt@kept", "Unknown ACL identifier. Please use #<id> or <file>.\n\n"),
            ("show map #999", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
        ] {
            assert_eq!(masked(&proxy.admin(command)), answer, "{command}");
        }
        assert_eq!(
            masked(&proxy.admin(&format!("show map {map}"))),
            "PTR /a v a\nPTR /b vb\nPTR /a again\n\n"
        );
    });
}

#[test]
fn the_runtime_api_changes_them() {
    compat(|t| {
        let proxy = start(t);
        let name = |file: &str| proxy.dir().join(file).display().to_string();
        let (map, numbers, networks) = (name("map"), name("numbers"), name("networks"));
        let three = "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload\n\n";
        for (command, answer) in [
            ("add map M /c vc d", "\n"),
            ("add map M /c", three),
            ("add map", three),
            ("add map #999 a b", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
            ("add acl #0 /new", "\n"),
            ("add acl #0", "'add acl' expects two parameters: ACL identifier and pattern.\n\n"),
            ("add map N /q word", "unable to parse 'word'.\n\n"),
            ("add map I word 1", "'word' is not a valid IPv4 or IPv6 address.\n\n"),
            ("show acl #0", "PTR /x\nPTR /y\nPTR /new\n\n"),
            ("show map N", "PTR /a 1\nPTR /b 2\n\n"),
            ("set map M /a newa", "\n"),
            ("set map M /zz newa", "entry not found.\n\n"),
            ("set map M #0x1 newa", "key or pattern not found.\n\n"),
            ("set map N /a word", "unable to parse 'word'.\n\n"),
            ("set map M /a", "'set map' expects three parameters: map identifier, key and value.\n\n"),
            ("show map M", "PTR /a newa\nPTR /b vb\nPTR /a newa\nPTR /c vc\n\n"),
            ("del acl #0 /x", "\n"),
            ("del acl #0 /x", "Key not found.\n\n"),
            ("del acl #0 #0x1", "Key not found.\n\n"),
            ("del map M /a", "\n"),
            ("del map M", "This command expects two parameters: map identifier and key.\n\n"),
            ("show map M", "PTR /b vb\nPTR /a newa\nPTR /c vc\n\n"),
            ("prepare map M", "New version created: 1\n\n"),
            ("add map @1 M /n1 v1", "\n"),
            ("add map @5 M /n1 v1", "Version number in the future, please use 'prepare map' before.\n\n"),
            ("show map @1 M", "PTR /n1 v1\n\n"),
            ("show map M", "PTR /b vb\nPTR /a newa\nPTR /c vc\n\n"),
            ("commit map @2 M", "Version number out of range.\n\n"),
            ("commit map @1 M", "\n"),
            ("commit map @1 M", "Version number out of range.\n\n"),
            ("commit map M", "Missing version number.\n\n"),
            ("show map M", "PTR /n1 v1\n\n"),
            ("clear map M", "\n"),
            ("clear acl #999", "Unknown ACL identifier. Please use #<id> or <file>.\n\n"),
            ("clear acl", "Missing ACL identifier.\n\n"),
            ("add map M <<\n/p1 v1\n/p2 v2 x\n/p3\n", "Missing value for key '/p3'.\n\n"),
            ("add map M <<\n/p3 \n/p4 v\n", "\n"),
            ("show map M", "PTR /p1 v1\nPTR /p2 v2 x\nPTR /p3 \nPTR /p4 v\n\n"),
        ] {
            let files =
                command.replacen(" M", &format!(" {map}"), 1).replacen(" N", &format!(" {numbers}"), 1);
            let files = files.replacen(" I", &format!(" {networks}"), 1);
            assert_eq!(masked(&proxy.admin(&files)), answer, "{command}");
        }
    });
}

#[test]
fn the_runtime_api_explains_what_matches() {
    compat(|t| {
        let proxy = start(t);
        let name = |file: &str| proxy.dir().join(file).display().to_string();
        let ip = |key: &str, value: &str| {
            format!(
                "type=ip, case=sensitive, found=yes, idx=tree, key=\"{key}\", value=\"{value}\", type=\"sint\"\n\n"
            )
        };
        for (command, answer) in [
            ("get acl #0 /X".to_owned(), "type=str, case=insensitive, match=yes, idx=list, pattern=\"/x\"\n\n".to_owned()),
            ("get acl #0 /no".to_owned(), "type=str, case=insensitive, match=no\n\n".to_owned()),
            ("get acl".to_owned(), "Missing ACL identifier and/or key.\n\n".to_owned()),
            ("get map".to_owned(), "Missing map identifier and/or key.\n\n".to_owned()),
            (
                format!("get map {} /a", name("map")),
                "type=str, case=sensitive, found=yes, idx=tree, key=\"/a\", value=\"v a\", type=\"str\"\n\
                 type=beg, case=sensitive, found=yes, idx=tree, key=\"/a\", value=\"v a\", type=\"str\"\n\n"
                    .to_owned(),
            ),
            (
                format!("get map {} /zz", name("numbers")),
                "type=str, case=sensitive, found=no\n\n".to_owned(),
            ),
            (
                format!("get map {} /ax", name("regexes")),
                "type=regm, case=sensitive, found=yes, idx=list, key=\"^/a(.)\", value=\"x\\1y\", type=\"str\"\n\n"
                    .to_owned(),
            ),
            (format!("get map {} 10.1.2.3", name("networks")), ip("10.1.0.0/16", "2")),
            (format!("get map {} 10.2.2.3", name("networks")), ip("10.0.0.0/8", "1")),
            (format!("get map {} 11.1.1.1", name("networks")), ip("::/0", "3")),
            (format!("get acl {} /l1", name("list")), 
                "type=beg, case=sensitive, match=yes, idx=tree, pattern=\"/l1\"\n\
                 type=str, case=sensitive, match=yes, idx=tree, pattern=\"/l1\"\n\n".to_owned()),
        ] {
            assert_eq!(proxy.admin(&command), answer, "{command}");
        }
    });
}

/// The fetch `acl()`, with negation, predefined names, and in places that are compiled after the rules.
#[test]
fn acls_are_samples_too() {
    compat(|t| {
        let log = t.sink("log");
        let mut proxy = t.start(
            "
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                log {log} local0
                log-format \"%[acl(d,!e)] %[acl(d,e)]\"
                acl a path_beg /a
                acl b path_end b
                acl c acl(a,b) -m bool
                acl c path /other
                acl d src 127.0.0.0/8
                acl e src 10.0.0.0/8
                http-request return status 200 content-type text/plain lf-string \"%[acl(a)] %[acl(!a)] %[acl(a,b)] %[acl(a,!b)] %[acl(c)] %[acl(METH_GET,!FALSE)]\" if { acl(TRUE) }
        ",
        );
        for (path, answer) in
            [("/a", "1 0 0 1 0 1"), ("/ab", "1 0 1 0 1 1"), ("/other", "0 1 0 0 1 1"), ("/x", "0 1 0 0 0 1")]
        {
            assert_eq!(body(&mut proxy, path), answer, "{path}");
            assert_eq!(log.next().rsplit_once(": ").unwrap().1.trim_end(), "1 0", "{path}");
        }
    });
}

/// Blanks before a line are none of it, those behind a pattern are; CRs at its end are not.
#[test]
fn lines_of_files_are_read_as_they_stand() {
    compat(|t| {
        t.file("acl", "a \n b\t\n  \n\r\n c\r\n d\r\r\n # x\n#y\ne  f \t\n\u{b}g");
        t.file("map", "a  v \n b\t w\t\n  \n\r\n c\r\n d x\r\r\n # x\n#y\ne  f g \t\r\n");
        let mut proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
            defaults
                mode http
                timeout client 5s
            frontend fe
                bind {fe}
                http-request deny if { hdr(a) -m str -f {dir}/acl }
                http-request return status 200 hdr a %[path,map({dir}/map)]
            ",
        );
        let dir = proxy.dir().display().to_string();
        let (acl, map) = (format!("{dir}/acl"), format!("{dir}/map"));
        let shown = |proxy: &mut Running, command: String| masked(&proxy.admin(&command));
        assert_eq!(
            shown(&mut proxy, format!("show acl {acl}")),
            "PTR a \nPTR b\t\nPTR c\nPTR d\nPTR # x\nPTR e  f \t\nPTR \u{b}g\n\n"
        );
        assert_eq!(shown(&mut proxy, format!("add map {map} <<\nk1 v1 \n k2  v\n")), "\n");
        assert_eq!(
            shown(&mut proxy, format!("show map {map}")),
            "PTR a v\nPTR b w\nPTR c \nPTR d x\nPTR # x\nPTR e f g\nPTR k1 v1 \nPTR  k2  v\n\n"
        );
    });
}
