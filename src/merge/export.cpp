#include <wisk/merge/export.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include <wisk/checkpoint/compare.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/log.hpp>
#include <wisk/merge/ingredients.hpp>

#include "in_step.hpp"
#include "model_card.hpp"
#include "shard_layout.hpp"
#include "staging_folder.hpp"

namespace wisk::merge {
namespace {

using checkpoint::TensorView;

// Tiles are ranges of a file, not of a tensor: their borders are aligned to pages and stripes, so that ranks
// of different nodes never write to one page of a network file system.
constexpr std::uint64_t kTileBytes = std::uint64_t{4} << 20;

// So far ahead of the tile that is blended the inputs are asked for.
constexpr std::size_t kTilesAhead = 8;

struct Plan {
  std::vector<OutputTensor> tensors;
  std::vector<std::vector<const TensorView*>> sources;  ///< [tensors]
  ShardLayout layout;
};

Plan make_plan(const Ingredients& ingredients, const ExportOptions& options) {
  Plan plan;
  for (const std::string& name : ingredients.names()) {
    plan.sources.push_back(ingredients.sources(name));
    const TensorView& first = *plan.sources.back().front();
    const DType dtype = options.dtype.value_or(first.dtype);
    const auto bytes = static_cast<std::uint64_t>(first.elements()) * size_of(dtype);
    plan.tensors.push_back({name, dtype, first.shape, bytes});
  }
  plan.layout = lay_out(plan.tensors, options.shard_bytes);
  return plan;
}

ExportSummary summarize(const Plan& plan) {
  ExportSummary summary;
  summary.tensors = plan.tensors.size();
  for (const OutputTensor& tensor : plan.tensors) {
    summary.bytes += tensor.bytes;
    summary.parameters += static_cast<std::int64_t>(tensor.bytes / size_of(tensor.dtype));
  }
  for (const Shard& shard : plan.layout.shards) summary.files.push_back(shard.name);
  return summary;
}

FileDescriptor open_shard(const std::filesystem::path& file, int flags) {
  FileDescriptor descriptor(::open(file.c_str(), O_WRONLY | O_CLOEXEC | flags, 0644));
  if (descriptor.get() < 0) throw EnvironmentError::from_errno(file.string(), "open for writing", errno);
  return descriptor;
}

/// Gives the files their size and, where the file system can, their blocks: a full disk shows before the
/// work.
void create_shards(const ShardLayout& layout, const std::filesystem::path& folder) {
  for (const Shard& shard : layout.shards) {
    const std::filesystem::path file = folder / shard.name;
    const FileDescriptor descriptor = open_shard(file, O_CREAT | O_EXCL);
    const auto size = static_cast<off_t>(shard.size);
    if (::fallocate(descriptor.get(), 0, 0, size) == 0) continue;
    if (errno != EOPNOTSUPP && errno != ENOSYS) {
      throw EnvironmentError::from_errno(file.string(), "reserving " + std::to_string(shard.size) + " bytes",
                                         errno);
    }
    if (::ftruncate(descriptor.get(), size) != 0)
      throw EnvironmentError::from_errno(file.string(), "truncate", errno);
  }
}

void write_at(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset,
              const std::string& where) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw EnvironmentError::from_errno(where, "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

/// Tells the kernel about a range of mapped input: MADV_WILLNEED before it is read, MADV_DONTNEED after,
/// which takes it out of this process (it stays in the page cache), so that memory does not grow with the
/// model.
void advise(std::span<const std::byte> bytes, int advice) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size());
  if (end > begin)
    ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);  // only advice: errors don't matter
}

/// One thread's part of the writing.
class TileWriter {
 public:
  TileWriter(const Plan& plan, const std::vector<double>& coefficients)
      : plan_(plan), coefficients_(coefficients), buffer_(kTileBytes) {}

  /// Asks for the inputs of the tile at `begin`, which comes up later.
  void expect(const Shard& shard, std::uint64_t begin) const {
    for_pieces(shard, begin,
               [&](const auto& sources, std::uint64_t first, std::uint64_t count, DType, std::uint64_t) {
                 for (const TensorView* source : sources) advise(part(*source, first, count), MADV_WILLNEED);
               });
  }

  void write(const Shard& shard, std::uint64_t begin, int descriptor, const std::string& where) {
    const std::uint64_t end = std::min(begin + kTileBytes, shard.size);
    if (begin < shard.head.size()) {
      const std::uint64_t count = std::min<std::uint64_t>(shard.head.size(), end) - begin;
      std::memcpy(buffer_.data(), shard.head.data() + begin, count);
    }
    for_pieces(shard, begin,
               [&](const auto& sources, std::uint64_t first, std::uint64_t count, DType dtype,
                   std::uint64_t offset) {
                 blend_range(sources, coefficients_, first, count, dtype, buffer_.data() + offset);
                 for (const TensorView* source : sources) advise(part(*source, first, count), MADV_DONTNEED);
               });
    write_at(descriptor, std::span(buffer_).first(end - begin), begin, where);
#ifdef SYNC_FILE_RANGE_WRITE
    // Starts writing back now: the sync at the end then has little left to wait for.
    ::sync_file_range(descriptor, static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                      SYNC_FILE_RANGE_WRITE);
#endif
  }

 private:
  /// Calls f(sources, first, count, dtype, offset) for the elements [first, first + count) of each tensor
  /// that lie in the tile at `begin`, `offset` bytes into it.
  template <class F>
  void for_pieces(const Shard& shard, std::uint64_t begin, const F& f) const {
    const std::uint64_t end = std::min(begin + kTileBytes, shard.size);
    auto piece =
        std::upper_bound(shard.pieces.begin(), shard.pieces.end(), begin,
                         [](std::uint64_t offset, const Piece& other) { return offset < other.offset; });
    if (piece != shard.pieces.begin()) --piece;
    for (; piece != shard.pieces.end() && piece->offset < end; ++piece) {
      const OutputTensor& tensor = plan_.tensors[piece->tensor];
      const std::uint64_t width = size_of(tensor.dtype);
      const std::uint64_t from = std::max(begin, piece->offset),
                          to = std::min(end, piece->offset + tensor.bytes);
      if (from >= to) continue;
      WISK_ASSERT((from - piece->offset) % width == 0 && (to - from) % width == 0);
      f(plan_.sources[piece->tensor], (from - piece->offset) / width, (to - from) / width, tensor.dtype,
        from - begin);
    }
  }

  static std::span<const std::byte> part(const TensorView& source, std::uint64_t first, std::uint64_t count) {
    const std::uint64_t width = size_of(source.dtype);
    return source.bytes.subspan(first * width, count * width);
  }

  const Plan& plan_;
  const std::vector<double>& coefficients_;
  std::vector<std::byte> buffer_;
};

struct Tile {
  std::size_t shard;
  std::uint64_t begin;
};

/// This rank's tiles: a contiguous share, for sequential reads and writes.
std::vector<Tile> tiles_of(const ShardLayout& layout, int rank, int size) {
  std::vector<Tile> all;
  for (std::size_t shard = 0; shard < layout.shards.size(); ++shard) {
    for (std::uint64_t begin = 0; begin < layout.shards[shard].size; begin += kTileBytes)
      all.push_back({shard, begin});
  }
  const auto border = [&](int at) {
    return static_cast<std::ptrdiff_t>(all.size() * static_cast<std::size_t>(at) /
                                       static_cast<std::size_t>(size));
  };
  return {all.begin() + border(rank), all.begin() + border(rank + 1)};
}

/// Writes this rank's tiles with `threads` threads and syncs the files. The first error of a thread stops
/// all.
void write_tiles(const Plan& plan, const std::vector<double>& coefficients, const std::vector<Tile>& tiles,
                 const std::filesystem::path& folder, int threads) {
  std::map<std::size_t, FileDescriptor> files;
  for (const Tile& tile : tiles) {
    if (!files.contains(tile.shard)) {
      files.emplace(tile.shard, open_shard(folder / plan.layout.shards[tile.shard].name, 0));
    }
  }
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      TileWriter writer(plan, coefficients);
      for (std::size_t i = next++; i < tiles.size(); i = next++) {
        const Shard& shard = plan.layout.shards[tiles[i].shard];
        // The disk reads ahead while this tile is blended and written; the first tile asks for all that are
        // near.
        for (std::size_t ahead = i == 0 ? 0 : i + kTilesAhead; ahead <= i + kTilesAhead; ++ahead) {
          if (ahead < tiles.size()) writer.expect(plan.layout.shards[tiles[ahead].shard], tiles[ahead].begin);
        }
        writer.write(shard, tiles[i].begin, files.at(tiles[i].shard).get(), (folder / shard.name).string());
      }
    } catch (...) {
      next = tiles.size();
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  for (const auto& [shard, file] : files) {
    if (::fsync(file.get()) != 0) {
      throw EnvironmentError::from_errno((folder / plan.layout.shards[shard].name).string(), "fsync", errno);
    }
  }
}

void write_texts(const Recipe& recipe, const Ingredients& ingredients, const Plan& plan,
                 const ExportOptions& options, const std::filesystem::path& folder) {
  const checkpoint::ModelFolder& leading = ingredients.leading();
  for (const std::string& name : leading.side_files()) {
    std::filesystem::create_directories((folder / name).parent_path());
    replace_file(folder / name, read_text(leading.path() / name));
  }
  if (!plan.layout.index.empty()) replace_file(folder / "model.safetensors.index.json", plan.layout.index);
  replace_file(folder / "config.json", blended_config(ingredients, options));
  replace_file(folder / "README.md", model_card(recipe, options, summarize(plan)));
}

/// Differences that blending goes on with, for the log.
void log_remarks(const Ingredients& ingredients) {
  for (std::size_t i = 1; i < ingredients.folders().size(); ++i) {
    const auto& first = ingredients.folders()[0];
    const auto& other = ingredients.folders()[i];
    for (const std::string& remark : checkpoint::config_differences(first, other).remarks) {
      log_warning("config.json of " + first.path().string() + " and " + other.path().string() +
                  " differ in " + remark + "; " + ingredients.leading().path().string() + "'s is used");
    }
  }
}

}  // namespace

ExportSummary export_checkpoint(const Recipe& recipe, const std::filesystem::path& out,
                                const ExportOptions& options, comm::Communicator& world) {
  if (options.threads < 1)
    throw UsageError("threads: expected at least 1, found " + std::to_string(options.threads));
  if (options.shard_bytes == 0) throw UsageError("shard size: expected more than 0 bytes, found 0");
  const std::filesystem::path folder = staging_path(out);
  std::optional<StagingFolder> staging;  // on rank 0; its destructor cleans up after an error of any rank
  std::optional<Ingredients> ingredients;
  Plan plan;
  in_step(world, [&] {
    ingredients.emplace(Ingredients::open(recipe, options.dtype.has_value()));
    plan = make_plan(*ingredients, options);
  });
  in_step(world, [&] {
    if (world.rank() != 0) return;
    log_remarks(*ingredients);
    staging.emplace(out);
    create_shards(plan.layout, folder);
  });
  in_step(world, [&] {
    const auto tiles = tiles_of(plan.layout, world.rank(), world.size());
    write_tiles(plan, ingredients->coefficients(), tiles, folder, options.threads);
  });
  in_step(world, [&] {
    if (world.rank() != 0) return;
    write_texts(recipe, *ingredients, plan, options, folder);
    staging->commit();
  });
  return summarize(plan);
}

}  // namespace wisk::merge
