//! New, used, foreign and damaged folders are told apart.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn kind<T>(result: crate::error::Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[test]
fn folders_are_told_apart() {
    let place = Place::new("folders");
    assert_eq!(look(place.path()).unwrap(), Folder::New, "nothing");
    assert_eq!(kind(Store::open(place.path(), &Options::default())), ErrorKind::State);
    assert_eq!(kind(read(place.path())), ErrorKind::State);
    assert!(!place.path().exists(), "looking makes nothing");
    fs::create_dir(place.path()).unwrap();
    assert_eq!(look(place.path()).unwrap(), Folder::New, "an empty folder");
    // What is there when creating was killed before run.toml was.
    fs::write(place.file("lock"), "").unwrap();
    fs::write(place.file("run.toml.new"), "format = ").unwrap();
    assert_eq!(look(place.path()).unwrap(), Folder::New);
    fs::write(place.file("thesis.tex"), "").unwrap();
    let error = look(place.path()).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.message().contains("thesis.tex"), "{error}");
    assert_eq!(kind(Store::create(place.path(), "", &Options::default())), ErrorKind::State);
    assert_eq!(kind(look(&place.file("thesis.tex"))), ErrorKind::State, "a file");
    fs::remove_file(place.file("thesis.tex")).unwrap();
    let store = Store::create(place.path(), "a = 1\n", &Options::default()).unwrap();
    assert_eq!(look(place.path()).unwrap(), Folder::Run(store.description().clone()));
    assert_eq!((store.description().options.as_str(), store.epoch()), ("a = 1\n", 1));
    let error = Store::create(place.path(), "", &Options::default()).map(|_| ()).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.message().contains("resume"), "{error}");
}

#[test]
fn run_that_is_in_use_is_refused_until_it_is_closed() {
    let place = Place::new("busy");
    let mut store = Store::create(place.path(), "", &Options::default()).unwrap();
    append(&mut store, 3);
    store.commit().unwrap();
    let error = Store::open(place.path(), &Options::default()).map(|_| ()).unwrap_err();
    assert!(error.kind() == ErrorKind::Busy && error.message().contains("in use"), "{error}");
    assert_eq!(entries_are_true(&read(place.path()).unwrap(), 1).unwrap(), 3, "reading disturbs nobody");
    append(&mut store, 1);
    store.close().unwrap();
    let (store, found) = Store::open(place.path(), &Options::default()).unwrap();
    assert_eq!((store.epoch(), found.epoch, found.last), (2, 1, 4));
}

#[test]
fn creation_that_was_killed_after_run_toml_goes_on() {
    let place = Place::new("early");
    drop(Store::create(place.path(), "seed = 1", &Options::default()).unwrap());
    for what in ["log", "epochs"] {
        fs::remove_dir_all(place.file(what)).unwrap();
        let (store, found) = Store::open(place.path(), &Options::default()).unwrap();
        assert_eq!((found.last, store.description().options.as_str()), (0, "seed = 1"));
    }
}

#[test]
fn claims_that_were_lost_do_not_give_an_epoch_twice() {
    let place = Place::new("claims");
    drop(Store::create(place.path(), "", &Options::default()).unwrap());
    for epoch in 2..5 {
        assert_eq!(Store::open(place.path(), &Options::default()).unwrap().0.epoch(), epoch);
    }
    fs::remove_dir_all(place.file("epochs")).unwrap();
    assert_eq!(Store::open(place.path(), &Options::default()).unwrap().0.epoch(), 5);
}

#[test]
fn newer_formats_are_named_as_such() {
    let place = Place::new("newer");
    let mut store = Store::create(place.path(), "", &Options::default()).unwrap();
    append(&mut store, 3);
    store.checkpoint(sections(3)).unwrap();
    store.close().unwrap();
    let toml = fs::read_to_string(place.file("run.toml")).unwrap();
    let body = toml.split("crc32c").next().unwrap().replace("format = 1\n", "format = 9\nnew = [1]\n");
    let newer = format!("{body}crc32c = \"{:08x}\"\n", crc32c::crc32c(body.as_bytes()));
    fs::write(place.file("run.toml"), newer).unwrap();
    let error = look(place.path()).unwrap_err();
    assert!(error.kind() == ErrorKind::Version && error.message().contains("format 9"), "{error}");
    fs::write(place.file("run.toml"), &toml).unwrap();
    // The format stands at byte 8 of both files, and the header's checksum at its end.
    for (file, header) in [("log/000001.log", 64), ("checkpoint-A", 72)] {
        let good = fs::read(place.file(file)).unwrap();
        let mut newer = good.clone();
        newer[8] = 9;
        let checksum = crc32c::crc32c(&newer[..header - 4]);
        newer[header - 4..header].copy_from_slice(&checksum.to_le_bytes());
        fs::write(place.file(file), &newer).unwrap();
        let error = match read(place.path()) {
            Ok(found) => found.skipped[0].clone(),
            Err(error) => error,
        };
        assert!(error.kind() == ErrorKind::Version && error.message().contains("format 9"), "{error}");
        fs::write(place.file(file), &good).unwrap();
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new("options");
    for options in [
        Options { segment_bytes: 10, ..Options::default() },
        Options { buffer_bytes: 10, ..Options::default() },
        Options { buffer_bytes: usize::MAX, ..Options::default() },
    ] {
        assert_eq!(kind(Store::create(place.path(), "", &options)), ErrorKind::Argument);
    }
    assert!(!place.path().exists());
}

proptest! {
    #[test]
    fn options_of_a_run_come_back_as_they_were(options: String) {
        let description = Description { options, ..Description::new("") };
        prop_assert_eq!(Description::view("a test", description.pack().as_bytes()).unwrap(), description);
    }
}
