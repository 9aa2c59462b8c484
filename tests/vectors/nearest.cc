// Exact search against the plainest search there is.
#include "vectors/nearest.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "tests/catch.h"
#include "tests/errors.h"

using namespace storm;
using test::refused;

namespace {

std::vector<Neighbour> brute_force(std::span<const float> rows, std::span<const float> query, std::size_t k) {
  const auto width = query.size();
  std::vector<Neighbour> all;
  for (std::size_t r = 0; r < rows.size() / width; ++r) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const double a = static_cast<double>(query[i]), b = static_cast<double>(rows[r * width + i]);
      ab += a * b;
      aa += a * a;
      bb += b * b;
    }
    if (aa > 0 && bb > 0) all.push_back({ab / (std::sqrt(aa) * std::sqrt(bb)), static_cast<int64_t>(r)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Neighbour& a, const Neighbour& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), k));
  return all;
}

// Whether both are the same rows in the same order.
void check_same(std::span<const VectorBlock> index, std::span<const float> rows, int64_t width,
                std::span<const float> queries, int64_t k) {
  const auto got = nearest(index, width, queries, k);
  const auto w = static_cast<std::size_t>(width);
  REQUIRE(got.size() == queries.size() / w);
  int wrong = 0;
  for (std::size_t q = 0; q < got.size(); ++q) {
    const auto want = brute_force(rows, queries.subspan(q * w, w), static_cast<std::size_t>(k));
    wrong += got[q].size() != want.size();
    for (std::size_t i = 0; i < std::min(want.size(), got[q].size()); ++i)
      wrong += got[q][i].row != want[i].row || std::abs(got[q][i].score - want[i].score) > 1e-14;
  }
  CHECK(wrong == 0);
}

std::vector<float> random_vectors(int64_t n, uint64_t seed, bool ties) {
  RandomStream random(seed, RandomUse::sampling);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = ties ? static_cast<float>(random.below(3)) - 1 : static_cast<float>(random.normal());
  return x;
}

VectorBlock block(std::span<const float> x, int64_t width) {
  return {DType::F32, static_cast<int64_t>(x.size()) / width, std::as_bytes(x), "rows"};
}

struct Threads {
  explicit Threads(int n) : before(omp_get_max_threads()) { omp_set_num_threads(n); }
  ~Threads() { omp_set_num_threads(before); }
  int before;
};

}  // namespace

TEST_CASE("the nearest rows are brute force's, ties by the lower row, over odd shapes and threads") {
  for (const int threads : {1, 3}) {
    const Threads with(threads);
    for (const bool ties : {false, true})
      for (const auto& [rows, width, queries, k] : std::vector<std::array<int64_t, 4>>{{0, 3, 2, 1},
                                                                                       {1, 1, 1, 1},
                                                                                       {7, 3, 4, 10},
                                                                                       {511, 5, 3, 512},
                                                                                       {512, 16, 1, 7},
                                                                                       {513, 17, 257, 3},
                                                                                       {2100, 33, 20, 100},
                                                                                       {1500, 128, 300, 10}}) {
        INFO(rows << " x " << width << ", " << queries << " queries, k " << k << ", ties " << ties);
        const auto x = random_vectors(rows * width, 1, ties), q = random_vectors(queries * width, 2, ties);
        const auto index = block(x, width);
        check_same(std::span(&index, 1), x, width, q, k);
      }
  }
}

TEST_CASE("equal rows come in their order, wherever they stand, and so do multiples of them") {
  const int64_t width = 24, rows = 1300;
  auto x = random_vectors(rows * width, 3, false);
  const auto q = random_vectors(width, 4, false);
  for (const int64_t r : {3, 509, 511, 512, 513, 1023, 1024, 1299})
    for (int64_t j = 0; j < width; ++j)
      x[static_cast<std::size_t>(r * width + j)] = q[static_cast<std::size_t>(j)] * (r % 2 ? 4.0f : 0.5f);
  const auto index = block(x, width);
  const auto found = nearest(std::span(&index, 1), width, q, 8)[0];
  std::vector<int64_t> order;
  for (const auto& n : found) order.push_back(n.row);
  CHECK(order == std::vector<int64_t>{3, 509, 511, 512, 513, 1023, 1024, 1299});
  check_same(std::span(&index, 1), x, width, q, 12);
}

TEST_CASE("rows whose cosines differ by less than f32 can tell stand in the right order") {
  const int64_t width = 2048, rows = 700;
  const auto q = random_vectors(width, 8, false);
  auto x = random_vectors(rows * width, 9, false);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = q[i % 2048] + 1e-4f * x[i];  // cosines from 1 - 1e-8 on
  const auto index = block(x, width);
  check_same(std::span(&index, 1), x, width, q, 5);
}

TEST_CASE("an index may come in several blocks, in any float type, at any alignment") {
  const int64_t width = 10;
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    auto x = random_vectors(1201 * width, 5, false);
    std::vector<std::byte> bytes(1);  // the vectors begin at an odd address
    for (float& v : x) {
      const uint16_t bits = dtype == DType::F16 ? f32_to_f16(v) : f32_to_bf16(v);
      if (dtype != DType::F32) v = dtype == DType::F16 ? f16_to_f32(bits) : bf16_to_f32(bits);
      const auto* from =
          dtype == DType::F32 ? reinterpret_cast<const std::byte*>(&v) : reinterpret_cast<const std::byte*>(&bits);
      bytes.insert(bytes.end(), from, from + byte_size(dtype));
    }
    std::vector<VectorBlock> blocks;
    std::size_t at = 1;
    for (const int64_t rows : {0, 1, 600, 0, 599, 1}) {
      const auto size = static_cast<std::size_t>(rows * width) * byte_size(dtype);
      blocks.push_back({dtype, rows, std::span(bytes).subspan(at, size), "block"});
      at += size;
    }
    check_same(blocks, x, width, random_vectors(4 * width, 6, false), 20);
  }
}

TEST_CASE("zeros have no direction: such rows are nobody's neighbours, such a query has none") {
  std::vector<float> x(6, 0.0f), q{-1, -1};
  x[2] = 1;  // row 1 is (1, 0): its cosine is negative, and yet it is the only neighbour
  const auto index = block(x, 2);
  const auto found = nearest(std::span(&index, 1), 2, q, 3)[0];
  REQUIRE(found.size() == 1);
  CHECK(found[0].row == 1);
  CHECK(found[0].score == Approx(-std::sqrt(0.5)).margin(1e-15));
  CHECK(nearest(std::span(&index, 1), 2, std::vector<float>{0, 0}, 3)[0].empty());
}

TEST_CASE("very small and very large numbers have their cosines") {
  const std::vector<float> x{1e-42f, 0, 3e38f, 3e38f, 0, 1e-38f}, q{1e-40f, 0};
  const auto index = block(x, 2);
  const auto found = nearest(std::span(&index, 1), 2, q, 3)[0];
  REQUIRE(found.size() == 3);
  CHECK(found[0].row == 0);
  CHECK(found[0].score == Approx(1).margin(1e-12));
  CHECK(found[1].score == Approx(std::sqrt(0.5)).margin(1e-12));
}

TEST_CASE("NaN and infinities are errors that name the block and its row") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto x = random_vectors(800 * 4, 7, false);
    x[700 * 4 + 2] = bad;
    const std::vector<VectorBlock> blocks{
        {DType::F32, 100, std::as_bytes(std::span(x)).first(1600), "a"},
        {DType::F32, 700, std::as_bytes(std::span(x)).subspan(1600), "b.st: byte 64"}};
    const std::vector<float> q{1, 2, 3, 4}, bad_q{1, bad, 3, 4};
    CHECK(
        refused([&] { nearest(blocks, 4, q, 3); }, {"b.st: byte 64: row 600 of the vectors holds NaN or an infinity"}));
    CHECK_THROWS_AS(nearest(std::span(blocks).first(1), 4, bad_q, 3), Error);
  }
}
