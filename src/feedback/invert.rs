//! From g(r) to the potentials that make it, in the macro model.
//!
//! The macro model mixes by phi_i = sum_j A_ij G_sigma * (rho_j - rhobar_j) + U_i, with rho_i proportional to exp(-phi_i).
//! So around one protein the potential that gives g is, in kT,
//! U_i = -ln g_i - sum_j A_ij G_sigma * [rhobar_j (g_j - 1)]. Plain -ln g_i has the mixing term in it, which the macro
//! model adds once more: what mixing does is then counted twice.
//!
//! g is smoothed first, by a Gaussian of standard deviation `smoothing_nm` in the plane; that takes away noise, and adds
//! about smoothing^2/2 times g's Laplacian, so it is small beside what g shows. Then it is held above `floor`, and the
//! potential is switched off by a cosine over the last `switch_nm`. kT, nm, nm^-2; `g[lipid * bins + bin]`.
//!
//! A lipid of which too few were seen may have nothing where its bulk should be. What g = 1 stands for is not known then, so
//! that it has no potential; in what is inverted of the others it is taken as given.
//! Not here: where g comes from ([`super::table`]).

use serde::Deserialize;

use super::bins::Bins;
use super::radial::Convolution;
use crate::error::{Result, argument, shape, value};

/// What the macro model's lipids do to each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Mixing {
    /// As above.
    Gaussian {
        /// A_ij in nm^2, `a[i * lipids + j]`.
        a_nm2: Vec<f64>,
        /// Standard deviation of G, nm.
        sigma_nm: f64,
        /// rhobar, nm^-2, one a lipid.
        densities_nm2: Vec<f64>,
    },
    /// No mixing term: U = -ln g, right for a macro model without one. With one it counts mixing twice.
    Plain,
}

/// What g = 1 is taken to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bulk {
    /// What it was normalised by.
    #[default]
    AsGiven,
    /// The mean of g over the switch's range: a simulation has few lipids, so that what gathers around the protein is
    /// missing far from it. Only where the cutoff lies well beyond what the protein does.
    Tail,
    /// What is left beyond the cutoff in a periodic box of this area, nm^2, whose lipids g was normalised by: the mean of g
    /// over the whole box is 1, so that of the part beyond the cutoff follows. It is known better than any tail.
    Box(f64),
}

/// How potentials are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Inversion {
    /// The macro model's mixing term.
    pub mixing: Mixing,
    /// Standard deviation of the smoothing, nm, at least the width of a bin; 0: none.
    pub smoothing_nm: f64,
    /// The least g, in (0, 1].
    pub floor: f64,
    /// Length of the switch before the cutoff, nm, 0 to the cutoff.
    pub switch_nm: f64,
    /// What g = 1 is.
    pub bulk: Bulk,
}

impl Inversion {
    /// Smoothing by 0.4 nm, g of at least 0.02, a switch over 2 nm.
    pub fn new(mixing: Mixing) -> Self {
        Self { mixing, smoothing_nm: 0.4, floor: 0.02, switch_nm: 2.0, bulk: Bulk::AsGiven }
    }

    /// Checks the fields against a system, and works out the convolutions.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Argument` for a field out of its range, `Shape` for a matrix or densities of
    /// another number of lipids, `Value` for numbers in them that are not finite.
    pub fn prepare(&self, lipids: usize, bins: Bins) -> Result<Prepared> {
        if !(self.floor > 0.0 && self.floor <= 1.0) {
            return Err(argument(format!("a floor of {} for g: use a number in (0, 1]", self.floor)));
        }
        if !(0.0..=bins.cutoff_nm()).contains(&self.switch_nm) {
            return Err(argument(format!(
                "a switch over {} nm before a cutoff of {} nm: use 0 up to the cutoff",
                self.switch_nm,
                bins.cutoff_nm()
            )));
        }
        if self.bulk == Bulk::Tail && self.switch_nm < bins.width_nm() {
            return Err(argument("the tail is the range of the switch, which has no whole bin: use a longer switch"));
        }
        if let Bulk::Box(area_nm2) = self.bulk
            && !(area_nm2 > bins.disc_nm2() && area_nm2.is_finite())
        {
            return Err(argument(format!(
                "nothing of a box of {area_nm2} nm^2 is beyond a cutoff of {} nm: name the box of the simulations",
                bins.cutoff_nm()
            )));
        }
        let smoothing = match self.smoothing_nm {
            0.0 => None,
            width => Some(Convolution::new(bins, width).map_err(|error| error.context("smoothing of g"))?),
        };
        let mixing = match &self.mixing {
            Mixing::Plain => None,
            Mixing::Gaussian { a_nm2, sigma_nm, densities_nm2 } => {
                if a_nm2.len() != lipids * lipids || densities_nm2.len() != lipids {
                    return Err(shape(format!(
                        "a mixing term of {} values and {} densities, for {lipids} lipids: give {} and {lipids}",
                        a_nm2.len(),
                        densities_nm2.len(),
                        lipids * lipids
                    )));
                }
                if let Some(bad) = a_nm2.iter().chain(densities_nm2).find(|x| !x.is_finite()) {
                    return Err(value(format!("the mixing term has the value {bad}: give finite numbers")));
                }
                Some(Convolution::new(bins, *sigma_nm).map_err(|error| error.context("mixing term"))?)
            }
        };
        Ok(Prepared { settings: self.clone(), lipids, bins, smoothing, mixing })
    }
}

/// An inversion for one system.
#[derive(Debug, Clone)]
pub struct Prepared {
    settings: Inversion,
    lipids: usize,
    bins: Bins,
    smoothing: Option<Convolution>,
    mixing: Option<Convolution>,
}

impl Prepared {
    /// g as it is inverted: smoothed, with 1 where its bulk is, at least the floor. What the macro model is to be compared
    /// with. A lipid without a bulk is taken as given.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of values, `Value` for one that is negative
    /// or not finite.
    pub fn target(&self, g: &[f64]) -> Result<Vec<f64>> {
        self.check(g)?;
        let mut target = Vec::with_capacity(g.len());
        for g in g.chunks_exact(self.bins.count()) {
            let smooth = self.smoothing.as_ref().map_or_else(|| g.to_vec(), |smoothing| smoothing.smooth(g));
            let bulk = self.bulk(g).unwrap_or(1.0);
            target.extend(smooth.into_iter().map(|g| (g / bulk).max(self.settings.floor)));
        }
        Ok(target)
    }

    /// Of each lipid, whether its bulk is positive: whether it has a potential.
    ///
    /// # Errors
    /// Those of [`target`](Self::target).
    pub fn has_bulk(&self, g: &[f64]) -> Result<Vec<bool>> {
        self.check(g)?;
        Ok(g.chunks_exact(self.bins.count()).map(|g| self.bulk(g).is_some()).collect())
    }

    fn check(&self, g: &[f64]) -> Result<()> {
        let bins = self.bins.count();
        if g.len() != self.lipids * bins {
            return Err(shape(format!(
                "g has {} values: give {} bins for each of {} lipids",
                g.len(),
                bins,
                self.lipids
            )));
        }
        if let Some(at) = g.iter().position(|g| !(*g >= 0.0 && g.is_finite())) {
            return Err(value(format!("g of lipid {} is {} in bin {}: not a g(r)", at / bins, g[at], at % bins)));
        }
        Ok(())
    }

    /// What g = 1 is, for one lipid; `None` if nothing of it is there.
    fn bulk(&self, g: &[f64]) -> Option<f64> {
        let bulk = match self.settings.bulk {
            Bulk::AsGiven => 1.0,
            Bulk::Tail => self.tail(g),
            Bulk::Box(area_nm2) => self.beyond(g, area_nm2),
        };
        (bulk > 0.0).then_some(bulk)
    }

    /// The potentials, in kT, `[lipid * bins + bin]`; 0 throughout for a lipid without a [bulk](Self::has_bulk), which has none.
    ///
    /// # Errors
    /// Those of [`target`](Self::target).
    pub fn potential_kt(&self, g: &[f64]) -> Result<Vec<f64>> {
        let target = self.target(g)?;
        let bins = self.bins.count();
        let mut potential: Vec<f64> = target.iter().map(|g| -g.ln()).collect();
        if let (Some(convolution), Mixing::Gaussian { a_nm2, densities_nm2, .. }) =
            (&self.mixing, &self.settings.mixing)
        {
            for (j, g) in target.chunks_exact(bins).enumerate() {
                let excess: Vec<f64> = g.iter().map(|g| densities_nm2[j] * (g - 1.0)).collect();
                let around = convolution.apply(&excess);
                for (i, potential) in potential.chunks_exact_mut(bins).enumerate() {
                    let a = a_nm2[i * self.lipids + j];
                    potential.iter_mut().zip(&around).for_each(|(potential, around)| *potential -= a * around);
                }
            }
        }
        let switch: Vec<f64> = self.bins.centres_nm().into_iter().map(|r| self.switch(r)).collect();
        for (potential, has_bulk) in potential.chunks_exact_mut(bins).zip(self.has_bulk(g)?) {
            if has_bulk {
                potential.iter_mut().zip(&switch).for_each(|(potential, switch)| *potential *= switch);
            } else {
                potential.fill(0.0);
            }
        }
        Ok(potential)
    }

    /// 1, falling to 0 at the cutoff.
    fn switch(&self, r_nm: f64) -> f64 {
        let into = r_nm - (self.bins.cutoff_nm() - self.settings.switch_nm);
        if into <= 0.0 {
            return 1.0;
        }
        0.5 * (1.0 + (std::f64::consts::PI * into / self.settings.switch_nm).cos())
    }

    /// The mean of g over what a box has beyond the cutoff.
    fn beyond(&self, g: &[f64], area_nm2: f64) -> f64 {
        let within: f64 = g.iter().enumerate().map(|(bin, g)| self.bins.area_nm2(bin) * g).sum();
        (area_nm2 - within) / (area_nm2 - self.bins.disc_nm2())
    }

    /// The mean of g over the switch's range, by area.
    fn tail(&self, g: &[f64]) -> f64 {
        let from = self.bins.cutoff_nm() - self.settings.switch_nm;
        let tail = self.bins.centres_nm().into_iter().enumerate().filter(|&(_, r)| r >= from);
        let (sum, area) = tail.fold((0.0, 0.0), |(sum, area), (bin, _)| {
            let ring = self.bins.area_nm2(bin);
            (sum + ring * g[bin], area + ring)
        });
        sum / area
    }
}
