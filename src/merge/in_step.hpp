#pragma once
// Work that ranks do apart, after which all know whether it went well everywhere.

#include <exception>
#include <filesystem>
#include <functional>
#include <new>
#include <string>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/error.hpp>

namespace wisk::merge {

/// Runs `work` on every rank, waits for all, and throws on every rank if it threw on any: on a rank that
/// failed its own error, on the others the error of the lowest rank that did. Collective.
void in_step(comm::Communicator& world, const std::function<void()>& work);

}  // namespace wisk::merge
