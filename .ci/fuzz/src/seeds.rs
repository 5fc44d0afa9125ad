//! Writes real messages of every kind into a folder, one file each, for the target `wire` to start from.

use std::path::PathBuf;

use patchstream::error::Result;
use patchstream::patch::{Constellation, Meta, Protein};
use patchstream::wire::{
    AcceptedWindows, Ask, Densities, Job, JobState, Packer, Place, RdfSample, Refusal, Selection, SelectionBatch,
    Weights,
};

fn selection(proteins: &[Protein]) -> Selection {
    Selection {
        id: 7,
        rank: 1.5,
        order: 3,
        event: 2,
        point: vec![0.5, -1.0, 2.0],
        step: 10,
        time_us: 0.25,
        center_nm: [15.0, 16.0],
        constellation: Constellation { ras: 1, raf: 1 },
        proteins: proteins.to_vec(),
        label: Some("seed".into()),
        queue: 1,
        class_label: Some("alpha".into()),
        probabilities: vec![0.75, 0.25],
    }
}

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to write to"));
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("room for a seed");
    let mut packer = Packer::new();
    let proteins = [
        Protein { id: 5, state: 0, partner: 1, x_nm: 0.0, y_nm: 0.0 },
        Protein { id: 6, state: 6, partner: 0, x_nm: 1.0, y_nm: 2.0 },
    ];
    let meta = Meta { id: 7, proteins: &proteins, label: Some("seed"), ..Meta::default() };
    write("patch", packer.patch_meta(&meta, Constellation { ras: 1, raf: 1 }));
    let selection = selection(&proteins);
    write("selection", packer.selection(&selection));
    let selections = vec![selection.clone(), Selection { id: 8, ..selection.clone() }];
    let batch = SelectionBatch { event: 2, step: 10, selections, candidates: 4, selected: 2, discarded: 1 };
    write("batch", packer.selection_batch(&batch));
    let weights = Weights { event: 2, ids: vec![7, 8], weights: vec![3.0, 1.0], normalised: vec![1.5, 0.5] };
    write("weights", packer.weights(&weights));
    let densities = Densities { place: Place::File, path: None, offset: 64, nx: 5, ny: 5, channels: 14, hash: 99 };
    let accepted = vec![AcceptedWindows { observable: "rdf".into(), runs: vec![(0, 4), (6, 6)] }];
    let job = Job {
        ticket: "dir:/scratch/jobs#7".into(),
        selection,
        densities,
        attempt: 2,
        size_nm: 30.0,
        lease_s: 600.0,
        accepted,
        ask: 1,
    };
    write("job", packer.job(&job));
    let (shape, sums) = (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    let sample = RdfSample { job: 7, attempt: 2, observable: "rdf".into(), window: 3, frames: 10, shape, sums };
    write("sample", packer.sample(&sample));
    write("ask", packer.ask(&Ask { number: 1, job: 7, cancelled: false }));
    write("state", packer.job_state(&JobState { job: 7, attempt: 2, state: 5, reason: Some("no licence".into()) }));
    let refusal = Refusal { ask: 1, job: 7, attempt: 2, status: -11, sentence: "somebody has it".into() };
    write("refusal", packer.refusal(&refusal));
    Ok(())
}
