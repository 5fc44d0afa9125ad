//! Weighted means over simulations, with today's weights.
//!
//! A simulation of weight w has the rates y = sums / frames, and for each row (the slowest extent) an x: 1, or for pair
//! counts what there would be without structure. mean = sum w y / sum w x, a ratio of means, so that a simulation which
//! holds none of a lipid adds nothing to that lipid, and divides nothing by 0. Values are per unit of x.
//!
//! Error bars, both of the mean, both 1 standard error:
//! - between simulations, of n >= 2: n/(n-1) sum w^2 (y - mean x)^2 / (sum w x)^2, the usual linearised variance of a ratio
//!   (Cochran, Sampling Techniques, 1977, section 6.4). What differs between patches of like weight is in it.
//! - between blocks: the windows of each simulation as independent measurements, w^2 var / (sum w x)^2. It knows nothing of
//!   differences between simulations, and takes windows to be longer than the correlations in them.
//!
//! Effective number of simulations: (sum w)^2 / sum w^2 (Kish, Survey Sampling, 1965).
//! Not here: bins, areas, priors ([`super::table`]).

use super::collected::Collected;
use super::raw::{Raw, Sums};
use crate::error::{Result, argument, unknown, value};

/// A weighted mean of an observable.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// In the observable's layout; 0 where all x are.
    pub values: Vec<f64>,
    /// Standard error from the differences between simulations; +infinity with fewer than two of positive weight, and
    /// where all x are 0.
    pub between: Vec<f64>,
    /// Standard error from the differences between windows; +infinity unless every simulation of positive weight has two,
    /// and spreads are kept.
    pub blocks: Vec<f64>,
    /// Simulations of positive weight.
    pub simulations: u64,
    /// How many equally weighted simulations they are worth.
    pub effective: f64,
    /// sum w x / sum w of each row.
    pub expected: Vec<f64>,
    /// What a count of 1 in one simulation adds to a row's value, on average over them: sum (w / frames)
    /// / (n sum w x).
    pub grain: Vec<f64>,
}

impl Collected {
    /// The weighted mean of an observable over the jobs `jobs`, each with its weight at the same index, as the sampler's
    /// `weights_among` gives them. x is 1.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Unknown` for a job without results of the observable; `Argument` for a
    /// job that is named twice, jobs and weights of different length, or no job of positive weight; `Value` for a weight
    /// that is negative or not finite.
    pub fn mean(&self, observable: &str, jobs: &[u64], weights: &[f64]) -> Result<Mean> {
        self.mean_over(observable, jobs, weights, |_| None)
    }

    /// The same with the x of each job's rows from `expected`; `None`: 1.
    pub(super) fn mean_over(
        &self,
        observable: &str,
        jobs: &[u64],
        weights: &[f64],
        expected: impl Fn(u64) -> Option<Vec<f64>>,
    ) -> Result<Mean> {
        let members = self.members(observable, jobs, weights)?;
        let shape = self.shape(observable).unwrap_or_default();
        let rows = shape.first().map_or(1, |&rows| rows as usize);
        let values = shape.iter().map(|&extent| extent as usize).product::<usize>();
        let mut total = Totals::new(rows, values / rows);
        for (job, weight, raw) in members {
            let x = expected(job).unwrap_or_else(|| vec![1.0; rows]);
            total.add(raw, weight, &x);
        }
        Ok(total.mean())
    }

    /// The simulations of positive weight, in the order of their ids, so that sums do not depend on the caller's.
    fn members(&self, observable: &str, jobs: &[u64], weights: &[f64]) -> Result<Vec<(u64, f64, &Raw)>> {
        if jobs.len() != weights.len() {
            return Err(argument(format!("{} jobs and {} weights: give one a job", jobs.len(), weights.len())));
        }
        let mut members = Vec::with_capacity(jobs.len());
        for (&job, &weight) in jobs.iter().zip(weights) {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(value(format!("the weight of job {job} is {weight}: use 0 or a positive number")));
            }
            let raw = self.raw(observable, job).ok_or_else(|| {
                unknown(format!("job {job} has no results of `{observable}`: weigh among those that have"))
            })?;
            members.push((job, weight, raw));
        }
        members.sort_unstable_by_key(|member| member.0);
        if let Some(twice) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(argument(format!("job {} is named twice: name it once", twice[0].0)));
        }
        members.retain(|member| member.1 > 0.0);
        if members.is_empty() {
            return Err(argument(format!("no job with a positive weight to take a mean of `{observable}` over")));
        }
        Ok(members)
    }
}

/// Moments over the simulations so far, a value each.
struct Totals {
    row: usize,
    wy: Vec<f64>,
    wwyy: Vec<f64>,
    wwxy: Vec<f64>,
    /// Of variances of the simulations' rates.
    wwv: Vec<f64>,
    /// A row each.
    wx: Vec<f64>,
    wwxx: Vec<f64>,
    w: f64,
    ww: f64,
    /// sum w / frames.
    w_frame: f64,
    count: u64,
    has_blocks: bool,
}

impl Totals {
    fn new(rows: usize, row: usize) -> Self {
        let zeros = || vec![0.0; rows * row];
        Self {
            row,
            wy: zeros(),
            wwyy: zeros(),
            wwxy: zeros(),
            wwv: zeros(),
            wx: vec![0.0; rows],
            wwxx: vec![0.0; rows],
            w: 0.0,
            ww: 0.0,
            w_frame: 0.0,
            count: 0,
            has_blocks: true,
        }
    }

    fn add(&mut self, raw: &Raw, w: f64, x: &[f64]) {
        let frames = raw.frames as f64;
        for (row, &x) in x.iter().enumerate() {
            self.wx[row] += w * x;
            self.wwxx[row] += (w * x) * (w * x);
        }
        match &raw.sums {
            Sums::Short(sums) => self.add_sums(sums, w, frames, x),
            Sums::Word(sums) => self.add_sums(sums, w, frames, x),
            Sums::Double(sums) => self.add_sums(sums, w, frames, x),
        }
        if raw.windows >= 2 && !raw.spread.is_empty() {
            let scale = w * w / ((raw.windows - 1) as f64 * frames);
            self.wwv.iter_mut().zip(&raw.spread).for_each(|(wwv, &spread)| *wwv += scale * f64::from(spread));
        } else {
            self.has_blocks = false;
        }
        self.w += w;
        self.ww += w * w;
        self.w_frame += w / frames;
        self.count += 1;
    }

    fn add_sums<T: Copy + Into<f64>>(&mut self, sums: &[T], w: f64, frames: f64, x: &[f64]) {
        let rows = sums.chunks_exact(self.row).zip(self.wy.chunks_exact_mut(self.row));
        let rows = rows.zip(self.wwyy.chunks_exact_mut(self.row)).zip(self.wwxy.chunks_exact_mut(self.row)).zip(x);
        for ((((sums, wy), wwyy), wwxy), &x) in rows {
            let (scale, wx) = (w / frames, w * x);
            for (((&sum, wy), wwyy), wwxy) in sums.iter().zip(wy).zip(wwyy).zip(wwxy) {
                let y = scale * sum.into();
                *wy += y;
                *wwyy += y * y;
                *wwxy += wx * y;
            }
        }
    }

    fn mean(self) -> Mean {
        let (n, rows, row) = (self.count as f64, self.wx.len(), self.row);
        let mut values = vec![0.0; rows * row];
        let (mut between, mut blocks) = (vec![f64::INFINITY; rows * row], vec![f64::INFINITY; rows * row]);
        for at in 0..rows * row {
            let (wx, wwxx) = (self.wx[at / row], self.wwxx[at / row]);
            if wx <= 0.0 {
                continue;
            }
            let mean = self.wy[at] / wx;
            values[at] = mean;
            if self.count >= 2 {
                // Rounding can take it below 0 where all simulations agree.
                let squares = (self.wwyy[at] - 2.0 * mean * self.wwxy[at] + mean * mean * wwxx).max(0.0);
                between[at] = (n / (n - 1.0) * squares).sqrt() / wx;
            }
            if self.has_blocks {
                blocks[at] = self.wwv[at].sqrt() / wx;
            }
        }
        Mean {
            values,
            between,
            blocks,
            simulations: self.count,
            effective: self.w * self.w / self.ww,
            expected: self.wx.iter().map(|wx| wx / self.w).collect(),
            grain: self.wx.iter().map(|wx| if *wx > 0.0 { self.w_frame / (n * wx) } else { f64::INFINITY }).collect(),
        }
    }
}
