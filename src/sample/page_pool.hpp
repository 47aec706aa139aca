#pragma once
// Which pages of the cache are free, and how many sequences share each of the others.

#include <cstdint>
#include <numeric>
#include <vector>

#include <wisk/core/assert.hpp>

namespace wisk::sample {

/// Counts references to pages. One thread.
class PagePool {
 public:
  explicit PagePool(int pages)
      : references_(static_cast<std::size_t>(pages), 0), free_(static_cast<std::size_t>(pages)) {
    std::iota(free_.rbegin(), free_.rend(), 0);  // page 0 is taken first
  }
  [[nodiscard]] int free() const { return static_cast<int>(free_.size()); }
  [[nodiscard]] int size() const { return static_cast<int>(references_.size()); }

  /// A page with one reference; there must be a free one.
  std::int32_t take() {
    WISK_ASSERT(!free_.empty());
    const std::int32_t page = free_.back();
    free_.pop_back();
    references_[static_cast<std::size_t>(page)] = 1;
    return page;
  }
  void share(std::int32_t page) {
    WISK_ASSERT(references_[static_cast<std::size_t>(page)] > 0);
    ++references_[static_cast<std::size_t>(page)];
  }
  void release(std::int32_t page) {
    WISK_ASSERT(references_[static_cast<std::size_t>(page)] > 0);
    if (--references_[static_cast<std::size_t>(page)] == 0) free_.push_back(page);
  }
  void release(std::vector<std::int32_t>& pages) {
    for (const std::int32_t page : pages) release(page);
    pages.clear();
  }

 private:
  std::vector<std::int32_t> references_;
  std::vector<std::int32_t> free_;
};

}  // namespace wisk::sample
