// `wisk merge`: writes a blend as a model folder.

#include <algorithm>
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>

#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/merge/export.hpp>

#include "verb.hpp"

namespace wisk::cli {

namespace {

/// "5GB", "512MiB", "1000": decimal and binary multiples.
std::uint64_t parse_size(const std::string& text) {
  const auto wrong = [&] {
    return UsageError("--max-shard-size: expected a size such as 5GB or 512MiB, found \"" + text + "\"");
  };
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || !(value > 0) || value > 1e15) throw wrong();
  const std::string unit(end, text.data() + text.size());
  double factor = 1;
  constexpr std::string_view kPrefixes = "KMGT";
  if (!unit.empty() && unit != "B") {
    const std::size_t power = kPrefixes.find(unit[0]);
    const std::string rest = unit.substr(1);
    if (power == std::string_view::npos || (rest != "B" && rest != "iB" && !rest.empty())) throw wrong();
    for (std::size_t i = 0; i <= power; ++i) factor *= rest == "iB" ? 1024 : 1000;
  }
  return static_cast<std::uint64_t>(value * factor);
}

/// FOLDER=WEIGHT of --checkpoint.
void add_ingredient(const std::string& text, merge::Recipe& recipe) {
  const std::size_t equals = text.rfind('=');
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  double weight = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), weight);
  if (number.empty() || problem != std::errc() || end != number.data() + number.size()) {
    throw UsageError("--checkpoint: expected FOLDER=WEIGHT, found \"" + text + "\"");
  }
  const std::filesystem::path folder = text.substr(0, equals);
  recipe.ingredients.push_back(
      {(folder.has_filename() ? folder : folder.parent_path()).filename().string(), folder});
  recipe.coefficients.push_back(weight);
}

merge::Recipe recipe_of(const po::variables_map& values) {
  const bool early = values.count("early") != 0, late = values.count("late") != 0,
             delta = values.count("delta") != 0;
  const bool listed = values.count("checkpoint") != 0;
  if (!listed && early && late && delta) {
    return merge::interpolation({"early", values["early"].as<std::string>()},
                                {"late", values["late"].as<std::string>()}, values["delta"].as<double>());
  }
  if (!listed || early || late || delta) {
    throw UsageError(
        "wisk merge: expected --early, --late and --delta, or --checkpoint FOLDER=WEIGHT for each "
        "ingredient; see wisk merge --help");
  }
  merge::Recipe recipe;
  for (const std::string& text : values["checkpoint"].as<std::vector<std::string>>())
    add_ingredient(text, recipe);
  if (values.count("normalize") != 0) merge::normalize(recipe);
  return recipe;
}

int execute(const po::variables_map& values, comm::Communicator& world) {
  if (values.count("out") == 0)
    throw UsageError("wisk merge: expected --out DIR, found none; see wisk merge --help");
  const merge::Recipe recipe = recipe_of(values);
  merge::ExportOptions options;
  if (values.count("dtype") != 0) options.dtype = parse_dtype(values["dtype"].as<std::string>(), "--dtype");
  options.shard_bytes = parse_size(values["max-shard-size"].as<std::string>());
  options.threads = values["threads"].as<int>();
  if (options.threads < 1)
    throw UsageError("--threads: expected at least 1, found " + std::to_string(options.threads));
  const std::filesystem::path out = values["out"].as<std::string>();
  const Stopwatch watch;
  const merge::ExportSummary summary = merge::export_checkpoint(recipe, out, options, world);
  const double seconds = watch.seconds();
  if (world.rank() != 0) return 0;
  if (values.count("json") != 0) {
    const nlohmann::ordered_json json = {
        {"out", out.string()},    {"recipe", recipe.in_words()}, {"parameters", summary.parameters},
        {"bytes", summary.bytes}, {"tensors", summary.tensors},  {"files", summary.files},
        {"seconds", seconds},     {"ranks", world.size()}};
    std::cout << json.dump() << "\n";
  } else {
    std::cout << out.string() << ": " << recipe.in_words() << "; " << summary.tensors << " tensors, "
              << summary.parameters << " parameters, " << summary.bytes << " bytes in "
              << summary.files.size() << (summary.files.size() == 1 ? " file" : " files") << ", " << seconds
              << " s\n";
  }
  return 0;
}

}  // namespace

Verb merge_verb() {
  Verb verb;
  verb.name = "merge";
  verb.synopsis =
      "wisk merge --early A --late B --delta D --out DIR [OPTIONS]\n"
      "wisk merge --checkpoint A=WEIGHT --checkpoint B=WEIGHT ... --out DIR [OPTIONS]";
  verb.summary = "write a blend of checkpoints as a model folder";
  verb.details =
      "Writes w = delta * early + (1 - delta) * late, or a weighted sum of any number of checkpoints, as a "
      "Hugging Face model\n"
      "folder: safetensors (with an index where there are several), config, tokenizer files and a model card "
      "that says in\n"
      "words what was blended. Each sum is taken in float32 and rounded once. All ranks write, the bytes are "
      "the same for any\n"
      "number of them, and DIR appears only when it is complete.\n\n"
      "  wisk merge --early ckpt/step-0112 --late ckpt/step-1120 --delta 0.25 --out merged\n"
      "  mpirun -n 4 wisk merge --checkpoint a=0.5 --checkpoint b=0.3 --checkpoint c=0.2 --out merged";
  auto add = verb.options.add_options();
  add("early", po::value<std::string>(), "early checkpoint");
  add("late", po::value<std::string>(), "late checkpoint");
  add("delta", po::value<double>(), "weight of early; outside 0..1 it extrapolates");
  add("checkpoint", po::value<std::vector<std::string>>()->composing(), "FOLDER=WEIGHT; may be repeated");
  add("normalize", "divide the weights of --checkpoint by their sum");
  add("out", po::value<std::string>(), "folder to write; must be absent or empty");
  add("dtype", po::value<std::string>(), "bfloat16, float16 or float32 (default: the checkpoints' own)");
  add("max-shard-size", po::value<std::string>()->default_value("5GB"), "most tensor bytes in a file");
  add("threads", po::value<int>()->default_value(1), "of each rank");
  add("json", "print one JSON object");
  add("help,h", "this text");
  verb.execute = execute;
  return verb;
}

}  // namespace wisk::cli
