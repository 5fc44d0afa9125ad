// The C++ face of queues, states and history. Takes `--model NAME` (default "metric"), and writes its configuration file
// where it is started. Compiled twice: with exceptions, and with -fno-exceptions.
#include <cstdio>
#include <cstring>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

constexpr std::uint32_t n = 37, channels = 14;

static ps::status push(ps::Producer &producer, std::uint64_t id, float factor = 0) {
  std::vector<float> values(n * n * channels);
  for (std::size_t i = 0; i < values.size(); i++) values[i] = float((id * 7919 + i * 31) % 1009) / 3000.0f;
  ps::Patch patch;
  patch.id = id;
  patch.factor = factor;
  return producer.try_push(patch, ps::interleaved(values.data(), n, n, channels));
}

static ps::Options two_queues(const char *model, int &calls) {
  if (std::FILE *file = std::fopen("queues_test_cpp.toml", "w")) {
    std::fputs("[[queues]]\nname = \"even\"\ntarget = 2\n[[queues]]\nname = \"odd\"\n", file);
    std::fclose(file);
  }
  const auto by_id = [](void *user, const ps::Arrival *patch) {
    ++*static_cast<int *>(user);
    return std::uint32_t(patch->id % 2);
  };
  return ps::Options().model(model).config("queues_test_cpp.toml").route(by_id, &calls).history(100).seed(3);
}

static void twins(const char *model) {
  int calls = 0;
  ps::Stream stream;
  CHECK(ps::Stream::try_open(two_queues(model, calls), stream) == ps::ok);
  ps::Producer producer;
  CHECK(stream.try_producer("x", producer) == ps::ok);
  for (std::uint64_t id = 1; id <= 8; id++) CHECK(push(producer, id, id == 6 ? 1000.0f : 0) == ps::ok);
  ps::Selections selections;
  CHECK(stream.try_select(0, 3, selections) == ps::ok && selections.size() == 3 && calls == 8);
  unsigned even = 0;
  for (const ps::Selection selection : selections) {
    CHECK(selection.queue() == selection.id() % 2);
    even += selection.queue() == 0;
  }
  CHECK(even == 2);
  ps::QueueStats odd{};
  CHECK(stream.try_queue_stats(1, odd) == ps::ok && odd.selected == 1 && odd.candidates == 3);
  CHECK(std::strcmp(odd.name, "odd") == 0);
  CHECK(stream.try_queue_stats(2, odd) == PATCHSTREAM_ERR_ARGUMENT);
  ps::Weights weights;
  CHECK(stream.try_weights_of(0, weights) == ps::ok && weights.size() == 2);
  CHECK(weights[0].weight + weights[1].weight == 4 && weights.bytes().size() > 16);
  CHECK(stream.try_weights_of(9, weights) == PATCHSTREAM_ERR_ARGUMENT && weights.size() == 2);

  CHECK(stream.try_set_state(6, ps::started, 0) == ps::ok && stream.try_set_state(6, ps::started, 0) == ps::known);
  CHECK(stream.try_set_state(6, ps::returned, 0) == PATCHSTREAM_ERR_STATE);
  CHECK(stream.try_set_state(6, ps::done, 0) == ps::ok);
  ps::Pick pick{};
  CHECK(stream.try_pick(6, pick) == ps::ok && pick.state == ps::done && pick.was_started == 1);
  CHECK(stream.try_pick(77, pick) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(stream.try_withdraw(6, 0) == PATCHSTREAM_ERR_STATE && stream.try_withdraw(8, 0) == ps::ok);
  std::vector<ps::HistoryRow> rows(20);
  std::size_t count = 0;
  CHECK(stream.try_history(rows, count) == ps::ok && count == 8 + 3 + 2 + 1);
  CHECK(rows[13].what == PATCHSTREAM_WITHDRAWN && rows[13].id == 8);
}

#ifdef PATCHSTREAM_EXCEPTIONS
static void throwing() {
  int calls = 0;
  ps::Stream stream(two_queues("mean", calls).history(1000));  // Many patches: the quickest encoder.
  ps::Producer producer = stream.producer("x");
  for (std::uint64_t id = 1; id <= 300; id++) {
    while (push(producer, id) == ps::full) stream.poll(ps::microseconds(1000));
  }
  const ps::Selections selections = stream.select(0, 2);
  const std::uint64_t id = selections[1].id();
  CHECK(stream.pick(id).state == ps::issued && stream.set_state(id, ps::returned, 4) == ps::ok);
  std::vector<float> densities(37 * 37 * 14);
  CHECK(stream.try_densities(id, densities) == PATCHSTREAM_ERR_STATE);  // There is no [retention].
  try {
    stream.densities(id, densities);
    CHECK(false);
  } catch (const ps::Error &error) {
    CHECK(error.status() == PATCHSTREAM_ERR_STATE);
  }
  stream.withdraw(id, 5);
  CHECK(stream.weights_of(std::uint32_t(selections[0].queue())).size() == 1);
  CHECK(stream.queue_stats(1).candidates + stream.queue_stats(0).candidates == 298 && stream.stats().queues == 2);
  const std::vector<ps::HistoryRow> rows = stream.history();
  CHECK(rows.size() == 300 + 2 + 2 && rows[303].step == 5 && stream.history().empty());
  try {
    stream.weights_of(5);
    CHECK(false);
  } catch (const ps::Error &error) {
    CHECK(error.status() == PATCHSTREAM_ERR_ARGUMENT && std::strstr(error.what(), "queue 5") != nullptr);
  }
}
#endif

int main(int argc, char **argv) {
  const char *model = argc == 3 && std::strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  twins(model);
#ifdef PATCHSTREAM_EXCEPTIONS
  throwing();
#endif
  std::remove("queues_test_cpp.toml");
  return report("queues_test");
}
