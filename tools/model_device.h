// Where a tool's model runs: on the device that --device names, which then has twins of its parameters, or on the CPU.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "models/ensemble.h"
#include "models/packed_weights.h"
#include "tensor/mirror.h"
#include "tools/cli.h"

namespace storm {

class ModelDevice {
 public:
  // Null, for the CPU.
  ModelDevice() = default;
  ModelDevice(const Args& args, Model& model) : ModelDevice(device_for(args, model), model) {}
  ModelDevice(std::unique_ptr<Device> device, Model& model)
      : device_(std::move(device)), free_(device_ ? device_->free_bytes() : 0) {
    for (const Model* member : members_of(model))
      parameters_.emplace_back(device_.get(), member->parameters().values());
  }

  ModelDevice(ModelDevice&&) = default;
  // The old device must outlive the twins that it had.
  ModelDevice& operator=(ModelDevice&& o) noexcept {
    parameters_ = std::move(o.parameters_);
    device_ = std::move(o.device_);
    free_ = o.free_;
    return *this;
  }

  Device* get() const { return device_.get(); }
  // What the model and the work with it have taken of the device's memory so far.
  double used_mib() const { return static_cast<double>(free_ - device_->free_bytes()) / (1 << 20); }

 private:
  // Packed weights are for the CPU: without --device they are no reason to say so.
  static std::unique_ptr<Device> device_for(const Args& args, Model& model) {
    if (std::ranges::none_of(members_of(model), [](const Model* m) { return has_packed_weights(m->parameters()); }))
      return args.device();
    if (args.text("device").starts_with("cuda"))
      throw UsageError("weights of int8 are for the CPU; leave --device out, or take the model of floats");
    return nullptr;
  }

  std::unique_ptr<Device> device_;
  std::size_t free_ = 0;            // bytes of it, before the model was there
  std::vector<Mirror> parameters_;  // of each model that answers
};

}  // namespace storm
