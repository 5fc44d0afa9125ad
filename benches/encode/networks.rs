//! The networks of the papers with seeded params, in every back-end and on every instruction set of this processor.
//!
//! In L2 is a patch that is encoded again and again. From DRAM is one of 8,192 copies, 628 MB, that are visited in an order
//! that jumps about, so that each has left the caches before it comes round.
//! Not here: how time is taken ([`super::timing`]).

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use patchstream::encode::{BackendChoice, Isa, Model, OpenOptions};
use patchstream::patch::PatchView;

use crate::models::{Files, fingerprint, metric, vae};
use crate::naive::{naive_fingerprint, naive_metric, naive_vae};
use crate::patches::random_patch;
use crate::timing::{Call, Effort, Time, in_turn, read};

/// The most that a coordinate may be away from float64 arithmetic, relative to the points' scale.
const LARGEST_DIFFERENCE: f64 = 1e-5;

/// Patches in memory, a power of two, and how many are passed over from one to the next, an odd number.
const FAR: (usize, usize) = (8192, 4099);

/// Times all of them.
pub fn all(effort: Effort) {
    let params = metric::Params::seeded(metric::SEED);
    let network = Network::open(effort, metric::files(), |densities| naive_metric(&params, densities));
    network.one(None, "budget 8.5 us AVX-512, 16 us AVX2");
    network.far();
    network.sixteen("");
    network.load();

    for (size, budget) in [(fingerprint::SMALL, ""), (fingerprint::LARGE, "budget 45 us AVX-512")] {
        let params = size.seeded(fingerprint::SEED);
        let network = Network::open(effort, size.files(), |densities| naive_fingerprint(&params, densities));
        network.one(None, budget);
        network.sixteen("");
        network.load();
    }

    let params = vae::Params::seeded(vae::SEED);
    let count = params.conv.len() + params.dense.iter().map(|dense| dense.params.len()).sum::<usize>();
    let network = Network::open(effort, vae::files(), |densities| naive_vae(&params, densities));
    network.one(Some(count * size_of::<f32>()), "budget 1.3 x a read of the params");
    network.sixteen("budget 10 us");
    network.load();
}

/// A way to run a network, and the model that does.
struct Way {
    name: String,
    options: OpenOptions,
    model: Model,
    /// The largest difference from float64 arithmetic, relative to the points' scale.
    difference: f64,
}

struct Network {
    effort: Effort,
    path: PathBuf,
    /// The fused plan, the fastest instruction set first; then tract, folded and as exported, if that is built in.
    ways: Vec<Way>,
    /// Sixteen patches.
    patches: Vec<Vec<f32>>,
}

impl Network {
    /// Opens a network in every way, each held to `naive`.
    fn open(effort: Effort, files: Files, naive: impl Fn(&[f32]) -> Vec<f64>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-encode");
        fs::create_dir_all(&folder).expect("a folder for the models");
        let path = files.write(&folder).expect("room for the model");
        let mut all: Vec<OpenOptions> = Vec::new();
        for isa in Isa::available() {
            all.push(OpenOptions { backend: BackendChoice::Fused, isa: Some(isa), ..OpenOptions::default() });
        }
        if cfg!(feature = "tract") {
            for backend in [BackendChoice::Tract, BackendChoice::AsExported] {
                all.push(OpenOptions { backend, ..OpenOptions::default() });
            }
        }
        let side = open(&path, &all[0]).shape().nx;
        let patches: Vec<Vec<f32>> = (0..16).map(|seed| random_patch(seed, side)).collect();
        let right: Vec<Vec<f64>> =
            patches.iter().take(if effort == Effort::Once { 2 } else { 16 }).map(|patch| naive(patch)).collect();
        let ways = all.into_iter().map(|options| Way::held(open(&path, &options), options, &patches, &right)).collect();
        println!("\n{}", files.name);
        let network = Self { effort, path, ways, patches };
        for way in &network.ways {
            println!("  {:20} differs from float64 by {:.1e} of the points' scale", way.name, way.difference);
        }
        network
    }

    /// One patch in L2, beside a read of `params` bytes if it takes that anyway.
    fn one(&self, params: Option<usize>, note: &str) {
        let words = vec![1_u64; params.unwrap_or(0) / size_of::<u64>()];
        let mut calls: Vec<Call<'_>> = Vec::new();
        for way in &self.ways {
            let mut point = vec![0.0; way.model.dim()];
            calls.push(Box::new(move || way.encode(&self.patches[0], &mut point)));
        }
        if params.is_some() {
            calls.push(Box::new(|| _ = black_box(read(&words))));
        }
        let times = in_turn(self.effort, calls);
        self.say("one patch in L2", note, &times);
        if let Some(bytes) = params {
            let (plan, read) = (times[0], times[times.len() - 1]);
            println!(
                "    a plain read of the params: {:.1} us, {:.0} GB/s; the plan takes {:.2} x that (medians {:.2} x)",
                read.fastest,
                bytes as f64 * 1e-3 / read.fastest,
                plan.fastest / read.fastest,
                plan.median / read.median
            );
        }
    }

    /// One patch from DRAM, beside a read of it.
    fn far(&self) {
        let (count, jump) = if self.effort == Effort::Once { (2, 1) } else { FAR };
        let length = self.patches[0].len();
        let many: Vec<f32> = self.patches[0].iter().copied().cycle().take(count * length).collect();
        let words: Vec<u64> = if self.effort == Effort::Once { vec![1; length] } else { vec![1; many.len() / 2] };
        let mut calls: Vec<Call<'_>> = Vec::new();
        for way in &self.ways {
            let (mut point, mut at, many) = (vec![0.0; way.model.dim()], 0, &many);
            calls.push(Box::new(move || {
                at = (at + jump) % count;
                way.encode(&many[at * length..][..length], &mut point);
            }));
        }
        let mut at = 0;
        calls.push(Box::new(|| {
            at = (at + jump) % count;
            black_box(read(&words[at * (length / 2)..][..length / 2]));
        }));
        let times = in_turn(self.effort, calls);
        self.say("one patch from DRAM", "", &times);
        let read = times[times.len() - 1];
        println!("    a plain read of the patch: {:.1} us (median {:.1})", read.fastest, read.median);
    }

    /// Sixteen patches in one call; times are of one patch.
    fn sixteen(&self, note: &str) {
        let shape = self.ways[0].model.shape();
        let view = |densities| PatchView { shape, densities, proteins: &[] };
        let views: Vec<PatchView<'_>> = self.patches.iter().map(|patch| view(&patch[..])).collect();
        let mut calls: Vec<Call<'_>> = Vec::new();
        for way in &self.ways {
            let (mut points, views) = (vec![0.0; 16 * way.model.dim()], &views);
            calls.push(Box::new(move || {
                way.model.encode_many(black_box(views), black_box(&mut points)).expect("sound patches");
            }));
        }
        let mut times = in_turn(self.effort, calls);
        times.iter_mut().for_each(|time| *time = Time { fastest: time.fastest / 16.0, median: time.median / 16.0 });
        self.say("one of sixteen patches together", note, &times);
    }

    /// Opening the model's files.
    fn load(&self) {
        let mut calls: Vec<Call<'_>> = Vec::new();
        // The instruction set makes no difference.
        let ways: Vec<&Way> = self.ways.iter().take(1).chain(self.ways.iter().skip(Isa::available().len())).collect();
        for way in &ways {
            calls.push(Box::new(|| _ = black_box(open(&self.path, &way.options))));
        }
        println!("  opening the model: budget 20 ms");
        for (way, time) in ways.iter().zip(in_turn(self.effort.less(), calls)) {
            println!("    {:20} {:8.2} {:8.2} ms", way.name, time.fastest * 1e-3, time.median * 1e-3);
        }
    }

    /// Prints a table: each way's times, and how many times as long tract takes.
    fn say(&self, what: &str, note: &str, times: &[Time]) {
        let columns = "fastest   median  us   tract folded   as exported";
        println!("{}", format!("  {what:44}  {columns}   {note}").trim_end());
        let time_of =
            |backend| self.ways.iter().position(|way| way.options.backend == backend).map(|k| times[k].fastest);
        let general = [BackendChoice::Tract, BackendChoice::AsExported].map(time_of);
        for (way, time) in self.ways.iter().zip(times) {
            let [folded, exported] =
                general.map(|tract| tract.map_or("-".into(), |tract| format!("{:.1} x", tract / time.fastest)));
            println!("    {:42} {:8.2} {:8.2}     {folded:>12}  {exported:>12}", way.name, time.fastest, time.median);
        }
    }
}

impl Way {
    /// Holds a model to the points that are right.
    fn held(model: Model, options: OpenOptions, patches: &[Vec<f32>], right: &[Vec<f64>]) -> Self {
        let name = match options.backend {
            BackendChoice::Tract => "tract, folded",
            BackendChoice::AsExported => "tract, as exported",
            _ => model.backend(),
        };
        let mut way = Self { name: name.into(), options, model, difference: 0.0 };
        let scale = right.iter().flatten().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        let mut point = vec![0.0; way.model.dim()];
        for (patch, right) in patches.iter().zip(right) {
            way.encode(patch, &mut point);
            for (value, right) in point.iter().zip(right) {
                way.difference = way.difference.max((f64::from(*value) - right).abs() / scale);
            }
        }
        assert!(way.difference <= LARGEST_DIFFERENCE, "{}: {:.1e} from float64", way.name, way.difference);
        way
    }

    fn encode(&self, densities: &[f32], point: &mut [f32]) {
        let patch = PatchView { shape: self.model.shape(), densities, proteins: &[] };
        self.model.encode(black_box(patch), black_box(point)).expect("a sound patch");
    }
}

fn open(path: &Path, options: &OpenOptions) -> Model {
    Model::open_with(path.to_str().expect("a path in UTF-8"), None, options).expect("a sound model")
}
