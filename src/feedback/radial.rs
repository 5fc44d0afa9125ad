//! Convolution of a radial function with a Gaussian in the plane.
//!
//! With G(r) = exp(-r^2 / 2 s^2) / (2 pi s^2), an integral over the angle is left to a Bessel function:
//! (G * f)(r) = int_0^inf f(t) t/s^2 exp(-(r^2 + t^2) / 2 s^2) I0(r t / s^2) dt. The function is taken as linear between the
//! bins' centres, constant from 0 to the first and from the last to the cutoff, 0 beyond; each piece is integrated by Gauss
//! and Legendre's rule of five points. nm.
//! Not here: what is convolved ([`super::invert`]).

use super::bins::{Bins, room};
use crate::error::{Result, argument};

/// Nodes and weights of Gauss and Legendre's rule on [-1, 1], exact for polynomials up to degree 9.
const NODES: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// Widths from which on the Gaussian is nothing in float64's eyes.
const FAR: f64 = 9.0;

/// The most bins of a matrix: 128 MiB, worked out in seconds.
pub(super) const CONVOLVED_MAX: usize = 4096;

/// The convolution on bins, as a matrix `rows[to * bins + from]`.
#[derive(Debug, Clone)]
pub struct Convolution {
    bins: usize,
    matrix: Vec<f64>,
}

impl Convolution {
    /// The convolution with a Gaussian of standard deviation `sigma_nm`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the width is not finite, or less than that of a bin, and
    /// for more than 4,096 bins; [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if there is none for the matrix.
    pub fn new(bins: Bins, sigma_nm: f64) -> Result<Self> {
        if !(sigma_nm >= bins.width_nm() && sigma_nm.is_finite()) {
            return Err(argument(format!(
                "a Gaussian of {sigma_nm} nm on bins of {} nm: use one that is at least as wide as a bin",
                bins.width_nm()
            )));
        }
        if bins.count() > CONVOLVED_MAX {
            return Err(argument(format!(
                "a convolution on {} bins, {CONVOLVED_MAX} are the most: use fewer bins, or neither smoothing nor a mixing term",
                bins.count()
            )));
        }
        let (count, width, centres) = (bins.count(), bins.width_nm(), bins.centres_nm());
        let mut matrix = room(count * count, "a convolution")?;
        matrix.resize(count * count, 0.0);
        for (row, &r) in matrix.chunks_exact_mut(count).zip(&centres) {
            // Piece p lies between the centres p - 1 and p; the first and the last are half as long.
            for piece in 0..=count {
                let low = if piece == 0 { 0.0 } else { centres[piece - 1] };
                let high = if piece == count { bins.cutoff_nm() } else { centres[piece] };
                if low - r > FAR * sigma_nm || r - high > FAR * sigma_nm {
                    continue;
                }
                for (node, weight) in NODES {
                    let t = 0.5 * (low + high) + 0.5 * (high - low) * node;
                    let kernel = 0.5 * (high - low) * weight * ring(r, t, sigma_nm);
                    let share = if piece == 0 || piece == count { 1.0 } else { (t - low) / width };
                    row[piece.min(count - 1)] += share * kernel;
                    row[piece.saturating_sub(1)] += (1.0 - share) * kernel;
                }
            }
        }
        Ok(Self { bins: count, matrix })
    }

    /// G * f at the bins' centres; f is 0 beyond the cutoff. `f` has a value a bin.
    ///
    /// # Panics
    /// If `f` has another length.
    pub fn apply(&self, f: &[f64]) -> Vec<f64> {
        assert_eq!(f.len(), self.bins, "a value a bin");
        self.matrix.chunks_exact(self.bins).map(|row| row.iter().zip(f).map(|(k, f)| k * f).sum()).collect()
    }

    /// The mean of f under the part of G that lies within the cutoff: a constant stays as it is up to the last bin.
    ///
    /// # Panics
    /// If `f` has another length.
    pub fn smooth(&self, f: &[f64]) -> Vec<f64> {
        let whole = self.apply(&vec![1.0; self.bins]);
        self.apply(f).into_iter().zip(whole).map(|(part, whole)| part / whole).collect()
    }
}

/// What a ring of radius t gives at the distance r: t/s^2 exp(-(r - t)^2 / 2 s^2) exp(-z) I0(z), z = r t / s^2.
fn ring(r: f64, t: f64, sigma: f64) -> f64 {
    let square = sigma * sigma;
    t / square * (-(r - t) * (r - t) / (2.0 * square)).exp() * scaled_bessel(r * t / square)
}

/// exp(-z) I0(z) for z >= 0: the power series (Abramowitz and Stegun, 9.6.12), all of whose terms are positive, and from 30
/// on the asymptotic one (9.7.1).
pub(super) fn scaled_bessel(z: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    if z < 30.0 {
        let quarter = 0.25 * z * z;
        let mut k = 1.0;
        while term > 1e-17 * sum {
            term *= quarter / (k * k);
            sum += term;
            k += 1.0;
        }
        return sum * (-z).exp();
    }
    for k in 1..=24 {
        let odd = f64::from(2 * k - 1);
        term *= odd * odd / (8.0 * z * f64::from(k));
        sum += term;
    }
    sum / (std::f64::consts::TAU * z).sqrt()
}
