// The tables of results.h5: coordinates, what is known of the problems, counts, and what is computed of them.

#include <array>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/stats/metric.hpp>

#include "netcdf_writer.hpp"
#include "results_format.hpp"
#include "results_tables.hpp"

namespace wisk::store {
namespace {

constexpr std::array kStoredMetrics = {stats::Metric::kPass, stats::Metric::kMajority, stats::Metric::kBest,
                                       stats::Metric::kDistinct};

template <class T, class F>
std::vector<T> column(const std::vector<ArmColumns>& arms, F value) {
  std::vector<T> values;
  for (const ArmColumns& arm : arms) values.push_back(static_cast<T>(value(arm)));
  return values;
}

std::vector<std::int64_t> table(std::span<const std::int64_t> values) {
  return {values.begin(), values.end()};
}

/// Each arm's weights hash: the plan's, or what the ranks noted in the journal; they must not contradict.
std::vector<std::uint64_t> weights_hashes(const ResultsPlan& plan, const Journal& journal) {
  const auto noted = journal.weights();
  std::vector<std::uint64_t> hashes;
  for (const ArmColumns& arm : plan.arms) {
    const auto found = noted.find(arm.sampled_as);
    if (found != noted.end() && arm.weights_hash != 0 && found->second != arm.weights_hash) {
      throw InputError("arm " + arm.name, "weights " + hex64(arm.weights_hash),
                       "samples of weights " + hex64(found->second) + " in the journal");
    }
    hashes.push_back(found != noted.end() ? found->second : arm.weights_hash);
  }
  return hashes;
}

/// estimates: [A, K].
void write_estimates(NetcdfWriter& file, const std::string& name, const std::string& meaning,
                     const std::vector<stats::Estimate>& estimates, std::string_view method) {
  std::vector<double> mean, low, high;
  for (const stats::Estimate& estimate : estimates) {
    mean.push_back(estimate.mean);
    low.push_back(estimate.low);
    high.push_back(estimate.high);
  }
  const std::string gap = "; NaN where a problem has fewer than k samples";
  file.write(name, {"arm", "k"}, mean, {meaning + gap, "1"});
  file.write(name + "_low", {"arm", "k"}, low, {"lower end of the interval of " + name, "1"});
  file.write(name + "_high", {"arm", "k"}, high, {"upper end of the interval of " + name, "1"});
  for (const std::string& each : {name, name + "_low", name + "_high"}) {
    file.attribute(each, "interval_method", method);
    file.attribute(each, "interval_level", std::vector<double>{stats::kIntervalLevel});
    file.attribute(each, "coordinates", kArmCoordinates);
  }
}

std::vector<std::string> utf8(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  for (const std::string& text : texts) result.push_back(utf8_or_replaced(text));
  return result;
}

}  // namespace

void write_coordinates(NetcdfWriter& file, const ResultsPlan& plan, const Journal& journal) {
  const auto& arms = plan.arms;
  std::vector<std::string> names, recipes;
  std::vector<std::string> early, late;
  for (const ArmColumns& arm : arms) {
    names.push_back(utf8_or_replaced(arm.name));
    recipes.push_back(utf8_or_replaced(arm.recipe_in_words));
    early.push_back(utf8_or_replaced(arm.early));
    late.push_back(utf8_or_replaced(arm.late));
  }
  std::vector<std::string> problems;
  for (const std::string& problem : plan.problems) problems.push_back(utf8_or_replaced(problem));
  file.write_texts("arm", {"arm"}, names, {"arm: a recipe with a decoding setting", ""});
  file.write_texts("problem", {"problem"}, problems, {"problem id", ""});
  file.write("k", {"k"}, plan.k, {"k of Pass@k: samples that may be tried", "1"});
  file.write_texts("verdict", {"verdict"}, verdict_words(), {"verdict on a sample", ""});

  file.write_texts("recipe", {"arm"}, recipes, {"how the arm's weights were blended, in words", ""});
  file.write_texts("early", {"arm"}, early,
                   {"checkpoint that delta is the weight of; empty: another recipe", ""});
  file.write_texts("late", {"arm"}, late, {"checkpoint of weight 1 - delta; empty: another recipe", ""});
  const auto number = [&](const char* name, const char* meaning, auto value) {
    file.write(name, {"arm"}, column<double>(arms, value), {meaning, "1"});
  };
  const auto count = [&](const char* name, const char* meaning, auto value) {
    file.write(name, {"arm"}, column<std::int64_t>(arms, value), {meaning, "1"});
  };
  number("delta", "weight of the early checkpoint; NaN where the recipe has no early and late",
         [](const ArmColumns& arm) { return arm.delta; });
  number("step", "training step of the checkpoint; NaN where the arm is a blend",
         [](const ArmColumns& arm) { return arm.step; });
  number("temperature", "sampling temperature; 0 is greedy",
         [](const ArmColumns& arm) { return arm.temperature; });
  number("top_p", "nucleus sampling; 1 is off", [](const ArmColumns& arm) { return arm.top_p; });
  count("top_k", "tokens kept by probability; 0 is off", [](const ArmColumns& arm) { return arm.top_k; });
  number("min_p", "least share of the largest probability; 0 is off",
         [](const ArmColumns& arm) { return arm.min_p; });
  count("max_tokens", "generated tokens of a sample at most",
        [](const ArmColumns& arm) { return arm.max_tokens; });
  count("samples_planned", "samples of each problem when the run is complete",
        [](const ArmColumns& arm) { return arm.samples; });
  file.write("weights_hash", {"arm"}, weights_hashes(plan, journal),
             {"hash of the resident weights that the samples were drawn with; 0 where none was noted", "1"});
  count("sampled_as",
        "index of the arm whose samples this arm shares: its own unless weights and decoding are the same",
        [](const ArmColumns& arm) { return arm.sampled_as; });
}

void write_about(NetcdfWriter& file, const ResultsPlan& plan) {
  const auto column = [&](const std::string& name, const std::vector<std::string>& values,
                          std::string_view meaning) {
    if (values.empty()) return;
    WISK_ASSERT(values.size() == plan.problems.size());
    file.write_texts(name, {"problem"}, utf8(values), {meaning, ""});
  };
  column("question", plan.about.question, "question");
  column("gold", plan.about.gold, "gold answer in the checker's spelling");
  column("split", plan.about.split,
         "side of the split: the best arm is chosen on one and reported on the other; empty: on neither");
  const auto variables = field_variables(plan.about.fields);
  std::vector<std::string> fields;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    fields.push_back(utf8_or_replaced(plan.about.fields[i].first));
    column(variables[i], plan.about.fields[i].second, fields.back());
  }
  if (fields.empty()) return;
  file.attribute("", "problem_fields", fields);
  file.attribute("", "problem_field_variables", variables);
}

void write_metrics(NetcdfWriter& file, const ResultsPlan& plan, const stats::Samples& samples) {
  const auto scores = stats::scores_of(samples, stats::Score::kMeanLogprob);
  const std::size_t ks = plan.k.size();
  for (const stats::Metric metric : kStoredMetrics) {
    std::vector<stats::Estimate> estimates;  // [A, K]
    for (std::size_t arm = 0; arm < plan.arms.size(); ++arm) {
      if (const std::size_t source = plan.arms[arm].sampled_as; source < arm) {
        for (std::size_t i = 0; i < ks; ++i) estimates.push_back(estimates[source * ks + i]);
        continue;
      }
      const auto values = stats::values_of(samples, arm, metric, plan.k, scores);
      for (std::size_t i = 0; i < ks; ++i)
        estimates.push_back(stats::interval_of(metric, plan.k[i], values.of_problem[i]));
    }
    write_estimates(file, std::string(stats::id_of(metric)), std::string(stats::meaning_of(metric)),
                    estimates, stats::interval_method_of(metric));
  }
}

void write_tables(NetcdfWriter& file, const ResultsPlan& plan, const stats::Counts& counts) {
  const std::size_t arms = plan.arms.size();
  file.write("n", {"arm", "problem"}, table(counts.n()), {"samples", "1"});
  file.write("c", {"arm", "problem"}, table(counts.c()), {"correct samples", "1"});
  file.write("truncated", {"arm", "problem"}, table(counts.truncated()),
             {"samples that reached max_tokens", "1"});
  file.write("verdicts", {"arm", "verdict"}, table(counts.verdicts()), {"samples by verdict", "1"});
  std::vector<double> mean_tokens;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    mean_tokens.push_back(static_cast<double>(counts.tokens()[arm]) /
                          static_cast<double>(counts.samples_of(arm)));
  }
  file.write("mean_tokens", {"arm"}, mean_tokens, {"generated tokens of a sample, mean", "1"});
  for (const char* name : {"n", "c", "truncated", "verdicts", "mean_tokens"})
    file.attribute(name, "coordinates", kArmCoordinates);
}

}  // namespace wisk::store
