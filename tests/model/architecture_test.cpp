// config.json of both generations of transformers: what absent keys mean, and what is refused, by name.
#include <wisk/model/architecture.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>

namespace wisk::model {
namespace {

using nlohmann::json;

json minimal(const std::string& name) {
  return {{"architectures", {name}}, {"vocab_size", 100},         {"hidden_size", 64},
          {"intermediate_size", 48}, {"num_attention_heads", 32}, {"num_hidden_layers", 12}};
}

json with(json config, const json& changes) {
  config.merge_patch(changes);  // a null removes a key
  return config;
}

Architecture read(const json& config) {
  return read_architecture(config.dump(), "X/config.json", true);
}

std::string refusal(const json& config) {
  try {
    read(config);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

// Values of LlamaConfig() etc. of transformers 5.23 (and 4.51), which a key that is absent has.
TEST(ArchitectureDefaults, OfEachArchitecture) {
  struct Row {
    const char* name;
    int head_dim, kv_heads;
    std::int64_t positions;
    bool qkv_bias, qk_norm, post_norms;
    device::Activation activation;
    int windows;  // layers of 12 that have one
  };
  constexpr auto kSilu = device::Activation::kSilu, kGelu = device::Activation::kGeluTanh;
  const Row rows[] = {{"LlamaForCausalLM", 2, 32, 2048, false, false, false, kSilu, 0},
                      {"MistralForCausalLM", 2, 8, 131072, false, false, false, kSilu, 12},
                      {"Qwen2ForCausalLM", 2, 32, 32768, true, false, false, kSilu, 0},
                      {"Qwen3ForCausalLM", 128, 32, 32768, false, true, false, kSilu, 0},
                      {"Gemma2ForCausalLM", 256, 4, 8192, false, false, true, kGelu, 6},
                      {"Gemma3ForCausalLM", 256, 4, 131072, false, true, true, kGelu, 10}};
  for (const Row& row : rows) {
    const Architecture a = read(minimal(row.name));
    EXPECT_EQ(a.name, row.name);
    EXPECT_EQ(a.head_dim, row.head_dim) << row.name;
    EXPECT_EQ(a.kv_heads, row.kv_heads) << row.name;
    EXPECT_EQ(a.max_positions, row.positions) << row.name;
    EXPECT_EQ(a.qkv_bias, row.qkv_bias) << row.name;
    EXPECT_FALSE(a.output_bias || a.feed_forward_bias) << row.name;
    EXPECT_EQ(a.qk_norm, row.qk_norm) << row.name;
    EXPECT_EQ(a.post_norms, row.post_norms) << row.name;
    EXPECT_EQ(a.activation, row.activation) << row.name;
    EXPECT_FLOAT_EQ(a.norm_epsilon, 1e-6f) << row.name;
    EXPECT_FLOAT_EQ(a.attention_scale, 1 / std::sqrt(static_cast<float>(row.post_norms ? 256 : row.head_dim)))
        << row.name;
    EXPECT_EQ(
        std::count_if(a.layers.begin(), a.layers.end(), [](const LayerKind& l) { return l.window == 4096; }),
        row.windows)
        << row.name;
    EXPECT_TRUE(a.tied);
    const bool gemma2 = a.name == "Gemma2ForCausalLM", gemma3 = a.name == "Gemma3ForCausalLM";
    EXPECT_EQ(a.attention_softcap, gemma2 ? 50 : 0);
    EXPECT_EQ(a.logit_softcap, gemma2 ? 30 : 0);
    EXPECT_EQ(a.embedding_scale, row.post_norms ? 8 : 1);
    EXPECT_EQ(a.norm_offset, row.post_norms ? 1 : 0);
    ASSERT_EQ(a.ropes.size(), gemma3 ? 2u : 1u);
    EXPECT_EQ(a.ropes[0].theta, gemma3 ? 1e6 : 1e4);
    EXPECT_EQ(a.ropes.back().theta, 1e4);
    for (std::size_t i = 0; i < 12; ++i) {
      if (gemma2) {
        EXPECT_EQ(a.layers[i].window != 0, i % 2 == 0) << i;
      }
      if (gemma3) {
        EXPECT_EQ(a.layers[i].window == 0, i % 6 == 5) << i;
      }
      EXPECT_EQ(a.layers[i].rope, gemma3 && a.layers[i].window != 0 ? 1 : 0);
    }
  }
}

TEST(ArchitectureDefaults, NullIsNotAbsent) {
  json config = minimal("MistralForCausalLM");
  config["sliding_window"] = nullptr;  // Mistral 7B v0.2 and later
  config["num_key_value_heads"] = nullptr;
  EXPECT_EQ(read(config).layers[0].window, 0);
  EXPECT_EQ(read(config).kv_heads, 32);
  config = minimal("Gemma2ForCausalLM");
  config["attn_logit_softcapping"] = nullptr;
  config["final_logit_softcapping"] = nullptr;
  EXPECT_EQ(read(config).attention_softcap, 0);
  EXPECT_EQ(read(config).logit_softcap, 0);
}

TEST(ArchitectureWindows, ByRuleOrByLayerTypes) {
  json config = with(minimal("Qwen2ForCausalLM"),
                     {{"sliding_window", 64}, {"max_window_layers", 9}, {"use_sliding_window", true}});
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(read(config).layers[i].window, i >= 9 ? 64 : 0) << i;
  EXPECT_EQ(read(with(config, {{"use_sliding_window", false}})).layers[11].window, 0);
  json types = json::array();
  for (int i = 0; i < 12; ++i) types.push_back(i % 3 == 0 ? "sliding_attention" : "full_attention");
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(read(with(config, {{"layer_types", types}})).layers[i].window, i % 3 == 0 ? 64 : 0);
  }
  for (const char* key : {"sliding_window_pattern", "_sliding_window_pattern"}) {
    const Architecture a = read(with(minimal("Gemma3ForCausalLM"), {{key, 4}, {"sliding_window", 17}}));
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(a.layers[i].window, i % 4 == 3 ? 0 : 17) << key;
  }
  // Wider than the context sees everything, as a number that is no int must.
  EXPECT_EQ(read(with(minimal("MistralForCausalLM"), {{"sliding_window", 4294967301}})).layers[0].window,
            131072);
}

TEST(ArchitectureRope, BothGenerationsSayTheSame) {
  const json llama = with(minimal("LlamaForCausalLM"), {{"max_position_embeddings", 4096}});
  const json scaling = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 1024}};
  json parameters = scaling;
  parameters["rope_theta"] = 5000.0;
  for (const json& config : {with(llama, {{"rope_theta", 5000.0}, {"rope_scaling", scaling}}),
                             with(llama, {{"rope_parameters", parameters}}),
                             with(llama, {{"rope_parameters", scaling}, {"rope_theta", 5000.0}})}) {
    const Rope rope = read(config).ropes.at(0);
    EXPECT_EQ(rope.theta, 5000);
    EXPECT_EQ(rope.scaling, Rope::Scaling::kLlama3);
    EXPECT_EQ(rope.factor, 8);
    EXPECT_EQ(rope.low_frequency_factor, 1);
    EXPECT_EQ(rope.high_frequency_factor, 4);
    EXPECT_EQ(rope.original_positions, 1024);
  }
  const Rope old =
      read(with(llama, {{"head_dim", 16}, {"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}))
          .ropes.at(0);
  EXPECT_EQ(old.scaling, Rope::Scaling::kDynamic);
  EXPECT_EQ(old.original_positions, 4096);
  const json gemma = minimal("Gemma3ForCausalLM");
  const json linear = {{"rope_type", "linear"}, {"factor", 8.0}};
  const json four =
      with(gemma, {{"rope_theta", 7e5}, {"rope_local_base_freq", 3000.0}, {"rope_scaling", linear}});
  const json five =
      with(gemma, {{"rope_parameters",
                    {{"full_attention", {{"rope_theta", 7e5}, {"rope_type", "linear"}, {"factor", 8.0}}},
                     {"sliding_attention", {{"rope_theta", 3000.0}, {"rope_type", "default"}}}}}});
  for (const json& config : {four, five}) {
    const Architecture a = read(config);
    ASSERT_EQ(a.ropes.size(), 2u);
    EXPECT_EQ(a.ropes[0].theta, 7e5);
    EXPECT_EQ(a.ropes[0].scaling, Rope::Scaling::kLinear);
    EXPECT_EQ(a.ropes[1].theta, 3000);
    EXPECT_EQ(a.ropes[1].scaling, Rope::Scaling::kNone);
  }
}

/// Frequencies and angles are rounded to f32 (half an ulp of each), so a position's angle is off by at most
/// angle * 2^-23, and cos and sin by that and half an ulp.
TEST(ArchitectureRope, AnglesAgainstDouble) {
  Rope rope;
  rope.theta = 1000;
  for (const bool linear : {false, true}) {
    if (linear) rope.scaling = Rope::Scaling::kLinear, rope.factor = 4;
    for (const std::int64_t position : {0, 1, 31, 1000, 131071}) {
      float out[64];
      rope.angles(position, 64, out);
      for (int pair = 0; pair < 32; ++pair) {
        const double angle = static_cast<double>(position) / std::pow(1000.0, pair / 32.0) / (linear ? 4 : 1);
        const double bound = angle * 0x1p-23 + 0x1p-24;
        EXPECT_NEAR(out[pair], std::cos(angle), bound);
        EXPECT_NEAR(out[32 + pair], std::sin(angle), bound);
      }
    }
  }
}

TEST(ArchitectureErrors, NameTheFileTheKeyAndBothValues) {
  const json llama = minimal("LlamaForCausalLM"), gemma = minimal("Gemma3ForCausalLM");
  json short_types = {"full_attention"}, odd_types = json::array();
  for (int i = 0; i < 12; ++i) odd_types.push_back("chunked_attention");
  const auto rope = [&](const json& values) { return with(llama, {{"rope_scaling", values}}); };
  const auto rope5 = [&](const json& values) { return with(llama, {{"rope_parameters", values}}); };
  const std::vector<std::pair<json, std::string>> rows = {
      {with(llama, {{"architectures", {"MambaForCausalLM"}}}),
       "key `architectures`: expected one of Gemma2ForCausalLM, Gemma3ForCausalLM, LlamaForCausalLM, "
       "MistralForCausalLM, "
       "Qwen2ForCausalLM, Qwen3ForCausalLM, found MambaForCausalLM"},
      {with(llama, {{"architectures", nullptr}}), "found none"},
      {with(llama, {{"architectures", "LlamaForCausalLM"}}),
       "key `architectures`: expected a list of strings"},
      {with(llama, {{"hidden_size", nullptr}}),
       "key `hidden_size`: expected an integer of 1 to 2^30, found nothing"},
      {with(llama, {{"hidden_size", 0}}), "key `hidden_size`"},
      {with(llama, {{"hidden_size", -64}}), "found -64"},
      {with(llama, {{"hidden_size", 64.5}}), "key `hidden_size`: expected an integer, found 64.5"},
      {with(llama, {{"vocab_size", "many"}}), "key `vocab_size`: expected a number, found \"many\""},
      {with(llama, {{"vocab_size", 1e300}}), "key `vocab_size`"},
      {with(llama, {{"num_hidden_layers", 1000000000}}),
       "key `num_hidden_layers`: expected at most 10000, found 1000000000"},
      {with(llama, {{"num_attention_heads", 65}}), "key `head_dim`: expected an integer of 1 to 2^30"},
      {with(llama, {{"num_key_value_heads", 5}}),
       "key `num_attention_heads`: expected a multiple of num_key_value_heads = 5, found 32"},
      {with(llama, {{"head_dim", 13}}), "key `head_dim`: expected an even number, found 13"},
      {with(llama, {{"rms_norm_eps", -1}}), "key `rms_norm_eps`: expected a number of at least 0"},
      {with(llama, {{"hidden_act", "relu"}}),
       "key `hidden_act`: expected silu, gelu_pytorch_tanh or gelu_new, found \"relu\""},
      {with(gemma, {{"hidden_activation", "gelu"}}), "key `hidden_activation`"},
      {with(llama, {{"attention_bias", 1}}), "key `attention_bias`: expected true or false, found 1"},
      {with(gemma, {{"use_bidirectional_attention", true}}),
       "key `use_bidirectional_attention`: expected false, found true"},
      {with(gemma, {{"sliding_window_pattern", 0}}), "key `sliding_window_pattern`"},
      {with(gemma, {{"query_pre_attn_scalar", 0}}),
       "key `query_pre_attn_scalar`: expected a positive number"},
      {with(gemma, {{"attn_logit_softcapping", -3}}), "key `attn_logit_softcapping`"},
      {with(gemma, {{"layer_types", short_types}}), "key `layer_types`: expected 12 entries, found 1"},
      {with(gemma, {{"layer_types", odd_types}}),
       "key `layer_types`: expected full_attention or sliding_attention, found \"chunked_attention\""},
      {with(gemma, {{"sliding_window", -1}}), "key `sliding_window`: expected a positive number, found -1"},
      {with(llama, {{"partial_rotary_factor", 0.5}}), "key `partial_rotary_factor`: expected 1, found 0.5"},
      {with(rope({{"rope_type", "linear"}, {"factor", 2}}), {{"partial_rotary_factor", 0.5}}),
       "key `partial_rotary_factor`"},
      {with(rope5({{"rope_type", "default"}}), {{"partial_rotary_factor", 0.5}}),
       "key `partial_rotary_factor`"},
      {rope5({{"rope_type", "default"}, {"partial_rotary_factor", 0.25}}),
       "key `rope_parameters.partial_rotary_factor`: expected 1, found 0.25"},
      {rope({{"rope_type", "yarn"}, {"factor", 2}}),
       "key `rope_scaling.rope_type`: expected default, linear, dynamic or llama3, found \"yarn\""},
      {rope({{"type", "longrope"}}), "longrope"},
      {rope5({{"rope_type", "mrope"}}), "key `rope_parameters.rope_type`"},
      {rope({{"rope_type", "linear"}}),
       "key `rope_scaling.factor`: expected a number of at least 1.0, found nothing"},
      {rope({{"rope_type", "linear"}, {"factor", 1e-9}}), "key `rope_scaling.factor`"},
      {rope({{"rope_type", "llama3"}, {"factor", 8}}), "key `rope_scaling.original_max_position_embeddings`"},
      {rope({{"rope_type", "llama3"},
             {"factor", 8},
             {"original_max_position_embeddings", 100},
             {"low_freq_factor", 4},
             {"high_freq_factor", 4}}),
       "key `rope_scaling.high_freq_factor`: expected more than low_freq_factor = 4, found 4"},
      {rope({{"rope_type", "dynamic"}, {"factor", 2}, {"original_max_position_embeddings", -5}}),
       "original_max_position_embeddings"},
      {rope({{"rope_type", "dynamic"}, {"factor", 2}}),
       "key `rope_scaling.rope_type`: expected another than dynamic"},  // head_dim 2
      {rope(json::array({1})), "key `rope_scaling`: expected an object, found [1]"},
      {with(llama, {{"rope_theta", 1e-300}}), "key `rope_theta`: expected a number of at least 1"},
      {with(llama, {{"rope_theta", -5}}), "key `rope_theta`"},
  };
  for (const auto& [config, expected] : rows) {
    const std::string found = refusal(config);
    EXPECT_NE(found.find(expected), std::string::npos) << found << "\n  should say: " << expected;
    EXPECT_TRUE(found.starts_with("X/config.json: key `")) << found;
  }
  for (const char* text : {"", "[1]", "{", "{\"architectures\": [\"LlamaForCausalLM\"]", "null"}) {
    EXPECT_THROW(read_architecture(text, "X/config.json", true), InputError) << text;
  }
}

TEST(ArchitectureSizes, SlicesAndParameters) {
  Architecture a =
      read(with(minimal("LlamaForCausalLM"), {{"num_key_value_heads", 8}, {"intermediate_size", 52}}));
  EXPECT_EQ(a.slices(), 4);  // 8 heads, 52 = 4 * 13
  a.feed_forward = 64;
  EXPECT_EQ(a.slices(), 8);
  a.kv_heads = 3;
  EXPECT_EQ(a.slices(), 1);
}

}  // namespace
}  // namespace wisk::model
