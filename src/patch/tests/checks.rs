//! Tests of shapes, species, states, and of what is refused.
//!
//! Not here: positions and bonds around a centre (`windows.rs`).

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::patch::*;

fn protein(state: i32, partner: i32, x_nm: f64, y_nm: f64) -> Protein {
    Protein { id: 1, state, partner, x_nm, y_nm }
}

fn patch() -> Patch {
    Patch {
        id: 7,
        step: -3,
        time_us: 0.5,
        center_nm: [1.0, 2.0],
        shape: Shape::new(3, 2, 2).unwrap(),
        densities: vec![0.5; 12],
        proteins: vec![protein(4, 1, 0.1, 0.0), protein(7, 0, 15.0, -15.0), protein(0, -1, 3.0, 3.0)],
        label: Some("first".into()),
    }
}

fn kind_of(patch: &Patch) -> Option<ErrorKind> {
    check_meta(&patch.meta(), &ProteinStates::default(), 30.0).err().map(|error| error.kind())
}

#[test]
fn shape_keeps_its_limits() {
    let shape = Shape::new(37, 37, 14).unwrap();
    assert_eq!((shape.len(), shape.to_string()), (19_166, "37x37x14".to_string()));
    assert!(Shape::new(4096, 4096, 4).is_ok());
    for (nx, ny, channels) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (4097, 1, 1), (1, usize::MAX, 1), (4096, 4096, 5)] {
        assert_eq!(Shape::new(nx, ny, channels).unwrap_err().kind(), ErrorKind::Shape);
    }
    assert_eq!(Shape { nx: usize::MAX, ny: 2, channels: 3 }.len(), usize::MAX);
}

#[test]
fn default_species_are_fourteen_with_eight_inner() {
    let species = Species::default();
    assert_eq!((species.len(), species.inner()), (14, 8));
    assert_eq!((species.index("POPC").unwrap(), species.index("CHOL").unwrap()), (0, 7));
    assert_eq!((species.index("POPC_outer").unwrap(), species.index("CHOL_outer").unwrap()), (8, 13));
    assert_eq!(species.index("popc").unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(Species::new(species.names().to_vec(), 8).unwrap(), species);
}

#[test]
fn species_without_unique_names_are_refused() {
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    for (list, inner) in [(names(&[]), 0), (names(&["A", ""]), 1), (names(&["A", "B", "A"]), 1), (names(&["A"]), 2)] {
        assert_eq!(Species::new(list, inner).unwrap_err().kind(), ErrorKind::Argument);
    }
    assert!(Species::new(names(&["A"]), 0).is_ok());
}

#[test]
fn default_states_are_nine_for_each_isoform() {
    let states = ProteinStates::default();
    assert_eq!(states.len(), 18);
    assert_eq!(states.index("mRAFb").unwrap(), 8);
    assert_eq!(states.index("RASa_4A").unwrap(), 9);
    assert_eq!((states.name(17), states.name(18), states.name(-1)), (Some("mRAFb_4A"), None, None));
    for state in 0..18 {
        let name = states.name(state).unwrap();
        let kind = if name.contains("RAF") { ProteinKind::Raf } else { ProteinKind::Ras };
        assert_eq!((states.kind(state), states.index(name).unwrap()), (Some(kind), state));
    }
    assert_eq!((states.kind(18), states.kind(i32::MIN)), (None, None));
    assert_eq!(states.index("RASd").unwrap_err().kind(), ErrorKind::Unknown);
    assert_eq!(ProteinStates::new(vec![]).unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn constellation_counts_both_kinds() {
    let proteins = [protein(0, -1, 0.0, 0.0), protein(13, 2, 0.0, 0.0), protein(16, 1, 0.0, 0.0)];
    let constellation = Constellation::of(&proteins, &ProteinStates::default());
    assert_eq!(constellation, Constellation { ras: 2, raf: 1 });
    assert_eq!(constellation.to_string(), "2 RAS, 1 RAF");
    assert_eq!(Constellation::of(&[], &ProteinStates::default()), Constellation::default());
}

#[test]
fn good_meta_passes() {
    assert_eq!(kind_of(&patch()), None);
    let mut edge = patch();
    edge.proteins[2].x_nm = -15.0 * (1.0 + 5e-10);
    edge.label = Some("x".repeat(256));
    assert_eq!(kind_of(&edge), None);
}

#[test]
fn bad_meta_is_refused_and_says_which_patch() {
    type Change = fn(&mut Patch);
    let changes: [(Change, ErrorKind); 17] = [
        (|p| p.id = 0, ErrorKind::Argument),
        (|p| p.id = 1 << 48, ErrorKind::Argument),
        (|p| p.time_us = f64::NAN, ErrorKind::Value),
        (|p| p.center_nm[0] = f64::INFINITY, ErrorKind::Value),
        (|p| p.center_nm[1] = f64::NAN, ErrorKind::Value),
        (|p| p.label = Some("x".repeat(257)), ErrorKind::Argument),
        (|p| p.proteins = vec![p.proteins[2]; 4097], ErrorKind::Argument),
        (|p| p.proteins[2].state = 18, ErrorKind::Unknown),
        (|p| p.proteins[2].state = -1, ErrorKind::Unknown),
        (|p| p.proteins[2].x_nm = 15.001, ErrorKind::Value),
        (|p| p.proteins[2].y_nm = -15.001, ErrorKind::Value),
        (|p| p.proteins[2].x_nm = f64::NAN, ErrorKind::Value),
        (|p| p.proteins[2].partner = 2, ErrorKind::Argument),
        (|p| p.proteins[2].partner = 0, ErrorKind::Argument),
        (|p| p.proteins[2].partner = 3, ErrorKind::Argument),
        (|p| p.proteins[2].partner = -2, ErrorKind::Argument),
        (|p| p.proteins[1].partner = -1, ErrorKind::Argument),
    ];
    for (i, (change, kind)) in changes.iter().enumerate() {
        let mut bad = patch();
        change(&mut bad);
        let error = check_meta(&bad.meta(), &ProteinStates::default(), 30.0).unwrap_err();
        assert_eq!(error.kind(), *kind, "change {i}: {error}");
        assert!(error.message().contains(&bad.id.to_string()), "change {i}: {error}");
    }
}

#[test]
fn factor_is_positive_and_finite() {
    let patch = patch();
    let with = |factor| check_meta(&Meta { factor, ..patch.meta() }, &ProteinStates::default(), 30.0);
    assert!([None, Some(1.0), Some(f32::MIN_POSITIVE), Some(f32::MAX)].into_iter().all(|factor| with(factor).is_ok()));
    for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(with(Some(bad)).unwrap_err().kind(), ErrorKind::Value);
    }
}

#[test]
fn bad_density_is_named_by_pixel_and_channel() {
    let shape = Shape::new(3, 2, 2).unwrap();
    let mut densities = vec![-0.25; 12];
    assert!(check_densities(&densities, shape).is_ok());
    densities[(3 + 2) * 2 + 1] = f32::NEG_INFINITY;
    let error = check_densities(&densities, shape).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.message().contains("pixel (2, 1), channel 1 is -inf"), "{error}");
    assert_eq!(check_densities(&densities[..11], shape).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn coarsening_keeps_widths_and_centre() {
    let shape = Shape::new(73, 73, 1).unwrap();
    let ramp: Vec<f32> = (0..73 * 73).map(|i| (i % 73) as f32).collect();
    let mut half = vec![0.0; 37 * 37];
    let middle = coarsen_73_to_37(shape, &ramp, &mut half).unwrap();
    assert_eq!((middle.nx, middle.ny), (37, 37));
    assert_eq!((half[0], half[17], half[18], half[19], half[36]), (0.5, 34.5, 36.0, 37.5, 71.5));
    let mut fifth = vec![0.0; 25];
    coarsen_37_to_5(middle, &half, &mut fifth).unwrap();
    let step = |low: usize, width: usize| half[low..low + width].iter().sum::<f32>() / width as f32;
    assert_eq!(fifth[10..15], [step(0, 7), step(7, 7), step(14, 9), step(23, 7), step(30, 7)]);
    assert_eq!(fifth[12], 36.0);
    assert_eq!(coarsen_37_to_5(shape, &ramp, &mut fifth).unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(coarsen_73_to_37(shape, &ramp, &mut half[1..]).unwrap_err().kind(), ErrorKind::Shape);
    assert_eq!(coarsen(shape, &ramp, &[73, 0], &[73], &mut [0.0, 0.0]).unwrap_err().kind(), ErrorKind::Shape);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn check_densities_matches_naive(bits in prop::collection::vec(any::<u32>(), 1..200), good in any::<bool>()) {
        let clear = if good { !0x0080_0000 } else { !0 };
        let densities: Vec<f32> = bits.iter().map(|b| f32::from_bits(b & clear)).collect();
        let shape = Shape::new(densities.len(), 1, 1).unwrap();
        prop_assert_eq!(check_densities(&densities, shape).is_ok(), densities.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn coarsen_matches_naive(
        widths_x in prop::collection::vec(1..4_usize, 1..5),
        widths_y in prop::collection::vec(1..4_usize, 1..5),
        channels in 1..4_usize,
        seed in prop::collection::vec(-1.0_f32..1.0, 1..50),
    ) {
        let (nx, ny): (usize, usize) = (widths_x.iter().sum(), widths_y.iter().sum());
        let shape = Shape::new(nx, ny, channels).unwrap();
        let densities: Vec<f32> = seed.into_iter().cycle().take(shape.len()).collect();
        let mut out = vec![0.0; widths_x.len() * widths_y.len() * channels];
        coarsen(shape, &densities, &widths_x, &widths_y, &mut out).unwrap();

        let block_of = |widths: &[usize]| -> Vec<usize> {
            widths.iter().enumerate().flat_map(|(block, &width)| vec![block; width]).collect()
        };
        let (blocks_x, blocks_y) = (block_of(&widths_x), block_of(&widths_y));
        let mut sums = vec![0.0_f64; out.len()];
        for (i, &density) in densities.iter().enumerate() {
            let (x, y, c) = (i / channels % nx, i / channels / nx, i % channels);
            let area = (widths_x[blocks_x[x]] * widths_y[blocks_y[y]]) as f64;
            sums[(blocks_y[y] * widths_x.len() + blocks_x[x]) * channels + c] += f64::from(density) / area;
        }
        for (mean, naive) in out.iter().zip(sums) {
            prop_assert!((f64::from(*mean) - naive).abs() < 1e-6);
        }
    }
}
