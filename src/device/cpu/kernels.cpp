// Which kernels a processor runs.
#include "kernels.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include <wisk/core/error.hpp>

#include "flush_denormals.hpp"
#include "product.hpp"

namespace wisk::device {

namespace {

bool always() {
  return true;
}
#if defined(__x86_64__)
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f");
}
bool has_avx512_bf16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#else
bool has_avx2() {
  return false;
}
bool has_avx512() {
  return false;
}
bool has_avx512_bf16() {
  return false;
}
#endif

struct Candidate {
  const char* name;
  const Kernels* (*table)();
  bool (*runs_here)();
  bool automatic;
};

/// The fastest first.
constexpr std::array kCandidates = {
    Candidate{"avx512-bf16", avx512_bf16_kernels, has_avx512_bf16, true},
    Candidate{"avx512", avx512_kernels, has_avx512, true},
    Candidate{"avx2", avx2_kernels, has_avx2, true},
    Candidate{"portable", plain_kernels, always, true},
    Candidate{"portable-wide", plain_wide_kernels, always, false},
    Candidate{"portable-pairs", plain_pairs_kernels, always, false},
};

/// Whether a product gives the bits of the plain one: bf16 operands of all magnitudes, so that sums round,
/// cancel, and become denormal. An instruction that rounds otherwise than its manual says is found here.
bool same_bits_as_plain(const Kernels& kernels) {
  constexpr std::int64_t kRows = 7, kOutputs = 72, kInputs = 64;
  std::mt19937 generator(5);
  const auto random = [&generator] { return static_cast<std::uint32_t>(generator()); };
  const auto number = [&random] {  // exponents around 0, now and then far from it
    const std::uint32_t exponent = random() % 8 == 0 ? random() % 254 : 120 + random() % 16;
    return (random() % 2 << 15) | (exponent << 7) | (random() % 128);
  };
  PackedMatrix w{DType::kBFloat16, kOutputs, kInputs, {}};
  std::vector<std::uint32_t> weights(PackedMatrix::bytes_for(w.dtype, kOutputs, kInputs) / 4);
  for (std::uint32_t& pair : weights) pair = number() << 16 | number();
  w.data = Buffer(reinterpret_cast<std::byte*>(weights.data()), weights.size() * 4,
                  [](std::byte*, std::size_t) {});
  std::vector<float> a(kRows * kInputs), out(kRows * kOutputs), plain(out);
  for (float& x : a) x = std::bit_cast<float>(number() << 16);
  std::vector<std::uint32_t> pairs(a.size() / 2);
  pack_pairs(a.data(), kRows * kInputs / 2, pairs.data());
  const FlushDenormals mode(true);
  Linear x{a.data(), kInputs, &w, nullptr, out.data(), kOutputs, Compute::kBFloat16};
  kernels.linear(x, kernels.multiplies_pairs ? pairs.data() : nullptr, kRows, 0, w.panels());
  x.out = plain.data();
  plain_kernels()->linear(x, nullptr, kRows, 0, w.panels());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (std::isnan(out[i]) && std::isnan(plain[i]))
      continue;  // infinity less infinity: no payload is promised
    if (std::bit_cast<std::uint32_t>(out[i]) != std::bit_cast<std::uint32_t>(plain[i])) return false;
  }
  return true;
}

}  // namespace

const Kernels& kernels_named(const std::string& name) {
  std::string names = "auto";
  for (const Candidate& candidate : kCandidates) {
    names += std::string(", ") + candidate.name;
    const bool wanted = name == candidate.name || (name == "auto" && candidate.automatic);
    // The processor first: even the function that gives the table is compiled for it.
    if (!wanted || !candidate.runs_here() || candidate.table() == nullptr) continue;
    if (same_bits_as_plain(*candidate.table())) return *candidate.table();
    if (name != "auto") {
      throw EnvironmentError("kernels: expected the bits of the plain ones, found others from \"" + name +
                             "\" on this processor");
    }
  }
  throw EnvironmentError("kernels: expected a name of " + names + " that this processor can run, found \"" +
                         name + '"');
}

}  // namespace wisk::device
