#pragma once
// What earlier attempts left, as every rank sees it.

#include <functional>

#include <wisk/comm/communicator.hpp>
#include <wisk/store/journal.hpp>

namespace wisk::run {

/// read() on rank 0, then on the others, again where a rank sees less than another: a network file system may
/// show a host the journals of a while ago, and ranks of one model that begin with different samples would
/// wait for each other forever. Throws EnvironmentError that names the rank when a view is still behind after
/// `patience_seconds`. Collective.
store::Journal read_journal_together(comm::Communicator& world, const std::function<store::Journal()>& read,
                                     double patience_seconds = 90);

}  // namespace wisk::run
