#include "train/step.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "cpu/gemm.h"
#include "tensor/execution.h"
#include "train/gradient_reduction.h"

namespace storm {

namespace {

constexpr std::size_t kQueued = 64;  // batches whose totals are on their way from a device at a time

}  // namespace

TrainingStep::TrainingStep(const Model& model, const Task& task, const LossOptions& options, uint64_t seed,
                           ProductPrecision precision, Device* device)
    : task_(task),
      options_(options),
      seed_(seed),
      precision_(precision),
      device_(device),
      all_gradients_(model.parameters().gradients()),
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

void TrainingStep::run(Graph& graph, ProductPrecision precision, const Batch& batch,
                       std::span<const float> gradient_scales, uint64_t number, std::vector<float>* carried,
                       GradientReduction* reduction) {
  const double begin = monotonic_seconds();
  graph.clear();
  if (graph.gradients()) graph.set_draws(RandomStream(seed_, RandomUse::layer_drop, stream_of_batch(number)));
  const LossOptions options(options_.label_smoothing, graph.gradients() ? options_.r_drop : 0);
  auto losses = task_.record(graph, batch, options, gradient_scales);
  const Value state = batch.carried.empty() ? Value{} : losses.back();
  if (state) {
    losses.pop_back();
    graph.keep(state);
    require(static_cast<std::size_t>(graph.shape(state).size()) == batch.carried.size(),
            "the state after a batch is not of the size of the one before it");
  }
  make_plan(graph, plan_);
  planning_seconds_ += monotonic_seconds() - begin;
  if (device_ && queued_.size() >= kQueued) device_->wait(queued_[queued_.size() - kQueued].fetch);
  Queued& q = queued_.emplace_back();
  q.counts = task_.counts(batch);
  q.totals.resize(losses.size());
  if (device_) {
    const DeviceProductsScope scope(*device_, precision);
    device_->run(graph, plan_, seed_, number);
    for (std::size_t i = 0; i < losses.size(); ++i)
      q.fetch = device_->fetch(graph, plan_, losses[i], q.totals[i].data());
    if (state && carried) {
      carried->resize(batch.carried.size());
      device_->read(graph, plan_, state, carried->data());
    }
    return;
  }
  const ProductPrecisionScope scope(precision);
  arena_.grow(plan_.bytes);
  const Execution execution(graph, plan_, arena_.data(), seed_, number);
  execution.forward();
  if (reduction) {
    GradientOrder order(graph, all_gradients_);
    execution.backward([&](const Node& node) {
      reduction->complete_from(order.complete_from(node.number));
      reduction->progress();
    });
  } else if (graph.gradients()) {
    execution.backward();
  }
  for (std::size_t i = 0; i < losses.size(); ++i)
    std::copy_n(execution.data<double>(losses[i]), q.totals[i].size(), q.totals[i].begin());
  if (state && carried) {
    const float* data = execution.data(state);
    carried->assign(data, data + batch.carried.size());
  }
}

void TrainingStep::queue(const Batch& batch, std::span<const float> gradient_scales, uint64_t number,
                         std::vector<float>* carried, GradientReduction* reduction) {
  run(training_, precision_, batch, gradient_scales, number, carried, reduction);
}

void TrainingStep::queue_validation(const Batch& batch, std::vector<float>* carried) {
  const std::vector<float> ones(task_.losses().size(), 1);
  run(validation_, ProductPrecision::f32, batch, ones, 0, carried);
}

Losses TrainingStep::next_losses() {
  if (device_) device_->wait(queued_.front().fetch);
  const Queued& q = queued_.front();
  Losses losses;
  for (std::size_t i = 0; i < q.totals.size(); ++i) losses.push_back({q.totals[i][0], q.totals[i][1], q.counts[i]});
  queued_.pop_front();
  return losses;
}

}  // namespace storm
