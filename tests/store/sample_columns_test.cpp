// Samples as columns: what is computed of their texts and tokens, and files whose parts contradict each
// other.
#include <wisk/store/results.hpp>

#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/stats/metric.hpp>
#include <wisk/stats/reasoning_path.hpp>

#include "hdf5_handle.hpp"
#include "results_plan.hpp"
#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

using test_data::kJob;
using test_data::plan;

class SampleColumns : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path file() const { return folder_.path() / "r.h5"; }
  /// All samples of the plan.
  void write(const ResultsPlan& of) const {
    test_data::write_journals(folder_.path(), 1);
    write_results(file(), of, Journal::read(folder_.path(), kJob));
  }
  /// The first values of a variable overwritten.
  template <class T>
  void overwrite(const char* name, hid_t type, const std::vector<T>& first) const {
    const Handle open(H5Fopen(file().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const Handle dataset(H5Dopen2(open.get(), name, H5P_DEFAULT), H5Dclose);
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const hsize_t begin = 0, count = first.size();
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &begin, nullptr, &count, nullptr);
    const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose);
    EXPECT_GE(H5Dwrite(dataset.get(), type, memory.get(), space.get(), H5P_DEFAULT, first.data()), 0) << name;
  }
  [[nodiscard]] std::string error_of_samples() const {
    try {
      read_samples(file(), read_results(file()));
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  test::TempFolder folder_;
};

TEST_F(SampleColumns, AreWhatTheTextsAndTokensSay) {
  ResultsPlan one = plan();
  one.arms.resize(1);
  one.problems.resize(1);
  const std::vector<std::string> texts = {"<think>2+3=5", "2+3=5 </think>", "2+3=6", "five"};
  const std::vector<std::vector<std::int32_t>> tokens = {{1, 2}, {1, 3}, {1, 2}, {1}};
  JournalWriter writer(folder_.path(), "rank0", kJob);
  for (std::uint32_t number = 0; number < 4; ++number) {
    SampleRecord sample = test_data::sample(0, 0, number);
    sample.answer = "2+3=5";
    sample.text = texts[number];
    sample.tokens = tokens[number];
    sample.logprobs.assign(tokens[number].size(), -1.f);
    writer.append(sample);
  }
  const stats::Samples samples = columns_of(one, Journal::read(folder_.path(), kJob));
  EXPECT_EQ(samples.thinks, (std::vector<std::uint8_t>{1, 1, 0, 0}));
  for (std::size_t row = 0; row < 4; ++row)
    EXPECT_EQ(samples.path[row], stats::reasoning_path(texts[row])) << row;
  EXPECT_EQ(samples.path[0], samples.path[1]);
  EXPECT_NE(samples.path[0], samples.path[2]);
  EXPECT_EQ(samples.tokens_hash[0], samples.tokens_hash[2]);
  EXPECT_NE(samples.tokens_hash[0], samples.tokens_hash[1]) << "only the first token is the same";
  EXPECT_NE(samples.tokens_hash[0], samples.tokens_hash[3]);
}

TEST_F(SampleColumns, ThatContradictTheCountsAreRefused) {
  write(plan());
  EXPECT_EQ(error_of_samples(), "no error");
  std::vector<std::int8_t> verdicts;
  for (const Verdict verdict : read_samples(file(), read_results(file())).verdict)
    verdicts.push_back(static_cast<std::int8_t>(verdict));
  verdicts[0] = static_cast<std::int8_t>(
      verdicts[0] == static_cast<std::int8_t>(Verdict::kCorrect) ? Verdict::kWrong : Verdict::kCorrect);
  overwrite("samples/verdict", H5T_NATIVE_INT8, verdicts);
  EXPECT_NE(error_of_samples().find("samples of arm delta=0, problem algebra/1"), std::string::npos)
      << error_of_samples();
}

TEST_F(SampleColumns, OutOfTheirRangeOrOrderAreRefused) {
  write(plan());
  overwrite<std::int8_t>("samples/verdict", H5T_NATIVE_INT8, {kVerdicts});
  EXPECT_NE(error_of_samples().find("samples/verdict"), std::string::npos) << error_of_samples();
  write(plan());
  overwrite<std::int32_t>("samples/problem", H5T_NATIVE_INT32, {-1});
  EXPECT_NE(error_of_samples().find("samples/problem"), std::string::npos) << error_of_samples();
  write(plan());
  overwrite<std::int32_t>("samples/sample", H5T_NATIVE_INT32, {1, 0});
  EXPECT_NE(error_of_samples().find("sorted by arm, problem and sample"), std::string::npos)
      << error_of_samples();
}

TEST_F(SampleColumns, TextsBeyondTheEndAreRefused) {
  write(plan());
  const std::vector<std::size_t> first = {0};
  EXPECT_NO_THROW(read_sample_texts(file(), first, 1000));
  overwrite<std::int64_t>("samples/text_offset", H5T_NATIVE_INT64, {std::int64_t{1} << 40});
  EXPECT_THROW(read_sample_texts(file(), first, 1000), InputError);
}

TEST_F(SampleColumns, LongTextsAreReadInPieces) {
  ResultsPlan one = plan();
  one.arms.resize(1);
  one.problems.resize(1);
  constexpr std::size_t kSizes[] = {9'000'000, 9'000'000, 17'000'000, 10};
  {
    JournalWriter writer(folder_.path(), "rank0", kJob);
    for (std::uint32_t number = 0; number < 4; ++number) {
      SampleRecord sample = test_data::sample(0, 0, number);
      sample.text.assign(kSizes[number], static_cast<char>('a' + number));
      writer.append(sample);
    }
  }
  write_results(file(), one, Journal::read(folder_.path(), kJob));
  const std::vector<std::size_t> rows = {0, 1, 2, 3};
  const auto texts = read_sample_texts(file(), rows, std::size_t{1} << 30);
  for (std::size_t row = 0; row < 4; ++row)
    EXPECT_TRUE(texts[row].text == std::string(kSizes[row], static_cast<char>('a' + row))) << row;
}

TEST_F(SampleColumns, EveryStoredMetricIsTheMeanOfItsValues) {
  write(plan());
  const stats::Samples samples = read_samples(file(), read_results(file()));
  const auto score = stats::scores_of(samples, stats::Score::kMeanLogprob);
  const std::vector<std::int64_t> k = plan().k;
  const Handle open(H5Fopen(file().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  for (const stats::Metric metric :
       {stats::Metric::kPass, stats::Metric::kMajority, stats::Metric::kBest, stats::Metric::kDistinct}) {
    std::vector<double> found(3 * k.size());
    const Handle dataset(H5Dopen2(open.get(), std::string(stats::id_of(metric)).c_str(), H5P_DEFAULT),
                         H5Dclose);
    ASSERT_GE(H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found.data()), 0);
    for (std::size_t arm = 0; arm < 3; ++arm) {
      const auto values = stats::values_of(samples, arm, metric, k, score).of_problem;
      for (std::size_t i = 0; i < k.size(); ++i) {
        double mean = 0;
        for (const double value : values[i]) mean += value / 5;
        EXPECT_NEAR(found[arm * k.size() + i], mean, 1e-12) << stats::id_of(metric) << " " << arm << " " << i;
      }
    }
  }
}

TEST_F(SampleColumns, DecodingOfEachArmReadsBack) {
  ResultsPlan with = plan();
  ArmColumns& arm = with.arms[1];
  arm.temperature = 0.8;
  arm.top_p = 0.9;
  arm.top_k = 40;
  arm.min_p = 0.05;
  arm.max_tokens = 99;
  arm.samples = 11;
  write(with);
  const Results results = read_results(file());
  const ArmColumns& found = results.plan.arms[1];
  EXPECT_EQ(found.temperature, 0.8);
  EXPECT_EQ(found.top_p, 0.9);
  EXPECT_EQ(found.top_k, 40);
  EXPECT_EQ(found.min_p, 0.05);
  EXPECT_EQ(found.max_tokens, 99);
  EXPECT_EQ(found.samples, 11);
  EXPECT_EQ(results.missing_samples, 3 * 5);
  EXPECT_EQ(results.plan.arms[0].temperature, 1);
}

}  // namespace
}  // namespace wisk::store
