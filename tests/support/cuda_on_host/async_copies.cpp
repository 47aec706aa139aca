#include "async_copies.hpp"

#include <memory>

#include "grid.hpp"

namespace wisk::test::cuda_on_host {

namespace {

CopiesLand copies_land = CopiesLand::kAtIssue;
long copied_bytes = 0;

constexpr unsigned kMostCopies = 256, kMostGroups = 16;

/// What one thread began and never waited for: a ring of copies, and where the groups in it end.
struct Pending {
  AsyncCopy copies[kMostCopies];
  unsigned begun = 0, landed = 0;
  unsigned ends[kMostGroups] = {};  // of group i at i % kMostGroups, in copies begun
  unsigned groups = 0;
};

std::unique_ptr<Pending[]> pending;
unsigned pending_size = 0;

Pending& mine() {
  return pending[running_thread()];
}

}  // namespace

WithCopiesLanding::WithCopiesLanding(CopiesLand when) : before_(copies_land) {
  copies_land = when;
}

WithCopiesLanding::~WithCopiesLanding() {
  copies_land = before_;
}

CountingCopiedBytes::CountingCopiedBytes() {
  copied_bytes = 0;
}

long CountingCopiedBytes::count() const {
  return copied_bytes;
}

void count_copy(const AsyncCopy& copy) {
  copied_bytes += copy.valid ? 16 : 0;
}

bool copies_land_at_issue() {
  return copies_land == CopiesLand::kAtIssue;
}

void begin_copy(const AsyncCopy& copy, const std::source_location& where) {
  Pending& my = mine();
  if (my.begun - my.landed == kMostCopies) fail("more copies than the emulator can remember", where);
  my.copies[my.begun++ % kMostCopies] = copy;
}

void commit_copies() {
  Pending& my = mine();
  my.ends[my.groups++ % kMostGroups] = my.begun;
}

bool take_copy(unsigned pending_groups, AsyncCopy& copy) {
  Pending& my = mine();
  if (my.groups <= pending_groups) return false;
  const unsigned end = my.ends[(my.groups - pending_groups - 1) % kMostGroups];
  if (my.landed >= end) return false;
  copy = my.copies[my.landed++ % kMostCopies];
  return true;
}

void forget_copies(unsigned threads) {
  if (threads > pending_size) {
    pending.reset(new Pending[threads]);
    pending_size = threads;
  }
  for (unsigned t = 0; t < threads; ++t) pending[t].begun = pending[t].landed = pending[t].groups = 0;
}

}  // namespace wisk::test::cuda_on_host
