// Weights of made-up checkpoints: which bytes are read, what is refused, and what the hash sees.
#include <wisk/model/weights.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "support/temp_folder.hpp"

namespace wisk::model {
namespace {

using checkpoint::ModelFolder;
using nlohmann::json;

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<std::uint16_t> values;  // bf16
};
using Tensors = std::map<std::string, Tensor>;

/// The tensors of a golden model, to be changed and written elsewhere.
Tensors tensors_of(const ModelFolder& folder) {
  Tensors tensors;
  for (const auto& [name, view] : folder.tensors()) {
    Tensor& tensor = tensors[name];
    tensor.shape = view.shape;
    tensor.values.resize(static_cast<std::size_t>(view.elements()));
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      if (view.dtype == DType::kFloat32) {
        float value;
        std::memcpy(&value, view.bytes.data() + 4 * i, sizeof value);
        tensor.values[i] = float_to_bf16(value);
      } else {
        std::memcpy(&tensor.values[i], view.bytes.data() + 2 * i, sizeof tensor.values[i]);
      }
    }
  }
  return tensors;
}

void write_model(const test::TempFolder& temp, const std::string& name, const std::string& config,
                 const Tensors& tensors) {
  json header = json::object();
  std::string data;
  for (const auto& [key, tensor] : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * 2);
    header[key] = {{"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  temp.write(name + "/model.safetensors",
             std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
  temp.write(name + "/config.json", config);
}

class WeightsTest : public ::testing::Test {
 protected:
  WeightsTest()
      : golden_(ModelFolder::open(test::source_folder() / "tests/golden/models/qwen3")),
        device_(device::make_cpu_device({.threads = 1})),
        tensors_(tensors_of(golden_)) {}
  ModelFolder folder(const std::string& name, const Tensors& tensors, const std::string& config = {}) {
    write_model(temp_, name, config.empty() ? golden_.config_text() : config, tensors);
    return ModelFolder::open(temp_.path() / name);
  }
  Architecture architecture(bool tied) {
    return read_architecture(golden_.config_text(), "config.json", tied);
  }
  std::unique_ptr<Weights> weights(const Architecture& a, Shard shard = {}) {
    return std::make_unique<Weights>(*device_, a, DType::kBFloat16, device::Compute::kFloat32, shard);
  }
  static void blend(Weights& weights, const std::vector<const ModelFolder*>& folders,
                    const std::vector<double>& coefficients) {
    weights.blend(folders, coefficients);
  }
  std::uint64_t hash_of(const ModelFolder& one, bool tied) {
    const auto w = weights(architecture(tied));
    blend(*w, {&one}, {1.0});
    return w->hash();
  }
  template <class E = InputError>
  static std::string message_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const E& error) {
      return error.what();
    }
    return "no error";
  }
  ModelFolder golden_;
  std::unique_ptr<device::Device> device_;
  Tensors tensors_;
  test::TempFolder temp_;
};

constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";

TEST_F(WeightsTest, TiedAndUntiedOutput) {
  Tensors tied = tensors_, untied = tensors_;
  tied.erase(kHead);
  untied[kHead] = untied[kEmbedding];
  for (std::uint16_t& bits : untied[kHead].values) bits ^= 0x8000u;
  const ModelFolder one = folder("tied", tied), other = folder("untied", untied);
  const auto w = weights(architecture(true));
  blend(*w, {&one}, {1.0});
  EXPECT_EQ(&w->output_embedding(), &w->embedding);
  EXPECT_EQ(w->lm_head.rows, 0);

  // A blend of both has an output matrix of its own: the tied one gives its embedding.
  const auto both = weights(architecture(false));
  EXPECT_EQ(&both->output_embedding(), &both->lm_head);
  const auto row = [&](const device::PackedMatrix& matrix) {
    std::vector<float> x(static_cast<std::size_t>(matrix.columns));
    const std::int32_t ids[] = {7};
    device_->embed({.ids = ids}, matrix, 0, 1, x.data());
    return x;
  };
  blend(*both, {&one, &other}, {1.0, 0.0});
  EXPECT_EQ(row(both->lm_head), row(both->embedding));
  blend(*both, {&one, &other}, {0.0, 1.0});
  for (std::size_t i = 0; i < row(both->lm_head).size(); ++i)
    EXPECT_EQ(row(both->lm_head)[i], -row(both->embedding)[i]);
  blend(*both, {&one, &other}, {0.5, 0.5});
  for (const float x : row(both->lm_head)) EXPECT_EQ(x, 0);
}

TEST_F(WeightsTest, MissingAndMisshapenTensorsAreNamed) {
  const bool tied = !tensors_.contains(kHead);
  Tensors broken = tensors_;
  broken.erase("model.layers.1.mlp.up_proj.weight");
  const ModelFolder missing = folder("missing", broken);
  const auto w = weights(architecture(tied));
  std::string message = message_of([&] { blend(*w, {&golden_, &missing}, {0.5, 0.5}); });
  EXPECT_NE(message.find((temp_.path() / "missing").string() + ": tensor model.layers.1.mlp.up_proj.weight"),
            std::string::npos)
      << message;
  for (const auto& [name, tensor] : tensors_) {
    broken = tensors_;
    Tensor& changed = broken[name];
    changed.shape[0] += 1;
    std::int64_t count = 1;
    for (const std::int64_t extent : changed.shape) count *= extent;
    changed.values.resize(static_cast<std::size_t>(count));
    const ModelFolder misshapen = folder("misshapen", broken);
    message = message_of([&] { blend(*w, {&misshapen}, {1.0}); });
    EXPECT_NE(message.find(": tensor " + name + ": expected shape " + checkpoint::to_string(tensor.shape) +
                           " by config.json, found " + checkpoint::to_string(changed.shape)),
              std::string::npos)
        << message;
  }
  // The same elements in another shape are not the same tensor.
  broken = tensors_;
  std::swap(broken["model.layers.0.mlp.down_proj.weight"].shape[0],
            broken["model.layers.0.mlp.down_proj.weight"].shape[1]);
  const ModelFolder transposed = folder("transposed", broken);
  EXPECT_NE(message_of([&] { blend(*w, {&transposed}, {1.0}); }), "no error");
  EXPECT_NE(message_of([&] { blend(*w, {&golden_}, {0.0}); }).find("at least one weight that is not 0"),
            std::string::npos);
}

TEST_F(WeightsTest, HashSeesEveryTensorAndWhichItIs) {
  const bool tied = !tensors_.contains(kHead);
  const std::uint64_t before = hash_of(golden_, tied);
  std::set<std::uint64_t> seen = {before};
  for (const auto& [name, tensor] : tensors_) {
    for (const std::size_t at : {std::size_t{0}, tensor.values.size() - 1}) {
      Tensors changed = tensors_;
      changed[name].values[at] ^= 0x0010u;
      const ModelFolder other = folder("changed", changed);
      EXPECT_TRUE(seen.insert(hash_of(other, tied)).second) << name << ' ' << at;
    }
  }
  Tensors swapped = tensors_;
  std::swap(swapped["model.layers.0.self_attn.k_proj.weight"],
            swapped["model.layers.0.self_attn.v_proj.weight"]);
  const ModelFolder other = folder("swapped", swapped);
  EXPECT_TRUE(seen.insert(hash_of(other, tied)).second);
}

TEST(WeightsHash, DoesNotDependOnTheRanks) {
  const auto device = device::make_cpu_device({.threads = 1});
  for (const char* name : {"qwen2", "qwen3", "gemma2", "mistral", "llama-rope-linear"}) {
    const ModelFolder folder = ModelFolder::open(test::source_folder() / "tests/golden/models" / name);
    const Architecture a = read_architecture(folder.config_text(), name, folder.ties_embeddings());
    const ModelFolder* ingredients[] = {&folder};
    const double one[] = {1.0};
    std::set<std::uint64_t> hashes;
    for (int ranks = 1; ranks <= a.slices(); ranks *= 2) {
      std::uint64_t sum = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        Weights weights(*device, a, DType::kBFloat16, device::Compute::kBFloat16, {rank, ranks});
        weights.blend(ingredients, one);
        sum += weights.hash();
      }
      hashes.insert(sum);
    }
    EXPECT_EQ(hashes.size(), 1u) << name;
  }
}

TEST_F(WeightsTest, TheEndsOfABlendAreTheCheckpointsAndTheOtherIsNotRead) {
  const bool tied = !tensors_.contains(kHead);
  Tensors nan = tensors_;
  for (auto& [name, tensor] : nan)
    std::fill(tensor.values.begin(), tensor.values.end(), std::uint16_t{0x7fff});
  const ModelFolder poison = folder("poison", nan);
  // A folder whose tensors cannot even be read: the file ends after its header once it is mapped.
  write_model(temp_, "gone", golden_.config_text(), tensors_);
  const ModelFolder gone = ModelFolder::open(temp_.path() / "gone");
  std::filesystem::resize_file(temp_.path() / "gone/model.safetensors", 4096);

  const std::uint64_t expected = hash_of(golden_, tied);
  const auto w = weights(architecture(tied));
  for (const ModelFolder* other : {&poison, &gone}) {
    blend(*w, {&golden_, other}, {1.0, 0.0});
    EXPECT_EQ(w->hash(), expected);
    blend(*w, {other, &golden_, other}, {0.0, 1.0, -0.0});
    EXPECT_EQ(w->hash(), expected);
  }
  blend(*w, {&golden_, &poison}, {0.5, 0.5});
  EXPECT_NE(w->hash(), expected);
  blend(*w, {&golden_, &golden_}, {0.5, 0.5});  // exact in bf16: halves of equals
  EXPECT_EQ(w->hash(), expected) << "filled again after another arm";
}

}  // namespace
}  // namespace wisk::model
