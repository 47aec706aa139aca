#include "problems.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/task/number.hpp>

#include "ascii.hpp"
#include "json_lines.hpp"
#include "row.hpp"
#include "split.hpp"
#include "utf8.hpp"

namespace wisk::task {
namespace {

constexpr std::size_t kListed = 10;

/// Golds that are no number, listed together at the end.
class BadGolds {
 public:
  void add(const std::string& where, const std::string& id, const std::string& found) {
    if (count_++ == 0) first_where_ = where;
    if (listed_.size() < kListed) listed_.push_back(where + " (" + id + "): " + found);
  }

  void check() const {
    if (count_ == 0) return;
    std::string found =
        count_ == 1 ? listed_.front() : std::to_string(count_) + " without: " + join(listed_, "; ");
    if (count_ > kListed) found += "; and " + std::to_string(count_ - kListed) + " more";
    throw InputError(first_where_, "golds with a number", found);
  }

 private:
  std::size_t count_ = 0;
  std::string first_where_;
  std::vector<std::string> listed_;
};

class ProblemReader {
 public:
  ProblemReader(const TaskFile& task, const std::vector<std::string>& names)
      : task_(task), names_(names), wanted_(task.select.begin(), task.select.end()) {
    if (task.split) sides_.emplace(*task.split);
  }

  Problems run() {
    LineReader lines = open();
    for (std::string line; !full() && lines.next(line);) {
      if (!trim(line).empty()) add(Row(line, lines.where()), lines.number());
    }
    bad_golds_.check();
    if (!wanted_.empty()) {
      const std::vector<std::string> missing(wanted_.begin(), wanted_.end());
      throw InputError(task_.data.string(), "every id of problems.select", "none of " + join(missing, ", "));
    }
    if (problems_.empty()) {
      throw InputError(
          task_.data.string(), "at least one problem",
          skipped_ == 0 ? "an empty problem set" : std::to_string(skipped_) + " whose gold is no number");
    }
    if (sides_) sides_->check();
    return {std::move(problems_), skipped_};
  }

 private:
  LineReader open() const {
    try {
      return LineReader(task_.data);
    } catch (const InputError& error) {
      throw InputError(task_.data_where, "a readable JSONL file with the problems",
                       "\"" + task_.data.string() + "\" (" + error.found() + ")");
    }
  }

  [[nodiscard]] bool full() const { return task_.first && problems_.size() == *task_.first; }

  /// A text that is not blank.
  static std::string field(const Row& row, const std::string& name) {
    std::string text = row.text(name);
    if (trim(text).empty()) throw InputError(row.where() + ": " + name, "text", "an empty text");
    return text;
  }

  /// The fields that are nothing else already.
  [[nodiscard]] std::map<std::string, std::string> columns(const Row& row) const {
    const auto is = [](const std::string& field, const std::string& name) {
      return field == name || field == "/" + name;
    };
    const auto fits = [](const std::string& text) {
      return text.size() <= kMaxColumnBytes && text.find('\0') == std::string::npos;
    };
    std::map<std::string, std::string> columns;
    for (auto& [name, value] : row.scalars()) {
      const bool is_taken = is(task_.question_field, name) || is(task_.gold_field, name) ||
                            (task_.id_field && is(*task_.id_field, name));
      if (!is_taken && fits(name) && fits(value)) columns.emplace(name, std::move(value));
    }
    return columns;
  }

  /// Throws when the id has been there before.
  void check_id(const Problem& problem, const Row& row, std::size_t line) {
    const auto [other, fresh] = lines_.emplace(problem.key, line);
    if (!fresh) {
      throw InputError(row.where(), "ids that differ",
                       "the id \"" + valid_utf8(problem.id, 80) + "\" of line " +
                           std::to_string(other->second) + " again" +
                           (task_.id_field ? "" : " (the same question; set fields.id)"));
    }
  }

  /// False for a problem to leave out.
  bool read_gold_of(const Row& row, Problem& problem) {
    const std::string gold = field(row, task_.gold_field);
    const NumberReading reading = read_gold(gold, task_.gold_marker);
    if (reading.kind == NumberKind::kNumber) {
      problem.gold = reading.value.text();
    } else if (task_.skip_other_golds) {
      ++skipped_;
      return false;
    } else {
      const std::string tail = gold.size() > 40 ? gold.substr(gold.size() - 40) : gold;
      bad_golds_.add(row.where(), valid_utf8(problem.id, 80), quoted(trim(tail), 60));
    }
    return true;
  }

  void add(const Row& row, std::size_t line) {
    Problem problem;
    problem.question = field(row, task_.question_field);
    problem.id = task_.id_field ? field(row, *task_.id_field) : hex64(xxh3(problem.question));
    problem.key = xxh3(problem.id);
    check_id(problem, row, line);
    if (!task_.select.empty() && wanted_.erase(problem.id) == 0) return;
    if (!read_gold_of(row, problem)) return;
    for (const std::string& name : names_) {
      problem.fields[name] = name == "question" ? problem.question : field(row, name);
    }
    if (sides_) problem.side = sides_->of(problem.id, row);
    problem.columns = columns(row);
    problems_.push_back(std::move(problem));
  }

  const TaskFile& task_;
  const std::vector<std::string>& names_;
  std::set<std::string> wanted_;
  std::unordered_map<std::uint64_t, std::size_t> lines_;  // key of an id -> its line
  std::vector<Problem> problems_;
  BadGolds bad_golds_;
  std::size_t skipped_ = 0;
  std::optional<SplitSides> sides_;
};

}  // namespace

Problems read_problems(const TaskFile& task, const std::vector<std::string>& names) {
  return ProblemReader(task, names).run();
}

}  // namespace wisk::task
