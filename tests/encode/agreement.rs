//! Files of real exporters in every back-end, against what their own framework made of two patches.
//!
//! Files: `tests/fixtures/networks/`. Each is opened bare and with a card that normalises.
//! Not here: how they fold (unit tests of `src/encode/fold/`), the seeded networks ([`crate::seeded`]).

use std::fs;
use std::path::{Path, PathBuf};

use patchstream::encode::{BackendChoice, Isa, Layout, Model, OpenOptions};
use patchstream::patch::{PatchView, Shape};

use crate::models::card::sha256;

const EXPORTERS: [&str; 5] = ["torch_torchscript", "torch_dynamo", "keras", "tf2onnx", "jax"];

/// Name, grid points a side, values of a point.
const NETWORKS: [(&str, usize, usize); 3] = [("metric", 37, 9), ("classifier", 19, 6), ("vae", 5, 5)];

/// What a card with constants subtracts and divides by: powers of two, so that no more than one rounding comes of it.
const CONSTANTS: (f64, f64) = (0.5, 0.25);

/// One exported network.
struct Fixture {
    path: PathBuf,
    side: usize,
    layout: Layout,
    /// What its framework made of patches 0 and 1.
    points: [Vec<f64>; 2],
}

impl Fixture {
    fn read(exporter: &str, (network, side, dim): (&str, usize, usize)) -> Self {
        let name = format!("{exporter}_{network}.onnx");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks").join(name);
        let output = fs::read(path.with_extension("output")).unwrap();
        let values: Vec<f64> = output.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect();
        assert_eq!(values.len(), 2 * dim);
        let layout = if exporter.starts_with("torch") { Layout::Chw } else { Layout::Hwc };
        Self { path, side, layout, points: [values[..dim].to_vec(), values[dim..].to_vec()] }
    }

    /// The densities that `offset` and `divisor` turn into patch `k` by the formula of the folder's README, which counts in
    /// the order of the network's own input.
    fn densities(&self, k: u64, (offset, divisor): (f64, f64)) -> Vec<f32> {
        let pixels = self.side * self.side;
        let density = |at: usize| {
            let (pixel, c) = (at / 14, at % 14);
            let i = if self.layout == Layout::Chw { c * pixels + pixel } else { at } as u64;
            let mut h = (i + 1_000_003 * k + 1).wrapping_mul(2_654_435_761) & 0xffff_ffff;
            h ^= h >> 15;
            h = h.wrapping_mul(2_246_822_519) & 0xffff_ffff;
            h ^= h >> 13;
            (((h >> 8) as f64 / f64::from(1 << 23) - 1.0) * divisor + offset) as f32
        };
        (0..pixels * 14).map(density).collect()
    }

    /// Copies the network into `folder` with a card beside it that normalises by [`CONSTANTS`].
    fn with_card(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.path.file_name().unwrap());
        let onnx = fs::read(&self.path).unwrap();
        fs::write(&path, &onnx).unwrap();
        let list = |value: f64| vec![value.to_string(); 14].join(", ");
        let names: Vec<String> = (0..14).map(|c| format!("\"C{c}\"")).collect();
        let card = format!(
            "format = 1\nname = \"net\"\nsha256 = \"{}\"\ntrained = false\ntraining = \"none\"\nlatent_dimension = {}\n\
             [input]\nnx = {side}\nny = {side}\nlayout = \"{}\"\nchannels = [{}]\n\
             [normalise]\nkind = \"standardise\"\nmean = [{}]\ndeviation = [{}]\n",
            sha256(&onnx),
            self.points[0].len(),
            if self.layout == Layout::Chw { "chw" } else { "hwc" },
            names.join(", "),
            list(CONSTANTS.0),
            list(CONSTANTS.1),
            side = self.side,
        );
        fs::write(path.with_extension("toml"), card).unwrap();
        path
    }

    /// Holds a model of it to its framework, within 1e-5 of the points' scale.
    fn check(&self, model: &Model, constants: (f64, f64)) {
        let what = format!("{} in {}", self.path.display(), model.backend());
        let shape = Shape::new(self.side, self.side, 14).unwrap();
        assert_eq!((model.shape(), model.card().input.layout), (shape, self.layout), "{what}");
        let patches = [0, 1].map(|k| self.densities(k, constants));
        let views = [0, 1].map(|k| PatchView { shape, densities: &patches[k], proteins: &[] });
        let mut points = vec![f32::NAN; 2 * model.dim()];
        model.encode_many(&views, &mut points).unwrap();
        let expected = self.points.concat();
        let scale = expected.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        assert!(scale > 0.1, "{what}: points that prove little");
        for (j, (value, expected)) in points.iter().zip(&expected).enumerate() {
            let error = (f64::from(*value) - expected).abs();
            assert!(error <= 1e-5 * scale, "{what}: value {j} is {value} where {expected} is right, at scale {scale}");
        }
    }
}

/// Every way to run a network: the plan on each instruction set, then tract, folded and as exported.
fn ways() -> Vec<OpenOptions> {
    let way = |backend, isa| OpenOptions { backend, isa, bare: true, ..OpenOptions::default() };
    let mut ways: Vec<_> = Isa::available().into_iter().map(|isa| way(BackendChoice::Fused, Some(isa))).collect();
    if cfg!(feature = "tract") {
        ways.extend([BackendChoice::Tract, BackendChoice::AsExported].map(|backend| way(backend, None)));
    }
    ways
}

fn open(path: &Path, options: &OpenOptions) -> Model {
    Model::open_with(path.to_str().unwrap(), None, options).unwrap()
}

#[test]
fn exports_of_every_framework_give_its_points_in_every_back_end() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode-agreement");
    fs::create_dir_all(&folder).unwrap();
    let auto = OpenOptions { bare: true, ..OpenOptions::default() };
    for exporter in EXPORTERS {
        for network in NETWORKS {
            let fixture = Fixture::read(exporter, network);
            for (path, constants) in [(fixture.path.clone(), (0.0, 1.0)), (fixture.with_card(&folder), CONSTANTS)] {
                let model = open(&path, &auto);
                assert!(model.backend().starts_with("fused-"), "{}: {}", path.display(), model.report().chosen);
                fixture.check(&model, constants);
                ways().iter().for_each(|way| fixture.check(&open(&path, way), constants));
            }
        }
    }
}

/// At ten times the size every coordinate depends on the patch. Of the patches that the frameworks were given, relu lets
/// nothing through in three of the autoencoders: both have the same point.
#[cfg(feature = "tract")]
#[test]
fn back_ends_agree_on_patches_that_reach_every_layer() {
    for exporter in EXPORTERS {
        for network in NETWORKS {
            let fixture = Fixture::read(exporter, network);
            let patches: Vec<Vec<f32>> = (0..6).map(|k| fixture.densities(k, (0.0, 10.0))).collect();
            let points = |way: &OpenOptions| {
                let model = open(&fixture.path, way);
                let view = |densities| PatchView { shape: model.shape(), densities, proteins: &[] };
                let views: Vec<PatchView> = patches.iter().map(|patch| view(&patch[..])).collect();
                let mut points = vec![f32::NAN; 6 * model.dim()];
                model.encode_many(&views, &mut points).unwrap();
                points
            };
            let expected = points(ways().last().unwrap());
            let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
            for j in 0..network.2 {
                let of = || expected.iter().skip(j).step_by(network.2);
                let spread = of().fold(f32::MIN, |a, b| a.max(*b)) - of().fold(f32::MAX, |a, b| a.min(*b));
                assert!(spread > 1e-3 * scale, "{exporter} {}: coordinate {j} hardly varies", network.0);
            }
            for way in ways() {
                for (value, expected) in points(&way).iter().zip(&expected) {
                    let error = (value - expected).abs();
                    assert!(error <= 1e-5 * scale, "{exporter} {}, {way:?}: {value} for {expected}", network.0);
                }
            }
        }
    }
}
