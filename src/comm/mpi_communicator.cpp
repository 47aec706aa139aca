#include "mpi_communicator.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <numeric>
#include <vector>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::comm {
namespace {

std::string processor_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  if (MPI_Get_processor_name(name.data(), &length) != MPI_SUCCESS) return "unknown";
  return {name.data(), static_cast<std::size_t>(length)};
}

int as_count(std::size_t bytes) {
  return static_cast<int>(bytes);
}

}  // namespace

void check_mpi(int code, const char* operation) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> words{};
  int length = 0, rank = 0, size = 1;
  MPI_Error_string(code, words.data(), &length);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  throw EnvironmentError(std::string(operation) + " failed on rank " + std::to_string(rank) + " of " +
                         std::to_string(size) + " (host " + processor_name() +
                         "): " + std::string(words.data(), static_cast<std::size_t>(length)));
}

MpiCommunicator::MpiCommunicator(MPI_Comm owned, std::size_t piece)
    : comm_(owned), piece_(piece), exceptions_at_start_(std::uncaught_exceptions()) {
  WISK_ASSERT(piece_ > 0 && piece_ <= kPiece);
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

MpiCommunicator::~MpiCommunicator() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  // Freeing is collective: a rank that is failing does not wait for the others.
  if (finalized == 0 && std::uncaught_exceptions() <= exceptions_at_start_) MPI_Comm_free(&comm_);
}

std::string MpiCommunicator::host() const {
  return processor_name();
}

void MpiCommunicator::barrier() {
  check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
}

void MpiCommunicator::broadcast(std::span<std::byte> data, int root) {
  for (; !data.empty(); data = data.subspan(std::min(piece_, data.size()))) {
    check_mpi(MPI_Bcast(data.data(), as_count(std::min(piece_, data.size())), MPI_BYTE, root, comm_),
              "MPI_Bcast");
  }
}

void MpiCommunicator::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  WISK_ASSERT(all.size() == mine.size() * static_cast<std::size_t>(size_));
  if (all.empty()) return;
  if (all.size() <= piece_) {
    check_mpi(MPI_Allgather(mine.data(), as_count(mine.size()), MPI_BYTE, all.data(), as_count(mine.size()),
                            MPI_BYTE, comm_),
              "MPI_Allgather");
    return;
  }
  const std::vector<std::size_t> bytes(static_cast<std::size_t>(size_), mine.size());
  all_gather_v(mine, all, bytes);
}

void MpiCommunicator::all_gather_v(std::span<const std::byte> mine, std::span<std::byte> all,
                                   std::span<const std::size_t> bytes) {
  const auto ranks = static_cast<std::size_t>(size_), self = static_cast<std::size_t>(rank_);
  WISK_ASSERT(bytes.size() == ranks && bytes[self] == mine.size());
  WISK_ASSERT(std::accumulate(bytes.begin(), bytes.end(), std::size_t{0}) == all.size());
  if (all.empty()) return;
  if (all.size() <= piece_) {
    std::vector<int> counts(ranks), offsets(ranks);
    for (std::size_t r = 0, offset = 0; r < ranks; offset += bytes[r++]) {
      counts[r] = as_count(bytes[r]);
      offsets[r] = as_count(offset);
    }
    check_mpi(MPI_Allgatherv(mine.data(), counts[self], MPI_BYTE, all.data(), counts.data(), offsets.data(),
                             MPI_BYTE, comm_),
              "MPI_Allgatherv");
    return;
  }
  // MPI's offsets are ints: above that each rank's part is a broadcast of its own.
  for (std::size_t r = 0, offset = 0; r < ranks; offset += bytes[r++]) {
    const std::span<std::byte> part = all.subspan(offset, bytes[r]);
    if (r == self && !mine.empty()) std::memcpy(part.data(), mine.data(), mine.size());
    broadcast(part, static_cast<int>(r));
  }
}

template <typename T>
void MpiCommunicator::all_reduce(std::span<T> values, MPI_Datatype type, MPI_Op operation) {
  const std::size_t piece = std::max<std::size_t>(1, piece_ / sizeof(T));
  for (; !values.empty(); values = values.subspan(std::min(piece, values.size()))) {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), as_count(std::min(piece, values.size())), type,
                            operation, comm_),
              "MPI_Allreduce");
  }
}

void MpiCommunicator::all_reduce_sum(std::span<std::int64_t> values) {
  all_reduce(values, MPI_INT64_T, MPI_SUM);
}
void MpiCommunicator::all_reduce_sum(std::span<std::uint64_t> values) {
  all_reduce(values, MPI_UINT64_T, MPI_SUM);
}
void MpiCommunicator::all_reduce_or(std::span<std::uint32_t> values) {
  all_reduce(values, MPI_UINT32_T, MPI_BOR);
}
void MpiCommunicator::all_reduce_max(std::span<double> values) {
  all_reduce(values, MPI_DOUBLE, MPI_MAX);
}

std::unique_ptr<Communicator> MpiCommunicator::split(int color, int key) {
  WISK_ASSERT(color >= 0);
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_, color, key, &part), "MPI_Comm_split");
  return std::make_unique<MpiCommunicator>(part, piece_);
}

std::unique_ptr<Communicator> MpiCommunicator::split_by_node() {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &part),
            "MPI_Comm_split_type");
  return std::make_unique<MpiCommunicator>(part, piece_);
}

// A message is a row of full pieces and one that is shorter, possibly empty: that one ends it.
void MpiCommunicator::send(std::span<const std::byte> data, int to, int tag) {
  for (bool last = false; !last;) {
    const std::size_t now = std::min(piece_, data.size());
    last = now < piece_;
    check_mpi(MPI_Send(data.data(), as_count(now), MPI_BYTE, to, tag, comm_), "MPI_Send");
    data = data.subspan(now);
  }
}

// The length is asked for first: MPI_Recv does not reliably report a message that is longer than the buffer.
std::size_t MpiCommunicator::receive(std::span<std::byte> data, int from, int tag) {
  std::size_t received = 0;
  for (bool last = false; !last;) {
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status;
    int now = 0;
    check_mpi(MPI_Mprobe(from, tag, comm_, &message, &status), "MPI_Mprobe");
    check_mpi(MPI_Get_count(&status, MPI_BYTE, &now), "MPI_Get_count");
    const std::span<std::byte> rest = data.subspan(received);
    if (static_cast<std::size_t>(now) > rest.size()) {
      std::vector<std::byte> unwanted(static_cast<std::size_t>(now));
      MPI_Mrecv(unwanted.data(), now, MPI_BYTE, &message, &status);
      throw EnvironmentError("message with tag " + std::to_string(tag) + " from rank " +
                             std::to_string(from) + " to rank " + std::to_string(rank_) + " (host " + host() +
                             "): expected at most " + std::to_string(rest.size()) + " bytes, found " +
                             std::to_string(now));
    }
    check_mpi(MPI_Mrecv(rest.data(), now, MPI_BYTE, &message, &status), "MPI_Mrecv");
    received += static_cast<std::size_t>(now);
    last = static_cast<std::size_t>(now) < piece_;
  }
  return received;
}

std::optional<int> MpiCommunicator::probe(int tag) {
  int waits = 0;
  MPI_Status status;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, tag, comm_, &waits, &status), "MPI_Iprobe");
  return waits != 0 ? std::optional<int>(status.MPI_SOURCE) : std::nullopt;
}

}  // namespace wisk::comm
