#include <wisk/merge/inspection.hpp>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include <wisk/checkpoint/compare.hpp>
#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/checkpoint/names.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/device/blend.hpp>

namespace wisk::merge {
namespace {

using checkpoint::ModelFolder;
using checkpoint::TensorView;

constexpr std::size_t kBlock = 1 << 16;

/// "model.layers.3" of "model.layers.3.mlp.up_proj.weight"; without a number, what stands before the last
/// dot.
std::string layer_of(const std::string& name) {
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    std::size_t end = dot + 1;
    while (end < name.size() && std::isdigit(static_cast<unsigned char>(name[end])) != 0) ++end;
    if (end > dot + 1 && (end == name.size() || name[end] == '.')) return name.substr(0, end);
  }
  const std::size_t last = name.rfind('.');
  return last == std::string::npos ? name : name.substr(0, last);
}

std::string architecture_of(const ModelFolder& folder) {
  const auto config = nlohmann::json::parse(folder.config_text());
  const auto names = config.find("architectures");
  if (names != config.end() && names->is_array() && !names->empty() && (*names)[0].is_string()) {
    return checkpoint::printable((*names)[0].get<std::string>());
  }
  return folder.model_type().empty() ? "?" : checkpoint::printable(folder.model_type());
}

/// Elements [begin, begin + count) as float.
void widen(const TensorView& view, std::size_t begin, std::size_t count, std::vector<float>& out) {
  const device::BlendInput input{view.bytes.data() + begin * size_of(view.dtype), view.dtype, 1.0};
  device::blend(std::span(&input, 1), count, DType::kFloat32, reinterpret_cast<std::byte*>(out.data()));
}

Distance distance_of_block(const std::vector<float>& a, const std::vector<float>& b, std::size_t count) {
  Distance sum;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    if (!std::isfinite(x) || !std::isfinite(y)) {
      ++sum.non_finite;
      continue;
    }
    const double difference = y - x;
    ++sum.elements;
    sum.equal += x == y ? 1 : 0;
    sum.largest = std::max(sum.largest, std::abs(difference));
    sum.squares_a += x * x;
    sum.squares_b += y * y;
    sum.product += x * y;
    sum.squares_difference += difference * difference;
  }
  return sum;
}

struct Block {
  const TensorView *a, *b;
  std::size_t begin, count, layer;
};

/// Natural order of the layers of `names`.
std::vector<std::string> layers_of(const std::vector<std::string>& names) {
  std::set<std::string> layers;
  for (const std::string& name : names) layers.insert(layer_of(name));
  std::vector<std::string> sorted(layers.begin(), layers.end());
  std::sort(sorted.begin(), sorted.end(), checkpoint::natural_less);
  return sorted;
}

std::vector<Block> blocks_of(const ModelFolder& a, const ModelFolder& b,
                             const std::vector<std::string>& names, const std::vector<std::string>& layers) {
  std::vector<Block> blocks;
  for (const std::string& name : names) {
    const TensorView *x = a.effective(name), *y = b.effective(name);
    const auto layer =
        static_cast<std::size_t>(std::find(layers.begin(), layers.end(), layer_of(name)) - layers.begin());
    const auto elements = static_cast<std::size_t>(x->elements());
    for (std::size_t begin = 0; begin < elements; begin += kBlock) {
      blocks.push_back({x, y, begin, std::min(kBlock, elements - begin), layer});
    }
  }
  return blocks;
}

/// Each block on some thread; added up by the caller in order, so that the sums are always the same.
std::vector<Distance> distances_of(const std::vector<Block>& blocks, int threads) {
  std::vector<Distance> sums(blocks.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::vector<float> x(kBlock), y(kBlock);
    for (std::size_t i = next++; i < blocks.size(); i = next++) {
      const Block& block = blocks[i];
      widen(*block.a, block.begin, block.count, x);
      widen(*block.b, block.begin, block.count, y);
      sums[i] = distance_of_block(x, y, block.count);
    }
  };
  std::vector<std::jthread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  return sums;
}

}  // namespace

double Distance::relative_l2() const {
  if (squares_difference == 0) return 0;
  return squares_a == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(squares_difference / squares_a);
}

double Distance::cosine() const {
  return product / (std::sqrt(squares_a) * std::sqrt(squares_b));
}

double Distance::share_equal() const {
  return elements == 0 ? 1.0 : static_cast<double>(equal) / static_cast<double>(elements);
}

void Distance::add(const Distance& other) {
  elements += other.elements;
  equal += other.equal;
  non_finite += other.non_finite;
  largest = std::max(largest, other.largest);
  squares_a += other.squares_a;
  squares_b += other.squares_b;
  product += other.product;
  squares_difference += other.squares_difference;
}

Inspection inspect(const std::filesystem::path& path) {
  const ModelFolder folder = ModelFolder::open(path);
  Inspection found;
  found.folder = path;
  found.architecture = architecture_of(folder);
  found.ties_embeddings = folder.ties_embeddings();
  found.unusable_tensors = folder.unusable_tensors();
  std::vector<std::string> names;
  std::set<std::filesystem::path> files;
  for (const auto& [name, view] : folder.tensors()) {
    names.push_back(name);
    files.insert(view.file);
  }
  found.weight_files = files.size();
  std::sort(names.begin(), names.end(), checkpoint::natural_less);
  std::map<std::string, std::size_t> place;
  for (const std::string& layer : layers_of(names)) {
    place[layer] = found.layers.size();
    found.layers.push_back({layer, 0, 0, {}});
  }
  for (const std::string& name : names) {
    const TensorView& view = folder.tensor(name);
    Layer& layer = found.layers[place[layer_of(name)]];
    layer.tensors.push_back({name, std::string(name_of(view.dtype)), view.shape, view.elements()});
    layer.parameters += view.elements();
    layer.bytes += view.bytes.size();
    found.parameters += view.elements();
    found.bytes += view.bytes.size();
    found.parameters_by_dtype[std::string(name_of(view.dtype))] += view.elements();
  }
  return found;
}

Comparison compare(const std::filesystem::path& path_a, const std::filesystem::path& path_b, int threads) {
  WISK_ASSERT(threads >= 1);
  const ModelFolder a = ModelFolder::open(path_a), b = ModelFolder::open(path_b);
  Comparison found;
  const ModelFolder* both[] = {&a, &b};
  found.hindrances = checkpoint::hindrances(both, false);
  found.config_remarks = checkpoint::config_differences(a, b).remarks;
  std::set<std::string> all;
  for (const auto& [name, view] : a.tensors()) all.insert(name);
  for (const auto& [name, view] : b.tensors()) all.insert(name);
  std::vector<std::string> names;
  for (const std::string& name : all) {
    const TensorView *x = a.effective(name), *y = b.effective(name);
    if (x != nullptr && y != nullptr && x->shape == y->shape) names.push_back(name);
  }
  const auto layers = layers_of(names);
  const auto blocks = blocks_of(a, b, names, layers);
  const auto sums = distances_of(blocks, threads);
  for (const std::string& layer : layers) found.layers.push_back({layer, {}});
  for (std::size_t i = 0; i < blocks.size(); ++i) found.layers[blocks[i].layer].distance.add(sums[i]);
  for (const LayerDistance& layer : found.layers) found.total.add(layer.distance);
  return found;
}

}  // namespace wisk::merge
