// Reads a .psel file with the generated C++ header and flatbuffers' own verifier at its default limits, and prints
// what it holds, a line a selection, batch and weight. Floats stand as hexadecimal bits, so that every text is exact.
// Not here: the text that is expected (tests/fixtures/selections-v1.txt, which a Rust test prints too).

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "patchstream_generated.h"

namespace wire = patchstream::wire;

template <class Bits, class Float>
static Bits bits(Float value) {
  static_assert(sizeof(Bits) == sizeof(Float), "one size");
  Bits result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

static std::uint32_t bits32(float value) { return bits<std::uint32_t>(value); }
static std::uint64_t bits64(double value) { return bits<std::uint64_t>(value); }

static void print(const wire::Selection &s) {
  std::printf("selection id %" PRIu64 " rank %08" PRIx32 " order %" PRIu32 " event %" PRIu64 " step %" PRId64, s.id(),
              bits32(s.rank()), s.order(), s.event(), s.step());
  std::printf(" time_us %016" PRIx64 " center_nm %016" PRIx64 " %016" PRIx64 " ras %u raf %u", bits64(s.time_us()),
              bits64(s.center_nm()->x_nm()), bits64(s.center_nm()->y_nm()), unsigned{s.constellation()->ras()},
              unsigned{s.constellation()->raf()});
  std::printf(" point");
  for (float value : *s.point()) std::printf(" %08" PRIx32, bits32(value));
  std::printf(" label %s\n", s.label() ? s.label()->c_str() : "(none)");
  for (const wire::Protein *p : *s.proteins())
    std::printf("  protein id %" PRIu64 " state %" PRId32 " partner %" PRId32 " x_nm %016" PRIx64 " y_nm %016" PRIx64
                "\n",
                p->id(), p->state(), p->partner(), bits64(p->x_nm()), bits64(p->y_nm()));
}

static void print(const wire::SelectionBatch &batch) {
  std::printf("batch event %" PRIu64 " step %" PRId64 " candidates %" PRIu64 " selected %" PRIu64
              " discarded %" PRIu64 "\n",
              batch.event(), batch.step(), batch.candidates(), batch.selected(), batch.discarded());
  for (const wire::Selection *selection : *batch.selections()) print(*selection);
}

static void print(const wire::Weights &weights) {
  std::printf("weights event %" PRIu64 "\n", weights.event());
  for (flatbuffers::uoffset_t i = 0; i < weights.ids()->size(); ++i)
    std::printf("  id %" PRIu64 " weight %016" PRIx64 " normalised %016" PRIx64 "\n", weights.ids()->Get(i),
                bits64(weights.weights()->Get(i)), bits64(weights.normalised()->Get(i)));
}

int main(int count, char **arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FILE.psel\n", arguments[0]);
    return 2;
  }
  std::ifstream file(arguments[1], std::ios::binary);
  const std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint8_t *start = bytes.data() + at;
    std::size_t size = sizeof(flatbuffers::uoffset_t);
    if (bytes.size() - at >= size) size += flatbuffers::ReadScalar<flatbuffers::uoffset_t>(start);
    if (size > bytes.size() - at) {
      std::fprintf(stderr, "the message at byte %zu is cut short\n", at);
      return 1;
    }
    flatbuffers::Verifier verifier(start, size);
    if (!wire::VerifySizePrefixedMessageBuffer(verifier)) {
      std::fprintf(stderr, "the message at byte %zu does not verify\n", at);
      return 1;
    }
    const wire::Message *message = wire::GetSizePrefixedMessage(start);
    if (const wire::SelectionBatch *batch = message->body_as_SelectionBatch()) print(*batch);
    if (const wire::Weights *weights = message->body_as_Weights()) print(*weights);
    at += size;
  }
  return 0;
}
