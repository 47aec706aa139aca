// A libnccl without GPUs for the tests: the same functions over host memory. Ranks (processes of one host)
// meet in POSIX shared memory; every communicator has a thread that does its operations in order. What is to
// go wrong on this rank stands in $WISK_FAKE_NCCL, read at every call, separated by commas:
//   version=N    what ncclGetVersion reports          fail=NAME    the function fails at once
//   hang=NAME    the operation never ends             async=NAME   the same, and then an error is found
// A "hang" leaves the operation out on this rank, as one that has stopped would. Like the original,
// communicators don't block: a call returns ncclInProgress, and the next one before the state was seen to be
// success is an error.

#include <fcntl.h>
#include <nccl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "fake_stream.hpp"

namespace {

using wisk::comm::fake::Stream;

constexpr int kMostRanks = 8;
constexpr std::size_t kPiece = std::size_t{1} << 16;

/// The value of a word of $WISK_FAKE_NCCL: "12" for "version" in "version=12"; "" when it is not there.
std::string plan_for(const std::string& word) {
  const char* variable = std::getenv("WISK_FAKE_NCCL");
  const std::string plan = "," + std::string(variable != nullptr ? variable : "") + ",";
  const std::size_t at = plan.find("," + word + "=");
  if (at == std::string::npos) return {};
  const std::size_t from = at + word.size() + 2;
  return plan.substr(from, plan.find(',', from) - from);
}

bool planned(const char* word, const char* name) {
  return plan_for(word) == name;
}

/// Memory that the ranks share; begins as zeros.
struct Meeting {
  std::atomic<std::uint32_t> arrived, round;
  std::array<std::array<std::byte, kPiece>, kMostRanks> given;
};

void rest() {
  std::this_thread::sleep_for(std::chrono::microseconds(50));
}

}  // namespace

struct ncclComm {
  int rank = 0, size = 1;
  std::string name;
  Meeting* meeting = nullptr;
  const Stream* stream = nullptr;  // of the last operation
  std::atomic<bool> aborted = false;
  std::atomic<int> polls_left = 0;  ///< of ncclInProgress
  std::atomic<ncclResult_t> error = ncclSuccess;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> work;
  bool ending = false;
  std::thread thread;

  /// False when the communicator was aborted while it waited for the others.
  bool meet() {
    const std::uint32_t round = meeting->round;
    if (meeting->arrived.fetch_add(1) + 1 == static_cast<std::uint32_t>(size)) {
      meeting->arrived = 0;
      ++meeting->round;
      return true;
    }
    while (meeting->round == round) {
      if (aborted) return false;
      rest();
    }
    return true;
  }

  void hang() const {
    while (!aborted) rest();
  }

  void run() {
    for (;;) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [this] { return ending || !work.empty(); });
        if (work.empty()) return;
        next = std::move(work.front());
        work.pop_front();
      }
      next();
    }
  }

  void add(std::function<void()> task) {
    {
      const std::lock_guard lock(mutex);
      work.push_back(std::move(task));
    }
    wake.notify_all();
  }

  void end() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
    }
    wake.notify_all();
    if (thread.joinable()) thread.join();
    ::munmap(meeting, sizeof(Meeting));
    if (rank == 0) ::shm_unlink(name.c_str());
  }
};

namespace {

std::atomic<const char*> last_error = "";

ncclResult_t refused(const char* words) {
  last_error = words;
  return ncclInvalidUsage;
}

/// Gives the bytes of `root`, or of every rank where it is -1, to take(rank, offset, bytes).
void exchange(ncclComm* comm, const std::byte* mine, std::size_t bytes, int root,
              const std::function<void(int, std::size_t, std::span<const std::byte>)>& take) {
  for (std::size_t offset = 0; offset < bytes; offset += kPiece) {
    const std::size_t now = std::min(kPiece, bytes - offset);
    if (root < 0 || root == comm->rank) {
      std::memcpy(comm->meeting->given[static_cast<std::size_t>(comm->rank)].data(), mine + offset, now);
    }
    if (!comm->meet()) return;
    for (int r = 0; r < comm->size; ++r) {
      if (root < 0 || r == root)
        take(r, offset, std::span(comm->meeting->given[static_cast<std::size_t>(r)]).first(now));
    }
    if (!comm->meet()) return;
  }
}

/// Puts an operation into the stream.
ncclResult_t enqueue(const char* name, ncclComm* comm, cudaStream_t cuda_stream, std::function<void()> task) {
  auto* stream = reinterpret_cast<Stream*>(cuda_stream);
  comm->stream = stream;
  if (comm->polls_left > 0) return refused("the call ahead is not in the stream yet");
  if (comm->error != ncclSuccess) return refused("called after an error");
  if (planned("fail", name)) {
    last_error = "the test said so";
    return ncclInternalError;
  }
  ++stream->pending;
  const bool hangs = planned("hang", name), fails = planned("async", name);
  comm->add([=, task = std::move(task)] {
    if (fails) {  // when nobody asks about the call any more
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      last_error = "connection closed by the test";
      comm->error = ncclRemoteError;
    }
    hangs || fails ? comm->hang() : task();
    --stream->pending;
  });
  comm->polls_left = 3;
  return ncclInProgress;
}

void add_words(std::uint32_t* sum, std::span<const std::byte> words) {
  for (std::size_t i = 0; i < words.size() / sizeof(std::uint32_t); ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, words.data() + i * sizeof word, sizeof word);
    sum[i] += word;
  }
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  const std::string planned_version = plan_for("version");
  *version = planned_version.empty() ? NCCL_VERSION_CODE : std::atoi(planned_version.c_str());
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (planned("fail", "ncclGetUniqueId")) return ncclSystemError;
  static std::atomic<int> count = 0;
  const std::string name = "/wisk-fake-nccl-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  std::memset(id->internal, 0, sizeof id->internal);
  std::memcpy(id->internal, name.data(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* result, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  if (config->blocking != 0 || size > kMostRanks) return refused("expected at most 8 ranks, not blocking");
  if (planned("fail", "ncclCommInitRankConfig")) {
    last_error = "no fake network";
    return ncclSystemError;
  }
  const int file = ::shm_open(id.internal, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Meeting)) != 0) return ncclSystemError;
  void* memory = ::mmap(nullptr, sizeof(Meeting), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) return ncclSystemError;
  auto* comm = new ncclComm;
  comm->rank = rank;
  comm->size = size;
  comm->name = id.internal;
  comm->meeting = static_cast<Meeting*>(memory);
  comm->polls_left = 1 << 30;  // until the ranks have met
  const bool hangs = planned("hang", "ncclCommInitRankConfig");
  comm->add([comm, hangs] {
    if (hangs) {
      comm->hang();  // until it is aborted; it never meets the others, who may wait a little longer
    } else if (comm->meet()) {
      comm->polls_left = 0;
    }
  });
  comm->thread = std::thread([comm] { comm->run(); });
  *result = comm;
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (planned("fail", "ncclCommGetAsyncError")) return ncclInternalError;
  *state = comm->error;
  if (comm->error == ncclSuccess && comm->polls_left > 0) {
    --comm->polls_left;
    *state = ncclInProgress;
  }
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  comm->polls_left = 1 << 30;  // until all operations are done
  comm->add([comm] { comm->polls_left = 0; });
  return ncclInProgress;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  comm->end();
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  comm->aborted = true;
  comm->end();
  while (comm->stream != nullptr && comm->stream->recorded > 0) rest();
  delete comm;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSystemError:
      return "fake system error";
    case ncclRemoteError:
      return "fake remote error";
    case ncclInvalidUsage:
      return "fake invalid usage";
    default:
      return "fake internal error";
  }
}

const char* ncclGetLastError(ncclComm_t /*comm*/) {
  return last_error;
}

ncclResult_t ncclAllGather(const void* mine, void* all, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  if (type != ncclUint8) return refused("expected bytes");
  return enqueue("ncclAllGather", comm, stream, [=] {
    exchange(comm, static_cast<const std::byte*>(mine), count, -1, [&](int r, std::size_t offset, auto part) {
      std::memcpy(static_cast<std::byte*>(all) + static_cast<std::size_t>(r) * count + offset, part.data(),
                  part.size());
    });
  });
}

ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclUint8) return refused("expected bytes");
  return enqueue("ncclBroadcast", comm, stream, [=] {
    exchange(comm, static_cast<const std::byte*>(from), count, root,
             [&](int /*root*/, std::size_t offset, auto part) {
               std::memcpy(static_cast<std::byte*>(to) + offset, part.data(), part.size());
             });
  });
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclUint32 || operation != ncclSum) return refused("expected sums of 32-bit words");
  return enqueue("ncclAllReduce", comm, stream, [=] {
    const auto* mine = static_cast<const std::byte*>(from);
    const std::vector<std::byte> given(mine, mine + count * sizeof(std::uint32_t));
    std::vector<std::uint32_t> sum(count, 0);
    exchange(comm, given.data(), given.size(), -1, [&](int /*rank*/, std::size_t offset, auto part) {
      add_words(sum.data() + offset / sizeof(std::uint32_t), part);
    });
    std::memcpy(to, sum.data(), count * sizeof(std::uint32_t));
  });
}
}
