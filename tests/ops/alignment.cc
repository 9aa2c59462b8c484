#include "ops/alignment.h"

#include <algorithm>
#include <cmath>

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

std::string name_of(test::ScoreForm form) {
  return std::string(form.scoring == Scoring::dot        ? "dot "
                     : form.scoring == Scoring::additive ? "additive "
                                                         : "kernel ") +
         (form.v ? "with v " : "");
}

void check(test::ScoreForm form, int64_t a, int64_t m, bool same) {
  std::vector<Shape> shapes{{kQueries, a}, {kRows, a}};
  if (!same) shapes.push_back({kRows, m});
  if (form.v) shapes.push_back({1, a});
  INFO(name_of(form) << a << ' ' << m << (same ? " same" : ""));
  test::check_op({.inputs = shapes,
                  .record =
                      [&](Graph& g, std::span<const Value> v) {
                        AlignmentInput in = input_of(g, form.scoring);
                        in.keys = v[1];
                        in.memory = same ? v[1] : v[2];
                        if (form.v) in.v = v.back();
                        return attend(g, v[0], g.constant({kSentences + 1, 1}, kOffsets.data()), in).context;
                      },
                  .reference =
                      [&](std::span<const Doubles> v) {
                        Doubles context;
                        for (std::size_t s = 0; s < kSentences; ++s)
                          for (int64_t row = kOffsets[s]; row < kOffsets[s + 1]; ++row) {
                            const auto c =
                                test::context_of(form.scoring, test::row_of(v[0], row, a), v[1], same ? v[1] : v[2],
                                                 form.v ? v.back() : Doubles{}, kRanges[2 * s], kRanges[2 * s + 1], m);
                            context.insert(context.end(), c.begin(), c.end());
                          }
                        return context;
                      },
                  .tolerance = 4e-6});
}

}  // namespace

TEST_CASE("attention upon a recurrence equals its double-precision reference, forward and gradients") {
  for (const auto form : test::kScoreForms) {
    check(form, 1, 1, false);
    check(form, 7, 3, false);
    check(form, 70, 19, false);
    check(form, 5, 5, true);
  }
}

namespace {

// Sentences of 5, 0, 1 and 4 queries, each over as many rows, but for the last's, which has one row less.
const std::vector<int32_t> kOwnOffsets{0, 5, 5, 6, 10}, kOwnRanges{0, 5, 5, 5, 5, 6, 6, 9};
constexpr int64_t kOwnQueries = 10, kOwnRows = 9;

// Where query i of a sentence of `rows` rows begins to read, and where it stops.
std::pair<int64_t, int64_t> window_of(int64_t i, int64_t rows, int64_t window) {
  const int64_t to = std::min(i, rows);
  return {std::min(std::max<int64_t>(i - window, 0), to), to};
}

void check_window(test::ScoreForm form, int64_t a, int64_t m, int64_t window, bool same) {
  std::vector<Shape> shapes{{kOwnQueries, a}, {kOwnRows, a}};
  if (!same) shapes.push_back({kOwnRows, m});
  if (form.v) shapes.push_back({1, a});
  INFO(name_of(form) << a << ' ' << m << " window " << window << (same ? " same" : ""));
  test::check_op(
      {.inputs = shapes,
       .record =
           [&](Graph& g, std::span<const Value> v) {
             AlignmentInput in{.scoring = form.scoring, .keys = v[1], .memory = same ? v[1] : v[2], .window = window};
             in.ranges = g.constant({kSentences, 2}, kOwnRanges.data());
             if (form.v) in.v = v.back();
             return attend(g, v[0], g.constant({kSentences + 1, 1}, kOwnOffsets.data()), in).context;
           },
       .reference =
           [&](std::span<const Doubles> v) {
             Doubles context;
             for (std::size_t s = 0; s < kSentences; ++s)
               for (int64_t row = kOwnOffsets[s]; row < kOwnOffsets[s + 1]; ++row) {
                 const int64_t first = kOwnRanges[2 * s];
                 const auto [from, to] = window_of(row - kOwnOffsets[s], kOwnRanges[2 * s + 1] - first, window);
                 const auto c = test::context_of(form.scoring, test::row_of(v[0], row, a), v[1], same ? v[1] : v[2],
                                                 form.v ? v.back() : Doubles{}, first + from, first + to, m);
                 context.insert(context.end(), c.begin(), c.end());
               }
             return context;
           },
       .tolerance = 4e-6});
}

}  // namespace

TEST_CASE("attention over a window of the past equals its double-precision reference, forward and gradients") {
  for (const auto form : test::kScoreForms)
    for (const int64_t window : {1, 2, 4, 100}) {
      check_window(form, 7, 3, window, false);
      check_window(form, 5, 5, window, true);
    }
}

TEST_CASE("a window's weights are those of the rows that are read, and in the whole layout the others have none") {
  const auto q = test::random_floats(kOwnQueries * 4, 1), k = test::random_floats(kOwnRows * 4, 2);
  constexpr int64_t kWindow = 2;
  const auto weights = [&](bool whole, bool logits) {
    Graph g(false);
    AlignmentInput in{.logits = logits, .window = kWindow, .whole_weights = whole};
    in.keys = in.memory = g.constant({kOwnRows, 4}, k.data());
    in.ranges = g.constant({kSentences, 2}, kOwnRanges.data());
    const auto out =
        attend(g, g.constant({kOwnQueries, 4}, q.data()), g.constant({kSentences + 1, 1}, kOwnOffsets.data()), in);
    g.keep(out.weights);
    const test::Once run(g);
    run.forward();
    return std::vector<float>(run.run.data(out.weights), run.run.data(out.weights) + g.shape(out.weights).size());
  };
  const auto compact = weights(false, false), whole = weights(true, false), logits = weights(true, true);
  REQUIRE(compact.size() == kOwnQueries * kWindow);
  REQUIRE(whole.size() == 5 * 5 + 1 * 1 + 4 * 3);
  REQUIRE(logits.size() == whole.size());
  std::size_t at = 0;
  for (std::size_t s = 0; s < kSentences; ++s)
    for (int64_t row = kOwnOffsets[s]; row < kOwnOffsets[s + 1]; ++row) {
      const int64_t rows = kOwnRanges[2 * s + 1] - kOwnRanges[2 * s];
      const auto [from, to] = window_of(row - kOwnOffsets[s], rows, kWindow);
      double sum = 0;
      for (int64_t j = 0; j < rows; ++j, ++at) {
        if (j >= from && j < to) {
          CHECK(whole[at] == compact[static_cast<std::size_t>(row * kWindow + j - from)]);
          CHECK(std::isfinite(logits[at]));
        } else {
          CHECK(whole[at] == 0);
          CHECK(logits[at] == -INFINITY);
        }
        sum += static_cast<double>(whole[at]);
      }
      CHECK(sum == Approx(from < to ? 1 : 0).margin(1e-6));
    }
}

TEST_CASE("weights come out sentence after sentence and sum to one; logits are what the softmax is taken of") {
  const auto q = test::random_floats(kQueries * 4, 1), k = test::random_floats(kRows * 4, 2),
             v = test::random_floats(4, 3);
  for (const auto form : test::kScoreForms) {
    std::vector<float> found[2], contexts[2];
    for (const bool logits : {false, true}) {
      Graph g(false);
      AlignmentInput in = input_of(g, form.scoring);
      in.logits = logits;
      in.keys = in.memory = g.constant({kRows, 4}, k.data());
      if (form.v) in.v = g.constant({1, 4}, v.data());
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
    const auto row = [&](const std::vector<float>& x, int64_t r) {
      return test::row_of(Doubles(x.begin(), x.end()), r, 4);
    };
    for (int64_t j = 0; j < 3; ++j)  // the scores themselves, of the first query over the first range
      CHECK(
          static_cast<double>(found[1][static_cast<std::size_t>(j)]) ==
          Approx(test::score_of(form.scoring, row(q, 0), row(k, 6 + j), form.v ? row(v, 0) : Doubles{})).margin(1e-6));
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
