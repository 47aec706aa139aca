#include "journal_format.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/core/hash.hpp>

namespace wisk::store {
namespace {

static_assert(std::endian::native == std::endian::little,
              "journals are little-endian and copied as they are");

constexpr std::uint64_t kFileMagic = 0x4C4E'524A'4B53'4957;  // "WISKJRNL"
constexpr std::size_t kSampleFixedBytes = 40;
constexpr std::size_t kPrefixFixedBytes = 16;
constexpr std::size_t kWeightsBytes = 16;

class Encoder {
 public:
  template <class T>
  Encoder& put(T value) {
    return put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  Encoder& put_bytes(std::span<const std::byte> more) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + more.size());
    if (!more.empty()) std::memcpy(bytes_.data() + end, more.data(), more.size());
    return *this;
  }
  Encoder& put_text(const std::string& text) { return put_bytes(std::as_bytes(std::span(text))); }
  Encoder& put_id(const SampleId& id) { return put(id.arm).put(id.problem).put(id.sample); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads in order; the caller has checked that there are enough bytes.
class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    T value;
    copy(&value, sizeof(T));
    return value;
  }
  SampleId get_id() {
    const auto arm = get<std::uint32_t>();
    const auto problem = get<std::uint32_t>();
    return {arm, problem, get<std::uint32_t>()};
  }
  template <class T>
  std::vector<T> get_array(std::size_t count) {
    std::vector<T> values(count);
    copy(values.data(), count * sizeof(T));
    return values;
  }
  std::string get_text(std::size_t count) {
    std::string text(count, '\0');
    copy(text.data(), count);
    return text;
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }
  void skip(std::size_t count) { bytes_ = bytes_.subspan(count); }

 private:
  void copy(void* to, std::size_t count) {
    WISK_ASSERT(count <= bytes_.size());
    if (count > 0) std::memcpy(to, bytes_.data(), count);
    bytes_ = bytes_.subspan(count);
  }
  std::span<const std::byte> bytes_;
};

std::uint32_t length_of(std::size_t size) {
  WISK_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

/// The fixed part of a sample's payload.
struct SampleHead {
  SampleId id;
  Verdict verdict;
  FinishReason finish;
  double logprob;
  std::uint32_t tokens, answer_bytes, text_bytes;
};

std::optional<SampleHead> decode_head(std::span<const std::byte> payload) {
  if (payload.size() < kSampleFixedBytes) return std::nullopt;
  Decoder in(payload);
  const SampleId id = in.get_id();
  const auto verdict = in.get<std::uint8_t>();
  const auto finish = in.get<std::uint8_t>();
  in.skip(2);
  const auto logprob = in.get<double>();
  const auto tokens = in.get<std::uint32_t>();
  const auto answer = in.get<std::uint32_t>();
  const auto text = in.get<std::uint32_t>();
  const std::uint64_t expected = kSampleFixedBytes + std::uint64_t{8} * tokens + answer + text;
  if (expected != payload.size() || verdict >= kVerdicts ||
      finish > static_cast<int>(FinishReason::kLength)) {
    return std::nullopt;
  }
  return SampleHead{
      id, static_cast<Verdict>(verdict), static_cast<FinishReason>(finish), logprob, tokens, answer, text};
}

}  // namespace

std::vector<std::byte> encode_file_header(std::uint64_t job_hash) {
  Encoder head;
  head.put(kFileMagic).put(kJournalVersion).put(std::uint32_t{0}).put(job_hash);
  std::vector<std::byte> bytes = head.take();
  const std::uint64_t checksum = xxh3(bytes);
  return Encoder().put_bytes(bytes).put(checksum).take();
}

std::optional<FileHeader> decode_file_header(std::span<const std::byte> bytes) {
  Decoder in(bytes.first(kHeaderBytes));
  const auto magic = in.get<std::uint64_t>();
  const auto version = in.get<std::uint32_t>();
  in.skip(4);
  const auto job_hash = in.get<std::uint64_t>();
  if (magic != kFileMagic || in.get<std::uint64_t>() != xxh3(bytes.first(24))) return std::nullopt;
  return FileHeader{version, job_hash};
}

std::vector<std::byte> encode(const SampleRecord& sample) {
  WISK_ASSERT(sample.tokens.size() == sample.logprobs.size());
  return Encoder()
      .put_id(sample.id)
      .put(sample.verdict)
      .put(sample.finish)
      .put(std::uint16_t{0})
      .put(sample.logprob)
      .put(length_of(sample.tokens.size()))
      .put(length_of(sample.answer.size()))
      .put(length_of(sample.text.size()))
      .put(std::uint32_t{0})
      .put_bytes(std::as_bytes(std::span(sample.tokens)))
      .put_bytes(std::as_bytes(std::span(sample.logprobs)))
      .put_text(sample.answer)
      .put_text(sample.text)
      .take();
}

std::vector<std::byte> encode(const PrefixRecord& prefix) {
  WISK_ASSERT(prefix.tokens.size() == prefix.logprobs.size());
  return Encoder()
      .put_id(prefix.id)
      .put(length_of(prefix.tokens.size()))
      .put_bytes(std::as_bytes(std::span(prefix.tokens)))
      .put_bytes(std::as_bytes(std::span(prefix.logprobs)))
      .take();
}

std::vector<std::byte> encode(const WeightsRecord& weights) {
  return Encoder().put(weights.arm).put(std::uint32_t{0}).put(weights.hash).take();
}

std::vector<std::byte> encode(const AttemptRecord& attempt) {
  Encoder out;
  out.put(length_of(attempt.size()));
  for (const auto& [key, value] : attempt)
    out.put(length_of(key.size())).put(length_of(value.size())).put_text(key).put_text(value);
  return out.take();
}

std::vector<std::byte> encode_record(std::uint32_t type, std::span<const std::byte> payload,
                                     std::uint64_t job_hash) {
  std::vector<std::byte> head = Encoder()
                                    .put(kRecordMagic)
                                    .put(type)
                                    .put(std::uint64_t{payload.size()})
                                    .put(xxh3(payload, job_hash))
                                    .take();
  const std::uint64_t checksum = xxh3(head, job_hash);
  return Encoder().put_bytes(head).put(checksum).put_bytes(payload).take();
}

std::optional<RecordHeader> decode_record_header(std::span<const std::byte> bytes, std::uint64_t job_hash) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  Decoder in(bytes);
  const auto magic = in.get<std::uint32_t>();
  const auto type = in.get<std::uint32_t>();
  const auto payload_bytes = in.get<std::uint64_t>();
  const auto payload_checksum = in.get<std::uint64_t>();
  if (magic != kRecordMagic || in.get<std::uint64_t>() != xxh3(bytes.first(24), job_hash))
    return std::nullopt;
  return RecordHeader{type, payload_bytes, payload_checksum};
}

bool payload_is_whole(const RecordHeader& header, std::span<const std::byte> payload,
                      std::uint64_t job_hash) {
  return xxh3(payload, job_hash) == header.payload_checksum;
}

std::optional<SampleRecord> decode_sample(std::span<const std::byte> payload) {
  const auto head = decode_head(payload);
  if (!head) return std::nullopt;
  Decoder in(payload.subspan(kSampleFixedBytes));
  SampleRecord sample;
  sample.id = head->id;
  sample.verdict = head->verdict;
  sample.finish = head->finish;
  sample.logprob = head->logprob;
  sample.tokens = in.get_array<std::int32_t>(head->tokens);
  sample.logprobs = in.get_array<float>(head->tokens);
  sample.answer = in.get_text(head->answer_bytes);
  sample.text = in.get_text(head->text_bytes);
  return sample;
}

std::optional<Journal::Entry> decode_entry(std::span<const std::byte> payload) {
  const auto head = decode_head(payload);
  if (!head) return std::nullopt;
  return Journal::Entry{head->id, head->verdict, head->finish, head->tokens, head->logprob, 0, 0};
}

std::optional<PrefixRecord> decode_prefix(std::span<const std::byte> payload) {
  if (payload.size() < kPrefixFixedBytes) return std::nullopt;
  Decoder in(payload);
  PrefixRecord prefix;
  prefix.id = in.get_id();
  const auto tokens = in.get<std::uint32_t>();
  if (kPrefixFixedBytes + std::uint64_t{8} * tokens != payload.size()) return std::nullopt;
  prefix.tokens = in.get_array<std::int32_t>(tokens);
  prefix.logprobs = in.get_array<float>(tokens);
  return prefix;
}

std::optional<WeightsRecord> decode_weights(std::span<const std::byte> payload) {
  if (payload.size() != kWeightsBytes) return std::nullopt;
  Decoder in(payload);
  const auto arm = in.get<std::uint32_t>();
  in.skip(4);
  return WeightsRecord{arm, in.get<std::uint64_t>()};
}

std::optional<AttemptRecord> decode_attempt(std::span<const std::byte> payload) {
  Decoder in(payload);
  if (in.left() < 4) return std::nullopt;
  AttemptRecord attempt;
  for (auto count = in.get<std::uint32_t>(); count > 0; --count) {
    if (in.left() < 8) return std::nullopt;
    const std::uint64_t key = in.get<std::uint32_t>(), value = in.get<std::uint32_t>();
    if (in.left() < key + value) return std::nullopt;
    std::string name = in.get_text(key);
    attempt.emplace_back(std::move(name), in.get_text(value));
  }
  return in.left() == 0 ? std::optional(std::move(attempt)) : std::nullopt;
}

}  // namespace wisk::store
