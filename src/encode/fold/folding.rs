//! The entry to folding, and the order in which its passes run.
//!
//! Not here: what they do.

use super::passes::{self, Pass};
use super::understand::{Done, understand};
use crate::encode::card::Layout;
use crate::encode::chain::{Chain, MAX_CANCELLING};
use crate::encode::onnx::{Affine, Conv, Dense, Graph, Node, Op, Read, Tensor, count, proto, read, write};
use crate::error::{Result, model};

/// The most numbers that all values of a model hold together: some passes look at each.
const MAX_SIZE: usize = 64 << 20;

/// The input that a model is folded for.
#[derive(Debug, Clone, Copy)]
pub(in crate::encode) struct InputSpec {
    /// Grid points along y, 1 or more.
    pub ny: usize,
    /// Grid points along x, 1 or more.
    pub nx: usize,
    /// Channels, 1 or more.
    pub channels: usize,
    /// Order of the axes; a batch axis of 1 comes before them.
    pub layout: Layout,
}

/// What became of a file.
#[derive(Debug)]
pub(in crate::encode) struct Folded {
    /// The folded model for a batch of 1, to give to another back-end; the file as it was if nothing was folded. Its
    /// input is the densities themselves, in the layout of the file's own input, where the normalisation was folded in,
    /// and what the normalisation makes of them otherwise.
    #[cfg_attr(
        not(any(test, feature = "tract")),
        allow(dead_code, reason = "there is no other back-end to give it to")
    )]
    pub onnx: Vec<u8>,
    /// Whether the normalisation is a part of the first layer now.
    #[cfg_attr(not(any(test, feature = "tract")), allow(dead_code, reason = "as above"))]
    pub normalise_folded: bool,
    /// The layers, or in a sentence why they are no chain.
    pub chain: Result<Chain, String>,
    /// What was done, a sentence each.
    pub notes: Vec<String>,
}

impl Folded {
    /// A file that is left as it is, and why.
    fn alone(bytes: &[u8], reason: String) -> Self {
        Self { onnx: bytes.to_vec(), normalise_folded: false, chain: Err(reason), notes: vec![] }
    }
}

impl InputSpec {
    /// The shape of the input tensor.
    pub fn dims(&self) -> [usize; 4] {
        match self.layout {
            Layout::Chw => [1, self.channels, self.ny, self.nx],
            Layout::Hwc => [1, self.ny, self.nx, self.channels],
        }
    }

    /// The axis of [`dims`](Self::dims) that counts channels.
    fn channel_axis(&self) -> usize {
        match self.layout {
            Layout::Chw => 1,
            Layout::Hwc => 3,
        }
    }
}

/// The passes in the order in which they look at a node, and the sentence that tells how often each changed something.
const PASSES: [(Pass, &str); 11] = [
    (passes::drop_unread, "took out # node(s) that nothing reads"),
    (passes::drop_idle, ORDER),
    (passes::join_transposes, ORDER),
    (passes::join_reshapes, ORDER),
    (passes::sink_transpose, ORDER),
    (passes::sink_reshape, ORDER),
    (passes::join_affines, "joined # pair(s) of affines"),
    (passes::fold_backward, "folded # affine(s) into the layers before"),
    (passes::join_layers, "joined # pair(s) of linear layers with nothing between them"),
    (passes::join_softmax, "joined the parts of # softmax(es)"),
    (passes::fold_order_of_axes, "folded # transposition(s) into the dense layers after"),
];

/// The one that runs when all others have nothing left to do: what can be folded backward should be.
const LAST: (Pass, &str) = (passes::fold_forward, "folded # affine(s) into the layers after");

const ORDER: &str = "moved or took out transpositions and reshapes # time(s)";

/// Folds the model in the bytes of an `.onnx` file. `normalise` is what its input is made of a density by, offset and
/// factor of each channel: `(density - offset[c]) * factor[c]`.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for a model that no back-end can run: it cannot be decoded, has
/// not one input and one output, its params are not finite or not of the size that they say, its shapes contradict each
/// other or `input`. A model that is only not understood is left alone, and `chain` says why.
pub(in crate::encode) fn fold(bytes: &[u8], input: &InputSpec, normalise: Option<(&[f64], &[f64])>) -> Result<Folded> {
    let mut graph = match read(bytes)? {
        Read::Graph(graph) => *graph,
        Read::Opaque(reason) => return Ok(Folded::alone(bytes, reason)),
    };
    check_input(&graph, input)?;
    let start = graph.input;
    graph.values[start].dims = Some(input.dims().to_vec());
    let done = understand(&mut graph)?;
    let size: usize = graph.values.iter().filter_map(|v| v.dims.as_deref()).filter_map(count).sum();
    if size > MAX_SIZE {
        let reason = format!("its values hold {size} numbers, more than are folded, {MAX_SIZE}");
        return Ok(Folded::alone(bytes, reason));
    }
    let mut counts = Counts::default();
    settle(&mut graph, &mut counts);
    let normalise_folded = normalise.is_some_and(|constants| fold_normalisation(&mut graph, input, constants));
    if !is_in_range(&graph) {
        let reason = "its params are too large for float32 once they are folded";
        return Ok(Folded::alone(bytes, reason.into()));
    }
    let notes = notes(done, &counts, normalise_folded);
    let left = normalise.filter(|_| !normalise_folded).map(|(offset, factor)| (offset.to_vec(), factor.to_vec()));
    let onnx = if notes.is_empty() { bytes.to_vec() } else { write(&graph) };
    let chain = super::layers::chain(graph, input).map(|layers| {
        let (ny, nx, channels) = (input.ny, input.nx, input.channels);
        Chain { ny, nx, channels, normalise: left, layers }
    });
    Ok(Folded { onnx, normalise_folded, chain, notes })
}

/// The declared input has to be float32, and of the expected shape but for the batch and axes of unknown size.
fn check_input(graph: &Graph, input: &InputSpec) -> Result<()> {
    let name = &graph.values[graph.input].name;
    let declared = graph.shell.graph.iter().flat_map(|g| &g.input).find(|i| i.name == *name);
    let kind = declared.and_then(|d| d.r#type.as_ref()).and_then(|t| t.value.as_ref());
    let tensor = match kind {
        Some(proto::Kind::Tensor(tensor)) => tensor,
        Some(_) => return Err(model(format!("its input `{name}` is no tensor"))),
        None => return Ok(()),
    };
    if tensor.elem_type != proto::FLOAT32 {
        return Err(model(format!("its input `{name}` is not float32, ONNX type {}", tensor.elem_type)));
    }
    let Some(shape) = &tensor.shape else { return Ok(()) };
    let sizes: Vec<Option<i64>> = shape
        .dim
        .iter()
        .map(|d| if let Some(proto::Size::Value(v)) = d.value { Some(v).filter(|&v| v >= 0) } else { None })
        .collect();
    let dims = input.dims();
    let fits = |(size, &dim): (&Option<i64>, &usize)| size.is_none_or(|s| usize::try_from(s) == Ok(dim));
    if sizes.len() != dims.len() || !sizes.iter().zip(&dims).skip(1).all(fits) {
        let shown: Vec<String> = sizes.iter().map(|s| s.map_or("?".into(), |s| s.to_string())).collect();
        return Err(model(format!("its input is [{}], its card says {dims:?}", shown.join(", "))));
    }
    Ok(())
}

/// Whether float32 holds all params of nodes that were understood.
fn is_in_range(graph: &Graph) -> bool {
    let fits = |values: &[f64]| values.iter().all(|v| v.abs() <= f64::from(f32::MAX));
    graph.nodes.iter().all(|node| match &node.op {
        Op::Conv(Conv { weights, bias, .. }) | Op::Dense(Dense { weights, bias }) => {
            fits(&weights.values) && fits(bias)
        }
        Op::Affine(Affine { scale, shift }) => fits(&scale.values) && fits(&shift.values),
        _ => true,
    })
}

/// How often each sentence came true.
#[derive(Default)]
struct Counts(Vec<(&'static str, usize)>);

impl Counts {
    fn add(&mut self, sentence: &'static str) {
        match self.0.iter_mut().find(|(s, _)| *s == sentence) {
            Some((_, count)) => *count += 1,
            None => self.0.push((sentence, 1)),
        }
    }
}

/// Runs the passes until none of them changes anything.
fn settle(graph: &mut Graph, counts: &mut Counts) {
    // Each change takes a node out or moves one towards the output: far fewer than this many.
    let mut left = 100 + 50 * graph.nodes.len();
    while left > 0 && (sweep(graph, &PASSES, counts, &mut left) || sweep(graph, &[LAST], counts, &mut left)) {}
}

/// Shows each node to each pass; whether anything changed.
fn sweep(graph: &mut Graph, passes: &[(Pass, &'static str)], counts: &mut Counts, left: &mut usize) -> bool {
    let before = *left;
    let mut at = 0;
    while at < graph.nodes.len() && *left > 0 {
        match passes.iter().find(|(pass, _)| pass(graph, at)) {
            Some((_, sentence)) => {
                counts.add(sentence);
                *left -= 1;
            }
            None => at += 1,
        }
    }
    *left < before
}

/// Folds the normalisation into the first layer, if that can take it in; whether it did.
fn fold_normalisation(graph: &mut Graph, input: &InputSpec, (offset, factor): (&[f64], &[f64])) -> bool {
    let sizes = [offset.len(), factor.len()];
    let cancelling = offset.iter().zip(factor).any(|(o, f)| !(f.is_finite() && (o * f).abs() <= MAX_CANCELLING));
    if sizes != [input.channels; 2] || cancelling || graph.output == graph.input {
        return false;
    }
    let mut shape = [1; 4];
    shape[input.channel_axis()] = input.channels;
    let scale = Tensor::floats(&shape, factor.to_vec());
    let shift = Tensor::floats(&shape, offset.iter().zip(factor).map(|(o, f)| -o * f).collect());
    let raw = graph.input;
    let normalised = graph.add_value("normalised".into(), Some(input.dims().to_vec()));
    for read in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs) {
        if *read == Some(raw) {
            *read = Some(normalised);
        }
    }
    let affine = Op::Affine(Affine { scale, shift });
    graph.nodes.insert(0, Node::new("normalisation", affine, raw, normalised));
    let folded = passes::fold_forward(graph, 0);
    if !folded {
        graph.bypass(0);
    }
    folded
}

fn notes(done: Done, counts: &Counts, normalise_folded: bool) -> Vec<String> {
    let read = [
        ("computed # constant(s)", done.computed),
        ("left out # node(s) without effect", done.idle),
        ("read # batch normalisation(s) as affines, a factor and a summand a channel", done.normalisations),
    ];
    let all = read.iter().chain(&counts.0).filter(|(_, count)| *count > 0);
    let told = |(sentence, count): &(&str, usize)| {
        let one = *count == 1;
        let plural = sentence.replace("(s)", if one { "" } else { "s" }).replace("(es)", if one { "" } else { "es" });
        plural.replace('#', &count.to_string())
    };
    let mut notes: Vec<String> = all.map(told).collect();
    if normalise_folded {
        notes.push("folded the normalisation of the densities into the first layer".into());
    }
    notes
}
