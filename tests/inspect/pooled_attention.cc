// The attention of a model that pools its text by a query.
#include <nlohmann/json.hpp>

#include "inspect/attention_tracer.h"
#include "models/text_encoder.h"
#include "nn/attention_pooling.h"
#include "ops/embed.h"
#include "tests/catch.h"
#include "tests/text/small_vocabulary.h"

using namespace storm;
using test::small_vocabulary;

namespace {

constexpr int64_t kWidth = 4;

struct Layers {
  ParameterList parameters;
  ParameterId table;
  AttentionPooling pooling;
  Layers()
      : table(parameters.add({.name = "embedding.weight",
                              .shape = {small_vocabulary().size(), kWidth},
                              .init = ParameterSpec::Init::normal,
                              .scale = 1})),
        pooling(AttentionPooling::declare(parameters, "pool", kWidth, PoolingScore::kernel)) {}
};

class PooledText : public Model, public TextEncoder {
 public:
  explicit PooledText(Layers layers)
      : Model(layers.parameters, {{"arch", "pooled"}},
              {.vocabularies = {small_vocabulary().size()},
               .width = kWidth,
               .state_widths = {kWidth},
               .attentions = {{AttentionKind::pooling, 1, 1}}}),
        layers_(std::move(layers)) {}
  Value encode(Graph& graph, const PackedSentences& text, Trace* trace) const override {
    const Value states = gather(graph, parameters().in(graph, layers_.table), graph.column(text.ids));
    if (trace)
      trace->note(graph, AttentionKind::pooling, 0, [&] {
        const bool scores = trace->scores == AttentionScores::logits;
        return layers_.pooling(graph, parameters(), states, text.offsets, scores).weights;
      });
    return states;
  }
  std::span<const float> token_embeddings() const override { return parameters().view(layers_.table); }

 private:
  Layers layers_;
};

}  // namespace

TEST_CASE("the attention of pooling is one row over all of a text, with the ends that it is fed") {
  PooledText model{Layers()};
  model.parameters().initialize(1);
  const std::vector<std::vector<int32_t>> texts{{4, 5, 6}, {}, {7, 7}};
  std::vector<SentencePair> pairs;
  for (const auto& ids : texts) pairs.push_back({ids, {}});
  for (const auto scores : {AttentionScores::probabilities, AttentionScores::logits}) {
    AttentionChoice choice = all_attention(model);
    choice.scores = scores;
    AttentionTracer trace(model, {}, small_vocabulary(), small_vocabulary(), choice, 100);
    std::size_t taken = 0;
    trace(pairs, 1, [&](const AttentionMaps& maps) {
      const auto tokens = static_cast<int64_t>(texts[taken++].size()) + 1;  // EOS behind them
      REQUIRE(maps.maps.size() == 1);
      const auto& map = maps.maps[0];
      CHECK(map.kind == AttentionKind::pooling);
      CHECK(map.rows == 1);
      CHECK(map.cols == tokens);
      REQUIRE(static_cast<int64_t>(map.weights.size()) == tokens);
      double sum = 0;
      for (const float x : map.weights) sum += static_cast<double>(x);
      if (scores == AttentionScores::probabilities)
        CHECK(sum == Approx(1).margin(1e-6));
      else
        for (const float x : map.weights) CHECK(x <= 0);
      if (taken == 3) CHECK(map.weights[0] == map.weights[1]);  // one piece twice
    });
    CHECK(taken == texts.size());
  }
}
