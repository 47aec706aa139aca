#include "support/temp_folder.hpp"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>

namespace wisk::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "wisk-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + name);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempFolder::write(const std::string& name, std::string_view text) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
  return file;
}

std::filesystem::path source_folder() {
  return WISK_SOURCE_DIR;
}

std::filesystem::path shared_folder() {
  if (const char* named = ::getenv("WISK_SHARED")) return named;
  const std::filesystem::path beside = source_folder().parent_path() / "shared";
  return std::filesystem::exists(beside) ? beside : std::filesystem::path{};
}

}  // namespace wisk::test
