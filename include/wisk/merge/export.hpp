#pragma once
// Writing a blend as a Hugging Face model folder.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/dtype.hpp>
#include <wisk/merge/recipe.hpp>

namespace wisk::merge {

struct ExportOptions {
  std::optional<DType> dtype;  ///< of all tensors; without it each keeps its ingredients' dtype
  std::uint64_t shard_bytes =
      5'000'000'000;  ///< most tensor bytes in a file; a larger tensor has a file of its own
  int threads = 1;    ///< of this rank
};

/// What was written.
struct ExportSummary {
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;  ///< of the tensors
  std::size_t tensors = 0;
  std::vector<std::string> files;  ///< safetensors files
};

/// Writes the blend to the folder `out`, which must be absent or empty: model.safetensors (or shards with an
/// index), config.json, README.md (the recipe in words), and the tokenizer, chat, generation, licence and
/// code files of the ingredient called "late" if it takes part, of the first one with a coefficient other
/// than 0 otherwise.
///
/// Collective: the ranks write disjoint, aligned tiles of the files, each computed just before; a thread
/// holds one tile (4 MiB). The bytes do not depend on the number of ranks or threads. `out` must be on a file
/// system that all ranks see. Until all is written and synced the folder is called `out`.tmp; what a killed
/// export left under that name is replaced by the next one, and nothing half-written ever has the name `out`.
///
/// Throws on every rank when it fails on any: InputError (ingredients, out not empty, an export to `out` is
/// under way), EnvironmentError (disk full, ...; what was written is removed).
ExportSummary export_checkpoint(const Recipe& recipe, const std::filesystem::path& out,
                                const ExportOptions& options, comm::Communicator& world);

}  // namespace wisk::merge
