//! A run whose writer is killed at random moments, again and again: whatever it was told is written is there.
//!
//! This test program starts itself again as the writer. Not here: faults of the disk (`src/store/tests/`).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use patchstream::error::ErrorKind;
use patchstream::store::{Durability, Options, Recovered, Sections, Store};

/// The payload of an entry: its length and all of its bytes follow from its sequence.
fn payload(sequence: u64) -> Vec<u8> {
    let length = if sequence % 97 < 60 { 92 } else { sequence % 300 };
    (0..length).map(|at| (sequence + at) as u8).collect()
}

fn options() -> Options {
    Options { durability: Durability::Buffered, segment_bytes: 300_000, buffer_bytes: 64 << 10 }
}

/// All entries are those that were appended; the last one's sequence.
fn check(found: &Recovered) -> u64 {
    let mut records = found.records(1).unwrap();
    let mut next = 1;
    while let Some(record) = records.next().unwrap() {
        assert_eq!((record.sequence, record.payload), (next, &payload(next)[..]), "lost, doubled or torn");
        next += 1;
    }
    if let Some(checkpoint) = &found.checkpoint {
        let held = checkpoint.sections.get(1).unwrap();
        assert_eq!(held, checkpoint.sequence.to_le_bytes(), "a checkpoint of something else");
    }
    next - 1
}

/// Forks, and uses the run that the parent opened in the child, which has entries in its memory that are not written.
fn forks(mut store: Store) {
    for _ in 0..10 {
        store.append(1, &payload(store.appended() + 1)).unwrap();
    }
    // SAFETY: the child only uses this library, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = |error: patchstream::error::Error| error.kind() == ErrorKind::Forked;
        let mut well = store.append(1, b"doubled").is_err_and(forked);
        well &=
            store.commit().is_err_and(forked) && store.sync().is_err_and(forked) && store.check().is_err_and(forked);
        well &= store.checkpoint(Sections::new()).is_err_and(forked);
        drop(store);
        // SAFETY: nothing of the parent's is to be cleaned up here.
        unsafe { libc::_exit(if well { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for the child above.
    unsafe { libc::waitpid(child, &mut status, 0) };
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child was not refused: {status:#x}");
    store.commit().unwrap();
    store.close().unwrap();
}

/// Not a test of its own: it does nothing unless it was started by one. It tells each sequence that is written.
#[test]
fn role_of_a_child() {
    let Ok(folder) = std::env::var("PATCHSTREAM_TEST_RUN") else { return };
    if std::env::var_os("PATCHSTREAM_TEST_FORK").is_some() {
        return forks(Store::open(folder.as_ref(), &options()).unwrap().0);
    }
    let (mut store, found) = Store::open(folder.as_ref(), &options()).unwrap();
    check(&found);
    let mut told = std::io::stdout();
    loop {
        for _ in 0..1 + store.appended() % 50 {
            store.append(1, &payload(store.appended() + 1)).unwrap();
        }
        store.commit().unwrap();
        told.write_all(format!("written {}\n", store.written()).as_bytes()).unwrap();
        told.flush().unwrap();
        if store.epoch() % 3 == 0 && store.appended() % 11 == 0 {
            let mut sections = Sections::new();
            sections.add(1, store.appended().to_le_bytes().to_vec()).unwrap();
            store.checkpoint(sections).unwrap();
        }
    }
}

/// A folder of its own, in memory where there is such a place.
fn folder(what: &str) -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    let root = if shm.is_dir() { shm } else { std::env::temp_dir() };
    let folder = root.join(format!("patchstream-{what}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn again(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "role_of_a_child", "--nocapture", "--test-threads=1"]);
    command.env("PATCHSTREAM_TEST_RUN", folder).stdout(Stdio::piped());
    command
}

#[test]
fn child_of_a_fork_writes_nothing_of_its_parents() {
    let folder = folder("fork");
    Store::create(&folder, "", &options()).unwrap().close().unwrap();
    let output = again(&folder).env("PATCHSTREAM_TEST_FORK", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(check(&patchstream::store::read(&folder).unwrap()), 10);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn writer_that_is_killed_at_any_moment_loses_nothing_that_is_written() {
    let folder = folder("kill");
    Store::create(&folder, "", &options()).unwrap().close().unwrap();
    let (mut kills, mut written, mut cuts) = (0_u64, 0, 0);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let started = Instant::now();
    // Twenty seconds bound the test, not what is tested.
    while kills < 200 && started.elapsed() < Duration::from_secs(20) {
        let mut child = again(&folder).spawn().unwrap();
        let mut told = child.stdout.take().unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Some are killed while they open the run, most while they write.
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            told.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        std::thread::sleep(Duration::from_micros(random % 30_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = reader.join().unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let last = whole.lines().filter_map(|line| line.split_once("written ")?.1.parse::<u64>().ok()).next_back();
        written = written.max(last.unwrap_or(0));
        let found = patchstream::store::read(&folder).unwrap();
        cuts += found.cut.len();
        let there = check(&found);
        assert!(there >= written, "{there} entries are there, {written} were told");
        written = there;
        kills += 1;
    }
    let (store, found) = Store::open(&folder, &options()).unwrap();
    assert_eq!(check(&found), written);
    eprintln!("{kills} kills, {} writers, {written} entries, {cuts} times the end was torn", store.epoch());
    assert!(kills >= 20 && written > kills, "{kills} kills and {written} entries are too few to mean anything");
    store.close().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
