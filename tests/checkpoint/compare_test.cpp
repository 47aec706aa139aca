#include <wisk/checkpoint/compare.hpp>

#include <gtest/gtest.h>

#include <string>

#include <wisk/core/error.hpp>

#include "checkpoint/make_folder.hpp"

namespace wisk::checkpoint {
namespace {

class Compare : public ::testing::Test {
 protected:
  ModelFolder with_config(const std::string& name, const nlohmann::json& config) {
    return ModelFolder::open(test::make_folder(temp_, name, config, test::little_model("BF16", false, 1)));
  }
  ConfigDifferences configs(const nlohmann::json& a, const nlohmann::json& b) {
    return config_differences(with_config("a", a), with_config("b", b));
  }
  ModelFolder with_tensors(const std::string& name, const std::vector<test::MadeTensor>& tensors) {
    return ModelFolder::open(test::make_folder(temp_, name, test::llama_config(), tensors));
  }
  static std::string refusal(const ModelFolder& a, const ModelFolder& b,
                             bool allow_different_dtypes = false) {
    const ModelFolder* folders[] = {&a, &b};
    try {
      require_blendable(folders, allow_different_dtypes);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
  test::TempFolder temp_;
};

TEST_F(Compare, OneErrorNamesAllDifferences) {
  auto tensors = test::little_model("BF16", false, 2);
  tensors[0] = test::made("model.embed_tokens.weight", "BF16", {8, 4}, 1);
  tensors[1] = test::made("model.layers.0.mlp.up_proj.weight", "F32", {5, 4}, 1);
  tensors[3] = test::made("model.other.weight", "BF16", {4}, 1);
  tensors.push_back({"model.layers.0.mlp.scale", "I32", {1}, "xxxx"});
  auto config = test::llama_config();
  config["hidden_size"] = 5;
  config["head_dim"] = 2;
  const auto a = with_tensors("a", test::little_model("BF16", false, 1));
  const auto b = ModelFolder::open(test::make_folder(temp_, "b", config, tensors));
  const std::string said = refusal(a, b);
  for (const char* part : {"6 differences", "model.embed_tokens.weight has shape [6, 4] against [8, 4]",
                           "model.layers.0.mlp.up_proj.weight has dtype bfloat16 against float32",
                           "model.norm.weight is missing in", "model.other.weight is missing in",
                           "model.layers.0.mlp.scale has dtype I32", "config key hidden_size: 4 against 5"}) {
    EXPECT_NE(said.find(part), std::string::npos) << part << " in: " << said;
  }
  EXPECT_EQ(refusal(a, b, true).find("has dtype bfloat16"), std::string::npos);
}

TEST_F(Compare, ManyLayersTakeOneEntry) {
  auto tensors = test::little_model("BF16", false, 2);
  tensors[1] = test::made("model.layers.0.mlp.up_proj.weight", "BF16", {7, 4}, 1);
  tensors[2] = test::made("model.layers.1.mlp.up_proj.weight", "BF16", {7, 4}, 1);
  const std::string said =
      refusal(with_tensors("a", test::little_model("BF16", false, 1)), with_tensors("b", tensors));
  EXPECT_NE(
      said.find(
          "1 difference: model.layers.{0-1}.mlp.up_proj.weight (2 tensors) has shape [5, 4] against [7, 4]"),
      std::string::npos)
      << said;
}

TEST_F(Compare, ATiedHeadMatchesOneThatIsThere) {
  const auto tied = with_tensors("a", test::little_model("BF16", true, 1));
  const auto untied = with_tensors("b", test::little_model("BF16", false, 2));
  EXPECT_EQ(refusal(tied, untied), "");
  EXPECT_EQ(refusal(untied, tied), "");
}

TEST_F(Compare, AnUnusableWeightIsAnErrorForOneFolderToo) {
  auto tensors = test::little_model("BF16", false, 2);
  tensors.push_back({"model.layers.0.q.qweight", "I32", {1}, "xxxx"});
  const auto folder = with_tensors("a", tensors);
  const ModelFolder* folders[] = {&folder};
  EXPECT_THROW(require_blendable(folders, true), InputError);
}

TEST_F(Compare, BothGenerationsOfLlamaConfigAreTheSame) {
  auto four = test::llama_config();
  four["rope_theta"] = 500000.0;
  four["rope_scaling"] = {
      {"rope_type", "llama3"}, {"factor", 8.0}, {"original_max_position_embeddings", 8192}};
  four["transformers_version"] = "4.40.0";
  four["use_cache"] = true;
  auto five = test::llama_config();
  five.erase("torch_dtype");
  five.erase("rope_theta");
  five["dtype"] = "bfloat16";
  five["rope_parameters"] = {{"rope_type", "llama3"},
                             {"factor", 8},
                             {"original_max_position_embeddings", 8192},
                             {"rope_theta", 500000}};
  five["attention_bias"] = false;
  five["mlp_bias"] = false;
  five["head_dim"] = 2;
  five["num_key_value_heads"] = 2;
  five["use_cache"] = false;
  EXPECT_EQ(configs(four, five).computation, std::vector<std::string>{});
  five["rope_parameters"]["factor"] = 4;
  EXPECT_EQ(configs(four, five).computation,
            std::vector<std::string>{"rope_parameters.factor: 8.0 against 4"});
}

TEST_F(Compare, NullScalingOldSpellingAndDefaultThetaAreTheSame) {
  auto a = test::llama_config(), b = test::llama_config();
  a["rope_scaling"] = nullptr;
  b.erase("rope_theta");
  EXPECT_EQ(configs(a, b).computation, std::vector<std::string>{});
  a["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  b["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};
  EXPECT_EQ(configs(a, b).computation, std::vector<std::string>{});
  b["rope_theta"] = 10001.0;
  EXPECT_EQ(configs(a, b).computation.size(), 1u);
}

TEST_F(Compare, BothGenerationsOfGemma3AreTheSame) {
  const nlohmann::json four = {
      {"model_type", "gemma3_text"}, {"num_hidden_layers", 7},  {"sliding_window", 512},
      {"sliding_window_pattern", 6}, {"rope_theta", 1000000.0}, {"rope_local_base_freq", 10000.0},
      {"rope_scaling", nullptr},     {"head_dim", 256},         {"num_attention_heads", 4},
      {"num_key_value_heads", 1},    {"torch_dtype", "float32"}};
  nlohmann::json kinds = nlohmann::json::array();
  for (int i = 0; i < 7; ++i) kinds.push_back(i == 5 ? "full_attention" : "sliding_attention");
  nlohmann::json five = {{"model_type", "gemma3_text"},
                         {"num_hidden_layers", 7},
                         {"sliding_window", 512},
                         {"_sliding_window_pattern", 6},
                         {"layer_types", kinds},
                         {"hidden_activation", "gelu_pytorch_tanh"},
                         {"attn_logit_softcapping", nullptr},
                         {"num_attention_heads", 4},
                         {"num_key_value_heads", 1},
                         {"use_bidirectional_attention", false},
                         {"rope_parameters",
                          {{"full_attention", {{"rope_theta", 1000000.0}, {"rope_type", "default"}}},
                           {"sliding_attention", {{"rope_theta", 10000.0}, {"rope_type", "default"}}}}},
                         {"dtype", "bfloat16"}};
  EXPECT_EQ(configs(four, five).computation, std::vector<std::string>{});
  five["layer_types"][0] = "full_attention";
  EXPECT_EQ(configs(four, five).computation.size(), 1u);
}

TEST_F(Compare, Gemma2CapsDifferWhenOneIsOff) {
  nlohmann::json a = {{"model_type", "gemma2"}, {"num_hidden_layers", 2}, {"attn_logit_softcapping", 50.0}};
  nlohmann::json b = {{"model_type", "gemma2"}, {"num_hidden_layers", 2}};
  EXPECT_EQ(configs(a, b).computation, std::vector<std::string>{});
  b["attn_logit_softcapping"] = nullptr;
  EXPECT_EQ(configs(a, b).computation,
            std::vector<std::string>{"attn_logit_softcapping: 50.0 against absent"});
}

TEST_F(Compare, QwenWindowsThatAreOffDoNotDiffer) {
  nlohmann::json a = {{"model_type", "qwen2"},
                      {"num_hidden_layers", 2},
                      {"use_sliding_window", false},
                      {"sliding_window", 32768},
                      {"max_window_layers", 21}};
  nlohmann::json b = {{"model_type", "qwen2"},
                      {"num_hidden_layers", 2},
                      {"use_sliding_window", false},
                      {"sliding_window", nullptr},
                      {"layer_types", {"full_attention", "full_attention"}}};
  EXPECT_EQ(configs(a, b).computation, std::vector<std::string>{});
  a["use_sliding_window"] = true;
  a["max_window_layers"] = 1;
  EXPECT_EQ(configs(a, b).computation.size(), 2u) << "window and kinds of layers";
}

TEST_F(Compare, TokenIdsAndContextAreRemarks) {
  auto a = test::llama_config(), b = test::llama_config();
  a["eos_token_id"] = 2;
  b["eos_token_id"] = {2, 3};
  b["max_position_embeddings"] = 100;
  const auto found = configs(a, b);
  EXPECT_EQ(found.computation, std::vector<std::string>{});
  EXPECT_EQ(found.remarks, (std::vector<std::string>{"eos_token_id: 2 against [2,3]",
                                                     "max_position_embeddings: absent against 100"}));
  a["rope_scaling"] = {{"rope_type", "dynamic"}, {"factor", 2.0}};
  b["rope_scaling"] = a["rope_scaling"];
  EXPECT_EQ(configs(a, b).computation.size(), 1u) << "with dynamic angles the context length computes";
}

TEST_F(Compare, OtherKeysAreReported) {
  auto a = test::llama_config(), b = test::llama_config();
  a["rms_norm_eps"] = 1e-5;
  b["rms_norm_eps"] = 1e-6;
  b["some_new_key"] = {{"nested", 1}};
  b["architectures"] = {"LlamaModel"};
  EXPECT_EQ(configs(a, b).computation.size(), 3u);
}

}  // namespace
}  // namespace wisk::checkpoint
