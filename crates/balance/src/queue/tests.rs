//! Order of service against a plain sorted list, and what leaves a queue otherwise.

use super::*;
use proptest::prelude::*;

fn push(queues: &mut Queues<u32>, place: Place, class: i16, offset: i32, now: u64, token: u32) -> Ticket {
    queues.push(place, Priority { class, offset }, now, Some(now + 1000), token)
}

#[test]
fn class_goes_before_time_and_time_before_arrival() {
    let mut queues = Queues::new(1);
    push(&mut queues, Place::Backend, 0, 0, 10, 1);
    push(&mut queues, Place::Backend, 1, -500, 10, 2);
    push(&mut queues, Place::Backend, 0, -5, 12, 3);
    push(&mut queues, Place::Backend, -1, 500, 13, 4);
    push(&mut queues, Place::Server(0), 0, 0, 10, 5);
    let order: Vec<u32> =
        std::iter::from_fn(|| queues.call(0, true, 20)).map(|called| called.token).collect();
    assert_eq!(order, [4, 3, 1, 5, 2]);
}

#[test]
fn a_server_out_of_turn_serves_only_its_own_queue() {
    let mut queues = Queues::new(2);
    push(&mut queues, Place::Backend, 0, 0, 0, 1);
    push(&mut queues, Place::Server(1), 0, 0, 5, 2);
    assert_eq!(queues.call(1, false, 20).map(|called| called.token), Some(2));
    assert_eq!(queues.call(1, false, 20), None);
    assert_eq!(queues.len(Place::Backend), 1);
}

#[test]
fn the_log_learns_how_many_went_before() {
    let mut queues = Queues::new(1);
    for token in 0..3 {
        push(&mut queues, Place::Backend, 0, 0, 0, token);
    }
    let passed: Vec<u32> =
        std::iter::from_fn(|| queues.call(0, true, 20)).map(|called| called.passed).collect();
    assert_eq!(passed, [1, 2, 3]);
}

#[test]
fn a_deadline_takes_out_exactly_those_whose_time_has_come() {
    let mut queues = Queues::new(1);
    push(&mut queues, Place::Backend, 0, 0, 0, 1);
    push(&mut queues, Place::Server(0), 0, 0, 50, 2);
    queues.push(Place::Backend, Priority::default(), 0, None, 3);
    assert_eq!(queues.next_deadline(), Some(1000));
    assert_eq!(queues.expire(999), None);
    assert_eq!(queues.expire(1000).map(|called| called.token), Some(1));
    assert_eq!(queues.expire(1049), None);
    assert_eq!(queues.expire(1050).map(|called| called.token), Some(2));
    assert_eq!((queues.total(), queues.next_deadline()), (1, None));
}

#[test]
fn a_server_that_goes_down_gives_its_queue_away() {
    let mut queues = Queues::new(1);
    push(&mut queues, Place::Server(0), 0, 0, 0, 1);
    push(&mut queues, Place::Backend, 0, 0, 0, 2);
    assert_eq!(queues.evict(Place::Server(0)).map(|called| called.token), Some(1));
    assert_eq!(queues.evict(Place::Server(0)), None);
    assert_eq!(queues.len(Place::Backend), 1);
}

#[test]
fn who_seems_to_have_come_half_a_round_ago_is_behind_the_others() {
    const LONGEST: i32 = 524_287;
    for (waited, wanted) in [(0, [1, 2, 3]), (1, [1, 2, 3]), (2, [2, 3, 1]), (500, [2, 3, 1])] {
        for begun in [0, 7_340_000, 524_288] {
            let mut queues = Queues::new(1);
            push(&mut queues, Place::Backend, 0, -LONGEST, begun, 1);
            push(&mut queues, Place::Backend, 0, 0, begun, 2);
            push(&mut queues, Place::Server(0), 0, LONGEST, begun, 3);
            push(&mut queues, Place::Backend, 1, 0, begun, 4);
            let now = begun + waited;
            let order: Vec<u32> =
                std::iter::from_fn(|| queues.call(0, true, now)).map(|called| called.token).collect();
            assert_eq!((&order[..3], order[3]), (&wanted[..], 4), "{begun} {waited}");
        }
    }
}

proptest! {
    /// Pushes, calls, cancels and deadlines in any order: nobody is lost, served twice or overtaken.
    #[test]
    fn serves_in_the_order_of_a_sorted_list(
        steps in prop::collection::vec((0..6u8, 0..3usize, -2..3i16, -50..50i32, 0..100u64), 0..200)
    ) {
        let mut queues = Queues::new(3);
        let mut model: Vec<(i16, i64, u32, Place, Ticket, u64)> = Vec::new();
        let mut now = 0;
        for (token, (what, server, class, offset, wait)) in (0u32..).zip(steps) {
            now += wait;
            match what {
                0 | 1 => {
                    let place = if what == 0 { Place::Backend } else { Place::Server(server) };
                    let ticket = push(&mut queues, place, class, offset, now, token);
                    model.push((class, now as i64 + i64::from(offset), token, place, ticket, now + 1000));
                }
                2 | 3 => {
                    let best = model
                        .iter()
                        .filter(|row| row.3 == Place::Server(server) || (what == 2 && row.3 == Place::Backend))
                        .min_by_key(|row| (row.0, row.1, row.2))
                        .map(|row| row.2);
                    prop_assert_eq!(queues.call(server, what == 2, now).map(|called| called.token), best);
                    model.retain(|row| Some(row.2) != best);
                }
                4 => {
                    if let Some(row) = model.pop() {
                        prop_assert_eq!(queues.cancel(row.4).map(|called| called.token), Some(row.2));
                        prop_assert_eq!(queues.cancel(row.4), None);
                    }
                }
                _ => {
                    let due = model.iter().filter(|row| row.5 <= now).count();
                    prop_assert_eq!(std::iter::from_fn(|| queues.expire(now)).count(), due);
                    model.retain(|row| row.5 > now);
                }
            }
            prop_assert_eq!(queues.total(), model.len());
        }
    }
}
