#pragma once
// The text of a sample as it grows, and whether it has reached a stop string.

#include <string>
#include <vector>

#include <wisk/sample/engine.hpp>
#include <wisk/tokenizer/stream_decoder.hpp>

namespace wisk::run {

/// Decodes token by token; the text ends before the first stop string. `stop` outlives the watcher. One
/// sample.
class StopWatcher final : public sample::TextWatcher {
 public:
  StopWatcher(const tokenizer::Tokenizer& tokenizer, const std::vector<std::string>& stop);
  bool push(std::int32_t token) override;
  std::string take_text() override;

 private:
  bool find_stop(std::size_t from);

  tokenizer::StreamDecoder decoder_;
  const std::vector<std::string>& stop_;
  std::size_t longest_ = 0;
  std::string text_;
  bool stopped_ = false;
};

}  // namespace wisk::run
