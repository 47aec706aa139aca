#include <algorithm>

#include "results_format.hpp"

namespace wisk::store {
namespace {

/// Flags by CF: "wrong correct no_answer ..."; a space separates words there.
std::string flag_words(std::vector<std::string> words) {
  std::string all;
  for (std::string& word : words) {
    for (char& letter : word) {
      if (letter == ' ') letter = '_';
    }
    all += (all.empty() ? "" : " ") + word;
  }
  return all;
}

void write_flags(NetcdfWriter& file, const std::string& name, const std::vector<std::int8_t>& values,
                 const std::vector<std::string>& words, std::string_view long_name) {
  file.write(name, {"row"}, values, {long_name, "1"});
  std::vector<std::int8_t> flags;
  for (std::size_t i = 0; i < words.size(); ++i) flags.push_back(static_cast<std::int8_t>(i));
  file.attribute(name, "flag_values", flags);
  file.attribute(name, "flag_meanings", flag_words(words));
}

/// The kinds of hardware that samples were drawn on, sorted; at least one, so that the flags have a meaning.
std::vector<std::string> devices_of(const Journal& journal) {
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : hardware_of(journal)) kinds.push_back(kind);
  if (kinds.empty()) kinds.emplace_back("unknown");
  return kinds;
}

/// What is known of every row without reading its text.
struct Rows {
  std::vector<std::int32_t> arm, problem, sample;
  std::vector<std::int8_t> verdict, finish, device;
  std::vector<std::int64_t> token_offset, token_count;
  std::vector<double> logprob;
  std::int64_t tokens = 0;

  Rows(const Journal& journal, const std::vector<std::string>& devices) {
    for (const Journal::Entry& entry : journal.samples()) {
      arm.push_back(static_cast<std::int32_t>(entry.id.arm));
      problem.push_back(static_cast<std::int32_t>(entry.id.problem));
      sample.push_back(static_cast<std::int32_t>(entry.id.sample));
      verdict.push_back(static_cast<std::int8_t>(entry.verdict));
      finish.push_back(static_cast<std::int8_t>(entry.finish));
      const auto kind = std::find(devices.begin(), devices.end(), device_of(journal.attempt_of(entry)));
      device.push_back(static_cast<std::int8_t>(kind - devices.begin()));
      token_offset.push_back(tokens);
      token_count.push_back(entry.tokens);
      logprob.push_back(entry.logprob);
      tokens += entry.tokens;
    }
  }
};

}  // namespace

void write_samples(NetcdfWriter& file, const Journal& journal, const stats::Samples& samples) {
  const std::vector<std::string> devices = devices_of(journal);
  const Rows rows(journal, devices);
  std::vector<std::string> answers;
  std::vector<std::int64_t> text_offset, text_bytes;
  std::int64_t bytes = 0;
  for (const Journal::Entry& entry : journal.samples()) {
    const SampleRecord sample = journal.load(entry);
    answers.push_back(utf8_or_replaced(sample.answer));
    text_offset.push_back(bytes);
    text_bytes.push_back(static_cast<std::int64_t>(sample.text.size()));
    bytes += text_bytes.back();
  }
  file.begin_group("samples");
  file.define_dimension("row", rows.arm.size());
  file.define_dimension("token", static_cast<std::size_t>(rows.tokens));
  file.define_dimension("byte", static_cast<std::size_t>(bytes));
  file.write("arm", {"row"}, rows.arm, {"index of the arm that was sampled", "1"});
  file.write("problem", {"row"}, rows.problem, {"index of the problem", "1"});
  file.write("sample", {"row"}, rows.sample, {"number of the sample in its cell", "1"});
  write_flags(file, "verdict", rows.verdict, verdict_words(), "verdict");
  const std::vector<std::string> finish_words = {std::string(name_of(FinishReason::kEndOfSequence)),
                                                 std::string(name_of(FinishReason::kStopString)),
                                                 std::string(name_of(FinishReason::kLength))};
  write_flags(file, "finish", rows.finish, finish_words, "why the sample ended");
  write_flags(file, "device", rows.device, devices, "kind of hardware that drew the sample");
  file.write_texts("answer", {"row"}, answers,
                   {"extracted answer; bytes that are no UTF-8 replaced by U+FFFD", ""});
  file.write(
      "answer_class", {"row"}, samples.answer,
      {"number of the answer: equal for equal answers of a problem; -1: the sample does not vote", "1"});
  file.write("tokens_hash", {"row"}, samples.tokens_hash, {"XXH3-64 of the token ids", "1"});
  file.write("path_hash", {"row"}, samples.path,
             {"XXH3-64 of the sequence of arithmetic results in the text; 0: there are none", "1"});
  file.write("thinks", {"row"}, samples.thinks, {"1 where the text has a <think> tag", "1"});
  file.write("logprob", {"row"}, rows.logprob,
             {"log-probability of the sample: sum over its tokens, natural logarithm", "1"});
  file.write("token_offset", {"row"}, rows.token_offset,
             {"index of the sample's first token along token", "1"});
  file.write("token_count", {"row"}, rows.token_count, {"generated tokens of the sample", "1"});
  file.write("text_offset", {"row"}, text_offset, {"index of the text's first byte along byte", "1"});
  file.write("text_bytes", {"row"}, text_bytes, {"bytes of the text", "1"});
  file.begin_stream<std::int32_t>("token_id", "token", {"generated token ids of all samples", "1"});
  file.begin_stream<float>("token_logprob", "token",
                           {"log-probability of each token, natural logarithm", "1"});
  file.begin_stream<std::uint8_t>("text", "byte", {"completions of all samples: bytes, usually UTF-8", "1"});
  for (const Journal::Entry& entry : journal.samples()) {
    const SampleRecord sample = journal.load(entry);
    file.append("token_id", std::span<const std::int32_t>(sample.tokens));
    file.append("token_logprob", std::span<const float>(sample.logprobs));
    file.append("text",
                std::span(reinterpret_cast<const std::uint8_t*>(sample.text.data()), sample.text.size()));
  }
}

}  // namespace wisk::store
