//! Lines of jobs: what a log makes of one is the one that wrote it, wherever the log ends.
//!
//! Not here: what a stream does with it (`src/stream/tests/jobs.rs`).

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::jobs::JobsFound;
use super::super::records::{By, Event, Given, Moved, Picked};
use crate::dynim::State;
use crate::job::{Line, Moved as Became};

#[derive(Debug, Clone)]
enum Step {
    Issue(u64),
    Take(Option<u64>),
    Died(u64),
    Say(u64, usize),
    Decide(u64, usize),
    Aside(u64),
    Sample(u64, u64),
}

const STATES: [State; 6] =
    [State::Issued, State::Started, State::Interrupted, State::Done, State::Failed, State::Returned];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few jobs and windows: so that they meet.
    let id = 1_u64..6;
    let step = prop_oneof![
        3 => id.clone().prop_map(Step::Issue),
        6 => proptest::option::of(id.clone()).prop_map(Step::Take),
        1 => id.clone().prop_map(Step::Died),
        5 => (id.clone(), 0_usize..6).prop_map(|(id, to)| Step::Say(id, to)),
        1 => (id.clone(), 0_usize..6).prop_map(|(id, to)| Step::Decide(id, to)),
        1 => id.clone().prop_map(Step::Aside),
        4 => (id, 0_u64..5).prop_map(|(id, window)| Step::Sample(id, window)),
    ];
    vec(step, 0..150)
}

/// Does a step to a line, and to what is read of the entries that an owner writes for it.
fn both(step: Step, line: &mut Line, found: &mut JobsFound, sequence: u64) {
    let attempt = |line: &Line, id| line.past(id).map_or(0, |past| past.attempt);
    let moved = |id, to, by| Moved { id, step: 0, attempt: 0, to, by, reason: String::new() };
    let told = |became: Became| if became == Became::SetAside { By::Aside } else { By::Worker };
    match step {
        Step::Issue(id) => {
            if line.issue(id).is_ok() {
                let picks = vec![Picked { id, queue: 0, rank: 1.0 }];
                found.event(&Event { picks, ..Event::default() });
            }
        }
        Step::Take(id) => {
            let Some(id) = id.or_else(|| line.waiting().next()) else { return };
            let attempt = attempt(line, id) + 1;
            if line.taken(id, attempt, "w").is_ok() {
                found.given(sequence, &Given { id, attempt, who: "w".into() });
            }
        }
        Step::Died(id) => {
            if line.died(id, attempt(line, id)) {
                found.moved(moved(id, State::Issued, By::Worker));
            }
        }
        Step::Say(id, to) => {
            let to = STATES[to];
            if let Ok(became) = line.say(id, attempt(line, id), to)
                && became != Became::Known
            {
                found.moved(moved(id, to, told(became)));
            }
        }
        Step::Decide(id, to) => {
            let to = STATES[to];
            if let Ok(became) = line.decide(id, to)
                && became != Became::Known
            {
                found.moved(moved(id, to, By::Host));
            }
        }
        Step::Aside(id) => {
            if line.past(id).is_some_and(|past| !matches!(past.state, State::Done | State::Returned)) {
                line.set_aside(id);
                found.moved(moved(id, State::Failed, By::Aside));
            }
        }
        Step::Sample(id, window) => {
            if line.sample(id, attempt(line, id), "rdf", window) == Ok(true) {
                found.line.remember(id, "rdf", window).unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn a_line_that_is_read_of_a_log_is_the_line_that_wrote_it(steps in steps()) {
        let (mut line, mut found) = (Line::default(), JobsFound::default());
        for (sequence, step) in steps.into_iter().enumerate() {
            both(step, &mut line, &mut found, sequence as u64);
            prop_assert_eq!(found.line.waiting().collect::<Vec<_>>(), line.waiting().collect::<Vec<_>>());
            for id in 1..6 {
                prop_assert_eq!(found.line.past(id), line.past(id));
            }
        }
        let (ours, other) = (found.line.counts(), line.counts());
        prop_assert_eq!((ours.held, ours.done, ours.set_aside), (other.held, other.done, other.set_aside));
        prop_assert_eq!((ours.given, ours.accepted), (other.given, other.accepted));
        let found = found.finish();
        let out = found.out();
        prop_assert_eq!(out.len() as u64, other.held);
        prop_assert!(out.iter().all(|&(id, attempt)| line.holds(id, attempt)));
    }
}
