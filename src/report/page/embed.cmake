# cmake -DOUT=FILE.cpp -DFOLDER=src/report/page "-DSCRIPTS=a.js b.js" -P embed.cmake
# Writes page.html, page.css and the scripts (one after the other, in one function) as string literals.
separate_arguments(SCRIPTS)
file(READ ${FOLDER}/page.html markup)
file(READ ${FOLDER}/page.css style)
set(script "")
foreach(name ${SCRIPTS})
  file(READ ${FOLDER}/${name} text)
  string(APPEND script "${text}\n")
endforeach()
file(WRITE ${OUT} "#include \"page_parts.hpp\"

namespace wisk::report {
const std::string_view kPageMarkup = R\"wisk_page(${markup})wisk_page\";
const std::string_view kPageStyle = R\"wisk_page(${style})wisk_page\";
const std::string_view kPageScript = R\"wisk_page((() => {
${script}})();
)wisk_page\";
}  // namespace wisk::report
")
