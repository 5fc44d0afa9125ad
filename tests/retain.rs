//! Densities on a disk that is full, which takes a disk of its own: a mount namespace with a small tmpfs.

use std::path::{Path, PathBuf};
use std::process::Command;

use patchstream::error::Result;
use patchstream::retain::{Arena, Format, Home, Kept, Options, Tag};

/// Values of a patch here.
const LEN: usize = 1100;

fn open(file: &Path) -> Result<Arena> {
    Arena::open(&Options { home: Home::Scratch(file.into()), format: Format::Float32, bytes: 1 << 30 }, LEN)
}

fn tag(id: u64) -> Tag {
    Tag { id, content: id, step: 0 }
}

fn densities(id: u64) -> Vec<f32> {
    (0..LEN as u64).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 37.0).collect()
}

fn read(arena: &mut Arena, id: u64) -> Result<Vec<f32>> {
    let mut values = vec![0.0; LEN];
    arena.read(id, &mut values).map(|()| values)
}

/// Runs itself again as a child that has a small disk of its own.
#[test]
fn full_disk_is_full_until_there_is_room_again() {
    let Some(disk) = std::env::var_os("PATCHSTREAM_SMALL_DISK") else {
        return run_on_a_small_disk("full_disk_is_full_until_there_is_room_again");
    };
    let path = PathBuf::from(disk).join("densities");
    let mut arena = open(&path).unwrap();
    let mut kept = 0;
    while arena.keep(tag(kept + 1), &densities(kept + 1)).unwrap() == Kept::Yes {
        kept += 1;
        assert!(kept < 9_999, "the disk was to be small");
    }
    assert!(kept > 20, "{kept}");
    assert_eq!(arena.keep(tag(kept + 1), &densities(kept + 1)), Ok(Kept::Full));
    for id in 1..=kept {
        assert_eq!(read(&mut arena, id).unwrap(), densities(id));
    }
    // A place that is there needs no disk.
    assert!(arena.forget(7));
    assert_eq!(arena.keep(tag(kept + 1), &densities(kept + 1)), Ok(Kept::Yes));
    assert_eq!(read(&mut arena, kept + 1).unwrap(), densities(kept + 1));
    assert_eq!(arena.holding().patches, kept);
}

/// Runs one test of this program again, in a mount namespace with a disk of 256 KiB.
fn run_on_a_small_disk(test: &str) {
    let folder = std::env::temp_dir().join(format!("patchstream-small-disk-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = "mount -t tmpfs -o size=256k tmpfs \"$1\" && touch \"$1/mounted\" || exit 77; \
                  PATCHSTREAM_SMALL_DISK=$1 exec \"$2\" --exact \"$3\" --nocapture";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&folder);
    let child = command.arg(std::env::current_exe().unwrap()).arg(test).output();
    let output = child.ok().filter(|output| output.status.code() != Some(77) && !output.stdout.is_empty());
    std::fs::remove_dir_all(&folder).unwrap();
    let Some(output) = output else {
        let required = std::env::var_os("PATCHSTREAM_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "unshare or mount is missing or not allowed, and every test is required");
        return eprintln!("SKIPPED {test}: no mount namespace of its own");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs itself again as a child that forks, and ends without a word.
#[test]
fn a_forked_child_that_lives_on_does_not_keep_the_file_of_a_dead_stream() {
    if let Some(path) = std::env::var_os("PATCHSTREAM_FORKED_FILE") {
        return die_with_a_child(Path::new(&path));
    }
    let path = std::env::temp_dir().join(format!("patchstream-forked-{}", std::process::id()));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_forked_child_that_lives_on_does_not_keep_the_file_of_a_dead_stream"])
        .env("PATCHSTREAM_FORKED_FILE", &path)
        .stdout(std::process::Stdio::null())
        .status();
    let child: i32 = std::fs::read_to_string(path.with_extension("pid")).unwrap().parse().unwrap();
    let is_left = path.exists();
    let opened = open(&path).map(drop);
    // SAFETY: sends a signal to the process that was forked off, which waits for it.
    unsafe { libc::kill(child, libc::SIGKILL) };
    let _ = std::fs::remove_file(path.with_extension("pid"));
    assert_eq!((status.unwrap().code(), is_left), (Some(7), true));
    assert_eq!(opened, Ok(()));
    assert!(!path.exists());
}

/// Has the file at a relative path, and goes elsewhere; what it forks off waits to be killed.
fn die_with_a_child(path: &Path) {
    std::env::set_current_dir(path.parent().unwrap()).unwrap();
    let arena = open(Path::new(path.file_name().unwrap())).unwrap();
    std::env::set_current_dir("/").unwrap();
    drop(arena);
    assert!(!path.exists(), "it was left behind");
    let arena = open(path).unwrap();
    // SAFETY: the child only sleeps, and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe {
            libc::sleep(60);
            libc::_exit(0)
        }
    }
    std::fs::write(path.with_extension("pid"), child.to_string()).unwrap();
    std::mem::forget(arena);
    std::process::exit(7);
}
