//! Peers that come, send, are sent to, are killed, and owners that are.
//!
//! Not here: garbage in a lane.

use std::os::unix::fs::FileExt;

use patchstream::error::ErrorKind;
use patchstream::ring::{Wait, Waited};
use patchstream::shm::{PartSpec, Segment};

use super::child::Peer;
use super::*;

#[test]
fn peer_comes_to_the_door_and_records_go_both_ways() {
    let name = name("echo");
    let mut door = door(&name);
    let mut peer = Peer::start("echo", &name);
    peer.hear("came");
    let mut lane = await_lanes(&mut door, 1).remove(0);
    assert_eq!((lane.role(), lane.seat(), lane.label(), lane.pid()), (Role::Worker, 0, "echo", peer.pid()));
    assert!(lane.lives_now());
    let bell = door.bell();
    for id in 1..200 {
        assert_eq!(send(lane.to.as_mut().unwrap(), id), Sent::Committed);
        let mut got = Vec::new();
        while got.is_empty() {
            let ready = || lane.from.refresh() != lane.from.position();
            assert_eq!(bell.wait(&Wait::up_to(Duration::from_secs(20)), ready, || Ok(())).unwrap(), Waited::Ready);
            got = take(&mut lane);
        }
        assert_eq!(got, [id]);
    }
    door.close();
    assert_eq!(peer.hear("left as "), "Fenced");
    assert_eq!(file_of(&name).try_exists().ok(), Some(false));
}

#[test]
fn what_a_peer_sent_that_is_gone_is_drained_and_its_seat_is_free_again() {
    for killed in [true, false] {
        let name = name(if killed { "killed" } else { "ended" });
        let mut door = door(&name);
        for round in 0..3 {
            let mut peer = Peer::start("sender", &name);
            peer.hear("sent");
            // The owner looks only once it is gone, but for the first: then the lane is open already.
            let mut early = if round == 0 { await_lanes(&mut door, 1) } else { Vec::new() };
            if killed {
                peer.kill()
            } else {
                peer.end()
            }
            let mut lane = early.pop().unwrap_or_else(|| await_lanes(&mut door, 1).remove(0));
            assert!(!lane.lives_now());
            assert_eq!((take(&mut lane), lane.seat()), (vec![1, 2, 3], 0), "round {round}, killed: {killed}");
            door.retire(lane);
            assert!(files_of(&format!("{name}.")).iter().all(|file| file.ends_with(&format!("{name}.lock"))));
        }
        drop(door);
        assert!(files_of(&name).is_empty(), "{:?}", files_of(&name));
    }
}

#[test]
fn door_that_closes_leaves_nothing_of_peers_that_went_unseen() {
    let name = name("unseen");
    let door = door(&name);
    let mut killed = Peer::start("sender", &name);
    killed.hear("sent");
    killed.kill();
    drop(visit(&name, Role::Worker, "closed").unwrap());
    let lives = visit(&name, Role::Producer, "lives").unwrap();
    drop(door);
    assert_eq!(files_of(&name).len(), 2, "a lane and its lock: {:?}", files_of(&name));
    drop(lives);
    assert!(files_of(&name).is_empty(), "{:?}", files_of(&name));
}

#[test]
fn records_of_a_dead_peer_are_not_lost_to_one_that_comes_after() {
    let name = name("after");
    let mut door = door(&name);
    for _ in 0..2 {
        let mut peer = Peer::start("sender", &name);
        peer.hear("sent");
        peer.kill();
    }
    let mut lanes = await_lanes(&mut door, 2);
    let sent: Vec<_> = lanes.iter_mut().map(|lane| (lane.seat(), take(lane))).collect();
    assert_eq!(sent, [(0, vec![1, 2, 3]), (1, vec![1, 2, 3])]);
    lanes.into_iter().for_each(|lane| door.retire(lane));
}

#[test]
fn peer_whose_owner_is_killed_is_fenced_within_a_second_and_finds_the_next_one() {
    let name = name("owner");
    let mut owner = Peer::start("owner", &name);
    assert_eq!(owner.hear("owns "), "1");
    let mut peer = visit(&name, Role::Worker, "me").unwrap();
    assert_eq!(peer.epoch(), 1);
    owner.hear("has one");
    owner.kill();
    let started = Instant::now();
    let error = peer.wait(&Wait::up_to(Duration::from_secs(20))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(started.elapsed() < Duration::from_secs(5), "guards against hanging: {:?}", started.elapsed());
    let gone = Visit::attach(&name, Role::Worker, "me", rings(Role::Worker), Duration::ZERO).map(|_| ());
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::Fenced);
    let mut next = door(&name);
    assert_eq!(next.epoch(), 2);
    let again = visit(&name, Role::Worker, "me").unwrap();
    assert_eq!((again.epoch(), again.seat()), (2, 1), "the first handle still has its seat");
    let lanes = await_lanes(&mut next, 1);
    assert_eq!(lanes[0].label(), "me");
    drop((peer, again, lanes));
    drop(next);
    Peer::start("refused", &name).hear("refused");
}

#[test]
fn next_owner_takes_no_lane_that_a_former_one_was_sent() {
    for closed in [true, false] {
        let name = name(if closed { "former-closed" } else { "former-killed" });
        let mut owner = Peer::start("owner", &name);
        owner.hear("owns ");
        let mut idle = visit(&name, Role::Producer, "idle").unwrap();
        let mut dies = Peer::start("sender", &name);
        dies.hear("sent");
        send(&mut idle.to_owner, 7);
        if closed {
            owner.end()
        } else {
            owner.kill()
        }
        let mut next = door(&name);
        let mut again = visit(&name, Role::Producer, "idle").unwrap();
        send(&mut again.to_owner, 8);
        let mut lane = await_lanes(&mut next, 1).remove(0);
        assert_eq!(take(&mut lane), [8]);
        // The first seats that are looked at unasked are theirs.
        dies.kill();
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(400) {
            let more: Vec<_> = next.newcomers().into_iter().map(|lane| lane.map(|lane| lane.seat())).collect();
            assert!(more.is_empty(), "{more:?}, closed: {closed}");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!file_of(&format!("{name}.p1")).exists(), "what the dead one left is removed");
        assert_eq!(idle.check_now().unwrap_err().kind(), ErrorKind::Fenced);
        drop((idle, again));
        next.retire(lane);
        drop(next);
        assert!(files_of(&name).is_empty(), "{:?}", files_of(&name));
    }
}

#[test]
fn lane_that_is_given_up_ends_its_peer_and_no_other() {
    let name = name("given-up");
    let mut door = door(&name);
    let mut bad = visit(&name, Role::Producer, "bad").unwrap();
    let mut good = visit(&name, Role::Producer, "good").unwrap();
    let mut lanes = await_lanes(&mut door, 2);
    door.retire(lanes.remove(0));
    assert_eq!(bad.check().unwrap_err().kind(), ErrorKind::Fenced);
    good.check().unwrap();
    let third = visit(&name, Role::Producer, "third").unwrap();
    assert_eq!(third.seat(), 2, "the seat is taken until its peer goes");
    drop(bad);
    within_ten_seconds("the seat of a lane that was given up being free", || {
        lanes.extend(door.newcomers().into_iter().map(Result::unwrap));
        !file_of(&format!("{name}.p0")).exists()
    });
    assert_eq!(visit(&name, Role::Producer, "fourth").unwrap().seat(), 0);
}

#[test]
fn what_is_no_lane_is_said_once_and_holds_up_nobody() {
    let name = name("no-lane");
    let mut door = door(&name);
    let wrong = Segment::create(&format!("{name}.p0"), 7, &[PartSpec::Bytes(9)]).unwrap();
    let mut peer = visit(&name, Role::Producer, "peer").unwrap();
    assert_eq!(peer.seat(), 1);
    send(&mut peer.to_owner, 1);
    let (mut errors, mut lanes) = (Vec::new(), Vec::new());
    within_ten_seconds("a look at both seats", || {
        for lane in door.newcomers() {
            match lane {
                Ok(lane) => lanes.push(lane),
                Err(error) => errors.push(error.kind()),
            }
        }
        lanes.len() + errors.len() >= 2
    });
    assert_eq!(take(&mut lanes[0]), [1]);
    assert_eq!(errors, [ErrorKind::Corrupt]);
    drop(wrong);
}

#[test]
fn peer_that_died_before_it_told_of_its_lane_leaves_nothing_behind() {
    let name = name("half");
    let mut door = door(&name);
    let mut peer = Peer::start("half-maker", &name);
    peer.hear("half made");
    peer.kill();
    let started = Instant::now();
    while file_of(&format!("{name}.p0")).exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "one seat after the other is looked at");
        let _ = door.newcomers();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn doors_that_cannot_be_are_refused() {
    let long = "x".repeat(60);
    assert_eq!(Door::create(&long, "").map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
    let attach = |name: &str, label: &str, role, timeout| {
        Visit::attach(name, role, label, |_| Ok((Geometry::new(2, 1)?, None)), timeout).map(|_| ()).unwrap_err().kind()
    };
    assert_eq!(attach(&long, "it", Role::Producer, Duration::ZERO), ErrorKind::Argument);
    assert_eq!(attach("nobody-made-this", "it", Role::Producer, Duration::ZERO), ErrorKind::Unknown);
    let name = name("refused");
    let _door = door(&name);
    assert_eq!(Door::create(&name, "").map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(attach(&name, &"l".repeat(300), Role::Producer, Duration::ZERO), ErrorKind::Argument);
    assert_eq!(attach(&name, "it", Role::Worker, Duration::ZERO), ErrorKind::Argument);
    let other = Segment::create(&format!("{name}-other"), 7, &[PartSpec::Bytes(9)]).unwrap();
    assert_eq!(attach(other.name(), "it", Role::Producer, Duration::ZERO), ErrorKind::Argument);
}

#[test]
fn all_seats_of_workers_can_be_taken_and_the_next_is_busy() {
    let name = name("full");
    let mut door = door(&name);
    let peers: Vec<Visit> = (0..256).map(|seat| visit(&name, Role::Worker, &format!("{seat}")).unwrap()).collect();
    let lanes = await_lanes(&mut door, 256);
    assert!(lanes.iter().enumerate().all(|(at, lane)| lane.label() == format!("{at}")));
    assert_eq!(visit(&name, Role::Worker, "one more").map(|_| ()).unwrap_err().kind(), ErrorKind::Busy);
    drop(peers);
    lanes.into_iter().for_each(|lane| door.retire(lane));
    assert_eq!(visit(&name, Role::Worker, "one more").unwrap().seat(), 0);
}

#[test]
fn label_with_control_characters_is_refused_on_both_sides() {
    let name = name("control");
    let mut door = door(&name);
    let refused = visit(&name, Role::Producer, "a\x1b[2Jb").map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Argument);
    assert!(!refused.message().contains('\x1b'), "{refused}");
    let _sly = visit(&name, Role::Producer, "sly label").unwrap();
    let path = file_of(&format!("{name}.p0"));
    let bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|window| window == b"sly label").unwrap() as u64;
    let label = b"sly\x1blabel";
    let word = 10 | u64::from(crc32c::crc32c(label)) << 32;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(label, at).unwrap();
    file.write_all_at(&word.to_ne_bytes(), at - 8).unwrap();
    let refused = door.newcomers().remove(0).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(!refused.message().contains('\x1b') && refused.message().contains("control"), "{refused}");
}
