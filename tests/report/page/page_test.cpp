// placeholder
#include <gtest/gtest.h>
#include <cstdlib>
#include <fstream>
#include <wisk/report/page.hpp>
#include "report/page/chromium.hpp"
#include "report/page/synthetic.hpp"
#include "support/temp_folder.hpp"
namespace wisk::test {
TEST(Shots, Make) {
  const TempFolder folder;
  const auto page = folder.write("r.html", report::page_of("t", synthetic_report().dump()));
  SyntheticOptions one;
  one.runs = 1;
  const auto single = folder.write("s.html", report::page_of("t", synthetic_report(one).dump()));
  Chromium browser(folder.path() / "profile");
  const std::filesystem::path out = "/tmp/page-shots";
  std::filesystem::create_directories(out);
  for (const auto& [file, name] : {std::pair{page, "two"}, {single, "one"}})
    for (int w : {1280, 390})
      for (bool dark : {false, true}) {
        browser.open(file, w, 900, dark);
        for (const auto& c : browser.complaints()) std::cout << c << "\n";
        std::cout << name << w << " scroll width " << browser.value("document.documentElement.scrollWidth")
                  << " height " << browser.value("document.documentElement.scrollHeight") << "\n";
        browser.screenshot(out /
                           (std::string(name) + std::to_string(w) + (dark ? "-dark.png" : "-light.png")));
      }
}
}  // namespace wisk::test
