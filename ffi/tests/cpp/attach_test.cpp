// Producers that attach to a stream, as the C++ interface has them, with and without exceptions.
// Takes `--model NAME` (default "metric"). Prints each check that fails; exits with 1 if any did.
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "../c/check.h"
#include "patchstream.hpp"

namespace ps = patchstream;

int main(int argc, char **argv) {
  const char *model = argc == 3 && std::strcmp(argv[1], "--model") == 0 ? argv[2] : "metric";
  const std::string transport = "shm:attach-cpp-" + std::to_string(getpid());
  std::vector<float> densities(37 * 37 * 14, 0.25f);
  const ps::Field field = ps::interleaved(densities.data(), 37, 37, 14);
  ps::Stream stream;
  ps::Producer producer;
  ps::Answers answers;
  const ps::milliseconds none{0};
  CHECK(ps::Stream::try_open(ps::Options().model(model).slots(2).transport(transport).untrusted(), stream) == ps::ok);
  CHECK(ps::Producer::try_attach("shm:nobody-made-this", "it", none, producer) == PATCHSTREAM_ERR_UNKNOWN);
  CHECK(ps::Producer::try_attach(transport.c_str(), "it", none, producer) == ps::ok);
  ps::Patch patch;
  for (patch.id = 1; patch.id <= 2; patch.id++) CHECK(producer.try_push(patch, field) == ps::ok);
  CHECK(producer.try_push(patch, field) == ps::full);
  CHECK(producer.try_on_full(PATCHSTREAM_ON_FULL_DROP) == ps::ok);
  CHECK(producer.try_push(patch, field) == ps::dropped);
  CHECK(stream.try_poll(ps::microseconds(10000000)) == ps::ok);
  CHECK(producer.try_answers(answers) == ps::ok && answers.taken == 2 && answers.dropped == 1);
  CHECK(producer.try_on_full(PATCHSTREAM_ON_FULL_BLOCK, ps::milliseconds(600000)) == ps::ok);
  producer.request_stop();
  for (patch.id = 3; patch.id <= 4; patch.id++) CHECK(producer.try_push(patch, field) == ps::ok);
  ps::Loan loan;
  CHECK(producer.try_push(patch, field) == ps::stopped && producer.try_loan(patch, loan) == ps::stopped);
#ifdef PATCHSTREAM_EXCEPTIONS
  ps::Producer other = ps::Producer::attach(transport.c_str(), "other", none);
  other.on_full(PATCHSTREAM_ON_FULL_BLOCK, ps::milliseconds(10000));
  patch.id = 6;
  CHECK(other.push(patch, field) == ps::ok);
  other.end_step(0);
  CHECK(other.answers().sent == 1);
#endif
  producer.close();
  return report("attach_test");
}
