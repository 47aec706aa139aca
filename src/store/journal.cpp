#include <wisk/store/journal.hpp>

#include <algorithm>
#include <cstring>
#include <tuple>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

#include "journal_format.hpp"

namespace wisk::store {
namespace {

using Bytes = std::span<const std::byte>;

/// Where the next whole record begins, at or after `from`; npos when there is none.
class Resync {
 public:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  Resync(Bytes bytes, std::uint64_t job_hash)
      : bytes_(bytes),
        job_hash_(job_hash),
        budget_(4 * std::uint64_t{bytes.size()} + (std::uint64_t{64} << 20)) {}

  std::uint64_t next(std::uint64_t from, const std::filesystem::path& file) {
    for (; from + kHeaderBytes <= bytes_.size(); ++from) {
      const void* found = ::memchr(bytes_.data() + from, kRecordMagic & 0xff, bytes_.size() - from);
      if (found == nullptr) return kNone;
      from = static_cast<std::uint64_t>(static_cast<const std::byte*>(found) - bytes_.data());
      const auto header = decode_record_header(bytes_.subspan(from), job_hash_);
      if (!header || header->payload_bytes > bytes_.size() - from - kHeaderBytes) continue;
      // Forged headers could make this quadratic; real files come nowhere near.
      if (header->payload_bytes > budget_)
        throw InputError(file.string(), "a journal", "overlapping damaged records");
      budget_ -= header->payload_bytes;
      if (payload_is_whole(*header, bytes_.subspan(from + kHeaderBytes, header->payload_bytes), job_hash_))
        return from;
    }
    return kNone;
  }

 private:
  Bytes bytes_;
  std::uint64_t job_hash_;
  std::uint64_t budget_;
};

/// Whether the bytes from `offset` to the end are what a writer leaves that was stopped within a record: the
/// beginning of one, or blocks of zeros that a power loss left.
bool is_torn_tail(Bytes tail, std::uint64_t job_hash) {
  if (const auto header = decode_record_header(tail, job_hash))
    return header->payload_bytes > tail.size() - kHeaderBytes;
  if (std::all_of(tail.begin(), tail.end(), [](std::byte byte) { return byte == std::byte{0}; })) return true;
  const Bytes magic = std::as_bytes(std::span(&kRecordMagic, 1));
  const std::size_t compared = std::min(magic.size(), tail.size());
  return tail.size() < kHeaderBytes &&
         std::equal(magic.begin(), magic.begin() + static_cast<std::ptrdiff_t>(compared), tail.begin());
}

std::string in_words(const SampleId& id) {
  return "arm " + std::to_string(id.arm) + ", problem " + std::to_string(id.problem) + ", sample " +
         std::to_string(id.sample);
}

Bytes payload_at(Bytes bytes, std::uint64_t offset) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + offset + 8, sizeof(size));  // checked when the file was scanned
  return bytes.subspan(offset + kHeaderBytes, size);
}

std::vector<std::filesystem::path> journal_files(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) throw InputError(folder.string(), "a folder with journals", error.message());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".journal" && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string value_of(const AttemptRecord& attempt, std::string_view key) {
  const auto found =
      std::find_if(attempt.begin(), attempt.end(), [&](const auto& pair) { return pair.first == key; });
  return found == attempt.end() ? "" : found->second;
}

std::string device_of(const AttemptRecord& attempt) {
  const std::string device = value_of(attempt, "device");
  return device.empty() ? "unknown" : device;
}

Journal Journal::read(const std::filesystem::path& folder, std::uint64_t job_hash) {
  Journal journal;
  for (const auto& file : journal_files(folder)) {
    journal.files_.emplace_back(file);
    journal.scan(static_cast<std::uint32_t>(journal.files_.size() - 1), job_hash);
  }
  journal.sort_samples();
  journal.keep_longest_prefixes();
  return journal;
}

void Journal::scan(std::uint32_t file, std::uint64_t job_hash) {
  const Bytes bytes = files_[file].bytes();
  const auto& path = files_[file].path();
  if (bytes.size() < kHeaderBytes) return;  // its writer was stopped before the first record
  if (const auto header = decode_file_header(bytes)) {
    if (header->job_hash != job_hash) {
      throw InputError(path.string(), "a journal of job " + hex64(job_hash),
                       "one of job " + hex64(header->job_hash));
    }
    if (header->version == 0 || header->version > kJournalVersion) {
      throw InputError(path.string(), "journal format 1 to " + std::to_string(kJournalVersion),
                       "format " + std::to_string(header->version));
    }
  } else {
    damage_.push_back({path, 0, "the file header fails its checksum"});
  }
  Resync resync(bytes, job_hash);
  std::uint64_t offset = kHeaderBytes;
  while (offset < bytes.size()) {
    const auto header = decode_record_header(bytes.subspan(offset), job_hash);
    std::string what = "no record begins here, or its header fails its checksum";
    std::uint64_t search_from = offset + 1;
    if (header && header->payload_bytes <= bytes.size() - offset - kHeaderBytes) {
      const std::uint64_t end = offset + kHeaderBytes + header->payload_bytes;
      what = "a record of " + std::to_string(header->payload_bytes) + " bytes fails its checksum";
      if (payload_is_whole(*header, bytes.subspan(offset + kHeaderBytes, header->payload_bytes), job_hash) &&
          take(file, offset, what)) {
        offset = end;
        continue;
      }
      search_from = end;  // the length is sound: what a model wrote inside is not searched for records
    }
    const std::uint64_t next = resync.next(search_from, path);
    if (next == Resync::kNone && is_torn_tail(bytes.subspan(offset), job_hash)) {
      torn_tails_.push_back({path, offset, bytes.size() - offset});
    } else {
      damage_.push_back({path, offset, what});
    }
    if (next == Resync::kNone) return;
    offset = next;
  }
}

/// Keeps what the record at `offset` says; false with the reason when its payload makes no sense.
bool Journal::take(std::uint32_t file, std::uint64_t offset, std::string& what) {
  const Bytes bytes = files_[file].bytes();
  std::uint32_t type = 0;
  std::memcpy(&type, bytes.data() + offset + 4, sizeof(type));
  const Bytes payload = payload_at(bytes, offset);
  if (type == kSampleType) {
    if (auto entry = decode_entry(payload)) {
      entry->file = file;
      entry->offset = offset;
      samples_.push_back(*entry);
      return true;
    }
  } else if (type == kPrefixType) {
    if (auto prefix = decode_prefix(payload)) {
      if (!attempt_places_.empty() && attempt_places_.back().file == file)
        prefix->device = value_of(attempts_.back(), "device");
      prefixes_.push_back(std::move(*prefix));
      return true;
    }
  } else if (type == kWeightsType) {
    if (const auto weights = decode_weights(payload)) {
      weights_.push_back({weights->arm, weights->hash, file, offset});
      return true;
    }
  } else if (type == kAttemptType) {
    if (auto attempt = decode_attempt(payload)) {
      attempts_.push_back(std::move(*attempt));
      attempt_places_.push_back({file, offset});
      return true;
    }
  }
  what = "a record of type " + std::to_string(type) + " and " + std::to_string(payload.size()) +
         " bytes holds impossible lengths or values";
  return false;
}

void Journal::sort_samples() {
  const auto place = [](const Entry& entry) { return std::tie(entry.id, entry.file, entry.offset); };
  std::sort(samples_.begin(), samples_.end(),
            [&](const Entry& a, const Entry& b) { return place(a) < place(b); });
  std::vector<Entry> unique;
  unique.reserve(samples_.size());
  for (const Entry& entry : samples_) {
    if (unique.empty() || unique.back().id != entry.id) {
      unique.push_back(entry);
      continue;
    }
    const Entry& first = unique.back();
    const Bytes kept = payload_at(files_[first.file].bytes(), first.offset);
    const Bytes other = payload_at(files_[entry.file].bytes(), entry.offset);
    if (!std::equal(kept.begin(), kept.end(), other.begin(), other.end())) {
      damage_.push_back({files_[entry.file].path(), entry.offset,
                         in_words(entry.id) + " differs from the one in " +
                             files_[first.file].path().string() + " at offset " +
                             std::to_string(first.offset) + ", which is kept"});
    }
  }
  samples_ = std::move(unique);
}

void Journal::keep_longest_prefixes() {
  std::stable_sort(prefixes_.begin(), prefixes_.end(), [](const PrefixRecord& a, const PrefixRecord& b) {
    if (a.id != b.id) return a.id < b.id;
    return a.device != b.device ? a.device < b.device : a.tokens.size() > b.tokens.size();
  });
  const auto same = [](const PrefixRecord& a, const PrefixRecord& b) {
    return a.id == b.id && a.device == b.device;
  };
  prefixes_.erase(std::unique(prefixes_.begin(), prefixes_.end(), same), prefixes_.end());
  std::erase_if(prefixes_, [this](const PrefixRecord& prefix) { return contains(prefix.id); });
}

bool Journal::contains(const SampleId& id) const {
  const auto found =
      std::lower_bound(samples_.begin(), samples_.end(), id,
                       [](const Entry& entry, const SampleId& wanted) { return entry.id < wanted; });
  return found != samples_.end() && found->id == id;
}

const AttemptRecord& Journal::attempt_of(const Entry& entry) const {
  static const AttemptRecord kNone;
  const auto after =
      std::upper_bound(attempt_places_.begin(), attempt_places_.end(), entry,
                       [](const Entry& wanted, const AttemptPlace& place) {
                         return std::tie(wanted.file, wanted.offset) < std::tie(place.file, place.offset);
                       });
  if (after == attempt_places_.begin() || std::prev(after)->file != entry.file) return kNone;
  return attempts_[static_cast<std::size_t>(std::prev(after) - attempt_places_.begin())];
}

HardwareCounts hardware_of(const Journal& journal) {
  HardwareCounts counts;
  const AttemptRecord* last = nullptr;
  std::int64_t* count = nullptr;
  for (const Journal::Entry& entry : journal.samples()) {
    const AttemptRecord& attempt = journal.attempt_of(entry);
    if (&attempt != last) count = &counts[device_of(attempt)];
    last = &attempt;
    ++*count;
  }
  return counts;
}

bool is_mixed(const HardwareCounts& counts) {
  return counts.size() > (counts.contains("unknown") ? 2 : 1);
}

std::string in_words(const HardwareCounts& counts) {
  std::string words;
  for (const auto& [kind, count] : counts)
    words += (words.empty() ? "" : ", ") + std::to_string(count) + " on " + kind;
  return words;
}

std::vector<std::filesystem::path> Journal::files() const {
  std::vector<std::filesystem::path> paths;
  for (const MappedFile& file : files_) paths.push_back(file.path());
  return paths;
}

std::uint64_t Journal::bytes() const {
  std::uint64_t sum = 0;
  for (const MappedFile& file : files_) sum += file.bytes().size();
  return sum;
}

SampleRecord Journal::load(const Entry& entry) const {
  WISK_ASSERT(entry.file < files_.size());
  auto sample = decode_sample(payload_at(files_[entry.file].bytes(), entry.offset));
  WISK_ASSERT(sample.has_value());  // it was decoded when the file was scanned
  return std::move(*sample);
}

std::map<std::uint32_t, std::uint64_t> Journal::weights() const {
  std::map<std::uint32_t, std::uint64_t> hashes;
  std::map<std::uint32_t, const WeightsNote*> first;
  for (const WeightsNote& note : weights_) {
    const auto place = [this](const WeightsNote& noted) {
      return hex64(noted.hash) + " (" + files_[noted.file].path().string() + ", offset " +
             std::to_string(noted.offset) + ")";
    };
    const auto [known, added] = first.emplace(note.arm, &note);
    if (!added && known->second->hash != note.hash) {
      throw InputError("arm " + std::to_string(note.arm), "one set of weights for all its samples",
                       place(*known->second) + " and " + place(note));
    }
    hashes.emplace(note.arm, note.hash);
  }
  return hashes;
}

}  // namespace wisk::store
