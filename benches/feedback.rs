//! What feedback costs: counting pairs for g(r) of one frame, a table from the raw sums of a campaign's simulations, and one
//! that a stream publishes, with the weights of all its patches. `-- --test` is small and only asserts.
//!
//! Limits: counting reads every bead of the box once for each reference bead, and takes a root for each that is near; a
//! table reads all raw sums and their spreads once; its weights take a look-up of each unselected patch's state, and a search
//! among the simulations of that state. Not here: the weights of all selected (`dynim`).

use std::hint::black_box;
use std::time::{Duration, Instant};

use patchstream::feedback::{
    Bins, Feedback, Frame, Inversion, Mixing, NOT_COUNTED, RDF, RdfCounter, Sample, Settings, Simulation,
};
use patchstream::patch::{Field, Meta, Protein, Samples};
use patchstream::stream::{FeedbackConfig, Pushed, Stream};

const SPECIES: usize = 14;
const BOX: [f64; 2] = [30.0, 30.0];
const CUTOFF: f64 = 6.0;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    for references in [1, 2, 4, 8, 30, 3_000] {
        count(references, is_test);
    }
    let sizes: &[usize] = if is_test { &[50] } else { &[1_000, 10_000] };
    for &simulations in sizes {
        for blocks in [false, true] {
            table(simulations, blocks);
        }
    }
    invert(is_test);
    let [patches, picks, simulations] = if is_test { [2_000, 400, 400] } else { [2_000_000, 20_000, 10_000] };
    publish(patches, picks, simulations);
}

/// Pairs by definition.
fn plain(frame: &Frame<'_>, bins: Bins, counts: &mut [u64]) {
    for &reference in frame.references {
        let place = |bead: usize| [frame.positions[2 * bead], frame.positions[2 * bead + 1]];
        let [x, y] = place(reference as usize);
        for (bead, &species) in frame.species.iter().enumerate() {
            let [bx, by] = place(bead);
            let (dx, dy) = ((bx - x).abs(), (by - y).abs());
            let (dx, dy) = (dx.min(BOX[0] - dx), dy.min(BOX[1] - dy));
            let bin = ((dx * dx + dy * dy).sqrt() * (bins.count() as f64 / CUTOFF)) as usize;
            if bin < bins.count() && bead != reference as usize && species != NOT_COUNTED {
                counts[usize::from(species) * bins.count() + bin] += 1;
            }
        }
    }
}

fn count(references: usize, is_test: bool) {
    let mut random = Random(7);
    let bins = Bins::new(60, CUTOFF).unwrap();
    let beads = 3_000;
    let positions: Vec<f64> = (0..2 * beads).map(|_| BOX[0] * random.uniform()).collect();
    let mut species: Vec<u16> = (0..beads).map(|bead| (bead % SPECIES) as u16).collect();
    species[..references.min(30)].fill(NOT_COUNTED);
    let references: Vec<u32> = (0..references as u32).collect();
    let frame = Frame {
        box_nm: BOX,
        positions: &positions,
        stride: 2,
        species: &species,
        references: &references,
        wrap: false,
    };
    let mut counter = RdfCounter::new(SPECIES, bins).unwrap();
    counter.count(&frame).unwrap();
    let mut expected = vec![0; SPECIES * bins.count()];
    plain(&frame, bins, &mut expected);
    assert_eq!(counter.counts(), expected);
    if is_test {
        return;
    }
    let repeats = if references.len() > 100 { 20 } else { 2_000 };
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        ours.push(timed(|| counter.count(black_box(&frame)).unwrap()));
        others.push(timed(|| plain(black_box(&frame), bins, &mut expected)));
    }
    let (ours, others) = (median(ours), median(others));
    println!(
        "feedback/rdf/frame/{beads}x{SPECIES}x{}: {:.1} us, plain double loop {:.1} us ({:.1} x)",
        references.len(),
        ours * 1e6,
        others * 1e6,
        others / ours
    );
}

fn table(simulations: usize, blocks: bool) {
    let mut random = Random(9);
    let (lipids, bins) = (SPECIES, Bins::new(600, 12.0).unwrap());
    let names = |what: &str, count: usize| (0..count).map(|at| format!("{what}{at}")).collect::<Vec<_>>();
    let settings = Settings { blocks, ..Settings::new(names("state", 2), names("lipid", lipids), bins) };
    let mut feedback = Feedback::new(settings).unwrap();
    let shape = [lipids as u32, 600];
    let windows = 2;
    let mut sums = vec![0.0; lipids * 600];
    for job in 1..=simulations as u64 {
        let state = Some((job % 2) as u16);
        let densities_nm2 = vec![0.25; lipids];
        feedback.announce(Simulation { job, state, alone: true, references: 1, densities_nm2 }).unwrap();
        for window in 0..windows {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = (100.0 * 0.25 * bins.area_nm2(at % 600) * (0.5 + random.uniform())).round();
            }
            feedback.submit(&Sample { job, observable: RDF, window, frames: 100, shape: &shape, sums: &sums }).unwrap();
        }
    }
    let weight = |job: &u64| 1.0 + (job * 7919 % 100) as f64;
    let form = |feedback: &Feedback| feedback.form(|_, jobs| Ok(jobs.iter().map(weight).collect())).unwrap();
    // One value of each state by definition.
    let table = form(&feedback);
    for state in 0..2 {
        let (mut sum, mut of) = (0.0, 0.0);
        for job in feedback.jobs(state) {
            let (frames, sums) = feedback.collected().sums(RDF, job).unwrap();
            sum += weight(&job) * sums[3 * 600 + 77] / frames as f64;
            of += weight(&job) * 0.25 * bins.area_nm2(77);
        }
        assert!((table.g_of(state.into(), 3)[77] / (sum / of) - 1.0).abs() < 1e-12);
    }
    let seconds = median((0..3).map(|_| timed(|| drop(black_box(form(&feedback))))).collect());
    let bytes = feedback.collected().bytes();
    println!(
        "feedback/table/{}/{simulations}x{lipids}x600: {:.0} ms, raw sums {:.0} MB; of 120,000 simulations {:.1} GB",
        if blocks { "blocks" } else { "plain" },
        seconds * 1e3,
        bytes as f64 / 1e6,
        bytes as f64 / simulations as f64 * 120_000.0 / 1e9
    );
}

fn invert(is_test: bool) {
    let bins = Bins::new(600, 12.0).unwrap();
    let mixing =
        Mixing::Gaussian { a_nm2: vec![0.9; SPECIES * SPECIES], sigma_nm: 0.9, densities_nm2: vec![0.1; SPECIES] };
    let inversion = Inversion::new(mixing);
    let started = Instant::now();
    let prepared = inversion.prepare(SPECIES, bins).unwrap();
    let preparing = started.elapsed().as_secs_f64();
    let g = vec![1.0; SPECIES * 600];
    assert!(prepared.potential_kt(&g).unwrap().iter().all(|potential| potential.abs() < 1e-12));
    let seconds = median((0..5).map(|_| timed(|| drop(black_box(prepared.potential_kt(&g).unwrap())))).collect());
    if !is_test {
        println!("feedback/invert/{SPECIES}x600: {:.1} ms, once before {:.0} ms", seconds * 1e3, preparing * 1e3);
    }
}

/// A stream of `patches` with single proteins of 18 states, `picks` of them selected, `simulations` of those with results.
/// Densities follow three numbers, so that points lie on a surface.
fn publish(patches: u64, picks: u64, simulations: u64) {
    let mut random = Random(11);
    let densities_nm2 = Some(vec![0.25; SPECIES]);
    let options =
        FeedbackConfig { bins: 600, cutoff_nm: 12.0, densities_nm2, blocks: false, ..FeedbackConfig::default() };
    let stream = Stream::builder().grid(5, 5).model("mean").feedback(options).open().unwrap();
    let mut producer = stream.producer("bench").unwrap();
    let (events, mut selected) = (100, Vec::new());
    for id in 1..=patches {
        let [u, v, w] = [random.uniform(), random.uniform(), random.uniform()].map(|x| x as f32);
        let densities: Vec<f32> = (0..25 * SPECIES)
            .map(|at| [u, v, w][at % SPECIES % 3] * (1.0 + (at % SPECIES) as f32 / 14.0) + 0.1 * u * v)
            .collect();
        let field = Field::interleaved(Samples::F32(&densities), 5, 5, SPECIES).unwrap();
        let proteins = [Protein { id: 1, state: (id % 18) as i32, partner: -1, x_nm: 0.0, y_nm: 0.0 }];
        let meta = Meta { id, proteins: &proteins, ..Meta::default() };
        while matches!(producer.push(&meta, &field).unwrap(), Pushed::Full) {
            stream.poll(Duration::ZERO).unwrap();
        }
        if id % (patches / events) == 0 {
            let batch = stream.select(0, (picks / events) as usize).unwrap().unwrap().batch;
            selected.extend(batch.selections.iter().map(|selection| selection.id));
        }
    }
    assert_eq!(selected.len() as u64, picks);
    let shape = [SPECIES as u32, 600];
    let mut sums = vec![0.0; SPECIES * 600];
    for &job in selected.iter().step_by((picks / simulations) as usize) {
        sums.iter_mut().for_each(|sum| *sum = (100.0 * random.uniform()).round());
        stream
            .submit_sample(&Sample { job, observable: RDF, window: 0, frames: 9, shape: &shape, sums: &sums })
            .unwrap();
    }
    let draft = || stream.draft_feedback(|_| true).unwrap();
    let means = || (0..18).map(|state| stream.mean(RDF, Some(state)).unwrap()).collect::<Vec<_>>();
    // The first of them finds the nearest of S to each patch, which is kept.
    let first = timed(|| drop(black_box(draft())));
    let (table, means_of) = (draft(), means());
    let bins = Bins::new(600, 12.0).unwrap();
    for (state, mean) in means_of.iter().enumerate() {
        assert_eq!((mean.simulations, mean.effective), (table.simulations[state], table.effective_samples[state]));
        let g = mean.values[3 * 600 + 77] / 0.25 / bins.area_nm2(77);
        assert!((table.g_of(state, 3)[77] / g - 1.0).abs() < 1e-12);
    }
    assert_eq!(table.simulations.iter().sum::<u64>(), simulations);
    let once = median((0..3).map(|_| timed(|| drop(black_box(draft())))).collect());
    let each = median((0..3).map(|_| timed(|| drop(black_box(means())))).collect());
    println!(
        "feedback/publish/{patches}x{picks}x{simulations}x18: {:.0} ms, the first {:.0} ms; a pass for each state {:.0} ms",
        once * 1e3,
        first * 1e3,
        each * 1e3
    );
}

fn timed(what: impl FnOnce()) -> f64 {
    let started = Instant::now();
    what();
    started.elapsed().as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}
