//! Files of states and counters: what a process takes over from one that ran before it.

use weir_compat::compat;

/// Backend `bk` has the number 3, its servers those of their order.
const STATES: &str = "1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 bk 1 down 127.0.0.1 0 0 5 10 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
3 bk 2 maintained 127.0.0.1 2 1 5 11 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
3 bk 3 checked 127.0.0.1 0 0 5 10 100 8 2 0 6 0 0 0 - 0 - 0 0 - - 0
3 bk 4 drained 127.0.0.1 2 8 7 10 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
3 bk 6 gone 127.0.0.1 2 1 7 10 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
3 bk 6 disabled 127.0.0.1 2 0 7 10 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
3 bk 7 stopping 127.0.0.1 3 0 7 10 100 1 0 0 0 0 0 0 - 0 - 0 0 - - 0
";

const CONFIG: &str = "
global
    stats socket {dir}/admin.sock level admin
    {global}
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    {defaults}
frontend fe
    bind {fe}
    default_backend bk
backend bk
    {backend}
    server down {dead1} weight 10
    server maintained {dead2} weight 10
    server checked {dead3} weight 10 check inter 1h
    server drained {dead4} weight 10
    server untold {dead5} weight 10
    server disabled {dead6} weight 10 disabled
    server stopping {dead7} weight 10
";

#[test]
fn servers_are_as_the_file_of_states_says() {
    compat(|t| {
        t.file("states", STATES).file("bk", STATES);
        for (global, defaults, backend, loaded) in [
            ("server-state-file {dir}/states", "load-server-state-from-file global", "", true),
            ("server-state-base {dir}", "load-server-state-from-file local", "", true),
            (
                "server-state-base {dir}",
                "load-server-state-from-file local",
                "server-state-file-name states",
                true,
            ),
            (
                "server-state-base {dir}",
                "load-server-state-from-file local",
                "server-state-file-name use-backend-name",
                true,
            ),
            ("server-state-file {dir}/states", "load-server-state-from-file none", "", false),
            ("server-state-file {dir}/states", "", "", false),
            ("server-state-file {dir}/nowhere", "load-server-state-from-file global", "", false),
        ] {
            let config = CONFIG
                .replace("{global}", global)
                .replace("{defaults}", defaults)
                .replace("{backend}", backend);
            let proxy = t.start(&config);
            let shown = proxy.admin("show servers state bk");
            let states: Vec<String> = shown
                .lines()
                .filter(|line| line.starts_with("3 bk") && !line.contains(" checked "))
                .map(|line| {
                    let words: Vec<&str> = line.split(' ').collect();
                    // Name, operational state, reasons to be kept from traffic, both weights.
                    [words[3], words[5], words[6], words[7], words[8]].join(" ")
                })
                .collect();
            let wanted: [&str; 6] = match loaded {
                true => [
                    "down 0 0 5 10",
                    "maintained 0 1 10 10",
                    "drained 2 8 7 10",
                    "untold 2 0 10 10",
                    "disabled 0 5 7 10",
                    "stopping 3 0 7 10",
                ],
                false => [
                    "down 2 0 10 10",
                    "maintained 2 0 10 10",
                    "drained 2 0 10 10",
                    "untold 2 0 10 10",
                    "disabled 0 5 10 10",
                    "stopping 2 0 10 10",
                ],
            };
            assert_eq!(states, wanted, "{config}");
        }
    });
}

#[test]
fn counters_go_on_from_a_file_of_statistics() {
    compat(|t| {
        t.file(
            "counters",
            "#fe guid,stot,bin,bout,dreq,req_tot,hrsp_2xx,\nfront,7,100,200,3,9,8,\nnobody,1,1,1,1,1,1,\n\n\
             #be guid,stot,bin,bout,lbtot,hrsp_2xx,\none,5,50,60,4,3,\nback,6,70,80,5,2,\n",
        );
        let proxy = t.start(
            "
            global
                stats socket {dir}/admin.sock level admin
                stats-file {dir}/counters
            defaults
                mode http
                timeout connect 5s
                timeout client 5s
                timeout server 5s
            frontend fe
                bind {fe}
                guid front
                default_backend be
            backend be
                guid back
                server s {dead} guid one
            ",
        );
        let cell = |row: &str, column: &str| {
            let shown = proxy.admin("show stat");
            let mut lines = shown.lines();
            let names = lines.next().unwrap_or_default().trim_start_matches("# ");
            let at = names.split(',').position(|name| name == column).expect("a column");
            let line = lines.find(|line| line.starts_with(row)).expect("a row");
            line.split(',').nth(at).unwrap_or_default().to_owned()
        };
        for (row, column, wanted) in [
            ("fe,FRONTEND", "stot", "7"),
            ("fe,FRONTEND", "bin", "100"),
            ("fe,FRONTEND", "bout", "200"),
            ("fe,FRONTEND", "dreq", "3"),
            ("fe,FRONTEND", "hrsp_2xx", "8"),
            ("be,s", "stot", "5"),
            ("be,s", "bin", "50"),
            ("be,s", "lbtot", "4"),
            ("be,s", "hrsp_2xx", "3"),
            ("be,BACKEND", "stot", "6"),
            ("be,BACKEND", "bout", "80"),
            ("be,BACKEND", "lbtot", "5"),
        ] {
            assert_eq!(cell(row, column), wanted, "{row} {column}");
        }
        let dump = proxy.admin("dump stats-file");
        assert!(dump.contains("\nfront,7,100,200,3,"), "{dump}");
    });
}

const UNKNOWN: &str = "
global
    stats socket {dir}/admin.sock level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
listen li
    bind {li}
backend own
    id 55
    server plain 127.0.0.1:9
    server numbered 127.0.0.1:9 id 77
    server tls 127.0.0.1:9 ssl verify none
    server elsewhere 127.0.0.1:9 addr 127.0.0.2 port 5
    server off 127.0.0.1:9 check addr 127.0.0.2 port 5 disabled
    server port 127.0.0.1:9 check port 5 disabled
    server lowest 127.0.0.1:9 init-state fully-down
    server low 127.0.0.1:9 init-state down
    server high 127.0.0.1:9 init-state up
    server highest 127.0.0.1:9 init-state fully-up
backend derived
    default-server inter 1h weight 33 rise 6
    server plain 127.0.0.1:9
    server quick 127.0.0.1:9 rise 1
    server off 127.0.0.1:9 disabled
    server checked 127.0.0.1:9 check disabled
    server low 127.0.0.1:9 init-state down
backend late
    server before 127.0.0.1:9
    server-template t 2 127.0.0.1:9
    default-server inter 1h
    server behind 127.0.0.1:9
";

/// What is told of these servers: from `srv_op_state` on, without the time.
const TOLD: [(&str, &str); 19] = [
    ("own plain", "2 0 1 1 1 0 0 0 0 1 0 - 9 - 0 0 - - 0"),
    ("own numbered", "2 0 1 1 1 0 0 0 0 1 1 - 9 - 0 0 - - 0"),
    ("own tls", "2 0 1 1 1 0 0 0 0 1 0 - 9 - 1 0 - - 0"),
    ("own elsewhere", "2 0 1 1 1 0 0 0 0 1 0 - 9 - 0 5 127.0.0.2 127.0.0.2 5"),
    ("own off", "0 5 1 1 1 0 0 14 0 1 0 - 9 - 0 5 127.0.0.2 127.0.0.2 5"),
    ("own port", "0 5 1 1 1 0 0 14 0 1 0 - 9 - 0 5 - - 5"),
    ("own lowest", "0 0 1 1 1 0 0 0 0 1 0 - 9 - 0 0 - - 0"),
    ("own low", "0 0 1 1 1 0 1 0 0 1 0 - 9 - 0 0 - - 0"),
    ("own high", "2 0 1 1 1 0 2 0 0 1 0 - 9 - 0 0 - - 0"),
    ("own highest", "2 0 1 1 1 0 4 0 0 1 0 - 9 - 0 0 - - 0"),
    ("derived plain", "2 0 33 33 1 0 6 0 0 0 0 - 9 - 0 0 - - 0"),
    ("derived quick", "2 0 33 33 1 0 1 0 0 0 0 - 9 - 0 0 - - 0"),
    ("derived off", "0 5 33 33 1 0 0 8 0 0 0 - 9 - 0 0 - - 0"),
    ("derived checked", "0 5 33 33 1 0 0 14 0 0 0 - 9 - 0 0 - - 0"),
    ("derived low", "0 0 33 33 1 0 5 0 0 0 0 - 9 - 0 0 - - 0"),
    ("late before", "2 0 1 1 1 0 0 0 0 0 0 - 9 - 0 0 - - 0"),
    ("late t1", "2 0 1 1 1 0 0 0 0 0 0 - 9 - 0 0 - - 0"),
    ("late t2", "2 0 1 1 1 0 2 0 0 0 0 - 9 - 0 0 - - 0"),
    ("late behind", "2 0 1 1 1 0 2 0 0 0 0 - 9 - 0 0 - - 0"),
];

#[test]
fn states_before_anything_is_known_are_told_as_the_reference_tells_them() {
    compat(|t| {
        let told = t.start(UNKNOWN).admin("show servers state");
        let mut wrong = String::new();
        for (names, wanted) in TOLD {
            let columns = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
            let line =
                told.lines().map(columns).find(|c| c.len() > 20 && format!("{} {}", c[1], c[3]) == names);
            let line = line.unwrap_or_else(|| panic!("{names} in {told}"));
            let seen = [&line[5..9], &line[10..]].concat().join(" ");
            if seen != wanted {
                wrong += &format!("\n{names}: {seen}\n  not {wanted}");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}
