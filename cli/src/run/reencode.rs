//! Points of a run made again by its encoder, of the densities that the run keeps, and how far they are from those in the log.
//!
//! A patch that was discarded or withdrawn has densities as long as nobody used its place again: without any its point stays
//! the log's.
//! Not here: the decisions that follow from them ([`super::replay`]).

use std::path::Path;

use patchstream::encode::Model;
use patchstream::error::{ErrorKind, Result, conflict, state};
use patchstream::patch::PatchView;
use patchstream::retain::RunDensities;
use patchstream::store::Recovered;
use patchstream::stream::journal::patches::{Patches, patches};
use patchstream::stream::journal::records::Point;

/// Encoders that a name alone stands for.
const BUILT_IN: [&str; 4] = ["mean", "radial", "metric", "fingerprint"];

/// What makes points again.
pub struct Reencode {
    model: Model,
    run: Patches,
    kept: RunDensities,
    densities: Vec<f32>,
    made: Vec<f32>,
    counts: Counts,
}

/// How far the points are from those in the log.
#[derive(Default)]
struct Counts {
    again: u64,
    /// Without densities, and with such that are torn.
    missing: u64,
    torn: u64,
    /// Points of which some bit is another, the largest difference of a coordinate, and whose.
    different: u64,
    most: f32,
    whose: u64,
}

impl Reencode {
    /// Of the run in the folder `path`, whose log begins with these options; `model` says where its encoder is.
    ///
    /// # Errors
    /// A run that keeps no densities, or whose file is damaged; an encoder that is not found, or is not the run's.
    pub fn open(found: &Recovered, path: &Path, model: Option<&str>, options: &str) -> Result<Self> {
        let run = patches(options)?;
        let name = match model {
            Some(name) => name,
            None if BUILT_IN.contains(&&*run.model) => &run.model,
            None => {
                return Err(state(format!(
                    "the run's encoder is {} with the sha256 {}: say where its file is with --model",
                    run.model, run.sha256
                )));
            }
        };
        let model = Model::open_with_states(name, run.shape, run.states.clone())?;
        let card = model.card();
        if (&card.name, &card.sha256) != (&run.model, &run.sha256) {
            return Err(conflict(format!(
                "{name} is the encoder {} {}, the run's is {} {}: name the run's",
                card.name, card.sha256, run.model, run.sha256
            )));
        }
        let kept = RunDensities::open(path, found.description.run.0)?.ok_or_else(|| {
            state(format!("{} keeps no densities, so there is nothing to make points of", path.display()))
        })?;
        let (densities, made) = (vec![0.0; run.shape.len()], vec![0.0; model.dim()]);
        Ok(Self { model, run, kept, densities, made, counts: Counts::default() })
    }

    /// Makes the point of a patch again, if its densities are there.
    ///
    /// # Errors
    /// Densities that the disk does not give, and such as the encoder does not take.
    pub fn make(&mut self, point: &mut Point) -> Result<()> {
        let counts = &mut self.counts;
        match self.kept.read(point.id, point.content, &mut self.densities) {
            Ok(true) => {}
            Ok(false) => {
                counts.missing += 1;
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                counts.torn += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let patch = PatchView { shape: self.run.shape, densities: &self.densities, proteins: &point.proteins };
        self.model.encode(patch, &mut self.made).map_err(|error| error.context(format!("patch {}", point.id)))?;
        counts.again += 1;
        let pairs = || point.point.iter().zip(&self.made);
        if pairs().any(|(then, now)| then.to_bits() != now.to_bits()) {
            counts.different += 1;
            let most = pairs().map(|(then, now)| (then - now).abs()).fold(0.0, f32::max);
            if most >= counts.most {
                (counts.most, counts.whose) = (most, point.id);
            }
        }
        point.point.clone_from(&self.made);
        Ok(())
    }

    /// What was found, as a line.
    pub fn say(&self) -> String {
        let Counts { again, missing, torn, different, most, whose } = &self.counts;
        let by = match different {
            0 => String::new(),
            _ => format!(", by {most:e} at most, in patch {whose}"),
        };
        let torn = if *torn == 0 { String::new() } else { format!(", {torn} with torn ones") };
        let kept = self.kept.format().name();
        format!(
            "re-encoded {again} points by {} from {kept}, {missing} without densities{torn}: {different} differ{by}\n",
            self.model.backend()
        )
    }
}
