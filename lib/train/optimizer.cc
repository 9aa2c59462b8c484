#include "train/optimizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/named.h"
#include "base/parallel.h"
#include "train/decay_turns.h"
#include "train/rate_factors.h"

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

std::vector<Optimizer::Group> Optimizer::groups_of(const Parameters& parameters, const OptimizerOptions& options) {
  const auto turns =
      options.weight_decay == 0 || options.decay_vectors ? std::vector<int64_t>{} : turns_at_vectors(parameters);
  const auto rates = rate_factors(parameters, options);
  std::vector<Group> groups;
  for (const std::size_t i : trained_in_order(parameters)) {
    const auto& name = parameters.specs()[i].name;
    const auto begin = parameters.gradient_offset(i);
    const auto values = static_cast<std::size_t>(parameters.trained_view(name).data() - parameters.values().data());
    const bool goes_on = !groups.empty() && groups.back().rate == rates[i] &&
                         groups.back().values + (begin - groups.back().begin) == values;
    if (!goes_on) groups.push_back({begin, 0, begin, values, rates[i], {}});
    groups.back().count = begin - groups.back().begin + parameters.trained_view(name).size();
  }
  for (Group& g : groups)
    g.decay_turns = turns_within(turns, static_cast<int64_t>(g.begin), static_cast<int64_t>(g.begin + g.count));
  return groups;
}

// What lies within a range whose buffers begin at `kept`.
std::optional<Optimizer::Group> Optimizer::Group::within(const Range& range, std::size_t range_kept) const {
  const std::size_t from = std::max(begin, range.begin), to = std::min(begin + count, range.end);
  if (from >= to) return {};
  return Group{from,
               to - from,
               range_kept + (from - range.begin),
               values + (from - begin),
               rate,
               turns_within(decay_turns, static_cast<int64_t>(from - begin), static_cast<int64_t>(to - begin))};
}

Optimizer::Optimizer(const Parameters& parameters, const OptimizerOptions& options, Device* device,
                     const std::vector<Range>& ranges)
    : Optimizer(parameters.trained(), options, device, groups_of(parameters, options), ranges) {}

Optimizer::Optimizer(std::size_t count, const OptimizerOptions& options, Device* device)
    : Optimizer(count, options, device, {{0, count, 0, 0, 1, {}}}, {}) {}

Optimizer::Optimizer(std::size_t count, const OptimizerOptions& options, Device* device,
                     const std::vector<Group>& groups, const std::vector<Range>& ranges)
    : count_(count), options_(options), kind_(options.kind()), device_(device), ranges_(ranges) {
  if (ranges_.empty()) ranges_ = {{0, count}};
  std::size_t kept = 0;
  for (const Range& range : ranges_) {
    for (const Group& g : groups)
      if (auto part = g.within(range, kept)) groups_.push_back(std::move(*part));
    kept += range.size();
  }
  for (std::size_t i = 0; i < kind_.buffers.size(); ++i) {
    memory_.emplace_back(kept * sizeof(float));
    buffers_.push_back(memory_.back().as<float>().first(kept));
    mirrors_.emplace_back(device, buffers_.back());
  }
}

template <class Apply>
void Optimizer::for_groups(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                           Apply&& apply) {
  require(gradients.size() == count_, kind_.name, ": made for ", count_, " trained numbers, given ", gradients.size(),
          " gradients");
  std::vector<std::span<float>> state(buffers_.size());
  for (const Group& g : groups_) {
    require(g.values + g.count <= values.size(), kind_.name, ": given ", values.size(), " parameters of ",
            g.values + g.count);
    const double own = rate * g.rate;
    const Update update{.rule = kind_.name,
                        .factors = kind_.factors(options_, step, own),
                        .keep = static_cast<float>(1 - own * options_.weight_decay),
                        .decay_turns = g.decay_turns};
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = buffers_[i].subspan(g.kept, g.count);
    apply(values.subspan(g.values, g.count), gradients.subspan(g.begin, g.count), state, update);
  }
}

void Optimizer::update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                       float gradient_scale) {
  for_groups(values, gradients, step, rate, [&](auto own, auto slopes, const auto& state, const Update& update) {
    if (device_) return device_->update(own, slopes, state, update, gradient_scale);
    const OptimizerKind::Step decayed{update.factors, update.keep, gradient_scale};
    OptimizerKind::Step spared = decayed;
    spared.keep = 1;
    parallel_ranges(static_cast<int64_t>(own.size()), kGrain, [&](int64_t begin, int64_t end) {
      std::vector<float*> part(state.size());
      for_stretches(update.decay_turns, begin, end, [&](int64_t from, int64_t to, bool decays) {
        for (std::size_t i = 0; i < part.size(); ++i) part[i] = state[i].data() + from;
        kind_.update(decays ? decayed : spared, own.data() + from, slopes.data() + from, part, to - from);
      });
    });
  });
}

void Optimizer::clipped_update(std::span<float> values, std::span<float> gradients, int64_t step, double rate,
                               double clip_norm) {
  for_groups(values, gradients, step, rate, [&](auto own, auto slopes, const auto& state, const Update& update) {
    device_->clipped_update(own, slopes, state, update, clip_norm);
  });
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
