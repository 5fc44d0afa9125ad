/* Jobs, as a C99 program sees them: bad input, tickets, and a worker in a process of its own, which is this program
 * again (`--worker TRANSPORT`).
 * Takes `--model NAME` (default "metric"). Prints each check that fails; exits with 1 if any did. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS, JOBS = 5, WINDOWS = 3 };

static float densities[LEN];

static void fill(uint64_t id) {
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
}

static void push(patchstream_producer *producer, uint64_t id) {
  patchstream_protein protein = {77, 3, -1, 0.25, -0.5};
  patchstream_patch patch = {sizeof patch, 1, id, 4, 0.5, {15, 15}, &protein, "bump", 0, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  fill(id);
  CHECK(patchstream_producer_push(producer, &patch, &field) == PATCHSTREAM_OK);
}

/* The other program: it runs JOBS jobs, then one wait is stopped. */
static int work(const char *transport) {
  patchstream_job *job = NULL;
  for (int i = 0; i < JOBS; i++) {
    patchstream_patch patch = {.struct_size = sizeof patch};
    patchstream_job_about about = {.struct_size = sizeof about};
    const float *given = NULL;
    const uint32_t shape[2] = {2, 1};
    double sums[2];
    CHECK(patchstream_job_next(transport, 60000, &job) == PATCHSTREAM_OK);
    CHECK(patchstream_job_get_about(job, &about) == PATCHSTREAM_OK);
    CHECK(about.nx == NX && about.ny == NX && about.channels == CHANNELS && about.size_nm == 30 && about.attempt == 1);
    CHECK(strncmp(about.ticket, transport, strlen(transport)) == 0 && about.ticket[strlen(transport)] == '#');
    CHECK(patchstream_job_patch(job, &patch, &given) == PATCHSTREAM_OK);
    CHECK(patch.id == about.id && patch.step == 4 && strcmp(patch.label, "bump") == 0);
    CHECK(patch.protein_count == 1 && patch.proteins[0].id == 77 && patch.proteins[0].state == 3);
    fill(patch.id);
    CHECK(memcmp(given, densities, sizeof densities) == 0);
    CHECK(patchstream_job_set(job, PATCHSTREAM_STARTED, NULL, 60000) == PATCHSTREAM_OK);
    CHECK(patchstream_job_submit(job, "r/f", 0, 1, shape, 2, sums, 2, 0) == PATCHSTREAM_ERR_ARGUMENT);
    CHECK(patchstream_job_submit(job, "rdf", 0, 1, shape, 2, sums, 1, 0) == PATCHSTREAM_ERR_SHAPE);
    for (uint64_t window = 0; window < WINDOWS; window++) {
      sums[0] = (double)patch.id, sums[1] = (double)window;
      CHECK(patchstream_job_submit(job, "rdf", window, 10, shape, 2, sums, 2, 60000) == PATCHSTREAM_OK);
      CHECK(patchstream_job_submit(job, "rdf", window, 10, shape, 2, sums, 2, 60000) == PATCHSTREAM_KNOWN);
    }
    CHECK(patchstream_job_alive(job) == PATCHSTREAM_OK);
    CHECK(patchstream_job_set(job, PATCHSTREAM_RETURNED, NULL, 0) == PATCHSTREAM_ERR_ARGUMENT);
    CHECK(patchstream_job_set(job, 9, NULL, 0) == PATCHSTREAM_ERR_ARGUMENT);
    CHECK(patchstream_job_set(job, PATCHSTREAM_DONE, "converged", 60000) == PATCHSTREAM_OK);
    CHECK(patchstream_job_alive(job) == PATCHSTREAM_ERR_STATE);
    patchstream_job_close(job);
    CHECK(patchstream_job_alive(job) == PATCHSTREAM_ERR_STATE);
  }
  CHECK(patchstream_job_next(transport, 0, &job) == PATCHSTREAM_AGAIN);
  patchstream_jobs_request_stop();
  CHECK(patchstream_job_next(transport, 60000, &job) == PATCHSTREAM_STOPPED);
  patchstream_jobs_clear_stop();
  CHECK(patchstream_job_next(transport, 1, &job) == PATCHSTREAM_AGAIN);
  return report("worker");
}

static void bad_input_is_an_error(void) {
  patchstream_job *job = NULL;
  patchstream_jobs jobs = {.struct_size = sizeof jobs};
  patchstream_samples *samples = NULL;
  patchstream_stream *stream = NULL;
  patchstream_options options;
  CHECK(patchstream_job_next(NULL, 0, &job) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_job_next("tcp:x", 0, &job) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_job_next("shm:x", 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_job_next("shm:nobody-has-this", 0, &job) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(patchstream_job_open("shm:x", 0, &job) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_job_alive(NULL) == PATCHSTREAM_ERR_ARGUMENT && job == NULL);
  patchstream_job_close(NULL);
  patchstream_samples_close(NULL);
  CHECK(patchstream_samples_count(NULL) == 0);
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = "mean";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_jobs(stream, &jobs) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_take_samples(stream, 1, &samples) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  options.transport = "shm";
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT);
}

static void jobs_go_out_and_results_come_back(const char *program, const char *model, const char *transport,
                                              const char *run) {
  char ticket[96];
  patchstream_options options;
  patchstream_stream *stream = NULL, *second = NULL;
  patchstream_producer *producer = NULL;
  patchstream_selections *selections = NULL;
  patchstream_jobs jobs = {.struct_size = sizeof jobs};
  size_t seen = 0;
  int status = -1;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = model;
  options.transport = transport;
  options.run_dir = run;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_open(&options, &second) == PATCHSTREAM_ERR_BUSY);
  CHECK(patchstream_producer_open(stream, "macro", &producer) == PATCHSTREAM_OK);
  for (uint64_t id = 1; id <= JOBS; id++) push(producer, id);
  CHECK(patchstream_stream_select(stream, 4, JOBS, &selections) == PATCHSTREAM_OK);
  for (size_t i = 0; i < JOBS; i++) {
    patchstream_selection selection = {.struct_size = sizeof selection};
    CHECK(patchstream_selections_get(selections, i, &selection) == PATCHSTREAM_OK);
    snprintf(ticket, sizeof ticket, "%s#%d", transport, (int)selection.id);
    CHECK(selection.ticket != NULL && strcmp(selection.ticket, ticket) == 0);
  }
  patchstream_selections_close(selections);
  pid_t worker = fork();
  if (worker == 0) {
    execl(program, program, "--worker", transport, (char *)NULL);
    _exit(127);
  }
  for (int turn = 0; (jobs.done < JOBS || seen < JOBS * WINDOWS) && turn < 300000; turn++) {
    patchstream_samples *samples = NULL;
    CHECK(patchstream_stream_poll(stream, 1000) >= PATCHSTREAM_OK);
    CHECK(patchstream_stream_take_samples(stream, 3, &samples) == PATCHSTREAM_OK);
    for (size_t i = 0; i < patchstream_samples_count(samples); i++, seen++) {
      patchstream_sample sample = {.struct_size = sizeof sample};
      CHECK(patchstream_samples_get(samples, i, &sample) == PATCHSTREAM_OK);
      CHECK(strcmp(sample.observable, "rdf") == 0 && sample.frames == 10 && sample.attempt == 1);
      CHECK(sample.dims == 2 && sample.shape[0] == 2 && sample.shape[1] == 1 && sample.sum_count == 2);
      CHECK(sample.sums[0] == (double)sample.job && sample.sums[1] == (double)sample.window);
      CHECK(sample.window == seen % WINDOWS);
    }
    patchstream_samples_close(samples);
    CHECK(patchstream_stream_jobs(stream, &jobs) == PATCHSTREAM_OK);
    usleep(200);
    if (failures > 0) break;
    /* What it left lies in the lane or folder; only a worker that failed leaves less than all. */
    if (status == -1 && waitpid(worker, &status, WNOHANG) == worker && status != 0) break;
  }
  /* Its last waits need no owner. */
  if (status == -1) waitpid(worker, &status, 0);
  CHECK(status == 0);
  while (patchstream_stream_poll(stream, 100) == PATCHSTREAM_AGAIN) continue;
  CHECK(patchstream_stream_jobs(stream, &jobs) == PATCHSTREAM_OK);
  CHECK(jobs.done == JOBS && jobs.given == JOBS && jobs.accepted == JOBS * WINDOWS && jobs.refused == 0);
  patchstream_pick pick = {.struct_size = sizeof pick};
  CHECK(patchstream_stream_get_pick(stream, 1, &pick) == PATCHSTREAM_OK && pick.state == PATCHSTREAM_DONE);
  patchstream_producer_close(producer);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

/* The same calls, whatever carries the jobs. */
static void every_transport_carries_jobs(const char *program, const char *model) {
  char transport[64], folder[] = "/tmp/patchstream-job-test-XXXXXX", command[64];
  snprintf(transport, sizeof transport, "shm:job-test-%d", (int)getpid());
  jobs_go_out_and_results_come_back(program, model, transport, NULL);
  CHECK(mkdtemp(folder) != NULL);
  snprintf(transport, sizeof transport, "dir:%s", folder);
  jobs_go_out_and_results_come_back(program, model, transport, NULL);
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0);
}

/* What a run knows of jobs when it is opened again, and what its host gets that begins anew. */
static void a_run_knows_its_jobs(const char *program, const char *model) {
  char transport[64], run[] = "/tmp/patchstream-job-test-XXXXXX", command[64];
  patchstream_options options;
  patchstream_stream *stream = NULL;
  patchstream_samples *samples = NULL;
  patchstream_jobs jobs = {.struct_size = sizeof jobs};
  CHECK(mkdtemp(run) != NULL);
  snprintf(transport, sizeof transport, "shm:job-test-%d", (int)getpid());
  jobs_go_out_and_results_come_back(program, model, transport, run);
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  options.model = model;
  options.transport = transport;
  options.run_dir = run;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_take_samples(stream, 100, &samples) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_stream_resume(stream, NULL, NULL) == PATCHSTREAM_OK);
  CHECK(patchstream_stream_jobs(stream, &jobs) == PATCHSTREAM_OK);
  CHECK(jobs.done == JOBS && jobs.given == JOBS && jobs.in_line == 0 && jobs.samples == JOBS * WINDOWS);
  CHECK(patchstream_stream_take_samples(stream, 100, &samples) == PATCHSTREAM_OK);
  CHECK(patchstream_samples_count(samples) == JOBS * WINDOWS);
  patchstream_samples_close(samples);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  snprintf(command, sizeof command, "rm -r %s", run);
  CHECK(system(command) == 0);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--worker") == 0) return work(argv[2]);
  const char *model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  bad_input_is_an_error();
  every_transport_carries_jobs(argv[0], model);
  a_run_knows_its_jobs(argv[0], model);
  return report("job_test");
}
