#include "train/step.h"

#include "base/error.h"
#include "base/log.h"
#include "cpu/gemm.h"
#include "tensor/execution.h"

namespace storm {

namespace {

constexpr std::size_t kFetches = 64;  // totals that are on their way from a device at a time

}  // namespace

TrainingStep::TrainingStep(const Model& model, float label_smoothing, uint64_t seed, ProductPrecision precision,
                           Device* device)
    : model_(model),
      label_smoothing_(label_smoothing),
      seed_(seed),
      precision_(precision),
      device_(device),
      values_(device, model.parameters().values()),
      gradients_(device, model.parameters().gradients()) {}

TrainingStep::~TrainingStep() {
  try {
    if (device_ && !queued_.empty()) device_->wait(queued_.back().fetch);  // or totals would come to freed memory
  } catch (const Error&) {                                                 // the device is lost: nothing comes any more
  }
}

void TrainingStep::reserve(std::size_t bytes) {
  if (device_)
    device_->reserve(bytes);
  else
    arena_.grow(bytes);
}

void TrainingStep::run(Graph& graph, ProductPrecision precision, const Batch& batch, float gradient_scale,
                       uint64_t number) {
  const double begin = monotonic_seconds();
  graph.clear();
  const Value totals = model_.loss(graph, batch, label_smoothing_, gradient_scale).totals;
  make_plan(graph, plan_);
  planning_seconds_ += monotonic_seconds() - begin;
  if (device_) {
    if (queued_.size() >= kFetches) device_->wait(queued_[queued_.size() - kFetches].fetch);
    const DeviceProductsScope scope(*device_, precision);
    device_->run(graph, plan_, seed_, number);
    Queued& q = queued_.emplace_back();
    q.tokens = batch.target.tokens();
    q.fetch = device_->fetch(graph, plan_, totals, q.totals.data());
    return;
  }
  const ProductPrecisionScope scope(precision);
  arena_.grow(plan_.bytes);
  const Execution execution(graph, plan_, arena_.data(), seed_, number);
  execution.forward();
  if (graph.gradients()) execution.backward();
  const double* sums = execution.data<double>(totals);
  queued_.push_back({{sums[0], sums[1]}, batch.target.tokens()});
}

void TrainingStep::queue(const Batch& batch, float gradient_scale, uint64_t number) {
  run(training_, precision_, batch, gradient_scale, number);
}

void TrainingStep::queue_validation(const Batch& batch) { run(validation_, ProductPrecision::f32, batch, 1, 0); }

LossSums TrainingStep::next_loss() {
  if (device_) device_->wait(queued_.front().fetch);
  const Queued q = queued_.front();
  queued_.pop_front();
  return {q.totals[0], q.totals[1], q.tokens};
}

}  // namespace storm
