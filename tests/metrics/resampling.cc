#include "metrics/resampling.h"

#include <omp.h>

#include <cmath>
#include <sstream>

#include "metrics/bleu.h"
#include "metrics/chrf.h"
#include "metrics/numpy_random.h"
#include "metrics/ter.h"
#include "tests/catch.h"
#include "tests/data.h"

using namespace storm;
using test::data_lines;

namespace {

Evaluation evaluate(const std::vector<std::string>& systems, const std::vector<std::string>& references) {
  const auto num_refs = static_cast<int64_t>(references.size());
  Evaluation e({bleu_metric({}, num_refs), chrf_metric({}, num_refs), ter_metric({}, num_refs)}, systems.size(), true);
  Block block;
  for (const auto& name : systems) block.systems.push_back(data_lines(name));
  for (const auto& name : references) block.references.push_back(data_lines(name));
  e.add(block);
  return e;
}

template <class Work>
auto with_threads(int n, Work work) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(n);
  auto result = work();
  omp_set_num_threads(before);
  return result;
}

}  // namespace

TEST_CASE("integers are those of numpy's default_rng") {
  const auto recorded = data_lines("numpy");
  REQUIRE(recorded.size() == 6);
  for (const auto& line : recorded) {
    std::istringstream fields(line);
    uint64_t seed = 0;
    uint32_t n = 0;
    fields >> seed >> n;
    NumpyRandom random(seed);
    std::vector<uint32_t> drawn(1000), want(8);
    random.integers(n, drawn);
    for (auto& value : want) REQUIRE(fields >> value);
    CHECK(std::vector<uint32_t>(drawn.end() - 8, drawn.end()) == want);
  }
}

TEST_CASE("resamples and p-values do not depend on the number of threads") {
  const auto e = evaluate({"plain.good", "plain.fair", "plain.close"}, {"plain.ref"});
  const auto drawn = with_threads(1, [&] { return bootstrap(e, 100, 1); });
  const auto p = with_threads(1, [&] { return randomization_p_values(e, 2500, 1); });
  for (const int n : {2, 5}) {
    const auto again = with_threads(n, [&] { return bootstrap(e, 100, 1); });
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t s = 0; s < 3; ++s) CHECK(again[m][s].scores == drawn[m][s].scores);
    CHECK(with_threads(n, [&] { return randomization_p_values(e, 2500, 1); }) == p);
  }
  CHECK(bootstrap(e, 100, 2)[0][0].scores != drawn[0][0].scores);
}

TEST_CASE("a system is no different from itself, and a much worse one is") {
  const auto e = evaluate({"plain.good", "plain.good", "plain.bad"}, {"plain.ref", "plain.ref2"});
  const auto drawn = bootstrap(e, 200, 12345);
  const auto p = randomization_p_values(e, 200, 12345);
  for (std::size_t m = 0; m < 3; ++m) {
    CHECK(bootstrap_p_value(drawn[m][0], drawn[m][1], 0) == Approx(1. / 201).epsilon(1e-12));  // 0 is never above 0
    CHECK(p[m][1] == Approx(1. / 201).epsilon(1e-12));
    const double difference = std::abs(e.score(m, 0).value - e.score(m, 2).value);
    CHECK(bootstrap_p_value(drawn[m][0], drawn[m][2], difference) == Approx(1. / 201).epsilon(1e-12));
    CHECK(p[m][2] == Approx(1. / 201).epsilon(1e-12));
  }
}

namespace {

// One column that holds the hypothesis's length times `factor`, in 32-bit floats.
Evaluation lengths(const std::vector<std::size_t>& sizes, int32_t factor, double divisor) {
  Metric metric;
  metric.key = metric.name = "SUM";
  metric.columns = 1;
  metric.divisors = {divisor};
  metric.counter = [factor] {
    return [factor](auto, auto hypotheses, int32_t* rows) {
      for (const auto h : hypotheses) *rows++ = static_cast<int32_t>(h.size()) * factor;
    };
  };
  metric.value = [](std::span<const double> sums) { return sums[0]; };
  metric.value_f32 = [](std::span<const float> sums) { return double{sums[0]}; };
  Evaluation e({metric}, 1, true);
  Block block{{{}}, {{}}};
  for (const std::size_t size : sizes) {
    block.systems[0].push_back(std::string(size, 'x'));
    block.references[0].emplace_back();
  }
  e.add(block);
  return e;
}

// How many of the resamples' sums are not what 64 bits would give; each must be what numpy's floats do.
int rounded_sums(const Evaluation& e, double divisor) {
  const auto segments = static_cast<std::size_t>(e.segments());
  const auto samples = bootstrap(e, 40, 3);
  NumpyRandom random(3);
  std::vector<uint32_t> drawn(segments);
  int rounded = 0;
  for (const double score : samples[0][0].scores) {
    random.integers(static_cast<uint32_t>(segments), drawn);
    float sum = 0;
    double exact = 0;
    for (const auto i : drawn) {
      sum += static_cast<float>(e.rows(0)[i] / divisor);
      exact += e.rows(0)[i] / divisor;
    }
    CHECK(score == double{sum});
    rounded += exact != score;
  }
  return rounded;
}

}  // namespace

TEST_CASE("inexact sums are made in the order of the draws, in 32 bits") {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 50; ++i) sizes.push_back(1 + i * 7 % 11);
  CHECK(rounded_sums(lengths(sizes, 1000003, 1), 1) > 0);
  CHECK(rounded_sums(lengths(sizes, 1, 3), 3) > 0);
}

TEST_CASE("exact sums are those of 32-bit floats, odd numbers of segments and halves included") {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 333; ++i) sizes.push_back(i * 7 % 101);
  CHECK(rounded_sums(lengths(sizes, 1, 1), 1) == 0);
  CHECK(rounded_sums(lengths(sizes, 3, 2), 2) == 0);
  CHECK(rounded_sums(lengths({5}, 1, 1), 1) == 0);
}

TEST_CASE("sums that only some resamples bring above 2^24 are rounded as floats are") {
  std::vector<std::size_t> sizes(513, 32767);  // a little below 2^24 in all
  for (std::size_t i = 0; i < 513; i += 2) sizes[i] = 32633;
  CHECK(rounded_sums(lengths(sizes, 1, 1), 1) > 0);
}
