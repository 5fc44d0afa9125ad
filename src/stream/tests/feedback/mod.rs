//! What comes back through a stream: with which weights, when, and what is refused.
//!
//! Not here: runs ([`runs`]), workers in processes of their own (`tests/job`), the arithmetic of tables ([`crate::feedback`]).

mod back;
mod runs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::journal::Folder;
use super::{Builder, Stream};
use crate::dynim::State;
use crate::error::ErrorKind;
use crate::feedback::{Bulk, RDF, Sample, Submitted};
use crate::job::Job;
use crate::patch::{Field, Meta, Protein, Samples};
use crate::ring::Wait;
use crate::stream::{FeedbackConfig, InversionConfig, PriorConfig, Producer, Pushed};

const BINS: usize = 4;
const VALUES: usize = 14 * BINS;

fn options() -> FeedbackConfig {
    FeedbackConfig { bins: BINS, cutoff_nm: 2.0, densities_nm2: Some(vec![0.5; 14]), ..FeedbackConfig::default() }
}

fn builder() -> Builder {
    super::builder().feedback(options())
}

/// The state of a patch's protein: of every fourth one the patch is crowded, every fifth has none.
fn proteins(id: u64) -> Vec<Protein> {
    let one = |state| Protein { id: 9, state, partner: -1, x_nm: 0.0, y_nm: 0.0 };
    match id {
        id if id % 5 == 0 => vec![],
        id if id % 4 == 0 => vec![one((id % 2) as i32), one(3)],
        id => vec![one((id % 2) as i32)],
    }
}

/// What all densities of a patch are.
fn density(id: u64) -> f32 {
    ((id * 7919) % 1009) as f32 / 1009.0
}

fn push(producer: &mut Producer, id: u64, step: i64, density: f32) -> Pushed {
    let (densities, proteins) = (vec![density; 350], proteins(id));
    let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
    producer.push(&Meta { id, step, proteins: &proteins, ..Meta::default() }, &field).unwrap()
}

/// Thirty patches of a step, and an event.
fn step(stream: &Stream, producer: &mut Producer, step: i64) -> Vec<u64> {
    for id in (1..=30).map(|at| step as u64 * 30 + at) {
        assert!(matches!(push(producer, id, step, density(id)), Pushed::Accepted | Pushed::Known));
        stream.poll(Duration::from_secs(60)).unwrap();
    }
    stream.select(step, 6).unwrap().unwrap().batch.selections.iter().map(|selection| selection.id).collect()
}

/// The counts of a window: whole numbers that only the job and the window decide.
fn counts(job: u64, window: u64) -> Vec<f64> {
    (0..VALUES as u64).map(|at| ((job % 1009 * 37 + window * 11 + at * 13) % 23) as f64).collect()
}

fn submit(stream: &Stream, job: u64, window: u64) -> Submitted {
    let sums = counts(job, window);
    let shape = [14, BINS as u32];
    stream.submit_sample(&Sample { job, observable: RDF, window, frames: 10, shape: &shape, sums: &sums }).unwrap()
}

#[test]
fn a_table_has_weights_over_the_patches_of_each_state_matches_naive() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let picks: Vec<u64> = (0..4).flat_map(|at| step(&stream, &mut producer, at)).collect();
    // Every third pick fails, and leaves its population to the others.
    let with_results: Vec<u64> =
        picks.iter().copied().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, id)| id).collect();
    for &job in &with_results {
        assert_eq!(submit(&stream, job, 0), Submitted::Accepted);
        assert_eq!(submit(&stream, job, 1), Submitted::Accepted);
        assert_eq!(submit(&stream, job, 1), Submitted::Known);
    }
    let table = stream.publish_feedback(3, 5).unwrap();
    assert_eq!((table.version, table.in_force_from, table.potential_kt.is_none()), (1, 5, true));
    let counts_for = |id: u64| match &proteins(id)[..] {
        [one] => Some(one.state),
        _ => None,
    };
    let mut seen = 0;
    for state in 0..18 {
        let jobs: Vec<u64> = with_results.iter().copied().filter(|&id| counts_for(id) == Some(state)).collect();
        assert_eq!(table.simulations[state as usize], jobs.len() as u64);
        if jobs.is_empty() {
            continue;
        }
        let mut weights = vec![1.0; jobs.len()];
        for id in (1..=120).filter(|id| !picks.contains(id) && counts_for(*id) == Some(state)) {
            let apart = |job: &u64| (density(*job) - density(id)).abs();
            let nearest = (0..jobs.len()).min_by(|&a, &b| apart(&jobs[a]).total_cmp(&apart(&jobs[b]))).unwrap();
            weights[nearest] += 1.0;
        }
        for at in 0..VALUES {
            let rate = |job: u64| (counts(job, 0)[at] + counts(job, 1)[at]) / 20.0;
            let above: f64 = jobs.iter().zip(&weights).map(|(&job, weight)| weight * rate(job)).sum();
            let below: f64 = weights.iter().map(|weight| weight * 0.5).sum();
            let area = std::f64::consts::PI * 0.25 * (2 * (at % BINS) + 1) as f64;
            let g = table.g[state as usize * VALUES + at];
            assert!((g - above / below / area).abs() < 1e-12 * g.max(1.0), "state {state}, value {at}: {g}");
            seen += 1;
        }
        let mean = stream.mean(RDF, Some(state as u16)).unwrap();
        assert_eq!(mean.simulations, jobs.len() as u64);
    }
    assert!(seen == 2 * VALUES, "both states are there");
    let all = stream.mean(RDF, None).unwrap();
    assert_eq!(all.simulations, with_results.len() as u64);
    let some = stream.draft_feedback(|job| job > 60).unwrap();
    assert!(some.version == 0 && some.simulations[0] < table.simulations[0] && some.simulations[0] > 0);
}

#[test]
fn a_table_is_given_once_and_from_its_step_on() {
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let picks = step(&stream, &mut producer, 0);
    assert!(stream.feedback(0).unwrap().is_none());
    submit(&stream, picks[0], 0);
    let first = stream.publish_feedback(0, 2).unwrap();
    assert_eq!(stream.publish_feedback(0, 2).unwrap(), first, "asked again it is the same");
    assert!(stream.feedback(1).unwrap().is_none());
    assert!(Arc::ptr_eq(&stream.feedback(2).unwrap().unwrap(), &first));
    assert!(stream.feedback(3).unwrap().is_none());
    for (at, from) in [(3, 2), (3, 1), (1, 2)] {
        assert_eq!(stream.publish_feedback(at, from).unwrap_err().kind(), ErrorKind::State, "{at} {from}");
    }
    submit(&stream, picks[1], 0);
    let second = stream.publish_feedback(3, 3).unwrap();
    assert_eq!((second.version, second.in_force_from), (2, 3));
    assert_eq!(stream.feedback(9).unwrap().unwrap(), second);
    assert_eq!(stream.stats().feedback.unwrap().version, 2);
}

#[test]
fn a_table_is_due_at_events_by_samples_steps_and_change() {
    let due = |options: FeedbackConfig, samples: u64, at: i64| {
        let stream = super::builder().feedback(options).open().unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        let picks = step(&stream, &mut producer, 0);
        let mut told = Vec::new();
        for round in 1..=3 {
            for window in 0..samples {
                submit(&stream, picks[0], round * 100 + window);
            }
            stream.select(round as i64 * at, 0).unwrap();
            told.extend(stream.feedback(1000).unwrap().map(|table| (table.version, table.in_force_from)));
        }
        told
    };
    let by_samples = FeedbackConfig { every_samples: Some(5), lead_steps: 2, ..options() };
    assert_eq!(due(by_samples.clone(), 5, 1), [(1, 3), (2, 4), (3, 5)]);
    assert_eq!(due(by_samples, 3, 1), [(1, 4)], "after six");
    let by_steps = FeedbackConfig { every_steps: Some(20), ..options() };
    assert_eq!(due(by_steps.clone(), 1, 10), [(1, 20)]);
    assert_eq!(due(by_steps, 0, 100), []);
    let by_change = FeedbackConfig { change: Some(1e6), ..options() };
    assert_eq!(due(by_change, 2, 1), [(1, 1)], "the first always, then nothing moves as far");
    assert_eq!(due(options(), 9, 1), [], "only the host's");
    let twice = FeedbackConfig { every_samples: Some(1), ..options() };
    assert_eq!(due(twice, 1, 0), [(1, 0), (2, 1), (3, 2)], "one step after the other");
}

#[test]
fn what_cannot_be_used_is_refused_counted_and_changes_nothing() {
    let plain = super::builder().open().unwrap();
    let (sums, shape) = (vec![1.0; VALUES], [14, BINS as u32]);
    let good = Sample { job: 1, observable: RDF, window: 0, frames: 1, shape: &shape, sums: &sums };
    assert_eq!(plain.submit_sample(&good).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(plain.feedback(0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(plain.publish_feedback(0, 0).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(plain.mean(RDF, None).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(plain.stats().feedback, None);
    let stream = builder().open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let job = step(&stream, &mut producer, 0)[0];
    let good = Sample { job, ..good };
    let nan = vec![f64::NAN; VALUES];
    let bad = [
        (ErrorKind::Unknown, Sample { job: 999, ..good }),
        (ErrorKind::Shape, Sample { shape: &[4, 14], ..good }),
        (ErrorKind::Shape, Sample { sums: &sums[1..], ..good }),
        (ErrorKind::Value, Sample { sums: &nan, ..good }),
        (ErrorKind::Value, Sample { frames: 0, ..good }),
        (ErrorKind::Argument, Sample { observable: "", ..good }),
    ];
    for (at, (kind, sample)) in bad.iter().enumerate() {
        assert_eq!(stream.submit_sample(sample).unwrap_err().kind(), *kind, "{sample:?}");
        assert_eq!(stream.stats().feedback.unwrap().samples.refused, at as u64 + 1);
    }
    assert_eq!(stream.submit_sample(&good).unwrap(), Submitted::Accepted);
    assert_eq!(stream.mean("contacts", None).unwrap_err().kind(), ErrorKind::Argument);
    let stats = stream.stats().feedback.unwrap();
    assert_eq!((stats.simulations, stats.samples.accepted, stats.version), (6, 1, 0));
}

#[test]
fn options_that_do_not_fit_are_refused_when_the_stream_is_opened() {
    let refused = |options: FeedbackConfig| super::builder().feedback(options).open().err().unwrap().kind();
    let inversion = |inversion| FeedbackConfig { inversion: Some(inversion), ..options() };
    let prior = |prior| FeedbackConfig { prior: Some(prior), ..options() };
    assert_eq!(refused(FeedbackConfig { bins: 0, ..options() }), ErrorKind::Argument);
    assert_eq!(refused(FeedbackConfig { cutoff_nm: f64::NAN, ..options() }), ErrorKind::Argument);
    assert_eq!(refused(FeedbackConfig { references: 0, ..options() }), ErrorKind::Argument);
    assert_eq!(refused(FeedbackConfig { lead_steps: -1, ..options() }), ErrorKind::Argument);
    assert_eq!(refused(FeedbackConfig { every_samples: Some(0), ..options() }), ErrorKind::Argument);
    assert_eq!(refused(FeedbackConfig { densities_nm2: Some(vec![1.0]), ..options() }), ErrorKind::Shape);
    assert_eq!(refused(FeedbackConfig { densities_nm2: Some(vec![-1.0; 14]), ..options() }), ErrorKind::Value);
    assert_eq!(refused(inversion(InversionConfig::default())), ErrorKind::Argument, "smoothing below a bin");
    let many = FeedbackConfig { bins: 200_000, ..inversion(InversionConfig::default()) };
    assert_eq!(refused(many), ErrorKind::Argument, "a matrix of 320 GB");
    let rows = InversionConfig { a_nm2: vec![vec![1.0]; 14], smoothing_nm: 0.0, ..InversionConfig::default() };
    assert_eq!(refused(inversion(rows)), ErrorKind::Shape);
    assert_eq!(refused(prior(PriorConfig { strength: 1.0, ..PriorConfig::default() })), ErrorKind::Shape);
    let missing = PriorConfig { table: Some("/nowhere".into()), strength: 1.0, ..PriorConfig::default() };
    assert_eq!(refused(prior(missing)), ErrorKind::Io);
}

#[test]
fn a_table_of_another_run_is_a_prior_and_potentials_follow_the_options() {
    let inversion = InversionConfig { smoothing_nm: 0.0, switch_nm: 0.0, ..InversionConfig::default() };
    let measured = super::builder().feedback(options()).open().unwrap();
    let mut producer = measured.producer("ddft").unwrap();
    let picks = step(&measured, &mut producer, 0);
    picks.iter().for_each(|&job| assert_eq!(submit(&measured, job, 0), Submitted::Accepted));
    let table = measured.publish_feedback(0, 0).unwrap();
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("table.fb");
    std::fs::write(&file, crate::wire::Packer::new().feedback_table(&table)).unwrap();
    let prior = PriorConfig { table: Some(file.clone()), strength: 2.0, ..PriorConfig::default() };
    let options = FeedbackConfig { prior: Some(prior), inversion: Some(inversion), ..options() };
    let stream = super::builder().feedback(options.clone()).open().unwrap();
    let started = stream.publish_feedback(0, 0).unwrap();
    assert_eq!((&started.g, started.simulations[0]), (&table.g, 0));
    let at = table.g.iter().position(|g| *g > 0.5 && *g != 1.0).unwrap();
    assert_eq!(started.potential_kt.as_ref().unwrap()[at], -table.g[at].ln());
    let other = FeedbackConfig { cutoff_nm: 1.9, ..options.clone() };
    assert_eq!(super::builder().feedback(other).open().err().unwrap().kind(), ErrorKind::Shape);
    std::fs::write(&file, b"no table").unwrap();
    assert!(super::builder().feedback(options).open().is_err());
}

/// A stream whose worker, a thread, has each job measure two windows.
#[test]
fn samples_of_workers_come_back_and_what_does_not_fit_is_refused_where_it_comes_from() {
    let transport = format!("shm:stream-feedback-{}", std::process::id());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let options = FeedbackConfig { densities_nm2: None, ..options() };
    let stream = super::builder().feedback(options).transport(&transport).background(true);
    let heard = lines.clone();
    let stream = stream.log(move |_, line| heard.lock().push(line.to_owned())).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let picks = step(&stream, &mut producer, 0);
    let wait = Wait { timeout: Duration::from_secs(60), spin: Duration::ZERO, stop: None };
    for _ in &picks {
        let mut job = Job::next(&transport, &wait).unwrap().expect("a job");
        let shape = [14, BINS as u32];
        // Of another shape: refused, so that the same window counts when it is right.
        job.submit(RDF, 0, 10, &[VALUES as u32], &counts(job.id(), 0), &wait).unwrap();
        let id = job.id();
        job.set(State::Started, None, &wait).unwrap();
        drop(job);
        let mut job = Job::open(&stream.ticket(id).unwrap(), &wait).unwrap().expect("its ticket");
        for window in 0..2 {
            job.submit(RDF, window, 10, &shape, &counts(id, window), &wait).unwrap();
        }
        job.submit("contacts", 0, 10, &[1], &[id as f64], &wait).unwrap();
        job.set(State::Done, None, &wait).unwrap();
    }
    let patience = Instant::now();
    while stream.jobs().unwrap().counts.done < picks.len() as u64 {
        assert!(patience.elapsed() < Duration::from_secs(60), "{:?} {:?}", stream.jobs(), lines.lock());
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = stream.stats().feedback.unwrap();
    assert_eq!((stats.samples.accepted, stats.samples.refused), (18, 6));
    assert_eq!(lines.lock().iter().filter(|line| line.contains("has the shape [56]")).count(), 6, "{:?}", lines.lock());
    let taken = stream.take_samples(99).unwrap();
    assert!(taken.len() == 6 && taken.iter().all(|sample| sample.observable == "contacts"), "{taken:?}");
    let weights = stream.weights().unwrap().weights;
    let expected: f64 = weights.ids.iter().zip(&weights.weights).map(|(&id, w)| id as f64 / 10.0 * w).sum();
    let mean = stream.mean("contacts", None).unwrap();
    assert!((mean.values[0] - expected / weights.weights.iter().sum::<f64>()).abs() < 1e-9);
    let table = stream.publish_feedback(0, 0).unwrap();
    let alone: Vec<u64> =
        picks.iter().copied().filter(|&id| matches!(&proteins(id)[..], [one] if one.state == 1)).collect();
    assert_eq!(table.simulations[1], alone.len() as u64);
    let sample = Sample { job: picks[0], observable: RDF, window: 9, frames: 1, shape: &[1], sums: &[0.0] };
    assert_eq!(stream.submit_sample(&sample).unwrap_err().kind(), ErrorKind::State, "workers do that");
}

#[test]
fn densities_of_a_simulation_are_the_means_of_its_patch() {
    let stream = super::builder().feedback(FeedbackConfig { densities_nm2: None, ..options() }).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let one = Protein { id: 1, state: 2, partner: -1, x_nm: 0.0, y_nm: 0.0 };
    let densities: Vec<f32> = (0..350).map(|at| if at / 14 == 12 { 16.0 } else { -0.5 }).collect();
    let field = Field::interleaved(Samples::F32(&densities), 5, 5, 14).unwrap();
    producer.push(&Meta { id: 1, proteins: &[one], ..Meta::default() }, &field).unwrap();
    stream.select(0, 1).unwrap();
    submit(&stream, 1, 0);
    let table = stream.publish_feedback(0, 0).unwrap();
    // The centre alone of 4 x 4 intervals: 16 / 16.
    let area = std::f64::consts::PI * 0.25;
    assert!((table.g_of(2, 0)[0] - counts(1, 0)[0] / 10.0 / area).abs() < 1e-12);
}

#[test]
fn what_a_draft_is_over_may_be_asked_of_the_stream_itself() {
    let stream = Arc::new(builder().open().unwrap());
    let mut producer = stream.producer("ddft").unwrap();
    for job in step(&stream, &mut producer, 0) {
        submit(&stream, job, 0);
    }
    let (told, asked) = std::sync::mpsc::channel();
    let asking = stream.clone();
    // A thread of its own: it would wait for itself for ever.
    std::thread::spawn(move || {
        let weight_of = |job| asking.weights().unwrap().weights.ids.contains(&job);
        told.send(asking.draft_feedback(weight_of)).expect("somebody listens");
    });
    let draft = asked.recv_timeout(Duration::from_secs(60)).expect("an answer").unwrap();
    assert_eq!(draft, stream.draft_feedback(|_| true).unwrap());
    assert!(draft.simulations.iter().sum::<u64>() > 0);
}

#[test]
fn a_lipid_that_cannot_be_inverted_is_named_and_the_rest_is_published() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let inversion =
        InversionConfig { smoothing_nm: 0.0, switch_nm: 1.0, bulk: Bulk::Tail, ..InversionConfig::default() };
    let options = FeedbackConfig { inversion: Some(inversion), every_samples: Some(1), ..options() };
    let heard = lines.clone();
    let stream =
        super::builder().feedback(options).log(move |_, line| heard.lock().push(line.to_owned())).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let picks = step(&stream, &mut producer, 0);
    let job = *picks.iter().find(|&&id| matches!(&proteins(id)[..], [one] if one.state == 1)).unwrap();
    let mut sums = vec![5.0; VALUES];
    sums[6 * BINS + 2..7 * BINS].fill(0.0);
    let shape = [14, BINS as u32];
    stream.submit_sample(&Sample { job, observable: RDF, window: 0, frames: 10, shape: &shape, sums: &sums }).unwrap();
    stream.select(1, 0).unwrap();
    let table = stream.feedback(1).unwrap().expect("it is published");
    let without: Vec<usize> = (0..14).filter(|&lipid| table.potential_of(1, lipid).is_empty()).collect();
    assert_eq!((table.simulations[1], &without[..]), (1, &[6][..]));
    stream.select(2, 0).unwrap();
    let names = format!("no potential for {} around {}", table.lipids[6], table.states[1]);
    assert_eq!(lines.lock().iter().filter(|line| line.contains(&names)).count(), 1, "{:?}", lines.lock());
}

#[test]
fn readme_example_of_feedback_is_read() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let block = blocks.into_iter().find(|block| block.contains("[feedback]")).expect("the README shows feedback");
    let config: crate::stream::Config = toml::from_str(block).unwrap();
    let feedback = config.feedback.unwrap();
    assert_eq!((feedback.every_steps, feedback.lead_steps, feedback.inversion.is_some()), (Some(500), 1, true));
    super::builder().feedback(FeedbackConfig { densities_nm2: None, ..feedback }).open().unwrap();
}
