#include <nlohmann/json.hpp>

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/merge/export.hpp>
#include <wisk/merge/recipe.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

double parse_number(std::string_view text, const std::string& what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw UsageError(what + ": expected a number, found \"" + std::string(text) + '"');
  }
  return value;
}

/// "5GB", "500MB", "2GiB", "1000000".
std::uint64_t parse_size(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
      {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12},
      {"B", 1.0}};
  double unit = 1;
  std::string_view number = text;
  for (const auto& [name, bytes] : kUnits) {
    if (number.ends_with(name)) {
      unit = bytes;
      number.remove_suffix(name.size());
      break;
    }
  }
  while (number.ends_with(' ')) number.remove_suffix(1);
  const double size = parse_number(number, "--max-shard-size") * unit;
  if (!(size >= 1 && size <= 1e18)) {
    throw UsageError("--max-shard-size: expected a size such as 5GB, found \"" + std::string(text) + '"');
  }
  return static_cast<std::uint64_t>(size);
}

merge::Recipe two_way(const po::variables_map& given) {
  for (const char* key : {"early", "late", "delta"}) {
    if (given.count(key) == 0) {
      throw UsageError(std::string("--") + key +
                       " is missing: give --early, --late and --delta, or --checkpoint FOLDER=WEIGHT");
    }
  }
  return merge::interpolation({"early", given["early"].as<std::string>()},
                              {"late", given["late"].as<std::string>()},
                              parse_number(given["delta"].as<std::string>(), "--delta"));
}

merge::Recipe many_way(const std::vector<std::string>& arguments) {
  merge::Recipe recipe;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--checkpoint: expected FOLDER=WEIGHT, found \"" + argument + '"');
    }
    const std::string folder = argument.substr(0, equals);
    recipe.ingredients.push_back({"", folder});
    recipe.coefficients.push_back(parse_number(argument.substr(equals + 1), "--checkpoint " + folder));
  }
  return recipe;
}

merge::Recipe recipe_of(const po::variables_map& given) {
  const bool has_two = given.count("early") + given.count("late") + given.count("delta") > 0;
  if (has_two && given.count("checkpoint") > 0) {
    throw UsageError("--early, --late and --delta do not go together with --checkpoint");
  }
  merge::Recipe recipe = given.count("checkpoint") > 0
                             ? many_way(given["checkpoint"].as<std::vector<std::string>>())
                             : two_way(given);
  if (given["normalize"].as<bool>()) merge::normalize(recipe);
  return recipe;
}

/// Cores that this process may run on.
int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

void print(const merge::Recipe& recipe, const std::string& out, const merge::ExportSummary& summary,
           double seconds, bool json) {
  if (json) {
    const nlohmann::ordered_json row = {{"out", out},
                                        {"recipe", recipe.in_words()},
                                        {"parameters", summary.parameters},
                                        {"tensors", summary.tensors},
                                        {"bytes", summary.bytes},
                                        {"files", summary.files},
                                        {"seconds", seconds}};
    std::cout << row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
    return;
  }
  std::printf("%s = %s\n%lld parameters in %zu tensors, %.3f GB in %zu file%s, %.2f s\n", out.c_str(),
              recipe.in_words().c_str(), static_cast<long long>(summary.parameters), summary.tensors,
              static_cast<double>(summary.bytes) / 1e9, summary.files.size(),
              summary.files.size() == 1 ? "" : "s", seconds);
  std::fflush(stdout);
}

int execute(const po::variables_map& given, comm::Communicator& world) {
  const Stopwatch watch;
  const merge::Recipe recipe = recipe_of(given);
  if (given.count("out") == 0) throw UsageError("--out is missing: the folder to write");
  const auto out = given["out"].as<std::string>();
  if (out.empty()) throw UsageError("--out: expected a folder, found \"\"");
  merge::ExportOptions options;
  if (given.count("dtype") > 0) {
    try {
      options.dtype = parse_dtype(given["dtype"].as<std::string>(), "--dtype");
    } catch (const InputError& error) {
      throw UsageError(error.what());
    }
  }
  options.shard_bytes = parse_size(given["max-shard-size"].as<std::string>());
  options.threads = given["threads"].as<int>();
  if (options.threads < 0)
    throw UsageError("--threads: expected at least 1, found " + std::to_string(options.threads));
  if (options.threads == 0) options.threads = world.size() == 1 ? available_cores() : 1;
  const merge::ExportSummary summary = merge::export_checkpoint(recipe, out, options, world);
  if (world.rank() == 0) print(recipe, out, summary, watch.seconds(), given["json"].as<bool>());
  return 0;
}

}  // namespace

Verb merge_verb() {
  Verb verb;
  verb.name = "merge";
  verb.synopsis = "wisk merge --early A --late B --delta D --out DIR";
  verb.summary = "writes a blend of checkpoints as a Hugging Face model folder";
  verb.details =
      "Writes w = delta x early + (1 - delta) x late to DIR. Note the direction: delta is the weight of the "
      "EARLY\n"
      "checkpoint; 0 gives late and 1 gives early, both bit for bit, and a delta outside 0..1 extrapolates. "
      "Any number\n"
      "of checkpoints can be blended with --checkpoint FOLDER=WEIGHT, repeated.\n"
      "\n"
      "The checkpoints must be of one model: same tensors, shapes and configuration; if not, every "
      "difference is named.\n"
      "Sums are float32, rounded once. DIR gets config.json, a README.md with the recipe, and the tokenizer, "
      "chat and\n"
      "generation files of the late checkpoint (with --checkpoint: of the first whose weight is not 0). It "
      "must be\n"
      "absent or empty; it appears only when complete, until then it is called DIR.tmp.\n"
      "\n"
      "Weights are streamed: each thread needs a few MB, however large the model. Under mpirun or srun all "
      "ranks\n"
      "write together; the bytes are the same for any number of ranks and threads.\n"
      "\n"
      "Examples:\n"
      "  wisk merge --early ckpt/step-0112 --late ckpt/step-1120 --delta 0.25 --out blends/quarter\n"
      "  wisk merge --checkpoint a=0.5 --checkpoint b=0.3 --checkpoint c=0.2 --out soup\n"
      "  mpirun -n 8 wisk merge --early A --late B --delta 0.5 --dtype bfloat16 --max-shard-size 2GB --out "
      "DIR\n";
  verb.options.add_options()                                                                             //
      ("early", po::value<std::string>()->value_name("FOLDER"), "the early checkpoint")                  //
      ("late", po::value<std::string>()->value_name("FOLDER"), "the late checkpoint")                    //
      ("delta", po::value<std::string>()->value_name("NUMBER"), "weight of early; late gets 1 - delta")  //
      ("checkpoint", po::value<std::vector<std::string>>()->value_name("FOLDER=WEIGHT"),
       "a checkpoint and its weight; repeat it, instead of --early, --late and --delta")  //
      ("normalize", po::bool_switch(), "divide the weights by their sum")                 //
      ("out", po::value<std::string>()->value_name("DIR"), "the folder to write")         //
      ("dtype", po::value<std::string>()->value_name("TYPE"),
       "bfloat16, float16 or float32 for all tensors; without it they keep the checkpoints' type")  //
      ("max-shard-size", po::value<std::string>()->default_value("5GB")->value_name("SIZE"),
       "most bytes in a file: 500MB, 5GB, 2GiB")  //
      ("threads", po::value<int>()->default_value(0)->value_name("N"),
       "threads of each rank; 0: all cores when there is one rank, otherwise 1")  //
      ("json", po::bool_switch(), "one JSON line instead of text");
  verb.execute = execute;
  return verb;
}

}  // namespace wisk::cli
