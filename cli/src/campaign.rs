//! The main job: the DDFT runs, patches are cut and streamed, the sampler selects, weights come last.
//!
//! `examples/ddft/main.cpp` is the same loop in C++ and writes the same bytes: change both or none.
//! Not here: the physics ([`super::bridge`]), the files ([`super::output`]), what people read ([`super::summary`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchstream::error::{Result, argument};
use patchstream::patch::{
    Field, Meta, Protein, ProteinKind, ProteinStates, Samples, cut, proteins_near, window_around, window_size,
};
use patchstream::stream::{Config, Polled, Producer, Stream};

use super::bridge::Ddft;
use super::options::Options;
use super::output::Files;
use super::progress::Progress;
use super::summary::{self, Done};

/// Edge of a patch in nm.
const PATCH_NM: f64 = 30.0;
/// Control patches lie at least this far from any protein, in nm.
const CONTROL_NM: f64 = 50.0;
/// Patch ids of a frame start at `frame * IDS_OF_FRAME + 1`.
const IDS_OF_FRAME: u64 = 4096;
/// The most proteins, RAF included, so that they and the control patches have ids in every frame.
const MAX_PROTEINS: usize = 4000;
/// How long a poll may take before it is asked again.
const POLL: Duration = Duration::from_millis(2);

/// Runs a campaign until its last step or until `stop` is set, writes its files and prints its summary. Returns whether
/// it was interrupted.
///
/// # Errors
/// Options that cannot be computed, a model that cannot be opened, and files that cannot be written. All but a disk that
/// fills up are found before the first step.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<bool> {
    let started = Instant::now();
    let ddft = Ddft::open(options.grid, options.proteins, options.seed)?;
    let progress = Progress::new("step", options.steps);
    let n = window_size(PATCH_NM, ddft.spacing_nm());
    let config = Config {
        nx: n,
        ny: n,
        model: options.model.clone(),
        classifier: options.classifier.clone(),
        capacity: Some(usize::try_from(options.capacity).unwrap_or(usize::MAX)),
        background: options.background,
        ..Config::default()
    };
    let stream = Stream::builder().config(config).log(progress.log()).open()?;
    let mut host = Host::new(ddft, stream.producer("ddft")?, n)?;
    let mut files = Files::create(&options.out)?;
    summary::print_start(options, &host.ddft.proteins(), host.ddft.box_nm(), &stream);

    let mut done = Done::default();
    let mut frame = 0;
    for step in 1..=options.steps {
        if stop.load(Ordering::Relaxed) {
            done.interrupted = true;
            break;
        }
        host.ddft.step()?;
        if step % options.every == 0 {
            host.send_frame(&stream, step, frame, options.controls)?;
            frame += 1;
            host.producer.end_step(step)?;
            while stream.poll(POLL)? == Polled::Again {}
            if let Some(selections) = stream.select(step, options.select as usize)? {
                files.add(&selections)?;
                done.count(&selections.batch);
            }
        }
        done.steps = step;
        progress.step(step, || format!("{} patches, {} selected", done.patches, done.selected));
    }
    progress.finish();

    let weights = stream.weights()?;
    done.time_us = host.ddft.time_us();
    done.controls = host.controls;
    done.seconds = started.elapsed().as_secs_f64();
    let stats = stream.stats();
    files.finish(&weights, &summary::json(options, &done, &stats, &stream))?;
    summary::print_end(options, &done, &stats, &weights.weights);
    Ok(done.interrupted)
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
    /// Control patches sent so far.
    controls: u64,
}

impl Host {
    fn new(ddft: Ddft, producer: Producer, n: usize) -> Result<Self> {
        let count = ddft.proteins().len();
        if count > MAX_PROTEINS {
            return Err(argument(format!("{count} proteins, RAF included: a campaign takes up to {MAX_PROTEINS}")));
        }
        Ok(Self { ddft, producer, states: ProteinStates::default(), n, near: Vec::new(), controls: 0 })
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
        Ok(())
    }
}
