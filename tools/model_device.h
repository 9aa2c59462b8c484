// Where a tool's model runs: on the device that --device names, which then has twins of its parameters, or on the CPU.
#pragma once

#include <memory>

#include "base/error.h"
#include "models/packed_weights.h"
#include "tensor/mirror.h"
#include "tools/cli.h"

namespace storm {

class ModelDevice {
 public:
  // Null, for the CPU.
  ModelDevice() = default;
  ModelDevice(const Args& args, const Model& model) : ModelDevice(device_for(args, model), model) {}
  ModelDevice(std::unique_ptr<Device> device, const Model& model)
      : device_(std::move(device)),
        free_(device_ ? device_->free_bytes() : 0),
        parameters_(device_.get(), model.parameters().values()) {}

  ModelDevice(ModelDevice&&) = default;
  // The old device must outlive the twins that it had.
  ModelDevice& operator=(ModelDevice&& o) noexcept {
    parameters_ = Mirror(std::move(o.parameters_));
    device_ = std::move(o.device_);
    free_ = o.free_;
    return *this;
  }

  Device* get() const { return device_.get(); }
  // What the model and the work with it have taken of the device's memory so far.
  double used_mib() const { return static_cast<double>(free_ - device_->free_bytes()) / (1 << 20); }

 private:
  // Packed weights are for the CPU: without --device they are no reason to say so.
  static std::unique_ptr<Device> device_for(const Args& args, const Model& model) {
    if (!has_packed_weights(model.parameters())) return args.device();
    if (args.text("device").starts_with("cuda"))
      throw UsageError("weights of int8 are for the CPU; leave --device out, or take the model of floats");
    return nullptr;
  }

  std::unique_ptr<Device> device_;
  std::size_t free_ = 0;  // bytes of it, before the model was there
  Mirror parameters_;
};

}  // namespace storm
