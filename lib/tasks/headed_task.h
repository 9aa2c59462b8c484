// What tasks share whose model encodes text and has a head (models/text_head.h): how rows become batches, and how the
// head's logits are taken of many texts.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "tasks/task.h"
#include "tasks/text_layout.h"

namespace storm {

class HeadedTask : public Task {
 public:
  std::vector<std::string> losses() const override { return {"nll"}; }
  std::vector<Side> sides() const override { return {layout_.side()}; }
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;

 protected:
  // The model must have a head, and outlive this. texts: of a row, 1 or 2. Throws UsageError for a model without an
  // encoder of text, and Error for a vocabulary without what stands around texts.
  HeadedTask(const Model& model, const Vocabulary& vocabulary, std::size_t texts);

  const Model& model() const { return model_; }
  const TextHead& head() const { return *model_.head(); }
  const TextLayout& layout() const { return layout_; }

  // The texts of rows [first, last) as a batch's one input, without labels.
  Batch texts_of(const Rows& rows, int64_t first, int64_t last) const;

  // Lays out each of `lengths` (tokens) by add(i, packed), in sorted batches, and calls take(i, logits) with the head's
  // [outputs], or of a head over tokens [tokens, outputs]. Several threads do both at once.
  using Add = std::function<void(std::size_t i, PackedSentences& to)>;
  using Take = std::function<void(std::size_t i, std::span<const float> logits)>;
  void each_logits(std::span<const int64_t> lengths, const DecodeOptions& options, std::vector<Workspace>* kept,
                   const Add& add, const Take& take) const;
  // The same of whole rows, whose first columns are their texts. rows before these: options.first_sentence.
  void each_logits(RowColumns rows, const DecodeOptions& options, std::vector<Workspace>* kept, const Take& take) const;

 private:
  const Model& model_;
  TextLayout layout_;
};

// What all such tasks have: the head's settings, and with a pooling, and what they set of training's.
constexpr int64_t kHeadedEpochs = 3;
std::vector<Setting> head_settings();
std::vector<Setting> pooled_head_settings();
std::map<std::string, double> headed_training();

std::vector<double> log_softmax(std::span<const float> logits);  // in doubles

}  // namespace storm
