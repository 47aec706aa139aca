#pragma once
// Which machine this is.

#include <string>

namespace wisk {

/// This host's own name; "localhost" where it has none. Nothing is resolved.
std::string host_name();

/// Of the running kernel: differs between hosts and between two starts of one; empty where the system has
/// none.
std::string boot_id();

}  // namespace wisk
