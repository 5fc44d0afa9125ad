// A patch's way between two C++ programs: from the commit until its producer is told that it is a ranked candidate.
//
// from_cpp owner TRANSPORT MODEL SELECTED    a stream that spins, with so many selected; ends with its producer
// from_cpp producer TRANSPORT COUNT          pushes one patch after the other, and prints two medians in microseconds
// Patches are 37x37x14, each noise around a mean of its own. Transport and retention are on, durability is off.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdint>
#include <string>
#include <vector>

#include "patchstream.hpp"

namespace ps = patchstream;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t n = 37, channels = 14;

void fill(std::vector<float> &densities, std::uint64_t id) {
  std::uint64_t state = id * 0x9e3779b97f4a7c15u;
  auto draw = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(state >> 40) / (1 << 24);
  };
  float means[channels];
  for (float &mean : means) mean = 0.05f + 0.4f * draw();
  for (std::size_t at = 0; at < densities.size(); at++) densities[at] = means[at % channels] * (0.5f + draw());
}

int own(const std::string &transport, const std::string &model, std::uint64_t selected) {
  ps::Stream stream(ps::Options().model(model).mode(PATCHSTREAM_BATCH).capacity(1u << 30).transport(transport));
  std::vector<float> densities(n * n * channels);
  {
    ps::Producer producer = stream.producer("own");
    ps::Patch patch;
    for (patch.id = 1; patch.id <= selected; patch.id++) {
      fill(densities, patch.id);
      while (producer.push(patch, ps::interleaved(densities.data(), n, n, channels)) == ps::full)
        stream.poll(ps::microseconds(1000000));
    }
  }
  if (stream.select(0, selected).size() != selected) return std::fprintf(stderr, "not all were selected\n"), 1;
  std::puts("READY");
  std::fflush(stdout);
  // Its producer's patches, then one look more in which nothing has come for a second.
  Clock::time_point last = Clock::now();
  for (std::uint64_t encoded = selected; Clock::now() - last < std::chrono::seconds(1);) {
    for (int turn = 0; turn < 10000; turn++) stream.poll(ps::microseconds(0));
    const ps::Stats stats = stream.stats();
    if (stats.encoded == selected || stats.encoded != encoded) last = Clock::now();
    encoded = stats.encoded;
  }
  return 0;
}

int produce(const std::string &transport, std::uint64_t count) {
  ps::Producer producer = ps::Producer::attach(transport.c_str(), "bench", ps::milliseconds(60000));
  std::vector<float> densities(n * n * channels);
  std::vector<double> pushes, ways;
  ps::Patch patch;
  for (std::uint64_t at = 1; at <= count; at++) {
    patch.id = 1000000 + at;
    fill(densities, patch.id);
    const auto started = Clock::now();
    if (producer.push(patch, ps::interleaved(densities.data(), n, n, channels)) != ps::ok) return 1;
    const auto committed = Clock::now();
    ps::Answers answers;
    do answers = producer.answers();
    while (answers.taken + answers.refused < at);
    ways.push_back(std::chrono::duration<double, std::micro>(Clock::now() - committed).count());
    pushes.push_back(std::chrono::duration<double, std::micro>(committed - started).count());
  }
  if (producer.answers().taken != count) return std::fprintf(stderr, "a patch was refused\n"), 1;
  for (auto *times : {&ways, &pushes}) std::nth_element(times->begin(), times->begin() + count / 2, times->end());
  std::printf("%.1f %.1f\n", ways[count / 2], pushes[count / 2]);
  return 0;
}

int main(int argc, char **argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 4 && words[0] == "owner") return own(words[1], words[2], std::stoull(words[3]));
    if (words.size() == 3 && words[0] == "producer") return produce(words[1], std::stoull(words[2]));
    std::fprintf(stderr, "usage: from_cpp owner TRANSPORT MODEL SELECTED | producer TRANSPORT COUNT\n");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "from_cpp: %s\n", error.what());
  }
  return 2;
}
