#include "cpu/bf16_product.h"

#include <algorithm>
#include <type_traits>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/onednn_memory.h"
#include "cpu/simd.h"

#ifdef STORM_ONEDNN
#include <dnnl.hpp>
#endif

namespace storm {

namespace {

constexpr int64_t kGrain = 1 << 14;  // elements

STORM_CLONES void round_row(const float* from, Bf16* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, from + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    to[i] = static_cast<Bf16>((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
  }
}

}  // namespace

void round_to_bf16(const float* from, Bf16* to, int64_t n) { round_row(from, to, n); }

void round_to_bf16(const float* from, int64_t rows, int64_t cols, int64_t ld, Bf16* to) {
  parallel_ranges(rows, std::max<int64_t>(kGrain / std::max<int64_t>(cols, 1), 1), [&](int64_t begin, int64_t end) {
    if (ld == cols) return round_row(from + begin * cols, to + begin * cols, (end - begin) * cols);
    for (int64_t r = begin; r < end; ++r) round_row(from + r * ld, to + r * cols, cols);
  });
}

#ifdef STORM_ONEDNN

namespace {

// oneDNN 3 describes a product by its engine and operands at once, oneDNN 2 by a descriptor of its own. A template,
// since only there the branch not taken need not compile.
template <class Description>
Description describe(const dnnl::engine& engine, const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                     const dnnl::memory::desc& c, const dnnl::primitive_attr& attributes) {
  using Memory = dnnl::memory::desc;
  if constexpr (std::is_constructible_v<Description, dnnl::engine, Memory, Memory, Memory, dnnl::primitive_attr>)
    return Description(engine, a, b, c, attributes);
  else
    return Description({a, b, c}, attributes, engine);
}

}  // namespace

bool has_bf16_products() {
  static const bool has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_bf16;
  return has;
}

void bf16_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Bf16* a, int64_t lda, const Bf16* b,
                  int64_t ldb, float beta, float* c, int64_t ldc) {
  using dnnl::memory;
  require_onednn_memory();
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  try {
    const auto bf16 = memory::data_type::bf16;
    const memory::desc a_desc({m, k}, bf16, ta ? memory::dims{1, lda} : memory::dims{lda, 1});
    const memory::desc b_desc({k, n}, bf16, tb ? memory::dims{1, ldb} : memory::dims{ldb, 1});
    const memory::desc c_desc({m, n}, memory::data_type::f32, memory::dims{ldc, 1});
    dnnl::primitive_attr attributes;
    if (beta != 0) {
      dnnl::post_ops add;
      add.append_sum(beta);
      attributes.set_post_ops(add);
    }
    // oneDNN keeps the code of the shapes that it has seen.
    const auto description = describe<dnnl::matmul::primitive_desc>(engine, a_desc, b_desc, c_desc, attributes);
    dnnl::stream stream(engine);
    dnnl::matmul(description)
        .execute(stream, {{DNNL_ARG_SRC, memory(a_desc, engine, const_cast<Bf16*>(a))},
                          {DNNL_ARG_WEIGHTS, memory(b_desc, engine, const_cast<Bf16*>(b))},
                          {DNNL_ARG_DST, memory(c_desc, engine, c)}});
    stream.wait();
  } catch (const dnnl::error& e) {
    fail("oneDNN: bf16 matrix product [", m, ",", k, "] x [", k, ",", n, "] failed: ", e.what());
  }
}

#else

bool has_bf16_products() { return false; }

void bf16_product(bool, bool, int64_t, int64_t, int64_t, const Bf16*, int64_t, const Bf16*, int64_t, float, float*,
                  int64_t) {
  fail("bf16 products: this build is without oneDNN");
}

#endif

}  // namespace storm
