#pragma once
// The bytes of a journal, without files: header, records, checksums (docs/journal-format.md).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <wisk/store/journal.hpp>

namespace wisk::store {

inline constexpr std::uint32_t kJournalVersion = 2;         // 1 had no attempt records
inline constexpr std::size_t kHeaderBytes = 32;             // of a file and of a record
inline constexpr std::uint32_t kRecordMagic = 0x4352'4A57;  // "WJRC"
inline constexpr std::uint32_t kSampleType = 1, kPrefixType = 2, kWeightsType = 3, kAttemptType = 4;

struct WeightsRecord {
  std::uint32_t arm;
  std::uint64_t hash;
};

std::vector<std::byte> encode_file_header(std::uint64_t job_hash);
std::vector<std::byte> encode(const SampleRecord& sample);
std::vector<std::byte> encode(const PrefixRecord& prefix);
std::vector<std::byte> encode(const WeightsRecord& weights);
std::vector<std::byte> encode(const AttemptRecord& attempt);
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
std::optional<AttemptRecord> decode_attempt(std::span<const std::byte> payload);

}  // namespace wisk::store
