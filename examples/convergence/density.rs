//! Densities on a mesh, estimated from weighted points, and how far one is from another.
//!
//! A density is one number a node, `density[y * NODES + x]`; all of them sum to 1.
//! Not here: where points and weights come from.

/// Nodes of the mesh, each way.
pub const NODES: usize = 100;

/// A mesh over a box, its outermost nodes on the edges.
#[derive(Debug, Clone, Copy)]
pub struct Mesh {
    low: [f64; 2],
    /// Between nodes that follow each other.
    spacing: [f64; 2],
}

impl Mesh {
    /// The mesh over the smallest box that holds all points.
    pub fn around(points: &[[f32; 2]]) -> Self {
        let along = |axis: usize| points.iter().map(move |point| f64::from(point[axis]));
        let low = [0, 1].map(|axis| along(axis).fold(f64::INFINITY, f64::min));
        let high = [0, 1].map(|axis| along(axis).fold(f64::NEG_INFINITY, f64::max));
        Self { low, spacing: [0, 1].map(|axis| (high[axis] - low[axis]) / (NODES - 1) as f64) }
    }

    /// The estimate with a Gaussian kernel around each point, in proportion to the point's weight.
    ///
    /// The kernel's covariance is the points' weighted one, times n^(-1/6) squared: Scott's rule in two dimensions
    /// (Scott, Multivariate Density Estimation, 1992), with n the effective number of points, 1 / sum of the squares of
    /// the weights, which sum to 1 (Kish, Survey Sampling, 1965). Points may lie anywhere in the box.
    pub fn density(&self, points: &[[f32; 2]], weights: &[f64]) -> Vec<f64> {
        let [[a, b], [_, c]] = kernel_precision(points, weights);
        let [hx, hy] = self.spacing;
        // A kernel on a node would be a table of offsets from it, each way. A point is e away from the node nearest to
        // it, and exp(-(d - e) P (d - e) / 2) = exp(-d P d / 2) exp(d P e) exp(-e P e / 2): the table, times a factor
        // of the column, one of the row, and one of the point. No factor of these two overflows, since e is small.
        let offsets = 2 * NODES - 1;
        let offset = |at: usize, spacing: f64| (at as f64 - (NODES - 1) as f64) * spacing;
        let mut table = Vec::with_capacity(offsets * offsets);
        for dy in (0..offsets).map(|y| offset(y, hy)) {
            table.extend((0..offsets).map(|x| offset(x, hx)).map(|dx| gauss(a, b, c, dx, dy)));
        }
        let mut density = vec![0.0; NODES * NODES];
        for (point, &weight) in points.iter().zip(weights) {
            let place = [0, 1].map(|axis| (f64::from(point[axis]) - self.low[axis]) / self.spacing[axis]);
            let node = place.map(|at| (at.round() as usize).min(NODES - 1));
            let ex = (place[0] - node[0] as f64) * hx;
            let ey = (place[1] - node[1] as f64) * hy;
            let slope = [a * ex + b * ey, b * ex + c * ey];
            let distance = |at: usize, axis: usize| (at as f64 - node[axis] as f64) * self.spacing[axis];
            let columns: [f64; NODES] = std::array::from_fn(|x| (distance(x, 0) * slope[0]).exp());
            let of_point = weight * gauss(a, b, c, ex, ey);
            for (y, row) in density.chunks_exact_mut(NODES).enumerate() {
                let of_row = of_point * (distance(y, 1) * slope[1]).exp();
                let from = (NODES - 1 + y - node[1]) * offsets + NODES - 1 - node[0];
                for ((value, kernel), column) in row.iter_mut().zip(&table[from..from + NODES]).zip(&columns) {
                    *value += of_row * kernel * column;
                }
            }
        }
        normalise(density)
    }
}

/// The same density at every node.
pub fn uniform() -> Vec<f64> {
    normalise(vec![1.0; NODES * NODES])
}

/// The Kullback-Leibler divergence of `p` from `q`, the sum of p ln(p/q), in nats: at least 0, and 0 if they are equal.
/// A node where p is 0 adds nothing, one where only q is 0 makes it infinite; nothing is added to either.
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).filter(|&(&p, _)| p > 0.0).map(|(p, q)| p * (p / q).ln()).sum()
}

/// The inverse of the kernel's covariance.
fn kernel_precision(points: &[[f32; 2]], weights: &[f64]) -> [[f64; 2]; 2] {
    let total: f64 = weights.iter().sum();
    let shares = || weights.iter().map(|weight| weight / total);
    let average = |of: &dyn Fn([f64; 2]) -> f64| -> f64 {
        points.iter().zip(shares()).map(|(point, share)| share * of(point.map(f64::from))).sum()
    };
    let mean = [0, 1].map(|axis| average(&|point| point[axis]));
    let squares: f64 = shares().map(|share| share * share).sum();
    let factor = squares.powf(1.0 / 6.0);
    let covariance = |i: usize, j: usize| {
        let moment = average(&|point| (point[i] - mean[i]) * (point[j] - mean[j]));
        moment / (1.0 - squares) * factor * factor
    };
    let (xx, xy, yy) = (covariance(0, 0), covariance(0, 1), covariance(1, 1));
    let determinant = xx * yy - xy * xy;
    assert!(determinant > 0.0, "points on a line have no density");
    [[yy / determinant, -xy / determinant], [-xy / determinant, xx / determinant]]
}

fn gauss(a: f64, b: f64, c: f64, x: f64, y: f64) -> f64 {
    (-0.5 * (a * x * x + 2.0 * b * x * y + c * y * y)).exp()
}

fn normalise(mut density: Vec<f64>) -> Vec<f64> {
    let sum: f64 = density.iter().sum();
    density.iter_mut().for_each(|value| *value /= sum);
    density
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Random, data_set};

    /// From the definition: Cholesky factor of the covariance, whitened distance, one exponential a node and point.
    fn naive(mesh: &Mesh, points: &[[f32; 2]], weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let (mut mean, mut squares) = ([0.0; 2], 0.0);
        for (point, weight) in points.iter().zip(weights) {
            let share = weight / total;
            mean[0] += share * f64::from(point[0]);
            mean[1] += share * f64::from(point[1]);
            squares += share * share;
        }
        let mut covariance = [[0.0; 2]; 2];
        for (point, weight) in points.iter().zip(weights) {
            for i in 0..2 {
                for j in 0..2 {
                    let product = (f64::from(point[i]) - mean[i]) * (f64::from(point[j]) - mean[j]);
                    covariance[i][j] += weight / total * product / (1.0 - squares);
                }
            }
        }
        let scott = (1.0 / squares).powf(-1.0 / (2.0 + 4.0));
        let l00 = covariance[0][0].sqrt() * scott;
        let l10 = covariance[1][0] * scott * scott / l00;
        let l11 = (covariance[1][1] * scott * scott - l10 * l10).sqrt();
        let mut density = Vec::new();
        for y in 0..NODES {
            for x in 0..NODES {
                let at = [mesh.low[0] + x as f64 * mesh.spacing[0], mesh.low[1] + y as f64 * mesh.spacing[1]];
                let mut sum = 0.0;
                for (point, weight) in points.iter().zip(weights) {
                    let u = (at[0] - f64::from(point[0])) / l00;
                    let v = (at[1] - f64::from(point[1]) - l10 * u) / l11;
                    sum += weight * (-(u * u + v * v) / 2.0).exp();
                }
                density.push(sum);
            }
        }
        let sum: f64 = density.iter().sum();
        density.iter().map(|value| value / sum).collect()
    }

    #[test]
    fn density_matches_naive_with_weights_and_without() {
        let all = data_set(&mut Random::new(5));
        let mesh = Mesh::around(&all);
        for (count, weigh) in [(3, false), (40, true), (300, true), (300, false)] {
            let weights: Vec<f64> = (0..count).map(|i| if weigh { (1 + i * i % 97) as f64 } else { 1.0 }).collect();
            let fast = mesh.density(&all[..count], &weights);
            for (fast, slow) in fast.iter().zip(naive(&mesh, &all[..count], &weights)) {
                // Relative, down to e^-570: an exponent is large there, and so is its rounding. Below it factors vanish.
                let vanished = slow < 1e-250 && *fast < 1e-250;
                assert!(vanished || (fast - slow).abs() <= 1e-9 * slow, "{fast:e} is not {slow:e}");
            }
        }
    }

    #[test]
    fn divergence_matches_the_closed_form_of_two_normal_distributions() {
        let mesh = Mesh { low: [-8.0, -8.0], spacing: [16.0 / 99.0; 2] };
        let normal = |mean: f64, variance: f64| {
            let nodes = (0..NODES * NODES).map(|at| [at % NODES, at / NODES]);
            let place = |at: usize| mesh.low[0] + at as f64 * mesh.spacing[0];
            normalise(nodes.map(|[x, y]| gauss(1.0 / variance, 0.0, 1.0, place(x) - mean, place(y))).collect())
        };
        // ln(s2/s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2
        let expected = 2.0_f64.ln() / 2.0 + (1.0 + 0.25) / 4.0 - 0.5;
        let found = divergence(&normal(0.5, 1.0), &normal(0.0, 2.0));
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }

    #[test]
    fn divergence_needs_no_epsilon() {
        assert_eq!(divergence(&uniform(), &uniform()), 0.0);
        assert_eq!(divergence(&[0.0, 1.0], &[0.5, 0.5]), 2.0_f64.ln());
        assert_eq!(divergence(&[0.5, 0.5], &[0.0, 1.0]), f64::INFINITY);
    }
}
