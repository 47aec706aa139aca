#include "report/page/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace wisk::test {
namespace {

using nlohmann::json;

struct Arm {
  std::string name, recipe, early, late;
  double delta = -1;  // below 0: not a blend
  std::int64_t step = -1;
  double temperature = 1;
  double skill = 0, sharpness = 1;  // of the made-up model
};

/// Chance that a model of this skill and sharpness solves a problem: sharp ones are near 0 or 1.
double chance(const Arm& arm, double difficulty) {
  return 1 / (1 + std::exp(-arm.sharpness * (arm.skill - difficulty)));
}

double pass(std::int64_t n, std::int64_t c, std::int64_t k) {
  if (n - c < k) return 1;
  double miss = 1;
  for (std::int64_t i = n - c + 1; i <= n; ++i) miss *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - miss;
}

/// [mean, low, high] of values over problems.
json estimate(const std::vector<double>& values, double least = 0, double most = 1) {
  double mean = 0, square = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values) square += (v - mean) * (v - mean);
  const double half = 1.96 * std::sqrt(square + 0.01) / static_cast<double>(values.size());
  return {mean, std::max(least, mean - half), std::min(most, mean + half)};
}

std::string number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

Arm blend(const std::string& early, double early_sharpness, double delta, double temperature) {
  Arm arm;
  arm.early = early;
  arm.late = "step-500";
  arm.delta = delta;
  arm.temperature = temperature;
  arm.name = delta == 0 ? "step-500" : delta == 1 ? early : early + " d=" + number(delta);
  if (temperature != 1) arm.name += " T=" + number(temperature);
  arm.recipe = number(delta) + " x " + early + " (early) + " + number(1 - delta) + " x step-500 (late)";
  arm.skill = -0.1 - 0.9 * delta + 2.2 * delta * (1 - delta) - 0.3 * (temperature - 1);
  arm.sharpness = (3 * (1 - delta) + early_sharpness * delta) / temperature;
  return arm;
}

std::vector<Arm> arms_of(const SyntheticOptions& options) {
  const std::vector<double> deltas = {0, 0.25, 0.5, 0.75, 1};
  std::vector<Arm> arms;
  for (std::size_t e = 0; e < options.earlies; ++e) {
    for (const double delta : deltas) {
      if (e > 0 && delta == 0) continue;  // computed once
      arms.push_back(blend(e == 0 ? "step-5" : "step-50", e == 0 ? 0.9 : 1.4, delta, 1));
    }
  }
  if (options.temperatures)
    for (const double delta : {0.0, 0.5, 1.0}) arms.push_back(blend("step-5", 0.9, delta, 1.4));
  if (options.trajectory) {
    for (const std::int64_t step : {100, 250}) {
      Arm arm;
      arm.name = "step-" + std::to_string(step);
      arm.recipe = "checkpoint " + arm.name;
      arm.late = arm.name;
      arm.step = step;
      arm.skill = -0.6 + 0.001 * static_cast<double>(step);
      arm.sharpness = 1.5 + 0.003 * static_cast<double>(step);
      arms.push_back(arm);
    }
    for (Arm& arm : arms) {
      if (arm.temperature == 1 && arm.delta == 0) arm.step = 500;
      if (arm.temperature == 1 && arm.delta == 1) arm.step = arm.early == "step-5" ? 5 : 50;
    }
  }
  return arms;
}

json arm_json(const Arm& arm, std::size_t samples) {
  const auto text = [](const std::string& name) { return name.empty() ? json(nullptr) : json(name); };
  return {{"name", arm.name},
          {"recipe", arm.recipe},
          {"early", text(arm.early)},
          {"late", text(arm.late)},
          {"delta", arm.delta < 0 ? json(nullptr) : json(arm.delta)},
          {"step", arm.step < 0 ? json(nullptr) : json(arm.step)},
          {"temperature", arm.temperature},
          {"top_p", 1},
          {"top_k", 0},
          {"min_p", 0},
          {"max_tokens", 512},
          {"samples", samples},
          {"sampled_as", nullptr}};
}

/// The tables of a run from n and c.
struct Counts {
  std::vector<std::vector<std::int64_t>> n, c;  // [A][P]
  std::vector<std::int64_t> k;

  std::vector<double> passes(std::size_t arm, std::int64_t size) const {
    std::vector<double> values;
    for (std::size_t p = 0; p < n[arm].size(); ++p)
      if (n[arm][p] >= size) values.push_back(pass(n[arm][p], c[arm][p], size));
    return values;
  }
  /// Mean over problems of a function of Pass@k; null where a problem has too few samples.
  template <class Function>
  json table(Function&& function, double most = 1) const {
    json rows = json::array();
    for (std::size_t a = 0; a < n.size(); ++a) {
      json row = json::array();
      for (const std::int64_t size : k) {
        std::vector<double> values = passes(a, size);
        if (values.size() < n[a].size()) {
          row.push_back(nullptr);
          continue;
        }
        for (double& value : values) value = function(value, size);
        row.push_back(estimate(values, 0, most));
      }
      rows.push_back(row);
    }
    return rows;
  }
};

json metric(const char* id, const char* title, const char* unit, json values) {
  return {{"id", id}, {"title", title}, {"unit", unit}, {"note", ""}, {"values", std::move(values)}};
}

json metrics_of(const Counts& counts) {
  return {
      metric("pass_at_k", "Pass@k", "%", counts.table([](double v, std::int64_t) { return v; })),
      metric("majority_at_k", "Majority@k", "%",
             counts.table([](double v, std::int64_t k) { return v * (0.5 + 0.4 / static_cast<double>(k)); })),
      metric("best_at_k", "Best@k (log-probability)", "%",
             counts.table([](double v, std::int64_t k) { return v * (0.7 + 0.3 / static_cast<double>(k)); })),
      metric("weighted_majority_at_k", "Weighted majority@k", "%", counts.table([](double v, std::int64_t k) {
        return v * (0.6 + 0.35 / static_cast<double>(k));
      })),
      metric(
          "distinct_at_k", "Distinct answers among k", "",
          counts.table([](double v, std::int64_t k) { return std::pow(static_cast<double>(k), 1 - 0.6 * v); },
                       64))};
}

json columns_of(const Counts& counts) {
  json mean, variance, entropy, tokens, truncated, none;
  for (std::size_t a = 0; a < counts.n.size(); ++a) {
    const std::vector<double> values = counts.passes(a, 1);
    const json m = estimate(values);
    double v = 0;
    for (const double value : values)
      v += std::pow(value - m[0].get<double>(), 2) / static_cast<double>(values.size());
    mean.push_back(m);
    variance.push_back({v, v * 0.85, v * 1.15});
    entropy.push_back({2.4 - 8 * v, 2.2 - 8 * v, 2.6 - 8 * v});
    tokens.push_back({120.5 + 10 * static_cast<double>(a), nullptr, nullptr});
    truncated.push_back({a == 1 ? 0.034 : 0.002, nullptr, nullptr});
    none.push_back({0.01, nullptr, nullptr});
  }
  const auto column = [](const char* id, const char* title, const char* unit, const char* group,
                         const json& values) {
    return json{
        {"id", id},        {"title", title}, {"unit", unit}, {"group", group}, {"note", "how it is computed"},
        {"values", values}};
  };
  return {column("mean_pass_at_1", "Mean Pass@1", "", "spread", mean),
          column("variance_pass_at_1", "Variance of Pass@1", "", "spread", variance),
          column("answer_entropy", "Entropy of answers", "nats", "diversity", entropy),
          column("mean_tokens", "Mean tokens", "", "health", tokens),
          column("truncated_share", "Truncated", "%", "health", truncated),
          column("no_answer_share", "No answer", "%", "health", none)};
}

json differences_of(const Counts& counts, std::size_t reference) {
  json rows = json::array();
  for (std::size_t a = 0; a < counts.n.size(); ++a) {
    json row = json::array();
    for (const std::int64_t size : counts.k) {
      std::vector<double> values = counts.passes(a, size);
      const std::vector<double> base = counts.passes(reference, size);
      if (values.size() < counts.n[a].size() || base.size() != values.size()) {
        row.push_back(nullptr);
        continue;
      }
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= base[i];
      const json d = estimate(values, -1, 1);
      const double half = (d[2].get<double>() - d[1].get<double>()) / 3.92,
                   z = std::abs(d[0].get<double>()) / half;
      const double p = std::erfc(z / std::sqrt(2.0));
      row.push_back({{"d", d},
                     {"p", p},
                     {"holm", std::min(1.0, 8 * p)},
                     {"best", 1.0 / static_cast<double>(counts.n.size())}});
    }
    rows.push_back(row);
  }
  return {{"values", rows}};
}

json run_json(const std::string& name, const std::vector<Arm>& arms, const Counts& counts,
              const json& problems, std::size_t samples) {
  json list = json::array();
  for (const Arm& arm : arms) list.push_back(arm_json(arm, samples));
  json bound = json::array();
  for (std::size_t a = 0; a < arms.size(); ++a)
    bound.push_back(json(std::vector<double>(counts.k.size(), 0.9)));
  return {{"name", name},
          {"complete", true},
          {"warnings", json::array()},
          {"reference", 0},
          {"methods", {{"interval", "by problems"}, {"difference", "paired over problems"}}},
          {"provenance",
           {{"seed", 17},
            {"version", "0.1.0"},
            {"hosts", {"node-1", "node-2"}},
            {"job", "name: " + name + "\nseed: 17\n"},
            {"inputs", json::array({json::array({"ckpt/step-5/model.safetensors", std::string(64, 'a')}),
                                    json::array({"=cmd()", std::string(64, 'b')})})}}},
          {"k", counts.k},
          {"arms", list},
          {"metrics", metrics_of(counts)},
          {"columns", columns_of(counts)},
          {"bound", bound},
          {"differences", differences_of(counts, 0)},
          {"mixtures", json::array()},
          {"choice", nullptr},
          {"predictions", json::array()},
          {"problems", problems},
          {"n", counts.n},
          {"c", counts.c},
          {"samples", nullptr}};
}

json problems_of(std::size_t count) {
  json problems = json::array();
  for (std::size_t p = 0; p < count; ++p) {
    problems.push_back({{"id", "gsm8k/" + std::to_string(p)},
                        {"question", "A farmer has " + std::to_string(p + 3) +
                                         " hens. Each lays 2 eggs a day. How many eggs in a week?"},
                        {"gold", std::to_string(14 * (p + 3))},
                        {"split", p % 2 == 0 ? "choose" : "report"},
                        {"fields", {{"level", std::to_string(1 + p % 5)}}}});
  }
  return problems;
}

json samples_of(const Counts& counts, const json& problems) {
  json list = json::array();
  for (std::size_t a = 0; a < counts.n.size(); ++a) {
    for (std::size_t p = 0; p < problems.size(); ++p) {
      for (int s = 0; s < 2; ++s) {
        const bool right = s == 0 ? counts.c[a][p] > 0 : counts.c[a][p] == counts.n[a][p];
        const std::string gold = problems[p]["gold"], answer = right ? gold : "41";
        const char* verdict = right ? "correct" : p % 7 == 0 ? "no answer" : "wrong";
        list.push_back({a, p, s, verdict, "stop", answer, 57,
                        "Each hen lays 2 x 7 = 14 eggs a week.\nThe answer is " + answer + "."});
      }
    }
  }
  return list;
}

json mixture(const Counts& counts, std::size_t a, std::size_t b, const std::string& title) {
  json values = json::array();
  for (const std::int64_t size : counts.k) {
    std::vector<double> x, y, mixed;
    if (size >= 2) x = counts.passes(a, size / 2), y = counts.passes(b, size / 2);
    for (std::size_t i = 0; i < x.size(); ++i) mixed.push_back(1 - (1 - x[i]) * (1 - y[i]));
    values.push_back(mixed.empty() ? json(nullptr) : estimate(mixed));
  }
  return {{"title", title}, {"arms", {a, b}}, {"values", values}};
}

json choice_of(const Counts& counts, std::size_t arm) {
  json rows = json::array();
  for (std::size_t i = 0; i < counts.k.size(); ++i)
    rows.push_back({{"k", counts.k[i]},
                    {"chosen", arm},
                    {"on_choose", {0.71, 0.62, 0.79}},
                    {"on_report", {0.68, 0.6, 0.76}},
                    {"reference_on_report", {0.61, 0.52, 0.7}},
                    {"difference", {0.07, 0.01, 0.13}},
                    {"optimism", 0.03}});
  return rows;
}

}  // namespace

json synthetic_report(const SyntheticOptions& options) {
  json report = {
      {"title", "qwen2.5-0.5b on gsm8k"}, {"version", "0.1.0"}, {"level", 0.95}, {"runs", json::array()}};
  for (std::size_t r = 0; r < options.runs; ++r) {
    std::mt19937_64 random(r + 1);
    std::vector<Arm> arms = arms_of(options);
    std::vector<double> difficulty(options.problems);
    for (double& d : difficulty) d = std::normal_distribution<>(0, 1.6)(random);
    Counts counts{{}, {}, {1, 4, 16, 64}};
    for (const Arm& arm : arms) {
      std::vector<std::int64_t> n, c;
      for (const double d : difficulty) {
        n.push_back(static_cast<std::int64_t>(options.samples));
        c.push_back(std::binomial_distribution<std::int64_t>(
            n.back(), chance(arm, d + 0.4 * static_cast<double>(r)))(random));
      }
      counts.n.push_back(n);
      counts.c.push_back(c);
    }
    const json problems = problems_of(options.problems);
    json run = run_json(r == 0 ? "qwen-gsm8k" : "qwen-gsm8k-long", arms, counts, problems, options.samples);
    run["warnings"] = {"samples reached max_tokens: 3.4 % of " +
                       arms[std::min<std::size_t>(1, arms.size() - 1)].name +
                       " (max_tokens 512); a larger max_tokens may change the result."};
    run["mixtures"] = {mixture(counts, 4, 0, "step-5 + step-500")};
    run["choice"] = choice_of(counts, 2);
    run["predictions"] = {
        {{"arm", 0}, {"k", {128, 256}}, {"values", {{0.9, 0.84, 0.94}, {0.92, 0.85, 0.96}}}},
        {{"arm", 2}, {"k", {128, 256}}, {"values", {{0.97, 0.93, 0.99}, {0.98, 0.94, 0.99}}}}};
    if (options.texts) run["samples"] = samples_of(counts, problems);
    report["runs"].push_back(run);
  }
  return report;
}

json tiny_run(std::size_t arms, const std::vector<std::int64_t>& k) {
  std::vector<Arm> list(arms);
  Counts counts{{}, {}, k};
  for (std::size_t a = 0; a < arms; ++a) {
    list[a].name = "arm " + std::to_string(a);
    list[a].recipe = "checkpoint";
    counts.n.push_back({4, 4, 4});
    counts.c.push_back({0, 4, 2});
  }
  return run_json("tiny", list, counts, problems_of(3), 4);
}

}  // namespace wisk::test
