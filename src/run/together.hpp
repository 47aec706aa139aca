#pragma once
// Steps that every rank takes, and whose errors are told once.

#include <cmath>
#include <exception>
#include <limits>
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
  double lowest[] = {failure ? -static_cast<double>(world.rank()) : -std::numeric_limits<double>::infinity()};
  world.all_reduce_max(lowest);
  if (std::isinf(lowest[0])) return;
  if (failure && world.rank() == static_cast<int>(-lowest[0])) std::rethrow_exception(failure);
  world.barrier();  // never passed: the rank that throws ends all
}

/// Whether any rank has some trouble; the lowest one that has warns of it, once for all. Collective.
inline bool one_rank_warns(comm::Communicator& world, const std::string& what, const std::string& trouble) {
  constexpr double kNobody = -std::numeric_limits<double>::infinity();
  double lowest[] = {trouble.empty() ? kNobody : -static_cast<double>(world.rank())};
  world.all_reduce_max(lowest);
  if (std::isinf(lowest[0])) return false;
  if (world.rank() == static_cast<int>(-lowest[0])) log_warning(what + trouble);
  return true;
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
