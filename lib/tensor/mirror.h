// Host memory's twin on a device, for as long as this lives. Without a device it does nothing: the host's copy is the
// only one, and always the right one.
#pragma once

#include <span>
#include <utility>

#include "tensor/device.h"

namespace storm {

class Mirror {
 public:
  Mirror() = default;
  // The twin begins with the host's contents; device and host must outlive it.
  Mirror(Device* device, std::span<float> host) : device_(device), host_(host) {
    if (device_) device_->mirror(host_);
  }
  ~Mirror() {
    if (device_) device_->forget(host_);
  }
  Mirror(Mirror&& o) noexcept : device_(std::exchange(o.device_, nullptr)), host_(o.host_) {}
  Mirror& operator=(Mirror&& o) noexcept {
    std::swap(device_, o.device_);
    std::swap(host_, o.host_);
    return *this;
  }

  void upload() const {  // after the host's copy was written
    if (device_) device_->upload(host_);
  }
  void download() const {  // before the host's copy is read
    if (device_) device_->download(host_);
  }

 private:
  Device* device_ = nullptr;
  std::span<float> host_;
};

}  // namespace storm
