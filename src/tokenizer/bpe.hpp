#pragma once
// The model BPE: characters of a piece to token ids by merging pairs in order of rank.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "component.hpp"
#include "tokenizer_file.hpp"

namespace wisk::tokenizer {

/// What merging a pair of tokens gives; a lower rank merges first.
struct Merge {
  std::int32_t rank, id;
};

/// Pairs of token ids to merges: one probe of a flat table instead of a walk through nodes, as every pair of
/// neighbours in a text is looked up. Owns its table; immutable once filled.
class MergeTable {
 public:
  MergeTable() : MergeTable(0) {}
  explicit MergeTable(std::size_t pairs);
  /// A later merge of the same pair replaces the earlier. At most as many pairs as announced.
  void insert(std::int32_t left, std::int32_t right, Merge merge);
  [[nodiscard]] const Merge* find(std::int32_t left, std::int32_t right) const;

 private:
  struct Slot {
    std::int32_t left, right;  // left < 0: free
    Merge merge;
  };
  [[nodiscard]] std::size_t slot_of(std::int32_t left, std::int32_t right) const;
  std::vector<Slot> slots_;
  unsigned shift_;
};

/// Memory that encode reuses from piece to piece. Not shared between threads.
struct BpeScratch {
  struct Symbol {
    std::int32_t id, previous,
        next;  // neighbours by index, -1 at the ends; id -1: merged into its left neighbour
  };
  struct Candidate {
    std::int32_t rank, position, id;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> queue;  // a heap
};

/// Owns vocabulary and merges; immutable, thread-safe; move-only (the vocabulary's keys are views of its
/// tokens).
class BpeModel {
 public:
  BpeModel() = default;
  /// Reads `model` (its options) and takes vocabulary and merges out of `file`. Throws InputError.
  BpeModel(const Component& model, TokenizerFile& file);
  BpeModel(BpeModel&&) = default;
  BpeModel& operator=(BpeModel&&) = default;

  /// Appends the ids of one piece (valid UTF-8). O(n log n). Throws InputError when a character needs the
  /// unknown token and the vocabulary lacks it.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<std::int32_t>& ids) const;

  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view token) const;
  [[nodiscard]] const std::string* token_of(std::int32_t id) const;
  /// Number of tokens (ids may have gaps).
  [[nodiscard]] std::size_t count() const { return ids_.size(); }
  /// Largest id + 1.
  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(tokens_.size()); }

 private:
  void read_vocabulary(const std::string& where, TokenizerFile& file);
  void read_merges(const std::string& where, const TokenizerFile& file);
  void add_symbols(std::string_view piece, BpeScratch& scratch) const;
  bool add_bytes(std::string_view character, BpeScratch& scratch) const;
  [[nodiscard]] std::int32_t id_of_character(std::string_view character) const;
  [[nodiscard]] std::int32_t unknown_id(std::string_view character) const;
  void merge_all(BpeScratch& scratch) const;

  std::string where_;                                       // for errors of encode
  std::vector<std::string> tokens_;                         // [largest id + 1]
  std::vector<bool> is_token_;                              // [largest id + 1]; ids may have gaps
  std::unordered_map<std::string_view, std::int32_t> ids_;  // keys are views of tokens_
  std::vector<std::int32_t> low_characters_;  // [kLowCharacters] ids of one-character tokens, -1: none
  std::vector<std::int32_t> byte_tokens_;     // [256] ids of "<0x00>".."<0xFF>", -1: none
  MergeTable merges_;
  std::optional<std::string> unknown_token_;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace wisk::tokenizer
