// A model that several ranks hold on one GPU, exchanging over NCCL, against the same model on one rank.
#include <gtest/gtest.h>

#include <cstdio>

#include <wisk/comm/mpi.hpp>
#include <wisk/comm/nccl.hpp>

#include "first_gpu.hpp"
#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using device::Compute;

std::unique_ptr<device::Device> gpu(bool graphs) {
  device::cuda::CudaOptions options = first_gpu();
  options.graphs = graphs;
  options.reserve_bytes = 0;
  return device::cuda::make_cuda_device(options);
}

Outcomes draw(device::Device& device, model::Transformer& transformer, double top_p) {
  const std::vector<Problem> problems = {
      {1, prompt_of(1, 1, 90), 8}, {2, prompt_of(33, 2, 90), 8}, {3, prompt_of(70, 3, 90), 8}};
  sample::Sampling sampling;
  sampling.seed = 21;
  sampling.parameters.max_tokens = 24;
  sampling.parameters.top_p = top_p;
  sample::Engine engine(device, transformer, {.max_batch = 8, .prefill_chunk = 16, .pages = 60});
  EngineRun run = run_engine(engine, sampling, requests_for(problems, 3), 5);
  EXPECT_TRUE(run.complete);
  return std::move(run.outcomes);
}

/// Why there is nothing to test; "" where there is.
std::string why_not() {
  std::string why_none;
  if (device::cuda::list_devices(why_none).empty()) return "no GPU: " + why_none;
  const comm::NcclFound nccl = comm::find_nccl();
  return nccl.version.empty() ? "NCCL: " + nccl.why_not : "";
}

TEST(CudaRanksOnOneGpu, AModelInPartsDrawsTheTokensOfOneDevice) {
  if (const std::string reason = why_not(); !reason.empty()) {
    std::printf("\nSKIPPED: %s\n", reason.c_str());  // a line that ctest takes for "skipped"
    GTEST_SKIP();
  }
  const auto world = comm::make_world_communicator();
  const auto self = comm::make_self_communicator();
  const auto group =
      comm::make_nccl_group(*world, 0, {.limit_seconds = 60, .share_gpu = true, .library = {}});
  for (const char* name : {"qwen2", "gemma2"}) {
    for (const bool graphs : {false, true}) {
      const auto path = source_folder() / "tests/golden/models" / name;
      LoadedModel alone(path, gpu(graphs), Compute::kBFloat16, *self);
      if (alone.architecture.slices() % world->size() != 0) continue;
      LoadedModel part(path, gpu(graphs), Compute::kBFloat16, *world);
      model::Transformer grouped(*part.device, part.architecture, part.weights, Compute::kBFloat16, *world,
                                 group.get());
      for (const double top_p : {1.0, 0.8}) {  // filters gather whole rows of logits
        const Outcomes expected = draw(*alone.device, alone.transformer, top_p);
        EXPECT_EQ(draw(*part.device, grouped, top_p), expected)
            << name << (graphs ? ", graphs" : ", no graphs") << ", top_p " << top_p;
      }
    }
  }
}

}  // namespace
}  // namespace wisk::test
