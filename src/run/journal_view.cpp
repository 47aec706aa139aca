#include "journal_view.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>

#include "together.hpp"

namespace wisk::run {

namespace {

/// How much a view holds, and the most that any rank sees.
struct View {
  double samples, beginnings;
  bool operator==(const View&) const = default;
};

View view_of(const store::Journal& journal) {
  return {static_cast<double>(journal.samples().size()), static_cast<double>(journal.prefixes().size())};
}

std::string words(const View& view) {
  return std::to_string(std::lround(view.samples)) + " samples and " +
         std::to_string(std::lround(view.beginnings)) + " beginnings";
}

}  // namespace

store::Journal read_journal_together(comm::Communicator& world, const std::function<store::Journal()>& read,
                                     double patience_seconds) {
  store::Journal journal = rank_zero_first(world, read);
  const Stopwatch watch;
  for (bool told = false;; told = true) {
    const View mine = view_of(journal);
    // Sorted by samples, then beginnings: fewer beginnings may be more of the samples.
    double most[] = {mine.samples};
    world.all_reduce_max(most);
    double beginnings[] = {mine.samples == most[0] ? mine.beginnings : -1};
    world.all_reduce_max(beginnings);
    const View newest{most[0], beginnings[0]};
    double behind[] = {mine == newest ? 0.0 : 1.0, watch.seconds() > patience_seconds ? 1.0 : 0.0};
    world.all_reduce_max(behind);
    if (behind[0] == 0) return journal;
    if (behind[1] != 0) {
      one_rank_complains(world, [&] {
        if (mine == newest) return;
        throw EnvironmentError("journal: expected " + words(newest) + " as another rank sees them, found " +
                               words(mine) + " on rank " + std::to_string(world.rank()) + " (host " +
                               world.host() + "): its file system shows an older state; start again later");
      });
    }
    if (world.rank() == 0 && !told) log_info("waiting until every rank sees the same journals");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    if (mine != newest) journal = read();
  }
}

}  // namespace wisk::run
