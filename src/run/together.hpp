#pragma once
// Steps that every rank takes, and whose errors are told once.

#include <exception>
#include <optional>
#include <string>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>

namespace wisk::run {

/// Runs f on every rank at once. Of ranks whose f throws an Error the lowest throws it on; the others wait to
/// be ended with it, so that the user reads one message. Collective.
template <class F>
void one_rank_complains(comm::Communicator& world, const F& f) {
  std::exception_ptr failure;
  try {
    f();
  } catch (const Error&) {
    failure = std::current_exception();
  }
  const std::optional<int> lowest = comm::lowest_rank(world, failure != nullptr);
  if (!lowest) return;
  if (world.rank() == *lowest) std::rethrow_exception(failure);
  world.barrier();  // never passed: the rank that throws ends all
}

/// Whether any rank has some trouble; the lowest one that has warns of it, once for all. Collective.
inline bool one_rank_warns(comm::Communicator& world, const std::string& what, const std::string& trouble) {
  const std::optional<int> lowest = comm::lowest_rank(world, !trouble.empty());
  if (lowest == world.rank()) log_warning(what + trouble);
  return lowest.has_value();
}

/// Runs f on rank 0, then on the others: an error that all would meet is met by one.
template <class F>
auto rank_zero_first(comm::Communicator& world, const F& f) {
  if (world.rank() != 0) world.barrier();
  auto result = f();
  if (world.rank() == 0) world.barrier();
  return result;
}

}  // namespace wisk::run
