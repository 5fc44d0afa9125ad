//! Writes real messages of every kind into a folder, one file each, for the target `wire` to start from; and entries of a
//! log into a second one, for the target `record`.

use std::path::{Path, PathBuf};

use patchstream::dynim::State;
use patchstream::error::Result;
use patchstream::patch::{Constellation, Meta, Protein};
use patchstream::store::bytes::Packer as Bytes;
use patchstream::stream::journal::records::{
    Branch, By, Event, Given, LeftOut, Mark, Moved, Picked, Point, PointParts, Why, Withdrawn,
};
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
        note: Some("--seed 1".into()),
    };
    write("job", packer.job(&job));
    let (shape, sums) = (vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    let sample = RdfSample { job: 7, attempt: 2, observable: "rdf".into(), window: 3, frames: 10, shape, sums };
    write("sample", packer.sample(&sample));
    write("ask", packer.ask(&Ask { number: 1, job: 7, cancelled: false }));
    write("state", packer.job_state(&JobState { job: 7, attempt: 2, state: 5, reason: Some("no licence".into()) }));
    let refusal = Refusal { ask: 1, job: 7, attempt: 2, status: -11, sentence: "somebody has it".into() };
    write("refusal", packer.refusal(&refusal));
    entries(&PathBuf::from(std::env::args().nth(2).expect("the folder for entries")), &meta);
    Ok(())
}

/// An entry of each kind behind the byte that tells the target which it is.
fn entries(folder: &Path, meta: &Meta<'_>) {
    let write = |kind: u8, pack: &dyn Fn(&mut Bytes)| {
        let mut bytes = Bytes::new();
        bytes.u8(kind);
        pack(&mut bytes);
        std::fs::write(folder.join(format!("entry-{kind}")), bytes.bytes()).expect("room for a seed");
    };
    let (probabilities, point) = (&[0.75, 0.25][..], &[0.5, -1.0][..]);
    write(0, &|to| Point::pack(PointParts { id: 7, content: 9, queue: 1, meta, probabilities, point }, to));
    write(1, &|to| LeftOut { id: 7, content: 9, step: -1 }.pack(to));
    let pick = |id| Picked { id, queue: 0, rank: 1.5 };
    let (picks, lost) = (vec![pick(7), pick(8)], vec![pick(9)]);
    let event = Event { number: 1, n: 3, merged: 3, selected: 2, picks, lost, gone: vec![4, 5], ..Event::default() };
    write(2, &|to| event.pack(to));
    let reason = "no licence".to_owned();
    let moved = Moved { id: 7, step: 1, attempt: 2, to: State::Failed, by: By::Worker, reason };
    write(3, &|to| moved.pack(to));
    write(4, &|to| Withdrawn { id: 7, step: 1, why: Why::Branch }.pack(to));
    let (sent, unsent, name) = (vec![1], vec![2, 3], "frame 7".to_owned());
    let mark = Mark { step: 1, after: 2, last_step: -3, sent, unsent, name };
    write(5, &|to| mark.pack(to));
    write(6, &|to| Branch { number: 1, step: 2, after: 3, told: vec![4] }.pack(to));
    write(7, &|to| Given { id: 1, attempt: 2, who: "node 5".into() }.pack(to));
    let options: &str = "dim = 2\nk = 10\nmode = Sequential\nseed = 0\nspaces = Joint\n";
    write(8, &|to| {
        to.u8s(options.as_bytes());
    });
}
