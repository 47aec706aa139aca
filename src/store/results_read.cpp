#include <cmath>
#include <sstream>
#include <string_view>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/store/results.hpp>

#include "hdf5_reader.hpp"
#include "results_format.hpp"

namespace wisk::store {
namespace {

/// What formats before this one did not have is empty.
std::vector<std::string> optional_texts(const Hdf5Reader& reader, const std::string& name, std::size_t size) {
  if (!reader.has(name.c_str())) return {};
  auto texts = reader.texts(name.c_str());
  if (texts.size() != size)
    throw reader.error(name, std::to_string(size) + " texts", std::to_string(texts.size()));
  return texts;
}

void read_about(const Hdf5Reader& reader, ResultsPlan& plan) {
  const std::size_t problems = plan.problems.size();
  plan.about.question = optional_texts(reader, "question", problems);
  plan.about.gold = optional_texts(reader, "gold", problems);
  plan.about.split = optional_texts(reader, "split", problems);
  const auto fields = reader.text_list_attribute("problem_fields"),
             variables = reader.text_list_attribute("problem_field_variables");
  if (fields.size() != variables.size()) {
    throw reader.error("problem_field_variables", std::to_string(fields.size()) + " names",
                       std::to_string(variables.size()));
  }
  for (std::size_t i = 0; i < fields.size(); ++i)
    plan.about.fields.emplace_back(fields[i], optional_texts(reader, variables[i], problems));
}

void read_plan(const Hdf5Reader& reader, ResultsPlan& plan) {
  Provenance& from = plan.provenance;
  from.name = reader.text_attribute("name");
  from.version = reader.text_attribute("version");
  from.task = reader.text_attribute("task");
  from.job_yaml = reader.text_attribute("job");
  from.seed = reader.number_attribute<std::uint64_t>("seed");
  from.hosts = reader.text_list_attribute("hosts");
  const auto files = reader.text_list_attribute("input_files");
  const auto hashes = reader.text_list_attribute("input_sha256");
  if (files.size() != hashes.size()) {
    throw reader.error("input_sha256", std::to_string(files.size()) + " hashes",
                       std::to_string(hashes.size()));
  }
  for (std::size_t i = 0; i < files.size(); ++i) from.input_sha256.emplace_back(files[i], hashes[i]);

  plan.problems = reader.texts("problem");
  read_about(reader, plan);
  plan.k = reader.list<std::int64_t>("k");
  const auto names = reader.texts("arm");
  const std::vector<std::size_t> shape = {names.size()};
  const auto recipes = reader.texts("recipe");
  if (recipes.size() != names.size()) {
    throw reader.error("recipe", std::to_string(names.size()) + " arms", std::to_string(recipes.size()));
  }
  const auto delta = reader.values<double>("delta", shape);
  const auto step = reader.values<double>("step", shape);
  const auto temperature = reader.values<double>("temperature", shape);
  const auto top_p = reader.values<double>("top_p", shape);
  const auto min_p = reader.values<double>("min_p", shape);
  const auto top_k = reader.values<std::int64_t>("top_k", shape);
  const auto max_tokens = reader.values<std::int64_t>("max_tokens", shape);
  const auto samples = reader.values<std::int64_t>("samples_planned", shape);
  const auto hash = reader.values<std::uint64_t>("weights_hash", shape);
  const auto sampled_as = reader.values<std::int64_t>("sampled_as", shape);
  const auto early = optional_texts(reader, "early", names.size());
  const auto late = optional_texts(reader, "late", names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (sampled_as[i] < 0 || static_cast<std::size_t>(sampled_as[i]) >= names.size()) {
      throw reader.error("sampled_as", "the index of an arm", std::to_string(sampled_as[i]));
    }
    plan.arms.push_back({names[i], recipes[i], delta[i], step[i], temperature[i], top_p[i], min_p[i],
                         top_k[i], max_tokens[i], samples[i], hash[i],
                         static_cast<std::uint32_t>(sampled_as[i]), early.empty() ? "" : early[i],
                         late.empty() ? "" : late[i]});
  }
}

void read_tables(const Hdf5Reader& reader, Results& results) {
  const std::size_t arms = results.plan.arms.size();
  const std::size_t problems = results.plan.problems.size();
  const std::size_t ks = results.plan.k.size();
  results.n = reader.values<std::int64_t>("n", {arms, problems});
  results.c = reader.values<std::int64_t>("c", {arms, problems});
  results.truncated = reader.values<std::int64_t>("truncated", {arms, problems});
  results.verdicts = reader.values<std::int64_t>("verdicts", {arms, std::size_t{kVerdicts}});
  results.mean_tokens = reader.values<double>("mean_tokens", {arms});
  const auto mean = reader.values<double>("pass_at_k", {arms, ks});
  const auto low = reader.values<double>("pass_at_k_low", {arms, ks});
  const auto high = reader.values<double>("pass_at_k_high", {arms, ks});
  for (std::size_t i = 0; i < mean.size(); ++i) results.pass_at_k.push_back({mean[i], low[i], high[i]});
}

void check_tables(const Hdf5Reader& reader, const Results& results) {
  for (const std::int64_t k : results.plan.k) {
    if (k < 1) throw reader.error("k", "k of at least 1", std::to_string(k));
  }
  for (std::size_t i = 0; i < results.n.size(); ++i) {
    if (results.n[i] < 0 || results.c[i] < 0 || results.c[i] > results.n[i]) {
      throw reader.error("c", "0 <= c <= n",
                         "c = " + std::to_string(results.c[i]) + ", n = " + std::to_string(results.n[i]));
    }
  }
  for (const stats::Estimate& estimate : results.pass_at_k) {
    const bool none = std::isnan(estimate.mean);
    if (!none && !(0 <= estimate.low && estimate.low <= estimate.mean && estimate.mean <= estimate.high &&
                   estimate.high <= 1)) {
      throw reader.error("pass_at_k", "0 <= low <= mean <= high <= 1", std::to_string(estimate.mean));
    }
  }
}

/// The words of flag_meanings, in which "_" stands for a space: "cuda_sm_90" is "cuda sm_90".
std::vector<std::string> kinds_of(const std::string& words) {
  constexpr std::string_view kCuda = "cuda_";
  std::vector<std::string> kinds;
  std::istringstream all(words);
  for (std::string kind; all >> kind;) {
    if (kind.starts_with(kCuda)) kind[kCuda.size() - 1] = ' ';
    kinds.push_back(kind);
  }
  return kinds;
}

void read_hardware(const Hdf5Reader& reader, Results& results) {
  if (!reader.has("samples") || !reader.has("samples/device")) return;
  const auto kinds = kinds_of(reader.text_attribute_of("samples/device", "flag_meanings"));
  for (const std::int8_t device : reader.list<std::int8_t>("samples/device")) {
    const bool known = device >= 0 && static_cast<std::size_t>(device) < kinds.size();
    ++results.hardware[known ? kinds[static_cast<std::size_t>(device)] : "unknown"];
  }
}

}  // namespace

Results read_results(const std::filesystem::path& file) {
  const QuietErrors quiet;
  const Hdf5Reader reader(file);
  const auto format = reader.number_attribute<std::int64_t>("wisk_format");
  if (format != kResultsFormat) {
    throw reader.error("wisk_format", "format " + std::to_string(kResultsFormat),
                       "format " + std::to_string(format));
  }
  Results results;
  read_plan(reader, results.plan);
  read_tables(reader, results);
  check_tables(reader, results);
  read_hardware(reader, results);
  results.interval_method = reader.text_attribute("interval_method");
  results.missing_samples = reader.number_attribute<std::int64_t>("missing_samples");
  return results;
}

}  // namespace wisk::store
