#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <wisk/comm/mpi.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "mpi_communicator.hpp"

namespace wisk::comm {
namespace {

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

bool launched_by_pmi() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "MPI_LOCALNRANKS"}) {
    if (environment(name) != nullptr) return true;
  }
  return false;
}

/// Tasks of the Slurm step that this process is one of; 1 outside of a step. A batch script is no step of
/// that kind.
int slurm_tasks() {
  const char* tasks = environment("SLURM_STEP_NUM_TASKS");
  if (environment("SLURM_PROCID") == nullptr || tasks == nullptr) return 1;
  return std::max(1, std::atoi(tasks));
}

/// What is wrong with the MPI that has just started, or "".
std::string complaint(int provided) {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size > 1 && provided < MPI_THREAD_MULTIPLE) {
    return "MPI gives no MPI_THREAD_MULTIPLE to its " + std::to_string(size) +
           " ranks, which the work queue needs: use an MPI built with it, or start one rank";
  }
  if (size == 1 && !launched_by_pmi() && slurm_tasks() > 1) {
    return "Slurm started " + std::to_string(slurm_tasks()) +
           " tasks but MPI sees one rank: start them with srun --mpi=pmix, or with mpirun";
  }
  return {};
}

}  // namespace

MpiSession::MpiSession() : exceptions_at_start_(std::uncaught_exceptions()) {
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
    throw EnvironmentError("MPI_Init_thread failed");
  }
  if (const std::string wrong = complaint(provided); !wrong.empty()) {
    MPI_Finalize();  // every rank finds the same
    throw EnvironmentError(wrong);
  }
}

MpiSession::~MpiSession() {
  if (std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Finalize();
}

// A member, although it uses none: the call needs a session.
std::unique_ptr<Communicator> MpiSession::world() {
  return make_world_communicator();
}

std::unique_ptr<Communicator> make_world_communicator() {
  int started = 0, provided = MPI_THREAD_SINGLE, size = 1;
  MPI_Initialized(&started);
  WISK_ASSERT(started != 0);
  MPI_Query_thread(&provided);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (const std::string wrong = complaint(provided); !wrong.empty()) throw EnvironmentError(wrong);
  MPI_Comm own = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &own), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(own);
}

bool launched_by_mpi() {
  return launched_by_pmi() || slurm_tasks() > 1;
}

void abort_all(int status) {
  std::cout.flush();
  std::fflush(nullptr);
  int started = 0, finalized = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&finalized);
  if (started != 0 && finalized == 0) MPI_Abort(MPI_COMM_WORLD, status);
  std::_Exit(status);
}

}  // namespace wisk::comm
