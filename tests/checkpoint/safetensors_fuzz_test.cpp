// Thousands of damaged files: each is read or refused, never a crash (run it under the asan preset).
#include <gtest/gtest.h>

#include <random>
#include <string>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/core/error.hpp>

#include "checkpoint/make_folder.hpp"

namespace wisk::checkpoint {
namespace {

std::string damaged(std::string bytes, std::mt19937& random) {
  constexpr std::string_view kAlphabet = "{}[]\",:0123456789-.eF1BI6\\u\x00\xff";
  const std::size_t header = std::min<std::size_t>(bytes.size(), 520);
  for (int change = static_cast<int>(random() % 4); change >= 0; --change) {
    if (bytes.size() < 16) break;
    const std::size_t at = random() % std::min(header, bytes.size());
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = kAlphabet[random() % kAlphabet.size()];
        break;
      case 2:
        bytes.erase(at, 1 + random() % 9);
        break;
      case 3:
        bytes.insert(at, 1 + random() % 9, kAlphabet[random() % kAlphabet.size()]);
        break;
      default:
        bytes.resize(bytes.size() - random() % std::min<std::size_t>(bytes.size(), 64));
    }
  }
  if (random() % 2 == 0 && bytes.size() > 8) {  // give the header's length back, so that the JSON is reached
    const auto close = bytes.rfind("}}");
    const std::uint64_t length = close == std::string::npos ? random() % bytes.size() : close + 2 - 8;
    std::memcpy(bytes.data(), &length, 8);
  }
  return bytes;
}

TEST(SafetensorsFuzz, DamagedFilesAreReadOrRefused) {
  const test::TempFolder temp;
  const std::string good = test::safetensors_of(test::little_model("BF16", false, 1));
  temp.write("m/config.json", test::llama_config().dump());
  std::mt19937 random(20261124);
  int refused = 0;
  constexpr int kFiles = 4000;
  std::uint64_t sum = 0;
  for (int i = 0; i < kFiles; ++i) {
    std::filesystem::remove(temp.path() / "m/model.safetensors");  // rewriting in place makes ext4 flush
    temp.write("m/model.safetensors", damaged(good, random));
    try {
      const auto folder = ModelFolder::open(temp.path() / "m");
      for (const auto& [name, view] : folder.tensors()) {
        for (const std::byte byte : view.bytes)
          sum += std::to_integer<std::uint64_t>(byte);  // touches all of it
        EXPECT_EQ(view.bytes.size(), static_cast<std::size_t>(view.elements()) * size_of(view.dtype));
      }
      static_cast<void>(folder.ties_embeddings());
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, kFiles / 2);
  EXPECT_LT(refused, kFiles) << "some damage is harmless (a letter of a name)";
  EXPECT_GT(sum, 0u);
}

}  // namespace
}  // namespace wisk::checkpoint
