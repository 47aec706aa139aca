#include <nlohmann/json.hpp>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/merge/inspection.hpp>

#include "verb.hpp"

namespace wisk::cli {
namespace {

using nlohmann::ordered_json;

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

void print_json(const ordered_json& value) {
  std::cout << value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

ordered_json to_json(const merge::Inspection& found, bool with_tensors) {
  ordered_json layers = ordered_json::array();
  for (const merge::Layer& layer : found.layers) {
    ordered_json row = {{"layer", layer.name}, {"parameters", layer.parameters}, {"bytes", layer.bytes}};
    if (with_tensors) {
      row["tensors"] = ordered_json::array();
      for (const merge::TensorLine& tensor : layer.tensors) {
        row["tensors"].push_back({{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}});
      }
    }
    layers.push_back(std::move(row));
  }
  return {{"folder", found.folder.string()},
          {"architecture", found.architecture},
          {"parameters", found.parameters},
          {"bytes", found.bytes},
          {"parameters_by_dtype", found.parameters_by_dtype},
          {"ties_embeddings", found.ties_embeddings},
          {"weight_files", found.weight_files},
          {"unusable_tensors", found.unusable_tensors},
          {"layers", layers}};
}

void print_head(const merge::Inspection& found) {
  std::string dtypes;
  for (const auto& [dtype, parameters] : found.parameters_by_dtype) {
    dtypes += (dtypes.empty() ? "" : ", ") + dtype;
    if (found.parameters_by_dtype.size() > 1) dtypes += " (" + std::to_string(parameters) + ")";
  }
  std::printf("%s\n  %s, %lld parameters, %s, %.3f GB in %zu file%s; output matrix %s\n",
              found.folder.c_str(), found.architecture.c_str(), static_cast<long long>(found.parameters),
              dtypes.c_str(), static_cast<double>(found.bytes) / 1e9, found.weight_files,
              found.weight_files == 1 ? "" : "s",
              found.ties_embeddings ? "tied to the embedding" : "of its own");
  for (const auto& [name, dtype] : found.unusable_tensors) {
    std::printf("  %s has dtype %s, which wisk cannot use\n", name.c_str(), dtype.c_str());
  }
}

void print_layers(const merge::Inspection& found) {
  for (const merge::Layer& layer : found.layers) {
    std::printf("\n%s  (%lld parameters)\n", layer.name.c_str(), static_cast<long long>(layer.parameters));
    for (const merge::TensorLine& tensor : layer.tensors) {
      std::string name = tensor.name.substr(std::min(layer.name.size(), tensor.name.size()));
      if (name.starts_with('.')) name.erase(0, 1);
      std::printf("  %-36s %-9s %s\n", name.c_str(), tensor.dtype.c_str(), text_of(tensor.shape).c_str());
    }
  }
}

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json to_json(const merge::Distance& distance) {
  return {{"elements", distance.elements},         {"relative_l2", number(distance.relative_l2())},
          {"cosine", number(distance.cosine())},   {"max_abs_difference", distance.largest},
          {"share_equal", distance.share_equal()}, {"non_finite", distance.non_finite}};
}

ordered_json to_json(const merge::Comparison& comparison) {
  ordered_json layers = ordered_json::array();
  for (const merge::LayerDistance& layer : comparison.layers) {
    ordered_json row = {{"layer", layer.name}};
    row.update(to_json(layer.distance));
    layers.push_back(std::move(row));
  }
  return {{"blendable", comparison.hindrances.empty()},
          {"hindrances", comparison.hindrances},
          {"config_remarks", comparison.config_remarks},
          {"total", to_json(comparison.total)},
          {"layers", layers}};
}

void print_row(const std::string& name, const merge::Distance& distance) {
  std::printf("%-32s %13lld %12.6g %13.9f %12.6g %8.2f%%", name.c_str(),
              static_cast<long long>(distance.elements), distance.relative_l2(), distance.cosine(),
              distance.largest, 100 * distance.share_equal());
  if (distance.non_finite > 0)
    std::printf("  (%lld not finite)", static_cast<long long>(distance.non_finite));
  std::printf("\n");
}

void print_comparison(const merge::Comparison& comparison) {
  std::printf("\n%-32s %13s %12s %13s %12s %9s\n", "layer", "elements", "relative L2", "cosine",
              "max |b - a|", "equal");
  for (const merge::LayerDistance& layer : comparison.layers) print_row(layer.name, layer.distance);
  print_row("all", comparison.total);
  std::printf("\nrelative L2 is |b - a| / |a|, a the first checkpoint.\n");
  if (comparison.hindrances.empty()) {
    std::printf("The two can be blended.\n");
  } else {
    std::printf("The two cannot be blended:\n");
    for (const std::string& hindrance : comparison.hindrances) std::printf("  %s\n", hindrance.c_str());
  }
  for (const std::string& remark : comparison.config_remarks) {
    std::printf("config.json differs, without changing the computation: %s\n", remark.c_str());
  }
}

int threads_of(const po::variables_map& given) {
  const int threads = given["threads"].as<int>();
  if (threads < 0) throw UsageError("--threads: expected at least 1, found " + std::to_string(threads));
  if (threads > 0) return threads;
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

/// One rank does it all; more would only wait.
int execute(const po::variables_map& given, comm::Communicator& world) {
  const auto folders = given.count("checkpoint") > 0 ? given["checkpoint"].as<std::vector<std::string>>()
                                                     : std::vector<std::string>{};
  if (folders.empty() || folders.size() > 2) {
    throw UsageError("inspect: expected one or two checkpoints, found " + std::to_string(folders.size()));
  }
  const int threads = threads_of(given);
  if (world.rank() != 0) return 0;
  const bool json = given["json"].as<bool>();
  std::vector<merge::Inspection> found;
  for (const std::string& folder : folders) found.push_back(merge::inspect(folder));
  if (folders.size() == 1) {
    if (json) {
      print_json(to_json(found[0], true));
    } else {
      print_head(found[0]);
      print_layers(found[0]);
    }
  } else {
    const merge::Comparison comparison = merge::compare(folders[0], folders[1], threads);
    if (json) {
      ordered_json row = {{"checkpoints", {to_json(found[0], false), to_json(found[1], false)}}};
      row.update(to_json(comparison));
      print_json(row);
    } else {
      for (const merge::Inspection& inspection : found) print_head(inspection);
      print_comparison(comparison);
    }
  }
  std::fflush(stdout);
  return 0;
}

}  // namespace

Verb inspect_verb() {
  Verb verb;
  verb.name = "inspect";
  verb.synopsis = "wisk inspect CKPT [CKPT]";
  verb.summary = "shows what is in a checkpoint, or how far two are apart, layer by layer";
  verb.details =
      "CKPT is a Hugging Face model folder. With one, prints its architecture, size, dtypes and tensors by "
      "layer (reads\n"
      "headers only). With two, prints for each layer and in total: relative L2 distance |b - a| / |a|, "
      "cosine of the\n"
      "weights, largest absolute difference, share of elements that are equal; and whether the two can be "
      "blended: all\n"
      "differences in names, shapes, dtypes and configuration if not.\n"
      "\n"
      "Examples:\n"
      "  wisk inspect ckpt/step-1120\n"
      "  wisk inspect ckpt/step-0112 ckpt/step-1120 --json\n";
  verb.options.add_options()                                                                       //
      ("checkpoint", po::value<std::vector<std::string>>()->value_name("CKPT"), "a model folder")  //
      ("threads", po::value<int>()->default_value(0)->value_name("N"), "threads; 0: all cores")    //
      ("json", po::bool_switch(), "JSON instead of text");
  verb.positional.add("checkpoint", 2);
  verb.execute = execute;
  return verb;
}

}  // namespace wisk::cli
