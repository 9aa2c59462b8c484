// Finds and opens the device that --device names. What implements it is a shared object beside the programs, which is
// opened when a device is wanted: no program is linked with CUDA.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tensor/device.h"

namespace storm {

// The number of "cuda" (0) and of "cuda:N"; none for "auto" and "cpu". Throws UsageError for any other name.
std::optional<int> device_number(const std::string& name);

// "cpu": null. "auto": the first device if there is one, else null, in silence; a device that is there but cannot be
// used is worth a warning. "cuda", "cuda:N": that device, or Error, which says what is missing. Of several processes of
// a machine, the place-th takes the place-th device, round and round, unless a number is named.
std::unique_ptr<Device> open_device(const std::string& name, int place = 0);

}  // namespace storm
