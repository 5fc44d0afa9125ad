/* Producers of other processes, as a C99 program sees them, bad input first.
 * Takes `--model NAME` (default "metric"). Prints each check that fails; exits with 1 if any did. */
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { NX = 37, CHANNELS = 14, LEN = NX * NX * CHANNELS };

static float densities[LEN];
static char transport[64];

static void fill(uint64_t id) {
  for (int i = 0; i < LEN; i++) densities[i] = (float)((id * 7919u + (uint64_t)i * 31u) % 1009u) / 3000.0f;
}

static patchstream_status push(patchstream_producer *producer, uint64_t id, uint64_t content, int64_t step) {
  patchstream_patch patch = {sizeof patch, 0, id, step, 0.5, {15, 15}, NULL, NULL, 0, 0};
  patchstream_field field = {sizeof field, PATCHSTREAM_F32, NX, NX, CHANNELS, 0, 0, 0, 0, densities, NULL};
  fill(content);
  return patchstream_producer_push(producer, &patch, &field);
}

static patchstream_stream *open_stream(const char *model) {
  patchstream_options options;
  patchstream_stream *stream = NULL;
  CHECK(patchstream_options_init(&options, sizeof options) == PATCHSTREAM_OK);
  CHECK(options.transport == NULL && options.untrusted == 0);
  options.model = model;
  options.slots = 4;
  options.transport = transport;
  options.untrusted = 2;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_ERR_ARGUMENT && stream == NULL);
  options.untrusted = 1;
  CHECK(patchstream_stream_open(&options, &stream) == PATCHSTREAM_OK);
  return stream;
}

/* Another process: sends ten patches, waiting for room, and says how it went by its exit status. */
static int child(void) {
  patchstream_producer *producer = NULL;
  patchstream_answers answers = {.struct_size = sizeof answers};
  if (patchstream_producer_attach(transport, "child", 20000, &producer) != PATCHSTREAM_OK) return 1;
  if (patchstream_producer_on_full(producer, PATCHSTREAM_ON_FULL_BLOCK, 20000) != PATCHSTREAM_OK) return 2;
  for (uint64_t id = 1; id <= 9; id++)
    if (push(producer, id, id, 0) != PATCHSTREAM_OK) return 3;
  /* With other content than the ninth: the stream finds that out. */
  if (push(producer, 9, 8, 0) != PATCHSTREAM_OK) return 4;
  if (patchstream_producer_end_step(producer, 0) != PATCHSTREAM_OK) return 5;
  do {
    if (patchstream_producer_answers(producer, &answers) != PATCHSTREAM_OK) return 6;
  } while (answers.taken + answers.known + answers.refused < answers.sent);
  if (answers.sent != 10 || answers.taken != 9 || answers.refused != 1) return 7;
  if (answers.last_refused_id != 9 || answers.last_refused_status != PATCHSTREAM_ERR_CONFLICT) return 8;
  patchstream_producer_close(producer);
  return 0;
}

static void patches_of_another_process_are_selected(const char *self, const char *model) {
  patchstream_stream *stream = open_stream(model);
  patchstream_selections *selections = NULL;
  int status = 1;
  const pid_t pid = fork();
  if (pid == 0) {
    execl(self, self, "--child", transport, (char *)NULL);
    _exit(99);
  }
  while (waitpid(pid, &status, WNOHANG) == 0) CHECK(patchstream_stream_poll(stream, 1000) >= 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(patchstream_stream_select(stream, 0, 3, &selections) == PATCHSTREAM_OK);
  CHECK(patchstream_selections_count(selections) == 3);
  patchstream_selections_close(selections);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
}

static void bad_calls_are_refused(const char *model) {
  patchstream_stream *stream = open_stream(model);
  patchstream_producer *producer = NULL, *local = NULL;
  patchstream_answers answers = {.struct_size = sizeof answers};
  float *lent = NULL;
  uint64_t loan = 0;
  patchstream_patch patch = {sizeof patch, 0, 7, 1, 0.5, {15, 15}, NULL, NULL, 0, 0};
  CHECK(patchstream_producer_attach(NULL, "it", 0, &producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_attach(transport, NULL, 0, &producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_attach(transport, "it", 0, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_attach("tcp:x", "it", 0, &producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_attach("shm:nobody-made-this", "it", 0, &producer) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(producer == NULL);
  CHECK(patchstream_producer_attach(transport, "it", 0, &producer) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_on_full(producer, 3, 0) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_answers(producer, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_producer_answers(NULL, &answers) == PATCHSTREAM_ERR_ARGUMENT);
  answers.struct_size = 8;
  CHECK(patchstream_producer_answers(producer, &answers) == PATCHSTREAM_ERR_VERSION);
  answers.struct_size = sizeof answers;
  CHECK(patchstream_producer_open(stream, "local", &local) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_answers(local, &answers) == PATCHSTREAM_ERR_STATE);
  CHECK(patchstream_producer_on_full(local, PATCHSTREAM_ON_FULL_DROP, 0) == PATCHSTREAM_ERR_STATE);
  patchstream_producer_close(local);
  /* A loan is filled here and seen there. */
  CHECK(patchstream_producer_loan(producer, &patch, &lent, &loan) == PATCHSTREAM_OK);
  fill(7);
  memcpy(lent, densities, sizeof densities);
  CHECK(patchstream_producer_commit(producer, loan) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_commit(producer, loan) == PATCHSTREAM_ERR_ARGUMENT);
  for (uint64_t id = 11; id <= 13; id++) CHECK(push(producer, id, id, 1) == PATCHSTREAM_OK);
  CHECK(push(producer, 14, 14, 1) == PATCHSTREAM_FULL);
  CHECK(patchstream_producer_on_full(producer, PATCHSTREAM_ON_FULL_DROP, 0) == PATCHSTREAM_OK);
  CHECK(push(producer, 14, 14, 1) == PATCHSTREAM_DROPPED);
  CHECK(strcmp(patchstream_status_name(PATCHSTREAM_DROPPED), "PATCHSTREAM_DROPPED") == 0);
  CHECK(patchstream_stream_poll(stream, 10000000) == PATCHSTREAM_OK);
  CHECK(patchstream_producer_answers(producer, &answers) == PATCHSTREAM_OK);
  CHECK(answers.sent == 4 && answers.taken == 4 && answers.full == 1 && answers.dropped == 1);
  CHECK(answers.last_refused_id == 0 && answers.last_refused_status == PATCHSTREAM_OK);
  CHECK(patchstream_stream_close(stream, 1000) == PATCHSTREAM_OK);
  CHECK(push(producer, 15, 15, 1) == PATCHSTREAM_ERR_FENCED);
  patchstream_producer_close(producer);
}

int main(int argc, char **argv) {
  const char *model = argc == 3 && strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  if (argc == 3 && strcmp(argv[1], "--child") == 0) {
    snprintf(transport, sizeof transport, "%s", argv[2]);
    return child();
  }
  snprintf(transport, sizeof transport, "shm:attach-test-%ld", (long)getpid());
  bad_calls_are_refused(model);
  patches_of_another_process_are_selected(argv[0], model);
  return report("attach_test");
}
