// Groups of GPUs over a libnccl of our own: what is exchanged, and every way in which it fails. Runs on 1, 2
// and 4 ranks; no GPU is needed.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>
#include <wisk/comm/mpi.hpp>
#include <wisk/comm/nccl.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>

#include "comm/fake_nccl/fake_stream.hpp"

namespace wisk::comm {
namespace {

/// Sets what goes wrong on this rank, for as long as it lives.
class Planned {
 public:
  explicit Planned(const std::string& plan) { ::setenv("WISK_FAKE_NCCL", plan.c_str(), 1); }
  ~Planned() { ::unsetenv("WISK_FAKE_NCCL"); }
  Planned(const Planned&) = delete;
  Planned& operator=(const Planned&) = delete;
};

class NcclTest : public ::testing::Test {
 protected:
  NcclTest() : world_(make_world_communicator()) {
    options_.library = FAKE_NCCL;
    options_.limit_seconds = 10;
  }
  ~NcclTest() override { world_->barrier(); }

  [[nodiscard]] int rank() const { return world_->rank(); }
  [[nodiscard]] int size() const { return world_->size(); }
  [[nodiscard]] int last() const { return size() - 1; }
  /// "rank R of N (host": what every message has.
  [[nodiscard]] std::string name(int rank) const {
    return "rank " + std::to_string(rank) + " of " + std::to_string(size()) + " (host " + world_->host() +
           ")";
  }
  std::unique_ptr<DeviceGroup> make() { return make_nccl_group(*world_, rank(), options_); }

  /// The message of the EnvironmentError that f throws; "" when it throws none.
  template <class F>
  static std::string error_of(const F& f) {
    try {
      f();
    } catch (const EnvironmentError& error) {
      return error.what();
    }
    return {};
  }

  std::unique_ptr<Communicator> world_;
  NcclOptions options_;
  fake::Stream stream_;
};

void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "\"" << message << "\" lacks \"" << part << "\"";
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

/// Bytes that tell ranks and places apart.
std::vector<std::byte> bytes_of(int rank, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::byte>((i * 7 + static_cast<std::size_t>(rank) * 31 + i / 251) & 0xff);
  return bytes;
}

class NcclSizes : public NcclTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(NcclSizes, AllGatherPutsTheRanksInOrder) {
  const auto group = make();
  EXPECT_EQ(group->rank(), rank());
  EXPECT_EQ(group->size(), size());
  const std::size_t each = GetParam();
  const auto mine = bytes_of(rank(), each);
  std::vector<std::byte> all(each * static_cast<std::size_t>(size())), expected;
  for (int r = 0; r < size(); ++r) {
    const auto part = bytes_of(r, each);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  group->all_gather(mine.data(), all.data(), each, &stream_);
  group->wait(&stream_);
  EXPECT_EQ(all, expected);
  // Again, in place.
  std::fill(all.begin(), all.end(), std::byte{0});
  std::byte* own = all.data() + static_cast<std::size_t>(rank()) * each;
  std::copy(mine.begin(), mine.end(), own);
  group->all_gather(own, all.data(), each, &stream_);
  group->wait(&stream_);
  EXPECT_EQ(all, expected);
}

TEST_P(NcclSizes, BroadcastIsTheRoots) {
  const auto group = make();
  for (const int root : {0, last()}) {
    auto data = bytes_of(rank(), GetParam());
    group->broadcast(data.data(), data.size(), root, &stream_);
    group->wait(&stream_);
    EXPECT_EQ(data, bytes_of(root, GetParam()));
  }
}

TEST_P(NcclSizes, AllReduceOrOfWordsThatOneRankHas) {
  const auto group = make();
  const std::size_t count = GetParam();
  std::vector<std::uint32_t> words(count, 0), expected(count);
  for (std::size_t i = 0; i < count; ++i) {
    expected[i] = 0xff800000u + static_cast<std::uint32_t>(i);  // as floats: infinities and NaNs
    if (i % static_cast<std::size_t>(size()) == static_cast<std::size_t>(rank())) words[i] = expected[i];
  }
  group->all_reduce_or(words.data(), count, &stream_);
  group->wait(&stream_);
  EXPECT_EQ(words, expected);
}

INSTANTIATE_TEST_SUITE_P(Sizes, NcclSizes, ::testing::Values(0, 1, 13, 4096, 200003));

TEST_F(NcclTest, OperationsAreDoneInTheOrderOfTheStream) {
  const auto group = make();
  std::vector<std::byte> data = bytes_of(rank(), 1000), all(1000 * static_cast<std::size_t>(size()));
  group->broadcast(data.data(), data.size(), last(), &stream_);
  group->all_gather(data.data(), all.data(), data.size(), &stream_);
  group->wait(&stream_);
  for (int r = 0; r < size(); ++r) {
    EXPECT_TRUE(std::equal(data.begin(), data.end(), all.begin() + r * 1000));
  }
  EXPECT_EQ(data, bytes_of(last(), 1000));
}

TEST_F(NcclTest, SeveralGroupsLiveSideBySide) {
  const auto half = world_->split(rank() / 2, rank());
  const auto group = make(), part = make_nccl_group(*half, rank(), options_);
  auto data = bytes_of(rank(), 100), other = data;
  group->broadcast(data.data(), data.size(), 0, &stream_);
  part->broadcast(other.data(), other.size(), 0, &stream_);
  group->wait(&stream_);
  EXPECT_EQ(data, bytes_of(0, 100));
  EXPECT_EQ(other, bytes_of(rank() / 2 * 2, 100));
}

TEST_F(NcclTest, RanksThatShareAGpuHaveHostsOfTheirOwn) {
  ::setenv("NCCL_HOSTID", "from the launcher", 1);
  make();
  EXPECT_STREQ(std::getenv("NCCL_HOSTID"), "from the launcher");
  options_.share_gpu = true;
  make();
  const std::string id = std::getenv("NCCL_HOSTID");
  EXPECT_NE(id.find(world_->host()), std::string::npos);
  EXPECT_EQ(id.substr(id.rfind('-') + 1), std::to_string(::getpid()));  // NCCL asks once a process
  ::unsetenv("NCCL_HOSTID");
}

TEST_F(NcclTest, AMissingLibraryIsNamed) {
  options_.library = "/nowhere/libnccl.so.2";
  expect_parts(error_of([&] { make(); }),
               {"NCCL: " + name(0) + ": expected the library /nowhere/libnccl.so.2", "WISK_NCCL_LIBRARY"});
  EXPECT_NE(find_nccl(options_.library).why_not, "");
}

TEST_F(NcclTest, OneRankWithoutTheLibraryIsEveryonesError) {
  if (rank() == last()) options_.library = "/nowhere/libnccl.so.2";
  expect_parts(error_of([&] { make(); }), {name(last()), "/nowhere/libnccl.so.2"});
}

TEST_F(NcclTest, TheVariableNamesTheLibrary) {
  options_.library.clear();
  ::setenv("WISK_NCCL_LIBRARY", FAKE_NCCL, 1);
  EXPECT_EQ(find_nccl().library, FAKE_NCCL);
  EXPECT_EQ(find_nccl().why_not, "");
  make();
  ::setenv("WISK_NCCL_LIBRARY", "/nowhere/else.so", 1);
  expect_parts(error_of([&] { make(); }), {"/nowhere/else.so"});
  ::unsetenv("WISK_NCCL_LIBRARY");
}

/// The ranks of a group are not always the first of the run.
TEST_F(NcclTest, ARankGoesByTheNameThatItIsGiven) {
  options_.name = "rank " + std::to_string(rank() + 40) + " of 99 (host h)";
  options_.library = "/nowhere/libnccl.so.2";
  expect_parts(error_of([&] { make(); }), {"NCCL: rank 40 of 99 (host h): expected the library"});
}

TEST_F(NcclTest, AnOldVersionIsRefused) {
  const Planned planned("version=21703");
  expect_parts(error_of([&] { make(); }), {name(0), "expected NCCL 2.18.0 or newer, found 2.17.3"});
  const Planned ancient("version=2806");
  expect_parts(error_of([&] { make(); }), {"found 2.8.6"});
}

TEST_F(NcclTest, VersionsThatDifferAreRefused) {
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  const Planned planned(rank() == 0 ? "version=22000" : "version=22809");
  expect_parts(error_of([&] { make(); }),
               {name(1), "expected NCCL 2.20.0 as on " + name(0) + ", found 2.28.9"});
}

TEST_F(NcclTest, AMissingFunctionIsNamed) {
  options_.library = FAKE_NCCL_WITHOUT_FUNCTIONS;
  expect_parts(error_of([&] { make(); }),
               {FAKE_NCCL_WITHOUT_FUNCTIONS, "expected NCCL 2.18.0 or newer", "no function nccl"});
}

TEST_F(NcclTest, AStartThatFailsIsNamed) {
  {
    const Planned planned("fail=ncclGetUniqueId");
    expect_parts(error_of([&] { make(); }), {name(0), "ncclGetUniqueId failed: fake system error"});
  }
  const Planned planned("fail=ncclCommInitRankConfig");
  expect_parts(error_of([&] { make(); }),
               {"ncclCommInitRankConfig failed on " + name(rank()) + ", GPU " + std::to_string(rank()),
                "fake system error (no fake network)"});
}

TEST_F(NcclTest, AGpuThatIsNotThereIsNamed) {
  expect_parts(error_of([&] { make_nccl_group(*world_, 99, options_); }),
               {"cudaSetDevice failed on " + name(rank()) + ", GPU 99: no such fake device"});
}

TEST_F(NcclTest, AStartThatHangsEnds) {
  options_.limit_seconds = 0.3;
  const Planned planned(rank() == last() ? "hang=ncclCommInitRankConfig" : "");
  const Stopwatch watch;
  expect_parts(error_of([&] { make(); }), {"ncclCommInitRankConfig failed on " + name(rank()),
                                           "expected its start to be done within 1 s", "another rank"});
  EXPECT_LT(watch.seconds(), 20);
}

TEST_F(NcclTest, AnOperationThatFailsIsNamed) {
  const auto group = make();
  std::vector<std::byte> data(16), all(16 * static_cast<std::size_t>(size()));
  const Planned planned("fail=ncclAllGather");
  expect_parts(error_of([&] { group->all_gather(data.data(), all.data(), 16, &stream_); }),
               {"ncclAllGather failed on " + name(rank()), "fake internal error (the test said so)"});
}

TEST_F(NcclTest, AnErrorInTheStreamIsFound) {
  const auto group = make();
  std::vector<std::byte> data(16), all(16 * static_cast<std::size_t>(size()));
  const Planned planned("async=ncclAllGather");
  expect_parts(
      error_of([&] {
        group->all_gather(data.data(), all.data(), 16, &stream_);
        group->wait(&stream_);
      }),
      {"ncclAllGather failed on " + name(rank()), "fake remote error (connection closed by the test)"});
  EXPECT_EQ(stream_.pending, 0);  // aborted: the stream goes on
}

TEST_F(NcclTest, AnErrorOfCudaIsFound) {
  const auto group = make();
  stream_.error = 700;
  expect_parts(error_of([&] { group->wait(&stream_); }), {name(rank()), "a fake error of CUDA"});
}

/// The others cannot know why: they say what they waited for, and for how long.
TEST_F(NcclTest, ARankThatStopsEndsTheOthers) {
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  options_.limit_seconds = 3;  // the start, too, has to fit on a busy machine
  const auto group = make();
  std::vector<std::uint32_t> words(100);
  if (rank() != last()) {
    const Stopwatch watch;
    expect_parts(error_of([&] {
                   group->all_reduce_or(words.data(), words.size(), &stream_);
                   group->wait(&stream_);
                 }),
                 {"ncclAllReduce failed on " + name(rank()),
                  "expected the stream to be done within 3 s, found it waiting", "another rank"});
    EXPECT_LT(watch.seconds(), 20);
    EXPECT_EQ(stream_.pending, 0);
  }
}

/// As long as something recorded holds its operations a communicator does not end, and would be waited for.
TEST_F(NcclTest, AFailureForgetsWhatWasRecorded) {
  const auto group = make();
  std::vector<std::byte> data(16);
  stream_.recorded = 2;
  group->on_abort([this] { stream_.recorded = 0; });
  const Planned planned("async=ncclBroadcast");
  const Stopwatch watch;
  expect_parts(error_of([&] {
                 group->broadcast(data.data(), 16, 0, &stream_);
                 group->wait(&stream_);
               }),
               {"ncclBroadcast failed on " + name(rank())});
  EXPECT_EQ(stream_.recorded, 0);
  EXPECT_LT(watch.seconds(), 9);
}

/// What is being recorded is forgotten by those who hear of the failure.
TEST_F(NcclTest, AFailureWhileRecordingIsToldAtOnce) {
  static fake::Stream stream;  // the communicator, which nobody waits for, looks at it until it ends
  const auto group = make();
  std::vector<std::byte> data(16);
  stream.recorded = 1;
  stream.capturing = true;
  const Planned planned("fail=ncclBroadcast");
  const Stopwatch watch;
  expect_parts(error_of([&] { group->broadcast(data.data(), 16, 0, &stream); }),
               {"ncclBroadcast failed on " + name(rank())});
  EXPECT_LT(watch.seconds(), 9);
  stream.recorded = 0;
}

/// The device, its stream and what it recorded are gone by then.
TEST_F(NcclTest, AnEndAsksNoDevice) {
  auto group = make();
  bool called = false;
  group->on_abort([&called] { called = true; });
  std::vector<std::byte> data(16);
  auto stream = std::make_unique<fake::Stream>();
  group->broadcast(data.data(), 16, 0, stream.get());
  group->wait(stream.get());
  stream->capturing = true;  // and would be asked about that
  const int asked = fake::times_asked_for_capture;
  try {
    const auto own = std::move(group);
    throw std::runtime_error("something else");
  } catch (const std::runtime_error&) {
  }
  EXPECT_FALSE(called);
  EXPECT_EQ(fake::times_asked_for_capture, asked);
}

TEST_F(NcclTest, AStateThatCannotBeAskedIsAnError) {
  const auto group = make();
  std::vector<std::byte> data(16);
  const Planned planned("hang=ncclBroadcast,fail=ncclCommGetAsyncError");
  expect_parts(error_of([&] { group->broadcast(data.data(), 16, 0, &stream_); }),
               {"ncclBroadcast failed on " + name(rank()), "fake internal error"});
  EXPECT_EQ(stream_.pending, 0);
}

/// What hangs when a group ends keeps nobody for longer than the limit.
TEST_F(NcclTest, AGroupEndsThoughAnOperationHangs) {
  options_.limit_seconds = 2;
  auto group = make();
  std::vector<std::byte> data(16);
  const Planned planned("hang=ncclBroadcast");
  group->broadcast(data.data(), 16, 0, &stream_);
  ::testing::internal::CaptureStderr();
  group.reset();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("ncclCommFinalize failed on " + name(rank())), std::string::npos) << said;
  EXPECT_EQ(stream_.pending, 0);
}

/// After an error on this rank nothing is waited for at all.
TEST_F(NcclTest, AGroupEndsAtOnceWithAnError) {
  options_.limit_seconds = 30;
  std::vector<std::byte> data(16);
  const Stopwatch watch;
  try {
    const auto group = make();
    const Planned planned("hang=ncclBroadcast");
    group->broadcast(data.data(), 16, 0, &stream_);
    throw InputError("what went wrong", "this", "that");
  } catch (const InputError&) {
    EXPECT_EQ(stream_.pending, 0);
  }
  EXPECT_LT(watch.seconds(), 20);
}

/// Without a limit it waits: the last rank comes late, and nothing is wrong.
TEST_F(NcclTest, ALateRankIsWaitedFor) {
  options_.limit_seconds = 0;
  const auto group = make();
  auto data = bytes_of(rank(), 100);
  if (rank() == last()) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  group->broadcast(data.data(), data.size(), last(), &stream_);
  group->wait(&stream_);
  EXPECT_EQ(data, bytes_of(last(), 100));
}

/// Where a real NCCL is installed its functions are found; nothing of it is called but its version.
TEST(NcclOfTheSystem, HasTheFunctions) {
  const NcclFound found = find_nccl();
  if (found.library.empty()) GTEST_SKIP() << found.why_not;
  EXPECT_EQ(found.version.rfind("2.", 0), 0u) << found.version;
}

}  // namespace
}  // namespace wisk::comm
