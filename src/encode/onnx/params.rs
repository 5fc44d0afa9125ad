//! Tensors of a file: checked, then float64 numbers, or left as they are.
//!
//! Not here: what is computed with them ([`super::tensor`]).

use super::graph::Param;
use super::proto;
use super::tensor::{Kind, MAX_VALUES, Tensor, count};
use crate::error::{Error, Result, model};

/// The largest integer up to which float64 holds all.
const MAX_EXACT: i64 = 1 << 53;

/// Reads a tensor: the number of its values must be what its shape says, and floats must be finite, but for a scalar,
/// which may be the bound of a clip.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model).
pub fn decode(tensor: &proto::Tensor) -> Result<Param> {
    if tensor.data_location == Some(proto::EXTERNAL) || !tensor.external_data.is_empty() {
        return Err(fault(tensor, "lie in another file: export the model with its params inside"));
    }
    let sizes: Option<Vec<usize>> = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let product = sizes.as_ref().and_then(|s| s.iter().try_fold(1_usize, |product, &d| product.checked_mul(d)));
    let (Some(dims), Some(expected)) = (sizes, product) else {
        return Err(fault(tensor, &format!("have the impossible shape {:?}", tensor.dims)));
    };
    if value_size(tensor.data_type).is_some_and(|size| !tensor.raw_data.len().is_multiple_of(size)) {
        return Err(fault(tensor, &format!("are {} bytes, no whole number of values", tensor.raw_data.len())));
    }
    let values = match values(tensor) {
        Values::Numbers(kind, values) => Ok((kind, values)),
        Values::Opaque(stored) => Err(stored),
    };
    let stored = values.as_ref().map_or_else(|stored| *stored, |(_, values)| Some(values.len()));
    if stored.is_some_and(|stored| stored != expected) {
        let stored = stored.unwrap_or(0);
        return Err(fault(tensor, &format!("are {stored} values where their shape {dims:?} says {expected}")));
    }
    let Ok((kind, values)) = values else { return Ok(Param::Raw(Box::new(tensor.clone()))) };
    let is_float = matches!(kind, Kind::Float32 | Kind::Float64);
    if is_float && !dims.is_empty() && !values.iter().all(|v| v.is_finite()) {
        return Err(fault(tensor, "are not all finite"));
    }
    // The ends of the range stand for "no bound" and come back as they were.
    let exact = |v: &f64| v.abs() < MAX_EXACT as f64 || *v == i64::MAX as f64 || *v == i64::MIN as f64;
    if count(&dims).is_none() || !is_float && !values.iter().all(exact) {
        return Ok(Param::Raw(Box::new(tensor.clone())));
    }
    Ok(Param::Numbers(Tensor { dims, kind, values }))
}

/// Writes numbers as a tensor named `name`.
pub fn encode(name: &str, tensor: &Tensor) -> proto::Tensor {
    let all = &tensor.values;
    let (data_type, raw_data) = match tensor.kind {
        Kind::Float32 => (proto::FLOAT32, bytes(all, |v| (v as f32).to_le_bytes())),
        Kind::Float64 => (proto::FLOAT64, bytes(all, f64::to_le_bytes)),
        Kind::Int32 => (proto::INT32, bytes(all, |v| (v as i32).to_le_bytes())),
        Kind::Int64 => (proto::INT64, bytes(all, |v| (v as i64).to_le_bytes())),
        Kind::Bool => (proto::BOOL, bytes(all, |v| [u8::from(v != 0.0)])),
    };
    let dims = tensor.dims.iter().map(|&d| d as i64).collect();
    proto::Tensor { name: name.into(), dims, data_type, raw_data, ..Default::default() }
}

fn bytes<const N: usize>(values: &[f64], of: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(N * values.len());
    values.iter().for_each(|&v| bytes.extend_from_slice(&of(v)));
    bytes
}

enum Values {
    /// Of a type that folding computes with.
    Numbers(Kind, Vec<f64>),
    /// Of another one; how many there are, where that can be told.
    Opaque(Option<usize>),
}

/// Bytes that a value of a type takes in `raw_data`, where it takes whole ones.
fn value_size(data_type: i32) -> Option<usize> {
    match data_type {
        proto::FLOAT32 | proto::INT32 | 12 => Some(4),
        proto::FLOAT64 | proto::INT64 | 13 | 14 => Some(8),
        proto::BOOL | 2 | 3 | 17..=20 => Some(1),
        4 | 5 | 10 | 16 => Some(2),
        15 => Some(16),
        _ => None,
    }
}

/// The values that a tensor stores.
fn values(tensor: &proto::Tensor) -> Values {
    let raw = &tensor.raw_data[..];
    let in_raw = !raw.is_empty();
    let Some(size) = value_size(tensor.data_type) else { return Values::Opaque(None) };
    let stored = in_raw.then_some(raw.len() / size);
    if tensor.segment.is_some() || stored > Some(MAX_VALUES) {
        return Values::Opaque(stored);
    }
    let words4 = || raw.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
    let words8 = || raw.chunks_exact(8).map(|b| [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
    let (kind, values) = match (tensor.data_type, in_raw) {
        (proto::FLOAT32, true) => (Kind::Float32, words4().map(|b| f64::from(f32::from_le_bytes(b))).collect()),
        (proto::FLOAT32, false) => (Kind::Float32, tensor.float_data.iter().map(|&v| f64::from(v)).collect()),
        (proto::FLOAT64, true) => (Kind::Float64, words8().map(f64::from_le_bytes).collect()),
        (proto::FLOAT64, false) => (Kind::Float64, tensor.double_data.clone()),
        (proto::INT32, true) => (Kind::Int32, words4().map(|b| f64::from(i32::from_le_bytes(b))).collect()),
        (proto::INT32, false) => (Kind::Int32, tensor.int32_data.iter().map(|&v| f64::from(v)).collect()),
        (proto::INT64, true) => (Kind::Int64, words8().map(|b| i64::from_le_bytes(b) as f64).collect()),
        (proto::INT64, false) => (Kind::Int64, tensor.int64_data.iter().map(|&v| v as f64).collect()),
        (proto::BOOL, true) => (Kind::Bool, raw.iter().map(|&v| f64::from(u8::from(v != 0))).collect()),
        (proto::BOOL, false) => (Kind::Bool, tensor.int32_data.iter().map(|&v| f64::from(u8::from(v != 0))).collect()),
        _ => return Values::Opaque(stored),
    };
    Values::Numbers(kind, values)
}

fn fault(tensor: &proto::Tensor, what: &str) -> Error {
    model(format!("its params `{}` {what}", tensor.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tensor: &proto::Tensor) -> String {
        decode(tensor).unwrap_err().message().to_owned()
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let cases = [
            (Kind::Float32, vec![0.1_f32 as f64, -3.0]),
            (Kind::Float64, vec![0.1, 1e300]),
            (Kind::Int32, vec![-5.0, 7.0]),
            (Kind::Int64, vec![i64::MAX as f64, -1.0]),
            (Kind::Bool, vec![1.0, 0.0]),
        ];
        for (kind, values) in cases {
            let tensor = Tensor { dims: vec![1, 2], kind, values };
            let proto = encode("a", &tensor);
            let Param::Numbers(back) = decode(&proto).unwrap() else { panic!("{kind:?} is not understood") };
            assert_eq!(back, tensor);
            let Param::Numbers(again) = decode(&encode("a", &back)).unwrap() else { panic!() };
            assert_eq!(again, tensor);
        }
    }

    #[test]
    fn values_in_lists_are_read_as_those_in_raw_data() {
        let lists = proto::Tensor {
            dims: vec![2],
            data_type: proto::FLOAT32,
            float_data: vec![1.5, 2.0],
            ..Default::default()
        };
        let Param::Numbers(tensor) = decode(&lists).unwrap() else { panic!() };
        assert_eq!(tensor.values, [1.5, 2.0]);
    }

    #[test]
    fn tensors_that_are_not_what_they_say_are_refused() {
        let good = encode("kernel", &Tensor::floats(&[2, 3], vec![1.0; 6]));
        for dims in [vec![2, 4], vec![-2, -3], vec![i64::MAX, i64::MAX], vec![7], vec![], vec![0]] {
            assert!(message(&proto::Tensor { dims, ..good.clone() }).contains("`kernel`"));
        }
        let cut = proto::Tensor { raw_data: good.raw_data[..23].to_vec(), ..good.clone() };
        assert!(message(&cut).contains("23 bytes"));
        let cut = proto::Tensor { raw_data: good.raw_data[..20].to_vec(), ..good.clone() };
        assert!(message(&cut).contains("5 values"));
        let infinite = encode("kernel", &Tensor::floats(&[1], vec![f64::INFINITY]));
        assert!(message(&infinite).contains("finite"));
        assert!(matches!(decode(&encode("bound", &Tensor::floats(&[], vec![f64::INFINITY]))), Ok(Param::Numbers(_))));
        let external = proto::Tensor { data_location: Some(proto::EXTERNAL), ..good.clone() };
        assert!(message(&external).contains("another file"));
        let half = proto::Tensor { data_type: 10, raw_data: vec![0; 10], ..good };
        assert!(message(&half).contains("5 values"));
    }

    #[test]
    fn what_is_not_computed_with_passes_through() {
        let half = proto::Tensor { dims: vec![2], data_type: 10, raw_data: vec![0; 4], ..Default::default() };
        assert!(matches!(decode(&half), Ok(Param::Raw(raw)) if *raw == half));
        let large =
            proto::Tensor { dims: vec![1], data_type: 7, int64_data: vec![(1 << 60) + 1], ..Default::default() };
        assert!(matches!(decode(&large), Ok(Param::Raw(raw)) if *raw == large));
    }
}
