#include "json.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <wisk/checkpoint/names.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

namespace wisk::checkpoint {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kLargestText = std::size_t{256} << 20;

/// Sees every event of the parser; remembers the keys of the objects that are open.
class Guard {
 public:
  explicit Guard(const std::string& where) : where_(where) {}

  void see(Json::parse_event_t event, const Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      keys_.emplace_back();
      if (keys_.size() > kDeepest) throw InputError(where_, "JSON of at most 64 levels", "deeper nesting");
    } else if (event == Event::object_end || event == Event::array_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        throw InputError(where_, "each key once", "\"" + printable(key) + "\" twice");
      }
    }
  }

 private:
  const std::string& where_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json parse_object(std::string_view text, const std::string& where) {
  Guard guard(where);
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), [&](int, Json::parse_event_t event, Json& parsed) {
      guard.see(event, parsed);
      return true;
    });
  } catch (const Json::exception& error) {
    std::string_view message = error.what();
    message.remove_prefix(std::min(message.size(), message.find("] ") + 2));
    throw InputError(where, "JSON", printable(message));
  }
  if (!value.is_object()) throw InputError(where, "a JSON object", kind_of(value));
  return value;
}

std::string kind_of(const Json& value) {
  const std::string name = value.type_name();
  if (name == "null") return "null";
  if (value.is_number()) return "the number " + printable(value.dump(), 40);
  if (value.is_string()) {
    return "the string \"" + printable(value.get_ref<const std::string&>(), 60) + '"';
  }
  if (value.is_boolean()) return value.dump();
  return (name == "array" || name == "object" ? "an " : "a ") + name;
}

void require_regular_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw InputError(file.string(), "a file", "none");
  if (!std::filesystem::is_regular_file(status)) {
    throw InputError(file.string(), "a regular file",
                     std::filesystem::is_directory(status) ? "a folder" : "another kind");
  }
}

Json read_object(const std::filesystem::path& file) {
  require_regular_file(file);
  return parse_object(read_text(file, kLargestText), file.string());
}

}  // namespace wisk::checkpoint
