//! Tests of folders that cannot be used, each with its own error, and of looking at one and cleaning it.
//!
//! Not here: files in it that are damaged ([`super::hostile`]).

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use super::super::frame::{Frame, Kind};
use super::super::{Word, clean, look};
use super::*;
use crate::error::ErrorKind;

fn open(temp: &Temp) -> Result<DirDesk> {
    DirDesk::open(&temp.0, &Wait::up_to(Duration::ZERO))
}

#[test]
fn what_is_no_job_folder_is_told_apart() {
    let temp = Temp::new("none");
    assert_eq!(kind(open(&temp)), ErrorKind::Unknown, "there is nothing");
    std::fs::write(&temp.0, "a file").unwrap();
    assert_eq!(kind(open(&temp)), ErrorKind::Argument);
    assert_eq!(kind(Owner::open(&temp.0, FAST)), ErrorKind::Argument);
    std::fs::remove_file(&temp.0).unwrap();
    std::fs::create_dir(&temp.0).unwrap();
    assert_eq!(kind(open(&temp)), ErrorKind::Unknown, "its owner has not made it yet");
    std::fs::write(temp.0.join("thesis.tex"), "").unwrap();
    let error = Owner::open(&temp.0, FAST).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.message().contains("thesis.tex"), "{error}");
    std::fs::remove_file(temp.0.join("thesis.tex")).unwrap();
    // An owner that died while it made the folder.
    std::fs::create_dir(temp.0.join("jobs")).unwrap();
    drop(Owner::open(&temp.0, FAST).unwrap());
    open(&temp).unwrap();
    std::fs::remove_dir(temp.0.join("inbox")).unwrap();
    std::os::unix::fs::symlink("/tmp", temp.0.join("inbox")).unwrap();
    assert_eq!(kind(open(&temp)), ErrorKind::Corrupt);
}

#[test]
fn another_version_and_damaged_options_are_told_apart() {
    let temp = Temp::new("version");
    drop(Owner::open(&temp.0, FAST).unwrap());
    let mark = temp.0.join("patchstream");
    let good = std::fs::read(&mark).unwrap();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        std::fs::write(&mark, bytes).unwrap();
        kind(open(&temp))
    };
    assert_eq!(with(&|bytes| bytes[8] = 2), ErrorKind::Version);
    assert_eq!(with(&|bytes| bytes[70] ^= 1), ErrorKind::Corrupt);
    assert_eq!(with(&|bytes| bytes.truncate(10)), ErrorKind::Corrupt);
    for metadata in [&b"lease_ms = 0"[..], b"lease_ms = -1\n", b"\xff", b""] {
        let frame =
            Frame { kind: Kind::Folder, job: 0, attempt: 0, number: 0, metadata: metadata.into(), densities: vec![] };
        assert_eq!(with(&|bytes| *bytes = frame.to_bytes()), ErrorKind::Corrupt);
    }
}

#[test]
fn options_out_of_range_are_refused_and_those_of_the_first_owner_hold() {
    let temp = Temp::new("options");
    let zero = Duration::ZERO;
    for options in [
        Options { lease: Duration::from_millis(999), ..FAST },
        Options { lease: Duration::MAX, ..FAST },
        Options { poll: zero, ..FAST },
        Options { settle: Duration::MAX, ..FAST },
        Options { pending_max: 0, ..FAST },
    ] {
        assert_eq!(kind(Owner::open(&temp.0, options)), ErrorKind::Argument);
    }
    drop(Owner::open(&temp.0, FAST).unwrap());
    let owner = Owner::open(&temp.0, Options::default()).unwrap();
    assert_eq!(look(&temp.0).unwrap().options, FAST);
    assert!((owner.office.lease_s() - 600.0).abs() < 1e-9);
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let temp = Temp::new("mode");
    drop(Owner::open(&temp.0, FAST).unwrap());
    std::fs::set_permissions(&temp.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(kind(open(&temp)), ErrorKind::Io);
    std::fs::set_permissions(&temp.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    if chown(&temp.0, Some(12345), None).is_err() {
        return skip("only root can give a folder away");
    }
    let error = open(&temp).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("12345"), "{error}");
}

/// What runs in mounts of its own: `$1` is this program, `$2` the folder.
const MOUNTS: &str = r#"
set -e
mkdir -p "$2"
mount -t tmpfs -o size=256k,mode=700 none "$2" || { echo "may not mount"; exit 0; }
"$1" --exact job::dir::tests::folders::in_mounts_of_its_own --nocapture --test-threads=1
"#;

#[test]
fn a_full_disk_and_a_read_only_one_are_errors_and_nothing_half_written_is_seen() {
    let temp = Temp::new("mounts");
    let script = ["-m", "--", "sh", "-c", MOUNTS, "sh"];
    let mut command = Command::new("unshare");
    command.args(script).arg(std::env::current_exe().unwrap()).arg(&temp.0);
    let Ok(output) = command.env("PATCHSTREAM_TEST_MOUNTED", &temp.0).output() else {
        return skip("the command unshare is not there");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if said.contains("may not mount") || said.contains("unshare failed") {
        return skip("a mount namespace is not to be had");
    }
    assert!(output.status.success() && said.contains("saw full and read-only"), "{said}");
}

#[test]
fn in_mounts_of_its_own() {
    let Some(path) = std::env::var_os("PATCHSTREAM_TEST_MOUNTED") else { return };
    let temp = Temp(PathBuf::from(path).join("run"));
    let mut owner = Owner::with_jobs(&temp, 3);
    let mut worker = Worker::open(&temp);
    worker.take(Want::Oldest).unwrap();
    let mut windows = 0;
    let full = loop {
        match worker.sample(windows) {
            Ok(_) => windows += 1,
            Err(error) => break error,
        }
        assert!(windows < 10_000, "256 KiB are full by now");
    };
    assert_eq!(full.kind(), ErrorKind::Io, "{full}");
    assert!(full.message().contains("make room"), "{full}");
    let (next, densities) = job(9);
    owner.line.issue(9).unwrap();
    owner.host.jobs.insert(9, (next.clone(), densities.clone()));
    assert_eq!(kind(owner.office.issue(&next, &densities)), ErrorKind::Io);
    assert_eq!((temp.names("inbox").len() as u64, temp.names("jobs").len()), (windows, 3));
    // The owner makes room by taking in; what could not be written is written at a turn.
    for name in temp.names("inbox").iter().skip(1) {
        std::fs::remove_file(temp.0.join("inbox").join(name)).unwrap();
    }
    owner.turn();
    assert_eq!(owner.windows(), [(1, 0)]);
    assert_eq!(temp.names("jobs").len(), 4);
    assert_eq!(temp.names("tmp"), [""; 0]);
    worker.sample(windows).unwrap();

    let mounted = temp.0.parent().unwrap();
    assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(mounted).status().unwrap().success());
    let error = worker.sample(windows + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("writable"), "{error}");
    assert_eq!(kind(open(&temp)), ErrorKind::Io);
    assert_eq!(look(&temp.0).unwrap().jobs.len(), 4, "it can be looked at");
    say("saw full and read-only");
}

#[test]
fn looking_tells_owner_jobs_and_what_is_nobodys() {
    let temp = Temp::new("look");
    let mut owner = Owner::with_jobs(&temp, 4);
    let mut workers: Vec<_> = (0..3).map(|_| Worker::open(&temp)).collect();
    for worker in &mut workers {
        worker.take(Want::Oldest).unwrap();
        worker.sample(1).unwrap();
    }
    workers[1].say(State::Failed, "").unwrap();
    temp.age("claims/3.1", Duration::from_secs(700));
    std::fs::write(temp.0.join("inbox/README"), "").unwrap();
    std::fs::write(temp.0.join("jobs/1.job"), "").unwrap();
    let seen = look(&temp.0).unwrap();
    let claimed = |at: usize| seen.jobs[at].claimed.as_ref().unwrap();
    assert_eq!(seen.owner.as_ref().unwrap().who.as_ref().unwrap().pid, std::process::id());
    assert_eq!(
        seen.jobs.iter().map(|job| (job.id, job.messages)).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (3, 1), (4, 0)]
    );
    assert_eq!((claimed(0).word, claimed(0).is_dead, claimed(0).attempt), (None, false, 1));
    assert_eq!((claimed(1).word, seen.jobs[1].failures), (Some(Word::Failed), 1));
    assert!(claimed(2).is_dead && claimed(2).age >= Duration::from_secs(690));
    assert_eq!(seen.jobs[3].claimed, None);
    assert_eq!((seen.messages, &seen.foreign[..]), (3, &["jobs/1.job".to_string(), "inbox/README".to_string()][..]));
    owner.turn();
    assert_eq!(owner.windows(), [(1, 1), (2, 1), (3, 1)]);
    drop(owner);
    let owner = look(&temp.0).unwrap().owner.unwrap();
    assert_eq!((owner.attempt, owner.word), (1, Some(Word::Free)));
}

#[test]
fn cleaning_removes_what_nobody_needs_and_nothing_else() {
    let temp = Temp::new("clean");
    let _owner = Owner::with_jobs(&temp, 1);
    let mut worker = Worker::open(&temp);
    for _ in 0..3 {
        worker.take(Want::Oldest).unwrap();
        worker.say(State::Interrupted, "").unwrap();
    }
    worker.take(Want::Oldest).unwrap();
    for name in ["elsewhere-1-1-1", "elsewhere-1-1-2", "odd"] {
        std::fs::write(temp.0.join("tmp").join(name), "").unwrap();
    }
    temp.age("tmp/elsewhere-1-1-1", Duration::from_secs(601));
    let cleaned = clean(&temp.0).unwrap();
    assert_eq!((cleaned.temporaries, cleaned.claims, cleaned.left), (1, 6, 2));
    assert_eq!(temp.names("claims"), ["1.4"]);
    worker.sample(0).unwrap();
    worker.desk.alive().unwrap();
    assert_eq!(clean(&temp.0).unwrap().claims, 0);
}
