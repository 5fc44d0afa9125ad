//! Folding against the slow twin: every model here is run as it was, as it was folded, and as a chain.
//!
//! | file | what it is |
//! |---|---|
//! | `interpret` | the twin |
//! | `make` | small models |
//! | `networks` | the shipped network and the files of real exporters |
//! | `exact`, `operators` | what folds, in every form that exporters write it |
//! | `refusals` | what must not fold, or cannot |
//! | `hostile` | files with everything wrong |
//!
//! Not here: the passes of `onnx/`, which have their tests beside them.

use prost::Message;

use super::folding::{Folded, InputSpec, fold};
use crate::encode::card::Layout;
use crate::encode::chain::Layer;
use crate::encode::onnx::proto;

mod exact;
mod hostile;
mod interpret;
mod make;
mod networks;
mod operators;
mod refusals;

use interpret::{Array, run, run_chain};
use make::random_array;

/// How far a chain may be from the model that it was made of, relative to the largest value: float64 throughout.
const EXACT: f64 = 1e-12;

/// How far a folded model may be, whose params are rounded to float32.
const ROUNDED: f64 = 1e-5;

fn spec(dims: [usize; 4], layout: Layout) -> InputSpec {
    let [_, a, b, c] = dims;
    match layout {
        Layout::Chw => InputSpec { channels: a, ny: b, nx: c, layout },
        Layout::Hwc => InputSpec { ny: a, nx: b, channels: c, layout },
    }
}

fn chw(dims: [usize; 4]) -> InputSpec {
    spec(dims, Layout::Chw)
}

/// The densities that an input tensor holds: `densities[(y * nx + x) * channels + c]`.
fn densities(input: &Array, spec: &InputSpec) -> Vec<f64> {
    let (ny, nx, channels) = (spec.ny, spec.nx, spec.channels);
    let by_pixel = Array::from_fn(&[ny, nx, channels], |i| match spec.layout {
        Layout::Chw => input.at(&[0, i[2], i[0], i[1]]),
        Layout::Hwc => input.at(&[0, i[0], i[1], i[2]]),
    });
    by_pixel.values
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-30_f64, |s, v| s.max(v.abs()));
    let difference = found.iter().zip(expected).fold(0.0_f64, |d, (a, b)| d.max((a - b).abs()));
    assert!(difference <= tolerance * scale, "{what}: {:e} of the scale {scale:e}", difference / scale);
}

/// Folds a model and holds both results against the model itself, on random inputs.
fn fold_and_compare(bytes: &[u8], spec: &InputSpec) -> Folded {
    fold_and_compare_within(bytes, spec, EXACT, ROUNDED)
}

fn fold_and_compare_within(bytes: &[u8], spec: &InputSpec, exact: f64, rounded: f64) -> Folded {
    let folded = fold(bytes, spec, None).unwrap();
    let (before, after) = (proto::Model::decode(bytes).unwrap(), proto::Model::decode(&folded.onnx[..]).unwrap());
    let ends = |model: &proto::Model| {
        let graph = model.graph.as_ref().unwrap();
        (graph.input[0].name.clone(), graph.output[0].name.clone())
    };
    assert_eq!(ends(&after), ends(&before));
    let large = spec.dims().iter().product::<usize>() > 1000;
    for seed in 0..if large { 1 } else { 3 } {
        let input = random_array(&spec.dims(), seed);
        let expected = run(&before, &input);
        let found = run(&after, &input);
        assert_eq!(found.dims, expected.dims);
        assert_close(&found.values, &expected.values, rounded, "folded model");
        if let Ok(chain) = &folded.chain {
            assert_close(&run_chain(chain, &densities(&input, spec)), &expected.values, exact, "chain");
        }
    }
    // What was folded has nothing left to fold but for its own notation.
    let again = fold(&folded.onnx, spec, None).unwrap();
    assert_eq!(again.chain.is_ok(), folded.chain.is_ok(), "{:?}", again.chain);
    folded
}

/// The operators of a model, in their order. A Flatten, which stays where nothing was folded, counts as a reshape.
fn operators_of(onnx: &[u8]) -> Vec<String> {
    let graph = proto::Model::decode(onnx).unwrap().graph.unwrap();
    graph.node.into_iter().map(|n| n.op_type.replace("Flatten", "Reshape")).collect()
}

/// A chain in short: `conv 14>6 k1 s1 relu`, `dense 1024>9`, `softmax`.
fn shape_of(folded: &Folded) -> Vec<String> {
    let layers = &folded.chain.as_ref().unwrap_or_else(|reason| panic!("{reason}: {:?}", folded.notes)).layers;
    let relu = |relu: &bool| if *relu { " relu" } else { "" };
    let short = |layer: &Layer| match layer {
        Layer::Conv { inputs, outputs, kernel, stride, relu: r, .. } => {
            format!("conv {inputs}>{outputs} k{} s{}{}", kernel[0], stride[0], relu(r))
        }
        Layer::Dense { inputs, outputs, relu: r, .. } => format!("dense {inputs}>{outputs}{}", relu(r)),
        Layer::Softmax => "softmax".into(),
    };
    layers.iter().map(short).collect()
}
