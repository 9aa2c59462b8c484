#include "cuda/products.h"

#include <cublasLt.h>

#include <bit>
#include <map>
#include <tuple>

namespace storm::cuda {

namespace {

void check(cublasStatus_t status, const char* what) {
  require(status == CUBLAS_STATUS_SUCCESS, "cuda: cuBLASLt, ", what, ": ", cublasLtGetStatusString(status));
}

struct Layout {
  cublasLtMatrixLayout_t handle = nullptr;
  Layout(cudaDataType_t type, int64_t rows, int64_t cols, int64_t ld) {
    check(cublasLtMatrixLayoutCreate(&handle, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(cols), ld),
          "a layout");
  }
  ~Layout() { cublasLtMatrixLayoutDestroy(handle); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
};

struct Description {
  cublasLtMatmulDesc_t handle = nullptr;
  explicit Description(cublasComputeType_t compute) {
    check(cublasLtMatmulDescCreate(&handle, compute, CUDA_R_32F), "a description");
  }
  ~Description() { cublasLtMatmulDescDestroy(handle); }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(handle, attribute, &value, sizeof value), "a description");
  }
};

struct Preference {
  cublasLtMatmulPreference_t handle = nullptr;
  Preference() { check(cublasLtMatmulPreferenceCreate(&handle), "a preference"); }
  ~Preference() { cublasLtMatmulPreferenceDestroy(handle); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;

  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    check(cublasLtMatmulPreferenceSetAttribute(handle, attribute, &value, sizeof value), "a preference");
  }
};

cudaDataType_t operand_type(ProductPrecision p) {
  return p == ProductPrecision::bf16 ? CUDA_R_16BF : p == ProductPrecision::f16 ? CUDA_R_16F : CUDA_R_32F;
}
cublasComputeType_t compute_type(ProductPrecision p) {
  return p == ProductPrecision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

// What the address is a multiple of: 16 is all that kernels ask for, and more would make addresses choose among them.
uint32_t alignment_of(const void* p) {
  return std::min(16u, 1u << std::countr_zero(reinterpret_cast<uintptr_t>(p) | 16u));
}

// Ragged batches have another number of rows each time. An algorithm is chosen for the next number of 4 significant
// bits, so that there are 8 to an octave, whatever was met before: a shape always gets the same one.
int64_t rounded_rows(int64_t rows) {
  if (rows <= 64) return rows;
  const auto step = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows - 1)) / 8);
  return (rows + step - 1) / step * step;
}

// y[row, i] += bias[i], and ReLU: what the epilogue does, where cuBLASLt has no algorithm with one.
__global__ void __launch_bounds__(256)
    bias_kernel(float* y, const float* bias, int64_t rows, int64_t n, int64_t ld, bool relu) {
  const int64_t i = static_cast<int64_t>(blockIdx.y) * 256 + threadIdx.x;
  if (i >= n) return;
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const float sum = y[r * ld + i] + bias[i];
    y[r * ld + i] = relu && 0.0f > sum ? 0.0f : sum;  // a NaN stays one
  }
}
void add_bias(const Product& p, cudaStream_t stream) {
  const dim3 grid{static_cast<unsigned>(std::min<int64_t>(p.m, 4096)), static_cast<unsigned>((p.n + 255) / 256)};
  bias_kernel<<<grid, 256, 0, stream>>>(p.c, p.bias, p.m, p.n, p.ldc, p.epilogue == Epilogue::bias_relu);
  cuda::check(cudaGetLastError(), "a product's bias");
}

}  // namespace

struct Products::Library {
  cublasLtHandle_t handle = nullptr;
  // The heuristic's choices, as asking takes longer than a small product; without value: it has none.
  struct Choice {
    bool found = false;
    cublasLtMatmulAlgo_t algorithm{};
  };
  using Key = std::tuple<ProductPrecision, bool, bool, Epilogue, bool, int64_t, int64_t, int64_t, int64_t, int64_t,
                         int64_t, uint32_t, uint32_t, uint32_t>;
  std::map<Key, Choice> chosen;
  static constexpr std::size_t kMost = 8192;

  Library() { check(cublasLtCreate(&handle), "starting"); }
  ~Library() { cublasLtDestroy(handle); }

  // Whether an algorithm was found and has been queued; one that suits `rows` in place of the batch's.
  bool run(const Product& p, int64_t rows, void* workspace, std::size_t workspace_bytes, cudaStream_t stream);
};

Products::Products() : library_(std::make_unique<Library>()) {}
Products::~Products() = default;

// cuBLAS counts by columns: a row-major C = op(A) op(B) is its C^T = op(B)^T op(A)^T, with the operands exchanged and
// every matrix as it lies. Its bias runs down a column, which is along a row of ours.
bool Products::Library::run(const Product& p, int64_t rows, void* workspace, std::size_t workspace_bytes,
                            cudaStream_t stream) {
  Description product(compute_type(p.precision));
  product.set(CUBLASLT_MATMUL_DESC_TRANSA, p.tb ? CUBLAS_OP_T : CUBLAS_OP_N);
  product.set(CUBLASLT_MATMUL_DESC_TRANSB, p.ta ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (p.epilogue != Epilogue::none) {
    product.set(CUBLASLT_MATMUL_DESC_EPILOGUE,
                p.epilogue == Epilogue::bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_RELU_BIAS);
    product.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);  // f32, as C is
  }
  const auto type = operand_type(p.precision);
  const auto with = [&](int64_t m, int64_t k, auto&& use) {
    const Layout left(type, p.tb ? k : p.n, p.tb ? p.n : k, p.ldb), right(type, p.ta ? m : k, p.ta ? k : m, p.lda),
        out(CUDA_R_32F, p.n, m, p.ldc);
    return use(left.handle, right.handle, out.handle);
  };
  const int64_t m = p.ta ? p.m : rows, k = p.ta ? rows : p.k;
  const uint32_t at_a = alignment_of(p.a), at_b = alignment_of(p.b), at_c = alignment_of(p.c);
  const Key key{p.precision, p.ta, p.tb, p.epilogue, p.beta != 0, m, p.n, k, p.lda, p.ldb, p.ldc, at_a, at_b, at_c};
  auto found = chosen.find(key);
  if (found == chosen.end()) {
    if (chosen.size() >= kMost) chosen.clear();
    Preference preference;
    preference.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace_bytes));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, at_b);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, at_a);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, at_c);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, at_c);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    const auto status = with(m, k, [&](auto left, auto right, auto out) {
      return cublasLtMatmulAlgoGetHeuristic(handle, product.handle, left, right, out, out, preference.handle, 1,
                                            &result, &count);
    });
    require(status == CUBLAS_STATUS_SUCCESS || status == CUBLAS_STATUS_NOT_SUPPORTED,
            "cuda: cuBLASLt, choosing an algorithm: ", cublasLtGetStatusString(status));
    found = chosen.emplace(key, Choice{status == CUBLAS_STATUS_SUCCESS && count > 0, result.algo}).first;
  }
  if (!found->second.found) return false;
  const auto status = with(p.m, p.k, [&](auto left, auto right, auto out) {
    return cublasLtMatmul(handle, product.handle, &p.alpha, p.b, left, p.a, right, &p.beta, p.c, out, p.c, out,
                          &found->second.algorithm, workspace, workspace_bytes, stream);
  });
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return false;
  check(status, "a product");
  return true;
}

void Products::operator()(const Product& product, void* workspace, std::size_t workspace_bytes, cudaStream_t stream) {
  Product p = product;
  if (p.m == 0 || p.n == 0) return;
  if (p.k == 0) {  // C = beta * C
    require(p.epilogue == Epilogue::none, "cuda: an empty product with a bias");
    if (p.beta == 0)
      cuda::check(
          cudaMemset2DAsync(p.c, static_cast<std::size_t>(p.ldc) * sizeof(float), 0,
                            static_cast<std::size_t>(p.n) * sizeof(float), static_cast<std::size_t>(p.m), stream),
          "an empty product");
    return;
  }
  const int64_t rows = p.ta ? p.k : p.m;
  const auto multiplied = [&] {
    return library_->run(p, rounded_rows(rows), workspace, workspace_bytes, stream) ||
           (rounded_rows(rows) != rows && library_->run(p, rows, workspace, workspace_bytes, stream));
  };
  if (multiplied()) return;
  const bool without = p.epilogue != Epilogue::none;
  p.epilogue = Epilogue::none;
  require(without && multiplied(), "cuda: cuBLASLt has no algorithm for a product of ", p.m, " x ", p.n, " x ", p.k,
          " in ", name(p.precision), "; run it in another --precision");
  add_bias(product, stream);
}

}  // namespace storm::cuda
