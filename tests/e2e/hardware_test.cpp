// Runs whose samples were drawn on other hardware than is asked for now. What another kind drew is planted:
// its journal is written by hand, so no GPU is needed.

#include <nlohmann/json.hpp>

#include <wisk/store/run_directory.hpp>

#include "e2e/bad_input.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

constexpr const char* kOther = "cuda sm_90";

class Hardware : public DemoTest {
 protected:
  static std::string run_path(const std::string& name) { return job_->path(name).string(); }

  static ProgramResult start(const std::string& name, std::vector<std::string> more = {},
                             const std::vector<std::string>& set = {"engine.device=cpu"}, int ranks = 0) {
    std::vector<std::string> command = job_->command(name, ranks, set);
    command.insert(command.end(), more.begin(), more.end());
    return run_program(command, cpu_options());
  }

  /// A copy of the run "expected" of which kOther has drawn every sample but each `gap`-th, and begun that
  /// one with tokens that the CPU would not draw. gap 0: every sample.
  static void plant(const std::string& name, std::size_t gap, const std::string& device = kOther) {
    const std::filesystem::path from = job_->path("expected"), to = job_->path(name);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    std::filesystem::remove_all(to / "journal");
    std::filesystem::create_directory(to / "journal");
    const std::uint64_t hash = store::hash_of(store::read_keys(from));
    const store::Journal journal = store::Journal::read(from / "journal", hash);
    store::JournalWriter writer(to / "journal", "planted", hash);
    writer.append(store::AttemptRecord{
        {"rank", "0"}, {"device", device}, {"host", "gpu-7"}, {"other_hosts", "gpu-8 gpu-3"}});
    for (const auto& [arm, weights] : journal.weights()) writer.note_weights(arm, weights);
    for (std::size_t i = 0; i < journal.samples().size(); ++i) {
      store::SampleRecord sample = journal.load(journal.samples()[i]);
      if (gap == 0 || i % gap != 0) {
        writer.append(sample);
      } else {
        writer.append(store::PrefixRecord{sample.id, {0, 0, 0}, {-1, -1, -1}});
      }
    }
  }

  static void expect_the_same_samples(const std::string& name) {
    const RunContents found = RunContents::read(job_->path(name));
    ASSERT_EQ(found.samples.size(), expected_->samples.size());
    for (const auto& [key, sample] : expected_->samples) EXPECT_EQ(found.samples.at(key), sample);
    EXPECT_EQ(found.damage.size(), 0u);
  }

  static std::string shown(const std::vector<std::string>& arguments) {
    const ProgramResult result = run_program(wisk_command(arguments), cpu_options());
    EXPECT_EQ(result.status, 0) << result.error;
    return result.out;
  }
};

TEST_F(Hardware, ACompleteRunOfOtherHardwareIsComplete) {
  plant("complete", 0);
  const std::string journal = read_text(job_->path("complete") / "journal/planted-000.journal"),
                    summary = read_text(job_->path("complete") / "summary.json");
  const ProgramResult result = start("complete");
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(read_text(job_->path("complete") / "journal/planted-000.journal"), journal);
  EXPECT_EQ(read_text(job_->path("complete") / "summary.json"), summary);
  expect_the_same_samples("complete");
  EXPECT_EQ(RunContents::read(job_->path("complete")).results.hardware.count(kOther), 1u);
  EXPECT_EQ(shown({"show", run_path("complete")}).find("hardware"), std::string::npos) << "it is of one kind";
}

/// Nothing is placed, opened or drawn: neither a GPU nor as many ranks as a replica has are asked for. The
/// hosts are those of the journal, and a summary that is not there is made.
TEST_F(Hardware, ACompleteRunMayBeStartedAnywhere) {
  plant("anywhere", 0);
  const auto summary = job_->path("anywhere") / "summary.json";
  std::filesystem::remove(summary);
  for (const int ranks : {0, 3}) {
    const ProgramResult result = start(
        "anywhere", {}, {"engine.device=cuda", "model.tensor_parallel=2", "engine.kv_cache=1KiB"}, ranks);
    EXPECT_EQ(result.status, 0) << result.error;
    EXPECT_EQ(store::read_results(job_->path("anywhere") / "results.h5").plan.provenance.hosts,
              (std::vector<std::string>{"gpu-3", "gpu-7", "gpu-8"}));
    EXPECT_EQ(json::parse(read_text(summary))["state"], "complete");
  }
  expect_the_same_samples("anywhere");
}

TEST_F(Hardware, AnIncompleteRunNamesBothAndWhatToDo) {
  plant("refused", 3);
  const ProgramResult result = start("refused");
  expect_refused(
      result, 3,
      {"refused: expected cuda sm_90, which samples in it were drawn on, found cpu (engine.device: cpu)",
       "set engine.device: cuda where there is such a GPU", "--allow-other-hardware", "give another --out"});
}

/// Beginnings are the other hardware's, too, also where it finished nothing. They are no part of any sample.
TEST_F(Hardware, BeginningsAloneAreNotGoneOnWith) {
  plant("begun", 1);
  expect_refused(start("begun"), 3, {"begun: expected cuda sm_90", "--allow-other-hardware"});
  EXPECT_EQ(start("begun", {"--allow-other-hardware"}).status, 0);
  expect_the_same_samples("begun");
  const store::HardwareCounts counts = {{"cpu", static_cast<std::int64_t>(expected_->samples.size())}};
  EXPECT_EQ(RunContents::read(job_->path("begun")).results.hardware, counts);
}

/// What does not say where it was drawn is not in the way.
TEST_F(Hardware, SamplesOfUnknownHardwareAreGoneOnWith) {
  plant("unknown", 3, "");
  const ProgramResult result = start("unknown");
  EXPECT_EQ(result.status, 0) << result.error;
}

/// No one kind of hardware can go on with it: none is advised.
TEST_F(Hardware, AnUnfinishedRunOfBothNeedsLeaveToGoOn) {
  plant("both", 3);
  const std::filesystem::path from = job_->path("expected"), to = job_->path("both");
  const std::uint64_t hash = store::hash_of(store::read_keys(from));
  {
    const store::Journal journal = store::Journal::read(from / "journal", hash);
    store::JournalWriter writer(to / "journal", "more", hash);
    writer.append(store::AttemptRecord{{"rank", "0"}, {"device", "cpu"}});
    writer.append(journal.load(journal.samples()[0]));
  }
  const ProgramResult result = start("both");
  expect_refused(result, 3, {"both: expected cuda sm_90", "--allow-other-hardware", "give another --out"});
  EXPECT_EQ(result.error.find("set engine.device"), std::string::npos) << result.error;
  EXPECT_EQ(start("both", {"--allow-other-hardware"}).status, 0);
  expect_the_same_samples("both");
}

TEST_F(Hardware, ARunOfBothIsMarkedEverywhere) {
  plant("mixed", 3);
  const std::string run = run_path("mixed");
  const ProgramResult result = start("mixed", {"--allow-other-hardware"});
  ASSERT_EQ(result.status, 0) << result.error;
  EXPECT_NE(result.error.find("warning: " + run + ": samples made on cuda sm_90 and on cpu are mixed"),
            std::string::npos)
      << result.error;
  expect_the_same_samples("mixed");
  const auto all = static_cast<std::int64_t>(expected_->samples.size()), cpu = (all + 2) / 3;
  const store::HardwareCounts counts = {{"cpu", cpu}, {kOther, all - cpu}};
  EXPECT_EQ(RunContents::read(run).results.hardware, counts);
  const std::string words = std::to_string(cpu) + " on cpu, " + std::to_string(all - cpu) + " on cuda sm_90";
  std::string text = shown({"show", run});
  std::replace(text.begin(), text.end(), '\n', ' ');
  EXPECT_NE(text.find("Note: samples of different hardware are mixed: "), std::string::npos) << text;
  EXPECT_EQ(run_program(wisk_command({"show", run}), cpu_options()).error, "") << "said in the text";
  for (const char* form : {"--csv", "--compare=delta=0.4"}) {
    const ProgramResult other = run_program(wisk_command({"show", run, form}), cpu_options());
    EXPECT_EQ(count_of("samples of different hardware are mixed: " + words, other.error), 1u)
        << form << ": " << other.error;
  }
  const ProgramResult pool = run_program(wisk_command({"show", run, run, "--pool"}), cpu_options());
  EXPECT_EQ(count_of("samples of different hardware are mixed: " + words, pool.error), 2u)
      << "of each run: " << pool.error;
  EXPECT_EQ(pool.out.find("different hardware"), std::string::npos) << pool.out;
  const json tables = json::parse(shown({"show", "--json", run}));
  EXPECT_EQ(tables["mixed_hardware"], true);
  EXPECT_EQ(tables["hardware"], json(counts));
  EXPECT_NE(shown({"status", run}).find("\n  mixed hardware: " + words + "\n"), std::string::npos);
  const json status = json::parse(shown({"status", "--json", run}));
  EXPECT_EQ(status["mixed_hardware"], true);
  EXPECT_EQ(status["hardware"], json(counts));
  const std::string page = run_path("page.html");
  shown({"report", run, "-o", page});
  const std::string html = read_text(page, std::size_t{64} << 20);
  EXPECT_NE(html.find("\"mixed_hardware\":true"), std::string::npos);
  EXPECT_NE(html.find("samples of different hardware are mixed: " + words), std::string::npos);
  // Complete, it may be started again without the option, and stays what it is.
  const ProgramResult again = start("mixed");
  EXPECT_EQ(again.status, 0) << again.error;
  EXPECT_EQ(RunContents::read(run).results.hardware, counts);
}

}  // namespace
}  // namespace wisk::test
