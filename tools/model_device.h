// Where a tool's model runs: on the device that --device names, which then has twins of its parameters, or on the CPU.
#pragma once

#include <memory>

#include "models/model.h"
#include "tensor/mirror.h"
#include "tools/cli.h"

namespace storm {

class ModelDevice {
 public:
  // Null, for the CPU.
  ModelDevice() = default;
  ModelDevice(const Args& args, const Model& model) : ModelDevice(args.device(), model) {}
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
  std::unique_ptr<Device> device_;
  std::size_t free_ = 0;  // bytes of it, before the model was there
  Mirror parameters_;
};

}  // namespace storm
