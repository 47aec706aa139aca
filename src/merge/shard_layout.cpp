#include "shard_layout.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace wisk::merge {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string_view stored_name(DType type) {
  if (type == DType::kBFloat16) return "BF16";
  return type == DType::kFloat16 ? "F16" : "F32";
}

std::string shard_name(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name.data();
}

/// Gives `members` their offsets and writes the header.
Shard make_shard(const std::vector<OutputTensor>& tensors, std::vector<std::size_t> members,
                 std::string name) {
  std::stable_sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
    return size_of(tensors[a].dtype) > size_of(tensors[b].dtype);
  });
  Shard shard;
  shard.name = std::move(name);
  OrderedJson header = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t end = 0;
  for (const std::size_t member : members) {
    const OutputTensor& tensor = tensors[member];
    header[tensor.name] = {{"dtype", stored_name(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {end, end + tensor.bytes}}};
    shard.pieces.push_back({member, end});
    end += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  for (int byte = 0; byte < 8; ++byte) shard.head += static_cast<char>(text.size() >> (8 * byte) & 0xff);
  shard.head += text;
  for (Piece& piece : shard.pieces) piece.offset += shard.head.size();
  shard.size = shard.head.size() + end;
  return shard;
}

}  // namespace

ShardLayout lay_out(const std::vector<OutputTensor>& tensors, std::uint64_t shard_bytes) {
  std::vector<std::vector<std::size_t>> groups(1);
  std::uint64_t filled = 0, total = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!groups.back().empty() && filled + tensors[i].bytes > shard_bytes) {
      groups.emplace_back();
      filled = 0;
    }
    groups.back().push_back(i);
    filled += tensors[i].bytes;
    total += tensors[i].bytes;
  }
  ShardLayout layout;
  nlohmann::json weight_map = nlohmann::json::object();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    layout.shards.push_back(make_shard(tensors, groups[i], shard_name(i, groups.size())));
    for (const std::size_t member : groups[i]) weight_map[tensors[member].name] = layout.shards.back().name;
  }
  if (groups.size() > 1) {
    const OrderedJson index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    layout.index = index.dump(2) + "\n";
  }
  return layout;
}

}  // namespace wisk::merge
