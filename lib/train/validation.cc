#include "train/validation.h"

#include "base/signals.h"

namespace storm {

std::vector<Batch> batches_of(const Task& task, const Rows& rows, const BatchSource& source, int64_t max_tokens) {
  if (source.streams() > 0) return {task.batch(rows, 0, rows.size())};
  std::vector<Batch> batches;
  const auto cuts = even_parts(rows, source.sides(), max_tokens);
  for (std::size_t i = 1; i < cuts.size(); ++i) batches.push_back(task.batch(rows, cuts[i - 1], cuts[i]));
  return batches;
}

std::optional<Losses> validation_losses(TrainingStep& step, const Task& task, const BatchSource& source,
                                        int64_t max_tokens) {
  Rows rows;
  bool stopped = false;
  std::vector<float> carried(static_cast<std::size_t>(source.streams() * task.carried_width()));
  for (Place place; !stopped && source.next(place, rows);) {
    stopped = stop_signal() != 0;
    if (stopped) break;
    for (Batch& b : batches_of(task, rows, source, max_tokens)) {
      if (!carried.empty()) carried.resize(static_cast<std::size_t>(rows.size() * task.carried_width()));
      b.carried = carried;
      step.queue_validation(b, &carried);
    }
  }
  Losses sums;
  while (step.queued() > 0) add(sums, step.next_losses());
  return stopped ? std::nullopt : std::optional(sums);
}

}  // namespace storm
