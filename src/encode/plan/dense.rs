//! A dense layer packed for its kernels: outputs are lanes, and memory is read from front to back.
//!
//! Sums of 16 outputs run in several chains at once, so that an addition's latency is hidden. Where there are fewer
//! groups of 16 outputs than chains, the inputs are split among chains as well, and the partial sums are added in order.
//! Not here: the loops ([`super::kernels`]).

use super::lanes::{Lanes, WIDTH};

/// Some groups of 16 outputs that are computed together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The first group.
    pub first: usize,
    /// Groups: 1, 2, 4 or 8.
    pub groups: usize,
    /// Parts that the inputs are split into: chains over `groups`.
    pub splits: usize,
    /// Inputs in a part; part `s` begins at input `s * steps`.
    pub steps: usize,
    /// Where its weights begin: `weights[start + (step * splits + s) * groups + g]`.
    pub start: usize,
}

/// A dense layer.
#[derive(Debug)]
pub(super) struct Dense {
    /// Values it takes.
    pub inputs: usize,
    /// Values that its kernels read: the inputs, and zeros after them.
    pub reads: usize,
    /// In the order of their weights.
    pub blocks: Vec<Block>,
    /// As each block says.
    pub weights: Vec<Lanes>,
    /// By 16 outputs.
    pub bias: Vec<Lanes>,
    /// What outputs are at least: 0, or -infinity.
    pub floor: f32,
}

impl Dense {
    /// Packs `weights[o * inputs + source(i)]` for a kernel with so many chains; input `i` of the packed layer is input
    /// `source(i)` of the given one.
    pub fn new(weights: &[f64], bias: &[f64], relu: bool, source: impl Fn(usize) -> usize, chains: usize) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        let mut packed = Self {
            inputs,
            reads: inputs,
            blocks: Vec::new(),
            weights: Vec::new(),
            bias: Lanes::zeros(outputs),
            floor: if relu { 0.0 } else { f32::NEG_INFINITY },
        };
        for (o, &value) in bias.iter().enumerate() {
            packed.bias[o / WIDTH].0[o % WIDTH] = value as f32;
        }
        let sources: Vec<usize> = (0..inputs).map(source).collect();
        let mut first = 0;
        while first < packed.bias.len() {
            let left = packed.bias.len() - first;
            let groups = if left >= chains { chains } else { 1 << left.ilog2() };
            let splits = chains / groups;
            let steps = inputs.div_ceil(splits);
            packed.blocks.push(Block { first, groups, splits, steps, start: packed.weights.len() });
            packed.reads = packed.reads.max(splits * steps);
            for step in 0..steps {
                for split in 0..splits {
                    for group in first..first + groups {
                        let mut lanes = Lanes::ZERO;
                        if let Some(&source) = sources.get(split * steps + step) {
                            for (lane, o) in lanes.0.iter_mut().zip(group * WIDTH..outputs) {
                                *lane = weights[o * inputs + source] as f32;
                            }
                        }
                        packed.weights.push(lanes);
                    }
                }
            }
            first += groups;
        }
        packed
    }
}
