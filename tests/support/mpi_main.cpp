// main for tests that run under mpiexec (and alone): a failure on any rank fails the program.
#include <gtest/gtest.h>
#include <mpi.h>

#include <memory>

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  ::testing::InitGoogleTest(&argc, argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) delete listeners.Release(listeners.default_result_printer());
  class FailurePrinter : public ::testing::EmptyTestEventListener {
    void OnTestPartResult(const ::testing::TestPartResult& result) override {
      if (result.failed()) {
        int self = 0;
        MPI_Comm_rank(MPI_COMM_WORLD, &self);
        std::fprintf(stderr, "rank %d: %s:%d: %s\n", self, result.file_name() ? result.file_name() : "?",
                     result.line_number(), result.message());
      }
    }
  };
  if (rank != 0) listeners.Append(new FailurePrinter);
  int failed = RUN_ALL_TESTS() != 0 ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return failed;
}
