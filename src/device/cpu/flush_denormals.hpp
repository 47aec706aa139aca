#pragma once
// Treats denormal floats as zero while it lives (inputs and results), as vdpbf16ps does; or makes sure that
// they count, as a blend needs. Restores the thread's mode. Elsewhere than on x86 the mode is left as it is.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wisk::device {

class FlushDenormals {
 public:
#if defined(__x86_64__)
  explicit FlushDenormals(bool flush) : saved_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000u, kDenormalsAreZero = 0x0040u;
    const unsigned cleared = saved_ & ~(kFlushToZero | kDenormalsAreZero);
    _mm_setcsr(flush ? cleared | kFlushToZero | kDenormalsAreZero : cleared);
  }
  ~FlushDenormals() {
    _mm_setcsr(saved_);
  }
#else
  explicit FlushDenormals(bool) {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_ = 0;
};

}  // namespace wisk::device
