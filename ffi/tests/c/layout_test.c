/* Sizes and offsets that must never move, and names and numbers that programs were compiled with. A struct may grow at
 * its end: then its size here grows too, and nothing else changes. Prints each check that fails. */
#include <stddef.h>
#include <string.h>

#include "check.h"

#define OFFSET(type, field, at) CHECK(offsetof(struct type, field) == (at))

static void layout_never_moves(void) {
  CHECK(sizeof(struct patchstream_options) == 144);
  OFFSET(patchstream_options, struct_size, 0);
  OFFSET(patchstream_options, threads, 4);
  OFFSET(patchstream_options, worker_cpu, 8);
  OFFSET(patchstream_options, mode, 12);
  OFFSET(patchstream_options, nx, 16);
  OFFSET(patchstream_options, ny, 20);
  OFFSET(patchstream_options, size_nm, 24);
  OFFSET(patchstream_options, slots, 32);
  OFFSET(patchstream_options, k, 36);
  OFFSET(patchstream_options, capacity, 40);
  OFFSET(patchstream_options, model, 48);
  OFFSET(patchstream_options, config, 56);
  OFFSET(patchstream_options, log, 64);
  OFFSET(patchstream_options, log_user, 72);
  OFFSET(patchstream_options, seed, 80);
  OFFSET(patchstream_options, history, 88);
  OFFSET(patchstream_options, route, 96);
  OFFSET(patchstream_options, route_user, 104);
  OFFSET(patchstream_options, classifier, 112);
  OFFSET(patchstream_options, transport, 120);
  OFFSET(patchstream_options, untrusted, 128);
  OFFSET(patchstream_options, reserved, 132);
  OFFSET(patchstream_options, run_dir, 136);

  CHECK(sizeof(struct patchstream_resume_info) == 48);
  OFFSET(patchstream_resume_info, struct_size, 0);
  OFFSET(patchstream_resume_info, branch, 8);
  OFFSET(patchstream_resume_info, step, 16);
  OFFSET(patchstream_resume_info, patches, 24);
  OFFSET(patchstream_resume_info, events, 32);
  OFFSET(patchstream_resume_info, selections, 40);

  CHECK(sizeof(struct patchstream_answers) == 64);
  OFFSET(patchstream_answers, struct_size, 0);
  OFFSET(patchstream_answers, last_refused_status, 4);
  OFFSET(patchstream_answers, last_refused_id, 8);
  OFFSET(patchstream_answers, sent, 16);
  OFFSET(patchstream_answers, taken, 24);
  OFFSET(patchstream_answers, known, 32);
  OFFSET(patchstream_answers, refused, 40);
  OFFSET(patchstream_answers, full, 48);
  OFFSET(patchstream_answers, dropped, 56);
  CHECK(sizeof(struct patchstream_protein) == 32);
  OFFSET(patchstream_protein, state, 8);
  OFFSET(patchstream_protein, partner, 12);
  OFFSET(patchstream_protein, x_nm, 16);
  OFFSET(patchstream_protein, y_nm, 24);
  CHECK(sizeof(struct patchstream_patch) == 72);
  OFFSET(patchstream_patch, protein_count, 4);
  OFFSET(patchstream_patch, id, 8);
  OFFSET(patchstream_patch, step, 16);
  OFFSET(patchstream_patch, time_us, 24);
  OFFSET(patchstream_patch, center_nm, 32);
  OFFSET(patchstream_patch, proteins, 48);
  OFFSET(patchstream_patch, label, 56);
  OFFSET(patchstream_patch, factor, 64);
  CHECK(sizeof(struct patchstream_field) == 64);
  OFFSET(patchstream_field, type, 4);
  OFFSET(patchstream_field, nx, 8);
  OFFSET(patchstream_field, channels, 16);
  OFFSET(patchstream_field, stride_x, 24);
  OFFSET(patchstream_field, stride_c, 40);
  OFFSET(patchstream_field, data, 48);
  OFFSET(patchstream_field, planes, 56);
  CHECK(sizeof(struct patchstream_selection) == 144);
  OFFSET(patchstream_selection, order, 4);
  OFFSET(patchstream_selection, id, 8);
  OFFSET(patchstream_selection, event, 16);
  OFFSET(patchstream_selection, step, 24);
  OFFSET(patchstream_selection, time_us, 32);
  OFFSET(patchstream_selection, rank, 40);
  OFFSET(patchstream_selection, center_nm, 48);
  OFFSET(patchstream_selection, point, 64);
  OFFSET(patchstream_selection, proteins, 72);
  OFFSET(patchstream_selection, label, 80);
  OFFSET(patchstream_selection, dim, 88);
  OFFSET(patchstream_selection, protein_count, 92);
  OFFSET(patchstream_selection, ras, 96);
  OFFSET(patchstream_selection, raf, 100);
  OFFSET(patchstream_selection, queue, 104);
  OFFSET(patchstream_selection, class_count, 108);
  OFFSET(patchstream_selection, class_label, 112);
  OFFSET(patchstream_selection, probabilities, 120);
  OFFSET(patchstream_selection, ticket, 128);
  OFFSET(patchstream_selection, replayed, 136);
  CHECK(sizeof(struct patchstream_weight) == 32);
  OFFSET(patchstream_weight, id, 8);
  OFFSET(patchstream_weight, weight, 16);
  OFFSET(patchstream_weight, normalised, 24);
  CHECK(sizeof(struct patchstream_model_info) == 40);
  CHECK(sizeof(struct patchstream_stats) == 472);
  OFFSET(patchstream_stats, pushed, 8);
  OFFSET(patchstream_stats, rejected, 32);
  OFFSET(patchstream_stats, encoded, 88);
  OFFSET(patchstream_stats, discarded, 128);
  OFFSET(patchstream_stats, push, 136);
  OFFSET(patchstream_stats, weights, 256);
  OFFSET(patchstream_stats, queues, 280);
  OFFSET(patchstream_stats, history_dropped, 288);
  OFFSET(patchstream_stats, classified, 296);
  OFFSET(patchstream_stats, comparable, 304);
  OFFSET(patchstream_stats, agreed, 312);
  OFFSET(patchstream_stats, classify, 320);
  OFFSET(patchstream_stats, backend, 344);
  OFFSET(patchstream_stats, classifier_backend, 352);
  OFFSET(patchstream_stats, retained, 360);
  OFFSET(patchstream_stats, retained_selected, 368);
  OFFSET(patchstream_stats, retained_bytes, 376);
  OFFSET(patchstream_stats, retained_bytes_made, 384);
  OFFSET(patchstream_stats, retained_bytes_bound, 392);
  OFFSET(patchstream_stats, retention_refused, 400);
  OFFSET(patchstream_stats, retention_withdrawn, 408);
  OFFSET(patchstream_stats, retention_lost, 416);
  OFFSET(patchstream_stats, retention_full, 424);
  OFFSET(patchstream_stats, run_appended, 432);
  OFFSET(patchstream_stats, run_acknowledged, 440);
  OFFSET(patchstream_stats, run_durable, 448);
  OFFSET(patchstream_stats, run_branch, 456);
  OFFSET(patchstream_stats, run_lost, 464);
  CHECK(sizeof(struct patchstream_arrival) == 56);
  OFFSET(patchstream_arrival, protein_count, 4);
  OFFSET(patchstream_arrival, id, 8);
  OFFSET(patchstream_arrival, step, 16);
  OFFSET(patchstream_arrival, center_nm, 24);
  OFFSET(patchstream_arrival, proteins, 40);
  OFFSET(patchstream_arrival, ras, 48);
  OFFSET(patchstream_arrival, raf, 52);
  CHECK(sizeof(struct patchstream_queue_stats) == 32);
  OFFSET(patchstream_queue_stats, name, 8);
  OFFSET(patchstream_queue_stats, candidates, 16);
  OFFSET(patchstream_queue_stats, selected, 24);
  CHECK(sizeof(struct patchstream_pick) == 48);
  OFFSET(patchstream_pick, state, 4);
  OFFSET(patchstream_pick, id, 8);
  OFFSET(patchstream_pick, event, 16);
  OFFSET(patchstream_pick, rank, 24);
  OFFSET(patchstream_pick, queue, 32);
  OFFSET(patchstream_pick, failures, 36);
  OFFSET(patchstream_pick, was_started, 40);
  CHECK(sizeof(struct patchstream_history_row) == 40);
  OFFSET(patchstream_history_row, step, 8);
  OFFSET(patchstream_history_row, id, 16);
  OFFSET(patchstream_history_row, rank, 24);
  OFFSET(patchstream_history_row, what, 32);
  CHECK(sizeof(struct patchstream_job_about) == 72);
  OFFSET(patchstream_job_about, attempt, 4);
  OFFSET(patchstream_job_about, id, 8);
  OFFSET(patchstream_job_about, nx, 16);
  OFFSET(patchstream_job_about, channels, 24);
  OFFSET(patchstream_job_about, dim, 28);
  OFFSET(patchstream_job_about, size_nm, 32);
  OFFSET(patchstream_job_about, rank, 40);
  OFFSET(patchstream_job_about, ticket, 48);
  OFFSET(patchstream_job_about, point, 56);
  OFFSET(patchstream_job_about, class_label, 64);
  CHECK(sizeof(struct patchstream_sample) == 72);
  OFFSET(patchstream_sample, attempt, 4);
  OFFSET(patchstream_sample, job, 8);
  OFFSET(patchstream_sample, window, 16);
  OFFSET(patchstream_sample, frames, 24);
  OFFSET(patchstream_sample, observable, 32);
  OFFSET(patchstream_sample, shape, 40);
  OFFSET(patchstream_sample, sums, 48);
  OFFSET(patchstream_sample, sum_count, 56);
  OFFSET(patchstream_sample, dims, 64);
  CHECK(sizeof(struct patchstream_jobs) == 96);
  OFFSET(patchstream_jobs, workers, 4);
  OFFSET(patchstream_jobs, in_line, 8);
  OFFSET(patchstream_jobs, refused, 72);
  OFFSET(patchstream_jobs, sample_bytes, 88);
  CHECK(PATCHSTREAM_ISSUED == 1 && PATCHSTREAM_STARTED == 2 && PATCHSTREAM_INTERRUPTED == 3 && PATCHSTREAM_DONE == 4);
  CHECK(PATCHSTREAM_FAILED == 5 && PATCHSTREAM_RETURNED == 6 && PATCHSTREAM_ADDED == 7 && PATCHSTREAM_DISCARDED == 8);
  CHECK(PATCHSTREAM_SELECTED == 9 && PATCHSTREAM_WITHDRAWN == 10);
}

static void versions_and_names(void) {
  CHECK(patchstream_abi_version() == PATCHSTREAM_ABI_VERSION);
  CHECK(strchr(patchstream_version(), '.') != NULL);
  CHECK(strcmp(patchstream_status_name(PATCHSTREAM_OK), "PATCHSTREAM_OK") == 0);
  CHECK(strcmp(patchstream_status_name(PATCHSTREAM_ERR_PANIC), "PATCHSTREAM_ERR_PANIC") == 0);
  CHECK(strcmp(patchstream_status_name(77), "unknown status") == 0);
}

int main(void) {
  layout_never_moves();
  versions_and_names();
  return report("layout_test");
}
