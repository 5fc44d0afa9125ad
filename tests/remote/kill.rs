//! Producers that are killed at random moments, and owners that are: no patch is torn, lost or doubled.
//!
//! Not here: the same of rings alone (`tests/shm`).

use super::child::Peer;
use super::*;

#[test]
fn producer_that_is_killed_at_any_moment_tears_loses_and_doubles_no_patch() {
    let name = name("loop");
    let (stream, lines) = stream(&name, true);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let (mut kills, mut slowest) = (0, Duration::ZERO);
    let started = Instant::now();
    // Twenty seconds bound the test, not what is tested.
    while kills < 200 && started.elapsed() < Duration::from_secs(20) {
        let before = stream.stats().encoded;
        let mut sender = Peer::start("sender", &name);
        sender.hear("sends");
        let attached = Instant::now();
        // From a few before the first that is new: those are known.
        sender.tell(&before.saturating_sub(3).max(1).to_string());
        while stream.stats().encoded == before {
            assert!(attached.elapsed() < Duration::from_secs(20), "nothing came of a restarted producer");
            std::hint::spin_loop();
        }
        slowest = slowest.max(attached.elapsed());
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 3000));
        sender.kill();
        kills += 1;
        poll_until(&stream, "the removal of its lane", || !file_of(&format!("{name}.p0")).exists());
    }
    let stats = stream.stats();
    eprintln!(
        "{kills} kills, {} patches, {} known; the first one of a new producer after {slowest:?} at most",
        stats.encoded, stats.known
    );
    assert!(kills >= 10 && stats.encoded > kills, "too few to mean anything");
    // Torn ones would have another hash than their header says; lost ones would be missing in the row of ids.
    assert_eq!((stats.rejected.total(), stats.pushed), (0, stats.encoded), "{:?}", lines.lock().unwrap());
    let selected = stream.select(0, stats.encoded as usize + 1).unwrap().unwrap();
    let mut ids: Vec<u64> = selected.batch.selections.iter().map(|selection| selection.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=stats.encoded).collect::<Vec<_>>());
}

#[test]
fn producer_whose_stream_is_killed_is_fenced_and_finds_the_next_one() {
    let name = name("owner");
    let mut owner = Peer::start("owner", &name);
    owner.hear("owns");
    let mut producer = attach(&name, "ddft").unwrap();
    push(&mut producer, 1, 0).unwrap();
    owner.hear("took");
    owner.kill();
    let killed = Instant::now();
    let error = loop {
        match push(&mut producer, 2, 0) {
            Ok(_) => std::thread::sleep(Duration::from_micros(100)),
            Err(error) => break error,
        }
        assert!(killed.elapsed() < Duration::from_secs(10), "the death was not noticed");
    };
    eprintln!("fenced after {:?}", killed.elapsed());
    assert_eq!(error.kind(), ErrorKind::Fenced);
    let (next, _) = stream(&name, false);
    let mut again = attach(&name, "ddft").unwrap();
    push(&mut again, 1, 0).unwrap();
    push(&mut again, 2, 0).unwrap();
    assert_eq!(settle(&next, &again).taken, 2);
    drop(producer);
    assert_eq!(settle(&next, &again).taken, 2);
}

#[test]
fn producer_that_is_killed_behind_its_last_step_has_come_for_it_also_once_it_is_forgotten() {
    let name = name("ended");
    let builder = Stream::builder().grid(5, 5).model("mean").capacity(100).slots(8).producers(2);
    let stream = builder.transport(format!("shm:{name}")).open().unwrap();
    let mut one = stream.producer("one").unwrap();
    push(&mut one, 2, 9).unwrap();
    let mut two = Peer::start("ends", &name);
    two.hear("ended");
    let file = file_of(&format!("{name}.p0"));
    assert!(file.exists());
    two.kill();
    poll_until(&stream, "the removal of its lane", || !file.exists());
    assert!(stream.select(9, 2).unwrap().is_none(), "the first has not ended the step");
    one.end_step(9).unwrap();
    assert_eq!(stream.select(9, 2).unwrap().unwrap().batch.selections.len(), 2);
    push(&mut one, 3, 10).unwrap();
    one.end_step(10).unwrap();
    assert!(stream.select(10, 1).unwrap().is_none(), "the second had still to send");
    let mut two = attach(&name, "ends").unwrap();
    two.end_step(10).unwrap();
    assert_eq!(stream.select(10, 1).unwrap().unwrap().batch.selections.len(), 1);
}
