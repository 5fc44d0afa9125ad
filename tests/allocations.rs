//! The producer's side of a patch's way allocates nothing: a simulation code is not slowed down by our heap.
//!
//! Not here: the operator's side, whose stores grow with what they keep.

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
