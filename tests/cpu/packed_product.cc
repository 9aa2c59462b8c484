#include "cpu/packed_product.h"

#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <vector>

#include "base/dtype.h"
#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/packed_kernels.h"
#include "tests/catch.h"
#include "tests/cpu/random_numbers.h"

using namespace storm;
using test::random_numbers;

namespace {

using packed::W16;

// What the instructions of AVX-512 do, number by number: CPUs without them run the same tiles with these.
struct PlainLanes {
  STORM_INLINE W16 repeated(const void* p) {
    int32_t group;
    __builtin_memcpy(&group, p, sizeof group);
    return W16{} + group;
  }
};
struct PlainVnni : PlainLanes {
  STORM_INLINE W16 add(W16 sum, W16 w, W16 x) {
    for (int i = 0; i < 16; ++i)
      for (int b = 0; b < 32; b += 8)
        sum[i] += static_cast<uint8_t>(w[i] >> b) * static_cast<int8_t>(static_cast<uint8_t>(x[i] >> b));
    return sum;
  }
};
struct PlainBf16 : PlainLanes {
  STORM_INLINE simd::V16 add(simd::V16 sum, W16 w, W16 x) {
    for (int i = 0; i < 16; ++i)
      for (int b = 0; b < 32; b += 16)
        sum[i] += bf16_to_f32(static_cast<uint16_t>(w[i] >> b)) * bf16_to_f32(static_cast<uint16_t>(x[i] >> b));
    return sum;
  }
};

template <class P>
void plain_multiply(const PackedKernel::Job& job, int64_t first, int64_t last) {
  packed::multiply<P>(job, first, last);
}

// Those that this CPU can run, and the others with plain numbers in place of their instruction.
std::vector<PackedKernel> kernels() {
  std::vector<PackedKernel> all;
  for (const PackedKernel* kernel : packed_kernels()) {
    if (can_run(*kernel)) all.push_back(*kernel);
    PackedKernel plain = *kernel;
    plain.multiply = kernel->group == 4                       ? plain_multiply<packed::FourBytes<PlainVnni>>
                     : kernel->numbers == PackedNumbers::bf16 ? plain_multiply<packed::TwoBf16<PlainBf16>>
                                                              : nullptr;
    if (plain.multiply) all.push_back(plain);
  }
  return all;
}

struct Matrix {
  int64_t rows, cols;
  std::vector<float> x;
  const float* row(int64_t r) const { return x.data() + r * cols; }
};

std::vector<float> rounded_row(const PackedKernel& kernel, const float* x, int64_t n) {
  std::vector<float> row(x, x + n);
  if (kernel.numbers == PackedNumbers::bf16)
    for (float& v : row) v = bf16_to_f32(f32_to_bf16(v));
  return row;
}

// What a product must be: of int8 exactly this, else to rounding.
float expected(const PackedKernel& kernel, const float* x, const float* w, int64_t k, int64_t first) {
  const auto size = static_cast<std::size_t>(first + k);
  if (kernel.numbers == PackedNumbers::int8) {
    std::vector<int8_t> a(size), b(size);
    const float scale_x = quantize_row(x, k, a.data() + first), scale_w = quantize_row(w, first + k, b.data());
    int64_t sum = 0;
    for (auto i = static_cast<std::size_t>(first); i < size; ++i) sum += int64_t{a[i]} * b[i];
    return static_cast<float>(sum) * (scale_x * scale_w);
  }
  const auto a = rounded_row(kernel, x, k), b = rounded_row(kernel, w, first + k);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[static_cast<std::size_t>(first) + i]);
  return static_cast<float>(sum);
}

}  // namespace

TEST_CASE("a product with a packed weight is the sum of its rounded terms, to the bit where these are whole numbers") {
  for (const PackedKernel& kernel : kernels())
    for (const int64_t m : {1, 2, 5, 6, 7, 13})
      for (const int64_t n : {1, 15, 16, 17, 63, 64, 65, 130})
        for (const int64_t k : {1, 2, 3, 4, 5, 31, 128, 129}) {
          const int64_t ldx = k + 3, ldy = n + 5;
          const auto x = random_numbers(m * ldx, 1), w = random_numbers(n * k, 2);
          const PackedWeight weight(kernel, w.data(), n, k);
          std::vector<float> y(static_cast<std::size_t>(m * ldy), NAN);
          packed_product(m, k, x.data(), ldx, weight, 0, {}, y.data(), ldy);
          INFO(kernel.name << " m " << m << " n " << n << " k " << k);
          const double bound = kernel.numbers == PackedNumbers::int8 ? 0 : 2e-7 * static_cast<double>(k);
          double worst = 0;
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < ldy; ++j) {
              const float v = y[static_cast<std::size_t>(i * ldy + j)];
              if (j >= n) {
                REQUIRE(std::isnan(v));  // beside the product nothing is written
                continue;
              }
              const float want = expected(kernel, x.data() + i * ldx, w.data() + j * k, k, 0);
              worst = std::max(worst, std::abs(static_cast<double>(v) - static_cast<double>(want)));
              REQUIRE(!std::isnan(v));
            }
          CHECK(worst <= bound);
        }
}

TEST_CASE("sums of the largest whole numbers are exact, and nothing saturates") {
  const int64_t m = 7, n = 70, k = 4099;
  for (const PackedKernel& kernel : kernels()) {
    if (kernel.numbers != PackedNumbers::int8) continue;
    INFO(kernel.name);
    for (const float sign : {1.0f, -1.0f}) {
      const std::vector<float> x(static_cast<std::size_t>(m * k), 127), w(static_cast<std::size_t>(n * k), 127 * sign);
      const PackedWeight weight(kernel, w.data(), n, k);
      std::vector<float> y(static_cast<std::size_t>(m * n));
      packed_product(m, k, x.data(), k, weight, 0, {}, y.data(), n);
      for (const float v : y) REQUIRE(v == sign * 127 * 127 * static_cast<float>(k));
    }
  }
}

TEST_CASE("in a product with a packed weight no row's bits depend on the others or on the threads") {
  const int64_t m = 333, n = 203, k = 650;
  const auto x = random_numbers(m * k, 3), w = random_numbers(n * k, 4);
  for (const PackedKernel& kernel : kernels()) {
    INFO(kernel.name);
    const PackedWeight weight(kernel, w.data(), n, k);
    std::vector<float> all(static_cast<std::size_t>(m * n)), one(all), rows(all);
    packed_product(m, k, x.data(), k, weight, 0, {}, all.data(), n);
    const auto threads = thread_count();
    set_thread_count(1);
    packed_product(m, k, x.data(), k, weight, 0, {}, one.data(), n);
    for (int64_t i = 0; i < m; ++i) packed_product(1, k, x.data() + i * k, k, weight, 0, {}, rows.data() + i * n, n);
    set_thread_count(threads);
    CHECK(all == one);
    CHECK(all == rows);
  }
}

TEST_CASE("a product with a packed weight adds bias and what is there, takes ReLU, and may begin at a column") {
  const int64_t m = 8, n = 70, k = 36, column = 28;
  const auto x = random_numbers(m * k, 5), w = random_numbers(n * (column + k), 6), bias = random_numbers(n, 7),
             before = random_numbers(m * n, 8);
  for (const PackedKernel& kernel : kernels()) {
    INFO(kernel.name);
    const PackedWeight weight(kernel, w.data(), n, column + k);
    std::vector<float> sums(static_cast<std::size_t>(m * n)), y = before;
    packed_product(m, k, x.data(), k, weight, column, {}, sums.data(), n);
    packed_product(m, k, x.data(), k, weight, column, {.add = true, .bias = bias.data(), .relu = true}, y.data(), n);
    for (int64_t i = 0; i < m * n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float want = expected(kernel, x.data() + i / n * k, w.data() + i % n * (column + k), k, column);
      REQUIRE(std::abs(sums[at] - want) <= (kernel.numbers == PackedNumbers::int8 ? 0 : 1e-5f));
      REQUIRE(y[at] == std::max(0.0f, (sums[at] + bias[static_cast<std::size_t>(i % n)]) + before[at]));
    }
  }
}

TEST_CASE("what is no number stays none in products with packed weights, and a row of zeros stays zero") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const int64_t n = 20, k = 40;
  const auto w = random_numbers(n * k, 9);
  for (const PackedKernel& kernel : kernels()) {
    INFO(kernel.name);
    const PackedWeight weight(kernel, w.data(), n, k);
    for (const float bad : {nan, infinity, -infinity}) {
      std::vector<float> x(static_cast<std::size_t>(3 * k)), y(static_cast<std::size_t>(3 * n), 1);
      x[static_cast<std::size_t>(k + 7)] = bad;
      x[static_cast<std::size_t>(2 * k)] = 1e-42f;
      packed_product(3, k, x.data(), k, weight, 0, {.relu = true}, y.data(), n);
      for (int64_t j = 0; j < n; ++j) {
        REQUIRE(y[static_cast<std::size_t>(j)] == 0);
        const float v = y[static_cast<std::size_t>(n + j)];
        REQUIRE(
            (std::isnan(v) || std::isinf(v) || (v == 0 && std::isinf(bad) && kernel.numbers != PackedNumbers::int8)));
        REQUIRE(std::abs(y[static_cast<std::size_t>(2 * n + j)]) < 1e-40f);
      }
    }
  }
}

TEST_CASE("a row becomes whole numbers of its largest, ties to even") {
  const std::vector<float> x{-254, 1, 3, 5, -1, -3, 253, 0};
  std::vector<int8_t> q(x.size());
  CHECK(quantize_row(x.data(), 8, q.data()) == 2);
  CHECK(q == std::vector<int8_t>{-127, 0, 2, 2, 0, -2, 126, 0});
}

TEST_CASE("a weight of whole numbers and scales is that of the floats that they stand for") {
  const int64_t m = 3, n = 33, k = 21;
  const auto x = random_numbers(m * k, 10), w = random_numbers(n * k, 11);
  std::vector<int8_t> q(static_cast<std::size_t>(n * k));
  std::vector<float> scales(static_cast<std::size_t>(n)), y(static_cast<std::size_t>(m * n)), z(y);
  for (int64_t r = 0; r < n; ++r)
    scales[static_cast<std::size_t>(r)] = quantize_row(w.data() + r * k, k, q.data() + r * k);
  packed_product(m, k, x.data(), k, PackedWeight(PackedNumbers::int8, w.data(), n, k), 0, {}, y.data(), n);
  packed_product(m, k, x.data(), k, PackedWeight(q.data(), scales, k), 0, {}, z.data(), n);
  CHECK(y == z);
}

// What ops/README.md says of these kernels: GFLOP/s of one thread's products, beside gemm's.
TEST_CASE("the rate of products with packed weights", "[.speed]") {
  using Clock = std::chrono::steady_clock;
  const auto rate = [](double flop, auto&& product) {
    double best = 1e9;
    for (int i = 0; i < 10; ++i) {
      const auto begin = Clock::now();
      product();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
    }
    return flop / best / 1e9;
  };
  const auto threads = thread_count();
  set_thread_count(1);
  struct Size {
    int64_t m, n, k;
  };
  for (const auto [m, n, k] : {Size{256, 512, 512}, Size{256, 2048, 512}, Size{256, 512, 2048}, Size{256, 8000, 512},
                               Size{256, 256, 128}, Size{5, 2048, 512}, Size{1, 3072, 768}}) {
    const auto x = random_numbers(m * k, 1), w = random_numbers(n * k, 2);
    std::vector<float> y(static_cast<std::size_t>(m * n));
    const double flop = 2.0 * static_cast<double>(m * n * k);
    std::cout << m << " x " << n << " x " << k << ": gemm "
              << rate(flop, [&] { gemm(false, true, m, n, k, 1, x.data(), k, w.data(), k, 0, y.data(), n); });
    for (const PackedKernel* kernel : packed_kernels()) {
      if (!can_run(*kernel)) continue;
      const PackedWeight weight(*kernel, w.data(), n, k);
      std::cout << ", " << kernel->name << ' '
                << rate(flop, [&] { packed_product(m, k, x.data(), k, weight, 0, {}, y.data(), n); });
    }
    std::cout << '\n';
  }
  set_thread_count(threads);
}
