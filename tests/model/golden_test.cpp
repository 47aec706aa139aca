// The forward pass against transformers: log-probabilities of prompts, the likeliest token of every position
// and greedy continuations of tiny models of every architecture (tests/golden/models/make_golden.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/model_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk {
namespace {

using nlohmann::json;

json load_json(const std::filesystem::path& file) {
  return json::parse(std::ifstream(file));
}

double log_softmax_at(std::span<const float> logits, std::size_t index) {
  double largest = logits[0], sum = 0;
  for (const float x : logits) largest = std::max(largest, static_cast<double>(x));
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  return static_cast<double>(logits[index]) - largest - std::log(sum);
}

/// How far two f32 evaluations of the model may lie apart in a log-probability. Each of the 2 L additions to
/// the residual stream and the head sums K <= max(C, F, H D) products; orders of such a sum differ by at most
/// K eps |a| |b| (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5), typically
/// sqrt(K) eps of it; norms keep relative errors and add them over the layers. With the logits' own magnitude
/// M as the scale of |a| |b|: bound = 2 eps sqrt(K) (2 L + 1) M, times 4 for a position's error coming from
/// all keys it sees as well as itself.
double bound_of(const model::Architecture& a, double magnitude) {
  const double k = static_cast<double>(std::max({a.width, a.feed_forward, a.query_width()}));
  const double eps = 0x1p-24, layers = static_cast<double>(a.layers.size());
  return 4 * 2 * eps * std::sqrt(k) * (2 * layers + 1) * magnitude;
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, LogProbabilitiesArgmaxAndGreedyText) {
  const std::filesystem::path folder = test::source_folder() / "tests/golden/models" / GetParam();
  const auto self = comm::make_self_communicator();
  test::LoadedModel model(folder, {}, *self);
  const auto vocabulary = static_cast<std::size_t>(model.architecture.vocabulary);
  for (const json& record : load_json(folder / "golden.json").at("prompts")) {
    const auto ids = record.at("ids").get<std::vector<std::int32_t>>();
    if (record.value("beyond_max_position_embeddings", false))
      continue;  // not defined token by token (README there)
    const double bound = bound_of(model.architecture, record.at("max_abs_logit").get<double>());
    std::vector<float> logits = model.logits(ids, ids.size());
    std::vector<std::int32_t> greedy;
    double worst = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto row = std::span(logits).subspan(i * vocabulary, vocabulary);
      if (i + 1 < ids.size()) {
        const double expected = record.at("logprobs")[i + 1].get<double>();
        const double found = log_softmax_at(row, static_cast<std::size_t>(ids[i + 1]));
        worst = std::max(worst, std::abs(found - expected));
      }
      if (record.at("gap")[i].get<double>() > 2 * bound) {
        EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), record.at("argmax")[i].get<int>())
            << "after token " << i;
      }
    }
    EXPECT_LE(worst, bound);
    ::testing::Test::RecordProperty("worst", std::to_string(worst) + " of " + std::to_string(bound));

    std::vector<std::int32_t> text = ids;
    std::vector<float> row(logits.end() - static_cast<std::ptrdiff_t>(vocabulary), logits.end());
    const auto expected = record.at("generated").get<std::vector<std::int32_t>>();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto next = static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
      ASSERT_EQ(next, expected[i]) << "greedy token " << i << ", gap " << record.at("generated_gap")[i];
      text.push_back(next);
      row = model.step(text, text.size() - 1, 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllArchitectures, Golden,
                         ::testing::Values("llama", "llama-rope-llama3", "llama-rope-linear",
                                           "llama-rope-dynamic", "mistral", "qwen2", "qwen3", "gemma2",
                                           "gemma3", "gemma3-scaled"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace wisk
