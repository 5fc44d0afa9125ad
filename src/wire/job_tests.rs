//! Tests of the messages of jobs: round trips, the first file of them, hostile bytes.
//!
//! `tests/fixtures/jobs-v1.psel` holds what [`fixture`] says; neither is ever edited.
//! Not here: the other messages ([`super::tests`]).

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/jobs-v1.psel");

fn fixture() -> Vec<Message> {
    let Message::SelectionBatch(batch) = super::fixture::fixture().swap_remove(0) else { panic!("a batch") };
    let selection = batch.selections[0].clone();
    let densities =
        Densities { place: Place::Slot, path: None, offset: 64, nx: 37, ny: 37, channels: 14, hash: 0xfeed_f00d };
    let accepted = AcceptedWindows { observable: "rdf".into(), runs: vec![(0, 41), (43, 43)] };
    let job = Job {
        ticket: "shm:run7#1".into(),
        selection,
        densities,
        attempt: 3,
        size_nm: 30.0,
        lease_s: 0.0,
        accepted: vec![accepted],
        ask: 17,
        note: None,
    };
    let densities = Densities { place: Place::File, path: Some("jobs/00000001-1.job".into()), ..job.densities.clone() };
    let filed =
        Job { ticket: "dir:/scratch/run7#1".into(), densities, lease_s: 600.0, accepted: vec![], ..job.clone() };
    let sample = RdfSample {
        job: 1,
        attempt: 3,
        observable: "rdf".into(),
        window: 42,
        frames: 500,
        shape: vec![2, 3],
        sums: vec![0.0, -0.0, 1.5, 2e300, 5e-324, 7.0],
    };
    vec![
        Message::Job(Box::new(job)),
        Message::Job(Box::new(filed)),
        Message::RdfSample(sample),
        Message::Ask(Ask { number: 17, job: 0, cancelled: false }),
        Message::Ask(Ask { number: 17, job: 1, cancelled: true }),
        Message::JobState(JobState { job: 1, attempt: 3, state: 3, reason: Some("SIGTERM, Größe 日本".into()) }),
        Message::JobState(JobState { job: 1, attempt: 3, state: 4, reason: None }),
        Message::Refusal(Refusal { ask: 17, job: 1, attempt: 0, status: -11, sentence: "process 7 has it".into() }),
    ]
}

fn pack(packer: &mut Packer, stream: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in stream {
        bytes.extend_from_slice(match message {
            Message::Job(job) => packer.job(job),
            Message::RdfSample(sample) => packer.sample(sample),
            Message::Ask(ask) => packer.ask(ask),
            Message::JobState(state) => packer.job_state(state),
            Message::Refusal(refusal) => packer.refusal(refusal),
            other => panic!("{other:?} is no message of jobs"),
        });
        assert_eq!(bytes.len() % 8, 0);
    }
    bytes
}

fn view(bytes: &[u8]) -> Vec<Message> {
    messages(bytes).map(|message| message.expect("an intact stream")).collect()
}

#[test]
fn the_first_file_of_jobs_reads_and_packs_as_ever() {
    assert_eq!(format!("{:?}", view(FIXTURE)), format!("{:?}", fixture()));
    assert!(pack(&mut Packer::new(), &fixture()) == FIXTURE);
}

#[test]
fn a_job_of_the_first_schema_reads_with_what_was_added_at_rest() {
    let mut packer = Packer::new();
    let Message::Job(job) = fixture().swap_remove(0) else { panic!("a job") };
    // The tables' tail is what a writer of before does not have.
    packer.builder.reset();
    let ticket = packer.builder.create_string(&job.ticket);
    let selection = packer.selection_table(&job.selection);
    let args = fb::DensitiesArgs { offset: 64, nx: 37, ny: 37, channels: 14, hash: 5, ..Default::default() };
    let densities = fb::Densities::create(&mut packer.builder, &args);
    let mut table = fb::JobBuilder::new(&mut packer.builder);
    table.add_ticket(ticket);
    table.add_selection(selection);
    table.add_densities(densities);
    table.add_attempt(2);
    let body = table.finish().as_union_value();
    packer.finish(fb::Body::Job, body);
    let Message::Job(viewed) = one(packer.builder.finished_data()).unwrap() else { panic!("a job") };
    assert_eq!((viewed.attempt, viewed.size_nm, viewed.lease_s, viewed.ask), (2, 0.0, 0.0, 0));
    assert!(viewed.accepted.is_empty() && viewed.note.is_none());
}

#[test]
fn what_a_host_tells_every_worker_comes_with_the_job() {
    let Message::Job(job) = fixture().swap_remove(0) else { panic!("a job") };
    let told = Job { note: Some("--windows 4, Größe 日本".into()), ..*job };
    let Message::Job(viewed) = one(Packer::new().job(&told)).unwrap() else { panic!("a job") };
    assert_eq!(*viewed, told);
}

#[test]
fn one_message_is_neither_none_nor_two() {
    let mut packer = Packer::new();
    let bytes = pack(&mut packer, &fixture()[3..5]);
    assert_eq!(one(&bytes).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(one(&[]).unwrap_err().kind(), ErrorKind::Value);
    assert!(one(packer.ask(&Ask { number: 1, job: 2, cancelled: true })).is_ok());
}

#[test]
fn a_sample_with_other_than_its_shape_of_sums_is_refused() {
    let Message::RdfSample(sample) = fixture().swap_remove(2) else { panic!("a sample") };
    let huge = vec![u32::MAX; 8];
    for shape in [vec![2, 2], vec![7], vec![], vec![0], huge] {
        let wrong = RdfSample { shape, ..sample.clone() };
        assert_eq!(one(Packer::new().sample(&wrong)).unwrap_err().kind(), ErrorKind::Value);
    }
}

#[test]
fn windows_that_are_no_ascending_runs_are_refused() {
    let Message::Job(job) = fixture().swap_remove(0) else { panic!("a job") };
    for runs in [vec![(2, 1)], vec![(0, 4), (4, 5)], vec![(5, 6), (0, 1)]] {
        let accepted = vec![AcceptedWindows { observable: "rdf".into(), runs }];
        let wrong = Job { accepted, ..(*job).clone() };
        assert_eq!(one(Packer::new().job(&wrong)).unwrap_err().kind(), ErrorKind::Value);
    }
}

#[test]
fn no_flipped_or_missing_byte_makes_a_reader_panic() {
    let mut bytes = pack(&mut Packer::new(), &fixture());
    let (mut whole, mut refused) = (0, 0);
    for mask in (0..8).map(|bit| 1 << bit).chain([0xff]) {
        for at in 0..bytes.len() {
            bytes[at] ^= mask;
            messages(&bytes).for_each(|message| *if message.is_ok() { &mut whole } else { &mut refused } += 1);
            bytes[at] ^= mask;
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
    for cut in 0..bytes.len() {
        assert!(one(&bytes[..cut]).is_err() || messages(&bytes[..cut]).count() == 1);
    }
}

proptest! {
    #[test]
    fn any_sample_views_as_it_was(
        (job, attempt, window, frames) in any::<(u64, u32, u64, u64)>(),
        observable in "[A-Za-z0-9_-]{1,32}",
        sums in vec(any::<i32>().prop_map(f64::from), 0..50),
    ) {
        let shape = vec![sums.len() as u32, 1];
        let sample = RdfSample { job, attempt, observable, window, frames, shape, sums };
        let stream = [Message::RdfSample(sample)];
        prop_assert_eq!(view(&pack(&mut Packer::new(), &stream)), stream);
    }

    #[test]
    fn garbage_is_an_error(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(one(&bytes).is_err());
    }
}
