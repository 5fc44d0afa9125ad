//! The main job: the DDFT runs, patches are cut and streamed, the sampler selects, what it selected is simulated and comes
//! back as potentials, weights come last.
//!
//! `examples/ddft/main.cpp` is the same loop in C++, without simulations, and writes the same bytes: change both or none.
//! Not here: the physics ([`super::bridge`]), the files ([`super::output`]), what people read ([`super::summary`], what is
//! saved to go on after a kill ([`super::host`], [`super::resume`]), simulations and what they bring ([`super::micro`]).

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchstream::error::{Result, argument, busy};
use patchstream::patch::{
    Constellation, Field, Meta, Protein, ProteinKind, ProteinStates, Samples, cut, proteins_near, window_around,
    window_size,
};
use patchstream::stream::{Config, JobsConfig, Polled, Producer, Stream};

use super::bridge::Ddft;
use super::host::Saved;
use super::micro::{self, Closed};
use super::options::Options;
use super::output::Files;
use super::progress::Progress;
use super::resume::{self, Text};
use super::summary::{self, Done};

/// Edge of a patch in nm.
pub const PATCH_NM: f64 = 30.0;
/// Control patches lie at least this far from any protein, in nm.
const CONTROL_NM: f64 = 50.0;
/// Patch ids of a frame start at `frame * IDS_OF_FRAME + 1`.
const IDS_OF_FRAME: u64 = 4096;
/// The most proteins, RAF included, so that they and the control patches have ids in every frame.
const MAX_PROTEINS: usize = 4000;
/// How long a poll may take before it is asked again.
const POLL: Duration = Duration::from_millis(2);

/// How long a checkpoint may wait for another one.
const CHECKPOINT: Duration = Duration::from_secs(600);

/// Runs a campaign, or goes on with one, until its last step or until `stop` is set, writes its files and prints its
/// summary. Returns whether it was interrupted.
///
/// # Errors
/// Options that cannot be computed, a model that cannot be opened, a folder that is taken or no campaign's, and files that
/// cannot be written. All but a disk that fills up are found before the first step.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<bool> {
    let started = Instant::now();
    let text = match &options.resume {
        None => resume::begin(options)?,
        Some(folder) => match resume::find(folder)? {
            Some(text) => text,
            None => {
                summary::print(&format!(
                    "finished  {} holds a whole campaign: nothing is left to do\n",
                    folder.display()
                ));
                return Ok(false);
            }
        },
    };
    Campaign::open(text)?.all(started, stop)
}

/// A campaign that runs.
struct Campaign {
    options: Options,
    progress: Progress,
    stream: Stream,
    host: Host,
    files: Files,
    /// Micro simulations, if there are any.
    closed: Option<Closed>,
    done: Done,
    /// The next frame.
    frame: u64,
    /// What was saved last, without the membrane.
    saved: Saved,
}

impl Campaign {
    /// Opens everything: first what says that the options make sense, then the run, which is created with them in it.
    fn open(Text { options, text }: Text) -> Result<Self> {
        let ddft = Ddft::open(options.grid, options.proteins, options.seed)?;
        check_count(&ddft)?;
        let progress = Progress::new("step", options.steps);
        let n = window_size(PATCH_NM, ddft.spacing_nm());
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let config = Config {
            nx: n,
            ny: n,
            model: path(&options.model_path).unwrap_or_else(|| options.model.clone()),
            classifier: path(&options.classifier_path).or_else(|| options.classifier.clone()),
            capacity: Some(usize::try_from(options.capacity).unwrap_or(usize::MAX)),
            background: options.background,
            run_dir: Some(options.out.clone()),
            transport: options.micro.any().then(|| micro::transport(&options.out)),
            jobs: JobsConfig {
                note: options.micro.any().then(|| micro::note(&options.micro, options.seed)),
                ..JobsConfig::default()
            },
            feedback: options.micro.any().then(micro::feedback).transpose()?,
            ..Config::default()
        };
        let stream = Stream::builder().config(config.clone()).run_text(text).log(progress.log()).open()?;
        // From here on the run is this process's alone.
        let saved = if options.resume.is_some() { Saved::newest(&options.out)? } else { None };
        let mark = saved.as_ref().map(Saved::mark);
        stream.resume(mark.as_deref())?;
        let mut host = Host::new(ddft, stream.producer("ddft")?, n);
        let (files, saved) = match saved {
            None => (Files::create(&options.out)?, Saved::default()),
            Some(saved) => {
                host.ddft.restore(&saved.membrane)?;
                (Files::go_on(&options.out, saved.written)?, saved)
            }
        };
        let closed = match &config.transport {
            None => None,
            Some(transport) => {
                let rounds = saved.rounds.as_ref();
                Some(Closed::open(&options.micro, &options.out, transport, rounds)?)
            }
        };
        let (done, frame) = (Done::default(), saved.frame);
        let mut campaign = Self { options, progress, stream, host, files, closed, done, frame, saved };
        campaign.take_back();
        Ok(campaign)
    }

    /// Takes the counts from what was saved.
    fn take_back(&mut self) {
        let Self { saved, done, host, .. } = self;
        [host.sent, host.controls, done.rejected, done.patches, done.selected] = saved.counts;
        done.steps = saved.step;
        done.constellations =
            saved.selected.iter().map(|&(ras, raf, count)| (Constellation { ras, raf }, count)).collect();
        saved.membrane = Vec::new();
    }

    /// Saves everything under a mark. The stream's part is durable before the file that names the mark.
    fn save(&mut self, started: Instant) -> Result<()> {
        let written = self.files.written()?;
        let rounds = self.closed.as_mut().map(Closed::saved).transpose()?;
        let membrane = of_model(&mut self.closed, || self.host.ddft.state());
        let Self { host, done, saved, .. } = &*self;
        let kinds = done.constellations.iter();
        let next = Saved {
            serial: saved.serial + 1,
            step: done.steps,
            frame: self.frame,
            counts: [host.sent, host.controls, self.rejected(), done.patches, done.selected],
            selected: kinds.map(|(kind, count)| (kind.ras, kind.raf, *count)).collect(),
            seconds: saved.seconds + started.elapsed().as_secs_f64(),
            written,
            membrane,
            rounds,
        };
        // A round that ends without a mark would be held anew after a kill, with the weights of then.
        if !self.stream.checkpoint(&next.mark(), next.step, CHECKPOINT)? {
            return Err(busy(format!(
                "another checkpoint is written since {} s, so step {} has none: look at the disk, then go on with --resume",
                CHECKPOINT.as_secs(),
                next.step
            )));
        }
        of_model(&mut self.closed, || next.write(&self.options.out))?;
        self.saved.serial = next.serial;
        Ok(())
    }

    /// Patches that could not be taken in, before and since it was resumed.
    fn rejected(&self) -> u64 {
        self.saved.counts[2] + self.stream.stats().rejected.total()
    }

    /// All steps that are left, and the end.
    fn all(mut self, started: Instant, stop: &AtomicBool) -> Result<bool> {
        let host = &self.host;
        summary::print_start(&self.options, &host.ddft.proteins(), host.ddft.box_nm(), &self.stream);
        if self.done.steps > 0 {
            summary::print(&format!("resumed   after step {} of {}\n", self.done.steps, self.options.steps));
        }
        loop {
            let rounds = self.rounds(started, stop)?;
            if stop.load(Ordering::Relaxed) || !rounds {
                self.done.interrupted = self.done.steps < self.options.steps || !rounds;
                if self.done.interrupted {
                    self.save(started)?;
                }
                break;
            }
            if self.done.steps == self.options.steps {
                break;
            }
            self.step(started)?;
        }
        self.progress.finish();
        self.finish(started)
    }

    /// A step of the membrane, and what belongs to it.
    fn step(&mut self, started: Instant) -> Result<()> {
        let Self { host, closed, stream, progress, .. } = self;
        of_model(closed, || host.ddft.step())?;
        closed.as_mut().map_or(Ok(()), |closed| closed.look(stream, progress))?;
        let step = self.done.steps + 1;
        self.done.steps = step;
        if step % self.options.every == 0 {
            self.event(step)?;
            if self.options.save > 0 && self.frame.is_multiple_of(self.options.save) {
                self.save(started)?;
            }
        }
        let (done, closed) = (&self.done, &self.closed);
        self.progress.step(step, || {
            let more = closed.as_ref().map(Closed::progress).unwrap_or_default();
            format!("{} patches, {} selected{more}", done.patches, done.selected)
        });
        Ok(())
    }

    /// Ends the round of feedback that is due, if one is, and saves what it changed before anything follows from it.
    /// `false`: `stop` was set before it had all its simulations.
    fn rounds(&mut self, started: Instant, stop: &AtomicBool) -> Result<bool> {
        let Self { closed, done, stream, host, progress, .. } = self;
        let Some(closed) = closed.as_mut().filter(|closed| closed.is_due(done.steps)) else { return Ok(true) };
        if !closed.end_round(done.steps, stream, &mut host.ddft, progress, stop)? {
            return Ok(false);
        }
        self.save(started)?;
        Ok(true)
    }

    /// A frame is sent, and some of it selected.
    fn event(&mut self, step: i64) -> Result<()> {
        let Self { options, stream, host, files, closed, done, .. } = self;
        host.send_frame(stream, step, self.frame, options.controls)?;
        self.frame += 1;
        host.producer.end_step(step)?;
        while stream.poll(POLL)? == Polled::Again {}
        if let Some(selections) = stream.select(step, options.select as usize)? {
            files.add(&selections)?;
            if let Some(closed) = closed {
                closed.announce(&selections);
            }
            done.count(&selections.batch);
        }
        Ok(())
    }

    /// Weights, files, summary.
    fn finish(mut self, started: Instant) -> Result<bool> {
        let weights = self.stream.weights()?;
        self.done.rejected = self.rejected();
        let Self { options, stream, host, files, closed, mut done, saved, .. } = self;
        done.time_us = host.ddft.time_us();
        (done.sent, done.controls) = (host.sent, host.controls);
        done.seconds = saved.seconds + started.elapsed().as_secs_f64();
        let stats = stream.stats();
        let ended = closed.map(|closed| closed.end(&stream));
        let summary = summary::json(&options, &done, &stats, &stream, ended.as_ref());
        summary::print_end(&options, &done, &stats, &weights.weights, ended.as_ref());
        files.finish(&weights, &summary, ended.map(|ended| ended.tables))?;
        Ok(done.interrupted)
    }
}

/// That they and the control patches have ids in every frame.
fn check_count(ddft: &Ddft) -> Result<()> {
    let count = ddft.proteins().len();
    if count > MAX_PROTEINS {
        return Err(argument(format!("{count} proteins, RAF included: a campaign takes up to {MAX_PROTEINS}")));
    }
    Ok(())
}

/// Runs a part of the macro model, whose CPU time is counted with micro simulations.
fn of_model<T>(closed: &mut Option<Closed>, part: impl FnOnce() -> T) -> T {
    match closed {
        Some(closed) => closed.cpu.model(part),
        None => part(),
    }
}

/// The macro host: the model, and what it needs to send patches of it.
struct Host {
    ddft: Ddft,
    producer: Producer,
    states: ProteinStates,
    /// Grid points of a patch, each way.
    n: usize,
    /// The proteins of the patch under way.
    near: Vec<Protein>,
    /// Patches sent so far, and control patches among them.
    sent: u64,
    controls: u64,
}

impl Host {
    fn new(ddft: Ddft, producer: Producer, n: usize) -> Self {
        Self { ddft, producer, states: ProteinStates::default(), n, near: Vec::new(), sent: 0, controls: 0 }
    }

    /// Sends a patch around each RAS, then `controls` control patches, as many as there is a place for.
    fn send_frame(&mut self, stream: &Stream, step: i64, frame: u64, controls: u8) -> Result<()> {
        let proteins = self.ddft.proteins();
        let first = frame * IDS_OF_FRAME + 1;
        for (id, protein) in (first..).zip(&proteins) {
            if self.states.kind(protein.state) == Some(ProteinKind::Ras) {
                self.send(stream, id, step, [protein.x_nm, protein.y_nm], &proteins, None)?;
            }
        }
        for id in (first + proteins.len() as u64..).take(controls.into()) {
            if let Some(place) = self.ddft.control_point(CONTROL_NM) {
                self.send(stream, id, step, place, &[], Some("control"))?;
                self.controls += 1;
            }
        }
        Ok(())
    }

    /// Cuts one patch straight into the ring.
    fn send(
        &mut self,
        stream: &Stream,
        id: u64,
        step: i64,
        place_nm: [f64; 2],
        proteins: &[Protein],
        label: Option<&str>,
    ) -> Result<()> {
        let Self { ddft, producer, n, near, .. } = self;
        let (points, window) = (ddft.grid(), [*n, *n]);
        let grid = [points as i64; 2];
        let around = window_around(place_nm, grid, ddft.spacing_nm(), window)?;
        proteins_near(proteins, [ddft.box_nm(); 2], around.center_nm, PATCH_NM / 2.0, near)?;
        let (time_us, center_nm) = (ddft.time_us(), around.center_nm);
        let meta = Meta { id, step, time_us, center_nm, proteins: near, label, factor: None };
        let mut loan = loop {
            match producer.loan(&meta)? {
                Some(loan) => break loan,
                None => stream.poll(POLL)?, // the ring is full
            };
        };
        let plane = |channel| Samples::F64(ddft.plane(channel));
        let field = Field::planes(&plane, 0, [1, points as isize], points, points, Ddft::CHANNELS)?;
        cut(&field, [0, 0], grid, around.low, window, &mut loan)?;
        producer.commit(loan)?;
        self.sent += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
