// A libstorm_cuda.so for tests of how it is found and opened: its one function throws what the real one would.
#include "base/error.h"
#include "tensor/device.h"

extern "C" __attribute__((visibility("default"))) storm::Device* storm_open_device(int number) {
  storm::fail("the stand-in refuses cuda:", number);
}
