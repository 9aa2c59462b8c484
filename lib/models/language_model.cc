#include "models/language_model.h"

namespace storm {

CrossEntropy loss(const LanguageModel& model, Graph& graph, const PackedSentences& text, Value labels,
                  const LossOptions& options, float gradient_scale, CarriedState* carried) {
  const Value states = model.states(graph, text, nullptr, carried);
  const auto [weight, bias] = model.output(graph);
  return cross_entropy(graph, states, weight, bias, labels, options, gradient_scale);
}

Value LanguageModel::token_nll(Graph& graph, const PackedSentences& text, Value labels, CarriedState* carried) const {
  return loss(*this, graph, text, labels, 0, 1, carried).token_nll;
}

}  // namespace storm
