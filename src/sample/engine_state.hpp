#pragma once
// What the engine knows between two steps. engine.cpp takes work in and hands samples out, engine_pages.cpp
// decides whose pages the cache holds, engine_step.cpp computes a step.

#include <deque>
#include <list>

#include <wisk/sample/choose.hpp>
#include <wisk/sample/engine.hpp>

#include "page_pool.hpp"
#include "sequence.hpp"

namespace wisk::sample {

/// The tokens of a step, as they are collected.
struct StepBuilder {
  std::vector<std::int32_t> ids, positions, page_rows, pages, rows;
  void clear() {
    for (auto* v : {&ids, &positions, &page_rows, &pages, &rows}) v->clear();
  }
  /// Adds tokens [begin, end) of a sequence whose pages are `table`; its last token's logits when `wanted`.
  template <class IdAt>
  void add(const std::vector<std::int32_t>& table, std::int64_t begin, std::int64_t end, bool wanted,
           const IdAt& id_at) {
    const auto row = static_cast<std::int32_t>(pages.size());
    pages.insert(pages.end(), table.begin(), table.end());
    for (std::int64_t p = begin; p < end; ++p) {
      ids.push_back(id_at(p));
      positions.push_back(static_cast<std::int32_t>(p));
      page_rows.push_back(row);
    }
    if (wanted) rows.push_back(static_cast<std::int32_t>(ids.size()) - 1);
  }
};

struct Engine::State {
  State(device::Device& d, model::Transformer& t, const EngineLimits& l)
      : device(d), transformer(t), limits(l), cache(t.make_cache(l.pages)), pool(l.pages) {
    for (int m = 0; m < d.members(); ++m)
      choosers.emplace_back(static_cast<int>(t.architecture().vocabulary));
  }

  bool run();
  // One step of the engine, in order.
  void fetch();
  void admit();
  void build_step();
  void compute();

  void accept(Request&& request);
  std::shared_ptr<Prompt> prompt_of(Request& request);
  bool start(Waiting&& waiting);
  void choose_first_tokens();
  void append(Running& sequence, const Choice& choice);
  bool finish_if_done(Waiting& sample);
  void settle();
  void settle_now();
  void show_unfinished() const;
  void hand_over_unfinished();
  void release_everything();
  void forget_everything();

  // engine_pages.cpp: whose pages the cache holds.
  bool make_room(int pages);
  bool extend(std::vector<std::int32_t>& pages, std::int64_t tokens);
  bool extend_running(std::size_t index, std::int64_t tokens);
  void preempt(std::size_t index);
  void drop_prompts(const Prompt* keep);
  void prune_prompts();

  // engine_step.cpp: what a step computes.
  void build_sequences(std::int64_t& budget);
  void build_prompts(std::int64_t& budget);
  void compute_on_host();
  void choose_tokens(const model::Logits& logits);
  // engine_overlap.cpp: a step on a device that chooses tokens itself.
  void compute_on_device();
  bool ends_with_its_last_token(const Waiting& sample) const;
  /// `maxima`: of the logits' blocks, or empty.
  Choice choose(std::span<const float> logits, std::span<const float> maxima, const Draw& draw, int member);

  device::Device& device;
  model::Transformer& transformer;
  EngineLimits limits;
  device::KvCache cache;
  PagePool pool;
  std::vector<Chooser> choosers;  // [members]
  EngineCounters counters;

  const Sampling* sampling = nullptr;
  const EngineCallbacks* callbacks = nullptr;
  device::Choosing choosing;                    // as the device wants `sampling`
  bool on_device = false;                       // the device chooses tokens
  bool more = true;                             // `next` may have more
  std::deque<Waiting> waiting;                  // in the order of arrival; preempted ones at the front
  std::vector<std::unique_ptr<Running>> batch;  // in the order of start
  std::list<std::shared_ptr<Prompt>> prompts;   // in the cache or to be computed, oldest first
  // Of one step; kept so that a step allocates nothing.
  StepBuilder step;
  struct Target {  // whose logits a row of the step gives
    Running* sequence;
    Prompt* prompt;
  };
  std::vector<Target> targets;     // [rows]
  std::vector<Choice> choices;     // [rows]
  std::vector<std::int64_t> ends;  // [batch], tokens that will be computed after the step
  std::vector<Running*> fresh;     // admitted, without a first token yet
  // Of a step on a device.
  std::vector<device::RowDraw> draws;  // [rows]
  std::vector<Waiting> ended;          // by their last token; their text has not been looked at yet
};

}  // namespace wisk::sample
