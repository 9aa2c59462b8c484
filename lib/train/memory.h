// The memory that training takes, by the planner's arithmetic: nothing is run. (DESIGN §3.2)
#pragma once

#include <cstddef>
#include <cstdint>

#include "models/model.h"
#include "train/optimizer.h"

namespace storm {

struct TrainingMemory {
  std::size_t state = 0;    // parameters, gradients and the optimizer's buffers
  std::size_t arena = 0;    // everything of the largest batch
  std::size_t program = 0;  // code, libraries and the batches themselves: an estimate
  std::size_t total() const { return state + arena + program; }
};

// Of what is run at once, with up to max_tokens on each side, in sentences of up to these lengths (EOS included). The
// model must have its gradients allocated (which takes no memory before they are used).
TrainingMemory training_memory(const Model& model, int64_t max_tokens, int64_t longest_source, int64_t longest_target,
                               const OptimizerOptions& optimizer = {});

// The largest max_tokens, at most `most`, that stays within these bytes. Throws Error when not even the smallest does.
int64_t fitting_max_tokens(const Model& model, std::size_t bytes, int64_t most, int64_t longest_source,
                           int64_t longest_target, const OptimizerOptions& optimizer = {});

// As much of a batch as should be run at once: one of its equal parts, as few as keep training within `bytes`, or, of 0
// bytes, what a batch takes within 800 MiB; then parts are not made smaller than 1,024 tokens, whose products are
// slower. 0: the whole batch. Throws Error when the longest sentence alone takes more than the bytes.
int64_t fitting_micro_batch(const Model& model, std::size_t bytes, int64_t max_tokens, int64_t longest_source,
                            int64_t longest_target, const OptimizerOptions& optimizer = {});

}  // namespace storm
