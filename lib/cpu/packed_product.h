// Products with packed weights (packed_weight.h): y = x W^T + b. Each row of x is rounded as the weight's numbers ask,
// of int8 by a scale of its own. A row's bits are the same whatever the other rows are, and how many, and whatever the
// threads.
//
// Sums of int8 products are exact on every CPU. VNNI adds four products of bytes to a sum of 32 bits; where there is
// none the bytes are widened to 16 bits first, since the instruction that multiplies bytes without VNNI adds two
// products in 16 bits, and saturates (vpmaddubsw; oneDNN and CTranslate2 take it).
#pragma once

#include <cstdint>
#include <span>

#include "cpu/packed_weight.h"

namespace storm {

// What a product writes: y = sum + bias, or with `add` y + sum + bias; a negative y becomes 0 where `relu` says so.
struct Epilogue {
  bool add = false;
  const float* bias = nullptr;  // [n] or none
  bool relu = false;
};

// x: [m, k], rows ldx apart, y: [m, n], rows ldy apart; n is the weight's rows. k: of the weight's columns those from
// `column` on, a multiple of kPackedColumns (tensor/parameters.h).
void packed_product(int64_t m, int64_t k, const float* x, int64_t ldx, const PackedWeight& weight, int64_t column,
                    const Epilogue& epilogue, float* y, int64_t ldy);

// The kernel that this CPU takes for such numbers; null: it has none.
const PackedKernel* packed_kernel(PackedNumbers numbers);
// All that there are, the fastest first, and whether this CPU can run one: tests and benchmarks.
std::span<const PackedKernel* const> packed_kernels();
bool can_run(const PackedKernel& kernel);

// A kernel: how numbers lie in a panel, and what it does.
struct PackedKernel {
  const char* name;  // "int8 avx512_vnni"
  PackedNumbers numbers;
  int64_t panel;             // rows of W in a panel
  int64_t group;             // numbers of a row that stand side by side
  std::size_t weight_bytes;  // of a number of the weight
  std::size_t x_bytes;       // of a number of x
  // What a row of a weight, [n], is as packed numbers; returns its scale. Its last group is filled with zeros.
  float (*round_weight)(const float* w, int64_t n, void* to);
  void (*take_int8)(const int8_t* q, int64_t n, void* to);  // the same of a row of whole numbers; null: not of int8
  // A row of x; returns its scale, and in *excess what the weight's offset adds to each sum.
  float (*round_x)(const float* x, int64_t n, void* to, int32_t* excess);
  struct Job;
  void (*multiply)(const Job& job, int64_t first_panel, int64_t last_panel);
};

// All rows of x, as rounded, and where what they make is put.
struct PackedKernel::Job {
  const PackedWeight& weight;
  int64_t m, first_group, groups;
  const std::byte* x;     // [m, groups * group] of x_bytes
  const float* scales;    // [m]
  const int32_t* excess;  // [m]: what a weight's offset has added to each sum of the row
  Epilogue epilogue;
  float* y;
  int64_t ldy;
};

}  // namespace storm
