//! Where bins lie, by hand and against plain comparisons with their edges, and what is not a word for bins.
//!
//! Not here: picks by bin ([`super::queues`]).

use proptest::prelude::*;

use super::super::{BINS_MAX, Bins};
use crate::error::ErrorKind;

fn bins(text: &str) -> Bins {
    text.parse().unwrap()
}

#[test]
fn a_line_takes_what_is_outside_into_its_edge_bins() {
    let bins = bins("1d:dim=1,min=-5,max=7,bins=12");
    let index = |x: f32| bins.index(&[f32::MAX, x]);
    assert_eq!(bins.count(), 12);
    assert_eq!([-5.0, -4.5, -4.0, 0.0, 6.5, 7.0].map(index), [0, 0, 1, 5, 11, 11]);
    assert_eq!([-5.1, f32::MIN, 7.1, f32::MAX].map(index), [0, 0, 11, 11]);
}

#[test]
fn a_periodic_line_wraps() {
    let bins = bins("1d:dim=0,min=0,max=360,bins=4,periodic");
    let index = |x: f32| bins.index(&[x]);
    assert_eq!([0.0, 89.0, 90.0, 359.0, 360.0, 450.0, -1.0, -91.0, 725.0].map(index), [0, 0, 1, 3, 0, 1, 3, 2, 0]);
    // A hair below 0 rounds up to a whole turn.
    assert_eq!(index(-1e-30), 3);
    assert!([f32::MAX, f32::MIN].map(index).iter().all(|&bin| bin < 4));
}

#[test]
fn a_sphere_has_rings_of_polar_angle_and_wraps_the_azimuth() {
    let bins = bins("spherical2:theta=0,phi=1,bins=2x4");
    let index = |theta: f32, phi: f32| bins.index(&[theta, phi]);
    assert_eq!(bins.count(), 8);
    assert_eq!((index(0.1, -3.1), index(0.1, 0.1), index(3.0, 0.1), index(3.0, 3.1)), (0, 2, 6, 7));
    assert_eq!((index(0.1, 3.2), index(-9.0, 0.1), index(9.0, 0.1)), (0, 2, 6));
}

#[test]
fn rings_may_have_bins_of_their_own() {
    let bins = bins("spherical2:theta=1,phi=0,rings=1/3/1,degrees");
    let index = |theta: f32, phi: f32| bins.index(&[phi, theta]);
    assert_eq!(bins.count(), 5);
    assert_eq!((index(10.0, 170.0), index(90.0, -170.0), index(90.0, 0.0), index(90.0, 170.0)), (0, 1, 2, 3));
    assert_eq!((index(179.0, 0.0), index(90.0, 190.0)), (4, 1));
}

#[test]
fn shells_are_the_slowest_index_of_a_ball() {
    let bins = bins("spherical3:theta=0,phi=1,r=2,bins=2x4,min=0,max=4,shells=2,degrees");
    assert_eq!(bins.count(), 16);
    assert_eq!(
        (bins.index(&[10.0, 1.0, 1.0]), bins.index(&[10.0, 1.0, 3.0]), bins.index(&[10.0, 1.0, 9.0])),
        (2, 10, 10)
    );
}

#[test]
fn a_box_has_x_as_its_fastest_index() {
    let bins = bins("cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1,bins=4x4x2,periodic=xy");
    let index = |point: [f32; 3]| bins.index(&point);
    assert_eq!(bins.count(), 32);
    assert_eq!((index([1.0, 0.0, -1.0]), index([0.0, 1.0, -1.0]), index([0.0, 0.0, 0.0])), (1, 4, 16));
    assert_eq!((index([-1.0, 5.0, 9.0]), index([3.5, 3.5, 0.5])), (3 + 4 + 16, 31));
}

#[test]
fn bins_are_displayed_as_they_were_told() {
    for text in ["1d:bins=3,dim=0,max=1,min=0", "spherical2:theta=0,phi=1,rings=1/3/1,degrees"] {
        assert_eq!(bins(text).to_string(), text);
    }
}

#[test]
fn what_is_no_word_for_bins_is_refused() {
    for (text, part) in [
        ("cartesian3:x=0,y=1,z=2,min=0/0/0,max=1/1/1,bins=2x2x2,periodic", "periodic=xz"),
        ("spherical2:theta=0,phi=1,bins=2x4,rings", "rings=1/3/1"),
        ("", "kind"),
        ("2d:dim=0", "kind"),
        ("1d", "dim=... is missing"),
        ("1d:dim=0,min=0,max=1", "bins=... is missing"),
        ("1d:dim=0,min=0,max=1,bins=2,bins=3", "twice"),
        ("1d:dim=0,min=0,max=1,bins=2,colour=red", "colour"),
        ("1d:dim=0,min=0,max=1,bins=2,periodic=yes", "no value"),
        ("1d:dim=-1,min=0,max=1,bins=2", "dim=-1"),
        ("1d:dim=0,min=0,max=one,bins=2", "max=one"),
        ("1d:dim=0,min=1,max=1,bins=2", "enclose nothing"),
        ("1d:dim=0,min=NaN,max=1,bins=2", "enclose nothing"),
        ("1d:dim=0,min=-1e308,max=1e308,bins=2", "enclose nothing"),
        ("1d:dim=0,min=0,max=inf,bins=2", "enclose nothing"),
        ("1d:dim=0,min=0,max=1,bins=0", "0 bins"),
        ("1d:dim=0,min=0,max=1,bins=1048577", "1048577 bins"),
        ("1d:dim=0,min=0,max=1,bins=99999999999999999999", "too large"),
        ("spherical2:theta=0,phi=1", "bins=... is missing"),
        ("spherical2:theta=0,phi=1,bins=6", "has 1 parts"),
        ("spherical2:theta=0,phi=1,bins=99999999999x1", "more than"),
        ("spherical2:theta=0,phi=1,bins=6x0", "ring of 0"),
        ("spherical2:theta=0,phi=1,bins=0x6", "0 bins"),
        ("spherical2:theta=0,phi=1,rings=1//1", "rings="),
        ("spherical2:theta=0,phi=1,bins=6x6,rings=1/1", "\"bins\""),
        ("spherical2:theta=0,phi=1,rings=18446744073709551615/18446744073709551615", "bins"),
        ("spherical3:theta=0,phi=1,bins=6x6", "missing"),
        ("cartesian3:x=0,y=1,z=2,min=0/0,max=1/1/1,bins=2x2x2", "has 2 parts"),
        ("cartesian3:x=0,y=1,z=2,min=0/0/0,max=1/1/1,bins=2x2x2,periodic=w", "'w'"),
        ("cartesian3:x=0,y=1,z=2,min=0/0/0,max=1/1/1,bins=999999999x999999999x999999999", "bins"),
    ] {
        let error = text.parse::<Bins>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{text}");
        assert!(error.message().contains(part), "{text}: {error}");
    }
}

#[test]
fn bins_over_a_coordinate_that_points_lack_are_refused() {
    for text in [
        "1d:dim=2,min=0,max=1,bins=2",
        "spherical2:theta=0,phi=2,bins=2x2",
        "cartesian3:x=0,y=1,z=2,min=0/0/0,max=1/1/1,bins=2x2x2",
    ] {
        assert!(bins(text).check(3).is_ok());
        assert_eq!(bins(text).check(2).unwrap_err().kind(), ErrorKind::Argument);
    }
}

proptest! {
    #[test]
    fn line_matches_naive(x in -20.0..20.0_f32, min in -8..4_i32, width in 1..9_i32, parts in 1..16_usize) {
        let max = min + width;
        let bins = bins(&format!("1d:dim=0,min={min},max={max},bins={parts}"));
        let edge = |at: usize| f64::from(min) + f64::from(width) * at as f64 / parts as f64;
        let found = bins.index(&[x]);
        // The last bin whose lower edge is not above x; next to an edge, rounding may decide.
        let expected = (0..parts).rev().find(|&at| edge(at) <= f64::from(x)).unwrap_or(0);
        let near_edge = (0..=parts).any(|at| (edge(at) - f64::from(x)).abs() < 1e-9);
        prop_assert!(found == expected || near_edge, "{x} is in {found}, not {expected}");
    }

    #[test]
    fn any_text_is_bins_or_an_error(text in "(1d|spherical[23]|cartesian3):([a-z]{1,6}=?[0-9/x.-]{0,6},?){0,7}") {
        if let Ok(bins) = text.parse::<Bins>() {
            prop_assert!((1..=BINS_MAX).contains(&bins.count()));
        }
    }

    #[test]
    fn every_finite_point_has_a_bin(point in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 3)) {
        for text in [
            "1d:dim=0,min=-1,max=1e-300,bins=7",
            "1d:dim=0,min=0,max=1e-320,bins=7,periodic",
            "spherical3:theta=0,phi=1,r=2,rings=1/6/1,min=0,max=4,shells=4",
            "cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1e300,bins=4x4x2,periodic=xz",
        ] {
            let bins = bins(text);
            prop_assert!(bins.index(&point) < bins.count());
        }
    }
}
