// BERT's heads, of which a model has those that its settings name: each is an ability. Inside lib/models only.
#pragma once

#include "models/bert/model.h"
#include "models/masked_language_model.h"
#include "models/next_sentence.h"
#include "models/text_pooler.h"
#include "ops/embed.h"

namespace storm {

template <class Base>
class WithPooler : public Base, public TextPooler {
 public:
  using Base::Base;

  Value pooled(Graph& graph, Value states, Value first_rows) const override {
    return this->layers_.pooler(graph, this->parameters(), gather(graph, states, first_rows), Activation::tanh);
  }
};

template <class Base>
class WithNextSentence : public Base, public NextSentence {
 public:
  using Base::Base;

  OutputLayer next_sentence(Graph& graph) const override {
    const LinearLayer& head = this->layers_.next_sentence;
    return {this->parameters().in(graph, head.weight), this->parameters().in(graph, head.bias)};
  }
};

template <class Base>
class WithMaskedLm : public Base, public MaskedLanguageModel {
 public:
  using Base::Base;

  Value transformed(Graph& graph, Value states) const override {
    const BlockShape& block = this->config_.block;
    const auto& head = this->layers_.masked_lm;
    const Value x = head.transform(graph, this->parameters(), states, block.activation);
    return head.norm(graph, this->parameters(), x, {}, block.norm_epsilon, 0).normed;
  }
  OutputLayer output(Graph& graph) const override {
    const auto& head = this->layers_.masked_lm;
    return {this->parameters().in(graph, head.output), this->parameters().in(graph, head.bias)};
  }
};

}  // namespace storm
