// README and documents name only files that exist.

#include <gtest/gtest.h>

#include <set>

#include "checks/source_tree.hpp"
#include "support/temp_folder.hpp"

namespace wisk::checks {
namespace {

/// Whether `name`, as a document says it, is a path into the repository: it starts with one of its folders
/// and has no placeholder (`<module>`, `*`, `{a,b}`, `NAME`, `$X`). Folders that a build or a run makes are
/// not.
bool names_repository_path(const std::string& name) {
  static const std::set<std::string> kFolders = {"cmake", "docs", "include", "jobs",
                                                 "slurm", "src",  "tests",   ".ci"};
  static const std::regex kPlain(R"([A-Za-z0-9_./+-]+)"), kPlaceholder(R"((^|/)[A-Z][A-Z0-9_]*(/|$))");
  const std::size_t slash = name.find('/');
  return slash != std::string::npos && kFolders.contains(name.substr(0, slash)) &&
         std::regex_match(name, kPlain) && !std::regex_search(name, kPlaceholder) &&
         name.find("...") == std::string::npos;
}

/// Places of `document` (relative to `root`) that name a missing file: markdown links, relative to the
/// document, and paths in `code`, relative to the root.
std::vector<std::string> missing_files(const fs::path& root, const fs::path& document) {
  std::vector<std::string> missing;
  const std::string text = text_of(document);
  const std::string place = document.lexically_relative(root).string();
  static const std::regex kLink(R"(\]\(([^)\s#]+)(#[^)]*)?\))"), kCode("`([^`\n]+)`");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kLink); it != std::sregex_iterator(); ++it) {
    const std::string target = (*it)[1];
    if (target.find("://") != std::string::npos || target.rfind("mailto:", 0) == 0) continue;
    if (!fs::exists(document.parent_path() / target)) missing.push_back(place + ": link to " + target);
  }
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kCode); it != std::sregex_iterator(); ++it) {
    const std::string code = (*it)[1];
    const std::string name = code.substr(0, code.find(' '));  // the command of a command line
    if (names_repository_path(name) && !fs::exists(root / name) &&
        !fs::exists(document.parent_path() / name)) {
      missing.push_back(place + ": `" + name + "`");
    }
  }
  return missing;
}

TEST(Links, DocumentsNameOnlyFilesThatExist) {
  const fs::path root = test::source_folder();
  std::string all;
  for (const fs::path& document : files_below(root, {".md"})) {
    for (const std::string& missing : missing_files(root, document)) all += missing + "\n";
  }
  EXPECT_EQ(all, "");
}

TEST(Links, MissingFilesAreFound) {
  const test::TempFolder folder;
  folder.write("docs/there.md", "");
  folder.write("tests/run", "");
  const fs::path document = folder.write(
      "docs/page.md",
      "[a](there.md#part) [b](gone.md) [c](https://x.org/y) `tests/run -R x` `tests/gone` `docs/gone.md`\n"
      "`src/<module>/x` `jobs/NAME/run` `src/*.cpp` `build/release/bin/wisk` `journal/x`\n");
  EXPECT_EQ(missing_files(folder.path(), document),
            (std::vector<std::string>{"docs/page.md: link to gone.md", "docs/page.md: `tests/gone`",
                                      "docs/page.md: `docs/gone.md`"}));
}

}  // namespace
}  // namespace wisk::checks
