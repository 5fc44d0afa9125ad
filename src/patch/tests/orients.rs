//! Tests of the eight orientations and the canonical one.
//!
//! Positions are on a coarse lattice and densities are 0 or 1, so that ties of every kind come up.
//! Not here: cutting (`fields.rs`).

use std::collections::HashSet;

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::patch::*;

/// A patch with nothing in it but densities and proteins.
fn patch(n: usize, channels: usize, densities: Vec<f32>, proteins: Vec<Protein>) -> Patch {
    let shape = Shape::new(n, n, channels).unwrap();
    Patch { id: 1, step: 0, time_us: 0.0, center_nm: [0.0; 2], shape, densities, proteins, label: None }
}

fn turned(patch: &Patch, by: Orientation) -> Patch {
    let mut image = patch.clone();
    by.densities(patch.shape, &patch.densities, &mut image.densities).unwrap();
    by.proteins(&mut image.proteins);
    image
}

/// All of an image that must be equal bit for bit.
fn bits(patch: &Patch) -> (Vec<u32>, Vec<[u64; 4]>) {
    let proteins = patch.proteins.iter().map(|p| [p.id, p.state as u64, p.x_nm.to_bits(), p.y_nm.to_bits()]);
    (patch.densities.iter().map(|v| v.to_bits()).collect(), proteins.collect())
}

fn canonical_image(patch: &Patch) -> Patch {
    turned(patch, canonical(patch.view(), &ProteinStates::default()).unwrap())
}

/// The slow twin: of all eight images those with the smallest angle of the second protein, then of the third, by the
/// arc tangent; then the smallest by all its values.
fn canonical_naive(patch: &Patch) -> Patch {
    let states = ProteinStates::default();
    let is_raf = |p: &Protein| states.kind(p.state) == Some(ProteinKind::Raf);
    let order = |from: [f64; 2], proteins: &[Protein]| {
        let mut indices: Vec<usize> = (0..proteins.len()).collect();
        let distance = |p: &Protein| (p.x_nm - from[0]).powi(2) + (p.y_nm - from[1]).powi(2);
        indices.sort_by(|&i, &j| {
            let key = |i: usize| (is_raf(&proteins[i]), distance(&proteins[i]), proteins[i].id, i);
            key(i).partial_cmp(&key(j)).unwrap()
        });
        indices
    };
    let mut images: Vec<Patch> = Orientation::ALL.iter().map(|&by| turned(patch, by)).collect();
    for follower in 0..2 {
        let angle = |image: &Patch| {
            let first = order([0.0, 0.0], &image.proteins)[0];
            let from = &image.proteins[first];
            let others: Vec<usize> =
                order([from.x_nm, from.y_nm], &image.proteins).into_iter().filter(|&i| i != first).collect();
            let Some(&other) = others.get(follower) else { return 0 };
            let (dx, dy) = (image.proteins[other].x_nm - from.x_nm, image.proteins[other].y_nm - from.y_nm);
            // In billionths of a degree; on this lattice angles differ by far more.
            ((dy + 0.0).atan2(dx + 0.0).to_degrees().rem_euclid(360.0) * 1e9).round() as u64
        };
        let smallest = images.iter().map(angle).min().unwrap();
        images.retain(|image| angle(image) == smallest);
    }
    let values = |p: &Patch| -> Vec<f64> {
        let positions = p.proteins.iter().flat_map(|p| [p.x_nm, p.y_nm]);
        p.densities.iter().map(|&v| f64::from(v)).chain(positions).collect()
    };
    images.into_iter().min_by(|a, b| values(a).partial_cmp(&values(b)).unwrap()).unwrap()
}

/// Patches with proteins on a lattice, zeros of both signs, equal ids, coinciding proteins.
fn patches(count: std::ops::Range<usize>) -> impl Strategy<Value = Patch> {
    let coordinate = prop_oneof![Just(-0.0), (-3..=3_i32).prop_map(|i| f64::from(i) * 0.5)];
    let protein = (1..4_u64, prop_oneof![Just(0), Just(4), Just(7), 0..18_i32], [coordinate.clone(), coordinate])
        .prop_map(|(id, state, [x_nm, y_nm])| Protein { id, state, partner: -1, x_nm, y_nm });
    (0..3_usize, 1..3_usize, prop::collection::vec(protein, count)).prop_flat_map(|(half, channels, proteins)| {
        let n = 2 * half + 1;
        let density = prop_oneof![4 => Just(0.0_f32), 1 => Just(1.0_f32)];
        prop::collection::vec(density, n * n * channels)
            .prop_map(move |densities| patch(n, channels, densities, proteins.clone()))
    })
}

#[test]
fn eight_orientations_differ_and_close_under_composition() {
    let spot = |by: Orientation| by.point([3.0, 1.0]).map(|v| v as i64);
    let spots: HashSet<[i64; 2]> = Orientation::ALL.iter().map(|&by| spot(by)).collect();
    assert_eq!(spots.len(), 8);
    for a in Orientation::ALL {
        for b in Orientation::ALL {
            assert!(spots.contains(&b.point(a.point([3.0, 1.0])).map(|v| v as i64)));
        }
    }
    assert_eq!(Orientation::IDENTITY.point([3.0, -1.0]), [3.0, -1.0]);
}

#[test]
fn densities_and_proteins_move_together() {
    let shape = Shape::new(5, 5, 2).unwrap();
    let mut densities = vec![0.0; 50];
    densities[(5 + 4) * 2 + 1] = 1.0; // pixel (4, 1): (2, -1) from the centre pixel
    for by in Orientation::ALL {
        let mut image = vec![0.0; 50];
        by.densities(shape, &densities, &mut image).unwrap();
        let [x, y] = by.point([2.0, -1.0]);
        let at = ((y + 2.0) * 5.0 + (x + 2.0)) as usize * 2 + 1;
        assert_eq!((image[at], image.iter().sum::<f32>()), (1.0, 1.0), "{by:?}");
    }
}

#[test]
fn second_protein_is_the_nearest_other_ras_and_lands_in_the_first_octant() {
    let at = |id, state, x_nm, y_nm| Protein { id, state, partner: -1, x_nm, y_nm };
    // A RAF (7) is nearer than the other RAS, and a RAF is the first of the list.
    let proteins = vec![at(1, 7, 0.3, -0.2), at(2, 0, 0.1, 0.1), at(3, 0, -3.0, -7.0), at(4, 1, -9.0, 9.0)];
    let image = canonical_image(&patch(3, 1, vec![0.0; 9], proteins));
    let (dx, dy) = (image.proteins[2].x_nm - image.proteins[1].x_nm, image.proteins[2].y_nm - image.proteins[1].y_nm);
    assert_eq!((dx, dy), (7.1, 3.1));
}

#[test]
fn third_protein_decides_where_the_second_lies_on_an_axis() {
    let at = |id, x_nm, y_nm| Protein { id, state: 0, partner: -1, x_nm, y_nm };
    let image = canonical_image(&patch(3, 1, vec![0.0; 9], vec![at(1, 0.0, 0.0), at(2, 0.0, -1.0), at(3, 2.0, 3.0)]));
    assert_eq!(image.proteins, [at(1, 0.0, 0.0), at(2, 1.0, 0.0), at(3, -3.0, 2.0)]);
    let image = canonical_image(&patch(3, 1, vec![0.0; 9], vec![at(1, 0.0, 0.0), at(2, 1.0, 1.0), at(3, 2.0, 3.0)]));
    assert_eq!(image.proteins, [at(1, 0.0, 0.0), at(2, 1.0, 1.0), at(3, 3.0, 2.0)]);
}

#[test]
fn below_two_proteins_any_patch_stays_as_it_is() {
    let states = ProteinStates::default();
    let alone = [Protein { id: 1, state: 99, partner: -1, x_nm: -1.0, y_nm: f64::NAN }];
    let shape = Shape::new(2, 3, 1).unwrap();
    for proteins in [&alone[..0], &alone[..]] {
        let view = PatchView { shape, densities: &[0.0; 6], proteins };
        assert_eq!(canonical(view, &states).unwrap(), Orientation::IDENTITY);
    }
}

#[test]
fn patches_that_cannot_be_turned_are_refused() {
    let states = ProteinStates::default();
    let good = Protein { id: 1, state: 0, partner: -1, x_nm: 1.0, y_nm: 1.0 };
    let kind = |nx, ny, len: usize, second: Protein| {
        let shape = Shape::new(nx, ny, 1).unwrap();
        let view = PatchView { shape, densities: &vec![0.0; len], proteins: &[good, second] };
        canonical(view, &states).unwrap_err().kind()
    };
    assert_eq!(kind(3, 5, 15, good), ErrorKind::Shape);
    assert_eq!(kind(4, 4, 16, good), ErrorKind::Shape);
    assert_eq!(kind(3, 3, 8, good), ErrorKind::Shape);
    assert_eq!(kind(3, 3, 9, Protein { state: 18, ..good }), ErrorKind::Unknown);
    assert_eq!(kind(3, 3, 9, Protein { x_nm: f64::NAN, ..good }), ErrorKind::Value);
    let shape = Shape::new(4, 4, 1).unwrap();
    let error = Orientation::IDENTITY.densities(shape, &[0.0; 16], &mut [0.0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn eight_orientations_have_one_canonical_form(patch in patches(2..6)) {
        let form = bits(&canonical_image(&patch));
        for by in Orientation::ALL {
            prop_assert_eq!(&bits(&canonical_image(&turned(&patch, by))), &form);
        }
    }

    #[test]
    fn canonical_matches_naive(patch in patches(2..6)) {
        prop_assert_eq!(bits(&canonical_image(&patch)), bits(&canonical_naive(&patch)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_finite_positions_have_one_canonical_form(
        positions in prop::collection::vec((prop::num::f64::ANY, -15.0..15.0_f64), 2..5),
        swap in any::<bool>(),
    ) {
        let finite = |v: f64| if v.is_finite() { v } else { 1.0 };
        let proteins = positions.iter().map(|&(wild, tame)| {
            let (x_nm, y_nm) = if swap { (tame, finite(wild)) } else { (finite(wild), tame) };
            Protein { id: 1, state: 0, partner: -1, x_nm, y_nm }
        });
        let patch = patch(3, 1, (0..9_u8).map(f32::from).collect(), proteins.collect());
        let form = bits(&canonical_image(&patch));
        for by in Orientation::ALL {
            prop_assert_eq!(&bits(&canonical_image(&turned(&patch, by))), &form);
        }
    }
}
