#include "train/optimizer.h"

#include "base/error.h"
#include "base/named.h"
#include "base/parallel.h"
#include "train/decay_turns.h"

namespace storm {

const OptimizerKind& adam();
const OptimizerKind& nesterov();

namespace {

constexpr int64_t kGrain = 4096;  // numbers that a thread takes at least

}  // namespace

std::span<const OptimizerKind* const> optimizer_kinds() {
  // An optimizer is added by its line here, and its declaration above.
  static const OptimizerKind* const kinds[] = {&adam(), &nesterov()};
  return kinds;
}

const OptimizerKind& optimizer_kind(std::string_view name) {
  return named_entry(optimizer_kinds(), name, "--optimizer:");
}

OptimizerOptions::OptimizerOptions() {
  for (const OptimizerKind* kind : optimizer_kinds())
    for (const auto& number : kind->numbers) numbers[number.key] = number.preset;
}

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, Device* device)
    : Optimizer(
          parameters.trained_values().size(), options, device,
          options.weight_decay == 0 || options.decay_vectors ? std::vector<int64_t>{} : turns_at_vectors(parameters)) {}

Optimizer::Optimizer(std::size_t count, const OptimizerOptions& options, Device* device,
                     std::vector<int64_t> decay_turns)
    : count_(count), options_(options), kind_(options.kind()), device_(device), decay_turns_(std::move(decay_turns)) {
  for (std::size_t i = 0; i < kind_.buffers.size(); ++i) {
    memory_.emplace_back(count * sizeof(float));
    buffers_.push_back(memory_.back().as<float>().first(count));
    mirrors_.emplace_back(device, buffers_.back());
  }
}

Update Optimizer::update_of(int64_t step, double rate) const {
  return {.rule = kind_.name,
          .factors = kind_.factors(options_, step, rate),
          .keep = static_cast<float>(1 - rate * options_.weight_decay),
          .decay_turns = decay_turns_};
}

void Optimizer::update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                       float gradient_scale) {
  require(values.size() == count_ && gradients.size() == count_, kind_.name, ": made for ", count_,
          " parameters, given ", values.size(), " and ", gradients.size(), " gradients");
  const Update update = update_of(step, rate);
  if (device_) return device_->update(values, gradients, buffers_, update, gradient_scale);
  const OptimizerKind::Step decayed{update.factors, update.keep, gradient_scale};
  OptimizerKind::Step spared = decayed;
  spared.keep = 1;
  parallel_ranges(static_cast<int64_t>(count_), kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float*> state(buffers_.size());
    for_stretches(decay_turns_, begin, end, [&](int64_t from, int64_t to, bool decays) {
      for (std::size_t i = 0; i < state.size(); ++i) state[i] = buffers_[i].data() + from;
      kind_.update(decays ? decayed : spared, values.data() + from, gradients.data() + from, state, to - from);
    });
  });
}

void Optimizer::clipped_update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                               double clip_norm) {
  device_->clipped_update(values, gradients, buffers_, update_of(step, rate), clip_norm);
}

std::vector<Optimizer::State> Optimizer::state() const {
  std::vector<State> all;
  for (std::size_t i = 0; i < buffers_.size(); ++i) all.push_back({kind_.buffers[i], buffers_[i]});
  return all;
}

void Optimizer::download() const {
  for (const Mirror& m : mirrors_) m.download();
}

void Optimizer::upload() const {
  for (const Mirror& m : mirrors_) m.upload();
}

}  // namespace storm
