#pragma once
// The safetensors format, read: https://github.com/huggingface/safetensors (README, "Format"): 8 bytes
// little-endian length N, N bytes of JSON, then the tensors' bytes without gaps.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <wisk/checkpoint/tensor_view.hpp>
#include <wisk/core/file.hpp>

namespace wisk::checkpoint {

/// A tensor of any dtype of the format.
struct StoredTensor {
  TensorView view;         ///< dtype means something only when usable
  std::string dtype_name;  ///< as in the header: "BF16", "I64"
  bool usable = false;     ///< bfloat16, float16 or float32
};

/// Owns the mapping of one file; its tensors lie in it. Move-only, immutable.
class SafetensorsFile {
 public:
  /// Checks every field of the header before it is used: length, JSON, dtypes, shapes without overflow, bytes
  /// against dtype x shape, offsets in range, no overlap, no hole, no name twice. Throws InputError naming
  /// file and tensor.
  static SafetensorsFile open(const std::filesystem::path& file);
  [[nodiscard]] const std::vector<StoredTensor>& tensors() const {
    return tensors_;
  }  ///< in order of their bytes
  [[nodiscard]] const std::filesystem::path& path() const { return mapping_.path(); }

 private:
  explicit SafetensorsFile(MappedFile mapping) : mapping_(std::move(mapping)) {}
  MappedFile mapping_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace wisk::checkpoint
