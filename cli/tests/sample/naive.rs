//! The slow obvious twin of the command: its four tables from the definitions alone, in plain loops.
//!
//! Not here: files, and the library.

/// What the command is told.
#[derive(Debug, Clone)]
pub struct Case {
    pub first: usize,
    pub batch: usize,
    pub select: usize,
    pub events: usize,
    pub capacity: usize,
    pub k: usize,
    pub sequential: bool,
}

/// What its files say. A rank is none where the field is empty.
#[derive(Debug, Default, PartialEq)]
pub struct Tables {
    /// Event, order, id, rank.
    pub selected: Vec<(i64, usize, u64, Option<f32>)>,
    /// Event, id, rank.
    pub discarded: Vec<(i64, u64, f32)>,
    /// Id, weight, normalised.
    pub weights: Vec<(u64, f64, f64)>,
    /// Event, step, id, what, rank.
    pub history: Vec<(i64, i64, u64, String, Option<f32>)>,
}

pub fn sample(points: &[Vec<f32>], ids: &[u64], case: &Case) -> Tables {
    let mut tables = Tables::default();
    // Rows: S in the order of the picks, candidates, discarded.
    let (mut s, mut candidates, mut discarded): (Vec<usize>, Vec<usize>, Vec<usize>) = Default::default();
    let mut next = case.first.min(points.len());
    for (row, &id) in ids[..next].iter().enumerate() {
        tables.selected.push((-1, row, id, None));
        tables.history.push((-1, -1, id, "selected".into(), None));
        s.push(row);
    }
    let mut event = 0;
    while next < points.len() || event < case.events {
        let number = event as i64;
        let end = if case.batch == 0 { points.len() } else { points.len().min(next + case.batch) };
        tables.history.extend(ids[next..end].iter().map(|&id| (number, number, id, "added".into(), None)));
        candidates.extend(next..end);
        next = end;
        let mut ranking = ranked(points, ids, &s, &candidates, case.k);
        while ranking.len() > case.capacity {
            let (rank, row) = ranking.pop().unwrap();
            tables.discarded.push((number, ids[row], rank));
            tables.history.push((number, number, ids[row], "discarded".into(), Some(rank)));
            discarded.push(row);
        }
        for _ in 0..case.select.min(ranking.len()) {
            let (rank, row) = ranking.remove(0);
            tables.selected.push((number, s.len(), ids[row], Some(rank)));
            tables.history.push((number, number, ids[row], "selected".into(), Some(rank)));
            s.push(row);
            if case.sequential {
                let left: Vec<usize> = ranking.iter().map(|&(_, row)| row).collect();
                ranking = ranked(points, ids, &s, &left, case.k);
            }
        }
        candidates = ranking.into_iter().map(|(_, row)| row).collect();
        event += 1;
    }

    let mut counts = vec![1.0; s.len()];
    for &row in candidates.iter().chain(&discarded) {
        let key = |at: usize| (squared_distance(&points[row], &points[s[at]]), ids[s[at]]);
        let nearest = (0..s.len()).min_by(|&a, &b| key(a).partial_cmp(&key(b)).unwrap());
        if let Some(nearest) = nearest {
            counts[nearest] += 1.0;
        }
    }
    let sum: f64 = counts.iter().sum();
    tables.weights = s.iter().zip(&counts).map(|(&row, &w)| (ids[row], w, w * s.len() as f64 / sum)).collect();
    tables
}

/// Rows by rank descending, then id ascending.
fn ranked(points: &[Vec<f32>], ids: &[u64], s: &[usize], rows: &[usize], k: usize) -> Vec<(f32, usize)> {
    let mut ranking: Vec<(f32, usize)> = rows.iter().map(|&row| (rank(points, s, row, k), row)).collect();
    ranking.sort_by(|a, b| b.0.total_cmp(&a.0).then(ids[a.1].cmp(&ids[b.1])));
    ranking
}

fn rank(points: &[Vec<f32>], s: &[usize], row: usize, k: usize) -> f32 {
    let mut distances: Vec<f32> = s.iter().map(|&q| squared_distance(&points[row], &points[q]).sqrt()).collect();
    distances.sort_by(f32::total_cmp);
    distances.truncate(k);
    if distances.is_empty() {
        return f32::INFINITY;
    }
    let mut sum = 0.0;
    for distance in &distances {
        sum += distance;
    }
    sum / distances.len() as f32
}

/// Summed over the dimensions in order, in float32.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0_f32;
    for (a, b) in a.iter().zip(b) {
        sum += (a - b) * (a - b);
    }
    sum
}
