// The optimizers by name. Each keeps flat buffers beside the parameters, which a checkpoint holds under their names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "tensor/device.h"
#include "tensor/mirror.h"
#include "tensor/parameters.h"
#include "train/adam.h"
#include "train/nesterov.h"

namespace storm {

struct OptimizerOptions {
  enum class Kind : uint8_t { adam, nesterov } kind = Kind::adam;
  AdamOptions adam;
  NesterovOptions nesterov;
  bool decay_vectors = false;  // biases and gains of norms, too

  std::size_t buffers() const { return kind == Kind::adam ? 2 : 1; }  // floats for each parameter
};

UpdateRule update_rule(const OptimizerOptions& options);              // as a device is told of it
OptimizerOptions::Kind optimizer_from_name(const std::string& name);  // throws UsageError
std::string optimizer_name(OptimizerOptions::Kind kind);

class Optimizer {
 public:
  // device: null for the CPU. Otherwise the buffers have twins there, and so must have what is updated.
  Optimizer(const Parameters& parameters, const OptimizerOptions& options, Device* device = nullptr);
  // The same for so many numbers, all of which decay but where decay_turns (decay_turns.h) say otherwise.
  Optimizer(std::size_t count, const OptimizerOptions& options, Device* device = nullptr,
            std::vector<int64_t> decay_turns = {});

  // The step-th update (from 1). The gradients, each times gradient_scale, are zero afterwards.
  void update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, float gradient_scale);
  // The same on a device, for which nobody waits: gradient_scale is what clip_norm (gradient_norm.h) leaves of the norm
  // that the device was asked for last.
  void clipped_update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, double clip_norm);

  struct State {
    const char* name;  // in a checkpoint
    std::span<float> values;
  };
  std::vector<State> state() const;  // the host's

  // The buffers, from the device to the host and back; nothing to do on the CPU.
  void download() const;
  void upload() const;

 private:
  std::variant<Adam, Nesterov> optimizer_;
  Device* device_;
  std::vector<int64_t> decay_turns_;
  UpdateRule rule_;
  std::vector<Mirror> mirrors_;
  std::vector<std::span<float>> buffers_;
};

}  // namespace storm
