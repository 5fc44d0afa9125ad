/* The C interface as a C99 program sees it: every handle's errors, bad input,
 * and what comes of good input.
 * Takes `--model NAME` (default "metric"). Prints each check that fails; exits with their number. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS };

static float densities[LEN];

static void fill(uint64_t id) {
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
}

static patchstream_patch patch_of(uint64_t id, int64_t step) {
  patchstream_patch patch = {sizeof patch, 0, id, step, 0.5, {15, 15}, NULL, NULL, 0, 0};
  return patch;
}

static patchstream_field field_of(void) {
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  return field;
}

static int log_lines;

static void count_line(void *user, int32_t level, const char *message) {
  CHECK(user == &log_lines);
  CHECK(level == PATCHSTREAM_LOG_INFO || level == PATCHSTREAM_LOG_WARNING);
  CHECK(strlen(message) > 0);
  log_lines++;
}

static patchstream_stream *open_stream(const char *model, uint32_t threads) {
  patchstream_options options;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = model;
  options.threads = threads;
  options.slots = 8;
  options.log = count_line;
  options.log_user = &log_lines;
  patchstream_stream *stream = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  return stream;
}

static void wrong_options_are_errors(const char *model) {
  patchstream_options options;
  patchstream_stream *stream = NULL;
  CHECK(patchstream_options_init(NULL, sizeof options) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_options_init(&options, 12) == PATCHSTREAM_ERR_VERSION);
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = model;
  CHECK(patchstream_stream_open(&options, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  options.slots = 7;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  options.slots = 0;
  options.mode = 9;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  options.mode = 0;
  options.threads = 64;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  options.threads = 0;
  options.config = "no/such/file.toml";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_IO);
  CHECK(strstr(patchstream_last_error(), "no/such/file.toml") != NULL);
  options.config = NULL;
  options.model = "\xff\xfe";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  options.model = "no/such/model.onnx";
  CHECK(patchstream_stream_open(&options, &stream) < 0);
  CHECK(strstr(patchstream_last_error(), "no/such/model") != NULL);
  CHECK(stream == NULL);

  /* A struct of a newer header: as long as what it adds is zero, it means the same. */
  struct {
    struct patchstream_options known;
    uint64_t added;
  } newer;
  memset(&newer, 0xff, sizeof newer);
  CHECK(patchstream_options_init(&newer.known, sizeof newer) == PATCHSTREAM_OK);
  newer.known.model = "mean";
  CHECK(patchstream_stream_open(&newer.known, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(newer.added == 0);
  newer.added = 1;
  CHECK(patchstream_stream_open(&newer.known, &stream) == PATCHSTREAM_ERR_VERSION);
}

static void null_and_closed_handles_are_errors(const char *model) {
  patchstream_patch patch = patch_of(1, 0);
  patchstream_field field = field_of();
  patchstream_selections *selections = NULL;
  patchstream_weights *weights = NULL;
  patchstream_producer *producer = NULL;
  patchstream_stats stats = {.struct_size = sizeof stats};
  patchstream_selection selection = {.struct_size = sizeof selection};
  patchstream_weight weight = {.struct_size = sizeof weight};
  float point[16];
  const uint8_t *bytes = NULL;
  size_t count = 0;

  CHECK(patchstream_stream_poll(NULL, 0) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(strstr(patchstream_last_error(), "NULL") != NULL);
  CHECK(patchstream_stream_select(NULL, 0, 1, &selections) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_stats(NULL, &stats) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_open(NULL, "x", &producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_push(NULL, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_model_encode(NULL, &field, point, 9) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_selections_count(NULL) == 0);
  CHECK(patchstream_weights_count(NULL) == 0);
  patchstream_stream_request_stop(NULL);
  CHECK(patchstream_stream_close(NULL, 0) == PATCHSTREAM_OK);
  patchstream_producer_close(NULL);
  patchstream_selections_close(NULL);
  patchstream_weights_close(NULL);
  patchstream_model_close(NULL);

  patchstream_stream *stream = open_stream(model, 0);
  CHECK(patchstream_producer_open(stream, NULL, &producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_push((patchstream_producer *)stream, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_push((patchstream_producer *)&patch, &patch, &field) < 0);
  CHECK(patchstream_producer_push(producer, NULL, &field) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_push(producer, &patch, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_stats(stream, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_select(stream, 0, 1, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_select(stream, 0, 1, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_get(selections, 1, &selection) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_selections_get(selections, 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_selections_close(selections);
  patchstream_selections_close(selections);
  CHECK(patchstream_selections_get(selections, 0, &selection) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_selections_bytes(selections, &bytes, &count) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_weights(stream, &weights) == PATCHSTREAM_OK);
  CHECK(patchstream_weights_get(weights, 5, &weight) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_weights_close(weights);
  CHECK(patchstream_weights_get(weights, 0, &weight) == PATCHSTREAM_ERR_STATE);

  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_ERR_STATE);
  CHECK(strstr(patchstream_last_error(), "closed") != NULL);
  patchstream_stream_request_stop(stream);
  CHECK(patchstream_stream_poll(stream, 0) == PATCHSTREAM_ERR_STATE);
  patch.id = 2;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_STATE);
  patchstream_producer_close(producer);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_STATE);

  /* A new object in an old place does not answer to the old handle. */
  patchstream_stream *next = open_stream(model, 0);
  CHECK(patchstream_stream_poll(stream, 0) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_poll(next, 0) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_close(next, 1000) == PATCHSTREAM_OK);
}

static void bad_patches_are_counted_and_the_next_goes_through(const char *model, uint32_t threads) {
  patchstream_stream *stream = open_stream(model, threads);
  patchstream_producer *producer = NULL;
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  patchstream_patch patch = patch_of(1, 0);
  patchstream_field field = field_of();
  fill(1);

  const float bad[3] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    float good = densities[777];
    densities[777] = bad[i];
    CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_VALUE);
    CHECK(strstr(patchstream_last_error(), "patch 1") != NULL);
    densities[777] = good;
  }
  field.channels = 13;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_SHAPE);
  field.channels = CHANNELS;
  field.channels = 0;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_SHAPE);
  field.channels = CHANNELS;
  field.nx = 36;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_SHAPE);
  field.nx = NX;
  field.type = 3;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  field.type = PATCHSTREAM_F32;
  field.stride_x = 3;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  field.stride_x = 0;
  field.struct_size = 8;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_VERSION);
  field.struct_size = sizeof field;
  field.data = (const char *)densities + 1;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  field.data = NULL;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  field.data = densities;
  patch.id = 0;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  patch.id = 1;
  patch.center_nm[0] = NAN;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_VALUE);
  patch.center_nm[0] = 15;
  patch.protein_count = 1;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_protein protein = {7, 400, -1, 0, 0};
  patch.proteins = &protein;
  CHECK(patchstream_producer_push(producer, &patch, &field) < 0);
  protein.state = 0;

  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_KNOWN);
  fill(2);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_CONFLICT);
  patch.id = 2;
  patch.label = "second";
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);

  /* A loan filled in place is checked as well. */
  float *place = NULL;
  uint64_t loan = 0;
  patch.id = 3;
  CHECK(patchstream_producer_loan(producer, &patch, &place, &loan) == PATCHSTREAM_OK);
  memcpy(place, densities, sizeof densities);
  place[LEN - 1] = NAN;
  CHECK(patchstream_producer_commit(producer, loan) == PATCHSTREAM_ERR_VALUE);
  CHECK(patchstream_producer_commit(producer, loan) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_loan(producer, &patch, &place, &loan) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_abandon(producer, loan) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_abandon(producer, loan) == PATCHSTREAM_ERR_ARGUMENT);

  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_select(stream, 0, 5, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_count(selections) == 2);
  patchstream_selection selection = {.struct_size = sizeof selection};
  CHECK(patchstream_selections_get(selections, 0, &selection) == PATCHSTREAM_OK);
  CHECK(selection.struct_size == sizeof selection && selection.id == 1 && selection.order == 0);
  CHECK(isinf(selection.rank) && selection.protein_count == 1 && selection.proteins[0].id == 7);
  CHECK(selection.ras == 1 && selection.raf == 0 && selection.label == NULL && selection.dim > 0);
  CHECK(selection.center_nm[1] == 15 && selection.time_us == 0.5);
  patchstream_model *encoder = NULL;
  patchstream_model_info info = {.struct_size = sizeof info};
  float point[16] = {0};
  CHECK(patchstream_model_open(model, NX, NX, CHANNELS, &encoder) == PATCHSTREAM_OK);
  CHECK(patchstream_model_get_info(encoder, &info) == PATCHSTREAM_OK);
  CHECK(info.dim == selection.dim && strlen(info.name) > 0 && strlen(info.backend) > 0);
  fill(1);
  CHECK(patchstream_model_encode(encoder, &field, point, info.dim + 1) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_model_encode(encoder, &field, point, info.dim) == PATCHSTREAM_OK);
  CHECK(memcmp(point, selection.point, info.dim * sizeof(float)) == 0);
  patchstream_model_close(encoder);
  CHECK(patchstream_model_get_info(encoder, &info) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_selections_get(selections, 1, &selection) == PATCHSTREAM_OK);
  CHECK(selection.id == 2 && strcmp(selection.label, "second") == 0 && selection.rank > 0);
  const uint8_t *bytes = NULL;
  size_t count = 0;
  CHECK(patchstream_selections_bytes(selections, &bytes, &count) == PATCHSTREAM_OK);
  CHECK(count > 16 && memcmp(bytes + 8, "PSTR", 4) == 0);
  patchstream_selections_close(selections);

  const uint64_t ids[2] = {2, 1};
  double among[2] = {0, 0};
  CHECK(patchstream_stream_weights_among(stream, ids, 2, among) == PATCHSTREAM_OK);
  CHECK(among[0] == 1 && among[1] == 1);
  const uint64_t stranger = 99;
  CHECK(patchstream_stream_weights_among(stream, &stranger, 1, among) == PATCHSTREAM_ERR_UNKNOWN);

  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.pushed == 2 && stats.known == 1 && stats.encoded == 2 && stats.selected == 2 && stats.events == 1);
  CHECK(stats.rejected_value == 5 && stats.rejected_shape == 3 && stats.rejected_conflict == 1);
  CHECK(stats.rejected_argument == 8 && stats.rejected_model == 0 && stats.rejected_corrupt == 0);
  CHECK(stats.rejected == 17);
  CHECK(stats.push.count == 2 && stats.push.p50_us > 0 && stats.encode.count == 2);

  CHECK(patchstream_producer_end_step(producer, 0) == PATCHSTREAM_OK);
  patch.id = 9;
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_ERR_STATE);
  patchstream_stream_request_stop(stream);
  CHECK(patchstream_stream_poll(stream, 1000) == PATCHSTREAM_STOPPED);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 5000) == PATCHSTREAM_OK);
}

static void full_ring_answers_at_once(const char *model) {
  patchstream_stream *stream = open_stream(model, 0);
  patchstream_producer *producer = NULL;
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  patchstream_field field = field_of();
  for (uint64_t id = 1; id <= 9; id++) {
    patchstream_patch patch = patch_of(id, 0);
    fill(id);
    CHECK(patchstream_producer_push(producer, &patch, &field) == (id <= 8 ? PATCHSTREAM_OK : PATCHSTREAM_FULL));
  }
  CHECK(patchstream_stream_poll(stream, 0) == PATCHSTREAM_AGAIN);
  patchstream_patch patch = patch_of(9, 0);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

static void producer_closed_with_a_loan_out_leaves_what_it_committed(const char *model) {
  patchstream_stream *stream = open_stream(model, 1);
  patchstream_producer *producer = NULL;
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  float *place = NULL;
  uint64_t first = 0, second = 0;
  patchstream_patch patch = patch_of(1, 0);
  patchstream_field field = field_of();
  CHECK(patchstream_producer_loan(producer, &patch, &place, &first) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_abandon(producer, first) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_loan(producer, &patch, &place, &second) == PATCHSTREAM_OK);
  CHECK(first != second);
  CHECK(patchstream_producer_abandon(producer, first) == PATCHSTREAM_ERR_ARGUMENT);
  patch.id = 2;
  fill(2);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_end_step(producer, 0) == PATCHSTREAM_ERR_STATE);
  patchstream_producer_close(producer);
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_select(stream, 0, 5, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_count(selections) == 1);
  patchstream_selections_close(selections);
  CHECK(patchstream_stream_close(stream, 5000) == PATCHSTREAM_OK);
}

static patchstream_stream *signalled;

static void on_signal(int number) {
  (void)number;
  patchstream_stream_request_stop(signalled);
}

static void signal_handler_stops_a_stream(const char *model) {
  signalled = open_stream(model, 0);
  CHECK(signal(SIGINT, on_signal) != SIG_ERR);
  CHECK(patchstream_stream_poll(signalled, 0) == PATCHSTREAM_OK);
  CHECK(raise(SIGINT) == 0);
  CHECK(patchstream_stream_poll(signalled, 0) == PATCHSTREAM_STOPPED);
  CHECK(patchstream_stream_close(signalled, 1000) == PATCHSTREAM_OK);
  signal(SIGINT, SIG_DFL);
}

/* When even the thread's own storage is gone an error is a status, and nothing is printed or ended. */
static void at_exit(void) {
  if (patchstream_stream_poll(NULL, 0) != PATCHSTREAM_ERR_ARGUMENT || patchstream_last_error() == NULL) _Exit(3);
}

int main(int argc, char **argv) {
  const char *model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  wrong_options_are_errors(model);
  null_and_closed_handles_are_errors(model);
  bad_patches_are_counted_and_the_next_goes_through(model, 0);
  bad_patches_are_counted_and_the_next_goes_through(model, 1);
  full_ring_answers_at_once(model);
  producer_closed_with_a_loan_out_leaves_what_it_committed(model);
  signal_handler_stops_a_stream(model);
  CHECK(atexit(at_exit) == 0);
  CHECK(strcmp(model, "metric") != 0 || log_lines > 0);
  return report("abi_test");
}
