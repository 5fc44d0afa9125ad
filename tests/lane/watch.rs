//! Doors and lanes seen from outside, and what of them is cleared up.
//!
//! Not here: segments as such (`tests/shm`).

use patchstream::lane::{self, Thing, lane_of};
use patchstream::shm::{self, PartSpec, Segment, Standing, Swept};

use super::child::Peer;
use super::*;

fn thing(name: &str) -> Option<Thing> {
    Thing::of(shm::look(name).unwrap().seen.about.as_ref()?)
}

fn text(name: &str) -> Option<Result<String>> {
    lane::text(&shm::look(name).unwrap())
}

#[test]
fn doors_and_lanes_are_known_from_outside_with_what_they_say() {
    let name = name("known");
    let mut door = door(&name);
    let visit = visit(&name, Role::Worker, "gpu 3").unwrap();
    let producer = super::visit(&name, Role::Producer, "").unwrap();
    let _lanes = await_lanes(&mut door, 2);
    let lanes = ["w0", "p0"].map(|lane| format!("{name}.{lane}"));
    assert_eq!(thing(&name), Some(Thing::Door));
    assert_eq!(
        [&lanes[0], &lanes[1]].map(|lane| thing(lane)),
        [Role::Worker, Role::Producer].map(|r| Some(Thing::Lane(r)))
    );
    assert_eq!(text(&name).unwrap().unwrap(), "len = 100\n");
    assert_eq!(text(&lanes[0]).unwrap().unwrap(), "gpu 3");
    assert_eq!(text(&lanes[1]).unwrap().unwrap(), "");
    let look = shm::look(&lanes[0]).unwrap();
    let ends: Vec<_> = look.parts.iter().map(|part| (part.ring.is_some(), part.writer, part.reader)).collect();
    let me = Some(std::process::id());
    assert_eq!(ends, [(true, me, me), (true, me, me), (false, None, None)]);
    let other = Segment::create(&format!("{name}-other"), 7, &[PartSpec::Bytes(10)]).unwrap();
    assert!(thing(other.name()).is_none() && text(other.name()).is_none());
    drop((visit, producer));
}

#[test]
fn text_that_is_overwritten_is_an_error_to_who_looks() {
    let name = name("overwritten");
    let _door = door(&name);
    let file = std::fs::OpenOptions::new().write(true).open(file_of(&name)).unwrap();
    for (at, bytes) in [(8, &[b'X'][..]), (0, &[0xff; 8]), (4, &[1, 2, 3, 4]), (0, &[200, 0, 0, 0]), (0, &[0; 8])] {
        let sound = std::fs::read(file_of(&name)).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, bytes, 8192 + at).unwrap();
        assert!(text(&name).unwrap().is_err(), "{bytes:?} at {at}");
        std::os::unix::fs::FileExt::write_all_at(&file, &sound, 0).unwrap();
    }
    assert!(text(&name).unwrap().is_ok());
}

#[test]
fn lanes_are_known_by_their_names() {
    assert_eq!(lane_of("run7.w12"), Some(("run7", Role::Worker, 12)));
    assert_eq!(lane_of("a.b.p0"), Some(("a.b", Role::Producer, 0)));
    for other in ["run7", "run7.w", "run7.x1", "run7.w-1", "run7.w+1", "run7.w01", "run7.w256", "run7.p64", ".w1"] {
        assert_eq!(lane_of(other), None, "{other}");
    }
}

#[test]
fn lane_of_a_dead_peer_stays_while_its_owner_may_drain_it_and_goes_when_the_owner_is_gone() {
    let name = name("cleared");
    let mut door = door(&name);
    let mut peer = Peer::start("sender", &name);
    peer.hear("sent");
    peer.kill();
    let left = format!("{name}.p0");
    assert_eq!(shm::look(&left).unwrap().seen.standing, Standing::Left);
    for dry in [true, false] {
        match lane::remove_left(&left, dry).unwrap() {
            Swept::Left(why) => assert!(why.contains(&name), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let mut lane = await_lanes(&mut door, 1).remove(0);
    assert_eq!(take(&mut lane), [1, 2, 3], "nothing was lost");
    door.retire(lane);
    // What only has the name of a lane is nobody's to drain.
    let mut other = Peer::start("stranger", &left);
    other.hear("owns");
    other.kill();
    assert!(matches!(lane::remove_left(&left, false).unwrap(), Swept::Removed(_)));

    let mut peer = Peer::start("sender", &name);
    peer.hear("sent");
    drop(door);
    assert!(matches!(lane::remove_left(&left, false), Ok(Swept::Left(_))), "its peer lives");
    peer.kill();
    assert!(matches!(lane::remove_left(&left, false), Ok(Swept::Removed(_))));
    assert!(files_of(&name).is_empty());
}

#[test]
fn nothing_is_left_when_peers_and_owner_end_in_any_order() {
    let name = name("order");
    for round in 0..60 {
        let mut door = door(&name);
        let visits: Vec<_> = [Role::Worker, Role::Producer, Role::Worker]
            .into_iter()
            .map(|role| {
                let mut visit = visit(&name, role, "").unwrap();
                send(&mut visit.to_owner, 1);
                visit.ring();
                visit
            })
            .collect();
        let lanes = if round % 2 == 0 { await_lanes(&mut door, 3) } else { Vec::new() };
        // Together, so that they meet in every phase; and either first.
        let threads: Vec<_> = match round % 3 {
            0 => visits.into_iter().map(|visit| std::thread::spawn(move || drop(visit))).collect(),
            1 => {
                drop(visits);
                Vec::new()
            }
            _ => {
                door.close();
                visits.into_iter().map(|visit| std::thread::spawn(move || drop(visit))).collect()
            }
        };
        drop(door);
        drop(lanes);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(files_of(&name).is_empty(), "round {round}: {:?}", files_of(&name));
    }
}

#[test]
fn door_that_is_closed_again_takes_nothing_from_its_successor() {
    let name = name("successor");
    let first = door(&name);
    first.close();
    let mut second = door(&name);
    let mut peer = Peer::start("sender", &name);
    peer.hear("sent");
    peer.kill();
    drop(first);
    let mut lane = await_lanes(&mut second, 1).remove(0);
    assert_eq!(take(&mut lane), [1, 2, 3]);
    second.retire(lane);
}
