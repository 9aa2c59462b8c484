// Spaces brought into one.
#include "vectors/alignment.h"

#include <cmath>
#include <fstream>

#include "base/random.h"
#include "cpu/eigen.h"
#include "tests/catch.h"
#include "tests/errors.h"
#include "tests/scratch_folder.h"
#include "tests/vectors/memory_words.h"

using namespace storm;
using test::refused;

namespace {

constexpr int64_t kWidth = 30, kWords = 200;

std::vector<float> random_vectors(int64_t n, uint64_t seed) {
  RandomStream random(seed, RandomUse::sampling);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = static_cast<float>(random.normal());
  return x;
}

std::vector<std::string> names(const std::string& prefix) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < kWords; ++i) all.push_back(prefix + std::to_string(i));
  return all;
}

// An orthogonal matrix, a reflection among them, by Householder's of random vectors.
std::vector<double> some_rotation() {
  constexpr auto w = static_cast<std::size_t>(kWidth);
  std::vector<double> q(w * w);
  for (std::size_t i = 0; i < w; ++i) q[i * w + i] = 1;
  for (uint64_t turn = 0; turn < 5; ++turn) {
    const auto v = random_vectors(kWidth, 10 + turn);
    double squares = 0;
    for (const double x : v) squares += x * x;
    for (std::size_t r = 0; r < w; ++r) {
      double product = 0;
      for (std::size_t i = 0; i < w; ++i) product += q[r * w + i] * v[i];
      for (std::size_t i = 0; i < w; ++i) q[r * w + i] -= 2 * product / squares * v[i];
    }
  }
  return q;
}

std::vector<Translation> pairs(int64_t begin, int64_t end) {
  std::vector<Translation> all;
  for (int64_t i = begin; i < end; ++i) all.push_back({"s" + std::to_string(i), "t" + std::to_string(i)});
  return all;
}

}  // namespace

TEST_CASE("a rotated copy of random vectors is found back, whatever the vectors' lengths") {
  const auto rotation = some_rotation();
  const auto vectors = random_vectors(kWords * kWidth, 1);
  auto turned = mapped(vectors, rotation, kWidth);
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] *= static_cast<float>(1 + i / kWidth % 3);
  const test::MemoryWords source(names("s"), vectors), target(names("t"), turned);
  auto dictionary = pairs(0, 60);
  dictionary.push_back({"s61", "unknown"});
  const auto map = align_spaces(source, target, dictionary);
  CHECK(map.pairs == 60);
  CHECK(map.cosine == Approx(1).margin(1e-6));
  double worst = 0;
  for (std::size_t i = 0; i < rotation.size(); ++i) worst = std::max(worst, std::abs(map.matrix[i] - rotation[i]));
  CHECK(worst < 1e-5);

  auto held_out = pairs(60, 90);
  held_out.push_back({"s60", "t7"});  // a second translation, which is wrong
  held_out.push_back({"unknown", "t1"});
  held_out.push_back({"s100", "t101"});  // only wrong
  const auto precision = translation_precision(source, target, map.matrix, held_out);
  CHECK(precision.asked == 32);
  CHECK(precision.words == 31);
  CHECK(precision.right[0] == 30);
}

TEST_CASE("the map is the best orthogonal one: it keeps lengths, and others are no nearer") {
  constexpr int64_t kRows = 50;
  const auto a = random_vectors(kRows * kWidth, 4), b = random_vectors(kRows * kWidth, 5);
  const std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  const auto best = orthogonal_map(x, y, kWidth);
  constexpr auto w = static_cast<std::size_t>(kWidth);
  const auto agreement = [&](std::span<const double> m) {
    double sum = 0;
    for (std::size_t r = 0; r < x.size(); r += w)
      for (std::size_t i = 0; i < w; ++i)
        for (std::size_t j = 0; j < w; ++j) sum += x[r + i] * m[i * w + j] * y[r + j];
    return sum;
  };
  for (std::size_t i = 0; i < w; ++i)
    for (std::size_t j = 0; j < w; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < w; ++k) product += best[i * w + k] * best[j * w + k];
      CHECK(product == Approx(i == j ? 1 : 0).margin(1e-12));
    }
  CHECK(agreement(best) > agreement(some_rotation()));
  for (std::size_t i = 0; i + 1 < w; ++i) {  // turned a little within a plane
    auto other = best;
    for (std::size_t r = 0; r < w; ++r) {
      other[r * w + i] = std::cos(0.01) * best[r * w + i] - std::sin(0.01) * best[r * w + i + 1];
      other[r * w + i + 1] = std::sin(0.01) * best[r * w + i] + std::cos(0.01) * best[r * w + i + 1];
    }
    CHECK(agreement(other) < agreement(best));
  }
}

TEST_CASE("dictionaries are read by TAB or space; what is none is an error with its line") {
  const test::ScratchFolder folder;
  const auto read = [&](const std::string& text) {
    std::ofstream(folder / "words", std::ios::binary) << text;
    return read_dictionary(folder / "words");
  };
  const auto read_pairs = read("New York\tNueva York\r\n\ncat gato\n");
  REQUIRE(read_pairs.size() == 2);
  CHECK(read_pairs[0].source == "New York");
  CHECK(read_pairs[0].target == "Nueva York");
  CHECK(read_pairs[1].target == "gato");
  CHECK(refused([&] { read("a b\nc\n"); }, {"words: line 2: not source TAB target"}));
  CHECK(refused([&] { read("a b c\n"); }, {"line 1: more than source and target"}));
  CHECK(refused([&] { read("\n"); }, {"words: holds no pair of words"}));
}

TEST_CASE("tables that cannot be aligned are errors that name them") {
  const test::MemoryWords source({"a", "b"}, {1, 0, 0, 1}), wide({"a"}, {1, 2, 3}), zero({"a"}, {0, 0});
  const std::vector<Translation> same{{"a", "a"}}, unknown{{"x", "a"}};
  CHECK(refused([&] { align_spaces(source, wide, same); }, {"its vectors have 3 numbers, those of words have 2"}));
  CHECK(refused([&] { align_spaces(source, zero, same); }, {"the vector of 'a' is zero"}));
  CHECK(refused([&] { align_spaces(source, source, unknown); }, {"none of the 1 pairs of the dictionary has rows"}));
}
