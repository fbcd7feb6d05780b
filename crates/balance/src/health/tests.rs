//! The counter step by step, observed errors, intervals and agent words.

use super::agent::{AgentAdmin, AgentAnswer, AgentState, read};
use super::*;

/// Plays passes (`+`) and failures (`-`) and writes what statistics would show after each.
fn play(health: &mut Health, outcomes: &str) -> String {
    let mut shown = Vec::new();
    for outcome in outcomes.chars() {
        let shift = if outcome == '+' { health.passed() } else { health.failed() };
        let progress = health.progress();
        let mut text = String::from(if progress.up { "UP" } else { "DOWN" });
        if progress.is_partial() {
            text += &format!(" {}/{}", progress.count, progress.of);
        }
        if shift != Shift::None {
            text += "!";
        }
        shown.push(text);
    }
    shown.join(", ")
}

#[test]
fn rise_and_fall_count_in_one_direction_at_a_time() {
    let mut health = Health::new(2, 3, InitState::FullyUp);
    assert_eq!(play(&mut health, "--+----"), "UP 2/3, UP 1/3, UP, UP 2/3, UP 1/3, DOWN!, DOWN");
    assert_eq!(play(&mut health, "+-++"), "DOWN 1/2, DOWN, DOWN 1/2, UP!");
}

#[test]
fn init_state_decides_how_far_up_or_down_a_server_starts() {
    let cases = [
        (InitState::None, "-", "DOWN!"),
        (InitState::None, "+-", "UP 0/3, DOWN!"),
        (InitState::None, "++", "UP 0/3, UP"),
        (InitState::Up, "+", "UP"),
        (InitState::Up, "-", "DOWN!"),
        (InitState::FullyUp, "---", "UP 2/3, UP 1/3, DOWN!"),
        (InitState::Down, "+", "UP!"),
        (InitState::FullyDown, "++", "DOWN 1/2, UP!"),
    ];
    for (init, outcomes, expected) in cases {
        assert_eq!(play(&mut Health::new(2, 3, init), outcomes), expected, "{init:?}");
    }
}

#[test]
fn enough_observed_errors_move_the_counter() {
    let cases = [
        (OnError::FastInter, Consequence::FastChecks, 4),
        (OnError::FailCheck, Consequence::Counted(Shift::None), 3),
        (OnError::SuddenDeath, Consequence::Counted(Shift::None), 2),
        (OnError::MarkDown, Consequence::Counted(Shift::Down), 0),
    ];
    for (on_error, consequence, count) in cases {
        let mut health = Health::new(2, 3, InitState::FullyUp);
        let mut observer = Observer::new(2, on_error);
        assert_eq!(observer.note(ObservedEvent::Status(500), &mut health), Consequence::None);
        assert_eq!(observer.note(ObservedEvent::Status(404), &mut health), Consequence::None);
        assert_eq!(observer.note(ObservedEvent::NoResponse, &mut health), Consequence::None);
        assert_eq!(observer.note(ObservedEvent::Status(503), &mut health), consequence, "{on_error:?}");
        assert_eq!(health.count(), count, "{on_error:?}");
    }
}

#[test]
fn intervals_follow_the_state() {
    let intervals = Intervals { inter: 2000, fast: Some(500), down: Some(9000) };
    let mut health = Health::new(2, 2, InitState::FullyUp);
    assert_eq!(intervals.next(&health, false, false), 500, "unchecked");
    assert_eq!(intervals.next(&health, true, false), 2000, "up");
    assert_eq!(intervals.next(&health, true, true), 500, "forced");
    health.failed();
    assert_eq!(intervals.next(&health, true, false), 500, "going down");
    health.failed();
    assert_eq!(intervals.next(&health, true, false), 9000, "down");
    assert_eq!(Intervals { fast: None, down: None, ..intervals }.next(&health, true, false), 2000);
}

#[test]
fn spread_keeps_within_its_percentage() {
    for random in [0, 1, 99, 12_345, u32::MAX] {
        assert!((900..=1100).contains(&spread(1000, 10, random)));
        assert_eq!(spread(1000, 0, random), 1000);
    }
}

#[test]
fn agent_words_are_read_in_any_order() {
    let plain = AgentAnswer::default();
    let says = |state, word: &str| AgentAnswer { state: Some((state, word.to_owned())), ..plain.clone() };
    let cases = [
        (&b"75%\n"[..], Some(AgentAnswer { weight: Some(b"75%".to_vec()), ..plain.clone() })),
        (b"weight:20\r\nup", Some(AgentAnswer { weight: Some(b"20".to_vec()), ..plain.clone() })),
        (
            b"down # too hot, really\n",
            Some(AgentAnswer {
                description: Some("too hot, really".to_owned()),
                ..says(AgentState::Down, "down")
            }),
        ),
        (b"stopped\n", Some(says(AgentState::Down, "stopped"))),
        (b"down#hot\n", Some(AgentAnswer { unknown: Some("down#hot".to_owned()), ..plain.clone() })),
        (
            b"ready,up\tmaxconn:30 50%\n",
            Some(AgentAnswer {
                admin: Some(AgentAdmin::Ready),
                maxconn: Some(b"30".to_vec()),
                weight: Some(b"50%".to_vec()),
                ..says(AgentState::Up, "up")
            }),
        ),
        (b"MAINT\n", Some(AgentAnswer { admin: Some(AgentAdmin::Maint), ..plain.clone() })),
        (b"hello you\n", Some(AgentAnswer { unknown: Some("hello".to_owned()), ..plain.clone() })),
        (b"\n", Some(plain.clone())),
        (b"up", None),
        (b"", None),
    ];
    for (answer, expected) in cases {
        assert_eq!(read(answer), expected, "{}", String::from_utf8_lossy(answer));
    }
}
