// CUDA's thread model on the CPU, so that the logic of every kernel is tested on a machine without a card: what the .cu
// files include instead of the toolkit's header when the tests' programs are built. A block's threads are fibers that
// run in turn until each waits at a barrier or an exchange between lanes; blocks run one after the other. It finds
// wrong indices (under AddressSanitizer), barriers that not all threads reach, and, as the order of the threads can be
// turned round (EMULATION_REVERSED in the environment), results that hang on it. It says nothing about speed.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }

namespace emulation {

struct Place {
  uint3 thread, block;
  dim3 block_size, grid_size;
};
const Place& here();             // of the thread that runs
void* shared_memory();           // the block's dynamic shared memory
void wait_for_block();           // __syncthreads
void wait_for_warp();            // until each lane that has not ended is here
std::byte* lane_slot(int lane);  // 16 bytes of a lane of this thread's warp, for exchanges
int lane();
bool lane_lives(int lane);
void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);
void queue(std::function<void()> work);  // runs it now, or puts it into the graph that is being captured
int replays();                           // of graphs, so far

// While one lives, device memory can be read and written; else nobody can.
struct Opened {
  Opened();
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};
bool on_device(const void* p, std::size_t bytes);
bool names_host_memory(const void* argument, std::size_t bytes);  // a pointer, or a struct with one

template <class T>
T exchange(T value, int from) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 16);
  std::memcpy(lane_slot(lane()), &value, sizeof(T));
  wait_for_warp();
  if (from >= 0 && from < 32 && lane_lives(from)) std::memcpy(&value, lane_slot(from), sizeof(T));
  wait_for_warp();
  return value;
}

}  // namespace emulation

#define threadIdx (::emulation::here().thread)
#define blockIdx (::emulation::here().block)
#define blockDim (::emulation::here().block_size)
#define gridDim (::emulation::here().grid_size)
constexpr int warpSize = 32;

inline void __syncthreads() { emulation::wait_for_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulation::wait_for_warp(); }
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return emulation::exchange(value, emulation::lane() ^ mask);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned by) {
  return emulation::exchange(value, emulation::lane() + static_cast<int>(by));
}
template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return emulation::exchange(value, from);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  std::memcpy(emulation::lane_slot(emulation::lane()), &predicate, sizeof predicate);
  emulation::wait_for_warp();
  unsigned bits = 0;
  for (int i = 0; i < 32; ++i) {
    int theirs = 0;
    if (emulation::lane_lives(i)) std::memcpy(&theirs, emulation::lane_slot(i), sizeof theirs);
    bits |= (theirs != 0 ? 1u : 0u) << i;
  }
  emulation::wait_for_warp();
  return bits;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
template <class T>
T atomicAdd(T* to, T value) {
  const T old = *to;
  *to = old + value;
  return old;
}
inline int atomicMax(int* to, int value) {
  const int old = *to;
  if (value > old) *to = value;
  return old;
}
template <class T>
T __ldg(const T* p) {
  return *p;
}
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((static_cast<uint64_t>(a) * b) >> 32); }
inline int __float_as_int(float x) {
  int y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}
inline float __int_as_float(int x) {
  float y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }

// The runtime: streams do at once what they are given; device memory is memory.cc's.
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;
enum cudaError_t : int {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorIllegalAddress = 700
};
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
constexpr unsigned cudaEventDisableTiming = 2, cudaStreamNonBlocking = 1, cudaHostAllocDefault = 0;
inline const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    default:
      return "a kernel was given an address of the host";
  }
}
inline const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    default:
      return "cudaErrorIllegalAddress";
  }
}
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaMalloc(void** p, std::size_t bytes);  // not zeroed: full of NaN
cudaError_t cudaFree(void* p);
cudaError_t cudaHostAlloc(void** p, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* p);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t n, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t n, cudaStream_t);
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) { return *s = nullptr, cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned) { return *e = nullptr, cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* n) {  // as many as the stand-in for the driver shows
  const char* const text = std::getenv("STAND_IN_DEVICES");
  return *n = text ? std::atoi(text) : 1, cudaSuccess;
}
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* all) {
  return *free = *all = std::size_t{1} << 32, cudaSuccess;
}
struct cudaDeviceProp {
  char name[32] = "an emulated device";
  int major = 9, minor = 0, multiProcessorCount = 2;
  std::size_t totalGlobalMem = std::size_t{1} << 32;
};
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) { return *p = {}, cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* v) { return *v = 13000, cudaSuccess; }
inline cudaError_t cudaRuntimeGetVersion(int* v) { return *v = 13000, cudaSuccess; }
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
template <class F>
cudaError_t cudaFuncSetAttribute(F, cudaFuncAttribute, int) {
  return cudaSuccess;
}
// args: the addresses of the kernel's arguments, in order.
template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** args, std::size_t shared_bytes,
                             cudaStream_t) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    if ((emulation::names_host_memory(args[I], sizeof(P)) || ...)) return cudaErrorIllegalAddress;
    emulation::queue([=, values = std::tuple<P...>(*static_cast<P*>(args[I])...)] {
      const emulation::Opened opened;
      emulation::run(grid, block, shared_bytes, [&] { std::apply(kernel, values); });
    });
    return cudaSuccess;
  }
  (std::index_sequence_for<P...>{});
}
// Graphs: what was queued while one was captured, which is not run then.
using cudaGraph_t = struct EmulatedGraph*;
using cudaGraphExec_t = struct EmulatedGraph*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);
