#include "tasks/bidirectional_language_model.h"

#include "base/error.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"

namespace storm {

namespace {

constexpr std::size_t kForward = 0, kBackward = 1;  // losses, and lists of labels

// Of each text all rows from its `first` on, but its last `without`.
std::vector<int32_t> rows_of(const PackedSentences& text, int32_t first, int32_t without) {
  std::vector<int32_t> rows;
  for (std::size_t s = 1; s < text.offsets.size(); ++s)
    for (int32_t row = text.offsets[s - 1] + first; row < text.offsets[s] - without; ++row) rows.push_back(row);
  return rows;
}

}  // namespace

BidirectionalLanguageModeling::BidirectionalLanguageModeling(const Model& model, int32_t eos)
    : model_(as<BidirectionalLanguageModel>(model)), eos_(eos) {}

std::vector<Side> BidirectionalLanguageModeling::sides() const { return {{{0}, 0, INT32_MAX}}; }

Batch BidirectionalLanguageModeling::batch(const Rows& rows, int64_t first, int64_t last) const {
  Batch batch{.inputs = std::vector<PackedSentences>(1), .labels = std::vector<std::vector<int32_t>>(2)};
  for (int64_t i = first; i < last; ++i) {
    const auto text = rows(i, 0);
    batch.inputs[0].add(-1, text, -1);
    batch.labels[kForward].insert(batch.labels[kForward].end(), text.begin() + 1, text.end());
    batch.labels[kBackward].insert(batch.labels[kBackward].end(), text.begin(), text.end() - 1);
  }
  return batch;
}

Batch BidirectionalLanguageModeling::batch_of_size(int64_t tokens, std::span<const int64_t> longest) const {
  Batch batch;
  batch.inputs.push_back(PackedSentences::of_size(tokens, (tokens + longest[0] - 1) / longest[0], longest[0]));
  const std::size_t labels = rows_of(batch.inputs[0], 0, 1).size();
  batch.labels.assign(2, std::vector<int32_t>(labels));
  return batch;
}

std::vector<int64_t> BidirectionalLanguageModeling::counts(const Batch& batch) const {
  const auto labels = static_cast<int64_t>(batch.labels[kForward].size());
  return {labels, labels};
}

std::vector<Value> BidirectionalLanguageModeling::record(Graph& graph, const Batch& batch, const LossOptions& options,
                                                         std::span<const float> gradient_scales) const {
  const PackedSentences& text = batch.inputs[0];
  const auto states = model_.directions(graph, text);
  const auto [weight, bias] = model_.output(graph);
  const auto loss = [&](Value all, std::vector<int32_t> rows, std::size_t i) {
    const auto count = static_cast<int64_t>(rows.size());
    const Value labels = graph.constant({count, 1}, batch.labels[i].data());
    return cross_entropy(graph, gather(graph, all, graph.column(std::move(rows))), weight, bias, labels, options,
                         gradient_scales[i])
        .totals;
  };
  return {loss(states.forward, rows_of(text, 0, 1), kForward), loss(states.backward, rows_of(text, 1, 0), kBackward)};
}

const TaskKind& bidirectional_language_model_task() {
  static const TaskKind kind{
      .name = "bidirectional-language-model",
      .columns = {"text"},
      .rows = "texts",
      .measures = {},
      .make = [](const Model& model, std::span<const Vocabulary> vocabularies) -> std::unique_ptr<Task> {
        require(vocabularies[0].eos_id() >= 0,
                "the vocabulary has no end of sentence (EOS), which stands around texts");
        return std::make_unique<BidirectionalLanguageModeling>(model, vocabularies[0].eos_id());
      },
      .running_text = true,
      .noised = 1,
      .training = {{"label_smoothing", 0}}};
  return kind;
}

}  // namespace storm
