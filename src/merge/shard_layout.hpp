#pragma once
// Which byte of which file is which element of the blend.

#include <cstdint>
#include <string>
#include <vector>

#include <wisk/core/dtype.hpp>

namespace wisk::merge {

/// A tensor to be written.
struct OutputTensor {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t bytes;
};

/// A tensor's place in a file. `offset` counts from the file's start and is a multiple of the element size.
struct Piece {
  std::size_t tensor;  ///< index into the tensors
  std::uint64_t offset;
};

/// One safetensors file.
struct Shard {
  std::string name;
  std::string head;           ///< length and header, as they stand at the file's start; a multiple of 8 bytes
  std::vector<Piece> pieces;  ///< ascending offsets
  std::uint64_t size = 0;     ///< of the file
};

struct ShardLayout {
  std::vector<Shard> shards;
  std::string index;  ///< text of model.safetensors.index.json; "" for a single file
};

/// Fills files in the given order up to `shard_bytes` of tensor bytes each. Within a file wide dtypes come
/// first, so that elements are aligned to their size.
ShardLayout lay_out(const std::vector<OutputTensor>& tensors, std::uint64_t shard_bytes);

}  // namespace wisk::merge
