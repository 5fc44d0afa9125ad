//! Damaged networks, in every back-end: opening one and running it takes less than 256 MB, ends, prints nothing, and answers
//! with a model or an error, never a panic.
//!
//! Files: real exports, `tests/fixtures/networks/`, each with a card that fits, so that the network itself is looked at. The
//! damage is done in processes of their own, since what those print and how long they take can be told.
//! Not here: what a network answers, and the words of each error (`tests/encode/`).
#![cfg(feature = "fused")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use patchstream::encode::{BackendChoice, Model, OpenOptions};
use patchstream::error::{ErrorKind, Result};
use patchstream::patch::{PatchView, Shape};
use sha2::{Digest, Sha256};

/// The most bytes that may be taken at once.
const MOST: usize = 256 << 20;

/// How long a process may take whose work usually ends within half a minute.
const PATIENCE: Duration = Duration::from_secs(600);

thread_local! {
    /// Bytes that this thread has now, and the most that it had since the last reset.
    static BYTES: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
}

struct Counting;

fn count(more: usize, less: usize) {
    let [now, most] = BYTES.get();
    // What another thread took may come back to this one.
    let now = (now + more).saturating_sub(less);
    BYTES.set([now, most.max(now)]);
}

// SAFETY: everything is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that were taken at once while `work` ran.
fn most(work: impl FnOnce()) -> usize {
    BYTES.set([0; 2]);
    work();
    BYTES.get()[1]
}

/// A network: bytes, grid points of a side, whether channels come last, and the number of values that come out.
struct Fixture {
    bytes: Vec<u8>,
    side: usize,
    layout: &'static str,
    latent: usize,
}

impl Fixture {
    /// Opens `bytes`, which stand for this network, from a file in `folder`.
    fn open(&self, folder: &Path, bytes: &[u8], backend: BackendChoice) -> Result<Model> {
        let (side, layout, latent) = (self.side, self.layout, self.latent);
        let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        let list = |value: &str| vec![value; 14].join(", ");
        let names: Vec<String> = (0..14).map(|c| format!("\"C{c}\"")).collect();
        let card = format!(
            "format = 1\nname = \"net\"\nsha256 = \"{sha256}\"\ntrained = false\ntraining = \"none\"\n\
             latent_dimension = {latent}\n[input]\nnx = {side}\nny = {side}\nlayout = \"{layout}\"\nchannels = [{}]\n\
             [normalise]\nkind = \"standardise\"\nmean = [{}]\ndeviation = [{}]\n",
            names.join(", "),
            list("0.5"),
            list("0.25")
        );
        let path = folder.join("net.onnx");
        fs::write(&path, bytes).unwrap();
        fs::write(path.with_extension("toml"), card).unwrap();
        let options = OpenOptions { backend, ..OpenOptions::default() };
        Model::open_with(path.to_str().unwrap(), Some(Shape::new(side, side, 14)?), &options)
    }
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    files.sort();
    let fixture = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let kinds = [("metric", 37, 9), ("classifier", 19, 6), ("vae", 5, 5)];
        let (_, side, latent) = *kinds.iter().find(|(kind, ..)| name.ends_with(kind)).unwrap();
        let layout = if name.starts_with("torch") { "chw" } else { "hwc" };
        Fixture { bytes: fs::read(path).unwrap(), side, layout, latent }
    };
    files.iter().map(fixture).collect()
}

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn opening_a_good_file_takes_little() {
    let (folder, files) = (folder("model_memory_good"), fixtures());
    assert_eq!(files.len(), 15);
    for file in &files {
        let taken = most(|| drop(file.open(&folder, &file.bytes, BackendChoice::Auto).unwrap()));
        assert!(taken < 32 << 20, "{taken} bytes for a file of {}", file.bytes.len());
    }
}

#[test]
fn two_thousand_changed_files_print_nothing_and_end() {
    run_alone("damage::two_thousand_files");
}

#[cfg(feature = "tract")]
#[test]
fn changed_files_that_only_tract_sees_print_nothing_and_end() {
    run_alone("damage::files_for_tract");
    run_alone("damage::files_for_tract_as_exported");
}

/// Runs the test of that name, which is passed over otherwise, in a process of its own.
fn run_alone(test: &str) {
    let folder = folder(&format!("model_memory_{}", test.replace("::", "_")));
    let [out, err] = ["stdout", "stderr"].map(|name| folder.join(name));
    let to = |path: &Path| fs::File::create(path).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--quiet"])
        .stdout(to(&out))
        .stderr(to(&err))
        .spawn()
        .unwrap();
    let status = wait(&mut child);
    let [out, err] = [out, err].map(|path| fs::read_to_string(path).unwrap());
    assert!(status.is_some_and(|status| status.success()), "{test}: {status:?} (none: it hung)\n{out}\n{err}");
    assert_eq!(err, "", "{test} wrote to stderr");
    // What the test harness writes itself, on a busy machine also that it takes long.
    let slow = |line: &str| line.ends_with("has been running for over 60 seconds");
    let said: Vec<&str> = out.lines().filter(|line| !line.is_empty() && !slow(line)).collect();
    let [running, dot, result] = said[..] else { panic!("{test} wrote to stdout:\n{out}") };
    assert_eq!((running, dot), ("running 1 test", "."), "{test} wrote to stdout:\n{out}");
    assert!(result.starts_with("test result: ok. 1 passed"), "{result}");
}

/// Waits for a process, and ends it if it takes too long.
fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Damages files; each test runs in a process of its own.
mod damage {
    use super::*;

    #[test]
    #[ignore = "run by two_thousand_changed_files_print_nothing_and_end"]
    fn two_thousand_files() {
        quietly(|| change_and_open("auto", 2000, BackendChoice::Auto));
    }

    #[cfg(feature = "tract")]
    #[test]
    #[ignore = "run by changed_files_that_only_tract_sees_print_nothing_and_end"]
    fn files_for_tract() {
        quietly(|| change_and_open("tract", 300, BackendChoice::Tract));
    }

    #[cfg(feature = "tract")]
    #[test]
    #[ignore = "run by changed_files_that_only_tract_sees_print_nothing_and_end"]
    fn files_for_tract_as_exported() {
        quietly(|| change_and_open("exported", 300, BackendChoice::AsExported));
    }

    /// Runs `work` with a panic hook that says nothing, as the shared library has one, so that what is caught is not
    /// printed; a panic that reaches this far is told by what it says.
    fn quietly(work: impl FnOnce()) {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| ()));
        let done = panic::catch_unwind(AssertUnwindSafe(work));
        panic::set_hook(hook);
        if let Err(what) = done {
            let text = what.downcast_ref::<String>().cloned();
            panic!("{}", text.unwrap_or_else(|| "a panic reached the caller".into()));
        }
    }

    /// Changes one byte of a file, opens it and runs it; as often as `count` says.
    fn change_and_open(name: &str, count: usize, backend: BackendChoice) {
        let (folder, files) = (folder(&format!("model_memory_files_{name}")), fixtures());
        let mut state = 1_u64;
        let mut roll = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let (mut refused, mut opened) = (0, 0);
        for k in 0..count {
            let file = &files[k % files.len()];
            let mut bytes = file.bytes.clone();
            // Most bytes are params: half of the changes go to the first and the last tenth, where the structure is.
            let (length, tenth) = (bytes.len(), bytes.len() / 10);
            let place = [roll(length), roll(tenth), roll(length), length - 1 - roll(tenth)][k / files.len() % 4];
            bytes[place] ^= 1 + roll(255) as u8;
            let densities = vec![0.55; file.side * file.side * 14];
            let taken = most(|| match file.open(&folder, &bytes, backend) {
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Model | ErrorKind::Unsupported), "{error}");
                    assert!(error.message().contains("net.onnx"), "{error}");
                    refused += 1;
                }
                Ok(model) => {
                    let patch = PatchView { shape: model.shape(), densities: &densities, proteins: &[] };
                    if let Err(error) = model.encode(patch, &mut vec![0.0; file.latent]) {
                        assert!(matches!(error.kind(), ErrorKind::Model | ErrorKind::Value), "{error}");
                    }
                    opened += 1;
                }
            });
            assert!(taken < MOST, "byte {place} of file {} changed: {taken} bytes", k % files.len());
        }
        assert!(refused > count / 20, "only {refused} of {count} were refused: the changes miss the structure");
        assert!(opened > count / 20, "only {opened} of {count} were opened");
    }
}

#[test]
fn small_files_that_ask_for_much_get_little() {
    let (folder, files) = (folder("model_memory_small"), fixtures());
    let nested = |fields: &[u8], inner: Vec<u8>| {
        fields.iter().fold(inner, |inner, field| {
            let mut outer = vec![field << 3 | 2];
            prost::encoding::encode_varint(inner.len() as u64, &mut outer);
            outer.extend(inner);
            outer
        })
    };
    // A graph of a million empty nodes, and a node of a million empty attributes.
    for bytes in [nested(&[7], [10, 0].repeat(1_000_000)), nested(&[1, 7], [42, 0].repeat(1_000_000))] {
        let taken = most(|| {
            assert_eq!(files[0].open(&folder, &bytes, BackendChoice::Auto).err().unwrap().kind(), ErrorKind::Model)
        });
        assert!(taken < 32 << 20, "{taken} bytes");
    }
}
