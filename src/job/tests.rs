//! Tests of the line, of tickets and of sets of windows.
//!
//! Not here: transports, which `tests/job/` runs over several processes.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::line::Line;
use super::naive::NaiveLine;
use super::past::{Moved, Past, Want};
use super::ticket::{Ticket, Transport};
use super::transport::state_of;
use super::windows::{Windows, check_observable};
use crate::dynim::State;
use crate::error::ErrorKind;

#[derive(Debug, Clone)]
enum Step {
    Issue(u64),
    Take(Option<u64>),
    Died(u64, u32),
    Say(u64, u32, u8),
    Decide(u64, u8),
    Sample(u64, u32, &'static str, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few jobs, few attempts, few windows: so that they meet.
    let (id, back) = (1u64..6, 0u32..2);
    let step = prop_oneof![
        2 => id.clone().prop_map(Step::Issue),
        4 => proptest::option::of(id.clone()).prop_map(Step::Take),
        1 => (id.clone(), back.clone()).prop_map(|(id, back)| Step::Died(id, back)),
        4 => (id.clone(), back.clone(), 1u8..7).prop_map(|(id, back, to)| Step::Say(id, back, to)),
        1 => (id.clone(), 1u8..7).prop_map(|(id, to)| Step::Decide(id, to)),
        4 => (id, back, prop_oneof![Just("rdf"), Just("area"), Just("")], 0u64..5)
            .prop_map(|(id, back, name, window)| Step::Sample(id, back, name, window)),
    ];
    vec(step, 0..120)
}

proptest! {
    #[test]
    fn a_line_matches_naive(steps in steps()) {
        let (mut line, mut naive) = (Line::default(), NaiveLine::default());
        for step in steps {
            // Attempts count back from the last one, so that most are right.
            let attempt = |id, back| line.past(id).map_or(0, |past| past.attempt).saturating_sub(back);
            match step {
                Step::Issue(id) => prop_assert_eq!(line.issue(id).map_err(|e| e.kind()), naive.issue(id)),
                Step::Take(id) => {
                    let want = id.map_or(Want::Oldest, Want::Job);
                    prop_assert_eq!(line.take(want, "w").map_err(|e| e.kind()), naive.take(id));
                }
                Step::Died(id, back) => {
                    let attempt = attempt(id, back);
                    prop_assert_eq!(line.died(id, attempt), naive.died(id, attempt));
                }
                Step::Say(id, back, to) => {
                    let (attempt, to) = (attempt(id, back), state_of(to).unwrap());
                    prop_assert_eq!(line.say(id, attempt, to).map_err(|e| e.kind()), naive.say(id, attempt, to));
                }
                Step::Decide(id, to) => {
                    let to = state_of(to).unwrap();
                    prop_assert_eq!(line.decide(id, to).map_err(|e| e.kind()), naive.decide(id, to));
                }
                Step::Sample(id, back, name, window) => {
                    let attempt = attempt(id, back);
                    let ours = line.sample(id, attempt, name, window).map_err(|e| e.kind());
                    prop_assert_eq!(ours, naive.sample(id, attempt, name, window));
                }
            }
            prop_assert_eq!(line.waiting().collect::<Vec<_>>(), &naive.line[..]);
            prop_assert_eq!(line.counts(), naive.counts());
            for (id, job) in (1..6).filter_map(|id| Some((id, line.past(id)?))) {
                let twin = naive.jobs.iter().find(|twin| twin.id == id).expect("known to both");
                let ours = (job.attempt, job.failures, job.state, job.holder.is_some());
                prop_assert_eq!(ours, (twin.attempt, twin.failures, twin.state, twin.held));
            }
        }
    }

    #[test]
    fn windows_match_a_set(added in vec((0usize..2, 0u64..40), 0..80), far in any::<u64>()) {
        let (mut windows, mut set) = (Windows::default(), BTreeSet::new());
        let names = ["rdf", "area"];
        for (name, window) in added.into_iter().chain([(0, far), (0, u64::MAX), (1, 0)]) {
            prop_assert_eq!(windows.add(names[name], window).unwrap(), set.insert((name, window)));
        }
        for window in (0..42).chain([far, u64::MAX - 1, u64::MAX]) {
            for (at, name) in names.iter().enumerate() {
                prop_assert_eq!(windows.has(name, window), set.contains(&(at, window)));
            }
        }
        for runs in windows.pack() {
            prop_assert!(runs.runs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
        prop_assert_eq!(Windows::unpack(&windows.pack()), windows);
    }
}

#[test]
fn what_was_interrupted_goes_first_and_what_failed_goes_last() {
    let mut line = Line::default();
    (1..=4).for_each(|id| line.issue(id).unwrap());
    assert_eq!(line.take(Want::Oldest, "a").unwrap(), Some((1, 1)));
    assert_eq!(line.take(Want::Oldest, "b").unwrap(), Some((2, 1)));
    assert_eq!(line.say(1, 1, State::Failed).unwrap(), Moved::Back);
    assert_eq!(line.say(2, 1, State::Interrupted).unwrap(), Moved::Back);
    assert_eq!(line.waiting().collect::<Vec<_>>(), [2, 3, 4, 1]);
    assert_eq!((line.past(1).unwrap().failures, line.past(2).unwrap().failures), (1, 0));
}

#[test]
fn three_failures_set_a_job_aside_and_deaths_do_not_count_as_failures() {
    let mut line = Line::default();
    line.issue(9).unwrap();
    for attempt in 1..=5 {
        line.take(Want::Job(9), "w").unwrap();
        assert!(line.died(9, attempt));
    }
    for (attempt, moved) in [(6, Moved::Back), (7, Moved::Back), (8, Moved::SetAside)] {
        assert_eq!(line.take(Want::Oldest, "w").unwrap(), Some((9, attempt)));
        assert_eq!(line.say(9, attempt, State::Failed).unwrap(), moved);
    }
    assert_eq!(line.take(Want::Oldest, "w").unwrap(), None);
    let error = line.take(Want::Job(9), "w").unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.message().contains("failed 3 times"), "{error}");
    assert_eq!((line.counts().deaths, line.counts().set_aside), (5, 1));
}

#[test]
fn who_has_a_job_is_told_to_the_second_who_wants_it() {
    let mut line = Line::default();
    line.issue(9).unwrap();
    line.take(Want::Oldest, "process 77 of host n3").unwrap();
    let error = line.take(Want::Job(9), "w").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains("process 77 of host n3, attempt 1"), "{error}");
}

#[test]
fn a_job_that_was_taken_away_is_fenced_before_and_after_it_is_given_again() {
    let mut line = Line::default();
    line.issue(9).unwrap();
    line.take(Want::Oldest, "a").unwrap();
    assert!(line.sample(9, 1, "rdf", 0).unwrap());
    assert_eq!(line.decide(9, State::Issued).unwrap(), Moved::Back);
    for _ in 0..2 {
        assert_eq!(line.sample(9, 1, "rdf", 1).unwrap_err().kind(), ErrorKind::Fenced);
        assert_eq!(line.say(9, 1, State::Done).unwrap_err().kind(), ErrorKind::Fenced);
        assert!(!line.died(9, 1));
        let _ = line.take(Want::Oldest, "b").unwrap();
    }
    // A window that the first attempt brought is known of the second.
    assert!(!line.sample(9, 2, "rdf", 0).unwrap());
    assert!(line.past(9).unwrap().accepted.has("rdf", 0));
}

#[test]
fn a_line_goes_on_from_what_is_known_of_its_jobs() {
    let mut line = Line::default();
    let mut accepted = Windows::default();
    accepted.add("rdf", 4).unwrap();
    let past = |state, failures, holder: Option<&str>| Past {
        attempt: 5,
        failures,
        state,
        holder: holder.map(str::to_owned),
        accepted: accepted.clone(),
    };
    line.recall(1, past(State::Done, 0, None)).unwrap();
    line.recall(2, past(State::Failed, 3, None)).unwrap();
    line.recall(3, past(State::Started, 0, Some("w"))).unwrap();
    line.recall(4, past(State::Interrupted, 0, None)).unwrap();
    line.recall(5, past(State::Failed, 2, None)).unwrap();
    assert_eq!(line.recall(5, past(State::Failed, 2, None)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(line.waiting().collect::<Vec<_>>(), [4, 5]);
    assert_eq!(line.take(Want::Oldest, "w").unwrap(), Some((4, 6)));
    assert!(!line.sample(3, 5, "rdf", 4).unwrap() && line.sample(3, 5, "rdf", 5).unwrap());
    let counts = line.counts();
    assert_eq!((counts.done, counts.set_aside, counts.held, counts.in_line), (1, 1, 2, 1));
}

#[test]
fn tickets_read_as_they_are_written() {
    for (text, transport) in [
        ("shm:run7#12", Transport::Shm("run7".into())),
        ("dir:/scratch/a#b:c#281474976710655", Transport::Dir("/scratch/a#b:c".into())),
    ] {
        let ticket: Ticket = text.parse().unwrap();
        assert_eq!(ticket.transport, transport);
        assert_eq!(ticket.transport.ticket(ticket.id), text);
    }
    for wrong in [
        "",
        "shm:run7",
        "shm:run7#",
        "shm:run7#+1",
        "shm:run7#0",
        "shm:#1",
        "tcp:x#1",
        "shm:a#99999999999999999999",
        "#1",
    ] {
        assert_eq!(wrong.parse::<Ticket>().unwrap_err().kind(), ErrorKind::Argument, "{wrong}");
    }
}

#[test]
fn a_folder_that_no_ticket_can_name_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let named = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/scratch/run\xff"));
    let error = Transport::folder(named).unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && error.message().contains("/scratch/run"), "{error}");
    assert_eq!(Transport::folder("/scratch/run".as_ref()).unwrap().ticket(3), "dir:/scratch/run#3");
}

#[test]
fn names_of_observables_are_what_a_file_can_be_called() {
    for name in ["rdf", "A-z_9", &"x".repeat(32)] {
        check_observable(name).unwrap();
    }
    for name in ["", "..", "a/b", "a.b", "a b", "ä", &"x".repeat(33)] {
        assert_eq!(check_observable(name).unwrap_err().kind(), ErrorKind::Argument, "{name}");
    }
}
