#include "ops/attentive_recurrent.h"

#include "base/error.h"
#include "ops/join.h"
#include "tests/catch.h"
#include "tests/ops/alignment.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

const std::vector<int32_t> kOffsets{0, 3, 3, 4, 8}, kRanges{3, 6, 2, 3, 0, 2, 6, 11};
constexpr int64_t kSentences = 4, kTokens = 8, kRows = 11;

struct Kind {
  Cell cell;
  Scoring scoring;
  bool feeding, projected;  // projected: the query has a weight
  int64_t h, a, m, o;
  bool width = false;  // of a kernel
};

// Where each input stands in the list of a check; -1: not there.
struct Places {
  int x, weight, bias = -1, start, start_c = -1, feed, query = -1, v = -1, keys, memory, out = -1, out_bias = -1;
};

Places places_of(const Kind& k, std::vector<Shape>& shapes) {
  Places p;
  const int64_t width = gates_of(k.cell) * k.h;
  const auto add = [&](Shape s) {
    shapes.push_back(s);
    return static_cast<int>(shapes.size()) - 1;
  };
  p.x = add({kTokens, width});
  p.weight = add({width, k.h});
  if (k.cell == Cell::gru) p.bias = add({1, k.h});
  p.start = add({kSentences, k.h});
  if (k.cell == Cell::lstm) p.start_c = add({kSentences, k.h});
  p.feed = add({width, k.feeding ? k.o : k.m});
  if (k.projected) p.query = add({k.a, k.h});
  if (k.scoring == Scoring::additive || k.width) p.v = add({1, k.a});
  p.keys = add({kRows, k.a});
  p.memory = add({kRows, k.m});
  if (k.feeding) {
    p.out = add({k.o, k.m + k.h});
    p.out_bias = add({1, k.o});
  }
  return p;
}

// What the op gives for each token: out, or [context; h].
Doubles reference(const Kind& k, const Places& p, std::span<const Doubles> in) {
  const auto at = [&](int i) { return i < 0 ? Doubles{} : in[static_cast<std::size_t>(i)]; };
  const auto width = static_cast<std::size_t>(gates_of(k.cell) * k.h);
  Doubles result;
  for (std::size_t s = 0; s < kSentences; ++s) {
    Doubles h = test::row_of(at(p.start), static_cast<int64_t>(s), k.h), c;
    if (k.cell == Cell::lstm) c = test::row_of(at(p.start_c), static_cast<int64_t>(s), k.h);
    Doubles out(static_cast<std::size_t>(k.o)), context;
    const auto read_source = [&] {
      const Doubles query = k.projected ? test::times(at(p.query), h, static_cast<std::size_t>(k.a)) : h;
      context = test::context_of(k.scoring, query, at(p.keys), at(p.memory), at(p.v), kRanges[2 * s],
                                 kRanges[2 * s + 1], k.m);
    };
    for (int64_t row = kOffsets[s]; row < kOffsets[s + 1]; ++row) {
      Doubles x = test::row_of(at(p.x), row, static_cast<int64_t>(width));
      if (!k.feeding) read_source();
      const Doubles fed = test::times(at(p.feed), k.feeding ? out : context, width);
      for (std::size_t i = 0; i < width; ++i) x[i] += fed[i];
      test::cell_step(k.cell, x, at(p.weight), at(p.bias), h, c);
      if (k.feeding) read_source();
      Doubles both = context;
      both.insert(both.end(), h.begin(), h.end());
      if (k.feeding) {
        out = test::times(at(p.out), both, static_cast<std::size_t>(k.o));
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::tanh(out[i] + at(p.out_bias)[i]);
      }
      const Doubles& shown = k.feeding ? out : both;
      result.insert(result.end(), shown.begin(), shown.end());
    }
  }
  return result;
}

void check(const Kind& k) {
  std::vector<Shape> shapes;
  const Places p = places_of(k, shapes);
  INFO("cell " << static_cast<int>(k.cell) << " scoring " << static_cast<int>(k.scoring) << " feeding " << k.feeding);
  test::check_op({.inputs = shapes,
                  .record =
                      [&](Graph& g, std::span<const Value> v) {
                        const auto at = [&](int i) { return i < 0 ? Value{} : v[static_cast<std::size_t>(i)]; };
                        AttentiveInput in;
                        in.cell = {.cell = k.cell, .x = at(p.x), .weight = at(p.weight), .bias = at(p.bias)};
                        in.cell.offsets = g.constant({kSentences + 1, 1}, kOffsets.data());
                        in.cell.h = at(p.start);
                        in.cell.c = at(p.start_c);
                        in.feed_weight = at(p.feed);
                        in.query_weight = at(p.query);
                        in.attention = {.scoring = k.scoring, .v = at(p.v), .keys = at(p.keys), .memory = at(p.memory)};
                        in.attention.ranges = g.constant({kSentences, 2}, kRanges.data());
                        in.out_weight = at(p.out);
                        in.out_bias = at(p.out_bias);
                        const auto states = attentive_recurrent(g, in);
                        if (k.feeding) return states.out;
                        return join(g, std::vector<Value>{states.context, states.h});
                      },
                  .reference = [&](auto in) { return reference(k, p, in); },
                  .tolerance = 5e-6,
                  .scale = 0.7});
}

}  // namespace

TEST_CASE("a recurrence that reads its context equals its double-precision reference, forward and gradients") {
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm}) {
    check({cell, Scoring::additive, false, true, 3, 5, 4, 0});
    check({cell, Scoring::dot, false, true, 5, 4, 4, 0});
    check({cell, Scoring::kernel, false, true, 5, 4, 4, 0, true});
  }
}

TEST_CASE("a recurrence that is fed its output equals its double-precision reference, forward and gradients") {
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm}) {
    check({cell, Scoring::additive, true, true, 3, 5, 4, 6});
    check({cell, Scoring::dot, true, false, 4, 4, 3, 5});
    check({cell, Scoring::dot, true, true, 3, 4, 4, 2});
    check({cell, Scoring::kernel, true, false, 4, 4, 3, 5});
    check({cell, Scoring::kernel, true, false, 4, 4, 3, 5, true});
  }
}

TEST_CASE("join puts rows side by side, forward and gradients, and one value twice") {
  const auto check_join = [](std::vector<Shape> shapes, bool twice) {
    test::check_op({.inputs = shapes,
                    .record =
                        [&](Graph& g, std::span<const Value> v) {
                          std::vector<Value> parts(v.begin(), v.end());
                          if (twice) parts.push_back(v[0]);
                          return join(g, parts);
                        },
                    .reference =
                        [&](std::span<const Doubles> v) {
                          Doubles y;
                          for (int64_t r = 0; r < shapes[0].rows; ++r) {
                            for (std::size_t i = 0; i < v.size(); ++i) {
                              const Doubles row = test::row_of(v[i], r, shapes[i].cols);
                              y.insert(y.end(), row.begin(), row.end());
                            }
                            const Doubles first = test::row_of(v[0], r, shapes[0].cols);
                            if (twice) y.insert(y.end(), first.begin(), first.end());
                          }
                          return y;
                        }});
  };
  check_join({{5, 3}}, false);
  check_join({{5, 3}, {5, 1}, {5, 9}}, false);
  check_join({{20, 3}, {20, 2}}, true);
}

TEST_CASE("join's dropout is the same in forward and backward") {
  const std::vector<float> ones(40 * 24, 1.0f);
  std::vector<float> d(40 * 24, 0.0f);
  Graph g(true);
  const Value y = join(g, std::vector<Value>{g.parameter({40, 24}, ones.data(), d.data())}, 0.25f);
  g.keep(y);
  test::weighted_sum(g, y, ones.data());
  const test::Once run(g, 5, 6);
  run.forward();
  const std::vector<float> out(run.run.data(y), run.run.data(y) + ones.size());
  run.backward();
  CHECK(out == d);
  const auto zeros = std::count(out.begin(), out.end(), 0.0f);
  CHECK(zeros > 180);
  CHECK(zeros < 300);
}

TEST_CASE("attention settings that do not fit together are refused") {
  const std::vector<float> numbers(400, 0.0f);
  const std::vector<int32_t> offsets{0, 2}, ranges{0, 3};
  const auto message = [&](auto change) {
    Graph g(false);
    const auto constant = [&](int64_t rows, int64_t cols) { return g.constant({rows, cols}, numbers.data()); };
    AttentiveInput in;
    in.cell = {.cell = Cell::lstm, .x = constant(2, 8), .weight = constant(8, 2)};
    in.cell.offsets = g.constant({2, 1}, offsets.data());
    in.feed_weight = constant(8, 5);
    in.query_weight = constant(3, 2);
    in.attention = {
        .scoring = Scoring::additive, .v = constant(1, 3), .keys = constant(4, 3), .memory = constant(4, 5)};
    in.attention.ranges = g.constant({1, 2}, ranges.data());
    change(in, constant);
    try {
      attentive_recurrent(g, in);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  using In = AttentiveInput&;
  CHECK(message([](In, auto) {}).empty());
  CHECK(message([](In in, auto) { in.cell.reverse = true; }).find("left to right") != std::string::npos);
  CHECK(message([](In in, auto) { in.query_weight = {}; }).find("keys") != std::string::npos);
  CHECK(message([](In in, auto c) { in.feed_weight = c(8, 4); }).find("feed weight") != std::string::npos);
  CHECK(message([](In in, auto) { in.attention.v = {}; }).find("vector") != std::string::npos);
  CHECK(message([](In in, auto c) { in.attention.memory = c(3, 5); }).find("memory") != std::string::npos);
  CHECK(message([](In in, auto c) { in.out_weight = c(6, 6); }).find("feed weight") != std::string::npos);
}

TEST_CASE("rows that share a mask are dropped out alike, in forward and backward") {
  const std::vector<float> ones(40 * 24, 1.0f);
  std::vector<float> d(40 * 24, 0.0f);
  std::vector<int32_t> texts(40);
  for (std::size_t r = 0; r < texts.size(); ++r) texts[r] = static_cast<int32_t>(r / 10);
  Graph g(true);
  const Value y = join(g, std::vector<Value>{g.parameter({40, 24}, ones.data(), d.data())}, 0.5f,
                       g.constant({40, 1}, texts.data()));
  g.keep(y);
  test::weighted_sum(g, y, ones.data());
  const test::Once run(g, 5, 6);
  run.forward();
  const std::vector<float> out(run.run.data(y), run.run.data(y) + ones.size());
  run.backward();
  CHECK(out == d);
  const auto row = [&](int64_t r) { return std::vector(out.begin() + r * 24, out.begin() + (r + 1) * 24); };
  for (int64_t r = 0; r < 40; ++r) CHECK(row(r) == row(r / 10 * 10));
  for (int64_t text = 1; text < 4; ++text) CHECK(row(text * 10) != row(0));
  CHECK_THROWS_AS(join(g, std::vector<Value>{y}, 0.5f, g.constant({39, 1}, texts.data())), Error);
}
