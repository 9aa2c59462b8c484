#include "train/validation.h"

#include "base/signals.h"

namespace storm {

std::vector<int64_t> cuts_of(const Rows& rows, const BatchSource& source, int64_t max_tokens) {
  if (source.streams() > 0) return {0, rows.size()};
  return even_parts(rows, source.sides(), max_tokens);
}

std::optional<Losses> validation_losses(TrainingStep& step, const Task& task, const BatchSource& source,
                                        int64_t max_tokens, const Replicas& replicas) {
  Rows rows;
  bool stopped = false;
  std::vector<float> carried(static_cast<std::size_t>(source.streams() * task.carried_width()));
  int64_t number = 0;
  for (Place place; !stopped && source.next(place, rows);) {
    stopped = stop_signal() != 0;
    if (stopped) break;
    if (number++ % replicas.size() != replicas.rank()) continue;
    const auto cuts = cuts_of(rows, source, max_tokens);
    for (std::size_t i = 1; i < cuts.size(); ++i) {
      Batch b = task.batch(rows, cuts[i - 1], cuts[i]);
      if (!carried.empty()) carried.resize(static_cast<std::size_t>(rows.size() * task.carried_width()));
      b.carried = carried;
      step.queue_validation(b, &carried);
    }
  }
  Losses sums(task.losses().size());
  while (step.queued() > 0) add(sums, step.next_losses());
  return stopped ? std::nullopt : std::optional(sums);
}

void sum(Replicas& replicas, Losses& losses) {
  std::vector<double> all;
  for (const LossSums& one : losses) all.insert(all.end(), {one.loss, one.nll, static_cast<double>(one.count)});
  replicas.sum(all);
  for (std::size_t i = 0; i < losses.size(); ++i)
    losses[i] = {all[3 * i], all[3 * i + 1], static_cast<int64_t>(all[3 * i + 2])};
}

}  // namespace storm
