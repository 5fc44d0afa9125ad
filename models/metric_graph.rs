//! The graph of the metric network for 37 x 37 x 14 patches, as an exporter leaves it, with seeded, untrained params.
//!
//! Source: the metric paper, appendix A.2. In: `patch`, float32 (1, 14, 37, 37), standardised, axes batch, channel, y, x.
//! Out: `point`, float32 (1, 9). The last convolution's output is flattened in the order y, x, channel, as Keras does.
//! A tensor's params are in row-major order of its ONNX axes.
//!
//! Not here: writing the files (`examples/make_metric.rs`), which includes this file as `tests/encode/` does.

use prost::Message;
use tract_onnx::pb;

/// The seed of the committed params.
pub const SEED: u64 = 1;

/// Epsilon of every batch normalisation, Keras' default.
pub const EPSILON: f32 = 1e-3;

/// Name, fraction within its leaflet, and standard deviation (nm^-2) of each channel, inner leaflet first. The DDFT
/// example's: the fractions are its own, the deviations those of one of its fields after 1,500 steps, rounded.
pub const SPECIES: [(&str, f64, f64); 14] = [
    ("POPC", 0.14, 0.060),
    ("PAPC", 0.075, 0.043),
    ("POPE", 0.055, 0.035),
    ("DIPE", 0.16, 0.065),
    ("DPSM", 0.11, 0.054),
    ("PAPS", 0.16, 0.096),
    ("PAP6", 0.02, 0.020),
    ("CHOL", 0.28, 0.091),
    ("POPC_outer", 0.24, 0.078),
    ("PAPC_outer", 0.12, 0.055),
    ("POPE_outer", 0.02, 0.017),
    ("DIPE_outer", 0.06, 0.037),
    ("DPSM_outer", 0.25, 0.080),
    ("CHOL_outer", 0.31, 0.091),
];

/// Area per lipid, nm^2: a species of fraction `f` has the mean density `f / 0.60`.
const AREA_PER_LIPID_NM2: f64 = 0.60;

/// One batch normalisation: `scale * (x - mean) / sqrt(variance + epsilon) + shift` a channel.
pub struct Norm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

/// All params of the network.
pub struct Params {
    /// (84, 1, 1, 1): channel `c` becomes `c * 6 + m`, for m in 0 .. 6.
    pub depthwise: Vec<f32>,
    /// (6, 84, 1, 1), and a bias.
    pub pointwise: Vec<f32>,
    pub pointwise_bias: Vec<f32>,
    pub norm1: Norm,
    /// (16, 6, 3, 3), and a bias.
    pub conv2: Vec<f32>,
    pub conv2_bias: Vec<f32>,
    pub norm2: Norm,
    /// (16, 16, 3, 3), and a bias.
    pub conv3: Vec<f32>,
    pub conv3_bias: Vec<f32>,
    pub norm3: Norm,
    /// (9, 1024), and a bias; input `(y * 8 + x) * 16 + channel`.
    pub dense: Vec<f32>,
    pub dense_bias: Vec<f32>,
    pub norm4: Norm,
}

/// splitmix64 (Steele, Lea and Flood, 2014): every seed gives a full-period stream of 64-bit numbers.
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low .. high`, from the top 53 bits.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn list(&mut self, count: usize, low: f64, high: f64) -> Vec<f32> {
        (0..count).map(|_| self.uniform(low, high) as f32).collect()
    }

    /// Glorot uniform: within `sqrt(6 / (fan_in + fan_out))` of 0.
    fn glorot(&mut self, count: usize, fan_in: usize, fan_out: usize) -> Vec<f32> {
        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
        self.list(count, -limit, limit)
    }

    /// Statistics that no training gave, near those of `centre` and `spread`: each channel differs, so that leaving
    /// one out or swapping two shows.
    fn norm(&mut self, channels: usize, centre: f64, spread: f64) -> Norm {
        Norm {
            scale: self.list(channels, 0.9, 1.1),
            shift: self.list(channels, -0.1, 0.1),
            mean: self.list(channels, centre - 0.2 * spread, centre + 0.2 * spread),
            variance: self.list(channels, 0.8 * spread * spread, 1.2 * spread * spread),
        }
    }
}

impl Params {
    /// The params that `seed` gives: Glorot kernels as in Keras (the depthwise kernel's fans are 14 and 6), biases
    /// within 0.05 of 0, and batch statistics of about the size that random patches show.
    pub fn seeded(seed: u64) -> Self {
        let mut random = SplitMix64(seed);
        Self {
            depthwise: random.glorot(84, 14, 6),
            pointwise: random.glorot(6 * 84, 84, 6),
            pointwise_bias: random.list(6, -0.05, 0.05),
            norm1: random.norm(6, 0.4, 0.6),
            conv2: random.glorot(16 * 6 * 9, 6 * 9, 16 * 9),
            conv2_bias: random.list(16, -0.05, 0.05),
            norm2: random.norm(16, 0.3, 0.4),
            conv3: random.glorot(16 * 16 * 9, 16 * 9, 16 * 9),
            conv3_bias: random.list(16, -0.05, 0.05),
            norm3: random.norm(16, 0.4, 0.5),
            dense: random.glorot(9 * 1024, 1024, 9),
            dense_bias: random.list(9, -0.05, 0.05),
            norm4: random.norm(9, 0.0, 1.0),
        }
    }
}

/// The bytes of the `.onnx` file.
pub fn onnx(params: &Params) -> Vec<u8> {
    let mut graph = pb::GraphProto {
        name: "metric".into(),
        input: vec![value("patch", &[1, 14, 37, 37])],
        output: vec![value("point", &[1, 9])],
        ..Default::default()
    };
    let g = &mut graph;
    tensor(g, "depthwise", &[84, 1, 1, 1], &params.depthwise);
    tensor(g, "pointwise", &[6, 84, 1, 1], &params.pointwise);
    tensor(g, "pointwise_bias", &[6], &params.pointwise_bias);
    tensor(g, "conv2", &[16, 6, 3, 3], &params.conv2);
    tensor(g, "conv2_bias", &[16], &params.conv2_bias);
    tensor(g, "conv3", &[16, 16, 3, 3], &params.conv3);
    tensor(g, "conv3_bias", &[16], &params.conv3_bias);
    tensor(g, "dense", &[9, 1024], &params.dense);
    tensor(g, "dense_bias", &[9], &params.dense_bias);

    node(g, "Conv", &["patch", "depthwise"], "channels84", conv(1, 1, 14));
    node(g, "Conv", &["channels84", "pointwise", "pointwise_bias"], "stage1", conv(1, 1, 1));
    node(g, "Relu", &["stage1"], "relu1", vec![]);
    norm(g, "relu1", "norm1", &params.norm1);
    node(g, "Conv", &["norm1", "conv2", "conv2_bias"], "stage2", conv(3, 2, 1));
    node(g, "Relu", &["stage2"], "relu2", vec![]);
    norm(g, "relu2", "norm2", &params.norm2);
    node(g, "Conv", &["norm2", "conv3", "conv3_bias"], "stage3", conv(3, 2, 1));
    node(g, "Relu", &["stage3"], "relu3", vec![]);
    norm(g, "relu3", "norm3", &params.norm3);
    node(g, "Transpose", &["norm3"], "pixels", vec![ints("perm", &[0, 2, 3, 1])]);
    node(g, "Flatten", &["pixels"], "flat", vec![int("axis", 1)]);
    node(g, "Gemm", &["flat", "dense", "dense_bias"], "linear", vec![int("transB", 1)]);
    norm(g, "linear", "point", &params.norm4);

    let model = pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: 13 }],
        producer_name: "patchstream".into(),
        doc_string: "The metric network with seeded, untrained params.".into(),
        graph: Some(graph),
        ..Default::default()
    };
    model.encode_to_vec()
}

/// The text of the card that goes with an `.onnx` of `sha256`.
pub fn card(sha256: &str) -> String {
    let list = |values: Vec<String>| values.join(", ");
    let names = list(SPECIES.iter().map(|(name, _, _)| format!("\"{name}\"")).collect());
    let means = list(SPECIES.iter().map(|(_, f, _)| format!("{:.4}", f / AREA_PER_LIPID_NM2)).collect());
    let deviations = list(SPECIES.iter().map(|(_, _, deviation)| format!("{deviation:.3}")).collect());
    format!(
        r#"# The metric network (metric paper, A.2) for patches of 37 x 37 points and 14 lipid densities.
# Written by examples/make_metric.rs together with the .onnx beside it.
format = 1
name = "metric-37x37x14"
sha256 = "{sha256}"
trained = false
training = "None: kernels are seeded Glorot draws, biases and batch statistics seeded draws of a plausible size. It shows the whole path at its real cost; distances between its points mean nothing."
orientation = "as_cut"
latent_dimension = 9

[input]
nx = 37
ny = 37
layout = "chw"
channels = [{names}]

# Nominal, from the DDFT example: a species' fraction in its leaflet over 0.60 nm^2 a lipid, and the deviation of its
# density in one field. In nm^-2.
[normalise]
kind = "standardise"
mean = [{means}]
deviation = [{deviations}]
"#
    )
}

fn tensor(graph: &mut pb::GraphProto, name: &str, dims: &[i64], values: &[f32]) {
    assert_eq!(dims.iter().product::<i64>(), values.len() as i64, "{name} has another number of params");
    graph.initializer.push(pb::TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: pb::tensor_proto::DataType::Float as i32,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    });
}

fn node(graph: &mut pb::GraphProto, op: &str, inputs: &[&str], output: &str, attribute: Vec<pb::AttributeProto>) {
    graph.node.push(pb::NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: vec![output.into()],
        attribute,
        ..Default::default()
    });
}

fn norm(graph: &mut pb::GraphProto, input: &str, output: &str, norm: &Norm) {
    let lists = [("scale", &norm.scale), ("shift", &norm.shift), ("mean", &norm.mean), ("variance", &norm.variance)];
    let names = lists.map(|(what, values)| {
        let name = format!("{output}_{what}");
        tensor(graph, &name, &[values.len() as i64], values);
        name
    });
    let inputs: Vec<&str> = std::iter::once(input).chain(names.iter().map(String::as_str)).collect();
    let epsilon = pb::AttributeProto {
        name: "epsilon".into(),
        r#type: pb::attribute_proto::AttributeType::Float as i32,
        f: EPSILON,
        ..Default::default()
    };
    node(graph, "BatchNormalization", &inputs, output, vec![epsilon]);
}

/// The attributes of an unpadded convolution.
fn conv(kernel: i64, stride: i64, group: i64) -> Vec<pb::AttributeProto> {
    vec![
        ints("kernel_shape", &[kernel, kernel]),
        ints("strides", &[stride, stride]),
        ints("pads", &[0; 4]),
        ints("dilations", &[1, 1]),
        int("group", group),
    ]
}

fn int(name: &str, value: i64) -> pb::AttributeProto {
    let r#type = pb::attribute_proto::AttributeType::Int as i32;
    pb::AttributeProto { name: name.into(), r#type, i: value, ..Default::default() }
}

fn ints(name: &str, values: &[i64]) -> pb::AttributeProto {
    let r#type = pb::attribute_proto::AttributeType::Ints as i32;
    pb::AttributeProto { name: name.into(), r#type, ints: values.to_vec(), ..Default::default() }
}

fn value(name: &str, dims: &[i64]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dim = dims.iter().map(|&d| Dimension { value: Some(Value::DimValue(d)), ..Default::default() }).collect();
    let tensor = pb::type_proto::Tensor {
        elem_type: pb::tensor_proto::DataType::Float as i32,
        shape: Some(pb::TensorShapeProto { dim }),
    };
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}
