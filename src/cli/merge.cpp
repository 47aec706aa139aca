#include "verb.hpp"
namespace wisk::cli {
Verb merge_verb() { Verb v; v.name = "merge"; return v; }
}  // namespace wisk::cli
