//! Recovery of a run that keeps densities and samples: opened and resumed, beside reads of as many bytes.
//!
//! Limit: the same files read from the page cache, a patch's bytes at a time, and their CRC32C. Patches of 37 x 37 x 14,
//! float32, 76,696 bytes each; samples of 14 x 600 sums, 67,200 bytes. `-- --full` takes 390 MB of disk.
//! Not here: campaigns without densities (`campaign.rs`).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use patchstream::feedback::{RDF, Sample, Submitted};
use patchstream::patch::{Field, Meta, Protein, Samples};
use patchstream::stream::{Config, FeedbackConfig, Pushed, RetentionConfig, RetentionPlace, Stream};

use super::{Place, quantile, row};

const GRID: usize = 37;
const SPECIES: usize = 14;
const BINS: usize = 600;
/// How often each is measured.
const ROUNDS: usize = 5;

/// A stream that keeps densities, or one that takes samples only.
fn open(path: &Path, keeps: bool) -> Stream {
    let retention = keeps.then(|| RetentionConfig { place: Some(RetentionPlace::Run), ..RetentionConfig::default() });
    let feedback = FeedbackConfig {
        bins: BINS,
        cutoff_nm: 6.0,
        densities_nm2: Some(vec![0.5; SPECIES]),
        ..FeedbackConfig::default()
    };
    let config = Config { model: "mean".into(), retention, ..Config::default() };
    Stream::builder().config(config).feedback(feedback).run_dir(path).open().unwrap()
}

/// What every density of a patch is.
fn density(id: u64) -> f32 {
    ((id * 7919) % 10_007) as f32 / 10_007.0
}

/// A run of so many patches, of which so many are selected; their ids.
fn make(path: &Path, keeps: bool, patches: u64, selected: u64) -> Vec<u64> {
    let stream = open(path, keeps);
    let mut producer = stream.producer("bench").unwrap();
    for id in 1..=patches {
        let values = vec![density(id); GRID * GRID * SPECIES];
        let field = Field::interleaved(Samples::F32(&values), GRID, GRID, SPECIES).unwrap();
        let proteins = [Protein { id: 1, state: 0, partner: -1, x_nm: 0.0, y_nm: 0.0 }];
        let meta = Meta { id, proteins: &proteins, ..Meta::default() };
        assert_eq!(producer.push(&meta, &field).unwrap(), Pushed::Accepted);
        stream.poll(Duration::ZERO).unwrap();
    }
    let told = stream.select(0, selected as usize).unwrap().unwrap();
    stream.checkpoint("made", 0, Duration::ZERO).unwrap();
    told.batch.selections.iter().map(|selection| selection.id).collect()
}

/// Samples of windows `0 .. windows` of each job.
fn submit(path: &Path, jobs: &[u64], windows: u64) {
    let stream = open(path, false);
    stream.resume(None).unwrap();
    for (&job, window) in jobs.iter().flat_map(|job| (0..windows).map(move |window| (job, window))) {
        let sums: Vec<f64> = (0..SPECIES * BINS).map(|at| ((job + window + at as u64) % 97) as f64).collect();
        let shape = [SPECIES as u32, BINS as u32];
        let sample = Sample { job, observable: RDF, window, frames: 10, shape: &shape, sums: &sums };
        assert_eq!(stream.submit_sample(&sample).unwrap(), Submitted::Accepted);
        stream.poll(Duration::ZERO).unwrap();
    }
    stream.poll(Duration::ZERO).unwrap();
}

/// Milliseconds until a stream is open, and has resumed.
fn reopen(path: &Path, keeps: bool) -> (f64, Stream) {
    let started = Instant::now();
    let stream = open(path, keeps);
    stream.resume(None).unwrap();
    (started.elapsed().as_secs_f64() * 1e3, stream)
}

/// Milliseconds in which files are read and their CRC32C is formed, a patch's bytes at a time; and their bytes.
fn read(files: &[PathBuf]) -> (f64, u64) {
    let (started, mut bytes, mut checksum) = (Instant::now(), 0, 0);
    let mut piece = vec![0; 32 + 4 * GRID * GRID * SPECIES];
    for path in files {
        let mut file = File::open(path).unwrap();
        loop {
            let read = file.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            checksum = crc32c::crc32c_append(checksum, &piece[..read]);
            bytes += read as u64;
        }
    }
    std::hint::black_box(checksum);
    (started.elapsed().as_secs_f64() * 1e3, bytes)
}

/// Medians of both, in turns, of the files that are named; and the bytes of these.
fn beside(path: &Path, keeps: bool, files: &[PathBuf], check: impl Fn(&Stream)) -> (f64, f64, u64) {
    let (mut ours, mut plain, mut size) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (took, stream) = reopen(path, keeps);
        check(&stream);
        ours.push(took);
        drop(stream);
        let (took, bytes) = read(files);
        plain.push(took);
        size = bytes;
    }
    (quantile(&mut ours, 0.5), quantile(&mut plain, 0.5), size)
}

/// The segments of a run's log.
fn log(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.join("log")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A run with densities is opened and resumed.
pub fn densities(patches: u64, selected: u64) {
    let place = Place::new("densities");
    let path = &place.0;
    make(path, true, patches, selected);
    let (took, plain, size) = beside(path, true, &[path.join("densities")], |stream| {
        let stats = stream.stats();
        let retention = stats.retention.unwrap();
        assert_eq!((stats.selected, retention.holding.patches, retention.lost), (selected, patches, 0));
        let mut densities = vec![0.0; GRID * GRID * SPECIES];
        for id in [1, patches] {
            stream.densities(id, &mut densities).unwrap();
            assert!(densities.iter().all(|value| *value == density(id)), "the densities of patch {id}");
        }
    });
    tell(
        &format!("a run with densities of {patches} patches, {selected} selected, opened"),
        patches,
        took,
        plain,
        size,
    );
}

/// The same for a run with samples of so many windows of each selected patch.
pub fn samples(selected: u64, windows: u64) {
    let place = Place::new("samples");
    let path = &place.0;
    let jobs = make(path, false, selected, selected);
    assert_eq!(jobs.len() as u64, selected);
    submit(path, &jobs, windows);
    let count = selected * windows;
    let (took, plain, size) = beside(path, false, &log(path), |stream| {
        assert_eq!(stream.stats().feedback.unwrap().samples.accepted, count);
    });
    tell(&format!("a run with {count} samples of {SPECIES} x {BINS} sums, opened"), count, took, plain, size);
}

fn tell(what: &str, count: u64, took: f64, plain: f64, size: u64) {
    let each = took * 1e3 / count as f64;
    let megabytes = size as f64 / 1e6;
    let ratio = took / plain;
    row(
        what,
        &format!(
            "{took:.0} ms, {each:.1} us each, {ratio:.2} x {megabytes:.0} MB read and checksummed ({plain:.0} ms)"
        ),
        "(beside it)",
    );
}
