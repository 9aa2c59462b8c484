// A device that computes nothing and remembers what it was told.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/device.h"

namespace storm::test {

struct DeviceLog {
  ProductPrecision products = ProductPrecision::f32;
  std::vector<ProductPrecision> runs;  // the precision of each
  std::vector<std::string> events;     // "mirror A", "forget A", "gone A" of the device called A
};

class StandInDevice final : public Device {
 public:
  StandInDevice(DeviceLog& log, std::string called = "A") : log_(log), called_(std::move(called)) {}
  ~StandInDevice() override { log_.events.push_back("gone " + called_); }

  bool fails = false;  // to run anything

  std::string description() const override { return called_; }
  std::size_t free_bytes() const override { return 0; }
  void mirror(std::span<float>) override { log_.events.push_back("mirror " + called_); }
  void forget(std::span<float>) override { log_.events.push_back("forget " + called_); }
  void upload(std::span<const float>) override {}
  void download(std::span<float>) const override {}
  void* allocate(std::size_t) override { return nullptr; }
  void release(void*) override {}
  void reserve(std::size_t) override {}
  void set_products(ProductPrecision precision) override { log_.products = precision; }
  void run(const Graph&, const Plan&, uint64_t, uint64_t) override {
    log_.runs.push_back(log_.products);
    require(!fails, "the device fails");
  }
  void read(const Graph&, const Plan&, Value, void*) override {}
  uint64_t fetch(const Graph&, const Plan&, Value, void*) override { return 0; }
  void wait(uint64_t) override {}
  double norm(std::span<const float>) override { return 0; }
  uint64_t fetch_norm(std::span<const float>, double*) override { return 0; }
  void update(std::span<float>, std::span<float>, std::span<const std::span<float>>, const Update&, float) override {}
  void clipped_update(std::span<float>, std::span<float>, std::span<const std::span<float>>, const Update&,
                      double) override {}
  void move_towards(std::span<const float>, float, std::span<float>) override {}

 private:
  DeviceLog& log_;
  std::string called_;
};

}  // namespace storm::test
