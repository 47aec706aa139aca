#include <wisk/task/task.hpp>

#include <algorithm>

#include <wisk/core/error.hpp>
#include <wisk/task/judge.hpp>

#include "problems.hpp"
#include "task_file.hpp"
#include "template.hpp"

namespace wisk::task {

struct Task::State {
  TaskFile file;
  Template prompt;
  std::vector<Problem> problems;
  std::size_t skipped_golds;
  std::string examples;           ///< plain prompts: everything before the problem
  std::vector<Message> messages;  ///< chats: everything before the problem
};

namespace {

void check_template(const TaskFile& file, const Template& prompt) {
  const std::vector<std::string>& names = prompt.names();
  const auto uses = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (names.empty()) {
    const bool jinja = file.prompt_template.find("{{") != std::string::npos;
    throw InputError(file.template_where, "{question} or another field in braces",
                     jinja ? "double braces, which stand for themselves (write {question})" : "none");
  }
  if (uses(file.gold_field) && file.gold_field != "question") {
    throw InputError(file.template_where, "a prompt that does not show the gold",
                     "{" + file.gold_field + "} (write {{" + file.gold_field + "}} for this text itself)");
  }
}

std::string render(const Template& prompt, const std::map<std::string, std::string>& fields,
                   const std::string& where) {
  return prompt.render([&](const std::string& name) -> const std::string& {
    const auto found = fields.find(name);
    if (found == fields.end())
      throw InputError(where, "the key " + name + ", which the template names", "none");
    return found->second;
  });
}

}  // namespace

Task::Task(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Task Task::load(const std::filesystem::path& file) {
  TaskFile read = read_task_file(file);
  Template prompt(read.prompt_template);
  check_template(read, prompt);
  Problems problems = read_problems(read, prompt.names());
  std::string examples = read.system.empty() ? "" : read.system + read.separator;
  std::vector<Message> messages;
  if (!read.system.empty()) messages.push_back({"system", read.system});
  const std::string where = read.path.string() + ": prompt.few_shot";
  for (const auto& shot : read.few_shot) {
    const std::string shown = render(prompt, shot, where);
    const std::string& answer = shot.at("answer");
    examples += shown + read.delimiter + answer + read.separator;
    messages.push_back({"user", shown});
    messages.push_back({"assistant", answer});
  }
  return Task(
      std::make_shared<const State>(State{std::move(read), std::move(prompt), std::move(problems.all),
                                          problems.skipped_golds, std::move(examples), std::move(messages)}));
}

const std::string& Task::name() const {
  return state_->file.name;
}
const std::vector<Problem>& Task::problems() const {
  return state_->problems;
}
std::size_t Task::skipped_golds() const {
  return state_->skipped_golds;
}
const std::vector<std::string>& Task::stop() const {
  return state_->file.stop;
}
const std::optional<std::string>& Task::chat() const {
  return state_->file.chat;
}

Prompt Task::prompt(const Problem& problem) const {
  const std::string shown = render(state_->prompt, problem.fields, "problem " + problem.id);
  Prompt prompt;
  if (state_->file.chat) {
    prompt.messages = state_->messages;
    prompt.messages.push_back({"user", shown});
  } else {
    prompt.text = state_->examples + shown;
  }
  return prompt;
}

Judgement Task::judge(const Problem& problem, std::string_view completion, FinishReason reason) const {
  // The engine ends a sample before a stop string; stored samples may have run on.
  for (const std::string& stop : state_->file.stop) {
    const std::size_t found = completion.find(stop);
    if (found == std::string_view::npos) continue;
    completion = completion.substr(0, found);
    reason = FinishReason::kStopString;
  }
  return judge_number(problem.gold, completion, reason, state_->file.extract);
}

std::vector<std::filesystem::path> Task::files() const {
  return {state_->file.path, state_->file.data};
}

}  // namespace wisk::task
