#include "metrics/sort_keys.h"

#include <algorithm>
#include <cstring>

namespace storm {

namespace {

constexpr std::size_t kRun = 64;  // so many keys are sorted by their ranks; runs are merged
using Lanes = int64_t __attribute__((vector_size(32)));

// A key's place is the number of smaller ones. Of equal keys all find the same place; those behind it are filled up.
void sort_run(const uint64_t* keys, std::size_t count, uint64_t* sorted) {
  constexpr std::size_t lanes = 4, block = 4;
  int64_t padded[kRun] = {};
  std::copy_n(keys, count, padded);
  std::fill_n(sorted, count, 0);
  for (std::size_t begin = 0; begin < count; begin += lanes * block) {
    Lanes mine[block], smaller[block] = {};
    std::memcpy(mine, padded + begin, sizeof mine);
    for (std::size_t i = 0; i < count; ++i) {
      const Lanes other = Lanes{} + padded[i];
      for (std::size_t b = 0; b < block; ++b) smaller[b] -= other < mine[b];
    }
    for (std::size_t i = begin; i < std::min(begin + lanes * block, count); ++i)
      sorted[smaller[(i - begin) / lanes][(i - begin) % lanes]] = keys[i];
  }
  for (std::size_t i = 1; i < count; ++i) sorted[i] = sorted[i] ? sorted[i] : sorted[i - 1];
}

void merge(const uint64_t* a, std::size_t a_count, const uint64_t* b, std::size_t b_count, uint64_t* out) {
  const uint64_t *const a_end = a + a_count, *const b_end = b + b_count;
  while (a != a_end && b != b_end) {
    const bool take_b = *b < *a;
    *out++ = take_b ? *b : *a;
    b += take_b;
    a += !take_b;
  }
  std::copy(b, b_end, std::copy(a, a_end, out));
}

}  // namespace

void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch) {
  const std::size_t n = keys.size(), runs = (n + kRun - 1) / kRun;
  scratch.resize(n);
  const auto begin_of = [&](std::size_t run) { return n * std::min(run, runs) / std::max<std::size_t>(runs, 1); };
  for (std::size_t r = 0; r < runs; ++r)
    sort_run(&keys[begin_of(r)], begin_of(r + 1) - begin_of(r), &scratch[begin_of(r)]);
  keys.swap(scratch);
  for (std::size_t width = 1; width < runs; width *= 2) {
    for (std::size_t r = 0; r < runs; r += 2 * width) {
      const std::size_t begin = begin_of(r), middle = begin_of(r + width), end = begin_of(r + 2 * width);
      merge(keys.data() + begin, middle - begin, keys.data() + middle, end - middle, scratch.data() + begin);
    }
    keys.swap(scratch);
  }
}

}  // namespace storm
