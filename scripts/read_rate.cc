// The machine's own limit of a step of generation at one row: how fast all threads together read weights that no cache
// holds.
//   read-rate MIB
// Each thread sums its part of MIB of floats; the median of some runs. Prints GB/s. OMP_NUM_THREADS: how many threads.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/buffer.h"
#include "base/number.h"
#include "base/parallel.h"
#include "cpu/simd.h"

namespace {

STORM_CLONES float sum(const float* x, int64_t n) {
  float total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < n; ++i) total += x[i];
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  const auto mib = argc == 2 ? storm::parse_number<int64_t>(argv[1]) : std::nullopt;
  if (!mib || *mib < 1 || *mib > 1 << 16) {
    std::fputs("read-rate: give MIB, from 1 to 65536\n", stderr);
    return 2;
  }
  const storm::Buffer memory(static_cast<std::size_t>(*mib) << 20);
  const auto weights = memory.as<float>();
  const auto n = std::ssize(weights);
  storm::parallel_ranges(
      n, 1024, [&](int64_t begin, int64_t end) { std::fill(weights.begin() + begin, weights.begin() + end, 1.0f); });
  std::vector<double> seconds;
  std::vector<float> sums(static_cast<std::size_t>(storm::thread_count()));
  for (int run = 0; run < 15; ++run) {
    const auto start = std::chrono::steady_clock::now();
    storm::parallel_ranges(n, 1024, [&](int64_t begin, int64_t end) {
      sums[static_cast<std::size_t>(storm::thread_number())] = sum(weights.data() + begin, end - begin);
    });
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  if (std::ranges::count(sums, 0.0f) == std::ssize(sums)) return 1;  // so that the sums are taken
  std::ranges::nth_element(seconds, seconds.begin() + 7);
  std::printf("%.2f GB/s\n", static_cast<double>(n * 4) / seconds[7] / 1e9);
}
