// The CUDA implementation of a Device.
#pragma once

#include <memory>

#include "tensor/device.h"

namespace storm::cuda {

// Throws Error that says what is missing: a driver, a device of this number.
std::unique_ptr<Device> open_device(int number);

}  // namespace storm::cuda
