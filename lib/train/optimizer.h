// The optimizers by name. Each keeps flat buffers beside the parameters, which a checkpoint holds under their names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "train/adam.h"
#include "train/nesterov.h"

namespace storm {

struct OptimizerOptions {
  enum class Kind : uint8_t { adam, nesterov } kind = Kind::adam;
  AdamOptions adam;
  NesterovOptions nesterov;

  std::size_t buffers() const { return kind == Kind::adam ? 2 : 1; }  // floats for each parameter
};

OptimizerOptions::Kind optimizer_from_name(const std::string& name);  // throws UsageError
std::string optimizer_name(OptimizerOptions::Kind kind);

class Optimizer {
 public:
  Optimizer(std::size_t count, const OptimizerOptions& options);

  // The step-th update (from 1). The gradients, each times gradient_scale, are zero afterwards.
  void update(std::span<float> values, std::span<float> gradients, int64_t step, double rate, float gradient_scale);

  struct State {
    const char* name;  // in a checkpoint
    std::span<float> values;
  };
  std::vector<State> state() const;

 private:
  std::variant<Adam, Nesterov> optimizer_;
};

}  // namespace storm
