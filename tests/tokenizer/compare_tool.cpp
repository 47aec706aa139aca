// tokenizer_compare FOLDER CASES.jsonl: encodes and decodes each case and counts what differs from the
// library's answers in it. A case is {"text", "add", "ids", "decode", "skip", "decoded"}. Exit status 1 when
// anything differs.

#include <chrono>
#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

namespace {

using Ids = std::vector<std::int32_t>;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kMostShown = 5;

struct Counts {
  long cases = 0, tokens = 0, wrong_ids = 0, wrong_text = 0;
  double load_seconds = 0, encode_seconds = 0;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void compare(const wisk::tokenizer::Tokenizer& tokenizer, const Json& item, Counts& counts) {
  const auto start = Clock::now();
  const Ids ids = tokenizer.encode(item["text"].get<std::string>(), item["add"].get<bool>());
  counts.encode_seconds += seconds_since(start);
  ++counts.cases;
  counts.tokens += static_cast<long>(ids.size());
  if (ids != item["ids"].get<Ids>() && counts.wrong_ids++ < kMostShown) {
    std::cout << "ids of " << item["text"].dump(-1, ' ', true) << "\n  library " << item["ids"]
              << "\n  wisk    " << Json(ids) << "\n";
  }
  const std::string text = tokenizer.decode(item["decode"].get<Ids>(), item["skip"].get<bool>());
  if (text != item["decoded"].get<std::string>() && counts.wrong_text++ < kMostShown) {
    std::cout << "text of " << item["decode"] << "\n  library " << item["decoded"].dump(-1, ' ', true)
              << "\n  wisk    " << Json(text).dump(-1, ' ', true) << "\n";
  }
}

int run(const std::string& folder, const std::string& cases) {
  Counts counts;
  const auto start = Clock::now();
  const auto tokenizer = wisk::tokenizer::Tokenizer::load(folder);
  counts.load_seconds = seconds_since(start);
  std::ifstream file(cases);
  for (std::string line; std::getline(file, line);) compare(tokenizer, Json::parse(line), counts);
  std::cout << folder << ": " << counts.cases << " cases, " << counts.tokens << " tokens, "
            << counts.wrong_ids << " with other ids, " << counts.wrong_text << " with other text; loaded in "
            << counts.load_seconds << " s, encoded in " << counts.encode_seconds << " s\n";
  return counts.cases > 0 && counts.wrong_ids + counts.wrong_text == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: tokenizer_compare FOLDER CASES.jsonl\n";
    return 2;
  }
  try {
    return run(arguments[1], arguments[2]);
  } catch (const wisk::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.status());
  }
}
