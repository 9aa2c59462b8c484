// What libstorm_cuda.so gives to the programs that open it (tensor/open_device.h): one function.
#include "cuda/check.h"
#include "cuda/cuda_device.h"

namespace storm::cuda {

namespace {

__global__ void any_kernel() {}

// The driver runs what was built for its own CUDA's major version, and for older ones.
void require_driver() {
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  const auto version = [](int number) { return str(number / 1000, ".", number % 1000 / 10); };
  require(driver / 1000 >= CUDART_VERSION / 1000, "the driver is of CUDA ", version(driver), " and this build of CUDA ",
          version(CUDART_VERSION), ": install a newer driver, or build with CUDA ", driver / 1000);
}

void require_code(const Device& device) {
  cudaFuncAttributes attributes;
  const auto result = cudaFuncGetAttributes(&attributes, any_kernel);
  require(result != cudaErrorNoKernelImageForDevice, "this build has no code for ", device.description(),
          "; build with CUDA_ARCHS naming it");
  check(result, "asking for a kernel");
}

}  // namespace

}  // namespace storm::cuda

// Throws storm::Error that says what is missing.
extern "C" __attribute__((visibility("default"))) storm::Device* storm_open_device(int number) {
  storm::cuda::require_driver();
  auto device = storm::cuda::open_device(number);
  storm::cuda::require_code(*device);
  return device.release();
}
