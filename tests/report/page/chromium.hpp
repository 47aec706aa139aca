#pragma once
// A headless Chromium driven over its debugging pipe (Chrome DevTools Protocol): real clicks, keys,
// downloads, and what the page logged, threw or asked of the network.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace wisk::test {

/// The browser of this machine: chromium, chromium-browser or google-chrome on PATH; empty when there is
/// none.
std::string chromium_program();

/// One browser with one page. Owns its process and profile folder; one thread. Errors are std::runtime_error.
class Chromium {
 public:
  explicit Chromium(const std::filesystem::path& profile);
  Chromium(const Chromium&) = delete;
  Chromium& operator=(const Chromium&) = delete;
  ~Chromium();

  /// Shows a file in a window of this size and waits until it has loaded.
  void open(const std::filesystem::path& file, int width = 1280, int height = 900, bool dark = false);
  /// The value of a JavaScript expression (promises are awaited). An exception in it is an error.
  nlohmann::json value(const std::string& expression);
  /// Presses and releases the left button at a point of the window (CSS pixels).
  void click(double x, double y);
  /// Scrolls to the first element of a selector and clicks its middle.
  void click(const std::string& selector);
  /// A key by its DOM name: "ArrowRight", "Enter", "Tab".
  void press(const std::string& key, int code);
  /// Files that the page offers from now on go into `folder`.
  void download_into(const std::filesystem::path& folder);
  void screenshot(const std::filesystem::path& file);
  void print(const std::filesystem::path& file);
  /// Messages of the console, exceptions and violations of the policy since open().
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  /// Addresses that the page asked for since open(), its own file and blobs left out.
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

 private:
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters = nlohmann::json::object());
  nlohmann::json receive();
  void note(const nlohmann::json& event);

  pid_t id_ = -1;
  int to_ = -1, from_ = -1, next_ = 0;
  bool loaded_ = false;
  std::string session_, buffer_, own_;
  std::vector<std::string> complaints_, requests_;
};

}  // namespace wisk::test
