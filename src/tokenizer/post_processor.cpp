#include "post_processor.hpp"

#include <wisk/core/error.hpp>

namespace wisk::tokenizer {

namespace {

void append_special(const Component& component, const Component& item, std::int32_t size,
                    std::vector<std::int32_t>& ids) {
  const std::string name = item.child("SpecialToken").string("id");
  const Component known = component.child("special_tokens");
  if (!known.has(name)) item.child("SpecialToken").fail("id", "a name of special_tokens");
  const Component special = known.child(name);
  if (!special.has("ids") || !special.value()["ids"].is_array()) special.fail("ids", "a list of ids");
  for (const nlohmann::json& id : special.value()["ids"]) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= static_cast<std::uint64_t>(size)) {
      throw InputError(special.where() + ".ids", "ids below " + std::to_string(size), shown(id));
    }
    ids.push_back(static_cast<std::int32_t>(id.get<std::uint64_t>()));
  }
}

}  // namespace

PostProcessor::Template PostProcessor::read_template(const Component& component, std::int32_t size) {
  Template result;
  int sequences = 0;
  for (const Component& item : component.children("single")) {
    if (item.has("Sequence")) {
      if (item.child("Sequence").string("id") != "A") item.child("Sequence").fail("id", "\"A\"");
      ++sequences;
    } else if (item.has("SpecialToken")) {
      append_special(component, item, size, sequences == 0 ? result.before : result.after);
    } else {
      throw InputError(item.where(), "\"SpecialToken\" or \"Sequence\"", shown(item.value()));
    }
  }
  if (sequences != 1) component.fail("single", "the sequence A exactly once");
  return result;
}

PostProcessor::PostProcessor(const Component& parent, std::int32_t size) {
  const std::vector<Known<Template>> table = {
      {"TemplateProcessing", [size](const Component& component) { return read_template(component, size); }},
      {"ByteLevel", [](const Component&) { return Template{}; }},  // only trims offsets
  };
  for (const Component& component : flatten(parent, "post_processor", "processors")) {
    templates_.push_back(make_by_type(component, table));
  }
}

void PostProcessor::apply(std::vector<std::int32_t>& ids) const {
  for (const Template& entry : templates_) {
    ids.insert(ids.begin(), entry.before.begin(), entry.before.end());
    ids.insert(ids.end(), entry.after.begin(), entry.after.end());
  }
}

}  // namespace wisk::tokenizer
