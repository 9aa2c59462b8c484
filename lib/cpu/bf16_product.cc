#include "cpu/bf16_product.h"

#include <cstring>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/simd.h"
#include "tensor/buffer.h"

#ifdef STORM_ONEDNN
#include <dnnl.hpp>
#endif

namespace storm {

#ifdef STORM_ONEDNN

namespace {

constexpr int64_t kGrain = 1 << 14;  // elements

// to[i] = from[i] rounded to the nearest bf16, ties to even; a NaN stays one.
STORM_CLONES void round_row(const float* from, uint16_t* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, from + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    to[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
  }
}

// Kept from product to product, as large as the largest operand was.
const uint16_t* rounded(const float* x, int64_t rows, int64_t cols, int64_t ld, Buffer& memory) {
  memory.grow(static_cast<std::size_t>(rows * cols) * sizeof(uint16_t));
  uint16_t* to = memory.as<uint16_t>().data();
  parallel_ranges(rows, std::max<int64_t>(kGrain / std::max<int64_t>(cols, 1), 1), [&](int64_t begin, int64_t end) {
    if (ld == cols) return round_row(x + begin * cols, to + begin * cols, (end - begin) * cols);
    for (int64_t r = begin; r < end; ++r) round_row(x + r * ld, to + r * cols, cols);
  });
  return to;
}

}  // namespace

bool has_bf16_products() {
  static const bool has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core_bf16;
  return has;
}

void bf16_product(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
                  int64_t ldb, float beta, float* c, int64_t ldc) {
  using dnnl::memory;
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static thread_local Buffer a_memory, b_memory;
  try {
    const auto* left = rounded(a, ta ? k : m, ta ? m : k, lda, a_memory);
    const auto* right = rounded(b, tb ? n : k, tb ? k : n, ldb, b_memory);
    const auto bf16 = memory::data_type::bf16;
    const memory::desc a_desc({m, k}, bf16, ta ? memory::dims{1, m} : memory::dims{k, 1});
    const memory::desc b_desc({k, n}, bf16, tb ? memory::dims{1, k} : memory::dims{n, 1});
    const memory::desc c_desc({m, n}, memory::data_type::f32, memory::dims{ldc, 1});
    dnnl::primitive_attr attributes;
    if (beta != 0) {
      dnnl::post_ops add;
      add.append_sum(beta);
      attributes.set_post_ops(add);
    }
    // oneDNN keeps the code of the shapes that it has seen.
    const dnnl::matmul::primitive_desc description({a_desc, b_desc, c_desc}, attributes, engine);
    dnnl::stream stream(engine);
    dnnl::matmul(description)
        .execute(stream, {{DNNL_ARG_SRC, memory(a_desc, engine, const_cast<uint16_t*>(left))},
                          {DNNL_ARG_WEIGHTS, memory(b_desc, engine, const_cast<uint16_t*>(right))},
                          {DNNL_ARG_DST, memory(c_desc, engine, c)}});
    stream.wait();
  } catch (const dnnl::error& e) {
    fail("oneDNN: bf16 matrix product [", m, ",", k, "] x [", k, ",", n, "] failed: ", e.what());
  }
}

#else

bool has_bf16_products() { return false; }

void bf16_product(bool, bool, int64_t, int64_t, int64_t, const float*, int64_t, const float*, int64_t, float, float*,
                  int64_t) {
  fail("bf16 products: this build is without oneDNN");
}

#endif

}  // namespace storm
