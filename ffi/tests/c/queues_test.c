/* Queues, states of picks, withdrawals and the history, as a C99 program sees them, bad input first.
 * Takes `--model NAME` (default "metric"), and writes its configuration files where it is started.
 * Prints each check that fails; exits with 1 if any did. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS };

static float densities[LEN];
static const char *model;
static int log_lines;

static const char TWO_QUEUES[] =
    "[[queues]]\nname = \"single\"\ntarget = 3\nconstellations = [\"1:0\"]\n"
    "[[queues]]\nname = \"complexes\"\nconstellations = [\"1:1\"]\n";

static const char TWO_FOR_A_FUNCTION[] = "[[queues]]\nname = \"even\"\n[[queues]]\nname = \"odd\"\n";

static void count_line(void *user, int32_t level, const char *message) {
  CHECK(user == NULL && strlen(message) > 0);
  log_lines += level == PATCHSTREAM_LOG_WARNING; /* An encoder that is not trained says so, which is none. */
}

static patchstream_options options_with(const char *text) {
  patchstream_options options;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  CHECK(options.seed == 0 && options.history == 0 && options.route == NULL && options.route_user == NULL);
  options.model = model;
  if (text != NULL) {
    FILE *file = fopen("queues_test.toml", "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    options.config = "queues_test.toml";
  }
  return options;
}

/* Pushes a patch of so many RAS and RAF. */
static patchstream_status push(patchstream_producer *producer, uint64_t id, int ras, int raf, float factor) {
  patchstream_protein proteins[4];
  for (int i = 0; i < ras + raf; i++) {
    const patchstream_protein protein = {7, i < ras ? 0 : 6, -1, 0, 0};
    proteins[i] = protein;
  }
  patchstream_patch patch = {sizeof patch, (uint32_t)(ras + raf), id, 0, 0.5, {15, 15}, proteins, NULL, factor, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
  return patchstream_producer_push(producer, &patch, &field);
}

static void null_and_stale_handles_are_errors(void) {
  patchstream_weights *weights = NULL;
  patchstream_queue_stats queue = {.struct_size = sizeof queue};
  patchstream_pick pick = {.struct_size = sizeof pick};
  patchstream_history_row row;
  size_t count = 77;
  patchstream_options options = options_with(NULL);
  patchstream_stream *stale = NULL;
  CHECK(patchstream_stream_open(&options, &stale) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_close(stale, 1000) == PATCHSTREAM_OK);
  patchstream_stream *const streams[2] = {NULL, stale};
  for (int i = 0; i < 2; i++) {
    const patchstream_status error = i == 0 ? PATCHSTREAM_ERR_ARGUMENT : PATCHSTREAM_ERR_STATE;
    CHECK(patchstream_stream_weights_of(streams[i], 0, &weights) == error);
    CHECK(patchstream_stream_queue_stats(streams[i], 0, &queue) == error);
    CHECK(patchstream_stream_set_state(streams[i], 1, PATCHSTREAM_STARTED, 0) == error);
    CHECK(patchstream_stream_get_pick(streams[i], 1, &pick) == error);
    CHECK(patchstream_stream_withdraw(streams[i], 1, 0) == error);
    CHECK(patchstream_stream_history(streams[i], &row, 1, &count) == error);
  }
  CHECK(weights == NULL && count == 77);
}

static void wrong_files_are_sentences(void) {
  static const char *const wrong[][2] = {
      {"[[queues]]\nname = \"a\"\ncapacty = 3\n", "capacty"},
      {"[[queues]]\nname = \"a\"\nsampler = \"binned\"\n", "needs bins and novelty"},
      {"[[queues]]\nname = \"a\"\nconstellations = [\"one\"]\n", "is no constellation"},
      {"[[queues]]\nname = \"a\"\nconstellations = [\"*\"]\n[[queues]]\nname = \"b\"\n", "nothing goes to queue"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    patchstream_stream *stream = NULL;
    patchstream_options options = options_with(wrong[i][0]);
    CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT && stream == NULL);
    CHECK(strstr(patchstream_last_error(), wrong[i][1]) != NULL);
  }
  patchstream_stream *stream = NULL;
  patchstream_options options = options_with(TWO_QUEUES);
  options.capacity = 9;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(strstr(patchstream_last_error(), "capacity 9") != NULL);
}

static void queues_take_their_constellations_and_their_shares(uint32_t threads) {
  patchstream_options options = options_with(TWO_QUEUES);
  options.threads = threads;
  options.log = count_line;
  options.slots = 64;
  log_lines = 0;
  patchstream_stream *stream = NULL;
  patchstream_producer *producer = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 20; id++) CHECK(push(producer, id, 1, (int)(id % 2), 0) == PATCHSTREAM_OK);
  CHECK(push(producer, 21, 2, 1, 0) == PATCHSTREAM_OK); /* No queue takes it. */
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_select(stream, 0, 8, &selections) == PATCHSTREAM_OK);
  int picked[2] = {0, 0};
  for (size_t i = 0; i < patchstream_selections_count(selections); i++) {
    patchstream_selection selection = {.struct_size = sizeof selection};
    CHECK(patchstream_selections_get(selections, i, &selection) == PATCHSTREAM_OK);
    CHECK(selection.queue == selection.raf && selection.queue < 2);
    picked[selection.queue % 2]++;
    /* A program of the first header has no room for the queue: nothing is written there. */
    patchstream_selection older = {.struct_size = offsetof(patchstream_selection, queue), .queue = 99};
    CHECK(patchstream_selections_get(selections, i, &older) == PATCHSTREAM_OK);
    CHECK(older.id == selection.id && older.raf == selection.raf && older.queue == 99);
  }
  CHECK(picked[0] == 6 && picked[1] == 2);
  patchstream_selections_close(selections);

  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.queues == 2 && stats.encoded == 20 && stats.rejected == 1 && stats.rejected_argument == 1);
  CHECK(log_lines == 1);
  static const char *const names[2] = {"single", "complexes"};
  for (uint32_t i = 0; i < 2; i++) {
    patchstream_queue_stats queue = {.struct_size = sizeof queue};
    CHECK(patchstream_stream_queue_stats(stream, i, &queue) == PATCHSTREAM_OK);
    CHECK(strcmp(queue.name, names[i]) == 0);
    CHECK(queue.selected == (uint64_t)picked[i] && queue.candidates == (uint64_t)(10 - picked[i]));
    patchstream_weights *weights = NULL;
    CHECK(patchstream_stream_weights_of(stream, i, &weights) == PATCHSTREAM_OK);
    CHECK(patchstream_weights_count(weights) == queue.selected);
    double sum = 0;
    for (size_t j = 0; j < patchstream_weights_count(weights); j++) {
      patchstream_weight weight = {.struct_size = sizeof weight};
      CHECK(patchstream_weights_get(weights, j, &weight) == PATCHSTREAM_OK);
      sum += weight.weight;
    }
    CHECK(sum == 10);
    patchstream_weights_close(weights);
  }
  patchstream_queue_stats queue = {.struct_size = sizeof queue};
  patchstream_weights *weights = NULL;
  CHECK(patchstream_stream_queue_stats(stream, 2, &queue) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(strstr(patchstream_last_error(), "queue 2") != NULL);
  CHECK(patchstream_stream_queue_stats(stream, 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  queue.struct_size = 8;
  CHECK(patchstream_stream_queue_stats(stream, 0, &queue) == PATCHSTREAM_ERR_VERSION);
  CHECK(patchstream_stream_weights_of(stream, UINT32_MAX, &weights) == PATCHSTREAM_ERR_ARGUMENT && weights == NULL);
  CHECK(patchstream_stream_weights_of(stream, 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 5000) == PATCHSTREAM_OK);
}

struct host {
  patchstream_stream *stream;
  int calls;
};

static uint32_t by_id(void *user, const patchstream_arrival *patch) {
  struct host *host = user;
  host->calls++;
  CHECK(patch->struct_size == sizeof *patch && patch->center_nm[0] == 15 && patch->step == 0);
  CHECK(patch->protein_count == 1 && patch->ras == 1 && patch->raf == 0 && patch->proteins[0].id == 7);
  patchstream_selections *selections = NULL;
  patchstream_producer *producer = NULL;
  CHECK(patchstream_stream_select(host->stream, 0, 1, &selections) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_producer_open(host->stream, "two", &producer) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_close(host->stream, 1000) == PATCHSTREAM_ERR_STATE);
  return patch->id == 5 ? UINT32_MAX : (uint32_t)(patch->id % 2);
}

static void function_routes_and_never_deadlocks(uint32_t threads) {
  struct host host = {NULL, 0};
  patchstream_options options = options_with(TWO_FOR_A_FUNCTION);
  options.threads = threads;
  options.route = by_id;
  options.route_user = &host;
  CHECK(patchstream_stream_open(&options, &host.stream) == PATCHSTREAM_OK);
  patchstream_producer *producer = NULL;
  CHECK(patchstream_producer_open(host.stream, "one", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 6; id++) CHECK(push(producer, id, 1, 0, 0) == PATCHSTREAM_OK);
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_select(host.stream, 0, 9, &selections) == PATCHSTREAM_OK);
  CHECK(host.calls == 6 && patchstream_selections_count(selections) == 5);
  for (size_t i = 0; i < patchstream_selections_count(selections); i++) {
    patchstream_selection selection = {.struct_size = sizeof selection};
    CHECK(patchstream_selections_get(selections, i, &selection) == PATCHSTREAM_OK);
    CHECK(selection.queue == selection.id % 2);
  }
  patchstream_selections_close(selections);
  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(patchstream_stream_stats(host.stream, &stats) == PATCHSTREAM_OK && stats.rejected_argument == 1);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(host.stream, 5000) == PATCHSTREAM_OK);

  options = options_with(TWO_QUEUES);
  options.route = by_id;
  CHECK(patchstream_stream_open(&options, &host.stream) == PATCHSTREAM_ERR_ARGUMENT);
}

static void picks_have_states_and_all_of_it_is_in_the_history(void) {
  patchstream_options options = options_with(NULL);
  options.history = 100;
  options.seed = 5;
  patchstream_stream *stream = NULL;
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  CHECK(push(producer, 1, 0, 0, -1) == PATCHSTREAM_ERR_VALUE && push(producer, 1, 0, 0, NAN) == PATCHSTREAM_ERR_VALUE);
  for (uint64_t id = 1; id <= 4; id++) CHECK(push(producer, id, 0, 0, id == 3 ? 1000.0f : 0) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_select(stream, 0, 2, &selections) == PATCHSTREAM_OK);
  patchstream_selection selection = {.struct_size = sizeof selection};
  CHECK(patchstream_selections_get(selections, 1, &selection) == PATCHSTREAM_OK && selection.id == 3);
  patchstream_selections_close(selections);

  patchstream_pick pick = {.struct_size = sizeof pick};
  CHECK(patchstream_stream_get_pick(stream, 2, &pick) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_stream_get_pick(stream, 3, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_get_pick(stream, 3, &pick) == PATCHSTREAM_OK);
  CHECK(pick.id == 3 && pick.state == PATCHSTREAM_ISSUED && pick.event == 0 && pick.queue == 0);
  CHECK(pick.was_started == 0 && pick.failures == 0 && pick.rank == selection.rank && pick.rank > 0);
  CHECK(patchstream_stream_set_state(stream, 1, 0, 0) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_set_state(stream, 1, 7, 0) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_set_state(stream, 2, PATCHSTREAM_STARTED, 0) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_stream_set_state(stream, 1, PATCHSTREAM_DONE, 0) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_set_state(stream, 1, PATCHSTREAM_STARTED, 0) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_set_state(stream, 1, PATCHSTREAM_STARTED, 0) == PATCHSTREAM_KNOWN);
  CHECK(patchstream_stream_set_state(stream, 1, PATCHSTREAM_RETURNED, 0) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_set_state(stream, 1, PATCHSTREAM_FAILED, 0) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_get_pick(stream, 1, &pick) == PATCHSTREAM_OK);
  CHECK(pick.was_started == 1 && pick.failures == 1 && isinf(pick.rank));
  CHECK(patchstream_stream_set_state(stream, 3, PATCHSTREAM_RETURNED, 8) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_withdraw(stream, 3, 9) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_withdraw(stream, 3, 9) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_stream_withdraw(stream, 1, 9) == PATCHSTREAM_ERR_STATE);

  patchstream_history_row rows[8];
  size_t count = 0;
  CHECK(patchstream_stream_history(stream, NULL, 8, &count) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_history(stream, rows, 8, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_history(stream, NULL, 0, &count) == PATCHSTREAM_OK && count == 0);
  CHECK(patchstream_stream_history(stream, rows, 8, &count) == PATCHSTREAM_OK && count == 8);
  CHECK(rows[0].what == PATCHSTREAM_ADDED && rows[0].event == -1 && rows[0].id == 1 && isnan(rows[0].rank));
  CHECK(rows[4].what == PATCHSTREAM_SELECTED && rows[4].event == 0 && isinf(rows[4].rank));
  CHECK(rows[6].what == PATCHSTREAM_STARTED && rows[7].what == PATCHSTREAM_FAILED && rows[7].id == 1);
  CHECK(patchstream_stream_history(stream, rows, 8, &count) == PATCHSTREAM_OK && count == 2);
  CHECK(rows[0].what == PATCHSTREAM_RETURNED && rows[0].step == 8 && rows[0].rank == selection.rank);
  CHECK(rows[1].what == PATCHSTREAM_WITHDRAWN && rows[1].step == 9 && rows[1].id == 3);
  CHECK(patchstream_stream_history(stream, rows, 8, &count) == PATCHSTREAM_OK && count == 0);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

/* What a program of the first header passes: shorter structs, whose missing fields are 0. */
static void first_header_still_works(void) {
  patchstream_options options;
  memset(&options, 0xff, sizeof options);
  CHECK(patchstream_options_init(&options, 80) == PATCHSTREAM_OK);
  options.model = model;
  patchstream_stream *stream = NULL;
  patchstream_producer *producer = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  patchstream_patch patch = {64, 0, 1, 0, 0.5, {15, 15}, NULL, NULL, NAN, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
  patchstream_stats stats = {.struct_size = 280, .queues = 77, .history_dropped = 78};
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.pushed == 1 && stats.queues == 77 && stats.history_dropped == 78);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

int main(int argc, char **argv) {
  model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  null_and_stale_handles_are_errors();
  wrong_files_are_sentences();
  for (uint32_t threads = 0; threads < 2; threads++) {
    queues_take_their_constellations_and_their_shares(threads);
    function_routes_and_never_deadlocks(threads);
  }
  picks_have_states_and_all_of_it_is_in_the_history();
  first_header_still_works();
  remove("queues_test.toml");
  return report("queues_test");
}
