#pragma once
// `wisk inspect --devices`.

namespace wisk::cli {

/// CPU, GPUs and NCCL of this machine, on standard output.
void print_devices(bool json);

}  // namespace wisk::cli
