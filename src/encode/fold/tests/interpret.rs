//! The slow, obvious twin: ONNX operators in float64 on whole tensors, one value at a time, and the layers of a chain.
//!
//! Only what the fixtures and tests use. Nothing here is shared with the code under test but the file's messages.
//! Not here: any folding.

use std::collections::HashMap;

use crate::encode::chain::{Chain, Layer};
use crate::encode::onnx::proto;

/// A tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub dims: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    pub fn new(dims: &[usize], values: Vec<f64>) -> Self {
        assert_eq!(dims.iter().product::<usize>(), values.len(), "{dims:?}");
        Self { dims: dims.to_vec(), values }
    }

    /// An array of the values that `f` gives for each index.
    pub fn from_fn(dims: &[usize], mut f: impl FnMut(&[usize]) -> f64) -> Self {
        let count: usize = dims.iter().product();
        let values = (0..count).map(|place| f(&index(place, dims))).collect();
        Self::new(dims, values)
    }

    /// The value at an index; axes that are missing or 1 repeat.
    pub fn at(&self, index: &[usize]) -> f64 {
        let own = &index[index.len() - self.dims.len()..];
        let place = self.dims.iter().zip(own).fold(0, |place, (&d, &i)| place * d + if d == 1 { 0 } else { i });
        self.values[place]
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(&self.dims, self.values.iter().map(|&v| f(v)).collect())
    }

    fn integers(&self) -> Vec<i64> {
        self.values.iter().map(|&v| v as i64).collect()
    }
}

fn index(mut place: usize, dims: &[usize]) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (i, &d) in index.iter_mut().zip(dims).rev() {
        (*i, place) = (place % d, place / d);
    }
    index
}

/// What a model makes of `input`.
pub fn run(model: &proto::Model, input: &Array) -> Array {
    let graph = model.graph.as_ref().unwrap();
    let mut values: HashMap<&str, Array> = graph.initializer.iter().map(|t| (&*t.name, tensor(t))).collect();
    let name = graph.input.iter().find(|i| !values.contains_key(&*i.name)).unwrap();
    values.insert(&name.name, input.clone());
    for node in &graph.node {
        let inputs: Vec<Option<&Array>> = node.input.iter().map(|i| values.get(&**i)).collect();
        let result = operator(node, &inputs);
        values.insert(&node.output[0], result);
    }
    values[&*graph.output[0].name].clone()
}

fn tensor(tensor: &proto::Tensor) -> Array {
    let dims: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
    let raw = &tensor.raw_data;
    let values = match (tensor.data_type, raw.is_empty()) {
        (1, true) => tensor.float_data.iter().map(|&v| f64::from(v)).collect(),
        (1, false) => raw.chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
        (7, true) => tensor.int64_data.iter().map(|&v| v as f64).collect(),
        (7, false) => raw.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        (6, true) => tensor.int32_data.iter().map(|&v| f64::from(v)).collect(),
        (6, false) => raw.chunks(4).map(|b| f64::from(i32::from_le_bytes(b.try_into().unwrap()))).collect(),
        (kind, _) => panic!("type {kind} of {}", tensor.name),
    };
    Array::new(&dims, values)
}

fn operator(node: &proto::Node, inputs: &[Option<&Array>]) -> Array {
    let attribute = |name: &str| node.attribute.iter().find(|a| a.name == name);
    let int = |name: &str, default: i64| attribute(name).map_or(default, |a| a.i.unwrap());
    let ints = |name: &str| attribute(name).map(|a| a.ints.clone());
    let a = || inputs[0].unwrap();
    let b = || inputs[1].unwrap();
    let axis = |axis: i64, rank: usize| if axis < 0 { axis + rank as i64 } else { axis } as usize;
    let axes = || ints("axes").or_else(|| Some(inputs.get(1).copied().flatten()?.integers()));
    match &*node.op_type {
        "Add" => pairs(a(), b(), |a, b| a + b),
        "Sub" => pairs(a(), b(), |a, b| a - b),
        "Mul" => pairs(a(), b(), |a, b| a * b),
        "Div" => pairs(a(), b(), |a, b| a / b),
        "Pow" => pairs(a(), b(), f64::powf),
        "Max" => pairs(a(), b(), f64::max),
        "Sqrt" => a().map(f64::sqrt),
        "Reciprocal" => a().map(|v| 1.0 / v),
        "Neg" => a().map(|v| -v),
        "Exp" => a().map(f64::exp),
        "Relu" => a().map(|v| if v > 0.0 { v } else { 0.0 }),
        "Sigmoid" => a().map(|v| 1.0 / (1.0 + (-v).exp())),
        "Clip" => {
            let bound = |k: usize, name: &str, open: f64| match inputs.get(k).copied().flatten() {
                Some(bound) => bound.values[0],
                None => attribute(name).map_or(open, |a| f64::from(a.f.unwrap())),
            };
            let (low, high) = (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY));
            a().map(|v| v.max(low).min(high))
        }
        "Identity" | "Dropout" | "Cast" => a().clone(),
        "Constant" => constant(node),
        "Shape" => Array::new(&[a().dims.len()], a().dims.iter().map(|&d| d as f64).collect()),
        "Concat" => {
            let parts: Vec<&Array> = inputs.iter().map(|i| i.unwrap()).collect();
            let along = axis(int("axis", 0), parts[0].dims.len());
            let mut dims = parts[0].dims.clone();
            dims[along] = parts.iter().map(|p| p.dims[along]).sum();
            Array::from_fn(&dims, |index| {
                let mut index = index.to_vec();
                let mut part = 0;
                while index[along] >= parts[part].dims[along] {
                    index[along] -= parts[part].dims[along];
                    part += 1;
                }
                parts[part].at(&index)
            })
        }
        "Gather" => {
            assert_eq!((int("axis", 0), a().dims.len()), (0, 1));
            b().map(|k| a().values[axis(k as i64, a().values.len())])
        }
        "Slice" => {
            let place = |v: f64| axis(v as i64, a().values.len()).min(a().values.len());
            let (from, to) = (place(b().values[0]), place(inputs[2].unwrap().values[0]));
            Array::new(&[to - from], a().values[from..to].to_vec())
        }
        "Transpose" => {
            let rank = a().dims.len();
            let order: Vec<usize> =
                ints("perm").map_or((0..rank).rev().collect(), |p| p.iter().map(|&k| k as usize).collect());
            let dims: Vec<usize> = order.iter().map(|&k| a().dims[k]).collect();
            Array::from_fn(&dims, |index| {
                let mut from = vec![0; rank];
                order.iter().zip(index).for_each(|(&k, &i)| from[k] = i);
                a().at(&from)
            })
        }
        "Reshape" => {
            let asked = b().integers();
            let size = |(k, &v): (usize, &i64)| if v == 0 { a().dims[k] } else { v.max(1) as usize };
            let mut dims: Vec<usize> = asked.iter().enumerate().map(size).collect();
            if let Some(open) = asked.iter().position(|&v| v == -1) {
                dims[open] = a().values.len() / dims.iter().product::<usize>();
            }
            Array::new(&dims, a().values.clone())
        }
        "Flatten" => {
            let at = axis(int("axis", 1), a().dims.len());
            let dims = [a().dims[..at].iter().product(), a().dims[at..].iter().product()];
            Array::new(&dims, a().values.clone())
        }
        "Squeeze" => {
            let rank = a().dims.len();
            let gone = axes().map(|list| list.iter().map(|&k| axis(k, rank)).collect::<Vec<_>>());
            let stays = |k: usize| gone.as_ref().map_or(a().dims[k] != 1, |gone| !gone.contains(&k));
            let dims: Vec<usize> = (0..rank).filter(|&k| stays(k)).map(|k| a().dims[k]).collect();
            Array::new(&dims, a().values.clone())
        }
        "Unsqueeze" => {
            let axes = axes().unwrap();
            let rank = a().dims.len() + axes.len();
            let new: Vec<usize> = axes.iter().map(|&k| axis(k, rank)).collect();
            let mut old = a().dims.iter();
            let dims: Vec<usize> = (0..rank).map(|k| if new.contains(&k) { 1 } else { *old.next().unwrap() }).collect();
            Array::new(&dims, a().values.clone())
        }
        "Expand" => {
            let ones = Array::from_fn(&b().values.iter().map(|&d| d as usize).collect::<Vec<_>>(), |_| 1.0);
            pairs(a(), &ones, |a, _| a)
        }
        "Einsum" => einsum(std::str::from_utf8(attribute("equation").unwrap().s.as_ref().unwrap()).unwrap(), a(), b()),
        op @ ("ReduceMax" | "ReduceSum" | "ReduceMean") => {
            let rank = a().dims.len();
            let gone: Vec<usize> =
                axes().map_or((0..rank).collect(), |list| list.iter().map(|&k| axis(k, rank)).collect());
            let dims: Vec<usize> = (0..rank).map(|k| if gone.contains(&k) { 1 } else { a().dims[k] }).collect();
            let reduced = Array::from_fn(&dims, |index| {
                let inside = |place: &usize| {
                    let own = self::index(*place, &a().dims);
                    (0..rank).all(|k| gone.contains(&k) || own[k] == index[k])
                };
                let values = (0..a().values.len()).filter(inside).map(|place| a().values[place]);
                match op {
                    "ReduceMax" => values.fold(f64::NEG_INFINITY, f64::max),
                    "ReduceSum" => values.sum(),
                    _ => values.clone().sum::<f64>() / values.count() as f64,
                }
            });
            let kept: Vec<usize> = (0..rank).filter(|k| !gone.contains(k)).map(|k| a().dims[k]).collect();
            if int("keepdims", 1) == 0 { Array::new(&kept, reduced.values) } else { reduced }
        }
        "Softmax" => {
            let along = axis(int("axis", -1), a().dims.len());
            let sum = |index: &[usize]| -> f64 {
                let mut index = index.to_vec();
                (0..a().dims[along])
                    .map(|k| {
                        index[along] = k;
                        a().at(&index).exp()
                    })
                    .sum()
            };
            Array::from_fn(&a().dims, |index| a().at(index).exp() / sum(index))
        }
        "BatchNormalization" => {
            let p = |k: usize, index: &[usize]| inputs[k].unwrap().values[index[1]];
            let epsilon = attribute("epsilon").map_or(1e-5, |a| f64::from(a.f.unwrap()));
            Array::from_fn(&a().dims, |i| p(1, i) * (a().at(i) - p(3, i)) / (p(4, i) + epsilon).sqrt() + p(2, i))
        }
        "MatMul" => {
            let (depth, mut dims) = (b().dims[0], a().dims.clone());
            *dims.last_mut().unwrap() = b().dims[1];
            Array::from_fn(&dims, |index| {
                let (&column, row) = index.split_last().unwrap();
                let term = |k: usize| a().at(&[row, &[k]].concat()) * b().at(&[k, column]);
                (0..depth).map(term).sum()
            })
        }
        "Gemm" => {
            let turned = |array: &Array, flag: &str| match int(flag, 0) {
                0 => array.clone(),
                _ => Array::from_fn(&[array.dims[1], array.dims[0]], |i| array.at(&[i[1], i[0]])),
            };
            let (left, right) = (turned(a(), "transA"), turned(b(), "transB"));
            let factor = |name: &str| attribute(name).map_or(1.0, |a| f64::from(a.f.unwrap()));
            Array::from_fn(&[left.dims[0], right.dims[1]], |i| {
                let sum: f64 = (0..left.dims[1]).map(|k| left.at(&[i[0], k]) * right.at(&[k, i[1]])).sum();
                let bias = inputs.get(2).copied().flatten().map_or(0.0, |c| c.at(i));
                factor("alpha") * sum + factor("beta") * bias
            })
        }
        "Conv" => conv(node, a(), b(), inputs.get(2).copied().flatten()),
        op => panic!("{op}"),
    }
}

fn pairs(a: &Array, b: &Array, f: impl Fn(f64, f64) -> f64) -> Array {
    let rank = a.dims.len().max(b.dims.len());
    let size = |array: &Array, k: usize| (k + array.dims.len()).checked_sub(rank).map_or(1, |k| array.dims[k]);
    let dims: Vec<usize> = (0..rank).map(|k| size(a, k).max(size(b, k))).collect();
    Array::from_fn(&dims, |index| f(a.at(index), b.at(index)))
}

/// By the definition: for each value asked for, the sum over all other letters.
fn einsum(equation: &str, a: &Array, b: &Array) -> Array {
    let equation = equation.replace(' ', "");
    let (given, asked) = equation.split_once("->").unwrap();
    let (left, right) = given.split_once(',').unwrap();
    let size = |c: char| left.find(c).map_or_else(|| b.dims[right.find(c).unwrap()], |k| a.dims[k]);
    let mut rest: Vec<char> = left.chars().chain(right.chars()).filter(|&c| !asked.contains(c)).collect();
    rest.sort_unstable();
    rest.dedup();
    let sizes = |letters: &[char]| letters.iter().map(|&c| size(c)).collect::<Vec<_>>();
    let letters: Vec<char> = asked.chars().chain(rest.iter().copied()).collect();
    Array::from_fn(&sizes(&asked.chars().collect::<Vec<_>>()), |outer| {
        let terms = Array::from_fn(&sizes(&rest), |inner| {
            let at = |c: char| letters.iter().zip(outer.iter().chain(inner)).find(|(l, _)| **l == c).map(|(_, &i)| i);
            let pick = |names: &str| names.chars().map(|c| at(c).unwrap()).collect::<Vec<usize>>();
            a.at(&pick(left)) * b.at(&pick(right))
        });
        terms.values.iter().sum()
    })
}

fn constant(node: &proto::Node) -> Array {
    let value = &node.attribute[0];
    match &*value.name {
        "value" => tensor(value.t.as_ref().unwrap()),
        "value_float" => Array::new(&[], vec![f64::from(value.f.unwrap())]),
        "value_floats" => Array::new(&[value.floats.len()], value.floats.iter().map(|&v| f64::from(v)).collect()),
        "value_int" => Array::new(&[], vec![value.i.unwrap() as f64]),
        "value_ints" => Array::new(&[value.ints.len()], value.ints.iter().map(|&v| v as f64).collect()),
        name => panic!("{name}"),
    }
}

fn conv(node: &proto::Node, x: &Array, weights: &Array, bias: Option<&Array>) -> Array {
    let list = |name: &str, default: &[i64]| {
        let found = node.attribute.iter().find(|a| a.name == name).map(|a| a.ints.clone());
        found.unwrap_or(default.to_vec()).iter().map(|&v| v as usize).collect::<Vec<_>>()
    };
    let text = node.attribute.iter().find(|a| a.name == "auto_pad").and_then(|a| a.s.clone());
    let (strides, dilations) = (list("strides", &[1, 1]), list("dilations", &[1, 1]));
    let group = node.attribute.iter().find(|a| a.name == "group").map_or(1, |a| a.i.unwrap() as usize);
    let [outputs, own, ky, kx] = weights.dims[..] else { panic!("{:?}", weights.dims) };
    let reach = [dilations[0] * (ky - 1) + 1, dilations[1] * (kx - 1) + 1];
    let pads = match text.as_deref() {
        None | Some(b"NOTSET" | b"VALID") => list("pads", &[0; 4]),
        Some(b"SAME_UPPER") => {
            let all = [0, 1].map(|k| {
                let n = x.dims[k + 2];
                ((n.div_ceil(strides[k]) - 1) * strides[k] + reach[k]).saturating_sub(n)
            });
            vec![all[0] / 2, all[1] / 2, all[0] - all[0] / 2, all[1] - all[1] / 2]
        }
        Some(other) => panic!("{other:?}"),
    };
    let size = |k: usize| (x.dims[k + 2] + pads[k] + pads[k + 2] - reach[k]) / strides[k] + 1;
    Array::from_fn(&[1, outputs, size(0), size(1)], |at| {
        let mut sum = bias.map_or(0.0, |b| b.values[at[1]]);
        for i in 0..own {
            let channel = at[1] / (outputs / group) * own + i;
            for (v, u) in (0..ky).flat_map(|v| (0..kx).map(move |u| (v, u))) {
                let y = (at[2] * strides[0] + v * dilations[0]).wrapping_sub(pads[0]);
                let x0 = (at[3] * strides[1] + u * dilations[1]).wrapping_sub(pads[1]);
                if y < x.dims[2] && x0 < x.dims[3] {
                    sum += weights.at(&[at[1], i, v, u]) * x.at(&[0, channel, y, x0]);
                }
            }
        }
        sum
    })
}

/// What a chain makes of `densities[(y * nx + x) * channels + c]`.
pub fn run_chain(chain: &Chain, densities: &[f64]) -> Vec<f64> {
    let channels = chain.channels;
    let mut grid = Array::from_fn(&[1, channels, chain.ny, chain.nx], |i| {
        let density = densities[(i[2] * chain.nx + i[3]) * channels + i[1]];
        chain.normalise.as_ref().map_or(density, |(offset, factor)| (density - offset[i[1]]) * factor[i[1]])
    });
    for layer in &chain.layers {
        let is_relu;
        grid = match layer {
            Layer::Conv { inputs, outputs, kernel, stride, weights, bias, relu } => {
                is_relu = *relu;
                let weights = Array::new(&[*outputs, *inputs, kernel[0], kernel[1]], weights.clone());
                let strides = proto::Attribute {
                    name: "strides".into(),
                    ints: stride.map(|s| s as i64).to_vec(),
                    ..Default::default()
                };
                let node = proto::Node { attribute: vec![strides], ..Default::default() };
                conv(&node, &grid, &weights, Some(&Array::new(&[*outputs], bias.clone())))
            }
            Layer::Dense { inputs, outputs, weights, bias, relu } => {
                is_relu = *relu;
                assert_eq!(grid.values.len(), *inputs);
                let value =
                    |o: usize| bias[o] + (0..*inputs).map(|i| weights[o * inputs + i] * grid.values[i]).sum::<f64>();
                Array::new(&[1, *outputs, 1, 1], (0..*outputs).map(value).collect())
            }
            Layer::Softmax => {
                is_relu = false;
                let sum: f64 = grid.values.iter().map(|v| v.exp()).sum();
                grid.map(|v| v.exp() / sum)
            }
        };
        if is_relu {
            grid = grid.map(|v| v.max(0.0));
        }
    }
    grid.values
}
