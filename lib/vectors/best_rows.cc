#include "vectors/best_rows.h"

#include <algorithm>
#include <limits>

#include "cpu/simd.h"

namespace storm {

namespace {

constexpr int64_t kStretch = 128;

STORM_CLONES int64_t next_large_of(const float* x, int64_t begin, int64_t n, float least) {
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

}  // namespace

int64_t next_large(const float* x, int64_t begin, int64_t n, float least) { return next_large_of(x, begin, n, least); }

void BestRows::offer(const Neighbour& candidate, std::size_t k) {
  if (heap_.size() == k) {
    if (!better(candidate, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), better);
    heap_.pop_back();
  }
  heap_.push_back(candidate);
  std::push_heap(heap_.begin(), heap_.end(), better);
}

double BestRows::least(std::size_t k) const {
  return heap_.size() < k ? -std::numeric_limits<double>::infinity() : heap_.front().score;
}

std::vector<Neighbour> BestRows::sorted() && {
  std::sort(heap_.begin(), heap_.end(), better);
  return std::move(heap_);
}

}  // namespace storm
