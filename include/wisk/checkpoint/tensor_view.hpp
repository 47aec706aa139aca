#pragma once
// A tensor of a checkpoint, where it lies in its mapped file.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <wisk/core/dtype.hpp>

namespace wisk::checkpoint {

/// A view: valid as long as the ModelFolder that gave it. Row-major, little endian, any alignment.
struct TensorView {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  ///< [elements() * size_of(dtype)]
  std::filesystem::path file;

  [[nodiscard]] std::int64_t elements() const;
};

/// "[1536, 576]".
std::string to_string(const std::vector<std::int64_t>& shape);

}  // namespace wisk::checkpoint
