//! A convolution packed for its kernel: outputs are lanes, rows are tight.
//!
//! A grid is `values[y * row_floats + x * channels + c]`. Between two convolutions only as many rows are kept as the
//! second one's kernel is high: row `y` is in slot `y % rows`.
//! Not here: the loops ([`super::kernels`]), in what order rows are made ([`super::schedule`]).

use super::lanes::{Lanes, WIDTH};

/// An unpadded convolution, as much of it as reaches the network's output.
#[derive(Debug)]
pub(super) struct Conv {
    /// Channels it takes.
    pub inputs: usize,
    /// Channels it gives.
    pub outputs: usize,
    /// Rows of the kernel.
    pub height: usize,
    /// Values in one row of the kernel: its extent along x times the inputs. They are side by side in a row of the grid.
    pub taps: usize,
    /// Rows of the input from one output row to the next.
    pub stride: usize,
    /// Values in a row of the input from one output pixel to the next.
    pub pitch: usize,
    /// Pixels of an output row that are computed.
    pub width: usize,
    /// Output rows that are kept at once.
    pub rows: usize,
    /// Values from one kept output row to the next.
    pub row_floats: usize,
    /// Outputs are pairs of lanes, one of even and one of odd inputs: `weights[i / 2]`, at most eight outputs. Otherwise
    /// a lane an output: `weights[(g * height + y) * taps + x * inputs + i]`, `g` counting outputs by 16.
    pub paired: bool,
    /// Laid out as `paired` says.
    pub weights: Vec<Lanes>,
    /// By 16 outputs; of a paired one the even lanes.
    pub bias: Vec<Lanes>,
    /// What outputs are at least: 0, or -infinity.
    pub floor: f32,
}

/// What a [`Conv`] is packed from, in float64; `weights` as [`crate::encode::chain::Layer::Conv`] has them.
pub(super) struct Params<'a> {
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub weights: &'a [f64],
    pub bias: &'a [f64],
    pub relu: bool,
}

impl Conv {
    /// Packs `params` for `width` output pixels a row, of which `kept` rows are kept; `tight` if no value may lie between
    /// rows, which must then be made in order.
    pub fn new(params: &Params<'_>, width: usize, kept: usize, tight: bool) -> Self {
        let &Params { inputs, outputs, kernel: [height, across], stride, weights: from, .. } = params;
        let paired = [height, across, stride[1]] == [1, 1, 1] && outputs <= 8 && inputs % 2 == 0 && width >= 2;
        let groups = outputs.div_ceil(WIDTH);
        let taps = across * inputs;
        let mut weights = vec![Lanes::ZERO; if paired { inputs / 2 } else { groups * height * taps }];
        let mut bias = vec![Lanes::ZERO; groups];
        for o in 0..outputs {
            let (group, lane) = (o / WIDTH, o % WIDTH);
            bias[group].0[if paired { 2 * lane } else { lane }] = params.bias[o] as f32;
            for i in 0..inputs {
                for y in 0..height {
                    for x in 0..across {
                        let value = from[((o * inputs + i) * height + y) * across + x] as f32;
                        if paired {
                            weights[i / 2].0[2 * o + i % 2] = value;
                        } else {
                            weights[(group * height + y) * taps + x * inputs + i].0[lane] = value;
                        }
                    }
                }
            }
        }
        Self {
            inputs,
            outputs,
            height,
            taps,
            stride: stride[0],
            pitch: stride[1] * inputs,
            width,
            rows: kept,
            // Paired outputs are stored eight at a time, which must not reach into another row.
            row_floats: if tight { width * outputs } else { (width * outputs + 8).next_multiple_of(WIDTH) },
            paired,
            weights,
            bias,
            floor: if params.relu { 0.0 } else { f32::NEG_INFINITY },
        }
    }

    /// Room for the rows that are kept, and for eight values at the end of the last.
    pub fn room(&self) -> Vec<Lanes> {
        Lanes::zeros(self.rows * self.row_floats + 8)
    }
}
