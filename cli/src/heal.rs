//! The membrane's side of a feedback: how potentials are made for it, which g(r) it has, and what it is told.
//!
//! g(r) of the simulations is compared with that of the membrane as it is inverted: smoothed, and 1 far from the protein
//! ([`Prepared::target`]). That of the membrane is the equilibrium around one protein with the potentials in force, which
//! needs no smoothing. nm, kT; `[(state * lipids + lipid) * bins + bin]`.
//! Not here: samples and weights ([`patchstream::feedback`]), when there is a feedback ([`super::campaign`]).

use patchstream::error::Result;
use patchstream::feedback::{Bins, Bulk, Inversion, Prepared, Settings, Table};
use patchstream::patch::{ProteinStates, Species};

use super::bridge::Ddft;

/// The fewest simulations of a state for its g(r) to be compared, and to replace the membrane's potentials.
pub const LEAST: u64 = 5;
/// Distances at which g(r) is compared: beyond the protein's core, nm.
const COMPARED_NM: std::ops::RangeInclusive<f64> = 0.8..=6.0;
/// The least g that a potential is made of.
const FLOOR: f64 = 0.05;
/// Length of the switch before the cutoff, nm: what is measured there has no potential.
const SWITCH_NM: f64 = 0.5;

/// Feedback for the membrane from simulations of patches of `patch_nm` a side: its states, lipids, bins and mixing term.
///
/// # Errors
/// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for patches that do not reach beyond the bins.
pub fn settings(patch_nm: f64) -> Result<Settings> {
    let (known, bins) = (ProteinStates::default(), Bins::new(Ddft::BINS, Ddft::CUTOFF_NM)?);
    let states = (0..).map_while(|at| known.name(at)).map(str::to_owned).collect();
    let lipids = Species::default().names().to_vec();
    let bulk = Bulk::Box(patch_nm * patch_nm);
    let inversion = Inversion { floor: FLOOR, switch_nm: SWITCH_NM, bulk, ..Inversion::new(Ddft::mixing()) };
    inversion.prepare(lipids.len(), bins)?;
    Ok(Settings { inversion: Some(inversion), ..Settings::new(states, lipids, bins) })
}

/// How far the membrane's g(r) is from that of a table, root mean square over the states with enough simulations, all
/// lipids, and the distances beyond the core; `None` without such a state.
///
/// # Errors
/// [`ErrorKind::Shape`](patchstream::error::ErrorKind::Shape) for a table of another system.
pub fn rms(ddft: &Ddft, prepared: &Prepared, table: &Table) -> Result<Option<f64>> {
    let row = table.lipids.len() * table.r_nm.len();
    let (mut theirs, mut ours) = (table.clone(), vec![1.0; table.g.len()]);
    for state in counted(table) {
        let at = state * row..(state + 1) * row;
        theirs.g[at.clone()].copy_from_slice(&prepared.target(&table.g[at.clone()])?);
        ours[at].copy_from_slice(&ddft.equilibrium_g(state as u16)?);
    }
    theirs.rms_from(&ours, LEAST, COMPARED_NM)
}

/// Gives the membrane the potentials of a table, for the states with enough simulations; the others keep theirs, and so do
/// lipids of which too little was seen.
///
/// # Errors
/// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for potentials beyond 50 kT.
pub fn heal(ddft: &mut Ddft, table: &Table) -> Result<()> {
    let has_any = |state: &usize| (0..table.lipids.len()).any(|lipid| !table.potential_of(*state, lipid).is_empty());
    for state in counted(table).filter(has_any) {
        let mut all = ddft.potential(state as u16)?;
        for (lipid, kept) in all.chunks_exact_mut(Ddft::BINS).enumerate() {
            let potential = table.potential_of(state, lipid);
            if potential.len() == kept.len() {
                kept.copy_from_slice(potential);
            }
        }
        ddft.set_potential(state as u16, &all)?;
    }
    Ok(())
}

/// The states that have enough simulations.
fn counted(table: &Table) -> impl Iterator<Item = usize> + '_ {
    (0..table.states.len()).filter(|&state| table.simulations.get(state).is_some_and(|&n| n >= LEAST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchstream::feedback::Mixing;

    /// g of a simulation of a box of 900 nm^2: a core and a shell for the inner lipids, nothing for the outer ones.
    fn measured(state: u16) -> Vec<f64> {
        let bins = Bins::new(Ddft::BINS, Ddft::CUTOFF_NM).unwrap();
        let rows = (0..Ddft::CHANNELS).flat_map(|lipid| {
            let strength = [0.2, -0.1, 0.0, 0.3, -0.3, 1.5, 4.0, -0.5].get(lipid).copied();
            let g = move |r: f64| {
                let shell = (-((r - 1.2 - 0.05 * f64::from(state)) / 0.5).powi(2)).exp();
                strength.map_or(1.0, |strength| (1.0 - (-(r / 0.8).powi(6)).exp()) * (1.0 + strength * shell))
            };
            let raw: Vec<f64> = bins.centres_nm().into_iter().map(g).collect();
            let within: f64 = raw.iter().enumerate().map(|(bin, g)| bins.area_nm2(bin) * g).sum();
            let bulk = 900.0 / (within + 900.0 - bins.disc_nm2());
            raw.into_iter().map(move |g| bulk * g)
        });
        rows.collect()
    }

    fn table(settings: &Settings, prepared: &Prepared) -> Table {
        let (states, bins) = (settings.states.len(), settings.bins);
        let g: Vec<f64> = (0..states).flat_map(|state| measured(state as u16)).collect();
        let potential = g.chunks_exact(g.len() / states).flat_map(|g| prepared.potential_kt(g).unwrap()).collect();
        Table {
            version: 1,
            in_force_from: 0,
            states: settings.states.clone(),
            lipids: settings.lipids.clone(),
            r_nm: bins.centres_nm(),
            standard_error: vec![0.1; g.len()],
            potential_kt: Some(potential),
            has_potential: vec![true; states * settings.lipids.len()],
            simulations: (0..states as u64).map(|state| if state < 3 { LEAST } else { LEAST - 1 }).collect(),
            effective_samples: vec![4.0; states],
            g,
        }
    }

    #[test]
    fn a_membrane_that_is_told_what_was_measured_has_that_g() {
        let settings = settings(30.0).unwrap();
        let prepared = settings.inversion.as_ref().unwrap().prepare(settings.lipids.len(), settings.bins).unwrap();
        let table = table(&settings, &prepared);
        let mut ddft = Ddft::open(48, 1, 1).unwrap();
        let (own, before) = (ddft.potential(3).unwrap(), rms(&ddft, &prepared, &table).unwrap().unwrap());
        heal(&mut ddft, &table).unwrap();
        let after = rms(&ddft, &prepared, &table).unwrap().unwrap();
        assert!(before > 0.1 && after < 0.01, "{before} {after}");
        let (target, g) = (prepared.target(&measured(1)).unwrap(), ddft.equilibrium_g(1).unwrap());
        for (at, (g, target)) in g.iter().zip(&target).enumerate().filter(|(at, _)| at % Ddft::BINS >= 8) {
            assert!((g - target).abs() < 0.02 * (1.0 + target), "{at}: {g} {target}");
        }
        assert_eq!(ddft.potential(3).unwrap(), own, "too few simulations of that state");
        assert!(ddft.potential(1).unwrap() == table.potential_kt.unwrap()[14 * 60..2 * 14 * 60]);
    }

    #[test]
    fn a_lipid_without_a_potential_keeps_its_own() {
        let settings = settings(30.0).unwrap();
        let prepared = settings.inversion.as_ref().unwrap().prepare(settings.lipids.len(), settings.bins).unwrap();
        let mut table = table(&settings, &prepared);
        table.has_potential[Ddft::CHANNELS + 3] = false; // the fourth lipid around the second state
        table.has_potential[..Ddft::CHANNELS].fill(false);
        let mut ddft = Ddft::open(48, 1, 1).unwrap();
        let own = [0, 1].map(|state| ddft.potential(state).unwrap());
        heal(&mut ddft, &table).unwrap();
        assert_eq!(ddft.potential(0).unwrap(), own[0]);
        for (lipid, potential) in ddft.potential(1).unwrap().chunks_exact(Ddft::BINS).enumerate() {
            let at = lipid * Ddft::BINS..(lipid + 1) * Ddft::BINS;
            let expected = if lipid == 3 { &own[1][at] } else { table.potential_of(1, lipid) };
            assert_eq!(potential, expected, "{lipid}");
        }
        // One that is not inverted is compared as it was measured.
        let far = (Ddft::CHANNELS + 3) * Ddft::BINS;
        table.g[far..far + Ddft::BINS].fill(20.0);
        assert!(rms(&ddft, &prepared, &table).unwrap().unwrap() > 1.0);
    }

    /// g with the noise of so many frames that have nothing to do with each other.
    fn noisy(g: &[f64], bins: Bins, frames: f64) -> Vec<f64> {
        let Mixing::Gaussian { densities_nm2, .. } = Ddft::mixing() else { unreachable!("it is one") };
        let mut random = 1_u64;
        let mut uniform = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let noise = |(at, g): (usize, &f64)| {
            let expected = densities_nm2[at / bins.count()] * bins.area_nm2(at % bins.count()) * frames;
            // Twelve uniform numbers, nearly normal.
            let normal: f64 = (0..12).map(|_| uniform()).sum();
            (g + (g / expected).sqrt() * normal).max(0.0)
        };
        g.iter().enumerate().map(noise).collect()
    }

    #[test]
    fn the_noise_of_a_few_simulations_is_inverted_with_what_they_measured() {
        let settings = settings(30.0).unwrap();
        let prepared = settings.inversion.as_ref().unwrap().prepare(settings.lipids.len(), settings.bins).unwrap();
        let mut table = table(&settings, &prepared);
        let row = Ddft::CHANNELS * Ddft::BINS;
        for state in 0..3 {
            let at = state * row..(state + 1) * row;
            let g = noisy(&table.g[at.clone()], settings.bins, 150.0);
            table.potential_kt.as_mut().unwrap()[at.clone()].copy_from_slice(&prepared.potential_kt(&g).unwrap());
            table.g[at].copy_from_slice(&g);
        }
        let mut ddft = Ddft::open(48, 1, 1).unwrap();
        heal(&mut ddft, &table).unwrap();
        let after = rms(&ddft, &prepared, &table).unwrap().unwrap();
        assert!(after < 0.015, "{after}");
    }

    #[test]
    fn potentials_are_part_of_what_is_saved() {
        let mut ddft = Ddft::open(48, 1, 1).unwrap();
        let before = ddft.state();
        ddft.set_potential(0, &vec![0.25; Ddft::CHANNELS * Ddft::BINS]).unwrap();
        let (told, g) = (ddft.state(), ddft.equilibrium_g(0).unwrap());
        assert_ne!(before, told);
        ddft.restore(&before).unwrap();
        assert_ne!(ddft.equilibrium_g(0).unwrap(), g);
        ddft.restore(&told).unwrap();
        assert_eq!(ddft.equilibrium_g(0).unwrap(), g);
    }

    #[test]
    fn bad_potentials_and_states_are_refused() {
        let mut ddft = Ddft::open(48, 1, 1).unwrap();
        let refused = |result: Result<()>| result.unwrap_err().to_string();
        assert!(refused(ddft.set_potential(18, &[0.0; 840])).contains("no protein state 18"));
        assert!(refused(ddft.set_potential(0, &[0.0; 839])).contains("839 values"));
        assert!(refused(ddft.set_potential(0, &[f64::NAN; 840])).contains("value 0"));
        assert!(ddft.equilibrium_g(18).is_err() && ddft.potential(18).is_err());
        assert!(settings(10.0).is_err());
    }
}
