#pragma once
// A model folder loaded and computed the plain way, for tests.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/comm/communicator.hpp>
#include <wisk/device/device.hpp>
#include <wisk/model/transformer.hpp>

namespace wisk::test {

struct ModelOptions {
  device::Compute compute = device::Compute::kFloat32;
  int threads = 1;
  std::string kernels = "auto";
};

/// [rows, V]; and what the pass says of each block's maximum is so.
inline std::vector<float> values_of(const model::Logits& logits, std::size_t rows) {
  std::vector<float> all;
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = logits.row(r), maxima = logits.row_maxima(r);
    all.insert(all.end(), row.begin(), row.end());
    for (std::size_t b = 0; b < maxima.size(); ++b) {
      const auto block = row.subspan(b * 64, std::min<std::size_t>(64, row.size() - b * 64));
      EXPECT_EQ(maxima[b], *std::max_element(block.begin(), block.end())) << "row " << r << " block " << b;
    }
  }
  return all;
}

/// Owns everything a forward pass needs. One sequence at a time, its pages in order from 0.
class LoadedModel {
 public:
  LoadedModel(const std::filesystem::path& path, const ModelOptions& options, comm::Communicator& replica)
      : LoadedModel(path, device::make_cpu_device({.threads = options.threads, .kernels = options.kernels}),
                    options.compute, replica) {}
  LoadedModel(const std::filesystem::path& path, std::unique_ptr<device::Device> on, device::Compute compute,
              comm::Communicator& replica)
      : folder(checkpoint::ModelFolder::open(path)),
        architecture(model::read_architecture(folder.config_text(), (path / "config.json").string(),
                                              folder.ties_embeddings())),
        device(std::move(on)),
        weights(*device, architecture, folder.tensors().begin()->second.dtype, compute,
                {replica.rank(), replica.size()}),
        transformer(*device, architecture, weights, compute, replica),
        cache(transformer.make_cache(kPages)) {
    const checkpoint::ModelFolder* ingredients[] = {&folder};
    const double coefficients[] = {1.0};
    weights.blend(ingredients, coefficients);
    pages_.resize(kPages);
    std::iota(pages_.begin(), pages_.end(), 0);
  }

  /// Logits after each of ids[begin..], computed in one step on top of what the cache holds: [count, V].
  std::vector<float> step(const std::vector<std::int32_t>& ids, std::size_t begin, std::size_t count) {
    std::vector<std::int32_t> positions(count), rows(count), page_rows(count, 0);
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(begin));
    std::iota(rows.begin(), rows.end(), 0);
    const device::StepTokens tokens{std::span(ids).subspan(begin, count), positions, page_rows, pages_};
    return values_of(transformer.forward(tokens, cache, rows), count);
  }

  /// Logits after every token, the sequence cut into steps of `chunk` tokens: [T, V].
  std::vector<float> logits(const std::vector<std::int32_t>& ids, std::size_t chunk) {
    std::vector<float> all;
    for (std::size_t begin = 0; begin < ids.size(); begin += chunk) {
      const std::vector<float> part = step(ids, begin, std::min(chunk, ids.size() - begin));
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  static constexpr int kPages = 16;
  checkpoint::ModelFolder folder;
  model::Architecture architecture;
  std::unique_ptr<device::Device> device;
  model::Weights weights;
  model::Transformer transformer;
  device::KvCache cache;

 private:
  std::vector<std::int32_t> pages_;
};

}  // namespace wisk::test
