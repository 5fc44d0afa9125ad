//! Runs that keep densities: they are exported, and points are made of them again.
//!
//! Not here: the file that they lie in (the library's tests).

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use patchstream::patch::{Field, Meta, Protein, Samples};
use patchstream::retain::Format;
use patchstream::stream::{RetentionConfig, Stream};

use crate::stdout;
use crate::support::{Folder, assert_refused, patchstream};

const LEN: usize = 9 * 7 * 14;

fn densities(id: u64) -> Vec<f32> {
    (0..LEN as u64).map(|i| ((id * 7919 + i * 31) % 1009) as f32 / 1009.0).collect()
}

/// A run of five events of two picks each, with eight candidates; one patch was withdrawn, another finds no queue.
fn write_kept(run: &Path, format: Option<Format>) -> (Vec<u64>, Vec<u64>) {
    let stream = Stream::builder().grid(9, 7).model("mean").capacity(8).run_dir(run);
    let retention = format.map(|format| RetentionConfig { format, ..RetentionConfig::default() });
    let stream = match retention {
        Some(retention) => stream.retention(retention),
        None => stream,
    };
    let stream = stream.route(|meta, _| usize::from(meta.id == 17)).open().unwrap();
    let mut producer = stream.producer("ddft").unwrap();
    let mut picked = Vec::new();
    for step in 0..5 {
        for id in (1..=10).map(|i| step as u64 * 10 + i) {
            let values = densities(id);
            let field = Field::interleaved(Samples::F32(&values), 9, 7, 14).unwrap();
            let protein = Protein { id, state: 0, partner: -1, x_nm: 0.0, y_nm: 0.0 };
            let meta = Meta { id, step, center_nm: [0.5, id as f64], proteins: &[protein], ..Meta::default() };
            producer.push(&meta, &field).unwrap();
        }
        stream.poll(Duration::from_secs(60)).unwrap();
        if step == 2 {
            stream.withdraw(17, step).unwrap();
            stream.withdraw(25, step).unwrap();
        }
        picked.extend(stream.select(step, 2).unwrap().unwrap().batch.selections.iter().map(|one| one.id));
    }
    let mut values = vec![0.0; LEN];
    let kept = (1..=50).filter(|&id| stream.densities(id, &mut values).is_ok()).collect();
    drop(producer);
    stream.close();
    (picked, kept)
}

/// The items of an array of float32 or uint64, as bytes, and its header.
fn array(path: &Path, bytes: usize) -> (String, Vec<u8>) {
    let file = fs::read(path).unwrap();
    let (head, items) = file.split_at(file.len() - bytes);
    assert!(head.len().is_multiple_of(64), "{}: {} bytes", path.display(), file.len());
    (String::from_utf8_lossy(head).into_owned(), items.to_vec())
}

#[test]
fn an_export_holds_the_densities_that_the_run_keeps() {
    let folder = Folder::new();
    let (run, to) = (folder.join("run"), folder.join("out"));
    let (_, kept) = write_kept(&run, Some(Format::Float32));
    assert_eq!(kept.len(), 16);
    let said = stdout(&["verify", run.to_str().unwrap()]);
    assert!(said.contains("densities 16 patches that may be selected or are, 0 without, 0 torn\n"), "{said}");
    let export = || stdout(&["export", run.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    assert!(export().contains("48 patches of 14 coordinates, 10 of them selected; densities of 16 of them:"));
    let (head, ids) = array(&to.join("patches_ids.npy"), 8 * 16);
    assert!(head.contains("'<u8'") && head.contains("(16,)"), "{head}");
    assert_eq!(ids, kept.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<_>>());
    let (head, values) = array(&to.join("patches.npy"), 4 * LEN * 16);
    assert!(head.contains("'<f4'") && head.contains("(16, 7, 9, 14)"), "{head}");
    assert_eq!(values, kept.iter().flat_map(|&id| densities(id)).flat_map(f32::to_le_bytes).collect::<Vec<_>>());
    // A torn one is left out, and told.
    let file = fs::File::options().write(true).open(run.join("densities")).unwrap();
    let mut place = vec![0; 40];
    let torn = (0..).find(|at| {
        fs::File::open(run.join("densities"))
            .unwrap()
            .read_exact_at(&mut place, 4096 + at * (32 + 4 * LEN as u64))
            .unwrap();
        u64::from_le_bytes(place[8..16].try_into().unwrap()) == kept[3]
    });
    file.write_all_at(b"torn", 4096 + torn.unwrap() * (32 + 4 * LEN as u64) + 1000).unwrap();
    assert!(export().contains("densities of 15 of them, 1 more are torn"));
    array(&to.join("patches.npy"), 4 * LEN * 15);
    // A run without densities leaves none of another beside its points.
    write_kept(&folder.join("plain"), None);
    stdout(&["export", folder.join("plain").to_str().unwrap(), "--to", to.to_str().unwrap()]);
    assert!(!to.join("patches.npy").exists() && !to.join("patches_ids.npy").exists());
    let output = patchstream(&["verify", run.to_str().unwrap()]);
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && sentence.contains(&format!("of patch {}", kept[3])), "{sentence}");
}

#[test]
fn points_made_again_are_the_same_from_float32_and_nearly_from_float16() {
    let folder = Folder::new();
    let [exact, halves, plain] = ["exact", "halves", "plain"].map(|name| folder.join(name));
    write_kept(&exact, Some(Format::Float32));
    write_kept(&halves, Some(Format::Float16));
    write_kept(&plain, None);
    let said = stdout(&["replay", exact.to_str().unwrap(), "--reencode"]);
    // Some of those that were discarded still lie in places that nobody has used again.
    let count =
        said.strip_prefix("re-encoded ").and_then(|rest| rest.split_once(' ')).unwrap().0.parse::<u64>().unwrap();
    assert!((16..49).contains(&count), "{said}");
    let rest = format!(" points by builtin from float32, {} without densities: 0 differ\n", 49 - count);
    assert!(said.contains(&rest), "{said}");
    assert!(said.contains("identical 5 events with 10 picks, from 49 points"), "{said}");
    let output = patchstream(&["replay", halves.to_str().unwrap(), "--reencode"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("from float16, ") && said.contains(" differ, by ") && said.contains(" in patch "), "{said}");
    // A rank has other last bits then, which is told as any other decision is.
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("with the points made again: entry "));
    assert_refused(&patchstream(&["replay", plain.to_str().unwrap(), "--reencode"]), 1, &["keeps no densities"]);
    let wrong = ["replay", exact.to_str().unwrap(), "--model", "radial"];
    assert_eq!(patchstream(&wrong).status.code(), Some(1));
    fs::write(exact.join("densities"), b"my thesis").unwrap();
    assert_refused(&patchstream(&["replay", exact.to_str().unwrap(), "--reencode"]), 1, &["holds no densities"]);
    assert!(stdout(&["replay", exact.to_str().unwrap()]).starts_with("identical"));
}
