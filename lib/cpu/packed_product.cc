#include "cpu/packed_product.h"

#include <array>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/bf16_product.h"
#include "cpu/packed_kernels.h"
#include "tensor/parameters.h"

namespace storm {

namespace {

using namespace packed;

constexpr int64_t kGrain = 1 << 16;  // multiply-adds that are done before another thread has woken up

// The bits of the largest absolute value: a NaN's are above all others'.
STORM_CLONES uint32_t largest_bits(const float* x, int64_t n) {
  uint32_t most = 0;
#pragma omp simd reduction(max : most)
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu;
    most = bits > most ? bits : most;
  }
  return most;
}

constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, which the lowest bits then are

STORM_CLONES void round_to_bytes(const float* x, int64_t n, float by, int8_t* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int8_t>(std::bit_cast<int32_t>(x[i] * by + kMagic));
}
STORM_CLONES void round_to_words(const float* x, int64_t n, float by, int16_t* to) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    to[i] = static_cast<int16_t>(std::bit_cast<int32_t>(x[i] * by + kMagic) - std::bit_cast<int32_t>(kMagic));
}
STORM_CLONES int32_t sum_of_bytes(const int8_t* x, int64_t n) {
  int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

struct Scale {
  float scale, by;  // by: 1 / scale, but 0 of a row of zeros or of one that has no numbers
};
// A scale below f32's normal numbers would have no 1 / scale: such a row is taken for zeros.
Scale scale_of(const float* x, int64_t n) {
  const float most = std::bit_cast<float>(largest_bits(x, n)), scale = most / static_cast<float>(kLargestInt8);
  if (scale < 1.2e-38f) return {0, 0};
  return {scale, most < __builtin_huge_valf() ? static_cast<float>(kLargestInt8) / most : 0};
}

template <class T>
void fill_group(T* to, int64_t n, int64_t group, T with) {
  for (int64_t i = n; i % group != 0; ++i) to[i] = with;
}

// int8

float int8_bytes(const float* x, int64_t n, void* to, int32_t* excess) {
  const Scale s = scale_of(x, n);
  auto* bytes = static_cast<int8_t*>(to);
  round_to_bytes(x, n, s.by, bytes);
  fill_group<int8_t>(bytes, n, 4, 0);
  *excess = 128 * sum_of_bytes(bytes, n);
  return s.scale;
}
float int8_words(const float* x, int64_t n, void* to, int32_t* excess) {
  const Scale s = scale_of(x, n);
  auto* words = static_cast<int16_t*>(to);
  round_to_words(x, n, s.by, words);
  fill_group<int16_t>(words, n, 2, 0);
  *excess = 0;
  return s.scale;
}
void take_bytes(const int8_t* q, int64_t n, void* to) {
  auto* bytes = static_cast<int8_t*>(to);
  std::copy_n(q, n, bytes);
  fill_group<int8_t>(bytes, n, 2, 0);
}
void take_raised_bytes(const int8_t* q, int64_t n, void* to) {
  auto* bytes = static_cast<uint8_t*>(to);
  for (int64_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(q[i] + 128);
  fill_group<uint8_t>(bytes, n, 4, 128);
}
template <void (*take)(const int8_t*, int64_t, void*)>
float int8_weight(const float* w, int64_t n, void* to) {
  std::vector<int8_t> q(static_cast<std::size_t>(n));
  const float scale = quantize_row(w, n, q.data());
  take(q.data(), n, to);
  return scale;
}

// bf16

float bf16_row(const float* x, int64_t n, void* to) {
  auto* halves = static_cast<Bf16*>(to);
  round_to_bf16(x, halves, n);
  fill_group<Bf16>(halves, n, 2, 0);
  return 1;
}
float bf16_x(const float* x, int64_t n, void* to, int32_t* excess) {
  *excess = 0;
  return bf16_row(x, n, to);
}

void multiply_int8_avx2(const PackedKernel::Job& job, int64_t first, int64_t last) {
  multiply<WidenedBytes>(job, first, last);
}
[[gnu::target("arch=x86-64-v4")]] void multiply_int8_vnni(const PackedKernel::Job& job, int64_t first, int64_t last) {
  multiply<FourBytes<Vnni>>(job, first, last);
}
[[gnu::target("arch=x86-64-v4")]] void multiply_bf16(const PackedKernel::Job& job, int64_t first, int64_t last) {
  multiply<TwoBf16<DotBf16>>(job, first, last);
}

template <class P>
constexpr PackedKernel kernel(const char* name, PackedNumbers numbers,
                              decltype(PackedKernel::round_weight) round_weight,
                              decltype(PackedKernel::take_int8) take_int8, decltype(PackedKernel::round_x) round_x,
                              decltype(PackedKernel::multiply) multiply) {
  return {name,         numbers,   kPanel<P>, P::kGroup, sizeof(typename P::Weight), sizeof(typename P::X),
          round_weight, take_int8, round_x,   multiply};
}

using enum PackedNumbers;
constexpr PackedKernel kInt8Avx2 =
    kernel<WidenedBytes>("int8 avx2", int8, int8_weight<take_bytes>, take_bytes, int8_words, multiply_int8_avx2);
constexpr PackedKernel kInt8Vnni = kernel<FourBytes<Vnni>>("int8 avx512_vnni", int8, int8_weight<take_raised_bytes>,
                                                           take_raised_bytes, int8_bytes, multiply_int8_vnni);
constexpr PackedKernel kBf16 =
    kernel<TwoBf16<DotBf16>>("bf16 avx512_bf16", bf16, bf16_row, nullptr, bf16_x, multiply_bf16);

constexpr const PackedKernel* kKernels[] = {&kInt8Vnni, &kInt8Avx2, &kBf16};

}  // namespace

float quantize_row(const float* x, int64_t n, int8_t* to) {
  const Scale s = scale_of(x, n);
  round_to_bytes(x, n, s.by, to);
  return s.scale;
}

std::span<const PackedKernel* const> packed_kernels() { return kKernels; }

bool can_run(const PackedKernel& kernel) {
  if (&kernel == &kInt8Avx2) return true;
  return simd::has_avx512() &&
         (&kernel == &kBf16 ? __builtin_cpu_supports("avx512bf16") : __builtin_cpu_supports("avx512vnni"));
}

const PackedKernel* packed_kernel(PackedNumbers numbers) {
  for (const PackedKernel* k : packed_kernels())
    if (k->numbers == numbers && can_run(*k)) return k;
  return nullptr;
}

void packed_product(int64_t m, int64_t k, const float* x, int64_t ldx, const PackedWeight& weight, int64_t column,
                    const Epilogue& epilogue, float* y, int64_t ldy) {
  if (m <= 0 || weight.rows() <= 0) return;
  const PackedKernel& kernel = weight.kernel();
  require(column % kPackedColumns == 0 && column + k <= weight.cols(), "columns ", column, " to ", column + k,
          " of a packed weight of ", weight.cols());
  const int64_t groups = (k + kernel.group - 1) / kernel.group;
  static thread_local Buffer memory;
  const auto row_bytes = static_cast<std::size_t>(groups * kernel.group) * kernel.x_bytes,
             rows = static_cast<std::size_t>(m);
  memory.grow(rows * (row_bytes + sizeof(float) + sizeof(int32_t)));
  std::byte* rounded = memory.data();
  auto* scales = reinterpret_cast<float*>(rounded + rows * row_bytes);
  auto* excess = reinterpret_cast<int32_t*>(scales + m);
  parallel_ranges(m, std::max<int64_t>(1, kGrain / (8 * (k + 1))), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      scales[r] = kernel.round_x(x + r * ldx, k, rounded + static_cast<std::size_t>(r) * row_bytes, excess + r);
  });
  const PackedKernel::Job job{weight, m, column / kernel.group, groups, rounded, scales, excess, epilogue, y, ldy};
  const int64_t panels = (weight.rows() + kernel.panel - 1) / kernel.panel;
  parallel_ranges(panels, kGrain / (m * (k + 1) * kernel.panel) + 1,
                  [&](int64_t begin, int64_t end) { kernel.multiply(job, begin, end); });
}

}  // namespace storm
