//! The messages between an owner and its workers as plain Rust values: jobs, asks, states, samples, refusals.
//!
//! Units: nm, s. Packing and viewing are here too, since only jobs use them ([`Packer`], [`super::messages`]).
//! Not here: what is done with them ([`crate::job`]).

use flatbuffers::{ForwardsUOffset, Vector, WIPOffset};

use super::fb;
use super::message::{Message, Selection};
use super::pack::Packer;
use super::view::selection;
use crate::error::{Result, value};

/// Where a job's densities lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the message, in the same ring slot.
    Slot,
    /// Beside the message, in the same file.
    File,
}

/// The densities of a job: float32, `[(y * nx + x) * channels + c]`, nm^-2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Densities {
    /// Where they lie.
    pub place: Place,
    /// The file, relative to the transport's folder; `None`: the one that the message is in.
    pub path: Option<String>,
    /// First byte of the tensor, counted from the start of the slot or file.
    pub offset: u64,
    /// Grid points along x.
    pub nx: u32,
    /// Grid points along y.
    pub ny: u32,
    /// Densities a grid point.
    pub channels: u32,
    /// XXH3 (64 bit) of the tensor's bytes, little-endian.
    pub hash: u64,
}

/// A selected patch, given to a micro host to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Names the job for a scheduler; the same ticket is the same job.
    pub ticket: String,
    /// The selected patch, whose id is the job's.
    pub selection: Selection,
    /// Where its densities are.
    pub densities: Densities,
    /// 1 for the first worker that gets it, one more each time that it is given out again; 0 before.
    pub attempt: u32,
    /// Edge length of the patch in nm.
    pub size_nm: f64,
    /// Seconds after which a worker that says nothing counts as dead; 0: the transport knows.
    pub lease_s: f64,
    /// The windows that were accepted so far.
    pub accepted: Vec<AcceptedWindows>,
    /// The number of the ask that this answers; 0 if it answers none.
    pub ask: u64,
    /// What the host tells every worker, in words of its own.
    pub note: Option<String>,
}

/// Windows of one observable that were accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AcceptedWindows {
    /// What was measured.
    pub observable: String,
    /// First and last of each run of windows, ascending and disjoint.
    pub runs: Vec<(u64, u64)>,
}

/// What a micro simulation measured in one window: raw sums over its frames.
#[derive(Debug, Clone, PartialEq)]
pub struct RdfSample {
    /// The id of the selected patch that is simulated.
    pub job: u64,
    /// The attempt that measured it.
    pub attempt: u32,
    /// What was measured: 1 to 32 of `A-Za-z0-9_-`.
    pub observable: String,
    /// Number of the window.
    pub window: u64,
    /// Frames that were summed over.
    pub frames: u64,
    /// Extents, the slowest first.
    pub shape: Vec<u32>,
    /// As many as the product of the extents.
    pub sums: Vec<f64>,
}

/// A worker asks for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The worker's own number for it, from 1, one more each time.
    pub number: u64,
    /// The patch id of the job that it wants; 0: the oldest in line.
    pub job: u64,
    /// The ask of this number is no longer open.
    pub cancelled: bool,
}

/// A worker says where its job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// The id of the selected patch that is simulated.
    pub job: u64,
    /// The attempt that says it.
    pub attempt: u32,
    /// 1 issued (put back untouched), 2 started, 3 interrupted, 4 done, 5 failed; others are a newer worker's.
    pub state: u8,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A worker is told that it gets no job, or that it lost the one it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the ask that this answers; 0: the job was taken away.
    pub ask: u64,
    /// The job, 0 if no certain one is meant.
    pub job: u64,
    /// The attempt that lost it.
    pub attempt: u32,
    /// A status of `patchstream.h`, below 0.
    pub status: i32,
    /// Why, and what to do.
    pub sentence: String,
}

impl Packer {
    /// Packs a job, size-prefixed.
    pub fn job(&mut self, job: &Job) -> &[u8] {
        self.builder.reset();
        let ticket = self.builder.create_string(&job.ticket);
        let selection = self.selection_table(&job.selection);
        let Densities { place, ref path, offset, nx, ny, channels, hash } = job.densities;
        let path = path.as_ref().map(|path| self.builder.create_string(path));
        let place = match place {
            Place::Slot => fb::Place::Slot,
            Place::File => fb::Place::File,
        };
        let args = fb::DensitiesArgs { place, path, offset, nx, ny, channels, hash };
        let densities = fb::Densities::create(&mut self.builder, &args);
        let accepted: Vec<_> = job.accepted.iter().map(|windows| self.accepted(windows)).collect();
        let accepted = (!accepted.is_empty()).then(|| self.builder.create_vector(&accepted));
        let note = job.note.as_ref().map(|note| self.builder.create_string(note));
        let args = fb::JobArgs {
            ticket: Some(ticket),
            selection: Some(selection),
            densities: Some(densities),
            attempt: job.attempt,
            size_nm: job.size_nm,
            lease_s: job.lease_s,
            accepted,
            ask: job.ask,
            note,
        };
        let body = fb::Job::create(&mut self.builder, &args);
        self.finish(fb::Body::Job, body.as_union_value());
        self.builder.finished_data()
    }

    /// Packs a sample, size-prefixed.
    pub fn sample(&mut self, sample: &RdfSample) -> &[u8] {
        self.builder.reset();
        let observable = self.builder.create_string(&sample.observable);
        let shape = self.builder.create_vector(&sample.shape);
        let sums = self.builder.create_vector(&sample.sums);
        let args = fb::RdfSampleArgs {
            job: sample.job,
            attempt: sample.attempt,
            observable: Some(observable),
            window: sample.window,
            frames: sample.frames,
            shape: Some(shape),
            sums: Some(sums),
        };
        let body = fb::RdfSample::create(&mut self.builder, &args);
        self.finish(fb::Body::RdfSample, body.as_union_value());
        self.builder.finished_data()
    }

    /// Packs an ask, size-prefixed.
    pub fn ask(&mut self, &Ask { number, job, cancelled }: &Ask) -> &[u8] {
        self.builder.reset();
        let body = fb::Ask::create(&mut self.builder, &fb::AskArgs { number, job, cancelled });
        self.finish(fb::Body::Ask, body.as_union_value());
        self.builder.finished_data()
    }

    /// Packs what a worker says of its job, size-prefixed.
    pub fn job_state(&mut self, &JobState { job, attempt, state, ref reason }: &JobState) -> &[u8] {
        self.builder.reset();
        let reason = reason.as_ref().map(|reason| self.builder.create_string(reason));
        let body = fb::JobState::create(&mut self.builder, &fb::JobStateArgs { job, attempt, state, reason });
        self.finish(fb::Body::JobState, body.as_union_value());
        self.builder.finished_data()
    }

    /// Packs a refusal, size-prefixed.
    pub fn refusal(&mut self, &Refusal { ask, job, attempt, status, ref sentence }: &Refusal) -> &[u8] {
        self.builder.reset();
        let sentence = Some(self.builder.create_string(sentence));
        let body = fb::Refusal::create(&mut self.builder, &fb::RefusalArgs { ask, job, attempt, status, sentence });
        self.finish(fb::Body::Refusal, body.as_union_value());
        self.builder.finished_data()
    }

    fn accepted(&mut self, windows: &AcceptedWindows) -> WIPOffset<fb::AcceptedWindows<'static>> {
        let observable = Some(self.builder.create_string(&windows.observable));
        let first = Some(self.builder.create_vector_from_iter(windows.runs.iter().map(|run| run.0)));
        let last = Some(self.builder.create_vector_from_iter(windows.runs.iter().map(|run| run.1)));
        fb::AcceptedWindows::create(&mut self.builder, &fb::AcceptedWindowsArgs { observable, first, last })
    }
}

/// The message of a job or a worker, if it is one.
pub(super) fn view(message: fb::Message<'_>) -> Option<Result<Message>> {
    if let Some(table) = message.body_as_job() {
        return Some(job(table).map(|job| Message::Job(Box::new(job))));
    }
    if let Some(table) = message.body_as_rdf_sample() {
        return Some(sample(table).map(Message::RdfSample));
    }
    if let Some(table) = message.body_as_job_state() {
        let (job, attempt, state) = (table.job(), table.attempt(), table.state());
        let reason = table.reason().map(str::to_owned);
        return Some(Ok(Message::JobState(JobState { job, attempt, state, reason })));
    }
    if let Some(table) = message.body_as_ask() {
        let (number, job, cancelled) = (table.number(), table.job(), table.cancelled());
        return Some(Ok(Message::Ask(Ask { number, job, cancelled })));
    }
    let table = message.body_as_refusal()?;
    let (ask, job, attempt, status) = (table.ask(), table.job(), table.attempt(), table.status());
    Some(Ok(Message::Refusal(Refusal { ask, job, attempt, status, sentence: table.sentence().to_owned() })))
}

fn job(table: fb::Job<'_>) -> Result<Job> {
    let densities = table.densities();
    let place = match densities.place() {
        fb::Place::Slot => Place::Slot,
        fb::Place::File => Place::File,
        fb::Place(other) => {
            return Err(value(format!(
                "the densities lie at place {other}, which this build does not know: update it"
            )));
        }
    };
    Ok(Job {
        ticket: table.ticket().to_owned(),
        selection: selection(table.selection()),
        densities: Densities {
            place,
            path: densities.path().map(str::to_owned),
            offset: densities.offset(),
            nx: densities.nx(),
            ny: densities.ny(),
            channels: densities.channels(),
            hash: densities.hash(),
        },
        attempt: table.attempt(),
        size_nm: table.size_nm(),
        lease_s: table.lease_s(),
        accepted: table.accepted().map(accepted).transpose()?.unwrap_or_default(),
        ask: table.ask(),
        note: table.note().map(str::to_owned),
    })
}

fn accepted(list: Vector<'_, ForwardsUOffset<fb::AcceptedWindows<'_>>>) -> Result<Vec<AcceptedWindows>> {
    let entry = |table: fb::AcceptedWindows<'_>| {
        let (first, last) = (table.first(), table.last());
        let runs: Vec<_> = first.iter().zip(last.iter()).collect();
        let ascending = runs.windows(2).all(|pair| pair[0].1 < pair[1].0);
        if first.len() != last.len() || !ascending || runs.iter().any(|run| run.0 > run.1) {
            return Err(value(format!(
                "the accepted windows of \"{}\" are no ascending runs: the writer is at fault",
                table.observable().escape_default()
            )));
        }
        Ok(AcceptedWindows { observable: table.observable().to_owned(), runs })
    };
    list.iter().map(entry).collect()
}

fn sample(table: fb::RdfSample<'_>) -> Result<RdfSample> {
    let shape: Vec<u32> = table.shape().iter().collect();
    let extents = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent as usize));
    if extents != Some(table.sums().len()) {
        return Err(value(format!(
            "a sample of shape {shape:?} has {} sums: the writer is at fault",
            table.sums().len()
        )));
    }
    Ok(RdfSample {
        job: table.job(),
        attempt: table.attempt(),
        observable: table.observable().to_owned(),
        window: table.window(),
        frames: table.frames(),
        shape,
        sums: table.sums().bytes().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
    })
}
