//! Models as commands name them: a file, a folder, a built-in one, and the back-end to run it.
//!
//! Not here: how they are opened ([`patchstream::encode`]).

use clap::ValueEnum;
use patchstream::encode::{BackendChoice, Layout, Model, OpenOptions};
use patchstream::error::{Result, argument, unsupported};
use patchstream::patch::Shape;

/// What is to run a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The fastest that can run it: fused, else tract
    Auto,
    /// The library's own plan, for chains of unpadded convolutions and dense layers
    Fused,
    /// tract, for any network
    Tract,
    /// A GPU, in builds that have it
    Gpu,
    /// tract on the graph as it was exported, to compare with
    #[value(skip)]
    Exported,
}

impl Backend {
    /// As people name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fused => "fused",
            Self::Tract => "tract",
            Self::Gpu => "gpu",
            Self::Exported => "tract, unfolded",
        }
    }
}

/// Opens a model for one command. `axes` are those of a patch as it comes, where that is known: `mean` and `radial` take
/// any. An `.onnx` without a card is taken as it is.
///
/// # Errors
/// Those of [`Model::open_with`], and by [`ErrorKind`](patchstream::error::ErrorKind) `Unsupported` for a back-end that is
/// not built in, `Argument` for `mean` and `radial` without axes or with others than (y, x, channel).
pub fn open(name_or_path: &str, backend: Backend, axes: Option<&[usize]>) -> Result<Model> {
    let backend = match backend {
        Backend::Auto => BackendChoice::Auto,
        Backend::Fused => BackendChoice::Fused,
        Backend::Tract => BackendChoice::Tract,
        Backend::Exported => BackendChoice::AsExported,
        Backend::Gpu => return Err(unsupported("no GPU back-end is built in: use --backend auto, fused or tract")),
    };
    let shape = match (name_or_path, axes) {
        ("mean" | "radial", Some(&[ny, nx, channels])) => Some(Shape::new(nx, ny, channels)?),
        ("mean" | "radial", _) => {
            return Err(argument(format!(
                "{name_or_path} is no network, it takes patches of any size as (n, y, x, c): give it such patches, or \
                 another model"
            )));
        }
        _ => None,
    };
    Model::open_with(name_or_path, shape, &OpenOptions { backend, bare: true, ..OpenOptions::default() })
}

/// The axes of a patch as the model's own input has it, without the batch.
pub fn axes(model: &Model) -> [usize; 3] {
    let shape = model.shape();
    match model.card().input.layout {
        Layout::Chw => [shape.channels, shape.ny, shape.nx],
        Layout::Hwc => [shape.ny, shape.nx, shape.channels],
    }
}
