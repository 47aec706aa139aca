// `wisk generate`: completions of a checkpoint or a blend.

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/run/generate.hpp>

#include "verb.hpp"

namespace wisk::cli {

namespace {

using nlohmann::ordered_json;

std::vector<run::PromptInput> read_prompts(const std::string& file) {
  std::istringstream lines(read_text(file));
  std::vector<run::PromptInput> prompts;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = file + ":" + std::to_string(number);
    const auto row = ordered_json::parse(line, nullptr, false);
    run::PromptInput prompt;
    if (row.is_string()) {
      prompt.text = row.get<std::string>();
    } else if (row.is_object() && row.contains("prompt_token_ids") && row["prompt_token_ids"].is_array()) {
      for (const auto& id : row["prompt_token_ids"]) {
        if (!id.is_number_integer())
          throw InputError(where + ": prompt_token_ids", "a list of integers", id.dump());
        prompt.token_ids.push_back(id.get<std::int32_t>());
      }
    } else if (row.is_object() && row.contains("prompt") && row["prompt"].is_string()) {
      prompt.text = row["prompt"].get<std::string>();
    } else {
      throw InputError(where, "a JSON string, or an object with `prompt` or `prompt_token_ids`",
                       line.substr(0, 80));
    }
    if (row.is_object() && row.contains("id"))
      prompt.id = row["id"].is_string() ? row["id"].get<std::string>() : row["id"].dump();
    prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) throw InputError(file, "at least one prompt", "none");
  return prompts;
}

merge::Recipe recipe_of(const po::variables_map& values) {
  const bool two_way = values.count("early") != 0 || values.count("late") != 0 || values.count("delta") != 0;
  if (values.count("checkpoint") != 0 && !two_way) {
    const std::filesystem::path folder = values["checkpoint"].as<std::string>();
    return {{{folder.filename().string(), folder}}, {1.0}};
  }
  if (values.count("checkpoint") == 0 && values.count("early") != 0 && values.count("late") != 0 &&
      values.count("delta") != 0) {
    return merge::interpolation({"early", values["early"].as<std::string>()},
                                {"late", values["late"].as<std::string>()}, values["delta"].as<double>());
  }
  throw UsageError(
      "wisk generate: expected a checkpoint folder, or --early, --late and --delta; see wisk generate "
      "--help");
}

DType compute_of(const std::string& name) {
  return parse_dtype(name, "--compute");
}

run::DeviceChoice device_of(const std::string& name) {
  if (const auto choice = run::device_choice(name)) return *choice;
  throw UsageError("--device: expected auto, cpu or cuda, found " + name + run::did_you_mean_device(name));
}

template <class T>
void require(bool holds, const char* option, const char* expected, const T& found) {
  if (holds) return;
  std::ostringstream text;
  text << option << ": expected " << expected << ", found " << found;
  throw UsageError(text.str());
}

run::GenerateRequest request_of(const po::variables_map& values) {
  run::GenerateRequest request;
  request.recipe = recipe_of(values);
  if ((values.count("prompt") != 0) == (values.count("prompts") != 0)) {
    throw UsageError("wisk generate: expected either --prompt or --prompts; see wisk generate --help");
  }
  if (values.count("prompt") != 0) {
    for (const std::string& text : values["prompt"].as<std::vector<std::string>>())
      request.prompts.push_back({"", text, {}});
  } else {
    request.prompts = read_prompts(values["prompts"].as<std::string>());
  }
  request.engine.device = device_of(values["device"].as<std::string>());
  request.engine.share_gpu = values.count("share-gpu") != 0;
  request.chat = values["chat"].as<std::string>();
  request.add_special_tokens = values.count("no-special-tokens") == 0;
  request.prompt_logprobs = values.count("prompt-logprobs") != 0;
  request.seed = values["seed"].as<std::uint64_t>();
  request.parameters.samples = values["samples"].as<int>();
  request.parameters.max_tokens = values["max-tokens"].as<int>();
  request.parameters.temperature = values["temperature"].as<double>();
  request.parameters.top_p = values["top-p"].as<double>();
  request.parameters.top_k = values["top-k"].as<int>();
  request.parameters.min_p = values["min-p"].as<double>();
  if (values.count("stop") != 0) request.parameters.stop = values["stop"].as<std::vector<std::string>>();
  require(request.parameters.samples >= 1, "--samples", "at least 1", request.parameters.samples);
  require(request.parameters.max_tokens >= 0, "--max-tokens", "at least 0", request.parameters.max_tokens);
  const double temperature = request.parameters.temperature;
  require(temperature == 0 || (temperature >= 1e-6 && temperature <= 1e6), "--temperature",
          "0 or a number from 1e-6 to 1e6", temperature);
  require(request.parameters.top_p > 0 && request.parameters.top_p <= 1, "--top-p",
          "a number above 0 and at most 1", request.parameters.top_p);
  require(request.parameters.top_k >= 0, "--top-k", "at least 0", request.parameters.top_k);
  require(request.parameters.min_p >= 0 && request.parameters.min_p <= 1, "--min-p", "a number from 0 to 1",
          request.parameters.min_p);
  for (const std::string& stop : request.parameters.stop)
    require(!stop.empty(), "--stop", "a text", "nothing");
  if (values.count("compute") != 0) request.model.compute = compute_of(values["compute"].as<std::string>());
  request.model.tensor_parallel = values["tensor-parallel"].as<int>();
  request.engine.threads = values["threads"].as<int>();
  request.engine.max_batch = values["max-batch"].as<int>();
  require(request.engine.threads >= 0, "--threads", "at least 0", request.engine.threads);
  constexpr int kMostBatch = 65536;  // as engine.max_batch
  require(request.engine.max_batch >= 0 && request.engine.max_batch <= kMostBatch, "--max-batch",
          "a whole number from 0 to 65536", request.engine.max_batch);
  return request;
}

/// One line of JSON a completion (or one a prompt when there is none).
std::string as_json(const run::Generated& row, const run::GenerateRequest& request) {
  std::string lines;
  const std::size_t count = std::max<std::size_t>(1, row.completions.size());
  for (std::size_t i = 0; i < count; ++i) {
    ordered_json line;
    line["prompt_index"] = row.index;
    const run::PromptInput& prompt = request.prompts[row.index];
    if (!prompt.id.empty()) line["id"] = prompt.id;
    if (prompt.token_ids.empty()) line["prompt"] = prompt.text;
    if (!row.completions.empty()) {
      const run::Completion& completion = row.completions[i];
      double sum = 0;
      for (const float logprob : completion.logprobs) sum += static_cast<double>(logprob);
      line["sample"] = completion.sample;
      line["text"] = completion.text;
      line["finish_reason"] = name_of(completion.finish);
      line["token_ids"] = completion.token_ids;
      line["logprobs"] = completion.logprobs;
      line["logprob"] = sum;
    }
    if (request.prompt_logprobs) {
      line["prompt_token_ids"] = row.prompt_ids;
      line["prompt_logprobs"] = row.prompt_logprobs;
      line["prompt_argmax"] = row.prompt_argmax;
      line["prompt_logprobs"][0] = nullptr;  // nothing comes before the first token
      line["prompt_argmax"][0] = nullptr;
    }
    lines += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::string as_text(const run::Generated& row, const run::GenerateRequest& request) {
  std::string text;
  for (const run::Completion& completion : row.completions) {
    if (request.prompts.size() > 1 || row.completions.size() > 1) {
      text += "--- prompt " + std::to_string(row.index + 1) + ", sample " +
              std::to_string(completion.sample) + " (" + std::string(name_of(completion.finish)) + ")\n";
    }
    text += completion.text + "\n";
  }
  if (request.prompt_logprobs) {
    double sum = 0;
    for (const float logprob : row.prompt_logprobs) sum += static_cast<double>(logprob);
    text += "prompt " + std::to_string(row.index + 1) + ": " + std::to_string(row.prompt_ids.size()) +
            " tokens, log-probability " + std::to_string(sum) + "\n";
  }
  return text;
}

/// The rows of all ranks in the order of the prompts, printed by rank 0.
void print_in_order(const std::vector<std::pair<std::size_t, std::string>>& mine, std::size_t prompts,
                    comm::Communicator& world) {
  ordered_json rows = ordered_json::array();
  for (const auto& [index, text] : mine) rows.push_back({index, text});
  const std::vector<std::uint8_t> packed = ordered_json::to_cbor(rows);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(world.size()), 0);
  sizes[static_cast<std::size_t>(world.rank())] = static_cast<std::int64_t>(packed.size());
  world.all_reduce_sum(std::span<std::int64_t>(sizes));
  std::vector<std::size_t> bytes(sizes.begin(), sizes.end());
  std::size_t total = 0;
  for (const std::size_t size : bytes) total += size;
  std::vector<std::uint8_t> all(total);
  world.all_gather_v(std::as_bytes(std::span(packed)), std::as_writable_bytes(std::span(all)), bytes);
  if (world.rank() != 0) return;
  std::vector<std::string> texts(prompts);
  std::size_t begin = 0;
  for (const std::size_t size : bytes) {
    const std::vector<std::uint8_t> part(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                         all.begin() + static_cast<std::ptrdiff_t>(begin + size));
    for (const auto& row : ordered_json::from_cbor(part))
      texts[row[0].get<std::size_t>()] = row[1].get<std::string>();
    begin += size;
  }
  for (const std::string& text : texts) std::cout << text;
}

void declare_options(po::options_description& options) {
  auto add = options.add_options();
  add("checkpoint", po::value<std::string>(), "model folder");
  add("early", po::value<std::string>(), "early checkpoint of a blend");
  add("late", po::value<std::string>(), "late checkpoint of a blend");
  add("delta", po::value<double>(), "weight of early: w = delta * early + (1 - delta) * late");
  add("prompt", po::value<std::vector<std::string>>()->composing(), "a prompt; may be repeated");
  add("prompts", po::value<std::string>(),
      "JSONL of prompts: strings, or objects with `prompt` (or `prompt_token_ids`) and `id`");
  add("chat", po::value<std::string>()->default_value(""),
      "the prompt is a user's message: auto, chatml, llama3, gemma, mistral");
  add("no-special-tokens", "do not add BOS or EOS to a prompt");
  add("samples", po::value<int>()->default_value(1), "completions of each prompt");
  add("seed", po::value<std::uint64_t>()->default_value(0), "of the random numbers");
  add("max-tokens", po::value<int>()->default_value(128),
      "at most so many tokens; 0: only look at the prompt");
  add("temperature", po::value<double>()->default_value(1.0), "0 is greedy");
  add("top-p", po::value<double>()->default_value(1.0), "1 is off");
  add("top-k", po::value<int>()->default_value(0), "0 is off");
  add("min-p", po::value<double>()->default_value(0.0), "0 is off");
  add("stop", po::value<std::vector<std::string>>()->composing(), "end before this text; may be repeated");
  add("compute", po::value<std::string>(), "bfloat16 or float32 (default: bfloat16 for bf16 checkpoints)");
  add("device", po::value<std::string>()->default_value("auto"),
      "auto, cpu or cuda; auto: GPUs where there are any");
  add("share-gpu", "ranks may have the same GPU (for tests)");
  add("threads", po::value<int>()->default_value(0), "0: its share of the cores that it may use");
  add("max-batch", po::value<int>()->default_value(0), "sequences at once; 0: from the sizes of the caches");
  add("tensor-parallel", po::value<int>()->default_value(1), "ranks that hold one model together");
  add("prompt-logprobs", "also the log-probability of every prompt token");
  add("json", "one JSON object a completion");
  add("help,h", "this text");
}

}  // namespace

Verb generate_verb() {
  Verb verb;
  verb.name = "generate";
  verb.synopsis =
      "wisk generate CKPT (--prompt TEXT | --prompts FILE.jsonl) [OPTIONS]\n"
      "wisk generate --early A --late B --delta D (--prompt TEXT | --prompts FILE.jsonl) [OPTIONS]";
  verb.summary = "completions of prompts by a checkpoint or a blend";
  verb.details =
      "Prints completions. Rows of --json carry text, token_ids, logprobs (natural logarithm, of the model's "
      "raw distribution)\n"
      "and finish_reason; with --prompt-logprobs also prompt_token_ids, prompt_logprobs and prompt_argmax: "
      "entry i belongs to\n"
      "prompt token i, given those before it (the first is null). The same seed gives the same tokens "
      "whatever the batch, the\n"
      "threads or the ranks.\n\n"
      "  wisk generate ckpt/step-1120 --prompt 'The capital of France is' --temperature 0\n"
      "  wisk generate --early ckpt/a --late ckpt/b --delta 0.3 --prompts questions.jsonl --samples 8 --json";
  declare_options(verb.options);
  verb.positional.add("checkpoint", 1);
  verb.interruptible = true;
  verb.execute = [](const po::variables_map& values, comm::Communicator& world) {
    const run::GenerateRequest request = request_of(values);
    const bool json = values.count("json") != 0;
    std::vector<std::pair<std::size_t, std::string>> texts;
    for (const run::Generated& row : run::generate(request, world)) {
      texts.emplace_back(row.index, json ? as_json(row, request) : as_text(row, request));
    }
    print_in_order(texts, request.prompts.size(), world);
    return 0;
  };
  return verb;
}

}  // namespace wisk::cli
