// A program for ctest to run under mpiexec: rank 1 fails, the others wait for it; all must end at once with
// status 3.
//   failing_rank abort     rank 1 calls abort_all in the middle of its work
//   failing_rank throw     rank 1 throws through its session, as wisk's main does
//   failing_rank queue     rank 0 throws while the others wait for work and for a barrier

#include <cstdio>
#include <string>
#include <wisk/comm/mpi.hpp>
#include <wisk/comm/work_queue.hpp>
#include <wisk/core/error.hpp>

namespace {

void act(const std::string& how) {
  wisk::comm::MpiSession session;
  const auto world = session.world();
  if (how == "queue") {
    wisk::comm::WorkQueue queue(*world, {{0, 0, 0, 1}, {0, 1, 0, 1}}, world->size());
    if (world->rank() == 0) throw wisk::InputError("problems.jsonl", "a problem", "none");
    while (queue.next()) continue;
  } else if (world->rank() == 1) {
    const auto part = world->split_by_node();
    if (how == "abort") wisk::comm::abort_all(3);
    throw wisk::InputError("job.yaml", "a map", "a list");
  } else {
    world->split_by_node();
  }
  world->barrier();
  std::puts("passed the barrier");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    act(argc > 1 ? argv[1] : "abort");
  } catch (const wisk::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    wisk::comm::abort_all(static_cast<int>(error.status()));
  }
  return 0;
}
