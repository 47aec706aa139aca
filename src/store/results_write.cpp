#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/stats/pass_at_k.hpp>
#include <wisk/store/results.hpp>

#include "netcdf_writer.hpp"
#include "results_format.hpp"

namespace wisk::store {
namespace {

template <class T, class F>
std::vector<T> column(const std::vector<ArmColumns>& arms, F value) {
  std::vector<T> values;
  for (const ArmColumns& arm : arms) values.push_back(static_cast<T>(value(arm)));
  return values;
}

std::vector<std::int64_t> table(std::span<const std::int64_t> values) {
  return {values.begin(), values.end()};
}

void check_plan(const ResultsPlan& plan) {
  for (std::size_t arm = 0; arm < plan.arms.size(); ++arm) {
    const ArmColumns& columns = plan.arms[arm];
    WISK_ASSERT(columns.sampled_as < plan.arms.size());
    WISK_ASSERT(plan.arms[columns.sampled_as].sampled_as == columns.sampled_as);
    for (const std::int64_t k : plan.k) {
      if (k < 1 || k > columns.samples) {
        throw InputError(
            "k", "1 <= k <= " + std::to_string(columns.samples) + ", the samples of arm " + columns.name,
            std::to_string(k));
      }
    }
  }
}

void compare_counts(const ResultsPlan& plan, const stats::Counts& journal, const stats::Counts& reduced) {
  WISK_ASSERT(journal.values().size() == reduced.values().size());
  if (journal == reduced) return;
  std::size_t cells = 0;
  std::string first = "the verdicts or tokens of an arm";
  for (std::size_t i = 0; i < journal.n().size(); ++i) {
    if (journal.n()[i] == reduced.n()[i] && journal.c()[i] == reduced.c()[i]) continue;
    if (++cells > 1) continue;
    const auto part = [i](const stats::Counts& counts) {
      return std::to_string(counts.n()[i]) + " samples, " + std::to_string(counts.c()[i]) + " correct";
    };
    first = "arm " + plan.arms[i / plan.problems.size()].name + ", problem " +
            plan.problems[i % plan.problems.size()] + ": the journal has " + part(journal) +
            "; the ranks counted " + part(reduced);
  }
  throw EnvironmentError("journal and counts of the ranks disagree in " + std::to_string(cells) + " cells (" +
                         first + "); does every rank see the same file system?");
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

void write_coordinates(NetcdfWriter& file, const ResultsPlan& plan, const Journal& journal) {
  const auto& arms = plan.arms;
  std::vector<std::string> names, recipes;
  for (const ArmColumns& arm : arms) {
    names.push_back(utf8_or_replaced(arm.name));
    recipes.push_back(utf8_or_replaced(arm.recipe_in_words));
  }
  std::vector<std::string> problems;
  for (const std::string& problem : plan.problems) problems.push_back(utf8_or_replaced(problem));
  file.write_texts("arm", {"arm"}, names, {"arm: a recipe with a decoding setting", ""});
  file.write_texts("problem", {"problem"}, problems, {"problem id", ""});
  file.write("k", {"k"}, plan.k, {"k of Pass@k: samples that may be tried", "1"});
  file.write_texts("verdict", {"verdict"}, verdict_words(), {"verdict on a sample", ""});

  file.write_texts("recipe", {"arm"}, recipes, {"how the arm's weights were blended, in words", ""});
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

void write_tables(NetcdfWriter& file, const ResultsPlan& plan, const stats::Counts& counts) {
  const std::size_t arms = plan.arms.size();
  file.write("n", {"arm", "problem"}, table(counts.n()), {"samples", "1"});
  file.write("c", {"arm", "problem"}, table(counts.c()), {"correct samples", "1"});
  file.write("truncated", {"arm", "problem"}, table(counts.truncated()),
             {"samples that reached max_tokens", "1"});
  file.write("verdicts", {"arm", "verdict"}, table(counts.verdicts()), {"samples by verdict", "1"});
  std::vector<double> mean_tokens, mean, low, high;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    mean_tokens.push_back(static_cast<double>(counts.tokens()[arm]) /
                          static_cast<double>(counts.samples_of(arm)));
    for (const std::int64_t k : plan.k) {
      const auto estimate =
          stats::mean_with_interval(stats::pass_at_k_of_problems(counts.n_of(arm), counts.c_of(arm), k));
      mean.push_back(estimate.mean);
      low.push_back(estimate.low);
      high.push_back(estimate.high);
    }
  }
  file.write("mean_tokens", {"arm"}, mean_tokens, {"generated tokens of a sample, mean", "1"});
  file.write(
      "pass_at_k", {"arm", "k"}, mean,
      {"unbiased Pass@k (arXiv 2107.03374, eq. 1), mean over problems; NaN where a problem has fewer than k "
       "samples",
       "1"});
  file.write("pass_at_k_low", {"arm", "k"}, low, {"lower end of the interval of pass_at_k", "1"});
  file.write("pass_at_k_high", {"arm", "k"}, high, {"upper end of the interval of pass_at_k", "1"});
  for (const char* name : {"pass_at_k", "pass_at_k_low", "pass_at_k_high"}) {
    file.attribute(name, "interval_method", stats::kIntervalMethod);
    file.attribute(name, "interval_level", std::vector<double>{stats::kIntervalLevel});
  }
  for (const char* name :
       {"n", "c", "truncated", "verdicts", "mean_tokens", "pass_at_k", "pass_at_k_low", "pass_at_k_high"}) {
    file.attribute(name, "coordinates", kArmCoordinates);
  }
}

void write_attributes(NetcdfWriter& file, const ResultsPlan& plan, const stats::Counts& counts) {
  const Provenance& from = plan.provenance;
  std::int64_t missing = 0;
  for (std::size_t arm = 0; arm < plan.arms.size(); ++arm) {
    for (const std::int64_t n : counts.n_of(arm))
      missing += std::max<std::int64_t>(0, plan.arms[arm].samples - n);
  }
  file.attribute("", "Conventions", "CF-1.9");
  file.attribute("", "title", "Pass@k of " + utf8_or_replaced(from.name));
  file.attribute("", "source", "wisk " + from.version);
  file.attribute("", "wisk_format", std::vector<std::int64_t>{kResultsFormat});
  file.attribute("", "name", utf8_or_replaced(from.name));
  file.attribute("", "version", from.version);
  file.attribute("", "seed", std::vector<std::uint64_t>{from.seed});
  file.attribute("", "complete",
                 std::string_view(missing == 0 ? "yes"
                                               : "no: an entry of pass_at_k is NaN where a problem "
                                                 "has fewer than k samples yet"));
  file.attribute("", "missing_samples", std::vector<std::int64_t>{missing});
  file.attribute("", "interval_method", stats::kIntervalMethod);
  std::vector<std::string> hosts, files, hashes;
  for (const std::string& host : from.hosts) hosts.push_back(utf8_or_replaced(host));
  for (const auto& [name, hash] : from.input_sha256) {
    files.push_back(utf8_or_replaced(name));
    hashes.push_back(hash);
  }
  file.attribute("", "hosts", hosts);
  file.attribute("", "input_files", files);
  file.attribute("", "input_sha256", hashes);
  file.attribute("", "job", utf8_or_replaced(from.job_yaml));
}

}  // namespace

stats::Counts with_shared_arms(const ResultsPlan& plan, const stats::Counts& sampled) {
  const std::size_t arms = plan.arms.size();
  const std::size_t problems = plan.problems.size();
  WISK_ASSERT(sampled.arms() == arms && sampled.problems() == problems);
  stats::Counts result = sampled;
  const auto copy_rows = [&](std::size_t block, std::size_t width) {
    for (std::size_t arm = 0; arm < arms; ++arm) {
      const auto source = sampled.values().subspan(block + plan.arms[arm].sampled_as * width, width);
      std::copy(source.begin(), source.end(),
                result.values().begin() + static_cast<std::ptrdiff_t>(block + arm * width));
    }
  };
  for (std::size_t table_index = 0; table_index < 3; ++table_index)
    copy_rows(table_index * arms * problems, problems);
  copy_rows(3 * arms * problems, kVerdicts);
  copy_rows(3 * arms * problems + arms * kVerdicts, 1);
  return result;
}

stats::Counts count_samples(const ResultsPlan& plan, const Journal& journal) {
  stats::Counts counts(plan.arms.size(), plan.problems.size());
  for (const Journal::Entry& entry : journal.samples()) {
    const auto& [arm, problem, sample] = entry.id;
    if (arm >= plan.arms.size() || problem >= plan.problems.size() || sample >= plan.arms[arm].samples ||
        plan.arms[arm].sampled_as != arm) {
      throw InputError("journal", "samples of this job's plan",
                       "sample " + std::to_string(sample) + " of problem " + std::to_string(problem) +
                           " of arm " + std::to_string(arm));
    }
    counts.add(arm, problem, entry.verdict, entry.finish, entry.tokens);
  }
  return with_shared_arms(plan, counts);
}

void write_results(const std::filesystem::path& file, const ResultsPlan& plan, const Journal& journal,
                   const stats::Counts* reduced) {
  check_plan(plan);
  const stats::Counts counts = count_samples(plan, journal);
  if (reduced != nullptr) compare_counts(plan, counts, with_shared_arms(plan, *reduced));
  const QuietErrors quiet;
  NetcdfWriter writer(file);
  write_coordinates(writer, plan, journal);
  write_tables(writer, plan, counts);
  write_attributes(writer, plan, counts);
  write_samples(writer, journal);
  try {
    replace_file(file, writer.finish());
  } catch (const EnvironmentError&) {
    ::unlink((file.string() + ".tmp").c_str());  // a full disk is not to hold half a file
    throw;
  }
}

}  // namespace wisk::store
