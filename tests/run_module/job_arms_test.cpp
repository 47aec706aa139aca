#include <cmath>

#include "job_fixture.hpp"

namespace wisk::run {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

Names ingredients(const Arm& arm) {
  Names names;
  for (const auto& ingredient : arm.recipe.ingredients) names.push_back(ingredient.name);
  return names;
}

TEST_F(JobTest, DeltaIsTheWeightOfEarly) {
  const Job job = load(pair_ + "blend: {delta: [0.25, 0, 1, 1.5, -0.5, 0.1, -0.0]}\n",
                       {"blend.delta=[0.25, 0, 1, 1.5, -0.5, 0.1]"});
  EXPECT_EQ(names_of(job),
            (Names{"delta=0.25", "delta=0", "delta=1", "delta=1.5", "delta=-0.5", "delta=0.1"}));
  EXPECT_EQ(ingredients(job.arms[0]), (Names{"early", "late"}));
  EXPECT_EQ(job.arms[0].recipe.ingredients[0].folder, folder_.path() / "ckpt/step-0112");
  EXPECT_EQ(job.arms[0].recipe.coefficients, (Numbers{0.25, 0.75}));
  EXPECT_EQ(job.arms[0].delta, 0.25);
  EXPECT_TRUE(std::isnan(job.arms[0].step));
  // The checkpoint that is not read is not there.
  EXPECT_EQ(ingredients(job.arms[1]), (Names{"late"}));
  EXPECT_EQ(job.arms[1].recipe.coefficients, (Numbers{1}));
  EXPECT_EQ(ingredients(job.arms[2]), (Names{"early"}));
  EXPECT_EQ(job.arms[2].recipe.coefficients, (Numbers{1}));
  EXPECT_EQ(job.arms[3].recipe.coefficients, (Numbers{1.5, -0.5}));
  EXPECT_EQ(job.arms[4].recipe.coefficients, (Numbers{-0.5, 1.5}));
  EXPECT_EQ(job.arms[5].recipe.coefficients, (Numbers{0.1, 0.9}));
}

TEST_F(JobTest, MinusZeroIsZero) {
  const Job job = load(pair_ + "blend: {delta: -0.0}\n");
  EXPECT_EQ(names_of(job), Names{"delta=0"});
  EXPECT_FALSE(std::signbit(job.arms[0].delta));
}

TEST_F(JobTest, OtherCheckpointsCanBeEarlyAndLate) {
  const Job job = load(
      "checkpoints: {a: base, b: ckpt/step-0112}\ntask: task.yaml\n"
      "blend: {delta: 0.25, early: b, late: a}\n");
  EXPECT_EQ(ingredients(job.arms[0]), (Names{"b", "a"}));
}

TEST_F(JobTest, WeightsAreInTheOrderOfTheCheckpoints) {
  const std::string text =
      "checkpoints: {a: base, b: ckpt/step-0112, c: ckpt/step-1120}\ntask: task.yaml\n"
      "blend: {weights: [{c: 2, a: 1}, {b: 1, a: 0}, {a: 0.5, b: 0.25, c: 0.25}]}\n";
  Job job = load(text);
  EXPECT_EQ(names_of(job), (Names{"a=1,c=2", "b=1", "a=0.5,b=0.25,c=0.25"}));
  EXPECT_EQ(ingredients(job.arms[0]), (Names{"a", "c"}));
  EXPECT_EQ(job.arms[0].recipe.coefficients, (Numbers{1, 2}));
  EXPECT_TRUE(std::isnan(job.arms[0].delta));
  EXPECT_EQ(ingredients(job.arms[1]), Names{"b"});
  job = load(text, {"blend.normalize=true"});
  EXPECT_EQ(names_of(job)[0], "a=1,c=2");
  EXPECT_EQ(job.arms[0].recipe.coefficients, (Numbers{1.0 / 3, 2.0 / 3}));
  EXPECT_EQ(job.arms[2].recipe.coefficients, (Numbers{0.5, 0.25, 0.25}));
}

TEST_F(JobTest, OneMapOfWeightsIsOneArm) {
  EXPECT_EQ(names_of(load(pair_ + "blend: {weights: {late: 0.5, early: 0.5}}\n")),
            Names{"early=0.5,late=0.5"});
}

TEST_F(JobTest, TrajectoriesAreSortedByTheLastNumber) {
  for (const char* name : {"t2/run9-step-100", "t2/run9-step-20", "t2/run9-step-3-final"}) {
    std::filesystem::create_directories(folder_.path() / name);
  }
  folder_.write("t2/run9-step-7", "a file, no folder");
  const Job job = load("blend: {trajectory: t2/run9-*}\ntask: task.yaml\n");
  EXPECT_EQ(names_of(job), (Names{"run9-step-3-final", "run9-step-20", "run9-step-100"}));
  EXPECT_EQ(job.arms[1].step, 20);
  EXPECT_TRUE(std::isnan(job.arms[1].delta));
  EXPECT_EQ(job.arms[1].recipe.ingredients[0].folder, folder_.path() / "t2/run9-step-20");
  EXPECT_EQ(
      names_of(load("blend: {trajectory: [ckpt/step-1120/, ckpt/step-0*, t2/run9-step-20/../run9-step-100]}\n"
                    "task: task.yaml\n")),
      (Names{"step-0020", "run9-step-100", "step-0112", "step-1120"}));
}

TEST_F(JobTest, WithoutABlendEachCheckpointIsAnArm) {
  const Job job = load(pair_);
  EXPECT_EQ(names_of(job), (Names{"early", "late"}));
  EXPECT_EQ(job.arms[1].recipe.coefficients, (Numbers{1}));
  EXPECT_TRUE(std::isnan(job.arms[1].delta) && std::isnan(job.arms[1].step));
}

TEST_F(JobTest, ListsUnderDecodeSpanTheGrid) {
  const Job job =
      load(pair_ + "blend: {delta: [0, 1]}\ndecode: {temperature: [1, 0.7], min_p: [0.1], top_k: [0, 5]}\n");
  EXPECT_EQ(names_of(job), (Names{"delta=0 T=1 top_k=0", "delta=0 T=1 top_k=5", "delta=0 T=0.7 top_k=0",
                                  "delta=0 T=0.7 top_k=5", "delta=1 T=1 top_k=0", "delta=1 T=1 top_k=5",
                                  "delta=1 T=0.7 top_k=0", "delta=1 T=0.7 top_k=5"}));
  EXPECT_EQ(job.arms[3].decode.temperature, 0.7);
  EXPECT_EQ(job.arms[3].decode.top_k, 5);
  EXPECT_EQ(job.arms[3].decode.min_p, 0.1);
  EXPECT_EQ(names_of(load(pair_ + "decode: {top_p: [1, 0.9]}\n"))[1], "early top_p=0.9");
}

std::vector<std::size_t> aliases(const Job& job) {
  std::vector<std::size_t> all;
  for (const Arm& arm : job.arms) all.push_back(arm.sampled_as);
  return all;
}

TEST_F(JobTest, ArmsOfTheSameWeightsAreSampledOnce) {
  const std::string blend =
      "blend: {trajectory: ckpt/step-*, delta: [0, 0.25, 1], "
      "weights: [{late: 1}, {early: 0.25, late: 0.75}, {late: 2}, {early: 0.5}]}\n";
  const Job job = load(pair_ + blend);
  ASSERT_EQ(names_of(job), (Names{"step-0020", "step-0112", "step-1120", "delta=0", "delta=0.25", "delta=1",
                                  "late=1", "early=0.25,late=0.75", "late=2", "early=0.5"}));
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 1, 2, 2, 4, 1, 2, 4, 8, 9}));
  // With normalize 2 x late is late; with a grid of two, each decoding has its own first arm.
  EXPECT_EQ(aliases(load(pair_ + blend, {"blend.normalize=true"})),
            (std::vector<std::size_t>{0, 1, 2, 2, 4, 1, 2, 4, 2, 1}));
  EXPECT_EQ(aliases(load(pair_ + "blend: {trajectory: ckpt/step-1120, delta: [0.5, 0]}\n",
                         {"decode.temperature=[1, 2]"})),
            (std::vector<std::size_t>{0, 1, 2, 3, 0, 1}));
}

Names ends_of(const Job& job) {
  Names ends;
  for (const Arm& arm : job.arms) ends.push_back(arm.early + "/" + arm.late);
  return ends;
}

TEST_F(JobTest, SeveralEarlyCheckpointsAreAGrid) {
  const Job job = load(
      "task: task.yaml\n"
      "blend: {trajectory: ckpt/*, early: [step-0112, step-0020], late: step-1120, delta: [0, 0.25, 1]}\n");
  EXPECT_EQ(names_of(job),
            (Names{"step-0020", "step-0112", "step-1120", "early=step-0112 delta=0",
                   "early=step-0112 delta=0.25", "early=step-0112 delta=1", "early=step-0020 delta=0",
                   "early=step-0020 delta=0.25", "early=step-0020 delta=1"}));
  EXPECT_EQ(ingredients(job.arms[4]), (Names{"step-0112", "step-1120"}));
  EXPECT_EQ(job.arms[4].recipe.coefficients, (Numbers{0.25, 0.75}));
  EXPECT_EQ(job.arms[7].recipe.ingredients[0].folder, folder_.path() / "ckpt/step-0020");
  // Every delta of 0 is late itself, every delta of 1 that early itself: sampled once, with the trajectory.
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 1, 2, 2, 4, 1, 2, 7, 0}));
  EXPECT_EQ(ends_of(job),
            (Names{"/", "/", "/", "step-0112/step-1120", "step-0112/step-1120", "step-0112/step-1120",
                   "step-0020/step-1120", "step-0020/step-1120", "step-0020/step-1120"}));
  EXPECT_EQ(job.arms[7].delta, 0.25);
  EXPECT_TRUE(std::isnan(job.arms[7].step));
}

TEST_F(JobTest, SeveralLateCheckpointsToo) {
  const std::string blend = "blend: {early: base, late: [a, b], delta: [0, 0.5, 1]}\n";
  const std::string checkpoints =
      "checkpoints: {base: base, a: ckpt/step-0112, b: ckpt/step-1120}\ntask: task.yaml\n";
  const Job job = load(checkpoints + blend);
  EXPECT_EQ(names_of(job), (Names{"late=a delta=0", "late=a delta=0.5", "late=a delta=1", "late=b delta=0",
                                  "late=b delta=0.5", "late=b delta=1"}));
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 1, 2, 3, 4, 2}));
  // Crossed with decoding settings, and several at both ends: no checkpoint with itself.
  const Job both = load(checkpoints + "blend: {early: [base, a], late: [b, a], delta: [1, 0.5]}\n",
                        {"decode.temperature=[1, 0.5]"});
  EXPECT_EQ(names_of(both), (Names{"early=base late=b delta=1 T=1", "early=base late=b delta=1 T=0.5",
                                   "early=base late=b delta=0.5 T=1", "early=base late=b delta=0.5 T=0.5",
                                   "early=base late=a delta=1 T=1", "early=base late=a delta=1 T=0.5",
                                   "early=base late=a delta=0.5 T=1", "early=base late=a delta=0.5 T=0.5",
                                   "early=a late=b delta=1 T=1", "early=a late=b delta=1 T=0.5",
                                   "early=a late=b delta=0.5 T=1", "early=a late=b delta=0.5 T=0.5"}));
  EXPECT_EQ(aliases(both), (std::vector<std::size_t>{0, 1, 2, 3, 0, 1, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(ends_of(both)[6], "base/a");
}

TEST_F(JobTest, PatternsOverNamesLeaveOutTheOtherEnd) {
  // The last step is the folder of `late`, so it is no early of it.
  const std::string blend = "blend: {trajectory: ckpt/step-*, early: step-*, delta: 0.5}\n";
  EXPECT_EQ(names_of(load(pair_ + blend)), (Names{"step-0020", "step-0112", "step-1120",
                                                  "early=step-0020 delta=0.5", "early=step-0112 delta=0.5"}));
  EXPECT_EQ(names_of(load(pair_ + blend, {"blend.early=[step-00*, early]"}))[4], "early=early delta=0.5");
  // One that remains needs no name.
  EXPECT_EQ(names_of(load(pair_ + "blend: {early: '*', delta: 0.5}\n")), Names{"delta=0.5"});
  EXPECT_EQ(names_of(load(pair_ + "blend: {early: early, late: '*l*', delta: 0.5}\n")), Names{"delta=0.5"});
  EXPECT_EQ(names_of(load(pair_ + blend, {"blend.early=step-00[02]?", "blend.late=step-1???"}))[3],
            "delta=0.5");
  // A pattern at both ends: every pair of two.
  EXPECT_EQ(load(pair_ + blend, {"blend.late=step-*"}).arms.size(), 3u + 6u);
}

TEST_F(JobTest, ANameWithAWildcardsLetterIsThatName) {
  for (const char* name : {"odd/x[1] 7", "odd/x1 8"})
    std::filesystem::create_directories(folder_.path() / name);
  const Job job =
      load("task: task.yaml\nblend: {trajectory: odd/*, early: 'x[1] 7', late: 'x? *', delta: 1}\n");
  EXPECT_EQ(ends_of(job)[2], "x[1] 7/x1 8");
}

TEST_F(JobTest, WeightsMayNameTheTrajectory) {
  const Job job =
      load(pair_ + "blend: {trajectory: ckpt/*, weights: {step-0020: 0.5, early: 0.25, step-1120: 0.25}}\n");
  EXPECT_EQ(names_of(job)[3], "early=0.25,step-0020=0.5,step-1120=0.25");
  EXPECT_EQ(job.arms[3].recipe.ingredients[2].folder, folder_.path() / "ckpt/step-1120");
  EXPECT_EQ(job.arms[3].early, "");
}

TEST_F(JobTest, AnEmptyListOfDeltasIsNoGrid) {
  EXPECT_EQ(names_of(load(pair_ + "blend: {trajectory: ckpt/*, early: step-*, delta: []}\n")),
            (Names{"step-0020", "step-0112", "step-1120"}));
}

TEST_F(JobTest, GreedyArmsAreSampledOnceWhateverTheFilters) {
  const Job job = load(pair_ + "blend: {delta: [0.5, 1]}\ndecode: {temperature: [1, 0], top_p: [1, 0.9]}\n");
  EXPECT_EQ(names_of(job)[3], "delta=0.5 T=0 top_p=0.9");
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 1, 2, 2, 4, 5, 6, 6}));
}

TEST_F(JobTest, ALinkToAFolderIsThatFolder) {
  std::filesystem::create_directory_symlink(folder_.path() / "ckpt/step-1120", folder_.path() / "last");
  const Job job = load("checkpoints: {a: ckpt/step-1120, b: last, c: base}\ntask: task.yaml\n");
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 0, 2}));
}

TEST_F(JobTest, TheOrderOfASumKeepsRecipesApart) {
  // a + b + c and a + c + b round differently, and so may 0.25 a + 0.75 b and 0.75 b + 0.25 a.
  const Job job =
      load(pair_ + "blend: {delta: 0.25, early: late, late: early, weights: {early: 0.75, late: 0.25}}\n");
  EXPECT_EQ(aliases(job), (std::vector<std::size_t>{0, 1}));
}

}  // namespace
}  // namespace wisk::run
