#include "plan.hpp"

#include <algorithm>
#include <set>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/core/version.hpp>
#include <wisk/run/interrupt.hpp>
#include <wisk/tokenizer/chat.hpp>

#include "together.hpp"

namespace wisk::run {

namespace {

std::vector<std::filesystem::path> folders_of(const Job& job) {
  std::vector<std::filesystem::path> paths;
  const auto add = [&](const std::filesystem::path& folder) {
    if (std::find(paths.begin(), paths.end(), folder) == paths.end()) paths.push_back(folder);
  };
  for (const Arm& arm : job.arms) {
    for (const merge::Ingredient& ingredient : arm.recipe.ingredients) add(ingredient.folder);
  }
  return paths;
}

void tokenize_prompts(Plan& plan) {
  const std::string where = plan.job.task.string() + ": prompt.chat";
  std::optional<tokenizer::ChatFormat> format;
  if (plan.task.chat()) {
    format = chat_format_of(*plan.task.chat(), plan.tokenizer, where);
    plan.end_tokens = with_turn_end(plan.end_tokens, *format, plan.tokenizer);
  }
  int max_tokens = 0;
  for (const Arm& arm : plan.job.arms) max_tokens = std::max(max_tokens, arm.decode.max_tokens);
  for (const task::Problem& problem : plan.task.problems()) {
    const task::Prompt prompt = plan.task.prompt(problem);
    if (format) {
      std::vector<tokenizer::Message> messages;
      for (const task::Message& message : prompt.messages)
        messages.push_back({message.role, message.content});
      plan.prompts.push_back(
          plan.tokenizer.encode(tokenizer::render_chat(*format, plan.tokenizer, messages), false));
    } else {
      plan.prompts.push_back(plan.tokenizer.encode(prompt.text, true));
    }
    const std::int64_t length =
        checked_length(plan.prompts.back(), max_tokens, plan.checkpoints.architecture,
                       plan.job.task.string() + ": problem " + problem.id, "decode.max_tokens");
    plan.longest = std::max(plan.longest, length);
  }
}

std::vector<std::filesystem::path> input_files(const Plan& plan) {
  std::vector<std::filesystem::path> files;
  for (const auto& folder : plan.checkpoints.folders) {
    const auto own = folder.files();
    files.insert(files.end(), own.begin(), own.end());
  }
  const auto own = plan.task.files();
  files.insert(files.end(), own.begin(), own.end());
  return files;
}

void stop_if_asked() {
  if (InterruptHandler::requested())
    throw Interrupted("interrupted while the checkpoints were read; nothing was sampled");
}

/// File i is hashed by rank i mod R.
void hash_inputs(Plan& plan, comm::Communicator& world) {
  constexpr std::size_t kDigits = 64;
  const std::vector<std::filesystem::path> files = input_files(plan);
  const auto ranks = static_cast<std::size_t>(world.size()), rank = static_cast<std::size_t>(world.rank());
  const std::size_t each = (files.size() + ranks - 1) / ranks;
  std::string mine(each * kDigits, ' '), all(each * kDigits * ranks, ' ');
  for (std::size_t i = rank; i < files.size(); i += ranks) {
    mine.replace(i / ranks * kDigits, kDigits, sha256_of_file(files[i], stop_if_asked));
  }
  world.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
  for (std::size_t i = 0; i < files.size(); ++i) {
    plan.input_sha256.emplace_back(files[i].string(),
                                   all.substr((i % ranks * each + i / ranks) * kDigits, kDigits));
  }
}

/// The job's keys, and the contents of what it names, file by file: so that a refused resume names the file.
/// Checkpoints go by their names in the job, so that a moved or reordered folder is the same job.
void identify(Plan& plan) {
  plan.keys = plan.job.result_keys;
  std::size_t next = 0;
  const auto digests = [&](const std::string& of, std::size_t files) {
    for (std::size_t i = 0; i < files; ++i, ++next) {
      const auto& [file, sha256] = plan.input_sha256[next];
      plan.keys.emplace_back("contents of " + of + ": " + std::filesystem::path(file).filename().string(),
                             "sha256 " + sha256);
    }
  };
  for (std::size_t i = 0; i < plan.checkpoints.folders.size(); ++i) {
    std::string name = plan.checkpoints.paths[i].filename().string();
    for (const merge::Ingredient& ingredient : plan.job.checkpoints) {
      if (ingredient.folder == plan.checkpoints.paths[i]) name = ingredient.name;
    }
    digests("checkpoint " + name, plan.checkpoints.folders[i].files().size());
  }
  digests("task", plan.task.files().size());
  // Raised with every change of numerics, randomness, extraction or checking: samples of two of them don't
  // mix.
  plan.keys.emplace_back("numerics version", "1");
}

}  // namespace

Plan open_plan(const std::filesystem::path& job_file, const std::vector<std::string>& overrides) {
  Job job = load_job(job_file, overrides);
  const std::vector<std::filesystem::path> folders = folders_of(job);
  Plan plan{job,
            open_checkpoints(folders, job.model),
            shared_tokenizer(folders),
            task::Task::load(job.task),
            {},
            {},
            {},
            {},
            {},
            0};
  plan.end_tokens = plan.checkpoints.end_tokens;
  tokenize_prompts(plan);
  for (const Arm& arm : plan.job.arms) {
    plan.stop.push_back(plan.task.stop());
    plan.stop.back().insert(plan.stop.back().end(), arm.decode.stop.begin(), arm.decode.stop.end());
  }
  return plan;
}

Plan make_plan(const std::filesystem::path& job_file, const std::vector<std::string>& overrides,
               comm::Communicator& world) {
  Plan plan = rank_zero_first(world, [&] { return open_plan(job_file, overrides); });
  hash_inputs(plan, world);
  identify(plan);
  return plan;
}

std::int64_t Plan::samples() const {
  std::int64_t total = 0;
  for (std::size_t a = 0; a < job.arms.size(); ++a) {
    if (job.arms[a].sampled_as == a)
      total += static_cast<std::int64_t>(prompts.size()) * job.arms[a].decode.samples;
  }
  return total;
}

namespace {

std::string word_of(task::SplitSide side) {
  switch (side) {
    case task::SplitSide::kNone:
      return "";
    case task::SplitSide::kChoose:
      return "choose";
    case task::SplitSide::kReport:
      return "report";
  }
  return "";
}

/// Questions, golds, sides of the split (where there is one) and the rows' other fields.
store::ProblemColumns about(const std::vector<task::Problem>& problems) {
  store::ProblemColumns columns;
  std::set<std::string> names;
  bool has_split = false;
  for (const task::Problem& problem : problems) {
    columns.question.push_back(problem.question);
    columns.gold.push_back(problem.gold);
    columns.split.push_back(word_of(problem.side));
    has_split = has_split || problem.side != task::SplitSide::kNone;
    for (const auto& [name, value] : problem.columns) names.insert(name);
  }
  if (!has_split) columns.split.clear();
  for (const std::string& name : names) {
    std::vector<std::string> values;
    for (const task::Problem& problem : problems) {
      const auto found = problem.columns.find(name);
      values.push_back(found == problem.columns.end() ? "" : found->second);
    }
    columns.fields.emplace_back(name, std::move(values));
  }
  return columns;
}

}  // namespace

store::ResultsPlan Plan::results() const {
  store::ResultsPlan results;
  results.provenance.name = job.name;
  results.provenance.version = std::string(version());
  results.provenance.task = task.name();
  results.provenance.job_yaml = job.experiment_yaml;
  results.provenance.seed = job.seed;
  results.provenance.input_sha256 = input_sha256;
  for (const Arm& arm : job.arms) {
    store::ArmColumns columns;
    columns.name = arm.name;
    columns.recipe_in_words = arm.recipe.in_words();
    columns.delta = arm.delta;
    columns.early = arm.early;
    columns.late = arm.late;
    columns.step = arm.step;
    columns.temperature = arm.decode.temperature;
    columns.top_p = arm.decode.top_p;
    columns.min_p = arm.decode.min_p;
    columns.top_k = arm.decode.top_k;
    columns.max_tokens = arm.decode.max_tokens;
    columns.samples = arm.decode.samples;
    columns.sampled_as = static_cast<std::uint32_t>(arm.sampled_as);
    results.arms.push_back(std::move(columns));
  }
  results.about = about(task.problems());
  for (const task::Problem& problem : task.problems()) results.problems.push_back(problem.id);
  results.k = job.k;
  return results;
}

std::vector<comm::Slice> Plan::remaining(const store::Journal& journal, int replicas) const {
  // Whole cells, so that a prompt is computed once; parts of cells where there are too few for everybody to
  // stay busy.
  constexpr std::int64_t kSlicesPerReplica = 4;
  std::int64_t cells = 0;
  for (std::size_t a = 0; a < job.arms.size(); ++a) cells += job.arms[a].sampled_as == a ? 1 : 0;
  cells *= static_cast<std::int64_t>(prompts.size());
  const std::int64_t parts =
      replicas == 1
          ? 1
          : std::max<std::int64_t>(1, kSlicesPerReplica * replicas / std::max<std::int64_t>(1, cells));
  std::vector<comm::Slice> slices;
  for (std::size_t a = 0; a < job.arms.size(); ++a) {
    if (job.arms[a].sampled_as != a) continue;
    const int samples = job.arms[a].decode.samples;
    const auto step = static_cast<int>((samples + parts - 1) / parts);
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      for (int begin = 0; begin < samples; begin += step) {
        const int end = std::min(samples, begin + step);
        bool missing = false;
        for (int s = begin; s < end && !missing; ++s) {
          missing = !journal.contains(
              {static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(s)});
        }
        if (missing)
          slices.push_back({static_cast<std::int32_t>(a), static_cast<std::int32_t>(p), begin, end});
      }
    }
  }
  return slices;
}

}  // namespace wisk::run
