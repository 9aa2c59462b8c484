// What is drawn follows its law.
#include "vectors/draws.h"

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "tests/catch.h"
#include "vectors/huffman.h"

using namespace storm;

namespace {

// Pearson's statistic of counts against the shares that they should have, less what it is expected to be, in standard
// deviations.
double chi_squared_excess(const std::vector<int64_t>& counts, const std::vector<double>& shares) {
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double wanted = all * shares[i], off = static_cast<double>(counts[i]) - wanted;
    sum += off * off / wanted;
  }
  const double degrees = static_cast<double>(counts.size()) - 1;
  return (sum - degrees) / std::sqrt(2 * degrees);
}

std::vector<int64_t> zipf(std::size_t words) {
  std::vector<int64_t> counts;
  for (std::size_t i = 1; i <= words; ++i) counts.push_back(static_cast<int64_t>(1e6 / static_cast<double>(i)) + 1);
  return counts;
}

}  // namespace

TEST_CASE("numbers are Philox's of their seed, epoch and unit, sixteen counters at a time") {
  const uint64_t seed = 0x123456789abcdef0u;
  const int64_t epoch = 3, unit = 1000003;
  RandomNumbers numbers(seed, epoch, unit);
  const uint64_t stream = static_cast<uint64_t>(epoch) << 40 | static_cast<uint64_t>(unit);
  const auto use = static_cast<uint32_t>(RandomUse::word_vectors);
  for (uint32_t block = 0; block < 3; ++block) {
    std::array<uint32_t, 64> drawn;
    for (auto& x : drawn) x = numbers.next();
    for (uint32_t i = 0; i < 16; ++i) {
      const auto wanted =
          Philox{seed}({16 * block + i, use, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)});
      for (std::size_t j = 0; j < 4; ++j) CHECK(drawn[16 * j + i] == wanted[j]);
    }
  }
  RandomNumbers again(seed, epoch, unit), other(seed, epoch, unit + 1);
  CHECK(again.next_u64() != other.next_u64());
}

TEST_CASE("negative samples come in proportion to the counts to the power of 3/4: chi-squared over 10 million draws") {
  for (const std::size_t words : {std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
    const auto counts = zipf(words);
    std::vector<double> shares;
    for (const auto c : counts) shares.push_back(std::pow(static_cast<double>(c), 0.75));
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (auto& s : shares) s /= sum;
    const NoiseDistribution noise(counts, 0.75);
    RandomNumbers random(1, 0, 0);
    std::vector<int64_t> drawn(words);
    for (int i = 0; i < 10'000'000; ++i) ++drawn[static_cast<std::size_t>(noise.draw(random.next_u64()))];
    if (words > 1) CHECK(std::abs(chi_squared_excess(drawn, shares)) < 4);
  }
}

TEST_CASE("a word is kept with the probability sqrt(t/f) + t/f of word2vec's program, or always") {
  const std::vector<int64_t> counts{500'000, 100'000, 10'000, 1000, 40, 20};
  const int64_t total = 611'060;
  const double sample = 1e-3;
  const SubSampling sampling(counts, total, sample), none(counts, total, 0);
  RandomNumbers random(2, 0, 0);
  for (std::size_t w = 0; w < counts.size(); ++w) {
    const double ratio = sample * static_cast<double>(total) / static_cast<double>(counts[w]),
                 wanted = std::min(std::sqrt(ratio) + ratio, 1.0);
    int64_t kept = 0;
    constexpr int kDraws = 1'000'000;
    for (int i = 0; i < kDraws; ++i) {
      const auto number = random.next();
      kept += sampling.keeps(static_cast<int32_t>(w), number);
      CHECK_FALSE(!none.keeps(static_cast<int32_t>(w), number));
    }
    const double spread = std::sqrt(wanted * (1 - wanted) / kDraws);
    CHECK(std::abs(static_cast<double>(kept) / kDraws - wanted) <= 4 * spread);
  }
}

TEST_CASE("Huffman's code: no word's path begins another's, and no code is shorter on the whole") {
  // Huffman 1952's weights, which cost 3.42 binary digits a letter.
  const std::vector<int64_t> counts{20, 18, 10, 10, 10, 6, 6, 4, 4, 4, 4, 3, 1};
  const HuffmanTree tree(counts);
  int64_t cost = 0;
  double kraft = 0;
  for (int32_t w = 0; w < static_cast<int32_t>(counts.size()); ++w) {
    const auto path = tree.path(w);
    REQUIRE(path.nodes.size() == path.turns.size());
    CHECK(path.nodes[0] == static_cast<int32_t>(counts.size()) - 2);  // the root, made last
    cost += counts[static_cast<std::size_t>(w)] * static_cast<int64_t>(path.turns.size());
    kraft += std::pow(0.5, static_cast<double>(path.turns.size()));
    for (int32_t other = 0; other < w; ++other) {
      const auto before = tree.path(other);
      const auto n = std::min(path.turns.size(), before.turns.size());
      CHECK_FALSE(
          std::equal(path.turns.begin(), path.turns.begin() + static_cast<std::ptrdiff_t>(n), before.turns.begin()));
    }
  }
  CHECK(cost == 342);
  CHECK(kraft == 1);
  CHECK(HuffmanTree(std::vector<int64_t>{5}).path(0).nodes.empty());
}
