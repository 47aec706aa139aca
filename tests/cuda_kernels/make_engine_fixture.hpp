#pragma once
// A checkpoint on an emulated GPU, and engines that are made for it.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include <wisk/core/error.hpp>
#include <wisk/run/model_setup.hpp>

#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::run {

constexpr std::int64_t kLongest = 33 + 6;  // tokens of a sequence

/// Each rank has the whole model.
class EngineOnGpu : public ::testing::Test {
 protected:
  EngineOnGpu() {
    options_.device = DeviceChoice::kCuda;
    topology_ = make_topology(*self_, 1, checkpoints_.architecture);
    place_ranks(*self_, options_, topology_);
    page_ = model::Transformer::page_bytes(checkpoints_.architecture, checkpoints_.compute, 1);
  }

  std::unique_ptr<ResidentModel> blended() {
    auto resident = std::make_unique<ResidentModel>(checkpoints_, options_, topology_);
    resident->blend({{{"late", folder_}}, {1.0}});
    return resident;
  }

  /// The engine, and what was said about memory.
  std::pair<std::unique_ptr<sample::Engine>, std::string> make(ResidentModel& resident,
                                                               const sample::EngineLimits& limits) {
    return make(resident, limits, topology_);
  }
  static std::pair<std::unique_ptr<sample::Engine>, std::string> make(ResidentModel& resident,
                                                                      const sample::EngineLimits& limits,
                                                                      const Topology& topology) {
    ::testing::internal::CaptureStderr();
    std::unique_ptr<sample::Engine> engine;
    try {
      engine = make_engine(resident, limits, topology, kLongest);
    } catch (const EnvironmentError& error) {
      return {nullptr, ::testing::internal::GetCapturedStderr() + error.what()};
    }
    return {std::move(engine), ::testing::internal::GetCapturedStderr()};
  }

  static test::Outcomes draw(sample::Engine& engine) {
    sample::Sampling sampling;
    sampling.seed = 4;
    sampling.parameters.max_tokens = 6;
    const std::vector<test::Problem> problems = {{1, test::prompt_of(1, 1, 90), 2},
                                                 {2, test::prompt_of(33, 2, 90), 2}};
    return test::run_engine(engine, sampling, test::requests_for(problems, 3), 7).outcomes;
  }

  const std::filesystem::path folder_ = test::source_folder() / "tests/golden/models/qwen2";
  const int fewest_ = sample::Engine::pages_for(kLongest) + 1;
  std::unique_ptr<comm::Communicator> self_ = comm::make_self_communicator();
  Checkpoints checkpoints_ = open_checkpoints({folder_}, {});
  EngineOptions options_;
  Topology topology_;
  std::uint64_t page_ = 0;
};

}  // namespace wisk::run
