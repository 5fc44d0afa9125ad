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

/// Where a point of S is weighed: in which set, and at which place of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home {
    pub set: usize,
    pub place: usize,
}

/// Counts each of `points`, for which [`settle`] has found the nearest of `s`, at the nearest of one of `sets` sets, whose
/// number comes with it: `homes[position]` says where the point of S at `position` is, `None` if it is in no set.
pub(super) fn count<'a>(
    s: &Selected,
    points: impl Iterator<Item = (Row<'a>, Closest, usize)>,
    homes: &[Option<Home>],
    sets: usize,
    mut count_at: impl FnMut(Home),
) {
    let mut members = vec![Vec::new(); sets];
    for (position, home) in (0..).zip(homes) {
        home.iter().for_each(|home| members[home.set].push(position));
    }
    // The nearest of all of S is that of a set which is all of S.
    let partial = |q: Vec<u32>| (!q.is_empty() && q.len() < s.len()).then(|| s.tree_over(q));
    let trees: Vec<_> = members.into_iter().map(partial).collect();
    for (row, closest, set) in points {
        let within = |position: u32| homes[position as usize].filter(|home| home.set == set);
        let nearest = |q| within(s.nearer_in(q, &row.point[..s.dim()], Closest::UNKNOWN).position);
        let home = within(closest.position).or_else(|| trees[set].as_ref().and_then(nearest));
        home.into_iter().for_each(&mut count_at);
    }
}
