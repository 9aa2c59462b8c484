// Forward and backward of one batch: one graph, one plan and one arena, used again and again.
#pragma once

#include <cstdint>

#include "cpu/gemm.h"
#include "models/batch.h"
#include "models/model.h"
#include "tensor/buffer.h"
#include "tensor/graph.h"
#include "tensor/plan.h"

namespace storm {

// Sums over target tokens, EOS included.
struct LossSums {
  double loss = 0, nll = 0;  // with label smoothing, and without
  int64_t tokens = 0;
  LossSums& operator+=(const LossSums& o) {
    loss += o.loss;
    nll += o.nll;
    tokens += o.tokens;
    return *this;
  }
};

class TrainingStep {
 public:
  // The model must have its gradients allocated. seed: of dropout.
  // precision: of training's matrix products; validation's are f32.
  TrainingStep(const Model& model, float label_smoothing, uint64_t seed,
               ProductPrecision precision = ProductPrecision::f32)
      : model_(model), label_smoothing_(label_smoothing), seed_(seed), precision_(precision) {}

  // Maps the arena once for all batches, whose largest needs so many bytes.
  void reserve(std::size_t bytes) { arena_.grow(bytes); }

  // Adds the gradients of gradient_scale * loss to the model's. number: a different one for each batch of a run: the
  // counter of its dropout masks.
  LossSums forward_backward(const Batch& batch, float gradient_scale, uint64_t number);
  // The loss alone, without dropout.
  LossSums forward(const Batch& batch);

  double planning_seconds() const { return planning_seconds_; }  // of all batches: recording and planning

 private:
  LossSums run(Graph& graph, const Batch& batch, float gradient_scale, uint64_t number);

  const Model& model_;
  float label_smoothing_;
  uint64_t seed_;
  ProductPrecision precision_;
  Graph training_{true}, validation_{false};
  Plan plan_;
  Buffer arena_;
  double planning_seconds_ = 0;
};

}  // namespace storm
