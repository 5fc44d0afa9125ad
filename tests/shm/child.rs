//! The roles that this program plays when it is started again.
//!
//! Not here: what the other side then checks.

use std::time::Duration;

use std::io::Write;

use patchstream::error::ErrorKind;
use patchstream::ring::{Geometry, OnFull, Wait};
use patchstream::shm::{PartSpec, Segment, Swept, remove_left};

pub use super::role::Role;
use super::role::{played, say, until_input_ends};
use super::{file_of, lock_of, segment, send};

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Some((role, name)) = played() else { return };
    match role.as_str() {
        "owner" => {
            let owned = segment(&name);
            say(&format!("owns {}", owned.epoch()));
            until_input_ends();
        }
        "sender" => {
            let opened = Segment::open(&name, Duration::from_secs(10)).unwrap();
            let mut producer = opened.producer(0).unwrap();
            say("sends");
            for id in producer.counts().committed + 1.. {
                send(&mut producer, id, &OnFull::Block(Wait::up_to(Duration::from_secs(60))));
            }
        }
        "holder" => {
            let opened = Segment::open(&name, Duration::from_secs(10)).unwrap();
            let _producer = opened.producer(0).unwrap();
            say("holds");
            until_input_ends();
        }
        "half-maker" => {
            // An owner that is killed before its segment is ready: the magic is still missing.
            let _owned = segment(&name);
            std::fs::OpenOptions::new().write(true).open(file_of(&name)).unwrap().write_all(&[0; 8]).unwrap();
            say("half made");
            until_input_ends();
        }
        "second owner" => {
            let refused = Segment::create(&name, 7, &[]).map(|_| ()).unwrap_err();
            say(&format!("refused as {:?}", refused.kind()));
        }
        "sweeper" => sweeps(&name),
        "forker" => forks(&name),
        "full" => fills(&name),
        other => panic!("no role {other}"),
    }
}

/// Removes what is left under the name, again and again, until its input ends.
fn sweeps(name: &str) {
    let waiting = std::thread::spawn(until_input_ends);
    let (mut removed, mut locks) = (0, 0);
    say("sweeps");
    while !waiting.is_finished() {
        match remove_left(name, false) {
            Ok(Swept::Removed(_)) => removed += 1,
            Ok(Swept::Lock) => locks += 1,
            Ok(Swept::Left(_)) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unknown, "{error}"),
        }
    }
    say(&format!("swept {removed} {locks}"));
}

/// Forks, and uses what the parent opened in the child.
fn forks(name: &str) {
    let owned = segment(name);
    let mut producer = owned.producer(0).unwrap();
    let mut consumer = owned.consumer(0).unwrap();
    send(&mut producer, 1, &OnFull::Answer);
    let loan = producer.loan(1).unwrap().unwrap();
    let before = producer.counts();
    // SAFETY: the child only uses this library, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = |kind: ErrorKind| kind == ErrorKind::Forked;
        let mut well = owned.check().is_err_and(|error| forked(error.kind()));
        well &= producer.loan(1).map(|_| ()).is_err_and(|error| forked(error.kind()));
        well &= producer.commit(loan, 0, Default::default()).is_err_and(|error| forked(error.kind()));
        well &= consumer.peek().map(|_| ()).is_err_and(|error| forked(error.kind()));
        well &= consumer.wait(&Wait::up_to(Duration::ZERO)).is_err_and(|error| forked(error.kind()));
        well &= owned.writer(0).is_err_and(|error| forked(error.kind()));
        consumer.advance();
        drop((producer, consumer, owned));
        // Opened here, it is a peer like any other.
        let again = Segment::open(name, Duration::ZERO).unwrap();
        well &= again.check().is_ok() && !again.is_owner();
        well &= again.producer(0).map(|_| ()).is_err_and(|error| error.kind() == ErrorKind::Busy);
        // SAFETY: nothing of the parent's is to be cleaned up here.
        unsafe { libc::_exit(if well { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child above.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child was not refused: {status:#x}");
    owned.check().unwrap();
    assert_eq!(producer.counts(), before, "the child changed nothing");
    assert!(file_of(name).exists() && lock_of(name).exists(), "the child removed nothing");
    producer.abandon(loan);
    assert_eq!(consumer.peek().unwrap().unwrap().header.id, 1);
    // The lock is still the parent's, though the child has closed its copy.
    let mut other = Role::start("second owner", name);
    assert_eq!(other.hear("refused as "), "Busy");
    assert!(other.join());
    say("forked well");
}

/// Fills a small /dev/shm of its own.
fn fills(name: &str) {
    // SAFETY: this process has the mounts for itself, or is told that it may not.
    let alone = unsafe {
        let none = std::ptr::null();
        let root = libc::MS_REC | libc::MS_PRIVATE;
        let size = c"size=1m,mode=1777".as_ptr().cast();
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, c"/".as_ptr(), none, root, none.cast()) == 0
            && libc::mount(c"tmpfs".as_ptr(), c"/dev/shm".as_ptr(), c"tmpfs".as_ptr(), 0, size) == 0
    };
    if !alone {
        return say("outcome: may not mount");
    }
    let large = PartSpec::Ring(Geometry::new(64, 37 * 37 * 14).unwrap());
    let error = Segment::create(name, 7, &[large]).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory, "{error}");
    assert!(!file_of(name).exists() && !lock_of(name).exists(), "nothing is left");
    let small = segment(name);
    let mut producer = small.producer(0).unwrap();
    for id in 1..=8 {
        send(&mut producer, id, &OnFull::Answer);
    }
    say("outcome: an error and no signal");
}
