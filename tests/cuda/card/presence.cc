// Linked into test programs of the real kernels: without a device there is nothing to test, which counts as skipped.
#include <cuda_runtime.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "tests/catch.h"

namespace storm::test {

namespace {

const struct Presence {
  Presence() {
    int count = 0;
    const auto result = cudaGetDeviceCount(&count);
    if (result != cudaSuccess || count == 0) {
      std::cout << "skip - " << program_invocation_short_name
                << ": no CUDA device: " << (result == cudaSuccess ? "there is none" : cudaGetErrorString(result))
                << std::endl;
      std::_Exit(0);
    }
    least_tolerance = 1e-5;  // sums in another order than any CPU's
  }
} kPresence;

}  // namespace

}  // namespace storm::test
