//! Who owns a segment, who holds an end, and what happens when they go.
//!
//! Not here: broken files.

use std::time::{Duration, Instant};

use patchstream::error::ErrorKind;
use patchstream::ring::{OnFull, Wait, Waited};
use patchstream::shm::Segment;

use super::child::Role;
use super::*;

/// Ten times what any wait here takes, and more.
const LONG: Duration = Duration::from_secs(60);

fn kind_of<T>(result: patchstream::error::Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[test]
fn segment_that_was_closed_is_gone_with_its_lock_file() {
    let name = name("closed");
    let owned = segment(&name);
    assert_eq!((owned.epoch(), owned.kind(), owned.is_owner(), owned.owner().pid), (1, 7, true, std::process::id()));
    let opened = Segment::open(&name, Duration::ZERO).unwrap();
    assert_eq!((opened.epoch(), opened.kind(), opened.is_owner()), (1, 7, false));
    assert_eq!(opened.parts(), owned.parts());
    owned.stats().set(3, 42);
    owned.stats().add(3, 1);
    assert_eq!((opened.stats().get(3), opened.stats().get(1000)), (43, 0));
    drop(owned);
    assert!(!file_of(&name).exists() && !lock_of(&name).exists());
    assert_eq!(kind_of(opened.check()), ErrorKind::Fenced);
    assert_eq!(kind_of(Segment::open(&name, Duration::ZERO)), ErrorKind::Unknown);
}

#[test]
fn segment_with_a_living_owner_is_refused_with_its_pid() {
    let name = name("alive");
    let mut owner = Role::start("owner", &name);
    owner.hear("owns");
    let error = Segment::create(&name, 7, &[]).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {}", owner.pid())), "{error}");
    owner.end();
    let mine = segment(&name);
    assert_eq!(kind_of(Segment::create(&name, 7, &[])), ErrorKind::Busy, "this process never meets its own lock");
    drop(mine);
    assert!(!file_of(&name).exists());
}

#[test]
fn owner_that_is_killed_is_noticed_by_who_waits_and_succeeded_with_a_higher_epoch() {
    let name = name("killed");
    let mut owner = Role::start("owner", &name);
    owner.hear("owns");
    let old = Segment::open(&name, LONG).unwrap();
    let mut producer = old.producer(0).unwrap();
    let mut consumer = old.consumer(0).unwrap();
    send(&mut producer, 1, &OnFull::Answer);
    let waiting = std::thread::spawn(move || {
        let first = consumer.wait(&Wait::up_to(LONG));
        let id = consumer.peek().unwrap().unwrap().header.id;
        consumer.advance();
        (first.unwrap(), id, consumer.wait(&Wait::up_to(LONG)).map(|_| ()).unwrap_err().kind(), consumer)
    });
    std::thread::sleep(Duration::from_millis(30));
    let killed = Instant::now();
    owner.kill();
    let (first, id, last, mut consumer) = waiting.join().unwrap();
    eprintln!("death of the owner told after {:?}", killed.elapsed());
    assert_eq!((first, id, last), (Waited::Ready, 1, ErrorKind::Fenced));
    assert_eq!(kind_of(Segment::open(&name, Duration::ZERO)), ErrorKind::Fenced);

    let mut successor = Role::start("owner", &name);
    assert_eq!(successor.hear("owns"), "2");
    assert_eq!(kind_of(producer.loan(1)), ErrorKind::Fenced);
    assert_eq!(kind_of(consumer.peek()), ErrorKind::Fenced);
    assert_eq!(kind_of(old.check()), ErrorKind::Fenced);
    drop((producer, consumer, old));
    let new = Segment::open(&name, LONG).unwrap();
    assert_eq!((new.epoch(), new.owner().pid), (2, successor.pid()));
    let mut producer = new.producer(0).unwrap();
    assert_eq!(send(&mut producer, 1, &OnFull::Answer), Sent::Committed);
    successor.end();
    assert!(!file_of(&name).exists() && !lock_of(&name).exists());
}

#[test]
fn owner_that_goes_late_leaves_its_successors_segment_alone() {
    let name = name("late");
    let first = segment(&name);
    // Somebody clears up by hand while the owner lives; the next owner cannot know better.
    std::fs::remove_file(lock_of(&name)).unwrap();
    let mut second = Role::start("owner", &name);
    assert_eq!(second.hear("owns"), "2");
    assert_eq!(kind_of(first.producer(0)), ErrorKind::Fenced);
    drop(first);
    assert!(file_of(&name).exists() && lock_of(&name).exists());
    assert_eq!(Segment::open(&name, Duration::ZERO).unwrap().epoch(), 2);
    assert_eq!(kind_of(Segment::create(&name, 7, &[])), ErrorKind::Busy, "the successor's lock holds");
    second.end();
}

#[test]
fn owner_that_is_killed_half_way_leaves_a_name_that_can_be_taken() {
    let name = name("half");
    let mut maker = Role::start("half-maker", &name);
    maker.hear("half made");
    assert_eq!(kind_of(Segment::open(&name, Duration::from_millis(5))), ErrorKind::State, "it may still be made");
    maker.kill();
    assert_eq!(kind_of(Segment::open(&name, Duration::from_millis(5))), ErrorKind::Fenced);
    assert_eq!(segment(&name).epoch(), 1);
}

#[test]
fn end_of_a_ring_is_held_by_one_process_until_it_goes() {
    let name = name("ends");
    let owned = segment(&name);
    assert_eq!((owned.writer(0).unwrap(), owned.reader(0).unwrap()), (None, None));
    let mut holder = Role::start("holder", &name);
    holder.hear("holds");
    let error = owned.producer(0).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {}", holder.pid())), "{error}");
    assert_eq!(owned.writer(0).unwrap(), Some(holder.pid()));
    let consumer = owned.consumer(0).unwrap();
    assert_eq!(kind_of(owned.consumer(0)), ErrorKind::Busy, "one reader in this process too");
    assert_eq!(owned.reader(0).unwrap(), Some(std::process::id()));
    drop(consumer);
    assert_eq!(owned.reader(0).unwrap(), None);
    holder.kill();
    assert_eq!(owned.writer(0).unwrap(), None);
    owned.producer(0).unwrap();
    assert_eq!(kind_of(owned.producer(1)), ErrorKind::Unknown);
}

#[test]
fn handles_of_a_parent_answer_forked_in_its_child_and_live_on_in_the_parent() {
    let name = name("fork");
    let mut forker = Role::start("forker", &name);
    forker.hear("forked well");
    assert!(forker.join());
    assert!(!file_of(&name).exists());
}

#[test]
fn full_memory_is_an_error_and_leaves_nothing_behind() {
    let mut full = Role::start("full", &name("full"));
    match full.hear("outcome: ").as_str() {
        "may not mount" => skip("a mount namespace is not to be had"),
        outcome => assert_eq!(outcome, "an error and no signal"),
    }
    assert!(full.join());
}
