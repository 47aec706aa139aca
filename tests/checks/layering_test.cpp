// The modules of docs/architecture.md and what each may use, checked against every include and every link.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "checks/source_tree.hpp"
#include "support/temp_folder.hpp"

namespace wisk::checks {
namespace {

/// A module and the modules that it may use, those before it only. Its own headers go without saying.
/// `cli` names what its files include; `run` brings the rest.
const std::vector<std::pair<std::string, std::set<std::string>>> kModules = {
    {"core", {}},
    {"comm", {"core"}},
    {"device", {"core"}},
    {"checkpoint", {"core"}},
    {"tokenizer", {"core"}},
    {"merge", {"core", "comm", "device", "checkpoint"}},
    {"model", {"core", "comm", "device", "checkpoint"}},
    {"sample", {"core", "device", "model"}},
    {"task", {"core"}},
    {"stats", {"core"}},
    {"store", {"core", "comm", "stats"}},
    {"search", {"core", "stats"}},
    {"report", {"core", "stats", "store"}},
    {"run",
     {"core", "comm", "device", "checkpoint", "tokenizer", "merge", "model", "sample", "task", "stats",
      "store", "search", "report"}},
    {"cli", {"core", "comm", "tokenizer", "task", "merge", "store", "report", "run"}},
};

const std::set<std::string>* allowed(const std::string& module) {
  for (const auto& [name, uses] : kModules) {
    if (name == module) return &uses;
  }
  return nullptr;
}

using Violations = std::vector<std::string>;

/// "wisk/core/file.hpp" -> "core"; "" for anything else.
std::string module_of_header(const std::string& name) {
  if (name.rfind("wisk/", 0) != 0) return "";
  const std::size_t slash = name.find('/', 5);
  return slash == std::string::npos ? "?" : name.substr(5, slash - 5);
}

/// #include <wisk/X/...> in a file of `module`: X is the module itself or in its row.
void check_use(const std::string& module, const std::string& place, const Include& include,
               Violations& violations) {
  const std::string used = module_of_header(include.name);
  if (used.empty() || used == module) return;
  if (allowed(used) == nullptr) violations.push_back(place + ": <" + include.name + "> is of no module");
  if (!allowed(module)->contains(used)) violations.push_back(place + ": " + module + " may not use " + used);
}

/// A private header is a file of the same module: beside the including file or at the module's root.
void check_private(const fs::path& root, const fs::path& file, const std::string& place,
                   const Include& include, const std::string& module, Violations& violations) {
  const fs::path own = (root / "src" / module).lexically_normal();
  for (const fs::path& candidate : {file.parent_path() / include.name, own / include.name}) {
    const fs::path normal = candidate.lexically_normal();
    if (!fs::exists(normal)) continue;
    if (normal.lexically_relative(own).string().rfind("..", 0) == 0) {
      violations.push_back(place + ": \"" + include.name + "\" belongs to another module");
    }
    return;
  }
  violations.push_back(place + ": \"" + include.name + "\" is no file of module " + module);
}

/// Public headers show the standard library and wisk only: a user of one needs no MPI, HDF5, CUDA, YAML or
/// JSON. A standard header has neither a slash nor a dot in its name.
void check_public(const std::string& place, const Include& include, const std::string& module,
                  Violations& violations) {
  const bool standard = include.name.find_first_of("/.") == std::string::npos;
  // The command line is Boost.Program_options; its headers are seen by cli only.
  const bool options = module == "cli" && include.name.rfind("boost/", 0) == 0;
  if (include.quoted)
    violations.push_back(place + ": a public header includes the private \"" + include.name + "\"");
  if (!include.quoted && !standard && module_of_header(include.name).empty() && !options) {
    violations.push_back(place + ": a public header includes <" + include.name + ">");
  }
}

Violations include_violations(const fs::path& root) {
  Violations violations;
  for (const std::string side : {"include/wisk", "src"}) {
    for (const std::string& module : folders_in(root / side)) {
      if (allowed(module) == nullptr) {
        violations.push_back(side + "/" + module + ": is no module");
        continue;
      }
      for (const fs::path& file : files_below(root / side / module, {".hpp", ".cpp", ".cu", ".cuh"})) {
        for (const Include& include : includes_of(file)) {
          const std::string place = file.lexically_relative(root).string() + ":" + include.line;
          check_use(module, place, include, violations);
          if (side == "src" && include.quoted) check_private(root, file, place, include, module, violations);
          if (side != "src") check_public(place, include, module, violations);
        }
      }
    }
  }
  return violations;
}

/// The words after `keyword` up to the next keyword of wisk_module or the closing bracket.
std::set<std::string> words_after(const std::string& call, const std::string& keyword) {
  std::istringstream words(call);
  std::set<std::string> found;
  bool inside = false;
  for (std::string word; words >> word;) {
    if (word == "SOURCES" || word == "USES" || word == "LIBRARIES") {
      inside = word == keyword;
    } else if (inside) {
      found.insert(word);
    }
  }
  return found;
}

/// src/<module>/CMakeLists.txt: one static library, made by wisk_module(<module> ... USES row), no other wisk
/// target linked past it. `cli` is the program.
Violations link_violations(const fs::path& root) {
  Violations violations;
  for (const std::string& module : folders_in(root / "src")) {
    const std::string place = "src/" + module + "/CMakeLists.txt";
    const std::string text = text_of(root / "src" / module / "CMakeLists.txt");
    const std::set<std::string>* uses = allowed(module);
    if (uses == nullptr) continue;  // reported above
    std::smatch match;
    static const std::regex kCall(R"(wisk_module\(\s*(\w+)\s([^)]*)\))");
    const auto calls =
        std::distance(std::sregex_iterator(text.begin(), text.end(), kCall), std::sregex_iterator());
    if (module != "cli" && calls != 1) {
      violations.push_back(place + ": " + std::to_string(calls) + " calls of wisk_module, expected one");
      continue;
    }
    if (std::regex_search(text, match, kCall)) {
      if (match[1] != module) violations.push_back(place + ": makes the library of " + match[1].str());
      for (const std::string& used : words_after(match[2], "USES")) {
        if (!uses->contains(used)) violations.push_back(place + ": " + module + " may not link " + used);
      }
    }
    static const std::regex kTarget(R"(wisk::(\w+))");
    for (auto it = std::sregex_iterator(text.begin(), text.end(), kTarget); it != std::sregex_iterator();
         ++it) {
      if (!uses->contains((*it)[1]))
        violations.push_back(place + ": " + module + " may not link " + (*it)[1].str());
    }
  }
  return violations;
}

std::string joined(const Violations& violations) {
  std::string all;
  for (const std::string& violation : violations) all += violation + "\n";
  return all;
}

TEST(Layering, AModuleUsesOnlyModulesBeforeIt) {
  std::set<std::string> before;
  for (const auto& [module, uses] : kModules) {
    for (const std::string& used : uses) EXPECT_TRUE(before.contains(used)) << module << " uses " << used;
    before.insert(module);
  }
}

TEST(Layering, IncludesFollowTheTable) {
  EXPECT_EQ(joined(include_violations(test::source_folder())), "");
}

TEST(Layering, LibrariesLinkWhatTheTableAllows) {
  EXPECT_EQ(joined(link_violations(test::source_folder())), "");
}

// The checks themselves: a small tree with one violation of each kind.
TEST(Layering, EveryKindOfViolationIsFound) {
  const test::TempFolder folder;
  folder.write("include/wisk/core/fine.hpp", "#include <string>\n#include <wisk/core/other.hpp>\n");
  folder.write("include/wisk/comm/bad.hpp",
               "#pragma once\n#include <mpi.h>\n#include <hdf5/hdf5.h>\n#include \"x.hpp\"\n");
  folder.write("include/wisk/extra/bad.hpp", "");
  folder.write("src/stats/own.hpp", "");
  folder.write("src/stats/fine.cpp",
               "#include \"own.hpp\"\n#include <wisk/core/fine.hpp>\n#include <hdf5.h>\n");
  folder.write("src/stats/up.cpp", "  #  include <wisk/store/journal.hpp>\n");
  folder.write("src/stats/across.cpp", "#include \"../core/secret.hpp\"\n#include \"missing.hpp\"\n");
  folder.write("src/core/secret.hpp", "#include <wisk/nothing/here.hpp>\n");
  folder.write("src/device/cpu/deep.cpp", "#include \"root.hpp\"\n");
  folder.write("src/device/root.hpp", "");
  folder.write("src/core/CMakeLists.txt", "wisk_module(core SOURCES a.cpp USES stats LIBRARIES x)\n");
  folder.write("src/stats/CMakeLists.txt",
               "add_library(x STATIC a.cpp)\ntarget_link_libraries(x wisk::store)\n");
  folder.write("src/device/CMakeLists.txt",
               "wisk_module(comm\n  SOURCES a.cpp\n  USES core)\n"
               "target_link_libraries(wisk_device PUBLIC wisk::model)\n");
  EXPECT_EQ(joined(include_violations(folder.path())),
            "include/wisk/comm/bad.hpp:2: a public header includes <mpi.h>\n"
            "include/wisk/comm/bad.hpp:3: a public header includes <hdf5/hdf5.h>\n"
            "include/wisk/comm/bad.hpp:4: a public header includes the private \"x.hpp\"\n"
            "include/wisk/extra: is no module\n"
            "src/core/secret.hpp:1: <wisk/nothing/here.hpp> is of no module\n"
            "src/core/secret.hpp:1: core may not use nothing\n"
            "src/stats/across.cpp:1: \"../core/secret.hpp\" belongs to another module\n"
            "src/stats/across.cpp:2: \"missing.hpp\" is no file of module stats\n"
            "src/stats/up.cpp:1: stats may not use store\n");
  EXPECT_EQ(joined(link_violations(folder.path())),
            "src/core/CMakeLists.txt: core may not link stats\n"
            "src/device/CMakeLists.txt: makes the library of comm\n"
            "src/device/CMakeLists.txt: device may not link model\n"
            "src/stats/CMakeLists.txt: 0 calls of wisk_module, expected one\n");
}

}  // namespace
}  // namespace wisk::checks
