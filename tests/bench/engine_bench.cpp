// The engine on a real shape with random weights: prompts and samples that share nothing, token ids from the
// prompt to the choice, on any device. Rows of a table.
//   engine_bench SHAPE [--device cpu] [--threads 0] [--batch 64,256] [--prompt 512] [--new 96] [--chunk 8192]
//                [--bandwidth 0] [--arithmetic 0] [--seconds 60]
// Decode: steps in which every sequence of a full batch got one token and nothing else was computed. Prefill:
// prompts with one token each. --bandwidth, --arithmetic: bytes and operations a second of the device as
// measured (gpu_bench, transformers_peer.py); with them each row says what share of their floor it reached:
// every weight once, every key and value of a sequence for each of its tokens; two operations a weight and
// token, and attention's.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/device/device.hpp>
#include <wisk/model/transformer.hpp>
#include <wisk/sample/engine.hpp>

#include "shapes.hpp"

namespace {

using namespace wisk;
using namespace wisk::bench;

class NoText final : public sample::TextWatcher {
 public:
  bool push(std::int32_t /*token*/) override { return false; }
  std::string take_text() override { return {}; }
};

/// One step as seen from outside.
struct StepTime {
  double seconds = 0;
  std::int64_t generated = 0, prefilled = 0;
};

/// Samples one completion of `tokens` tokens for each of `batch` prompts; the time of every step.
std::vector<StepTime> sample_all(sample::Engine& engine, const model::Architecture& a, int batch, int prompt,
                                 int tokens) {
  sample::Sampling sampling;
  sampling.parameters.max_tokens = tokens;
  int given = 0;
  std::vector<StepTime> steps;
  Stopwatch watch;
  sample::EngineCounters before = engine.counters();
  const auto note = [&] {
    const sample::EngineCounters now = engine.counters();
    steps.push_back({watch.seconds(), now.generated_tokens - before.generated_tokens,
                     now.prefill_tokens - before.prefill_tokens});
    before = now;
    watch = {};
  };
  sample::EngineCallbacks callbacks;
  callbacks.next = [&]() -> std::optional<sample::Request> {
    if (given == batch) return std::nullopt;
    sample::Request request;
    request.tag = ++given;
    request.problem_key = static_cast<std::uint64_t>(given);
    for (int i = 0; i < prompt; ++i) {
      request.prompt.push_back(static_cast<std::int32_t>((i * 31 + i * i * 7 + given * 1313) % a.vocabulary));
    }
    request.samples.push_back({});
    return request;
  };
  callbacks.done = [](sample::Drawn&&) {};
  callbacks.interrupted = [&] {
    note();
    return false;
  };
  callbacks.make_watcher = [] { return std::make_unique<NoText>(); };
  engine.run(sampling, callbacks);
  note();
  return steps;
}

struct Limits {
  double bandwidth = 0, arithmetic = 0;  ///< a second; 0: unknown
};

/// What is computed together: tokens of some sequences, each of which sees `context` positions on average;
/// logits of one token a sequence.
struct Load {
  double sequences = 0, tokens = 0, context = 0;
};

/// The least time that it takes; 0 where the limits are not known. Every weight and every key and value of a
/// sequence is read once.
double floor_seconds(const model::Architecture& a, const Limits& limits, const Load& load) {
  if (limits.bandwidth <= 0 || limits.arithmetic <= 0) return 0;
  const auto layers = static_cast<double>(a.layers.size()), parameters = static_cast<double>(a.parameters());
  const double output = static_cast<double>(a.vocabulary * a.width);  // the embedding, which is also lm_head
  const double bytes =
      2 * parameters + 4 * load.sequences * load.context * static_cast<double>(a.kv_width()) * layers;
  const double attention = 4 * load.context * static_cast<double>(a.query_width()) * layers;
  const double operations =
      load.tokens * (2 * (parameters - output) + attention) + load.sequences * 2 * output;
  return std::max(bytes / limits.bandwidth, operations / limits.arithmetic);
}

/// Prints the row of times that computed `tokens` tokens each.
void print_row(const std::string& name, std::vector<double> seconds, double tokens, double floor) {
  if (seconds.empty()) {
    std::printf("SKIPPED: %s: no step to be timed\n", name.c_str());
    return;
  }
  std::sort(seconds.begin(), seconds.end());
  const double middle = seconds[seconds.size() / 2];
  std::printf("| %s | %.0f tokens/s (%.0f to %.0f)", name.c_str(), tokens / middle, tokens / seconds.back(),
              tokens / seconds.front());
  if (floor > 0) std::printf(", %.2f of the floor of %.2f ms", floor / middle, floor * 1e3);
  std::printf(" |\n");
  std::fflush(stdout);
}

void measure(sample::Engine& engine, const model::Architecture& a, const std::string& name, int batch,
             int prompt, int tokens, const Limits& limits) {
  sample_all(engine, a, batch, prompt, 4);  // memory, choice of kernels, graphs
  std::vector<double> whole, decode;
  for (int repeat = 0; repeat < 3; ++repeat) {
    double seconds = 0;
    for (const StepTime& step : sample_all(engine, a, batch, prompt, 1)) seconds += step.seconds;
    whole.push_back(seconds);
  }
  const double all = static_cast<double>(batch) * prompt;
  print_row(name + ", batch " + std::to_string(batch) + ", prefill of " + std::to_string(prompt), whole, all,
            floor_seconds(a, limits, {static_cast<double>(batch), all, prompt / 2.0}));
  for (const StepTime& step : sample_all(engine, a, batch, prompt, tokens)) {
    if (step.generated == batch && step.prefilled == 0) decode.push_back(step.seconds);
  }
  const double context = prompt + tokens / 2.0;
  print_row(name + ", batch " + std::to_string(batch) + ", decode at context " + std::to_string(prompt) +
                " to " + std::to_string(prompt + tokens),
            decode, batch,
            floor_seconds(a, limits, {static_cast<double>(batch), static_cast<double>(batch), context}));
}

int run(int argc, char** argv) {
  if (argc < 2) throw std::runtime_error("expected a shape: smollm2-135m, qwen2.5-0.5b or gemma2-2b");
  const std::string shape = argv[1];
  Options options = {{"--device", "cpu"},  {"--threads", "0"},    {"--batch", "64,256"},
                     {"--prompt", "512"},  {"--new", "96"},       {"--chunk", "8192"},
                     {"--bandwidth", "0"}, {"--arithmetic", "0"}, {"--seconds", "60"}};
  read_options(argc, argv, options);
  const Stopwatch watch;
  const auto device = make_device(options["--device"], std::stoi(options["--threads"]));
  const model::Architecture a = model::read_architecture(kShapes.at(shape), shape, true);
  model::Weights weights(*device, a, DType::kBFloat16, device::Compute::kBFloat16, {});
  RandomWeights(*device).fill(weights);
  const auto self = comm::make_self_communicator();
  model::Transformer transformer(*device, a, weights, device::Compute::kBFloat16, *self);
  const int prompt = std::stoi(options["--prompt"]), tokens = std::stoi(options["--new"]);
  const std::string name = shape + " (" + device->description() + ")";
  for (const int batch : numbers(options["--batch"])) {
    if (watch.seconds() > std::stod(options["--seconds"])) {
      std::printf("SKIPPED: %s, batch %d: no time left\n", name.c_str(), batch);
      continue;
    }
    const int pages = batch * (sample::Engine::pages_for(prompt + tokens) + 2);
    sample::Engine engine(*device, transformer, {batch, std::stoi(options["--chunk"]), pages});
    measure(engine, a, name, batch, prompt, tokens,
            {std::stod(options["--bandwidth"]), std::stod(options["--arithmetic"])});
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "engine_bench: %s\n", error.what());
    return 2;
  }
}
