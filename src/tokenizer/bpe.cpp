#include "bpe.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

constexpr char32_t kLowCharacters = 0x3000;  // characters looked up in a table instead of the hash map

std::string byte_token(unsigned byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string token = "<0x";
  token.push_back(kDigits[byte >> 4U]);
  token.push_back(kDigits[byte & 15U]);
  token.push_back('>');
  return token;
}

/// Order of std::push_heap: the lowest rank, then the leftmost, comes out first.
bool comes_later(const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

MergeTable::MergeTable(std::size_t pairs) {
  const std::size_t capacity = std::bit_ceil(2 * pairs + 2);  // at most half full
  slots_.assign(capacity, {-1, -1, {0, 0}});
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(capacity));
}

std::size_t MergeTable::slot_of(std::int32_t left, std::int32_t right) const {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio: multiplicative hashing
  const std::uint64_t pair = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U) |
                             static_cast<std::uint32_t>(right);
  std::uint64_t mixed = pair * kGolden;
  mixed ^= mixed >> 32U;
  std::size_t slot = (mixed * kGolden) >> shift_;
  while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void MergeTable::insert(std::int32_t left, std::int32_t right, Merge merge) {
  slots_[slot_of(left, right)] = {left, right, merge};
}

const Merge* MergeTable::find(std::int32_t left, std::int32_t right) const {
  const Slot& slot = slots_[slot_of(left, right)];
  return slot.left >= 0 ? &slot.merge : nullptr;
}

BpeModel::BpeModel(const Component& model, TokenizerFile& file) : where_(model.where()) {
  if (model.has("type") && model.string("type") != "BPE")
    model.fail("type", "\"BPE\" (others are not supported)");
  if (!file.has_vocabulary) model.fail("vocab", "an object of tokens and ids");
  if (!file.has_merges) model.fail("merges", "a list of merges");
  if (model.has("dropout") && !(model.value()["dropout"].is_number() && model.value()["dropout"] == 0.0)) {
    model.fail("dropout", "null or 0 (random merges are not supported)");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.has(key) && !model.string(key).empty())
      model.fail(key, "null or \"\" (others are not supported)");
  }
  if (model.has("unk_token")) unknown_token_ = model.string("unk_token");
  fuse_unknown_ = model.boolean("fuse_unk", false);
  byte_fallback_ = model.boolean("byte_fallback", false);
  ignore_merges_ = model.boolean("ignore_merges", false);
  read_vocabulary(model.where(), file);
  read_merges(model.where(), file);
}

void BpeModel::read_vocabulary(const std::string& where, TokenizerFile& file) {
  std::int32_t largest = -1;
  for (const auto& [token, id] : file.vocabulary) largest = std::max(largest, id);
  tokens_.resize(static_cast<std::size_t>(largest) + 1);
  is_token_.resize(tokens_.size());
  ids_.reserve(file.vocabulary.size());
  for (auto& [token, id] : file.vocabulary) {
    const auto index = static_cast<std::size_t>(id);
    const std::string entry = where + ".vocab[" + shown(token) + "]";
    if (is_token_[index]) {
      throw InputError(entry, "an id of its own",
                       std::to_string(id) + ", the id of " + shown(tokens_[index]));
    }
    is_token_[index] = true;
    tokens_[index] = std::move(token);
    if (!ids_.emplace(tokens_[index], id).second) throw InputError(entry, "one entry", "two");
  }
  file.vocabulary = {};
  low_characters_.assign(kLowCharacters, -1);
  for (const auto& [token, id] : ids_) {
    if (token.empty() || utf8_length(token[0]) != token.size()) continue;
    const char32_t character = character_at(token, 0);
    if (character < kLowCharacters) low_characters_[character] = id;
  }
  for (unsigned byte = 0; byte < 256; ++byte) byte_tokens_.push_back(id_of(byte_token(byte)).value_or(-1));
}

void BpeModel::read_merges(const std::string& where, const TokenizerFile& file) {
  merges_ = MergeTable(file.merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < file.merges.size(); ++rank) {
    const auto& [left, right] = file.merges[rank];
    joined = left + right;
    const auto left_id = id_of(left), right_id = id_of(right), joined_id = id_of(joined);
    if (!left_id || !right_id || !joined_id) {
      const std::string& unknown = !left_id ? left : !right_id ? right : joined;
      throw InputError(where + ".merges[" + std::to_string(rank) + "]", "tokens of the vocabulary",
                       shown(unknown) + ", which is none");
    }
    merges_.insert(*left_id, *right_id, {static_cast<std::int32_t>(rank), *joined_id});
  }
}

std::optional<std::int32_t> BpeModel::id_of(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* BpeModel::token_of(std::int32_t id) const {
  if (id < 0 || id >= size() || !is_token_[static_cast<std::size_t>(id)]) return nullptr;
  return &tokens_[static_cast<std::size_t>(id)];
}

std::int32_t BpeModel::id_of_character(std::string_view character) const {
  const char32_t value = character_at(character, 0);
  return value < kLowCharacters ? low_characters_[value] : id_of(character).value_or(-1);
}

std::int32_t BpeModel::unknown_id(std::string_view character) const {
  const auto id = id_of(*unknown_token_);
  if (!id) {
    throw InputError(where_ + ".unk_token",
                     "a token of the vocabulary (needed for " + shown(std::string(character)) + ")",
                     shown(*unknown_token_));
  }
  return *id;
}

bool BpeModel::add_bytes(std::string_view character, BpeScratch& scratch) const {
  const auto id_of_byte = [&](char byte) { return byte_tokens_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(character.begin(), character.end(), [&](char byte) { return id_of_byte(byte) < 0; }))
    return false;
  for (const char byte : character) scratch.symbols.push_back({id_of_byte(byte), -1, -1});
  return true;
}

void BpeModel::add_symbols(std::string_view piece, BpeScratch& scratch) const {
  scratch.symbols.clear();
  std::int32_t pending = -1;  // an unknown token that waits for more unknown characters to fuse with
  const auto flush = [&] {
    if (pending >= 0) scratch.symbols.push_back({pending, -1, -1});
    pending = -1;
  };
  for (std::size_t i = 0; i < piece.size(); i += utf8_length(piece[i])) {
    const std::string_view character = piece.substr(i, utf8_length(piece[i]));
    const std::int32_t id = id_of_character(character);
    if (id >= 0) {
      flush();
      scratch.symbols.push_back({id, -1, -1});
      continue;
    }
    // The library writes the bytes before the unknown token that waits; that only happens when some byte
    // tokens are missing, and is kept.
    if (byte_fallback_ && add_bytes(character, scratch)) continue;
    if (!unknown_token_) continue;
    if (!fuse_unknown_) flush();
    pending = unknown_id(character);
  }
  flush();
}

void BpeModel::merge_all(BpeScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  queue.clear();
  const auto count = static_cast<std::int32_t>(symbols.size());
  const auto symbol = [&](std::int32_t i) -> BpeScratch::Symbol& {
    return symbols[static_cast<std::size_t>(i)];
  };
  for (std::int32_t i = 0; i < count; ++i) {
    symbol(i).previous = i - 1;
    symbol(i).next = i + 1 < count ? i + 1 : -1;
    if (i + 1 >= count) break;
    const Merge* merge = merges_.find(symbol(i).id, symbol(i + 1).id);
    if (merge != nullptr) queue.push_back({merge->rank, i, merge->id});
  }
  std::make_heap(queue.begin(), queue.end(), comes_later);
  const auto offer = [&](std::int32_t left, std::int32_t right) {
    const Merge* merge = merges_.find(symbol(left).id, symbol(right).id);
    if (merge == nullptr) return;
    queue.push_back({merge->rank, left, merge->id});
    std::push_heap(queue.begin(), queue.end(), comes_later);
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), comes_later);
    const BpeScratch::Candidate best = queue.back();
    queue.pop_back();
    BpeScratch::Symbol& left = symbol(best.position);
    if (left.id < 0 || left.next < 0) continue;
    BpeScratch::Symbol& right = symbol(left.next);
    // A candidate is stale when its pair has changed; like the library, one that would give the same token
    // still counts.
    const Merge* merge = merges_.find(left.id, right.id);
    if (merge == nullptr || merge->id != best.id) continue;
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (right.next >= 0) symbol(right.next).previous = best.position;
    if (left.previous >= 0) offer(left.previous, best.position);
    if (left.next >= 0) offer(best.position, left.next);
  }
}

void BpeModel::encode(std::string_view piece, BpeScratch& scratch, std::vector<std::int32_t>& ids) const {
  if (ignore_merges_) {
    if (const auto id = id_of(piece)) {
      ids.push_back(*id);
      return;
    }
  }
  add_symbols(piece, scratch);
  merge_all(scratch);
  for (const BpeScratch::Symbol& symbol : scratch.symbols) {
    if (symbol.id >= 0) ids.push_back(symbol.id);
  }
}

}  // namespace wisk::tokenizer
