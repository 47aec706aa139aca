#pragma once
// A folder with checkpoints and a task that job files can name.

#include <gtest/gtest.h>

#include <string>
#include <vector>
#include <wisk/core/error.hpp>
#include <wisk/run/job.hpp>

#include "support/temp_folder.hpp"

namespace wisk::run {

/// Owns the folder: ckpt/step-{0020,0112,1120}, base, task.yaml.
class JobTest : public ::testing::Test {
 protected:
  JobTest() {
    for (const char* name : {"ckpt/step-0020", "ckpt/step-0112", "ckpt/step-1120", "base"}) {
      std::filesystem::create_directories(folder_.path() / name);
    }
    folder_.write("task.yaml", "checker: number\n");
  }

  Job load(const std::string& text, const std::vector<std::string>& overrides = {}) {
    return load_job(folder_.write("job.yaml", text), overrides);
  }

  /// What the InputError says, with the folder written as "ROOT"; "" when there was none.
  std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
    try {
      load(text, overrides);
    } catch (const InputError& error) {
      return with_root(error.what());
    }
    return "";
  }

  [[nodiscard]] std::string with_root(std::string text) const {
    const std::string root = folder_.path().string();
    for (std::size_t at = text.find(root); at != std::string::npos; at = text.find(root)) {
      text.replace(at, root.size(), "ROOT");
    }
    return text;
  }

  test::TempFolder folder_;
  /// Two checkpoints and a task, on two lines: what follows starts at line 3.
  const std::string pair_ = "checkpoints: {early: ckpt/step-0112, late: ckpt/step-1120}\ntask: task.yaml\n";
};

inline std::vector<std::string> names_of(const Job& job) {
  std::vector<std::string> names;
  for (const Arm& arm : job.arms) names.push_back(arm.name);
  return names;
}

}  // namespace wisk::run
