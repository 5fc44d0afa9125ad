//! The inversion, against convolutions done cell by cell in the plane, and against a macro model that it is for.
//!
//! Not here: the macro model itself (`examples/ddft`).

use super::*;
use crate::error::ErrorKind;
use crate::feedback::radial::scaled_bessel;

/// exp(-z) I0(z) by its integral (Abramowitz and Stegun, 9.6.16), whose trapezoids converge at once: it is periodic.
#[test]
fn the_bessel_function_is_that_of_its_integral() {
    for z in [0.0, 1e-9, 0.1, 1.0, 7.7, 29.9, 30.0, 30.1, 144.0, 900.0, 5000.0] {
        let steps = 4000;
        let angle = |k: i32| std::f64::consts::TAU * f64::from(k) / f64::from(steps);
        let sum: f64 = (0..steps).map(|k| (z * (angle(k).cos() - 1.0)).exp()).sum();
        let expected = sum / f64::from(steps);
        let got = scaled_bessel(z);
        assert!((got - expected).abs() < 4e-14 * expected, "{z}: {got} {expected}");
    }
}

/// The same convolution in the plane: a sum over square cells, f linear between the bins' centres.
fn plane(bins: Bins, f: &[f64], sigma: f64, r: f64) -> f64 {
    let (step, width) = (0.02, bins.width_nm());
    let value = |at: f64| {
        if at >= bins.cutoff_nm() {
            return 0.0;
        }
        let place = (at / width - 0.5).clamp(0.0, (f.len() - 1) as f64);
        let low = (place as usize).min(f.len().saturating_sub(2));
        f[low] + (place - low as f64) * (f[low + 1] - f[low])
    };
    let reach = (7.0 * sigma / step) as i32;
    let mut sum = 0.0;
    for (i, j) in (-reach..=reach).flat_map(|i| (-reach..=reach).map(move |j| (i, j))) {
        let (dx, dy) = ((f64::from(i) + 0.5) * step, (f64::from(j) + 0.5) * step);
        let gauss = (-(dx * dx + dy * dy) / (2.0 * sigma * sigma)).exp() / (std::f64::consts::TAU * sigma * sigma);
        sum += step * step * gauss * value((r + dx).hypot(dy));
    }
    sum
}

#[test]
fn convolutions_match_those_in_the_plane() {
    let bins = Bins::new(60, 6.0).unwrap();
    let waves = |r: f64| (1.7 * r).cos() * (-0.3 * r).exp() - 0.4;
    for (sigma, ends_at_zero) in [(0.4, true), (0.9, true), (0.4, false), (0.9, false)] {
        let end = |r: f64| if ends_at_zero { 1.0 - r / bins.cutoff_nm() } else { 1.0 };
        let f: Vec<f64> = bins.centres_nm().into_iter().map(|r| end(r) * waves(r)).collect();
        let convolved = Convolution::new(bins, sigma).unwrap().apply(&f);
        for bin in [0, 1, 7, 20, 45, 55, 59] {
            let expected = plane(bins, &f, sigma, bins.centres_nm()[bin]);
            // Kinks, and the jump at the cutoff, cost the sum over cells up to a cell's share of them.
            let is_far = bins.cutoff_nm() - bins.centres_nm()[bin] > 7.0 * sigma;
            let tolerance = if is_far {
                1e-5
            } else if ends_at_zero {
                1e-4
            } else {
                3e-3
            };
            assert!((convolved[bin] - expected).abs() < tolerance, "{sigma} {bin}: {} {expected}", convolved[bin]);
        }
    }
}

#[test]
fn a_gaussian_and_a_gaussian_make_a_wider_one() {
    let bins = Bins::new(400, 12.0).unwrap();
    let gauss = |r: f64, sigma: f64| (-r * r / (2.0 * sigma * sigma)).exp() / (std::f64::consts::TAU * sigma * sigma);
    let f: Vec<f64> = bins.centres_nm().into_iter().map(|r| gauss(r, 1.2)).collect();
    let convolved = Convolution::new(bins, 0.9).unwrap().apply(&f);
    for (r, got) in bins.centres_nm().into_iter().zip(convolved) {
        assert!((got - gauss(r, 1.5)).abs() < 2e-5, "{r}: {got} {}", gauss(r, 1.5));
    }
    let smoothed = Convolution::new(bins, 0.9).unwrap().smooth(&[3.0; 400]);
    assert!(smoothed.iter().all(|value| (value - 3.0).abs() < 1e-12));
}

/// Three lipids of a macro model around a protein with the potentials U: g solves g_i = exp(-U_i - mixing), iterated with
/// the convolution done by the matrix, which the tests above hold.
fn forward(bins: Bins, potential: &[f64], a: &[f64], sigma: f64, densities: &[f64]) -> Vec<f64> {
    let count = bins.count();
    let convolution = Convolution::new(bins, sigma).unwrap();
    let mut g = vec![1.0; potential.len()];
    for _ in 0..4000 {
        let around: Vec<Vec<f64>> = g
            .chunks_exact(count)
            .zip(densities)
            .map(|(g, density)| convolution.apply(&g.iter().map(|g| density * (g - 1.0)).collect::<Vec<_>>()))
            .collect();
        for at in 0..g.len() {
            let (i, bin) = (at / count, at % count);
            let mixing: f64 =
                around.iter().enumerate().map(|(j, around)| a[i * densities.len() + j] * around[bin]).sum();
            g[at] = 0.8 * g[at] + 0.2 * (-potential[at] - mixing).exp();
        }
    }
    g
}

fn example() -> (Bins, Vec<f64>, Vec<f64>, Vec<f64>) {
    let bins = Bins::new(80, 8.0).unwrap();
    let well = |kt: f64, r: f64| if r < 5.0 { kt * (1.0 - r * r / 25.0).powi(3) } else { 0.0 };
    let potential = [-2.2, 0.5, 0.1].iter().flat_map(|&kt| bins.centres_nm().into_iter().map(move |r| well(kt, r)));
    let order: [f64; 3] = [-0.75, 1.0, 0.25];
    let a = order.iter().flat_map(|x| order.iter().map(move |y| 0.60 * (2.0 - 0.45 * x * y))).collect();
    (bins, potential.collect(), a, vec![0.3, 0.8, 0.5])
}

fn largest(a: &[f64], b: &[f64], from: usize, count: usize) -> f64 {
    let apart = a.iter().zip(b).enumerate().filter(|(at, _)| at % count >= from);
    apart.map(|(_, (a, b))| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_inversion_gives_back_the_potential_and_plain_counts_mixing_twice() {
    let (bins, potential, a_nm2, densities_nm2) = example();
    let g = forward(bins, &potential, &a_nm2, 0.9, &densities_nm2);
    assert!(g.iter().fold(0.0_f64, |most, g| most.max(*g)) > 2.0 && g.iter().all(|g| *g > 0.05));
    let mixing = Mixing::Gaussian { a_nm2: a_nm2.clone(), sigma_nm: 0.9, densities_nm2: densities_nm2.clone() };
    let exact = Inversion { smoothing_nm: 0.0, switch_nm: 0.0, ..Inversion::new(mixing) };
    let got = exact.prepare(3, bins).unwrap().potential_kt(&g).unwrap();
    assert!(largest(&got, &potential, 0, 80) < 1e-9, "{}", largest(&got, &potential, 0, 80));
    let plain = Inversion { mixing: Mixing::Plain, ..exact.clone() };
    let plain = plain.prepare(3, bins).unwrap().potential_kt(&g).unwrap();
    assert!(largest(&plain, &potential, 0, 80) > 0.3, "{}", largest(&plain, &potential, 0, 80));
    // As it is used: what the macro model does with the potential, beside g.
    let used = Inversion::new(exact.mixing.clone()).prepare(3, bins).unwrap();
    let made = forward(bins, &used.potential_kt(&g).unwrap(), &a_nm2, 0.9, &densities_nm2);
    assert!(largest(&made, &used.target(&g).unwrap(), 0, 80) < 0.01);
    let wrong = forward(bins, &plain, &a_nm2, 0.9, &densities_nm2);
    assert!(largest(&wrong, &g, 8, 80) > 0.2, "{}", largest(&wrong, &g, 8, 80));
}

#[test]
fn noise_is_smoothed_the_core_has_a_floor_and_the_end_is_switched_off() {
    let bins = Bins::new(60, 6.0).unwrap();
    let mut random = Random(11);
    let g: Vec<f64> =
        bins.centres_nm().iter().map(|r| if *r < 1.5 { 0.0 } else { 1.0 + 0.1 * random.normal() }).collect();
    let prepared = Inversion::new(Mixing::Plain).prepare(1, bins).unwrap();
    let (target, potential) = (prepared.target(&g).unwrap(), prepared.potential_kt(&g).unwrap());
    assert_eq!(target[0], 0.02);
    assert!((potential[0] + 0.02_f64.ln()).abs() < 1e-12);
    let rough = |g: &[f64]| g[20..].windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>();
    assert!(rough(&target) < 0.05 * rough(&g));
    let plain: Vec<f64> = target.iter().map(|g| -g.ln()).collect();
    assert_eq!(potential[..40], plain[..40]);
    assert!((potential[50] / plain[50] - 0.5).abs() < 0.05 && (potential[59] / plain[59]).abs() < 0.01);
}

#[test]
fn a_tail_is_made_the_bulk_where_it_is_asked_for() {
    let bins = Bins::new(60, 6.0).unwrap();
    let g: Vec<f64> = bins.centres_nm().iter().map(|r| 0.8 * (1.0 + (-r * r).exp())).collect();
    let tail = Inversion { bulk: Bulk::Tail, smoothing_nm: 0.0, ..Inversion::new(Mixing::Plain) };
    let target = tail.prepare(1, bins).unwrap().target(&g).unwrap();
    for (r, got) in bins.centres_nm().into_iter().zip(target) {
        assert!((got - 1.0 - (-r * r).exp()).abs() < 1e-6);
    }
    without_bulk_a_lipid_is_taken_as_given(&tail, bins, &[0.0; 60]);
}

#[test]
fn the_bulk_of_a_box_is_what_its_cutoff_leaves() {
    // 30 x 30 nm with a mean of 1: what gathers within 3 nm is missing beyond.
    let bins = Bins::new(60, 6.0).unwrap();
    let disc = std::f64::consts::PI * 9.0;
    let bulk = (900.0 - 4.0 * disc) / (900.0 - disc);
    let g: Vec<f64> = bins.centres_nm().into_iter().map(|r| if r < 3.0 { 4.0 } else { bulk }).collect();
    let boxed = Inversion { bulk: Bulk::Box(900.0), smoothing_nm: 0.0, ..Inversion::new(Mixing::Plain) };
    let target = boxed.prepare(1, bins).unwrap().target(&g).unwrap();
    assert!((target[0] - 4.0 / bulk).abs() < 1e-12 && (target[59] - 1.0).abs() < 1e-12, "{} {}", target[0], target[59]);
    without_bulk_a_lipid_is_taken_as_given(&boxed, bins, &[9.0; 60]);
}

/// Two lipids, of which the second has `g` and nothing in the bulk: it has no potential, and the first one's is that beside
/// a second lipid that is inverted as given.
fn without_bulk_a_lipid_is_taken_as_given(inversion: &Inversion, bins: Bins, g: &[f64]) {
    let first: Vec<f64> = bins.centres_nm().iter().map(|r| 1.0 + 0.5 * (-r * r).exp()).collect();
    let both = [&first[..], g].concat();
    let (a_nm2, densities_nm2) = (vec![0.7, 0.4, 0.4, 0.7], vec![0.5, 0.01]);
    let mixed = Inversion { mixing: Mixing::Gaussian { a_nm2, sigma_nm: 0.9, densities_nm2 }, ..inversion.clone() };
    let prepared = mixed.prepare(2, bins).unwrap();
    assert_eq!(prepared.has_bulk(&both).unwrap(), [true, false]);
    let given = Inversion { bulk: Bulk::AsGiven, ..mixed }.prepare(2, bins).unwrap();
    let (target, as_given) = (prepared.target(&both).unwrap(), given.target(&both).unwrap());
    assert_eq!(target[60..], as_given[60..]);
    let potential = prepared.potential_kt(&both).unwrap();
    assert!(potential[60..].iter().all(|kt| *kt == 0.0));
    let beside = [&target[..60], &as_given[60..]].concat();
    let expected = given.potential_kt(&beside).unwrap();
    assert!(largest(&potential[..60], &expected[..60], 0, 60) < 1e-12 && potential[0].abs() > 0.1);
}

#[test]
fn bad_inversions_and_bad_g_are_refused() {
    let bins = Bins::new(60, 6.0).unwrap();
    let good = Inversion::new(Mixing::Plain);
    let refused = |inversion: Inversion| inversion.prepare(2, bins).map(|_| ()).unwrap_err().kind();
    for floor in [0.0, -1.0, 1.5, f64::NAN] {
        assert_eq!(refused(Inversion { floor, ..good.clone() }), ErrorKind::Argument);
    }
    for switch_nm in [-1.0, 6.5, f64::NAN] {
        assert_eq!(refused(Inversion { switch_nm, ..good.clone() }), ErrorKind::Argument);
    }
    for smoothing_nm in [-1.0, 0.01, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(Inversion { smoothing_nm, ..good.clone() }), ErrorKind::Argument);
    }
    assert_eq!(refused(Inversion { bulk: Bulk::Tail, switch_nm: 0.0, ..good.clone() }), ErrorKind::Argument);
    for area_nm2 in [100.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(Inversion { bulk: Bulk::Box(area_nm2), ..good.clone() }), ErrorKind::Argument);
    }
    let many = Bins::new(200_000, 6.0).unwrap();
    assert_eq!(good.prepare(1, many).unwrap_err().kind(), ErrorKind::Argument, "a matrix of 320 GB");
    assert!(Inversion { smoothing_nm: 0.0, ..good.clone() }.prepare(1, many).is_ok(), "no matrix");
    let mixing = |a: usize, n: usize, x: f64| {
        let mixing = Mixing::Gaussian { a_nm2: vec![x; a], sigma_nm: 0.9, densities_nm2: vec![1.0; n] };
        refused(Inversion::new(mixing))
    };
    assert_eq!((mixing(3, 2, 1.0), mixing(4, 1, 1.0)), (ErrorKind::Shape, ErrorKind::Shape));
    assert_eq!(mixing(4, 2, f64::NAN), ErrorKind::Value);
    let prepared = good.prepare(2, bins).unwrap();
    assert_eq!(prepared.potential_kt(&[1.0; 60]).unwrap_err().kind(), ErrorKind::Shape);
    for bad in [-0.5, f64::NAN, f64::INFINITY] {
        let mut g = vec![1.0; 120];
        g[77] = bad;
        assert_eq!(prepared.potential_kt(&g).unwrap_err().kind(), ErrorKind::Value);
    }
}
