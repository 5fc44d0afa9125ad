//! A lane that is written over while both sides run: an error on that lane, and the others' patches all arrive.
//!
//! Not here: single rings (`src/ring/tests/hostile.rs`), control pages (`tests/shm/files.rs`).

use super::*;

/// Writes eight bytes of a segment's file.
fn poke(file: &std::fs::File, at: u64, value: u64) {
    file.write_all_at(&value.to_ne_bytes(), at).unwrap();
}

fn writable(name: &str) -> std::fs::File {
    OpenOptions::new().read(true).write(true).open(file_of(name)).unwrap()
}

/// Where the ring of a lane begins, and its words in it.
const RING: u64 = 8192;
const HEAD: u64 = RING + 128;
const ENDED: u64 = RING + 136;
const TAIL: u64 = RING + 256;

#[test]
fn garbage_over_a_whole_lane_costs_that_lane_alone() {
    // What an owner says of a lane that is over. Garbage may read as a producer that has closed, or that lives no longer.
    const ENDS: [&str; 3] = ["is given up", "has closed", "is gone without closing"];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut given_up = 0;
    for round in 0..20 {
        let name = name(&format!("garbage-{round}"));
        let (stream, lines) = stream(&name, round % 2 == 1);
        let mut bad = attach(&name, "bad").unwrap();
        let mut good = attach(&name, "good").unwrap();
        push(&mut bad, 1, 0).unwrap();
        push(&mut good, 1001, 0).unwrap();
        assert_eq!(settle(&stream, &good).taken, 1);
        let file = writable(&format!("{name}.p0"));
        let bytes = file.metadata().unwrap().len();
        let mut pushed = 1;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                // The whole of it, ten times over, while both sides run.
                for _ in 0..10 {
                    for at in (0..bytes).step_by(512) {
                        let mut block = [0; 512];
                        for word in block.chunks_exact_mut(8) {
                            random ^= random << 13;
                            random ^= random >> 7;
                            random ^= random << 17;
                            // Half of them zero or all ones, which words like to be believed with.
                            let value = [random, random, 0, u64::MAX][random as usize >> 7 & 3];
                            word.copy_from_slice(&value.to_ne_bytes());
                        }
                        file.write_all_at(&block, at).unwrap();
                    }
                }
            });
            for id in 2..200 {
                let _ = push(&mut bad, id, 0);
                while push(&mut good, 1000 + id, 0).unwrap() == Pushed::Full {
                    stream.poll(Duration::from_millis(1)).unwrap();
                }
                pushed += 1;
                stream.poll(Duration::ZERO).unwrap();
            }
            writer.join().unwrap();
        });
        let answers = settle(&stream, &good);
        assert_eq!((answers.taken, answers.refused), (pushed, 0), "round {round}: {:?}", lines.lock().unwrap());
        let end = || {
            let lines = lines.lock().unwrap();
            let of_bad = |line: &&String| line.contains("producer bad of process");
            lines.iter().filter(of_bad).find_map(|line| ENDS.iter().copied().find(|end| line.contains(end)))
        };
        poll_until(&stream, "the lane's end", || end().is_some());
        assert!(bad.check().is_err());
        let stats = stream.stats();
        assert!(stats.encoded >= pushed, "{stats:?}");
        if end() == Some(ENDS[0]) {
            assert!(stats.rejected.total() > 0, "{stats:?}: {:?}", lines.lock().unwrap());
            given_up += 1;
        }
        // The next producer of that label comes in, and the stream still selects.
        drop(bad);
        let mut next = attach(&name, "bad").unwrap();
        push(&mut next, 5000, 0).unwrap();
        assert_eq!(settle(&stream, &next).taken, 1);
        drop((good, next));
        poll_until(&stream, "the end of all producers", || stream.select(0, 1).unwrap().is_some());
    }
    assert!(given_up > 0, "no lane was found out by what its ring says");
}

#[test]
fn door_that_is_written_over_stops_no_producer_of_its_own_process() {
    // The word that says who owns the segment.
    const STATE: u64 = 2048;
    let name = name("door");
    let (stream, lines) = stream(&name, true);
    let mut local = stream.producer("local").unwrap();
    poke(&writable(&name), STATE, 99);
    for id in 1..=4 {
        // The worker sleeps again in between.
        std::thread::sleep(Duration::from_millis(70));
        assert_eq!(push(&mut local, id, 0).unwrap(), Pushed::Accepted);
    }
    let started = Instant::now();
    while stream.stats().encoded < 4 {
        assert!(started.elapsed() < Duration::from_secs(20), "the worker is gone: {:?}", lines.lock().unwrap());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(has(&lines, "no other process can come any more"), "{:?}", lines.lock().unwrap());
    drop(local);
    stream.close();
    // Closing frees the name all the same.
    let (_next, _) = super::stream(&name, false);
}

#[test]
fn indices_at_their_extremes_are_an_error_of_that_lane() {
    for (at, value) in [
        (HEAD, u64::MAX),
        (HEAD, 1 << 63),
        (HEAD, 9),
        (TAIL, u64::MAX),
        (TAIL, 1 << 63),
        (ENDED, u64::MAX),
        (ENDED, i64::MIN as u64),
    ] {
        let name = name(&format!("extreme-{at}-{value:x}"));
        let (stream, _) = stream(&name, false);
        let mut bad = attach(&name, "bad").unwrap();
        let mut good = attach(&name, "good").unwrap();
        stream.poll(Duration::ZERO).unwrap();
        poke(&writable(&format!("{name}.p0")), at, value);
        for id in 1..=20 {
            let _ = push(&mut bad, id, 0);
            assert_eq!(push(&mut good, 1000 + id, 0).unwrap(), Pushed::Accepted);
            stream.poll(Duration::from_millis(100)).unwrap();
        }
        assert_eq!(settle(&stream, &good).taken, 20, "{value:#x} at {at}");
    }
}

#[test]
fn lane_whose_head_cannot_be_true_holds_up_no_event_of_a_host_that_only_selects() {
    let name = name("head");
    let (stream, lines) = stream(&name, false);
    let mut bad = attach(&name, "bad").unwrap();
    let mut good = attach(&name, "good").unwrap();
    push(&mut bad, 1, 0).unwrap();
    push(&mut good, 2, 0).unwrap();
    good.end_step(0).unwrap();
    assert!(stream.select(0, 9).unwrap().is_none(), "the other one has not ended the step");
    poke(&writable(&format!("{name}.p0")), HEAD, 99);
    assert_eq!(stream.select(0, 9).unwrap().unwrap().batch.selections.len(), 1);
    assert!(has(&lines, "producer bad"), "{:?}", lines.lock().unwrap());
}

#[test]
fn patches_that_no_producer_would_send_are_refused_one_by_one() {
    use patchstream::lane::{Role, Visit};
    use patchstream::patch::{Constellation, Protein};
    use patchstream::ring::{Geometry, Header, KIND_PATCH, OnFull};
    use patchstream::wire::Packer;
    let name = name("sly");
    let (stream, lines) = stream(&name, false);
    let len = 5 * 5 * 14;
    let rings = |_: &str| Ok((Geometry::new(16, len)?, None));
    let mut sly = Visit::attach(&name, Role::Producer, "sly", rings, Duration::from_secs(10)).unwrap();
    let mut packer = Packer::new();
    let none = Constellation::default();
    let stray = Protein { id: 1, state: 99, partner: -1, x_nm: 0.0, y_nm: 0.0 };
    let sound = packer.patch_meta(&meta(1, 0), none).to_vec();
    let of_other = packer.patch_meta(&meta(2, 0), none).to_vec();
    let unknown = packer.patch_meta(&Meta { proteins: &[stray], ..meta(1, 0) }, none).to_vec();
    let counted = packer.patch_meta(&meta(1, 0), Constellation { ras: 1, raf: 0 }).to_vec();
    let zero = packer.patch_meta(&meta(0, 0), none).to_vec();
    let patch = Header { kind: KIND_PATCH, id: 1, content: 1, ..Header::default() };
    let finite = densities(1);
    let mut nan = finite.clone();
    nan[3] = f32::NAN;
    let mut send = |header: Header, densities: &[f32], metadata: &[u8]| {
        sly.to_owner.send(header, densities, metadata, &OnFull::Answer).unwrap();
    };
    send(Header { kind: 77, ..patch }, &finite, &sound);
    send(patch, &finite, &[7; 200]);
    send(patch, &finite, &of_other);
    send(patch, &finite, &unknown);
    send(patch, &finite, &counted);
    send(Header { id: 0, ..patch }, &finite, &zero);
    send(patch, &nan, &sound);
    send(patch, &finite[1..], &sound);
    // All is well but for the hash, which an untrusting stream computes again.
    send(patch, &finite, &sound);
    sly.ring();
    let mut good = attach(&name, "good").unwrap();
    push(&mut good, 1, 0).unwrap();
    let answers = settle(&stream, &good);
    assert_eq!((answers.taken, answers.refused), (1, 0), "the id is free: {:?}", lines.lock().unwrap());
    // The good patch may come before the last of the others.
    poll_until(&stream, "all refusals", || stream.stats().rejected.total() >= 9);
    assert_eq!(stream.stats().rejected.total(), 9, "{:?}", lines.lock().unwrap());
    sly.check().unwrap();
}
