// That the emulated device's memory is as far away as a card's: what tests here would not notice, they say.
#include <cuda_runtime.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/catch.h"

namespace {

struct Arguments {
  int n;
  const float* from;
};

void copy_kernel(Arguments a, float* to) {
  for (int i = 0; i < a.n; ++i) to[i] = a.from[i];
}

cudaError_t copy(const float* from, int n, float* to) {
  Arguments a{n, from};
  void* arguments[] = {&a, &to};
  return cudaLaunchKernel(copy_kernel, {1}, {1}, arguments, 0, nullptr);
}

// Whether a process that does so ends well.
template <class Body>
bool survives(Body&& body) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}

struct Piece {
  float* data = nullptr;
  explicit Piece(std::size_t floats) { cudaMalloc(reinterpret_cast<void**>(&data), floats * sizeof(float)); }
  ~Piece() { cudaFree(data); }
};

}  // namespace

TEST_CASE("the emulated device: kernels and copies reach its memory, the host does not") {
  const Piece a(64), b(64);
  const float one = 1;
  float back = 0;
  REQUIRE(cudaMemcpyAsync(a.data + 63, &one, sizeof one, cudaMemcpyHostToDevice, nullptr) == cudaSuccess);
  REQUIRE(copy(a.data, 64, b.data) == cudaSuccess);
  REQUIRE(cudaMemcpyAsync(&back, b.data + 63, sizeof back, cudaMemcpyDeviceToHost, nullptr) == cudaSuccess);
  CHECK(back == 1);
  CHECK(survives([] {}));
  CHECK_FALSE(survives([&] { back = *static_cast<volatile float*>(b.data); }));
  CHECK_FALSE(survives([&] { *static_cast<volatile float*>(b.data) = 2; }));
  CHECK_FALSE(survives([&] { copy(a.data, 65, b.data); }));  // beyond its end
}

TEST_CASE("the emulated device: an address of the host given to a kernel is an error, and so is a copy the wrong way") {
  const Piece a(4), b(4);
  float host[4] = {};
  CHECK(copy(host, 4, b.data) == cudaErrorIllegalAddress);
  CHECK(copy(a.data, 4, host) == cudaErrorIllegalAddress);
  CHECK(copy(a.data, 4, b.data) == cudaSuccess);
  CHECK(cudaMemcpyAsync(host, a.data, 16, cudaMemcpyHostToDevice, nullptr) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(a.data, host, 16, cudaMemcpyDeviceToHost, nullptr) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(a.data, b.data, 20, cudaMemcpyDeviceToDevice, nullptr) == cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(host, 0, 16, nullptr) == cudaErrorInvalidValue);
  CHECK(cudaFree(host) == cudaErrorInvalidValue);
}
