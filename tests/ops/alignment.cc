#include "ops/alignment.h"

#include "base/error.h"
#include "tests/catch.h"
#include "tests/ops/alignment.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

// Sentences of 2, 0, 3 and 1 queries over 3, 2, 0 and 4 rows, which lie in another order than the sentences.
const std::vector<int32_t> kOffsets{0, 2, 2, 5, 6}, kRanges{6, 9, 0, 2, 2, 2, 2, 6};
constexpr int64_t kSentences = 4, kQueries = 6, kRows = 9;

AlignmentInput input_of(Graph& g, Scoring scoring) {
  AlignmentInput in{.scoring = scoring};
  in.ranges = g.constant({kSentences, 2}, kRanges.data());
  return in;
}

void check(Scoring scoring, int64_t a, int64_t m, bool same) {
  const bool additive = scoring == Scoring::additive;
  std::vector<Shape> shapes{{kQueries, a}, {kRows, a}};
  if (!same) shapes.push_back({kRows, m});
  if (additive) shapes.push_back({1, a});
  INFO((additive ? "additive " : "dot ") << a << ' ' << m << (same ? " same" : ""));
  test::check_op({.inputs = shapes,
                  .record =
                      [&](Graph& g, std::span<const Value> v) {
                        AlignmentInput in = input_of(g, scoring);
                        in.keys = v[1];
                        in.memory = same ? v[1] : v[2];
                        if (additive) in.v = v.back();
                        return attend(g, v[0], g.constant({kSentences + 1, 1}, kOffsets.data()), in).context;
                      },
                  .reference =
                      [&](std::span<const Doubles> v) {
                        Doubles context;
                        for (std::size_t s = 0; s < kSentences; ++s)
                          for (int64_t row = kOffsets[s]; row < kOffsets[s + 1]; ++row) {
                            const auto c = test::context_of(test::row_of(v[0], row, a), v[1], same ? v[1] : v[2],
                                                            additive ? v.back() : Doubles{}, kRanges[2 * s],
                                                            kRanges[2 * s + 1], m);
                            context.insert(context.end(), c.begin(), c.end());
                          }
                        return context;
                      },
                  .tolerance = 4e-6});
}

}  // namespace

TEST_CASE("attention upon a recurrence equals its double-precision reference, forward and gradients") {
  for (const Scoring scoring : {Scoring::dot, Scoring::additive}) {
    check(scoring, 1, 1, false);
    check(scoring, 7, 3, false);
    check(scoring, 70, 19, false);
    check(scoring, 5, 5, true);
  }
}

TEST_CASE("weights come out sentence after sentence and sum to one; logits are what the softmax is taken of") {
  const auto q = test::random_floats(kQueries * 4, 1), k = test::random_floats(kRows * 4, 2),
             v = test::random_floats(4, 3);
  for (const Scoring scoring : {Scoring::dot, Scoring::additive}) {
    std::vector<float> found[2], contexts[2];
    for (const bool logits : {false, true}) {
      Graph g(false);
      AlignmentInput in = input_of(g, scoring);
      in.logits = logits;
      in.keys = in.memory = g.constant({kRows, 4}, k.data());
      if (scoring == Scoring::additive) in.v = g.constant({1, 4}, v.data());
      const auto out =
          attend(g, g.constant({kQueries, 4}, q.data()), g.constant({kSentences + 1, 1}, kOffsets.data()), in);
      g.keep(out.weights);
      g.keep(out.context);
      REQUIRE(g.shape(out.weights).size() == 2 * 3 + 0 + 0 + 1 * 4);
      const test::Once run(g);
      run.forward();
      found[logits].assign(run.run.data(out.weights), run.run.data(out.weights) + 10);
      contexts[logits].assign(run.run.data(out.context), run.run.data(out.context) + kQueries * 4);
    }
    CHECK(contexts[0] == contexts[1]);
    for (const auto& [begin, end] : {std::pair{0, 3}, {3, 6}, {6, 10}}) {
      double sum = 0, exps = 0;
      for (int i = begin; i < end; ++i) {
        sum += static_cast<double>(found[0][static_cast<std::size_t>(i)]);
        exps += std::exp(static_cast<double>(found[1][static_cast<std::size_t>(i)]));
      }
      CHECK(sum == Approx(1).margin(1e-6));
      for (int i = begin; i < end; ++i)
        CHECK(static_cast<double>(found[0][static_cast<std::size_t>(i)]) ==
              Approx(std::exp(static_cast<double>(found[1][static_cast<std::size_t>(i)])) / exps).margin(1e-6));
    }
  }
}

TEST_CASE("ranges outside of the memory are refused") {
  const std::vector<float> numbers(100, 0.0f);
  const std::vector<int32_t> offsets{0, 1};
  for (const auto& range : {std::vector<int32_t>{0, 4}, {-1, 2}, {2, 1}}) {
    Graph g(false);
    AlignmentInput in;
    in.keys = in.memory = g.constant({3, 4}, numbers.data());
    in.ranges = g.constant({1, 2}, range.data());
    CHECK_THROWS_AS(attend(g, g.constant({1, 4}, numbers.data()), g.constant({2, 1}, offsets.data()), in), Error);
  }
}
