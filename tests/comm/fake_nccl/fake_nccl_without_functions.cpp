// A libnccl of a good version that lacks what wisk needs.

#include <nccl.h>

extern "C" ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}
