// Checkpoints that are broken or don't fit, from the command line.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "e2e/bad_input.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

/// Owns a writable copy of a checkpoint of the demo.
class CheckpointCopy {
 public:
  CheckpointCopy() {
    std::filesystem::copy(demo_folder() / "checkpoints/step-0500", path(),
                          std::filesystem::copy_options::recursive);
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all,
                                 std::filesystem::perm_options::add);
  }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "copy"; }
  [[nodiscard]] std::filesystem::path weights() const { return path() / "model.safetensors"; }
  [[nodiscard]] std::string bytes() const { return read_bytes(weights()); }
  void write(const std::string& name, const std::string& text) const { folder_.write("copy/" + name, text); }
  /// Changes the header of the weights (and its length), leaving the data.
  template <class Change>
  void change_header(const Change& change) const {
    const std::string old = bytes();
    std::uint64_t length = 0;
    std::memcpy(&length, old.data(), 8);
    json header = json::parse(old.substr(8, length));
    change(header);
    const std::string text = header.dump();
    std::string all(8, '\0');
    const std::uint64_t size = text.size();
    std::memcpy(all.data(), &size, 8);
    write("model.safetensors", all + text + old.substr(8 + length));
  }
  template <class Change>
  void change_config(const Change& change) const {
    json config = json::parse(read_bytes(path() / "config.json"));
    change(config);
    write("config.json", config.dump());
  }
  void expect_refused(int status, const std::vector<std::string>& parts) const {
    test::expect_refused({"generate", path().string(), "--prompt", "x", "--max-tokens", "1"}, status, parts);
  }

 private:
  TempFolder folder_;
};

TEST(BadCheckpoint, Truncated) {
  const CheckpointCopy copy;
  for (const std::size_t left : {std::size_t{0}, std::size_t{5}, std::size_t{100}, copy.bytes().size() - 1}) {
    const CheckpointCopy cut;
    std::filesystem::resize_file(cut.weights(), left);
    cut.expect_refused(3, {"model.safetensors", "expected", "found"});
  }
}

TEST(BadCheckpoint, LyingHeaderLength) {
  for (const std::uint64_t length : {~std::uint64_t{0}, std::uint64_t{1} << 40, std::uint64_t{1}}) {
    const CheckpointCopy copy;
    std::string bytes = copy.bytes();
    std::memcpy(bytes.data(), &length, 8);
    copy.write("model.safetensors", bytes);
    copy.expect_refused(3, {"model.safetensors", "expected", "found"});
  }
}

TEST(BadCheckpoint, LyingHeader) {
  const std::string tensor = "model.layers.0.mlp.down_proj.weight";
  const std::vector<std::function<void(json&)>> lies = {
      [](json& t) {
        t["shape"] = {128, 257};
      },
      [](json& t) { t["dtype"] = "F32"; },
      [](json& t) { t["dtype"] = "Q7"; },
      [](json& t) {
        t["data_offsets"] = {1 << 30, (1 << 30) + 65536};
      },
      [](json& t) {
        t["data_offsets"] = {116737, 182273};
      },
      [](json& t) {
        t["data_offsets"] = {182272, 116736};
      },
      [](json& t) {
        t["shape"] = {-128, -256};
      },
      [](json& t) {
        t["shape"] = {std::uint64_t{1} << 40, std::uint64_t{1} << 40};
      },
      [](json& t) { t.erase("shape"); },
  };
  for (const auto& lie : lies) {
    const CheckpointCopy copy;
    copy.change_header([&](json& header) { lie(header[tensor]); });
    copy.expect_refused(3, {"model.safetensors", "expected", "found"});
  }
}

TEST(BadCheckpoint, AMissingTensorIsNamed) {
  const CheckpointCopy copy;
  copy.change_header([](json& header) {
    header["model.layers.1.mlp.up_proj.other"] = header["model.layers.1.mlp.up_proj.weight"];
    header.erase("model.layers.1.mlp.up_proj.weight");
  });
  copy.expect_refused(3, {"model.layers.1.mlp.up_proj.weight", "expected", "found"});
}

TEST(BadCheckpoint, ConfigThatIsNoJson) {
  const CheckpointCopy copy;
  copy.write("config.json", "{\"model_type\": \"qwen2\", ");
  copy.expect_refused(3, {"config.json", "expected", "found"});
}

TEST(BadCheckpoint, ConfigWithImpossibleNumbers) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"hidden_size", 0},
                                                                            {"num_attention_heads", -4},
                                                                            {"num_hidden_layers", "three"},
                                                                            {"num_key_value_heads", 3},
                                                                            {"hidden_size", 1e300},
                                                                            {"vocab_size", 999}}) {
    const CheckpointCopy copy;
    copy.change_config([&, k = key, v = value](json& config) { config[k] = v; });
    SCOPED_TRACE(key + " = " + value.dump());
    copy.expect_refused(3, {"expected", "found"});
  }
}

TEST(BadCheckpoint, UnknownArchitectureListsThoseSupported) {
  const CheckpointCopy copy;
  copy.change_config([](json& config) {
    config["model_type"] = "mamba";
    config["architectures"] = {"MambaForCausalLM"};
  });
  copy.expect_refused(
      3, {"config.json", "MambaForCausalLM", "LlamaForCausalLM", "Qwen2ForCausalLM", "Gemma3ForCausalLM"});
}

TEST(BadCheckpoint, MissingFilesAreNamed) {
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
    const CheckpointCopy copy;
    std::filesystem::remove(copy.path() / name);
    copy.expect_refused(3, {"copy", name == std::string("model.safetensors") ? ".safetensors" : name});
  }
  expect_refused({"generate", "/nowhere/at-all", "--prompt", "x"}, 3, {"/nowhere/at-all"});
}

TEST(BadCheckpoint, AnIndexMayNotLeaveItsFolder) {
  const CheckpointCopy copy;
  std::filesystem::rename(copy.weights(), copy.path().parent_path() / "outside.safetensors");
  copy.write("model.safetensors.index.json",
             R"({"metadata": {}, "weight_map": {"model.embed_tokens.weight": "../outside.safetensors"}})");
  copy.expect_refused(3, {"index.json", "../outside.safetensors"});
}

TEST(BadCheckpoint, APairThatDoesNotFitNamesEveryDifference) {
  const CheckpointCopy copy;
  copy.change_config([](json& config) {
    config["rms_norm_eps"] = 1e-5;
    config["rope_parameters"]["rope_theta"] = 20000.0;
  });
  copy.change_header([](json& header) {
    header["model.layers.0.mlp.down_proj.weight"]["shape"] = {256, 128};
    header["model.layers.2.mlp.down_proj.weight"]["shape"] = {256, 128};
  });
  expect_refused({"generate", "--early", (demo_folder() / "checkpoints/step-0005").string(), "--late",
                  copy.path().string(), "--delta", "0.5", "--prompt", "x"},
                 3,
                 {"rms_norm_eps", "rope_theta", "3 differences", "model.layers.{0,2}.mlp.down_proj.weight",
                  "[128, 256]", "[256, 128]"});
}

TEST(BadCheckpoint, AnotherTokenizer) {
  const CheckpointCopy copy;
  json tokenizer = json::parse(read_bytes(copy.path() / "tokenizer.json"));
  json& vocabulary = tokenizer["model"]["vocab"];
  const std::string a = vocabulary.begin().key(), b = std::next(vocabulary.begin()).key();
  std::swap(vocabulary[a], vocabulary[b]);
  copy.write("tokenizer.json", tokenizer.dump());
  expect_refused({"generate", "--early", (demo_folder() / "checkpoints/step-0005").string(), "--late",
                  copy.path().string(), "--delta", "0.5", "--prompt", "x"},
                 3, {"tokenizer.json", "expected", "found"});
}

/// No completion is asked for: the prompt's own log-probabilities are none.
TEST(BadCheckpoint, WeightsThatAreNoNumbers) {
  const CheckpointCopy copy;
  std::string bytes = copy.bytes();
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(sizeof header + header), bytes.end(), '\xff');
  copy.write("model.safetensors", bytes);
  expect_refused(
      {"generate", copy.path().string(), "--prompt", "1 + 2", "--prompt-logprobs", "--max-tokens", "0"}, 3,
      {"prompt 1, token 2", "expected logits that are numbers", "are the weights broken?"});
  expect_refused({"generate", copy.path().string(), "--prompt", "1 + 2", "--max-tokens", "2"}, 3,
                 {"expected finite numbers", "are the weights broken?"});
}

/// A logit that is none is not the likeliest, also where it comes first.
TEST(BadCheckpoint, OneWeightThatIsNoNumber) {
  const CheckpointCopy copy;
  const std::vector<std::string> command =
      wisk_command({"generate", copy.path().string(), "--prompt", "1 + 2", "--prompt-logprobs",
                    "--max-tokens", "0", "--json"});
  const auto likeliest = [&] {
    const ProgramResult result = run_program(command, cpu_options());
    EXPECT_EQ(result.status, 0) << result.error;
    return json::parse(result.out)["prompt_argmax"];
  };
  const json before = likeliest();
  std::string bytes = copy.bytes();
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const json header = json::parse(bytes.substr(sizeof length, length));
  const std::string name = header.contains("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight";
  const std::size_t bytes_each = header[name]["dtype"] == "F32" ? 4 : 2;
  const auto begin = static_cast<std::ptrdiff_t>(sizeof length + length +
                                                 header[name]["data_offsets"][0].get<std::uint64_t>());
  std::fill_n(bytes.begin() + begin, bytes_each, '\xff');  // of token 0
  copy.write("model.safetensors", bytes);
  EXPECT_EQ(likeliest(), before);
}

}  // namespace
}  // namespace wisk::test
