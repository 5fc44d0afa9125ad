//! Looking at segments from outside: what is said of living, dead, broken and foreign ones, and that nothing is disturbed.
//!
//! Not here: removing them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::time::Duration;

use patchstream::error::ErrorKind;
use patchstream::ring::OnFull;
use patchstream::shm::{PartSpec, Seen, Segment, Standing, list, look};

use super::child::Role;
use super::*;

fn seen(name: &str) -> Option<Seen> {
    list().unwrap().into_iter().find(|seen| seen.name == name)
}

#[test]
fn segment_that_lives_is_seen_with_its_rings_and_its_peers_and_is_not_disturbed() {
    let name = name("look");
    let mut owner = Role::start("owner", &name);
    owner.hear("owns");
    let opened = Segment::open(&name, Duration::from_secs(60)).unwrap();
    let mut producer = opened.producer(0).unwrap();
    for id in 1..=3 {
        send(&mut producer, id, &OnFull::Answer);
    }
    producer.end_step(-9);
    opened.stats().set(5, 77);

    let look = look(&name).unwrap();
    assert_eq!(seen(&name).map(|seen| Seen { age: look.seen.age, ..seen }), Some(look.seen.clone()));
    assert_eq!((look.seen.standing, look.seen.owner), (Standing::Owned, Some(owner.pid())));
    assert!(look.seen.age.is_some_and(|age| age < Duration::from_secs(600)));
    assert_eq!(look.seen.bytes, opened.bytes() as u64);
    let about = look.seen.about.as_ref().unwrap();
    assert_eq!((about.epoch, about.kind, about.maker), (1, 7, opened.owner()));
    assert!(about.maker.seems_to_live());
    assert_eq!(about.parts, opened.parts());
    assert_eq!((look.stats[5], look.stats[4]), (77, 0));
    let part = &look.parts[0];
    assert_eq!((part.bytes, part.writer, part.reader), (about.parts[0].bytes, Some(std::process::id()), None));
    let ring = part.ring.clone().unwrap().unwrap();
    assert_eq!(ring.geometry, Geometry::compact(8, LEN, 64).unwrap());
    assert_eq!((ring.counts, ring.fill(), ring.ended_step), (producer.counts(), Some(3), Some(-9)));
    assert_eq!(look.bytes_of(0, 8).unwrap(), b"PSRING\0\x01");
    assert_eq!(look.bytes_of(1, 8).unwrap_err().kind(), ErrorKind::Unknown);

    // Looking took no seat, and closed no descriptor that held one.
    let mut other = Role::start("second owner", &name);
    assert_eq!(other.hear("refused as "), "Busy");
    assert!(other.join());
    assert_eq!(opened.writer(0).unwrap(), Some(std::process::id()));
    let _consumer = opened.consumer(0).unwrap();
    owner.kill();
    let dead = look_at(&name);
    assert_eq!((dead.standing, dead.owner, dead.about), (Standing::Left, None, look.seen.about));
    drop(Segment::create(&name, 7, &[]).unwrap());
    assert_eq!((seen(&name), look_kind(&name)), (None, ErrorKind::Unknown));
}

fn look_at(name: &str) -> Seen {
    look(name).unwrap().seen
}

fn look_kind(name: &str) -> ErrorKind {
    look(name).map(|_| ()).unwrap_err().kind()
}

#[test]
fn segment_that_is_half_made_overwritten_or_cut_off_is_seen_as_that() {
    let name = name("odd");
    let mut maker = Role::start("half-maker", &name);
    maker.hear("half made");
    assert_eq!(look_at(&name).standing, Standing::BeingMade);
    maker.kill();
    assert_eq!(look_at(&name).standing, Standing::Left);
    let _owned = segment(&name);
    let file = OpenOptions::new().read(true).write(true).open(file_of(&name)).unwrap();
    let mut page = vec![0; 4096];
    file.read_exact_at(&mut page, 0).unwrap();
    for (at, byte, standing) in [(100, 9, Standing::Broken), (0, b'X', Standing::OtherVersion)] {
        file.write_all_at(&[byte], at).unwrap();
        let seen = look_at(&name);
        assert_eq!((seen.standing, seen.owner), (standing, Some(std::process::id())));
        assert!(seen.why.is_some_and(|why| !why.is_empty()) && seen.about.is_none());
        file.write_all_at(&page, 0).unwrap();
    }
    let whole = file.metadata().unwrap().len();
    file.set_len(5000).unwrap();
    assert_eq!(look_at(&name).standing, Standing::Broken);
    file.set_len(whole).unwrap();
    file.write_all_at(&page, 0).unwrap();
    assert_eq!(look_at(&name).standing, Standing::Owned);
}

#[test]
fn ring_whose_first_bytes_are_garbage_is_an_error_or_an_answer_and_never_a_panic() {
    let name = name("garbage");
    let _owned = segment(&name);
    let file = OpenOptions::new().read(true).write(true).open(file_of(&name)).unwrap();
    let mut sound = vec![0; 4096];
    file.read_exact_at(&mut sound, 8192).unwrap();
    for at in 0..1024 {
        file.write_all_at(&[sound[at] ^ 0xff], 8192 + at as u64).unwrap();
        let ring = look(&name).unwrap().parts[0].ring.clone().unwrap();
        match ring {
            // Bytes 52 to 127 are nobody's; then come indices and counts.
            Ok(_) => assert!(at >= 52, "byte {at} was not looked at"),
            Err(error) => {
                let expected = [ErrorKind::Corrupt, ErrorKind::Version];
                assert!(at < 52 && expected.contains(&error.kind()), "{at}: {error}");
            }
        }
        file.write_all_at(&sound[at..=at], 8192 + at as u64).unwrap();
    }
    for (head, tail, fill) in
        [(u64::MAX, 0, None), (0, 1, None), (9, 0, None), (8, 0, Some(8)), (u64::MAX, u64::MAX, Some(0))]
    {
        file.write_all_at(&head.to_ne_bytes(), 8192 + 128).unwrap();
        file.write_all_at(&tail.to_ne_bytes(), 8192 + 256).unwrap();
        assert_eq!(look(&name).unwrap().parts[0].ring.clone().unwrap().unwrap().fill(), fill, "{head} {tail}");
    }
}

#[test]
fn what_is_no_segment_of_this_user_is_seen_and_not_opened() {
    let name = name("foreign");
    let why = |what: &str| {
        let seen = seen(&name).unwrap();
        assert_eq!(seen.standing, Standing::Foreign, "{what}");
        assert!(seen.why.as_ref().is_some_and(|why| why.contains(what)), "{:?}", seen.why);
    };
    fs::create_dir(file_of(&name)).unwrap();
    why("no file");
    fs::remove_dir(file_of(&name)).unwrap();
    symlink("/etc/passwd", file_of(&name)).unwrap();
    why("no file");
    fs::remove_file(file_of(&name)).unwrap();
    File::create(file_of(&name)).unwrap();
    fs::set_permissions(file_of(&name), Permissions::from_mode(0o644)).unwrap();
    why("mode 644");
    fs::set_permissions(file_of(&name), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(look_at(&name).standing, Standing::Broken);
    fs::remove_file(file_of(&name)).unwrap();
    symlink("/etc/passwd", lock_of(&name)).unwrap();
    why("no file");
    fs::remove_file(lock_of(&name)).unwrap();
    assert_eq!(seen(&name), None);
    for odd in ["", "a/b", "..", "x.lock"] {
        assert_eq!(look_kind(odd), ErrorKind::Argument);
    }
}

#[test]
fn looking_while_both_ends_run_always_sees_indices_that_can_be_true() {
    let name = name("busy");
    let owned = Segment::create(&name, 7, &[PartSpec::Ring(Geometry::compact(8, LEN, 64).unwrap())]).unwrap();
    let mut consumer = owned.consumer(0).unwrap();
    let mut sender = Role::start("sender", &name);
    sender.hear("sends");
    let reader = std::thread::spawn(move || {
        let mut taken = 0;
        while taken < 20_000 {
            if consumer.peek().unwrap().is_some() {
                taken += 1;
                consumer.advance();
            }
        }
    });
    let mut looks = 0;
    while !reader.is_finished() {
        let ring = look(&name).unwrap().parts[0].ring.clone().unwrap().unwrap();
        assert!(ring.fill().is_some(), "{ring:?}");
        looks += 1;
    }
    reader.join().unwrap();
    sender.kill();
    assert!(looks > 0);
}
