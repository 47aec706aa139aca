#include "model_card.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include <wisk/core/version.hpp>

namespace wisk::merge {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// The shortest decimal that reads back as the same double.
std::string exactly(double value) {
  std::array<char, 40> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

bool set_dtype(OrderedJson& config, const std::string& name) {
  bool found = false;
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (config.contains(key)) {
      config[key] = name;
      found = true;
    }
  }
  return found;
}

}  // namespace

std::string model_card(const Recipe& recipe, const ExportOptions& options, const ExportSummary& summary) {
  std::string card =
      "---\nlibrary_name: transformers\ntags:\n- merge\n- wisk\n---\n\n# A blend of checkpoints\n\n"
      "The weights of this model are, element by element,\n\n> " +
      recipe.in_words() + "\n\n";
  card += "| checkpoint | folder | weight |\n| --- | --- | --- |\n";
  for (std::size_t i = 0; i < recipe.ingredients.size(); ++i) {
    std::filesystem::path folder = recipe.ingredients[i].folder.lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    card += "| " + recipe.ingredients[i].name + " | " + folder.filename().string() + " | " +
            exactly(recipe.coefficients[i]) + " |\n";
  }
  card +=
      "\nEach weight was computed in float32 (products and sums in the order above) and rounded once to its "
      "storage type";
  card +=
      options.dtype ? ", " + std::string(name_of(*options.dtype)) + ".\n" : ", that of the checkpoints.\n";
  card += "A checkpoint of weight 0 was not read. " + std::to_string(summary.parameters) + " parameters in " +
          std::to_string(summary.tensors) + " tensors.\n\n";
  card += "Written by wisk " + std::string(version()) +
          ". Interpolating checkpoints of one finetuning run: Dang et al., \"Weight Ensembling Improves "
          "Reasoning in\n"
          "Language Models\", arXiv 2504.10478.\n";
  return card;
}

std::string blended_config(const Ingredients& ingredients, const ExportOptions& options) {
  const std::string& text = ingredients.leading().config_text();
  OrderedJson config = OrderedJson::parse(text);
  const OrderedJson before = config;
  if (options.dtype) {
    const std::string name(name_of(*options.dtype));
    bool found = set_dtype(config, name);
    if (config.contains("text_config") && config["text_config"].is_object()) {
      found = set_dtype(config["text_config"], name) || found;
    }
    if (!found) config["torch_dtype"] = name;  // the spelling that both generations read
  }
  // What the key means when it is absent depends on the architecture: a folder that ties by its default keeps
  // its config as it is; one that ties because lm_head.weight is not there, or no longer ties, gets the key.
  OrderedJson& holder = config.contains("text_config") && config["text_config"].is_object() &&
                                config["text_config"].contains("tie_word_embeddings")
                            ? config["text_config"]
                            : config;
  const bool tied = ingredients.ties_embeddings();
  const bool was_tied = ingredients.leading().ties_embeddings();
  const bool says_so = holder.contains("tie_word_embeddings") && holder["tie_word_embeddings"] == tied;
  if (!says_so && (holder.contains("tie_word_embeddings") || tied || was_tied)) {
    holder["tie_word_embeddings"] = tied;
  }
  return config == before ? text : config.dump(2) + "\n";
}

}  // namespace wisk::merge
