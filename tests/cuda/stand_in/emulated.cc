// A libstorm_cuda.so of the emulated device, so that the tools can be run with --device cuda on machines without a
// card.
#include "cuda/cuda_device.h"

extern "C" __attribute__((visibility("default"))) storm::Device* storm_open_device(int number) {
  return storm::cuda::open_device(number).release();
}
