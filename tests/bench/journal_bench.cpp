// A journal's costs: appending samples, and reading them back as a resume does, against reading the same
// bytes.
//   journal_bench FOLDER [SAMPLES=1000000] [TOKENS=16]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <wisk/core/clock.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/store/journal.hpp>

int main(int argc, char** argv) {
  using namespace wisk;
  if (argc < 2) {
    std::fputs("journal_bench FOLDER [SAMPLES] [TOKENS]\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "journal-bench";
  const long samples = argc > 2 ? std::atol(argv[2]) : 1000000, tokens = argc > 3 ? std::atol(argv[3]) : 16;
  std::filesystem::create_directories(folder);
  Stopwatch watch;
  std::filesystem::path file;
  {
    store::JournalWriter writer(folder, "rank-0", 1);
    file = writer.file();
    writer.append(store::AttemptRecord{{"device", "cpu"}});
    store::SampleRecord sample;
    sample.tokens.assign(static_cast<std::size_t>(tokens), 17);
    sample.logprobs.assign(static_cast<std::size_t>(tokens), -0.5f);
    sample.answer = "42";
    sample.text.assign(static_cast<std::size_t>(3 * tokens), 'x');
    for (long s = 0; s < samples; ++s) {
      sample.id = {static_cast<std::uint32_t>(s % 5), static_cast<std::uint32_t>(s / 5 % 2000),
                   static_cast<std::uint32_t>(s / 10000)};
      writer.append(sample);
    }
    writer.sync();
  }
  const double appending = watch.seconds();
  const auto bytes = static_cast<double>(std::filesystem::file_size(file));
  watch.restart();
  std::uint64_t checksum = 0;
  {
    const MappedFile mapped(file);
    checksum = xxh3(mapped.bytes());
  }
  const double bare = watch.seconds();
  watch.restart();
  std::size_t found = 0;
  {
    const store::Journal journal = store::Journal::read(folder, 1);
    found = journal.samples().size();
  }
  const double reading = watch.seconds();
  std::printf(
      "%zu samples, %.0f bytes each: append %.2f us a sample; read %.2f s, %.1f times one checksum of "
      "the same bytes (%.2f s; %llx)\n",
      found, bytes / static_cast<double>(samples), 1e6 * appending / static_cast<double>(samples), reading,
      reading / bare, bare, static_cast<unsigned long long>(checksum));
  std::filesystem::remove_all(folder);
  return found == static_cast<std::size_t>(samples) ? 0 : 1;
}
