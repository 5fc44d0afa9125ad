// An encoder or a classifier on its own.
//
// Not here: streams (stream.hpp). Include patchstream.hpp.
#ifndef PATCHSTREAM_MODEL_HPP
#define PATCHSTREAM_MODEL_HPP

#include "base.hpp"

namespace patchstream {

// An encoder on its own. Several threads may use one.
class Model {
 public:
  Model() noexcept = default;
  explicit operator bool() const noexcept { return handle_.get() != nullptr; }

  static status try_open(const char *name_or_path, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels,
                         Model &out) noexcept {
    patchstream_model *model = nullptr;
    const status code = patchstream_model_open(name_or_path, nx, ny, channels, &model);
    if (code == ok) out.handle_.reset(model);
    return code;
  }
  status try_info(patchstream_model_info &out) const noexcept {
    return out.struct_size = sizeof out, patchstream_model_get_info(handle_.get(), &out);
  }
  // One patch to a point of as many numbers as the model has dimensions.
  status try_encode(const Field &densities, span<float> point) const noexcept {
    return patchstream_model_encode(handle_.get(), &densities, point.data(), point.size());
  }
#ifdef PATCHSTREAM_EXCEPTIONS
  Model(const char *name_or_path, std::uint32_t nx, std::uint32_t ny, std::uint32_t channels) {
    check(try_open(name_or_path, nx, ny, channels, *this));
  }
  patchstream_model_info info() const {
    return detail::filled<patchstream_model_info>([&](patchstream_model_info &out) { return try_info(out); });
  }
  std::vector<float> encode(const Field &densities) const {
    std::vector<float> point(info().dim);
    check(try_encode(densities, point));
    return point;
  }
#endif

 private:
  detail::Handle<patchstream_model, patchstream_model_close> handle_;
};

}  // namespace patchstream

#endif  // PATCHSTREAM_MODEL_HPP
