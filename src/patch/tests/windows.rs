//! Tests of where windows lie and which proteins are in them.
//!
//! Not here: copying densities (`fields.rs`).

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::patch::*;

#[test]
fn thirty_nanometres_are_37_pixels() {
    assert_eq!(window_size(30.0, 30.0 / 36.0), 37);
    assert_eq!(window_size(30.0, 0.416_666_666_666_666_7), 73);
    assert_eq!(window_size(30.0, 0.9), 34);
    // The quotient of a size that was itself computed may fall just under a whole number.
    for intervals in 1..3000_u32 {
        for size in [30.0, 0.1, 7.7, 160.0] {
            let spacing = size / f64::from(intervals);
            assert_eq!(window_size(size, spacing), intervals as usize + 1);
            assert_eq!(window_size(f64::from(intervals) * spacing, spacing), intervals as usize + 1);
        }
    }
    for (size, spacing) in [(f64::NAN, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::INFINITY, 1.0)] {
        let n = window_size(size, spacing);
        assert!(n <= 1 || Shape::new(n, n, 1).is_err());
    }
}

#[test]
fn window_lies_around_the_nearest_pixel() {
    let dx = 30.0 / 36.0;
    let window = window_around([10.0 * dx + 0.3, 191.6 * dx], [192, 192], dx, [37, 36]).unwrap();
    assert_eq!(window.low, [10 - 18, -17]);
    assert_eq!(window.center_nm, [10.0 * dx, 0.0]);
    assert_eq!(window.n, [37, 36]);
    let below = window_around([-0.6 * dx, -1000.0 * 192.0 * dx], [192, 192], dx, [1, 2]).unwrap();
    assert_eq!((below.low, below.center_nm), ([191, 0], [191.0 * dx, 0.0]));
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    let kind = |position, grid, dx, n| window_around(position, grid, dx, n).unwrap_err().kind();
    assert_eq!(kind([f64::NAN, 0.0], [4, 4], 1.0, [1, 1]), ErrorKind::Value);
    assert_eq!(kind([0.0, f64::INFINITY], [4, 4], 1.0, [1, 1]), ErrorKind::Value);
    assert_eq!(kind([1e300, 0.0], [4, 4], 1.0, [1, 1]), ErrorKind::Value);
    assert_eq!(kind([0.0, 0.0], [4, 4], 0.0, [1, 1]), ErrorKind::Argument);
    assert_eq!(kind([0.0, 0.0], [4, 4], f64::NAN, [1, 1]), ErrorKind::Argument);
    assert_eq!(kind([0.0, 0.0], [4, 0], 1.0, [1, 1]), ErrorKind::Argument);
    assert_eq!(kind([0.0, 0.0], [4, 4], 1.0, [1, 5]), ErrorKind::Shape);
    assert_eq!(kind([0.0, 0.0], [4, 4], 1.0, [0, 1]), ErrorKind::Shape);
}

#[test]
fn proteins_with_bad_numbers_or_bonds_are_refused_and_leave_the_output() {
    let good = Protein { id: 1, state: 0, partner: -1, x_nm: 1.0, y_nm: 1.0 };
    let mut out = vec![good];
    let mut refuse = |protein: Protein, box_nm: f64, reach: f64, kind: ErrorKind| {
        let error = proteins_near(&[good, protein], [box_nm; 2], [0.0; 2], reach, &mut out).unwrap_err();
        assert_eq!((error.kind(), &out[..]), (kind, &[good][..]), "{error}");
    };
    refuse(Protein { x_nm: f64::NAN, ..good }, 40.0, 15.0, ErrorKind::Value);
    refuse(Protein { partner: 0, ..good }, 40.0, 15.0, ErrorKind::Argument);
    refuse(Protein { partner: 2, ..good }, 40.0, 15.0, ErrorKind::Argument);
    refuse(good, 29.0, 15.0, ErrorKind::Argument);
    refuse(good, f64::INFINITY, 15.0, ErrorKind::Argument);
    refuse(good, 40.0, f64::NAN, ErrorKind::Argument);
    refuse(good, 40.0, 0.0, ErrorKind::Argument);
}

#[test]
fn complex_across_the_boundary_stays_bonded() {
    let at = |id, partner, x_nm, y_nm| Protein { id, state: 0, partner, x_nm, y_nm };
    let all = [at(5, 2, 59.0, 30.0), at(6, -1, 30.0, 30.0), at(4, 0, 2.0, 30.0), at(3, -1, 1.0, 30.0)];
    let mut out = Vec::new();
    proteins_near(&all, [60.0, 60.0], [0.0, 30.0], 15.0, &mut out).unwrap();
    assert_eq!(out, [at(3, -1, 1.0, 0.0), at(5, 2, -1.0, 0.0), at(4, 1, 2.0, 0.0)]);
    proteins_near(&all, [60.0, 60.0], [0.0, 30.0], 1.5, &mut out).unwrap();
    assert_eq!(out, [at(3, -1, 1.0, 0.0), at(5, -1, -1.0, 0.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proteins_near_matches_naive(
        sites in prop::collection::vec([-40..80_i32, -40..80], 0..12),
        pairs in 0..4_usize,
        center in [0..40_i32, 0..40],
        reach in 1..=20_i32,
    ) {
        // Whole nanometres in a box of 40, so that ties are common and nothing rounds. Duplicate sites have other ids.
        let n = sites.len();
        let partner = |i: usize| if (i ^ 1) < n && i / 2 < pairs { (i ^ 1) as i32 } else { -1 };
        let all: Vec<Protein> = sites.iter().enumerate().map(|(i, [x, y])| Protein {
            id: 100 - i as u64, state: 0, partner: partner(i), x_nm: f64::from(*x), y_nm: f64::from(*y),
        }).collect();
        let mut out = vec![all.first().copied().unwrap_or(Protein { id: 0, state: 0, partner: 0, x_nm: 0.0, y_nm: 0.0 })];
        proteins_near(&all, [40.0; 2], center.map(f64::from), f64::from(reach), &mut out).unwrap();

        // Each protein's images one by one, nearest first.
        let nearest = |x: i32, c: i32| (-4..=4).map(|k| x - c + 40 * k).min_by_key(|d| d.abs()).unwrap();
        let mut naive: Vec<(i32, u64)> = Vec::new();
        for (i, [x, y]) in sites.iter().enumerate() {
            let (dx, dy) = (nearest(*x, center[0]), nearest(*y, center[1]));
            if dx.abs() <= reach && dy.abs() <= reach {
                naive.push((dx * dx + dy * dy, all[i].id));
            }
        }
        naive.sort_unstable();
        prop_assert_eq!(out.iter().map(|p| p.id).collect::<Vec<_>>(), naive.iter().map(|p| p.1).collect::<Vec<_>>());
        for (i, protein) in out.iter().enumerate() {
            prop_assert_eq!(protein.x_nm.powi(2) + protein.y_nm.powi(2), f64::from(naive[i].0));
            prop_assert!((protein.x_nm + f64::from(center[0]) - all[(100 - protein.id) as usize].x_nm) % 40.0 == 0.0);
            let bonded = all[(100 - protein.id) as usize].partner;
            let partner = out.iter().position(|p| bonded >= 0 && p.id == all[bonded as usize].id);
            prop_assert_eq!(protein.partner, partner.map_or(-1, |i| i as i32));
        }
    }

    #[test]
    fn a_window_cut_around_a_protein_passes_the_check(
        position in [-50.0..200.0_f64, -50.0..200.0],
        other in [-50.0..200.0_f64, -50.0..200.0],
    ) {
        let (dx, grid) = (30.0 / 36.0, 96_i64);
        let n = window_size(30.0, dx);
        let box_nm = [grid as f64 * dx; 2];
        let window = window_around(position, [grid, grid], dx, [n, n]).unwrap();
        let at = |id, p: [f64; 2]| Protein { id, state: 0, partner: -1, x_nm: p[0], y_nm: p[1] };
        let mut proteins = Vec::new();
        proteins_near(&[at(1, position), at(2, other)], box_nm, window.center_nm, 15.0, &mut proteins).unwrap();
        let center = proteins.iter().find(|p| p.id == 1).unwrap();
        prop_assert!(center.x_nm.abs() <= dx / 2.0 + 1e-9 && center.y_nm.abs() <= dx / 2.0 + 1e-9);
        let meta =
            Meta { id: 1, center_nm: window.center_nm, proteins: &proteins, ..Meta::default() };
        prop_assert!(check_meta(&meta, &ProteinStates::default(), 30.0).is_ok());
    }
}
