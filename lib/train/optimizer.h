// Optimizers. Each is one file here and one line in the table of optimizer.cc: which numbers it has, which flat buffers
// it keeps beside the parameters, and its update of a range of them. A device has a kernel of its name
// (cuda/optimizers.cu).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "tensor/device.h"
#include "tensor/mirror.h"
#include "tensor/parameters.h"
#include "train/shards.h"

namespace storm {

struct OptimizerOptions;

// The most that a decay of beta1, beta2 or momentum may be: at 1, the formulas divide by zero.
inline constexpr double kMostDecay = 0.999999;

struct OptimizerKind {
  // What one update multiplies by.
  struct Step {
    std::array<float, Update::kFactors> factors;
    float keep;            // 1 - rate * weight_decay: what decoupled weight decay leaves (Loshchilov and Hutter 2019)
    float gradient_scale;  // of each gradient: what clipping leaves
  };
  struct Number {
    std::string key;      // "beta1", as a checkpoint has it
    double preset, most;  // from 0 on
    std::string help;
  };

  std::string name;                        // "adam"
  std::vector<Number> numbers;             // its settings
  std::vector<std::string> buffers;        // of as many floats as there are parameters; their names in a checkpoint
  std::map<std::string, double> training;  // what it sets of training's settings unless the user does: "lr"
  std::array<float, Update::kFactors> (*factors)(const OptimizerOptions& options, int64_t step, double rate);
  // Moves n values along their gradients, which are zero afterwards. state: the buffers' parts.
  void (*update)(const Step& step, float* values, float* gradients, std::span<float* const> state, int64_t n);
};

std::span<const OptimizerKind* const> optimizer_kinds();
const OptimizerKind& optimizer_kind(std::string_view name);  // throws UsageError that lists the names

struct OptimizerOptions {
  OptimizerOptions();  // each kind's own numbers

  std::string name = "adam";
  std::map<std::string, double> numbers;      // of all kinds, by key
  double weight_decay = 0;                    // each step takes rate * weight_decay of every parameter that decays
  bool decay_vectors = false;                 // biases and gains of norms decay, too
  double layer_decay = 1, head_lr_scale = 1;  // what parameters' rates are multiplied by (rate_factors.h)

  const OptimizerKind& kind() const { return optimizer_kind(name); }
};

class Optimizer {
 public:
  // device: null for the CPU. Otherwise the buffers have twins there, and so must have what is updated.
  // ranges: of the gradients, those that this one updates and keeps buffers of; none are named: all.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options, Device* device = nullptr,
            const std::vector<Range>& ranges = {});
  // The same for so many numbers, all of which decay and have the rate that is asked for.
  Optimizer(std::size_t count, const OptimizerOptions& options, Device* device = nullptr);

  // The step-th update (from 1), in one pass. The gradients, each times gradient_scale, are zero afterwards. values:
  // the model's, of which those that are trained move. Of ranges, those alone.
  void update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, float gradient_scale = 1);
  // The same on a device, for which nobody waits: gradient_scale is what clip_norm (gradient_norm.h) leaves of the norm
  // that the device was asked for last.
  void clipped_update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, double clip_norm);

  struct State {
    std::string name;  // in a checkpoint
    std::span<float> values;
  };
  std::vector<State> state() const;             // the host's; of ranges, one after another
  std::size_t count() const { return count_; }  // trained numbers, of all ranges or none
  // The ranges that it keeps, in that order.
  std::span<const Range> ranges() const { return ranges_; }

  // The buffers, from the device to the host and back; nothing to do on the CPU.
  void download() const;
  void upload() const;

 private:
  // Trained numbers that lie side by side among the values, too, and have one rate.
  struct Group {
    std::size_t begin, count;          // among gradients
    std::size_t kept;                  // where they begin in the buffers
    std::size_t values;                // and among the values
    double rate;                       // what the rate is multiplied by
    std::vector<int64_t> decay_turns;  // from begin on (decay_turns.h)
    std::optional<Group> within(const Range& range, std::size_t range_kept) const;
  };
  static std::vector<Group> groups_of(const Parameters& parameters, const OptimizerOptions& options);
  Optimizer(std::size_t count, const OptimizerOptions& options, Device* device, const std::vector<Group>& groups,
            const std::vector<Range>& ranges);

  // Calls update(values, gradients, state, rule) for each group.
  template <class Apply>
  void for_groups(std::span<float> values, std::span<float> gradients, int64_t step, double rate, Apply&& apply);

  std::size_t count_;
  OptimizerOptions options_;
  const OptimizerKind& kind_;
  Device* device_;
  std::vector<Range> ranges_;
  std::vector<Group> groups_;  // within the ranges
  std::vector<Buffer> memory_;
  std::vector<std::span<float>> buffers_;
  std::vector<Mirror> mirrors_;
};

}  // namespace storm
