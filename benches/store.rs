//! The store's budgets: what durability adds to a point of 15 dimensions, a stream of 5,000 points a second with group
//! commit beside none, the log of 2,000,000 points read again, checkpoints beside plain writes of as many bytes.
//!
//! Limits: a write into the page cache, one sync of this disk, a copy of the bytes and their checksum; the first two are
//! measured beside it in the same run. The runs lie in the folder for temporary files; name another disk by `TMPDIR`.
//! `--test` is small and only asserts.

use std::hint::{black_box, spin_loop};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use patchstream::store::bytes::Packer;
use patchstream::store::{Durability, Options, Sections, Store, read};

const DIM: usize = 15;

/// A point as a stream would log it: id, step, content hash, queue, rank factor, coordinates.
fn point(packer: &mut Packer, id: u64) {
    let coordinates: [f32; DIM] = std::array::from_fn(|d| (id as usize * DIM + d) as f32);
    packer.clear().u64(id).i64(id as i64 / 300).u64(id.wrapping_mul(0x9E37_79B9_7F4A_7C15)).u32(0).f32(1.0);
    packer.f32s(&coordinates);
}

struct Place(PathBuf);

impl Place {
    fn new(what: &str) -> Self {
        let path = std::env::temp_dir().join(format!("patchstream-bench-{}-{what}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn create(&self, durability: Durability) -> Store {
        Store::create(&self.0, "", &Options { durability, ..Options::default() }).unwrap()
    }

    fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.0.join("log")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Checks that a run holds the points 1 to `count`.
fn holds(path: &Path, count: u64) {
    let found = read(path).unwrap();
    let (mut records, mut packer, mut next) = (found.records(1).unwrap(), Packer::new(), 1);
    while let Some(record) = records.next().unwrap() {
        point(&mut packer, next);
        assert_eq!((record.sequence, record.payload), (next, packer.bytes()));
        next += 1;
    }
    assert_eq!(next, count + 1);
}

fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6
}

/// What a point costs by itself: packed, appended, and committed in groups of `group`.
fn append(durability: Durability, group: u64, count: u64) {
    let place = Place::new("append");
    let mut store = place.create(durability);
    let mut packer = Packer::new();
    let mut times = Vec::with_capacity(count as usize);
    let mut id = 0;
    while id < count {
        let started = Instant::now();
        for _ in 0..group {
            id += 1;
            point(&mut packer, id);
            store.append(1, packer.bytes()).unwrap();
        }
        store.commit().unwrap();
        times.push(started.elapsed() / group as u32);
    }
    store.close().unwrap();
    holds(&place.0, id);
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    let bytes = place.bytes() as f64 / id as f64;
    println!(
        "store/append/{durability:?}/{group:<4} a point p50 {p50:8.3} us  p99 {p99:8.3} us  {bytes:6.1} bytes on disk"
    );
    assert!(group == 1 || bytes <= (4 * DIM + 64) as f64);
}

/// The same bytes by bare writes, for comparison.
fn bare_writes(count: u64) {
    let place = Place::new("bare");
    std::fs::create_dir(&place.0).unwrap();
    let mut file = std::fs::File::create(place.0.join("file")).unwrap();
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[7; 112]).unwrap();
            started.elapsed()
        })
        .collect();
    println!("store/append/bare write      p50 {:8.3} us", quantile(&mut times, 0.5));
}

/// A stream of `rate` points a second; each takes `work` besides, and a group is whatever came meanwhile. Points a second
/// that were acknowledged by the end of `span`, and the median time from a point's arrival to that.
fn stream(durability: Durability, rate: f64, work: Duration, span: Duration) -> (f64, f64) {
    let place = Place::new("stream");
    let mut store = place.create(durability);
    let mut packer = Packer::new();
    let mut waits = Vec::new();
    let (started, mut id) = (Instant::now(), 0_u64);
    while started.elapsed() < span {
        let came = (started.elapsed().as_secs_f64() * rate) as u64;
        let first = id + 1;
        // No group is longer than this, or a stream faster than its worker would never be acknowledged.
        while id < came.min(first + 255) {
            id += 1;
            let until = Instant::now() + work;
            point(&mut packer, id);
            store.append(1, packer.bytes()).unwrap();
            while Instant::now() < until {
                spin_loop();
            }
        }
        store.commit().unwrap();
        let now = started.elapsed();
        waits.extend((first..=id).map(|id| now.saturating_sub(Duration::from_secs_f64(id as f64 / rate))));
        if first > id {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    let throughput = store.acknowledged() as f64 / started.elapsed().as_secs_f64();
    store.close().unwrap();
    holds(&place.0, id);
    (throughput, quantile(&mut waits, 0.5))
}

fn group_commit(span: Duration) {
    let work = Duration::from_micros(30);
    for (name, rate) in [("5000 a second", 5000.0), ("as fast as it goes", 1e6)] {
        let none = stream(Durability::None, rate, work, span);
        for durability in [Durability::Buffered, Durability::Batch] {
            let (throughput, wait) = stream(durability, rate, work, span);
            println!(
                "store/stream/{durability:?}/{name}: {throughput:.0} points a second, {:.3} of none's {:.0}; \
                 acknowledged after {wait:.0} us (none {:.0})",
                throughput / none.0,
                none.0,
                none.1
            );
        }
    }
}

/// The log of a long run, opened and read again.
fn recover(count: u64) {
    let place = Place::new("recover");
    let mut store = place.create(Durability::Buffered);
    let mut packer = Packer::new();
    let started = Instant::now();
    for id in 1..=count {
        point(&mut packer, id);
        store.append(1, packer.bytes()).unwrap();
        if id % 16 == 0 {
            store.commit().unwrap();
        }
    }
    store.close().unwrap();
    let written = started.elapsed();
    holds(&place.0, count);
    let bytes = place.bytes();
    let started = Instant::now();
    for segment in std::fs::read_dir(place.0.join("log")).unwrap() {
        let mut file = std::fs::File::open(segment.unwrap().path()).unwrap();
        let mut buffer = vec![0; 1 << 20];
        while file.read(&mut buffer).unwrap() > 0 {
            black_box(&buffer);
        }
    }
    let bare = started.elapsed();
    let started = Instant::now();
    let (store, found) = Store::open(&place.0, &Options::default()).unwrap();
    let opened = started.elapsed();
    let started = Instant::now();
    let mut records = found.records(1).unwrap();
    let (mut last, mut sum) = (0, 0.0);
    while let Some(record) = records.next().unwrap() {
        last = record.sequence;
        sum += f32::from_le_bytes(record.payload[32..36].try_into().unwrap());
    }
    black_box(sum);
    let took = started.elapsed();
    assert_eq!((last, store.appended()), (count, count));
    println!(
        "store/recover/{count}: {:.1} MB written in {:.3} s; opened in {:.3} s, read in {:.3} s, {:.2} GB/s; bare reads {:.3} s",
        bytes as f64 / 1e6,
        written.as_secs_f64(),
        opened.as_secs_f64(),
        took.as_secs_f64(),
        bytes as f64 / 1e9 / took.as_secs_f64(),
        bare.as_secs_f64()
    );
}

/// A checkpoint of `bytes`, beside a plain file of as many that is written and synced.
fn checkpoint(bytes: usize, times: usize) {
    let place = Place::new("checkpoint");
    let mut store = place.create(Durability::Buffered);
    let (mut whole, mut pause, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..times {
        store.append(1, &[1; 92]).unwrap();
        let content = vec![at as u8; bytes];
        let started = Instant::now();
        let mut file = std::fs::File::create(place.0.join("log/plain")).unwrap();
        file.write_all(&content).unwrap();
        file.sync_data().unwrap();
        plain.push(started.elapsed());
        let mut sections = Sections::new();
        sections.add(1, content).unwrap();
        let started = Instant::now();
        let pending = store.begin_checkpoint(sections).unwrap();
        pause.push(started.elapsed());
        pending.write().unwrap();
        whole.push(started.elapsed());
    }
    let sequence = store.appended();
    store.close().unwrap();
    let found = read(&place.0).unwrap().checkpoint.unwrap();
    assert_eq!((found.sequence, found.sections.get(1).unwrap().len()), (sequence, bytes));
    let (whole, pause, plain) = (quantile(&mut whole, 0.5), quantile(&mut pause, 0.5), quantile(&mut plain, 0.5));
    println!(
        "store/checkpoint/{bytes}: {:.2} ms, {:.2} of a plain file's {:.2} ms; the log waits {pause:.1} us for it",
        whole / 1e3,
        whole / plain,
        plain / 1e3
    );
}

fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let count = if test { 1000 } else { 200_000 };
    bare_writes(count);
    for (durability, group) in
        [(Durability::None, 1), (Durability::Buffered, 1), (Durability::Buffered, 16), (Durability::Buffered, 256)]
    {
        append(durability, group, count);
    }
    append(Durability::Batch, 16, count / 100);
    append(Durability::Record, 1, count / 1000);
    group_commit(Duration::from_millis(if test { 50 } else { 3000 }));
    recover(if test { 10_000 } else { 2_000_000 });
    checkpoint(if test { 10_000 } else { 6_000_000 }, if test { 2 } else { 15 });
}
