#include <wisk/run/submit.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/store/summary.hpp>

#include "child.hpp"
#include "plan.hpp"
#include "sizes.hpp"

namespace wisk::run {

namespace {

constexpr int kUsualCores = 8;             // where nobody can be asked
constexpr double kOperationsACore = 20e9;  // a second, of a modest core, everything included

/// Cores of the smallest node of a partition; 0 when sinfo cannot be asked.
int cores_of_node(const std::string& partition) {
  std::vector<std::string> command = {"sinfo", "--noheader", "--format=%c"};
  if (!partition.empty()) command.push_back("--partition=" + partition);
  const ChildOutput answer = run_child(command);
  if (answer.status != 0) return 0;
  std::istringstream lines(answer.text);
  int fewest = 0;
  for (std::string line; std::getline(lines, line);) {
    const int cores = std::atoi(line.c_str());  // "64+": at least 64
    if (cores > 0 && (fewest == 0 || cores < fewest)) fewest = cores;
  }
  return fewest;
}

/// "123 RUNNING" of the queued or running job of that name; empty when there is none or no squeue.
std::string job_in_queue(const std::string& name) {
  const ChildOutput answer = run_child({"squeue", "--noheader", "--me", "--name=" + name, "--format=%i %T"});
  return answer.status == 0 ? answer.text.substr(0, answer.text.find('\n')) : "";
}

/// Rounded up to ten minutes, from half an hour to a day. A job that reaches its limit goes on by itself.
std::string time_limit(double hours) {
  const auto minutes =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(hours * 1.5 * 6)) * 10, 30, 24 * 60);
  return fmt::format("{}:{:02}:00", minutes / 60, minutes % 60);
}

}  // namespace

Submission plan_submission(const SubmitRequest& request) {
  const Plan plan = open_plan(request.job_file, request.overrides);
  const std::filesystem::path out = std::filesystem::absolute(
      request.out.empty() ? std::filesystem::path("runs") / plan.job.name : request.out);
  Submission submission;
  submission.name = "wisk-" + hex64(xxh3(out.lexically_normal().string())).substr(0, 12);
  submission.complete = store::says_complete(out / "summary.json");
  submission.existing = job_in_queue(submission.name);
  submission.samples = plan.samples();
  submission.tokens = most_tokens(plan);
  const int tasks = request.tasks_per_node > 0 ? request.tasks_per_node : plan.job.model.tensor_parallel;
  if (request.nodes * tasks % plan.job.model.tensor_parallel != 0)
    throw InputError("--nodes x --ntasks-per-node",
                     "a multiple of model.tensor_parallel, " + std::to_string(plan.job.model.tensor_parallel),
                     std::to_string(request.nodes * tasks));
  const int node = request.cpus_per_task > 0 ? 0 : cores_of_node(request.partition);
  const int cores = request.cpus_per_task > 0 ? request.cpus_per_task
                                              : std::max(1, (node > 0 ? node : kUsualCores * tasks) / tasks);
  submission.memory_per_node = memory_of_rank(plan, false).host * static_cast<std::uint64_t>(tasks);
  submission.hours = 2.0 * static_cast<double>(plan.checkpoints.architecture.parameters()) *
                     static_cast<double>(submission.tokens) /
                     (kOperationsACore * request.nodes * tasks * cores) / 3600;
  std::vector<std::string>& command = submission.command;
  command = {"sbatch",
             "--parsable",
             "--job-name=" + submission.name,
             "--comment=wisk " + plan.job.name,
             "--nodes=" + std::to_string(request.nodes),
             "--ntasks-per-node=" + std::to_string(tasks),
             "--cpus-per-task=" + std::to_string(cores),
             "--mem=" + (request.memory.empty() ? std::to_string((submission.memory_per_node >> 20) + 1) + "M"
                                                : request.memory),
             "--time=" + (request.time.empty() ? time_limit(submission.hours) : request.time),
             "--export=ALL,WISK=" + request.program.string()};
  if (!request.partition.empty()) command.push_back("--partition=" + request.partition);
  command.insert(command.end(), request.options.begin(), request.options.end());
  command.push_back(std::filesystem::absolute(request.script).string());
  command.push_back(std::filesystem::absolute(request.job_file).string());
  command.insert(command.end(), {"--out", out.lexically_normal().string()});
  for (const std::string& set : request.overrides) command.insert(command.end(), {"--set", set});
  return submission;
}

std::string submit(const Submission& submission) {
  const ChildOutput answer = run_child(submission.command);
  if (answer.status != 0)
    throw EnvironmentError("sbatch: expected a job id, found status " + std::to_string(answer.status) + ": " +
                           answer.text);
  const std::string last = answer.text.substr(answer.text.rfind('\n') + 1);
  return last.substr(0, last.find(';'));
}

std::string shell_line(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@";
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char letter : word) line += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    line += '\'';
  }
  return line;
}

}  // namespace wisk::run
