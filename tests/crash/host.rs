//! The owner of a campaign: a macro host that selects at each step, keeps what it was told, and goes on from its own file.
//!
//! Not here: who sends patches and who simulates ([`super::child`]).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use patchstream::error::ErrorKind;
use patchstream::stream::{Builder, JobsConfig, StoreConfig, Stream};

use super::{PATCHES, PICKS, STEPS, WINDOWS, child};

/// Nothing takes that long.
const LONG: Duration = Duration::from_secs(60);

/// What the host keeps in its own file.
#[derive(Default)]
pub struct Saved {
    /// The step that it is to do next; its mark has that name.
    pub next: i64,
    /// What it was told.
    told: String,
    /// Samples that it took, by job and window.
    samples: BTreeMap<(u64, u64), String>,
}

/// The host's own file, if there is one.
pub fn saved(folder: &Path) -> Saved {
    let Ok(text) = std::fs::read_to_string(folder.join("host.txt")) else { return Saved::default() };
    let (next, rest) = text.split_once('\n').unwrap();
    let (told, samples) = rest.split_once("samples\n").unwrap();
    let mut saved = Saved { next: next.parse().unwrap(), told: told.into(), samples: BTreeMap::new() };
    samples.lines().for_each(|line| saved.take(line.to_owned()));
    saved
}

impl Saved {
    /// Takes a sample, `sample JOB WINDOW SUMS`: each comes once.
    fn take(&mut self, line: String) {
        let mut words = line.split(' ').skip(1).map(|word| word.parse().unwrap_or(u64::MAX));
        let key = (words.next().unwrap(), words.next().unwrap());
        let before = self.samples.insert(key, line);
        assert!(before.is_none(), "{before:?} comes twice");
    }

    fn take_from(&mut self, stream: &Stream) {
        for sample in stream.take_samples(usize::MAX).unwrap() {
            let (job, window, sums) = (sample.job, sample.window, &sample.sums);
            self.take(format!("sample {job} {window} {:016x} {}", sums[0].to_bits(), sums[1]));
        }
    }

    fn sample_lines(&self) -> String {
        self.samples.values().fold(String::new(), |text, line| text + line + "\n")
    }

    fn write(&self, folder: &Path) {
        let text = format!("{}\n{}samples\n{}", self.next, self.told, self.sample_lines());
        replace(folder, "host.txt", &text);
    }
}

fn replace(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join("new"), text).unwrap();
    std::fs::rename(folder.join("new"), folder.join(name)).unwrap();
}

/// Opens the stream, as soon as the owner before is gone.
fn open(transport: &str, number: u64, folder: &Path, producers: Option<usize>) -> Stream {
    let store = StoreConfig { checkpoint_events: number % 3 * 4, segment_bytes: 40_000, ..StoreConfig::default() };
    let jobs = JobsConfig { poll_s: 0.001, ..JobsConfig::default() };
    let stream = Stream::builder().grid(5, 5).model("mean").capacity(40).slots(8).background(number % 2 == 1);
    let stream = stream.run_dir(folder.join("run")).store(store).transport(transport).jobs(jobs);
    let stream = producers.into_iter().fold(stream, Builder::producers);
    let started = Instant::now();
    loop {
        match stream.clone().open() {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error}"),
        }
        assert!(started.elapsed() < LONG, "the owner before does not go");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A host's campaign: from its own file, if it has one, to the end. Where there are several producers it looks at nothing
/// but the stream's answers, which was told how many there are: that all of a step has come is the stream's to know.
pub fn own(transport: &str, number: u64, folder: &Path, producers: Option<usize>) {
    let stream = open(transport, number, folder, producers);
    // Not before: the owner before may still write it until it has gone.
    let mut saved = saved(folder);
    stream.resume((saved.next > 0).then(|| format!("before step {}", saved.next)).as_deref()).unwrap();
    // Through a folder no patches come, so they are the host's own.
    let mut producer = transport.starts_with("dir:").then(|| stream.producer("ddft").unwrap());
    for step in saved.next..STEPS {
        if let Some(producer) = &mut producer {
            child::push(producer, step, 1..=PATCHES).unwrap();
        }
        let started = Instant::now();
        let selections = loop {
            stream.poll(Duration::from_millis(1)).unwrap();
            let stats = stream.stats();
            // A single producer's patches come in order, so all of this step are there once there are as many.
            let there = stats.waiting + stats.candidates + stats.selected + stats.discarded;
            if (producers.is_some() || there >= (step as u64 + 1) * PATCHES)
                && let Some(selections) = stream.select(step, PICKS).unwrap()
            {
                break selections;
            }
            assert!(started.elapsed() < LONG, "step {step} does not come: {stats:?}");
            std::thread::sleep(Duration::from_micros(200));
        };
        for one in &selections.batch.selections {
            let rank = one.rank.to_bits();
            writeln!(saved.told, "{} {} {} {rank:08x}", one.event, one.id, one.order).unwrap();
        }
        if step % 3 == 2 {
            // What is taken after the mark comes again.
            saved.take_from(&stream);
            saved.next = step + 1;
            assert!(stream.checkpoint(&format!("before step {}", saved.next), step, LONG).unwrap());
            saved.write(folder);
        }
        if step % 3 == 0 {
            saved.take_from(&stream);
        }
    }
    let (all, started) = (STEPS as u64 * PICKS as u64, Instant::now());
    while stream.jobs().unwrap().counts.done < all || (saved.samples.len() as u64) < all * WINDOWS {
        stream.poll(Duration::from_millis(1)).unwrap();
        saved.take_from(&stream);
        assert!(started.elapsed() < LONG, "jobs do not end: {:?}", stream.jobs());
        std::thread::sleep(Duration::from_micros(200));
    }
    let weights = stream.weights().unwrap().weights;
    for (id, weight) in weights.ids.iter().zip(&weights.weights) {
        writeln!(saved.told, "{id} {weight}").unwrap();
    }
    assert_eq!(stream.stats().store.unwrap().branch, 0);
    stream.close();
    replace(folder, "end.txt", &format!("{}{}", saved.told, saved.sample_lines()));
}
