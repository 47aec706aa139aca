#pragma once
// Pieces of JSON that `show --json` and the page share.

#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include <wisk/report/analysis.hpp>

namespace wisk::report {

using Json = nlohmann::ordered_json;

/// null for NaN.
inline Json number_json(double value) {
  return std::isnan(value) ? Json(nullptr) : Json(value);
}

/// [mean, low, high]; null without a mean.
inline Json triple_json(const stats::Estimate& value) {
  if (std::isnan(value.mean)) return nullptr;
  return Json::array({value.mean, number_json(value.low), number_json(value.high)});
}

/// The arm's columns: name, recipe, early, late, delta, step, decoding, samples.
Json arm_json(const store::ArmColumns& arm);

/// Name, seed, version, hosts, job and input files.
Json provenance_json(const store::Provenance& from);

/// As text; bytes that are no UTF-8 are replaced.
std::string dumped(const Json& json, int indent);

}  // namespace wisk::report
