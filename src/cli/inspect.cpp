// `wisk inspect`: what is in a checkpoint; how far two are apart; what hardware there is.

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/merge/inspection.hpp>

#include "inspect_devices.hpp"
#include "verb.hpp"

namespace wisk::cli {

namespace {

using nlohmann::ordered_json;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void print(const merge::Inspection& checkpoint, bool tensors) {
  std::cout << fmt::format(
      "{}: {}, {} parameters, {} bytes in {} {}, {}\n", checkpoint.folder.string(), checkpoint.architecture,
      checkpoint.parameters, checkpoint.bytes, checkpoint.weight_files,
      checkpoint.weight_files == 1 ? "file" : "files",
      checkpoint.ties_embeddings ? "lm_head tied to the embedding" : "lm_head of its own");
  for (const auto& [dtype, parameters] : checkpoint.parameters_by_dtype)
    std::cout << fmt::format("  {} of {}\n", parameters, dtype);
  for (const auto& [name, dtype] : checkpoint.unusable_tensors)
    std::cout << fmt::format("  cannot be used: {} ({})\n", name, dtype);
  std::cout << fmt::format("\n{:<40} {:>14} {:>14}\n", "layer", "parameters", "bytes");
  for (const merge::Layer& layer : checkpoint.layers) {
    std::cout << fmt::format("{:<40} {:>14} {:>14}\n", layer.name, layer.parameters, layer.bytes);
    if (!tensors) continue;
    for (const merge::TensorLine& tensor : layer.tensors) {
      std::cout << fmt::format("  {:<50} {:>9} {}\n", tensor.name, tensor.dtype, shape_text(tensor.shape));
    }
  }
}

ordered_json as_json(const merge::Inspection& checkpoint) {
  ordered_json layers = ordered_json::array();
  for (const merge::Layer& layer : checkpoint.layers) {
    ordered_json tensors = ordered_json::array();
    for (const merge::TensorLine& tensor : layer.tensors) {
      tensors.push_back({{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}});
    }
    layers.push_back({{"name", layer.name},
                      {"parameters", layer.parameters},
                      {"bytes", layer.bytes},
                      {"tensors", tensors}});
  }
  return {{"folder", checkpoint.folder.string()},
          {"architecture", checkpoint.architecture},
          {"parameters", checkpoint.parameters},
          {"bytes", checkpoint.bytes},
          {"parameters_by_dtype", checkpoint.parameters_by_dtype},
          {"ties_embeddings", checkpoint.ties_embeddings},
          {"files", checkpoint.weight_files},
          {"unusable_tensors", checkpoint.unusable_tensors},
          {"layers", layers}};
}

ordered_json as_json(const merge::Distance& distance) {
  return {{"elements", distance.elements},         {"relative_l2", distance.relative_l2()},
          {"cosine", distance.cosine()},           {"max_abs_difference", distance.largest},
          {"share_equal", distance.share_equal()}, {"non_finite", distance.non_finite}};
}

void print(const std::string& name, const merge::Distance& distance) {
  std::cout << fmt::format("{:<40} {:>12.5g} {:>12.8f} {:>12.5g} {:>8.2f}\n", name, distance.relative_l2(),
                           distance.cosine(), distance.largest, 100 * distance.share_equal());
}

void print(const merge::Comparison& comparison) {
  std::cout << fmt::format("\n{:<40} {:>12} {:>12} {:>12} {:>8}\n", "layer", "|b-a|/|a|", "cosine",
                           "max |b-a|", "equal %");
  for (const merge::LayerDistance& layer : comparison.layers) print(layer.name, layer.distance);
  print("all", comparison.total);
  for (const std::string& remark : comparison.config_remarks) std::cout << "config.json: " << remark << "\n";
  if (comparison.hindrances.empty()) {
    std::cout << "the two can be blended\n";
  } else {
    for (const std::string& hindrance : comparison.hindrances)
      std::cout << "cannot be blended: " << hindrance << "\n";
  }
}

int execute(const po::variables_map& values, comm::Communicator& world) {
  if (values.count("devices") != 0) {
    if (values.count("checkpoints") != 0)
      throw UsageError("wisk inspect: expected either --devices or checkpoint folders, found both");
    if (world.rank() == 0) print_devices(values.count("json") != 0);
    return 0;
  }
  if (values.count("checkpoints") == 0)
    throw UsageError(
        "wisk inspect: expected one or two checkpoint folders, found none; see wisk inspect --help");
  const auto folders = values["checkpoints"].as<std::vector<std::string>>();
  if (folders.size() > 2)
    throw UsageError("wisk inspect: expected one or two checkpoint folders, found " +
                     std::to_string(folders.size()));
  if (world.rank() != 0) return 0;
  const int threads = values["threads"].as<int>() > 0
                          ? values["threads"].as<int>()
                          : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<merge::Inspection> checkpoints;
  for (const std::string& folder : folders) checkpoints.push_back(merge::inspect(folder));
  std::optional<merge::Comparison> comparison;
  if (folders.size() == 2) comparison = merge::compare(folders[0], folders[1], threads);
  if (values.count("json") == 0) {
    for (const merge::Inspection& checkpoint : checkpoints) print(checkpoint, values.count("tensors") != 0);
    if (comparison) print(*comparison);
    return 0;
  }
  ordered_json json = {{"checkpoints", ordered_json::array()}};
  for (const merge::Inspection& checkpoint : checkpoints) json["checkpoints"].push_back(as_json(checkpoint));
  if (comparison) {
    ordered_json layers = ordered_json::array();
    for (const merge::LayerDistance& layer : comparison->layers) {
      ordered_json line = {{"name", layer.name}};
      line.update(as_json(layer.distance));
      layers.push_back(line);
    }
    json["comparison"] = {{"layers", layers},
                          {"total", as_json(comparison->total)},
                          {"hindrances", comparison->hindrances},
                          {"config_remarks", comparison->config_remarks}};
  }
  std::cout << json.dump(2, ' ', false, ordered_json::error_handler_t::replace) << "\n";
  return 0;
}

}  // namespace

Verb inspect_verb() {
  Verb verb;
  verb.name = "inspect";
  verb.synopsis = "wisk inspect CKPT [CKPT] [OPTIONS]\nwisk inspect --devices [--json]";
  verb.summary = "what is in a checkpoint; how far two are apart, layer by layer";
  verb.details =
      "With one folder: architecture, parameters, dtypes and layers, from the headers alone. With two: also "
      "how far the second\n"
      "is from the first, layer by layer, and whether they can be blended (every hindrance is listed). With "
      "--devices: the CPU,\n"
      "GPUs and NCCL of this machine, or why there is none.\n\n"
      "  wisk inspect ckpt/step-0112\n"
      "  wisk inspect ckpt/step-0112 ckpt/step-1120 --json\n"
      "  srun --ntasks=1 --gpus=1 wisk inspect --devices";
  auto add = verb.options.add_options();
  add("checkpoints", po::value<std::vector<std::string>>(), "folders");
  add("devices", "what this machine computes on");
  add("tensors", "list every tensor");
  add("threads", po::value<int>()->default_value(0), "for comparing; 0: all cores");
  add("json", "print one JSON object");
  add("help,h", "this text");
  verb.positional.add("checkpoints", -1);
  verb.execute = execute;
  return verb;
}

}  // namespace wisk::cli
