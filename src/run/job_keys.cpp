#include "job_keys.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <wisk/core/error.hpp>

#include "job_ends.hpp"
#include "job_trajectory.hpp"

namespace wisk::run {
namespace {

/// Names stand in "a=0.5,b=0.5" and in file names.
void check_name(const Field& field, const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+").find(c) != std::string_view::npos;
  };
  constexpr std::size_t kLongest = 64;
  if (name.size() > kLongest || !std::all_of(name.begin(), name.end(), is_allowed)) {
    Value shown = field.value;
    shown.kind = Value::Kind::kPlain;
    shown.text = name;
    field.fail("names of at most 64 letters, digits, dots, underscores, plus and minus signs",
               shown.in_words());
  }
}

void read_checkpoints(const Field& field, Settings& settings) {
  if (field.value.kind != Value::Kind::kMap) field.fail("a map of names to folders");
  for (std::size_t i = 0; i < field.value.items.size(); ++i) {
    const std::string& name = field.value.keys[i].name;
    check_name(field, name);
    settings.checkpoints.push_back({name, read_path({"checkpoints." + name, field.value.items[i]}, true)});
  }
}

std::string show_checkpoints(const Settings& settings) {
  std::string all;
  for (const merge::Ingredient& checkpoint : settings.checkpoints) {
    all +=
        (all.empty() ? "" : ", ") + show_text(checkpoint.name) + ": " + show_text(checkpoint.folder.string());
  }
  return "{" + all + "}";
}

std::string show_names(const Settings& settings) {
  return show_list(settings.checkpoints, [](const merge::Ingredient& c) { return show_text(c.name); });
}

double read_weight(const Field& field) {
  return read_number(field, "a finite number", [](double) { return true; });
}

NamedWeights read_weight_map(const Field& field, const Settings& settings) {
  if (field.value.kind != Value::Kind::kMap)
    field.fail("a map of checkpoint names to weights, or a list of such maps");
  std::vector<std::string> names;
  for (const merge::Ingredient& checkpoint : known_checkpoints(settings)) names.push_back(checkpoint.name);
  for (const Value::Key& key : field.value.keys) {
    if (std::find(names.begin(), names.end(), key.name) == names.end()) {
      throw InputError(field.value.where(key.line) + ": key `" + field.key + "`",
                       "names of checkpoints (" + join(names, ", ") + ")",
                       key.name + did_you_mean(key.name, names));
    }
  }
  NamedWeights weights;
  for (const std::string& name : names) {
    if (const Value* weight = field.value.find(name)) {
      weights.emplace_back(name, read_weight({field.key + "." + name, *weight}));
    }
  }
  const bool any = std::any_of(weights.begin(), weights.end(), [](const auto& w) { return w.second != 0; });
  if (!any) field.fail("at least one weight that is not 0", "none");
  return weights;
}

void read_weights(const Field& field, Settings& settings) {
  if (field.value.kind != Value::Kind::kList) {
    settings.weights.push_back(read_weight_map(field, settings));
    return;
  }
  for (const Value& item : field.value.items)
    settings.weights.push_back(read_weight_map({field.key, item}, settings));
}

std::string show_weights(const Settings& settings) {
  return show_list(settings.weights, [](const NamedWeights& weights) {
    std::string all;
    for (const auto& [name, weight] : weights) {
      all += (all.empty() ? "" : ", ") + show_text(name) + ": " + show_number(weight);
    }
    return "{" + all + "}";
  });
}

std::string show_trajectory(const Settings& settings) {
  return show_list(settings.trajectory, [](const Step& step) { return show_text(step.folder.string()); });
}

std::string show_steps(const Settings& settings) {
  return show_list(settings.trajectory,
                   [](const Step& step) { return show_text(step.folder.filename().string()); });
}

void read_steps(const Field& field, Settings& settings) {
  settings.trajectory = read_trajectory(field);
  check_trajectory_names(settings, field.where());
}

std::string show_ends(const std::vector<std::string>& names) {
  return names.size() == 1 ? show_text(names.front()) : show_list(names, show_text);
}

int read_int(const Field& field, int low, int high) {
  return static_cast<int>(read_whole(field, low, high));
}

std::optional<DType> read_dtype(const Field& field, const std::vector<std::string>& choices) {
  const std::string name = read_choice(field, choices);
  return name == "auto" ? std::nullopt : std::optional(parse_dtype(name, field.where()));
}

std::string show_dtype(std::optional<DType> type) {
  return type ? std::string(name_of(*type)) : "auto";
}

void read_name(const Field& field, Settings& settings) {
  settings.name = read_text_value(field);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(settings.name.begin(), settings.name.end(), is_control)) field.fail("one line of text");
}

void read_tensor_parallel(const Field& field, Settings& settings) {
  const int degree = read_int(field, 1, 8);
  if ((degree & (degree - 1)) != 0) field.fail("1, 2, 4 or 8");
  settings.model.tensor_parallel = degree;
}

void read_kv_cache(const Field& field, Settings& settings) {
  const bool is_auto = field.value.is_text() && field.value.text == "auto";
  settings.engine.kv_cache_bytes = is_auto ? 0 : read_bytes(field);
}

void read_max_batch(const Field& field, Settings& settings) {
  const bool is_auto = field.value.is_text() && field.value.text == "auto";
  settings.engine.max_batch = is_auto ? 0 : read_int(field, 1, 65536);
}

void read_prefill_chunk(const Field& field, Settings& settings) {
  const bool is_auto = field.value.is_text() && field.value.text == "auto";
  settings.engine.prefill_chunk = is_auto ? 0 : read_int(field, 1, 65536);
}

double read_seconds(const Field& field) {
  return read_number(field, "a number of seconds from 0 to 1e9", [](double v) { return v >= 0 && v <= 1e9; });
}

void read_stop(const Field& field, Settings& settings) {
  settings.decode.stop = read_list(field, read_text_value);
}

void read_k(const Field& field, Settings& settings) {
  settings.k = read_list(field, [](const Field& item) { return read_whole(item, 1, INT_MAX); });
  if (settings.k.empty()) field.fail("at least one k", "an empty list");
  std::sort(settings.k.begin(), settings.k.end());
}

template <typename T>
std::vector<T> not_empty(const Field& field, std::vector<T> values) {
  if (values.empty()) field.fail("at least one value", "an empty list");
  return values;
}

std::vector<std::string> read_ends(const Field& field) {
  return not_empty(field, read_list(field, read_text_value));
}

/// A key of the decoding grid: one number or a list.
std::vector<double> read_axis(const Field& field, const char* expected, bool (*allows)(double)) {
  return not_empty(field,
                   read_list(field, [&](const Field& item) { return read_number(item, expected, allows); }));
}

std::string show_numbers(const std::vector<double>& values) {
  return show_list(values, show_number);
}

template <typename T>
std::string show_wholes(const std::vector<T>& values) {
  return show_list(values, [](T value) { return std::to_string(value); });
}

void read_device(const Field& field, Settings& settings) {
  const bool is_text = field.value.is_text();
  const auto choice = is_text ? device_choice(field.value.text) : std::nullopt;
  if (!choice) {
    field.fail("one of auto, cpu, cuda",
               field.value.in_words() + (is_text ? did_you_mean_device(field.value.text) : ""));
  }
  settings.engine.device = *choice;
}

std::string show_flag(bool value) {
  return value ? "true" : "false";
}

using Text = std::string;
using S = const Settings&;

// One entry a key; `show` twice in a row: as it is shown, so it is part of what identifies the job.
const auto kShowSeed = [](S s) -> Text { return std::to_string(s.seed); };
const auto kShowMethod = [](S) -> Text { return "linear"; };
const auto kShowDelta = [](S s) -> Text { return show_numbers(s.delta); };
const auto kShowEarly = [](S s) -> Text { return show_ends(s.early); };
const auto kShowLate = [](S s) -> Text { return show_ends(s.late); };
const auto kShowNormalize = [](S s) -> Text { return show_flag(s.normalize); };
const auto kShowSamples = [](S s) -> Text { return std::to_string(s.decode.samples); };
const auto kShowTemperature = [](S s) -> Text { return show_numbers(s.temperature); };
const auto kShowTopP = [](S s) -> Text { return show_numbers(s.top_p); };
const auto kShowTopK = [](S s) -> Text { return show_wholes(s.top_k); };
const auto kShowMinP = [](S s) -> Text { return show_numbers(s.min_p); };
const auto kShowMaxTokens = [](S s) -> Text { return std::to_string(s.decode.max_tokens); };
const auto kShowStop = [](S s) -> Text { return show_list(s.decode.stop, show_text); };
const auto kShowDType = [](S s) -> Text { return show_dtype(s.model.dtype); };
const auto kShowCompute = [](S s) -> Text { return show_dtype(s.model.compute); };
const auto kShowK = [](S s) -> Text { return show_wholes(s.k); };

constexpr int kMillion = 1000000;

const std::array kKeys = {
    JobKey{"name", "text", "", "the file's name", "Stands over tables and reports.", read_name,
           [](S s) -> Text { return show_text(s.name); }, nullptr},
    JobKey{"seed", "whole number", "0", "",
           "Every random number is a function of it, the problem, the sample and the position.",
           [](const Field& f, Settings& s) { s.seed = read_unsigned(f); }, kShowSeed, kShowSeed},
    JobKey{"checkpoints", "map of names to folders", "", "required, unless there is a trajectory",
           "Hugging Face model folders. Without anything under `blend`, each of them is an arm.",
           read_checkpoints, show_checkpoints, show_names},
    JobKey{"blend.method", "`linear`", "linear", "", "How weights are blended: a weighted sum.",
           [](const Field& f, Settings&) { read_choice(f, {"linear"}); }, kShowMethod, kShowMethod},
    JobKey{"blend.trajectory", "glob pattern or list of folders", "[]", "",
           "Checkpoints along a training run, one arm each, in the order of the last whole number in the "
           "folder's name. Other keys of `blend` may name them by their folders' names.",
           read_steps, show_trajectory, show_steps},
    JobKey{"blend.delta", "number or list", "[]", "",
           "Weights of the *early* checkpoint: delta x early + (1 - delta) x late. One arm each; outside of "
           "0 to 1 it extrapolates.",
           [](const Field& f, Settings& s) { s.delta = read_list(f, read_weight); }, kShowDelta, kShowDelta},
    JobKey{
        "blend.early", "name, glob pattern over names, or list", "early", "",
        "The checkpoint that `delta` is the weight of. Several of them, here or as `late`, are a grid: every "
        "early with every late and every delta.",
        [](const Field& f, Settings& s) { s.early = read_ends(f); }, kShowEarly, kShowEarly},
    JobKey{"blend.late", "name, glob pattern over names, or list", "late", "",
           "The checkpoint that has weight 1 - delta.",
           [](const Field& f, Settings& s) { s.late = read_ends(f); }, kShowLate, kShowLate},
    JobKey{"blend.weights", "map of names to numbers, or a list of such maps", "[]", "",
           "Blends of any number of checkpoints, one arm each; a checkpoint that is not named has weight 0.",
           read_weights, show_weights, show_weights},
    JobKey{"blend.normalize", "true or false", "false", "", "Divides each map of `weights` by its sum.",
           [](const Field& f, Settings& s) { s.normalize = read_flag(f); }, kShowNormalize, kShowNormalize},
    JobKey{"decode.samples", "whole number", "16", "", "Samples of each problem in each arm (n).",
           [](const Field& f, Settings& s) { s.decode.samples = read_int(f, 1, kMillion); }, kShowSamples,
           kShowSamples},
    JobKey{"decode.temperature", "number or list", "1", "", "0 always takes the likeliest token.",
           [](const Field& f, Settings& s) {
             s.temperature = read_axis(f, "0 or a number from 1e-6 to 1e6",
                                       [](double x) { return x == 0 || (x >= 1e-6 && x <= 1e6); });
           },
           kShowTemperature, kShowTemperature},
    JobKey{"decode.top_p", "number or list", "1", "",
           "Keeps the likeliest tokens that reach this probability together; 1 is off.",
           [](const Field& f, Settings& s) {
             s.top_p =
                 read_axis(f, "a number above 0 and at most 1", [](double x) { return x > 0 && x <= 1; });
           },
           kShowTopP, kShowTopP},
    JobKey{
        "decode.top_k", "whole number or list", "0", "", "Keeps this many of the likeliest tokens; 0 is off.",
        [](const Field& f, Settings& s) {
          s.top_k = not_empty(f, read_list(f, [](const Field& item) { return read_int(item, 0, INT_MAX); }));
        },
        kShowTopK, kShowTopK},
    JobKey{"decode.min_p", "number or list", "0", "",
           "Keeps tokens of at least this fraction of the likeliest one's probability; 0 is off.",
           [](const Field& f, Settings& s) {
             s.min_p = read_axis(f, "a number from 0 to 1", [](double x) { return x >= 0 && x <= 1; });
           },
           kShowMinP, kShowMinP},
    JobKey{"decode.max_tokens", "whole number", "512", "",
           "A sample that is longer is cut off and counts as truncated.",
           [](const Field& f, Settings& s) { s.decode.max_tokens = read_int(f, 1, kMillion); },
           kShowMaxTokens, kShowMaxTokens},
    JobKey{"decode.stop", "text or list", "[]", "",
           "A sample ends before the first of these strings; the task may have more of them.", read_stop,
           kShowStop, kShowStop},
    JobKey{"task", "file", "", "required", "The task file: problems, prompt, extraction of answers, checker.",
           [](const Field& f, Settings& s) { s.task = read_path(f, false); },
           [](S s) -> Text { return show_text(s.task.string()); }, nullptr},
    JobKey{"model.dtype", "`auto`, `bfloat16`, `float16` or `float32`", "auto", "",
           "What blended weights are rounded to; `auto`: the checkpoints' own.",
           [](const Field& f, Settings& s) {
             s.model.dtype = read_dtype(f, {"auto", "bfloat16", "float16", "float32"});
           },
           kShowDType, kShowDType},
    JobKey{"model.compute", "`auto`, `bfloat16` or `float32`", "auto", "",
           "What the inputs of products are rounded to; `auto`: bfloat16 for bfloat16 checkpoints, else "
           "float32.",
           [](const Field& f, Settings& s) {
             s.model.compute = read_dtype(f, {"auto", "bfloat16", "float32"});
           },
           kShowCompute, kShowCompute},
    JobKey{"model.tensor_parallel", "1, 2, 4 or 8", "1", "", "Ranks that hold one model together.",
           read_tensor_parallel, [](S s) -> Text { return std::to_string(s.model.tensor_parallel); },
           nullptr},
    JobKey{"engine.device", "`auto`, `cpu` or `cuda`", "auto", "",
           "What ranks compute on; `cuda`: a GPU each; `auto`: GPUs where there are any, then also a GPU "
           "each (more "
           "ranks on a node than GPUs are an error: start fewer, or share them by `engine.share_gpu` for "
           "tests). Samples of different "
           "hardware need not be the same, so a run stays on the kind that it began on.",
           read_device, [](S s) -> Text { return name_of(s.engine.device); }, nullptr},
    JobKey{"engine.share_gpu", "true or false", "false", "",
           "Allows more ranks on a node than it has GPUs: slow, for tests.",
           [](const Field& f, Settings& s) { s.engine.share_gpu = read_flag(f); },
           [](S s) -> Text { return show_flag(s.engine.share_gpu); }, nullptr},
    JobKey{"engine.graphs", "true or false", "true", "",
           "On a GPU: decode steps are recorded once and repeated; false: slower, to look for faults.",
           [](const Field& f, Settings& s) { s.engine.graphs = read_flag(f); },
           [](S s) -> Text { return show_flag(s.engine.graphs); }, nullptr},
    JobKey{"engine.kv_cache", "`auto` or a size (`4GiB`)", "auto", "",
           "Memory of each rank for keys and values; `auto`: from what is free.", read_kv_cache,
           [](S s) -> Text {
             return s.engine.kv_cache_bytes == 0 ? "auto" : show_bytes(s.engine.kv_cache_bytes);
           },
           nullptr},
    JobKey{"engine.max_batch", "`auto` or a whole number", "auto", "",
           "Sequences that a replica works on at once; `auto`: from the sizes of the caches.", read_max_batch,
           [](S s) -> Text { return s.engine.max_batch == 0 ? "auto" : std::to_string(s.engine.max_batch); },
           nullptr},
    JobKey{"engine.prefill_chunk", "`auto` or a whole number", "auto", "",
           "Tokens of prompts that are computed in one step; `auto`: 128, on a GPU 1024.", read_prefill_chunk,
           [](S s) -> Text {
             return s.engine.prefill_chunk == 0 ? "auto" : std::to_string(s.engine.prefill_chunk);
           },
           nullptr},
    JobKey{"engine.threads", "whole number", "0", "",
           "Threads of each rank; 0: one for each core that the rank is bound to, or its share of those that "
           "other ranks of the node have, too.",
           [](const Field& f, Settings& s) { s.engine.threads = read_int(f, 0, 4096); },
           [](S s) -> Text { return std::to_string(s.engine.threads); }, nullptr},
    JobKey{"engine.save_seconds", "seconds", "300", "",
           "How often the beginnings of unfinished samples, and `results.h5` of what there is, are saved; 0: "
           "only at the end.",
           [](const Field& f, Settings& s) { s.engine.save_seconds = read_seconds(f); },
           [](S s) -> Text { return show_number(s.engine.save_seconds); }, nullptr},
    JobKey{"engine.heartbeat_seconds", "seconds", "60", "",
           "A rank that gives no sign of life for so long is named and ends the run; 0: never.",
           [](const Field& f, Settings& s) { s.engine.heartbeat_seconds = read_seconds(f); },
           [](S s) -> Text { return show_number(s.engine.heartbeat_seconds); }, nullptr},
    JobKey{"engine.disk_wait_seconds", "seconds", "60", "",
           "How long a full disk or quota is waited for before the run ends.",
           [](const Field& f, Settings& s) { s.engine.disk_wait_seconds = read_seconds(f); },
           [](S s) -> Text { return show_number(s.engine.disk_wait_seconds); }, nullptr},
    JobKey{
        "durability", "`batched` or `strict`", "batched", "",
        "`strict`: every finished sample is on the disk before the next one counts; `batched`: a power loss "
        "takes about the last 5 s.",
        [](const Field& f, Settings& s) {
          s.engine.strict_durability = read_choice(f, {"batched", "strict"}) == "strict";
        },
        [](S s) -> Text { return s.engine.strict_durability ? "strict" : "batched"; }, nullptr},
    JobKey{"k", "whole number or list", "", "powers of two up to `samples`",
           "The k of Pass@k; none may be above `samples`.", read_k, kShowK, kShowK},
};

}  // namespace

std::span<const JobKey> job_keys() {
  return kKeys;
}

}  // namespace wisk::run
