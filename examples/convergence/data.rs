//! The study's data set and its random numbers, all from a seed.
//!
//! Not here: what is sampled from it.

use std::f64::consts::TAU;

/// Points from each of the two normal distributions.
const NORMAL: usize = 4800;
/// Points from the uniform one.
const UNIFORM: usize = 400;

/// A stream of random numbers by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub struct Random(u64);

impl Random {
    /// The stream of a seed. Streams of different seeds share no beginning.
    pub fn new(seed: u64) -> Self {
        // Seeds that follow each other would give the same numbers, one apart; their mixtures do not.
        Self(Self(seed).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Two independent standard normal numbers (Box and Muller, Ann. Math. Stat. 29, 1958).
    fn normals(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (TAU * self.uniform()).sin_cos();
        [radius * cos, radius * sin]
    }

    /// A point of the normal distribution N(mean, covariance), by the Cholesky factor of `covariance`.
    pub fn normal(&mut self, mean: [f64; 2], covariance: [[f64; 2]; 2]) -> [f64; 2] {
        let l00 = covariance[0][0].sqrt();
        let l10 = covariance[1][0] / l00;
        let l11 = (covariance[1][1] - l10 * l10).sqrt();
        let [a, b] = self.normals();
        [mean[0] + l00 * a, mean[1] + l10 * a + l11 * b]
    }

    /// Puts `items` into a random order, each as likely as another (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // Of 2^53 numbers the last few are more likely by one part in 2^39: nothing that could be seen.
            items.swap(last, (self.uniform() * (last + 1) as f64) as usize);
        }
    }
}

/// The data set: two modes of different shape, and a few points anywhere, shuffled.
///
/// 4,800 points from N([6, 6], [[1, 0.8], [0.8, 3]]), 4,800 from N([0, 0], [[2, 0], [0, 1]]), 400 uniform on
/// [-5, 7] x [-2, 10].
pub fn data_set(random: &mut Random) -> Vec<[f32; 2]> {
    let mut points = Vec::with_capacity(2 * NORMAL + UNIFORM);
    for (mean, covariance) in [([6.0, 6.0], [[1.0, 0.8], [0.8, 3.0]]), ([0.0, 0.0], [[2.0, 0.0], [0.0, 1.0]])] {
        points.extend((0..NORMAL).map(|_| random.normal(mean, covariance)));
    }
    points.extend((0..UNIFORM).map(|_| [-5.0 + 12.0 * random.uniform(), -2.0 + 12.0 * random.uniform()]));
    random.shuffle(&mut points);
    points.iter().map(|point| point.map(|x| x as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_the_mean_and_covariance_asked_for() {
        let mut random = Random::new(1);
        let (mean, covariance) = ([6.0, -6.0], [[1.0, 0.8], [0.8, 3.0]]);
        let points: Vec<[f64; 2]> = (0..100_000).map(|_| random.normal(mean, covariance)).collect();
        let average = |of: &dyn Fn(&[f64; 2]) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        for i in 0..2 {
            assert!((average(&|x| x[i]) - mean[i]).abs() < 0.02);
            for j in 0..2 {
                let moment = average(&|x| (x[i] - mean[i]) * (x[j] - mean[j]));
                assert!((moment - covariance[i][j]).abs() < 0.05, "{i} {j}: {moment}");
            }
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_moves_most() {
        let mut items: Vec<usize> = (0..1000).collect();
        Random::new(1).shuffle(&mut items);
        assert!(items.iter().enumerate().filter(|&(at, &item)| at == item).count() < 10);
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn one_seed_gives_one_data_set_and_another_seed_another() {
        let [one, two, other] = [1, 1, 2].map(|seed| data_set(&mut Random::new(seed)));
        assert_eq!(one.len(), 10_000);
        assert_eq!(one, two);
        assert!(one.iter().zip(&other).all(|(a, b)| a != b));
    }
}
