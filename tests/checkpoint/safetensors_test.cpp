// Each way in which a safetensors file can lie, through ModelFolder::open.
#include <gtest/gtest.h>

#include <string>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/core/error.hpp>

#include "checkpoint/make_folder.hpp"

namespace wisk::checkpoint {
namespace {

using test::safetensors_bytes;

struct Lie {
  std::string name;
  std::string bytes;
  std::string said;  ///< must be part of the message
};

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         '}';
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                std::size_t data) {
  return safetensors_bytes('{' + entry("w", dtype, shape, offsets) + '}', std::string(data, 'x'));
}

std::vector<Lie> lies() {
  const std::string good = one("BF16", "[2,3]", "[0,12]", 12);
  std::string long_length = good;
  long_length[7] = '\x7f';
  std::string over_cap = good;
  over_cap[3] = '\x10';
  std::string past_end = good;
  past_end[1] = '\x01';
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return safetensors_bytes(
        '{' + entry("a", "F32", "[2]", first) + ',' + entry("b", "F32", "[2]", second) + '}',
        std::string(data, 'x'));
  };
  return {
      {"empty", "", "at least 8 bytes"},
      {"seven_bytes", good.substr(0, 7), "at least 8 bytes, found 7"},
      {"length_only", good.substr(0, 8), "truncated?"},
      {"huge_length", long_length, "header length"},
      {"length_over_cap", over_cap, "at most 100000000"},
      {"length_past_end", past_end, "truncated?"},
      {"truncated_data", good.substr(0, good.size() - 1),
       "within the file's 11 data bytes, found [0, 12] (truncated?)"},
      {"trailing_bytes", good + "x", "13 data bytes"},
      {"no_json", safetensors_bytes("{\"w\":", ""), "expected JSON"},
      {"array", safetensors_bytes("[]", ""), "a JSON object, found an array"},
      {"bad_utf8", safetensors_bytes("{\"\xff\":1}", ""), "expected JSON"},
      {"deep", safetensors_bytes("{\"w\":" + std::string(100000, '['), ""), "64 levels"},
      {"unknown_dtype", one("BF17", "[2,3]", "[0,12]", 12), "tensor w: dtype"},
      {"dtype_number", safetensors_bytes(R"({"w":{"dtype":3,"shape":[1],"data_offsets":[0,2]}})", "xx"),
       "found the number 3"},
      {"missing_dtype", safetensors_bytes(R"({"w":{"shape":[1],"data_offsets":[0,2]}})", "xx"),
       "the key dtype"},
      {"missing_shape", safetensors_bytes(R"({"w":{"dtype":"F16","data_offsets":[0,2]}})", "xx"),
       "the key shape"},
      {"missing_offsets", safetensors_bytes(R"({"w":{"dtype":"F16","shape":[1]}})", "xx"),
       "the key data_offsets"},
      {"extra_key",
       safetensors_bytes(R"({"w":{"dtype":"F16","shape":[1],"data_offsets":[0,2],"x":1}})", "xx"), "\"x\""},
      {"negative_extent", one("BF16", "[-2,-3]", "[0,12]", 12), "not negative, found the number -2"},
      {"fraction_extent", one("BF16", "[2.0,3]", "[0,12]", 12), "whole number"},
      {"string_extent", one("BF16", "[\"6\"]", "[0,12]", 12), "whole number"},
      {"shape_object", one("BF16", "{}", "[0,12]", 12), "a list"},
      {"shape_overflow", one("BF16", "[4294967296,4294967296,6]", "[0,12]", 12), "64 bits"},
      {"shape_overflow_to_size", one("F32", "[4611686018427387907]", "[0,12]", 12), "64 bits"},
      {"extent_2_63", one("BF16", "[9223372036854775808]", "[0,0]", 0), "below 2^63"},
      {"extent_beyond_64_bits", one("BF16", "[99999999999999999999]", "[0,0]", 0), "whole number"},
      {"size_mismatch", one("BF16", "[2,3]", "[0,10]", 10), "12 bytes for BF16 [2, 3], found 10 bytes"},
      {"half_byte", one("F4", "[3]", "[0,1]", 1), "whole number of bytes"},
      {"offsets_reversed", one("BF16", "[0]", "[12,0]", 12), "found [12, 0]"},
      {"offset_past_end", one("BF16", "[2,3]", "[4,16]", 12), "found [4, 16]"},
      {"offset_huge", one("BF16", "[2,3]", "[9223372036854775800,9223372036854775807]", 12), "truncated?"},
      {"offset_negative", one("BF16", "[2,3]", "[-12,0]", 12), "not negative"},
      {"three_offsets", one("BF16", "[2,3]", "[0,12,12]", 12), "a list of two"},
      {"overlap", two("[0,8]", "[4,12]", 12), "(overlap)"},
      {"same_bytes_twice", two("[0,8]", "[0,8]", 8), "(overlap)"},
      {"hole", two("[0,8]", "[12,20]", 20), "(hole)"},
      {"hole_at_start", one("BF16", "[2,3]", "[2,14]", 14), "(hole)"},
      {"duplicate_name",
       safetensors_bytes(
           '{' + entry("a", "F32", "[2]", "[0,8]") + ',' + entry("a", "F32", "[2]", "[8,16]") + '}',
           std::string(16, 'x')),
       "\"a\" twice"},
      {"duplicate_field",
       safetensors_bytes(R"({"w":{"dtype":"F16","dtype":"BF16","shape":[1],"data_offsets":[0,2]}})", "xx"),
       "\"dtype\" twice"},
      {"metadata_number", safetensors_bytes(R"({"__metadata__":{"a":1}})", ""), "__metadata__.a"},
      {"metadata_list", safetensors_bytes(R"({"__metadata__":[]})", ""), "__metadata__"},
      {"name_with_newline",
       safetensors_bytes('{' + entry("a\\n", "F32", "[2]", "[0,8]") + '}', std::string(8, 'x')),
       "control characters"},
      {"no_tensor", safetensors_bytes("{}", ""), "at least one weight"},
  };
}

class LyingFile : public ::testing::TestWithParam<Lie> {};

TEST_P(LyingFile, IsOneInputErrorThatNamesTheFile) {
  const test::TempFolder temp;
  temp.write("m/config.json", R"({"model_type":"llama"})");
  temp.write("m/model.safetensors", GetParam().bytes);
  try {
    ModelFolder::open(temp.path() / "m");
    FAIL() << "accepted";
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(GetParam().said), std::string::npos) << message;
    EXPECT_NE(message.find((temp.path() / "m").string()), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 1000u);
  }
}

INSTANTIATE_TEST_SUITE_P(Safetensors, LyingFile, ::testing::ValuesIn(lies()),
                         [](const auto& lie) { return lie.param.name; });

TEST(Safetensors, GoodFilesOfOddKindsAreRead) {
  const test::TempFolder temp;
  temp.write("m/config.json", "{}");
  // Padding after the header, an odd header length (so unaligned data), an empty tensor, a scalar, dtypes not
  // used.
  const std::string header =
      '{' + entry("none", "F32", "[0,7]", "[0,0]") + ',' + entry("scalar", "F32", "[]", "[0,4]") + ',' +
      entry("w", "BF16", "[1,2]", "[4,8]") + ',' + entry("ids", "I64", "[1]", "[8,16]") + ',' +
      entry("f4", "F4", "[2]", "[16,17]") + "}   ";
  temp.write("m/model.safetensors",
             safetensors_bytes(header, std::string("\0\0\x80\x3f\x80\x3f\x00\xc0", 8) + std::string(9, 'x')));
  const auto folder = ModelFolder::open(temp.path() / "m");
  ASSERT_EQ(folder.tensors().size(), 3u);
  EXPECT_EQ(folder.tensor("none").elements(), 0);
  EXPECT_EQ(folder.tensor("scalar").elements(), 1);
  EXPECT_EQ(folder.tensor("w").dtype, DType::kBFloat16);
  EXPECT_EQ(folder.tensor("w").shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(std::memcmp(folder.tensor("w").bytes.data(), "\x80\x3f\x00\xc0", 4), 0);
  EXPECT_EQ(folder.unusable_tensors().at("ids"), "I64");
  EXPECT_EQ(folder.unusable_tensors().at("f4"), "F4");
  try {
    static_cast<void>(folder.tensor("ids"));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("I64"), std::string::npos);
  }
}

}  // namespace
}  // namespace wisk::checkpoint
