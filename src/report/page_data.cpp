#include <wisk/report/page_data.hpp>

#include <wisk/core/version.hpp>

#include "json_parts.hpp"

namespace wisk::report {
namespace {

Json triples(const std::vector<stats::Estimate>& values, std::size_t begin, std::size_t count) {
  Json list = Json::array();
  for (std::size_t i = begin; i < begin + count; ++i) list.push_back(triple_json(values[i]));
  return list;
}

/// "Probability that ... .": words that stand alone.
std::string sentence(std::string_view words) {
  std::string text(words);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

/// [A][K] of triples.
Json grid(const Analysis& analysis, const std::vector<stats::Estimate>& values) {
  Json rows = Json::array();
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm)
    rows.push_back(triples(values, arm * analysis.k.size(), analysis.k.size()));
  return rows;
}

Json metrics(const Analysis& analysis) {
  Json list = Json::array();
  for (const MetricTable& table : analysis.tables) {
    list.push_back({{"id", stats::id_of(table.metric)},
                    {"title", stats::title_of(table.metric)},
                    {"unit", stats::is_share(table.metric) ? "%" : ""},
                    {"note", sentence(stats::meaning_of(table.metric))},
                    {"values", grid(analysis, table.values)}});
  }
  return list;
}

Json columns(const Analysis& analysis) {
  Json list = Json::array();
  for (const Column& column : analysis.columns) {
    list.push_back({{"id", column.id},
                    {"title", column.title},
                    {"unit", column.unit},
                    {"group", column.group},
                    {"note", column.meaning},
                    {"values", triples(column.values, 0, column.values.size())}});
  }
  return list;
}

Json bounds(const Analysis& analysis) {
  Json rows = Json::array();
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    Json row = Json::array();
    for (std::size_t k = 0; k < analysis.k.size(); ++k)
      row.push_back(number_json(analysis.bound[arm * analysis.k.size() + k].mean));
    rows.push_back(row);
  }
  return rows;
}

Json differences(const Analysis& analysis) {
  if (analysis.differences.empty()) return nullptr;
  Json rows = Json::array();
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    Json row = Json::array();
    for (std::size_t k = 0; k < analysis.k.size(); ++k) {
      const Difference& each = analysis.differences[arm * analysis.k.size() + k];
      row.push_back(std::isnan(each.difference.mean) ? Json(nullptr)
                                                     : Json{{"d", triple_json(each.difference)},
                                                            {"p", number_json(each.p_value)},
                                                            {"holm", number_json(each.holm)},
                                                            {"best", number_json(each.best)}});
    }
    rows.push_back(row);
  }
  return {{"metric", stats::id_of(analysis.metric)}, {"values", rows}};
}

Json mixtures(const Analysis& analysis) {
  Json list = Json::array();
  for (const Mixture& mixture : analysis.mixtures) {
    Json blends = Json::array();
    for (const auto& [arm, values] : mixture.blends)
      blends.push_back({{"arm", arm}, {"differences", triples(values, 0, values.size())}});
    list.push_back({{"title", title_of(analysis, mixture)},
                    {"arms", {mixture.first, mixture.second}},
                    {"values", triples(mixture.values, 0, mixture.values.size())},
                    {"blends", blends}});
  }
  return list;
}

Json choices(const Analysis& analysis) {
  if (analysis.choices.empty()) return nullptr;
  Json list = Json::array();
  for (const auto& [k, choice] : analysis.choices) {
    list.push_back({{"k", k},
                    {"chosen", choice.chosen},
                    {"on_choose", triple_json(choice.chosen_on_choose)},
                    {"on_report", triple_json(choice.chosen_on_report)},
                    {"reference_on_report", triple_json(choice.reference_on_report)},
                    {"difference", triple_json(choice.difference)},
                    {"optimism", number_json(choice.optimism)}});
  }
  return list;
}

Json predictions(const Analysis& analysis) {
  Json list = Json::array();
  for (const Prediction& each : analysis.predictions)
    list.push_back(
        {{"arm", each.arm}, {"k", each.k}, {"values", triples(each.values, 0, each.values.size())}});
  return list;
}

Json problems(const store::ResultsPlan& plan) {
  Json list = Json::array();
  const auto at = [](const std::vector<std::string>& column, std::size_t i) {
    return column.empty() ? std::string() : column[i];
  };
  for (std::size_t i = 0; i < plan.problems.size(); ++i) {
    Json fields = Json::object();
    for (const auto& [name, values] : plan.about.fields) fields[name] = at(values, i);
    list.push_back({{"id", plan.problems[i]},
                    {"question", at(plan.about.question, i)},
                    {"gold", at(plan.about.gold, i)},
                    {"split", at(plan.about.split, i)},
                    {"fields", fields}});
  }
  return list;
}

Json counts(const Analysis& analysis, const std::vector<std::int64_t>& table) {
  Json rows = Json::array();
  const auto problems = static_cast<std::ptrdiff_t>(analysis.results.plan.problems.size());
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const auto begin = table.begin() + static_cast<std::ptrdiff_t>(arm) * problems;
    rows.push_back(std::vector<std::int64_t>(begin, begin + problems));
  }
  return rows;
}

Json samples_json(const std::vector<ShownSample>& samples) {
  if (samples.empty()) return nullptr;
  Json list = Json::array();
  for (const ShownSample& each : samples) {
    list.push_back(Json::array({each.arm, each.problem, each.number, name_of(each.verdict),
                                name_of(each.finish), each.answer, each.tokens, each.text}));
  }
  return list;
}

Json run_json(const PageRun& run) {
  const Analysis& analysis = run.analysis;
  Json arms = Json::array();
  for (const store::ArmColumns& arm : analysis.results.plan.arms) arms.push_back(arm_json(arm));
  return {{"name", analysis.results.plan.provenance.name},
          {"complete", analysis.results.missing_samples == 0},
          {"mixed_hardware", store::is_mixed(analysis.results.hardware)},
          {"warnings", analysis.warnings},
          {"reference", analysis.baseline ? Json(*analysis.baseline) : Json(nullptr)},
          {"methods", {{"interval", stats::kIntervalMethod}, {"difference", stats::kDifferenceMethod}}},
          {"provenance", provenance_json(analysis.results.plan.provenance)},
          {"k", analysis.k},
          {"arms", arms},
          {"metrics", metrics(analysis)},
          {"columns", columns(analysis)},
          {"bound", bounds(analysis)},
          {"differences", differences(analysis)},
          {"mixtures", mixtures(analysis)},
          {"choice", choices(analysis)},
          {"predictions", predictions(analysis)},
          {"problems", problems(analysis.results.plan)},
          {"n", counts(analysis, analysis.results.n)},
          {"c", counts(analysis, analysis.results.c)},
          {"samples", samples_json(run.samples)}};
}

}  // namespace

std::vector<ShownSample> shown_samples(const std::filesystem::path& file, const store::Results& results,
                                       const stats::Samples& samples, std::size_t each,
                                       std::size_t most_bytes) {
  std::vector<ShownSample> shown;
  std::vector<std::size_t> rows;
  for (std::size_t arm = 0; arm < samples.arms && each > 0; ++arm) {
    if (results.plan.arms[arm].sampled_as != arm) continue;
    for (std::size_t problem = 0; problem < samples.problems; ++problem) {
      const stats::Cell cell(samples, arm, problem);
      for (std::size_t row = cell.begin(); row < std::min(cell.end(), cell.begin() + each); ++row) {
        rows.push_back(row);
        shown.push_back({arm, problem, samples.number[row], samples.verdict[row], samples.finish[row],
                         samples.tokens[row], "", ""});
      }
    }
  }
  if (rows.empty()) return shown;
  const auto texts = store::read_sample_texts(file, rows, most_bytes);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    shown[i].answer = texts[i].answer;
    shown[i].text = texts[i].text;
  }
  return shown;
}

std::string page_data(const std::string& title, const std::vector<PageRun>& runs) {
  Json list = Json::array();
  for (const PageRun& run : runs) list.push_back(run_json(run));
  return dumped({{"title", title},
                 {"version", std::string(version())},
                 {"level", runs.empty() ? stats::kIntervalLevel : runs.front().analysis.level},
                 {"runs", list}},
                -1);
}

}  // namespace wisk::report
