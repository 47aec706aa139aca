// Decode steps of real shapes, random problems aside: what the engine's forward pass reaches, against the
// multiply-adds and the memory of the same cores in the same run. Random weights.
//   step_bench SHAPE [--batch 1,8,64] [--context 128,4096] [--threads 0] [--shared 0] [--seconds 2]
// SHAPE: smollm2-135m, qwen2.5-0.5b, gemma2-2b. --shared: tokens of the context that all sequences share.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/device/device.hpp>
#include <wisk/model/transformer.hpp>

#include "shapes.hpp"

namespace {

using namespace wisk;
using namespace wisk::bench;

/// Bytes a second that the device's threads read from memory, each its own part.
double read_rate(device::Device& device, const device::Buffer& memory) {
  using Vector = std::uint64_t __attribute__((vector_size(64)));
  const auto* vectors = memory.as<Vector>();
  const auto count = static_cast<std::int64_t>(memory.bytes() / sizeof(Vector)),
             threads = std::int64_t{device.members()};
  double best = 0;
  for (int trial = 0; trial < 5; ++trial) {
    const Stopwatch watch;
    device.for_each(threads, [&](std::int64_t t, int) {
      Vector sum[4] = {};  // enough in flight that memory sets the pace
      for (std::int64_t i = count * t / threads; i + 4 <= count * (t + 1) / threads; i += 4) {
        for (int j = 0; j < 4; ++j) sum[j] += vectors[i + j];
      }
      volatile std::uint64_t sink = (sum[0] + sum[1] + sum[2] + sum[3])[0];
      static_cast<void>(sink);
    });
    best = std::max(best, static_cast<double>(memory.bytes()) / watch.seconds());
  }
  return best;
}

/// One token more of `batch` sequences that have `context` tokens, the first `shared` of them in common.
struct Step {
  std::vector<std::int32_t> ids, positions, page_rows, pages, rows;
  int page_count = 0;
  Step(int batch, int context, int shared) {
    const int each = (context + device::kPageTokens) / device::kPageTokens,
              common = shared / device::kPageTokens;
    page_count = common;
    for (int s = 0; s < batch; ++s) {
      ids.push_back(s);
      positions.push_back(context);
      page_rows.push_back(s * each);
      rows.push_back(s);
      for (int p = 0; p < each; ++p) pages.push_back(p < common ? p : page_count++);
    }
  }
};

int run(int argc, char** argv) {
  if (argc < 2) throw std::runtime_error("expected a shape: smollm2-135m, qwen2.5-0.5b or gemma2-2b");
  const std::string shape = argv[1];
  Options options = {
      {"--batch", "1,8,64"}, {"--context", "128"}, {"--threads", "0"}, {"--shared", "0"}, {"--seconds", "2"}};
  read_options(argc, argv, options);
  const auto device = make_device("cpu", std::stoi(options["--threads"]));
  const model::Architecture a = model::read_architecture(kShapes.at(shape), shape, true);
  model::Weights weights(*device, a, DType::kBFloat16, device::Compute::kBFloat16, {});
  RandomWeights(*device).fill(weights);
  const auto self = comm::make_self_communicator();
  model::Transformer transformer(*device, a, weights, device::Compute::kBFloat16, *self);
  double bandwidth = 0;
  {
    const device::Buffer memory = device->allocate(std::size_t{256} << 20);
    std::memset(memory.data(), 1, memory.bytes());
    bandwidth = read_rate(*device, memory);
  }
  std::printf(
      "%s, %s\nread %.1f GB/s; per cent of the multiply-adds' and of the memory's rate, each measured "
      "between steps\n%6s %8s %10s %10s %8s %8s %8s\n",
      shape.c_str(), device->description().c_str(), bandwidth * 1e-9, "batch", "context", "ms a step",
      "tokens/s", "GFLOP/s", "of peak", "of read");
  const auto parameters = static_cast<double>(a.parameters());
  for (const int context : numbers(options["--context"])) {
    for (const int batch : numbers(options["--batch"])) {
      const Step step(batch, context, std::min(std::stoi(options["--shared"]), context));
      device::KvCache cache = transformer.make_cache(step.page_count);
      const auto forward = [&] {
        transformer.forward({step.ids, step.positions, step.page_rows, step.pages}, cache, step.rows);
      };
      forward();
      forward();
      std::vector<double> seconds, peaks;
      const Stopwatch all;
      while (seconds.size() < 3 || all.seconds() < std::stod(options["--seconds"])) {
        const Stopwatch watch;
        forward();
        seconds.push_back(watch.seconds());
        peaks.push_back(device->peak_rate());
      }
      const double time = median(seconds), layers = static_cast<double>(a.layers.size());
      const double attention = 4.0 * (context + 1) * static_cast<double>(a.query_width()) * layers;
      const double operations = batch * (2 * parameters + attention);
      const double bytes =
          2 * parameters + 4.0 * batch * (context + 1) * static_cast<double>(a.kv_width()) * layers;
      std::printf("%6d %8d %10.2f %10.1f %8.1f %7.0f%% %7.0f%%\n", batch, context, time * 1e3, batch / time,
                  operations / time * 1e-9, 100 * operations / time / median(peaks),
                  100 * bytes / time / bandwidth);
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "step_bench: %s\n", error.what());
    return 2;
  }
}
