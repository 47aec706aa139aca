# Files with kernels, for the library (nvcc) and for the tests on the host (g++). One a line.
set(WISK_CUDA_KERNELS
  attention.cu
  attention_f32.cu
  blend.cu
  choose.cu
  choose_filter.cu
  gated.cu
  norm.cu
  rotate_store.cu
  rows.cu
)
# Those that keep denormals: the others count them as zero (docs/numerics.md).
set(WISK_CUDA_KERNELS_WITH_DENORMALS blend.cu choose.cu choose_filter.cu)
