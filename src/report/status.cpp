#include <wisk/report/status.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <wisk/core/clock.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/host.hpp>
#include <wisk/report/table.hpp>
#include <wisk/store/run_directory.hpp>
#include <wisk/store/run_lock.hpp>

namespace wisk::report {

namespace {

/// Three beats missed.
constexpr std::int64_t kSilentSeconds = 20;

/// A member of an object, whatever its type, as T; `otherwise` where it is missing or of another type.
template <class T>
T member(const nlohmann::json& object, const char* key, T otherwise) {
  if (!object.is_object() || !object.contains(key)) return otherwise;
  const auto& value = object[key];
  if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string() ? value.get<std::string>() : otherwise;
  } else {
    return value.is_number() ? value.get<T>() : otherwise;
  }
}

void read_summary(const std::filesystem::path& file, Status& status) {
  if (!std::filesystem::exists(file)) return;
  const auto json = nlohmann::json::parse(read_text(file, std::size_t{64} << 20), nullptr, false);
  if (!json.is_object()) return;
  const nlohmann::json counts = json.value("counts", nlohmann::json::object()),
                       seconds = json.value("seconds", nlohmann::json::object()),
                       attempts = json.value("attempts", nlohmann::json::array());
  status.name = member(json, "name", std::string());
  status.state = member(json, "state", std::string());
  status.samples_done = member(counts, "samples_done", std::int64_t{0});
  status.samples_total = member(counts, "samples_total", std::int64_t{0});
  status.resumes = member(counts, "resumes", std::int64_t{0});
  status.tokens_per_second = member(json, "tokens_per_second", status.tokens_per_second);
  if (json.contains("hardware") && json["hardware"].is_object()) {
    for (const auto& [kind, count] : json["hardware"].items())
      status.hardware[kind] = count.is_number_integer() ? count.get<std::int64_t>() : 0;
  }
  const double sampling = member(seconds, "sampling_wall", 0.0),
               done = static_cast<double>(status.samples_done);
  if (status.state == "running" && done > 0 && sampling > 0)
    status.seconds_left = sampling * static_cast<double>(status.samples_total - status.samples_done) / done;
  if (attempts.is_array() && !attempts.empty())
    status.slurm_job = member(attempts.back(), "slurm_job", std::string());
}

}  // namespace

Status status_of(const std::filesystem::path& run) {
  static_cast<void>(store::read_keys(run));  // a run directory
  Status status;
  status.state = "new";
  read_summary(run / "summary.json", status);
  const store::LockHolder holder = store::read_lock(run);
  if (holder.host.empty()) {
    if (status.state == "running") status.state = "killed";
    return status;
  }
  status.host = holder.host;
  status.process = holder.process;
  status.beat_age = std::max<std::int64_t>(0, unix_seconds() - holder.time);
  if (holder.boot_id == boot_id()) {
    status.state = store::lock_is_free(run) ? "killed" : "running";
  } else {
    status.state = status.beat_age > kSilentSeconds ? "silent" : "running";
  }
  return status;
}

std::string status_text(const Status& status, const std::filesystem::path& run) {
  const std::string where =
      status.host.empty() ? "" : fmt::format(" on {}, process {}", status.host, status.process);
  const std::string job = status.slurm_job.empty() ? "" : ", Slurm job " + status.slurm_job;
  std::string state = status.state + where + job;
  if (status.state == "silent")
    state +=
        fmt::format(": no sign of life for {} s (by two clocks); a start elsewhere takes over after a minute",
                    status.beat_age);
  if (status.state == "killed")
    state = "killed (it ended without saying so)" + job + ": the same command goes on";
  if (status.state == "interrupted") state = "interrupted" + job + ": the same command goes on";
  std::string text = fmt::format("{}  {}\n  {}\n", run.string(), status.name, state);
  const double percent = status.samples_total > 0 ? 100.0 * static_cast<double>(status.samples_done) /
                                                        static_cast<double>(status.samples_total)
                                                  : 0.0;
  text += fmt::format("  {}/{} samples ({:.1f} %)", status.samples_done, status.samples_total, percent);
  if (!std::isnan(status.tokens_per_second))
    text += fmt::format(", {:.0f} tokens/s", status.tokens_per_second);
  if (status.state == "running" && !std::isnan(status.seconds_left))
    text += fmt::format(", about {:.0f} min left", std::ceil(status.seconds_left / 60));
  if (status.resumes > 0) text += fmt::format(", resumed {} times", status.resumes);
  if (store::is_mixed(status.hardware))
    text += "\n  mixed hardware: " + printable(store::in_words(status.hardware));
  return text + "\n";
}

std::string status_json(const Status& status) {
  const auto number = [](double value) {
    return std::isnan(value) ? nlohmann::json(nullptr) : nlohmann::json(value);
  };
  const nlohmann::ordered_json json = {
      {"state", status.state},
      {"name", status.name},
      {"host", status.host.empty() ? nlohmann::json(nullptr) : nlohmann::json(status.host)},
      {"process", status.host.empty() ? nlohmann::json(nullptr) : nlohmann::json(status.process)},
      {"beat_age_seconds", status.beat_age < 0 ? nlohmann::json(nullptr) : nlohmann::json(status.beat_age)},
      {"samples_done", status.samples_done},
      {"samples_total", status.samples_total},
      {"resumes", status.resumes},
      {"tokens_per_second", number(status.tokens_per_second)},
      {"seconds_left", number(status.seconds_left)},
      {"hardware", status.hardware},
      {"mixed_hardware", store::is_mixed(status.hardware)},
      {"slurm_job", status.slurm_job.empty() ? nlohmann::json(nullptr) : nlohmann::json(status.slurm_job)}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace wisk::report
