/* A micro host in C: it takes jobs of a macro host (host.c), simulates their patches, and hands in what it measures.
 *
 *   gcc -std=c99 examples/c/worker.c -Iinclude -Ltarget/release -lpatchstream -lm -Wl,-rpath,$PWD/target/release -o worker
 *   ./worker shm:bumps &  ./host mean shm:bumps
 *
 * Given a ticket (shm:bumps#7) instead of a transport it runs that job alone, as a scheduler starts it. The "simulation"
 * here sums densities; molecular dynamics takes its place.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchstream.h"

enum { WINDOWS = 4, FRAMES = 100 };

static volatile sig_atomic_t stop;

/* The batch system's warning. */
static void on_signal(int number) {
  (void)number;
  stop = 1;
  patchstream_jobs_request_stop();
}

static void check(patchstream_status status) {
  if (status < 0) {
    fprintf(stderr, "%s: %s\n", patchstream_status_name(status), patchstream_last_error());
    exit(1);
  }
}

/* Runs one job to its last word. */
static void run(patchstream_job *job) {
  patchstream_patch patch = {.struct_size = sizeof patch};
  patchstream_job_about about = {.struct_size = sizeof about};
  const float *densities;
  check(patchstream_job_get_about(job, &about));
  check(patchstream_job_patch(job, &patch, &densities));
  check(patchstream_job_set(job, PATCHSTREAM_STARTED, NULL, 60000));
  double *sums = calloc(about.channels, sizeof *sums);
  if (sums == NULL) exit(1);
  /* The window's number comes from simulated time: one that is run again after a restart is known, and not counted twice. */
  for (uint64_t window = 0; window < WINDOWS && !stop; window++) {
    memset(sums, 0, about.channels * sizeof *sums);
    for (size_t i = 0; i < (size_t)about.nx * about.ny * about.channels; i++) sums[i % about.channels] += densities[i];
    /* A host that takes no samples has no room: the window is not lost, it waits. */
    patchstream_status status;
    do {
      status = patchstream_job_submit(job, "mean", window, FRAMES, &about.channels, 1, sums, about.channels, 60000);
      check(status);
    } while (status == PATCHSTREAM_FULL);
  }
  free(sums);
  check(patchstream_job_set(job, stop ? PATCHSTREAM_INTERRUPTED : PATCHSTREAM_DONE, NULL, 60000));
  patchstream_job_close(job);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: worker TRANSPORT or worker TICKET\n");
    return 2;
  }
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  patchstream_job *job;
  if (strchr(argv[1], '#') != NULL) {
    patchstream_status status = patchstream_job_open(argv[1], 60000, &job);
    check(status);
    if (status == PATCHSTREAM_OK) run(job);
    return status == PATCHSTREAM_OK ? 0 : 1;
  }
  while (!stop) {
    patchstream_status status = patchstream_job_next(argv[1], 1000, &job);
    /* No host yet, or it ended: wait for one. */
    if (status == PATCHSTREAM_ERR_UNKNOWN || status == PATCHSTREAM_ERR_FENCED) continue;
    check(status);
    if (status == PATCHSTREAM_OK) run(job);
  }
  return 0;
}
