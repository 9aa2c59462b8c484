// The machine's own limit: how fast OpenBLAS and oneDNN do the f32 matrix products of a Transformer of this shape.
//   product-rate D_MODEL D_FF VOCABULARY ROWS
// The products of a layer and of the output, forward and both backward forms, weighted by their floating-point
// operations; of each the faster library's median. Prints one line: GFLOP/s of the best, of oneDNN and of OpenBLAS,
// and, where there are any, of products of operands that are bf16 already, and of oneDNN's of u8 by s8 (GOP/s), which
// are the forward form alone. Without VNNI oneDNN adds pairs of products in 16 bits, which may saturate.
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "cpu/bf16_product.h"
#include "cpu/gemm.h"
#ifdef STORM_ONEDNN
#include <dnnl.h>
#endif

namespace {

// C[m,n] = op(A)[m,k] op(B)[k,n], row-major.
struct Product {
  bool ta, tb;
  int64_t m, n, k;
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

class Operands {
 public:
  explicit Operands(const Product& p)
      : a(static_cast<std::size_t>(p.m * p.k), 0.5f),
        b(static_cast<std::size_t>(p.k * p.n), 0.25f),
        c(static_cast<std::size_t>(p.m * p.n)),
        a16(a.size()),
        b16(b.size()),
        a8(a.size(), 3),
        b8(b.size(), 2),
        c32(c.size()) {
    storm::round_to_bf16(a.data(), a16.data(), std::ssize(a));
    storm::round_to_bf16(b.data(), b16.data(), std::ssize(b));
  }
  std::vector<float> a, b, c;
  std::vector<storm::Bf16> a16, b16;
  std::vector<uint8_t> a8;
  std::vector<int8_t> b8;
  std::vector<int32_t> c32;
};

void openblas(const Product& p, Operands& x) {
  const auto m = static_cast<int>(p.m), n = static_cast<int>(p.n), k = static_cast<int>(p.k);
  cblas_sgemm(CblasRowMajor, p.ta ? CblasTrans : CblasNoTrans, p.tb ? CblasTrans : CblasNoTrans, m, n, k, 1, x.a.data(),
              p.ta ? m : k, x.b.data(), p.tb ? k : n, 0, x.c.data(), n);
}

#ifdef STORM_ONEDNN
void onednn(const Product& p, Operands& x) {
  dnnl_sgemm(p.ta ? 'T' : 'N', p.tb ? 'T' : 'N', p.m, p.n, p.k, 1, x.a.data(), p.ta ? p.m : p.k, x.b.data(),
             p.tb ? p.k : p.n, 0, x.c.data(), p.n);
}

void int8(const Product& p, Operands& x) {
  const int32_t offset = 0;
  dnnl_gemm_u8s8s32(p.ta ? 'T' : 'N', p.tb ? 'T' : 'N', 'F', p.m, p.n, p.k, 1, x.a8.data(), p.ta ? p.m : p.k, 0,
                    x.b8.data(), p.tb ? p.k : p.n, 0, 0, x.c32.data(), p.n, &offset);
}
#endif

void bf16(const Product& p, Operands& x) {
  storm::bf16_product(p.ta, p.tb, p.m, p.n, p.k, x.a16.data(), p.ta ? p.m : p.k, x.b16.data(), p.tb ? p.k : p.n, 0,
                      x.c.data(), p.n);
}

// The median of some runs, in seconds.
template <class Library>
double seconds(const Product& p, Operands& x, Library&& library) {
  library(p, x);
  std::vector<double> runs;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    library(p, x);
    runs.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(runs.begin(), runs.begin() + 3, runs.end());
  return runs[3];
}

}  // namespace

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  int64_t size[4] = {};
  bool good = argc == 5;
  for (int i = 0; good && i < 4; ++i) {
    const auto value = storm::parse_number<int64_t>(argv[i + 1]);
    good = value && *value > 0 && *value <= 1 << 20;
    if (good) size[i] = *value;
  }
  if (!good) {
    std::fputs("product-rate: give D_MODEL D_FF VOCABULARY ROWS\n", stderr);
    return 2;
  }
  const auto [d, ff, vocabulary, rows] = size;
  double flops = 0, best = 0, blas = 0, dnn = 0, rounded = 0, forward = 0, whole = 0;
  const int64_t shapes[][3] = {{rows, 3 * d, d}, {rows, d, d}, {rows, ff, d}, {rows, d, ff}, {rows, vocabulary, d}};
  for (const auto& [m, n, k] : shapes)
    for (const Product& p :
         {Product{false, true, m, n, k}, Product{false, false, m, k, n}, Product{true, false, n, k, m}}) {
      Operands x(p);
      const double a = seconds(p, x, openblas);
      double b = a;
#ifdef STORM_ONEDNN
      b = seconds(p, x, onednn);
      if (!p.ta && p.tb) {
        forward += p.flops();
        whole += seconds(p, x, int8);
      }
#endif
      flops += p.flops();
      blas += a;
      dnn += b;
      best += std::min(a, b);
      if (storm::has_bf16_products()) rounded += seconds(p, x, bf16);
    }
  std::printf("best %.0f oneDNN %.0f OpenBLAS %.0f", flops / best / 1e9, flops / dnn / 1e9, flops / blas / 1e9);
  if (rounded > 0) std::printf(" bf16 %.0f", flops / rounded / 1e9);
  if (whole > 0) std::printf(" int8 %.0f", forward / whole / 1e9);
  std::puts("");
}
