//! What allocates nothing once it is warm, so that a simulation code is not slowed down by our heap: the producer's side of
//! a patch's way, a network in the fused plan, and the log.
//!
//! Not here: the operator's stores, which grow with what they keep; networks in tract.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use patchstream::patch::{Field, Meta, Protein, Samples};
use patchstream::stream::{Pushed, Stream};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `work` runs.
fn spent(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[cfg(feature = "fused")]
#[path = "../models/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod models;

#[cfg(feature = "fused")]
#[test]
fn a_network_in_the_fused_plan_allocates_nothing_once_warm() {
    use models::{fingerprint, metric, vae};
    use patchstream::encode::{BackendChoice, Isa, Model, OpenOptions};
    use patchstream::patch::{PatchView, Shape};

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations");
    std::fs::create_dir_all(&folder).unwrap();
    // A network and the grid points a side of the patches that it gets: of some their own, others are made coarser.
    let all = [
        (metric::files(), 37),
        (metric::files(), 73),
        (fingerprint::SMALL.files(), 37),
        (fingerprint::LARGE.files(), 72),
        (vae::files(), 5),
        (vae::files(), 37),
        (vae::files(), 73),
    ];
    for (files, side) in all {
        let path = files.write(&folder).unwrap();
        let shape = Shape::new(side, side, 14).unwrap();
        let densities: Vec<f32> = (0..shape.len()).map(|i| 0.3 + 0.001 * (i % 97) as f32).collect();
        let views = [PatchView { shape, densities: &densities, proteins: &[] }; 18];
        for isa in Isa::available() {
            let options = OpenOptions { backend: BackendChoice::Fused, isa: Some(isa), ..OpenOptions::default() };
            let model = Model::open_with(path.to_str().unwrap(), Some(shape), &options).unwrap();
            let mut points = vec![0.0; 18 * model.dim()];
            let one = |points: &mut [f32]| model.encode(views[0], &mut points[..model.dim()]).unwrap();
            // More than run at once, and some left over.
            let many = |points: &mut [f32]| model.encode_many(&views, points).unwrap();
            let cold = spent(|| many(&mut points));
            one(&mut points);
            let what = format!("{} on patches of {side} by {}", files.name, model.backend());
            assert!(cold > 0, "{what}: allocations are not counted");
            for _ in 0..2 {
                assert_eq!(spent(|| one(&mut points)), 0, "{what}, one");
                assert_eq!(spent(|| many(&mut points)), 0, "{what}, many");
            }
        }
    }
}

#[test]
fn push_of_a_patch_allocates_nothing_once_warm() {
    let stream = Stream::builder().model("mean").open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let proteins = [Protein { id: 1, state: 0, partner: -1, x_nm: 0.0, y_nm: 0.0 }; 9];
    let planes = vec![vec![0.25_f64; 37 * 37]; 14];
    let plane = |channel: usize| Samples::F64(&planes[channel]);
    let field = Field::planes(&plane, 0, [1, 37], 37, 37, 14).unwrap();
    // The table of ids doubles now and then: 1,000 of them leave room for those that are counted.
    let mut pushed = 0;
    for id in 1..=1500 {
        let (proteins, label) = (&proteins[..], Some("nine"));
        let meta = Meta { id, step: 0, time_us: 1.0, center_nm: [3.0, 4.0], proteins, label, factor: Some(2.0) };
        let before = ALLOCATIONS.get();
        let mut answer = producer.push(&meta, &field).unwrap();
        let mut spent = ALLOCATIONS.get() - before;
        if answer == Pushed::Full {
            stream.poll(Duration::MAX).unwrap();
            let before = ALLOCATIONS.get();
            answer = producer.push(&meta, &field).unwrap();
            spent += ALLOCATIONS.get() - before;
        }
        assert_eq!(answer, Pushed::Accepted);
        if id > 1000 {
            assert_eq!(spent, 0, "pushing patch {id}");
            pushed += 1;
        }
    }
    assert_eq!(pushed, 500);
}

#[test]
fn an_entry_of_the_log_allocates_nothing() {
    use patchstream::store::{Durability, Options, Store};

    for durability in [Durability::None, Durability::Buffered, Durability::Batch] {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations-run");
        let _ = std::fs::remove_dir_all(&folder);
        let mut store = Store::create(&folder, "", &Options { durability, ..Options::default() }).unwrap();
        let groups = if durability == Durability::Batch { 10 } else { 1000 };
        let spent = spent(|| {
            for group in 0..groups {
                for length in [92, 92, 92, 8, 1000] {
                    store.append(group as u16 % 5, &[1; 1000][..length]).unwrap();
                }
                store.commit().unwrap();
            }
        });
        store.close().unwrap();
        assert_eq!(spent, 0, "{durability:?}");
        assert_eq!(patchstream::store::read(&folder).unwrap().last, groups * 5);
    }
}
