#pragma once
// Copies that a thread begins and waits for (cp.async). They land when they begin or when they are waited
// for: on a GPU it is some time between. Bugs show in one or the other: run both.

#include <source_location>

namespace wisk::test::cuda_on_host {

enum class CopiesLand { kAtIssue, kAtWait };

/// When copies land, while it lives.
class WithCopiesLanding {
 public:
  explicit WithCopiesLanding(CopiesLand when);
  ~WithCopiesLanding();
  WithCopiesLanding(const WithCopiesLanding&) = delete;
  WithCopiesLanding& operator=(const WithCopiesLanding&) = delete;

 private:
  CopiesLand before_;
};

bool copies_land_at_issue();

/// 16 bytes, or zeros.
struct AsyncCopy {
  void* shared = nullptr;
  const void* global = nullptr;
  bool valid = false;
};

/// Counts bytes that copies read from global memory while it lives.
class CountingCopiedBytes {
 public:
  CountingCopiedBytes();
  [[nodiscard]] long count() const;
};

/// Of a copy that begins.
void count_copy(const AsyncCopy& copy);

// Below: of the running thread.

void begin_copy(const AsyncCopy& copy, const std::source_location& where);
void commit_copies();
/// The oldest copy that has to land so that only the youngest `pending` groups have not. False if there is
/// none.
bool take_copy(unsigned pending, AsyncCopy& copy);

/// Of a block that begins: nobody has begun a copy.
void forget_copies(unsigned threads);

}  // namespace wisk::test::cuda_on_host
