//! The events of `sample`: rows arrive, are ranked, and some of them are selected.
//!
//! Times: `arrivals` = taking rows in, ranking and discarding; `picks`; `weights`. Reading and writing files is in the
//! `total` only.
//! Not here: the format of the files ([`crate::npy`], [`super::files`]), what is said at the end ([`super::summary`]).

use std::sync::atomic::{AtomicBool, Ordering};

use patchstream::dynim::Sampler;
use patchstream::error::Result;

use super::files::Files;
use super::hands::Threads;
use super::options::Options;
use super::points::{Ids, Points};
use super::summary::{self, Done};
use crate::clock::{Spent, Start};
use crate::progress::Progress;

/// Rows that are read before they are taken in, so that a clock is looked at once for all of them.
const CHUNK: usize = 1024;

/// Samples the points until they have all arrived and the events are done, or until `stop` is set; writes the files
/// and prints the summary. Returns whether it was interrupted.
///
/// # Errors
/// Files that cannot be read or do not hold points or ids, found before anything is written, and files that cannot be
/// written. Whatever fails, no half file is left, and files of an earlier run stay as they are.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<bool> {
    let start = Start::now();
    let points = Points::open(&options.points)?;
    let ids = options.ids.as_deref().map_or(Ok(Ids::Rows), |path| Ids::open(path, points.rows()))?;
    let sampler = Sampler::with_layout(options.layout(points.dim())?)?;
    let files = Files::create(&options.out)?;
    let run = Run { options, points, ids, sampler, files, done: Done::default(), buffer: Vec::new() };
    run.all(start, stop)
}

struct Run<'a> {
    options: &'a Options,
    points: Points,
    ids: Ids,
    sampler: Sampler,
    files: Files,
    done: Done,
    /// The coordinates of up to `CHUNK` rows.
    buffer: Vec<f32>,
}

impl Run<'_> {
    fn all(mut self, start: Start, stop: &AtomicBool) -> Result<bool> {
        self.done.instruction_set = self.sampler.isa().name();
        self.done.shape = [self.points.rows(), self.points.dim()];
        self.select_outright()?;
        let left = self.points.rows() - self.done.arrived;
        let batch = if self.options.batch == 0 { left } else { self.options.batch as usize };
        let events = (left.div_ceil(batch.max(1)) as u64).max(self.options.events);
        let progress = Progress::new("event", events as i64);
        for event in 0..events {
            if stop.load(Ordering::Relaxed) {
                self.done.interrupted = true;
                break;
            }
            self.event(event, batch)?;
            let selected = self.sampler.selected();
            progress.step(event as i64 + 1, || format!("{} points, {selected} selected", self.done.arrived));
        }
        progress.finish();

        let weighing = Start::now();
        let weights = self.sampler.weights();
        self.done.weights = weighing.spent();
        self.done.total = start.spent();
        let done = &mut self.done;
        (done.candidates, done.discarded) = (self.sampler.candidates(), self.sampler.discarded());
        self.files.finish(&weights, &summary::json(self.options, done))?;
        summary::print_end(self.options, done, &weights);
        Ok(done.interrupted)
    }

    /// The first rows, as many as were asked for and are there.
    fn select_outright(&mut self) -> Result<()> {
        self.buffer.resize(self.points.dim(), 0.0);
        while (self.done.outright as u64) < self.options.first && self.points.read(&mut self.buffer)? {
            let id = self.ids.inside(self.done.arrived);
            let begin = Start::now();
            // Of no event: its step in the history is -1, as its event is.
            let order = self.sampler.select_outright_in(0, id, -1, &self.buffer)?;
            self.done.arrivals += begin.spent();
            self.files.outright(id, order)?;
            self.files.history(self.sampler.drain_history())?;
            self.done.outright += 1;
            self.done.arrived += 1;
        }
        Ok(())
    }

    /// One event: up to `batch` rows arrive, and the picks follow.
    fn event(&mut self, number: u64, batch: usize) -> Result<()> {
        let mut spent = Spent::default();
        let mut left = batch;
        while left > 0 {
            let first = self.done.arrived;
            let rows = self.read(left.min(CHUNK))?;
            if rows == 0 {
                break;
            }
            let begin = Start::now();
            for (row, point) in (first..).zip(self.buffer.chunks_exact(self.points.dim())) {
                self.sampler.add(self.ids.inside(row), number as i64, point)?;
            }
            spent += begin.spent();
            self.files.history(self.sampler.drain_history())?;
            self.done.arrived += rows;
            left -= rows;
        }
        let begin = Start::now();
        let mut event = self.sampler.arrive(number as i64, &Threads(self.options.threads.into()));
        spent += begin.spent();
        let begin = Start::now();
        self.sampler.pick(&mut event, self.options.select as usize);
        let picking = begin.spent();

        self.files.event(&event)?;
        self.files.history(self.sampler.drain_history())?;
        let done = &mut self.done;
        done.arrivals += spent;
        done.picks += picking;
        done.event_us.push((spent.wall + picking.wall).as_secs_f32() * 1e6);
        done.events += 1;
        done.asked = done.asked.saturating_add(self.options.select);
        done.picked += event.picks.len();
        Ok(())
    }

    /// Reads up to `most` rows into the buffer, and says how many there were.
    fn read(&mut self, most: usize) -> Result<usize> {
        let dim = self.points.dim();
        self.buffer.resize(most * dim, 0.0);
        let mut rows = 0;
        while rows < most && self.points.read(&mut self.buffer[rows * dim..][..dim])? {
            rows += 1;
        }
        self.buffer.truncate(rows * dim);
        Ok(rows)
    }
}
