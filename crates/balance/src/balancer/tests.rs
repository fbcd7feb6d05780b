//! Sequences as HAProxy 3.4 gives them, and what must hold whatever the sequence.

use super::*;

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
