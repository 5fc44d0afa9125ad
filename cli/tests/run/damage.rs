//! A run that was damaged: `verify` says which file, byte and entry, and what a stream does about it, which is what it does.
//!
//! Not here: every byte of it flipped (`main`).

use std::fs;
use std::path::{Path, PathBuf};

use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{Durability, Options, Recovered, Sections, Store};
use patchstream::stream::journal::records::{self, Point, PointParts};

use super::support::{Folder, patchstream};

/// Entries of the run, and those that its checkpoints hold.
const ENTRIES: u64 = 300;
const HELD: [u64; 2] = [20, 40];
/// Bytes of the header of a segment, of the record of the options, which are none here, and of each that follows.
const HEADER: u64 = 64;
const OPTIONS: u64 = 20;
const RECORD: u64 = OPTIONS + 44 + 2 * 4;

/// A run of several segments, each entry a record of its own.
fn write_long(path: &Path) {
    let options = Options { segment_bytes: 8192, durability: Durability::Buffered, ..Options::default() };
    let mut store = Store::create(path, "", &options).unwrap();
    store.append(records::OPTIONS, b"").unwrap();
    while store.appended() < ENTRIES {
        let id = store.appended();
        let meta = Meta { id, ..Meta::default() };
        let parts = PointParts { id, content: id, queue: 0, meta: &meta, probabilities: &[], point: &[1.0, 2.0] };
        let mut packer = Packer::new();
        Point::pack(parts, &mut packer);
        store.append(records::POINT, packer.bytes()).unwrap();
        store.commit().unwrap();
        if HELD.contains(&store.appended()) {
            store.checkpoint(Sections::new()).unwrap();
        }
    }
    store.close().unwrap();
}

/// A damaged run: what `verify` says, and what whoever goes on with it finds.
fn damaged(damage: impl FnOnce(&Path)) -> (String, patchstream::error::Result<Recovered>, Folder) {
    let folder = Folder::new();
    let run = folder.join("run");
    write_long(&run);
    damage(&run);
    let output = patchstream(&["verify", run.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && !said.contains("panicked"), "{said}");
    let found = Store::open(&run, &Options::default()).map(|(_, found)| found);
    // A log is read only as it is gone through.
    let found = found.and_then(|found| {
        let mut entries = found.records(1)?;
        while entries.next()?.is_some() {}
        Ok(found)
    });
    (said, found, folder)
}

fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

/// The segments of a run.
fn segments(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    segments.sort();
    assert!(segments.len() > 2);
    segments
}

fn last(run: &Path) -> PathBuf {
    segments(run).pop().unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn damage_in_the_middle_of_the_log_is_told_with_its_entry_and_refused() {
    let tenth = HEADER + OPTIONS + 9 * RECORD;
    let (said, found, _folder) = damaged(|run| flip(&run.join("log/000001.log"), tenth as usize + 33));
    says(
        &said,
        &[
            "no stream goes on with the run",
            &format!("log/000001.log is damaged at byte {tenth}, where entry 11 begins"),
            "a copy",
        ],
    );
    assert!(found.is_err());
    let (said, found, _folder) = damaged(|run| fs::remove_file(run.join("log/000002.log")).unwrap());
    says(&said, &["no stream goes on with the run", "log/000002.log is missing"]);
    assert!(found.is_err());
    let (said, found, _folder) = damaged(|run| flip(&run.join("log/000002.log"), 41));
    says(&said, &["no stream goes on with the run", "the header of", "log/000002.log"]);
    assert!(found.is_err());
    let (said, found, _folder) = damaged(|run| flip(&run.join("run.toml"), 90));
    says(&said, &["no stream goes on with the run", "run.toml", "put the file back"]);
    assert!(found.is_err());
}

#[test]
fn an_end_that_was_cut_short_is_told_from_damage_before_whole_entries() {
    let (said, found, _folder) = damaged(|run| cut(&last(run), length(&last(run)) - 7));
    says(
        &said,
        &[&format!("ends with {} bytes", RECORD - 7), "no entry 300", "behind entry 299", "cut short", ".cut-"],
    );
    let found = found.unwrap();
    assert_eq!(found.last, 299);
    says(&said, &[found.cut[0].kept().to_str().unwrap()]);
    assert_eq!(length(&found.cut[0].kept()), RECORD - 7);

    let (said, found, _folder) = damaged(|run| flip(&last(run), (HEADER + 2 * RECORD) as usize + 50));
    let found = found.unwrap();
    let (first, offset) = (found.last + 1, HEADER + 2 * RECORD);
    let whole =
        format!("from byte {} on entries {} to {ENTRIES} are whole: this is damage", offset + RECORD, first + 1);
    says(&said, &[&whole, &format!("from byte {offset} on that are no entry {first}"), "loses them"]);
    says(&said, &[found.cut[0].kept().to_str().unwrap()]);
    assert!(found.last < 299);

    let (said, found, _folder) = damaged(|run| cut(&last(run), 63));
    says(&said, &["63 bytes from byte 0 on", "its header alone has 64"]);
    assert!(found.unwrap().last < ENTRIES - 1);
}

#[test]
fn a_log_that_ends_before_its_checkpoint_is_refused() {
    let (said, found, _folder) = damaged(|run| {
        segments(run).iter().skip(1).for_each(|path| fs::remove_file(path).unwrap());
        cut(&run.join("log/000001.log"), HEADER + OPTIONS + 9 * RECORD);
    });
    says(&said, &["no stream goes on with the run", "ends at entry 10", "synced up to 40"]);
    assert!(found.is_err());
}

#[test]
fn checkpoints_that_are_damaged_are_told_with_what_serves_instead() {
    let newer = "checkpoint-B";
    let (said, found, _folder) = damaged(|run| flip(&run.join(newer), 50));
    says(&said, &[newer, "from checkpoint 1, which holds entries up to 20", "nothing is lost"]);
    assert_eq!(found.unwrap().checkpoint.unwrap().sequence, 20);
    let (said, found, _folder) =
        damaged(|run| ["checkpoint-A", newer].iter().for_each(|name| cut(&run.join(name), 30)));
    says(&said, &["checkpoint-A", newer, "from the log alone", "30 bytes"]);
    assert_eq!(said.matches("error: ").count(), 2, "{said}");
    assert!(found.unwrap().checkpoint.is_none());
}

#[test]
fn a_run_of_another_format_is_told_what_reads_it() {
    let (said, found, _folder) = damaged(|run| {
        let text = fs::read_to_string(run.join("run.toml")).unwrap().replace("format = 1", "format = 2");
        let body = &text[..text.len() - "crc32c = \"01234567\"\n".len()];
        fs::write(run.join("run.toml"), format!("{body}crc32c = \"{:08x}\"\n", crc32c(body.as_bytes()))).unwrap();
    });
    says(&said, &["run.toml has format 2, this build reads 1: read it with a newer patchstream"]);
    assert!(found.is_err());
}

/// The checksum of `docs/format.md`, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

#[test]
fn a_run_in_use_is_said_to_be() {
    let folder = Folder::new();
    let run = folder.join("run");
    write_long(&run);
    let (store, _) = Store::open(&run, &Options::default()).unwrap();
    let output = patchstream(&["verify", run.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    says(&said, &[&format!("in use    by process {}", std::process::id()), "nothing is wrong"]);
    // What it may be writing at this moment.
    let mut bytes = fs::read(last(&run)).unwrap();
    bytes.extend([1, 2, 3]);
    fs::write(last(&run), bytes).unwrap();
    let output = patchstream(&["verify", run.to_str().unwrap()]);
    says(&String::from_utf8(output.stderr).unwrap(), &["3 bytes", "verify the run again when that has ended"]);
    drop(store);
}
