#include "train/validation.h"

#include "base/signals.h"

namespace storm {

std::vector<Batch> batches_of(const Task& task, const Rows& rows, std::span<const Side> sides, int64_t max_tokens) {
  std::vector<Batch> batches;
  const auto cuts = even_parts(rows, sides, max_tokens);
  for (std::size_t i = 1; i < cuts.size(); ++i) batches.push_back(task.batch(rows, cuts[i - 1], cuts[i]));
  return batches;
}

std::optional<Losses> validation_losses(TrainingStep& step, const Task& task, const BatchSource& source,
                                        int64_t max_tokens) {
  Rows rows;
  bool stopped = false;
  for (Place place; !stopped && source.next(place, rows);) {
    stopped = stop_signal() != 0;
    if (!stopped)
      for (const Batch& b : batches_of(task, rows, source.sides(), max_tokens)) step.queue_validation(b);
  }
  Losses sums;
  while (step.queued() > 0) add(sums, step.next_losses());
  return stopped ? std::nullopt : std::optional(sums);
}

}  // namespace storm
