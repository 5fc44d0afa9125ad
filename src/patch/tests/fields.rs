//! Tests of strided fields and of cutting windows out of them.
//!
//! Values are small multiples of 1/64, so that sums in float64 are exact.
//! Not here: where windows lie (`windows.rs`).

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::patch::*;

/// Values for a field, all different from their neighbours: any multiple of 1/64 from -16 to 16.
fn values(len: usize, seed: u32) -> Vec<f32> {
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 21) as f32 / 64.0 - 16.0)
    };
    let mut state = seed;
    std::iter::from_fn(|| next(&mut state)).take(len).collect()
}

fn mass(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v)).sum()
}

/// A whole periodic grid: field and its values.
fn cut_all(densities: &[f32], grid: [usize; 2], channels: usize, low: [i64; 2], window: [usize; 2]) -> Vec<f32> {
    let field = Field::interleaved(Samples::F32(densities), grid[0], grid[1], channels).unwrap();
    let mut out = vec![f32::NAN; window[0] * window[1] * channels];
    let filled = cut(&field, [0, 0], grid.map(|n| n as i64), low, window, &mut out).unwrap();
    assert_eq!(filled, window[0] * window[1]);
    out
}

/// Grid, window no larger than it, channels, low of the window, seed.
fn cases() -> impl Strategy<Value = ([usize; 2], [usize; 2], usize, [i64; 2], u32)> {
    ([1..9_usize, 1..9], 1..4_usize, [-20..20_i64, -20..20], any::<u32>())
        .prop_flat_map(|(n, c, low, seed)| (Just(n), [1..=n[0], 1..=n[1]], Just(c), Just(low), Just(seed)))
}

#[test]
fn fields_that_reach_outside_their_data_are_refused() {
    let data = vec![0.0_f32; 24];
    let samples = Samples::F32(&data);
    let refused = |field: crate::error::Result<Field>| assert_eq!(field.unwrap_err().kind(), ErrorKind::Shape);
    assert!(Field::strided(samples, 0, [2, 8, 1], 4, 3, 2).is_ok());
    assert!(Field::strided(samples, 23, [-2, -8, -1], 4, 3, 2).is_ok());
    assert!(Field::strided(samples, 0, [0, 0, 0], 4, 3, 2).is_ok());
    refused(Field::strided(samples, 1, [2, 8, 1], 4, 3, 2));
    refused(Field::strided(samples, 22, [-2, -8, -1], 4, 3, 2));
    refused(Field::strided(samples, usize::MAX, [isize::MIN, isize::MAX, isize::MIN], 1 << 24, 1 << 24, 4096));
    refused(Field::strided(samples, 0, [0, 0, 0], 0, 3, 2));
    refused(Field::strided(samples, 0, [0, 0, 0], 4, 3, 4097));
    refused(Field::strided(samples, 0, [0, 0, 0], usize::MAX, 3, 1));
    refused(Field::interleaved(samples, 4, 3, 1));
    refused(Field::strided(Samples::F64(&[]), 0, [1, 1, 1], 1, 1, 1));
    refused(Field::planes(&|c| Samples::F32(&data[..12 - c]), 0, [1, 4], 4, 3, 2));
}

#[test]
fn plane_that_gets_shorter_is_an_error() {
    let data = vec![1.0_f32; 12];
    let calls = std::cell::Cell::new(0);
    let plane = |_: usize| {
        calls.set(calls.get() + 1);
        Samples::F32(if calls.get() > 3 { &data[..5] } else { &data })
    };
    let field = Field::planes(&plane, 0, [1, 4], 4, 3, 2).unwrap();
    assert_eq!(field.copy_into(&mut [0.0; 24]).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn more_planes_than_are_held_at_a_time_are_all_copied() {
    let data: Vec<f32> = (0..70).map(|c| c as f32).collect();
    let wide: Vec<f64> = data.iter().map(|&v| f64::from(v)).collect();
    let plane = |c: usize| if c < 35 { Samples::F32(&data[c..]) } else { Samples::F64(&wide[c..]) };
    let mut out = vec![f32::NAN; 140];
    Field::planes(&plane, 0, [0, 0], 2, 1, 70).unwrap().copy_into(&mut out).unwrap();
    assert_eq!(out, [&data[..], &data[..]].concat());
}

#[test]
fn float64_too_large_for_float32_becomes_infinite_and_is_found() {
    let data = [1.0_f64, 1e300];
    let field = Field::interleaved(Samples::F64(&data), 2, 1, 1).unwrap();
    let mut out = [0.0; 2];
    field.copy_into(&mut out).unwrap();
    assert_eq!(out, [1.0, f32::INFINITY]);
    assert_eq!(check_densities(&out, field.shape()).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(field.copy_into(&mut [0.0; 3]).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn windows_and_boxes_larger_than_the_grid_are_refused() {
    let data = [0.0_f32; 12];
    let field = Field::interleaved(Samples::F32(&data), 4, 3, 1).unwrap();
    let kind = |grid, window, out: &mut [f32]| cut(&field, [0, 0], grid, [0, 0], window, out).unwrap_err().kind();
    assert_eq!(kind([4, 3], [5, 3], &mut [0.0; 15]), ErrorKind::Shape);
    assert_eq!(kind([4, 3], [0, 3], &mut []), ErrorKind::Shape);
    assert_eq!(kind([4, 2], [1, 1], &mut [0.0]), ErrorKind::Shape);
    assert_eq!(kind([4, 3], [2, 2], &mut [0.0; 5]), ErrorKind::Shape);
    assert_eq!(kind([0, 3], [1, 1], &mut [0.0]), ErrorKind::Argument);
    assert_eq!(kind([i64::MIN, -1], [1, 1], &mut [0.0]), ErrorKind::Argument);
    let mut out = [0.0];
    let extremes = [i64::MIN, i64::MAX];
    for low in extremes {
        for window_low in extremes {
            assert!(cut(&field, [low; 2], [i64::MAX; 2], [window_low; 2], [1, 1], &mut out).is_ok());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strided_copy_matches_naive(
        n in [1..6_usize, 1..6, 1..8],
        order in Just([0_usize, 1, 2]).prop_shuffle(),
        gaps in [0..3_usize, 0..3, 0..3],
        flips in any::<[bool; 3]>(),
        double in any::<bool>(),
        seed in any::<u32>(),
    ) {
        // Axes nested in any order, with gaps between them, some running backwards.
        let (mut strides, mut origin, mut step) = ([0_isize; 3], 2_usize, 1_usize);
        for axis in order {
            step += gaps[axis];
            strides[axis] = if flips[axis] { -(step as isize) } else { step as isize };
            origin += if flips[axis] { step * (n[axis] - 1) } else { 0 };
            step *= n[axis];
        }
        let single = values(step + 4, seed);
        let wide: Vec<f64> = single.iter().map(|&v| f64::from(v)).collect();
        let samples = if double { Samples::F64(&wide) } else { Samples::F32(&single) };
        let field = Field::strided(samples, origin, strides, n[0], n[1], n[2]).unwrap();
        let mut out = vec![f32::NAN; n[0] * n[1] * n[2]];
        field.copy_into(&mut out).unwrap();
        for (i, value) in out.iter().enumerate() {
            let index = [i / n[2] % n[0], i / n[2] / n[0], i % n[2]];
            let at = (0..3).fold(origin as isize, |at, axis| at + index[axis] as isize * strides[axis]);
            prop_assert_eq!(*value, single[at as usize]);
        }
    }

    #[test]
    fn planes_copy_matches_naive(
        n in [1..6_usize, 1..6, 1..8],
        across in any::<bool>(),
        origin in 0..3_usize,
        double in any::<bool>(),
        seed in any::<u32>(),
    ) {
        let len = origin + n[0] * n[1];
        let single: Vec<Vec<f32>> = (0..n[2]).map(|c| values(len, seed ^ c as u32)).collect();
        let wide: Vec<Vec<f64>> = single.iter().map(|plane| plane.iter().map(|&v| v.into()).collect()).collect();
        let plane = |c: usize| if double { Samples::F64(&wide[c]) } else { Samples::F32(&single[c]) };
        let strides = if across { [n[1], 1] } else { [1, n[0]] };
        let field = Field::planes(&plane, origin, strides.map(|s| s as isize), n[0], n[1], n[2]).unwrap();
        let mut out = vec![f32::NAN; n[0] * n[1] * n[2]];
        field.copy_into(&mut out).unwrap();
        for (i, value) in out.iter().enumerate() {
            let (x, y, c) = (i / n[2] % n[0], i / n[2] / n[0], i % n[2]);
            prop_assert_eq!(*value, single[c][origin + x * strides[0] + y * strides[1]]);
        }
    }

    #[test]
    fn cut_matches_naive((grid, window, channels, low, seed) in cases()) {
        let densities = values(grid[0] * grid[1] * channels, seed);
        let out = cut_all(&densities, grid, channels, low, window);
        for (i, value) in out.iter().enumerate() {
            let (x, y, c) = (i / channels % window[0], i / channels / window[0], i % channels);
            let gx = (low[0] + x as i64).rem_euclid(grid[0] as i64) as usize;
            let gy = (low[1] + y as i64).rem_euclid(grid[1] as i64) as usize;
            prop_assert_eq!(*value, densities[(gy * grid[0] + gx) * channels + c]);
        }
    }

    #[test]
    fn mass_of_a_tiling_equals_mass_of_the_field(
        tile in [1..5_usize, 1..5],
        tiles in [1..4_usize, 1..4],
        channels in 1..4_usize,
        low in [-20..20_i64, -20..20],
        seed in any::<u32>(),
    ) {
        let grid = [tile[0] * tiles[0], tile[1] * tiles[1]];
        let densities = values(grid[0] * grid[1] * channels, seed);
        let mut total = 0.0;
        for ty in 0..tiles[1] {
            for tx in 0..tiles[0] {
                let corner = [low[0] + (tx * tile[0]) as i64, low[1] + (ty * tile[1]) as i64];
                total += mass(&cut_all(&densities, grid, channels, corner, tile));
            }
        }
        prop_assert_eq!(total, mass(&densities));
    }

    #[test]
    fn cut_across_the_boundary_equals_a_cut_in_a_shifted_field(
        (grid, window, channels, low, seed) in cases(),
        shift in [-20..20_i64, -20..20],
    ) {
        let densities = values(grid[0] * grid[1] * channels, seed);
        let mut shifted = vec![f32::NAN; densities.len()];
        for (i, value) in densities.iter().enumerate() {
            let (x, y, c) = (i / channels % grid[0], i / channels / grid[0], i % channels);
            let sx = (x as i64 + shift[0]).rem_euclid(grid[0] as i64) as usize;
            let sy = (y as i64 + shift[1]).rem_euclid(grid[1] as i64) as usize;
            shifted[(sy * grid[0] + sx) * channels + c] = *value;
        }
        let moved = [low[0] + shift[0], low[1] + shift[1]];
        prop_assert_eq!(
            cut_all(&densities, grid, channels, low, window),
            cut_all(&shifted, grid, channels, moved, window)
        );
    }

    #[test]
    fn ranks_that_own_parts_of_the_grid_sum_to_the_whole_cut(
        (grid, window, channels, low, seed) in cases(),
        splits in [0..9_usize, 0..9],
        box_low in [-20..20_i64, -20..20],
    ) {
        let densities = values(grid[0] * grid[1] * channels, seed);
        let whole = cut_all(&densities, grid, channels, low, window);
        let mut sum = vec![0.0_f32; whole.len()];
        let mut filled = 0;
        // Up to four ranks; the boxes begin anywhere, so that some wrap around the grid.
        let part = |axis: usize| {
            let at = splits[axis].min(grid[axis]);
            [(0, at), (at, grid[axis] - at)].into_iter().filter(|(_, n)| *n > 0)
        };
        for (y0, ny) in part(1) {
            for (x0, nx) in part(0) {
                let owned_low = [box_low[0] + x0 as i64, box_low[1] + y0 as i64];
                let owned = cut_all(&densities, grid, channels, owned_low, [nx, ny]);
                let field = Field::interleaved(Samples::F32(&owned), nx, ny, channels).unwrap();
                let mut mine = vec![0.0_f32; whole.len()];
                filled += cut(&field, owned_low, grid.map(|n| n as i64), low, window, &mut mine).unwrap();

                let mut marked = vec![f32::INFINITY; whole.len()];
                let pixels = cut(&field, owned_low, grid.map(|n| n as i64), low, window, &mut marked).unwrap();
                prop_assert_eq!(marked.iter().filter(|v| v.is_finite()).count(), pixels * channels);

                sum.iter_mut().zip(&mine).for_each(|(sum, mine)| *sum += mine);
            }
        }
        prop_assert_eq!(filled, window[0] * window[1]);
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn cut_of_planes_equals_cut_of_interleaved((grid, window, channels, low, seed) in cases()) {
        let densities = values(grid[0] * grid[1] * channels, seed);
        let planes: Vec<Vec<f32>> =
            (0..channels).map(|c| densities.iter().skip(c).step_by(channels).copied().collect()).collect();
        let plane = |c: usize| Samples::F32(&planes[c]);
        let field = Field::planes(&plane, 0, [1, grid[0] as isize], grid[0], grid[1], channels).unwrap();
        let mut out = vec![f32::NAN; window[0] * window[1] * channels];
        cut(&field, [0, 0], grid.map(|n| n as i64), low, window, &mut out).unwrap();
        prop_assert_eq!(out, cut_all(&densities, grid, channels, low, window));
    }
}
