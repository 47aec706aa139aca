#pragma once
// The table of the job file's keys: the parser, the resolved file, the job's identity and the documentation
// are made of it.

#include <span>
#include <string>

#include "job_settings.hpp"
#include "job_values.hpp"

namespace wisk::run {

struct JobKey {
  const char* name;       ///< "decode.temperature": a section, a dot, a word; or a word
  const char* type;       ///< for people
  const char* fallback;   ///< the default as YAML; "" when there is none or it follows from other keys
  const char* otherwise;  ///< for people, when `fallback` is "": "required", "the file's name"
  const char* meaning;
  void (*read)(const Field& field, Settings& settings);
  std::string (*show)(const Settings& settings);      ///< canonical YAML
  std::string (*identity)(const Settings& settings);  ///< what of it changes results; null: nothing
};

/// In the order of reading: `checkpoints` and the trajectory come before what names them.
std::span<const JobKey> job_keys();

}  // namespace wisk::run
