// Device groups by NCCL. Its communicators are made without blocking: every call is asked about until it is
// done, failed or late, and what has begun in a stream is asked about in wait().

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>
#include <wisk/comm/nccl.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>

#include "nccl_library.hpp"
#include "patience.hpp"

namespace wisk::comm {
namespace {

/// Where any rank has something to complain about, every rank throws the complaint of the lowest one. `name`:
/// of this rank. Collective.
void complain_together(Communicator& ranks, const std::string& name, const std::string& complaint) {
  const std::optional<int> lowest = lowest_rank(ranks, !complaint.empty());
  if (lowest) throw EnvironmentError(broadcast_string(ranks, "NCCL: " + name + ": " + complaint, *lowest));
}

/// The library, the same version on every rank. Collective.
NcclLibrary load_together(Communicator& ranks, const std::string& name, const std::string& file) {
  NcclLibrary library;
  std::string complaint;
  try {
    library = load_nccl(file);
  } catch (const EnvironmentError& error) {
    complaint = error.what();
  }
  complain_together(ranks, name, complaint);
  const std::string first = broadcast_string(ranks, name, 0);
  std::int32_t version[] = {library.version};
  ranks.broadcast(std::as_writable_bytes(std::span(version)), 0);
  if (version[0] != library.version) {
    complaint = library.file + ": expected NCCL " + version_text(version[0]) + " as on " + first +
                ", found " + version_text(library.version);
  }
  complain_together(ranks, name, complaint);
  return library;
}

/// NCCL takes ranks with different host ids for ranks of different hosts, so that it does not see that they
/// have one GPU. It asks once a process: the same id for all groups.
void pretend_own_host(const Communicator& ranks) {
  const std::string id = ranks.host() + "-wisk-" + std::to_string(::getpid());
  ::setenv("NCCL_HOSTID", id.c_str(), 1);
}

/// Owns a communicator of NCCL.
class NcclGroup final : public DeviceGroup {
 public:
  NcclGroup(Communicator& bootstrap, int device_index, const NcclOptions& options)
      : name_(options.name.empty() ? name_of(bootstrap) : options.name),
        library_(load_together(bootstrap, name_, options.library)),
        rank_(bootstrap.rank()),
        size_(bootstrap.size()),
        limit_(options.limit_seconds),
        where_(name_ + ", GPU " + std::to_string(device_index)),
        exceptions_at_start_(std::uncaught_exceptions()) {
    if (options.share_gpu) pretend_own_host(bootstrap);
    const ncclUniqueId id = agree_on_id(bootstrap);
    try {
      start(id, device_index);
    } catch (...) {
      abort();
      throw;
    }
  }

  ~NcclGroup() override {
    // The device may be gone: its stream, and what it recorded.
    stream_ = nullptr;
    forget_ = nullptr;
    if (std::uncaught_exceptions() > exceptions_at_start_) abort();
    if (end_.valid()) end_.wait_for(kLongestEnd);  // of one that began while a step was recorded
    if (communicator_ == nullptr) return;
    try {
      finish("ncclCommFinalize", library_.finalize(communicator_));
      library_.destroy(communicator_);
    } catch (const Error& error) {
      log_warning(error.what());
    }
  }

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }

  void all_gather(const std::byte* mine, std::byte* all, std::size_t bytes_each, void* stream) override {
    begin("ncclAllGather", stream);
    if (bytes_each == 0) return;
    finish(last_, library_.all_gather(mine, all, bytes_each, ncclUint8, communicator_, stream_));
  }

  void broadcast(std::byte* data, std::size_t bytes, int root, void* stream) override {
    WISK_ASSERT(root >= 0 && root < size_);
    begin("ncclBroadcast", stream);
    if (bytes == 0) return;
    finish(last_, library_.broadcast(data, data, bytes, ncclUint8, root, communicator_, stream_));
  }

  void all_reduce_or(std::uint32_t* words, std::size_t count, void* stream) override {
    begin("ncclAllReduce", stream);
    if (count == 0) return;
    finish(last_, library_.all_reduce(words, words, count, ncclUint32, ncclSum, communicator_, stream_));
  }

  void wait(void* stream) override {
    WISK_ASSERT(communicator_ != nullptr);
    stream_ = static_cast<cudaStream_t>(stream);
    Patience patience(limit_);
    for (;;) {
      const cudaError_t state = ::cudaStreamQuery(stream_);
      if (state == cudaSuccess) break;
      if (state != cudaErrorNotReady) fail(last_, cudaGetErrorString(state));
      check_state();  // an operation that failed on any rank never ends in the stream
      if (!patience.wait()) fail_late("the stream");
    }
    check_state();
  }

  void on_abort(std::function<void()> forget) override { forget_ = std::move(forget); }

 private:
  // Of an abort, which waits for threads and kernels of its own, and until nothing recorded holds its
  // operations. Where those hang, too, the process has to end without it.
  static constexpr auto kLongestEnd = std::chrono::seconds(10);

  /// Ends what is under way on this rank, so that the stream goes on. The other ranks find out by wait().
  void abort() noexcept {
    if (communicator_ == nullptr) return;
    const ncclComm_t communicator = std::exchange(communicator_, nullptr);
    try {
      std::packaged_task<void()> task(
          [abort = library_.abort, communicator] { static_cast<void>(abort(communicator)); });
      end_ = task.get_future();
      std::thread(std::move(task)).detach();
      if (forget_) forget_();
      // What is being recorded is only forgotten when the caller has heard of the failure.
      if (!is_capturing()) end_.wait_for(kLongestEnd);
    } catch (const std::exception& error) {  // no thread to be had
      log_warning(std::string("ncclCommAbort: ") + error.what());
    }
  }

  [[nodiscard]] bool is_capturing() const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    return stream_ != nullptr && ::cudaStreamIsCapturing(stream_, &status) == cudaSuccess &&
           status != cudaStreamCaptureStatusNone;
  }

  /// Made by rank 0, which fails for all. Collective.
  ncclUniqueId agree_on_id(Communicator& bootstrap) {
    ncclUniqueId id{};
    std::string complaint;
    if (rank_ == 0) {
      const ncclResult_t result = library_.get_unique_id(&id);
      if (result != ncclSuccess) complaint = "ncclGetUniqueId failed: " + words_of(result);
    }
    complain_together(bootstrap, name_, complaint);
    bootstrap.broadcast(std::as_writable_bytes(std::span(id.internal)), 0);
    return id;
  }

  void start(const ncclUniqueId& id, int device_index) {
    last_ = "ncclCommInitRankConfig";
    const cudaError_t chosen = ::cudaSetDevice(device_index);
    if (chosen != cudaSuccess) fail("cudaSetDevice", cudaGetErrorString(chosen));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    finish(last_, library_.init_rank(&communicator_, size_, id, rank_, &config));
  }

  void begin(const char* operation, void* stream) {
    WISK_ASSERT(communicator_ != nullptr);
    stream_ = static_cast<cudaStream_t>(stream);
    last_ = operation;
  }

  /// What the communicator says of everything so far.
  ncclResult_t ask() {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t asked = library_.get_async_error(communicator_, &state);
    return asked == ncclSuccess ? state : asked;
  }

  void check_state() {
    const ncclResult_t state = ask();
    if (state != ncclInProgress) check(state);
  }

  void check(ncclResult_t result) {
    if (result != ncclSuccess) fail(last_, words_of(result));
  }

  /// Waits until the operation that returned `result` is under way: then the next may be called.
  void finish(const char* operation, ncclResult_t result) {
    last_ = operation;
    Patience patience(limit_);
    while (result == ncclInProgress && communicator_ != nullptr) {
      result = ask();
      if (result == ncclInProgress && !patience.wait()) fail_late("its start");
    }
    check(result);
  }

  /// NCCL's word for a result and its last message, in one line.
  [[nodiscard]] std::string words_of(ncclResult_t result) const {
    std::string words = library_.error_string(result);
    const char* last = library_.last_error(communicator_);
    if (last != nullptr && *last != '\0') words += std::string(" (") + last + ")";
    std::replace(words.begin(), words.end(), '\n', ' ');
    return words;
  }

  [[noreturn]] void fail(const std::string& operation, const std::string& why) {
    abort();
    throw EnvironmentError(operation + " failed on " + where_ + ": " + why);
  }

  [[noreturn]] void fail_late(const std::string& what) {
    const std::string seconds = std::to_string(std::lround(std::ceil(limit_)));
    fail(last_,
         "expected " + what + " to be done within " + seconds +
             " s, found it waiting: another rank has stopped, or does not reach this one (NCCL_DEBUG=INFO "
             "says more)");
  }

  const std::string name_;  // of this rank
  const NcclLibrary library_;
  const int rank_, size_;
  const double limit_;
  const std::string where_;
  const int exceptions_at_start_;
  ncclComm_t communicator_ = nullptr;  // null: aborted
  const char* last_ = "";              // operation that was called last
  cudaStream_t stream_ = nullptr;      // and in which stream
  std::function<void()> forget_;       // what was recorded
  std::future<void> end_;              // of an abort
};

}  // namespace

std::unique_ptr<DeviceGroup> make_nccl_group(Communicator& bootstrap, int device_index,
                                             const NcclOptions& options) {
  return std::make_unique<NcclGroup>(bootstrap, device_index, options);
}

}  // namespace wisk::comm
