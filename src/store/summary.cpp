#include <wisk/store/summary.hpp>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <wisk/core/clock.hpp>
#include <wisk/core/file.hpp>

namespace wisk::store {

void write_summary(const std::filesystem::path& file, const Summary& summary) {
  using Json = nlohmann::ordered_json;
  Json seconds = Json::object();
  for (const auto& [stage, value] : summary.seconds) seconds[stage] = value;
  Json ranks = Json::array();
  for (const RankSummary& rank : summary.ranks) {
    ranks.push_back({{"rank", rank.rank}, {"host", rank.host}, {"peak_rss_bytes", rank.peak_rss_bytes}});
  }
  Json attempts = Json::array();
  for (const AttemptRecord& attempt : summary.attempts) {
    Json one = Json::object();
    for (const auto& [key, value] : attempt) one[key] = value;
    attempts.push_back(one);
  }
  Json hardware = Json::object();
  for (const auto& [kind, count] : summary.hardware) hardware[kind] = count;
  const auto counted = [](std::int64_t count) { return count < 0 ? Json(nullptr) : Json(count); };
  const auto resumes = std::max<std::int64_t>(0, static_cast<std::int64_t>(summary.attempts.size()) - 1);
  const Json json = {{"name", summary.name},
                     {"version", summary.version},
                     {"state", summary.state},
                     {"updated_unix", unix_seconds()},
                     {"complete", summary.complete},
                     {"counts",
                      {{"arms", summary.arms},
                       {"problems", summary.problems},
                       {"samples_done", summary.samples_done},
                       {"samples_total", summary.samples_total},
                       {"correct", counted(summary.correct)},
                       {"truncated", counted(summary.truncated)},
                       {"undecided", counted(summary.undecided)},
                       {"resumes", resumes},
                       {"journal_damage", summary.journal_damage}}},
                     {"seconds", seconds},
                     {"tokens_generated", summary.tokens_generated},
                     {"tokens_per_second", summary.tokens_per_second},
                     {"fraction_of_limit", summary.fraction_of_limit},
                     {"hardware", hardware},
                     {"ranks", ranks},
                     {"attempts", attempts}};
  replace_file(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

bool says_complete(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return false;
  const auto json = nlohmann::json::parse(read_text(file), nullptr, false);
  return json.is_object() && json.contains("complete") && json["complete"] == true;
}

void write_metrics(const std::filesystem::path& file, const Summary& summary) {
  // A label's value escapes backslash, quote and newline as JSON does.
  const std::string label =
      "{run=" + nlohmann::json(summary.name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
      "} ";
  std::string text;
  const auto add = [&](const std::string& name, const std::string& type, const std::string& help,
                       const std::string& value) {
    text +=
        "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n" + name + label + value + "\n";
  };
  const auto number = [](double value) { return std::isnan(value) ? "NaN" : std::to_string(value); };
  add("wisk_samples_total", "gauge", "Samples that the run comes to.", std::to_string(summary.samples_total));
  add("wisk_samples_done", "gauge", "Finished samples, earlier attempts included.",
      std::to_string(summary.samples_done));
  add("wisk_tokens_generated_total", "counter", "Tokens of samples finished in this attempt.",
      std::to_string(summary.tokens_generated));
  add("wisk_tokens_per_second", "gauge", "Generated tokens a second, all ranks.",
      number(summary.tokens_per_second));
  add("wisk_running", "gauge", "1 while ranks are at work.", summary.state == "running" ? "1" : "0");
  add("wisk_updated_seconds", "gauge", "When this was written, Unix time.", std::to_string(unix_seconds()));
  replace_file(file, text);
}

}  // namespace wisk::store
