#include "verb.hpp"
namespace wisk::cli {
Verb inspect_verb() { Verb v; v.name = "inspect"; return v; }
}  // namespace wisk::cli
