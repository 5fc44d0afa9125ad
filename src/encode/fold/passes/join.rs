//! Two linear layers with nothing between them are one: `W' (W x + b) + b' = (W' W) x + (W' b + b')`.
//!
//! Of two convolutions one must see single pixels only: the first, then the second may have any kernel but no zeros
//! around its grid; or the second, then the first may have any kernel. Joined only where that takes no more operations and
//! no more params.
//!
//! Not here: affines, which are layers of one value.

use crate::encode::onnx::{Conv, Dense, Graph, Op, Tensor};

/// The most products that are computed to join two layers, so that loading stays quick.
const MAX_PRODUCTS: usize = 10_000_000;

/// The largest stride of a joined convolution: no grid is as wide.
const MAX_STRIDE: usize = 1 << 20;

/// Joins the layer in place `at` with the one after it.
pub fn join_layers(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let pixels = |node: usize| {
        let dims = graph.nodes[node].output().and_then(|id| graph.dims(id)).unwrap_or_default();
        dims.iter().skip(2).product::<usize>()
    };
    let joined = match (&graph.nodes[at].op, &graph.nodes[next].op) {
        (Op::Conv(first), Op::Conv(second)) => convs(first, second, [pixels(at), pixels(next)]).map(Op::Conv),
        (Op::Dense(first), Op::Dense(second)) => denses(first, second).map(Op::Dense),
        _ => None,
    };
    let Some(joined) = joined else { return false };
    graph.nodes[next].op = joined;
    graph.bypass(at);
    true
}

/// `pixels` come out of the first and of the second.
fn convs(first: &Conv, second: &Conv, pixels: [usize; 2]) -> Option<Conv> {
    let first_is_point = first.is_pointwise() && first.stride == [1, 1] && second.is_unpadded();
    let second_is_point = second.is_pointwise();
    if !first_is_point && !second_is_point {
        return None;
    }
    let wide = if first_is_point { second } else { first };
    let [ky, kx] = wide.kernel();
    let [inputs, middle, outputs, size] = [first.inputs(), first.outputs(), second.outputs(), ky * kx];
    let weights = |conv: &Conv| conv.weights.values.len();
    let apart = pixels[0].checked_mul(weights(first))?.checked_add(pixels[1].checked_mul(weights(second))?)?;
    let together = pixels[1].checked_mul(outputs)?.checked_mul(inputs)?.checked_mul(size)?;
    let products = outputs.checked_mul(middle)?.checked_mul(inputs)?.checked_mul(size)?;
    let larger = outputs * inputs * size > weights(first) + weights(second);
    let stride = [0, 1].map(|k| first.stride[k].saturating_mul(second.stride[k]));
    if together > apart || larger || products > MAX_PRODUCTS || stride.iter().any(|&s| s > MAX_STRIDE) {
        return None;
    }
    let (a, b) = (first.full_weights(), second.full_weights());
    let (a_size, b_size) = if first_is_point { (1, size) } else { (size, 1) };
    let mut joined = vec![0.0; outputs * inputs * size];
    let mut bias = second.bias.clone();
    for o in 0..outputs {
        for m in 0..middle {
            let kernel = &b[(o * middle + m) * b_size..][..b_size];
            bias[o] += first.bias[m] * kernel.iter().sum::<f64>();
            for i in 0..inputs {
                let to = &mut joined[(o * inputs + i) * size..][..size];
                let from = &a[(m * inputs + i) * a_size..][..a_size];
                for (k, sum) in to.iter_mut().enumerate() {
                    *sum += kernel[k.min(b_size - 1)] * from[k.min(a_size - 1)];
                }
            }
        }
    }
    Some(Conv {
        weights: Tensor::floats(&[outputs, inputs, ky, kx], joined),
        bias,
        group: 1,
        stride,
        dilation: wide.dilation,
        pads: first.pads,
    })
}

fn denses(first: &Dense, second: &Dense) -> Option<Dense> {
    let [middle, inputs] = first.weights.dims[..] else { return None };
    let outputs = second.bias.len();
    let apart = first.weights.values.len() + second.weights.values.len();
    let products = outputs.checked_mul(middle)?.checked_mul(inputs)?;
    if outputs * inputs > apart || products > MAX_PRODUCTS {
        return None;
    }
    let mut joined = vec![0.0; outputs * inputs];
    let mut bias = second.bias.clone();
    for (o, row) in second.weights.values.chunks_exact(middle).enumerate() {
        for (m, w) in row.iter().enumerate() {
            bias[o] += w * first.bias[m];
            let from = &first.weights.values[m * inputs..][..inputs];
            joined[o * inputs..][..inputs].iter_mut().zip(from).for_each(|(sum, v)| *sum += w * v);
        }
    }
    Some(Dense { weights: Tensor::floats(&[outputs, inputs], joined), bias })
}
