//! What the command can be told, and its help.
//!
//! These options and the files that a campaign writes are a contract that scripts rely on.
//! Not here: what is done with them ([`super::campaign`]), those of the other commands
//! ([`super::sample`], [`super::encode`], [`super::model`], [`super::look`], [`super::run`], [`super::import`]).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use patchstream::stream::Config;
use serde::{Deserialize, Serialize};

use super::micro::{MicroOptions, WorkerOptions};
use super::{encode, import, look, model, run, sample};

/// Adaptive multiscale simulation: stream patches of a cheap model, select the most novel ones, weigh them.
#[derive(Parser)]
#[command(name = "patchstream", version)]
pub struct Cli {
    /// What to do; without it the help is printed.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Simulate a membrane with proteins and select the patches that are worth a closer look
    ///
    /// Runs a dynamic density functional theory (DDFT) of a lipid membrane with RAS and RAF proteins. Every few steps
    /// it cuts a patch of 30 nm x 30 nm around each RAS, and a few control patches far from any protein, and streams
    /// them through an encoder into the sampler. The sampler selects the patches that are least like those already
    /// selected; at the end, weights say how many patches each selected one stands for.
    ///
    /// What is selected is simulated in detail, by worker processes: molecular dynamics of the patch, in which pairs of its
    /// protein and the lipids around are counted. At the end of each round of --feedback-every steps all counts so far,
    /// with their patches' weights, become radial distribution functions, and these the potentials that the DDFT goes on
    /// with. --md none only selects.
    ///
    /// Files in the output folder: selections.psel (each event's selections and the weights, as flatbuffers),
    /// selected.csv (event,order,id,rank), weights.csv (id,weight,normalised), summary.json; with simulations
    /// feedback.psel (the table of each round, as flatbuffers).
    ///
    /// The same options give the same selections and weights, with --background and any number of --workers too; but for
    /// --asynchronous. Ctrl-C ends the run early and
    /// writes what was done so far. The folder is a run: everything that was selected is in its log before it is told.
    /// After Ctrl-C, a kill or a crash --resume goes on, and ends with the files of a campaign that nothing disturbed.
    /// Looked at with `patchstream log`, `verify`, `replay`, `export`. Of an option that is given twice the last one counts.
    #[command(args_override_self = true)]
    Campaign(Box<Options>),
    /// Simulate selected patches of a stream, with the molecular dynamics that is built in
    ///
    /// Takes one job after the other, of a campaign or of any other host whose patches have the 14 lipids: makes beads of the
    /// patch, moves them, counts pairs around its first protein, and hands in the counts as observable `rdf`, window by
    /// window. A campaign starts workers of its own; this starts more of them. Its options are to be those of the
    /// campaign's workers, as `ps` shows them. Results depend on no worker: a job's seed comes from its id. Ctrl-C puts the
    /// job back.
    #[command(args_override_self = true)]
    Worker(WorkerOptions),
    /// Select the most novel of the points in a file, and weigh them
    ///
    /// Runs DynIm sampling on points that you have already, of any origin: embeddings, descriptors, latent points. Rows
    /// arrive in batches; after each there is an event, which ranks all candidates by their mean distance to the k
    /// nearest selected points, discards the lowest ranked beyond the capacity, and selects the highest ranked. At the
    /// end, weights say how many points each selected one stands for.
    ///
    /// Files in the output folder: selected.csv (event,order,id,rank; a point that was selected outright has event -1
    /// and no rank), discarded.csv (event,id,rank), weights.csv (id,weight,normalised), history.csv
    /// (event,step,id,what,rank), summary.json.
    ///
    /// The same points and options give the same files, on any number of threads; only the times in summary.json
    /// differ. Ctrl-C ends the run after the event under way and writes what was done so far. Of an option that is
    /// given twice the last one counts.
    #[command(args_override_self = true)]
    Sample(Box<sample::Options>),
    /// Make points of the patches in a file
    ///
    /// Runs an encoder on patches that you have already, and writes their points, row by row. The file of patches is read
    /// in blocks and may be larger than memory. Prints which back-end ran, patches per second, and the latency of a patch.
    ///
    /// The same patches, model and back-end give the same points, bit for bit, on any number of threads and in any
    /// batches. If anything is wrong, or with Ctrl-C, nothing is written. Of an option that is given twice the last one
    /// counts.
    #[command(args_override_self = true)]
    Encode(encode::Options),
    /// Look at a model before it is used
    Model(model::Options),
    /// List what runs, and what was left by processes that ended
    ///
    /// A line for each segment of shared memory of yours: the process that owns it, whether it lives, age, size, and how
    /// many slots of each ring are filled. The lanes of workers (NAME.w0, ..) and producers (NAME.p0, ..) stand below the
    /// door NAME that they lead to. Of a folder of jobs: its owner, and each job that is under way.
    Ls(look::ListOptions),
    /// Tell everything that can be seen of a segment or a folder of jobs
    ///
    /// Looks from outside: it takes part in nothing, and whoever uses it does not notice. For each ring: its slots, how
    /// many are filled, the numbers of records committed and taken, the last step that was ended, what was refused or
    /// dropped, who writes and who reads and whether they live.
    Inspect(look::InspectOptions),
    /// Remove what no living process owns
    ///
    /// Segments whose owner was killed stay until their next owner takes them over; this removes them. A segment whose
    /// owner lives, one that is being made, a lane that its door's owner still has to drain, and whatever belongs to
    /// another user are left, and it says so. Of a folder of jobs: files that a process left that was killed as it wrote
    /// them, and claims that later ones have superseded.
    Gc(look::SweepOptions),
    /// Print what happened in a run, a line for each event, mark, branch and feedback table
    ///
    /// An event's line says its number and step, how many patches became candidates and how many were discarded, what was
    /// picked with which rank, and what there was afterwards. Nothing is changed, and the run may go on meanwhile.
    Log(run::LogOptions),
    /// Check every record of a run, what each says, and both checkpoints
    ///
    /// Says what is there; what is wrong is an error with the file and the byte. The end of a run that was killed, or that
    /// is being written, may hold a write that was cut short: that is told as an error too, since it may be damage.
    Verify(run::VerifyOptions),
    /// Make the decisions of a run again from the points in its log, and check that they are the same
    ///
    /// A sampler that knows nothing takes the logged points, in their order, and holds the logged events. Picks, their
    /// ranks bit for bit, and discards have to be those of the log; the first that is not ends with an error.
    Replay(run::ReplayOptions),
    /// Write a run out as tables and arrays
    ///
    /// Files in the output folder: points.npy (n, d) float32, ids.npy (n,) uint64, and patches.csv
    /// (id,step,time_us,x_nm,y_nm,queue,stage,label), a row for each patch; selected.csv (event,order,id,rank); weights.csv
    /// (id,weight,normalised). Withdrawn patches are left out, and so are returned picks from the selected.
    Export(run::ExportOptions),
    /// Make a run of what LLNL's dynim wrote down
    ///
    /// Reads the history of a dynim workspace (NAME.history.csv) and, from files that NumPy saved, the points and what the
    /// history calls them; dynim's checkpoints are pickles, which can run code, and are never read. The run that is made
    /// holds what dynim decided, in its order, for `patchstream log`, `verify` and `export`, and a stream goes on with it:
    /// it is opened with the run as its run_dir and resumes at the mark "imported". What the history lacks, and what in it
    /// does not fit, is told. Ctrl-C ends the import, and then nothing was written.
    #[command(name = "import-dynim")]
    ImportDynim(import::Options),
}

/// The options of a campaign.
#[derive(Args, Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    /// Time steps of the membrane, 0.0007 us each
    #[arg(long, value_name = "STEPS", default_value_t = 4680, value_parser = clap::value_parser!(i64).range(1..=1 << 40))]
    pub steps: i64,

    /// Size of the membrane: grid points a side, 48 to 4096, 30/36 nm apart (192 points are 160 nm)
    #[arg(long, value_name = "POINTS", default_value_t = 192, value_parser = clap::value_parser!(u16).range(48..=4096))]
    pub grid: u16,

    /// RAS proteins in the membrane, at most one per 100 nm^2; two in five of them carry a RAF. Up to six free ones and six
    /// with a RAF each have a state of their own, and feedback needs five simulations of a state
    #[arg(long, value_name = "RAS", default_value_t = 2)]
    pub proteins: u16,

    /// Control patches of each frame, cut 50 nm or more from any protein where the membrane has such a place
    #[arg(long, value_name = "PATCHES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=64))]
    pub controls: u8,

    /// Start of all random numbers: the same seed gives the same campaign, another seed another one
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,

    /// Cut patches and select every so many steps
    #[arg(long, value_name = "STEPS", default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=1 << 40))]
    pub every: i64,

    /// Patches to select each time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..))]
    pub select: u32,

    /// Candidates to keep in the queue; the least novel ones beyond it are discarded
    #[arg(long, value_name = "PATCHES", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub capacity: u64,

    /// Encoder that makes a point of a patch: metric, mean, radial, a NAME.onnx with its card NAME.toml beside it, or a
    /// folder that holds exactly one
    #[arg(long, value_name = "MODEL", default_value_t = Config::default().model)]
    pub model: String,

    /// Classifier beside the encoder, which says what protein state a patch's lipids speak for: fingerprint, a NAME.onnx
    /// whose card NAME.toml has [classes], or a folder that holds exactly one. Selections stay the same
    #[arg(long, value_name = "MODEL")]
    pub classifier: Option<String>,

    /// Encode on a thread of its own while the membrane moves on; selections stay the same
    #[arg(long)]
    pub background: bool,

    /// What simulates the selected patches in detail, and when that comes back.
    #[command(flatten)]
    #[serde(flatten)]
    pub micro: MicroOptions,

    /// Save the membrane every so many times that patches are cut, for --resume; 0: only at the end of a round and where the
    /// campaign is interrupted
    #[arg(long, value_name = "FRAMES", default_value_t = 50)]
    pub save: u64,

    /// Folder of the run and its files; it is made, and must not hold anything yet
    #[arg(long, value_name = "FOLDER", default_value = "campaign")]
    #[serde(skip)]
    pub out: PathBuf,

    /// Go on with the campaign in this folder after whatever end it had; no other option goes with it
    #[arg(long, value_name = "FOLDER", exclusive = true)]
    #[serde(skip)]
    pub resume: Option<PathBuf>,

    /// Where the model lies, if it is a file.
    #[arg(skip)]
    pub model_path: Option<PathBuf>,

    /// Where the classifier lies, if it is a file.
    #[arg(skip)]
    pub classifier_path: Option<PathBuf>,
}
