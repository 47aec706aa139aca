#include <wisk/report/show.hpp>

#include <cmath>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>

#include "analysis_parts.hpp"

namespace wisk::report {
namespace {

using stats::Estimate;

std::string number(double value, bool share, bool sign = false) {
  if (std::isnan(value)) return "-";
  const double shown = share ? 100 * value : value;
  const double size = std::abs(shown);
  const int digits = share || size >= 10 ? 1 : size >= 1 || size == 0 ? 2 : 3;
  return sign ? fmt::format("{:+.{}f}", shown, digits) : fmt::format("{:.{}f}", shown, digits);
}

std::string range(const Estimate& estimate, bool share, bool sign = false) {
  if (std::isnan(estimate.low)) return "";
  return number(estimate.low, share, sign) + ".." + number(estimate.high, share, sign);
}

/// p-values as papers print them.
std::string p_value(double p) {
  if (std::isnan(p)) return "-";
  return p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p);
}

std::string level_in_words(const Analysis& analysis) {
  return fmt::format("{:g} % interval", 100 * analysis.level);
}

std::string in_words(const store::ArmColumns& arm) {
  std::string words = printable(arm.recipe_in_words);
  words += arm.temperature == 0 ? "; greedy" : fmt::format("; temperature {}", arm.temperature);
  if (arm.top_k != 0) words += fmt::format(", top_k {}", arm.top_k);
  if (arm.top_p != 1) words += fmt::format(", top_p {}", arm.top_p);
  if (arm.min_p != 0) words += fmt::format(", min_p {}", arm.min_p);
  return words;
}

std::string name_of(const Analysis& analysis, std::size_t arm) {
  return printable(analysis.arm(arm).name);
}

std::string arms_in_words(const Analysis& analysis, std::size_t width) {
  std::size_t longest = 0;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm)
    longest = std::max(longest, letters(name_of(analysis, arm)));
  const std::size_t indent = std::min(longest + 2, width / 2);
  std::string text;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    std::string words = in_words(analysis.arm(arm));
    if (!analysis.is_first(arm))
      words += "; the same samples as " + name_of(analysis, analysis.arm(arm).sampled_as);
    std::string name = name_of(analysis, arm);
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

std::vector<std::string> header(const Analysis& analysis, std::string_view title) {
  std::vector<std::string> cells = {"arm"};
  for (const std::int64_t k : analysis.k) {
    std::string cell(title);
    const std::size_t at = cell.rfind("@k");
    if (at != std::string::npos) cell = cell.substr(0, at + 1) + std::to_string(k);
    cells.push_back(cell);
  }
  return cells;
}

/// Two lines a row: what there is, and its interval below. `value(arm, k)` gives both.
template <class Value>
std::string two_line_table(const std::vector<std::string>& names, std::vector<std::string> heads,
                           std::size_t width, Value value) {
  Table table(std::move(heads));
  const std::size_t columns = table.columns() - 1;
  for (std::size_t row = 0; row < names.size(); ++row) {
    std::vector<std::string> means = {names[row]}, ranges = {""};
    for (std::size_t i = 0; i < columns; ++i) {
      auto [mean, range] = value(row, i);
      means.push_back(std::move(mean));
      ranges.push_back(std::move(range));
    }
    table.add_row(means);
    table.add_row(ranges);
  }
  return table.text(width);
}

std::vector<std::string> names_of(const Analysis& analysis) {
  std::vector<std::string> names;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) names.push_back(name_of(analysis, arm));
  return names;
}

/// Whether an arm is better than every other one at k.
bool is_best(const Analysis& analysis, const MetricTable& table, std::size_t arm, std::size_t k) {
  return table.metric == analysis.metric && !analysis.differences.empty() &&
         analysis.differences[arm * analysis.k.size() + k].is_best;
}

std::string table_text(const Analysis& analysis, const MetricTable& table, std::size_t width) {
  const bool share = stats::is_share(table.metric);
  bool any_best = false;
  std::string text =
      two_line_table(names_of(analysis), header(analysis, stats::title_of(table.metric)), width,
                     [&](std::size_t arm, std::size_t k) {
                       const Estimate& value = table.values[arm * analysis.k.size() + k];
                       const bool best = is_best(analysis, table, arm, k);
                       any_best = any_best || best;
                       return std::pair(number(value.mean, share) + (best ? "^" : ""), range(value, share));
                     });
  std::string title = std::string(stats::title_of(table.metric)) + (share ? " in %" : "") +
                      ", mean over problems, and its " + level_in_words(analysis);
  if (any_best) {
    title += fmt::format(" (^ better than every other arm, each p < {:g} after Holm's correction)",
                         1 - analysis.level);
  }
  const double error = table.monte_carlo_error.empty() ? 0
                                                       : *std::max_element(table.monte_carlo_error.begin(),
                                                                           table.monte_carlo_error.end());
  if (error > 0)
    title += fmt::format("; from random subsets where they are many: standard error at most {:.2f} points",
                         100 * error);
  return "\n" + wrapped(title, width, 0) + text;
}

std::string bound_text(const Analysis& analysis, std::size_t width) {
  return "\n" +
         wrapped(
             "Upper bound of Pass@k in %, from bias and variance: 1 - ((1 - mean)^2 + variance)^(k/2), and "
             "its " +
                 level_in_words(analysis) + ". It explains; it is loose at large k and ranks nothing",
             width, 0) +
         two_line_table(names_of(analysis), header(analysis, "Bound@k"), width,
                        [&](std::size_t arm, std::size_t k) {
                          const Estimate& value = analysis.bound[arm * analysis.k.size() + k];
                          return std::pair(number(value.mean, true), range(value, true));
                        });
}

std::string columns_text(const Analysis& analysis, std::string_view group, const char* title,
                         std::size_t width) {
  std::vector<const Column*> columns;
  std::vector<std::string> heads = {"arm"};
  for (const Column& column : analysis.columns) {
    if (column.group != group) continue;
    columns.push_back(&column);
    heads.push_back(column.title + (column.unit.empty() ? "" : " (" + column.unit + ")"));
  }
  if (columns.empty()) return "";
  return "\n" + wrapped(title, width, 0) +
         two_line_table(names_of(analysis), heads, width, [&](std::size_t arm, std::size_t i) {
           const Estimate& value = columns[i]->values[arm];
           const bool share = columns[i]->unit == "%";
           return std::pair(number(value.mean, share), range(value, share));
         });
}

std::string differences_text(const Analysis& analysis, std::size_t width) {
  std::vector<std::size_t> arms;
  std::vector<std::string> names;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    if (analysis.arm(arm).sampled_as == analysis.arm(*analysis.baseline).sampled_as) continue;
    arms.push_back(arm);
    names.push_back(name_of(analysis, arm));
  }
  const bool share = stats::is_share(analysis.metric);
  const std::size_t ks = analysis.k.size();
  const std::string title = fmt::format(
      "{}: difference from {}{}, and its {} (* p < {:g} after Holm's correction for the number of arms)",
      stats::title_of(analysis.metric), name_of(analysis, *analysis.baseline),
      share ? " in percentage points" : "", level_in_words(analysis), 1 - analysis.level);
  std::string text = "\n" + wrapped(title, width, 0);
  text += two_line_table(names, header(analysis, stats::title_of(analysis.metric)), width,
                         [&](std::size_t row, std::size_t k) {
                           const Difference& each = analysis.differences[arms[row] * ks + k];
                           const char* mark = each.holm < 1 - analysis.level ? "*" : " ";
                           return std::pair(number(each.difference.mean, share, true) + mark,
                                            range(each.difference, share, true) + " ");
                         });
  text += "\n" + wrapped(
                     "p-value of no difference (sign flips over problems), after Holm's correction; and the "
                     "probability of being the "
                     "best arm of all (Bayesian bootstrap over these problems: it knows nothing of others)",
                     width, 0);
  text += two_line_table(names_of(analysis), header(analysis, stats::title_of(analysis.metric)), width,
                         [&](std::size_t arm, std::size_t k) {
                           const Difference& each = analysis.differences[arm * ks + k];
                           const std::string p = p_value(each.holm);
                           return std::pair(
                               p == "-" ? p : "p " + p,
                               std::isnan(each.best) ? std::string() : fmt::format("best {:.2f}", each.best));
                         });
  return text;
}

std::string mixtures_text(const Analysis& analysis, std::size_t width) {
  if (analysis.mixtures.empty()) return "";
  std::vector<std::string> names;
  std::vector<const std::vector<Estimate>*> values;
  std::vector<bool> is_difference;
  for (const Mixture& mixture : analysis.mixtures) {
    names.push_back(printable(title_of(analysis, mixture)));
    values.push_back(&mixture.values);
    is_difference.push_back(false);
    for (const auto& [arm, differences] : mixture.blends) {
      names.push_back("  " + name_of(analysis, arm) + " minus it");
      values.push_back(&differences);
      is_difference.push_back(true);
    }
  }
  return "\n" +
         wrapped(
             "Mixtures at equal budget: Pass@k in % when half of the k samples come from each arm, and what "
             "blends of the two reach above that in points, with " +
                 level_in_words(analysis) + "s",
             width, 0) +
         two_line_table(names, header(analysis, "Pass@k"), width, [&](std::size_t row, std::size_t k) {
           const Estimate& value = (*values[row])[k];
           return std::pair(number(value.mean, true, is_difference[row]),
                            range(value, true, is_difference[row]));
         });
}

std::string choices_text(const Analysis& analysis, std::size_t width) {
  if (analysis.choices.empty()) return "";
  const bool share = stats::is_share(analysis.metric);
  Table table(
      {"k", "chosen", "there", "on the rest", "baseline on the rest", "difference", "interval", "optimism"});
  for (const ChoiceAtK& at : analysis.choices) {
    const stats::Choice& choice = at.choice;
    table.add_row({std::to_string(at.k), name_of(analysis, choice.chosen),
                   number(choice.chosen_on_choose.mean, share), number(choice.chosen_on_report.mean, share),
                   number(choice.reference_on_report.mean, share),
                   number(choice.difference.mean, share, true), range(choice.difference, share, true),
                   number(choice.optimism, share, true)});
  }
  const bool blends = std::all_of(analysis.choices.begin(), analysis.choices.end(), [&](const ChoiceAtK& at) {
    return !std::isnan(analysis.arm(at.choice.chosen).delta);
  });
  const std::string title = fmt::format(
      "The honest choice: the best {} of one side of the split, and what it reaches on the other. "
      "Optimism: what a choice and a report on the same problems would overstate on average",
      blends ? "blend (early and late themselves among them)" : "arm");
  return "\n" + wrapped(title, width, 0) + table.text(width);
}

std::string predictions_text(const Analysis& analysis, std::size_t width) {
  if (analysis.predictions.empty()) return "";
  std::vector<std::string> names, heads = {"arm"};
  for (const Prediction& prediction : analysis.predictions)
    names.push_back(name_of(analysis, prediction.arm));
  for (const std::int64_t k : analysis.predictions.front().k)
    heads.push_back(fmt::format("Pass@{} (predicted)", k));
  for (const Prediction& prediction : analysis.predictions) {
    if (prediction.k != analysis.predictions.front().k) return "";
  }
  return "\n" +
         wrapped(
             "PREDICTION, not a measurement: Pass@k in % beyond the samples that were drawn, by a "
             "zero-inflated beta-binomial fit; the interval is that of the fit, if its form is right",
             width, 0) +
         two_line_table(names, heads, width, [&](std::size_t row, std::size_t k) {
           const Estimate& value = analysis.predictions[row].values[k];
           return std::pair(number(value.mean, true), range(value, true));
         });
}

}  // namespace

std::string show_text(const Analysis& analysis, std::size_t width) {
  const auto& plan = analysis.results.plan;
  std::string text =
      wrapped(fmt::format("{}: {} arms, {} problems, seed {}, {}", printable(plan.provenance.name),
                          plan.arms.size(), plan.problems.size(), plan.provenance.seed,
                          analysis.results.missing_samples == 0 ? "complete" : "incomplete"),
              width, 0);
  text += '\n';
  text += arms_in_words(analysis, width);
  text += table_text(analysis, analysis.tables.front(), width);
  if (!analysis.differences.empty()) text += differences_text(analysis, width);
  text += choices_text(analysis, width);
  text += mixtures_text(analysis, width);
  for (std::size_t i = 1; i < analysis.tables.size(); ++i)
    text += table_text(analysis, analysis.tables[i], width);
  text += columns_text(analysis, "spread", "Pass@1 over problems, and its interval", width);
  text += bound_text(analysis, width);
  text +=
      columns_text(analysis, "diversity", "Diversity of the samples of a problem, mean over problems", width);
  text += columns_text(analysis, "health", "How the samples ended", width);
  text += predictions_text(analysis, width);
  text += '\n';
  text += wrapped("Intervals of means: " + std::string(stats::kIntervalMethod) + ".", width, 2);
  if (!analysis.differences.empty()) {
    text += wrapped("Intervals of differences: " + std::string(stats::kDifferenceMethod) +
                        ". Two arms are compared by their difference, not by whether their intervals "
                        "overlap: they share their "
                        "problems, and within a run their random numbers. Each interval holds for itself; "
                        "the p-values hold for all arms of "
                        "one k together.",
                    width, 2);
  }
  if (!analysis.baseline && analysis.arms() > 1)
    text += wrapped(
        "Note: no arm has delta 0 or a training step: name the one to compare with by --baseline.", width, 2);
  for (const std::string& line : analysis.warnings) text += wrapped("Note: " + line, width, 2);
  return text;
}

std::string show_part(const Analysis& analysis, const std::string& heading, std::size_t width) {
  std::string text = "\n" + wrapped(fmt::format("{}: {} problems", printable(heading),
                                                analysis.results.plan.problems.size()),
                                    width, 0);
  text += table_text(analysis, *analysis.table(analysis.metric), width);
  if (!analysis.differences.empty()) text += differences_text(analysis, width);
  return text;
}

std::string show_pair(const Analysis& analysis, const std::string& arm, std::size_t width) {
  const bool share = stats::is_share(analysis.metric);
  const std::size_t other = arm_named(analysis.results.plan, arm, "--compare");
  if (!analysis.baseline || analysis.differences.empty())
    throw UsageError("--compare " + arm +
                     ": expected a second arm, found no arm with delta 0: name one by --baseline");
  if (analysis.arm(other).sampled_as == analysis.arm(*analysis.baseline).sampled_as)
    throw UsageError("--compare " + arm + ": expected two arms with samples of their own, found those of " +
                     analysis.arm(*analysis.baseline).name + " again");
  Table table({"k", printable(arm), name_of(analysis, *analysis.baseline), "difference", "interval", "p"});
  const stats::Metric metric = analysis.metric;
  for (std::size_t k = 0; k < analysis.k.size(); ++k) {
    const Difference& each = analysis.differences[other * analysis.k.size() + k];
    const auto mean = [&](std::size_t of) {
      return number(analysis.table(metric)->values[of * analysis.k.size() + k].mean, share);
    };
    table.add_row({std::to_string(analysis.k[k]), mean(other), mean(*analysis.baseline),
                   number(each.difference.mean, share, true), range(each.difference, share, true),
                   p_value(each.p_value)});
  }
  return wrapped(fmt::format("{} of two arms, paired over problems; p is of this one comparison",
                             stats::title_of(metric)),
                 width, 0) +
         table.text(width);
}

}  // namespace wisk::report
