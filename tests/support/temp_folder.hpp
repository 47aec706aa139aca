#pragma once
// A folder of its own for one test, removed with everything in it.

#include <filesystem>
#include <string>
#include <string_view>

namespace wisk::test {

/// Owns a fresh folder under the system's temporary folder.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes `text` to path()/name (folders in between are made) and returns that path.
  std::filesystem::path write(const std::string& name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

/// The repository's root, for test data.
std::filesystem::path source_folder();

/// Data beside the checkout that only the founders' machines have (../shared); empty when it is not there.
std::filesystem::path shared_folder();

}  // namespace wisk::test
