//! What opening a model takes in memory when its file is damaged: never more than 256 MB, and never a panic.
//!
//! Files: real exports, `tests/fixtures/networks/`, each with a card that fits, so that the network itself is looked at.
//! Not here: what a network answers.
#![cfg(feature = "fused")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use patchstream::encode::Model;
use patchstream::error::{ErrorKind, Result};
use patchstream::patch::Shape;
use sha2::{Digest, Sha256};

/// The most bytes that may be taken at once.
const MOST: usize = 256 << 20;

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
    fn open(&self, folder: &Path, bytes: &[u8]) -> Result<Model> {
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
        Model::open(path.to_str().unwrap(), Shape::new(side, side, 14)?)
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
fn opening_a_good_file_takes_little_and_two_thousand_changed_ones_not_much_more() {
    let (folder, files) = (folder("model_memory"), fixtures());
    assert_eq!(files.len(), 15);
    for file in &files {
        let taken = most(|| drop(file.open(&folder, &file.bytes).unwrap()));
        assert!(taken < 32 << 20, "{taken} bytes for a file of {}", file.bytes.len());
    }
    let mut state = 1_u64;
    let mut roll = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut refused = 0;
    for k in 0..2000 {
        let file = &files[k % files.len()];
        let mut bytes = file.bytes.clone();
        // Most bytes are params: half of the changes go to the first and the last tenth, where the structure is.
        let (length, tenth) = (bytes.len(), bytes.len() / 10);
        let place = [roll(length), roll(tenth), roll(length), length - 1 - roll(tenth)][k / files.len() % 4];
        bytes[place] ^= 1 + roll(255) as u8;
        let taken = most(|| {
            if let Err(error) = file.open(&folder, &bytes) {
                assert!(matches!(error.kind(), ErrorKind::Model | ErrorKind::Unsupported), "{error}");
                refused += 1;
            }
        });
        assert!(taken < MOST, "byte {place} of file {} changed: {taken} bytes", k % files.len());
    }
    assert!(refused > 100, "only {refused} of 2,000 were refused: the changes miss the structure");
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
        let taken = most(|| assert_eq!(files[0].open(&folder, &bytes).err().unwrap().kind(), ErrorKind::Model));
        assert!(taken < 32 << 20, "{taken} bytes");
    }
}
