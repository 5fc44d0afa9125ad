//! From a folded graph to the layers of a chain, or to the reason why it is none.
//!
//! The order in which a value's elements lie is followed as a list of places, so that transpositions and reshapes cost
//! nothing: the next dense layer takes its inputs in that order.
//!
//! Not here: the folding before.

use super::folding::InputSpec;
use crate::encode::card::Layout;
use crate::encode::chain::Layer;
use crate::encode::onnx::{Affine, Conv, Dense, Graph, Op, Tensor};

/// The most weights of a convolution in groups that is written as one without.
const MAX_SPREAD: usize = 1 << 14;

/// The most channels of a pointwise layer that is made where factors stand alone.
const MAX_DIAGONAL: usize = 1024;

/// The layers of a graph that is a chain.
///
/// # Errors
/// A sentence that names the node and its operator.
pub(super) fn chain(mut graph: Graph, input: &InputSpec) -> Result<Vec<Layer>, String> {
    let mut walk = Walk::new(input);
    let mut value = graph.input;
    let mut node = 0;
    while value != graph.output {
        let readers: Vec<usize> = graph.readers(value).collect();
        node = match readers[..] {
            [reader] => reader,
            _ => return Err(format!("`{}` is read by {} nodes", graph.values[value].name, readers.len())),
        };
        let of = &mut graph.nodes[node];
        let title = format!("node `{}` ({})", of.name, of.op.title());
        value = of.output().ok_or_else(|| format!("{title} is no layer of the fused plan"))?;
        // Its params move into the layer; nothing looks at the node again.
        let op = std::mem::replace(&mut of.op, Op::Reshape);
        walk.node(op, graph.dims(value).unwrap_or_default()).map_err(|what| format!("{title} {what}"))?;
    }
    let last = || graph.nodes.get(node).map_or("the input".into(), |n| format!("node `{}`", n.name));
    if graph.readers(value).next().is_some() {
        return Err(format!("{} gives the output, and other nodes read it", last()));
    }
    if walk.layers.is_empty() {
        return Err("it has no layer".into());
    }
    let dims = graph.dims(value).unwrap_or_default();
    if !walk.is_vector() || dims.iter().filter(|&&d| d != 1).count() > 1 {
        return Err(format!("{} gives the output, which has the shape {dims:?}: it is no vector", last()));
    }
    Ok(walk.layers)
}

struct Walk {
    layers: Vec<Layer>,
    /// Channels and grid points along y and x of what the last layer gives.
    grid: [usize; 3],
    /// The value as the graph has it: which element of the layer's, `(c * ny + y) * nx + x`, each of its is.
    places: Tensor,
}

impl Walk {
    fn new(input: &InputSpec) -> Self {
        let grid = [input.channels, input.ny, input.nx];
        let mut walk = Self { layers: vec![], grid, places: Tensor::floats(&[0], vec![]) };
        walk.restart(&[1, input.channels, input.ny, input.nx]);
        if input.layout == Layout::Hwc {
            walk.places = walk.places.permuted(&[0, 2, 3, 1]);
        }
        walk
    }

    /// The elements lie as the layer gives them.
    fn restart(&mut self, dims: &[usize]) {
        let count = dims.iter().product();
        self.places = Tensor::floats(dims, (0..count).map(|k: usize| k as f64).collect());
    }

    /// Which element of the layer's each of the value's is.
    fn order(&self) -> Vec<usize> {
        self.places.values.iter().map(|&k| k as usize).collect()
    }

    fn is_in_order(&self) -> bool {
        self.places.values.is_sorted()
    }

    fn is_vector(&self) -> bool {
        self.grid[1..] == [1, 1]
    }

    fn node(&mut self, op: Op, dims: &[usize]) -> Result<(), String> {
        if let Some(Layer::Softmax) = self.layers.last()
            && !matches!(op, Op::Reshape | Op::Transpose(_))
        {
            return Err("follows a softmax".into());
        }
        match op {
            Op::Transpose(order) => self.places = self.places.permuted(&order),
            Op::Reshape => self.places = self.places.reshaped(dims).ok_or("changes the number of values")?,
            Op::Relu => self.relu()?,
            Op::Affine(affine) => self.affine(&affine)?,
            Op::Conv(conv) => self.conv(conv, dims)?,
            Op::Dense(dense) => self.dense(dense, dims),
            Op::Softmax(_) => {
                if !self.is_vector() {
                    return Err("is not over a vector".into());
                }
                self.layers.push(Layer::Softmax);
            }
            Op::Other(_) => return Err("is no layer of the fused plan".into()),
        }
        Ok(())
    }

    fn dense(&mut self, dense: Dense, dims: &[usize]) {
        let (Dense { weights, bias }, inputs, outputs) = (dense, self.places.values.len(), dims[1]);
        let mut weights = weights.values;
        if !self.is_in_order() {
            let order = self.order();
            for row in weights.chunks_exact_mut(inputs) {
                let old = row.to_vec();
                order.iter().zip(old).for_each(|(&k, w)| row[k] = w);
            }
        }
        self.layers.push(Layer::Dense { inputs, outputs, weights, bias, relu: false });
        self.grid = [outputs, 1, 1];
        self.restart(dims);
    }

    fn conv(&mut self, conv: Conv, dims: &[usize]) -> Result<(), String> {
        let [channels, ny, nx] = self.grid;
        if !self.is_in_order() || self.places.dims != [1, channels, ny, nx] {
            return Err(format!("does not read the grid of {ny} x {nx} x {channels} as it comes"));
        }
        if !conv.is_unpadded() {
            return Err(format!("puts zeros around its grid, {:?}", conv.pads));
        }
        if conv.kernel() != [1, 1] && conv.dilation != [1, 1] {
            return Err(format!("has a dilated kernel, {:?}", conv.dilation));
        }
        let (inputs, outputs, kernel) = (conv.inputs(), conv.outputs(), conv.kernel());
        let weights = if conv.group == 1 {
            conv.weights.values
        } else if conv.weights.values.len() * conv.group <= MAX_SPREAD {
            conv.full_weights()
        } else {
            return Err(format!("has {} groups of channels", conv.group));
        };
        let (stride, bias, relu) = (conv.stride, conv.bias, false);
        self.layers.push(Layer::Conv { inputs, outputs, kernel, stride, weights, bias, relu });
        self.grid = [dims[1], dims[2], dims[3]];
        self.restart(dims);
        Ok(())
    }

    /// The layer before gets the relu, or a layer that does nothing else.
    fn relu(&mut self) -> Result<(), String> {
        if self.layers.is_empty() {
            let ones = vec![1.0; self.grid[0]];
            self.diagonal(&ones, &vec![0.0; self.grid[0]])?;
        }
        if let Some(Layer::Conv { relu, .. } | Layer::Dense { relu, .. }) = self.layers.last_mut() {
            *relu = true;
        }
        Ok(())
    }

    /// Factor and summand of a channel as a layer of their own.
    fn affine(&mut self, affine: &Affine) -> Result<(), String> {
        let pixels = self.grid[1] * self.grid[2];
        let by_channel = |tensor: &Tensor| {
            let mut in_order = vec![0.0; self.places.values.len()];
            let values = tensor.expanded(&self.places.dims)?.values;
            self.order().into_iter().zip(values).for_each(|(k, v)| in_order[k] = v);
            let same = in_order.chunks_exact(pixels).all(|plane| plane.iter().all(|&v| v == plane[0]));
            same.then(|| in_order.into_iter().step_by(pixels).collect::<Vec<f64>>())
        };
        let (Some(scale), Some(shift)) = (by_channel(&affine.scale), by_channel(&affine.shift)) else {
            return Err("differs from pixel to pixel".into());
        };
        self.diagonal(&scale, &shift)
    }

    /// A pointwise layer that reads no other channel; the order of the elements stays.
    fn diagonal(&mut self, scale: &[f64], shift: &[f64]) -> Result<(), String> {
        let channels = scale.len();
        if channels > MAX_DIAGONAL {
            return Err(format!("has {channels} factors of its own, more than are made a layer, {MAX_DIAGONAL}"));
        }
        let mut weights = vec![0.0; channels * channels];
        scale.iter().enumerate().for_each(|(c, &s)| weights[c * channels + c] = s);
        let (inputs, outputs, bias, relu) = (channels, channels, shift.to_vec(), false);
        self.layers.push(if self.is_vector() {
            Layer::Dense { inputs, outputs, weights, bias, relu }
        } else {
            Layer::Conv { inputs, outputs, kernel: [1, 1], stride: [1, 1], weights, bias, relu }
        });
        Ok(())
    }
}
