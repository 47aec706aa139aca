// The program on a machine without a GPU (or with its GPUs hidden): it starts, computes on the CPU, lists
// what it sees, and says in one line why it has no GPU when it is told to use one.

#include <dlfcn.h>

#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include <wisk/device/factory.hpp>

#include "e2e/bad_input.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

/// Why this build finds no GPU here: the program's own words.
std::string why_none() {
  ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
  std::string why;
  EXPECT_TRUE(device::list_gpus(why).empty());
  return why;
}

const std::string kExpected = "engine.device: expected a GPU that CUDA can use, found none on ";

TEST(Devices, ARunThatAsksForCudaSaysWhyThereIsNone) {
  const DemoJob job;
  expect_refused(run_program(job.command("run", 0, {"engine.device=cuda"}), cpu_options()), 4,
                 {"wisk: " + kExpected, why_none()});
  EXPECT_FALSE(std::filesystem::exists(job.path("run")));
}

TEST(Devices, SeveralRanksSayItOnce) {
  const DemoJob job;
  const ProgramResult result = run_program(job.command("run", 3, {"engine.device=cuda"}), cpu_options());
  EXPECT_EQ(result.status, 4) << result.error;
  const std::vector<std::string> messages = messages_of(result.error);
  ASSERT_EQ(messages.size(), 1u) << result.error;
  EXPECT_NE(messages[0].find(":0] " + kExpected), std::string::npos) << messages[0];
}

TEST(Devices, GenerateSaysItToo) {
  const std::string folder = (demo_folder() / "checkpoints/step-0005").string();
  expect_refused({"generate", folder, "--prompt", "x", "--max-tokens", "3", "--device", "cuda"}, 4,
                 {kExpected, why_none()});
  expect_refused({"generate", folder, "--prompt", "x", "--device", "tpu"}, 2,
                 {"--device: expected auto, cpu or cuda, found tpu"});
  expect_refused({"generate", folder, "--prompt", "x", "--device", "gpu"}, 2,
                 {"--device: expected auto, cpu or cuda, found gpu (did you mean \"cuda\"?)"});
}

/// The job file has the same limit; a GPU's memory is taken for so many.
TEST(Devices, ABatchHasALimit) {
  const std::string folder = (demo_folder() / "checkpoints/step-0005").string();
  for (const char* batch : {"65537", "2147483647", "-1"}) {
    expect_refused({"generate", folder, "--prompt", "x", "--max-batch", batch}, 2,
                   {std::string("--max-batch: expected a whole number from 0 to 65536, found ") + batch});
  }
}

TEST(Devices, AutoAndCpuComputeTheSame) {
  const auto with = [](const std::string& device) {
    return run_program(wisk_command({"generate", (demo_folder() / "checkpoints/step-0005").string(),
                                     "--prompt", "x", "--max-tokens", "5", "--device", device}),
                       cpu_options());
  };
  const ProgramResult automatic = with("auto"), cpu = with("cpu");
  EXPECT_EQ(automatic.status, 0) << automatic.error;
  EXPECT_EQ(automatic.out, cpu.out);
  EXPECT_FALSE(cpu.out.empty());
}

TEST(Devices, AnUnknownDeviceIsAnInputError) {
  const DemoJob job;
  expect_refused(run_program(job.command("run", 0, {"engine.device=gpu"}), cpu_options()), 3,
                 {"engine.device", "auto, cpu, cuda", "gpu", "did you mean \"cuda\"?"});
}

/// A plan is made on a login node.
TEST(Devices, APlanNeedsNoGpu) {
  const DemoJob job;
  const auto planned = [&](const std::string& device) {
    return run_program(
        wisk_command({"plan", job.path("job.yaml").string(), "--set", "engine.device=" + device}),
        cpu_options());
  };
  EXPECT_EQ(planned("cuda").status, 0);
  const auto memory = [&](const std::string& device) {
    const std::string text = planned(device).out, begin = "\na rank needs about ";
    const std::size_t at = text.find(begin) + begin.size();
    return std::regex_replace(text.substr(at, text.find('\n', at) - at), std::regex("[0-9.]+"), "N");
  };
  // A cache of a given size counts as far as it can be used: here less than a hundredth of a GiB.
  const auto with_cache = [&](const std::string& device, const std::string& size) {
    const ProgramResult result =
        run_program(wisk_command({"plan", job.path("job.yaml").string(), "--set", "engine.device=" + device,
                                  "--set", "engine.kv_cache=" + size}),
                    cpu_options());
    EXPECT_EQ(result.status, 0) << result.error;
    return result.out;
  };
  for (const char* device : {"cpu", "cuda"}) {
    EXPECT_EQ(with_cache(device, "100GiB"), with_cache(device, "50GiB"));
    EXPECT_EQ(with_cache(device, "100GiB").find(" 100."), std::string::npos);
  }
  const std::string on_cpu = "N GiB of host memory", on_gpu = "N GiB of GPU memory and " + on_cpu;
  EXPECT_EQ(memory("cpu"), on_cpu);
  EXPECT_EQ(memory("cuda"), on_gpu);
  EXPECT_EQ(memory("auto"), on_cpu + " on the CPU, " + on_gpu + " on a GPU");
}

TEST(Devices, InspectListsThem) {
  const ProgramResult result = run_program(wisk_command({"inspect", "--devices"}), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_TRUE(result.error.empty()) << result.error;
  EXPECT_EQ(result.out.rfind("CPU    ", 0), 0u) << result.out;
  EXPECT_NE(result.out.find("\nGPU    none: " + why_none() + "\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\nNCCL   "), std::string::npos) << result.out;
}

TEST(Devices, InspectListsThemForMachines) {
  const ProgramResult result = run_program(wisk_command({"inspect", "--devices", "--json"}), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  const json report = json::parse(result.out);
  EXPECT_GE(report["cpu"]["threads"].get<int>(), 1);
  EXPECT_FALSE(report["cpu"]["kernels"].get<std::string>().empty());
  EXPECT_GT(report["cpu"]["available_bytes"].get<std::uint64_t>(), 0u);
  EXPECT_TRUE(report["gpus"].empty());
  EXPECT_EQ(report["why_no_gpus"], why_none());
  EXPECT_EQ(report["nccl"]["version"].get<std::string>().empty(),
            !report["nccl"]["why_not"].get<std::string>().empty());
}

TEST(Devices, ANcclThatIsNotThereIsNoError) {
  ProgramOptions options = cpu_options();
  options.environment.emplace_back("WISK_NCCL_LIBRARY", "/nowhere/libnccl.so.2");
  const ProgramResult result = run_program(wisk_command({"inspect", "--devices"}), options);
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_NE(result.out.find("\nNCCL   none: expected "), std::string::npos) << result.out;
}

/// What `wisk inspect --devices` says of GPUs where the driver's library is a file of `folder`.
std::string gpus_with_driver_of(const TempFolder& folder) {
  ProgramOptions options = cpu_options();
  options.environment.emplace_back("LD_LIBRARY_PATH", folder.path().string());
  const ProgramResult result = run_program(wisk_command({"inspect", "--devices"}), options);
  EXPECT_EQ(result.status, 0) << result.error;
  const std::size_t begin = result.out.find("GPU    ");
  return begin == std::string::npos ? result.out
                                    : result.out.substr(begin, result.out.find('\n', begin) - begin);
}

/// Not "absent": somebody would look for a file that lies there.
TEST(Devices, ADriverThatCannotBeLoadedIsNotCalledAbsent) {
  if (why_none().find("built without CUDA") != std::string::npos) GTEST_SKIP() << why_none();
  const TempFolder folder;
  const std::filesystem::path library = folder.path() / "libcuda.so.1";
  std::ofstream(library) << std::string(200, '?');
  EXPECT_EQ(gpus_with_driver_of(folder),
            "GPU    none: the NVIDIA driver's library libcuda.so.1 is there but cannot be used: " +
                library.string() + ": invalid ELF header");
  Dl_info info{};  // a library, of something else
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(&std::terminate), &info), 0);
  std::filesystem::remove(library);
  std::filesystem::copy_file(std::filesystem::canonical(info.dli_fname), library);
  EXPECT_EQ(gpus_with_driver_of(folder), "GPU    none: the NVIDIA driver's library " + library.string() +
                                             " is there but cannot be used: it has no function cuInit");
}

TEST(Devices, InspectTakesEitherFoldersOrDevices) {
  expect_refused({"inspect", "--devices", (demo_folder() / "checkpoints/step-0005").string()}, 2,
                 {"--devices", "both"});
}

}  // namespace
}  // namespace wisk::test
