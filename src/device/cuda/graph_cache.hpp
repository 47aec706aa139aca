#pragma once
// Steps that were recorded, by what they depend on besides the content of memory.

#include <cstdint>
#include <functional>
#include <map>

#include <wisk/device/choosing.hpp>
#include <wisk/device/device.hpp>

#include "runtime.hpp"

namespace wisk::device::cuda {

/// Owns the graphs; one thread.
class GraphCache {
 public:
  /// Does operators(): as they come the first time for a size (kernels are loaded when they first run, and
  /// buffers grow), recorded the second time, repeated from then on.
  void run(StepSize size, Stream stream, const std::function<void()>& operators) {
    Entry& entry = entries_[{size.tokens, size.rows}];
    if (!entry.seen) {
      operators();
      entry.seen = true;  // memory that this moved stays where it is now
      return;
    }
    if (!entry.graph.ready()) entry.graph.capture(stream, operators);
    entry.graph.launch(stream);
  }

  /// Memory has moved, or parameters of kernels change: nothing that was recorded is right any more.
  /// Operators may call it, also while they are recorded: entries stay where they are.
  void forget() {
    for (auto& [size, entry] : entries_) entry = Entry{};
  }

 private:
  struct Entry {
    bool seen = false;
    Graph graph;
  };
  std::map<std::pair<std::int64_t, std::int64_t>, Entry> entries_;  // by tokens and rows
};

}  // namespace wisk::device::cuda
