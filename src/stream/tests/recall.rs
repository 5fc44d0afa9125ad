//! Densities in a run: they are there after any end, what is not is withdrawn or told, and no decision depends on it.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::journal::{Folder, builder, decided, killed, send, step};
use super::{patch, push};
use crate::dynim::State;
use crate::error::{ErrorKind, Result};
use crate::retain::Format;
use crate::stream::{Builder, Pushed, RetentionConfig, RetentionPlace, RetentionStats, StoreConfig, Stream, WhenFull};

/// Densities of a patch, and bytes of its place.
const LEN: usize = 5 * 5 * 14;
pub(super) const PLACE: u64 = 32 + 4 * LEN as u64;

pub(super) fn retaining(run: &Folder) -> Builder {
    builder(&run.0).history(1000).retention(RetentionConfig::default())
}

pub(super) fn read(stream: &Stream, id: u64) -> Result<Vec<f32>> {
    let mut densities = vec![0.0; LEN];
    stream.densities(id, &mut densities).map(|()| densities)
}

pub(super) fn stats(stream: &Stream) -> RetentionStats {
    stream.stats().retention.expect("retention is on")
}

pub(super) fn branch(stream: &Stream) -> u64 {
    stream.stats().store.unwrap().branch
}

fn picked(stream: &Stream) -> Vec<u64> {
    decided(stream).0.iter().map(|pick| pick.id).collect()
}

/// The ids of all patches that wait or are candidates, among the first hundred.
pub(super) fn unselected(stream: &Stream) -> Vec<u64> {
    use crate::dynim::Stage::{Candidate, Waiting};
    let stage = |id| stream.shared_for_tests().operate(|operator| operator.sampler.stage(id));
    (1..=100).filter(|&id| matches!(stage(id), Some(Waiting | Candidate))).collect()
}

/// Spoils the densities of patches in a run's file.
pub(super) fn damage(run: &Folder, ids: &[u64]) {
    let file = std::fs::File::options().read(true).write(true).open(run.0.join("densities")).unwrap();
    for at in 0..(file.metadata().unwrap().len() - 4096) / PLACE {
        let mut id = [0; 8];
        file.read_exact_at(&mut id, 4096 + at * PLACE + 8).unwrap();
        if ids.contains(&u64::from_le_bytes(id)) {
            file.write_all_at(b"damage", 4096 + at * PLACE + 500).unwrap();
        }
    }
}

#[test]
fn densities_of_a_run_are_there_after_any_end_of_its_process() {
    for (format, checkpoint_events) in [(Format::Float32, 0), (Format::Float16, 2)] {
        let folder = Folder::new();
        let retention = RetentionConfig { format, ..RetentionConfig::default() };
        let store = StoreConfig { checkpoint_events, ..StoreConfig::default() };
        let open =
            |folder: &Folder| retaining(folder).retention(retention.clone()).store(store.clone()).open().unwrap();
        let (stream, twin) = (open(&folder), super::builder().capacity(12).open().unwrap());
        let [mut ours, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
        for at in 0..5 {
            assert_eq!(step(&stream, &mut ours, at), step(&twin, &mut other, at), "no decision depends on it");
        }
        send(&stream, &mut ours, 5);
        stream.poll(Duration::from_secs(9)).unwrap();
        let all = [unselected(&stream), picked(&stream)].concat();
        assert_eq!(all.len(), 20 + 10);
        let kept: Vec<_> = all.iter().map(|&id| read(&stream, id).unwrap()).collect();
        let before = (decided(&stream), stats(&stream).holding);
        let copy = killed(&folder);
        drop(ours);
        stream.close();
        for folder in [copy, folder] {
            let again = open(&folder);
            assert_eq!(again.resume(None).unwrap().patches, 60);
            let now = stats(&again);
            assert_eq!((now.place, now.lost, now.holding.patches), ("run", 0, 30));
            assert_eq!((decided(&again), now.holding.selected), (before.0.clone(), before.1.selected));
            assert_eq!(all.iter().map(|&id| read(&again, id).unwrap()).collect::<Vec<_>>(), kept);
            let gone = (1..=60).filter(|id| !all.contains(id)).map(|id| read(&again, id).unwrap_err().kind());
            assert!(gone.into_iter().all(|kind| kind == ErrorKind::Unknown));
            // Places that nobody is in are used again.
            let mut producer = again.producer("ddft").unwrap();
            (0..6).for_each(|at| send(&again, &mut producer, at));
            for at in 0..5 {
                assert!(again.select(at, 2).unwrap().unwrap().replayed);
            }
            again.select(5, 2).unwrap();
            send(&again, &mut producer, 6);
            again.poll(Duration::from_secs(9)).unwrap();
            let holding = stats(&again).holding;
            assert_eq!((holding.patches, holding.bytes_made), (32, holding.bytes));
            assert_eq!(branch(&again), 0);
        }
    }
}

#[test]
fn a_candidate_without_densities_is_withdrawn_and_taken_in_anew_when_it_is_sent_again() {
    let folder = Folder::new();
    let (stream, twin) = (retaining(&folder).open().unwrap(), super::builder().capacity(12).open().unwrap());
    let [mut ours, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
    step(&stream, &mut ours, 0);
    step(&twin, &mut other, 0);
    stream.checkpoint("mark", 0, Duration::ZERO).unwrap();
    for at in 1..4 {
        assert_eq!(step(&stream, &mut ours, at), step(&twin, &mut other, at));
    }
    let candidates = unselected(&stream);
    let lost: Vec<u64> = candidates.iter().copied().filter(|id| *id > 10).take(3).collect();
    let before_the_mark = candidates.iter().copied().find(|id| *id <= 10);
    drop(ours);
    drop(stream);
    damage(&folder, &lost);
    // The loss is told again from the log, after a checkpoint too, as long as the patches have not come.
    for turn in 0..3 {
        let stream = retaining(&folder).open().unwrap();
        let now = stats(&stream);
        assert_eq!((now.lost, now.holding.patches), (if turn == 0 { 3 } else { 0 }, 7 + 8));
        let refused = lost.iter().map(|&id| stream.shared_for_tests().operate(|op| op.densities(id, &mut [0.0; LEN])));
        assert!(refused.into_iter().all(|result| result.unwrap_err().kind() == ErrorKind::Unknown));
        if turn == 1 {
            assert_eq!(stream.resume(Some("mark")).unwrap().patches, 30 - 3);
            stream.checkpoint("again", 0, Duration::ZERO).unwrap();
        }
    }
    let stream = retaining(&folder).open().unwrap();
    let resumed = stream.resume(Some("mark")).unwrap();
    assert_eq!((resumed.patches, resumed.events), (30 - 3, 3));
    let mut ours = stream.producer("ddft").unwrap();
    for at in 1..4 {
        for id in (1..=10).map(|i| at as u64 * 10 + i) {
            let expected = if lost.contains(&id) { Pushed::Accepted } else { Pushed::Known };
            assert_eq!(push(&mut ours, id, at, &patch(id)).unwrap(), expected, "patch {id}");
            stream.poll(Duration::from_secs(9)).unwrap();
        }
        assert!(stream.select(at, 2).unwrap().unwrap().replayed);
    }
    assert_eq!((branch(&stream), unselected(&stream)), (0, candidates));
    assert_eq!(before_the_mark.map(|id| read(&stream, id).unwrap()), before_the_mark.map(patch));
    assert_eq!(
        lost.iter().map(|&id| read(&stream, id).unwrap()).collect::<Vec<_>>(),
        lost.iter().map(|&id| patch(id)).collect::<Vec<_>>()
    );
    for at in 4..8 {
        let picks = |stream: &Stream, producer: &mut _| {
            send(stream, producer, at);
            stream.select(at, 2).unwrap().unwrap().batch.selections
        };
        assert_eq!(picks(&stream, &mut ours), picks(&twin, &mut other), "as if nothing had been lost");
    }
    assert_eq!(decided(&stream).1, decided(&twin).1);
    drop(ours);
    let before = decided(&stream);
    drop(stream);
    let again = retaining(&folder).open().unwrap();
    assert_eq!((decided(&again), stats(&again).lost), (before, 0));
    // And again from the mark.
    again.resume(Some("mark")).unwrap();
    let mut ours = again.producer("ddft").unwrap();
    for at in 1..8 {
        send(&again, &mut ours, at);
        assert!(again.select(at, 2).unwrap().unwrap().replayed, "step {at}");
    }
    assert_eq!(branch(&again), 0);
}

#[test]
fn a_lost_patch_that_comes_with_other_content_is_a_difference() {
    let folder = Folder::new();
    let stream = retaining(&folder).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    let lost = unselected(&stream)[0];
    drop(producer);
    drop(stream);
    damage(&folder, &[lost]);
    let stream = retaining(&folder).open().unwrap();
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    assert_eq!(push(&mut producer, lost, 0, &patch(lost + 5000)).unwrap(), Pushed::Accepted);
    assert_eq!(branch(&stream), 1);
    assert_eq!(read(&stream, 1 << 48 | lost).unwrap(), patch(lost + 5000));
}

#[test]
fn a_selected_patch_without_densities_stays_and_whoever_asks_is_told() {
    let folder = Folder::new();
    let stream = retaining(&folder).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    (0..3).for_each(|at| drop(step(&stream, &mut producer, at)));
    let (before, picks) = (decided(&stream), picked(&stream));
    for state in [State::Started, State::Done] {
        stream.set_state(picks[0], state, 2).unwrap();
    }
    stream.checkpoint("end", 2, Duration::from_secs(9)).unwrap();
    drop(producer);
    drop(stream);
    damage(&folder, &picks[..3]);
    let stream = retaining(&folder).open().unwrap();
    stream.resume(Some("end")).unwrap();
    assert_eq!(decided(&stream).1, before.1);
    // Nobody waits for the densities of a job that is done: they are found torn by who reads them.
    assert_eq!(stats(&stream).lost, 2);
    for &id in &picks[..3] {
        let error = read(&stream, id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(error.message().contains("did not survive"), id != picks[0], "{error}");
    }
    assert_eq!(read(&stream, picks[3]).unwrap(), patch(picks[3]));
    // Once it is a candidate again it cannot be picked.
    stream.set_state(picks[1], State::Returned, 2).unwrap();
    let selections = stream.select(3, 99).unwrap().unwrap();
    assert!(selections.batch.selections.iter().all(|one| one.id != picks[1]));
    assert_eq!(stats(&stream).lost, 3);
    let before = decided(&stream);
    drop(stream);
    assert_eq!(decided(&retaining(&folder).open().unwrap()), before, "the log knows what an event lost");
}

#[test]
fn what_an_event_lost_is_in_the_log_and_comes_again_when_it_is_sent_again() {
    let folder = Folder::new();
    let stream = retaining(&folder).open().unwrap();
    let twin = builder(&Folder::new().0).history(1000).open().unwrap();
    let [mut producer, mut other] = [&stream, &twin].map(|stream| stream.producer("ddft").unwrap());
    send(&stream, &mut producer, 0);
    let first = step(&twin, &mut other, 0);
    stream.poll(Duration::from_secs(9)).unwrap();
    damage(&folder, &picked(&twin));
    let told = stream.select(0, 2).unwrap().unwrap();
    assert_ne!(told.bytes(), first);
    assert_eq!((told.batch.selections.len(), stats(&stream).lost), (2, 2));
    let before = decided(&stream);
    drop(producer);
    drop(stream);
    let stream = retaining(&folder).open().unwrap();
    assert_eq!(decided(&stream), before);
    assert_eq!(stream.resume(None).unwrap().patches, 8);
    let mut producer = stream.producer("ddft").unwrap();
    send(&stream, &mut producer, 0);
    let again = stream.select(0, 2).unwrap().unwrap();
    assert!(again.replayed);
    assert_eq!(again.bytes(), told.bytes());
    assert_eq!((branch(&stream), unselected(&stream).len()), (0, 8), "the two that were lost are there again");
}

#[test]
fn densities_in_memory_end_with_the_process_and_what_is_not_selected_comes_again() {
    let folder = Folder::new();
    let memory = RetentionConfig { place: Some(RetentionPlace::Memory), ..RetentionConfig::default() };
    let stream = retaining(&folder).retention(memory.clone()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let told: Vec<_> = (0..3).map(|at| step(&stream, &mut producer, at)).collect();
    let candidates = unselected(&stream);
    drop(producer);
    drop(stream);
    assert!(!folder.0.join("densities").exists());
    let stream = retaining(&folder).retention(memory).open().unwrap();
    let now = stats(&stream);
    assert_eq!((now.place, now.lost, now.holding.patches), ("memory", candidates.len() as u64 + 6, 0));
    stream.resume(None).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    for at in 0..3 {
        assert_eq!(step(&stream, &mut producer, at), told[at as usize]);
    }
    assert_eq!((branch(&stream), unselected(&stream)), (0, candidates.clone()));
    assert_eq!(read(&stream, candidates[0]).unwrap(), patch(candidates[0]));
    drop(producer);
    // A run whose densities are asked for only now has none either.
    drop(stream);
    let stream = retaining(&folder).open().unwrap();
    assert_eq!((stats(&stream).lost, unselected(&stream)), (candidates.len() as u64 + 6, Vec::new()));
}

#[test]
fn a_host_that_goes_back_does_nothing_else_by_sending_what_found_no_room_or_made_it() {
    for when_full in [WhenFull::Refuse, WhenFull::WithdrawOldest] {
        for background in [false, true] {
            let folder = Folder::new();
            let retention = RetentionConfig { bytes: Some(15 * PLACE), when_full, ..RetentionConfig::default() };
            let open = || retaining(&folder).background(background).retention(retention.clone()).open().unwrap();
            let stream = open();
            let mut producer = stream.producer("ddft").unwrap();
            let mut told = Vec::new();
            for at in 0..4 {
                told.push(step(&stream, &mut producer, at));
                stream.checkpoint(&format!("after {at}"), at, Duration::from_secs(9)).unwrap();
            }
            send(&stream, &mut producer, 4);
            stream.checkpoint("last", 4, Duration::from_secs(9)).unwrap();
            let now = stats(&stream);
            assert!(now.refused + now.withdrawn > 8, "{now:?}");
            let before = (decided(&stream), unselected(&stream));
            drop(producer);
            drop(stream);
            for mark in [None, Some(0), Some(1), Some(3)] {
                let stream = open();
                assert_eq!((decided(&stream), unselected(&stream)), before);
                let name = mark.map(|mark| format!("after {mark}"));
                stream.resume(name.as_deref()).unwrap();
                let mut producer = stream.producer("ddft").unwrap();
                for at in mark.map_or(0, |mark| mark + 1)..4 {
                    assert_eq!(step(&stream, &mut producer, at), told[at as usize], "{when_full:?} from {mark:?}");
                }
                send(&stream, &mut producer, 4);
                stream.poll(Duration::from_secs(9)).unwrap();
                assert_eq!((branch(&stream), stats(&stream).lost), (0, 0), "{when_full:?} from {mark:?}");
                assert_eq!((decided(&stream), unselected(&stream)), before, "{when_full:?} from {mark:?}");
                for id in unselected(&stream) {
                    assert_eq!(read(&stream, id).unwrap(), patch(id));
                }
            }
        }
    }
}

#[test]
fn densities_of_jobs_that_are_done_make_room_in_a_run_too() {
    let folder = Folder::new();
    let retention = RetentionConfig { keep_done: false, ..RetentionConfig::default() };
    let stream = retaining(&folder).retention(retention.clone()).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 0);
    let id = picked(&stream)[0];
    for state in [State::Started, State::Done] {
        stream.set_state(id, state, 0).unwrap();
    }
    drop(producer);
    drop(stream);
    let stream = retaining(&folder).retention(retention).open().unwrap();
    stream.resume(None).unwrap();
    assert_eq!(read(&stream, id).unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!((stats(&stream).lost, stats(&stream).holding.patches), (0, 9));
}

#[test]
fn a_checkpoint_does_not_count_unless_the_densities_are_on_the_disk() {
    let folder = Folder::new();
    let stream = retaining(&folder).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let checkpoints = || ["checkpoint-A", "checkpoint-B"].map(|name| std::fs::read(folder.0.join(name)).ok());
    step(&stream, &mut producer, 0);
    assert!(stream.checkpoint("one", 0, Duration::from_secs(9)).unwrap());
    let before = checkpoints();
    assert!(before[0].is_some() != before[1].is_some());
    step(&stream, &mut producer, 1);
    stream.shared_for_tests().operate(|operator| operator.densities_flush().unwrap().fail_for_tests());
    assert_eq!(stream.checkpoint("two", 1, Duration::from_secs(9)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(checkpoints(), before);
    // The stream goes on, and what was told is in the log.
    let told = step(&stream, &mut producer, 2);
    drop(producer);
    drop(stream);
    let stream = retaining(&folder).open().unwrap();
    stream.resume(Some("one")).unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    step(&stream, &mut producer, 1);
    assert_eq!(step(&stream, &mut producer, 2), told);
    assert!(stream.checkpoint("two", 1, Duration::from_secs(9)).unwrap());
}

#[test]
fn places_that_make_no_sense_are_refused() {
    let place = |place| RetentionConfig { place: Some(place), ..RetentionConfig::default() };
    let folder = Folder::new();
    let both = RetentionConfig { file: Some(folder.0.join("elsewhere")), ..place(RetentionPlace::Run) };
    let open = |builder: Builder| builder.open().map(drop).unwrap_err();
    for (error, words) in [
        (open(super::builder().retention(place(RetentionPlace::Run))), "give a run_dir"),
        (open(retaining(&folder).retention(both)), "one of the two"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.message().contains(words), "{error}");
    }
    drop(retaining(&folder).open().unwrap());
    let halves = RetentionConfig { format: Format::Float16, ..RetentionConfig::default() };
    assert_eq!(open(retaining(&folder).retention(halves)).kind(), ErrorKind::Conflict);
    std::fs::write(folder.0.join("densities"), "my thesis").unwrap();
    assert_eq!(open(retaining(&folder)).kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read(folder.0.join("densities")).unwrap(), b"my thesis");
}
