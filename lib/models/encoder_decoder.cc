#include "models/encoder_decoder.h"

namespace storm {

Batch make_batch(std::span<const SentencePair> pairs, const SpecialIds& special) {
  Batch batch{.inputs = std::vector<PackedSentences>(2), .labels = std::vector<std::vector<int32_t>>(1)};
  for (const auto& [source, target] : pairs) {
    batch.inputs[0].add(-1, source, special.eos);
    batch.inputs[1].add(special.bos, target, -1);
    batch.labels[0].insert(batch.labels[0].end(), target.begin(), target.end());
    batch.labels[0].push_back(special.eos);
  }
  return batch;
}

CrossEntropy loss(const EncoderDecoder& model, Graph& graph, const Batch& batch, const LossOptions& options,
                  float gradient_scale) {
  const Value states = model.states(graph, batch.inputs[0], batch.inputs[1]);
  const auto& labels = batch.labels[0];
  const Value targets = graph.constant({static_cast<int64_t>(labels.size()), 1}, labels.data());
  const auto [weight, bias] = model.output(graph);
  return cross_entropy(graph, states, weight, bias, targets, options, gradient_scale);
}

Value EncoderDecoder::token_nll(Graph& graph, const Batch& batch) const {
  return loss(*this, graph, batch, 0, 1).token_nll;
}

}  // namespace storm
