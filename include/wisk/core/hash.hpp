#pragma once
// Hashes: XXH3-64 for keys and checksums, SHA-256 for provenance.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace wisk {

/// XXH3 (64 bits) of `bytes`.
std::uint64_t xxh3(std::span<const std::byte> bytes, std::uint64_t seed = 0);
std::uint64_t xxh3(std::string_view text, std::uint64_t seed = 0);

/// SHA-256, fed piece by piece. Move-only; not thread-safe.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  Sha256& update(std::span<const std::byte> bytes);
  Sha256& update(std::string_view text);
  /// 64 lower-case hexadecimal digits. Ends the object's use.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// SHA-256 of a file's contents in hexadecimal. Throws InputError (missing) or EnvironmentError (read
/// failed). `between`, if any, is called after each MiB; what it throws ends the reading.
std::string sha256_of_file(const std::filesystem::path& file, const std::function<void()>& between = {});

/// Two lower-case hexadecimal digits a byte.
std::string hex_of(std::span<const std::byte> bytes);
/// 16 lower-case hexadecimal digits.
std::string hex64(std::uint64_t value);

}  // namespace wisk
