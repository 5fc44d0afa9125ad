/* patchstream for C: made from ffi/ by cbindgen, do not edit. The comments are the manual.
 *
 * Units: nm, us, nm^-2. Patches are [(y*nx+x)*channels+c]. Handles are opaque: NULL, a closed one or one of another type
 * is an error that says so. One thread at a time may use a handle, any thread, unless its comment says more; calls
 * marked thread-safe also while others run. No call is collective, prints, installs a signal handler or starts a thread
 * (unless options.threads asks for one), and none waits for the host. Inputs are copied before a call returns; outputs
 * are written on PATCHSTREAM_OK only. The floating-point environment is set to its default inside and put back, flags
 * included. Structs that start with struct_size only grow: set it to sizeof.
 */

#ifndef PATCHSTREAM_H
#define PATCHSTREAM_H

#include <stddef.h>
#include <stdint.h>

// The version of the binary interface that this header describes.
#define PATCHSTREAM_ABI_VERSION 1

// Something to know once.
#define PATCHSTREAM_LOG_INFO 1

// Something was refused or will surprise.
#define PATCHSTREAM_LOG_WARNING 2

// Picks see each other: ranks are updated after each pick. The default.
#define PATCHSTREAM_SEQUENTIAL 1

// All picks of an event come from one ranking.
#define PATCHSTREAM_BATCH 2

// A pick whose job waits to be started, or is back in line.
#define PATCHSTREAM_ISSUED 1

// Its job runs.
#define PATCHSTREAM_STARTED 2

// The batch system ended its job, which can go on.
#define PATCHSTREAM_INTERRUPTED 3

// Its job is complete.
#define PATCHSTREAM_DONE 4

// Its job failed. After three failures it is set aside: nothing follows, and it stays selected.
#define PATCHSTREAM_FAILED 5

// It was never started, is not selected any more, and is a candidate again.
#define PATCHSTREAM_RETURNED 6

// In the history, beside the states: a patch is new.
#define PATCHSTREAM_ADDED 7

// In the history: a candidate fell out of its queue.
#define PATCHSTREAM_DISCARDED 8

// In the history: a candidate was picked.
#define PATCHSTREAM_SELECTED 9

// In the history: a patch is no longer there.
#define PATCHSTREAM_WITHDRAWN 10

// What an attached producer does without room: answers PATCHSTREAM_FULL. The default.
#define PATCHSTREAM_ON_FULL_ANSWER 0

// What an attached producer does without room: waits for it first.
#define PATCHSTREAM_ON_FULL_BLOCK 1

// What an attached producer does without room: drops the patch, the newest, and answers PATCHSTREAM_DROPPED.
#define PATCHSTREAM_ON_FULL_DROP 2

// How the numbers of a field are stored: float.
#define PATCHSTREAM_F32 1

// How the numbers of a field are stored: double.
#define PATCHSTREAM_F64 2

// A feedback table. It never changes; several threads may read it.
typedef struct patchstream_feedback patchstream_feedback;

// A job that this process holds. One thread at a time; several threads each hold jobs of their own. In the child of a
// fork its calls answer PATCHSTREAM_ERR_FORKED.
typedef struct patchstream_job patchstream_job;

// An encoder: from a patch to a latent point. Several threads may use one.
typedef struct patchstream_model patchstream_model;

// One source of patches. Several threads may use one; its calls take turns.
typedef struct patchstream_producer patchstream_producer;

// Counts pairs of reference beads and others by species and distance, in the plane, to the nearest periodic image.
typedef struct patchstream_rdf patchstream_rdf;

// Samples that were taken from a stream. They never change; several threads may read them.
typedef struct patchstream_samples patchstream_samples;

// What one event selected. It never changes; several threads may read it.
typedef struct patchstream_selections patchstream_selections;

// The operator: rings, encoder, sampler. One thread at a time may use it, any thread; calls marked thread-safe also
// while another is under way.
typedef struct patchstream_stream patchstream_stream;

// The weights of all selected at one moment. They never change; several threads may read them.
typedef struct patchstream_weights patchstream_weights;

// 0: done. Above 0: not done, and no error. Below 0: an error, nothing has changed, and
// patchstream_last_error() says what to do. Numbers are never used again for something else.
typedef int32_t patchstream_status;

// Densities in a host's own memory, of any regular layout; the values themselves are not changed or kept.
typedef struct patchstream_field {
  // sizeof(patchstream_field), set by the caller.
  uint32_t struct_size;
  // PATCHSTREAM_F32 or PATCHSTREAM_F64.
  uint32_t type;
  // Grid points along x.
  uint32_t nx;
  // Grid points along y.
  uint32_t ny;
  // Channels: lipid species.
  uint32_t channels;
  // 0.
  uint32_t reserved;
  // Bytes from a value to its neighbour along x. All three strides 0: without gaps, [(y*nx+x)*channels+c] in data,
  // [y*nx+x] in each of planes.
  int64_t stride_x;
  // Bytes to the neighbour along y.
  int64_t stride_y;
  // Bytes to the next channel; not looked at with planes.
  int64_t stride_c;
  // Where the value at x = 0, y = 0, channel 0 is, in nm^-2; NULL if planes is given.
  const void *data;
  // One pointer a channel to its value at x = 0, y = 0; NULL if data is given.
  const void *const *planes;
} patchstream_field;

// A protein. Its layout is that of the library's own.
typedef struct patchstream_protein {
  // The host's id for it, the same in every patch and step.
  uint64_t id;
  // Its state, counted from 0: by default RASa RASb RASc zRASa mRASa mRASb zRAFa mRAFa mRAFb, then the same nine of
  // RAS4A.
  int32_t state;
  // Index, in the same list, of the protein that it is bonded with in a complex; -1: none.
  int32_t partner;
  // Position along x in nm, relative to the patch's centre pixel.
  double x_nm;
  // Position along y in nm, relative to the patch's centre pixel.
  double y_nm;
} patchstream_protein;

// What came back so far.
typedef struct patchstream_feedback_counts {
  // sizeof(patchstream_feedback_counts), set by the caller.
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Picks that are known as simulations.
  uint64_t simulations;
  // Samples that were added, of all observables.
  uint64_t accepted;
  // Samples that were there before.
  uint64_t known;
  // Samples that were refused.
  uint64_t refused;
  // The version of the last table; 0 before the first.
  uint64_t version;
} patchstream_feedback_counts;

// A feedback table: grids are [(state*lipids+lipid)*bins+bin]. The pointers live until it is closed.
typedef struct patchstream_feedback_table {
  // sizeof(patchstream_feedback_table), set by the caller.
  uint32_t struct_size;
  // Number of protein states.
  uint32_t states;
  // Number of lipids.
  uint32_t lipids;
  // Number of bins.
  uint32_t bins;
  // From 1, one more for each published table.
  uint64_t version;
  // The first step at which it is in force.
  int64_t in_force_from;
  // A name of each protein state.
  const char *const *state_names;
  // A name of each lipid, in the order of the channels.
  const char *const *lipid_names;
  // The centre of each bin, nm.
  const double *r_nm;
  // Weighted means of g(r); 1 where nothing is known.
  const double *g;
  // Their standard errors; +infinity where they are not known.
  const double *standard_error;
  // Potentials in kT, 0 where has_potential says 0; NULL unless the configuration says [feedback.inversion].
  const double *potential_kt;
  // Simulations of each state that went in. 0 without a prior: nothing is known of that state.
  const uint64_t *simulations;
  // How many equally weighted simulations those of each state are worth.
  const double *effective_samples;
  // [state*lipids+lipid]: 1 for a potential; 0 if nothing is known of that lipid there, or too little to say what g = 1
  // is: keep what you have. NULL where potential_kt is.
  const uint8_t *has_potential;
} patchstream_feedback_table;

// All of a patch but its densities.
typedef struct patchstream_patch {
  // sizeof(patchstream_patch), set by the caller.
  uint32_t struct_size;
  // Number of proteins.
  uint32_t protein_count;
  // 1 to 2^48 - 1, given by the host, unique over all producers, the same again after a restart.
  uint64_t id;
  // The macro model's step, which orders events.
  int64_t step;
  // The macro model's time in us; it describes, and orders nothing.
  double time_us;
  // Where in the macro model the centre pixel is, x and y in nm.
  double center_nm[2];
  // protein_count proteins, NULL if there is none.
  const struct patchstream_protein *proteins;
  // A name for people, UTF-8, at most 256 bytes; NULL if there is none.
  const char *label;
  // What its rank is multiplied by, positive and finite; 0: its queue's factor, which is 1 by default.
  float factor;
  // 0.
  uint32_t reserved;
} patchstream_patch;

// What a job is. The pointers live until it is closed.
typedef struct patchstream_job_about {
  // sizeof(patchstream_job_about), set by the caller.
  uint32_t struct_size;
  // How often the job was given out, this time included: 1 for the first worker.
  uint32_t attempt;
  // Its id, which is that of its patch.
  uint64_t id;
  // Grid points of the patch along x.
  uint32_t nx;
  // Grid points of the patch along y.
  uint32_t ny;
  // Densities a grid point.
  uint32_t channels;
  // Dimensions of the latent space.
  uint32_t dim;
  // Edge of the patch in nm: its first and its last grid point are this far apart.
  double size_nm;
  // Mean distance to its nearest selected points when it was picked, times its factor; infinity where there were none.
  double rank;
  // Its name: patchstream_job_open() of it is this job.
  const char *ticket;
  // Its latent point, dim numbers.
  const float *point;
  // What the macro host's classifier calls it, UTF-8; NULL without one.
  const char *class_label;
  // What the macro host tells every worker, in words of its own, UTF-8: how it wants patches simulated; NULL for nothing.
  const char *note;
} patchstream_job_about;

// What an encoder is. The strings live until it is closed.
typedef struct patchstream_model_info {
  // sizeof(patchstream_model_info), set by the caller.
  uint32_t struct_size;
  // Dimensions of its latent space.
  uint32_t dim;
  // 1 if it was trained, 0 if its numbers are arbitrary.
  int32_t trained;
  // 0.
  int32_t reserved;
  // Its name.
  const char *name;
  // The sha256 of its file in hexadecimal digits, "" for a built-in without one.
  const char *sha256;
  // What runs it: "fused-avx512", "fused-avx2", "fused-portable", "tract" or "builtin".
  const char *backend;
} patchstream_model_info;

// Where the log goes: the library itself never prints. Called by the thread that has something to say, which may be
// the stream's worker, and while no lock of the stream is held; it must return and throw nothing. message lives during
// the call.
typedef void (*patchstream_log_fn)(void *user, int32_t level, const char *message);

// A patch on its way to a queue, as the function that routes patches sees it. Everything lives during the call.
typedef struct patchstream_arrival {
  // sizeof(patchstream_arrival) of the library: a newer one may have more behind what is here.
  uint32_t struct_size;
  // Number of proteins.
  uint32_t protein_count;
  // Its id.
  uint64_t id;
  // The macro model's step that it was cut at.
  int64_t step;
  // Where in the macro model the centre pixel is, x and y in nm.
  double center_nm[2];
  // Its protein_count proteins, NULL if there is none.
  const struct patchstream_protein *proteins;
  // How many of them are RAS.
  uint32_t ras;
  // How many of them are RAF.
  uint32_t raf;
} patchstream_arrival;

// Routes patches: the number of the queue that a patch goes to, from 0 in the order of the configuration file. A patch
// with any other number is left out, counted as rejected_argument, and logged. The same patch has to get the same answer
// every time, or decisions are not reproducible.
// Called once a patch, before it is encoded, by the thread that takes it in: one in a call of the stream (poll, select,
// weights and the like), or the stream's worker. The stream is locked meanwhile: the function must return and throw
// nothing, must not wait for another thread that uses the stream, and every call of its own on a stream or a producer
// is answered with PATCHSTREAM_ERR_STATE. The floating-point environment is the default one.
typedef uint32_t (*patchstream_route_fn)(void *user, const struct patchstream_arrival *patch);

// Options of a stream. patchstream_options_init() sets every field to 0, NULL or -1: as the configuration file has it,
// or its default, which is named here.
typedef struct patchstream_options {
  // Set by patchstream_options_init().
  uint32_t struct_size;
  // Threads of the library's own: 0, the host's calls do the work; 1, a worker encodes as patches come.
  uint32_t threads;
  // The processor that the worker is bound to; -1: not bound. Only with threads.
  int32_t worker_cpu;
  // PATCHSTREAM_SEQUENTIAL or PATCHSTREAM_BATCH.
  uint32_t mode;
  // Grid points of a patch along x: 37.
  uint32_t nx;
  // Grid points of a patch along y: 37.
  uint32_t ny;
  // Edge of a patch in nm: 30.
  double size_nm;
  // Slots of each producer's ring, a power of two: 64.
  uint32_t slots;
  // Nearest selected points that a rank is the mean distance to: 10.
  uint32_t k;
  // Candidates kept after an event: 35,000. Not with queues in the file, which have their own.
  uint64_t capacity;
  // The encoder: "metric", "mean", "radial", or a path to NAME.onnx with its card NAME.toml beside it: "metric".
  const char *model;
  // A TOML file of options, those here and more (channels, protein states, queues): none.
  const char *config;
  // Where the log goes: nowhere.
  patchstream_log_fn log;
  // Given to log.
  void *log_user;
  // What random draws follow from; the default, importance sampling, draws none: 0.
  uint64_t seed;
  // Rows of history that are kept until patchstream_stream_history() takes them, 40 bytes each, the oldest going
  // first: none.
  uint64_t history;
  // Routes patches to the queues of the file, which then name no constellations: by constellation.
  patchstream_route_fn route;
  // Given to route.
  void *route_user;
  // A classifier beside the encoder, whose card has [classes]: "fingerprint", or a path as for model: none.
  const char *classifier;
  // Where other processes find the stream: "shm:NAME" with 1 to 59 of A-Z a-z 0-9 . _ -, or "dir:PATH". Every pick is a
  // job then, and the densities of patches are kept for it: nowhere.
  const char *transport;
  // 1: what producers of other processes say of a patch's content is computed again; everything else is anyway. 0.
  uint32_t untrusted;
  // 0.
  uint32_t reserved;
  // The folder of a run, new or used, in which everything that is acknowledged or told is written down before it is:
  // patchstream_stream_resume(). NULL: none.
  const char *run_dir;
} patchstream_options;

// A pick and where it is.
typedef struct patchstream_pick {
  // sizeof(patchstream_pick), set by the caller.
  uint32_t struct_size;
  // PATCHSTREAM_ISSUED to PATCHSTREAM_RETURNED.
  int32_t state;
  // The patch's id.
  uint64_t id;
  // The event that picked it, from 0.
  int64_t event;
  // Its rank when it was picked; infinity where nothing was selected before.
  double rank;
  // The queue that it was picked from, from 0.
  uint32_t queue;
  // How often it went to PATCHSTREAM_FAILED.
  uint32_t failures;
  // 1 if it ever was PATCHSTREAM_STARTED, 0 if not: then it can be returned.
  int32_t was_started;
  // 0.
  int32_t reserved;
} patchstream_pick;

// One row of the history: what happened to a patch. Its layout never changes.
typedef struct patchstream_history_row {
  // The event that it was part of; otherwise the last one before it, -1 if there was none.
  int64_t event;
  // The step of the event or, outside of events, the patch's own or the one that the call named.
  int64_t step;
  // The patch's id.
  uint64_t id;
  // The rank of a discard or pick, of a pick's later states that of the pick, of a withdrawn candidate its last one; a
  // NaN where there is none.
  double rank;
  // PATCHSTREAM_ADDED, PATCHSTREAM_DISCARDED, PATCHSTREAM_SELECTED, PATCHSTREAM_WITHDRAWN, or the state that a pick went
  // to.
  int32_t what;
  // 0.
  int32_t reserved;
} patchstream_history_row;

// What became of the patches of a producer that is attached to another process's stream.
typedef struct patchstream_answers {
  // sizeof(patchstream_answers), set by the caller.
  uint32_t struct_size;
  // Why the stream refused the last patch that it did, such as PATCHSTREAM_ERR_CONFLICT; PATCHSTREAM_OK if none.
  patchstream_status last_refused_status;
  // That patch's id, 0 if there is none.
  uint64_t last_refused_id;
  // Patches committed. Those that are not among the next three are in the ring.
  uint64_t sent;
  // Patches that the stream took in.
  uint64_t taken;
  // Patches that it knew already, with the same content.
  uint64_t known;
  // Patches that it refused, for whatever reason; those that a call here answered with an error never came to it.
  uint64_t refused;
  // Pushes and loans that were answered with PATCHSTREAM_FULL.
  uint64_t full;
  // Patches that were dropped.
  uint64_t dropped;
} patchstream_answers;

// What a queue has.
typedef struct patchstream_queue_stats {
  // sizeof(patchstream_queue_stats), set by the caller.
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Its name in the configuration file, "all" without one. It lives until the stream is closed.
  const char *name;
  // Its candidates.
  uint64_t candidates;
  // Its patches that are selected.
  uint64_t selected;
} patchstream_queue_stats;

// Where the beads are at one moment, as they lie in a code's own arrays.
typedef struct patchstream_frame {
  // sizeof(patchstream_frame), set by the caller.
  uint32_t struct_size;
  // 1: a bead outside the box is taken into it; 0: it is PATCHSTREAM_ERR_VALUE.
  uint32_t wrap;
  // The periodic box, from 0 to these, x and y in nm; at least twice the cutoff.
  double box_nm[2];
  // x and y of bead i at [i*stride] and [i*stride+1], nm.
  const double *positions_nm;
  // How many numbers that are: bead_count * stride at least.
  uint64_t position_count;
  // Numbers from a bead to the next, at least 2; 3 where z lies between.
  uint64_t stride;
  // The species of each bead, from 0; a negative one is not counted, and may be a reference bead.
  const int32_t *species;
  // Number of beads.
  uint64_t bead_count;
  // The beads that distances are taken from, by index. One that is named twice counts twice; none sees itself.
  const uint32_t *references;
  // Number of reference beads, at least 1.
  uint64_t reference_count;
} patchstream_frame;

// Where a host goes on.
typedef struct patchstream_resume_info {
  // sizeof(patchstream_resume_info), set by the caller.
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // The branch so far: how often a host that came back computed something else.
  uint64_t branch;
  // The step that the mark was set at; 0 without a mark.
  int64_t step;
  // Patches behind the mark that the log has: the host sends them again.
  uint64_t patches;
  // Events behind the mark, which are answered from the log.
  uint64_t events;
  // What they selected.
  uint64_t selections;
} patchstream_resume_info;

// What a worker measured in one window of a job. The pointers live until the samples are closed.
typedef struct patchstream_sample {
  // sizeof(patchstream_sample), set by the caller.
  uint32_t struct_size;
  // The attempt that measured it.
  uint32_t attempt;
  // The job, which is the id of its patch.
  uint64_t job;
  // Number of the window.
  uint64_t window;
  // Frames that were summed over.
  uint64_t frames;
  // What was measured.
  const char *observable;
  // dims extents, the slowest first.
  const uint32_t *shape;
  // sum_count values: the product of the extents.
  const double *sums;
  // Number of sums.
  uint64_t sum_count;
  // Number of extents.
  uint32_t dims;
  // 0.
  uint32_t reserved;
} patchstream_sample;

// What became of the jobs of a stream.
typedef struct patchstream_jobs {
  // sizeof(patchstream_jobs), set by the caller.
  uint32_t struct_size;
  // Workers that are attached now; 0 where the transport has none attached.
  uint32_t workers;
  // Jobs that wait to be taken.
  uint64_t in_line;
  // Jobs that a worker has.
  uint64_t held;
  // Jobs that are done.
  uint64_t done;
  // Jobs that failed three times and are not given out any more.
  uint64_t set_aside;
  // How often a job was given out.
  uint64_t given;
  // Workers that died with a job.
  uint64_t deaths;
  // Samples accepted.
  uint64_t accepted;
  // Samples of windows that were accepted before.
  uint64_t known;
  // Messages of workers that were refused: of an attempt that is over, or damaged.
  uint64_t refused;
  // Samples that wait for patchstream_stream_take_samples().
  uint64_t samples;
  // Bytes of their sums. When there are as many as the configuration allows, workers are told PATCHSTREAM_FULL.
  uint64_t sample_bytes;
} patchstream_jobs;

// One selected patch. The pointers live until the selections are closed.
typedef struct patchstream_selection {
  // sizeof(patchstream_selection), set by the caller.
  uint32_t struct_size;
  // Its position among all selected, from 0.
  uint32_t order;
  // Its id, the host's but for its top 16 bits: the branch, 0 unless a host that came back computed something else.
  uint64_t id;
  // The event that picked it, from 0.
  uint64_t event;
  // The macro model's step that it was cut at.
  int64_t step;
  // The macro model's time in us.
  double time_us;
  // Mean distance to its nearest selected points when it was picked, times its factor; infinity where there were none.
  double rank;
  // Where in the macro model the centre pixel is, x and y in nm.
  double center_nm[2];
  // Its latent point, dim numbers.
  const float *point;
  // Its protein_count proteins, NULL if there is none.
  const struct patchstream_protein *proteins;
  // The name that the host gave it, NULL if none.
  const char *label;
  // Dimensions of the latent space.
  uint32_t dim;
  // Number of proteins.
  uint32_t protein_count;
  // How many of them are RAS.
  uint32_t ras;
  // How many of them are RAF.
  uint32_t raf;
  // The queue that it was picked from, from 0.
  uint32_t queue;
  // Classes of the stream's classifier, 0 without one.
  uint32_t class_count;
  // What the classifier calls it, UTF-8: the class of the highest probability, the first of equal ones. NULL without one.
  const char *class_label;
  // The probability of each class, class_count numbers, in the order of patchstream_stream_class_label(). NULL without
  // one.
  const float *probabilities;
  // The name of its job, to be handed to a scheduler: patchstream_job_open(). NULL if the stream has no transport.
  const char *ticket;
  // 1 if the run's log answered, since the host went back to a mark: patchstream_stream_resume().
  uint32_t replayed;
  // 0.
  uint32_t reserved;
} patchstream_selection;

// How long a part of the way took, over everything so far.
typedef struct patchstream_latency {
  // How often it was timed.
  uint64_t count;
  // Half took no longer, in us.
  double p50_us;
  // 99 of 100 took no longer, in us.
  double p99_us;
} patchstream_latency;

// What a stream has done since it was opened. Events, waiting, candidates, selected and discarded are what there is, of the
// whole run where there is one.
typedef struct patchstream_stats {
  // sizeof(patchstream_stats), set by the caller.
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // Patches committed.
  uint64_t pushed;
  // Pushes of a known id with the same content.
  uint64_t known;
  // Pushes that were answered with PATCHSTREAM_FULL.
  uint64_t full;
  // Patches refused, for all reasons together.
  uint64_t rejected;
  // Refused for a density, position or time that is not finite.
  uint64_t rejected_value;
  // Refused for another size or number of channels.
  uint64_t rejected_shape;
  // Refused for anything else wrong with the call.
  uint64_t rejected_argument;
  // Refused for a known id with other content.
  uint64_t rejected_conflict;
  // Left out because the encoder or the classifier failed on it.
  uint64_t rejected_model;
  // Left out because its slot was overwritten after the commit.
  uint64_t rejected_corrupt;
  // Patches encoded and given to the sampler.
  uint64_t encoded;
  // Events so far.
  uint64_t events;
  // Encoded patches that no event has ranked yet.
  uint64_t waiting;
  // Candidates in all queues.
  uint64_t candidates;
  // Patches selected so far.
  uint64_t selected;
  // Patches discarded so far.
  uint64_t discarded;
  // Converting, checking and hashing a patch, in the producer's call.
  struct patchstream_latency push;
  // From commit until the operator takes it up.
  struct patchstream_latency wait;
  // Patch to latent point.
  struct patchstream_latency encode;
  // From commit to candidate.
  struct patchstream_latency total;
  // One event.
  struct patchstream_latency select;
  // All weights.
  struct patchstream_latency weights;
  // How many queues there are: 1 without any in the configuration file.
  uint64_t queues;
  // Rows of history that were dropped because nobody took them in time.
  uint64_t history_dropped;
  // Patches classified and given to the sampler; 0 without a classifier, as are the next two.
  uint64_t classified;
  // Those of them with a known class: one RAS and no RAF, or one RAS-RAF complex, in a state that a class stands for.
  uint64_t comparable;
  // Those of them that were classified as that.
  uint64_t agreed;
  // Patch to class probabilities, where there is a classifier.
  struct patchstream_latency classify;
  // What runs the encoder: "fused-avx512", "fused-avx2", "fused-portable", "tract" or "builtin". It lives until the
  // stream is closed.
  const char *backend;
  // What runs the classifier, as above; NULL without one.
  const char *classifier_backend;
  // Patches whose densities are kept; 0 without retention, as is all that follows.
  uint64_t retained;
  // Those of them that are selected.
  uint64_t retained_selected;
  // Bytes that their densities take, in memory or in the file.
  uint64_t retained_bytes;
  // Bytes that were taken for densities so far: room that is free again is used again.
  uint64_t retained_bytes_made;
  // The most bytes of densities of patches that are not selected.
  uint64_t retained_bytes_bound;
  // Patches left out because there was no room for their densities.
  uint64_t retention_refused;
  // Patches withdrawn to make room for newer ones.
  uint64_t retention_withdrawn;
  // Patches whose densities are lost. Those that were not selected are withdrawn, as the run is opened again or as they
  // are picked; a job of the others fails.
  uint64_t retention_lost;
  // 1 if the last patch found no room.
  uint32_t retention_full;
  // 0.
  uint32_t reserved_end;
  // The last entry of the run's log that was made; 0 without run_dir, as is all that follows.
  uint64_t run_appended;
  // The last entry that is as safe as the durability says: everything up to it is acknowledged.
  uint64_t run_acknowledged;
  // The last entry that survives a power cut.
  uint64_t run_durable;
  // How often a host that came back computed something else.
  uint64_t run_branch;
  // Entries that were not written, since the stream goes on from memory.
  uint64_t run_lost;
} patchstream_stats;

// How many patches one selected patch stands for.
typedef struct patchstream_weight {
  // sizeof(patchstream_weight), set by the caller.
  uint32_t struct_size;
  // 0.
  uint32_t reserved;
  // The selected patch.
  uint64_t id;
  // 1 + the number of unselected patches whose nearest selected one it is.
  double weight;
  // The same times the number of selected over the sum of weights, so that the mean is 1.
  double normalised;
} patchstream_weight;

// Done.
#define PATCHSTREAM_OK 0

// Not yet: work is left, or a producer has not ended the step. Call again.
#define PATCHSTREAM_AGAIN 1

// The ring is full, nothing was taken: poll the stream, then push again.
#define PATCHSTREAM_FULL 2

// The same patch, or the same state, was there already: nothing changed.
#define PATCHSTREAM_KNOWN 3

// A stop was requested: the call returned early.
#define PATCHSTREAM_STOPPED 4

// The ring is full, and the patch was dropped, as patchstream_producer_on_full() asked for.
#define PATCHSTREAM_DROPPED 5

// An argument or option is outside what the call accepts; a null pointer or a handle that is none.
#define PATCHSTREAM_ERR_ARGUMENT -1

// The call does not fit the state of the object: closed, in use by another thread, a step that has ended.
#define PATCHSTREAM_ERR_STATE -2

// A field, patch or point has another shape than was agreed on.
#define PATCHSTREAM_ERR_SHAPE -3

// A value is not a finite number, or outside its range.
#define PATCHSTREAM_ERR_VALUE -4

// An id is known already with other content.
#define PATCHSTREAM_ERR_CONFLICT -5

// An id, name or protein state that nobody announced.
#define PATCHSTREAM_ERR_UNKNOWN -6

// A struct, file or library of another version.
#define PATCHSTREAM_ERR_VERSION -7

// A model file or its card is malformed, or the two do not belong together.
#define PATCHSTREAM_ERR_MODEL -8

// The operating system refused a file operation.
#define PATCHSTREAM_ERR_IO -9

// Bytes that were written whole are no longer what they were.
#define PATCHSTREAM_ERR_CORRUPT -10

// Somebody who lives has it already: a segment with an owner, an end of a ring that is held.
#define PATCHSTREAM_ERR_BUSY -11

// What the handle belongs to has ended or was taken over: open it again.
#define PATCHSTREAM_ERR_FENCED -12

// Memory could not be had.
#define PATCHSTREAM_ERR_MEMORY -13

// The handle was made before a fork, and this is the child: open it there.
#define PATCHSTREAM_ERR_FORKED -14

// This build or this machine cannot do it.
#define PATCHSTREAM_ERR_UNSUPPORTED -15

// A bug in the library, stopped at its edge. Please report it.
#define PATCHSTREAM_ERR_PANIC -16

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The window of nx * ny pixels whose centre pixel is nearest to position_nm: its first pixel (which may lie outside
// the grid, whose edges are periodic) and the place of its centre pixel. Thread-safe.
//
// @param position_nm  two numbers, x and y
// @param grid         two numbers, the field's grid points along x and y
// @param spacing_nm   distance of grid points
// @param window_low   out, two numbers: the window's first pixel along x and y
// @param center_nm    out, two numbers: where the centre pixel is
patchstream_status patchstream_window(const double *position_nm,
                                      const int64_t *grid,
                                      double spacing_nm,
                                      uint32_t nx,
                                      uint32_t ny,
                                      int64_t *window_low,
                                      double *center_nm);

// Copies a window of a periodic field to out[(y*nx+x)*channels+c]. A rank of a distributed code passes the part of the
// grid that it owns: only pixels in it are written, the others are left as they are, so that zeroed windows can be
// summed over ranks. Who owns all of the grid passes owned_low {0, 0}. Thread-safe; out does not overlap the field, and
// each thread has an out of its own.
//
// @param owned       the field, or the part of it that the caller has
// @param owned_low   two numbers: its first pixel in the grid
// @param grid        two numbers: the grid's points along x and y
// @param window_low  two numbers: the window's first pixel, inside the grid or not
// @param out         nx * ny * channels numbers, of a loan or of the caller's own
// @param filled      out: how many pixels were written; may be NULL
patchstream_status patchstream_cut(const struct patchstream_field *owned,
                                   const int64_t *owned_low,
                                   const int64_t *grid,
                                   const int64_t *window_low,
                                   uint32_t nx,
                                   uint32_t ny,
                                   float *out,
                                   size_t *filled);

// The proteins around a patch's centre, nearest first: those whose nearest periodic image is within reach_nm along x
// and along y (15 for a patch of 30 nm). Positions in out are relative to the centre, partners are indices in out.
// Thread-safe.
//
// @param all        count proteins at absolute positions in the box
// @param box_nm     two numbers: the box's edges
// @param center_nm  two numbers: the patch's centre
// @param out        room for capacity proteins (count are always enough)
// @param found      out: how many there are; if they are more than capacity, that is an error and nothing is written
patchstream_status patchstream_proteins_near(const struct patchstream_protein *all,
                                             size_t count,
                                             const double *box_nm,
                                             const double *center_nm,
                                             double reach_nm,
                                             struct patchstream_protein *out,
                                             size_t capacity,
                                             size_t *found);

// The table that is in force at step, if it is newer than the last that was given: PATCHSTREAM_AGAIN if there is none.
// After patchstream_stream_resume() it is given again. PATCHSTREAM_ERR_STATE: the configuration has no [feedback].
//
// @param out  close it with patchstream_feedback_close()
patchstream_status patchstream_stream_feedback(struct patchstream_stream *stream,
                                               int64_t step,
                                               struct patchstream_feedback **out);

// Publishes a table of everything that came in so far, as of step, to be in force from in_force_from on, which is step or
// later, and later than that of the last table. It never changes, and is in the log of a run before it is told. Its weights
// are those of now: over the picks of each protein state that have results, and the patches of that state. Asked again for
// the same two steps it answers the same table, also after the host went back to a mark.
//
// @param out  NULL if nobody wants to know; otherwise close it with patchstream_feedback_close()
patchstream_status patchstream_stream_publish_feedback(struct patchstream_stream *stream,
                                                       int64_t step,
                                                       int64_t in_force_from,
                                                       struct patchstream_feedback **out);

// Takes in what a micro simulation in the host's own process measured of a pick: PATCHSTREAM_KNOWN for a window that was
// there before. The observable "rdf" has lipids * bins pair counts. PATCHSTREAM_ERR_STATE: the configuration has no
// [feedback], or the stream has a transport, whose workers hand samples in themselves. PATCHSTREAM_ERR_UNKNOWN: no such
// pick.
//
// @param job        the id of the selected patch
// @param window     number of the window, from the micro model's time
// @param frames     frames that were summed over, at least 1
// @param shape      dims extents, the slowest first
// @param sums       sum_count of them, as many as the product of the extents
patchstream_status patchstream_stream_submit(struct patchstream_stream *stream,
                                             uint64_t job,
                                             const char *observable,
                                             uint64_t window,
                                             uint64_t frames,
                                             const uint32_t *shape,
                                             size_t dims,
                                             const double *sums,
                                             size_t sum_count);

// The weighted mean of an observable over the simulations of a protein state that measured it, and the patches of that
// state; rates, sum over frames. Weights are those of now. PATCHSTREAM_ERR_ARGUMENT: no simulation measured it.
//
// @param state           from 0; -1: over all simulations and patches
// @param values          out: count numbers, in the observable's layout
// @param standard_error  out: as many, from the differences between simulations, of a single one between its windows,
//                        +infinity where neither is known; NULL if nobody wants to know
// @param simulations     out: how many went in; NULL if nobody wants to know
patchstream_status patchstream_stream_mean(struct patchstream_stream *stream,
                                           const char *observable,
                                           int32_t state,
                                           double *values,
                                           double *standard_error,
                                           size_t count,
                                           uint64_t *simulations);

// What came back so far. It waits for nothing. PATCHSTREAM_ERR_STATE: the configuration has no [feedback]. Thread-safe.
patchstream_status patchstream_stream_feedback_counts(const struct patchstream_stream *stream,
                                                      struct patchstream_feedback_counts *out);

// What is in the table. Thread-safe.
patchstream_status patchstream_feedback_get(const struct patchstream_feedback *feedback,
                                            struct patchstream_feedback_table *out);

// The whole message as a size-prefixed flatbuffer (patchstream.fbs, FeedbackTable): written to a file it can be another
// run's prior. The bytes live until the table is closed. Thread-safe.
patchstream_status patchstream_feedback_bytes(const struct patchstream_feedback *feedback,
                                              const uint8_t **bytes,
                                              size_t *count);

// Closes it. NULL is harmless.
void patchstream_feedback_close(struct patchstream_feedback *feedback);

// What the last call on this thread that returned an error (a status below 0) had to say: what is wrong, with the
// values, and what to do. "" before the first, and while a thread ends. It lives until the next error on this thread.
const char *patchstream_last_error(void);

// The version of the library, such as "0.1.0". It lives for ever.
const char *patchstream_version(void);

// The version of the binary interface: it changes only when a program must be compiled again. Compare it with
// PATCHSTREAM_ABI_VERSION.
uint32_t patchstream_abi_version(void);

// Takes the job that a ticket names, waiting up to timeout_ms for its owner; run again with the same ticket, it goes on
// where it was left. PATCHSTREAM_AGAIN: the owner did not answer in time. PATCHSTREAM_STOPPED: see
// patchstream_jobs_request_stop(). PATCHSTREAM_ERR_BUSY: a worker that lives has it, and the error says who.
// PATCHSTREAM_ERR_STATE: it is done, was set aside after three failures, or was returned.
// PATCHSTREAM_ERR_UNKNOWN: there is no such owner, or it has no such job. PATCHSTREAM_ERR_FENCED: its owner is gone.
//
// @param ticket  as patchstream_selection has it
patchstream_status patchstream_job_open(const char *ticket, uint32_t timeout_ms, struct patchstream_job **out);

// Takes the oldest job of a transport, waiting up to timeout_ms for one. PATCHSTREAM_AGAIN: there was none.
// PATCHSTREAM_STOPPED: see patchstream_jobs_request_stop(). PATCHSTREAM_ERR_UNKNOWN: nobody has opened the transport
// yet. PATCHSTREAM_ERR_FENCED: its owner is gone; call again to wait for its successor.
//
// @param transport  "shm:NAME" or "dir:PATH", as the stream's options have it
patchstream_status patchstream_job_next(const char *transport, uint32_t timeout_ms, struct patchstream_job **out);

// The job's patch. Its pointers, and those of its densities, live until the job is closed.
//
// @param patch      out: all but the densities; its struct_size is set by the caller
// @param densities  out: nx * ny * channels values, [(y*nx+x)*channels+c], nm^-2
patchstream_status patchstream_job_patch(const struct patchstream_job *job,
                                         struct patchstream_patch *patch,
                                         const float **densities);

// What the job is, but for its patch.
patchstream_status patchstream_job_get_about(const struct patchstream_job *job, struct patchstream_job_about *out);

// Hands in what was measured in a window, waiting up to timeout_ms for room. The first accepted (job, observable,
// window) counts, whichever attempt it is of, so number windows by simulated time. PATCHSTREAM_KNOWN: that window was
// accepted before. PATCHSTREAM_FULL: there is no room; hand it in again. A sample that takes more room than there ever
// is at once (256 KiB is always fine) needs a time to wait. PATCHSTREAM_STOPPED: a stop ended the wait; hand it in again.
// PATCHSTREAM_ERR_FENCED: the job was taken away, or the owner is gone: stop, and open the ticket again if it is to go on.
//
// @param observable  what was measured: 1 to 32 of A-Z a-z 0-9 _ -
// @param frames      how many frames were summed over
// @param shape       dims extents, the slowest first, at most 8
// @param sums        sum_count of them, as many as the product of the extents
patchstream_status patchstream_job_submit(struct patchstream_job *job,
                                          const char *observable,
                                          uint64_t window,
                                          uint64_t frames,
                                          const uint32_t *shape,
                                          size_t dims,
                                          const double *sums,
                                          size_t sum_count,
                                          uint32_t timeout_ms);

// Says where the job is, waiting up to timeout_ms for room: PATCHSTREAM_STARTED; PATCHSTREAM_INTERRUPTED, the batch
// system ended it, so it is first in line and that is no failure; PATCHSTREAM_DONE; PATCHSTREAM_FAILED, it goes to the end
// of the line, and is set aside after the third time; PATCHSTREAM_ISSUED, it was not touched and is first in line again.
// All but PATCHSTREAM_STARTED are the last word: close it then. Statuses as with patchstream_job_submit().
//
// @param reason  why, for people; NULL for none
patchstream_status patchstream_job_set(struct patchstream_job *job,
                                       int32_t state,
                                       const char *reason,
                                       uint32_t timeout_ms);

// Says that the worker lives, where the transport goes by a lease ("dir:"; any other call on the job says so too), and
// looks whether the job is still held: PATCHSTREAM_ERR_FENCED if not.
patchstream_status patchstream_job_alive(struct patchstream_job *job);

// Closes the job. Without a last word it goes back to the front of the line. NULL is harmless.
void patchstream_job_close(struct patchstream_job *job);

// Makes every wait of a job call in this process, and every later one, end with PATCHSTREAM_STOPPED; what needs no wait
// goes on to work, so that a job can still say that it was interrupted. Thread-safe, and may be called in a signal
// handler. It holds until patchstream_jobs_clear_stop().
void patchstream_jobs_request_stop(void);

// Takes a stop back. Thread-safe, and may be called in a signal handler.
void patchstream_jobs_clear_stop(void);

// Opens an encoder for patches of nx * ny * channels.
//
// @param name_or_path  "metric", "mean", "radial", "fingerprint", or a path to NAME.onnx with its card NAME.toml beside
//                      it, or to a folder that holds exactly one
patchstream_status patchstream_model_open(const char *name_or_path,
                                          uint32_t nx,
                                          uint32_t ny,
                                          uint32_t channels,
                                          struct patchstream_model **out);

// What the encoder is. Thread-safe.
patchstream_status patchstream_model_get_info(const struct patchstream_model *model,
                                              struct patchstream_model_info *out);

// Encodes one patch, without proteins: as cut, also by a model that would turn a patch of a stream by its proteins.
// Every value must be finite. Thread-safe.
//
// @param densities  the patch, of the model's shape
// @param point      out: dim numbers, the model's dimensions
patchstream_status patchstream_model_encode(const struct patchstream_model *model,
                                            const struct patchstream_field *densities,
                                            float *point,
                                            size_t dim);

// Closes the encoder. NULL is harmless.
void patchstream_model_close(struct patchstream_model *model);

// Sets all options to their defaults.
//
// @param struct_size  sizeof(patchstream_options)
patchstream_status patchstream_options_init(struct patchstream_options *options, uint32_t struct_size);

// Moves a pick to another state. PATCHSTREAM_KNOWN: it is in that state already. PATCHSTREAM_ERR_UNKNOWN: it was never
// picked. PATCHSTREAM_ERR_STATE: that state cannot follow its present one:
// from issued: started, failed and, if it was never started, returned; from started: interrupted, done, failed, issued;
// from interrupted: started, failed, issued; from failed, up to two times: started, issued; from done: none.
// Returning takes as long as if all candidates came anew; what was discarded meanwhile stays so.
//
// @param state  PATCHSTREAM_ISSUED to PATCHSTREAM_RETURNED
// @param step   for the history only
patchstream_status patchstream_stream_set_state(struct patchstream_stream *stream,
                                                uint64_t id,
                                                int32_t state,
                                                int64_t step);

// A pick and where it is: of everything selected, and of what was returned until it is picked again.
// PATCHSTREAM_ERR_UNKNOWN: it was never picked.
patchstream_status patchstream_stream_get_pick(struct patchstream_stream *stream,
                                               uint64_t id,
                                               struct patchstream_pick *out);

// Forgets a patch that is not selected, as if it had never come: it became impossible, or the host went back to an
// earlier step. It counts for no weight any more, and its id is free for another patch. PATCHSTREAM_ERR_UNKNOWN: there is
// no such patch; one that was committed after a loan which is still out is not known yet. PATCHSTREAM_ERR_STATE: it is
// selected; return it first if it was never started.
//
// @param step  for the history only
patchstream_status patchstream_stream_withdraw(struct patchstream_stream *stream,
                                               uint64_t id,
                                               int64_t step);

// Takes rows out of the history, oldest first; as long as count comes back as capacity there may be more. Rows are kept
// only if patchstream_options.history says how many; patchstream_stats.history_dropped counts those beyond. A run
// that is opened again has none until patchstream_stream_resume(), then all of what lies behind the mark, of which discards
// and withdrawals have no rank.
//
// @param rows   room for capacity rows
// @param count  out: how many were written
patchstream_status patchstream_stream_history(struct patchstream_stream *stream,
                                              struct patchstream_history_row *rows,
                                              size_t capacity,
                                              size_t *count);

// Opens a producer.
//
// @param name  a label, the same after a restart; no two open producers of a stream have the same
patchstream_status patchstream_producer_open(struct patchstream_stream *stream,
                                             const char *name,
                                             struct patchstream_producer **out);

// Opens a producer of a stream in another process of this machine, which was opened with the same transport. All calls
// of a producer work on it: patches are checked here, and by the stream again. A push is PATCHSTREAM_OK once the patch is
// in the ring; whether it was known, or its id is known with other content, patchstream_producer_answers() tells. Loans
// are filled in this process's memory, and copied as they are committed. A step that it has ended takes no patch any
// more, known or not. When the stream's process is gone, calls are PATCHSTREAM_ERR_FENCED within a second: close the
// producer, attach again, and send again what was not taken. A second living producer of one name is refused, which its
// later calls say with PATCHSTREAM_ERR_STATE.
//
// @param transport   "shm:NAME"
// @param name        a label, the same after a restart; no two open producers of a stream have the same
// @param timeout_ms  how long to wait for a stream that is not there yet
patchstream_status patchstream_producer_attach(const char *transport,
                                               const char *name,
                                               uint32_t timeout_ms,
                                               struct patchstream_producer **out);

// Says what an attached producer does with a patch for which there is no room.
//
// @param policy      PATCHSTREAM_ON_FULL_ANSWER, PATCHSTREAM_ON_FULL_BLOCK or PATCHSTREAM_ON_FULL_DROP
// @param timeout_ms  how long to wait with PATCHSTREAM_ON_FULL_BLOCK; otherwise not looked at
patchstream_status patchstream_producer_on_full(struct patchstream_producer *producer,
                                                uint32_t policy,
                                                uint32_t timeout_ms);

// Ends a wait for room of an attached producer, and lets none begin: from now on its pushes and loans without room are
// PATCHSTREAM_STOPPED instead of PATCHSTREAM_FULL; with room they go on to work. It holds until the producer is closed.
// Thread-safe, and may be called in a signal handler. NULL, a closed producer or one of a stream in this process is
// harmless: that one does not wait.
void patchstream_producer_request_stop(const struct patchstream_producer *producer);

// What became of the patches of an attached producer, as far as the stream has taken them up.
patchstream_status patchstream_producer_answers(struct patchstream_producer *producer, struct patchstream_answers *out);

// Copies a patch into the ring: converts it to float, checks it, commits it. PATCHSTREAM_FULL: the ring is full and
// nothing was taken; poll the stream and push it again. PATCHSTREAM_KNOWN: the same patch was there already.
// PATCHSTREAM_ERR_CONFLICT: its id is known with other content. After an error nothing of the patch stays, it is
// counted in the stream's statistics, and the next one can be pushed.
//
// Of an attached producer: without room it does as patchstream_producer_on_full() said, PATCHSTREAM_DROPPED and
// PATCHSTREAM_STOPPED (see patchstream_producer_request_stop()) are answers too, and there is no stream to poll: push it
// again a little later. KNOWN and CONFLICT are the stream's to find, and stand in patchstream_producer_answers(), as does
// what else it refuses. A patch that is refused here is in neither's counts.
patchstream_status patchstream_producer_push(struct patchstream_producer *producer,
                                             const struct patchstream_patch *patch,
                                             const struct patchstream_field *densities);

// Lends a place in the ring for one patch, to be filled by the host itself and then committed. Several may be out, and
// any thread may fill one. PATCHSTREAM_FULL: the ring is full; poll the stream and ask again. An attached producer waits
// first if patchstream_producer_on_full() said so, and answers with PATCHSTREAM_STOPPED after a stop; it drops nothing.
//
// @param densities  out: nx * ny * channels numbers to be written, [(y*nx+x)*channels+c] in nm^-2, with whatever was
//                   there before; they may be touched until the loan is committed or abandoned
// @param loan       out: names the loan
patchstream_status patchstream_producer_loan(struct patchstream_producer *producer,
                                             const struct patchstream_patch *patch,
                                             float **densities,
                                             uint64_t *loan);

// Commits a patch that was filled in place; patches of later loans wait for it. The statuses are those of
// patchstream_producer_push() but FULL, DROPPED and STOPPED; the loan has ended with any of them.
patchstream_status patchstream_producer_commit(struct patchstream_producer *producer, uint64_t loan);

// Gives a loan up.
patchstream_status patchstream_producer_abandon(struct patchstream_producer *producer, uint64_t loan);

// Says that this producer sends nothing more for steps up to step; no loan may be out. Once several producers have been
// open at the same time an event waits until each that is open has said so; with one it need not be called.
patchstream_status patchstream_producer_end_step(struct patchstream_producer *producer, int64_t step);

// Closes the producer; what it committed stays, loans that are out are given up. NULL is harmless.
void patchstream_producer_close(struct patchstream_producer *producer);

// What one queue has; patchstream_stats.queues says how many there are, and they count from 0. Thread-safe; it waits for
// nothing.
patchstream_status patchstream_stream_queue_stats(const struct patchstream_stream *stream,
                                                  uint32_t queue,
                                                  struct patchstream_queue_stats *out);

// The weights of what was selected from one queue, over that queue's patches alone. They compare with those of other
// queues: each is a number of patches. normalised has the mean 1 over the queue.
//
// @param out  close it with patchstream_weights_close()
patchstream_status patchstream_stream_weights_of(struct patchstream_stream *stream,
                                                 uint32_t queue,
                                                 struct patchstream_weights **out);

// Opens a counter with all counts 0, of bins of one width from 0 to cutoff_nm.
//
// @param species  1 to 65534: lipids in the order of the channels, to hand the counts in as "rdf"
// @param bins     1 to 2^20, and (species + 1) * bins at most 2^26
patchstream_status patchstream_rdf_open(uint32_t species,
                                        uint32_t bins,
                                        double cutoff_nm,
                                        struct patchstream_rdf **out);

// Adds the pairs of one frame. After an error the counts are what they were: PATCHSTREAM_ERR_VALUE for a coordinate that
// is not finite or outside the box, and for a species that is not there; PATCHSTREAM_ERR_ARGUMENT for a box that is not
// positive or less than twice the cutoff, and for no reference beads or one that is not there.
patchstream_status patchstream_rdf_count(struct patchstream_rdf *rdf,
                                         const struct patchstream_frame *frame);

// The pairs counted so far, as patchstream_job_submit() takes them: [species*bins+bin].
//
// @param sums   out: count numbers
// @param count  species * bins
patchstream_status patchstream_rdf_sums(const struct patchstream_rdf *rdf, double *sums, size_t count);

// How many frames were counted; 0 for NULL.
uint64_t patchstream_rdf_frames(const struct patchstream_rdf *rdf);

// Sets counts and frames back to 0, for the next window.
patchstream_status patchstream_rdf_clear(struct patchstream_rdf *rdf);

// Closes it. NULL is harmless.
void patchstream_rdf_close(struct patchstream_rdf *rdf);

// Copies the densities of a patch that is waiting, a candidate or selected, [(y*nx+x)*channels+c] in nm^-2, as they were
// pushed, or rounded if they are kept as float16. PATCHSTREAM_ERR_STATE: the configuration has no [retention].
// PATCHSTREAM_ERR_UNKNOWN: they are not kept, the patch never came, was discarded or was withdrawn.
// PATCHSTREAM_ERR_CORRUPT, PATCHSTREAM_ERR_IO: their file does not give them back, or they did not survive the end of an
// earlier process.
//
// @param densities  out: count values
// @param count      nx * ny * channels
patchstream_status patchstream_stream_densities(struct patchstream_stream *stream,
                                                uint64_t id,
                                                float *densities,
                                                size_t count);

// Says where the host of a stream with run_dir is: at the mark that it set before it wrote its own checkpoint, or at the
// start. On a run that was used before it is the first call: pushes, events and the others are PATCHSTREAM_ERR_STATE until
// then. A new run needs none, and takes one with NULL.
//
// From there on the host does again what it did: patches with equal content are PATCHSTREAM_KNOWN, events at the same step
// for as many picks are answered from the log. Where it does something else, or leaves something out, a branch begins:
// patches behind the mark that are not selected and were not sent again are withdrawn, what was selected stays, and the ids
// of selections have the branch in their top 16 bits: id & 0xffffffffffff is the host's.
// With a transport jobs go on, and no pick becomes a job twice; samples that were taken behind the mark come again from
// patchstream_stream_take_samples(). Producers of other processes send again from the mark too, and
// patchstream_stream_select() is PATCHSTREAM_AGAIN until they have.
// The history begins with all that lies behind the mark: who drains it before setting a mark has each row once.
// PATCHSTREAM_ERR_UNKNOWN: no such mark was set. PATCHSTREAM_ERR_CONFLICT: a branch began since and withdrew patches that
// came before the mark, which its host would not send again.
//
// @param mark  NULL: the start
// @param out   NULL if nobody wants to know
patchstream_status patchstream_stream_resume(struct patchstream_stream *stream,
                                             const char *mark,
                                             struct patchstream_resume_info *out);

// Sets a mark and writes a checkpoint, after taking in what was committed. PATCHSTREAM_OK: both are durable, and the host
// writes its own file, which names the mark. PATCHSTREAM_AGAIN: another thread was writing one for all of timeout_ms, and
// nothing was done. PATCHSTREAM_ERR_IO: it could not be written; the host does not write its file then.
//
// @param mark  1 to 256 bytes; a name that was used before takes the new place
// @param step  the host's own, told by patchstream_stream_resume()
patchstream_status patchstream_stream_checkpoint(struct patchstream_stream *stream,
                                                 const char *mark,
                                                 int64_t step,
                                                 uint32_t timeout_ms);

// Takes up to most samples that workers handed in and that were accepted, oldest first; each (job, observable, window)
// comes once. There may be none. With run_dir, what was taken before a mark is the host's, who writes its own file of it
// after patchstream_stream_checkpoint(); what was taken later comes again after patchstream_stream_resume().
// PATCHSTREAM_ERR_STATE: the stream has no transport.
patchstream_status patchstream_stream_take_samples(struct patchstream_stream *stream,
                                                   size_t most,
                                                   struct patchstream_samples **out);

// How many there are; 0 for NULL. Thread-safe.
size_t patchstream_samples_count(const struct patchstream_samples *samples);

// One of them, the oldest first. Thread-safe.
patchstream_status patchstream_samples_get(const struct patchstream_samples *samples,
                                           size_t index,
                                           struct patchstream_sample *out);

// Closes them. NULL is harmless.
void patchstream_samples_close(struct patchstream_samples *samples);

// What became of the jobs so far. It waits for nothing. PATCHSTREAM_ERR_STATE: the stream has no transport. Thread-safe.
patchstream_status patchstream_stream_jobs(const struct patchstream_stream *stream,
                                           struct patchstream_jobs *out);

// How many were selected; 0 for NULL. Thread-safe.
size_t patchstream_selections_count(const struct patchstream_selections *selections);

// One of them, in the order of the picks. Thread-safe.
patchstream_status patchstream_selections_get(const struct patchstream_selections *selections,
                                              size_t index,
                                              struct patchstream_selection *out);

// The whole message as a size-prefixed flatbuffer (patchstream.fbs, SelectionBatch). The bytes live until the
// selections are closed. Thread-safe.
patchstream_status patchstream_selections_bytes(const struct patchstream_selections *selections,
                                                const uint8_t **bytes,
                                                size_t *count);

// Closes them. NULL is harmless.
void patchstream_selections_close(struct patchstream_selections *selections);

// What was done so far. Thread-safe; it waits for nothing.
patchstream_status patchstream_stream_stats(const struct patchstream_stream *stream, struct patchstream_stats *out);

// The name of a status, such as "PATCHSTREAM_FULL"; "unknown status" for any other number. It lives for ever.
const char *patchstream_status_name(patchstream_status status);

// Opens a stream.
//
// @param options  NULL: all defaults
patchstream_status patchstream_stream_open(const struct patchstream_options *options, struct patchstream_stream **out);

// Takes in what was committed, for about budget_us, one patch at least: encodes it and gives it to the sampler.
// PATCHSTREAM_OK: nothing is left; PATCHSTREAM_AGAIN: work is left; PATCHSTREAM_STOPPED: a stop was requested. With a
// worker there is no need for it, but it helps.
patchstream_status patchstream_stream_poll(struct patchstream_stream *stream, uint32_t budget_us);

// One event: takes in everything committed for steps up to step, ranks it, discards what is over the capacity and
// selects up to n. PATCHSTREAM_AGAIN: one of several producers has not ended the step yet, or not all have come that the
// configuration awaits (producers = N), of which the log says how many have. Steps of events never fall.
// A patch that was committed after a loan which is still out waits for that loan.
//
// @param out  close it with patchstream_selections_close()
patchstream_status patchstream_stream_select(struct patchstream_stream *stream,
                                             int64_t step,
                                             size_t n,
                                             struct patchstream_selections **out);

// The weights of all selected: how many of all patches, the unselected ones counted at their nearest selected one,
// each stands for.
//
// @param out  close it with patchstream_weights_close()
patchstream_status patchstream_stream_weights(struct patchstream_stream *stream, struct patchstream_weights **out);

// The weights of some of the selected: every unselected patch counts at its nearest among exactly these.
//
// @param ids      count ids, all selected, none twice
// @param weights  out: count numbers, in the order of ids
patchstream_status patchstream_stream_weights_among(struct patchstream_stream *stream,
                                                    const uint64_t *ids,
                                                    size_t count,
                                                    double *weights);

// What people call a class, by its number from 0, UTF-8: selections have a probability of each, in this order.
// PATCHSTREAM_ERR_ARGUMENT: there is no such class, or no classifier. Thread-safe.
//
// @param label  out: it lives until the stream is closed
patchstream_status patchstream_stream_class_label(const struct patchstream_stream *stream,
                                                  uint32_t class_index,
                                                  const char **label);

// Makes a poll that is under way, and every later one, return PATCHSTREAM_STOPPED after the next patch. Selecting goes
// on to work.
// Thread-safe, and may be called in a signal handler. NULL or a closed stream is harmless.
void patchstream_stream_request_stop(const struct patchstream_stream *stream);

// Closes the stream and its worker; its producers answer with PATCHSTREAM_ERR_STATE from then on, and are closed by
// calls of their own. PATCHSTREAM_AGAIN: the worker was still at work after timeout_ms; the stream takes nothing
// more, call again. NULL is harmless.
patchstream_status patchstream_stream_close(struct patchstream_stream *stream, uint32_t timeout_ms);

// How many selected patches there are; 0 for NULL. Thread-safe.
size_t patchstream_weights_count(const struct patchstream_weights *weights);

// One of them, in the order in which the patches were selected. Thread-safe.
patchstream_status patchstream_weights_get(const struct patchstream_weights *weights,
                                           size_t index,
                                           struct patchstream_weight *out);

// The whole message as a size-prefixed flatbuffer (patchstream.fbs, Weights). The bytes live until the weights are
// closed. Thread-safe.
patchstream_status patchstream_weights_bytes(const struct patchstream_weights *weights,
                                             const uint8_t **bytes,
                                             size_t *count);

// Closes them. NULL is harmless.
void patchstream_weights_close(struct patchstream_weights *weights);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PATCHSTREAM_H */
