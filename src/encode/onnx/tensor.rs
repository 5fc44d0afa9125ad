//! Constant tensors in float64, row-major, and the few things that folding does to them.
//!
//! Integers are kept as the numbers that they are; those that float64 does not hold exactly never come here.
//! Not here: how a file writes them ([`super::params`]).

/// The most values of one tensor, and of all that folding makes, so that a few bytes cannot ask for much memory.
pub const MAX_VALUES: usize = 4 << 20;

/// The type that a file gives a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Float32,
    Float64,
    Int32,
    Int64,
    Bool,
}

/// A constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Size of each axis; none for a scalar.
    pub dims: Vec<usize>,
    /// What the values are in a file.
    pub kind: Kind,
    /// The values, the last axis fastest: as many as the product of `dims`.
    pub values: Vec<f64>,
}

/// Number of values of a tensor of `dims`, if it is one that may be made.
pub fn count(dims: &[usize]) -> Option<usize> {
    let values = dims.iter().try_fold(1_usize, |product, &d| product.checked_mul(d))?;
    (values <= MAX_VALUES).then_some(values)
}

/// The shape of what an operation on each pair of values gives, as in NumPy: shapes are aligned at their last axes, and
/// an axis of 1 is repeated.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |k| dims[k]);
    let axis = |k| match (size(a, k), size(b, k)) {
        (x, y) if x == y || y == 1 => Some(x),
        (1, y) => Some(y),
        _ => None,
    };
    (0..rank).map(axis).collect()
}

impl Tensor {
    /// A tensor of float32 values.
    pub fn floats(dims: &[usize], values: Vec<f64>) -> Self {
        debug_assert_eq!(dims.iter().product::<usize>(), values.len());
        Self { dims: dims.to_vec(), kind: Kind::Float32, values }
    }

    /// A list of integers.
    pub fn integers(values: impl IntoIterator<Item = i64>) -> Self {
        let values: Vec<f64> = values.into_iter().map(|v| v as f64).collect();
        Self { dims: vec![values.len()], kind: Kind::Int64, values }
    }

    /// The values as integers, if that is what they are.
    pub fn to_integers(&self) -> Option<Vec<i64>> {
        matches!(self.kind, Kind::Int32 | Kind::Int64).then(|| self.values.iter().map(|&v| v as i64).collect())
    }

    /// The one value of a tensor that has one.
    pub fn scalar(&self) -> Option<f64> {
        (self.values.len() == 1).then(|| self.values[0])
    }

    /// Whether the values are float32 or float64.
    pub fn is_float(&self) -> bool {
        matches!(self.kind, Kind::Float32 | Kind::Float64)
    }

    /// The tensor whose axis `k` is this one's axis `order[k]`.
    pub fn permuted(&self, order: &[usize]) -> Self {
        let own = strides(&self.dims);
        let dims: Vec<usize> = order.iter().map(|&k| self.dims[k]).collect();
        let steps: Vec<usize> = order.iter().map(|&k| own[k]).collect();
        self.gathered(dims, &steps)
    }

    /// The same values under other axes; `None` if their number differs.
    pub fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        (count(dims) == Some(self.values.len())).then(|| Self { dims: dims.to_vec(), ..self.clone() })
    }

    /// Repeated to `dims` along axes of 1 and missing first ones; `None` where that does not fit, or is too large.
    pub fn expanded(&self, dims: &[usize]) -> Option<Self> {
        if broadcast(&self.dims, dims)? != dims || count(dims).is_none() {
            return None;
        }
        let missing = dims.len() - self.dims.len();
        let own = strides(&self.dims);
        let step = |k: usize| k.checked_sub(missing).map_or(0, |k| if self.dims[k] == 1 { 0 } else { own[k] });
        let steps: Vec<usize> = (0..dims.len()).map(step).collect();
        Some(self.gathered(dims.to_vec(), &steps))
    }

    /// Cut to one value along each axis on which the values do not differ: the inverse of [`expanded`](Self::expanded).
    pub fn compressed(&self) -> Self {
        let mut small = self.clone();
        for axis in 0..self.dims.len() {
            let inner: usize = small.dims[axis + 1..].iter().product();
            let block = inner * small.dims[axis];
            let same = |outer: &[f64]| outer.chunks_exact(inner).all(|slice| slice == &outer[..inner]);
            if small.dims[axis] > 1 && inner > 0 && small.values.chunks_exact(block).all(same) {
                small.values = small.values.chunks_exact(block).flat_map(|outer| outer[..inner].to_vec()).collect();
                small.dims[axis] = 1;
            }
        }
        small
    }

    /// `f` of each pair of values after broadcasting; the kind is this tensor's. `None` where the shapes do not fit, or
    /// the result is too large.
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Option<Self> {
        let dims = broadcast(&self.dims, &other.dims)?;
        let (mut a, b) = (self.expanded(&dims)?, other.expanded(&dims)?);
        a.values.iter_mut().zip(&b.values).for_each(|(a, &b)| *a = f(*a, b));
        Some(a)
    }

    /// `f` of each value.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { values: self.values.iter().map(|&v| f(v)).collect(), ..self.clone() }
    }

    /// A tensor of `dims` whose value at an index is this one's at the sum of index times step.
    fn gathered(&self, dims: Vec<usize>, steps: &[usize]) -> Self {
        let mut values = Vec::with_capacity(self.values.len());
        if !dims.contains(&0) {
            let mut index = vec![0; dims.len()];
            let mut at = 0;
            'all: loop {
                values.push(self.values[at]);
                for axis in (0..dims.len()).rev() {
                    index[axis] += 1;
                    at += steps[axis];
                    if index[axis] < dims[axis] {
                        continue 'all;
                    }
                    at -= steps[axis] * dims[axis];
                    index[axis] = 0;
                }
                break;
            }
        }
        Self { dims, kind: self.kind, values }
    }
}

/// How far apart neighbours along each axis are.
fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(dims: &[usize]) -> Tensor {
        Tensor::floats(dims, (0..dims.iter().product()).map(|v: usize| v as f64).collect())
    }

    /// The value at an index, by the definition of row-major order.
    fn at(tensor: &Tensor, index: &[usize]) -> f64 {
        let place = index.iter().zip(&tensor.dims).fold(0, |place, (i, d)| place * d + i);
        tensor.values[place]
    }

    proptest! {
        #[test]
        fn permuted_and_expanded_match_naive(a in 1_usize..5, b in 1_usize..5, c in 1_usize..5, turn in 0_usize..6, n in 1_usize..4) {
            let order = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][turn];
            let tensor = counted(&[a, b, c]);
            let turned = tensor.permuted(&order);
            let wide = tensor.reshaped(&[a, 1, b, 1, c]).unwrap().expanded(&[2, a, n, b, 3, c]).unwrap();
            for (i, j, k) in (0..a).flat_map(|i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k)))) {
                let index = [i, j, k];
                prop_assert_eq!(at(&turned, &order.map(|axis| index[axis])), at(&tensor, &index));
                for (f, m, l) in [(0, 0, 0), (1, n - 1, 2)] {
                    prop_assert_eq!(at(&wide, &[f, i, m, j, l, k]), at(&tensor, &index));
                }
            }
            prop_assert_eq!(wide.compressed().values, if a * b * c > 0 { tensor.values } else { vec![] });
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_none() {
        assert_eq!(broadcast(&[3, 1], &[4, 1, 5]), Some(vec![4, 3, 5]));
        assert_eq!(broadcast(&[3], &[4]), None);
        assert_eq!(counted(&[2, 3]).expanded(&[3]), None);
        assert_eq!(counted(&[2, 3]).reshaped(&[5]), None);
        assert_eq!(counted(&[1]).expanded(&[MAX_VALUES + 1]), None);
        assert_eq!(count(&[usize::MAX, 3]), None);
        assert_eq!(counted(&[2]).zip(&counted(&[2, 1]), |a, b| 10.0 * a + b).unwrap().values, [0.0, 10.0, 1.0, 11.0]);
    }
}
