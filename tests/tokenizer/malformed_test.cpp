// Files that are wrong or not supported: one InputError that names file and component, never a crash.

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

#include "golden.hpp"

namespace wisk::tokenizer {
namespace {

using Json = nlohmann::json;

Json smallest() {
  return Json::parse(
      R"({"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
    "decoder": null, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3}, "merges": ["a b"]}})");
}

Tokenizer load_text(const std::string& text) {
  const test::TempFolder folder;
  folder.write("tokenizer.json", text);
  return Tokenizer::load(folder.path());
}

/// A change to the smallest file and what the error must name.
struct Fault {
  const char* pointer;  // where (JSON pointer)
  const char* value;    // what is put there
  const char* named;    // part of the message
};

class Faults : public testing::TestWithParam<Fault> {};

TEST_P(Faults, AreNamed) {
  Json file = smallest();
  file[Json::json_pointer(GetParam().pointer)] = Json::parse(GetParam().value);
  try {
    load_text(file.dump());
    ADD_FAILURE() << "loaded";
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("tokenizer.json"), std::string::npos) << message;
    EXPECT_NE(message.find(GetParam().named), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

constexpr const char* kToken =
    R"({"id": 3, "content": "<s>", "special": true, "normalized": false, "single_word": false, "lstrip": false)";

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    testing::Values(
        Fault{"/model/type", R"("Unigram")", "Unigram"}, Fault{"/model/type", R"("WordPiece")", "WordPiece"},
        Fault{"/model", "null", "model"}, Fault{"/model", "[]", "model"},
        Fault{"/model/vocab", "[[\"a\", -1.5]]", "model.vocab"}, Fault{"/model/vocab", "null", "model.vocab"},
        Fault{"/model/vocab/b", "0", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "-1", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "4294967296", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "\"1\"", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "1.5", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "{}", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "[1]", "model.vocab[\"b\"]"},
        Fault{"/model/vocab/b", "18446744073709551615", "model.vocab"},
        Fault{"/model/merges", "{}", "model.merges"}, Fault{"/model/merges/0", "\"a x\"", "model.merges[0]"},
        Fault{"/model/merges/0", "\"b a\"", "\"ba\""}, Fault{"/model/merges/0", "\"ab\"", "model.merges[0]"},
        Fault{"/model/merges/0", "\"a b c\"", "model.merges[0]"},
        Fault{"/model/merges/0", "[\"a\"]", "model.merges[0]"},
        Fault{"/model/merges/0", "[\"a\", \"b\", \"a\"]", "model.merges[0]"},
        Fault{"/model/merges/0", "[1, 2]", "model.merges[0]"},
        Fault{"/model/merges/0", "[[\"a\", \"b\"]]", "model.merges[0]"},
        Fault{"/model/merges/0", "7", "model.merges[0]"}, Fault{"/model/merges/0", "{}", "model.merges[0]"},
        Fault{"/model/dropout", "0.1", "dropout"},
        Fault{"/model/continuing_subword_prefix", "\"##\"", "continuing_subword_prefix"},
        Fault{"/model/unk_token", "4", "unk_token"}, Fault{"/model/byte_fallback", "1", "byte_fallback"},
        Fault{"/normalizer", R"({"type": "Precompiled"})", "Precompiled"},
        Fault{"/normalizer", "\"NFC\"", "normalizer"}, Fault{"/normalizer", "{}", "normalizer.type"},
        Fault{"/normalizer", R"({"type": "Prepend"})", "normalizer.prepend"},
        Fault{"/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]})",
              "normalizers[1].type"},
        Fault{"/normalizer", R"({"type": "Sequence", "normalizers": 3})", "normalizers"},
        Fault{"/normalizer", R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})",
              "pattern.Regex"},
        Fault{"/normalizer", R"({"type": "Replace", "pattern": {"Glob": "*"}, "content": ""})", "pattern"},
        Fault{"/pre_tokenizer", R"({"type": "UnicodeScripts"})", "UnicodeScripts"},
        Fault{"/pre_tokenizer", R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Kept"})",
              "behavior"},
        Fault{"/pre_tokenizer", R"({"type": "Metaspace", "replacement": "__"})", "replacement"},
        Fault{"/pre_tokenizer", R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})",
              "prepend_scheme"},
        Fault{"/pre_tokenizer", R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false})",
              "add_prefix_space"},
        Fault{"/decoder", R"({"type": "CTC"})", "CTC"},
        Fault{"/decoder", R"({"type": "Strip", "content": " ", "start": -1, "stop": 0})", "start"},
        Fault{"/post_processor", R"({"type": "BertProcessing"})", "BertProcessing"},
        Fault{"/post_processor", R"({"type": "TemplateProcessing", "single": [], "special_tokens": {}})",
              "single"},
        Fault{
            "/post_processor",
            R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}], "special_tokens": {}})",
            "\"B\""},
        Fault{
            "/post_processor",
            R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {}})",
            "\"x\""},
        Fault{
            "/post_processor",
            R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"x": {"ids": [4]}}})",
            "x.ids"},
        Fault{"/added_tokens", "{}", "added_tokens"}, Fault{"/added_tokens/0", "\"<s>\"", "added_tokens[0]"},
        Fault{"/added_tokens/0", R"({"id": 3, "content": "<s>"})", "added_tokens[0].special"},
        Fault{"/added_tokens/0", R"({"id": -3, "content": "<s>"})", "added_tokens[0].id"},
        Fault{"/added_tokens/0", R"({"id": 99999999999, "content": "<s>"})", "added_tokens[0].id"}));

TEST(Malformed, AddedTokensMustHaveTheirIds) {
  const auto with_tokens = [](const std::string& tokens) {
    Json file = smallest();
    file["added_tokens"] = Json::parse(tokens);
    return file.dump();
  };
  const std::string good = std::string(kToken) + R"(, "rstrip": false})";
  EXPECT_EQ(load_text(with_tokens("[" + good + "]")).encode("a<s>", false),
            (std::vector<std::int32_t>{0, 3}));
  EXPECT_THROW(load_text(with_tokens("[" + good + "," + good + "]")), InputError);
  Json moved = Json::parse(good);
  moved["id"] = 7;  // the vocabulary says 3
  EXPECT_THROW(load_text(with_tokens("[" + moved.dump() + "]")), InputError);
  moved["content"] = "<new>";  // the library would give 4, whatever the file says
  EXPECT_THROW(load_text(with_tokens("[" + moved.dump() + "]")), InputError);
  moved["id"] = 4;
  EXPECT_EQ(load_text(with_tokens("[" + moved.dump() + "]")).size(), 5);
}

TEST(Malformed, DuplicateEntriesAreErrors) {
  const auto model = [](const std::string& members) {
    return R"({"model": {"type": "BPE", )" + members + "}}";
  };
  EXPECT_THROW(load_text(model(R"("vocab": {"a": 0, "a": 1}, "merges": [])")), InputError);
  EXPECT_THROW(load_text(model(R"("vocab": {"a": 0}, "vocab": {"a": 0}, "merges": [])")), InputError);
  EXPECT_THROW(load_text(model(R"("vocab": {"a": 0}, "merges": [], "merges": [])")), InputError);
  EXPECT_NO_THROW(load_text(model(R"("vocab": {"a": 0}, "merges": [])")));
  EXPECT_NO_THROW(load_text(model(R"("vocab": {}, "merges": [])")));
}

TEST(Malformed, AFileCutAnywhereIsAnError) {
  const std::string text = smallest().dump();
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THROW(load_text(text.substr(0, length)), InputError) << length;
  }
}

TEST(Malformed, AChangedByteNeverCrashes) {
  std::ifstream file(test::golden_folder() / "odd_removed" / "tokenizer.json");
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  for (std::size_t i = 0; i < whole.size(); i += 37) {
    for (const char byte : {'"', '\xFF', '0', '}', ','}) {
      std::string text = whole;
      text[i] = byte;
      try {
        static_cast<void>(load_text(text).encode("Ab 12 caf\xC3\xA9 <|x|>", true));
      } catch (const InputError&) {  // the only way to fail
      }
    }
  }
}

TEST(Malformed, DeepNestingIsRefused) {
  const std::size_t depth = 100'000;
  EXPECT_THROW(load_text(std::string(depth, '[') + std::string(depth, ']')), InputError);
  std::string nested = R"({"type": "NFC"})";
  for (int i = 0; i < 100; ++i) nested = R"({"type": "Sequence", "normalizers": [)" + nested + "]}";
  EXPECT_THROW(load_text(R"({"normalizer": )" + nested + "}"), InputError);
}

TEST(Malformed, AMissingFileIsNamed) {
  const test::TempFolder folder;
  EXPECT_THROW(Tokenizer::load(folder.path()), InputError);
}

TEST(Malformed, AnUnknownTokenOutsideTheVocabularyOnlyMattersWhenNeeded) {
  Json file = smallest();
  file["model"]["unk_token"] = "<unk>";
  const Tokenizer tokenizer = load_text(file.dump());
  EXPECT_EQ(tokenizer.encode("ab", false), (std::vector<std::int32_t>{2}));
  EXPECT_THROW(static_cast<void>(tokenizer.encode("z", false)), InputError);
}

TEST(Malformed, TruncationAndPaddingAreNotApplied) {
  Json file = smallest();
  file["truncation"] = {
      {"max_length", 1}, {"stride", 0}, {"strategy", "LongestFirst"}, {"direction", "Right"}};
  file["padding"] = {{"strategy", {{"Fixed", 8}}}};
  EXPECT_EQ(load_text(file.dump()).encode("aab", false), (std::vector<std::int32_t>{0, 2}));
}

}  // namespace
}  // namespace wisk::tokenizer
