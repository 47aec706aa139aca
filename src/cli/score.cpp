// wisk score: verdicts for samples that were made anywhere.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/log.hpp>
#include <wisk/task/row_scorer.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

constexpr std::size_t kBufferBytes = 1u << 20u;

/// Buffered rows to standard output, to a device or pipe, or to a file that appears under its name when it is
/// whole (what a link leads to, not the link). Owns its descriptor; a temporary file that is not finished is
/// removed.
class RowWriter {
 public:
  explicit RowWriter(std::optional<std::filesystem::path> file) : file_(std::move(file)) {
    if (!file_) return;
    if (std::filesystem::exists(*file_) && !std::filesystem::is_regular_file(*file_)) {
      const int device = ::open(file_->c_str(), O_WRONLY | O_CLOEXEC);
      if (device < 0) throw EnvironmentError::from_errno(file_->string(), "open for writing", errno);
      output_ = FileDescriptor(device);
      return;
    }
    file_ = std::filesystem::weakly_canonical(*file_);
    temporary_ = file_->string() + ".XXXXXX";
    const int descriptor = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (descriptor < 0) {
      temporary_.clear();
      throw EnvironmentError::from_errno(file_->string(), "open for writing", errno);
    }
    ::fchmod(descriptor, 0644);
    output_ = FileDescriptor(descriptor);
  }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  ~RowWriter() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void write(std::string_view row) {
    buffer_.append(row) += '\n';
    if (buffer_.size() >= kBufferBytes) flush();
  }

  void finish() {
    flush();
    if (temporary_.empty()) return;
    if (::fsync(output_.get()) != 0) throw EnvironmentError::from_errno(temporary_, "fsync", errno);
    if (::rename(temporary_.c_str(), file_->c_str()) != 0) {
      throw EnvironmentError::from_errno(file_->string(), "rename into place", errno);
    }
    temporary_.clear();
    sync_path(file_->parent_path().empty() ? "." : file_->parent_path());
  }

 private:
  void flush() {
    const int descriptor = file_ ? output_.get() : STDOUT_FILENO;
    write_all(descriptor, std::as_bytes(std::span(buffer_)), file_ ? temporary_ : "standard output");
    buffer_.clear();
  }

  std::optional<std::filesystem::path> file_;
  std::string temporary_;
  FileDescriptor output_;
  std::string buffer_;
};

std::string key_of(Verdict verdict) {
  std::string key(name_of(verdict));
  for (char& c : key) c = c == ' ' ? '_' : c;
  return key;
}

std::string as_json(const task::ScoreSummary& summary, double seconds) {
  nlohmann::ordered_json json;
  json["rows"] = summary.rows;
  for (int i = 0; i < kVerdicts; ++i) {
    json[key_of(static_cast<Verdict>(i))] = summary.counts[static_cast<std::size_t>(i)];
  }
  const auto correct = summary.counts[static_cast<std::size_t>(Verdict::kCorrect)];
  json["accuracy"] = static_cast<double>(correct) / static_cast<double>(summary.rows);
  json["fields"] = {
      {"text", summary.text_field}, {"gold", summary.gold_field}, {"answer", summary.answer_field}};
  json["fields"]["finish"] = nullptr;
  if (!summary.finish_field.empty()) json["fields"]["finish"] = summary.finish_field;
  json["seconds"] = seconds;
  json["rows_per_second"] = static_cast<double>(summary.rows) / seconds;
  return json.dump(2);
}

std::string for_people(const task::ScoreSummary& summary, double seconds) {
  std::ostringstream text;
  text << summary.rows << " rows (completions in \"" << summary.text_field << "\", golds in \""
       << summary.gold_field << "\", answers written to \"" << summary.answer_field << "\")\n";
  for (const Verdict verdict :
       {Verdict::kCorrect, Verdict::kWrong, Verdict::kNoAnswer, Verdict::kTruncated, Verdict::kUndecided}) {
    const auto count = summary.counts[static_cast<std::size_t>(verdict)];
    char line[96];
    std::snprintf(line, sizeof line, "  %-10s %10llu  %6.2f %%\n", std::string(name_of(verdict)).c_str(),
                  static_cast<unsigned long long>(count),
                  100.0 * static_cast<double>(count) / static_cast<double>(summary.rows));
    text << line;
  }
  if (summary.finish_field.empty())
    text << "  (no finish_reason in the rows: truncated samples count as the rest)\n";
  char speed[64];
  std::snprintf(speed, sizeof speed, "  %.0f rows/s", static_cast<double>(summary.rows) / seconds);
  text << speed;
  return text.str();
}

std::optional<std::string> option(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? std::optional(values[name].as<std::string>()) : std::nullopt;
}

int score(const po::variables_map& values, comm::Communicator& world) {
  if (values.count("file") == 0) throw UsageError("score: expected a JSONL file (wisk score FILE.jsonl)");
  const auto out = option(values, "out");
  const bool json = values.count("json") != 0 && values["json"].as<bool>();
  if (json && !out)
    throw UsageError("score: --json prints the summary on standard output; send the rows to --out FILE");
  task::ScoreOptions options;
  options.checker = values["checker"].as<std::string>();
  options.text_field = option(values, "text");
  options.gold_field = option(values, "gold");
  options.finish_field = option(values, "finish");
  options.answer_field = option(values, "answer-field");
  options.gold_marker = option(values, "gold-marker").value_or("");
  if (values.count("extract") != 0) options.extract = values["extract"].as<std::vector<std::string>>();
  if (world.rank() != 0) return 0;  // one stream, one writer

  const Stopwatch watch;
  RowWriter writer(out ? std::optional<std::filesystem::path>(*out) : std::nullopt);
  const task::ScoreSummary summary = task::score_file(values["file"].as<std::string>(), options,
                                                      [&](std::string_view row) { writer.write(row); });
  writer.finish();
  const double seconds = watch.seconds();
  (out ? std::cout : std::cerr) << (json ? as_json(summary, seconds) : for_people(summary, seconds))
                                << std::endl;
  return 0;
}

}  // namespace

Verb score_verb() {
  Verb verb;
  verb.name = "score";
  verb.synopsis = "wisk score FILE.jsonl [--checker number] [--gold FIELD] [--text FIELD] [--out FILE]";
  verb.summary = "verify samples that were made anywhere: adds answer and verdict to each row";
  verb.details =
      "Reads one JSON object a line, each with a completion and its gold answer, and writes the same rows "
      "with two\n"
      "fields added: `answer`, the number found in the completion in one spelling (null: none), and "
      "`verdict`: correct,\n"
      "wrong, no answer, truncated or undecided (the checker's limits were reached). Everything else keeps "
      "its bytes.\n"
      "No model is needed. The rows go to standard output and the counts to standard error; with --out the "
      "rows go to\n"
      "that file, which appears when it is whole, and the counts to standard output.\n"
      "\n"
      "Completions are looked for in the fields completion, text, response, generation, output, pred, "
      "prediction, resps\n"
      "and model_output; golds in gold, expected_answer, target, reference and answer; the first row "
      "decides. When\n"
      "`answer` is the gold, the answer found goes to `predicted_answer`. A field may also be a JSON "
      "pointer, such as\n"
      "/response/body/choices/0/message/content. A row whose finish_reason is \"length\" is truncated unless "
      "its answer\n"
      "was announced.\n"
      "\n"
      "Examples:\n"
      "  wisk score samples.jsonl --out scored.jsonl\n"
      "  wisk score output-rs0.jsonl --text generation --gold expected_answer --out scored.jsonl --json\n"
      "  zcat samples.jsonl.gz | wisk score - | grep '\"verdict\": \"wrong\"'\n";
  auto add = verb.options.add_options();
  add("checker", po::value<std::string>()->default_value("number")->value_name("NAME"),
      "how an answer is compared: number (exact; 50% is 50, 1/2 is 0.5)");
  add("text", po::value<std::string>()->value_name("FIELD"), "field with the completion");
  add("gold", po::value<std::string>()->value_name("FIELD"), "field with the gold answer (text or number)");
  add("finish", po::value<std::string>()->value_name("FIELD"),
      "field with the finish reason (default: finish_reason, where rows have it)");
  add("gold-marker", po::value<std::string>()->value_name("TEXT"),
      "the gold follows this text (default: #### or \\boxed{} where present, else the whole field)");
  add("extract", po::value<std::vector<std::string>>()->composing()->value_name("MARKER"),
      "where answers are looked for, in order; may be repeated (default: \"####\", boxed, \"answer is\", "
      "\"last "
      "number\")");
  add("answer-field", po::value<std::string>()->value_name("FIELD"),
      "name of the field that gets the answer");
  add("out", po::value<std::string>()->value_name("FILE"), "write the rows to FILE");
  add("json", po::bool_switch(), "print the counts as JSON (with --out)");
  add("file", po::value<std::string>(), "");
  verb.positional.add("file", 1);
  verb.execute = score;
  return verb;
}

}  // namespace wisk::cli
