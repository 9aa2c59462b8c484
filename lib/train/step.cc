#include "train/step.h"

#include "base/log.h"
#include "tensor/execution.h"

namespace storm {

LossSums TrainingStep::run(Graph& graph, const Batch& batch, float gradient_scale, uint64_t number) {
  const double begin = monotonic_seconds();
  graph.clear();
  const auto loss = model_.loss(graph, batch, label_smoothing_, gradient_scale);
  make_plan(graph, plan_);
  planning_seconds_ += monotonic_seconds() - begin;
  arena_.grow(plan_.bytes);
  const Execution execution(graph, plan_, arena_.data(), seed_, number);
  execution.forward();
  const double* totals = execution.data<double>(loss.totals);
  const LossSums sums{totals[0], totals[1], batch.target.tokens()};  // backward may use their memory
  if (graph.gradients()) execution.backward();
  return sums;
}

LossSums TrainingStep::forward_backward(const Batch& batch, float gradient_scale, uint64_t number) {
  const ProductPrecisionScope scope(precision_);
  return run(training_, batch, gradient_scale, number);
}

LossSums TrainingStep::forward(const Batch& batch) { return run(validation_, batch, 1, 0); }

}  // namespace storm
