// Forward and backward of one batch: one graph, one plan and one arena, used again and again; on the CPU or on a
// device.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "tasks/task.h"
#include "tensor/device.h"
#include "tensor/graph.h"
#include "tensor/mirror.h"
#include "tensor/plan.h"
#include "tensor/product_precision.h"

namespace storm {

class GradientReduction;

class TrainingStep {
 public:
  // The model must have its gradients allocated; it and the task must outlive this. seed: of dropout.
  // precision: of training's matrix products; validation's are f32.
  // device: null for the CPU. On a device the weights and the gradients have twins there, which alone are true while
  // this lives; the device must outlive it.
  TrainingStep(const Model& model, const Task& task, const LossOptions& options, uint64_t seed,
               ProductPrecision precision = ProductPrecision::f32, Device* device = nullptr);
  ~TrainingStep();
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  // Maps the arena once for all batches, whose largest needs so many bytes.
  void reserve(std::size_t bytes);

  // Memory of the host's that nobody needs between two batches, with whatever the last one left in it.
  std::span<std::byte> idle_memory(std::size_t bytes) {
    arena_.grow(bytes);
    return arena_.as<std::byte>().first(bytes);
  }

  // Adds the gradients of each loss, times its scale, to the model's. number: a different one for each batch of a run:
  // the counter of its dropout masks. A device may still be at it when this returns; the batch may go then.
  // carried: of a batch with a state that is carried, takes the state after it, which a device is waited for.
  // reduction: with an update's last batch, sends its gradients as they are complete; on the CPU.
  void queue(const Batch& batch, std::span<const float> gradient_scales, uint64_t number,
             std::vector<float>* carried = nullptr, GradientReduction* reduction = nullptr);
  // The loss alone, without dropout, and of each row once.
  void queue_validation(const Batch& batch, std::vector<float>* carried = nullptr);
  // Of the batch that was queued first of those whose loss has not been asked for. Waits for it, and not for later
  // ones.
  Losses next_losses();
  std::size_t queued() const { return queued_.size(); }  // losses to be asked for

  Losses forward_backward(const Batch& batch, std::span<const float> gradient_scales, uint64_t number) {
    queue(batch, gradient_scales, number);
    return next_losses();
  }
  Losses forward(const Batch& batch) {
    queue_validation(batch);
    return next_losses();
  }

  // The model's weights, from the device to the host and back; nothing to do on the CPU.
  void download() const { values_.download(); }
  void upload() const { values_.upload(); }

  double planning_seconds() const { return planning_seconds_; }  // of all batches: recording and planning

 private:
  struct Queued {
    std::vector<std::array<double, 2>> totals;  // of each loss
    std::vector<int64_t> counts;
    uint64_t fetch = 0;  // of the totals, from a device
  };
  void run(Graph& graph, ProductPrecision precision, const Batch& batch, std::span<const float> gradient_scales,
           uint64_t number, std::vector<float>* carried, GradientReduction* reduction = nullptr);

  const Task& task_;
  LossOptions options_;
  uint64_t seed_;
  ProductPrecision precision_;
  Device* device_;
  std::span<float> all_gradients_;  // the host's
  Mirror values_, gradients_;
  Graph training_{true}, validation_{false};
  Plan plan_;
  Buffer arena_;
  std::deque<Queued> queued_;  // each stays in its place: totals come there
  double planning_seconds_ = 0;
};

}  // namespace storm
