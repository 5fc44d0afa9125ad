//! Files that are not what a segment should be: each its own error, and nothing is mapped that was not checked.
//!
//! Not here: what is in a ring (`src/ring/tests/hostile.rs`).

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::time::Duration;

use patchstream::error::ErrorKind;

use super::*;

/// How the segment opens now.
fn answer(name: &str) -> Result<(), ErrorKind> {
    Segment::open(name, Duration::ZERO).map(|_| ()).map_err(|error| error.kind())
}

fn writable(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(file_of(name)).unwrap()
}

#[test]
fn each_byte_of_the_control_page_that_is_flipped_is_an_error_or_means_nothing() {
    let name = name("flip");
    let owned = segment(&name);
    let file = writable(&name);
    let mut kinds = Vec::new();
    for at in 0..4096 {
        for mask in [0x01, 0x80, 0xff] {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ mask], at).unwrap();
            match answer(&name) {
                Err(kind) => {
                    assert!(
                        matches!(kind, ErrorKind::Corrupt | ErrorKind::Version | ErrorKind::Fenced),
                        "{at}: {kind:?}"
                    );
                    assert!(at < 2052, "byte {at} means nothing");
                    kinds.push(kind);
                }
                Ok(()) => assert!(at >= 2052, "byte {at} was not looked at"),
            }
            file.write_all_at(&byte, at).unwrap();
        }
    }
    assert_eq!(kinds.len(), 3 * 2052);
    assert_eq!(answer(&name), Ok(()));
    owned.check().unwrap();
}

#[test]
fn owner_whose_state_is_overwritten_gets_an_error_and_no_crash() {
    let name = name("state");
    let owned = segment(&name);
    let mut producer = owned.producer(0).unwrap();
    writable(&name).write_all_at(&[9], 2048).unwrap();
    assert_eq!(producer.loan(1).map(|_| ()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(owned.check().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn truncated_segment_is_corrupt_to_who_opens_it_and_to_who_waits() {
    let name = name("short");
    for bytes in [0, 1, 2047, 4095, 4096, 8192, 40_000] {
        let owned = segment(&name);
        let opened = Segment::open(&name, Duration::ZERO).unwrap();
        // One page stays: who has it mapped touches the state there.
        let file = writable(&name);
        let (mut page, whole) = (vec![0; 4096], file.metadata().unwrap().len());
        file.read_exact_at(&mut page, 0).unwrap();
        file.set_len(bytes).unwrap();
        let expected = if bytes == 0 { ErrorKind::State } else { ErrorKind::Corrupt };
        assert_eq!(answer(&name), Err(expected), "{bytes} bytes");
        if bytes >= 4096 {
            assert_eq!(opened.check().unwrap_err().kind(), ErrorKind::Corrupt, "{bytes} bytes");
        }
        file.set_len(whole).unwrap();
        file.write_all_at(&page, 0).unwrap();
        drop(owned);
    }
}

#[test]
fn segment_of_another_version_says_so() {
    let name = name("version");
    let _owned = segment(&name);
    let file = writable(&name);
    let mut page = vec![0; 2048];
    file.read_exact_at(&mut page, 0).unwrap();
    // The next version, sound in itself; and another layout of this one.
    for (at, value) in [(8, 2_u32), (12, 12345)] {
        let mut other = page.clone();
        other[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let crc = crc32c::crc32c(&other[8..2044]);
        other[2044..].copy_from_slice(&crc.to_le_bytes());
        file.write_all_at(&other, 0).unwrap();
        assert_eq!(answer(&name), Err(ErrorKind::Version));
    }
    file.write_all_at(b"ANOTHER!", 0).unwrap();
    assert_eq!(answer(&name), Err(ErrorKind::Version));
}

#[test]
fn parts_that_lie_outside_are_not_believed_even_with_a_sound_checksum() {
    let name = name("parts");
    let _owned = segment(&name);
    let file = writable(&name);
    let mut page = vec![0; 2048];
    file.read_exact_at(&mut page, 0).unwrap();
    for (at, value) in [(80, 0_u64), (80, 8193), (80, u64::MAX), (88, u64::MAX), (88, 1 << 40), (96, 2), (76, 81)] {
        let mut other = page.clone();
        let bytes = value.to_le_bytes();
        let width = if at == 76 { 4 } else { 8 };
        other[at..at + width].copy_from_slice(&bytes[..width]);
        let crc = crc32c::crc32c(&other[8..2044]);
        other[2044..].copy_from_slice(&crc.to_le_bytes());
        file.write_all_at(&other, 0).unwrap();
        assert_eq!(answer(&name), Err(ErrorKind::Corrupt), "{value:#x} at {at}");
    }
}

#[test]
fn segment_of_another_mode_or_kind_of_file_is_refused() {
    let name = name("mode");
    let owned = segment(&name);
    assert_eq!(file_of(&name).metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(lock_of(&name).metadata().unwrap().permissions().mode() & 0o077, 0);
    for mode in [0o644, 0o666, 0o660, 0o4600, 0o700] {
        fs::set_permissions(file_of(&name), Permissions::from_mode(mode)).unwrap();
        assert_eq!(answer(&name), Err(ErrorKind::Io), "mode {mode:o}");
    }
    drop(owned);
    for target in ["/dev/zero", "/etc/passwd"] {
        symlink(target, file_of(&name)).unwrap();
        assert_eq!(answer(&name), Err(ErrorKind::Io));
        assert_eq!(Segment::create(&name, 7, &[]).map(|_| ()).unwrap_err().kind(), ErrorKind::Io);
        fs::remove_file(file_of(&name)).unwrap();
    }
    fs::create_dir(file_of(&name)).unwrap();
    assert_eq!(answer(&name), Err(ErrorKind::Io));
    fs::remove_dir(file_of(&name)).unwrap();
}

#[test]
fn segment_of_another_user_is_refused() {
    let name = name("user");
    let owned = segment(&name);
    if chown(file_of(&name), Some(12_345), None).is_err() {
        return skip("only root can give a file away");
    }
    assert_eq!(answer(&name), Err(ErrorKind::Io));
    drop(owned);
    File::create(file_of(&name)).unwrap();
    chown(file_of(&name), Some(12_345), None).unwrap();
    assert_eq!(Segment::create(&name, 7, &[]).map(|_| ()).unwrap_err().kind(), ErrorKind::Io);
    assert!(file_of(&name).exists(), "what is another user's is not removed");
    fs::remove_file(file_of(&name)).unwrap();
    File::create(lock_of(&name)).unwrap();
    chown(lock_of(&name), Some(12_345), None).unwrap();
    assert_eq!(Segment::create(&name, 7, &[]).map(|_| ()).unwrap_err().kind(), ErrorKind::Io);
    fs::remove_file(lock_of(&name)).unwrap();
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    for name in ["", ".", "..", ".hidden", "a/b", "../x", "a b", "a\0b", "n\u{e4}me", "x.lock", &"x".repeat(65)] {
        assert_eq!(answer(name), Err(ErrorKind::Argument), "{name:?}");
        assert_eq!(Segment::create(name, 7, &[]).map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
    }
    assert_eq!(answer("nobody-has-made-this"), Err(ErrorKind::Unknown));
}

#[test]
fn parts_that_cannot_be_made_are_refused_and_nothing_is_left() {
    let name = name("plan");
    for parts in [vec![PartSpec::Bytes(0)], vec![PartSpec::Bytes(usize::MAX)], vec![PartSpec::Bytes(1); 81]] {
        assert_eq!(Segment::create(&name, 7, &parts).map(|_| ()).unwrap_err().kind(), ErrorKind::Argument);
        assert!(!file_of(&name).exists() && !lock_of(&name).exists());
    }
}
