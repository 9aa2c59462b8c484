// How language modelling lays its rows out, and what it says of texts.
#include "tasks/language_model.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "decode/running_text_scorer.h"
#include "decode/text_log_probs.h"
#include "models/architecture.h"
#include "tests/catch.h"

using namespace storm;

namespace {

constexpr int32_t kEos = 3;
using Texts = std::vector<std::vector<int32_t>>;

std::unique_ptr<Model> small_model(const char* positions) {
  auto model =
      make_model(make_config(architecture("gpt"), "gpt-tiny",
                             std::vector<std::pair<std::string, std::string>>{
                                 {"layers", "2"}, {"d-model", "8"}, {"heads", "2"}, {"max-positions", positions}},
                             {20}));
  model->parameters().initialize(1);
  for (float& x : model->parameters().values()) x *= 20;  // far from uniform
  return model;
}

std::vector<std::span<const int32_t>> spans(const Texts& texts) { return {texts.begin(), texts.end()}; }

// log p(ids[i] | EOS, ids[from], ... ids[i - 1]) of the last token, by a pass of its own.
double last_log_prob(const LanguageModel& model, std::span<const int32_t> read, int32_t label) {
  PackedSentences text;
  text.add(-1, read, -1);
  std::vector<int32_t> labels(read.size(), 0);
  labels.back() = label;
  Workspace w;
  const auto [weight, bias] = model.output(w.graph);
  const auto loss = cross_entropy(w.graph, model.states(w.graph, text), weight, bias,
                                  w.graph.constant({static_cast<int64_t>(labels.size()), 1}, labels.data()), 0, 1);
  w.run();
  return -static_cast<double>(w.data(loss.token_nll)[labels.size() - 1]);
}

}  // namespace

TEST_CASE("a row of running text is inputs but its last id, and labels but its first") {
  const auto model = small_model("16");
  const LanguageModeling task(*model, kEos);
  const Rows rows{.ids = {3, 5, 6, 7, 8, 9, 3}, .offsets = {0, 4, 7}};
  const Batch batch = task.batch(rows, 0, 2);
  CHECK(batch.inputs[0].ids == std::vector<int32_t>{3, 5, 6, 8, 9});
  CHECK(batch.inputs[0].offsets == std::vector<int32_t>{0, 3, 5});
  CHECK(batch.labels[0] == std::vector<int32_t>{5, 6, 7, 9, 3});
  CHECK(task.counts(batch) == std::vector<int64_t>{5});
  CHECK(tokens_on(task.sides()[0], std::vector<int64_t>{4}) == 3);
  CHECK(task.sides()[0].longest == 16);
  const Batch planned = task.batch_of_size(50, std::vector<int64_t>{16});
  CHECK(planned.inputs[0].tokens() == 50);
  CHECK(planned.inputs[0].longest <= 16);
}

TEST_CASE("a text's log-probability is the sum over its tokens and EOS, each by a pass of its own") {
  const auto model = small_model("16");
  const auto& texts_model = as<LanguageModel>(*model);
  const Texts texts{{5, 6, 7, 8}, {}, {9}, {4, 4, 19, 11, 12, 0}};
  const auto scores = text_log_probs(texts_model, kEos, spans(texts), 7);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<int32_t> read{kEos};
    double sum = 0;
    for (std::size_t t = 0; t <= texts[i].size(); ++t) {
      const int32_t label = t < texts[i].size() ? texts[i][t] : kEos;
      sum += last_log_prob(texts_model, read, label);
      read.push_back(label);
    }
    CHECK(std::abs(scores[i] - sum) < 1e-5 * std::abs(sum));
  }
  CHECK_THROWS_AS(text_log_probs(texts_model, kEos, spans({std::vector<int32_t>(16, 5)}), 100), Error);
}

TEST_CASE("running text is told by windows, each token with what its window holds before it, however it is cut") {
  const auto model = small_model("6");
  const auto& texts_model = as<LanguageModel>(*model);
  const Texts texts{{5, 6, 7, 8}, {}, {9}, {4, 4, 19, 11, 12, 0, 1, 17, 5, 5, 6}, {}, {13, 14, 15}};
  std::vector<int32_t> all{kEos};
  for (const auto& text : texts) {
    all.insert(all.end(), text.begin(), text.end());
    all.push_back(kEos);
  }
  const auto size = static_cast<int64_t>(all.size()) - 1;  // labels
  for (const int64_t stride : {1, 2, 5, 6})
    for (const int64_t max_tokens : {6, 20, 1000}) {
      CAPTURE(stride, max_tokens);
      // Naively: the windows' ends are 6, then `stride` on from one to the next, and the text's end.
      std::vector<double> want;
      int64_t end = std::min<int64_t>(6, size);
      for (int64_t i = 0; i < size; ++i) {
        if (i == end) end = std::min(end + stride, size);
        const auto begin = all.begin() + std::max<int64_t>(end - 6, 0);
        want.push_back(last_log_prob(texts_model, {begin, all.begin() + i + 1}, all[static_cast<std::size_t>(i) + 1]));
      }
      std::vector<double> sums;
      for (std::size_t t = 0, at = 0; t < texts.size(); ++t) {
        double& sum = sums.emplace_back(0);
        for (std::size_t n = 0; n <= texts[t].size(); ++n) sum += want[at++];
      }
      RunningTextScorer scorer(texts_model, kEos, stride, max_tokens);
      std::vector<double> told;
      for (const auto& text : texts)
        for (const double score : scorer.add(spans({text}))) told.push_back(score);
      for (const double score : scorer.finish()) told.push_back(score);
      REQUIRE(told.size() == texts.size());
      for (std::size_t i = 0; i < told.size(); ++i) CHECK(std::abs(told[i] - sums[i]) < 1e-5 * std::abs(sums[i]));
    }
  CHECK_THROWS_AS(RunningTextScorer(texts_model, kEos, 7, 100), UsageError);
}

TEST_CASE("a text is answered by itself and what follows, and one without room is refused or read in part") {
  const auto model = small_model("8");
  const LanguageModeling task(*model, kEos);
  const Texts texts{{5, 6}, {}, {4, 7, 8, 9, 10, 11}, {9, 9, 9, 9, 9, 9, 9, 9, 9}};
  std::vector<std::vector<std::span<const int32_t>>> rows{{texts[0], texts[1], texts[2]}};
  DecodeOptions options;
  options.min_length = options.max_length = 3;
  const auto answers = task.answers(rows, options, nullptr);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& ids = answers[i][0].ids;
    CHECK(std::equal(texts[i].begin(), texts[i].end(), ids.begin()));
    CHECK(ids.size() == texts[i].size() + (i == 2 ? 1 : 3));  // the third has room for one token more
  }
  rows[0].push_back(texts[3]);
  CHECK_THROWS_AS(task.answers(rows, options, nullptr), Error);
  options.slide = true;
  const auto slid = task.answers(rows, options, nullptr);
  CHECK(slid[3][0].ids.size() == texts[3].size() + 3);
  CHECK(std::equal(texts[3].begin(), texts[3].end(), slid[3][0].ids.begin()));
}

TEST_CASE("a model that turns sources into targets does not continue texts, and says so") {
  const auto model = make_model(make_config(architecture("transformer"), "tiny", {}, {20, 20}));
  CHECK_THROWS_AS(LanguageModeling(*model, kEos), UsageError);
}
