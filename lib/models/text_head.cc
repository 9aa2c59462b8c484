#include "models/text_head.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/settings.h"
#include "models/model.h"
#include "models/text_encoder.h"
#include "models/text_pooler.h"
#include "ops/embed.h"
#include "ops/join.h"

namespace storm {

const std::vector<std::string>& head_pools() {
  static const std::vector<std::string> names{"pooler", "first", "last", "mean", "attention", "kernel", "kernel-fixed"};
  return names;
}

std::optional<TextHead> TextHead::declare(ParameterList& list, const nlohmann::json& config,
                                          const Description& description) {
  if (!config.contains(kHeadOutputsKey)) return {};
  constexpr double kDeviation = 0.02;  // as BERT's own weights begin
  const Settings s(config);
  int64_t width = description.state_widths.back();
  TextHead head;
  head.outputs_ = s.whole(kHeadOutputsKey, 1, 1 << 24);
  head.dropout_ = s.real("head_dropout", 0, 1);
  const auto& widths = description.state_widths;
  const auto layer = config.value("head_layer", nlohmann::json("last"));
  if (layer == "mix") {
    if (std::ranges::any_of(widths, [&](int64_t w) { return w != width; }))
      throw UsageError("--head-layer mix: the model's layers have states of different widths");
    head.mix_ = LayerMix::declare(list, "head.mix", std::ssize(widths));
  } else if (layer != "last") {
    if (layer.is_string())
      throw UsageError(
          str("--head-layer: '", layer.get<std::string>(), "' is neither last nor mix nor a layer's number"));
    head.layer_ = s.whole("head_layer", 0, std::ssize(widths) - 1);
    width = widths[static_cast<std::size_t>(head.layer_)];
  }
  if (config.contains(kPoolKey)) {
    const auto pool = s.choice(kPoolKey, head_pools()), attention = static_cast<std::size_t>(Pool::attention);
    head.pooled_ = true;
    head.pool_ = static_cast<Pool>(std::min(pool, attention));
    if (pool >= attention)
      head.attention_ =
          AttentionPooling::declare(list, "head.pool", width, static_cast<PoolingScore>(pool - attention));
  }
  head.output_ =
      LinearLayer::declare(list, "head.output", width, head.outputs_, 1, {LinearInit::Rule::normal, kDeviation});
  return head;
}

Value TextHead::features(Graph& graph, const Model& model, const PackedSentences& text, Trace* trace) const {
  const auto& encoder = as<TextEncoder>(model);
  Value states;
  if (!mix_ && layer_ < 0) {
    states = encoder.encode(graph, text, trace);
  } else {
    Trace own;
    Trace& all = trace ? *trace : own;
    all.states = true;
    encoder.encode(graph, text, &all);
    states = mix_ ? (*mix_)(graph, model.parameters(), all.encoder_states)
                  : all.encoder_states.at(static_cast<std::size_t>(layer_));
  }
  return pooled_ ? pooled(graph, model, states, text, trace) : states;
}

Value TextHead::pooled(Graph& graph, const Model& model, Value states, const PackedSentences& text,
                       Trace* trace) const {
  const auto first_rows = [&] { return graph.column({text.offsets.begin(), text.offsets.end() - 1}); };
  const int64_t width = graph.shape(states).cols;
  switch (pool_) {
    case Pool::pooler:
      return as<TextPooler>(model).pooled(graph, states, first_rows());
    case Pool::first:
      return gather(graph, states, first_rows());
    case Pool::last: {
      std::vector<int32_t> last(text.offsets.begin() + 1, text.offsets.end());
      for (int32_t& row : last) --row;
      return gather(graph, states, graph.column(std::move(last)));
    }
    case Pool::mean: {  // the pooling whose query scores all tokens alike
      const Value none = graph.constant({1, width}, std::vector<float>(static_cast<std::size_t>(width)));
      return attention_pooling(graph, states, text.offsets, PoolingScore::dot, none, {}).pooled;
    }
    case Pool::attention:
      break;
  }
  const auto found = (*attention_)(graph, model.parameters(), states, text.offsets);
  if (trace)
    trace->note(graph, AttentionKind::pooling, 0, [&] {
      const bool scores = trace->scores == AttentionScores::logits;
      return (*attention_)(graph, model.parameters(), states, text.offsets, scores).weights;
    });
  return found.pooled;
}

Value TextHead::dropped(Graph& graph, Value features) const {
  return graph.gradients() && dropout_ > 0 ? join(graph, std::array{features}, dropout_) : features;
}

OutputLayer TextHead::output(Graph& graph, const Parameters& parameters) const {
  return {parameters.in(graph, output_.weight), parameters.in(graph, output_.bias)};
}

}  // namespace storm
