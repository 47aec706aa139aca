// A build without MPI (WISK_ENGINE_ONLY): every process is alone.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <wisk/comm/mpi.hpp>

namespace wisk::comm {

MpiSession::MpiSession() : exceptions_at_start_(std::uncaught_exceptions()) {}

MpiSession::~MpiSession() {
  static_cast<void>(exceptions_at_start_);
}

// NOLINTNEXTLINE(readability-convert-member-functions-to-static): as with MPI, the call needs a session.
std::unique_ptr<Communicator> MpiSession::world() {
  return make_world_communicator();
}

std::unique_ptr<Communicator> make_world_communicator() {
  return make_self_communicator();
}

bool launched_by_mpi() {
  return false;
}

void abort_all(int status) {
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace wisk::comm
