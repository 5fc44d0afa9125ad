//! A producer that is killed at random moments: no record is torn, lost or doubled, and the next one goes on.
//!
//! Not here: the death of an owner.

use std::time::{Duration, Instant};

use patchstream::ring::{Consumer, Shared, Wait, Waited};

use super::child::Role;
use super::*;

/// Takes what there is; each record has to be the next one and whole.
fn take_all(consumer: &mut Consumer<Shared>, taken: &mut u64) {
    while let Some(record) = consumer.peek().unwrap() {
        let id = *taken + 1;
        assert_eq!((record.header.id, record.header.step), (id, -(id as i64)), "lost or doubled");
        assert_eq!(record.tensor.len(), LEN - id as usize % 100);
        assert!(record.tensor.iter().all(|number| *number == id as f32), "record {id} is torn");
        assert!(record.metadata.len() == 64 && record.metadata.iter().all(|byte| *byte == id as u8));
        *taken = id;
        consumer.advance();
    }
}

#[test]
fn producer_that_is_killed_at_any_moment_tears_loses_and_doubles_nothing() {
    let name = name("loop");
    let owned = segment(&name);
    let mut consumer = owned.consumer(0).unwrap();
    let (mut taken, mut kills, mut slowest) = (0, 0, Duration::ZERO);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let started = Instant::now();
    // Twenty seconds bound the test, not what is tested.
    while kills < 300 && started.elapsed() < Duration::from_secs(20) {
        let mut sender = Role::start("sender", &name);
        sender.hear("sends");
        let attached = Instant::now();
        assert_eq!(consumer.wait(&Wait::up_to(Duration::from_secs(60))).unwrap(), Waited::Ready);
        slowest = slowest.max(attached.elapsed());
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = Duration::from_micros(random % 4000);
        let killed_at = Instant::now() + life;
        while Instant::now() < killed_at {
            take_all(&mut consumer, &mut taken);
        }
        sender.kill();
        kills += 1;
        assert_eq!(owned.writer(0).unwrap(), None, "the kernel has let go of its seat");
    }
    take_all(&mut consumer, &mut taken);
    let counts = consumer.counts();
    eprintln!("{kills} kills, {taken} records, first record of a new producer after at most {slowest:?}");
    assert!(kills >= 20 && taken > kills, "{kills} kills and {taken} records are too few to mean anything");
    assert_eq!((counts.committed, counts.taken, counts.corrupt), (taken, taken, 0));
}
