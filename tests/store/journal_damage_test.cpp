// Journals are untrusted: whatever happened to the bytes, reading ends, says where the damage is and finds
// the rest.

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/store/journal.hpp>

#include "journal_format.hpp"
#include "samples.hpp"
#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

using test_data::sample;
constexpr std::uint64_t kJob = 77;

std::string text_of(const std::vector<std::byte>& bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// A journal of five samples: its bytes, and where each record begins (the last is the end).
struct Written {
  std::string bytes = text_of(encode_file_header(kJob));
  std::vector<std::size_t> records = {bytes.size()};
  Written() {
    for (std::uint32_t i = 0; i < 5; ++i) add(kSampleType, encode(sample(0, i, 1)));
  }
  void add(std::uint32_t type, const std::vector<std::byte>& payload) {
    bytes += text_of(encode_record(type, payload, kJob));
    records.push_back(bytes.size());
  }
};

Journal read(const test::TempFolder& folder, const std::string& bytes) {
  folder.write("x.journal", bytes);
  return Journal::read(folder.path(), kJob);
}

std::vector<std::uint32_t> problems_of(const Journal& journal) {
  std::vector<std::uint32_t> problems;
  for (const auto& entry : journal.samples()) problems.push_back(entry.id.problem);
  return problems;
}

TEST(JournalDamage, ATailTornAtAnyByteIsIgnored) {
  const test::TempFolder folder;
  const Written written;
  for (std::size_t end = 0; end < written.bytes.size(); ++end) {
    const Journal journal = read(folder, written.bytes.substr(0, end));
    std::size_t whole = 0;
    while (whole < 5 && written.records[whole + 1] <= end) ++whole;
    ASSERT_EQ(journal.samples().size(), whole) << "torn at byte " << end;
    ASSERT_TRUE(journal.damage().empty()) << "torn at byte " << end << ": " << journal.damage()[0].what;
    for (const auto& entry : journal.samples())
      ASSERT_EQ(journal.load(entry), sample(0, entry.id.problem, 1));
  }
}

TEST(JournalDamage, ZerosThatAPowerLossLeftAreATornTail) {
  const test::TempFolder folder;
  const Journal journal = read(folder, Written().bytes + std::string(5000, '\0'));
  EXPECT_EQ(journal.samples().size(), 5u);
  EXPECT_TRUE(journal.damage().empty());
}

TEST(JournalDamage, AFlippedBitAnywhereLosesOneRecordAndSaysWhere) {
  const test::TempFolder folder;
  const Written written;
  for (std::size_t at = 0; at < written.bytes.size(); ++at) {
    std::string bytes = written.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    const Journal journal = read(folder, bytes);
    if (at < kHeaderBytes) {  // the file header
      ASSERT_EQ(journal.samples().size(), 5u);
      ASSERT_EQ(journal.damage().size(), 1u);
      ASSERT_EQ(journal.damage()[0].offset, 0u);
      continue;
    }
    std::size_t hit = 0;
    while (written.records[hit + 1] <= at) ++hit;
    std::vector<std::uint32_t> others = {0, 1, 2, 3, 4};
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(hit));
    ASSERT_EQ(problems_of(journal), others) << "byte " << at;
    ASSERT_EQ(journal.damage().size(), 1u) << "byte " << at;
    ASSERT_EQ(journal.damage()[0].offset, written.records[hit]);
    ASSERT_EQ(journal.damage()[0].file, folder.path() / "x.journal");
  }
}

TEST(JournalDamage, AttemptsCutFlippedAndLyingNeverTakeASampleAlong) {
  const test::TempFolder folder;
  const std::vector<std::byte> attempt = encode(AttemptRecord{{"rank", "0"}, {"device", "cpu"}});
  Written written;
  written.add(kAttemptType, attempt);
  written.add(kSampleType, encode(sample(0, 5, 1)));
  for (std::size_t at = written.records[5]; at < written.records[6]; ++at) {
    std::string bytes = written.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    const Journal flipped = read(folder, bytes);
    ASSERT_EQ(flipped.samples().size(), 6u) << "byte " << at;
    ASSERT_TRUE(flipped.attempts().empty());
    ASSERT_EQ(flipped.damage().size(), 1u);
    ASSERT_EQ(flipped.damage()[0].offset, written.records[5]);
    const Journal cut = read(folder, written.bytes.substr(0, at));
    ASSERT_TRUE(cut.attempts().empty());
    ASSERT_EQ(cut.samples().size(), 5u);
    ASSERT_TRUE(cut.damage().empty());
    ASSERT_EQ(cut.torn_tails().size(), at == written.records[5] ? 0u : 1u);
  }
  for (std::size_t field = 0; field + 4 <= attempt.size(); ++field) {
    for (const std::uint32_t lie : {0u, 1u, 1000u, 0x7fff'ffffu, 0xffff'ffffu}) {
      std::vector<std::byte> payload = attempt;
      std::memcpy(payload.data() + field, &lie, sizeof(lie));
      Written lying;
      lying.add(kAttemptType, payload);
      lying.add(kSampleType, encode(sample(0, 5, 1)));
      ASSERT_EQ(read(folder, lying.bytes).samples().size(), 6u) << "field " << field << ", " << lie;
    }
  }
}

TEST(JournalDamage, LengthsThatLieAreRefusedThoughTheirChecksumsHold) {
  const test::TempFolder folder;
  const std::vector<std::byte> honest = encode(sample(0, 7, 1));
  // The offsets of T, answer bytes and text bytes in a sample's payload, with lengths too small, too large,
  // absurd.
  for (const std::size_t field : {24u, 28u, 32u}) {
    for (const std::uint32_t lie : {0u, 5u, 1000u, 0x7fff'ffffu, 0xffff'ffffu}) {
      std::vector<std::byte> payload = honest;
      std::memcpy(payload.data() + field, &lie, sizeof(lie));
      if (payload == honest) continue;
      Written written;
      written.add(kSampleType, payload);
      written.add(kSampleType, encode(sample(0, 8, 1)));
      const Journal journal = read(folder, written.bytes);
      ASSERT_EQ(problems_of(journal), (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 8}));
      ASSERT_EQ(journal.damage().size(), 1u);
      ASSERT_EQ(journal.damage()[0].offset, written.records[5]);
      ASSERT_NE(journal.damage()[0].what.find("impossible"), std::string::npos);
    }
  }
}

TEST(JournalDamage, ImpossibleValuesAreRefusedThoughTheirChecksumsHold) {
  const test::TempFolder folder;
  Written written;
  for (const std::size_t field : {12u, 13u}) {  // verdict, finish
    std::vector<std::byte> payload = encode(sample(0, 7, 1));
    payload[field] = std::byte{17};
    written.add(kSampleType, payload);
  }
  written.add(kSampleType, {});
  written.add(kPrefixType,
              encode(WeightsRecord{1, std::uint64_t{5} << 32}));  // reads as T = 5 without tokens
  written.add(kWeightsType, encode(PrefixRecord{{0, 0, 0}, {1}, {1.f}}));
  written.add(99, encode(sample(0, 7, 1)));
  written.add(kSampleType, encode(sample(0, 9, 1)));
  const Journal journal = read(folder, written.bytes);
  EXPECT_EQ(problems_of(journal), (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 9}));
  EXPECT_EQ(journal.damage().size(), 6u);
}

TEST(JournalDamage, ARecordWhoseLengthPassesTheEndIsATornTail) {
  const test::TempFolder folder;
  std::vector<std::byte> long_payload(1 << 16);
  const std::string bytes =
      Written().bytes + text_of(encode_record(kSampleType, long_payload, kJob)).substr(0, 200);
  const Journal journal = read(folder, bytes);
  EXPECT_EQ(journal.samples().size(), 5u);
  EXPECT_TRUE(journal.damage().empty());
}

TEST(JournalDamage, ARecordThatAModelWroteIntoItsTextIsNoRecord) {
  const test::TempFolder folder;
  SampleRecord sly = sample(0, 7, 1);
  sly.text = text_of(encode_record(kSampleType, encode(sample(0, 1000, 1)), kJob));
  Written written;
  written.add(kSampleType, encode(sly));
  written.add(kSampleType, encode(sample(0, 8, 1)));
  EXPECT_EQ(problems_of(read(folder, written.bytes)), (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 7, 8}));
  written.bytes[written.records[5] + kHeaderBytes] ^=
      1;  // the record around it is damaged, its length is not
  EXPECT_EQ(problems_of(read(folder, written.bytes)), (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 8}));
}

TEST(JournalDamage, RecordsOfAnotherJobInTheFileAreNoRecords) {
  const test::TempFolder folder;
  Written written;
  written.bytes += text_of(encode_record(kSampleType, encode(sample(0, 7, 1)), kJob + 1));
  written.bytes += text_of(encode_record(kSampleType, encode(sample(0, 8, 1)), kJob));
  const Journal journal = read(folder, written.bytes);
  EXPECT_EQ(problems_of(journal), (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 8}));
  EXPECT_EQ(journal.damage().size(), 1u);
}

TEST(JournalDamage, ANewerFormatIsRefused) {
  const test::TempFolder folder;
  std::string header = Written().bytes.substr(0, kHeaderBytes);
  header[8] = kJournalVersion + 1;
  const std::uint64_t checksum = xxh3(std::string_view(header).substr(0, 24));
  std::memcpy(header.data() + 24, &checksum, sizeof(checksum));
  EXPECT_THROW(read(folder, header), InputError);
}

TEST(JournalDamage, RandomBytesNeverCrashOrHang) {
  const test::TempFolder folder;
  std::mt19937 random(3);
  const Written written;
  for (int trial = 0; trial < 300; ++trial) {
    std::string bytes = written.bytes;
    for (int change = 0; change < 20; ++change) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (trial % 3 == 0) bytes.erase(random() % bytes.size(), random() % 100);
    const Journal journal = read(folder, bytes);
    for (const auto& entry : journal.samples())
      EXPECT_EQ(journal.load(entry), sample(0, entry.id.problem, 1));
  }
  // Headers that all claim the rest of the file: hashing each payload would take quadratic time.
  std::string forged = text_of(encode_file_header(kJob));
  std::vector<std::byte> rest(8 << 20);
  const std::string header = text_of(encode_record(kSampleType, rest, kJob)).substr(0, kHeaderBytes);
  std::string crowd;
  for (int i = 0; i < 100'000; ++i) crowd += header;
  forged += "x" + crowd + std::string(rest.size(), 'x');
  EXPECT_THROW(read(folder, forged), InputError);
}

}  // namespace
}  // namespace wisk::store
