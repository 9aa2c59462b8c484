// One vector of a text: the mean of its tokens' states, weighted with the softmax of how each scores against a query
// that is learned. Scores are q . h / sqrt(width) (the attention of Lin et al. 2017, §2, with one row and without its
// hidden layer; Yang et al. 2016, §2.2), or -|(q - h) * w|^2 / 2, the log of a Gaussian kernel (Nadaraya 1964, Watson
// 1964), with w learned for each column, or 1.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tensor/parameters.h"

namespace storm {

enum class PoolingScore : uint8_t { dot, kernel, kernel_fixed };

struct PooledStates {
  Value pooled;   // [texts, width]; zeros for a text without tokens
  Value weights;  // F32 [tokens, 1]: each token's weight, or score
};

// states: [tokens, width]; the rows of text i are offsets[i] to offsets[i + 1], and together they are all. query: [1,
// width]. kernel_width: [1, width], or none, which is all 1; for a kernel alone. scores: gives out the scores in place
// of the weights; not in graphs with gradients.
PooledStates attention_pooling(Graph& graph, Value states, std::span<const int32_t> offsets, PoolingScore score,
                               Value query, Value kernel_width, bool scores = false);

struct AttentionPooling {
  PoolingScore score;
  ParameterId query, kernel_width;  // [1, width] each; kernel_width: PoolingScore::kernel

  // It begins with a query of zeros, as which a dot product weighs all tokens alike, and a kernel's width of ones.
  static AttentionPooling declare(ParameterList& list, const std::string& name, int64_t width, PoolingScore score) {
    AttentionPooling layer{score, list.add({.name = name + ".query", .shape = {1, width}, .vector = true}), {}};
    if (score == PoolingScore::kernel)
      layer.kernel_width =
          list.add({.name = name + ".width", .shape = {1, width}, .init = ParameterSpec::Init::ones, .vector = true});
    return layer;
  }

  PooledStates operator()(Graph& graph, const Parameters& parameters, Value states, std::span<const int32_t> offsets,
                          bool scores = false) const {
    return attention_pooling(graph, states, offsets, score, parameters.in(graph, query),
                             parameters.in(graph, kernel_width), scores);
  }
};

}  // namespace storm
