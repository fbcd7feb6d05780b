//! Sequences as HAProxy 3.4 gives them, and what must hold whatever the sequence.

use super::*;
use crate::RingKey;
use crate::hash::{Function, Hashing};
use crate::key::source_hash;

/// A farm at rest: no load, no limits.
fn idle(servers: usize) -> Vec<Load> {
    vec![Load::default(); servers]
}

/// A balancer over up servers of these weights; a negative weight makes a backup.
fn balancer(scheme: Scheme, weights: &[i16]) -> Balancer {
    balancer_with(&Plan::of(scheme), weights)
}

fn balancer_with(plan: &Plan, weights: &[i16]) -> Balancer {
    let members = weights.iter().zip(1..).map(|(&weight, id)| {
        let member = Member::up(id, weight.unsigned_abs());
        if weight < 0 { member.backup() } else { member }
    });
    Balancer::new(plan, members.collect())
}

/// The servers of `count` picks as digits.
fn picks(balancer: &mut Balancer, count: usize, farm: &[Load]) -> String {
    (0..count)
        .map(|_| match balancer.pick(Ask::default(), farm) {
            Some(server) => char::from_digit(server as u32, 36).unwrap(),
            None => '-',
        })
        .collect()
}

/// Plays `steps`: each gives weights (0 for down) to some servers, then expects a sequence.
fn play(balancer: &mut Balancer, servers: usize, steps: &[(&[(usize, u16)], &str)]) {
    for (at, (changes, expected)) in steps.iter().enumerate() {
        for &(server, weight) in *changes {
            balancer.update(server, weight > 0, Effective::full(weight), Load::default());
        }
        assert_eq!(picks(balancer, expected.len(), &idle(servers)), *expected, "step {at}");
    }
}

#[test]
fn roundrobin_interleaves_weights_in_the_order_of_the_reference() {
    let cases: &[(&[i16], &str)] = &[
        (&[1, 1], "01010101010101"),
        (&[1, 2, 3], "212021212021212021212021212021212021"),
        (
            &[3, 1, 4, 1, 5, 9, 2, 6],
            "574520754657254075125473560475257452075465725407512547356047525745207546572540751254735604752574520754657254075125473560",
        ),
        (
            &[10, 20, 100],
            "22221222022122222122202212222212220221222221222022122222122202212222212220221222221222022122222122202212222212220221222221222022122222122202212222212220221222221222022122222122202212222212220221222221",
        ),
        (
            &[7, 7, 7, 3],
            "0120120123012012031201201320120123012012031201201320120123012012031201201320120123012012031201201320",
        ),
    ];
    for (weights, expected) in cases {
        let mut balancer = balancer(Scheme::RoundRobin, weights);
        assert_eq!(picks(&mut balancer, expected.len(), &idle(weights.len())), *expected, "{weights:?}");
    }
}

#[test]
fn roundrobin_takes_over_a_weight_set_at_run_time() {
    play(
        &mut balancer(Scheme::RoundRobin, &[1, 2, 3]),
        3,
        &[(&[], "2120212"), (&[(0, 10)], "102000201000200102000201000200102000201000200102000201000200")],
    );
}

/// Servers that go and come back, and weights set at run time, as the reference went on with its turns.
#[test]
fn roundrobin_goes_on_in_the_order_of_the_reference_when_servers_change() {
    type Step<'a> = (&'a [(usize, u16)], &'a str);
    let cases: &[(&[i16], &[Step<'_>])] = &[
        (
            &[1, 3, 5],
            &[(&[], "2"), (&[(0, 0)], "21212212"), (&[(0, 1)], "2121221202121221202121221202121221202121")],
        ),
        (
            &[1, 4, 1, 4],
            &[(&[], "13130131"), (&[(2, 0)], "31"), (&[(2, 1)], "3130131321313013132131301313213130131321")],
        ),
        (
            &[10, 2, 3, 4],
            &[(&[], "00302"), (&[(3, 0)], "0100"), (&[(3, 4)], "0201300203000231003020130020300023100302")],
        ),
        (
            &[4, 1, 1],
            &[(&[], "001002"), (&[(2, 0)], "00"), (&[(2, 1)], "0100020100020100020100020100020100020100")],
        ),
        (&[10, 1, 5], &[(&[], "0"), (&[(0, 8)], "2020102020020020201020200200202010202002")]),
        (&[1, 3, 3], &[(&[], "1212120121"), (&[(0, 1)], "2120121212012121201212120121212012121201")]),
        (&[1, 5, 1], &[(&[], "111011"), (&[(1, 5)], "2111011211101121110112111011211101121110")]),
        (&[5, 3, 1], &[(&[], "0"), (&[(0, 2)], "1210110211010211010211010211010211010211")]),
        (&[4, 4, 2], &[(&[], "01012010120"), (&[(0, 8)], "1002100100210010021001002100100210010021")]),
        (&[1, 1, 3], &[(&[], "2"), (&[(1, 0)], "2022202220222022202220222022202220222022")]),
        (&[1, 1, 1, 4], &[(&[], "3303"), (&[(1, 0)], "2333032333032333032333032333032333032333")]),
        (&[4, 3, 2], &[(&[], "0102100"), (&[(2, 0)], "1010101001010100101010010101001010100101")]),
    ];
    for (weights, steps) in cases {
        play(&mut balancer(Scheme::RoundRobin, weights), weights.len(), steps);
    }
}

#[test]
fn one_backup_serves_only_while_no_active_server_does() {
    play(
        &mut balancer(Scheme::RoundRobin, &[1, 2, -2, -1]),
        4,
        &[
            (&[], "1101101"),
            (&[(0, 0)], "11111111111111111111"),
            (&[(1, 0)], "22222222222222222222"),
            (&[(2, 0)], "33333333333333333333"),
            (&[(2, 2)], "22222222222222222222"),
            (&[(1, 2)], "11111111111111111111"),
        ],
    );
}

#[test]
fn allbackups_serve_in_turns() {
    let plan = Plan { all_backups: true, ..Plan::of(Scheme::RoundRobin) };
    play(
        &mut balancer_with(&plan, &[1, 2, -2, -1]),
        4,
        &[
            (&[], "1101101"),
            (&[(0, 0)], "11111111111111111111"),
            (&[(1, 0)], "22322322322322322322"),
            (&[(2, 0)], "33333333333333333333"),
            (&[(2, 2)], "32232232232232232232"),
            (&[(1, 2)], "11111111111111111111"),
        ],
    );
}

/// The servers of hashed keys as digits.
fn hashed(balancer: &mut Balancer, hashes: impl Iterator<Item = u32>, servers: usize) -> String {
    let farm = idle(servers);
    hashes
        .map(|hash| {
            let server = balancer.pick(Ask { hash: Some(hash), avoid: None }, &farm).unwrap();
            char::from_digit(server as u32, 36).unwrap()
        })
        .collect()
}

/// What HAProxy 3.4 chose among the weights of [`WEIGHTS`], by the name of the case.
fn seen(name: &str) -> &'static str {
    let cases = include_str!("seen/farm.txt").lines().filter_map(|line| line.split_once(' '));
    cases.into_iter().find(|(case, _)| *case == name).unwrap().1
}

const KEYS: &str = include_str!("seen/keys.txt");
const WEIGHTS: [i16; 5] = [1, 3, 2, 10, 1];
const RING: Hashing = Hashing { function: Function::Sdbm, avalanche: true };

#[test]
fn every_hash_type_leads_each_key_to_the_server_of_the_reference() {
    for case in include_str!("seen/hash.txt").lines() {
        let words: Vec<&str> = case.split(' ').collect();
        let [method, function, modifier, weights, expected] = words[..] else { panic!("{case}") };
        let weights: Vec<i16> = weights.split(',').map(|weight| weight.parse().unwrap()).collect();
        let hashing =
            Hashing { function: Function::named(function).unwrap(), avalanche: modifier == "avalanche" };
        let scheme = if method == "consistent" { Scheme::RingHash } else { Scheme::MapHash };
        let keys = if function == "none" { include_str!("seen/integers.txt") } else { KEYS };
        let hashes = keys.lines().map(|key| hashing.of(key.as_bytes()));
        let got = hashed(&mut balancer(scheme, &weights), hashes, weights.len());
        assert_eq!(got, expected, "{method} {function} {modifier}");
    }
}

#[test]
fn keys_of_a_server_that_is_down_go_where_the_reference_sends_them() {
    for (name, scheme, hashing) in
        [("down-map", Scheme::MapHash, Hashing::default()), ("down-ring", Scheme::RingHash, RING)]
    {
        let mut balancer = balancer(scheme, &WEIGHTS);
        balancer.update(3, false, Effective::full(10), Load::default());
        let hashes = KEYS.lines().map(|key| hashing.of(key.as_bytes()));
        assert_eq!(hashed(&mut balancer, hashes, 5), seen(name), "{name}");
    }
}

#[test]
fn source_addresses_go_where_the_reference_sends_them() {
    let sources = || (0..200u8).map(|at| std::net::IpAddr::from([127, at % 7, at % 13, at + 1]));
    for (name, scheme, hashing) in
        [("source", Scheme::MapHash, Hashing::default()), ("source-ring", Scheme::RingHash, RING)]
    {
        let hashes = sources().map(|source| source_hash(source, hashing));
        assert_eq!(hashed(&mut balancer(scheme, &WEIGHTS), hashes, 5), seen(name), "{name}");
    }
}

#[test]
fn requests_without_a_key_and_static_rr_take_turns_as_in_the_reference() {
    for (name, scheme) in
        [("nokey-map", Scheme::MapHash), ("nokey-ring", Scheme::RingHash), ("static-rr", Scheme::StaticRr)]
    {
        let expected = seen(name);
        assert_eq!(picks(&mut balancer(scheme, &WEIGHTS), expected.len(), &idle(5)), expected, "{name}");
    }
}

#[test]
fn hash_key_places_servers_on_the_ring_as_the_reference_does() {
    let address = |at: u8| std::net::IpAddr::from([127, 0, 0, at + 1]);
    type Keyed = fn(u8, std::net::IpAddr) -> RingKey;
    let cases: [(&str, Keyed); 4] = [
        ("ring", |_, _| RingKey::Id),
        ("guid", |at, _| RingKey::Guid(format!("g{at}").into_bytes())),
        ("addr", |_, ip| RingKey::Addr(ip)),
        ("addr-port", |at, ip| RingKey::AddrPort((ip, 22010 + u16::from(at)).into())),
    ];
    for (name, ring_key) in cases {
        let members = WEIGHTS.iter().zip(0u8..).map(|(&weight, at)| Member {
            ring_key: ring_key(at, address(at)),
            ..Member::up(u32::from(at) + 1, weight as u16)
        });
        let mut balancer = Balancer::new(&Plan::of(Scheme::RingHash), members.collect());
        let hashes = KEYS.lines().map(|key| RING.of(key.as_bytes()));
        assert_eq!(hashed(&mut balancer, hashes, 5), seen(name), "{name}");
    }
}

/// A virtual clock of requests: servers fail and come back, sessions last a while. Returns how
/// often each server was chosen per unit of weight while nobody was down, and a digest of it all.
fn simulate(scheme: Scheme, servers: usize, requests: usize, failures: bool) -> (Vec<f64>, u64) {
    let weights: Vec<i16> = (0..servers).map(|at| 1 + (at % 5) as i16).collect();
    let mut balancer = balancer(scheme, &weights);
    let mut farm = idle(servers);
    let mut leaving = std::collections::VecDeque::new();
    let (mut random, mut digest) = (7, 0u64);
    let mut chosen = vec![0u32; servers];
    for _ in 0..requests {
        if failures && next_random(&mut random).is_multiple_of(50) {
            let server = next_random(&mut random) as usize % servers;
            let usable = balancer.members()[server].usable;
            balancer.update(server, !usable, Effective::full(weights[server] as u16), farm[server]);
        }
        let hash = Some(next_random(&mut random));
        let Some(server) = balancer.pick(Ask { hash, avoid: None }, &farm) else { continue };
        assert!(balancer.members()[server].in_farm(), "{scheme:?} chose a server that is down");
        chosen[server] += 1;
        digest = digest.wrapping_mul(31).wrapping_add(server as u64);
        farm[server].sessions += 1;
        balancer.note_load(server, farm[server]);
        leaving.push_back(server);
        if leaving.len() > servers {
            let left: usize = leaving.pop_front().unwrap();
            farm[left].sessions -= 1;
            balancer.note_load(left, farm[left]);
        }
    }
    (
        chosen.iter().zip(&weights).map(|(&count, &weight)| f64::from(count) / f64::from(weight)).collect(),
        digest,
    )
}

#[test]
fn shares_follow_weights_within_one_percent() {
    for scheme in [Scheme::RoundRobin, Scheme::StaticRr] {
        let (shares, _) = simulate(scheme, 50, 60_000, false);
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!(shares.iter().all(|share| (share / mean - 1.0).abs() < 0.01), "{scheme:?} {shares:?}");
    }
}

#[test]
fn no_scheme_chooses_a_server_that_is_down_and_runs_repeat_to_the_byte() {
    let schemes = [
        Scheme::RoundRobin,
        Scheme::StaticRr,
        Scheme::LeastConn,
        Scheme::First,
        Scheme::MapHash,
        Scheme::RingHash,
        Scheme::Random { draws: 2 },
        Scheme::Sticky,
    ];
    for scheme in schemes {
        assert_eq!(simulate(scheme, 30, 4000, true), simulate(scheme, 30, 4000, true), "{scheme:?}");
    }
}

#[test]
fn servers_that_come_at_run_time_get_their_share_and_those_that_leave_get_none() {
    let schemes = [
        Scheme::RoundRobin,
        Scheme::LeastConn,
        Scheme::First,
        Scheme::RingHash,
        Scheme::Random { draws: 2 },
        Scheme::MapHash,
    ];
    for scheme in schemes {
        let mut balancer = balancer(scheme, &[1, 1]);
        balancer.seat(3, Member::up(7, 2));
        assert_eq!(balancer.members().len(), 4);
        let mut chosen = [0; 4];
        for n in 0..4000u32 {
            let ask = Ask { hash: Some(n.wrapping_mul(0x9e37_79b9)), avoid: None };
            let load = Load { sessions: 1, ..Load::default() };
            chosen[balancer.pick(ask, &vec![load; 4]).unwrap()] += 1;
        }
        assert_eq!(chosen[2], 0, "{scheme:?} chose an empty seat");
        assert!(
            scheme == Scheme::First || scheme == Scheme::LeastConn || chosen[3] > 1000,
            "{scheme:?} {chosen:?}"
        );
        for gone in [0, 1] {
            balancer.leave(gone);
        }
        let ask = Ask { hash: Some(5), avoid: None };
        assert_eq!(balancer.pick(ask, &idle(4)), Some(3), "{scheme:?}");
        balancer.leave(3);
        assert_eq!(balancer.pick(ask, &idle(4)), None, "{scheme:?}");
        assert!(balancer.is_empty());
    }
}
