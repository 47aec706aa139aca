#include "support/demo_job.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

namespace wisk::test {
namespace {

/// Equal, bit for bit: NaN equals NaN.
void expect_same_bits(const std::vector<double>& found, const std::vector<double>& expected,
                      const char* what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(found[i]), std::bit_cast<std::uint64_t>(expected[i]))
        << what << " " << i;
  }
}

std::vector<double> numbers_of(const std::vector<stats::Estimate>& estimates) {
  std::vector<double> numbers;
  for (const stats::Estimate& estimate : estimates) {
    numbers.insert(numbers.end(), {estimate.mean, estimate.low, estimate.high});
  }
  return numbers;
}

}  // namespace

std::filesystem::path demo_folder() {
  return source_folder() / "jobs/demo";
}

std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

RunContents RunContents::read(const std::filesystem::path& directory) {
  RunContents contents;
  contents.results = store::read_results(directory / "results.h5");
  contents.results_bytes = read_bytes(directory / "results.h5");
  const auto marker = nlohmann::json::parse(read_bytes(directory / "run.json"));
  const std::uint64_t hash = std::stoull(marker.at("job_hash").get<std::string>(), nullptr, 16);
  const store::Journal journal = store::Journal::read(directory / "journal", hash);
  const store::ResultsPlan& plan = contents.results.plan;
  for (const store::Journal::Entry& entry : journal.samples()) {
    store::SampleRecord record = journal.load(entry);
    record.id = {};
    contents.samples[{plan.arms.at(entry.id.arm).name, plan.problems.at(entry.id.problem), entry.id.sample}] =
        std::move(record);
  }
  contents.damage = journal.damage();
  contents.prefixes = journal.prefixes().size();
  return contents;
}

void expect_same_results(const RunContents& found, const RunContents& expected, const std::string& what) {
  SCOPED_TRACE(what);
  EXPECT_EQ(found.results.n, expected.results.n);
  EXPECT_EQ(found.results.c, expected.results.c);
  EXPECT_EQ(found.results.truncated, expected.results.truncated);
  EXPECT_EQ(found.results.verdicts, expected.results.verdicts);
  EXPECT_EQ(found.results.missing_samples, expected.results.missing_samples);
  expect_same_bits(found.results.mean_tokens, expected.results.mean_tokens, "mean_tokens");
  expect_same_bits(numbers_of(found.results.pass_at_k), numbers_of(expected.results.pass_at_k), "pass_at_k");
  for (std::size_t a = 0; a < expected.results.plan.arms.size(); ++a) {
    EXPECT_EQ(found.results.plan.arms.at(a).weights_hash, expected.results.plan.arms[a].weights_hash)
        << "arm " << a;
  }
  ASSERT_EQ(found.samples.size(), expected.samples.size());
  int different = 0;
  for (const auto& [id, sample] : expected.samples) {
    const auto other = found.samples.find(id);
    ASSERT_NE(other, found.samples.end());
    if (!(other->second == sample) && ++different == 1) {
      ADD_FAILURE() << "arm " << std::get<0>(id) << ", problem " << std::get<1>(id) << ", sample "
                    << std::get<2>(id) << " differs: \"" << other->second.text << "\" instead of \""
                    << sample.text << "\"";
    }
  }
  EXPECT_EQ(different, 0);
}

DemoJob::DemoJob() {
  std::ifstream problems(demo_folder() / "problems.jsonl");
  for (std::string line; lines_.size() < kProblems && std::getline(problems, line);) lines_.push_back(line);
  write_task("task.yaml", lines_);
  const std::string checkpoints = (demo_folder() / "checkpoints").string();
  folder_.write("job.yaml",
                "name: reduced\nseed: 17\n"
                "checkpoints: {early: " +
                    checkpoints + "/step-0005, late: " + checkpoints +
                    "/step-0500}\n"
                    "blend: {delta: [0, 0.4, 1]}\n"
                    "decode: {samples: 8, max_tokens: 48}\n"
                    "task: task.yaml\nk: [1, 4, 8]\n");
}

std::filesystem::path DemoJob::write_task(const std::string& name,
                                          const std::vector<std::string>& lines) const {
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  folder_.write(name + ".jsonl", all);
  return folder_.write(name, "name: reduced\ndata: " + name +
                                 ".jsonl\nfields: {id: id, question: question, gold: answer}\n"
                                 "prompt: {template: \"{question}\\n\"}\nanswer: {checker: number}\n");
}

std::vector<std::string> wisk_command(const std::vector<std::string>& arguments, int ranks) {
  std::vector<std::string> command;
  if (ranks > 0) command = {WISK_MPIEXEC, "-n", std::to_string(ranks)};
  command.emplace_back(WISK_PROGRAM);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

ProgramOptions cpu_options() {
  ProgramOptions options;
  options.environment.emplace_back("CUDA_VISIBLE_DEVICES", "");
  return options;
}

std::vector<std::string> DemoJob::command(const std::string& out, int ranks,
                                          const std::vector<std::string>& sets) const {
  std::vector<std::string> arguments = {"run", path("job.yaml").string(), "--out", path(out).string()};
  for (const std::string& set : sets) {
    arguments.emplace_back("--set");
    arguments.push_back(set);
  }
  return wisk_command(arguments, ranks);
}

RunContents DemoJob::run(const std::string& out, int ranks, const std::vector<std::string>& sets) const {
  const ProgramResult result = run_program(command(out, ranks, sets), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  if (result.status != 0) return {};
  return RunContents::read(path(out));
}

std::int64_t DemoJob::samples_for(double seconds, std::int64_t drawn) const {
  constexpr std::int64_t kLeast = 100, kMost = 4000;
  const auto summary = nlohmann::json::parse(read_bytes(path("expected") / "summary.json"));
  const double a_second = static_cast<double>(drawn) / summary["seconds"]["sampling_wall"].get<double>();
  return std::clamp(static_cast<std::int64_t>(a_second * seconds) / kCells, kLeast, kMost);
}

std::uintmax_t DemoJob::journal_bytes(const std::string& out) const {
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path(out) / "journal", error))
    bytes += entry.file_size(error);
  return bytes;
}

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::vector<std::string> messages_of(const std::string& text) {
  std::vector<std::string> messages;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("wisk: ", 0) == 0) messages.push_back(line);
  }
  return messages;
}

}  // namespace wisk::test
