//! Weights: how many unselected points each selected one stands for.
//!
//! For each unselected point the nearest of S is kept. An arrival's comes with its rank; S may have grown since, so each
//! then looks among the points that S has gained, where hardly any finds a nearer one.
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
    let dim = s.dim();
    known.revise(|queue, point, closest| {
        if !inside(queue) {
        } else if closest.position == u32::MAX {
            *closest = s.nearest(&point[..dim], &mut [0.0]);
        } else if let Some(fresh) = &fresh {
            *closest = s.nearer_in(fresh, &point[..dim], *closest);
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
            position = s.nearer_in(q, &row.point[..s.dim()], Closest::UNKNOWN).position;
        }
        places[position as usize].into_iter().for_each(&mut count_at);
    }
}
