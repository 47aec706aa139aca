#pragma once
// Starting and ending MPI, without its header.

#include <memory>
#include <wisk/comm/communicator.hpp>

namespace wisk::comm {

/// Owns the process's MPI: started by the constructor with MPI_THREAD_MULTIPLE, finalised by the destructor.
/// While an exception unwinds the stack the destructor leaves MPI running, because MPI_Finalize would wait
/// for ranks that know nothing of it: whoever catches the exception prints it and calls abort_all. One per
/// process; not thread-safe.
class MpiSession {
 public:
  /// Throws EnvironmentError when MPI doesn't start, gives no MPI_THREAD_MULTIPLE to several ranks, or sees
  /// one rank where Slurm started several tasks.
  MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();
  /// All ranks. Collective; must be gone before the session.
  std::unique_ptr<Communicator> world();

 private:
  int exceptions_at_start_;
};

/// All ranks of an MPI that something else started (the tests' main). Collective.
std::unique_ptr<Communicator> make_world_communicator();

/// True when the environment says that mpiexec, mpirun or srun started this process; a lone `wisk show` then
/// needs no MPI.
bool launched_by_mpi();

/// Ends every rank with `status`, at once: MPI_Abort when MPI runs, otherwise an exit without destructors.
[[noreturn]] void abort_all(int status);

}  // namespace wisk::comm
