// A model's state as bytes and back, so that a host can write checkpoints of it.
//
// "DDFT" and a version, the number of bytes that follow, their hash (FNV-1a), then the members one after the other as they
// lie in this machine's memory. Restoring changes nothing unless every byte is as it was written.
// Not here: which members there are (ddft.hpp), files.

#ifndef DDFT_STATE_HPP
#define DDFT_STATE_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace ddft {

using Bytes = std::vector<unsigned char>;

namespace detail {

constexpr std::uint64_t state_version = 0x0000000254464444u; // "DDFT", 2
constexpr std::size_t head_bytes = 24;

inline std::uint64_t hash(const unsigned char *bytes, std::size_t count) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < count; ++i) h = (h ^ bytes[i]) * 0x100000001b3u;
  return h;
}

// Appends each member that it is called with.
class Saver {
public:
  template <class T> void operator()(const T &member) { append(&member, 1); }
  template <class T> void operator()(const std::vector<T> &members) { append(members.data(), members.size()); }

  Bytes finish() {
    const std::size_t count = bytes_.size() - head_bytes;
    const std::uint64_t head[3] = {state_version, count, hash(bytes_.data() + head_bytes, count)};
    std::memcpy(bytes_.data(), head, head_bytes);
    return std::move(bytes_);
  }

private:
  template <class T> void append(const T *items, std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>, "its bytes are all there is to it");
    const auto *bytes = reinterpret_cast<const unsigned char *>(items);
    bytes_.insert(bytes_.end(), bytes, bytes + count * sizeof(T));
  }
  Bytes bytes_ = Bytes(head_bytes);
};

// Fills each member that it is called with; vectors keep their sizes. Throws std::invalid_argument for bytes that were cut
// short, changed, or made by another version.
class Loader {
public:
  explicit Loader(const Bytes &bytes) {
    std::uint64_t head[3] = {};
    if (bytes.size() >= head_bytes) std::memcpy(head, bytes.data(), head_bytes);
    if (head[0] != state_version) throw std::invalid_argument("ddft: these bytes are no state of this version's model");
    next_ = bytes.data() + head_bytes, left_ = bytes.size() - head_bytes;
    if (head[1] != left_ || head[2] != hash(next_, left_))
      throw std::invalid_argument("ddft: the state was cut short or changed: use an older checkpoint");
  }
  template <class T> void operator()(T &member) { take(&member, 1); }
  template <class T> void operator()(std::vector<T> &members) { take(members.data(), members.size()); }
  bool at_end() const { return left_ == 0; }

private:
  template <class T> void take(T *items, std::size_t count) {
    const std::size_t size = count * sizeof(T);
    if (size > left_) throw std::invalid_argument("ddft: the state is of a smaller model: use that model's options");
    if (size > 0) std::memcpy(static_cast<void *>(items), next_, size);
    next_ += size, left_ -= size;
  }
  const unsigned char *next_ = nullptr;
  std::size_t left_ = 0;
};

} // namespace detail

} // namespace ddft

#endif
