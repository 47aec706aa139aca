#include <fmt/format.h>

#include <cmath>

#include <wisk/report/show.hpp>
#include <wisk/report/table.hpp>

namespace wisk::report {
namespace {

/// Per cent with one digit; "-" for no number.
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f}", 100 * share);
}

std::string range(const stats::Estimate& estimate) {
  return std::isnan(estimate.low) ? "" : fmt::format("{}..{}", percent(estimate.low), percent(estimate.high));
}

std::string points(double difference) {
  return std::isnan(difference) ? "-" : fmt::format("{:+.1f}", 100 * difference);
}

bool excludes_zero(const stats::Estimate& estimate) {
  return estimate.low > 0 || estimate.high < 0;
}

std::vector<std::string> header(const store::Results& results) {
  std::vector<std::string> cells = {"arm"};
  for (const std::int64_t k : results.plan.k) cells.push_back(fmt::format("Pass@{}", k));
  return cells;
}

std::string in_words(const store::ArmColumns& arm) {
  std::string words = printable(arm.recipe_in_words);
  words += arm.temperature == 0 ? "; greedy" : fmt::format("; temperature {}", arm.temperature);
  if (arm.top_k != 0) words += fmt::format(", top_k {}", arm.top_k);
  if (arm.top_p != 1) words += fmt::format(", top_p {}", arm.top_p);
  if (arm.min_p != 0) words += fmt::format(", min_p {}", arm.min_p);
  return words;
}

std::string arms_in_words(const store::Results& results, std::size_t width) {
  const auto& arms = results.plan.arms;
  std::size_t longest = 0;
  for (const auto& arm : arms) longest = std::max(longest, letters(printable(arm.name)));
  const std::size_t indent = std::min(longest + 2, width / 2);
  std::string text;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::string words = in_words(arms[i]);
    if (arms[i].sampled_as != i) words += "; the same samples as " + printable(arms[arms[i].sampled_as].name);
    std::string name = printable(arms[i].name);
    name.append(indent > letters(name) ? indent - letters(name) : 1, ' ');
    const std::string lines = wrapped(words, width > indent ? width - indent : width, 0);
    for (const char letter : name + lines) {
      text += letter;
      if (letter == '\n') text.append(indent, ' ');
    }
    text.erase(text.size() - indent);
  }
  return text;
}

std::string pass_table(const store::Results& results, std::size_t width) {
  Table table(header(results));
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    std::vector<std::string> means = {printable(results.plan.arms[arm].name)};
    std::vector<std::string> ranges = {""};
    for (std::size_t k = 0; k < results.plan.k.size(); ++k) {
      means.push_back(percent(results.pass(arm, k).mean));
      ranges.push_back(range(results.pass(arm, k)));
    }
    table.add_row(means);
    table.add_row(ranges);
  }
  return table.text(width);
}

std::string difference_table(const store::Results& results, const Comparison& comparison, std::size_t width) {
  Table table(header(results));
  const std::size_t ks = results.plan.k.size();
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    if (arm == *comparison.baseline) continue;
    std::vector<std::string> means = {printable(results.plan.arms[arm].name)};
    std::vector<std::string> ranges = {""};
    for (std::size_t k = 0; k < ks; ++k) {
      const stats::Estimate& difference = comparison.difference[arm * ks + k];
      means.push_back(fmt::format("{}{}", points(difference.mean), excludes_zero(difference) ? "*" : " "));
      ranges.push_back(std::isnan(difference.low)
                           ? ""
                           : fmt::format("{}..{} ", points(difference.low), points(difference.high)));
    }
    table.add_row(means);
    table.add_row(ranges);
  }
  return table.text(width);
}

std::string sample_table(const store::Results& results, std::size_t width) {
  Table table({"arm", "samples", "correct %", "no answer %", "truncated %", "mean tokens"});
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    const ArmShares shares = shares_of(results, arm);
    const double tokens = results.mean_tokens[arm];
    table.add_row({printable(results.plan.arms[arm].name), std::to_string(shares.samples),
                   percent(shares.correct), percent(shares.no_answer), percent(shares.truncated),
                   std::isnan(tokens) ? "-" : fmt::format("{:.1f}", tokens)});
  }
  return table.text(width);
}

}  // namespace

std::string show_text(const store::Results& results, const Comparison& comparison, std::size_t width) {
  const auto& plan = results.plan;
  std::string text =
      wrapped(fmt::format("{}: {} arms, {} problems, seed {}, {}", printable(plan.provenance.name),
                          plan.arms.size(), plan.problems.size(), plan.provenance.seed,
                          results.missing_samples == 0 ? "complete" : "incomplete"),
              width, 0);
  text += '\n';
  text += arms_in_words(results, width);
  text += "\nPass@k in %, mean over problems, and its 95 % interval\n" + pass_table(results, width);
  text += '\n';
  text += sample_table(results, width);
  if (comparison.baseline && plan.arms.size() > 1) {
    text += '\n';
    text += wrapped("Difference from " + printable(plan.arms[*comparison.baseline].name) +
                        " in percentage points, and its 95 % interval (* excludes 0)",
                    width, 0);
    text += difference_table(results, comparison, width);
  }
  text += '\n';
  text += wrapped("Intervals of Pass@k: " + printable(results.interval_method) + ".", width, 2);
  if (comparison.baseline && plan.arms.size() > 1) {
    text += wrapped(
        "Intervals of differences: " + std::string(stats::kDifferenceMethod) +
            ". Two arms are compared by this table, not by whether their intervals above overlap: they share "
            "their "
            "problems and random numbers. Each interval holds for itself, not for all of them together.",
        width, 2);
  }
  for (const std::string& line : warnings(results)) text += wrapped("Note: " + line, width, 2);
  return text;
}

}  // namespace wisk::report
