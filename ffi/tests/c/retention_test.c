/* Densities that are kept, as a C99 program sees them, bad input first.
 * Takes `--model NAME` (default "metric"), and writes its configuration file and its densities where it is started.
 * Prints each check that fails; exits with 1 if any did. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS };

static float densities[LEN], back[LEN];

static void fill(uint64_t id) {
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
}

static patchstream_status push(patchstream_producer *producer, uint64_t id) {
  patchstream_patch patch = {sizeof patch, 0, id, 0, 0.5, {15, 15}, NULL, NULL, 0, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  fill(id);
  return patchstream_producer_push(producer, &patch, &field);
}

static patchstream_stream *open_stream(const char *model, const char *text) {
  patchstream_options options;
  patchstream_stream *stream = NULL;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = model;
  if (text != NULL) {
    FILE *file = fopen("retention_test.toml", "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    options.config = "retention_test.toml";
  }
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  return stream;
}

static void stream_without_retention_says_so(const char *model) {
  patchstream_stats stats = {.struct_size = sizeof stats};
  patchstream_stream *stream = open_stream(model, NULL);
  CHECK(patchstream_stream_densities(NULL, 1, back, LEN) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_densities(stream, 1, NULL, LEN) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_densities(stream, 1, back, LEN) == PATCHSTREAM_ERR_STATE);
  CHECK(strstr(patchstream_last_error(), "[retention]") != NULL);
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK && stats.retained_bytes_bound == 0);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_densities(stream, 1, back, LEN) == PATCHSTREAM_ERR_STATE);
}

/* Room for four patches: two of six are left out, or give way. */
static void densities_come_back(const char *model, const char *text, int refuses) {
  patchstream_stats stats = {.struct_size = sizeof stats};
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  patchstream_selection selection = {.struct_size = sizeof selection};
  patchstream_stream *stream = open_stream(model, text);
  CHECK(patchstream_producer_open(stream, "macro", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= 6; id++) CHECK(push(producer, id) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_select(stream, 0, 1, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_get(selections, 0, &selection) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_densities(stream, selection.id, back, LEN - 1) == PATCHSTREAM_ERR_SHAPE);
  CHECK(patchstream_stream_densities(stream, selection.id, back, LEN) == PATCHSTREAM_OK);
  fill(selection.id);
  CHECK(memcmp(back, densities, sizeof back) == 0);
  CHECK(patchstream_stream_densities(stream, refuses ? 6 : 1, back, LEN) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.retained == 4 && stats.retained_selected == 1 && stats.retention_full == 1);
  CHECK(stats.retained_bytes / 4 >= LEN * sizeof(float) && stats.retained_bytes_made >= stats.retained_bytes);
  CHECK(stats.retained_bytes_bound == stats.retained_bytes && stats.retention_lost == 0);
  CHECK(stats.retention_refused == (refuses ? 2u : 0u) && stats.retention_withdrawn == (refuses ? 0u : 2u));
  patchstream_selections_close(selections);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

/* A run keeps them in its folder: they are there when it is opened again. */
static void densities_outlive_their_stream(const char *model) {
  patchstream_options options;
  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(system("rm -rf retention_test.run") == 0);
  for (int again = 0; again < 2; again++) {
    patchstream_stream *stream = NULL;
    patchstream_producer *producer = NULL;
    patchstream_selections *selections = NULL;
    FILE *file = fopen("retention_test.toml", "w");
    CHECK(file != NULL && fputs("[retention]\nplace = \"run\"\n", file) >= 0 && fclose(file) == 0);
    CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
    options.model = model;
    options.config = "retention_test.toml";
    options.run_dir = "retention_test.run";
    CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
    CHECK(patchstream_stream_resume(stream, NULL, NULL) == PATCHSTREAM_OK);
    CHECK(patchstream_producer_open(stream, "macro", &producer) == PATCHSTREAM_OK);
    for (uint64_t id = 1; id <= 4; id++) CHECK(push(producer, id) == (again ? PATCHSTREAM_KNOWN : PATCHSTREAM_OK));
    CHECK(patchstream_stream_select(stream, 0, 1, &selections) == PATCHSTREAM_OK);
    for (uint64_t id = 1; id <= 4; id++) {
      CHECK(patchstream_stream_densities(stream, id, back, LEN) == PATCHSTREAM_OK);
      fill(id);
      CHECK(memcmp(back, densities, sizeof back) == 0);
    }
    CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
    CHECK(stats.retained == 4 && stats.retained_selected == 1 && stats.retention_lost == 0);
    CHECK(stats.run_branch == 0);
    patchstream_selections_close(selections);
    patchstream_producer_close(producer);
    CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  }
  CHECK(system("rm -r retention_test.run") == 0);
}

int main(int argc, char **argv) {
  const char *model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  FILE *left;
  stream_without_retention_says_so(model);
  densities_come_back(model, "[retention]\nbytes = 307000\n", 1);
  densities_come_back(model, "[retention]\nbytes = 307000\nfile = \"retention_test.bin\"\nwhen_full = \"withdraw_oldest\"\n", 0);
  densities_outlive_their_stream(model);
  left = fopen("retention_test.bin", "r");
  CHECK(left == NULL);
  remove("retention_test.toml");
  return report("retention_test");
}
