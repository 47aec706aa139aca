// How long the tables and the page of a large run take: report_bench FOLDER [ARMS PROBLEMS SAMPLES]
// (50 x 300 x 64 unless given). Makes a journal of made-up samples in FOLDER, then results.h5, every table
// and the page, and prints the seconds of each on one core.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <wisk/core/clock.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/philox.hpp>
#include <wisk/report/page.hpp>
#include <wisk/report/page_data.hpp>
#include <wisk/report/runs.hpp>
#include <wisk/report/show.hpp>
#include <wisk/store/results.hpp>

namespace {

using namespace wisk;

constexpr std::uint64_t kJob = 1;

struct Sizes {
  std::uint32_t arms = 50, problems = 300, samples = 64;
};

store::ResultsPlan plan_of(const Sizes& sizes) {
  store::ResultsPlan plan;
  plan.provenance.name = "report_bench";
  for (std::uint32_t arm = 0; arm < sizes.arms; ++arm) {
    store::ArmColumns columns;
    columns.delta = static_cast<double>(arm) / (sizes.arms - 1);
    columns.name = "delta=" + std::to_string(columns.delta);
    columns.recipe_in_words = "a blend";
    columns.early = "step-1";
    columns.late = "step-9";
    columns.samples = sizes.samples;
    columns.max_tokens = 64;
    columns.sampled_as = arm;
    plan.arms.push_back(columns);
  }
  for (std::uint32_t problem = 0; problem < sizes.problems; ++problem) {
    plan.problems.push_back("p" + std::to_string(problem));
    plan.about.question.push_back("What is " + std::to_string(problem) + " + 1?");
    plan.about.gold.push_back(std::to_string(problem + 1));
    plan.about.split.push_back(problem % 2 == 0 ? "choose" : "report");
  }
  for (std::int64_t k = 1; k <= sizes.samples; k *= 2) plan.k.push_back(k);
  return plan;
}

/// Correct with a probability that depends on arm and problem; wrong answers spread over some values.
store::SampleRecord sample_of(std::uint32_t arm, std::uint32_t problem, std::uint32_t number) {
  const auto random = philox4x32({arm, problem, number, 0}, {7, 7});
  const double ease = (problem * 37 % 101) / 100.0, share = 0.1 + 0.8 * ease * ease;
  const bool correct = random[0] < share * 4294967295.0;
  store::SampleRecord sample;
  sample.id = {arm, problem, number};
  sample.verdict = correct ? Verdict::kCorrect : Verdict::kWrong;
  sample.answer = std::to_string(correct ? problem + 1 : random[1] % 40 + 1000);
  sample.text = "First " + std::to_string(random[2] % 50) + "+3=" + std::to_string(random[2] % 50 + 3) +
                ", then it is easy to see what remains to be done here.\n#### " + sample.answer;
  for (std::uint32_t token = 0; token < 30 + random[3] % 10; ++token) {
    sample.tokens.push_back(static_cast<std::int32_t>(random[token % 4] % 1000 + token));
    sample.logprobs.push_back(-0.3f);
    sample.logprob -= 0.3;
  }
  return sample;
}

template <class Do>
auto timed(const char* what, Do run) {
  const Stopwatch watch;
  auto result = run();
  std::printf("%-34s %7.2f s\n", what, watch.seconds());
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 5) {
    std::fprintf(stderr, "report_bench FOLDER [ARMS PROBLEMS SAMPLES]\n");
    return 2;
  }
  Sizes sizes;
  if (argc == 5) {
    sizes = {static_cast<std::uint32_t>(std::atoi(argv[2])), static_cast<std::uint32_t>(std::atoi(argv[3])),
             static_cast<std::uint32_t>(std::atoi(argv[4]))};
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder / "journal");
  const store::ResultsPlan plan = plan_of(sizes);
  const std::filesystem::path file = folder / "results.h5";
  timed("journal (made up)", [&] {
    store::JournalWriter writer(folder / "journal", "rank-0", kJob);
    for (std::uint32_t arm = 0; arm < sizes.arms; ++arm)
      for (std::uint32_t problem = 0; problem < sizes.problems; ++problem)
        for (std::uint32_t number = 0; number < sizes.samples; ++number)
          writer.append(sample_of(arm, problem, number));
    return 0;
  });
  timed("results.h5 from the journal", [&] {
    store::write_results(file, plan, store::Journal::read(folder / "journal", kJob));
    return 0;
  });
  const auto run = timed("reading results.h5", [&] { return report::load_run(file); });
  const auto analysis = timed("all tables", [&] { return report::analyse(run.results, run.samples, {}); });
  timed("tables as text", [&] { return report::show_text(analysis, 100).size(); });
  const auto shown = timed("texts of 4 samples a cell",
                           [&] { return report::shown_samples(file, run.results, run.samples, 4, 4000); });
  const std::size_t bytes = timed("page with texts", [&] {
    return report::page_of("t", report::page_data("t", {{analysis, shown}})).size();
  });
  const std::size_t small = timed("page without texts", [&] {
    return report::page_of("t", report::page_data("t", {{analysis, {}}})).size();
  });
  std::printf("page: %.2f MB with texts, %.2f MB without\n", static_cast<double>(bytes) / 1e6,
              static_cast<double>(small) / 1e6);
  return 0;
}
