//! Runs: opened again they are as they were, whatever end they had; a host that goes back is told what it was told.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{patch, push};
use crate::dynim::{self, State};
use crate::error::ErrorKind;
use crate::store::Durability;
use crate::stream::{Builder, Polled, Producer, Pushed, Resumed, StoreConfig, Stream};

/// A folder that goes with the test.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// One whose syncs cost nothing, where there is such a place.
    pub(super) fn in_memory() -> Self {
        let shm = Path::new("/dev/shm");
        Self::within(&if shm.is_dir() { shm.into() } else { std::env::temp_dir() })
    }

    fn within(place: &Path) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("patchstream-run-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn builder(run: &Path) -> Builder {
    super::builder().capacity(12).run_dir(run)
}

/// A step of a host: ten patches, then an event.
pub(super) fn step(stream: &Stream, producer: &mut Producer, step: i64) -> Vec<u8> {
    send(stream, producer, step);
    stream.select(step, 2).unwrap().unwrap().bytes().to_vec()
}

pub(super) fn send(stream: &Stream, producer: &mut Producer, step: i64) {
    for id in (1..=10).map(|i| step as u64 * 10 + i) {
        while push(producer, id, step, &patch(id)).unwrap() == Pushed::Full {
            assert_ne!(stream.poll(Duration::ZERO).unwrap(), Polled::Stopped);
        }
    }
}

/// All that the stream decides: S with ranks, and weights.
pub(super) fn decided(stream: &Stream) -> (Vec<dynim::Selection>, Vec<u8>) {
    let weights = stream.weights().unwrap();
    let picks = stream.shared_for_tests().operate(|operator| operator.sampler.selections().copied().collect());
    (picks, weights.bytes().to_vec())
}

#[test]
fn a_run_that_is_opened_again_has_the_same_sampler() {
    for checkpoint_events in [0, 2] {
        let folder = Folder::new();
        let store = StoreConfig { checkpoint_events, ..StoreConfig::default() };
        let stream = builder(&folder.0).store(store.clone()).open().unwrap();
        let twin = super::builder().capacity(12).open().unwrap();
        let [mut ours, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
        for at in 0..7 {
            assert_eq!(step(&stream, &mut ours, at), step(&twin, &mut other, at));
        }
        let before = decided(&stream);
        assert_eq!(before, decided(&twin));
        let copy = killed(&folder);
        let again = builder(&copy.0).store(store.clone()).open().unwrap();
        assert_eq!(decided(&again), before);
        again.resume(None).unwrap();
        assert_eq!(decided(&again), before);
        let mut ours = again.producer("ddft").unwrap();
        for at in 0..7 {
            let told = step(&again, &mut ours, at);
            assert!(!told.is_empty());
        }
        for at in 7..12 {
            assert_eq!(step(&again, &mut ours, at), step(&twin, &mut other, at));
        }
        assert_eq!(decided(&again), decided(&twin));
    }
}

/// A copy of a run: as a kill of its process leaves it.
pub(super) fn killed(run: &Folder) -> Folder {
    let copy = Folder::new();
    copy_all(&run.0, &copy.0);
    copy
}

pub(super) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_all(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn events_are_answered_from_the_log_byte_for_byte_and_say_so() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut told = Vec::new();
    for at in 0..4 {
        told.push(step(&stream, &mut producer, at));
        assert!(stream.checkpoint(&format!("frame {at}"), at, Duration::ZERO).unwrap());
    }
    drop(producer);
    stream.close();
    let stream = builder(&folder.0).open().unwrap();
    let refused = stream.select(1, 2).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::State, "{refused}");
    assert_eq!(stream.resume(Some("frame 9")).unwrap_err().kind(), ErrorKind::Unknown);
    let resumed = stream.resume(Some("frame 1")).unwrap();
    assert_eq!(resumed, Resumed { branch: 0, step: 1, patches: 20, events: 2, selections: 4 });
    assert_eq!(stream.resume(None).unwrap_err().kind(), ErrorKind::State);
    let mut producer = stream.producer("ddft").unwrap();
    for at in 2..4 {
        send(&stream, &mut producer, at);
        let selections = stream.select(at, 2).unwrap().unwrap();
        assert!(selections.replayed);
        assert_eq!(selections.bytes(), told[at as usize]);
    }
    send(&stream, &mut producer, 4);
    let selections = stream.select(4, 2).unwrap().unwrap();
    assert!(!selections.replayed);
    assert_eq!(selections.batch.event, 4);
    assert_eq!(stream.stats().store.unwrap().branch, 0);
    // What came before the mark stands.
    assert_eq!(push(&mut producer, 1, 0, &patch(999)).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn a_difference_begins_a_branch_and_told_selections_stay() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    for at in 1..3 {
        step(&stream, &mut producer, at);
    }
    let (before, _) = decided(&stream);
    drop(producer);
    drop(stream);
    let stream = builder(&folder.0).open().unwrap();
    stream.resume(Some("mark")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, 11, 1, &patch(11)).unwrap(), Pushed::Known);
    // Another noise seed.
    for id in 12..=20 {
        assert_eq!(push(&mut producer, id, 1, &patch(id + 5000)).unwrap(), Pushed::Accepted);
        stream.poll(Duration::from_secs(9)).unwrap();
    }
    let selections = stream.select(1, 2).unwrap().unwrap();
    assert!(!selections.replayed);
    assert_eq!(selections.batch.event, 3);
    let (after, _) = decided(&stream);
    assert_eq!(after[..before.len()], before[..]);
    for selection in &selections.batch.selections {
        assert!(selection.id == 11 || selection.id >> 48 == 1, "{}", selection.id);
    }
    let stats = stream.stats();
    assert_eq!(stats.store.unwrap().branch, 1);
    // Ten before the mark, one that was sent again, nine new ones, and the four that were told behind the mark.
    let told = before.iter().filter(|pick| pick.id > 11).count() as u64;
    assert_eq!(stats.candidates + stats.waiting + stats.discarded + stats.selected, 20 + told);
    drop(producer);
    let before = decided(&stream);
    drop(stream);
    assert_eq!(decided(&builder(&folder.0).open().unwrap()), before);
}

#[test]
fn states_and_withdrawals_come_back_and_are_known_when_they_are_said_again() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    let says = |stream: &Stream| {
        let picks = decided(stream).0;
        stream.set_state(picks[0].id, State::Started, 0).unwrap();
        stream.set_state(picks[0].id, State::Done, 0).unwrap();
        stream.withdraw(7, 0).unwrap();
    };
    says(&stream);
    stream.set_state(decided(&stream).0[1].id, State::Returned, 0).unwrap();
    let before = decided(&stream);
    drop(producer);
    drop(stream);
    let stream = builder(&folder.0).open().unwrap();
    assert_eq!(decided(&stream), before);
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let told = step(&stream, &mut producer, 0);
    assert!(!told.is_empty());
    says(&stream);
    assert_eq!(decided(&stream), before);
    assert_eq!(stream.withdraw(7, 0).unwrap_err().kind(), ErrorKind::Unknown);
}

#[test]
fn other_options_are_refused_by_their_name() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    drop(producer);
    stream.close();
    for (other, key) in [(builder(&folder.0).k(3), "k = 10"), (builder(&folder.0).seed(3), "seed = 0")] {
        let error = other.open().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains(key), "{error}");
    }
    assert!(builder(&folder.0).open().is_ok());
}

#[test]
fn each_durability_acknowledges_what_was_told() {
    for durability in [Durability::None, Durability::Buffered, Durability::Batch, Durability::Record] {
        for background in [false, true] {
            let folder = Folder::new();
            let store = StoreConfig { durability, ..StoreConfig::default() };
            let stream = builder(&folder.0).store(store).background(background).open().unwrap();
            let mut producer = stream.producer("ddft").unwrap();
            step(&stream, &mut producer, 0);
            let stats = stream.stats().store.unwrap();
            // Options, ten patches, an event.
            assert_eq!((stats.appended, stats.acknowledged), (12, 12), "{durability:?}");
            if matches!(durability, Durability::Batch | Durability::Record) {
                assert_eq!(stats.durable, 12);
            }
        }
    }
}

#[test]
fn a_new_run_needs_no_resume_and_takes_one_before_anything_else() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    assert_eq!(stream.resume(Some("mark")).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(stream.resume(None).unwrap(), Resumed::default());
    assert_eq!(stream.resume(None).unwrap_err().kind(), ErrorKind::State);
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    for bad in ["", &"x".repeat(257)] {
        assert_eq!(stream.checkpoint(bad, 0, Duration::ZERO).unwrap_err().kind(), ErrorKind::Argument);
    }
    let without = super::builder().open().unwrap();
    assert_eq!(without.resume(None).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(without.checkpoint("mark", 0, Duration::ZERO).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn a_log_that_is_cut_anywhere_gives_a_part_of_the_truth_or_an_error() {
    let folder = Folder::new();
    let stream = builder(&folder.0).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for at in 0..3 {
        step(&stream, &mut producer, at);
    }
    let (truth, _) = decided(&stream);
    drop(producer);
    drop(stream);
    let log = std::fs::read(folder.0.join("log/000001.log")).unwrap();
    let copy = killed(&folder);
    let mut found = std::collections::BTreeSet::new();
    for length in (0..log.len()).step_by(37).chain(log.len() - 40..=log.len()) {
        let _ = std::fs::remove_dir_all(copy.0.join("log"));
        let _ = std::fs::remove_dir_all(copy.0.join("epochs"));
        std::fs::create_dir_all(copy.0.join("log")).unwrap();
        std::fs::write(copy.0.join("log/000001.log"), &log[..length]).unwrap();
        let stream = builder(&copy.0).open().unwrap();
        let (picks, _) = decided(&stream);
        assert_eq!(picks[..], truth[..picks.len()], "cut after {length} bytes");
        found.insert(picks.len());
        stream.resume(None).unwrap();
        let mut producer = stream.producer("ddft").unwrap();
        for at in 0..3 {
            step(&stream, &mut producer, at);
        }
        assert_eq!(decided(&stream).0, truth, "cut after {length} bytes, and sent again");
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [0, 2, 4, 6]);
    // Flipped: one read of the log finds it, whatever it hits.
    for at in (0..log.len()).step_by(41) {
        let mut flipped = log.clone();
        flipped[at] ^= 0x10;
        let _ = std::fs::remove_dir_all(copy.0.join("log"));
        std::fs::create_dir_all(copy.0.join("log")).unwrap();
        std::fs::write(copy.0.join("log/000001.log"), &flipped).unwrap();
        match builder(&copy.0).open() {
            Ok(stream) => {
                let (picks, _) = decided(&stream);
                assert_eq!(picks[..], truth[..picks.len()], "flipped at byte {at}");
            }
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Version), "flipped at byte {at}: {error}");
            }
        }
    }
}
