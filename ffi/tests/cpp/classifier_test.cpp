// The C++ face of the classifier. Takes `--model NAME` (default "metric"), the encoder. Compiled twice: with exceptions,
// and with -fno-exceptions.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

constexpr std::uint32_t n = 37, channels = 14;

static ps::Options classifying(const char *model) { return ps::Options().model(model).classifier("fingerprint"); }

static void push(ps::Producer &producer, std::uint64_t id) {
  std::vector<float> values(n * n * channels);
  for (std::size_t i = 0; i < values.size(); i++) values[i] = float((id * 7919 + i * 31) % 1009) / 3000.0f;
  const std::vector<ps::Protein> proteins = {{5, 0, -1, 0.0, 0.0}};
  ps::Patch patch;
  patch.id = id;
  patch.proteins = proteins;
  CHECK(producer.try_push(patch, ps::interleaved(values.data(), n, n, channels)) == ps::ok);
}

static void twins(const char *model) {
  ps::Stream stream;
  CHECK(ps::Stream::try_open(ps::Options().model(model).classifier("mean"), stream) == PATCHSTREAM_ERR_MODEL);
  CHECK(ps::Stream::try_open(classifying(model), stream) == ps::ok);
  ps::Producer producer;
  CHECK(stream.try_producer("x", producer) == ps::ok);
  for (std::uint64_t id = 1; id <= 3; id++) push(producer, id);
  ps::Selections selections;
  CHECK(stream.try_select(0, 3, selections) == ps::ok && selections.size() == 3);
  std::size_t agreed = 0;
  for (const ps::Selection selection : selections) {
    const ps::span<const float> probabilities = selection.probabilities();
    std::uint32_t best = 0;
    float sum = 0;
    for (std::uint32_t c = 0; c < probabilities.size(); c++) {
      if (probabilities[c] > probabilities[best]) best = c;
      sum += probabilities[c];
    }
    const char *label = nullptr;
    CHECK(probabilities.size() == 6 && std::fabs(sum - 1) < 1e-5f);
    CHECK(stream.try_class_label(best, label) == ps::ok && std::strcmp(label, selection.class_label()) == 0);
    agreed += best == 0;  // The first class stands for RASa, which the RAS of each patch is in.
  }
  ps::Stats stats{};
  CHECK(stream.try_stats(stats) == ps::ok && stats.classified == 3 && stats.comparable == 3);
  CHECK(stats.agreed == agreed && std::strlen(stats.classifier_backend) > 0);
  const char *none = nullptr;
  CHECK(stream.try_class_label(6, none) == PATCHSTREAM_ERR_ARGUMENT && none == nullptr);

  // Options that moved still own their texts, and an empty name is none.
  ps::Options moved = classifying(model);
  ps::Options options = std::move(moved);
  CHECK(std::string(options.c().classifier) == "fingerprint" && options.classifier("").c().classifier == nullptr);
}

static void without_one(const char *model) {
  ps::Stream stream;
  CHECK(ps::Stream::try_open(ps::Options().model(model), stream) == ps::ok);
  ps::Producer producer;
  CHECK(stream.try_producer("x", producer) == ps::ok);
  push(producer, 1);
  ps::Selections selections;
  CHECK(stream.try_select(0, 1, selections) == ps::ok && selections.size() == 1);
  CHECK(selections[0].class_label() == nullptr && selections[0].probabilities().empty());
}

#ifdef PATCHSTREAM_EXCEPTIONS
static void throwing(const char *model) {
  ps::Stream stream(classifying(model).background());
  CHECK(std::strcmp(stream.class_label(1), "RAS4b beta") == 0);
  bool thrown = false;
  try {
    stream.class_label(6);
  } catch (const ps::Error &error) {
    thrown = error.status() == PATCHSTREAM_ERR_ARGUMENT;
  }
  CHECK(thrown);
}
#endif

int main(int argc, char **argv) {
  const char *model = argc == 3 && std::strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  without_one(model);
  // A build without networks has no classifier either.
  ps::Stream stream;
  if (ps::Stream::try_open(classifying(model), stream) != PATCHSTREAM_ERR_UNSUPPORTED) {
    twins(model);
#ifdef PATCHSTREAM_EXCEPTIONS
    throwing(model);
#endif
  } else {
    CHECK(std::strcmp(model, "mean") == 0);
  }
  return report("classifier_test");
}
