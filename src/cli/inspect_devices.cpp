// `wisk inspect --devices`: what this machine has to compute on.

#include "inspect_devices.hpp"

#include <iostream>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <wisk/run/devices.hpp>

namespace wisk::cli {

namespace {

using nlohmann::ordered_json;

double gibibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (std::uint64_t{1} << 30);
}

std::string line_of(const run::GpuReport& report) {
  const auto& gpu = report.gpu;
  std::string line =
      fmt::format("GPU {}  {}, compute capability {}.{}, {} multiprocessors, {:.1f} GiB", gpu.index, gpu.name,
                  gpu.major, gpu.minor, gpu.multiprocessors, gibibytes(gpu.memory_bytes));
  if (!report.usable) line += "; cannot be used, wisk needs compute capability 8.0 or newer";
  if (!report.trouble.empty()) return line + "; cannot be used now: " + report.trouble;
  line += fmt::format(", {:.1f} GiB free", gibibytes(report.free_bytes));
  if (!report.peers.empty())
    line += fmt::format("; reads the memory of GPU {} directly", fmt::join(report.peers, ", "));
  return line;
}

ordered_json as_json(const run::GpuReport& report) {
  const auto& gpu = report.gpu;
  return {{"index", gpu.index},
          {"name", gpu.name},
          {"compute_capability", fmt::format("{}.{}", gpu.major, gpu.minor)},
          {"multiprocessors", gpu.multiprocessors},
          {"memory_bytes", gpu.memory_bytes},
          {"free_bytes", report.free_bytes},
          {"memory_bytes_per_second", gpu.memory_bytes_per_second},
          {"bus_id", gpu.bus_id},
          {"uuid", gpu.uuid},
          {"usable", report.usable},
          {"peers", report.peers},
          {"trouble", report.trouble}};
}

ordered_json as_json(const run::DeviceReport& report) {
  ordered_json gpus = ordered_json::array();
  for (const run::GpuReport& gpu : report.gpus) gpus.push_back(as_json(gpu));
  return {{"host", report.host},
          {"cpu",
           {{"name", report.cpu.name},
            {"threads", report.cpu.threads},
            {"kernels", report.cpu.kernels},
            {"available_bytes", report.memory_bytes}}},
          {"gpus", gpus},
          {"why_no_gpus", report.why_no_gpus},
          {"nccl",
           {{"version", report.nccl.version},
            {"library", report.nccl.library},
            {"why_not", report.nccl.why_not}}}};
}

}  // namespace

void print_devices(bool json) {
  const run::DeviceReport report = run::report_devices();
  if (json) {
    std::cout << as_json(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) << "\n";
    return;
  }
  std::cout << fmt::format("CPU    {}{}{} of {}, {:.1f} GiB of memory available, products with {}\n",
                           report.cpu.name.empty() ? "" : report.cpu.name + ", ", report.cpu.threads,
                           report.cpu.threads == 1 ? " core" : " cores", report.host,
                           gibibytes(report.memory_bytes), report.cpu.kernels);
  for (const run::GpuReport& gpu : report.gpus) std::cout << line_of(gpu) << "\n";
  if (report.gpus.empty()) std::cout << "GPU    none: " << report.why_no_gpus << "\n";
  if (report.nccl.why_not.empty()) {
    std::cout << "NCCL   " << report.nccl.version << " (" << report.nccl.library << ")\n";
  } else {
    std::cout << "NCCL   none: " << report.nccl.why_not << "\n";
  }
}

}  // namespace wisk::cli
