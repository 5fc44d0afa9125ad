/* The classifier beside the encoder, as a C99 program sees it: by the options and by a configuration file, what selections
 * and statistics tell of it, and programs of an older header.
 * Takes `--model NAME` (default "metric"), the encoder; writes its configuration file where it is started.
 * Prints each check that fails; exits with 1 if any did. */
#include <math.h>
#include <string.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS, CLASSES = 6 };

static float densities[LEN];
static const char *model;
static int warnings;

static void count_line(void *user, int32_t level, const char *message) {
  CHECK(user == NULL && strlen(message) > 0);
  warnings += level == PATCHSTREAM_LOG_WARNING;
}

static patchstream_options options_with(const char *classifier) {
  patchstream_options options;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  CHECK(options.classifier == NULL);
  options.model = model;
  options.classifier = classifier;
  options.log = count_line;
  return options;
}

/* Pushes a patch with one RAS in state RASa, or with none. */
static patchstream_status push(patchstream_producer *producer, uint64_t id, int with_ras, float wild) {
  const patchstream_protein ras = {7, 0, -1, 0, 0};
  patchstream_patch patch = {sizeof patch, with_ras ? 1 : 0, id, 0, 0.5, {15, 15}, with_ras ? &ras : NULL, NULL, 0, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
  if (wild != 0) densities[100] = wild;
  return patchstream_producer_push(producer, &patch, &field);
}

/* What is no classifier is an error that says so; false if this build runs no networks at all. */
static int wrong_classifiers_are_errors(void) {
  patchstream_stream *stream = NULL;
  patchstream_options options = options_with("mean");
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_MODEL);
  CHECK(strstr(patchstream_last_error(), "no classifier") != NULL);
  options.classifier = "\xff";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
  options.classifier = "no/such/classifier.onnx";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_IO);
  CHECK(strstr(patchstream_last_error(), "no/such/classifier") != NULL && stream == NULL);
  options.classifier = "fingerprint";
  const patchstream_status code = patchstream_stream_open(&options, &stream);
  if (code == PATCHSTREAM_OK) CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(code == PATCHSTREAM_OK || (code == PATCHSTREAM_ERR_UNSUPPORTED && strcmp(model, "mean") == 0));
  return code == PATCHSTREAM_OK;
}

static void selections_tell_their_classes(uint32_t threads) {
  patchstream_options options = options_with("fingerprint");
  options.threads = threads;
  patchstream_stream *stream = NULL;
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  warnings = 0;
  for (uint64_t id = 1; id <= 4; id++) CHECK(push(producer, id, id < 3, 0) == PATCHSTREAM_OK);
  CHECK(push(producer, 5, 1, 1e30f) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_select(stream, 0, 9, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_count(selections) == 4);
  uint64_t agreed = 0;
  for (size_t i = 0; i < 4; i++) {
    patchstream_selection selection = {.struct_size = sizeof selection};
    CHECK(patchstream_selections_get(selections, i, &selection) == PATCHSTREAM_OK);
    CHECK(selection.class_count == CLASSES && selection.probabilities != NULL && selection.class_label != NULL);
    float sum = 0;
    uint32_t best = 0;
    for (uint32_t c = 0; c < CLASSES; c++) {
      sum += selection.probabilities[c];
      if (selection.probabilities[c] > selection.probabilities[best]) best = c;
    }
    const char *label = NULL;
    CHECK(fabsf(sum - 1) < 1e-5f);
    CHECK(patchstream_stream_class_label(stream, best, &label) == PATCHSTREAM_OK);
    CHECK(strcmp(label, selection.class_label) == 0);
    agreed += selection.id < 3 && best == 0; /* The first class stands for RASa. */
  }
  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.classified == 4 && stats.comparable == 2 && stats.agreed == agreed);
  CHECK(stats.rejected_model == 1 && stats.encoded == 4 && stats.classify.count == 4 && stats.classify.p50_us > 0);
  CHECK(strncmp(stats.classifier_backend, "fused-", 6) == 0 || strcmp(stats.classifier_backend, "tract") == 0);
  CHECK(strcmp(stats.backend, strcmp(model, "mean") == 0 ? "builtin" : stats.classifier_backend) == 0);

  const char *label = "untouched";
  CHECK(patchstream_stream_class_label(stream, CLASSES, &label) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_class_label(NULL, 0, &label) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_stream_class_label(stream, 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(strcmp(label, "untouched") == 0);

  /* A program of an older header gets what it knows, and nothing beyond. */
  patchstream_selection older = {.struct_size = 112};
  patchstream_stats older_stats = {.struct_size = 296, .classified = 77};
  CHECK(patchstream_selections_get(selections, 0, &older) == PATCHSTREAM_OK);
  CHECK(older.class_label == NULL && older.probabilities == NULL && older.dim > 0);
  CHECK(patchstream_stream_stats(stream, &older_stats) == PATCHSTREAM_OK);
  CHECK(older_stats.classified == 77 && older_stats.backend == NULL && older_stats.encoded == 4);

  CHECK(patchstream_stream_close(stream, 10000) == PATCHSTREAM_OK);
  CHECK(warnings == 1); /* A worker of the stream's says it after it has let others go on. */
  CHECK(patchstream_stream_class_label(stream, 0, &label) == PATCHSTREAM_ERR_STATE);
  patchstream_selection after = {.struct_size = sizeof after};
  CHECK(patchstream_selections_get(selections, 0, &after) == PATCHSTREAM_OK && strlen(after.class_label) > 0);
  patchstream_selections_close(selections);
  patchstream_producer_close(producer);
}

static void without_one_nothing_is_told(void) {
  patchstream_options options = options_with(NULL);
  patchstream_stream *stream = NULL;
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_open(stream, "one", &producer) == PATCHSTREAM_OK);
  CHECK(push(producer, 1, 1, 0) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_select(stream, 0, 9, &selections) == PATCHSTREAM_OK);
  patchstream_selection selection = {.struct_size = sizeof selection};
  CHECK(patchstream_selections_get(selections, 0, &selection) == PATCHSTREAM_OK);
  CHECK(selection.class_count == 0 && selection.class_label == NULL && selection.probabilities == NULL);
  patchstream_stats stats = {.struct_size = sizeof stats};
  CHECK(patchstream_stream_stats(stream, &stats) == PATCHSTREAM_OK);
  CHECK(stats.classified == 0 && stats.comparable == 0 && stats.agreed == 0 && stats.classify.count == 0);
  CHECK(stats.backend != NULL && stats.classifier_backend == NULL);
  const char *label = NULL;
  CHECK(patchstream_stream_class_label(stream, 0, &label) == PATCHSTREAM_ERR_ARGUMENT && label == NULL);
  patchstream_selections_close(selections);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

static void configuration_file_names_one_and_the_options_another(void) {
  FILE *file = fopen("classifier_test.toml", "w");
  CHECK(file != NULL && fputs("classifier = \"fingerprint\"\n", file) >= 0 && fclose(file) == 0);
  patchstream_options options = options_with(NULL);
  options.config = "classifier_test.toml";
  patchstream_stream *stream = NULL;
  const char *label = NULL;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_class_label(stream, 3, &label) == PATCHSTREAM_OK);
  CHECK(label != NULL && strcmp(label, "RAS4b-RAF ma") == 0);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  options.classifier = "mean";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_MODEL);
  remove("classifier_test.toml");
}

int main(int argc, char **argv) {
  model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  without_one_nothing_is_told();
  if (wrong_classifiers_are_errors()) {
    selections_tell_their_classes(0);
    selections_tell_their_classes(1);
    configuration_file_names_one_and_the_options_another();
  }
  return report("classifier_test");
}
