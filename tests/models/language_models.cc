#include "tests/models/language_models.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "models/architecture.h"
#include "ops/linear.h"
#include "ops/top_k.h"
#include "tests/catch.h"
#include "tests/models/noise.h"

namespace storm::test {

const std::vector<Variation>& language_models() {
  static const std::vector<Variation> variations{
      {"GPT", "gpt-tiny", {{"heads", "2"}, {"max-positions", "60"}}},
      {"GPT, ReLU, one head", "gpt-tiny", {{"heads", "1"}, {"max-positions", "60"}, {"activation", "relu"}}},
      {"GPT, an output layer of its own", "gpt-tiny", {{"max-positions", "60"}, {"share-embeddings", "no"}}},
      {"GPT, Swish", "gpt-tiny", {{"heads", "2"}, {"max-positions", "60"}, {"activation", "swish"}}},
      {"LSTM", "rnn-lm-tiny"},
      {"GRU of three layers", "rnn-lm-tiny", {{"cell", "gru"}, {"layers", "3"}}},
      {"tanh, one layer", "rnn-lm-tiny", {{"cell", "rnn"}, {"layers", "1"}}},
      {"LSTM, attention over 3 states", "rnn-lm-tiny", {{"attention-window", "3"}}},
      {"GRU, attention over the last two states", "rnn-lm-tiny", {{"cell", "gru"}, {"attention-window", "2"}}},
      {"LSTM, attention over 20 states, split", "rnn-lm-tiny", {{"attention-window", "20"}, {"split-states", "yes"}}},
  };
  return variations;
}

std::unique_ptr<Model> model_of(const Variation& v) {
  Flags flags{{"d-model", std::to_string(kWidth)}, {"dropout", "0"}};
  const auto has = [&](const char* flag) {
    return std::ranges::any_of(v.flags, [&](const auto& f) { return f.first == flag; });
  };
  if (!has("layers")) flags.emplace_back("layers", "2");
  flags.insert(flags.end(), v.flags.begin(), v.flags.end());
  auto model = make_model(make_config(architecture_of_preset(v.preset), v.preset, flags, {kVocabulary}));
  initialize_with_noise(*model, 3, 4, 0.2f);
  model->parameters().allocate_gradients();
  return model;
}

Ids random_ids(std::size_t length, uint64_t seed) {
  RandomStream random(seed, RandomUse::corpus);
  Ids ids;
  while (ids.size() < length) ids.push_back(static_cast<int32_t>(random.below(kVocabulary)));
  return ids;
}

std::vector<Ids> random_texts(uint64_t seed) {
  std::vector<Ids> texts;
  for (const std::size_t length : {1, 7, 0, 3, 18}) texts.push_back(random_ids(length, seed + length));
  return texts;
}

PackedSentences packed(const std::vector<Ids>& texts) {
  PackedSentences packed;
  for (const Ids& text : texts) packed.add(-1, text, -1);
  return packed;
}

Floats copy(Workspace& workspace, Value v) {
  const float* x = workspace.data(v);
  return {x, x + workspace.graph.shape(v).size()};
}

double largest_difference(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= most)) most = difference;
  }
  return most;
}

Floats states_of(const Model& model, const std::vector<Ids>& texts) {
  Workspace workspace;
  const PackedSentences text = packed(texts);
  const Value states = as<LanguageModel>(model).states(workspace.graph, text);
  workspace.graph.keep(states);
  workspace.run();
  return copy(workspace, states);
}

Floats next_log_probs(const Model& model, const std::vector<Ids>& texts) {
  Workspace workspace;
  Graph& graph = workspace.graph;
  const PackedSentences text = packed(texts);
  const Value states = as<LanguageModel>(model).states(graph, text);
  const auto [weight, bias] = as<LanguageModel>(model).output(graph);
  const Value all = log_softmax(graph, linear(graph, states, weight, bias));
  graph.keep(all);
  workspace.run();
  const Floats rows = copy(workspace, all);
  Floats last;
  for (std::size_t s = 1; s < text.offsets.size(); ++s)
    last.insert(last.end(), rows.begin() + (text.offsets[s] - 1) * kVocabulary,
                rows.begin() + text.offsets[s] * kVocabulary);
  return last;
}

}  // namespace storm::test
