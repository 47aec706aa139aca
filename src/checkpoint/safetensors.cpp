#include "safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include <wisk/checkpoint/names.hpp>
#include <wisk/core/error.hpp>

#include "json.hpp"

namespace wisk::checkpoint {
namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;  // the reference implementation's limit
constexpr std::size_t kLengthBytes = 8;

struct StoredType {
  std::string_view name;
  std::uint64_t bits;
};

constexpr std::array<StoredType, 21> kStoredTypes = {{
    {"BOOL", 8},  {"U8", 8},      {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},
    {"F4", 4},    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"I16", 16},    {"U16", 16},    {"F16", 16},
    {"BF16", 16}, {"I32", 32},    {"U32", 32},    {"F32", 32},    {"F64", 64},    {"I64", 64},
    {"U64", 64},  {"C64", 64},    {"C128", 128},
}};

std::uint64_t read_length(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kLengthBytes) {
    throw InputError(file, "a safetensors file: at least 8 bytes", std::to_string(bytes.size()) + " bytes");
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  if (length > kLargestHeader) {
    throw InputError(file + ": header length", "at most " + std::to_string(kLargestHeader) + " bytes",
                     std::to_string(length) + " (not a safetensors file?)");
  }
  if (length > bytes.size() - kLengthBytes) {
    throw InputError(file, "a header of " + std::to_string(length) + " bytes",
                     "a file of " + std::to_string(bytes.size()) + " bytes (truncated?)");
  }
  return length;
}

const Json& member(const Json& entry, const char* key, const std::string& where) {
  const auto place = entry.find(key);
  if (place == entry.end()) throw InputError(where, std::string("the key ") + key, "none");
  return *place;
}

std::uint64_t read_count(const Json& value, const std::string& where) {
  if (!value.is_number_unsigned()) throw InputError(where, "a whole number, not negative", kind_of(value));
  const auto count = value.get<std::uint64_t>();
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw InputError(where, "a number below 2^63", std::to_string(count));
  }
  return count;
}

const StoredType& read_type(const Json& entry, const std::string& where) {
  const Json& value = member(entry, "dtype", where);
  if (value.is_string()) {
    for (const StoredType& type : kStoredTypes) {
      if (value.get_ref<const std::string&>() == type.name) return type;
    }
  }
  throw InputError(where + ": dtype", "a dtype of safetensors (BF16, F16, F32, ...)", kind_of(value));
}

/// Bytes of a tensor of `shape`; every product is checked.
std::uint64_t byte_size(const std::vector<std::int64_t>& shape, const StoredType& type,
                        const std::string& where) {
  std::uint64_t bits = type.bits;
  bool overflow = false;
  for (const std::int64_t extent : shape) {
    overflow = overflow || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(extent), &bits);
  }
  if (overflow) throw InputError(where + ": shape", "a size that 64 bits can hold", to_string(shape));
  if (bits % 8 != 0)
    throw InputError(where + ": shape", "a whole number of bytes", std::to_string(bits) + " bits");
  return bits / 8;
}

void check_metadata(const Json& metadata, const std::string& file) {
  if (!metadata.is_object()) throw InputError(file + ": __metadata__", "an object", kind_of(metadata));
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) {
      throw InputError(file + ": __metadata__." + printable(key), "a string", kind_of(value));
    }
  }
}

StoredTensor read_entry(const std::string& name, const Json& entry, std::span<const std::byte> data,
                        const std::filesystem::path& file) {
  const std::string where = file.string() + ": tensor " + printable(name);
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    throw InputError(where, "a name without control characters", "some");
  }
  if (!entry.is_object()) throw InputError(where, "an object", kind_of(entry));
  for (const auto& [key, ignored] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      throw InputError(where, "dtype, shape and data_offsets", "the key \"" + printable(key) + '"');
    }
  }
  const StoredType& type = read_type(entry, where);
  StoredTensor tensor;
  tensor.dtype_name = type.name;
  tensor.usable = type.name == "BF16" || type.name == "F16" || type.name == "F32";
  if (tensor.usable) tensor.view.dtype = parse_dtype(type.name, where);
  tensor.view.name = name;
  tensor.view.file = file;

  const Json& shape = member(entry, "shape", where);
  if (!shape.is_array()) throw InputError(where + ": shape", "a list", kind_of(shape));
  for (const Json& extent : shape) {
    tensor.view.shape.push_back(static_cast<std::int64_t>(read_count(extent, where + ": shape")));
  }
  const Json& offsets = member(entry, "data_offsets", where);
  if (!offsets.is_array() || offsets.size() != 2) {
    throw InputError(where + ": data_offsets", "a list of two",
                     offsets.is_array() ? "another length" : kind_of(offsets));
  }
  const std::uint64_t begin = read_count(offsets[0], where + ": data_offsets");
  const std::uint64_t end = read_count(offsets[1], where + ": data_offsets");
  const std::string found = "[" + std::to_string(begin) + ", " + std::to_string(end) + "]";
  if (begin > end || end > data.size()) {
    throw InputError(where + ": data_offsets",
                     "a range within the file's " + std::to_string(data.size()) + " data bytes",
                     found + (end > data.size() ? " (truncated?)" : ""));
  }
  const std::uint64_t size = byte_size(tensor.view.shape, type, where);
  if (size != end - begin) {
    throw InputError(
        where + ": data_offsets",
        std::to_string(size) + " bytes for " + tensor.dtype_name + " " + to_string(tensor.view.shape),
        std::to_string(end - begin) + " bytes, " + found);
  }
  tensor.view.bytes = data.subspan(begin, size);
  return tensor;
}

/// Without this, bytes could hide between tensors or belong to two of them.
void check_cover(const std::vector<StoredTensor>& tensors, std::span<const std::byte> data,
                 const std::string& file) {
  const std::byte* expected = data.data();
  const auto offset = [&](const std::byte* place) { return std::to_string(place - data.data()); };
  for (const StoredTensor& tensor : tensors) {
    if (tensor.view.bytes.data() != expected) {
      const bool overlap = tensor.view.bytes.data() < expected;
      throw InputError(file + ": tensor " + printable(tensor.view.name) + ": data_offsets",
                       "a start at byte " + offset(expected) + ", where the tensor before it ends",
                       offset(tensor.view.bytes.data()) + (overlap ? " (overlap)" : " (hole)"));
    }
    expected += tensor.view.bytes.size();
  }
  if (expected != data.data() + data.size()) {
    throw InputError(file, "an end at data byte " + offset(expected) + ", after the last tensor",
                     std::to_string(data.size()) + " data bytes");
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  require_regular_file(path);
  SafetensorsFile file{MappedFile(path)};
  const std::span<const std::byte> bytes = file.mapping_.bytes();
  const std::uint64_t length = read_length(bytes, path.string());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + length);
  const Json header = parse_object(text, path.string() + ": header");
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      check_metadata(entry, path.string());
    } else {
      file.tensors_.push_back(read_entry(name, entry, data, path));
    }
  }
  std::sort(file.tensors_.begin(), file.tensors_.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(a.view.bytes.data(), a.view.bytes.size()) <
           std::pair(b.view.bytes.data(), b.view.bytes.size());
  });
  check_cover(file.tensors_, data, path.string());
  return file;
}

}  // namespace wisk::checkpoint
