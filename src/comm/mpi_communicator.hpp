#pragma once
// The communicator over MPI.

#include <mpi.h>

#include <wisk/comm/communicator.hpp>

namespace wisk::comm {

/// Throws EnvironmentError "OPERATION failed on rank R of N (host H): MPI's words" unless `code` is
/// MPI_SUCCESS.
void check_mpi(int code, const char* operation);

/// Owns an MPI communicator, freed by the destructor (not while an exception is in flight, nor after
/// MPI_Finalize). Thread-safe as Communicator says.
class MpiCommunicator final : public Communicator {
 public:
  /// MPI counts are ints: longer data go in pieces of at most `piece` bytes (tests make it small).
  static constexpr std::size_t kPiece = std::size_t{1} << 30;

  explicit MpiCommunicator(MPI_Comm owned, std::size_t piece = kPiece);
  ~MpiCommunicator() override;
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] std::string host() const override;
  void barrier() override;
  void broadcast(std::span<std::byte> data, int root) override;
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override;
  void all_gather_v(std::span<const std::byte> mine, std::span<std::byte> all,
                    std::span<const std::size_t> bytes) override;
  void all_reduce_sum(std::span<std::int64_t> values) override;
  void all_reduce_sum(std::span<std::uint64_t> values) override;
  void all_reduce_or(std::span<std::uint32_t> values) override;
  void all_reduce_max(std::span<double> values) override;
  std::unique_ptr<Communicator> split(int color, int key) override;
  std::unique_ptr<Communicator> split_by_node() override;
  void send(std::span<const std::byte> data, int to, int tag) override;
  std::size_t receive(std::span<std::byte> data, int from, int tag) override;
  std::optional<int> probe(int tag) override;

 private:
  template <typename T>
  void all_reduce(std::span<T> values, MPI_Datatype type, MPI_Op operation);

  MPI_Comm comm_;
  std::size_t piece_;
  int exceptions_at_start_;
  int rank_ = 0, size_ = 1;
};

}  // namespace wisk::comm
