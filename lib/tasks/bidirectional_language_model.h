// Language modelling in two directions: the cross-entropy of each token given those before it, and given those behind
// it (Peters et al. 2018, §3.1).
#pragma once

#include "models/bidirectional_language_model.h"
#include "tasks/task.h"

namespace storm {

class BidirectionalLanguageModeling : public Task {
 public:
  // The model must outlive it. eos: what stands around texts.
  BidirectionalLanguageModeling(const Model& model, int32_t eos);

  std::vector<std::string> losses() const override { return {"forward", "backward"}; }
  // Rows are of running text (data/text_rows.h). All ids are inputs; the forward labels are all but the first, the
  // backward labels all but the last: each has the label's neighbour for what is read last.
  std::vector<Side> sides() const override;
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override;
  std::unique_ptr<RowSource> rows(const TokenFile& file, const TextSettings& text,
                                  std::optional<uint64_t> seed) const override {
    return text_source(file, eos_, text, seed);
  }
  std::vector<Value> record(Graph& graph, const Batch& batch, const LossOptions& options,
                            std::span<const float> gradient_scales) const override;

 private:
  const BidirectionalLanguageModel& model_;
  int32_t eos_;
};

const TaskKind& bidirectional_language_model_task();

}  // namespace storm
