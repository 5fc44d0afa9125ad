//! A network: folded, then run by the fused plan if that covers it, and by tract otherwise.
//!
//! In: `densities[(y * nx + x) * channels + c]`, nm^-2. Out: the latent point, or the probabilities of a classifier.
//! Not here: finding and reading the files ([`super::open`]), the back-ends ([`super::plan`], [`super::tract`]).

use super::card::{Card, Layout};
use super::fold::{Folded, InputSpec, fold};
use super::normalise::Normaliser;
use super::open::{BackendChoice, Report};
use super::plan::{Isa, Plan, Scratch};
use super::pool::Pool;
#[cfg(feature = "tract")]
use super::tract::Tract;
use crate::error::{Error, Result, model, unsupported, value};

/// A network that has passed every check and is ready to run.
pub(super) struct Network {
    runner: Runner,
    normaliser: Normaliser,
    /// Names of the channels, for messages; empty if nobody knows them.
    names: Vec<String>,
    input: InputSpec,
    pub report: Report,
}

enum Runner {
    Fused {
        plan: Plan,
        idle: Pool<Scratch>,
    },
    #[cfg(feature = "tract")]
    Tract(Tract),
}

impl Network {
    /// Builds the network in the bytes of an `.onnx` file for patches as the card says: one float32 input of the
    /// card's shape, one output, a vector, finite for a patch of average densities. Its length is checked by the caller.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Model` for a network that is malformed or not as the card says,
    /// `Unsupported` for one that the back-end of choice does not run.
    pub fn load(bytes: &[u8], card: &Card, choice: BackendChoice, isa: Isa) -> Result<Self> {
        let (nx, ny, layout) = (card.input.nx, card.input.ny, card.input.layout);
        let normaliser = Normaliser::new(card);
        let input = InputSpec { ny, nx, channels: normaliser.constants().0.len(), layout };
        let folded = fold(bytes, &input, (!normaliser.is_idle()).then(|| normaliser.constants()))?;
        let (runner, chosen) = choose(bytes, &input, &folded, &normaliser, (choice, isa))?;
        let report = Report {
            prepared: Vec::new(),
            folded: if choice == BackendChoice::AsExported { Vec::new() } else { folded.notes },
            chosen,
        };
        let network = Self { runner, normaliser, names: card.input.channels.clone(), input, report };
        let average: Vec<f32> = network.normaliser.average().cycle().take(ny * nx * input.channels).collect();
        let mut point = vec![0.0; network.outputs()];
        network.run(&average, &mut point)?;
        if let Some(j) = point.iter().position(|v| !v.is_finite()) {
            return Err(model(format!(
                "the network's output {j} is {} for a patch of average densities: its params are too large, export it again",
                point[j]
            )));
        }
        Ok(network)
    }

    /// What runs it: `fused-` and an instruction set, or `tract`.
    pub fn backend(&self) -> &'static str {
        match &self.runner {
            Runner::Fused { plan, .. } => match plan.isa() {
                "avx512" => "fused-avx512",
                "avx2" => "fused-avx2",
                _ => "fused-portable",
            },
            #[cfg(feature = "tract")]
            Runner::Tract(_) => "tract",
        }
    }

    /// Values of its output.
    pub fn outputs(&self) -> usize {
        match &self.runner {
            Runner::Fused { plan, .. } => plan.outputs(),
            #[cfg(feature = "tract")]
            Runner::Tract(tract) => tract.outputs(),
        }
    }

    /// Runs one patch and writes its point. The lengths have been checked.
    ///
    /// # Errors
    /// - [`ErrorKind::Value`](crate::error::ErrorKind::Value): a density is beyond 10^6 deviations or not a number.
    ///   A network must not see it: relu turns what is not a number into 0, and the point would look sound.
    /// - [`ErrorKind::Model`](crate::error::ErrorKind::Model): the network fails while it runs.
    pub fn run(&self, densities: &[f32], point: &mut [f32]) -> Result<()> {
        match &self.runner {
            Runner::Fused { plan, idle } => {
                let mut scratch = idle.take().unwrap_or_else(|| plan.scratch());
                let sound = plan.run(&mut scratch, densities, point);
                idle.put(scratch);
                if sound { Ok(()) } else { Err(self.unsound(densities)) }
            }
            #[cfg(feature = "tract")]
            Runner::Tract(tract) => match self.normaliser.first_unsound(densities) {
                None => tract.run(densities, point),
                Some(_) => Err(self.unsound(densities)),
            },
        }
    }

    /// Runs several patches, and writes their points one after the other: the bits that [`run`](Self::run) writes.
    ///
    /// # Errors
    /// Those of [`run`](Self::run), and the place of the first patch that has one.
    pub fn run_many(&self, patches: &[&[f32]], points: &mut [f32]) -> Result<(), (usize, Error)> {
        match &self.runner {
            Runner::Fused { plan, idle } => {
                let mut scratch = idle.take().unwrap_or_else(|| plan.scratch());
                let done = plan.run_many(&mut scratch, patches, points);
                idle.put(scratch);
                done.map_err(|at| (at, self.unsound(patches[at])))
            }
            #[cfg(feature = "tract")]
            Runner::Tract(_) => {
                let points = points.chunks_exact_mut(self.outputs());
                let mut each = patches.iter().zip(points).enumerate();
                each.try_for_each(|(at, (patch, point))| self.run(patch, point).map_err(|error| (at, error)))
            }
        }
    }

    /// The error for the first density that the network must not see.
    #[cold]
    fn unsound(&self, densities: &[f32]) -> Error {
        let i = self.normaliser.first_unsound(densities).unwrap_or(0);
        let (pixel, c) = (i / self.input.channels, i % self.input.channels);
        let why = match densities[i].is_finite() {
            true => "is not within 10^6 deviations of the training data: check its unit, nm^-2, and the channel order",
            false => "is no number: look for what made it",
        };
        value(format!(
            "density {} of channel {} at pixel ({}, {}) {why}",
            densities[i],
            self.names.get(c).cloned().unwrap_or_else(|| c.to_string()),
            pixel % self.input.nx,
            pixel / self.input.nx
        ))
    }
}

/// The shape of patches and the layout for a network that comes without a card: whichever of both layouts makes a
/// chain of it, planes if neither does.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for a malformed network or an input that is no patch.
pub(super) fn bare_input(bytes: &[u8]) -> Result<InputSpec> {
    let dims = super::onnx::input_dims(bytes)?;
    let &[_, Some(a), Some(b), Some(c)] = &dims[..] else {
        let shown: Vec<String> = dims.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
        return Err(model(format!(
            "its input is [{}] where a network without a card needs a batch axis and three of fixed size: export it with them, or write a card",
            shown.join(", ")
        )));
    };
    let planes = InputSpec { ny: b, nx: c, channels: a, layout: Layout::Chw };
    let pixels = InputSpec { ny: a, nx: b, channels: c, layout: Layout::Hwc };
    for input in [planes, pixels] {
        if fold(bytes, &input, None)?.chain.is_ok() {
            return Ok(input);
        }
    }
    Ok(planes)
}

/// The back-end that is to run a network, and why it.
fn choose(
    bytes: &[u8],
    input: &InputSpec,
    folded: &Folded,
    normaliser: &Normaliser,
    (choice, isa): (BackendChoice, Isa),
) -> Result<(Runner, String)> {
    if matches!(choice, BackendChoice::Tract | BackendChoice::AsExported) {
        return general(bytes, input, folded, normaliser, choice, "as it was asked for".into());
    }
    let (low, high) = normaliser.bounds();
    let plan = folded.chain.as_ref().map_err(Clone::clone).and_then(|chain| Plan::new(chain, low, high, isa));
    match (plan, choice) {
        (Ok(plan), _) => {
            let chosen = format!("the fused plan for {}, which covers all of the network", plan.isa());
            Ok((Runner::Fused { plan, idle: Pool::default() }, chosen))
        }
        (Err(reason), BackendChoice::Fused) => Err(unsupported(format!(
            "the fused plan does not run this network: {reason}; leave the back-end to choose itself"
        ))),
        (Err(reason), _) => general(
            bytes,
            input,
            folded,
            normaliser,
            choice,
            format!("since the fused plan does not cover it: {reason}"),
        ),
    }
}

/// tract, on the folded graph if it takes that, otherwise on the graph as it was.
#[cfg(feature = "tract")]
fn general(
    bytes: &[u8],
    input: &InputSpec,
    folded: &Folded,
    normaliser: &Normaliser,
    choice: BackendChoice,
    why: String,
) -> Result<(Runner, String)> {
    let (zeros, ones) = (vec![0.0; input.channels], vec![1.0; input.channels]);
    if choice != BackendChoice::AsExported && !folded.notes.is_empty() {
        let constants = if folded.normalise_folded { (&zeros[..], &ones[..]) } else { normaliser.constants() };
        if let Ok(tract) = Tract::new(&folded.onnx, input, constants) {
            return Ok((Runner::Tract(tract), format!("tract on the folded graph, {why}")));
        }
    }
    let tract = Tract::new(bytes, input, normaliser.constants())?;
    Ok((Runner::Tract(tract), format!("tract on the graph as exported, {why}")))
}

#[cfg(not(feature = "tract"))]
fn general(
    _: &[u8],
    _: &InputSpec,
    _: &Folded,
    _: &Normaliser,
    _: BackendChoice,
    why: String,
) -> Result<(Runner, String)> {
    Err(unsupported(format!(
        "this build has no general back-end, which would run this network {why}: build patchstream with the cargo feature `tract`"
    )))
}
