// A CUDA device's own limit: how fast cuBLASLt does the matrix products of a Transformer of this shape, and how fast
// memory is copied.
//   device-product-rate D_MODEL D_FF VOCABULARY ROWS f32|tf32|bf16|f16
// The products of a layer and of the output, forward and both backward forms, weighted by their floating-point
// operations; of each the fastest of the library's proposals. Operands and results have the precision (tf32: f32 ones),
// sums are f32. The operands are random: zeros run faster. Prints one line: bf16 700123 GFLOP/s, copying 4300 GB/s
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/number.h"
#include "cuda/check.h"

namespace {

using storm::require;
using storm::cuda::check;

void check_blas(cublasStatus_t status, const char* what) {
  require(status == CUBLAS_STATUS_SUCCESS, "cuBLASLt, ", what, ": ", cublasLtGetStatusString(status));
}

struct Precision {
  std::string_view name;
  cudaDataType type;
  cublasComputeType_t sums;
  std::size_t bytes;
};
constexpr Precision kPrecisions[] = {{"f32", CUDA_R_32F, CUBLAS_COMPUTE_32F, 4},
                                     {"tf32", CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4},
                                     {"bf16", CUDA_R_16BF, CUBLAS_COMPUTE_32F, 2},
                                     {"f16", CUDA_R_16F, CUBLAS_COMPUTE_32F, 2}};

// Device memory; the program's end frees it.
void* allocate(std::size_t bytes) {
  void* data = nullptr;
  check(cudaMalloc(&data, bytes), "memory for the operands");
  return data;
}

template <class T>
__global__ void fill(T* to, int64_t n, unsigned seed) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < n; i += int64_t{gridDim.x} * blockDim.x) {
    unsigned x = static_cast<unsigned>(i) * 0x9E3779B9u + seed;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    to[i] = static_cast<T>(static_cast<float>(x >> 8) * 0x1p-23f - 1.0f);
  }
}

void* random_matrix(int64_t n, const Precision& precision, unsigned seed) {
  void* data = allocate(static_cast<std::size_t>(n) * precision.bytes);
  if (precision.type == CUDA_R_32F) fill<<<1024, 256>>>(static_cast<float*>(data), n, seed);
  if (precision.type == CUDA_R_16BF) fill<<<1024, 256>>>(static_cast<__nv_bfloat16*>(data), n, seed);
  if (precision.type == CUDA_R_16F) fill<<<1024, 256>>>(static_cast<__half*>(data), n, seed);
  check(cudaGetLastError(), "filling the operands");
  return data;
}

// The median seconds of one of ten calls in a row, over some such rows.
template <class Call>
double seconds(Call&& call) {
  constexpr int kCalls = 10, kRows = 5;
  cudaEvent_t start = nullptr, stop = nullptr;
  check(cudaEventCreate(&start), "an event");
  check(cudaEventCreate(&stop), "an event");
  call();
  std::vector<float> rows;
  for (int row = 0; row < kRows; ++row) {
    check(cudaEventRecord(start), "an event");
    for (int i = 0; i < kCalls; ++i) call();
    check(cudaEventRecord(stop), "an event");
    check(cudaEventSynchronize(stop), "waiting for the device");
    check(cudaEventElapsedTime(&rows.emplace_back(), start, stop), "an event");
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  std::nth_element(rows.begin(), rows.begin() + kRows / 2, rows.end());
  return rows[kRows / 2] / 1e3 / kCalls;
}

// C[m,n] = op(A)[m,k] op(B)[k,n], row-major, as cuBLASLt's C^T = op(B)^T op(A)^T. The operands are never freed: there
// are few, and the program ends soon.
double product_seconds(cublasLtHandle_t handle, const Precision& precision, bool ta, bool tb, int64_t m, int64_t n,
                       int64_t k, void* workspace, std::size_t workspace_bytes) {
  void *a = random_matrix(m * k, precision, 1), *b = random_matrix(k * n, precision, 2),
       *c = allocate(static_cast<std::size_t>(m * n) * precision.bytes);
  cublasLtMatmulDesc_t product = nullptr;
  check_blas(cublasLtMatmulDescCreate(&product, precision.sums, CUDA_R_32F), "a description");
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check_blas(cublasLtMatmulDescSetAttribute(product, attribute, &operation, sizeof operation), "a description");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, tb);
  set(CUBLASLT_MATMUL_DESC_TRANSB, ta);
  const auto layout = [&](int64_t rows, int64_t columns) {
    cublasLtMatrixLayout_t made = nullptr;
    check_blas(cublasLtMatrixLayoutCreate(&made, precision.type, static_cast<uint64_t>(rows),
                                          static_cast<uint64_t>(columns), rows),
               "a layout");
    return made;
  };
  const auto left = layout(tb ? k : n, tb ? n : k), right = layout(ta ? m : k, ta ? k : m), out = layout(n, m);
  cublasLtMatmulPreference_t preference = nullptr;
  check_blas(cublasLtMatmulPreferenceCreate(&preference), "a preference");
  check_blas(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                  &workspace_bytes, sizeof workspace_bytes),
             "a preference");
  cublasLtMatmulHeuristicResult_t proposals[8];
  int count = 0;
  check_blas(cublasLtMatmulAlgoGetHeuristic(handle, product, left, right, out, out, preference, 8, proposals, &count),
             "proposals");
  require(count > 0, "cuBLASLt has no algorithm for a product of ", m, " x ", n, " x ", k);
  double best = 0;
  const float one = 1, zero = 0;
  for (int i = 0; i < count; ++i) {
    const double s = seconds([&] {
      check_blas(cublasLtMatmul(handle, product, &one, b, left, a, right, &zero, c, out, c, out, &proposals[i].algo,
                                workspace, workspace_bytes, nullptr),
                 "a product");
    });
    if (i == 0 || s < best) best = s;
  }
  for (void* matrix : {a, b, c}) check(cudaFree(matrix), "the operands");
  return best;
}

void measure(const int64_t (&size)[4], const Precision& precision) {
  const auto [d, ff, vocabulary, rows] = size;
  int devices = 0;
  const auto found = cudaGetDeviceCount(&devices);
  require(found == cudaSuccess && devices > 0,
          "no CUDA device: ", found == cudaSuccess ? "the driver knows none" : cudaGetErrorString(found));
  cublasLtHandle_t handle = nullptr;
  check_blas(cublasLtCreate(&handle), "starting");
  constexpr std::size_t kWorkspace = std::size_t{32} << 20, kCopied = std::size_t{1} << 30;  // far more than the caches
  void* workspace = allocate(kWorkspace);
  double flop = 0, time = 0;
  const int64_t shapes[][3] = {{rows, 3 * d, d}, {rows, d, d}, {rows, ff, d}, {rows, d, ff}, {rows, vocabulary, d}};
  for (const auto& [m, n, k] : shapes) {
    flop += 3 * 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    time += product_seconds(handle, precision, false, true, m, n, k, workspace, kWorkspace) +
            product_seconds(handle, precision, false, false, m, k, n, workspace, kWorkspace) +
            product_seconds(handle, precision, true, false, n, k, m, workspace, kWorkspace);
  }
  void *from = allocate(kCopied), *to = allocate(kCopied);
  const double copy = seconds([&] { check(cudaMemcpyAsync(to, from, kCopied, cudaMemcpyDeviceToDevice), "a copy"); });
  std::printf("%s %.0f GFLOP/s, copying %.0f GB/s\n", precision.name.data(), flop / time / 1e9,
              2.0 * static_cast<double>(kCopied) / copy / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  int64_t size[4] = {};
  const Precision* precision = nullptr;
  bool good = argc == 6;
  for (int i = 0; good && i < 4; ++i) {
    const auto value = storm::parse_number<int64_t>(argv[i + 1]);
    good = value && *value > 0 && *value <= 1 << 20;
    if (good) size[i] = *value;
  }
  for (const Precision& p : kPrecisions)
    if (good && p.name == argv[5]) precision = &p;
  if (!precision) {
    std::fputs("device-product-rate: give D_MODEL D_FF VOCABULARY ROWS and f32, tf32, bf16 or f16\n", stderr);
    return 2;
  }
  try {
    measure(size, *precision);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "device-product-rate: %s\n", e.what());
    return 1;
  }
}
