// Runs alone and under mpiexec -n 1, 2, 4. Rank 0 makes the folders; every rank also exports alone, and the
// world's files must have the same bytes.
#include <wisk/merge/export.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/merge/ingredients.hpp>

#include "checkpoint/make_folder.hpp"

namespace wisk::merge {
namespace {

std::map<std::string, std::string> contents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).string()] = read_text(entry.path());
  }
  return files;
}

/// A model whose largest tensor spans several 4 MiB tiles, with odd sizes so that tiles cut tensors anywhere.
std::vector<test::MadeTensor> large_model(std::uint32_t seed) {
  auto tensors = test::little_model("BF16", true, seed);
  tensors.push_back(test::made("model.layers.2.mlp.up_proj.weight", "BF16", {2503, 1721}, seed + 9));
  tensors.push_back(test::made("model.layers.10.mlp.up_proj.weight", "BF16", {1501, 997}, seed + 10));
  return tensors;
}

class Export : public ::testing::Test {
 protected:
  void SetUp() override {
    world_ = comm::make_world_communicator();
    if (world_->rank() == 0) temp_ = std::make_unique<test::TempFolder>();
    root_ = comm::broadcast_string(*world_, temp_ ? temp_->path().string() : "", 0);
  }
  void TearDown() override { world_->barrier(); }

  /// Written by rank 0; there for all when it returns.
  std::filesystem::path folder(const std::string& name, const nlohmann::json& config,
                               const std::vector<test::MadeTensor>& tensors) {
    if (temp_) {
      test::make_folder(*temp_, name, config, tensors);
      for (const char* file :
           {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"}) {
        temp_->write(name + "/" + file, R"({"of":")" + name + "\"}");
      }
      temp_->write(name + "/optimizer.pt", "state");
    }
    world_->barrier();
    return root_ / name;
  }
  Recipe pair(double delta, bool large = false) {
    const auto tensors = [&](std::uint32_t seed) {
      return large ? large_model(seed) : test::little_model("BF16", false, seed);
    };
    return interpolation({"early", folder("e", test::llama_config(), tensors(1))},
                         {"late", folder("l", test::llama_config(), tensors(50))}, delta);
  }
  ExportSummary write(const Recipe& recipe, const std::string& name, const ExportOptions& options = {}) {
    return export_checkpoint(recipe, root_ / name, options, *world_);
  }
  /// The class and text of what every rank must throw.
  std::string refusal(const Recipe& recipe, const std::string& name, const ExportOptions& options,
                      ExitStatus status) {
    try {
      write(recipe, name, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), status) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "accepted on rank " << world_->rank();
    return "";
  }

  std::unique_ptr<comm::Communicator> world_;
  std::unique_ptr<test::TempFolder> temp_;
  std::filesystem::path root_;
};

TEST_F(Export, BytesDoNotDependOnRanksThreadsOrWhoWrites) {
  const Recipe recipe = pair(0.3, true);
  for (const std::uint64_t shard_bytes : {std::uint64_t{5'000'000'000}, std::uint64_t{3'000'000}}) {
    ExportOptions options;
    options.shard_bytes = shard_bytes;
    write(recipe, "world" + std::to_string(shard_bytes), options);
    if (world_->rank() == 0) {
      const auto self = comm::make_self_communicator();
      for (const int threads : {1, 3}) {
        options.threads = threads;
        const std::filesystem::path alone =
            root_ / ("alone" + std::to_string(shard_bytes) + '-' + std::to_string(threads));
        export_checkpoint(recipe, alone, options, *self);
        EXPECT_EQ(contents(alone), contents(root_ / ("world" + std::to_string(shard_bytes))));
      }
      EXPECT_FALSE(std::filesystem::exists(root_ / ("world" + std::to_string(shard_bytes) + ".tmp")));
    }
    world_->barrier();
  }
}

TEST_F(Export, EveryElementIsTheBlendOfItsElements) {
  const Recipe recipe = pair(0.3, true);
  ExportOptions options;
  options.shard_bytes = 5'000'000;
  const ExportSummary summary = write(recipe, "out", options);
  EXPECT_EQ(summary.files.size(), 3u) << "a file each for what comes before, the large tensor, what follows";
  const auto out = checkpoint::ModelFolder::open(root_ / "out");
  const Ingredients ingredients = Ingredients::open(recipe, false);
  EXPECT_EQ(out.tensors().size(), ingredients.names().size());
  for (const std::string& name : ingredients.names()) {
    const auto sources = ingredients.sources(name);
    const auto& view = out.tensor(name);
    ASSERT_EQ(view.shape, sources[0]->shape);
    for (std::int64_t i = 0; i < view.elements(); ++i) {
      const auto at = [&](const checkpoint::TensorView& tensor) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, tensor.bytes.data() + 2 * i, 2);
        return bits;
      };
      const float sum = std::fma(0.7f, bf16_to_float(at(*sources[1])), 0.3f * bf16_to_float(at(*sources[0])));
      ASSERT_EQ(at(view), float_to_bf16(sum)) << name << " element " << i;
    }
  }
}

TEST_F(Export, TheEndsAreTheInputsBitForBit) {
  auto early = test::little_model("BF16", false, 1), late = test::little_model("BF16", false, 50);
  early[0].bytes[1] = late[0].bytes[1] = '\xff';  // a NaN with a payload, and -0.0
  early[0].bytes[0] = late[0].bytes[0] = '\xa3';
  early[0].bytes[2] = late[0].bytes[2] = '\0';
  early[0].bytes[3] = late[0].bytes[3] = '\x80';
  const Ingredient e{"early", folder("e", test::llama_config(), early)};
  const Ingredient l{"late", folder("l", test::llama_config(), late)};
  for (const double delta : {0.0, 1.0}) {
    write(interpolation(e, l, delta), "at" + std::to_string(delta));
    const auto out = checkpoint::ModelFolder::open(root_ / ("at" + std::to_string(delta)));
    const auto input = checkpoint::ModelFolder::open(delta == 0 ? l.folder : e.folder);
    for (const auto& [name, view] : input.tensors()) {
      EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), out.tensor(name).bytes.begin())) << name;
    }
    EXPECT_EQ(read_text(root_ / ("at" + std::to_string(delta)) / "tokenizer.json"),
              delta == 0 ? R"({"of":"l"})" : R"({"of":"e"})");
  }
}

TEST_F(Export, AnIngredientOfWeightZeroIsNotRead) {
  const Ingredient late{"late", folder("l", test::llama_config(), test::little_model("BF16", false, 1))};
  write(interpolation({"early", root_ / "nowhere"}, late, 0), "out");
  EXPECT_TRUE(std::filesystem::exists(root_ / "out/model.safetensors"));
}

TEST_F(Export, CarriesOverTheFilesOfLateAndSaysWhatWasBlended) {
  write(pair(0.25), "out");
  const auto files = contents(root_ / "out");
  EXPECT_EQ(files.size(), 7u) << "config, README, weights and four side files; no optimizer";
  EXPECT_EQ(files.at("tokenizer.json"), R"({"of":"l"})");
  EXPECT_EQ(files.at("generation_config.json"), R"({"of":"l"})");
  EXPECT_EQ(files.at("config.json"), read_text(root_ / "l/config.json"));
  EXPECT_NE(files.at("README.md").find("0.25 x e (early) + 0.75 x l (late)"), std::string::npos);
}

TEST_F(Export, DtypeChangesTensorsAndConfig) {
  ExportOptions options;
  options.dtype = DType::kFloat32;
  write(pair(0.5), "out", options);
  const auto out = checkpoint::ModelFolder::open(root_ / "out");
  for (const auto& [name, view] : out.tensors()) EXPECT_EQ(view.dtype, DType::kFloat32) << name;
  auto config = nlohmann::json::parse(out.config_text());
  EXPECT_EQ(config["torch_dtype"], "float32");
  config["torch_dtype"] = "bfloat16";
  EXPECT_EQ(config, test::llama_config());
}

TEST_F(Export, AnOutputMatrixIsTiedOnlyWhenAllAre) {
  auto config = test::llama_config();
  config["tie_word_embeddings"] = true;
  const Ingredient tied{"early", folder("e", config, test::little_model("BF16", true, 1))};
  const Ingredient untied{"late", folder("l", test::llama_config(), test::little_model("BF16", false, 50))};
  const Ingredient also_tied{"late", folder("t", config, test::little_model("BF16", true, 90))};
  write(interpolation(untied, tied, 0.5), "mixed");
  const auto mixed = checkpoint::ModelFolder::open(root_ / "mixed");
  EXPECT_FALSE(mixed.ties_embeddings());
  ASSERT_NE(mixed.find("lm_head.weight"), nullptr);
  const auto e = checkpoint::ModelFolder::open(tied.folder), l = checkpoint::ModelFolder::open(untied.folder);
  for (std::size_t i = 0; i < 24; ++i) {
    std::uint16_t a = 0, b = 0, got = 0;
    std::memcpy(&a, l.tensor("lm_head.weight").bytes.data() + 2 * i, 2);
    std::memcpy(&b, e.tensor("model.embed_tokens.weight").bytes.data() + 2 * i, 2);
    std::memcpy(&got, mixed.tensor("lm_head.weight").bytes.data() + 2 * i, 2);
    EXPECT_EQ(got, float_to_bf16(0.5f * bf16_to_float(a) + 0.5f * bf16_to_float(b)));
  }
  write(interpolation(tied, untied, 0.5), "led_by_tied");
  EXPECT_EQ(nlohmann::json::parse(read_text(root_ / "led_by_tied/config.json"))["tie_word_embeddings"],
            false);
  write(interpolation(tied, also_tied, 0.5), "tied");
  const auto both = checkpoint::ModelFolder::open(root_ / "tied");
  EXPECT_EQ(both.find("lm_head.weight"), nullptr);
  EXPECT_TRUE(both.ties_embeddings());
  auto doubled = test::little_model("BF16", true, 7);  // an lm_head that is there and the same
  doubled.push_back(doubled[0]);
  doubled.back().name = "lm_head.weight";
  write(interpolation({"early", folder("d", config, doubled)}, also_tied, 0.5), "doubled");
  EXPECT_EQ(checkpoint::ModelFolder::open(root_ / "doubled").find("lm_head.weight"), nullptr);
}

TEST_F(Export, RefusalsReachEveryRankAndLeaveNothing) {
  const Recipe recipe = pair(0.5);
  if (temp_) temp_->write("full/x", "x");
  world_->barrier();
  EXPECT_NE(refusal(recipe, "full", {}, ExitStatus::kInput).find("full"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root_ / "full.tmp"));
  Recipe lost = recipe;
  lost.ingredients[1].folder = root_ / "nowhere";
  EXPECT_NE(refusal(lost, "out", {}, ExitStatus::kInput).find("nowhere"), std::string::npos);
  Recipe nothing = recipe;
  nothing.coefficients = {0, 0};
  EXPECT_NE(refusal(nothing, "out", {}, ExitStatus::kInput).find("weight other than 0"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root_ / "out.tmp"));
  EXPECT_FALSE(std::filesystem::exists(root_ / "out"));
}

TEST_F(Export, AnUnwritablePlaceIsAnEnvironmentError) {
  const Recipe recipe = pair(0.5);
  refusal(recipe, "e/config.json/out", {}, ExitStatus::kEnvironment);
  // A share of a killed export of the same name is replaced.
  if (temp_) {
    temp_->write("again.tmp/.wisk-export", "");
    temp_->write("again.tmp/model-00009.safetensors", "rest");
  }
  world_->barrier();
  write(recipe, "again");
  EXPECT_EQ(contents(root_ / "again").size(), 7u);
}

}  // namespace
}  // namespace wisk::merge
