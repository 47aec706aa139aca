// Google Benchmark of what a step consists of, one thread. Figures beside each time:
//   of_peak: multiply-adds against the processor's own rate, measured by a loop of independent ones in the
//            same run; GB/s: bytes that have to be read (and written) once.
//   kernels_bench [--benchmark_filter=...]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include <wisk/core/clock.hpp>
#include <wisk/device/device.hpp>
#include <wisk/sample/choose.hpp>

namespace {

using namespace wisk;
using namespace wisk::device;

Device& cpu() {
  static const std::unique_ptr<Device> kDevice = make_cpu_device({.threads = 1});
  return *kDevice;
}

std::vector<float> values(std::int64_t count) {
  std::mt19937 random(1);
  std::vector<float> all(static_cast<std::size_t>(count));
  for (float& x : all) x = static_cast<float>(random() % 2000) * 1e-3f - 1;
  return all;
}

double peak() {
  static const double kRate = cpu().peak_rate();
  return kRate;
}

/// Runs `body` for the benchmark; operations and bytes are those of one iteration.
template <class Body>
void measure(benchmark::State& state, double operations, double bytes, const Body& body) {
  const Stopwatch watch;
  for (auto _ : state) body();
  const double rate = static_cast<double>(state.iterations()) / watch.seconds();
  if (operations > 0) {
    state.counters["GFLOP/s"] = operations * rate * 1e-9;
    if (peak() > 0) state.counters["of_peak"] = operations * rate / peak();
  }
  state.counters["GB/s"] = bytes * rate * 1e-9;
}

/// The gate projection of a 0.5B model: C = 896, F = 4864, bf16.
void linear(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), c = 896, n = 4864;
  PackedMatrix w = cpu().allocate_matrix(DType::kBFloat16, n, c);
  const std::vector<float> source = values(n * c), x = values(tokens * c);
  const BlendInput inputs[] = {{reinterpret_cast<const std::byte*>(source.data()), DType::kFloat32, 1.0}};
  cpu().blend_matrix(w, inputs, {0, 0, c}, DType::kBFloat16);
  std::vector<float> out(static_cast<std::size_t>(tokens * n));
  const Linear product{x.data(), c, &w, nullptr, out.data(), n, Compute::kFloat32};
  measure(state, 2.0 * static_cast<double>(tokens * c * n), 2.0 * static_cast<double>(c * n), [&] {
    cpu().linear({&product, 1}, tokens);
  });
}
BENCHMARK(linear)->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(256)->Unit(benchmark::kMicrosecond)->UseRealTime();

/// The down projection of a 0.5B model as `slices` partial sums and their tree, as tensor parallelism fixes
/// them: against one slice this is what invariance costs. (The order within a pair of k costs nothing.)
void partial_sums(benchmark::State& state) {
  const std::int64_t slices = state.range(0), tokens = state.range(1), k = 4864, n = 896, part = k / slices;
  std::vector<PackedMatrix> w;
  for (std::int64_t s = 0; s < slices; ++s) w.push_back(cpu().allocate_matrix(DType::kBFloat16, n, part));
  const std::vector<float> x = values(tokens * k);
  std::vector<float> sums(static_cast<std::size_t>(tokens * n)),
      parts(sums.size() * static_cast<std::size_t>(slices));
  std::vector<Linear> products;
  std::vector<const float*> pointers;
  for (std::int64_t s = 0; s < slices; ++s) {
    float* out = parts.data() + s * tokens * n;
    products.push_back(
        {x.data() + s * part, k, &w[static_cast<std::size_t>(s)], nullptr, out, n, Compute::kFloat32});
    pointers.push_back(out);
  }
  measure(state, 2.0 * static_cast<double>(tokens * k * n), 2.0 * static_cast<double>(k * n), [&] {
    cpu().defer();
    cpu().linear(products, tokens);
    cpu().add_parts(pointers, nullptr, tokens, n, true, sums.data());
    cpu().wait();
  });
}
BENCHMARK(partial_sums)->ArgsProduct({{1, 2, 4, 8}, {1, 64}})->Unit(benchmark::kMicrosecond)->UseRealTime();

/// 64 sequences in a decode step, 14 query heads over 2 key/value heads of 64, at a given context.
void attention(benchmark::State& state) {
  const int context = static_cast<int>(state.range(0)), sequences = 64, heads = 14, groups = 2, dim = 64;
  const int pages_each = (context + kPageTokens - 1) / kPageTokens;
  KvCache cache;
  cache.dtype = DType::kBFloat16;
  cache.layers = 1;
  cache.kv_heads = groups;
  cache.head_dim = dim;
  cache.pages = sequences * pages_each;
  cache.data = cpu().allocate(cache.page_bytes() * static_cast<std::size_t>(cache.pages));
  std::vector<std::int32_t> positions(sequences, context - 1), ids(sequences, 0), rows;
  std::vector<std::int32_t> pages(static_cast<std::size_t>(cache.pages));
  for (int s = 0; s < sequences; ++s) rows.push_back(s * pages_each);
  std::iota(pages.begin(), pages.end(), 0);
  const std::vector<float> q = values(std::int64_t{sequences} * heads * dim);
  std::vector<float> out(q.size());
  const AttentionShape shape{heads, groups, dim, 0.125f, 0, 0};
  const double keys = static_cast<double>(sequences) * context;
  measure(state, 2.0 * 2 * keys * heads * dim, 2.0 * 2 * keys * groups * dim, [&] {
    cpu().attention(q.data(), shape, 0, {ids, positions, rows, pages}, cache, Compute::kBFloat16, out.data());
  });
}
BENCHMARK(attention)->Arg(32)->Arg(256)->Arg(2048)->Unit(benchmark::kMicrosecond)->UseRealTime();

Device& all_cores() {
  static const std::unique_ptr<Device> kDevice = make_cpu_device({});
  return *kDevice;
}

/// Memory that no cache holds: a matrix of this size, its ingredients and what it is copied to.
constexpr std::int64_t kColumns = 896, kRows = 65536, kBytes = kRows * kColumns * 2;

Buffer touched(int value) {
  Buffer memory = all_cores().allocate(static_cast<std::size_t>(kBytes));
  std::memset(memory.data(), value, memory.bytes());
  return memory;
}

/// One or two bf16 tensors into a packed matrix, on all cores: bytes read and written.
void blend(benchmark::State& state) {
  const Buffer a = touched(0x3c), b = touched(0x3d);
  PackedMatrix matrix = all_cores().allocate_matrix(DType::kBFloat16, kRows, kColumns);
  std::memset(matrix.data.data(), 1, matrix.data.bytes());
  const bool alone = state.range(0) == 1;
  std::vector<BlendInput> inputs = {{a.data(), DType::kBFloat16, alone ? 1.0 : 0.25}};
  if (!alone) inputs.push_back({b.data(), DType::kBFloat16, 0.75});
  measure(state, 0, static_cast<double>(state.range(0) + 1) * static_cast<double>(kBytes), [&] {
    all_cores().blend_matrix(matrix, inputs, {0, 0, kColumns}, DType::kBFloat16);
  });
}
BENCHMARK(blend)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// What to hold a blend against: memcpy on all cores.
void copy(benchmark::State& state) {
  const Buffer from = touched(1), to = touched(2);
  const std::int64_t parts = all_cores().members(), each = kBytes / parts;
  measure(state, 0, 2.0 * static_cast<double>(kBytes), [&] {
    all_cores().for_each(parts, [&](std::int64_t part, int) {
      std::memcpy(to.data() + part * each, from.data() + part * each, static_cast<std::size_t>(each));
    });
    benchmark::ClobberMemory();
  });
}
BENCHMARK(copy)->Name("memcpy")->Unit(benchmark::kMillisecond)->UseRealTime();

/// One token of a vocabulary; second argument: top_p in percent, 100 is off.
void choose(benchmark::State& state) {
  const auto vocabulary = static_cast<int>(state.range(0));
  std::vector<float> logits(static_cast<std::size_t>(vocabulary));
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 2.5f);
  for (float& x : logits) x = normal(random);
  logits[static_cast<std::size_t>(vocabulary / 3)] = 18;
  sample::Chooser chooser(vocabulary);
  sample::SamplingParameters parameters;
  parameters.top_p = static_cast<double>(state.range(1)) / 100;
  Draw draw{1, 2, 3, 0};
  measure(state, 0, 4.0 * vocabulary, [&] {
    ++draw.position;
    benchmark::DoNotOptimize(chooser.choose(logits, parameters, draw).token);
  });
}
BENCHMARK(choose)->ArgsProduct({{49152, 151936}, {100, 95}})->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("device", cpu().description());
  benchmark::AddCustomContext("peak of one core", std::to_string(peak() * 1e-9) + " GFLOP/s");
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
