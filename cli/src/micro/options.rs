//! What a user says about micro simulations.
//!
//! Steps of the membrane and of a simulation are told apart by name: the latter begin with `--md-`.
//! Not here: the other options of a campaign ([`crate::options`]).

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use patchstream::error::{Result, argument};
use serde::{Deserialize, Serialize};

/// Windows that each simulation is measured in.
pub const WINDOWS: u64 = 4;
/// A frame is counted every so many steps: as often as lipids trade species, so that each has another composition.
pub const FRAME: u64 = 20;
/// Names the program of `--md lammps` where no option does.
const LAMMPS: &str = "PATCHSTREAM_LAMMPS";

/// The codes that can simulate selected patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
pub enum Md {
    /// Nothing: selections are only written down
    #[default]
    None,
    /// The molecular dynamics that is built in
    Builtin,
    /// LAMMPS, by the program of examples/lammps
    Lammps,
}

impl Md {
    /// As the option has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Builtin => "builtin",
            Self::Lammps => "lammps",
        }
    }
}

/// The options of the micro simulations of a campaign. Those of a run that knew none of them are without any.
#[derive(Args, Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MicroOptions {
    /// What simulates the selected patches in detail
    #[arg(long, value_name = "CODE", value_enum, default_value_t = Md::Builtin)]
    pub md: Md,

    /// Processes that simulate, one patch at a time each; results do not depend on their number
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,

    /// After so many steps of the membrane the first round of feedback ends: potentials that were measured by all simulations
    /// so far replace those it has
    #[arg(long, value_name = "STEPS", default_value_t = 360, value_parser = clap::value_parser!(i64).range(1..=1 << 40))]
    pub feedback_every: i64,

    /// Each round after the first is so many times as long as the one before it, and has so many times as many simulations;
    /// 1: all are as long as the first
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub feedback_growth: u8,

    /// Take what simulations have measured by then, and do not wait for them. The campaign is sooner at its end, and no
    /// longer the same each time
    #[arg(long)]
    pub asynchronous: bool,

    /// Time steps of a simulation before anything is counted
    #[arg(long, value_name = "STEPS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=1 << 30))]
    pub md_equilibration: u64,

    /// Time steps of a simulation in which pairs are counted, a multiple of 80
    #[arg(long, value_name = "STEPS", default_value_t = 2000, value_parser = steps)]
    pub md_steps: u64,

    /// The program of examples/lammps, for --md lammps; the environment's PATCHSTREAM_LAMMPS without it
    #[arg(long, value_name = "PROGRAM")]
    pub lammps: Option<PathBuf>,
}

impl MicroOptions {
    /// Whether anything is simulated.
    pub fn any(&self) -> bool {
        self.md != Md::None
    }

    /// The step of the membrane after which a round ends, counted from 1.
    pub fn end_of_round(&self, round: u64) -> i64 {
        let (mut end, mut length) = (0_i64, self.feedback_every);
        for _ in 0..round {
            end = end.saturating_add(length);
            // A run that knew nothing of growth has 0 here.
            length = length.saturating_mul(i64::from(self.feedback_growth.max(1)));
        }
        end
    }

    /// The options with the program of LAMMPS in them, as a path that holds in any folder.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) if it is needed and not there.
    pub fn complete(mut self) -> Result<Self> {
        if self.md == Md::Lammps {
            let named = self.lammps.or_else(|| std::env::var_os(LAMMPS).map(PathBuf::from));
            let program = named.ok_or_else(|| {
                argument(format!(
                    "--md lammps needs the program of examples/lammps: build it as its README says, and name it with \
                     --lammps or {LAMMPS}"
                ))
            })?;
            let path = std::path::absolute(&program).unwrap_or_else(|_| program.clone());
            if !path.is_file() {
                return Err(argument(format!(
                    "there is no program {}: build it as examples/lammps/README.md says",
                    path.display()
                )));
            }
            self.lammps = Some(path);
        }
        Ok(self)
    }
}

fn steps(text: &str) -> Result<u64, String> {
    let steps: u64 = text.parse().map_err(|_| "it is no whole number".to_owned())?;
    match steps {
        1..=0x4000_0000 if steps.is_multiple_of(WINDOWS * FRAME) => Ok(steps),
        _ => Err(format!("give a multiple of {}, so that {WINDOWS} windows have as many frames", WINDOWS * FRAME)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(feedback_every: i64, feedback_growth: u8) -> Vec<i64> {
        let options = MicroOptions { feedback_every, feedback_growth, ..MicroOptions::default() };
        (1..=4).map(|round| options.end_of_round(round)).collect()
    }

    #[test]
    fn rounds_grow_as_they_are_told_and_never_end_before_they_begin() {
        assert_eq!(ends(360, 3), [360, 1440, 4680, 14_400]);
        assert_eq!(ends(450, 2), [450, 1350, 3150, 6750]);
        assert_eq!(ends(50, 1), [50, 100, 150, 200]);
        assert_eq!(ends(50, 0), ends(50, 1));
        assert_eq!(ends(1 << 60, 16), [1 << 60, i64::MAX, i64::MAX, i64::MAX]);
    }
}
