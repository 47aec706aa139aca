#include "verb.hpp"
namespace wisk::cli {
Verb tokenize_verb() { Verb v; v.name = "tokenize"; return v; }
}  // namespace wisk::cli
