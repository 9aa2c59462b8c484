// Answers that the processes of a run share (decode/generate.h).
#pragma once

#include "decode/generate.h"
#include "train/replicas.h"

namespace storm {

class ReplicatedAnswers : public AnswerDealer {
 public:
  explicit ReplicatedAnswers(Replicas& replicas) : replicas_(replicas) {}
  std::size_t processes() const override { return static_cast<std::size_t>(replicas_.size()); }
  std::size_t number() const override { return static_cast<std::size_t>(replicas_.rank()); }
  void exchange(std::span<Hypotheses> answers, std::span<const std::size_t> owner) override;

 private:
  Replicas& replicas_;
};

}  // namespace storm
