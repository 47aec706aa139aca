#pragma once
// Starting a small program and reading what it says.

#include <string>
#include <vector>

namespace wisk::run {

struct ChildOutput {
  int status = -1;   ///< exit status; 127: there is no such program
  std::string text;  ///< standard output and error together
};

/// Waits for its end. No shell is involved. Throws EnvironmentError when no process can be made.
ChildOutput run_child(const std::vector<std::string>& command);

}  // namespace wisk::run
