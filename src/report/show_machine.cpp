#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/report/show.hpp>

namespace wisk::report {
namespace {

using Json = nlohmann::ordered_json;

/// The shortest text that reads back as the same double; nothing for NaN.
std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return quoted + "\"";
}

Json estimate(std::int64_t k, const stats::Estimate& value) {
  return {
      {"k", k}, {"mean", value.mean}, {"low", value.low}, {"high", value.high}};  // NaN is written as null
}

Json arm_in_json(const store::Results& results, const Comparison& comparison, std::size_t index) {
  const store::ArmColumns& arm = results.plan.arms[index];
  const ArmShares shares = shares_of(results, index);
  Json verdicts = Json::object();
  for (std::size_t v = 0; v < std::size_t{kVerdicts}; ++v) {
    verdicts[std::string(name_of(static_cast<Verdict>(v)))] = results.verdicts[index * kVerdicts + v];
  }
  Json pass = Json::array();
  Json differences = Json::array();
  const std::size_t ks = results.plan.k.size();
  for (std::size_t k = 0; k < ks; ++k) {
    pass.push_back(estimate(results.plan.k[k], results.pass(index, k)));
    if (comparison.baseline) {
      differences.push_back(estimate(results.plan.k[k], comparison.difference[index * ks + k]));
    }
  }
  return {{"name", arm.name},
          {"recipe", arm.recipe_in_words},
          {"delta", arm.delta},
          {"step", arm.step},
          {"temperature", arm.temperature},
          {"top_p", arm.top_p},
          {"top_k", arm.top_k},
          {"min_p", arm.min_p},
          {"max_tokens", arm.max_tokens},
          {"sampled_as", results.plan.arms[arm.sampled_as].name},
          {"samples", shares.samples},
          {"missing", shares.missing},
          {"verdicts", verdicts},
          {"correct_share", shares.correct},
          {"no_answer_share", shares.no_answer},
          {"truncated_share", shares.truncated},
          {"mean_tokens", results.mean_tokens[index]},
          {"pass_at_k", pass},
          {"difference", differences}};
}

}  // namespace

std::string show_csv(const store::Results& results, const Comparison& comparison) {
  std::string text =
      "arm,recipe,delta,step,temperature,top_p,top_k,min_p,max_tokens,problems,samples,missing,correct_share,"
      "no_answer_share,truncated_share,mean_tokens,k,pass_at_k,low,high,baseline,difference,difference_low,"
      "difference_high\r\n";
  const std::size_t ks = results.plan.k.size();
  for (std::size_t i = 0; i < results.plan.arms.size(); ++i) {
    const store::ArmColumns& arm = results.plan.arms[i];
    const ArmShares shares = shares_of(results, i);
    for (std::size_t k = 0; k < ks; ++k) {
      const stats::Estimate& pass = results.pass(i, k);
      const std::vector<std::string> cells = {field(arm.name),
                                              field(arm.recipe_in_words),
                                              number(arm.delta),
                                              number(arm.step),
                                              number(arm.temperature),
                                              number(arm.top_p),
                                              std::to_string(arm.top_k),
                                              number(arm.min_p),
                                              std::to_string(arm.max_tokens),
                                              std::to_string(results.plan.problems.size()),
                                              std::to_string(shares.samples),
                                              std::to_string(shares.missing),
                                              number(shares.correct),
                                              number(shares.no_answer),
                                              number(shares.truncated),
                                              number(results.mean_tokens[i]),
                                              std::to_string(results.plan.k[k]),
                                              number(pass.mean),
                                              number(pass.low),
                                              number(pass.high)};
      text += join(cells, ",");
      if (comparison.baseline) {
        const stats::Estimate& difference = comparison.difference[i * ks + k];
        text += fmt::format(",{},{},{},{}\r\n", field(results.plan.arms[*comparison.baseline].name),
                            number(difference.mean), number(difference.low), number(difference.high));
      } else {
        text += ",,,,\r\n";
      }
    }
  }
  return text;
}

std::string show_json(const store::Results& results, const Comparison& comparison) {
  Json arms = Json::array();
  for (std::size_t i = 0; i < results.plan.arms.size(); ++i)
    arms.push_back(arm_in_json(results, comparison, i));
  const store::Provenance& from = results.plan.provenance;
  const Json json = {
      {"name", from.name},
      {"version", from.version},
      {"seed", from.seed},
      {"problems", results.plan.problems.size()},
      {"k", results.plan.k},
      {"complete", results.missing_samples == 0},
      {"missing_samples", results.missing_samples},
      {"interval_level", stats::kIntervalLevel},
      {"interval_method", results.interval_method},
      {"difference_method", stats::kDifferenceMethod},
      {"baseline", comparison.baseline ? Json(results.plan.arms[*comparison.baseline].name) : Json(nullptr)},
      {"warnings", warnings(results)},
      {"arms", arms}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace wisk::report
