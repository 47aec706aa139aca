#include <wisk/store/summary.hpp>

#include <nlohmann/json.hpp>

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
  const Json json = {{"name", summary.name},
                     {"version", summary.version},
                     {"complete", summary.complete},
                     {"counts",
                      {{"arms", summary.arms},
                       {"problems", summary.problems},
                       {"samples_done", summary.samples_done},
                       {"samples_total", summary.samples_total},
                       {"correct", summary.correct},
                       {"truncated", summary.truncated},
                       {"undecided", summary.undecided},
                       {"resumes", summary.resumes},
                       {"journal_damage", summary.journal_damage}}},
                     {"seconds", seconds},
                     {"tokens_generated", summary.tokens_generated},
                     {"tokens_per_second", summary.tokens_per_second},
                     {"fraction_of_limit", summary.fraction_of_limit},
                     {"ranks", ranks}};
  replace_file(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace wisk::store
