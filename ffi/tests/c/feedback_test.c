/* Feedback, as a C99 program sees it: pairs counted against a double loop, tables of a stream whose micro simulations run
 * in this process, and bad input of both.
 * Takes `--model NAME`, and does without. Prints each check that fails; exits with 1 if any did. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { NX = 5, CHANNELS = 14, LEN = NX * NX * CHANNELS, BINS = 4, VALUES = CHANNELS * BINS, BEADS = 300, SPECIES = 3 };

static uint64_t seed = 1;

/* In 0 .. 1. */
static double random01(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(seed >> 11) / 9007199254740992.0;
}

static double nearest(double d, double length) {
  d = fabs(d);
  return d < length - d ? d : length - d;
}

static void pairs_are_those_of_a_double_loop(void) {
  static double x[BEADS][3], sums[SPECIES * 7], expected[SPECIES * 7];
  static int32_t species[BEADS];
  const uint32_t references[2] = {0, 17};
  const double box[2] = {30, 24}, cutoff = 6;
  for (int i = 0; i < BEADS; i++) {
    for (int a = 0; a < 3; a++) x[i][a] = random01() * (a < 2 ? box[a] : 1e9);
    species[i] = i % 5 == 0 ? -1 : i % SPECIES;
  }
  patchstream_rdf *rdf = NULL;
  patchstream_frame frame = {sizeof frame, 0, {30, 24}, &x[0][0], BEADS * 3, 3, species, BEADS, references, 2};
  CHECK(patchstream_rdf_open(SPECIES, 7, cutoff, &rdf) == PATCHSTREAM_OK);
  for (int k = 0; k < 2; k++) CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_OK);
  for (int k = 0; k < 2; k++) {
    const double *at = x[references[k]];
    for (int i = 0; i < BEADS; i++) {
      const double r = sqrt(pow(nearest(x[i][0] - at[0], box[0]), 2) + pow(nearest(x[i][1] - at[1], box[1]), 2));
      if (i == (int)references[k] || species[i] < 0 || r >= cutoff) continue;
      expected[species[i] * 7 + (int)(r * 7 / cutoff)] += 2;
    }
  }
  CHECK(patchstream_rdf_sums(rdf, sums, SPECIES * 7) == PATCHSTREAM_OK && patchstream_rdf_frames(rdf) == 2);
  CHECK(memcmp(sums, expected, sizeof sums) == 0 && sums[6] > 0);

  /* After an error the counts are what they were. */
  const double was = x[9][0];
  const double bad[] = {NAN, INFINITY, -0.001, 30.0, 1e300};
  for (int k = 0; k < 5; k++) {
    x[9][0] = bad[k];
    CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_ERR_VALUE);
    CHECK(strstr(patchstream_last_error(), "bead 9") != NULL);
  }
  frame.wrap = 1;
  CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_ERR_VALUE); /* still too far */
  x[9][0] = was;
  frame.wrap = 0;
  species[4] = SPECIES;
  CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_ERR_VALUE);
  species[4] = 1 << 20;
  CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_ERR_VALUE);
  species[4] = 1;
  patchstream_frame other = frame;
  other.position_count = BEADS * 3 - 1;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_SHAPE);
  other = frame, other.stride = 1;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_SHAPE);
  other = frame, other.stride = UINT64_MAX;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_SHAPE);
  other = frame, other.reference_count = 0;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_ARGUMENT);
  const uint32_t absent = BEADS;
  other = frame, other.references = &absent, other.reference_count = 1;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_ARGUMENT);
  other = frame, other.box_nm[1] = 11.9;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_ARGUMENT);
  other = frame, other.positions_nm = NULL;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_ARGUMENT);
  other = frame, other.struct_size = 0;
  CHECK(patchstream_rdf_count(rdf, &other) == PATCHSTREAM_ERR_VERSION);
  CHECK(patchstream_rdf_count(rdf, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_rdf_sums(rdf, sums, 20) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_rdf_sums(rdf, sums, SPECIES * 7) == PATCHSTREAM_OK && patchstream_rdf_frames(rdf) == 2);
  CHECK(memcmp(sums, expected, sizeof sums) == 0);
  CHECK(patchstream_rdf_clear(rdf) == PATCHSTREAM_OK && patchstream_rdf_frames(rdf) == 0);
  CHECK(patchstream_rdf_sums(rdf, sums, SPECIES * 7) == PATCHSTREAM_OK && sums[6] == 0);
  patchstream_rdf_close(rdf);
  patchstream_rdf_close(NULL);
  CHECK(patchstream_rdf_count(rdf, &frame) == PATCHSTREAM_ERR_STATE && patchstream_rdf_frames(rdf) == 0);
  CHECK(patchstream_rdf_clear(NULL) == PATCHSTREAM_ERR_ARGUMENT && patchstream_rdf_frames(NULL) == 0);
  CHECK(patchstream_rdf_open(0, 7, cutoff, &rdf) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_rdf_open(SPECIES, 0, cutoff, &rdf) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_rdf_open(65534, 1 << 20, cutoff, &rdf) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_rdf_open(SPECIES, 7, NAN, &rdf) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_rdf_open(SPECIES, 7, cutoff, NULL) == PATCHSTREAM_ERR_ARGUMENT);
}

static void push(patchstream_producer *producer, uint64_t id) {
  static float densities[LEN];
  patchstream_protein protein = {id, (int32_t)(id % 2), -1, 0, 0};
  patchstream_patch patch = {sizeof patch, 1, id, 0, 0, {0, 0}, &protein, NULL, 0, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  for (int i = 0; i < LEN; i++) densities[i] = (float)id / 10.0f;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
}

static patchstream_status try_open(const char *text, patchstream_stream **stream) {
  patchstream_options options;
  FILE *file = fopen("feedback.toml", "w");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
  patchstream_options_init(&options, sizeof options);
  options.nx = options.ny = NX, options.model = "mean", options.config = "feedback.toml";
  return patchstream_stream_open(&options, stream);
}

static patchstream_stream *open_stream(const char *text) {
  patchstream_stream *stream = NULL;
  CHECK(try_open(text, &stream) == PATCHSTREAM_OK);
  return stream;
}

/* 320 GB for smoothing alone: a status, where the process would end if it were asked for. */
static void what_no_memory_holds_is_refused(void) {
  patchstream_stream *stream = NULL;
  CHECK(try_open("[feedback]\nbins = 200000\n[feedback.inversion]\n", &stream) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(stream == NULL);
}

static void tables_come_from_simulations_in_this_process(void) {
  patchstream_stream *stream = open_stream(
      "[feedback]\nbins = 4\ncutoff_nm = 2.0\ndensities_nm2 = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
      "[feedback.inversion]\nsmoothing_nm = 0\nswitch_nm = 0\n");
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  patchstream_feedback *feedback = NULL, *again = NULL;
  patchstream_feedback_counts counts = {.struct_size = sizeof counts};
  patchstream_feedback_table table = {.struct_size = sizeof table};
  const uint32_t shape[2] = {CHANNELS, BINS};
  static double sums[VALUES];
  const double area = 3.14159265358979323846 * 0.25;
  CHECK(patchstream_producer_open(stream, "c", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 8; id++) push(producer, id);
  CHECK(patchstream_stream_select(stream, 0, 2, &selections) == PATCHSTREAM_OK);
  patchstream_selection first = {.struct_size = sizeof first};
  CHECK(patchstream_selections_get(selections, 0, &first) == PATCHSTREAM_OK && first.id == 1);
  CHECK(patchstream_stream_feedback(stream, 0, &feedback) == PATCHSTREAM_AGAIN);
  for (int i = 0; i < VALUES; i++) sums[i] = i;

  CHECK(patchstream_stream_submit(stream, 5, "rdf", 0, 10, shape, 2, sums, VALUES) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 1, sums, CHANNELS) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 2, sums, VALUES - 1) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 0, shape, 2, sums, VALUES) == PATCHSTREAM_ERR_VALUE);
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 2, NULL, VALUES) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_submit(stream, 1, NULL, 0, 10, shape, 2, sums, VALUES) == PATCHSTREAM_ERR_ARGUMENT);
  sums[3] = NAN;
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 2, sums, VALUES) == PATCHSTREAM_ERR_VALUE);
  sums[3] = 3;
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 2, sums, VALUES) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_submit(stream, 1, "rdf", 0, 10, shape, 2, sums, VALUES) == PATCHSTREAM_KNOWN);
  CHECK(patchstream_stream_feedback_counts(stream, &counts) == PATCHSTREAM_OK);
  CHECK(counts.simulations == 2 && counts.accepted == 1 && counts.known == 1 && counts.refused == 5 && counts.version == 0);

  CHECK(patchstream_stream_publish_feedback(stream, 3, 2, NULL) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_publish_feedback(stream, 3, 5, &feedback) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_feedback(stream, 4, &again) == PATCHSTREAM_AGAIN && again == NULL);
  CHECK(patchstream_stream_feedback(stream, 5, &again) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_feedback(stream, 6, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_feedback(stream, 6, &again) == PATCHSTREAM_ERR_STATE);
  /* A table outlives its stream. */
  CHECK(patchstream_feedback_get(again, &table) == PATCHSTREAM_OK);
  CHECK(table.states == 18 && table.lipids == CHANNELS && table.bins == BINS);
  CHECK(table.version == 1 && table.in_force_from == 5);
  CHECK(strcmp(table.state_names[1], "RASb") == 0 && strcmp(table.lipid_names[13], "CHOL_outer") == 0);
  CHECK(table.simulations[1] == 1 && table.simulations[0] == 0 && table.effective_samples[1] == 1);
  CHECK(table.r_nm[0] == 0.25 && table.g[0] == 1 && isinf(table.standard_error[0]));
  const size_t at = VALUES + 2; /* state 1, lipid 0, bin 2 */
  CHECK(fabs(table.g[at] - 0.2 / (5 * area)) < 1e-12 && fabs(table.potential_kt[at] + log(table.g[at])) < 1e-12);
  CHECK(table.has_potential[CHANNELS] == 1 && table.has_potential[0] == 0 && table.potential_kt[0] == 0);
  const uint8_t *bytes = NULL;
  size_t count = 0;
  CHECK(patchstream_feedback_bytes(feedback, &bytes, &count) == PATCHSTREAM_OK && count > 3 * 8 * 18 * VALUES);
  table.struct_size = 8;
  CHECK(patchstream_feedback_get(again, &table) == PATCHSTREAM_ERR_VERSION);
  table.struct_size = sizeof table;
  CHECK(patchstream_feedback_get(again, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_feedback_close(again);
  CHECK(patchstream_feedback_get(again, &table) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_feedback_bytes(again, &bytes, &count) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_feedback_get((const patchstream_feedback *)selections, &table) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_feedback_close(feedback);
  patchstream_feedback_close(NULL);
  patchstream_selections_close(selections);
  patchstream_producer_close(producer);
}

static void means_have_error_bars_and_what_is_not_there_says_so(void) {
  patchstream_stream *stream = open_stream("[feedback]\n");
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  const uint32_t shape[1] = {2};
  double values[2] = {0, 0}, error[2] = {0, 0};
  uint64_t simulations = 0;
  CHECK(patchstream_producer_open(stream, "c", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 8; id++) push(producer, id);
  CHECK(patchstream_stream_select(stream, 0, 8, &selections) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 8; id++) {
    const double sums[2] = {(double)id, 1};
    CHECK(patchstream_stream_submit(stream, id, "area", 0, 1, shape, 1, sums, 2) == PATCHSTREAM_OK);
  }
  CHECK(patchstream_stream_mean(stream, "area", -1, values, error, 2, &simulations) == PATCHSTREAM_OK);
  CHECK(fabs(values[0] - 4.5) < 1e-12 && values[1] == 1 && simulations == 8 && error[1] == 0);
  CHECK(fabs(error[0] - sqrt(6.0 / 8.0)) < 1e-12); /* the variance of 1 .. 8 is 6 */
  CHECK(patchstream_stream_mean(stream, "area", 1, values, NULL, 2, NULL) == PATCHSTREAM_OK);
  CHECK(fabs(values[0] - 4.0) < 1e-12);
  CHECK(patchstream_stream_mean(stream, "area", 1, values, error, 3, NULL) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_stream_mean(stream, "area", 5, values, error, 2, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_mean(stream, "area", -2, values, error, 2, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_mean(stream, "volume", -1, values, error, 2, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(fabs(values[0] - 4.0) < 1e-12);
  patchstream_selections_close(selections);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);

  stream = open_stream("seed = 1\n");
  patchstream_feedback *feedback = NULL;
  patchstream_feedback_counts counts = {.struct_size = sizeof counts};
  CHECK(patchstream_stream_feedback(stream, 0, &feedback) == PATCHSTREAM_ERR_STATE && feedback == NULL);
  CHECK(strstr(patchstream_last_error(), "[feedback]") != NULL);
  CHECK(patchstream_stream_publish_feedback(stream, 0, 0, NULL) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_feedback_counts(stream, &counts) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_submit(stream, 1, "area", 0, 1, shape, 1, values, 2) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

int main(void) {
  pairs_are_those_of_a_double_loop();
  tables_come_from_simulations_in_this_process();
  means_have_error_bars_and_what_is_not_there_says_so();
  what_no_memory_holds_is_refused();
  return report("feedback_test");
}
