#pragma once
// The bytes of a journal, without files: header, records, checksums. Little-endian (docs/results-format.md).
//
//   file header, 32 bytes:    magic "WISKJRNL", version u32, 0 u32, job hash u64, XXH3-64 of the 24 bytes
//   before record header, 32 bytes:  magic u32, type u32, payload bytes u64, payload checksum u64, XXH3-64 of
//   the 24 before sample payload:           arm u32, problem u32, sample u32, verdict u8, finish u8, 0 u16,
//   logprob f64,
//                             T u32, answer bytes u32, text bytes u32, 0 u32, token ids i32[T], logprobs
//                             f32[T], answer, text
//   prefix payload:           arm u32, problem u32, sample u32, T u32, token ids i32[T], logprobs f32[T]
//   weights payload:          arm u32, 0 u32, hash u64
//
// Checksums are seeded with the job hash: bytes of another job's journal never pass for a record.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <wisk/store/journal.hpp>

namespace wisk::store {

inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::size_t kHeaderBytes = 32;             // of a file and of a record
inline constexpr std::uint32_t kRecordMagic = 0x4352'4A57;  // "WJRC"
inline constexpr std::uint32_t kSampleType = 1, kPrefixType = 2, kWeightsType = 3;

struct WeightsRecord {
  std::uint32_t arm;
  std::uint64_t hash;
};

std::vector<std::byte> encode_file_header(std::uint64_t job_hash);
std::vector<std::byte> encode(const SampleRecord& sample);
std::vector<std::byte> encode(const PrefixRecord& prefix);
std::vector<std::byte> encode(const WeightsRecord& weights);
/// Header and payload.
std::vector<std::byte> encode_record(std::uint32_t type, std::span<const std::byte> payload,
                                     std::uint64_t job_hash);

struct FileHeader {
  std::uint32_t version;
  std::uint64_t job_hash;
};
/// Nothing when magic or checksum are wrong. bytes: at least kHeaderBytes.
std::optional<FileHeader> decode_file_header(std::span<const std::byte> bytes);

struct RecordHeader {
  std::uint32_t type;
  std::uint64_t payload_bytes;
  std::uint64_t payload_checksum;
};
/// Nothing when the bytes are too few, or magic or checksum are wrong.
std::optional<RecordHeader> decode_record_header(std::span<const std::byte> bytes, std::uint64_t job_hash);
/// payload: of header.payload_bytes.
bool payload_is_whole(const RecordHeader& header, std::span<const std::byte> payload, std::uint64_t job_hash);

/// Nothing when a length or a value in the payload is impossible, whatever its checksum says.
std::optional<SampleRecord> decode_sample(std::span<const std::byte> payload);
/// The same checks, without tokens, log-probabilities and text.
std::optional<Journal::Entry> decode_entry(std::span<const std::byte> payload);
std::optional<PrefixRecord> decode_prefix(std::span<const std::byte> payload);
std::optional<WeightsRecord> decode_weights(std::span<const std::byte> payload);

}  // namespace wisk::store
