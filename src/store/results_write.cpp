#include <unistd.h>

#include <algorithm>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/store/results.hpp>

#include "netcdf_writer.hpp"
#include "results_format.hpp"
#include "results_tables.hpp"

namespace wisk::store {
namespace {

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

void write_attributes(NetcdfWriter& file, const ResultsPlan& plan, const stats::Counts& counts) {
  const Provenance& from = plan.provenance;
  std::int64_t missing = 0;
  for (std::size_t arm = 0; arm < plan.arms.size(); ++arm) {
    if (plan.arms[arm].sampled_as != arm) continue;
    for (const std::int64_t n : counts.n_of(arm))
      missing += std::max<std::int64_t>(0, plan.arms[arm].samples - n);
  }
  file.attribute("", "Conventions", "CF-1.9");
  file.attribute("", "title", "Pass@k of " + utf8_or_replaced(from.name));
  file.attribute("", "source", "wisk " + from.version);
  file.attribute("", "wisk_format", std::vector<std::int64_t>{kResultsFormat});
  file.attribute("", "name", utf8_or_replaced(from.name));
  file.attribute("", "version", from.version);
  file.attribute("", "task", utf8_or_replaced(from.task));
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
  write_about(writer, plan);
  write_tables(writer, plan, counts);
  const stats::Samples samples = columns_of(plan, journal);
  write_metrics(writer, plan, samples);
  write_attributes(writer, plan, counts);
  write_samples(writer, journal, samples);
  try {
    replace_file(file, writer.finish());
  } catch (const EnvironmentError&) {
    ::unlink((file.string() + ".tmp").c_str());  // a full disk is not to hold half a file
    throw;
  }
}

}  // namespace wisk::store
