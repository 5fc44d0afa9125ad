//! The work of `encode`: threads take blocks of the file in order, encode them, and write their points where they belong.
//!
//! Times: a call of the encoder is measured alone; reading, looking for values that are no numbers and turning planes into
//! pixels are in the whole.
//! Not here: the patches ([`super::patches`]), what is said at the end ([`super::summary`]).

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use patchstream::encode::Model;
use patchstream::error::{Error, Result, argument};
use patchstream::patch::PatchView;

use super::options::Options;
use super::patches::{Block, Order, Patches};
use super::summary::{self, Done};
use crate::clock::Start;
use crate::draft::{self, Draft};
use crate::model;
use crate::npy;
use crate::progress::Progress;

/// Encodes all patches, or none of them: if `stop` is set or anything fails, no file is written. Returns whether it was
/// interrupted.
///
/// # Errors
/// A model that cannot be opened, patches that cannot be read or that it does not take, the first patch that cannot be
/// encoded, and files that cannot be written.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<bool> {
    let start = Start::now();
    let patches = Patches::open(&options.patches)?;
    let model = model::open(&options.model, options.backend, Some(patches.axes()))?;
    let order = patches.order_for(&model)?;
    refuse_same_files(options)?;
    let drafts = Drafts::create(options)?;
    let work = Work::new(options, &model, patches, order, &drafts, stop);
    let done = work.all(start)?;
    if done.interrupted {
        summary::print_interrupted(&done);
        return Ok(true);
    }
    drafts.keep(&summary::json(options, &model, &done))?;
    summary::print_end(options, &model, &done);
    Ok(false)
}

/// Two options that name one file would replace each other's.
fn refuse_same_files(options: &Options) -> Result<()> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let [patches, out] = [&options.patches, &options.out].map(|path| real(path));
    let summary = options.summary.as_deref().map(real);
    if out == patches || summary.as_ref().is_some_and(|summary| [&patches, &out].contains(&summary)) {
        return Err(argument("--patches, --out and --summary name a file twice: give each its own"));
    }
    Ok(())
}

/// The files that are being written.
struct Drafts {
    points: Mutex<Draft>,
    summary: Option<Draft>,
}

impl Drafts {
    fn create(options: &Options) -> Result<Self> {
        let points = Mutex::new(Draft::at(&options.out)?);
        Ok(Self { points, summary: options.summary.as_deref().map(Draft::at).transpose()? })
    }

    fn keep(self, json: &str) -> Result<()> {
        let points = self.points.into_inner().unwrap_or_else(PoisonError::into_inner);
        match self.summary {
            Some(mut summary) => {
                summary.write(json.as_bytes())?;
                draft::keep(vec![points], summary)
            }
            None => points.keep(),
        }
    }
}

/// What the threads share.
struct Work<'a> {
    options: &'a Options,
    model: &'a Model,
    order: Order,
    axes: Vec<usize>,
    count: usize,
    /// Patches of a call, and of a block.
    batch: usize,
    block: usize,
    /// Bytes of the head of the points' file.
    head: Vec<u8>,
    patches: Mutex<Patches>,
    drafts: &'a Drafts,
    stop: &'a AtomicBool,
    progress: Progress,
    /// Blocks that were encoded and written.
    finished: Mutex<Finished>,
}

/// What was done so far.
struct Finished {
    patches: usize,
    /// Times of calls over their patches, in ns, each as often as it has patches.
    times: Histogram<u64>,
    /// The error of the earliest block that has one, and that block's first patch. Blocks are taken in order, so all
    /// before it are finished when the threads are, and it is the same on any number of threads.
    failed: Option<(usize, Error)>,
}

impl<'a> Work<'a> {
    fn new(
        options: &'a Options,
        model: &'a Model,
        patches: Patches,
        order: Order,
        drafts: &'a Drafts,
        stop: &'a AtomicBool,
    ) -> Self {
        let batch = patches.batch(options.batch as usize);
        Self {
            options,
            model,
            order,
            axes: patches.axes().to_vec(),
            count: patches.count(),
            batch,
            block: patches.block(batch),
            head: npy::header("<f4", &[patches.count(), model.dim()]),
            progress: Progress::new("patch", patches.count() as i64),
            patches: Mutex::new(patches),
            drafts,
            stop,
            finished: Mutex::new(Finished { patches: 0, times: histogram(), failed: None }),
        }
    }

    /// Encodes everything with so many threads, the caller's among them.
    fn all(self, start: Start) -> Result<Done> {
        let begun = Instant::now();
        lock(&self.drafts.points).write_at(0, &self.head)?;
        let threads = self.count.div_ceil(self.block).min(self.options.threads.into());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.hand());
            }
            self.hand();
        });
        let seconds = begun.elapsed().as_secs_f64();
        self.progress.finish();
        let finished = self.finished.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, error)) = finished.failed {
            return Err(error);
        }
        Ok(Done {
            count: self.count,
            axes: self.axes,
            batch: self.batch,
            encoded: finished.patches,
            interrupted: finished.patches < self.count,
            seconds,
            times: finished.times,
            total: start.spent(),
        })
    }

    /// One thread's share: blocks until there are no more, something fails, or it is told to stop.
    fn hand(&self) {
        let mut block = Block::default();
        let mut points = Vec::new();
        let mut times = histogram();
        loop {
            match self.next(&mut block, &mut points, &mut times) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let mut finished = lock(&self.finished);
                    if finished.failed.as_ref().is_none_or(|(first, _)| block.first < *first) {
                        finished.failed = Some((block.first, error));
                    }
                    break;
                }
            }
        }
        lock(&self.finished).times += times;
    }

    /// Does the next block; false if there is none to do.
    fn next(&self, block: &mut Block, points: &mut Vec<f32>, times: &mut Histogram<u64>) -> Result<bool> {
        {
            let mut patches = lock(&self.patches);
            // Looked at with the lock held: a thread that fails later may not keep an earlier block from being done.
            if self.stop.load(Ordering::Relaxed) || lock(&self.finished).failed.is_some() {
                return Ok(false);
            }
            if !patches.read(block, self.block)? {
                return Ok(false);
            }
        }
        let bad = block.decode(self.order, &self.axes, &self.options.patches);
        points.resize(block.count * self.model.dim(), 0.0);
        self.encode(block, points, times)?;
        if let Some(error) = bad {
            return Err(error);
        }
        let bytes: Vec<u8> = points.iter().flat_map(|value| value.to_le_bytes()).collect();
        let start = self.head.len() as u64 + 4 * block.first as u64 * self.model.dim() as u64;
        lock(&self.drafts.points).write_at(start, &bytes)?;

        let mut finished = lock(&self.finished);
        finished.patches += block.count;
        self.progress.bar_at(finished.patches as i64, self.model.backend());
        Ok(true)
    }

    /// Encodes a block, call by call.
    fn encode(&self, block: &Block, points: &mut [f32], times: &mut Histogram<u64>) -> Result<()> {
        let (dim, length) = (self.model.dim(), self.axes.iter().product());
        let shape = self.model.shape();
        let each = block.values.chunks_exact(length).take(block.count);
        let views: Vec<PatchView> = each.map(|densities| PatchView { shape, densities, proteins: &[] }).collect();
        for (call, points) in points.chunks_mut(self.batch * dim).enumerate() {
            let first = call * self.batch;
            let count = points.len() / dim;
            let begin = Instant::now();
            let result = self.model.encode_many(&views[first..][..count], points);
            let time = begin.elapsed().as_nanos() as u64 / count as u64;
            if let Err(error) = result {
                // One by one they say which patch of the file it is.
                let mut point = vec![0.0; dim];
                let one = |i: usize| self.model.encode(views[i], &mut point).err().map(|error| (i, error));
                let bad = (first..first + count).find_map(one);
                let (i, error) = bad.unwrap_or((first, error));
                return Err(error.context(format!("{}: patch {}", self.options.patches.display(), block.first + i)));
            }
            times.saturating_record_n(time, count as u64);
        }
        Ok(())
    }
}

/// For times of 1 ns to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds that a histogram can have")
}

/// A thread that panicked took the process's result with it; what it held is only counts and places in files.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
