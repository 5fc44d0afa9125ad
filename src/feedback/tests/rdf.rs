//! Counting against all images of all pairs, one by one.
//!
//! Not here: LAMMPS' counts of the same (`examples/lammps/lammps_test.cpp`).

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::feedback::bins::room;

/// Counts by definition: every pair, every image, the nearest.
fn naive(species: usize, bins: Bins, frame: &Frame<'_>) -> Vec<u64> {
    let mut counts = vec![0; species * bins.count()];
    let place = |bead: usize| [frame.positions[bead * frame.stride], frame.positions[bead * frame.stride + 1]];
    for &reference in frame.references {
        for bead in (0..frame.species.len()).filter(|&bead| bead != reference as usize) {
            let ([x, y], [bx, by]) = (place(reference as usize), place(bead));
            let mut nearest = f64::INFINITY;
            for (kx, ky) in (-1..=1).flat_map(|kx| (-1..=1).map(move |ky| (f64::from(kx), f64::from(ky)))) {
                let (dx, dy) = (bx - x + kx * frame.box_nm[0], by - y + ky * frame.box_nm[1]);
                nearest = nearest.min(dx * dx + dy * dy);
            }
            let bin = (nearest.sqrt() * (bins.count() as f64 / bins.cutoff_nm())) as usize;
            if nearest < bins.cutoff_nm() * bins.cutoff_nm() && bin < bins.count() && frame.species[bead] != NOT_COUNTED
            {
                counts[usize::from(frame.species[bead]) * bins.count() + bin] += 1;
            }
        }
    }
    counts
}

#[derive(Debug)]
struct System {
    box_nm: [f64; 2],
    positions: Vec<f64>,
    stride: usize,
    species: Vec<u16>,
    references: Vec<u32>,
    bins: Bins,
}

impl System {
    fn frame(&self) -> Frame<'_> {
        let Self { box_nm, ref positions, stride, ref species, ref references, .. } = *self;
        Frame { box_nm, positions, stride, species, references, wrap: false }
    }
}

prop_compose! {
    fn systems()(
        box_nm in [2.0..40.0, 2.0..40.0_f64],
        (share, count, stride) in (0.02..1.0_f64, 1..50_usize, 2..4_usize),
        beads in vec((0.0..1.0_f64, 0.0..1.0_f64, 0..4_u16, any::<bool>()), 1..150),
        references in vec(any::<prop::sample::Index>(), 1..40),
        on_grid in any::<bool>(),
    ) -> System {
        // Beads on a grid of a sixteenth of the box lie on borders of cells and bins.
        let at = |x: f64, length: f64| {
            let x = if on_grid { length * ((x * 16.0).floor() / 16.0) } else { length * x };
            if x < length { x } else { 0.0 }
        };
        let z = [77.0];
        let positions = beads.iter().flat_map(|&(x, y, ..)| {
            [at(x, box_nm[0]), at(y, box_nm[1])].into_iter().chain(z).take(stride)
        });
        System {
            box_nm,
            positions: positions.collect(),
            stride,
            species: beads.iter().map(|b| if b.3 || b.2 < 3 { b.2.min(2) } else { NOT_COUNTED }).collect(),
            references: references.iter().map(|index| index.index(beads.len()) as u32).collect(),
            bins: Bins::new(count, share * 0.5 * box_nm[0].min(box_nm[1])).unwrap(),
        }
    }
}

proptest! {
    #[test]
    fn counts_match_naive(systems in vec(systems(), 1..3)) {
        for system in &systems {
            let mut counter = RdfCounter::new(3, system.bins).unwrap();
            let expected = naive(3, system.bins, &system.frame());
            counter.count(&system.frame()).unwrap();
            prop_assert_eq!(counter.counts(), &expected[..]);
            counter.count(&system.frame()).unwrap();
            let twice: Vec<f64> = expected.iter().map(|&count| 2.0 * count as f64).collect();
            prop_assert_eq!((counter.sums(), counter.frames()), (twice, 2));
            counter.clear();
            prop_assert!(counter.frames() == 0 && counter.counts().iter().all(|&count| count == 0));
        }
    }

    #[test]
    fn beads_that_are_wrapped_count_as_in_the_box(system in systems(), shifts in vec((-3..4_i32, -3..4_i32), 150)) {
        let mut shifted = system.positions.clone();
        for (at, (sx, sy)) in shifted.chunks_exact_mut(system.stride).zip(shifts) {
            at[0] += f64::from(sx) * system.box_nm[0];
            at[1] += f64::from(sy) * system.box_nm[1];
        }
        let mut wrapped: Vec<f64> = Vec::new();
        for at in shifted.chunks_exact(system.stride) {
            let inside = |x: f64, length: f64| {
                if (0.0..length).contains(&x) { return x; }
                let x = x - length * (x / length).floor();
                if x < length { x.max(0.0) } else { 0.0 }
            };
            wrapped.extend([inside(at[0], system.box_nm[0]), inside(at[1], system.box_nm[1])]);
            wrapped.extend(&at[2..]);
        }
        let mut counter = RdfCounter::new(3, system.bins).unwrap();
        counter.count(&Frame { positions: &shifted, wrap: true, ..system.frame() }).unwrap();
        let expected = naive(3, system.bins, &Frame { positions: &wrapped, ..system.frame() });
        prop_assert_eq!(counter.counts(), &expected[..]);
    }
}

#[test]
fn a_bad_frame_is_an_error_and_changes_nothing() {
    let bins = Bins::new(10, 3.0).unwrap();
    let mut counter = RdfCounter::new(2, bins).unwrap();
    let good = Frame {
        box_nm: [6.0, 8.0],
        positions: &[0.0, 0.0, 1.0, 1.0, 5.9, 7.9],
        stride: 2,
        species: &[NOT_COUNTED, 0, 1],
        references: &[0],
        wrap: false,
    };
    counter.count(&good).unwrap();
    let before = (counter.counts().to_vec(), counter.frames());
    let refused = |frame: Frame<'_>| {
        let mut counter = counter.clone();
        let error = counter.count(&frame).unwrap_err();
        assert_eq!((counter.counts().to_vec(), counter.frames()), before, "{error}");
        error.kind()
    };
    let at = |x: f64, y: f64| vec![0.0, 0.0, x, y, 5.9, 7.9];
    for (x, y) in [(f64::NAN, 0.0), (0.0, f64::INFINITY), (6.0, 0.0), (-1e-9, 0.0), (0.0, 8.5)] {
        assert_eq!(refused(Frame { positions: &at(x, y), ..good }), ErrorKind::Value, "{x} {y}");
    }
    for (x, y) in [(f64::NAN, 0.0), (0.0, f64::NEG_INFINITY), (1e300, 0.0)] {
        assert_eq!(refused(Frame { positions: &at(x, y), wrap: true, ..good }), ErrorKind::Value, "{x} {y}");
    }
    for box_nm in [[0.0, 8.0], [6.0, -8.0], [f64::NAN, 8.0], [5.9, 8.0], [6.0, f64::INFINITY]] {
        assert_eq!(refused(Frame { box_nm, ..good }), ErrorKind::Argument, "{box_nm:?}");
    }
    assert_eq!(refused(Frame { references: &[], ..good }), ErrorKind::Argument);
    assert_eq!(refused(Frame { references: &[0, 3], ..good }), ErrorKind::Argument);
    assert_eq!(refused(Frame { species: &[0, 1, 2], ..good }), ErrorKind::Value);
    assert_eq!(refused(Frame { species: &[0, 1], ..good }), ErrorKind::Shape);
    assert_eq!(refused(Frame { stride: 1, ..good }), ErrorKind::Shape);
    assert_eq!(refused(Frame { stride: 3, ..good }), ErrorKind::Shape);
    assert!(RdfCounter::new(0, bins).is_err() && RdfCounter::new(usize::from(NOT_COUNTED), bins).is_err());
}

#[test]
fn a_counter_that_no_memory_holds_is_refused() {
    let bins = |count| Bins::new(count, 6.0).unwrap();
    assert_eq!(RdfCounter::new(65_534, bins(1 << 20)).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(RdfCounter::new(64, bins(1 << 20)).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(RdfCounter::new(65_534, bins(60)).unwrap().counts().len(), 65_534 * 60);
    assert_eq!(room::<u64>(usize::MAX / 16, "what is asked").unwrap_err().kind(), ErrorKind::Memory);
}

#[test]
fn bins_out_of_range_are_refused() {
    for (count, cutoff) in [(0, 1.0), (usize::MAX, 1.0), (1, 0.0), (1, -1.0), (1, f64::NAN), (1, f64::INFINITY)] {
        assert_eq!(Bins::new(count, cutoff).unwrap_err().kind(), ErrorKind::Argument, "{count} {cutoff}");
    }
}

#[test]
fn areas_of_bins_add_up_to_the_circle() {
    let bins = Bins::new(7, 3.5).unwrap();
    let sum: f64 = (0..7).map(|bin| bins.area_nm2(bin)).sum();
    assert!((sum - std::f64::consts::PI * 3.5 * 3.5).abs() < 1e-12);
    assert_eq!(bins.centres_nm()[0], 0.25);
}
