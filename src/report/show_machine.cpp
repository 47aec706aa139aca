#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/show.hpp>
#include <wisk/stats/special.hpp>

#include "json_parts.hpp"

namespace wisk::report {
namespace {

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
  return {{"k", k},
          {"mean", number_json(value.mean)},
          {"low", number_json(value.low)},
          {"high", number_json(value.high)}};
}

Json estimates(const Analysis& analysis, const std::vector<stats::Estimate>& values, std::size_t arm = 0) {
  Json list = Json::array();
  for (std::size_t k = 0; k < analysis.k.size(); ++k)
    list.push_back(estimate(analysis.k[k], values[arm * analysis.k.size() + k]));
  return list;
}

Json differences_in_json(const Analysis& analysis, std::size_t arm) {
  Json list = Json::array();
  for (std::size_t k = 0; k < analysis.k.size() && !analysis.differences.empty(); ++k) {
    const Difference& each = analysis.differences[arm * analysis.k.size() + k];
    Json entry = estimate(analysis.k[k], each.difference);
    entry["p"] = number_json(each.p_value);
    entry["p_holm"] = number_json(each.holm);
    entry["probability_best"] = number_json(each.best);
    entry["is_best"] = each.is_best;
    list.push_back(std::move(entry));
  }
  return list;
}

Json verdicts_in_json(const Analysis& analysis, std::size_t arm) {
  Json verdicts = Json::object();
  for (std::size_t v = 0; v < std::size_t{kVerdicts}; ++v) {
    verdicts[std::string(name_of(static_cast<Verdict>(v)))] = analysis.results.verdicts[arm * kVerdicts + v];
  }
  return verdicts;
}

Json arm_in_json(const Analysis& analysis, std::size_t arm) {
  Json json = arm_json(analysis.arm(arm));
  json["verdicts"] = verdicts_in_json(analysis, arm);
  for (const Column& column : analysis.columns) {
    const stats::Estimate& value = column.values[arm];
    json[column.id] = number_json(value.mean);
    if (!std::isnan(value.low)) {
      json[column.id + "_low"] = value.low;
      json[column.id + "_high"] = value.high;
    }
  }
  for (const MetricTable& table : analysis.tables) {
    Json list = estimates(analysis, table.values, arm);
    for (std::size_t k = 0; k < analysis.k.size(); ++k) {
      const double error = table.monte_carlo_error[arm * analysis.k.size() + k];
      if (error > 0) list[k]["monte_carlo_error"] = error;
    }
    json[std::string(stats::id_of(table.metric))] = std::move(list);
  }
  Json bound = Json::array();
  for (std::size_t k = 0; k < analysis.k.size(); ++k)
    bound.push_back(estimate(analysis.k[k], analysis.bound[arm * analysis.k.size() + k]));
  json["pass_at_k_bound"] = bound;
  json["difference"] = differences_in_json(analysis, arm);
  return json;
}

/// "results" as lm-evaluation-harness writes it: one entry a task, here a task and arm; "metric,filter" keys.
/// The standard error is the half width of the interval over the normal quantile of its level.
Json lm_eval_results(const Analysis& analysis) {
  const std::string& task = analysis.results.plan.provenance.task;
  Json results = Json::object();
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const std::string alias =
        (task.empty() ? analysis.results.plan.provenance.name : task) + " " + analysis.arm(arm).name;
    Json entry = {{"alias", alias}};
    for (const MetricTable& table : analysis.tables) {
      std::string name(stats::id_of(table.metric));
      name = name.substr(0, name.rfind("_at_k"));
      if (table.metric == stats::Metric::kPassUndecidedCorrect) continue;
      for (std::size_t k = 0; k < analysis.k.size(); ++k) {
        const stats::Estimate& value = table.values[arm * analysis.k.size() + k];
        if (std::isnan(value.mean)) continue;
        const std::string key = fmt::format("{}@{}", name, analysis.k[k]);
        entry[key + ",none"] = value.mean;
        entry[key + "_stderr,none"] =
            (value.high - value.low) / 2 / stats::normal_quantile(0.5 + analysis.level / 2);
      }
    }
    results[alias] = std::move(entry);
  }
  return results;
}

Json mixtures_in_json(const Analysis& analysis) {
  Json list = Json::array();
  for (const Mixture& mixture : analysis.mixtures) {
    Json blends = Json::array();
    for (const auto& [arm, differences] : mixture.blends)
      blends.push_back({{"arm", analysis.arm(arm).name}, {"difference", estimates(analysis, differences)}});
    list.push_back({{"first", analysis.arm(mixture.first).name},
                    {"second", analysis.arm(mixture.second).name},
                    {"first_parts", mixture.first_parts},
                    {"second_parts", mixture.second_parts},
                    {"pass_at_k", estimates(analysis, mixture.values)},
                    {"blends", blends}});
  }
  return list;
}

Json choices_in_json(const Analysis& analysis) {
  Json list = Json::array();
  for (const auto& [k, choice] : analysis.choices) {
    list.push_back({{"k", k},
                    {"arm", analysis.arm(choice.chosen).name},
                    {"on_choose", triple_json(choice.chosen_on_choose)},
                    {"on_report", triple_json(choice.chosen_on_report)},
                    {"baseline_on_report", triple_json(choice.reference_on_report)},
                    {"difference_on_report", triple_json(choice.difference)},
                    {"optimism", number_json(choice.optimism)}});
  }
  return list;
}

Json predictions_in_json(const Analysis& analysis) {
  Json list = Json::array();
  for (const Prediction& prediction : analysis.predictions) {
    Json values = Json::array();
    for (std::size_t i = 0; i < prediction.k.size(); ++i)
      values.push_back(estimate(prediction.k[i], prediction.values[i]));
    list.push_back({{"arm", analysis.arm(prediction.arm).name}, {"predicted_pass_at_k", values}});
  }
  return list;
}

}  // namespace

Json arm_json(const store::ArmColumns& arm) {
  return {{"name", arm.name},
          {"recipe", arm.recipe_in_words},
          {"early", arm.early},
          {"late", arm.late},
          {"delta", number_json(arm.delta)},
          {"step", number_json(arm.step)},
          {"temperature", arm.temperature},
          {"top_p", arm.top_p},
          {"top_k", arm.top_k},
          {"min_p", arm.min_p},
          {"max_tokens", arm.max_tokens},
          {"samples", arm.samples},
          {"sampled_as", arm.sampled_as}};
}

Json provenance_json(const store::Provenance& from) {
  Json inputs = Json::array();
  for (const auto& [file, sha256] : from.input_sha256) inputs.push_back({file, sha256});
  return {{"name", from.name},   {"version", from.version}, {"seed", from.seed}, {"task", from.task},
          {"hosts", from.hosts}, {"job", from.job_yaml},    {"inputs", inputs}};
}

std::string dumped(const Json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string show_csv(const Analysis& analysis) {
  std::string text =
      "arm,recipe,early,late,delta,step,temperature,top_p,top_k,min_p,max_tokens,problems,samples,k";
  for (const MetricTable& table : analysis.tables) {
    const std::string id(stats::id_of(table.metric));
    text += "," + id + "," + id + "_low," + id + "_high";
  }
  text +=
      ",baseline,difference,difference_low,difference_high,p,p_holm,probability_best,bound,bound_low,bound_"
      "high";
  for (const Column& column : analysis.columns)
    text += "," + column.id + "," + column.id + "_low," + column.id + "_high";
  text += "\r\n";
  const std::size_t ks = analysis.k.size();
  for (std::size_t i = 0; i < analysis.arms() * ks; ++i) {
    const store::ArmColumns& arm = analysis.arm(i / ks);
    std::vector<std::string> cells = {field(arm.name),
                                      field(arm.recipe_in_words),
                                      field(arm.early),
                                      field(arm.late),
                                      number(arm.delta),
                                      number(arm.step),
                                      number(arm.temperature),
                                      number(arm.top_p),
                                      std::to_string(arm.top_k),
                                      number(arm.min_p),
                                      std::to_string(arm.max_tokens),
                                      std::to_string(analysis.results.plan.problems.size()),
                                      std::to_string(arm.samples),
                                      std::to_string(analysis.k[i % ks])};
    const auto add = [&](const stats::Estimate& value) {
      for (const double each : {value.mean, value.low, value.high}) cells.push_back(number(each));
    };
    for (const MetricTable& table : analysis.tables) add(table.values[i]);
    if (analysis.differences.empty()) {
      cells.insert(cells.end(), 7, "");
    } else {
      const Difference& difference = analysis.differences[i];
      cells.push_back(field(analysis.arm(*analysis.baseline).name));
      add(difference.difference);
      for (const double each : {difference.p_value, difference.holm, difference.best})
        cells.push_back(number(each));
    }
    add(analysis.bound[i]);
    for (const Column& column : analysis.columns) add(column.values[i / ks]);
    text += join(cells, ",") + "\r\n";
  }
  return text;
}

namespace {

Json json_of(const Analysis& analysis) {
  Json arms = Json::array();
  for (std::size_t i = 0; i < analysis.arms(); ++i) arms.push_back(arm_in_json(analysis, i));
  const store::Provenance& from = analysis.results.plan.provenance;
  Json json = {{"name", from.name},
               {"version", from.version},
               {"seed", from.seed},
               {"task", from.task},
               {"problems", analysis.results.plan.problems.size()},
               {"k", analysis.k},
               {"complete", analysis.results.missing_samples == 0},
               {"missing_samples", analysis.results.missing_samples},
               {"hardware", analysis.results.hardware},
               {"mixed_hardware", store::is_mixed(analysis.results.hardware)},
               {"interval_level", analysis.level},
               {"interval_method", stats::kIntervalMethod},
               {"difference_method", stats::kDifferenceMethod},
               {"compared_metric", stats::id_of(analysis.metric)},
               {"baseline", analysis.baseline ? Json(analysis.arm(*analysis.baseline).name) : Json(nullptr)},
               {"warnings", analysis.warnings},
               {"arms", arms},
               {"mixtures", mixtures_in_json(analysis)},
               {"choices", choices_in_json(analysis)},
               {"predictions", predictions_in_json(analysis)},
               {"results", lm_eval_results(analysis)}};
  for (const auto& [alias, entry] : json["results"].items()) {
    json["versions"][alias] = 1;
    json["n-samples"][alias] = {{"original", analysis.results.plan.problems.size()},
                                {"effective", analysis.results.plan.problems.size()}};
  }
  return json;
}

/// Behind the row of a CSV text that begins at `begin`: quoted fields may hold line breaks.
std::size_t row_end(const std::string& csv, std::size_t begin) {
  bool quoted = false;
  for (std::size_t i = begin; i < csv.size(); ++i) {
    if (csv[i] == '"') quoted = !quoted;
    if (csv[i] == '\n' && !quoted) return i + 1;
  }
  return csv.size();
}

}  // namespace

std::string show_json(const Analysis& analysis) {
  return dumped(json_of(analysis), 2);
}

std::string show_csv(const std::string& field_name,
                     const std::vector<std::pair<std::string, Analysis>>& parts) {
  std::string text;
  for (const auto& [value, part] : parts) {
    const std::string csv = show_csv(part);
    const std::size_t head = csv.find('\n') + 1;
    if (text.empty()) text = field(field_name) + "," + csv.substr(0, head);
    for (std::size_t begin = head; begin < csv.size();) {
      const std::size_t end = row_end(csv, begin);
      text += field(value) + "," + csv.substr(begin, end - begin);
      begin = end;
    }
  }
  return text;
}

std::string show_json(const std::string& field_name,
                      const std::vector<std::pair<std::string, Analysis>>& parts) {
  Json values = Json::object();
  for (const auto& [value, part] : parts) values[value] = json_of(part);
  return dumped({{"by", field_name}, {"parts", values}}, 2);
}

}  // namespace wisk::report
