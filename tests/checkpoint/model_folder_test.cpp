#include <wisk/checkpoint/model_folder.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include <wisk/core/error.hpp>

#include "checkpoint/make_folder.hpp"

namespace wisk::checkpoint {
namespace {

std::string refusal(const std::filesystem::path& folder) {
  try {
    ModelFolder::open(folder);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

class Folder : public ::testing::Test {
 protected:
  /// Two shards and their index.
  void write_sharded(const nlohmann::json& weight_map) {
    temp_.write("m/config.json", test::llama_config().dump());
    const auto tensors = test::little_model("BF16", true, 1);
    temp_.write("m/model-00001-of-00002.safetensors", test::safetensors_of({tensors[0], tensors[1]}));
    temp_.write("m/model-00002-of-00002.safetensors", test::safetensors_of({tensors[2], tensors[3]}));
    temp_.write("m/model.safetensors.index.json", nlohmann::json{{"weight_map", weight_map}}.dump());
  }
  static nlohmann::json right_map() {
    const std::string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
    return {{"model.embed_tokens.weight", first},
            {"model.layers.0.mlp.up_proj.weight", first},
            {"model.layers.1.mlp.up_proj.weight", second},
            {"model.norm.weight", second}};
  }
  std::filesystem::path folder() const { return temp_.path() / "m"; }
  test::TempFolder temp_;
};

TEST_F(Folder, ShardsWithAnIndexAreOneModel) {
  write_sharded(right_map());
  const auto model = ModelFolder::open(folder());
  EXPECT_EQ(model.tensors().size(), 4u);
  EXPECT_EQ(model.tensor("model.norm.weight").file, folder() / "model-00002-of-00002.safetensors");
  EXPECT_EQ(model.model_type(), "llama");
  EXPECT_TRUE(model.ties_embeddings()) << "no lm_head.weight";
  EXPECT_EQ(model.effective("lm_head.weight"), model.find("model.embed_tokens.weight"));
  EXPECT_EQ(model.find("lm_head.weight"), nullptr);
}

TEST_F(Folder, IndexAndShardsMustAgree) {
  auto map = right_map();
  map["model.layers.7.mlp.up_proj.weight"] = map["model.norm.weight"];
  map.erase("model.layers.0.mlp.up_proj.weight");
  map["model.norm.weight"] = map["model.embed_tokens.weight"];
  write_sharded(map);
  const std::string said = refusal(folder());
  for (const char* part :
       {"00002.safetensors lacks model.layers.7.mlp", "00001-of-00002.safetensors lacks model.norm.weight",
        "holds model.layers.0.mlp", "holds model.norm.weight"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << " in: " << said;
  }
}

TEST_F(Folder, ATensorInTwoShardsIsRefused) {
  write_sharded(right_map());
  const auto tensors = test::little_model("BF16", true, 1);
  temp_.write("m/model-00002-of-00002.safetensors",
              test::safetensors_of({tensors[0], tensors[2], tensors[3]}));
  EXPECT_NE(refusal(folder()).find("holds model.embed_tokens.weight"), std::string::npos);
}

TEST_F(Folder, ShardPathsStayInTheFolder) {
  temp_.write("outside.safetensors", test::safetensors_of(test::little_model("BF16", true, 1)));
  for (const std::string& path :
       {std::string("../outside.safetensors"), (temp_.path() / "outside.safetensors").string(),
        std::string("./x.safetensors"), std::string(".."), std::string(""), std::string("a\\b.safetensors"),
        std::string("sub/x.safetensors"), std::string("a\0.safetensors", 14), std::string("config.json")}) {
    auto map = right_map();
    map["model.norm.weight"] = path;
    write_sharded(map);
    EXPECT_NE(refusal(folder()).find("in the same folder"), std::string::npos)
        << path << ": " << refusal(folder());
  }
}

TEST_F(Folder, LinksToBlobsAreFollowedAndPipesAreNot) {
  temp_.write("blobs/abc", test::safetensors_of(test::little_model("BF16", true, 1)));
  temp_.write("m/config.json", test::llama_config().dump());
  std::filesystem::create_symlink("../blobs/abc", folder() / "model.safetensors");
  EXPECT_EQ(ModelFolder::open(folder()).tensors().size(), 4u);
  std::filesystem::remove(folder() / "model.safetensors");
  ASSERT_EQ(::mkfifo((folder() / "model.safetensors").c_str(), 0600), 0);
  EXPECT_NE(refusal(folder()).find("a regular file"), std::string::npos);
}

TEST_F(Folder, SaysWhatIsMissing) {
  EXPECT_NE(refusal(temp_.path() / "nothing").find("a model folder, found nothing there"), std::string::npos);
  std::filesystem::create_directory(folder());
  EXPECT_NE(refusal(folder()).find("config.json"), std::string::npos);
  temp_.write("m/config.json", "{}");
  EXPECT_NE(refusal(folder()).find("model.safetensors.index.json, found none"), std::string::npos);
  temp_.write("m/pytorch_model.bin", "x");
  EXPECT_NE(refusal(folder()).find("pickle"), std::string::npos);
  temp_.write("m/adapter_model.safetensors", "x");
  EXPECT_NE(refusal(folder()).find("LoRA"), std::string::npos);
  temp_.write("m/a.safetensors", "x");
  temp_.write("m/b.safetensors", "x");
  EXPECT_NE(refusal(folder()).find("2 *.safetensors files and no"), std::string::npos);
  temp_.write("m/config.json", "[1]");
  EXPECT_NE(refusal(folder()).find("config.json: expected a JSON object"), std::string::npos);
}

TEST_F(Folder, TwoSetsOfWeightsAreRefused) {
  write_sharded(right_map());
  temp_.write("m/model.safetensors", test::safetensors_of(test::little_model("BF16", true, 2)));
  EXPECT_NE(refusal(folder()).find("one set of weights"), std::string::npos);
}

TEST_F(Folder, TheOnlySafetensorsFileWillDo) {
  temp_.write("m/config.json", "{}");
  temp_.write("m/weights.safetensors", test::safetensors_of(test::little_model("F16", true, 1)));
  EXPECT_EQ(ModelFolder::open(folder()).tensors().size(), 4u);
}

TEST_F(Folder, ComputedBuffersAreNoWeights) {
  auto tensors = test::little_model("BF16", true, 1);
  tensors.push_back(test::made("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", {2}, 1));
  tensors.push_back({"h.0.attn.bias", "U8", {1, 1, 2, 2}, "xxxx"});
  tensors.push_back(test::made("h.0.attn.masked_bias", "F32", {}, 1));
  tensors.push_back(test::made("blocks.0.attn.bias", "F32", {3}, 1));  // a bias indeed
  const auto model = ModelFolder::open(test::make_folder(temp_, "m", test::llama_config(), tensors));
  EXPECT_EQ(model.tensors().size(), 5u);
  EXPECT_NE(model.find("blocks.0.attn.bias"), nullptr);
  EXPECT_TRUE(model.unusable_tensors().empty());
}

TEST_F(Folder, TiesAsConfigDefaultAndBytesSay) {
  auto config = test::llama_config();
  const auto untied = test::little_model("BF16", false, 1);
  EXPECT_FALSE(ModelFolder::open(test::make_folder(temp_, "a", config, untied)).ties_embeddings());
  config["tie_word_embeddings"] = true;  // the config claims it, the bytes differ
  EXPECT_FALSE(ModelFolder::open(test::make_folder(temp_, "b", config, untied)).ties_embeddings());
  auto same = test::little_model("BF16", true, 1);
  same.push_back(same[0]);
  same.back().name = "lm_head.weight";
  EXPECT_TRUE(ModelFolder::open(test::make_folder(temp_, "c", config, same)).ties_embeddings());
  config.erase("tie_word_embeddings");  // Llama's default is no, Gemma's yes
  EXPECT_FALSE(ModelFolder::open(test::make_folder(temp_, "d", config, same)).ties_embeddings());
  config["model_type"] = "gemma2";
  EXPECT_TRUE(ModelFolder::open(test::make_folder(temp_, "e", config, same)).ties_embeddings());
}

TEST_F(Folder, ListsItsFiles) {
  write_sharded(right_map());
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                           "generation_config.json", "README.md", "optimizer.pt", "trainer_state.json",
                           "merges.txt", "modeling_x.py", "additional_chat_templates/tool.jinja"}) {
    temp_.write(std::string("m/") + name, "{}");
  }
  const auto model = ModelFolder::open(folder());
  EXPECT_EQ(model.side_files(),
            (std::vector<std::string>{"additional_chat_templates/tool.jinja", "chat_template.jinja",
                                      "generation_config.json", "merges.txt", "modeling_x.py",
                                      "tokenizer.json", "tokenizer_config.json"}));
  EXPECT_EQ(model.files().size(), 7u + 1 + 1 + 2);
  EXPECT_EQ(model.generation_config_text(), "{}");
}

TEST_F(Folder, MissingTensorNamesANearOne) {
  write_sharded(right_map());
  const auto model = ModelFolder::open(folder());
  try {
    static_cast<void>(model.tensor("model.norm.weights"));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"model.norm.weight\""), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find(folder().string()), std::string::npos);
  }
}

}  // namespace
}  // namespace wisk::checkpoint
