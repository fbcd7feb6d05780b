//! Whose turn it is after servers have changed: weights, states and health at random, backups among them, compared
//! pick by pick.
//!
//! The servers are chosen and never asked: the program itself sends clients to a URL that is the server's name.

use weir_compat::compat;
use weir_testkit::{Peer, Running};

/// Algorithms, and digests of the order that the reference gave.
const ALGORITHMS: [(&str, u32); 5] = [
    ("roundrobin", 0x38ac_1d36),
    ("static-rr", 0x2537_f8dd),
    ("first", 0x9f5b_9c1e),
    ("source", 0xa69e_f523),
    ("hash path", 0xb274_ed57),
];

/// What happens to a backend.
#[derive(Debug)]
enum Step {
    /// So many requests.
    Requests(usize),
    /// An order of the runtime API about a server.
    Order(usize, String),
}

/// A backend's servers, each with its weight and whether it is a backup, and what happens to them.
struct Plan {
    servers: Vec<(u32, bool)>,
    steps: Vec<Step>,
}

/// A generator of numbers that are the same in each run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn weight(&mut self, small: bool) -> u32 {
        let any = self.below(257) as u32;
        if small {
            self.one_of(&[0, 1, 2, 3, 4, 5, 7, 10])
        } else {
            self.one_of(&[0, 1, 3, 10, 50, 200, 256, any])
        }
    }
}

fn plan(seed: u64) -> Plan {
    let mut draws = Draws(seed * 0x9e37_79b9 + 1);
    let (small, with_backups) = (draws.below(2) == 0, draws.below(2) == 0);
    let servers: Vec<(u32, bool)> = (0..=draws.below(5))
        .map(|_| (draws.weight(small).max(1), with_backups && draws.below(3) == 0))
        .collect();
    let mut steps = Vec::new();
    for _ in 0..=draws.below(8) {
        steps.push(Step::Requests(draws.one_of(&[0, 1, 2, 3, 5, 8, 13, 20])));
        let server = draws.below(servers.len());
        let order = match draws.below(4) {
            0 | 1 => format!("weight {}", draws.weight(small)),
            2 => format!("state {}", draws.one_of(&["drain", "maint", "ready", "ready"])),
            _ => format!("health {}", draws.one_of(&["down", "up", "stopping", "up"])),
        };
        steps.push(Step::Order(server, order));
    }
    steps.push(Step::Requests(40));
    Plan { servers, steps }
}

#[test]
fn turns_after_random_changes_are_those_of_the_reference() {
    compat(|t| {
        let plans: Vec<Plan> = (1..=PLANS).map(plan).collect();
        let mut text = String::from(
            "global\n nbthread 1\n stats socket {dir}/admin.sock level admin\ndefaults\n mode http\n \
             timeout connect 5s\n timeout client 60s\n timeout server 5s\nfrontend fe\n bind {fe}\n \
             use_backend %[path,field(2,/)]\n",
        );
        for (number, (algorithm, _)) in ALGORITHMS.iter().enumerate() {
            for (seed, plan) in plans.iter().enumerate() {
                text += &format!("backend b{number}.{seed}\n balance {algorithm}\n");
                for (at, (weight, is_backup)) in plan.servers.iter().enumerate() {
                    let backup = if *is_backup { "backup" } else { "" };
                    text += &format!(" server s{at} 127.0.0.1:9 weight {weight} redir //{at} {backup}\n");
                }
            }
        }
        let mut proxy = t.start(&text);
        let mut wrong = String::new();
        for (number, (algorithm, wanted)) in ALGORITHMS.iter().enumerate() {
            let mut digest = 0x811c_9dc5u32;
            for (seed, plan) in plans.iter().enumerate() {
                let order = carry_out(&mut proxy, &format!("b{number}.{seed}"), &plan.steps);
                digest =
                    order.bytes().fold(digest, |d, byte| (d ^ u32::from(byte)).wrapping_mul(0x0100_0193));
            }
            if digest != *wanted {
                wrong += &format!("\n{algorithm}: {digest:#010x}, not {wanted:#010x}");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

/// The servers of the requests of all steps, `-` for none, and what the orders were answered.
fn carry_out(proxy: &mut Running, backend: &str, steps: &[Step]) -> String {
    let mut client = proxy.client("fe");
    let mut order = String::new();
    for step in steps {
        match step {
            Step::Order(server, words) => {
                order += proxy.admin(&format!("set server {backend}/s{server} {words}")).trim_end();
            }
            Step::Requests(count) => {
                client.send(format!("GET /{backend} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(*count));
                order.extend((0..*count).map(|_| served(&mut client)));
            }
        }
    }
    order
}

fn served(client: &mut Peer) -> char {
    let answer = client.recv_message();
    answer.head.header("location").and_then(|to| to.chars().nth(2)).unwrap_or('-')
}

/// How many backends each algorithm has.
const PLANS: u64 = 60;
