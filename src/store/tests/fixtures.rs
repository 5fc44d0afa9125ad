//! Runs that earlier builds wrote open for ever: `tests/fixtures/runs/v1` was written by the first build of format 1.
//!
//! A fixture is never edited. The ignored test writes that of a new format.

use std::fs;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/runs/v{FORMAT}"))
}

const OPTIONS: &str = "grid = 37\nmodel = \"metric\" # \\ é\n";

/// The fixture's own entries: they are not to change with other tests.
fn payload(sequence: u64) -> Vec<u8> {
    (0..sequence % 40).map(|at| (sequence + at) as u8).collect()
}

fn held(sequence: u64) -> Sections {
    let mut sections = Sections::new();
    sections.add(1, payload(39)).unwrap().add(0xffff_ffff, sequence.to_le_bytes().to_vec()).unwrap();
    sections
}

#[test]
#[ignore = "writes the fixture of a new format"]
fn write_the_fixture() {
    assert!(!folder().exists(), "fixtures are never edited");
    let options = options(Durability::Buffered);
    let mut store = Store::create(&folder(), OPTIONS, &options).unwrap();
    for end in [100, 150, 250] {
        while store.appended() < end {
            store.append(3, &payload(store.appended() / 2 + 1)).unwrap();
        }
        store.checkpoint(held(end)).unwrap();
        store.close().unwrap();
        store = Store::open(&folder(), &options).unwrap().0;
    }
    store.append(0xffff, b"the last").unwrap();
    store.append(1, &[]).unwrap();
    store.close().unwrap();
    // A write that was in flight.
    let file = fs::read(folder().join("log/000004.log")).unwrap();
    fs::write(folder().join("log/000004.log"), [&file[..], &file[64..75]].concat()).unwrap();
}

#[test]
fn run_of_format_1_opens() {
    let place = Place::new("fixture");
    fs::create_dir(place.path()).unwrap();
    for name in ["log", "epochs"] {
        fs::create_dir(place.file(name)).unwrap();
        for entry in fs::read_dir(folder().join(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.file(name).join(entry.file_name())).unwrap();
        }
    }
    for name in ["run.toml", "checkpoint-A", "checkpoint-B"] {
        fs::copy(folder().join(name), place.file(name)).unwrap();
    }
    let found = read(&folder()).unwrap();
    assert_eq!(found.description.options, OPTIONS);
    assert_eq!((found.last, found.epoch, found.skipped.len()), (252, 4, 0));
    let checkpoint = found.checkpoint.as_ref().unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.serial, &checkpoint.sections), (250, 3, &held(250)));
    assert_eq!((found.cut.len(), found.cut[0].bytes), (1, 11));
    let mut records = found.records(1).unwrap();
    for sequence in 1..=250 {
        let record = records.next().unwrap().unwrap();
        let expected = payload((sequence - 1) / 2 + 1);
        assert_eq!((record.sequence, record.kind, record.payload), (sequence, 3, &expected[..]));
    }
    assert_eq!(records.next().unwrap(), Some(Record { sequence: 251, kind: 0xffff, payload: b"the last" }));
    assert_eq!(records.next().unwrap(), Some(Record { sequence: 252, kind: 1, payload: &[] }));
    assert_eq!(records.next().unwrap(), None);
    let (store, again) = Store::open(place.path(), &Options::default()).unwrap();
    assert_eq!((again.last, store.appended(), store.epoch()), (252, 252, 5));
    assert_eq!(fs::read(again.cut[0].kept()).unwrap().len(), 11);
}
