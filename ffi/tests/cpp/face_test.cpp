// The C++ face as a host uses it. Takes `--model NAME` (default "metric"). Compiled twice: with exceptions, and with
// -fno-exceptions, where only the status-returning twins are there.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>
#include <type_traits>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

static_assert(!std::is_copy_constructible_v<ps::Stream> && std::is_nothrow_move_constructible_v<ps::Stream>, "");
static_assert(!std::is_copy_constructible_v<ps::Producer> && std::is_nothrow_move_constructible_v<ps::Producer>, "");
static_assert(!std::is_copy_constructible_v<ps::Loan> && std::is_nothrow_move_assignable_v<ps::Loan>, "");
static_assert(!std::is_copy_constructible_v<ps::Selections> && !std::is_copy_constructible_v<ps::Weights>, "");

constexpr std::uint32_t n = 37, channels = 14;

static std::vector<double> densities(std::uint64_t id) {
  std::vector<double> values(n * n * channels);
  for (std::size_t i = 0; i < values.size(); i++) values[i] = double((id * 7919 + i * 31) % 1009) / 3000.0;
  return values;
}

static ps::Patch patch(std::uint64_t id, std::int64_t step = 0) {
  ps::Patch patch;
  patch.id = id;
  patch.step = step;
  return patch;
}

// Everything by the twins that throw nothing.
static void twins(const char *model) {
  ps::Stream stream, other;
  CHECK(!stream);
  CHECK(ps::Stream::try_open(ps::Options().model("no such model"), stream) < 0);
  CHECK(!stream);
  CHECK(ps::Stream::try_open(ps::Options().model(model).grid(n, n).capacity(100).k(3).slots(4), stream) == ps::ok);
  other = std::move(stream);
  CHECK(!stream && other);
  ps::Stream &same = other;
  other = std::move(same);
  CHECK(bool(other));
  ps::Producer producer;
  CHECK(stream.try_producer("x", producer) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(other.try_producer("x", producer) == ps::ok);

  const std::vector<double> one = densities(1);
  CHECK(producer.try_push(patch(1), ps::interleaved(one.data(), n, n, channels)) == ps::ok);
  CHECK(producer.try_push(patch(1), ps::interleaved(one.data(), n, n, channels)) == ps::known);

  // The same patch as planes of float is the same patch.
  std::vector<std::vector<float>> split(channels, std::vector<float>(n * n));
  for (std::size_t i = 0; i < one.size(); i++) split[i % channels][i / channels] = float(one[i]);
  std::vector<const float *> pointers;
  for (const auto &plane : split) pointers.push_back(plane.data());
  CHECK(producer.try_push(patch(1), ps::planes(pointers.data(), n, n, channels)) == ps::known);

  // And so it is upside down, with a negative stride, given as such.
  std::vector<double> flipped(one.size());
  const std::size_t row = n * channels;
  for (std::size_t y = 0; y < n; y++) std::memcpy(&flipped[(n - 1 - y) * row], &one[y * row], row * sizeof(double));
  ps::Field field = ps::interleaved(flipped.data() + (n - 1) * row, n, n, channels);
  field.stride_x = channels * sizeof(double);
  field.stride_y = -std::int64_t(row * sizeof(double));
  field.stride_c = sizeof(double);
  CHECK(producer.try_push(patch(1), field) == ps::known);

  // Several loans at once, filled by other threads.
  std::vector<ps::Loan> loans(3);
  for (std::uint64_t i = 0; i < 3; i++) CHECK(producer.try_loan(patch(i + 2), loans[i]) == ps::ok);
  ps::Loan none;
  CHECK(producer.try_loan(patch(9), none) == ps::full && !none);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; i++) {
    threads.emplace_back([&loans, i] {
      const std::vector<double> values = densities(i + 2);
      for (std::size_t j = 0; j < values.size(); j++) loans[i].densities()[j] = float(values[j]);
    });
  }
  for (auto &thread : threads) thread.join();
  CHECK(loans[2].try_commit() == ps::ok && loans[0].try_commit() == ps::ok);
  loans.clear();  // The middle one is given up.
  CHECK(producer.try_end_step(0) == ps::ok);
  ps::status polled = ps::again;
  while (polled == ps::again) polled = other.try_poll(ps::microseconds(0));
  CHECK(polled == ps::ok);

  ps::Selections selections;
  CHECK(other.try_select(0, 2, selections) == ps::ok);
  CHECK(selections && selections.size() == 2 && selections[0].id() == 1 && std::isinf(selections[0].rank()));
  std::size_t seen = 0;
  for (const ps::Selection selection : selections) {
    CHECK(selection.order() == seen++ && selection.point().size() > 0 && selection.label() == nullptr);
  }
  CHECK(seen == 2 && selections.bytes().size() > 16);
  ps::Weights weights;
  CHECK(other.try_weights(weights) == ps::ok);
  double sum = 0;
  for (const ps::Weight weight : weights) sum += weight.weight;
  CHECK(weights.size() == 2 && sum == 3 && weights.bytes().size() > 16);
  double among = 0;
  const std::uint64_t first = 1;
  CHECK(other.try_weights_among({&first, 1}, &among) == ps::ok && among == 2);
  ps::Stats stats{};
  CHECK(other.try_stats(stats) == ps::ok && stats.pushed == 3 && stats.known == 3 && stats.full == 1);

  // A second producer holds the event up until it has ended the step.
  ps::Producer second;
  CHECK(other.try_producer("y", second) == ps::ok);
  CHECK(producer.try_end_step(1) == ps::ok);
  CHECK(other.try_select(1, 1, selections) == ps::again);
  second.close();
  CHECK(other.try_select(1, 1, selections) == ps::ok && selections.size() == 1);
  other.request_stop();
  CHECK(other.try_poll(ps::microseconds(10)) == ps::stopped);
  CHECK(other.try_close(ps::milliseconds(1000)) == ps::ok);
  CHECK(!other);
}

// The loop of a code with threads: each commits the loans that it fills, and all share one producer.
static void threads_share_a_producer(const char *model) {
  ps::Stream stream;
  CHECK(ps::Stream::try_open(ps::Options().model(model).background().slots(8), stream) == ps::ok);
  ps::Producer producer;
  CHECK(stream.try_producer("x", producer) == ps::ok);
  std::vector<std::thread> threads;
  for (std::uint64_t rank = 0; rank < 4; rank++) {
    threads.emplace_back([&producer, rank] {
      for (std::uint64_t i = 0; i < 6; i++) {
        const std::uint64_t id = rank * 100 + i + 1;
        const std::vector<double> values = densities(id);
        ps::Loan loan;
        while (producer.try_loan(patch(id), loan) == ps::full) std::this_thread::yield();
        for (std::size_t j = 0; j < values.size(); j++) loan.densities()[j] = float(values[j]);
        if (i == 5) continue;  // Given up by this thread.
        if (loan.try_commit() != ps::ok) failures++;
      }
    });
  }
  for (auto &thread : threads) thread.join();
  CHECK(producer.try_end_step(0) == ps::ok);
  ps::Selections selections;
  CHECK(stream.try_select(0, 100, selections) == ps::ok && selections.size() == 20);
}

#ifdef PATCHSTREAM_EXCEPTIONS
template <class F>
static ps::status thrown(F f) {
  try {
    f();
  } catch (const ps::Error &error) {
    CHECK(std::strlen(error.what()) > 10);
    return error.status();
  }
  return ps::ok;
}

// The same by those that throw.
static void throwing(const char *model) {
  CHECK(thrown([] { ps::Stream(ps::Options().model("no such model")); }) < 0);
  ps::Stream stream(ps::Options().model(model).background());
  ps::Producer producer = stream.producer("x");
  CHECK(thrown([&] { stream.producer("x"); }) == PATCHSTREAM_ERR_STATE);
  std::vector<double> values = densities(1);
  CHECK(producer.push(patch(1), ps::interleaved(values.data(), n, n, channels)) == ps::ok);
  values[5] = NAN;
  CHECK(thrown([&] { producer.push(patch(2), ps::interleaved(values.data(), n, n, channels)); }) ==
        PATCHSTREAM_ERR_VALUE);
  {
    ps::Loan loan = producer.loan(patch(2));
    CHECK(bool(loan));
    ps::Loan moved = std::move(loan);
    CHECK(!loan && moved);
  }
  const std::vector<ps::Protein> proteins = {{5, 0, -1, 0.0, 0.0}};
  ps::Patch with = patch(3);
  with.proteins = proteins;
  with.label = "three";
  values = densities(3);
  ps::Loan loan = producer.loan(with);
  for (std::size_t i = 0; i < values.size(); i++) loan.densities()[i] = float(values[i]);
  CHECK(loan.commit() == ps::ok);
  producer.end_step(0);
  while (stream.poll(ps::microseconds(100)) == ps::again) {
  }
  const ps::Selections selections = stream.select(0, 5);
  CHECK(selections.size() == 2 && selections[1].proteins().size() == 1 && selections[1].ras() == 1);
  CHECK(std::strcmp(selections[1].label(), "three") == 0);
  const std::vector<std::uint64_t> ids = {3};
  CHECK(stream.weights_among(ids).at(0) == 1 && stream.weights().size() == 2);
  CHECK(stream.stats().rejected_value == 1);

  const ps::Model encoder(model, n, n, channels);
  const std::vector<float> point = encoder.encode(ps::interleaved(values.data(), n, n, channels));
  CHECK(point.size() == encoder.info().dim);
  CHECK(std::memcmp(point.data(), selections[1].point().data(), point.size() * sizeof(float)) == 0);

  // A window over the edge of a periodic field.
  const std::uint32_t grid = 48;
  std::vector<float> field(grid * grid * channels), out(n * n * channels);
  for (std::size_t i = 0; i < field.size(); i++) field[i] = float(i);
  const ps::Window window = ps::window({0.0, 0.0}, {grid, grid}, 30.0 / 36, n, n);
  CHECK(window.low[0] == -18 && window.center_nm[1] == 0);
  CHECK(ps::cut(ps::interleaved(field.data(), grid, grid, channels), {0, 0}, {grid, grid}, window.low, n, n,
                out.data()) == std::size_t(n) * n);
  CHECK(out[0] == field[(std::size_t(grid - 18) * grid + grid - 18) * channels]);
  CHECK(ps::proteins_near(proteins, {40, 40}, {39, 1}, 15).at(0).x_nm == 1);
  CHECK(stream.close(ps::milliseconds(5000)) == ps::ok);
  CHECK(thrown([&] { stream.weights(); }) == PATCHSTREAM_ERR_ARGUMENT);
}
#endif

int main(int argc, char **argv) {
  const char *model = argc == 3 && std::strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  twins(model);
  threads_share_a_producer(model);
#ifdef PATCHSTREAM_EXCEPTIONS
  throwing(model);
#endif
  return report("face_test");
}
