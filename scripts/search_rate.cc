// How fast exact search runs beside the plain matrix product of its shape.
//   search-rate FILE ROWS WIDTH QUERIES K RUNS
// FILE is written, mapped and taken away. Alternating runs; prints seconds of wall clock and of CPU time (the middle
// one of each), and GFLOP/s of both.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/number.h"
#include "base/output.h"
#include "base/parallel.h"
#include "base/random.h"
#include "cpu/gemm.h"
#include "vectors/nearest.h"

namespace {

using namespace storm;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Seconds {
  std::vector<double> wall, cpu;
  template <class Work>
  void measure(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    const double before = cpu_seconds();
    work();
    cpu.push_back(cpu_seconds() - before);
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  static double middle(std::vector<double> x) {
    std::sort(x.begin(), x.end());
    return x[x.size() / 2];
  }
};

std::vector<float> random_floats(int64_t n, RandomStream& random) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(random.next_u32()) * 0x1p-31f - 1;
  return x;
}

void measure(const std::string& path, int64_t rows, int64_t width, int64_t queries, int64_t k, int64_t runs) {
  RandomStream random(1, RandomUse::sampling);
  {
    Output output(path);
    for (int64_t at = 0; at < rows; at += 4096)
      output.write(
          std::as_bytes(std::span<const float>(random_floats(std::min<int64_t>(4096, rows - at) * width, random))));
    output.commit();
  }
  const auto asked = random_floats(queries * width, random);
  Seconds search, product;
  // The product in tiles that stay in the cache, each thread on its own: the form that runs fastest.
  constexpr int64_t kTile = 1024;
  const auto one = random_floats(kTile * width, random);
  for (int64_t run = 0; run < runs; ++run) {
    search.measure([&] {
      const MappedFile file(path);
      const VectorBlock block{DType::F32, rows, file.bytes(), path};
      nearest(std::span(&block, 1), width, asked, k);
    });
    product.measure([&] {
      parallel_ranges((rows + kTile - 1) / kTile, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> c(static_cast<std::size_t>(queries * kTile));
        for (; begin < end; ++begin)
          gemm(false, true, queries, std::min(kTile, rows - begin * kTile), width, 1, asked.data(), width, one.data(),
               width, 0, c.data(), kTile);
      });
    });
  }
  const double gflop = 2e-9 * static_cast<double>(rows) * static_cast<double>(width) * static_cast<double>(queries);
  const auto print = [&](const char* name, const Seconds& s) {
    std::printf("%s %.3f s, %.3f s of CPU, %.0f GFLOP/s; ", name, Seconds::middle(s.wall), Seconds::middle(s.cpu),
                gflop / Seconds::middle(s.wall));
  };
  print("search", search);
  print("product", product);
  std::printf("product/search by CPU %.2f\n", Seconds::middle(product.cpu) / Seconds::middle(search.cpu));
  std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  storm::set_library_environment(argv);
  int64_t size[5] = {};
  bool good = argc == 7;
  for (int i = 0; good && i < 5; ++i) {
    const auto value = storm::parse_number<int64_t>(argv[i + 2]);
    good = value && *value > 0 && *value <= 1 << 24;
    if (good) size[i] = *value;
  }
  if (!good) {
    std::fputs("search-rate: give FILE ROWS WIDTH QUERIES K RUNS\n", stderr);
    return 2;
  }
  try {
    measure(argv[1], size[0], size[1], size[2], size[3], size[4]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "search-rate: %s\n", e.what());
    return 1;
  }
}
