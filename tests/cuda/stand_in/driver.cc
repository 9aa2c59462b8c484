// A libcuda.so.1 for tests on machines without one: what lib/tensor/open_device.cc asks of a driver, answered from the
// environment. STAND_IN_DEVICES: how many there are; STAND_IN_ERROR: what starting ends with (0: success);
// STAND_IN_VERSION: 12040 is a driver of CUDA 12.4.
#include <cstdlib>

namespace {

int number(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int cuInit(unsigned) { return number("STAND_IN_ERROR", 0); }

int cuDeviceGetCount(int* count) {
  *count = number("STAND_IN_DEVICES", 1);
  return 0;
}

int cuDriverGetVersion(int* version) {
  *version = number("STAND_IN_VERSION", 12040);
  return 0;
}

int cuGetErrorString(int, const char** text) {
  *text = "a stand-in's error";
  return 0;
}
}
#pragma GCC visibility pop
