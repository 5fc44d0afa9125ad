//! Feedback in a run: tables stand whatever end the process had, and whatever way its host goes.
//!
//! Not here: what is in a table ([`super`]).

use std::path::Path;

use super::super::journal::killed;
use super::*;
use crate::feedback::Table;

fn run(folder: &Path, options: FeedbackConfig) -> Builder {
    super::super::builder().feedback(options).run_dir(folder)
}

/// A round of a host with micro simulations of its own: patches, an event, two windows of each pick, a table.
fn round(stream: &Stream, producer: &mut Producer, at: i64) -> (Vec<u64>, Arc<Table>) {
    let picks = step(stream, producer, at);
    for window in 0..2 {
        for &job in &picks {
            submit(stream, job, window);
        }
    }
    (picks, stream.publish_feedback(at, at + 1).unwrap())
}

#[test]
fn a_run_that_is_opened_again_tells_the_same_tables_and_goes_on_as_if_nothing_had_happened() {
    let folder = Folder::new();
    // Tables that are due come between those that the host asks for.
    let options = FeedbackConfig { change: Some(0.5), look_every: 7, ..options() };
    let twin = super::super::builder().feedback(options.clone()).open().unwrap();
    let stream = run(&folder.0, options.clone()).open().unwrap();
    let [mut ours, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
    let mut told = Vec::new();
    for at in 0..4 {
        told.push(round(&stream, &mut ours, 2 * at));
        assert_eq!(told.last().unwrap(), &round(&twin, &mut other, 2 * at));
        if at == 1 {
            stream.checkpoint("mark", 2, Duration::ZERO).unwrap();
        }
    }
    let before = stream.stats().feedback;
    for mark in [Some("mark"), None] {
        let copy = killed(&folder);
        let again = run(&copy.0, options.clone()).open().unwrap();
        assert_eq!(again.stats().feedback.map(|stats| stats.version), before.map(|stats| stats.version));
        again.resume(mark).unwrap();
        let mut producer = again.producer("ddft").unwrap();
        let from = if mark.is_some() { 2 } else { 0 };
        if mark.is_some() {
            assert_eq!(again.feedback(3).unwrap().unwrap(), told[1].1, "given again");
        }
        for at in from..4 {
            assert_eq!(round(&again, &mut producer, 2 * at), told[at as usize]);
            assert_eq!(again.feedback(2 * at + 1).unwrap().unwrap(), told[at as usize].1);
        }
        // What the twin does from here on is done once.
        if mark.is_none() {
            for at in 4..7 {
                assert_eq!(round(&again, &mut producer, 2 * at), round(&twin, &mut other, 2 * at));
            }
            let refused = submit(&again, told[0].0[0], 0);
            assert_eq!(refused, Submitted::Known);
        }
        assert_eq!(again.stats().store.unwrap().branch, 0);
    }
    let other = FeedbackConfig { bins: BINS + 1, ..options };
    let error = run(&killed(&folder).0, other).open().err().unwrap();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("feedback bins"), "{error}");
    let without = super::super::builder().run_dir(&killed(&folder).0).open().err().unwrap();
    assert_eq!(without.kind(), ErrorKind::Conflict);
}

#[test]
fn a_told_table_stands_when_the_host_goes_another_way_until_a_new_one_takes_its_place() {
    let folder = Folder::new();
    let stream = run(&folder.0, options()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let (picks, first) = round(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    let (_, second) = round(&stream, &mut producer, 5);
    drop((producer, stream));
    let again = run(&folder.0, options()).open().unwrap();
    again.resume(Some("mark")).unwrap();
    assert_eq!(again.feedback(1).unwrap().unwrap(), first);
    let mut producer = again.producer("ddft").unwrap();
    // Another noise seed.
    for id in 91..=120 {
        push(&mut producer, id, 3, density(id + 500));
        again.poll(Duration::from_secs(60)).unwrap();
    }
    again.select(3, 2).unwrap().unwrap();
    assert_eq!(again.stats().store.unwrap().branch, 1);
    assert!(again.feedback(4).unwrap().is_none());
    assert_eq!(submit(&again, picks[0], 2), Submitted::Accepted);
    let third = again.publish_feedback(3, 4).unwrap();
    assert_eq!((third.version, third.in_force_from), (3, 4), "before the second, whose step is behind the branch");
    assert_eq!(again.feedback(4).unwrap().unwrap(), third);
    assert!(again.feedback(second.in_force_from).unwrap().is_none(), "the newest is in force");
    assert_eq!(again.publish_feedback(4, 4).unwrap_err().kind(), ErrorKind::State);
    drop((producer, again));
    let last = run(&folder.0, options()).open().unwrap();
    last.resume(Some("mark")).unwrap();
    assert_eq!(last.feedback(4).unwrap().unwrap(), third);
}

#[test]
fn samples_of_workers_are_in_the_run_and_only_others_than_rdf_are_delivered_again() {
    let folder = Folder::new();
    let transport = format!("shm:run-feedback-{}", std::process::id());
    let options = || FeedbackConfig { densities_nm2: None, ..options() };
    let open = || run(&folder.0, options()).transport(&transport).background(true).open().unwrap();
    let stream = open();
    let mut producer = stream.producer("ddft").unwrap();
    let picks = step(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    let wait = Wait { timeout: Duration::from_secs(60), spin: Duration::ZERO, stop: None };
    for _ in &picks {
        let mut job = Job::next(&transport, &wait).unwrap().expect("a job");
        let (id, shape) = (job.id(), [14, BINS as u32]);
        job.submit(RDF, 0, 10, &shape, &counts(id, 0), &wait).unwrap();
        job.submit("contacts", 0, 10, &[1], &[id as f64], &wait).unwrap();
        job.set(State::Done, None, &wait).unwrap();
    }
    let patience = Instant::now();
    while stream.jobs().unwrap().counts.done < picks.len() as u64 {
        assert!(patience.elapsed() < Duration::from_secs(60), "{:?}", stream.jobs());
        std::thread::sleep(Duration::from_millis(1));
    }
    let table = stream.publish_feedback(0, 1).unwrap();
    let (stats, mean) = (stream.stats().feedback, stream.mean("contacts", None).unwrap());
    assert_eq!(stream.take_samples(99).unwrap().len(), 6);
    drop((producer, stream));
    let again = open();
    again.resume(Some("mark")).unwrap();
    assert_eq!(again.stats().feedback, stats);
    assert_eq!(again.mean("contacts", None).unwrap(), mean);
    assert_eq!(again.publish_feedback(0, 1).unwrap(), table);
    assert_eq!(again.feedback(1).unwrap().unwrap(), table);
    assert_eq!(again.jobs().unwrap().samples, 6);
    let taken = again.take_samples(99).unwrap();
    assert!(taken.len() == 6 && taken.iter().all(|sample| sample.observable == "contacts"), "{taken:?}");
    assert_eq!(again.jobs().unwrap().samples, 0);
}

#[test]
fn densities_that_feedback_alone_keeps_come_back_with_the_run_and_no_decision_depends_on_it() {
    let folder = Folder::new();
    let options = FeedbackConfig { densities_nm2: None, ..options() };
    let twin = super::super::builder().feedback(options.clone()).open().unwrap();
    let stream = run(&folder.0, options.clone()).open().unwrap();
    let [mut ours, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
    let told: Vec<_> = (0..3).map(|at| round(&stream, &mut ours, at)).collect();
    (0..3).for_each(|at| assert_eq!(told[at as usize], round(&twin, &mut other, at)));
    let before = stream.stats().retention.unwrap().holding;
    let copy = killed(&folder);
    let again = run(&copy.0, options).open().unwrap();
    let now = again.stats().retention.unwrap();
    assert_eq!((now.place, now.lost, now.holding.patches), ("run", 0, before.patches));
    again.resume(None).unwrap();
    let mut producer = again.producer("ddft").unwrap();
    (0..3).for_each(|at| assert_eq!(round(&again, &mut producer, at), told[at as usize]));
    for at in 3..6 {
        // Picked from what came before as well.
        assert_eq!(round(&again, &mut producer, at), round(&twin, &mut other, at));
    }
    assert_eq!(again.stats().retention.unwrap().lost, 0);
}

#[test]
fn a_run_with_samples_under_names_that_no_worker_may_use_opens_again() {
    let folder = Folder::new();
    let stream = run(&folder.0, options()).open().unwrap();
    let job = step(&stream, &mut stream.producer("ddft").unwrap(), 0)[0];
    let names = ["tilt / degrees", "a name of more bytes than the file of a worker's result may have"];
    let sample = |stream: &Stream, observable: &str| {
        stream.submit_sample(&Sample { job, observable, window: 0, frames: 1, shape: &[1], sums: &[2.0] }).unwrap()
    };
    names.iter().for_each(|name| assert_eq!(sample(&stream, name), Submitted::Accepted));
    let copy = killed(&folder);
    let again = run(&copy.0, options()).open().unwrap();
    again.resume(None).unwrap();
    step(&again, &mut again.producer("ddft").unwrap(), 0);
    names.iter().for_each(|name| assert_eq!(sample(&again, name), Submitted::Known));
}

#[test]
fn a_table_that_is_refused_begins_no_branch() {
    let folder = Folder::new();
    let stream = run(&folder.0, options()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    round(&stream, &mut producer, 0);
    stream.select(2, 0).unwrap().unwrap();
    stream.checkpoint("mark", 2, Duration::ZERO).unwrap();
    let told = round(&stream, &mut producer, 5);
    drop((producer, stream));
    let again = run(&folder.0, options()).open().unwrap();
    again.resume(Some("mark")).unwrap();
    let mut producer = again.producer("ddft").unwrap();
    let entries = again.stats().store.unwrap().appended;
    // One is in force from step 1 on, and steps that have passed are none to be in force from.
    for (step, from) in [(0, 0), (1, 1), (4, 3)] {
        assert_eq!(again.publish_feedback(step, from).unwrap_err().kind(), ErrorKind::State, "{step} {from}");
    }
    let store = again.stats().store.unwrap();
    assert_eq!((store.branch, store.appended), (0, entries));
    assert_eq!(round(&again, &mut producer, 5), told, "it does again what it did");
    assert_eq!(again.stats().store.unwrap().branch, 0);
}

#[test]
fn a_table_that_begins_a_branch_has_no_weight_of_what_the_branch_withdraws() {
    let folder = Folder::new();
    let stream = run(&folder.0, options()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let (picks, _) = round(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    round(&stream, &mut producer, 5);
    drop((producer, stream));
    let again = run(&folder.0, options()).open().unwrap();
    again.resume(Some("mark")).unwrap();
    assert_eq!(submit(&again, picks[0], 2), Submitted::Accepted);
    let with = again.draft_feedback(|_| true).unwrap();
    let table = again.publish_feedback(1, 2).unwrap();
    assert_eq!(again.stats().store.unwrap().branch, 1);
    let without = again.draft_feedback(|_| true).unwrap();
    assert_eq!(table.g, without.g);
    assert_ne!(with.g, without.g, "the patches behind the mark have weight");
}

#[test]
fn states_are_remembered_of_the_patches_that_are_there() {
    let remembered = |stream: &Stream| {
        let count = |operator: &mut crate::stream::operator::Operator| operator.measured.as_ref().unwrap().remembered();
        stream.shared_for_tests().operate(count)
    };
    let folder = Folder::new();
    let stream = run(&folder.0, options()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let picks = step(&stream, &mut producer, 0);
    let all = remembered(&stream);
    let gone: Vec<u64> = (1..=30).filter(|id| !picks.contains(id) && proteins(*id).len() == 1).take(5).collect();
    gone.iter().for_each(|&id| stream.withdraw(id, 0).unwrap());
    assert_eq!(remembered(&stream), all - 5);
    push(&mut producer, gone[0], 1, density(gone[0]));
    stream.select(1, 0).unwrap();
    assert_eq!(remembered(&stream), all - 4, "it came again");
    stream.checkpoint("mark", 1, Duration::ZERO).unwrap();
    step(&stream, &mut producer, 5);
    drop((producer, stream));
    let again = run(&folder.0, options()).open().unwrap();
    assert!(remembered(&again) > all);
    again.resume(Some("mark")).unwrap();
    // A branch, which withdraws what lies behind the mark and is not selected.
    push(&mut again.producer("ddft").unwrap(), 1000, 2, density(1));
    again.select(2, 0).unwrap().unwrap();
    let after = remembered(&again);
    assert!((all - 4..all + 4).contains(&after), "{after} of {all}: but for those that are selected");
    drop(again);
    assert_eq!(remembered(&run(&folder.0, options()).open().unwrap()), after);
}
