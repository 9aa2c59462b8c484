#include "cpu/gemm.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "cpu/bf16_product.h"
#include "cpu/few_rows_product.h"
#include "cpu/onednn_memory.h"
#include "cpu/packed_product.h"
#include "cpu/row_product.h"

#ifdef STORM_ONEDNN
#include <dnnl.h>
#else
#include <cblas.h>
#endif

namespace storm {

namespace {
ProductPrecision precision = ProductPrecision::f32;
constexpr int64_t kSmall = int64_t{1} << 20;  // multiply-adds of a product that rounding its operands does not pay for
}  // namespace

ProductPrecisionScope::ProductPrecisionScope(ProductPrecision wanted) : before_(precision) {
  require(wanted != ProductPrecision::tf32 && wanted != ProductPrecision::f16, "--precision ", name(wanted),
          ": CPUs have f32 and bf16 products, and int8 for decoding; take one of those, or --device cuda");
  require(wanted != ProductPrecision::bf16 || has_bf16_products(),
          "--precision bf16: this CPU or this build has no bf16 products (avx512_bf16 and oneDNN); it has f32, and "
          "decoding "
          "int8, too");
  precision = wanted == ProductPrecision::bf16 ? wanted : ProductPrecision::f32;  // int8: of packed weights
}
ProductPrecisionScope::~ProductPrecisionScope() { precision = before_; }

ProductPrecision product_precision() { return precision; }

Operand operand(const float* x, int64_t rows, int64_t cols, Buffer& memory) {
  if (precision == ProductPrecision::f32) return {x, cols};
  memory.grow(static_cast<std::size_t>(rows * cols) * sizeof(Bf16));
  Bf16* rounded = memory.as<Bf16>().data();
  round_to_bf16(x, rows, cols, cols, rounded);
  return {x, cols, rounded};
}

Operand weight_operand(const Execution& run, Value weight) {
  if (!weight) return {};
  const PackedWeight* packed = run.graph()[weight].packed;
  return {packed ? nullptr : run.data(weight), run.shape(weight).cols, nullptr, packed};
}

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Operand& a, const Operand& b, float beta, float* c,
          int64_t ldc) {
  if (b.packed) {
    require(!ta && tb && n == b.packed->rows() && (beta == 0 || beta == 1), "a packed weight in another product");
    return packed_product(m, k, a.exact, a.ld, *b.packed, b.column, {.add = beta == 1}, c, ldc);
  }
  if (a.rounded && b.rounded && m * n * k >= kSmall)
    return bf16_product(ta, tb, m, n, k, a.rounded, a.ld, b.rounded, b.ld, beta, c, ldc);
  gemm(ta, tb, m, n, k, 1, a.exact, a.ld, b.exact, b.ld, beta, c, ldc);
}

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
          int64_t ldb, float beta, float* c, int64_t ldc) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) {  // oneDNN leaves C as it is, whatever beta
    for (float* row = c; beta != 1 && row != c + m * ldc; row += ldc)
      for (int64_t j = 0; j < n; ++j) row[j] = beta == 0 ? 0 : beta * row[j];
    return;
  }
  if (precision == ProductPrecision::bf16 && alpha == 1 && m * n * k >= kSmall) {
    static thread_local Buffer a_memory, b_memory;  // as large as the largest operand was
    const auto rounded = [](const float* x, int64_t rows, int64_t cols, int64_t ld, Buffer& memory) {
      memory.grow(static_cast<std::size_t>(rows * cols) * sizeof(Bf16));
      Bf16* to = memory.as<Bf16>().data();
      round_to_bf16(x, rows, cols, ld, to);
      return to;
    };
    const Bf16* left = rounded(a, ta ? k : m, ta ? m : k, lda, a_memory);
    const Bf16* right = rounded(b, tb ? n : k, tb ? k : n, ldb, b_memory);
    return bf16_product(ta, tb, m, n, k, left, ta ? m : k, right, tb ? k : n, beta, c, ldc);
  }
  if (is_few_rows_product(ta, tb, m, n, k, alpha, beta))
    return few_rows_product(m, n, k, a, lda, b, ldb, beta == 1, c, ldc);
#ifdef STORM_ONEDNN
  if (is_row_product(ta, tb, m, n, k, alpha, beta)) return row_product(n, k, a, b, ldb, c);
  require_onednn_memory();
  const auto status = dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  require(status == dnnl_success, "oneDNN: matrix product [", m, ",", k, "] x [", k, ",", n,
          "] failed: ", static_cast<int>(status));
#else
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, static_cast<int>(m),
              static_cast<int>(n), static_cast<int>(k), alpha, a, static_cast<int>(lda), b, static_cast<int>(ldb), beta,
              c, static_cast<int>(ldc));
#endif
}

std::string gemm_description() {
#ifdef STORM_ONEDNN
  const auto* v = dnnl_version();
  return str("oneDNN ", v->major, ".", v->minor, ".", v->patch);
#else
  constexpr const char* kinds[] = {"one thread", "pthreads", "OpenMP"};
  const int kind = openblas_get_parallel();
  return str("OpenBLAS ", openblas_get_corename(), " (", kind >= 0 && kind <= 2 ? kinds[kind] : "?", ")");
#endif
}

void set_library_environment(char** argv) {
  // A variable that is there is the user's choice, or ours of a moment ago.
  bool again = false;
  const auto set = [&](const char* name, const char* value) {
    again |= !::getenv(name) && ::setenv(name, value, 0) == 0;
  };
  if (!::getenv("OMP_WAIT_POLICY")) set("GOMP_SPINCOUNT", "1000");
#ifndef STORM_ONEDNN
  const std::string_view core = openblas_get_corename();
  const bool knows_avx512 = core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids";
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_avx512 && !knows_avx512) set("OPENBLAS_CORETYPE", "SkylakeX");
#endif
  if (!again) return;
  // By its own path, not as /proc/self/exe, so that the process keeps its name (pkill train). When it fails we go on,
  // slower.
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) ::execv(self.c_str(), argv);
}

}  // namespace storm
