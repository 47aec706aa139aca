#include "stop_watcher.hpp"

#include <algorithm>

namespace wisk::run {

StopWatcher::StopWatcher(const tokenizer::Tokenizer& tokenizer, const std::vector<std::string>& stop)
    : decoder_(tokenizer, true), stop_(stop) {
  for (const std::string& s : stop) longest_ = std::max(longest_, s.size());
}

bool StopWatcher::push(std::int32_t token) {
  const std::size_t known = text_.size();
  text_ += decoder_.push(token);
  return text_.size() > known && find_stop(known < longest_ ? 0 : known - longest_ + 1);
}

/// Cuts the text before the earliest stop string that begins at or after `from`.
bool StopWatcher::find_stop(std::size_t from) {
  std::size_t first = std::string::npos;
  for (const std::string& s : stop_) first = std::min(first, text_.find(s, from));
  if (first == std::string::npos) return false;
  text_.resize(first);
  stopped_ = true;
  return true;
}

std::string StopWatcher::take_text() {
  if (!stopped_) {
    const std::size_t known = text_.size();
    text_ += decoder_.finish();
    if (text_.size() > known) find_stop(known < longest_ ? 0 : known - longest_ + 1);
  }
  return std::move(text_);
}

}  // namespace wisk::run
