//! From a chain of layers to packed ones: checks, what reaches the output, where each value lies, one rounding.
//!
//! Not here: running them ([`super::plan`]).

use super::conv::{Conv, Params};
use super::dense::Dense;
use super::isa::Isa;
use super::lanes::WIDTH;
use super::schedule::{Step, schedule};
use crate::encode::chain::{Chain, Layer, MAX_CANCELLING};

/// Convolutions at most; real networks have a few dozen.
const MOST_CONVS: usize = 64;

/// A chain, packed.
#[derive(Debug)]
pub(super) struct Compiled {
    pub convs: Vec<Conv>,
    pub steps: Vec<Step>,
    pub dense: Vec<Dense>,
    pub softmax: bool,
    /// Values between the convolutions and the dense layers.
    pub features: usize,
    /// Values that come out.
    pub outputs: usize,
}

/// What the next layer takes.
struct Shape {
    ny: usize,
    nx: usize,
    channels: usize,
}

/// Packs `chain` for `isa`; an error says what in it is not covered.
pub(super) fn compile(chain: &Chain, isa: Isa) -> Result<Compiled, String> {
    let layers = folded(chain)?;
    let (layers, softmax) = match layers.split_last() {
        Some((Layer::Softmax, before)) => (before, true),
        _ => (&layers[..], false),
    };
    if layers.is_empty() {
        return Err("it has no layers with params".into());
    }
    let mut shape = Shape { ny: chain.ny, nx: chain.nx, channels: chain.channels };
    let mut grids = vec![(shape.ny, shape.nx)];
    let mut dense: Vec<Dense> = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let context = |reason: String| format!("layer {at} {reason}");
        match layer {
            Layer::Softmax => return Err(context("is a softmax, which only the last layer may be".into())),
            Layer::Conv { .. } if dense.is_empty() => {
                let params = params(layer).expect("it is a convolution");
                shape = after(&params, &shape).map_err(context)?;
                grids.push((shape.ny, shape.nx));
                if grids.len() > MOST_CONVS + 1 {
                    return Err(format!("it has more than {MOST_CONVS} convolutions"));
                }
            }
            // After a dense layer the grid is one pixel: a convolution of it is a dense layer.
            Layer::Conv { inputs, outputs, weights, bias, relu, .. }
            | Layer::Dense { inputs, outputs, weights, bias, relu } => {
                if let Layer::Conv { kernel, .. } = layer
                    && *kernel != [1, 1]
                {
                    return Err(context(format!("has a kernel of {kernel:?} on a grid of one pixel")));
                }
                check(*inputs, *outputs, 1, weights, bias).map_err(context)?;
                let Shape { ny, nx, channels } = shape;
                if *inputs != ny * nx * channels {
                    return Err(context(format!("takes {inputs} values and gets {}", ny * nx * channels)));
                }
                let source = |i: usize| (i % channels * ny + i / channels / nx) * nx + i / channels % nx;
                dense.push(Dense::new(weights, bias, *relu, source, isa.chains()));
                shape = Shape { ny: 1, nx: 1, channels: *outputs };
            }
        }
    }
    let Shape { ny, nx, channels: outputs } = shape;
    if (ny, nx) != (1, 1) {
        return Err(format!("it ends with a grid of {ny} x {nx} pixels, not a vector"));
    }
    let (convs, steps) = needed(layers, &grids);
    let features = dense.first().map_or(outputs, |first| first.inputs);
    Ok(Compiled { convs, steps, dense, softmax, features, outputs })
}

/// The convolutions, each as far as the next one reads it, and the order of their rows; `grids[l]` is what layer `l`
/// takes.
fn needed(layers: &[Layer], grids: &[(usize, usize)]) -> (Vec<Conv>, Vec<Step>) {
    let convs = &layers[..grids.len() - 1];
    let (mut rows, mut width) = grids[convs.len()];
    let (all_rows, mut kept) = (rows, rows);
    let mut packed: Vec<Conv> = Vec::new();
    for params in convs.iter().rev().filter_map(params) {
        packed.push(Conv::new(&params, width, kept, packed.is_empty()));
        kept = params.kernel[0];
        rows = (rows - 1) * params.stride[0] + params.kernel[0];
        width = (width - 1) * params.stride[1] + params.kernel[1];
    }
    packed.reverse();
    let steps = schedule(&packed, all_rows);
    (packed, steps)
}

/// A convolution's params.
fn params(layer: &Layer) -> Option<Params<'_>> {
    let Layer::Conv { inputs, outputs, kernel, stride, weights, bias, relu } = layer else { return None };
    let (inputs, outputs, kernel, stride) = (*inputs, *outputs, *kernel, *stride);
    Some(Params { inputs, outputs, kernel, stride, weights, bias, relu: *relu })
}

/// What a convolution gives.
fn after(conv: &Params<'_>, before: &Shape) -> Result<Shape, String> {
    let [height, across] = conv.kernel;
    let area = height.checked_mul(across).unwrap_or(0);
    check(conv.inputs, conv.outputs, area, conv.weights, conv.bias)?;
    if conv.inputs != before.channels {
        return Err(format!("takes {} channels and gets {}", conv.inputs, before.channels));
    }
    if conv.stride.contains(&0) || height > before.ny || across > before.nx {
        let (kernel, stride, Shape { ny, nx, .. }) = (conv.kernel, conv.stride, before);
        return Err(format!("has a kernel of {kernel:?} with stride {stride:?} on {ny} x {nx} pixels"));
    }
    Ok(Shape {
        ny: (before.ny - height) / conv.stride[0] + 1,
        nx: (before.nx - across) / conv.stride[1] + 1,
        channels: conv.outputs,
    })
}

/// The most float32 of a packed layer: 64 MB.
const MAX_PACKED: usize = 1 << 24;

/// Whether there are as many params as there should be, each a float32.
fn check(inputs: usize, outputs: usize, area: usize, weights: &[f64], bias: &[f64]) -> Result<(), String> {
    let wanted = inputs.checked_mul(outputs).and_then(|n| n.checked_mul(area)).unwrap_or(0);
    if wanted == 0 || weights.len() != wanted || bias.len() != outputs {
        let (weights, bias) = (weights.len(), bias.len());
        return Err(format!(
            "has {weights} weights and {bias} biases for {outputs} outputs of {inputs} x {area} inputs"
        ));
    }
    // What it takes once its outputs are padded to whole lanes.
    let packed =
        outputs.checked_next_multiple_of(WIDTH).and_then(|o| o.checked_mul(inputs)).and_then(|n| n.checked_mul(area));
    if packed.is_none_or(|floats| floats > MAX_PACKED) {
        return Err(format!("is too large for the plan: {outputs} outputs of {inputs} x {area} inputs"));
    }
    match weights.iter().chain(bias).find(|value| !(**value as f32).is_finite()) {
        Some(value) => Err(format!("has a param of {value}, which is no float32")),
        None => Ok(()),
    }
}

/// The layers, with the normalisation folded into the first.
fn folded(chain: &Chain) -> Result<Vec<Layer>, String> {
    let &Chain { ny, nx, channels, ref normalise, ref layers } = chain;
    let pixels = ny.checked_mul(nx).unwrap_or(0);
    if pixels.checked_mul(channels).is_none_or(|values| values == 0 || values > isize::MAX as usize / 64) {
        return Err(format!("its input is {ny} x {nx} x {channels}"));
    }
    let mut layers = layers.clone();
    let Some((offset, factor)) = normalise else { return Ok(layers) };
    if offset.len() != channels || factor.len() != channels {
        let (offsets, factors) = (offset.len(), factor.len());
        return Err(format!("it has {offsets} offsets and {factors} factors for {channels} channels"));
    }
    let cancels = |(o, f): &(&f64, &f64)| !(*o * *f).is_finite() || (*o * *f).abs() > MAX_CANCELLING;
    if let Some((o, f)) = offset.iter().zip(factor).find(cancels) {
        return Err(format!(
            "its normalisation takes {o} off and multiplies by {f}: folded into a layer, that would cancel in float32"
        ));
    }
    // How many weights of an output one channel has, side by side.
    let (weights, bias, run) = match layers.first_mut() {
        Some(Layer::Conv { kernel, weights, bias, .. }) => (weights, bias, kernel[0].saturating_mul(kernel[1])),
        Some(Layer::Dense { weights, bias, .. }) => (weights, bias, pixels),
        _ => return Err("a normalisation stands before no layer that it could be folded into".into()),
    };
    if run.checked_mul(channels).and_then(|n| n.checked_mul(bias.len())) != Some(weights.len()) || run == 0 {
        return Err(format!("layer 0 has {} weights and does not take {channels} channels", weights.len()));
    }
    for (weights, bias) in weights.chunks_exact_mut(channels * run).zip(bias) {
        for ((weights, offset), factor) in weights.chunks_exact_mut(run).zip(offset).zip(factor) {
            for weight in weights {
                *weight *= factor;
                *bias -= *weight * offset;
            }
        }
    }
    Ok(layers)
}
