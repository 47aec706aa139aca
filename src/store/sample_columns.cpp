// Samples as columns: from the journal, and from results.h5.

#include <algorithm>
#include <string>
#include <unordered_map>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/stats/reasoning_path.hpp>
#include <wisk/store/results.hpp>

#include "hdf5_reader.hpp"

namespace wisk::store {
namespace {

bool thinks(std::string_view text) {
  return text.find("<think>") != std::string_view::npos || text.find("</think>") != std::string_view::npos;
}

/// Whether the answer of such a sample is one that it stands by.
bool votes(Verdict verdict, const std::string& answer) {
  return (verdict == Verdict::kCorrect || verdict == Verdict::kWrong) && !answer.empty();
}

/// Numbers the answers of a problem in the order in which they are met.
class AnswerNumbers {
 public:
  explicit AnswerNumbers(std::size_t problems) : numbers_(problems) {}
  std::int32_t of(std::size_t problem, const std::string& answer) {
    auto& known = numbers_[problem];
    return known.try_emplace(answer, static_cast<std::int32_t>(known.size())).first->second;
  }

 private:
  std::vector<std::unordered_map<std::string, std::int32_t>> numbers_;
};

/// Rows of each cell; an arm that shares samples has the rows of the arm that drew them. `arm_of`,
/// `problem_of`: of the rows, ascending.
template <class ArmOf, class ProblemOf>
void find_cells(stats::Samples& samples, const ResultsPlan& plan, std::size_t rows, ArmOf arm_of,
                ProblemOf problem_of) {
  samples.arms = plan.arms.size();
  samples.problems = plan.problems.size();
  samples.cell_begin.assign(samples.arms * samples.problems, 0);
  samples.cell_end.assign(samples.arms * samples.problems, 0);
  for (std::size_t begin = 0, end = 0; begin < rows; begin = end) {
    const std::size_t cell = arm_of(begin) * samples.problems + problem_of(begin);
    while (end < rows && arm_of(end) * samples.problems + problem_of(end) == cell) ++end;
    samples.cell_begin[cell] = begin;
    samples.cell_end[cell] = end;
  }
  for (std::size_t arm = 0; arm < samples.arms; ++arm) {
    const std::size_t from = plan.arms[arm].sampled_as * samples.problems, to = arm * samples.problems;
    for (std::size_t p = 0; p < samples.problems; ++p) {
      samples.cell_begin[to + p] = samples.cell_begin[from + p];
      samples.cell_end[to + p] = samples.cell_end[from + p];
    }
  }
}

/// A column of flags or indices whose values must be below `size`.
template <class T>
std::vector<T> below(const Hdf5Reader& reader, const char* name, std::size_t rows, std::size_t size) {
  auto values = reader.values<T>(name, {rows});
  for (const T value : values) {
    if (value < 0 || static_cast<std::size_t>(value) >= size)
      throw reader.error(name, "values from 0 to " + std::to_string(size - 1), std::to_string(value));
  }
  return values;
}

/// Parts of the samples' texts in ascending order, read in large pieces so that each is decompressed once.
class TextReader {
 public:
  explicit TextReader(const Hdf5Reader& reader) : reader_(reader), total_(reader.length("samples/text")) {}

  std::string at(std::size_t offset, std::size_t size) {
    if (offset > total_ || size > total_ - offset) {
      throw reader_.error("samples/text",
                          std::to_string(offset) + " bytes and " + std::to_string(size) + " more",
                          std::to_string(total_) + " bytes");
    }
    if (offset < begin_ || offset + size > begin_ + piece_.size()) {
      begin_ = offset;
      piece_ = reader_.slice<std::uint8_t>("samples/text", offset,
                                           std::min(total_ - offset, std::max(kPiece, size)));
    }
    const auto from = piece_.begin() + static_cast<std::ptrdiff_t>(offset - begin_);
    return {from, from + static_cast<std::ptrdiff_t>(size)};
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{16} << 20;
  const Hdf5Reader& reader_;
  std::size_t total_, begin_ = 0;
  std::vector<std::uint8_t> piece_;
};

void check_counts(const Hdf5Reader& reader, const stats::Samples& samples, const Results& results) {
  for (std::size_t i = 0; i < results.n.size(); ++i) {
    const stats::Cell cell(samples, i / samples.problems, i % samples.problems);
    const std::int64_t correct = stats::count(samples, cell, Verdict::kCorrect);
    if (cell.size() != results.n[i] || correct != results.c[i]) {
      throw reader.error("samples of arm " + results.plan.arms[i / samples.problems].name + ", problem " +
                             results.plan.problems[i % samples.problems],
                         "n = " + std::to_string(results.n[i]) + ", c = " + std::to_string(results.c[i]),
                         "n = " + std::to_string(cell.size()) + ", c = " + std::to_string(correct));
    }
  }
}

}  // namespace

stats::Samples columns_of(const ResultsPlan& plan, const Journal& journal) {
  const auto& entries = journal.samples();
  stats::Samples samples;
  find_cells(
      samples, plan, entries.size(), [&](std::size_t row) { return std::size_t{entries[row].id.arm}; },
      [&](std::size_t row) { return std::size_t{entries[row].id.problem}; });
  AnswerNumbers answers(plan.problems.size());
  for (const Journal::Entry& entry : entries) {
    const SampleRecord sample = journal.load(entry);
    samples.number.push_back(static_cast<std::int32_t>(entry.id.sample));
    samples.verdict.push_back(entry.verdict);
    samples.finish.push_back(entry.finish);
    samples.answer.push_back(votes(entry.verdict, sample.answer) ? answers.of(entry.id.problem, sample.answer)
                                                                 : -1);
    samples.tokens.push_back(static_cast<std::int32_t>(entry.tokens));
    samples.logprob.push_back(entry.logprob);
    samples.tokens_hash.push_back(xxh3(std::as_bytes(std::span(sample.tokens))));
    samples.path.push_back(stats::reasoning_path(sample.text));
    samples.thinks.push_back(thinks(sample.text) ? 1 : 0);
  }
  return samples;
}

stats::Samples read_samples(const std::filesystem::path& file, const Results& results) {
  const QuietErrors quiet;
  const Hdf5Reader reader(file);
  if (!reader.has("samples") || !reader.has("samples/answer_class")) {
    throw reader.error("samples", "columns of samples (answer_class, tokens_hash, path_hash, thinks)",
                       "a file of an older wisk: start its job again, which writes the file anew");
  }
  const auto sample = reader.list<std::int32_t>("samples/sample");
  const std::size_t rows = sample.size();
  const auto arm = below<std::int32_t>(reader, "samples/arm", rows, results.plan.arms.size());
  const auto problem = below<std::int32_t>(reader, "samples/problem", rows, results.plan.problems.size());
  for (std::size_t row = 1; row < rows; ++row) {
    const auto before = std::tuple(arm[row - 1], problem[row - 1], sample[row - 1]);
    if (before >= std::tuple(arm[row], problem[row], sample[row]))
      throw reader.error("samples", "rows sorted by arm, problem and sample", "row " + std::to_string(row));
  }
  stats::Samples samples;
  find_cells(
      samples, results.plan, rows, [&](std::size_t row) { return static_cast<std::size_t>(arm[row]); },
      [&](std::size_t row) { return static_cast<std::size_t>(problem[row]); });
  samples.number = sample;
  for (const auto verdict : below<std::int8_t>(reader, "samples/verdict", rows, kVerdicts))
    samples.verdict.push_back(static_cast<Verdict>(verdict));
  for (const auto finish : below<std::int8_t>(reader, "samples/finish", rows, 3))
    samples.finish.push_back(static_cast<FinishReason>(finish));
  samples.answer = reader.values<std::int32_t>("samples/answer_class", {rows});
  for (const std::int64_t tokens : reader.values<std::int64_t>("samples/token_count", {rows}))
    samples.tokens.push_back(static_cast<std::int32_t>(tokens));
  samples.logprob = reader.values<double>("samples/logprob", {rows});
  samples.tokens_hash = reader.values<std::uint64_t>("samples/tokens_hash", {rows});
  samples.path = reader.values<std::uint64_t>("samples/path_hash", {rows});
  samples.thinks = reader.values<std::uint8_t>("samples/thinks", {rows});
  check_counts(reader, samples, results);
  return samples;
}

std::vector<SampleText> read_sample_texts(const std::filesystem::path& file,
                                          std::span<const std::size_t> rows, std::size_t most_bytes) {
  const QuietErrors quiet;
  const Hdf5Reader reader(file);
  const auto answers = reader.texts("samples/answer");
  const auto offsets = reader.list<std::int64_t>("samples/text_offset");
  const auto sizes = reader.values<std::int64_t>("samples/text_bytes", {offsets.size()});
  TextReader text(reader);
  std::vector<SampleText> texts;
  for (const std::size_t row : rows) {
    WISK_ASSERT(row < offsets.size() && row < answers.size());
    const auto size = std::min<std::uint64_t>(most_bytes, static_cast<std::uint64_t>(sizes[row]));
    texts.push_back({answers[row], text.at(static_cast<std::size_t>(offsets[row]), size)});
  }
  return texts;
}

}  // namespace wisk::store
