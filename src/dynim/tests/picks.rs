//! States of picks, returns, withdrawals, and what is selected outright, by hand.
//!
//! Not here: the same over random streams ([`super::layouts`]).

use super::super::{Config, FAILURES_MAX, Gate, Layout, Mode, QueueConfig, Sampler, Stage, State};
use super::{line, picked};
use crate::error::ErrorKind;

use State::{Done, Failed, Interrupted, Issued, Returned, Started};

/// A pick that went through `states`.
fn after(states: &[State]) -> Sampler {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 1.0]);
    sampler.select(0, 1);
    for &state in states {
        assert!(sampler.set_state(1, state, 0).unwrap(), "{states:?}");
    }
    sampler
}

#[test]
fn only_the_states_of_the_table_follow() {
    let all = [Issued, Started, Interrupted, Done, Failed, Returned];
    for (way, allowed) in [
        (&[][..], &[Started, Failed, Returned][..]),
        (&[Started], &[Issued, Interrupted, Done, Failed]),
        (&[Started, Interrupted], &[Issued, Started, Failed]),
        (&[Started, Done], &[]),
        (&[Failed], &[Issued, Started]),
        (&[Failed, Issued], &[Started, Failed, Returned]),
        (&[Started, Failed, Issued], &[Started, Failed]),
        (&[Started, Issued], &[Started, Failed]),
        (&[Returned], &[]),
    ] {
        let sampler = after(way);
        let now = way.last().copied().unwrap_or(Issued);
        for to in all {
            let mut sampler = sampler.clone();
            match sampler.set_state(1, to, 0) {
                Ok(changed) => {
                    assert_eq!(changed, to != now, "{way:?} to {to}");
                    assert!(to == now || allowed.contains(&to), "{way:?} to {to}");
                    assert_eq!(sampler.selection(1).unwrap().state, to);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::State);
                    assert!(to != now && !allowed.contains(&to), "{way:?} to {to}: {error}");
                    assert_eq!(sampler.selection(1), after(way).selection(1));
                }
            }
        }
    }
}

#[test]
fn the_third_failure_sets_a_pick_aside_and_keeps_its_point_in_s() {
    let mut sampler = after(&[Started, Failed, Started, Failed, Issued, Started, Failed]);
    assert_eq!(sampler.selection(1).unwrap().failures, FAILURES_MAX);
    for to in [Issued, Started, Interrupted, Done, Returned] {
        assert_eq!(sampler.set_state(1, to, 0).unwrap_err().kind(), ErrorKind::State);
    }
    assert!(!sampler.set_state(1, Failed, 0).unwrap());
    assert_eq!((sampler.selection(1).unwrap().failures, sampler.stage(1)), (FAILURES_MAX, Some(Stage::Selected)));
}

#[test]
fn a_pick_that_was_never_made_has_no_state() {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 1.0]);
    assert_eq!(sampler.set_state(1, Started, 0).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(sampler.set_state(77, Started, 0).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(sampler.selection(1), None);
}

#[test]
fn after_a_return_ranks_rise_to_what_they_are_without_it() {
    let mut sampler = line(1, Mode::Sequential, &[0.0, 10.0, 9.0, 2.0]);
    sampler.select(0, 2);
    assert!(sampler.set_state(2, Returned, 0).unwrap());
    assert_eq!((sampler.stage(2), sampler.selected(), sampler.candidates()), (Some(Stage::Candidate), 1, 3));
    assert_eq!(picked(&sampler.select(0, 3)), [(2, 10.0), (4, 2.0), (3, 1.0)]);
    assert_eq!(sampler.selection(2).unwrap().event, 1);
}

#[test]
fn discards_stand_after_a_return() {
    let mut sampler = Sampler::new(Config { capacity: 1, ..Config::new(1) }).unwrap();
    sampler.select_outright(9, &[0.0]).unwrap();
    for (id, x) in [(1, 5.0), (2, 1.0), (3, 4.0)] {
        sampler.add(id, 0, &[x]).unwrap();
    }
    sampler.select(0, 1);
    sampler.set_state(1, Returned, 0).unwrap();
    assert_eq!([1, 2, 3].map(|id| sampler.stage(id).unwrap()), [Stage::Candidate, Stage::Discarded, Stage::Discarded]);
}

#[test]
fn a_returned_pick_counts_no_more_for_its_queue() {
    let queues = vec![QueueConfig::new("a"), QueueConfig::new("b")];
    let mut sampler = Sampler::with_layout(Layout { queues, ..Layout::new(1) }).unwrap();
    for id in 1..=8 {
        sampler.add_to(id as usize % 2, id, 0, &[id as f32], None).unwrap();
    }
    let first = sampler.select(0, 1).picks[0];
    assert_eq!(first.queue, 0);
    sampler.set_state(first.id, Returned, 0).unwrap();
    assert_eq!((sampler.selected_of(0), sampler.select(0, 1).picks[0].queue), (0, 0));
}

#[test]
fn a_withdrawn_point_is_gone_and_its_id_free() {
    let config = Config { capacity: 2, ..Config::new(1) };
    let mut sampler = Sampler::new(config).unwrap();
    sampler.select_outright(9, &[0.0]).unwrap();
    for (id, x) in [(1, 5.0), (2, 1.0), (3, 4.0)] {
        sampler.add(id, 0, &[x]).unwrap();
    }
    sampler.select(0, 0);
    sampler.add(4, 5, &[8.0]).unwrap();
    assert_eq!(sampler.weights()[0].weight, 5.0);
    for id in [1, 2, 4] {
        sampler.withdraw(id, 0).unwrap();
        assert!(!sampler.contains(id));
        assert_eq!(sampler.withdraw(id, 0).unwrap_err().kind(), ErrorKind::Unknown);
    }
    assert_eq!((sampler.weights()[0].weight, sampler.waiting(), sampler.candidates()), (2.0, 0, 1));
    assert_eq!(sampler.withdraw(9, 0).unwrap_err().kind(), ErrorKind::State);
    sampler.add(1, 0, &[-7.0]).unwrap();
    assert_eq!(picked(&sampler.select(6, 9)), [(1, 7.0), (3, 7.5)]);
}

#[test]
fn what_is_selected_outright_has_no_rank_and_is_in_s() {
    let mut sampler = line(1, Mode::Sequential, &[3.0]);
    assert_eq!((sampler.select_outright(8, &[0.0]).unwrap(), sampler.select_outright(7, &[1.0]).unwrap()), (0, 1));
    let pick = sampler.selection(7).unwrap();
    assert_eq!((pick.rank, pick.event, pick.state), (None, -1, Issued));
    assert_eq!(sampler.select_outright(7, &[1.0]).unwrap(), 1);
    assert_eq!(sampler.select_outright(7, &[2.0]).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(sampler.select_outright(1, &[3.0]).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(sampler.select_outright(6, &[f32::NAN]).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(picked(&sampler.select(0, 1)), [(1, 2.0)]);
    assert_eq!(sampler.selected_ids().collect::<Vec<_>>(), [8, 7, 1]);
}

#[test]
fn what_is_selected_outright_opens_no_gate_and_uses_up_no_random_pick() {
    let queues = vec![QueueConfig { min_candidates: 2, min_random: 1, gate: Gate::First, ..QueueConfig::new("a") }];
    let mut sampler = Sampler::with_layout(Layout { queues, ..Layout::new(1) }).unwrap();
    sampler.select_outright(9, &[0.0]).unwrap();
    sampler.add(1, 0, &[3.0]).unwrap();
    assert_eq!(sampler.select(0, 1).picks, []);
    sampler.add(2, 0, &[1.0]).unwrap();
    assert_eq!(sampler.select(0, 2).picks.len(), 2);
}

#[test]
fn a_state_reads_what_it_writes() {
    for state in [Issued, Started, Interrupted, Done, Failed, Returned] {
        assert_eq!(state.to_string().parse::<State>().unwrap(), state);
    }
    assert_eq!("Done".parse::<State>().unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!([Issued, Started, Interrupted, Done, Failed, Returned].map(|state| state as u8), [1, 2, 3, 4, 5, 6]);
}

/// A queue that is empty while S shrinks, and is asked when S is as large again: its candidates have seen less than k of
/// S, so their ranks are no bounds.
#[test]
fn ranks_are_exact_after_returns_that_an_empty_queue_did_not_see() {
    let queue = |name, target| QueueConfig { target, ..QueueConfig::new(name) };
    let layout = Layout { k: 4, queues: vec![queue("a", 1.0), queue("b", 3.0)], ..Layout::new(1) };
    let mut sampler = Sampler::with_layout(layout).unwrap();
    sampler.select_outright(1, &[0.0]).unwrap();
    sampler.select_outright(2, &[1.0]).unwrap();
    sampler.add_to(1, 3, 0, &[10.0], None).unwrap();
    assert_eq!(sampler.select(0, 1).picks[0].id, 3);
    for id in [1, 2] {
        sampler.set_state(id, State::Returned, 0).unwrap();
    }
    // S is point 3 alone, whose queue is empty. Two come to it, queue a makes S as large as it was at its last pick.
    sampler.add_to(1, 4, 1, &[4.0], None).unwrap();
    sampler.add_to(1, 5, 1, &[12.0], None).unwrap();
    let picks: Vec<_> = sampler.select(1, 2).picks.iter().map(|pick| (pick.id, pick.queue, pick.rank)).collect();
    assert_eq!(picks, [(1, 0, 10.0), (5, 1, (2.0 + 12.0) / 2.0)]);
}
