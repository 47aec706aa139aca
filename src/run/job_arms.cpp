#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <wisk/core/error.hpp>

#include "job_ends.hpp"
#include "job_settings.hpp"
#include "job_values.hpp"

namespace wisk::run {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// An arm before its decoding setting.
Arm blend_of(std::string name, merge::Recipe recipe, double delta, double step) {
  return {std::move(name), std::move(recipe), delta, step, "", "", {}, 0};
}

/// Ingredients of weight 0 are not read, so they are not listed either.
void add(merge::Recipe& recipe, const merge::Ingredient& ingredient, double coefficient) {
  if (coefficient == 0) return;
  recipe.ingredients.push_back(ingredient);
  recipe.coefficients.push_back(coefficient);
}

/// "early=step-112 late=step-1120 delta=0.25": an end is named where there are several.
std::string name_of(const Settings& settings, const std::string& early, const std::string& late,
                    double delta) {
  std::string name;
  if (settings.early.size() > 1) name += "early=" + early + " ";
  if (settings.late.size() > 1) name += "late=" + late + " ";
  return name + "delta=" + show_number(delta);
}

void add_interpolations(const Settings& settings, std::vector<Arm>& blends) {
  if (settings.delta.empty()) return;
  for (const auto& [early, late] : pairs_of_ends(settings)) {
    for (const double delta : settings.delta) {
      merge::Recipe recipe;
      add(recipe, early, delta);
      add(recipe, late, 1 - delta);
      Arm blend = blend_of(name_of(settings, early.name, late.name, delta), std::move(recipe), delta, kNone);
      blend.early = early.name;
      blend.late = late.name;
      blends.push_back(std::move(blend));
    }
  }
}

void add_weighted(const Settings& settings, const NamedWeights& weights, std::vector<Arm>& blends) {
  merge::Recipe recipe;
  std::string name;
  double sum = 0;
  for (const auto& [checkpoint, weight] : weights) {
    if (weight == 0) continue;
    add(recipe, checkpoint_named(settings, checkpoint, "blend.weights"), weight);
    name += (name.empty() ? "" : ",") + checkpoint + "=" + show_number(weight);
    sum += weight;
  }
  if (settings.normalize) {
    if (sum == 0 || !std::isfinite(sum)) {
      throw InputError(where_of(settings, "blend.weights"),
                       "weights with a sum other than 0 (normalize is true)", name);
    }
    for (double& coefficient : recipe.coefficients) coefficient /= sum;
  }
  blends.push_back(blend_of(std::move(name), std::move(recipe), kNone, kNone));
}

std::vector<Arm> make_blends(const Settings& settings) {
  std::vector<Arm> blends;
  for (const Step& step : settings.trajectory) {
    const std::string name = step.folder.filename().string();
    blends.push_back(blend_of(name, {{{name, step.folder}}, {1.0}}, kNone, static_cast<double>(step.number)));
  }
  add_interpolations(settings, blends);
  for (const NamedWeights& weights : settings.weights) add_weighted(settings, weights, blends);
  if (!blends.empty()) return blends;
  for (const merge::Ingredient& checkpoint : settings.checkpoints) {
    blends.push_back(blend_of(checkpoint.name, {{checkpoint}, {1.0}}, kNone, kNone));
  }
  return blends;
}

/// A decoding setting and what tells it apart from the others of the grid: " T=0.7 top_p=0.9".
struct Decoding {
  sample::SamplingParameters parameters;
  std::string suffix;
};

std::vector<Decoding> make_decodings(const Settings& settings) {
  std::vector<Decoding> all;
  for (const double temperature : settings.temperature) {
    for (const double top_p : settings.top_p) {
      for (const int top_k : settings.top_k) {
        for (const double min_p : settings.min_p) {
          Decoding decoding{settings.decode, ""};
          decoding.parameters.temperature = temperature;
          decoding.parameters.top_p = top_p;
          decoding.parameters.top_k = top_k;
          decoding.parameters.min_p = min_p;
          if (settings.temperature.size() > 1) decoding.suffix += " T=" + show_number(temperature);
          if (settings.top_p.size() > 1) decoding.suffix += " top_p=" + show_number(top_p);
          if (settings.top_k.size() > 1) decoding.suffix += " top_k=" + std::to_string(top_k);
          if (settings.min_p.size() > 1) decoding.suffix += " min_p=" + show_number(min_p);
          all.push_back(std::move(decoding));
        }
      }
    }
  }
  return all;
}

/// The first decoding that draws the same samples: without temperature the likeliest token passes any filter.
std::size_t first_like(const std::vector<Decoding>& decodings, std::size_t index) {
  if (decodings[index].parameters.temperature != 0) return index;
  const auto is_greedy = [](const Decoding& decoding) { return decoding.parameters.temperature == 0; };
  return static_cast<std::size_t>(std::find_if(decodings.begin(), decodings.end(), is_greedy) -
                                  decodings.begin());
}

/// Equal for recipes that read the same folders, in the same order, with the same coefficients.
std::string identity_of(const merge::Recipe& recipe) {
  std::string identity;
  for (std::size_t i = 0; i < recipe.ingredients.size(); ++i) {
    identity += real_folder(recipe.ingredients[i].folder).string() + '\0';
    identity += show_number(recipe.coefficients[i]) + '\0';
  }
  return identity;
}

}  // namespace

std::vector<Arm> make_arms(const Settings& settings) {
  const std::vector<Arm> blends = make_blends(settings);
  check_size(settings, "decode.temperature",
             {blends.size(), settings.temperature.size(), settings.top_p.size(), settings.top_k.size(),
              settings.min_p.size()});
  const std::vector<Decoding> decodings = make_decodings(settings);
  std::vector<Arm> arms;
  std::map<std::string, std::size_t> first_with_recipe;  // index of the blend
  std::set<std::string> names;
  for (std::size_t i = 0; i < blends.size(); ++i) {
    const std::size_t first = first_with_recipe.emplace(identity_of(blends[i].recipe), i).first->second;
    if (!names.insert(blends[i].name).second) {
      throw InputError(where_of(settings, settings.weights.empty() ? "blend.trajectory" : "blend.weights"),
                       "arms with different names", "two named " + blends[i].name);
    }
    for (std::size_t j = 0; j < decodings.size(); ++j) {
      Arm arm = blends[i];
      arm.name += decodings[j].suffix;
      arm.decode = decodings[j].parameters;
      arm.sampled_as = first * decodings.size() + first_like(decodings, j);
      arms.push_back(std::move(arm));
    }
  }
  return arms;
}

}  // namespace wisk::run
