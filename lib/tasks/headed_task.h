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

// Such a task whose head pools, and whose rows have one target behind their texts: a label's id, or a number's bits.
class TargetTask : public HeadedTask {
 public:
  Batch batch(const Rows& rows, int64_t first, int64_t last) const override;
  Batch batch_of_size(int64_t tokens, std::span<const int64_t> longest) const override;
  std::vector<int64_t> counts(const Batch& batch) const override { return {std::ssize(batch.labels[0])}; }

 protected:
  using HeadedTask::HeadedTask;
};

// What all such tasks have: the head's settings, and with a pooling, and what they set of training's.
constexpr int64_t kHeadedEpochs = 3;
std::vector<Setting> head_settings();
std::vector<Setting> pooled_head_settings();
std::map<std::string, double> headed_training();

// The kind of a TargetTask, made as T(model, vocabularies, texts): of one text, or of a pair. target: the column
// behind. Which measures it has, and what its target is beyond that, the caller adds.
template <class T>
TaskKind target_task(std::string name, std::size_t texts, std::string target) {
  static constexpr auto make = [](auto count) -> decltype(TaskKind::make) {
    return [](const Model& model, std::span<const Vocabulary> vocabularies) -> std::unique_ptr<Task> {
      return std::make_unique<T>(model, vocabularies, decltype(count)::value);
    };
  };
  using One = std::integral_constant<std::size_t, 1>;
  using Two = std::integral_constant<std::size_t, 2>;
  std::vector<std::string> columns{"text"};
  if (texts == 2) columns.push_back("text_b");
  columns.push_back(std::move(target));
  return {.name = std::move(name),
          .columns = std::move(columns),
          .rows = "texts",
          .measures = {},
          .asked = texts,
          .answered = texts,
          .make = texts == 2 ? make(Two()) : make(One()),
          .settings = pooled_head_settings(),
          .training = headed_training(),
          .texts = texts,
          .epochs = kHeadedEpochs,
          .searches = false};
}

std::vector<double> log_softmax(std::span<const float> logits);  // in doubles

}  // namespace storm
