#include "warp_instructions.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <bit>
#include <cmath>

#include "grid.hpp"

namespace wisk::test::cuda_on_host {

namespace {

constexpr int kWarp = 32, kBankGroups = 8;  // 32 banks of 4 bytes, by 16 bytes

bool counting = false;
long conflicts = 0, looked_at = 0;

struct Matrices {
  const void* address;
  const std::uint32_t* row;
  std::uint32_t* words;
};

struct Mma {
  float* c;
  const std::uint32_t *a, *b;
};

/// More passes than one over the banks, for each eight lanes. Equal addresses are read once.
void count_conflicts(const std::uintptr_t (&address)[kWarp]) {
  for (int first = 0; first < kWarp; first += 8) {
    int most = 1;
    for (int i = first; i < first + 8; ++i) {
      int same_banks = 1;
      for (int j = first; j < i; ++j) {
        if (address[j] == address[i]) break;
        if (address[j] / 16 % kBankGroups == address[i] / 16 % kBankGroups) ++same_banks;
      }
      most = same_banks > most ? same_banks : most;
    }
    conflicts += most - 1;
    ++looked_at;
  }
}

void count_conflicts_of_lanes(void* const* lanes) {
  std::uintptr_t address[kWarp];
  for (int l = 0; l < kWarp; ++l) address[l] = std::bit_cast<std::uintptr_t>(lanes[l]);
  count_conflicts(address);
}

void distribute(void* const* lanes) {
  const auto of = [&](int lane) -> Matrices& { return *static_cast<Matrices*>(lanes[lane]); };
  for (int l = 0; l < kWarp; ++l) {
    for (int m = 0; m < 4; ++m) of(l).words[m] = of(8 * m + l / 4).row[l % 4];
  }
  if (!counting) return;
  std::uintptr_t address[kWarp];
  for (int l = 0; l < kWarp; ++l) address[l] = std::bit_cast<std::uintptr_t>(of(l).address);
  count_conflicts(address);
}

float low(std::uint32_t pair) {
  return std::bit_cast<float>(pair << 16);
}
float high(std::uint32_t pair) {
  return std::bit_cast<float>(pair & 0xffff0000u);
}

/// c[16][8] += a[16][k] b[k][8], both as pairs.
[[gnu::always_inline]] inline void multiply(const std::uint32_t (&a)[16][8], const std::uint32_t (&b)[8][8],
                                            float (&c)[16][8]) {
  float odd[8][8], even[8][8];
  for (int p = 0; p < 8; ++p) {
    for (int n = 0; n < 8; ++n) {
      odd[p][n] = high(b[p][n]);
      even[p][n] = low(b[p][n]);
    }
  }
  for (int m = 0; m < 16; ++m) {
    for (int p = 0; p < 8; ++p) {
      const float a_odd = high(a[m][p]), a_even = low(a[m][p]);
      for (int n = 0; n < 8; ++n) c[m][n] = std::fma(a_odd, odd[p][n], c[m][n]);
      for (int n = 0; n < 8; ++n) c[m][n] = std::fma(a_even, even[p][n], c[m][n]);
    }
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void multiply_fast(const std::uint32_t (&a)[16][8],
                                               const std::uint32_t (&b)[8][8], float (&c)[16][8]) {
  const unsigned mode = _mm_getcsr();
  _mm_setcsr(mode | 0x8040u);  // denormals are zero, as inputs and as results
  multiply(a, b, c);
  _mm_setcsr(mode);
}
#endif

void multiply_any(const std::uint32_t (&a)[16][8], const std::uint32_t (&b)[8][8], float (&c)[16][8]) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma") != 0) return multiply_fast(a, b, c);
#endif
  multiply(a, b, c);
}

void multiply_lanes(void* const* lanes) {
  std::uint32_t a[16][8], b[8][8];  // [row][pair], [pair][column]
  float c[16][8];
  for (int l = 0; l < kWarp; ++l) {
    const Mma& mma = *static_cast<const Mma*>(lanes[l]);
    const int g = l / 4, t = l % 4;
    for (int i = 0; i < 4; ++i) {
      a[g + i % 2 * 8][t + i / 2 * 4] = mma.a[i];
      c[g + i / 2 * 8][2 * t + i % 2] = mma.c[i];
    }
    for (int i = 0; i < 2; ++i) b[t + 4 * i][g] = mma.b[i];
  }
  multiply_any(a, b, c);
  for (int l = 0; l < kWarp; ++l) {
    for (int i = 0; i < 4; ++i) static_cast<Mma*>(lanes[l])->c[i] = c[l / 4 + i / 2 * 8][2 * (l % 4) + i % 2];
  }
}

}  // namespace

CountingBankConflicts::CountingBankConflicts() {
  counting = true;
  conflicts = looked_at = 0;
}

CountingBankConflicts::~CountingBankConflicts() {
  counting = false;
}

long CountingBankConflicts::count() const {
  return conflicts;
}

long CountingBankConflicts::accesses() const {
  return looked_at;
}

void check_aligned_to_16(const void* address, const std::source_location& where) {
  if (std::bit_cast<std::uintptr_t>(address) % 16 != 0) fail("an address is not a multiple of 16", where);
}

void count_conflicts_of_16(const void* shared, const std::source_location& where) {
  if (!counting) return;
  warp_together(count_conflicts_of_lanes, const_cast<void*>(shared), "load_shared_16", where);
}

void distribute_matrices(const void* shared_row, const std::uint32_t (&row)[4], std::uint32_t (&words)[4],
                         const std::source_location& where) {
  Matrices own{shared_row, row, words};
  warp_together(distribute, &own, "ldmatrix", where);
}

void multiply_matrices(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                       const std::source_location& where) {
  Mma own{c, a, b};
  warp_together(multiply_lanes, &own, "mma", where);
}

}  // namespace wisk::test::cuda_on_host
