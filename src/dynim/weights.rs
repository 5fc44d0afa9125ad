//! Weights: how many unselected points each selected one stands for.
//!
//! For each unselected point the nearest of S is kept. An arrival's comes with its rank; S may have grown since. A point
//! x whose nearest was s can have come nearer to a fresh point q of S only if |q - s| <= |q - x| + |x - s| <= 2 |x - s|:
//! so each s first finds its nearest fresh point, no farther than its own points can reach, and only those of its points
//! that lie beyond half of that distance look themselves.
//! Source: dynim paper, Methods, "Reconstruction of the true distribution", w = 1 + |RNN|; ties are those of [`super`].
//! Not here: which points are weighed ([`super::weighing`]).

use super::known::{Closest, Known, Row};
use super::selected::Selected;

/// Finds the nearest of `s` to every unselected point of the queues that `inside` says.
pub(super) fn settle(s: &mut Selected, known: &mut Known, inside: impl Fn(usize) -> bool) {
    s.settle();
    if s.ids().is_empty() {
        return;
    }
    let fresh = (s.weighed < s.len()).then(|| s.tree_over((s.weighed as u32..s.len() as u32).collect()));
    let mut gaps = vec![0.0; s.len()];
    if let Some(fresh) = &fresh {
        let mut farthest = vec![-1.0_f32; s.weighed];
        known.revise(|queue, _, closest| {
            if let Some(farthest) = farthest.get_mut(closest.position as usize).filter(|_| inside(queue)) {
                *farthest = farthest.max(closest.distance);
            }
        });
        for (position, (gap, farthest)) in gaps.iter_mut().zip(farthest).enumerate() {
            let bound = Closest { position: u32::MAX, distance: twice_as_far(farthest) };
            *gap = if farthest < 0.0 { bound.distance } else { s.nearest_in(fresh, s.row(position), bound).distance };
        }
    }
    known.revise(|queue, point, closest| {
        if !inside(queue) {
            return;
        }
        let point = &point[..s.dim()];
        match (gaps.get(closest.position as usize), &fresh) {
            (None, _) => *closest = s.nearest(point, &mut [0.0]),
            (Some(&gap), Some(fresh)) if gap <= twice_as_far(closest.distance) => {
                *closest = s.nearest_in(fresh, point, *closest);
            }
            _ => {}
        }
    });
    s.weighed = s.len();
}

/// Takes in that the point at `position` has left the S of the queues that `inside` says.
pub(super) fn forget(position: usize, known: &mut Known, inside: impl Fn(usize) -> bool) {
    known.revise(|queue, _, closest| {
        if closest.position != u32::MAX && inside(queue) {
            match (closest.position as usize).cmp(&position) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => *closest = Closest::UNKNOWN,
                std::cmp::Ordering::Greater => closest.position -= 1,
            }
        }
    });
}

/// Counts each of `points`, for which [`settle`] has found the nearest of `s`, at the nearest of Q: `places[position]`
/// says where the point of S at `position` is counted, `None` if it is not in Q. Q is not empty.
pub(super) fn count<'a>(
    s: &Selected,
    points: impl Iterator<Item = (Row<'a>, Closest)>,
    places: &[Option<usize>],
    mut count_at: impl FnMut(usize),
) {
    let q: Vec<u32> = (0..).zip(places).filter(|(_, place)| place.is_some()).map(|(position, _)| position).collect();
    let partial = (q.len() < s.len()).then(|| s.tree_over(q));
    for (row, closest) in points {
        let mut position = closest.position;
        if let Some(q) = partial.as_ref().filter(|_| places[position as usize].is_none()) {
            position = s.nearest_in(q, &row.point[..s.dim()], Closest::UNKNOWN).position;
        }
        places[position as usize].into_iter().for_each(&mut count_at);
    }
}

/// A bound of squared distances that no point at most twice as far as `squared` exceeds, rounding included.
fn twice_as_far(squared: f32) -> f32 {
    // Squared distances are off by 2^-24 of the sum a term at most, of 64 terms, and where squares underflow by less than
    // the smallest normal number.
    (squared + f32::MIN_POSITIVE) * 4.0 * (1.0 + 3e-4)
}
