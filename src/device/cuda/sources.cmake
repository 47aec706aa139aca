# Files with kernels, for the library (nvcc) and for the tests on the host (g++). One a line.
set(WISK_CUDA_KERNELS
  attention.cu
  attention_f32.cu
  blend_pack.cu
  choose.cu
  choose_filter.cu
  choose_product.cu
  gated_products.cu
  norm.cu
  products.cu
  products_f32.cu
  rotate_store.cu
  rows.cu
  softcap.cu
  xxh3.cu
)
# Plain C++ over the kernels' host functions and gpu/runtime.cpp or its twin.
set(WISK_CUDA_HOST_SOURCES
  cuda_device.cpp
  ingredients.cpp
  memory_hash.cpp
  step_arrays.cpp
)
# Those that keep denormals: the others count them as zero (docs/numerics.md).
set(WISK_CUDA_KERNELS_WITH_DENORMALS blend_pack.cu choose.cu choose_filter.cu)
