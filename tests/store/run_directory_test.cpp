#include <wisk/store/run_directory.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wisk/core/error.hpp>

#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

const ResultKeys kKeys = {{"seed", "17"}, {"blend.delta", "[0, 0.5, 1]"}, {"model.dtype", "bfloat16"}};

TEST(RunDirectory, IsMadeAndTakenUpAgain) {
  const test::TempFolder folder;
  const auto path = folder.path() / "runs/first";
  {
    const auto run = RunDirectory::create_or_resume(path, kKeys, "seed: 17\n");
    EXPECT_FALSE(run.resumed());
    EXPECT_TRUE(std::filesystem::is_directory(run.journal()));
    EXPECT_EQ(read_lock(path).process, ::getpid());
    EXPECT_EQ(read_text(run.job()), "seed: 17\n");
    EXPECT_EQ(run.results().filename(), "results.h5");
  }
  EXPECT_EQ(read_lock(path).host, "") << "released";
  const auto again = RunDirectory::create_or_resume(path, kKeys, "seed: 17 # the same\n");
  EXPECT_TRUE(again.resumed());
  EXPECT_EQ(read_text(again.job()), "seed: 17\n");
}

TEST(RunDirectory, AnEmptyFolderIsTakenAndAStartThatWasKilledToo) {
  const test::TempFolder folder;
  std::filesystem::create_directories(folder.path() / "killed/journal");
  folder.write("killed/run.lock", "node1, process 7");
  folder.write("killed/job.yaml.tmp", "se");
  EXPECT_FALSE(RunDirectory::create_or_resume(folder.path() / "killed", kKeys, "x").resumed());
  std::filesystem::create_directory(folder.path() / "empty");
  EXPECT_FALSE(RunDirectory::create_or_resume(folder.path() / "empty", kKeys, "x").resumed());
}

TEST(RunDirectory, AnotherJobIsRefusedAndEveryDifferenceNamed) {
  const test::TempFolder folder;
  (void)RunDirectory::create_or_resume(folder.path() / "run", kKeys, "x");
  const ResultKeys other = {{"seed", "18"}, {"model.dtype", "bfloat16"}, {"task", "gsm8k\nline"}};
  try {
    (void)RunDirectory::create_or_resume(folder.path() / "run", other, "x");
    FAIL();
  } catch (const InputError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("seed: \"17\" there, \"18\" now"), std::string::npos) << what;
    EXPECT_NE(what.find("blend.delta: \"[0, 0.5, 1]\" there, not in this job"), std::string::npos) << what;
    EXPECT_NE(what.find("task: not there, \"gsm8k\\nline\" now"), std::string::npos) << what;
    EXPECT_EQ(what.find("dtype"), std::string::npos) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
  EXPECT_TRUE(RunDirectory::create_or_resume(folder.path() / "run", kKeys, "x").resumed());
}

TEST(RunDirectory, SomebodysFolderIsLeftAlone) {
  const test::TempFolder folder;
  folder.write("mine/thesis.tex", "text");
  folder.write("yaml/job.yaml", "seed: 3");
  folder.write("file", "text");
  EXPECT_THROW((void)RunDirectory::create_or_resume(folder.path() / "mine", kKeys, "x"), InputError);
  EXPECT_THROW((void)RunDirectory::create_or_resume(folder.path() / "yaml", kKeys, "x"), InputError);
  EXPECT_THROW((void)RunDirectory::create_or_resume(folder.path() / "file", kKeys, "x"), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "mine/run.lock"));
  EXPECT_EQ(read_text(folder.path() / "yaml/job.yaml"), "seed: 3");
}

TEST(RunDirectory, BrokenKeysAreAnInputError) {
  const test::TempFolder folder;
  for (const char* text :
       {"", "{", "[]", "{\"format\": 1, \"keys\": 3}", "{\"format\": 2, \"keys\": []}",
        "{\"format\": 1, \"keys\": [[\"a\"]]}", "{\"format\": 1, \"keys\": [[\"a\", 1]]}"}) {
    folder.write("run/run.json", text);
    EXPECT_THROW((void)RunDirectory::create_or_resume(folder.path() / "run", kKeys, "x"), InputError) << text;
  }
}

TEST(RunDirectory, TwoProcessesCannotWorkInIt) {
  const test::TempFolder folder;
  const auto path = folder.path() / "run";
  auto run = RunDirectory::create_or_resume(path, kKeys, "x");
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      (void)RunDirectory::create_or_resume(path, kKeys, "x");
    } catch (const EnvironmentError& error) {
      const std::string holder = "process " + std::to_string(::getppid());
      status = std::string(error.what()).find(holder) != std::string::npos ? 0 : 2;
    }
    ::_exit(status);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const RunDirectory moved = std::move(run);  // the lock moves along
  EXPECT_THROW((void)RunDirectory::create_or_resume(path, kKeys, "x"), EnvironmentError);
}

TEST(ResultKeys, TheHashDependsOnEveryKeyAndValue) {
  const std::uint64_t hash = hash_of(kKeys);
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    ResultKeys other = kKeys;
    other[i].second += "0";
    EXPECT_NE(hash_of(other), hash);
    other = kKeys;
    other[i].first += "0";
    EXPECT_NE(hash_of(other), hash);
  }
  EXPECT_NE(hash_of({{"ab", "c"}}), hash_of({{"a", "bc"}}));
  EXPECT_NE(hash_of({{"a", "b"}, {"c", "d"}}), hash_of({{"c", "d"}, {"a", "b"}}));
}

TEST(ResultKeys, ValuesThatAreNoUtf8StillResume) {
  const test::TempFolder folder;
  const ResultKeys keys = {{"stop", "\xff\xfe"}};
  (void)RunDirectory::create_or_resume(folder.path() / "run", keys, "x");
  EXPECT_TRUE(RunDirectory::create_or_resume(folder.path() / "run", keys, "x").resumed());
}

}  // namespace
}  // namespace wisk::store
