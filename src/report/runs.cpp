#include <wisk/report/runs.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/report/table.hpp>

namespace wisk::report {
namespace {

std::filesystem::path results_of(const std::filesystem::path& run) {
  if (!std::filesystem::is_directory(run)) return run;
  std::filesystem::path file = run / "results.h5";
  if (!std::filesystem::exists(file)) {
    throw InputError(run.string(), "a run directory with results.h5",
                     std::filesystem::exists(run / "run.json")
                         ? "no results yet: they are written when the run starts, and as it goes on"
                         : "no run directory");
  }
  return file;
}

/// "a, b, c and 12 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  const std::vector<std::string> shown(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, names.size())));
  return join(shown, ", ") +
         (names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "");
}

std::vector<std::string> missing_in(const std::vector<std::string>& problems,
                                    const std::set<std::string>& other) {
  std::vector<std::string> missing;
  for (const std::string& problem : problems) {
    if (!other.contains(problem)) missing.push_back(problem);
  }
  return missing;
}

/// Index of each of `wanted` in `problems`; all are there.
std::vector<std::size_t> order_of(const std::vector<std::string>& problems,
                                  const std::vector<std::string>& wanted) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < problems.size(); ++i) index[problems[i]] = i;
  std::vector<std::size_t> order;
  for (const std::string& problem : wanted) order.push_back(index.at(problem));
  return order;
}

void append_table(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from, std::size_t arms,
                  const std::vector<std::size_t>& order) {
  for (std::size_t arm = 0; arm < arms; ++arm) {
    for (const std::size_t problem : order) to.push_back(from[arm * order.size() + problem]);
  }
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void append_samples(stats::Samples& to, const stats::Samples& from) {
  const std::size_t rows = to.rows();
  for (const std::size_t begin : from.cell_begin) to.cell_begin.push_back(begin + rows);
  for (const std::size_t end : from.cell_end) to.cell_end.push_back(end + rows);
  to.arms += from.arms;
  append(to.number, from.number);
  append(to.verdict, from.verdict);
  append(to.finish, from.finish);
  append(to.answer, from.answer);
  append(to.tokens, from.tokens);
  append(to.logprob, from.logprob);
  append(to.tokens_hash, from.tokens_hash);
  append(to.path, from.path);
  append(to.thinks, from.thinks);
}

void append_run(LoadedRun& all, const LoadedRun& run, const std::string& name) {
  const auto order = order_of(run.results.plan.problems, all.results.plan.problems);
  const auto before = static_cast<std::uint32_t>(all.results.plan.arms.size());
  for (store::ArmColumns arm : run.results.plan.arms) {
    arm.name = name + ": " + arm.name;
    arm.sampled_as += before;
    all.results.plan.arms.push_back(std::move(arm));
  }
  const std::size_t arms = run.results.plan.arms.size();
  append_table(all.results.n, run.results.n, arms, order);
  append_table(all.results.c, run.results.c, arms, order);
  append_table(all.results.truncated, run.results.truncated, arms, order);
  append(all.results.verdicts, run.results.verdicts);
  append(all.results.mean_tokens, run.results.mean_tokens);
  all.results.missing_samples += run.results.missing_samples;
  for (const auto& [kind, count] : run.results.hardware) all.results.hardware[kind] += count;
  append_samples(all.samples, stats::of_problems(run.samples, order));
}

/// (arm, problem, sample) -> row.
std::map<std::tuple<std::string, std::string, std::int64_t>, std::size_t> rows_by_name(const LoadedRun& run) {
  std::map<std::tuple<std::string, std::string, std::int64_t>, std::size_t> rows;
  for (std::size_t arm = 0; arm < run.samples.arms; ++arm) {
    for (std::size_t problem = 0; problem < run.samples.problems; ++problem) {
      const stats::Cell cell(run.samples, arm, problem);
      for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
        rows[{run.results.plan.arms[arm].name, run.results.plan.problems[problem], run.samples.number[row]}] =
            row;
      }
    }
  }
  return rows;
}

struct NamedScore {
  std::tuple<std::string, std::string, std::int64_t> sample;
  double score;
};

NamedScore parse_score(const std::string& line, const std::string& where) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto is = [&](const char* key, auto type) { return json.contains(key) && (json[key].*type)(); };
  if (!json.is_object() || !is("arm", &nlohmann::json::is_string) ||
      !is("problem", &nlohmann::json::is_string) || !is("sample", &nlohmann::json::is_number_integer) ||
      !is("score", &nlohmann::json::is_number)) {
    throw InputError(where, R"({"arm": text, "problem": text, "sample": number, "score": number})",
                     printable(line.substr(0, 80)));
  }
  return {{json["arm"], json["problem"], json["sample"]}, json["score"]};
}

}  // namespace

std::string run_name(const LoadedRun& run) {
  auto path = run.path.lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return path.filename() == "results.h5" && path.has_parent_path() ? path.parent_path().filename().string()
                                                                   : path.filename().string();
}

std::vector<std::int64_t> common_k(const std::vector<std::vector<std::int64_t>>& of_runs) {
  std::vector<std::int64_t> k = of_runs.front();
  for (const auto& others : of_runs) {
    std::erase_if(
        k, [&](std::int64_t each) { return std::find(others.begin(), others.end(), each) == others.end(); });
  }
  if (k.empty()) throw InputError("k of the runs", "at least one k that all runs have", "none");
  return k;
}

namespace {

/// The runs' names; whole paths where these are not unique, and numbers where those are not either.
std::vector<std::string> unique_names(const std::vector<LoadedRun>& runs) {
  const auto repeats = [](const std::vector<std::string>& names) {
    return std::set<std::string>(names.begin(), names.end()).size() < names.size();
  };
  std::vector<std::string> names;
  for (const LoadedRun& run : runs) names.push_back(run_name(run));
  if (!repeats(names)) return names;
  for (std::size_t i = 0; i < runs.size(); ++i) names[i] = runs[i].path.lexically_normal().string();
  if (!repeats(names)) return names;
  for (std::size_t i = 0; i < runs.size(); ++i) names[i] += " #" + std::to_string(i + 1);
  return names;
}

}  // namespace

LoadedRun load_run(const std::filesystem::path& path) {
  LoadedRun run{path, results_of(path), {}, {}};
  run.results = store::read_results(run.file);
  run.samples = store::read_samples(run.file, run.results);
  return run;
}

void check_same_problems(const std::vector<LoadedRun>& runs) {
  const store::ResultsPlan& first = runs.front().results.plan;
  const std::set<std::string> known(first.problems.begin(), first.problems.end());
  for (const LoadedRun& run : runs) {
    const store::ResultsPlan& plan = run.results.plan;
    const auto more = missing_in(plan.problems, known);
    const auto less = missing_in(first.problems, {plan.problems.begin(), plan.problems.end()});
    if (!more.empty() || !less.empty()) {
      std::string found;
      if (!less.empty()) found += fmt::format("{} problems are not there: {}", less.size(), some_of(less));
      if (!more.empty())
        found += fmt::format("{}{} problems are only there: {}", found.empty() ? "" : "; ", more.size(),
                             some_of(more));
      throw InputError(run.path.string(),
                       "the problems of " + runs.front().path.string() + ", to be compared", found);
    }
    if (plan.about.gold.empty() || first.about.gold.empty()) continue;
    const auto order = order_of(plan.problems, first.problems);
    std::vector<std::string> other_gold;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (plan.about.gold[order[i]] != first.about.gold[i]) other_gold.push_back(first.problems[i]);
    }
    if (!other_gold.empty())
      throw InputError(run.path.string(), "the golds of " + runs.front().path.string(),
                       "others at " + some_of(other_gold));
  }
}

LoadedRun joined(std::vector<LoadedRun> runs) {
  if (runs.size() == 1) return std::move(runs.front());
  check_same_problems(runs);
  LoadedRun all{runs.front().path, runs.front().file, {}, {}};
  const std::vector<std::string> names = unique_names(runs);
  std::vector<std::vector<std::int64_t>> all_k;
  for (const LoadedRun& run : runs) all_k.push_back(run.results.plan.k);
  all.results.plan.provenance = runs.front().results.plan.provenance;
  all.results.plan.provenance.name = join(names, ", ");
  all.results.plan.problems = runs.front().results.plan.problems;
  all.results.plan.about = runs.front().results.plan.about;
  all.results.plan.k = common_k(all_k);
  all.results.interval_method = runs.front().results.interval_method;
  all.samples.problems = all.results.plan.problems.size();
  for (std::size_t i = 0; i < runs.size(); ++i) append_run(all, runs[i], names[i]);
  return all;
}

std::vector<double> read_scores(const std::filesystem::path& file, const LoadedRun& run) {
  constexpr std::size_t kLargest = std::size_t{4} << 30;
  const auto rows = rows_by_name(run);
  std::vector<double> scores(run.samples.rows(), std::numeric_limits<double>::quiet_NaN());
  const std::string text = read_text(file, kLargest);
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string where = file.string() + ":" + std::to_string(++line);
    const std::string content = text.substr(begin, end - begin);
    begin = end + 1;
    if (content.find_first_not_of(" \t\r") == std::string::npos) continue;
    const NamedScore named = parse_score(content, where);
    const auto row = rows.find(named.sample);
    if (row == rows.end())
      throw InputError(where, "a sample of " + run.path.string(), printable(content.substr(0, 80)));
    if (!std::isnan(scores[row->second]) && scores[row->second] != named.score)
      throw InputError(where, "each sample once", printable(content.substr(0, 80)));
    scores[row->second] = named.score;
  }
  std::vector<std::string> gaps;
  for (const auto& [sample, row] : rows) {
    if (std::isnan(scores[row]))
      gaps.push_back(fmt::format("{}/{}/{}", std::get<0>(sample), std::get<1>(sample), std::get<2>(sample)));
  }
  if (!gaps.empty())
    throw InputError(file.string(), "a score for each of the " + std::to_string(scores.size()) + " samples",
                     "none for " + some_of(gaps) + " (arm/problem/sample)");
  return scores;
}

}  // namespace wisk::report
