// Feedback through the C++ face, with and without exceptions: a worker counts pairs of its beads and hands them in, tables
// come back; and a worker that has lost its job. Owner and worker are threads of this process.
// Prints each check that fails; exits with 1 if any did. Not here: more bad input (feedback_test.c).
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

namespace {
constexpr std::uint32_t nx = 5, channels = 14, bins = 6;
constexpr double cutoff_nm = 3.0, pi = 3.14159265358979323846;

// Positions of a protein and of one bead of each lipid, lipid c at (c + 0.5) * 0.2 nm from it.
std::vector<double> positions() {
  std::vector<double> xyz = {15.0, 15.0, 7.0};
  for (std::uint32_t c = 0; c < channels; ++c) xyz.insert(xyz.end(), {15.0, 15.0 + 0.2 * (c + 0.5), 1e6});
  return xyz;
}

ps::Frame frame_of(const std::vector<double> &xyz, const std::vector<std::int32_t> &species,
                   const std::vector<std::uint32_t> &references) {
  return ps::frame({30.0, 30.0}, {xyz.data(), xyz.size()}, 3, {species.data(), species.size()},
                   {references.data(), references.size()});
}

void wait_for(ps::Stream &stream, std::uint64_t refused, std::uint64_t accepted) {
  ps::FeedbackCounts counts;
  for (int i = 0; i < 60000; ++i) {
    CHECK(stream.try_feedback_counts(counts) == ps::ok);
    if (counts.refused == refused && counts.accepted == accepted) return;
    std::this_thread::sleep_for(ps::milliseconds(1));
  }
  CHECK(counts.refused == refused && counts.accepted == accepted);
}

void run(ps::Stream &stream, const std::string &transport) {
  std::vector<std::int32_t> species = {-1};
  for (std::uint32_t c = 0; c < channels; ++c) species.push_back(static_cast<std::int32_t>(c));
  const std::vector<double> xyz = positions();
  const std::vector<std::uint32_t> references = {0};
  ps::Rdf rdf;
  CHECK(ps::Rdf::try_open(channels, bins, cutoff_nm, rdf) == ps::ok && rdf.size() == channels * bins);
  ps::Rdf none;
  CHECK(ps::Rdf::try_open(channels, bins, -1.0, none) == PATCHSTREAM_ERR_ARGUMENT && none.size() == 0);

  ps::Job job;
  CHECK(ps::Job::try_next(transport.c_str(), ps::milliseconds(60000), job) == ps::ok && job);
  std::vector<double> sums(rdf.size());
  for (std::uint64_t window = 0; window < 2; ++window) {
    CHECK(rdf.try_clear() == ps::ok);
    for (int i = 0; i < 10; ++i) CHECK(rdf.try_count(frame_of(xyz, species, references)) == ps::ok);
    CHECK(rdf.try_sums({sums.data(), sums.size()}) == ps::ok && rdf.frames() == 10);
    if (window == 0) {
      // Of another shape it is refused, and counts once it is right.
      const std::vector<std::uint32_t> wrong = {channels * bins};
      CHECK(job.try_submit("rdf", 0, 10, {wrong.data(), 1}, {sums.data(), sums.size()}) == ps::ok);
      wait_for(stream, 1, 0);
      job.close();
      CHECK(ps::Job::try_open((transport + "#1").c_str(), ps::milliseconds(60000), job) == ps::ok);
    }
    CHECK(job.try_submit("rdf", window, rdf.frames(), rdf.shape(), {sums.data(), sums.size()}) == ps::ok);
  }
  wait_for(stream, 1, 2);

  // The host takes the job away: what its worker measures from then on is somebody else's job.
  CHECK(job.try_set(ps::started) == ps::ok);
  ps::Pick pick{};
  for (int i = 0; i < 60000 && pick.state != ps::started; ++i) {
    std::this_thread::sleep_for(ps::milliseconds(1));
    CHECK(stream.try_pick(1, pick) == ps::ok);
  }
  CHECK(stream.try_set_state(1, ps::issued, 0) == ps::ok);
  ps::status code = ps::ok;
  for (std::uint64_t window = 2; window < 60000 && code == ps::ok; ++window) {
    code = job.try_submit("rdf", window, rdf.frames(), rdf.shape(), {sums.data(), sums.size()});
    std::this_thread::sleep_for(ps::milliseconds(1));
  }
  CHECK(code == PATCHSTREAM_ERR_FENCED);
  ps::FeedbackCounts counts;
  CHECK(stream.try_feedback_counts(counts) == ps::ok && counts.accepted == 2);

  ps::Feedback told, given;
  CHECK(!told && told.version() == 0 && told.g(0, 0).empty() && told.bytes().empty());
  CHECK(stream.try_feedback(0, given) == ps::again && !given);
  CHECK(stream.try_submit(1, "rdf", 0, 1, rdf.shape(), {sums.data(), sums.size()}) == PATCHSTREAM_ERR_STATE);
#ifdef PATCHSTREAM_EXCEPTIONS
  told = stream.publish_feedback(4, 6);
  CHECK(!stream.feedback(5));
  if (auto feedback = stream.feedback(6)) given = std::move(feedback);
  bool thrown = false;
  try {
    stream.publish_feedback(6, 5);
  } catch (const ps::Error &error) {
    thrown = error.status() == PATCHSTREAM_ERR_STATE && std::strstr(error.what(), "5") != nullptr;
  }
  CHECK(thrown);
  CHECK(stream.mean("rdf", 2, channels * bins)[0] == sums[0] / 10.0 && stream.feedback_counts().version == 1);
  const auto same = rdf.sums();
  CHECK(std::vector<double>(same.begin(), same.end()) == sums && ps::Rdf(2, 3, 1.0).size() == 6);
#else
  CHECK(stream.try_publish_feedback(4, 6, told) == ps::ok);
  CHECK(stream.try_feedback(5, given) == ps::again);
  CHECK(stream.try_feedback(6, given) == ps::ok);
  std::vector<double> mean(channels * bins), error(channels * bins);
  CHECK(stream.try_mean("rdf", 2, {mean.data(), mean.size()}, {error.data(), error.size()}) == ps::ok);
  CHECK(mean[0] == sums[0] / 10.0);
  CHECK(stream.try_mean("rdf", 2, {mean.data(), mean.size()}, {error.data(), 1}) == PATCHSTREAM_ERR_SHAPE);
#endif
  CHECK(given && given.version() == 1 && given.in_force_from() == 6 && given.simulations(2) == 1);
  CHECK(given.effective_samples(2) == 1 && given.simulations(0) == 0 && given.simulations(99) == 0);
  CHECK(given.r_nm().size() == bins && given.r_nm()[0] == 0.25 && given.potential_kt(2, 0).empty());
  CHECK(given.g(18, 0).empty() && given.g(0, channels).empty() && given.standard_error(2, 3).size() == bins);
  for (std::uint32_t c = 0; c < channels; ++c) {
    const auto bin = static_cast<std::size_t>(0.2 * (c + 0.5) / 0.5);
    const double area = pi * 0.25 * (2.0 * static_cast<double>(bin) + 1.0);
    for (std::size_t b = 0; b < bins; ++b)
      CHECK(std::fabs(given.g(2, c)[b] - (b == bin ? 1.0 / (0.5 * area) : 0.0)) < 1e-12);
  }
  CHECK(told.bytes().size() == given.bytes().size() && told.bytes().size() > 18u * channels * bins * 16u);
}
}  // namespace

int main() {
  std::ofstream("feedback_cpp.toml") << "[feedback]\nbins = 6\ncutoff_nm = 3\n";
  const std::string transport = "shm:feedback-test-cpp-" + std::to_string(getpid());
  ps::Stream stream;
  ps::Producer producer;
  ps::Options options;
  options.grid(nx, nx).model("mean").background().transport(transport).config("feedback_cpp.toml");
  CHECK(ps::Stream::try_open(options, stream) == ps::ok);
  CHECK(stream.try_producer("macro", producer) == ps::ok);
  const ps::Protein protein{5, 2, -1, 0.0, 0.0};
  const std::vector<float> densities(nx * nx * channels, 0.5f);
  ps::Patch patch;
  patch.id = 1;
  patch.proteins = {&protein, 1};
  CHECK(producer.try_push(patch, ps::interleaved(densities.data(), nx, nx, channels)) == ps::ok);
  ps::Selections selections;
  CHECK(stream.try_select(0, 1, selections) == ps::ok && selections.size() == 1);
  run(stream, transport);
  return report("feedback_test");
}
