//! The roles that this program plays when it is started again.
//!
//! Not here: what the other side then checks.

use patchstream::error::ErrorKind;
use patchstream::ring::Wait;

pub use super::role::Role as Peer;
use super::role::{played, say, until_input_ends};
use super::*;

/// Not a test of its own: it does nothing unless it was started by one.
#[test]
fn role_of_a_child() {
    let Some((role, name)) = played() else { return };
    match role.as_str() {
        "owner" => {
            let mut door = door(&name);
            say(&format!("owns {}", door.epoch()));
            await_lanes(&mut door, 1);
            say("has one");
            until_input_ends();
        }
        "stranger" => {
            let _owned = patchstream::shm::Segment::create(&name, 7, &[]).unwrap();
            say("owns");
            until_input_ends();
        }
        "echo" => {
            let mut visit = visit(&name, Role::Worker, "echo").unwrap();
            say("came");
            loop {
                match visit.wait(&Wait::up_to(Duration::from_secs(60))) {
                    Ok(_) => {}
                    Err(error) => return say(&format!("left as {:?}", error.kind())),
                }
                while let Some(record) = visit.from_owner.as_mut().unwrap().peek().unwrap() {
                    let id = record.header.id;
                    visit.from_owner.as_mut().unwrap().advance();
                    send(&mut visit.to_owner, id);
                    visit.ring();
                }
            }
        }
        "sender" => {
            let mut visit = visit(&name, Role::Producer, "sender").unwrap();
            for id in 1..=3 {
                send(&mut visit.to_owner, id);
            }
            visit.ring();
            say("sent");
            until_input_ends();
        }
        "half-maker" => {
            // A peer that is killed between its lane and the word that tells of it.
            let parts = [patchstream::shm::PartSpec::Bytes(64)];
            let _lane = patchstream::shm::Segment::create_new(&format!("{name}.p0"), 7, &parts).unwrap();
            say("half made");
            until_input_ends();
        }
        "refused" => {
            let error = Visit::attach(&name, Role::Producer, "it", rings(Role::Producer), Duration::ZERO);
            assert_eq!(error.map(|_| ()).unwrap_err().kind(), ErrorKind::Unknown);
            say("refused");
        }
        other => panic!("no role {other}"),
    }
}
