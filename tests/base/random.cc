#include "base/random.h"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "tests/catch.h"

using namespace storm;

// The test vectors of the authors' own library (Random123, kat_vectors: philox4x32, 10 rounds).
TEST_CASE("Philox gives the published numbers") {
  using Words = std::array<uint32_t, 4>;
  CHECK(Philox{0}({0, 0, 0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(Philox{UINT64_MAX}({UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(Philox{0x299f31d0a4093822}({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("streams of other seeds, uses and numbers share no draws") {
  std::set<uint64_t> seen;
  std::size_t drawn = 0;
  for (const uint64_t seed : {1, 2})
    for (const auto use : {RandomUse::sampling, RandomUse::corpus, RandomUse::bpe_dropout})
      for (const uint64_t stream : {0ull, 1ull, 1ull << 32}) {
        RandomStream random(seed, use, stream);
        for (int i = 0; i < 100; ++i, ++drawn) seen.insert(uint64_t{random.next_u32()} << 32 | random.next_u32());
      }
  CHECK(seen.size() == drawn);
}

TEST_CASE("whole numbers below a limit are all met, evenly") {
  RandomStream random(1, RandomUse::sampling);
  std::map<uint64_t, int> times;
  for (int i = 0; i < 70000; ++i) ++times[random.below(7)];
  REQUIRE(times.size() == 7);
  for (const auto& [x, n] : times) CHECK(std::abs(n - 10000) < 500);  // five standard deviations
}

TEST_CASE("uniform and normal numbers have the moments that they should") {
  RandomStream random(3, RandomUse::sampling);
  const int n = 100000;
  double uniform = 0, normal = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform(), x = random.normal();
    REQUIRE((u >= 0 && u < 1));
    uniform += u;
    normal += x;
    squares += x * x;
  }
  CHECK(std::abs(uniform / n - 0.5) < 0.005);
  CHECK(std::abs(normal / n) < 0.016);
  CHECK(std::abs(squares / n - 1) < 0.023);
}
