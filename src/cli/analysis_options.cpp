#include "analysis_options.hpp"

#include <wisk/core/error.hpp>

namespace wisk::cli {
namespace {

template <class T>
const T* value(const po::variables_map& options, const char* name) {
  return options.count(name) > 0 ? &options[name].as<T>() : nullptr;
}

stats::Metric metric_named(const std::string& name) {
  std::vector<std::string> names;
  for (int i = 0; i < stats::kMetrics; ++i) {
    const auto metric = static_cast<stats::Metric>(i);
    names.emplace_back(stats::id_of(metric));
    if (names.back() == name) return metric;
  }
  throw UsageError("--metric " + name + ": expected one of " + join(names, ", ") + did_you_mean(name, names));
}

/// A word, or else the name of a file with scores.
void set_score(report::AnalysisOptions& options, const std::string& score, const report::LoadedRun& run) {
  if (score == "mean-logprob") {
    options.score = stats::Score::kMeanLogprob;
  } else if (score == "logprob") {
    options.score = stats::Score::kLogprob;
  } else if (score == "shortest") {
    options.score = stats::Score::kShortest;
  } else if (score == "longest") {
    options.score = stats::Score::kLongest;
  } else if (score.ends_with(".jsonl")) {
    options.score = stats::Score::kImported;
    options.imported_score = report::read_scores(score, run);
  } else {
    throw UsageError("--score " + score +
                     ": expected mean-logprob, logprob, shortest, longest or a .jsonl file of scores" +
                     did_you_mean(score, {"mean-logprob", "logprob", "shortest", "longest"}));
  }
}

/// "3 x delta=1" is 3 parts of delta=1; without a number it is one part.
std::pair<std::int64_t, std::string> parts_of(const std::string& text) {
  const std::size_t cross = text.find(" x ");
  if (cross == std::string::npos || text.find_first_not_of("0123456789") != cross) return {1, text};
  const std::int64_t parts = std::stoll(text.substr(0, std::min<std::size_t>(cross, 9)));
  if (parts < 1) throw UsageError("--mixture \"" + text + "\": expected at least one part");
  return {parts, text.substr(cross + 3)};
}

report::WantedMixture mixture_of(const std::string& text) {
  const std::size_t plus = text.find(" + ");
  if (plus == std::string::npos)
    throw UsageError("--mixture \"" + text +
                     "\": expected two arms, as in \"delta=1 + delta=0\" or \"3 x delta=1 + "
                     "1 x delta=0\"");
  const auto [first_parts, first] = parts_of(text.substr(0, plus));
  const auto [second_parts, second] = parts_of(text.substr(plus + 3));
  return {first, second, first_parts, second_parts};
}

}  // namespace

void add_analysis_options(Verb& verb) {
  verb.options.add_options()("baseline", po::value<std::string>()->value_name("ARM"),
                             "the arm that the others are compared with (default: the first with delta 0)")(
      "k", po::value<std::string>()->value_name("K,K,..."),
      "other k than the job's, up to the number of samples")(
      "level", po::value<double>()->default_value(stats::kIntervalLevel, "0.95")->value_name("L"),
      "level of the intervals")("metric",
                                po::value<std::string>()->default_value("pass_at_k")->value_name("NAME"),
                                "what arms are compared by: pass_at_k, majority_at_k, best_at_k, "
                                "weighted_majority_at_k, distinct_at_k")(
      "score", po::value<std::string>()->default_value("mean-logprob")->value_name("SCORE"),
      "what Best@k takes the largest of: mean-logprob, logprob, shortest, longest, or a .jsonl file with "
      "arm, "
      "problem, sample and score on each line")(
      "weighted", "also the majority of votes weighted by the score (exp of a log-probability)")(
      "mixture", po::value<std::vector<std::string>>()->value_name("\"A + B\""),
      "also Pass@k when half of the samples come from arm A and half from arm B (or \"3 x A + 1 x B\"); may "
      "be repeated")("no-predictions", "without the predicted Pass@k beyond the samples that were drawn");
  verb.options.add_options()("run", po::value<std::vector<std::string>>()->value_name("RUN"),
                             "run directories or results.h5 files");
  verb.positional.add("run", -1);
}

std::vector<report::LoadedRun> load_runs(const po::variables_map& options) {
  const auto* paths = value<std::vector<std::string>>(options, "run");
  if (paths == nullptr) throw UsageError("a run directory or a results.h5 is needed");
  std::vector<report::LoadedRun> runs;
  for (const std::string& path : *paths) runs.push_back(report::load_run(path));
  return runs;
}

report::AnalysisOptions analysis_options(const po::variables_map& options, const report::LoadedRun& run) {
  report::AnalysisOptions result;
  if (const auto* baseline = value<std::string>(options, "baseline")) result.baseline = *baseline;
  if (const auto* k = value<std::string>(options, "k")) result.k = numbers_of<std::int64_t>("--k", *k);
  result.level = options["level"].as<double>();
  if (!(result.level >= 0.5 && result.level < 1))
    throw UsageError("--level: expected a number from 0.5 to below 1, found " + std::to_string(result.level));
  result.metric = metric_named(options["metric"].as<std::string>());
  result.weighted_majority =
      options.count("weighted") > 0 || result.metric == stats::Metric::kWeightedMajority;
  set_score(result, options["score"].as<std::string>(), run);
  if (const auto* mixtures = value<std::vector<std::string>>(options, "mixture")) {
    for (const std::string& text : *mixtures) result.mixtures.push_back(mixture_of(text));
  }
  result.predictions = options.count("no-predictions") == 0;
  return result;
}

}  // namespace wisk::cli
