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
