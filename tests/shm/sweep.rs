//! Removing what dead owners left: that it goes, that nothing else does, and that new owners do not notice.
//!
//! Not here: looking without removing.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::time::{Duration, Instant};

use patchstream::error::ErrorKind;
use patchstream::shm::{Segment, Standing, Swept, look, remove_left};

use super::child::Role;
use super::*;

fn left(name: &str) -> String {
    match remove_left(name, false).unwrap() {
        Swept::Left(why) => why,
        other => panic!("{other:?}"),
    }
}

fn nothing_there(name: &str) -> bool {
    !file_of(name).exists() && !lock_of(name).exists()
}

#[test]
fn segment_of_a_living_owner_stays_and_that_of_a_dead_one_goes_and_its_peers_are_told() {
    let name = name("swept");
    let mut owner = Role::start("owner", &name);
    owner.hear("owns");
    let opened = Segment::open(&name, Duration::from_secs(60)).unwrap();
    let mut producer = opened.producer(0).unwrap();
    assert!(left(&name).contains(&format!("process {}", owner.pid())));
    opened.check().unwrap();
    owner.kill();
    let bytes = opened.bytes() as u64;
    assert_eq!(remove_left(&name, true).unwrap(), Swept::Removed(bytes), "what would be");
    assert!(file_of(&name).exists() && lock_of(&name).exists(), "and was not");
    assert_eq!(remove_left(&name, false).unwrap(), Swept::Removed(bytes));
    assert!(nothing_there(&name));
    assert_eq!(producer.loan(1).map(|_| ()).unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(remove_left(&name, false).unwrap_err().kind(), ErrorKind::Unknown);
    let mine = segment(&name);
    assert!(left(&name).contains(&format!("process {}", std::process::id())), "one's own is no exception");
    mine.check().unwrap();
}

#[test]
fn segment_that_is_being_made_stays_and_what_its_maker_left_goes() {
    let name = name("half");
    let mut maker = Role::start("half-maker", &name);
    maker.hear("half made");
    assert!(left(&name).contains(&format!("process {}", maker.pid())));
    maker.kill();
    assert!(matches!(remove_left(&name, false).unwrap(), Swept::Removed(_)));
    assert!(nothing_there(&name));
    File::create(lock_of(&name)).unwrap();
    fs::set_permissions(lock_of(&name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(look(&name).unwrap().seen.standing, Standing::LockOnly);
    assert_eq!(remove_left(&name, false).unwrap(), Swept::Lock);
    assert!(nothing_there(&name));
}

#[test]
fn segment_whose_lock_file_is_gone_stays_while_its_maker_runs() {
    let name = name("nolock");
    let mut owner = Role::start("owner", &name);
    owner.hear("owns");
    fs::remove_file(lock_of(&name)).unwrap();
    assert!(left(&name).contains(&format!("process {}", owner.pid())));
    assert!(file_of(&name).exists());
    owner.kill();
    assert!(matches!(remove_left(&name, false).unwrap(), Swept::Removed(_)));
    assert!(nothing_there(&name));
}

#[test]
fn file_that_is_no_segment_of_this_user_stays_and_the_answer_says_why() {
    let name = name("stays");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(file_of(&name)).unwrap().write_all(&[7; 9000]).unwrap();
    assert!(left(&name).contains("by hand"));
    assert!(file_of(&name).exists() && !lock_of(&name).exists());
    if chown(file_of(&name), Some(12_345), None).is_err() {
        fs::remove_file(file_of(&name)).unwrap();
        return skip("only root can give a file away");
    }
    assert!(left(&name).contains("user 12345"));
    assert!(file_of(&name).exists());
    fs::remove_file(file_of(&name)).unwrap();
    File::create(lock_of(&name)).unwrap();
    chown(lock_of(&name), Some(12_345), None).unwrap();
    assert!(left(&name).contains("user 12345"));
    fs::remove_file(lock_of(&name)).unwrap();
}

#[test]
fn owners_that_come_and_are_killed_while_two_processes_sweep_never_lose_a_living_segment() {
    let name = name("race");
    let mut sweepers = [Role::start("sweeper", &name), Role::start("sweeper", &name)];
    for sweeper in &mut sweepers {
        sweeper.hear("sweeps");
    }
    let started = Instant::now();
    // Seconds bound the test, not what is tested.
    let (mut kills, mut made) = (0, 0);
    while kills < 40 && started.elapsed() < Duration::from_secs(10) {
        let mut owner = Role::start("owner", &name);
        owner.hear("owns");
        let opened = Segment::open(&name, Duration::from_secs(60)).unwrap();
        assert_eq!(opened.owner().pid, owner.pid());
        opened.check().unwrap();
        owner.kill();
        kills += 1;
        // Every other time the sweepers have their way, else the next owner may come first.
        while kills % 2 == 0 && !nothing_there(&name) {
            assert!(started.elapsed() < Duration::from_secs(60), "nobody sweeps");
            std::thread::yield_now();
        }
        // The same without a process's start in between, so that owners and sweepers meet in every phase.
        for _ in 0..25 {
            let mine = Segment::create(&name, 7, &[]).unwrap();
            mine.check().unwrap();
            let seen = look(&name).unwrap().seen;
            assert_eq!((seen.standing, seen.owner), (Standing::Owned, Some(std::process::id())));
            made += 1;
        }
    }
    let mut swept = 0;
    for sweeper in &mut sweepers {
        sweeper.stop();
        let counts = sweeper.hear("swept ");
        swept += counts.split(' ').next().unwrap().parse::<u64>().unwrap();
    }
    for sweeper in sweepers {
        assert!(sweeper.join());
    }
    eprintln!("{kills} owners killed, {made} made and closed, {swept} segments swept in {:?}", started.elapsed());
    assert!(kills >= 5 && swept >= kills / 2, "{kills} kills and {swept} segments are too few to mean anything");
    let _ = remove_left(&name, false);
    assert!(nothing_there(&name));
}
