// What CPU kernels share. A kernel is a plain loop function over rows, marked STORM_CLONES: the compiler makes an
// AVX-512 and an AVX2 version of it, and the dynamic linker picks one when the program starts. Loops carry `#pragma omp
// simd`.
//
// Rules of a kernel: a static function at namespace scope; it calls only functions marked STORM_INLINE (which become
// part of each version), never a template or inline function of the standard library; no OpenMP region inside (the
// caller splits the rows with parallel_ranges and calls the kernel once a range).
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstdint>

// The sanitizers' run time is not up yet when the linker asks which version to take, so they get the AVX2 one alone.
#ifdef STORM_SANITIZE
#define STORM_CLONES
#else
#define STORM_CLONES __attribute__((target_clones("arch=x86-64-v4", "default")))
#endif
#define STORM_INLINE [[gnu::always_inline]] static inline

namespace storm::simd {

// N floats in registers, for kernels whose sums must stay there. Such a kernel is no clone: it is written for a number
// of registers, a function for V16 marked [[gnu::target("arch=x86-64-v4")]] and one for V8, between which has_avx512
// chooses.
template <int N>
struct VectorOf {
  typedef float Type __attribute__((vector_size(N * 4), may_alias));
};
using V16 = VectorOf<16>::Type;
using V8 = VectorOf<8>::Type;
using V4 = VectorOf<4>::Type;

inline bool has_avx512() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512cd");
  return has;
}

template <class V>
STORM_INLINE V load(const float* x) {  // wherever it lies, as store
  typedef V Anywhere __attribute__((aligned(4)));
  return *reinterpret_cast<const Anywhere*>(x);
}

template <class V>
STORM_INLINE void store(V x, float* to) {
  typedef V Anywhere __attribute__((aligned(4)));
  *reinterpret_cast<Anywhere*>(to) = x;
}

// The sum of all, by halves.
STORM_INLINE float total(V4 x) {
  const V4 two = x + __builtin_shufflevector(x, x, 2, 3, 0, 1);
  return two[0] + two[1];
}
STORM_INLINE float total(V8 x) {
  return total(__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7));
}
STORM_INLINE float total(V16 x) {
  return total(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
               __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
}

// e^x to 2 ulp for x in [-87, 88]; below that it is 0 to f32's smallest normal, above it saturates; NaN stays NaN.
// Range reduction to |r| <= ln2/2 and a polynomial (Cephes' expf, S. L. Moshier). Without branches, so that it
// vectorises.
STORM_INLINE float exp(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number, which the lowest bits then are
  const float shifted = x * 1.44269504088896341f + magic, n = shifted - magic;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) + 127) << 23);
}

// 1 / (1 + e^-x) to 4 ulp.
STORM_INLINE float sigmoid(float x) { return 1.0f / (1.0f + exp(-x)); }

// tanh to 3 ulp: near 0 a polynomial (Cephes' tanhf, S. L. Moshier), elsewhere 1 - 2 / (e^2|x| + 1). Both are computed.
STORM_INLINE float tanh(float x) {
  const float size = x < 0 ? -x : x, z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float near = p * z * x + x, far = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  return size < 0.625f ? near : x < 0 ? -far : far;
}

struct ValueAndSlope {
  float value, slope;
};

// Phi(x), the standard normal distribution, to 6 ulp, and its density to 3; 0 and 0 below -12.9, where f32's normal
// numbers end, 1 and 0 above 12.9. The tail is e^(-x^2/2) times a quotient of polynomials (a minimax fit of
// erfcx(|x| / sqrt 2) / 2, to 5e-9), so that nothing cancels: 1 + erf has no digits left below -5.
STORM_INLINE ValueAndSlope normal_cdf(float x) {
  const float size = x < 0 ? -x : x, t = size > 12.9f ? 12.9f : size;
  const float square = t * t, rest = __builtin_fmaf(t, t, -square);  // what rounding took: e^ would make much of it
  float e = exp(-0.5f * square);
  e -= 0.5f * rest * e;
  float p = 3.994691899e-3f;
  p = p * t + 3.981123544e-2f;
  p = p * t + 1.807915114e-1f;
  p = p * t + 4.349866809e-1f;
  p = p * t + 0.5f;
  float q = 1.001305759e-2f;
  q = q * t + 9.979961571e-2f;
  q = q * t + 4.630205168e-1f;
  q = q * t + 1.192337416f;
  q = q * t + 1.667858264f;
  q = q * t + 1.0f;
  const float tail = size > 12.9f ? 0.0f : e * (p / q);
  return {x < 0 ? tail : 1.0f - tail, size > 12.9f ? 0.0f : 0.398942280f * e};
}

// What GPT-2's GELU has for Phi(x): (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, here the sigmoid of twice the
// angle. To 1.2e-7 and, of values below 1/2, to 1.5e-5 of the value; the slope to 5e-7. 0 and 0 below -9.9, 1 and 0
// above 9.9.
STORM_INLINE ValueAndSlope normal_cdf_by_tanh(float x) {
  const float size = x < 0 ? -x : x, t = x < -9.9f ? -9.9f : x > 9.9f ? 9.9f : x;
  const float open = sigmoid(1.59576912f * (t + 0.044715f * t * t * t));
  const float slope = open * (1.0f - open) * 1.59576912f * (1.0f + 0.134145f * t * t);
  return {x < -9.9f ? 0.0f : open, size > 9.9f ? 0.0f : slope};
}

// Swish, x / (1 + e^-x), to 3 ulp, and its slope to 3e-7; 0 and 0 below -88, where the sigmoid leaves f32's normal
// numbers, x and 1 above 88.
STORM_INLINE ValueAndSlope swish(float x) {
  const float e = exp(-x), open = 1.0f / (1.0f + e);
  const float slope = open * (1.0f + x * (e * open));  // e * open, for 1 - open has no digits left above 17
  return {x < -88.0f ? 0.0f : x / (1.0f + e), x < -88.0f ? 0.0f : x > 88.0f ? 1.0f : slope};
}

// -infinity, or the largest of n numbers that is no NaN. By intrinsics, since clang++ does not vectorise a maximum.
STORM_INLINE float largest(const float* x, int64_t n) {
  __m256 four[4];
  for (__m256& m : four) m = _mm256_set1_ps(-__builtin_huge_valf());
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int j = 0; j < 4; ++j) four[j] = _mm256_max_ps(_mm256_loadu_ps(x + i + 8 * j), four[j]);
  for (; i + 8 <= n; i += 8) four[0] = _mm256_max_ps(_mm256_loadu_ps(x + i), four[0]);
  const __m256 eight = _mm256_max_ps(_mm256_max_ps(four[0], four[1]), _mm256_max_ps(four[2], four[3]));
  __m128 last = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  last = _mm_max_ps(last, _mm_movehl_ps(last, last));
  float most = _mm_cvtss_f32(_mm_max_ss(last, _mm_movehdup_ps(last)));
  for (; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

// weights = the softmax of n scores; it may lie where they do.
STORM_INLINE void softmax(const float* scores, int64_t n, float* weights) {
  const float most = largest(scores, n);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < n; ++j) {
    weights[j] = exp(scores[j] - most);
    sum += weights[j];
  }
  const float factor = 1 / sum;
#pragma omp simd
  for (int64_t j = 0; j < n; ++j) weights[j] *= factor;
}

}  // namespace storm::simd
