#pragma once
// Which half of a split each problem is on.

#include <cstddef>
#include <map>
#include <string>

#include <wisk/task/problem.hpp>

#include "row.hpp"
#include "task_file.hpp"

namespace wisk::task {

/// Asked once for each problem, it counts the sides. A view of the split; not thread-safe.
class SplitSides {
 public:
  explicit SplitSides(const Split& split) : split_(split) {}

  /// By a share the side follows from the id alone. By a field, throws InputError naming file and line when
  /// the row has no such field or its value is no text.
  SplitSide of(const std::string& id, const Row& row);
  /// Throws InputError that counts both sides when one has no problems.
  void check() const;

 private:
  SplitSide by_value(const std::string& value);

  const Split& split_;
  std::size_t choose_ = 0, report_ = 0, neither_ = 0;
  std::map<std::string, std::size_t> values_;  // of the field: how often
};

}  // namespace wisk::task
