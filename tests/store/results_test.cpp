#include <wisk/store/results.hpp>

#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "full_disk.hpp"
#include "hdf5_handle.hpp"
#include "results_format.hpp"
#include "results_plan.hpp"
#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

using test_data::kJob;
using test_data::plan;
using test_data::write_journals;

/// results.h5 of all samples of the plan, spread over some journals; the folder must outlive it.
std::filesystem::path written(const test::TempFolder& folder, std::uint32_t journals = 1,
                              std::uint32_t samples = 8) {
  const auto run = folder.path() / std::to_string(journals);
  std::filesystem::create_directories(run);
  write_journals(run, journals, samples);
  write_results(run / "results.h5", plan(), Journal::read(run, kJob));
  return run / "results.h5";
}

TEST(Results, ReadBackWhatWasWritten) {
  const test::TempFolder folder;
  const Results results = read_results(written(folder));
  const ResultsPlan expected = plan();
  EXPECT_EQ(results.plan.problems, expected.problems);
  EXPECT_EQ(results.plan.k, expected.k);
  EXPECT_EQ(results.plan.provenance.name, "demo");
  EXPECT_EQ(results.plan.provenance.job_yaml, expected.provenance.job_yaml);
  EXPECT_EQ(results.plan.provenance.seed, 17u);
  EXPECT_EQ(results.plan.provenance.hosts, expected.provenance.hosts);
  EXPECT_EQ(results.plan.provenance.input_sha256, expected.provenance.input_sha256);
  ASSERT_EQ(results.plan.arms.size(), 3u);
  EXPECT_EQ(results.plan.arms[1].recipe_in_words, expected.arms[1].recipe_in_words);
  EXPECT_EQ(results.plan.arms[1].delta, 0.25);
  EXPECT_TRUE(std::isnan(results.plan.arms[2].delta));
  EXPECT_EQ(results.plan.arms[2].step, 9);
  EXPECT_EQ(results.plan.arms[2].sampled_as, 0u);
  EXPECT_EQ(results.plan.arms[1].weights_hash, 0xBBBBu);
  EXPECT_EQ(results.plan.arms[2].weights_hash, 0xAAAAu);
  EXPECT_EQ(results.missing_samples, 0);
  EXPECT_EQ(results.interval_method, stats::kIntervalMethod);
}

TEST(Results, TablesAreTheCountsOfTheSamples) {
  const test::TempFolder folder;
  const Results results = read_results(written(folder));
  for (std::uint32_t arm = 0; arm < 3; ++arm) {
    std::vector<std::int64_t> verdicts(kVerdicts);
    double tokens = 0;
    std::vector<double> pass(4);
    std::vector<std::vector<double>> of_problems(4);
    for (std::uint32_t problem = 0; problem < 5; ++problem) {
      std::int64_t correct = 0, truncated = 0;
      for (std::uint32_t number = 0; number < 8; ++number) {
        const SampleRecord sample = test_data::sample(arm == 2 ? 0 : arm, problem, number);
        correct += sample.verdict == Verdict::kCorrect;
        truncated += sample.finish == FinishReason::kLength;
        verdicts[static_cast<std::size_t>(sample.verdict)] += 1;
        tokens += static_cast<double>(sample.tokens.size());
      }
      EXPECT_EQ(results.n[arm * 5 + problem], 8);
      EXPECT_EQ(results.c[arm * 5 + problem], correct);
      EXPECT_EQ(results.truncated[arm * 5 + problem], truncated);
      for (std::size_t k = 0; k < 4; ++k) {
        of_problems[k].push_back(stats::pass_at_k(8, correct, std::int64_t{1} << k));
        pass[k] += of_problems[k].back() / 5;
      }
    }
    for (std::size_t v = 0; v < verdicts.size(); ++v)
      EXPECT_EQ(results.verdicts[arm * kVerdicts + v], verdicts[v]);
    EXPECT_DOUBLE_EQ(results.mean_tokens[arm], tokens / 40);
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(results.pass(arm, k).mean, pass[k], 1e-15);
      EXPECT_EQ(results.pass(arm, k).low, stats::mean_interval(of_problems[k]).low);
    }
  }
}

TEST(Results, SamplesReadBackAreThoseOfTheJournal) {
  const test::TempFolder folder;
  const auto file = written(folder, 2);
  const Results results = read_results(file);
  const stats::Samples samples = read_samples(file, results);
  const stats::Samples expected =
      columns_of(plan(), Journal::read(file.parent_path(), kJob));  // the journals are beside it
  EXPECT_EQ(samples.cell_begin, expected.cell_begin);
  EXPECT_EQ(samples.cell_end, expected.cell_end);
  EXPECT_EQ(samples.number, expected.number);
  EXPECT_EQ(samples.verdict, expected.verdict);
  EXPECT_EQ(samples.finish, expected.finish);
  EXPECT_EQ(samples.answer, expected.answer);
  EXPECT_EQ(samples.tokens, expected.tokens);
  EXPECT_EQ(samples.logprob, expected.logprob);
  EXPECT_EQ(samples.tokens_hash, expected.tokens_hash);
  EXPECT_EQ(samples.path, expected.path);
  EXPECT_EQ(samples.thinks, expected.thinks);
  for (std::uint32_t problem = 0; problem < 5; ++problem) {
    const stats::Cell shared(samples, 2, problem), own(samples, 0, problem);
    EXPECT_EQ(shared.begin(), own.begin()) << "an arm that shares samples has their rows";
    for (std::size_t row = own.begin(); row < own.end(); ++row) {
      const SampleRecord record =
          test_data::sample(0, problem, static_cast<std::uint32_t>(samples.number[row]));
      const bool votes = record.verdict == Verdict::kCorrect || record.verdict == Verdict::kWrong;
      EXPECT_EQ(samples.answer[row] >= 0, votes && !record.answer.empty());
      for (std::size_t other = own.begin(); other < row; ++other) {
        if (samples.answer[row] < 0 || samples.answer[other] < 0) continue;
        const SampleRecord earlier =
            test_data::sample(0, problem, static_cast<std::uint32_t>(samples.number[other]));
        EXPECT_EQ(samples.answer[row] == samples.answer[other], record.answer == earlier.answer);
      }
    }
  }
}

TEST(Results, TextsOfSomeRowsReadBack) {
  const test::TempFolder folder;
  const auto file = written(folder);
  const std::vector<std::size_t> rows = {0, 7, 8, 79};
  const auto texts = read_sample_texts(file, rows, 1000), cut = read_sample_texts(file, rows, 2);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(rows[i]);
    const SampleRecord record = test_data::sample(row / 40, row / 8 % 5, row % 8);
    EXPECT_EQ(texts[i].text, record.text);
    EXPECT_EQ(texts[i].answer, utf8_or_replaced(record.answer));
    EXPECT_EQ(cut[i].text, record.text.substr(0, 2));
  }
}

TEST(Results, WhatIsKnownOfProblemsAndEndsReadsBack) {
  const test::TempFolder folder;
  write_journals(folder.path(), 1);
  ResultsPlan with = plan();
  with.provenance.task = "sums";
  with.arms[1].early = "step-1";
  with.arms[1].late = "step-9";
  with.about.question = {"1+1?", "", "three\nlines", "p4", "p5"};
  with.about.gold = {"2", "3", "4", "5", "6"};
  with.about.split = {"choose", "report", "", "choose", "report"};
  with.about.fields = {{"level", {"1", "2", "", "4", "5"}},
                       {"a b", {"1", "1", "1", "1", "1"}},
                       {"a_b", {"2", "2", "2", "2", "2"}}};
  write_results(folder.path() / "r.h5", with, Journal::read(folder.path(), kJob));
  const ResultsPlan found = read_results(folder.path() / "r.h5").plan;
  EXPECT_EQ(found.provenance.task, "sums");
  EXPECT_EQ(found.arms[1].early, "step-1");
  EXPECT_EQ(found.arms[1].late, "step-9");
  EXPECT_EQ(found.arms[0].early, "");
  EXPECT_EQ(found.about.question, with.about.question);
  EXPECT_EQ(found.about.gold, with.about.gold);
  EXPECT_EQ(found.about.split, with.about.split);
  EXPECT_EQ(found.about.fields, with.about.fields);
}

TEST(Results, BytesDoNotDependOnHowSamplesAreSpread) {
  const test::TempFolder folder;
  const std::string one = read_text(written(folder, 1));
  EXPECT_EQ(read_text(written(folder, 2)), one);
  EXPECT_EQ(read_text(written(folder, 4)), one);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "4/results.h5.tmp"));
}

TEST(Results, AnInterruptedRunSaysWhatIsMissing) {
  const test::TempFolder folder;
  const Results results = read_results(written(folder, 1, 3));
  EXPECT_EQ(results.missing_samples, 2 * 5 * 5) << "an arm that shares samples misses none of its own";
  EXPECT_FALSE(std::isnan(results.pass(0, 1).mean));  // k = 2 of 3 samples
  EXPECT_TRUE(std::isnan(results.pass(0, 2).mean));   // k = 4
  std::filesystem::create_directory(folder.path() / "none");
  write_results(folder.path() / "none/r.h5", plan(), Journal::read(folder.path() / "none", kJob));
  const Results none = read_results(folder.path() / "none/r.h5");
  EXPECT_EQ(none.missing_samples, 2 * 5 * 8);
  EXPECT_TRUE(std::isnan(none.pass(0, 0).mean));
  EXPECT_TRUE(std::isnan(none.mean_tokens[0]));
}

TEST(Results, CountsOfTheRanksMustAgreeWithTheJournal) {
  const test::TempFolder folder;
  write_journals(folder.path(), 2);
  const Journal journal = Journal::read(folder.path(), kJob);
  stats::Counts counts(3, 5);
  for (const auto& entry : journal.samples()) {
    counts.add(entry.id.arm, entry.id.problem, entry.verdict, entry.finish, entry.tokens);
  }
  write_results(folder.path() / "r.h5", plan(), journal, &counts);
  counts.add(1, 3, Verdict::kCorrect, FinishReason::kLength, 1);
  try {
    write_results(folder.path() / "r.h5", plan(), journal, &counts);
    FAIL();
  } catch (const EnvironmentError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("1 cells (arm delta=0.25, problem p4: the journal has 8 samples"), std::string::npos)
        << what;
  }
}

TEST(Results, SamplesOutsideThePlanAndImpossibleKAreInputErrors) {
  const test::TempFolder folder;
  ResultsPlan k_too_large = plan();
  k_too_large.k = {1, 9};
  const auto empty = folder.path() / "empty";
  std::filesystem::create_directory(empty);
  EXPECT_THROW(write_results(empty / "r.h5", k_too_large, Journal::read(empty, kJob)), InputError);
  const SampleId outside[] = {{3, 0, 0}, {0, 5, 0}, {0, 0, 8}, {2, 0, 0}};  // the last arm shares samples
  for (const SampleId& id : outside) {
    const auto run = folder.path() / std::to_string(id.arm * 100 + id.problem * 10 + id.sample);
    std::filesystem::create_directory(run);
    SampleRecord sample = test_data::sample(0, 0, 0);
    sample.id = id;
    JournalWriter(run, "rank0", kJob).append(sample);
    EXPECT_THROW(write_results(run / "r.h5", plan(), Journal::read(run, kJob)), InputError);
    EXPECT_FALSE(std::filesystem::exists(run / "r.h5"));
  }
}

TEST(Results, WeightsThatContradictTheJournalAreRefused) {
  const test::TempFolder folder;
  write_journals(folder.path(), 1);
  ResultsPlan other = plan();
  other.arms[1].weights_hash = 0xCCCC;
  EXPECT_THROW(write_results(folder.path() / "r.h5", other, Journal::read(folder.path(), kJob)), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "r.h5.tmp"));
}

TEST(Results, AFolderThatCannotBeWrittenIsAnEnvironmentError) {
  const test::TempFolder folder;
  write_journals(folder.path(), 1);
  EXPECT_THROW(write_results("/proc/none/r.h5", plan(), Journal::read(folder.path(), kJob)),
               EnvironmentError);
}

TEST(Results, AFullDiskLeavesTheOldFileAndNoHalfOne) {
  const test::TempFolder folder;
  const auto file = written(folder);
  const std::string before = read_text(file);
  ResultsPlan longer = plan();
  longer.provenance.name = "another";
  {
    const test_data::FullDisk full(before.size() / 2);
    EXPECT_THROW(write_results(file, longer, Journal::read(file.parent_path(), kJob)), EnvironmentError);
  }
  EXPECT_EQ(read_text(file), before);
  EXPECT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
}

TEST(Results, FilesThatAreNoneAreInputErrors) {
  const test::TempFolder folder;
  EXPECT_THROW(read_results(folder.path() / "nothing.h5"), InputError);
  EXPECT_THROW(read_results(folder.path()), InputError);
  EXPECT_THROW(read_results(folder.write("text.h5", "not HDF5")), InputError);
  EXPECT_THROW(read_results(folder.write("empty.h5", "")), InputError);
  const std::string bytes = read_text(written(folder));
  EXPECT_THROW(read_results(folder.write("half.h5", bytes.substr(0, bytes.size() / 2))), InputError);
  const std::string foreign = (folder.path() / "foreign.h5").string();
  H5Fclose(H5Fcreate(foreign.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  EXPECT_THROW(read_results(foreign), InputError);
}

TEST(Results, AVariableOfAnotherShapeOrElsewhereIsAnInputError) {
  const test::TempFolder folder;
  std::uint32_t changes = 0;
  const auto change = [&](const char* name, const auto& replace) {
    const auto file = folder.path() / "changed.h5";
    std::filesystem::copy_file(written(folder, ++changes), file,
                               std::filesystem::copy_options::overwrite_existing);
    {
      const Handle open(H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
      EXPECT_GE(H5Ldelete(open.get(), name, H5P_DEFAULT), 0);
      replace(open.get());
    }
    try {
      read_results(file);
      ADD_FAILURE() << name;
    } catch (const InputError& error) {
      EXPECT_NE(error.where().find(name), std::string::npos) << error.what();
    }
  };
  change("n", [](hid_t) {});
  change("c", [](hid_t file) { H5Lcreate_external("other.h5", "/c", file, "c", H5P_DEFAULT, H5P_DEFAULT); });
  change("pass_at_k", [](hid_t file) {
    const hsize_t shape[] = {3, 3};
    const Handle space(H5Screate_simple(2, shape, nullptr), H5Sclose);
    H5Dclose(
        H5Dcreate2(file, "pass_at_k", H5T_IEEE_F64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  });
  change("k", [](hid_t file) {
    const hsize_t shape[] = {hsize_t{1} << 40};
    const Handle space(H5Screate_simple(1, shape, nullptr), H5Sclose);
    H5Dclose(H5Dcreate2(file, "k", H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  });
}

TEST(Results, DimensionScalesAreWhatTheHdf5LibraryExpects) {
  const test::TempFolder folder;
  const Handle file(H5Fopen(written(folder).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const auto open = [&](const char* name) {
    return Handle(H5Dopen2(file.get(), name, H5P_DEFAULT), H5Dclose);
  };
  const auto attached = [&](const char* variable, const char* scale, unsigned axis) {
    return H5DSis_attached(open(variable).get(), open(scale).get(), axis) > 0;
  };
  for (const char* scale :
       {"arm", "problem", "k", "verdict", "samples/row", "samples/token", "samples/byte"}) {
    EXPECT_GT(H5DSis_scale(open(scale).get()), 0) << scale;
  }
  EXPECT_TRUE(attached("n", "arm", 0));
  EXPECT_TRUE(attached("n", "problem", 1));
  EXPECT_FALSE(attached("n", "arm", 1));
  EXPECT_TRUE(attached("pass_at_k", "k", 1));
  EXPECT_TRUE(attached("verdicts", "verdict", 1));
  EXPECT_TRUE(attached("delta", "arm", 0));
  EXPECT_TRUE(attached("samples/verdict", "samples/row", 0));
  EXPECT_TRUE(attached("samples/token_id", "samples/token", 0));
  EXPECT_TRUE(attached("samples/text", "samples/byte", 0));
  EXPECT_EQ(H5DSget_num_scales(open("pass_at_k_low").get(), 1), 1);
}

TEST(Results, EverySampleIsARowWithItsTokensAndText) {
  const test::TempFolder folder;
  const Handle file(H5Fopen(written(folder).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const auto read = [&]<class T>(const char* name, hid_t type, T) {
    const Handle dataset(H5Dopen2(file.get(), name, H5P_DEFAULT), H5Dclose);
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    EXPECT_GE(H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << name;
    return values;
  };
  const auto arm = read("samples/arm", H5T_NATIVE_INT32, std::int32_t{});
  const auto problem = read("samples/problem", H5T_NATIVE_INT32, std::int32_t{});
  const auto number = read("samples/sample", H5T_NATIVE_INT32, std::int32_t{});
  const auto verdict = read("samples/verdict", H5T_NATIVE_INT8, std::int8_t{});
  const auto logprob = read("samples/logprob", H5T_NATIVE_DOUBLE, double{});
  const auto token_offset = read("samples/token_offset", H5T_NATIVE_INT64, std::int64_t{});
  const auto token_count = read("samples/token_count", H5T_NATIVE_INT64, std::int64_t{});
  const auto text_offset = read("samples/text_offset", H5T_NATIVE_INT64, std::int64_t{});
  const auto text_bytes = read("samples/text_bytes", H5T_NATIVE_INT64, std::int64_t{});
  const auto token = read("samples/token_id", H5T_NATIVE_INT32, std::int32_t{});
  const auto token_logprob = read("samples/token_logprob", H5T_NATIVE_FLOAT, float{});
  const auto text = read("samples/text", H5T_NATIVE_UINT8, std::uint8_t{});
  ASSERT_EQ(arm.size(), 80u);
  for (std::uint32_t row = 0; row < 80; ++row) {
    const SampleRecord expected = test_data::sample(row / 40, row / 8 % 5, row % 8);
    EXPECT_EQ(arm[row], static_cast<std::int32_t>(row / 40));
    EXPECT_EQ(problem[row], static_cast<std::int32_t>(row / 8 % 5));
    EXPECT_EQ(number[row], static_cast<std::int32_t>(row % 8));
    EXPECT_EQ(verdict[row], static_cast<std::int8_t>(expected.verdict));
    EXPECT_EQ(logprob[row], expected.logprob);
    const auto ids = token.begin() + token_offset[row];
    EXPECT_EQ(std::vector<std::int32_t>(ids, ids + token_count[row]), expected.tokens);
    const auto logs = token_logprob.begin() + token_offset[row];
    EXPECT_EQ(std::vector<float>(logs, logs + token_count[row]), expected.logprobs);
    const auto bytes = text.begin() + text_offset[row];
    EXPECT_EQ(std::string(bytes, bytes + text_bytes[row]), expected.text);
  }
}

TEST(Results, LongTokenStreamsCrossChunks) {
  const test::TempFolder folder;
  ResultsPlan one = plan();
  one.arms.resize(1);
  one.problems.resize(1);
  one.k = {1};
  JournalWriter writer(folder.path(), "rank0", kJob);
  for (std::uint32_t number = 0; number < 8; ++number) {
    SampleRecord sample = test_data::sample(0, 0, number);
    sample.tokens.assign(30'000, static_cast<std::int32_t>(number));
    sample.logprobs.assign(30'000, -1.f);
    sample.text.assign(number * 20'000, static_cast<char>('a' + number));
    writer.append(sample);
  }
  write_results(folder.path() / "r.h5", one, Journal::read(folder.path(), kJob));
  const Handle file(H5Fopen((folder.path() / "r.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const Handle dataset(H5Dopen2(file.get(), "samples/token_id", H5P_DEFAULT), H5Dclose);
  std::vector<std::int32_t> tokens(8 * 30'000);
  ASSERT_GE(H5Dread(dataset.get(), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, tokens.data()), 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) ASSERT_EQ(tokens[i], static_cast<std::int32_t>(i / 30'000));
}

TEST(ResultsFormat, TextsBecomeUtf8) {
  EXPECT_EQ(utf8_or_replaced("plain \xC3\xA4 \xF0\x9F\x98\x80"), "plain \xC3\xA4 \xF0\x9F\x98\x80");
  EXPECT_EQ(utf8_or_replaced(std::string_view("a\0b", 3)),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(utf8_or_replaced("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(utf8_or_replaced("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");    // overlong
  EXPECT_EQ(utf8_or_replaced("\xED\xA0\x80").size(), 9u);                 // a surrogate
  EXPECT_EQ(utf8_or_replaced("\xF4\x90\x80\x80").size(), 12u);            // past U+10FFFF
  EXPECT_EQ(utf8_or_replaced("x\xE2\x82"), "x\xEF\xBF\xBD\xEF\xBF\xBD");  // cut off
}

}  // namespace
}  // namespace wisk::store
