//! Tests of the format: every byte and every length of a file count, and names are read strictly.
//!
//! Not here: what an owner does with a bad file ([`super::hostile`]).

use proptest::prelude::*;

use super::super::files;
use super::super::frame::{Frame, Kind, VERSION};
use super::super::names::{self, Word};
use super::super::who::Who;
use super::*;
use crate::error::ErrorKind;

fn ticket() -> Vec<u8> {
    let (job, densities) = job(7);
    let metadata = Packer::new().job(&job).to_vec();
    Frame { kind: Kind::Ticket, job: 7, attempt: 0, number: 3, metadata, densities }.to_bytes()
}

fn message() -> Vec<u8> {
    let metadata = Packer::new().sample(&sample(7, 2, 41)).to_vec();
    Frame { kind: Kind::Message, job: 7, attempt: 2, number: 3, metadata, densities: vec![] }.to_bytes()
}

/// Reads `bytes` as a file.
fn read(path: &Path, bytes: &[u8], kind: Kind) -> Result<Frame> {
    // A new file each time: some file systems wait for the disk when a file is emptied and written again.
    let _ = std::fs::remove_file(path);
    std::fs::write(path, bytes).unwrap();
    Frame::read(path, kind).map(|frame| frame.expect("the file is there"))
}

#[test]
fn every_flipped_byte_and_every_truncation_of_a_file_is_an_error() {
    let temp = Temp::new("bytes");
    std::fs::create_dir(&temp.0).unwrap();
    let path = temp.0.join("file");
    for (kind, bytes) in [(Kind::Ticket, ticket()), (Kind::Message, message())] {
        assert_eq!(read(&path, &bytes, kind).unwrap().to_bytes(), bytes);
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                let error = read(&path, &bytes, kind).unwrap_err();
                let expected = if (8..12).contains(&at) { ErrorKind::Version } else { ErrorKind::Corrupt };
                assert_eq!(error.kind(), expected, "byte {at}: {error}");
                assert!(error.message().contains(path.to_str().unwrap()), "{error}");
            }
        }
        for length in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 64]) {
            let mut bytes = bytes.clone();
            bytes.resize(length, 0);
            assert_eq!(kind_of(read(&path, &bytes, kind)), ErrorKind::Corrupt, "{length} bytes");
        }
        let other = if kind == Kind::Ticket { Kind::Message } else { Kind::Ticket };
        assert_eq!(kind_of(read(&path, &bytes, other)), ErrorKind::Corrupt, "a misplaced file");
    }
    assert_eq!(VERSION, 1);
    assert!(Frame::read(&temp.0.join("none"), Kind::Ticket).unwrap().is_none());
}

#[test]
fn huge_lengths_are_refused_before_anything_is_allocated() {
    let temp = Temp::new("huge");
    std::fs::create_dir(&temp.0).unwrap();
    for (at, length) in [(16, u64::MAX), (24, u64::MAX), (16, 1 << 40), (24, (1 << 30) + 4), (24, 3), (16, 64 << 20)] {
        let mut bytes = ticket();
        bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
        assert_eq!(kind_of(read(&temp.0.join("file"), &bytes, Kind::Ticket)), ErrorKind::Corrupt);
    }
}

#[test]
fn links_pipes_and_folders_are_not_read() {
    let temp = Temp::new("links");
    std::fs::create_dir(&temp.0).unwrap();
    let [real, link, pipe] = ["real", "link", "pipe"].map(|name| temp.0.join(name));
    std::fs::write(&real, ticket()).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [link, pipe, temp.0.clone()] {
        assert_eq!(kind_of(Frame::read(&path, Kind::Ticket)), ErrorKind::Corrupt, "{}", path.display());
    }
}

#[test]
fn of_two_links_to_one_name_one_wins_and_no_temporary_is_left() {
    let temp = Temp::new("link");
    std::fs::create_dir(&temp.0).unwrap();
    let target = temp.0.join("target");
    let write = || files::Temporary::write(&temp.0, b"x", true).unwrap();
    assert!(write().link(&target).unwrap());
    assert!(!write().link(&target).unwrap());
    write().rename(&target).unwrap();
    assert_eq!(temp.names("."), ["target"]);
    assert_eq!(kind_of(write().rename(&temp.0.join("none/target"))), ErrorKind::Io);
    assert_eq!(temp.names("."), ["target"]);
}

#[test]
fn names_are_read_as_they_are_written_and_no_other_way() {
    assert_eq!(names::parse_ticket(&names::ticket(3, 9)), Some((3, 9)));
    assert_eq!(names::parse_ticket(&names::ticket(u64::MAX, 1)), None, "counting on from there would overflow");
    assert_eq!(names::parse_owner("4294967296"), None);
    assert_eq!(names::parse_message(&names::message(1, 2, 3)), Some((1, 2, 3)));
    assert_eq!(names::parse_result(&names::result("rdf", 0)), Some(("rdf", 0)));
    assert_eq!(names::parse_claim("7.2"), Some((7, 2, None)));
    assert_eq!(names::parse_claim("7.2.done"), Some((7, 2, Some(Word::Done))));
    assert_eq!(names::parse_owner("3.free"), Some((3, true)));
    for name in ["3-9.job", "00000000000000000003-09.job", "00000000000000000003-0.job", "+0000000000000000003-9.job"] {
        assert_eq!(names::parse_ticket(name), None, "{name}");
    }
    for name in ["7", "7.2.gone", "7.2.done.done", "7.02", "0.1", "7.4294967296", "7.-1", "7.2.", ".7.2", "../7.2"] {
        assert_eq!(names::parse_claim(name), None, "{name}");
    }
    for name in ["1.2.3", "1.2.msg", "1.2.3.4.msg", "1.2.+3.msg", "1.2.18446744073709551616.msg", "a.2.3.msg"] {
        assert_eq!(names::parse_message(name), None, "{name}");
    }
    for name in
        ["...0.msg", "rdf.msg", "rdf.01.msg", "a/b.1.msg", ".1.msg", "rdf.1", &names::result(&"a".repeat(33), 1)]
    {
        assert_eq!(names::parse_result(name), None, "{name}");
    }
}

#[test]
fn who_is_read_as_it_was_written_and_this_process_lives() {
    let who = Who::this_process();
    assert_eq!(Who::from_text(who.to_text().as_bytes()), Some(who.clone()));
    assert!(!who.has_ended());
    // The number was taken over by another process: this one's start is another.
    assert!(Who { start_ticks: who.start_ticks + 1, ..who.clone() }.has_ended());
    let elsewhere = [
        Who { host: "elsewhere".into(), ..who.clone() },
        Who { boot_id: "another".into(), ..who.clone() },
        Who { pid_space: "another".into(), ..who.clone() },
        Who { uid: who.uid + 1, ..who.clone() },
    ];
    for who in elsewhere {
        assert!(!Who { start_ticks: 1, ..who }.has_ended(), "nothing is known of a process elsewhere");
    }
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    assert!(Who { pid, ..who }.has_ended());
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), real in any::<bool>()) {
        let temp = Temp::new("any");
        std::fs::create_dir_all(&temp.0).unwrap();
        let mut file = if real { ticket() } else { Vec::new() };
        let start = file.len().min(40);
        file.splice(start..file.len().min(start + bytes.len()), bytes);
        let _ = read(&temp.0.join("file"), &file, Kind::Ticket);
    }

    #[test]
    fn any_name_is_read_back_or_nobodys(name in "[0-9.a-z-]{0,40}") {
        if let Some((order, id)) = names::parse_ticket(&name) {
            prop_assert_eq!(names::ticket(order, id), name.clone());
        }
        if let Some((id, attempt, number)) = names::parse_message(&name) {
            prop_assert_eq!(names::message(id, attempt, number), name.clone());
        }
        if let Some((observable, window)) = names::parse_result(&name) {
            prop_assert_eq!(names::result(observable, window), name.clone());
        }
    }
}

fn kind_of<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}
