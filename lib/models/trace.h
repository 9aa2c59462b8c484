// What a forward pass leaves behind to be looked at, for those who ask.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ops/attention_weights.h"
#include "tensor/graph.h"

namespace storm {

// Whose queries over whose keys: source over source, target over target, target over source; or one query over all of a
// text, whose context is the text's vector (nn/attention_pooling.h).
enum class AttentionKind : uint8_t { encoder, decoder, cross, pooling };

struct Trace {
  struct Attention {
    AttentionKind kind;
    int64_t layer;  // from 0
    Value weights;  // F32, ragged: see ops/attention_weights.h; kept
  };

  // Asked for: which layers' weights (none: no weights at all), as probabilities or as what the softmax is taken of;
  // whether the states of the encoder's layers.
  std::function<bool(AttentionKind, int64_t layer)> wants;
  AttentionScores scores = AttentionScores::probabilities;
  bool states = false;

  // Found, in the order of the pass.
  std::vector<Attention> attentions;
  std::vector<Value> encoder_states;  // [source tokens, width], kept; 0: embeddings and positions, then a layer each

  // For the pass: leaves here what is asked for. weights is called only where a layer's are.
  template <class Weights>
  void note(Graph& graph, AttentionKind kind, std::size_t layer, Weights&& weights) {
    const auto number = static_cast<int64_t>(layer);
    if (!wants || !wants(kind, number)) return;
    attentions.push_back({kind, number, weights()});
    graph.keep(attentions.back().weights);
  }
  void note(Graph& graph, Value layer_states) {
    if (!states) return;
    graph.keep(layer_states);
    encoder_states.push_back(layer_states);
  }
};

}  // namespace storm
