/* A macro host in C: patches in, selections and weights back; with a transport, each selection becomes a job for
 * worker.c (`host mean shm:bumps`), and the host waits for what the workers measure.
 *
 *   gcc -std=c99 examples/c/host.c -Iinclude -Ltarget/release -lpatchstream -lm -Wl,-rpath,$PWD/target/release -o host
 *
 * The "model" here is three bumps of different heights that move over a periodic grid; a real one takes its place.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "patchstream.h"

enum { GRID = 72, WINDOW = 37, CHANNELS = 14, BUMPS = 3, STEPS = 8 };

static const double SPACING_NM = 30.0 / (WINDOW - 1);

/* Ends the program with the library's own sentence if a call failed. */
static void check(patchstream_status status) {
  if (status < 0) {
    fprintf(stderr, "%s: %s\n", patchstream_status_name(status), patchstream_last_error());
    exit(1);
  }
}

/* One step of the model: a plane of doubles a channel, and where the bumps are. */
static void advance(int step, double *planes[CHANNELS], double position_nm[BUMPS][2]) {
  for (int b = 0; b < BUMPS; b++) {
    position_nm[b][0] = fmod(10.0 + 17.0 * b + 1.5 * step, GRID * SPACING_NM);
    position_nm[b][1] = fmod(20.0 + 11.0 * b + 0.5 * step, GRID * SPACING_NM);
  }
  for (int c = 0; c < CHANNELS; c++) {
    for (int y = 0; y < GRID; y++) {
      for (int x = 0; x < GRID; x++) {
        double density = 0.1;
        for (int b = 0; b < BUMPS; b++) {
          double dx = x * SPACING_NM - position_nm[b][0], dy = y * SPACING_NM - position_nm[b][1];
          density += 0.05 * (b + 1) * (c % 3) * exp(-(dx * dx + dy * dy) / 18.0);
        }
        planes[c][y * GRID + x] = density;
      }
    }
  }
}

/* Takes samples until all jobs are done. A real host does so between its steps, and weighs what it gets. */
static void finish_jobs(patchstream_stream *stream) {
  patchstream_jobs jobs = {.struct_size = sizeof jobs};
  size_t count = 0;
  do {
    patchstream_samples *samples;
    check(patchstream_stream_poll(stream, 1000));
    check(patchstream_stream_take_samples(stream, 100, &samples));
    count += patchstream_samples_count(samples);
    patchstream_samples_close(samples);
    check(patchstream_stream_jobs(stream, &jobs));
  } while (jobs.samples + jobs.in_line + jobs.held > 0);
  printf("%d jobs are done, %d samples\n", (int)jobs.done, (int)count);
}

int main(int argc, char **argv) {
  double *planes[CHANNELS];
  const void *plane_pointers[CHANNELS];
  for (int c = 0; c < CHANNELS; c++) {
    planes[c] = malloc(sizeof(double) * GRID * GRID);
    if (planes[c] == NULL) return 1;
    plane_pointers[c] = planes[c];
  }

  patchstream_options options;
  check(patchstream_options_init(&options, sizeof options));
  options.model = argc > 1 ? argv[1] : "mean";
  options.transport = argc > 2 ? argv[2] : NULL;
  patchstream_stream *stream;
  check(patchstream_stream_open(&options, &stream));
  patchstream_producer *producer;
  check(patchstream_producer_open(stream, "bumps", &producer));

  uint64_t id = 0;
  for (int step = 0; step < STEPS; step++) {
    double position_nm[BUMPS][2];
    advance(step, planes, position_nm);
    for (int b = 0; b < BUMPS; b++) {
      const int64_t grid[2] = {GRID, GRID}, whole[2] = {0, 0};
      patchstream_patch patch = {sizeof patch, 0, ++id, step, 0.001 * step, {0, 0}, NULL, "bump", 0, 0};
      patchstream_field field = {sizeof field, PATCHSTREAM_F64, GRID, GRID, CHANNELS, 0, 0, 0, 0, NULL, plane_pointers};
      int64_t low[2];
      check(patchstream_window(position_nm[b], grid, SPACING_NM, WINDOW, WINDOW, low, patch.center_nm));
      float *densities;
      uint64_t loan;
      patchstream_status status;
      while ((status = patchstream_producer_loan(producer, &patch, &densities, &loan)) == PATCHSTREAM_FULL)
        check(patchstream_stream_poll(stream, 1000));
      check(status);
      check(patchstream_cut(&field, whole, grid, low, WINDOW, WINDOW, densities, NULL));
      check(patchstream_producer_commit(producer, loan));
    }
    patchstream_selections *selections;
    check(patchstream_stream_select(stream, step, 1, &selections));
    for (size_t i = 0; i < patchstream_selections_count(selections); i++) {
      patchstream_selection selection = {.struct_size = sizeof selection};
      check(patchstream_selections_get(selections, i, &selection));
      printf("step %d selects patch %d\n", step, (int)selection.id);
    }
    patchstream_selections_close(selections);
  }

  patchstream_weights *weights;
  check(patchstream_stream_weights(stream, &weights));
  double sum = 0;
  for (size_t i = 0; i < patchstream_weights_count(weights); i++) {
    patchstream_weight weight = {.struct_size = sizeof weight};
    check(patchstream_weights_get(weights, i, &weight));
    sum += weight.weight;
  }
  printf("%d selected stand for %.0f patches\n", (int)patchstream_weights_count(weights), sum);
  patchstream_weights_close(weights);
  if (options.transport != NULL) finish_jobs(stream);
  patchstream_producer_close(producer);
  check(patchstream_stream_close(stream, 1000));
  for (int c = 0; c < CHANNELS; c++) free(planes[c]);
  return 0;
}
