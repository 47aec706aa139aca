#pragma once
// Which checkpoints are the ends of interpolations: names, lists of them and patterns over names.

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "job_settings.hpp"

namespace wisk::run {

/// What `early`, `late` and `weights` may name: the `checkpoints` in their order, then the folders of the
/// trajectory by step, each by its own name.
std::vector<merge::Ingredient> known_checkpoints(const Settings& settings);

/// Throws InputError when a folder of the trajectory has the name of a checkpoint that is another folder.
void check_trajectory_names(const Settings& settings, const std::string& where);

/// Replaces the patterns of `early` and `late` by the names that they match. Throws InputError for a name
/// that is no checkpoint, a pattern that matches none, one checkpoint twice, one that has itself as its only
/// other end (a pattern leaves it out instead), and a list without deltas to cross it with.
void resolve_ends(Settings& settings);

/// Every early with every late that is another folder, in this order; after resolve_ends().
std::vector<std::pair<merge::Ingredient, merge::Ingredient>> pairs_of_ends(const Settings& settings);

/// The checkpoint that `name` stands for. Throws InputError of `key` with the nearest name.
merge::Ingredient checkpoint_named(const Settings& settings, const std::string& name, const std::string& key);

/// What an error says of a key that other keys made wrong.
std::string where_of(const Settings& settings, const std::string& key);

/// Throws InputError when a grid with these axes has more arms than a job may have.
void check_size(const Settings& settings, const std::string& key, std::initializer_list<std::size_t> axes);

/// Without links, so that one folder has one name; the path itself when that fails.
std::filesystem::path real_folder(const std::filesystem::path& folder);

}  // namespace wisk::run
