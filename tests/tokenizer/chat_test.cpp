// Prompts equal to transformers' apply_chat_template(add_generation_prompt=True).

#include <wisk/tokenizer/chat.hpp>

#include <cstdlib>

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

#include "golden.hpp"

namespace wisk::tokenizer {
namespace {

std::vector<Message> messages_of(const nlohmann::json& conversation) {
  std::vector<Message> messages;
  for (const auto& message : conversation) {
    messages.push_back({message["role"].get<std::string>(), message["content"].get<std::string>()});
  }
  return messages;
}

/// A checkpoint folder with a small tokenizer and, unless empty, this configuration.
Tokenizer with_configuration(const test::TempFolder& folder, const nlohmann::json& configuration) {
  std::filesystem::copy_file(test::golden_folder() / "gpt2" / "tokenizer.json",
                             folder.path() / "tokenizer.json",
                             std::filesystem::copy_options::overwrite_existing);
  if (!configuration.is_null()) folder.write("tokenizer_config.json", configuration.dump());
  return Tokenizer::load(folder.path());
}

void expect_prompts(const Tokenizer& tokenizer, ChatFormat format, const nlohmann::json& conversations,
                    const nlohmann::json& prompts) {
  ASSERT_EQ(conversations.size(), prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto messages = messages_of(conversations[i]);
    if (prompts[i].is_null()) {
      EXPECT_THROW(render_chat(format, tokenizer, messages), InputError) << "conversation " << i;
    } else {
      EXPECT_EQ(render_chat(format, tokenizer, messages), prompts[i].get<std::string>())
          << "conversation " << i;
    }
  }
}

TEST(Chat, EqualsTransformersForPublishedStylesOfTemplates) {
  const nlohmann::json golden = test::read_golden("chat.json");
  for (const auto& [name, entry] : golden["templates"].items()) {
    SCOPED_TRACE(name);
    const test::TempFolder folder;
    const nlohmann::json as_object = {{"content", entry["eos"]},
                                      {"special", true}};  // the older way to write a token
    const Tokenizer tokenizer = with_configuration(
        folder,
        {{"chat_template", entry["template"]}, {"bos_token", entry["bos"]}, {"eos_token", as_object}});
    const ChatFormat format = recognise_chat_format(tokenizer, "here");
    EXPECT_EQ(name_of(format), entry["format"].get<std::string>());
    expect_prompts(tokenizer, format, golden["conversations"], entry["prompts"]);
  }
}

TEST(Chat, EqualsTransformersForRealModels) {
  const nlohmann::json golden = test::read_golden("chat.json");
  const char* home = std::getenv("HOME");
  int compared = 0;
  for (const auto& [name, entry] : golden["models"].items()) {
    SCOPED_TRACE(name);
    const auto folder = std::filesystem::path(home == nullptr ? "" : home) / ".cache/wisk/models" / name;
    if (!std::filesystem::exists(folder / "chat_template.jinja")) continue;
    const Tokenizer tokenizer = Tokenizer::load(folder);
    EXPECT_EQ(recognise_chat_format(tokenizer, "here"), ChatFormat::kChatML);
    expect_prompts(tokenizer, ChatFormat::kChatML, golden["conversations"], entry["prompts"]);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "no model in ~/.cache/wisk/models";
}

TEST(Chat, FindsTheTemplateWhereCheckpointsPutIt) {
  const test::TempFolder folder;
  EXPECT_EQ(with_configuration(folder, nullptr).chat_template(), std::nullopt);
  const nlohmann::json list = {{{"name", "tool_use"}, {"template", "tools"}},
                               {{"name", "default"}, {"template", "first"}}};
  EXPECT_EQ(with_configuration(folder, {{"chat_template", list}}).chat_template(), "first");
  folder.write("chat_template.jinja", "second");
  EXPECT_EQ(with_configuration(folder, {{"chat_template", list}}).chat_template(), "second");
  EXPECT_THROW(with_configuration(folder, {{"chat_template", 4}}), InputError);
  EXPECT_THROW(with_configuration(folder, {{"bos_token", {{"id", 1}}}}), InputError);
}

TEST(Chat, SaysWhatToSetWhenNoFormatIsRecognised) {
  const test::TempFolder folder;
  for (const nlohmann::json& configuration :
       {nlohmann::json::object(), nlohmann::json{{"chat_template", "{{ '<<SYS>>[INST][/INST]' }}"}}}) {
    try {
      recognise_chat_format(with_configuration(folder, configuration), "task.yaml");
      ADD_FAILURE() << "recognised a format";
    } catch (const InputError& error) {
      EXPECT_EQ(error.where(), "task.yaml");
      EXPECT_NE(error.expected().find("`prompt.chat`"), std::string::npos);
    }
  }
}

TEST(Chat, FormatsHaveNames) {
  for (const char* name : {"plain", "chatml", "llama3", "gemma", "mistral"}) {
    EXPECT_EQ(name_of(parse_chat_format(name, "here")), name);
  }
  try {
    parse_chat_format("chatlm", "task.yaml: prompt.chat");
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_EQ(error.found(), "\"chatlm\" (did you mean \"chatml\"?)");
  }
}

TEST(Chat, WorksWithoutATemplateOfThatFormat) {
  const test::TempFolder folder;
  // A template of another format has no say: its default system message stays out.
  const nlohmann::json golden = test::read_golden("chat.json");
  const Tokenizer tokenizer = with_configuration(
      folder, {{"chat_template", golden["templates"]["chatml_default"]["template"]}, {"bos_token", "<s>"}});
  const std::vector<Message> messages = {{"user", " 1 + 1? "}, {"assistant", "2"}, {"user", "2 + 2?"}};
  EXPECT_EQ(render_chat(ChatFormat::kPlain, tokenizer, messages), " 1 + 1? \n\n2\n\n2 + 2?");
  EXPECT_EQ(render_chat(ChatFormat::kGemma, tokenizer, messages),
            "<s><start_of_turn>user\n1 + 1?<end_of_turn>\n<start_of_turn>model\n2<end_of_turn>\n"
            "<start_of_turn>user\n2 + 2?<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(render_chat(ChatFormat::kMistral, tokenizer, messages),
            "<s>[INST]  1 + 1? [/INST] 2[INST] 2 + 2?[/INST]");
  EXPECT_EQ(render_chat(ChatFormat::kLlama3, tokenizer, std::vector<Message>{{"user", "a"}}),
            "<s><|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_"
            "header_id|>\n\n");
  EXPECT_THROW(render_chat(ChatFormat::kPlain, tokenizer, {}), InputError);
  EXPECT_THROW(render_chat(ChatFormat::kPlain, tokenizer, std::vector<Message>{{"user", "\xFF"}}),
               InputError);
}

}  // namespace
}  // namespace wisk::tokenizer
