// Lets the devices of several processes add up among themselves, where all of them can.
#pragma once

#include "tensor/device.h"
#include "train/replicas.h"

namespace storm {

// Together; device: null on all processes or on none. Without it, sums of devices' numbers go by way of the hosts.
inline void join_devices(Replicas& replicas, Device* device) {
  if (replicas.is_alone() || !device) return;
  if (replicas.any(!device->can_group())) return;
  std::vector<std::byte> id;
  if (replicas.is_first()) id = device->make_group();
  replicas.broadcast(id);
  device->join_group(id, replicas.rank(), replicas.size());
}

}  // namespace storm
