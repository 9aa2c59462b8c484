#include "train/weight_average.h"

#include <algorithm>

#include "base/parallel.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kGrain = 1 << 14;  // numbers that a thread takes at least

STORM_CLONES void move_towards(const float* to, float weight, float* mean, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) mean[i] += weight * (to[i] - mean[i]);
}

}  // namespace

WeightAverage::WeightAverage(Parameters& parameters, double decay, Device* device)
    : parameters_(parameters),
      weight_(static_cast<float>(1 - decay)),
      device_(device),
      memory_(parameters.trained() * sizeof(float)),
      mean_(memory_.as<float>().first(parameters.trained())) {
  for_stretches([](auto values, auto mean) { std::ranges::copy(values, mean.begin()); });
  mirror_ = Mirror(device, mean_);
}

template <class Take>
void WeightAverage::for_stretches(Take&& take) const {
  std::size_t begin = 0;
  for (const auto& s : parameters_.trained_stretches()) {
    if (s.count > 0) take(parameters_.values().subspan(s.values, s.count), mean_.subspan(begin, s.count));
    begin += s.count;
  }
}

void WeightAverage::add(int64_t step) {
  const float weight = step == 1 ? 1 : weight_;
  for_stretches([&](std::span<float> values, std::span<float> mean) {
    if (device_) return device_->move_towards(values, weight, mean);
    parallel_ranges(static_cast<int64_t>(values.size()), kGrain, [&](int64_t begin, int64_t end) {
      move_towards(values.data() + begin, weight, mean.data() + begin, end - begin);
    });
  });
}

void WeightAverage::swap() {
  const auto values = parameters_.values();
  if (device_) device_->download(values);
  download();
  for_stretches([](auto theirs, auto mean) { std::ranges::swap_ranges(theirs, mean); });
  if (device_) device_->upload(values);
  upload();
}

}  // namespace storm
