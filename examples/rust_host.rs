//! A macro host in Rust, small and whole: a continuum model, patches, selection, micro simulations in this process,
//! feedback, checkpoints. `cargo run --release --example rust_host -- RUN` goes on with the run after any end.
//!
//! Two lipids relax around eight proteins, in a potential that the model does not know at first. The micro model does:
//! there lipids gather by [`truth`]. nm, steps. Not here: a DDFT (`examples/ddft`), molecular dynamics (`examples/md`).

use patchstream::error::{Result, io};
use patchstream::feedback::{Bins, Frame, NOT_COUNTED, RDF, RdfCounter, Sample};
use patchstream::patch::{Field, Meta, Protein, Samples, cut, window_around};
use patchstream::stream::{Config, FeedbackConfig, InversionConfig, SpeciesConfig, Stream};

const GRID: usize = 96;
const SPACING_NM: f64 = 30.0 / 36.0;
const BOX_NM: f64 = 80.0;
const DENSITY_NM2: f64 = 0.3;
const BINS: usize = 20;
const CUTOFF_NM: f64 = 6.0;
const PROTEINS: [Protein; 1] = [Protein { id: 1, state: 0, partner: -1, x_nm: 0.0, y_nm: 0.0 }];

/// g(r) of the micro model.
fn truth(lipid: usize, r_nm: f64) -> f64 {
    1.0 + [1.5, -0.6][lipid] * (-0.5 * r_nm * r_nm).exp()
}

/// A number in 0 .. 1 that only the seed decides (Knuth, The Art of Computer Programming, 3.3.4).
fn random(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1_u64 << 53) as f64
}

/// One step: proteins wander, densities relax to what `potential_kt`, `[lipid * BINS + bin]`, asks for, with some noise.
fn advance(proteins: &mut [f64], density: &mut [f64], potential_kt: &[f64], step: i64) {
    let mut seed = step as u64;
    proteins.iter_mut().for_each(|x| *x = (*x + 2.0 * random(&mut seed) - 1.0).rem_euclid(BOX_NM));
    for (at, value) in density.iter_mut().enumerate() {
        let (lipid, pixel) = (at % 2, [at / 2 % GRID, at / 2 / GRID].map(|i| i as f64 * SPACING_NM));
        let near = |a: f64, b: f64| (a - b).abs().min(BOX_NM - (a - b).abs());
        let r_nm = proteins.chunks_exact(2).map(|p| near(p[0], pixel[0]).hypot(near(p[1], pixel[1])));
        let bins = r_nm.map(|r_nm| (r_nm / CUTOFF_NM * BINS as f64) as usize).filter(|&bin| bin < BINS);
        let sum: f64 = bins.map(|bin| potential_kt[lipid * BINS + bin]).sum();
        *value += 0.3 * (DENSITY_NM2 * (-sum).exp() - *value) + 0.01 * (random(&mut seed) - 0.5);
    }
}

/// Pair counts of a micro simulation: 200 frames of 270 lipids each around one protein, in a box of 30 nm.
fn simulate(id: u64) -> Result<RdfCounter> {
    let mut rdf = RdfCounter::new(2, Bins::new(BINS, CUTOFF_NM)?)?;
    let (mut seed, kinds) = (id, [vec![NOT_COUNTED], vec![0; 270], vec![1; 270]].concat());
    for _ in 0..200 {
        let mut xy = vec![15.0, 15.0];
        while let Some(&lipid) = kinds.get(xy.len() / 2) {
            let place = [30.0 * random(&mut seed), 30.0 * random(&mut seed)];
            let kept = 2.5 * random(&mut seed) < truth(lipid.into(), (place[0] - 15.0).hypot(place[1] - 15.0));
            xy.extend(place.into_iter().filter(|_| kept));
        }
        let (box_nm, positions) = ([30.0, 30.0], &xy[..]);
        rdf.count(&Frame { box_nm, positions, stride: 2, species: &kinds, references: &[0], wrap: false })?;
    }
    Ok(rdf)
}

/// Runs up to `steps`, and says how far the model's g(r) is from the micro model's after each table.
pub fn host(run: &std::path::Path, steps: i64) -> Result<Vec<String>> {
    let inversion = InversionConfig { smoothing_nm: 0.0, switch_nm: 1.0, ..InversionConfig::default() };
    let (bins, cutoff_nm, densities_nm2) = (BINS, CUTOFF_NM, Some(vec![DENSITY_NM2; 2]));
    let feedback = FeedbackConfig { bins, cutoff_nm, densities_nm2, inversion: Some(inversion), ..Default::default() };
    let species = SpeciesConfig { names: vec!["gathers".into(), "leaves".into()], inner: 2 };
    let config = Config { model: "mean".into(), species: Some(species), feedback: Some(feedback), ..Config::default() };
    let stream = Stream::builder().config(config).run_dir(run).open()?;
    // The model's own checkpoint: its step, the places of eight proteins, all densities.
    let (file, new) = (run.with_extension("host"), run.with_extension("new"));
    let bytes = std::fs::read(&file).unwrap_or_default();
    let mut state: Vec<f64> = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight"))).collect();
    let begun = state.first().map_or(0, |step| *step as i64);
    stream.resume((begun > 0).then(|| format!("step {begun}")).as_deref())?;
    let initial = (0..17).map(|at| 9.0 * at as f64).chain(vec![DENSITY_NM2; 2 * GRID * GRID]);
    state.extend(initial.filter(|_| begun == 0));
    let (mut kt, mut lines, mut producer) = (vec![0.0; 2 * BINS], Vec::new(), stream.producer("model")?);
    for step in begun + 1..=steps {
        if let Some(table) = stream.feedback(step)? {
            kt = (0..2 * BINS).map(|at| *table.potential_of(0, at / BINS).get(at % BINS).unwrap_or(&kt[at])).collect();
            let off = |at: usize| (-kt[at]).exp() - truth(at / BINS, table.r_nm[at % BINS]);
            let rms = ((0..2 * BINS).map(|at| off(at).powi(2)).sum::<f64>() / (2 * BINS) as f64).sqrt();
            lines.push(format!("table {} of {} simulations: off by {rms:.4}", table.version, table.simulations[0]));
        }
        let (proteins, density) = state[1..].split_at_mut(16);
        advance(proteins, density, &kt, step);
        let field = Field::interleaved(Samples::F64(density), GRID, GRID, 2)?;
        for (at, place) in proteins.chunks_exact(2).enumerate() {
            let window = window_around([place[0], place[1]], [GRID as i64; 2], SPACING_NM, [37, 37])?;
            let id = step as u64 * 8 + at as u64;
            let meta = Meta { id, step, center_nm: window.center_nm, proteins: &PROTEINS, ..Meta::default() };
            let mut loan = producer.loan(&meta)?.expect("eight patches fit into the ring");
            cut(&field, [0, 0], [GRID as i64; 2], window.low, [37, 37], &mut loan)?;
            producer.commit(loan)?;
        }
        let picks = stream.select(step, usize::from(step % 5 == 0) * 2)?.expect("the only producer has ended the step");
        for selected in picks.batch.selections {
            let rdf = simulate(selected.id)?;
            let (job, frames, shape, sums) = (selected.id, rdf.frames(), [2, BINS as u32], rdf.sums());
            stream.submit_sample(&Sample { job, observable: RDF, window: 0, frames, shape: &shape, sums: &sums })?;
        }
        if step % 10 == 0 {
            stream.publish_feedback(step, step + 1)?;
            while !stream.checkpoint(&format!("step {step}"), step, std::time::Duration::from_secs(60))? {}
            state[0] = step as f64;
            let bytes: Vec<u8> = state.iter().flat_map(|number| number.to_le_bytes()).collect();
            let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, &file));
            written.map_err(|error| io(error.to_string()))?;
        }
    }
    Ok(lines)
}

#[allow(dead_code, reason = "tests call the host itself")]
fn main() -> Result<()> {
    let run = std::env::args().nth(1).unwrap_or_else(|| "rust_host_run".into());
    host(run.as_ref(), 40).map(|lines| println!("{}", lines.join("\n")))
}
