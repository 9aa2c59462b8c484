// The memory that training takes, by the planner's arithmetic: nothing is run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tasks/task.h"
#include "tensor/device.h"
#include "tensor/product_precision.h"
#include "train/optimizer.h"

namespace storm {

// What the memory of training depends on, beside the model and the batches.
struct MemoryOptions {
  OptimizerOptions optimizer = {};
  const Device* device = nullptr;                      // null: the CPU
  ProductPrecision precision = ProductPrecision::f32;  // of the products
  int processes = 1;                                   // that share the optimizer's buffers
  bool averages = false;                               // a mean of the weights is kept beside them
  float r_drop = 0;                                    // above 0, each batch is run twice at once
  int64_t streams = 0;             // of running text: batches are the longest rows of so many, with their carried state
  std::string whose = "--memory";  // in errors: what sets the limit that training does not fit into
};

struct TrainingMemory {
  std::size_t state = 0;    // parameters, gradients and the optimizer's buffers
  std::size_t arena = 0;    // everything of the largest batch
  std::size_t program = 0;  // an estimate: code, libraries and the batches themselves; a device's workspaces
  std::size_t total() const { return state + arena + program; }
};

// Of what is run at once, with up to max_tokens on each side, in rows of up to these lengths on each side
// (data/batches.h, longest_rows). The model must have its gradients allocated (which takes no memory before they are
// used).
TrainingMemory training_memory(const Model& model, const Task& task, int64_t max_tokens,
                               std::span<const int64_t> longest, const MemoryOptions& options = {});

// The largest max_tokens, at most `most`, that stays within these bytes. Throws Error when not even the smallest does.
int64_t fitting_max_tokens(const Model& model, const Task& task, std::size_t bytes, int64_t most,
                           std::span<const int64_t> longest, const MemoryOptions& options = {});

// As much of a batch as should be run at once: one of its equal parts, as few as keep training within `bytes`, or, of 0
// bytes, what a batch takes within 800 MiB; then parts are not made smaller than 1,024 tokens, whose products are
// slower. 0: the whole batch. Throws Error when the longest row alone takes more than the bytes.
int64_t fitting_micro_batch(const Model& model, const Task& task, std::size_t bytes, int64_t max_tokens,
                            std::span<const int64_t> longest, const MemoryOptions& options = {});

// Of what a device has free, what training may plan with. The rest is for what libraries load when they are first used
// and, where validation decodes, for the caches of a beam search.
std::size_t usable_bytes(const Device& device, bool decodes);
// Throws Error that says how much is needed and how much is free, when that is less.
void require_memory(const Device& device, const TrainingMemory& need);

}  // namespace storm
