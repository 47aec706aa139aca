// `wisk tokenize`: text to token ids and back, line by line.

#include <fstream>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

#include "verb.hpp"

namespace wisk::cli {

namespace {

using Json = nlohmann::json;

std::string encoded_line(const tokenizer::Tokenizer& tokenizer, const std::string& line,
                         const std::string& where, bool add_special_tokens) {
  const Json text = Json::parse(line, nullptr, false);
  if (!text.is_string())
    throw InputError(where, "a JSON string", text.is_discarded() ? "no JSON" : text.type_name());
  return Json(tokenizer.encode(text.get_ref<const std::string&>(), add_special_tokens)).dump();
}

std::string decoded_line(const tokenizer::Tokenizer& tokenizer, const std::string& line,
                         const std::string& where) {
  const Json list = Json::parse(line, nullptr, false);
  if (!list.is_array()) {
    throw InputError(where, "a JSON array of ids", list.is_discarded() ? "no JSON" : list.type_name());
  }
  std::vector<std::int32_t> ids;
  for (const Json& item : list) {
    const bool is_known =
        item.is_number_unsigned() && item.get<std::uint64_t>() < static_cast<std::uint64_t>(tokenizer.size());
    const auto id = is_known ? item.get<std::int32_t>() : -1;
    // An id of no token is a mistake worth hearing of here, though Tokenizer::decode passes over it.
    if (!is_known || !tokenizer.token_of(id)) {
      throw InputError(where, "ids of this tokenizer (below " + std::to_string(tokenizer.size()) + ")",
                       item.dump());
    }
    ids.push_back(id);
  }
  return Json(tokenizer.decode(ids, false)).dump();
}

void tokenize_lines(const tokenizer::Tokenizer& tokenizer, std::istream& input, const std::string& name,
                    bool decodes, bool add_special_tokens) {
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    const std::string where = name + ":" + std::to_string(number);
    std::cout << (decodes ? decoded_line(tokenizer, line, where)
                          : encoded_line(tokenizer, line, where, add_special_tokens))
              << '\n';
  }
  std::cout.flush();
  if (!std::cout) throw EnvironmentError("standard output: writing failed");
}

int execute(const po::variables_map& values, comm::Communicator& world) {
  if (world.rank() != 0) return 0;
  if (values.count("checkpoint") == 0 || values.count("file") == 0) {
    throw UsageError("tokenize needs a checkpoint folder and a file: wisk tokenize CKPT FILE");
  }
  const bool decodes = values.count("decode") != 0, adds = values.count("add-special-tokens") != 0;
  if (decodes && adds) throw UsageError("--add-special-tokens has no meaning with --decode");
  const auto tokenizer = tokenizer::Tokenizer::load(values["checkpoint"].as<std::string>());
  const auto& file = values["file"].as<std::string>();
  if (file == "-") {
    tokenize_lines(tokenizer, std::cin, "standard input", decodes, adds);
    return 0;
  }
  open_for_reading(file);  // says what is wrong with a missing file or a folder
  std::ifstream input(file);
  if (!input) throw InputError(file, "a readable file", "none");
  tokenize_lines(tokenizer, input, file, decodes, adds);
  return 0;
}

}  // namespace

Verb tokenize_verb() {
  Verb verb;
  verb.name = "tokenize";
  verb.synopsis = "wisk tokenize CKPT FILE [--add-special-tokens] [--decode]";
  verb.summary = "turn text into token ids with a checkpoint's tokenizer, or back";
  verb.details =
      "Each line of FILE (- for standard input) is a JSON string; for each line one JSON array of token ids "
      "is "
      "written to standard output. Special tokens inside the text become their ids.\n"
      "With --decode it goes the other way: each line is a JSON array of ids, and the text comes out as a "
      "JSON "
      "string.\n"
      "CKPT is a Hugging Face model folder; only its tokenizer files are read.\n\n"
      "Example: echo '\"Hello, world\"' | wisk tokenize ckpt/step-0112 -";
  verb.options.add_options()("add-special-tokens",
                             "add the tokens that the checkpoint puts around a text (BOS, EOS)")(
      "decode", "read arrays of ids, write text");
  // The positional arguments; main hides them from --help.
  verb.options.add_options()("checkpoint", po::value<std::string>(), "")("file", po::value<std::string>(),
                                                                         "");
  verb.positional.add("checkpoint", 1).add("file", 1);
  verb.execute = execute;
  return verb;
}

}  // namespace wisk::cli
