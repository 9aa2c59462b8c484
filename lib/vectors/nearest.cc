#include "vectors/nearest.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"

namespace storm {

namespace {

// A panel of the index and the scores of some queries with it stay in a core's own cache.
constexpr int64_t kPanelRows = 512, kQueries = 256;

STORM_CLONES double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

STORM_CLONES void scale(const float* x, int64_t n, double factor, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<double>(x[i]) * factor);
}

// Halves of a mapped file, at any address.
typedef uint16_t Half __attribute__((aligned(1), may_alias));

STORM_CLONES void widen_bf16(const Half* x, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = __builtin_bit_cast(float, static_cast<uint32_t>(x[i]) << 16);
}

STORM_CLONES void widen_f16(const Half* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i_u*>(x + i))));
  for (; i < n; ++i) y[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x[i])));
}

// The first place from `begin` on where x is at least `least`; n where there is none. Most are below: stretches of
// kStretch are passed over by their largest.
constexpr int64_t kStretch = 128;
STORM_CLONES int64_t next_large(const float* x, int64_t begin, int64_t n, float least) {
  for (; begin < n && begin % kStretch != 0; ++begin)
    if (x[begin] >= least) return begin;
  for (; begin + kStretch <= n; begin += kStretch) {
    const float* y = x + begin;
    float most[16];
#pragma omp simd
    for (int64_t j = 0; j < 16; ++j) {
      float a = y[j] > y[j + 16] ? y[j] : y[j + 16], b = y[j + 32] > y[j + 48] ? y[j + 32] : y[j + 48];
      float c = y[j + 64] > y[j + 80] ? y[j + 64] : y[j + 80], d = y[j + 96] > y[j + 112] ? y[j + 96] : y[j + 112];
      a = a > b ? a : b;
      c = c > d ? c : d;
      most[j] = a > c ? a : c;
    }
    int32_t any = 0;
#pragma omp simd reduction(| : any)
    for (int64_t j = 0; j < 16; ++j) any |= most[j] >= least ? 1 : 0;
    if (any == 0) continue;
    for (int64_t j = 0; j < kStretch; ++j)
      if (y[j] >= least) return begin + j;
  }
  for (; begin < n; ++begin)
    if (x[begin] >= least) return begin;
  return n;
}

bool better(const Neighbour& a, const Neighbour& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

// Rows over all blocks, as f32.
class Rows {
 public:
  Rows(std::span<const VectorBlock> blocks, int64_t width) : blocks_(blocks), width_(width) {
    for (const auto& b : blocks) {
      require(b.bytes.size() == static_cast<std::size_t>(b.rows * width) * byte_size(b.dtype), b.where,
              ": not vectors of ", width, " numbers");
      begins_.push_back(begins_.back() + b.rows);
    }
  }
  int64_t size() const { return begins_.back(); }

  void read(int64_t row, float* out) const {
    const auto block =
        static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), row) - begins_.begin()) - 1;
    const VectorBlock& b = blocks_[block];
    const auto n = static_cast<std::size_t>(width_), size = byte_size(b.dtype);
    const std::byte* from = b.bytes.data() + static_cast<std::size_t>(row - begins_[block]) * n * size;
    if (b.dtype == DType::F32)
      std::memcpy(out, from, n * size);
    else
      (b.dtype == DType::F16 ? widen_f16 : widen_bf16)(reinterpret_cast<const Half*>(from), width_, out);
  }

  [[noreturn]] void refuse(int64_t row) const {
    const auto block =
        static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), row) - begins_.begin()) - 1;
    fail(blocks_[block].where, ": row ", row - begins_[block], " of the vectors holds NaN or an infinity");
  }

 private:
  std::span<const VectorBlock> blocks_;
  int64_t width_;
  std::vector<int64_t> begins_{0};
};

// The best k of one query so far; the worst of them is on top.
class Best {
 public:
  void offer(const Neighbour& candidate, std::size_t k) {
    if (heap_.size() == k) {
      if (!better(candidate, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), better);
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), better);
  }
  double least(std::size_t k) const {
    return heap_.size() < k ? -std::numeric_limits<double>::infinity() : heap_.front().score;
  }
  std::vector<Neighbour>& heap() { return heap_; }

 private:
  std::vector<Neighbour> heap_;
};

struct Queries {
  std::span<const float> raw;  // [n, width]
  std::vector<float> unit;     // [n, width]
  std::vector<double> norms;   // [n]
};

// Goes through panels [begin, end) of the index.
void search(const Rows& rows, int64_t width, const Queries& queries, std::size_t k, int64_t begin, int64_t end,
            std::vector<Best>& best) {
  const auto n = static_cast<int64_t>(queries.norms.size());
  // What f32 rounding moves a cosine by at most (Higham, "Accuracy and stability of numerical algorithms", §3.1: n u
  // |a|·|b| for a sum in any order), twice.
  const double slack = static_cast<double>(width + 16) * 0x1p-23;
  std::vector<float> panel(static_cast<std::size_t>(kPanelRows * width)), row(static_cast<std::size_t>(width)),
      scores(static_cast<std::size_t>(std::min(kQueries, n) * kPanelRows));
  for (int64_t p = begin; p < end; ++p) {
    const int64_t first = p * kPanelRows, count = std::min(kPanelRows, rows.size() - first);
    for (int64_t r = 0; r < count; ++r) {
      float* to = panel.data() + r * width;
      rows.read(first + r, to);
      const double squares = dot(to, to, width);
      if (!std::isfinite(squares)) rows.refuse(first + r);
      scale(to, width, squares > 0 ? 1 / std::sqrt(squares) : 0, to);
    }
    for (int64_t q0 = 0; q0 < n; q0 += kQueries) {
      const int64_t some = std::min(kQueries, n - q0);
      gemm(false, true, some, count, width, 1, queries.unit.data() + q0 * width, width, panel.data(), width, 0,
           scores.data(), count);
      for (int64_t q = q0; q < q0 + some; ++q) {
        const auto at = static_cast<std::size_t>(q);
        if (queries.norms[at] == 0) continue;
        const float* x = scores.data() + (q - q0) * count;
        auto least = [&] { return std::nextafterf(static_cast<float>(best[at].least(k) - slack), -INFINITY); };
        float bound = least();
        for (int64_t r = next_large(x, 0, count, bound); r < count; r = next_large(x, r + 1, count, bound)) {
          rows.read(first + r, row.data());
          const double squares = dot(row.data(), row.data(), width);
          if (squares == 0) continue;
          const double product = dot(queries.raw.data() + q * width, row.data(), width);
          best[at].offer({product / (queries.norms[at] * std::sqrt(squares)), first + r}, k);
          bound = least();
        }
      }
    }
  }
}

}  // namespace

double cosine(std::span<const float> a, std::span<const float> b) {
  const auto n = static_cast<int64_t>(a.size());
  const double aa = dot(a.data(), a.data(), n), bb = dot(b.data(), b.data(), n);
  return aa > 0 && bb > 0 ? dot(a.data(), b.data(), n) / (std::sqrt(aa) * std::sqrt(bb)) : 0;
}

std::vector<std::vector<Neighbour>> nearest(std::span<const VectorBlock> index, int64_t width,
                                            std::span<const float> queries, int64_t k) {
  require(width > 0 && k > 0 && queries.size() % static_cast<std::size_t>(width) == 0, "nearest: ", queries.size(),
          " numbers of queries of width ", width, ", k ", k);
  const Rows rows(index, width);
  const auto n = static_cast<int64_t>(queries.size()) / width;
  Queries asked{queries, std::vector<float>(queries.size()), {}};
  for (int64_t q = 0; q < n; ++q) {
    const float* x = queries.data() + q * width;
    const double squares = dot(x, x, width);
    require(std::isfinite(squares), "query ", q + 1, " holds NaN or an infinity");
    asked.norms.push_back(std::sqrt(squares));
    scale(x, width, squares > 0 ? 1 / asked.norms.back() : 0, asked.unit.data() + q * width);
  }
  const auto most = static_cast<std::size_t>(std::min(k, rows.size()));
  std::vector<Best> all(static_cast<std::size_t>(n));
  std::mutex merging;
  if (most > 0)
    parallel_ranges((rows.size() + kPanelRows - 1) / kPanelRows, 1, [&](int64_t begin, int64_t end) {
      std::vector<Best> own(all.size());
      search(rows, width, asked, most, begin, end, own);
      const std::lock_guard lock(merging);
      for (std::size_t q = 0; q < own.size(); ++q)
        for (const auto& candidate : own[q].heap()) all[q].offer(candidate, most);
    });
  std::vector<std::vector<Neighbour>> found;
  for (auto& best : all) {
    std::sort(best.heap().begin(), best.heap().end(), better);
    found.push_back(std::move(best.heap()));
  }
  return found;
}

}  // namespace storm
