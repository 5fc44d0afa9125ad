//! The folder of a run with anything in it, opened by the stream that it is of: damage anywhere in a file, and entries of
//! any kind behind those of its log.
//!
//! A run that was written by the library is where each input starts; the input says which file, and what happens to it;
//! its checksums are made right again where the input says so, so that what lies behind them is reached.
//! The folder lies in PATCHSTREAM_FUZZ_FOLDER, by default /dev/shm, and is of this process.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use patchstream::dynim::State;
use patchstream::patch::{Field, Meta, Samples};
use patchstream::store::{self, Record};
use patchstream::stream::{Config, Producer, SpeciesConfig, Stream};

const NAMES: [&str; 5] = ["run.toml", "log/000001.log", "log/000002.log", "checkpoint-A", "checkpoint-B"];
/// Bytes of the headers of a segment, a record, a checkpoint and a section.
const SEGMENT: usize = 64;
const RECORD: usize = 20;
const CHECKPOINT: usize = 72;
const SECTION: usize = 16;

/// The good run.
struct Run {
    path: PathBuf,
    files: Vec<Vec<u8>>,
    /// Its last entry.
    last: u64,
}

thread_local! {
    static RUN: Run = Run::new();
}

fn open(path: &Path) -> patchstream::error::Result<Stream> {
    let species = Some(SpeciesConfig { names: vec!["A".into(), "B".into()], inner: 1 });
    let config = Config { nx: 3, ny: 3, model: "mean".into(), slots: 8, history: 20, species, ..Config::default() };
    Stream::builder().config(config).capacity(4).run_dir(path).run_text("small").open()
}

fn push(producer: &mut Producer, id: u64, step: i64, seed: u64) -> bool {
    let values = [(seed * 7919 % 1009) as f32; 18];
    let field = Field::interleaved(Samples::F32(&values), 3, 3, 2).expect("3 x 3 x 2");
    producer.push(&Meta { id, step, ..Meta::default() }, &field).is_ok()
}

impl Run {
    fn new() -> Self {
        let within = std::env::var_os("PATCHSTREAM_FUZZ_FOLDER").map_or("/dev/shm".into(), PathBuf::from);
        let path = within.join(format!("patchstream-fuzz-run-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for (mark, seed) in [(None, 0), (Some("a"), 50)] {
            let stream = open(&path).expect("a new run, then a good one");
            stream.resume(mark).expect("it is there");
            let mut producer = stream.producer("fuzz").expect("the first");
            for step in 0..3 {
                for id in 1..=4 {
                    let seed = if step == 2 { seed } else { 0 };
                    assert!(mark.is_some() && step == 0 || push(&mut producer, step * 10 + id, step as i64, id + seed));
                }
                if mark.is_some() && step == 0 {
                    continue;
                }
                let picks = stream.select(step as i64, 1).expect("an open stream").expect("one producer").batch;
                if step == 0 {
                    stream.set_state(picks.selections[0].id, State::Started, 0).expect("it was issued");
                    stream.checkpoint("a", 0, Duration::ZERO).expect("room");
                }
            }
            stream.withdraw(24, 2).or_else(|_| stream.withdraw(23, 2)).expect("one of them is not selected");
            stream.checkpoint("b", 2, Duration::ZERO).expect("room");
        }
        let files = NAMES.map(|name| fs::read(path.join(name)).expect("it was written")).to_vec();
        let last = store::read(&path).expect("a good run").last;
        Self { path, files, last }
    }

    fn try_one(&self, input: &[u8]) {
        let Some((how, damage)) = input.split_first() else { return };
        let which = usize::from(how & 7);
        for folder in ["log", "epochs"] {
            let _ = fs::remove_dir_all(self.path.join(folder));
            fs::create_dir(self.path.join(folder)).expect("room in /dev/shm");
        }
        for (name, bytes) in NAMES.iter().zip(&self.files) {
            fs::write(self.path.join(name), bytes).expect("room in /dev/shm");
        }
        let mut changed = true;
        if let Some(good) = self.files.get(which) {
            let mut bytes = good.clone();
            damage_bytes(&mut bytes, damage);
            if how & 8 != 0 {
                seal(which, &mut bytes);
            }
            changed = bytes != *good;
            fs::write(self.path.join(NAMES[which]), bytes).expect("room in /dev/shm");
        } else {
            let mut log = self.files[2].clone();
            if how & 8 != 0 {
                // Nothing is known of the sampler but from the log.
                NAMES[3..].iter().for_each(|name| drop(fs::remove_file(self.path.join(name))));
            }
            append(&mut log, self.last, damage);
            fs::write(self.path.join(NAMES[2]), log).expect("room in /dev/shm");
        }
        if let Ok(found) = store::read(&self.path) {
            let mut records = found.records(1).expect("from the first");
            while let Ok(Some(Record { payload, .. })) = records.next() {
                std::hint::black_box(payload.len());
            }
        }
        let Ok(stream) = open(&self.path) else { return assert!(changed, "a good run is refused") };
        let mark = [None, Some("a"), Some("b")][usize::from(how >> 4) % 3];
        if stream.resume(mark).is_err() && stream.resume(None).is_err() {
            return;
        }
        let mut producer = stream.producer("fuzz").expect("the first");
        for id in 1..=5 {
            push(&mut producer, 20 + id, 2, id + u64::from(how >> 6));
        }
        let _ = std::hint::black_box((stream.select(i64::MAX, 2), stream.weights(), stream.drain_history(9)));
    }
}

/// Places and values, or a new length.
fn damage_bytes(bytes: &mut Vec<u8>, damage: &[u8]) {
    for act in damage.chunks(4) {
        let [low, high, value, more] = std::array::from_fn(|i| act.get(i).copied().unwrap_or(0));
        let at = usize::from(low) | usize::from(high) << 8;
        match more {
            255 => bytes.resize(at.min(2 * bytes.len()), value),
            _ if bytes.is_empty() => {}
            _ => {
                let at = at % bytes.len();
                bytes[at] = value;
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes(four.try_into().expect("four")) as usize)
}

fn put(bytes: &mut [u8], at: usize, checksum: u32) {
    bytes[at..at + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// Makes the checksums of a file right, as far as its lengths make sense.
fn seal(which: usize, bytes: &mut Vec<u8>) {
    match which {
        0 => {
            const LAST: usize = "crc32c = \"01234567\"\n".len();
            let body = bytes.len().saturating_sub(LAST);
            bytes.truncate(body);
            let last = format!("crc32c = \"{:08x}\"\n", crc32c::crc32c(bytes));
            bytes.extend_from_slice(last.as_bytes());
        }
        1 | 2 if bytes.len() >= SEGMENT => {
            let seed = crc32c::crc32c(&bytes[..SEGMENT - 4]);
            put(bytes, SEGMENT - 4, seed);
            let mut at = SEGMENT;
            while at + RECORD <= bytes.len() {
                let end = (at + RECORD + number(bytes, at + 4)).min(bytes.len());
                let checksum = crc32c::crc32c_append(seed, &bytes[at + 4..end]);
                put(bytes, at, checksum);
                at = end;
            }
        }
        3 | 4 if bytes.len() >= CHECKPOINT => {
            let length = bytes.len() as u64;
            bytes[56..64].copy_from_slice(&length.to_le_bytes());
            let seed = crc32c::crc32c(&bytes[..CHECKPOINT - 4]);
            put(bytes, CHECKPOINT - 4, seed);
            let mut at = CHECKPOINT;
            while at + SECTION <= bytes.len() {
                let end = (at + SECTION + number(bytes, at + 8)).min(bytes.len());
                let checksum = crc32c::crc32c_append(seed, &bytes[at + 4..end]);
                put(bytes, at, checksum);
                at = end;
            }
        }
        _ => {}
    }
}

/// Records of one entry each behind those that are there: a kind, a length, and so many bytes, again and again.
fn append(log: &mut Vec<u8>, mut last: u64, mut input: &[u8]) {
    let seed = crc32c::crc32c(&log[..SEGMENT - 4]);
    while let [kind, length, rest @ ..] = input {
        let (payload, left) = rest.split_at(usize::from(*length).min(rest.len()));
        last += 1;
        let at = log.len();
        log.extend_from_slice(&[0; 4]);
        log.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        log.extend_from_slice(&last.to_le_bytes());
        log.extend_from_slice(&u16::from(kind % 16).to_le_bytes());
        log.extend_from_slice(&1_u16.to_le_bytes());
        log.extend_from_slice(payload);
        let checksum = crc32c::crc32c_append(seed, &log[at + 4..]);
        put(log, at, checksum);
        input = left;
    }
}

fuzz_target!(|input: &[u8]| RUN.with(|run| run.try_one(input)));
