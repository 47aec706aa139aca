// The words of engine.device and --device.

#include <algorithm>
#include <array>

#include <wisk/core/error.hpp>
#include <wisk/run/job.hpp>

namespace wisk::run {

namespace {

constexpr std::array<const char*, 3> kNames = {"auto", "cpu", "cuda"};  // in the order of DeviceChoice

std::string lower_case(std::string_view word) {
  std::string lower(word);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::string name_of(DeviceChoice choice) {
  return kNames[static_cast<std::size_t>(choice)];
}

std::optional<DeviceChoice> device_choice(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? std::nullopt
                               : std::optional(static_cast<DeviceChoice>(found - kNames.begin()));
}

std::string did_you_mean_device(std::string_view word) {
  const std::string lower = lower_case(word);
  // "gpu" is one letter from "cpu"; others number their GPUs ("cuda:0").
  for (const char* gpu : {"gpu", "cuda", "nvidia"}) {
    if (lower.starts_with(gpu)) return did_you_mean("cuda", {"cuda"});
  }
  return did_you_mean(lower, {kNames.begin(), kNames.end()});
}

}  // namespace wisk::run
