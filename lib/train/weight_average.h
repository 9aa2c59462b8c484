// The exponential moving average of the weights (Polyak and Juditsky 1992; as torch.optim.swa_utils computes it): the
// first update's weights, and from each later update's 1 - decay of the way to them.
#pragma once

#include <span>

#include "base/buffer.h"
#include "tensor/device.h"
#include "tensor/mirror.h"
#include "tensor/parameters.h"

namespace storm {

class WeightAverage {
 public:
  // Of what is trained. device: null for the CPU, else one that has the values' twin. All are borrowed.
  WeightAverage(Parameters& parameters, double decay, Device* device = nullptr);

  void add(int64_t step);  // the weights after that update, from 1 on

  // As a checkpoint has it: [trained numbers, their padding included], the host's.
  std::span<float> numbers() const { return mean_; }
  void download() const { mirror_.download(); }
  void upload() const { mirror_.upload(); }

  // While it lives, the mean stands in the weights' place, on the host, too. Of null it does nothing.
  class InPlace {
   public:
    explicit InPlace(WeightAverage* of) : of_(of) {
      if (of_) of_->swap();
    }
    ~InPlace() {
      if (of_) of_->swap();
    }
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    WeightAverage* of_;
  };

 private:
  void swap();
  // Calls take(values, mean) for each stretch of trained numbers.
  template <class Take>
  void for_stretches(Take&& take) const;

  Parameters& parameters_;
  float weight_;
  Device* device_;
  Buffer memory_;
  std::span<float> mean_;
  Mirror mirror_;
};

}  // namespace storm
