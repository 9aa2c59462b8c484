#include "ops/recurrent.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "ops/embed.h"
#include "tests/catch.h"
#include "tests/ops/cells.h"
#include "tests/ops/once.h"

using namespace storm;
using test::Doubles;

namespace {

const std::vector<int32_t> kOffsets{0, 3, 3, 4, 9, 11};  // one sentence has no tokens
constexpr int64_t kSentences = 5, kTokens = 11;
const char* const kNames[] = {"tanh", "gru", "lstm"};

// The states after each token, [tokens, h]: h, or c.
Doubles reference(std::span<const Doubles> in, Cell cell, int64_t h, bool reverse, bool initial, bool memory) {
  const int64_t width = gates_of(cell) * h;
  const bool gru = cell == Cell::gru, lstm = cell == Cell::lstm;
  Doubles y(static_cast<std::size_t>(kTokens * h));
  for (std::size_t s = 0; s < kSentences; ++s) {
    Doubles state(static_cast<std::size_t>(h)), c(static_cast<std::size_t>(h));
    if (initial) state = test::row_of(in[gru ? 3 : 2], static_cast<int64_t>(s), h);
    if (initial && lstm) c = test::row_of(in[3], static_cast<int64_t>(s), h);
    for (int32_t t = 0; t < kOffsets[s + 1] - kOffsets[s]; ++t) {
      const int64_t row = reverse ? kOffsets[s + 1] - 1 - t : kOffsets[s] + t;
      test::cell_step(cell, test::row_of(in[0], row, width), in[1], gru ? in[2] : Doubles{}, state, c);
      std::copy_n((memory ? c : state).begin(), h, y.begin() + row * h);
    }
  }
  return y;
}

void check_cell(Cell cell, int64_t h, bool reverse, bool initial, bool memory = false) {
  const int64_t width = gates_of(cell) * h;
  std::vector<Shape> shapes{{kTokens, width}, {width, h}};
  if (cell == Cell::gru) shapes.push_back({1, h});
  if (initial) shapes.push_back({kSentences, h});
  if (initial && cell == Cell::lstm) shapes.push_back({kSentences, h});
  INFO(kNames[static_cast<int>(cell)] << " of " << h << (reverse ? " reverse" : "") << (initial ? " initial" : ""));
  test::check_op({.inputs = shapes,
                  .record =
                      [&](Graph& g, std::span<const Value> v) {
                        CellInput in{.cell = cell, .x = v[0], .weight = v[1], .reverse = reverse};
                        in.offsets = g.constant({kSentences + 1, 1}, kOffsets.data());
                        std::size_t next = 2;
                        if (cell == Cell::gru) in.bias = v[next++];
                        if (initial) in.h = v[next++];
                        if (initial && cell == Cell::lstm) in.c = v[next++];
                        const auto states = recurrent(g, in);
                        return memory ? states.c : states.h;
                      },
                  .reference = [&](auto in) { return reference(in, cell, h, reverse, initial, memory); },
                  .tolerance = 4e-6});
}

// h of every token with random weights; the batch is given as sentences of rows of x.
struct Random {
  Cell cell;
  int64_t h;
  std::vector<float> weight, bias;
  explicit Random(Cell cell_, int64_t h_)
      : cell(cell_),
        h(h_),
        weight(test::random_floats(static_cast<std::size_t>(gates_of(cell) * h * h), 5)),
        bias(test::random_floats(static_cast<std::size_t>(h), 6)) {
    for (float& w : weight) w *= 0.3f;  // else the recurrence blows up the last digit
  }
  CellInput input(Graph& g, std::span<const float> x, const std::vector<int32_t>& offsets) const {
    CellInput in{.cell = cell};
    in.x = g.constant({offsets.back(), gates_of(cell) * h}, x.data());
    in.weight = g.constant({gates_of(cell) * h, h}, weight.data());
    if (cell == Cell::gru) in.bias = g.constant({1, h}, bias.data());
    in.offsets = g.constant({static_cast<int64_t>(offsets.size()), 1}, offsets.data());
    return in;
  }
};

}  // namespace

TEST_CASE("every cell equals its double-precision reference over a ragged batch, forward and gradients") {
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm})
    for (const int64_t h : {1, 5, 19})
      for (const bool reverse : {false, true})
        for (const bool initial : {false, true}) check_cell(cell, h, reverse, initial);
}

TEST_CASE("gradients that come to the lstm's memory pass on") { check_cell(Cell::lstm, 7, false, true, true); }

TEST_CASE("a sentence gets in a batch what it gets alone, to the last digits") {
  const std::vector<int32_t> offsets{0, 2, 9, 10, 30};
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm}) {
    const Random random(cell, 24);
    const auto width = static_cast<std::size_t>(gates_of(cell) * 24);
    const auto x = test::random_floats(30 * width, 7);
    for (const bool reverse : {false, true}) {
      Graph all(false);
      CellInput in = random.input(all, x, offsets);
      in.reverse = reverse;
      const Value together = recurrent(all, in).h;
      all.keep(together);
      const test::Once run(all);
      run.forward();
      for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
        const int32_t n = offsets[s + 1] - offsets[s];
        const std::vector<int32_t> own{0, n};
        Graph one(false);
        CellInput alone = random.input(one, std::span(x).subspan(static_cast<std::size_t>(offsets[s]) * width), own);
        alone.reverse = reverse;
        const Value y = recurrent(one, alone).h;
        one.keep(y);
        const test::Once single(one);
        single.forward();
        float worst = 0;
        for (int64_t i = 0; i < n * 24; ++i)
          worst = std::max(worst, std::abs(single.run.data(y)[i] - run.run.data(together)[offsets[s] * 24 + i]));
        CHECK(worst < static_cast<float>(test::allowed(1e-6)));
      }
    }
  }
}

TEST_CASE("variational dropout keeps one mask a sentence over all its steps, in forward and backward") {
  // With a recurrent weight of zero but for the diagonal, no input and h = tanh(w * m * h): a unit either dies at the
  // first step or goes on scaled; never a mixture over the steps.
  constexpr int64_t h = 64;
  const std::vector<int32_t> offsets{0, 4, 6};
  std::vector<float> x(6 * h, 0.0f), weight(h * h, 0.0f), start(2 * h, 0.5f), dw(h * h), dx(6 * h), dstart(2 * h);
  for (int64_t i = 0; i < h; ++i) weight[static_cast<std::size_t>(i * h + i)] = 0.5f;
  Graph g(true);
  CellInput in{.cell = Cell::tanh, .dropout = 0.5f};
  in.x = g.parameter({6, h}, x.data(), dx.data());
  in.weight = g.parameter({h, h}, weight.data(), dw.data());
  in.offsets = g.constant({3, 1}, offsets.data());
  in.h = g.parameter({2, h}, start.data(), dstart.data());
  const Value y = recurrent(g, in).h;
  g.keep(y);
  const test::Once run(g, 3, 8);
  run.forward();
  const float* states = run.run.data(y);
  int dead = 0, differ = 0;
  for (int64_t i = 0; i < h; ++i) {
    float wanted = 0.5f;
    const bool alive = states[i] != 0;
    for (int64_t t = 0; t < 4; ++t) {
      wanted = alive ? std::tanh(0.5f * 2 * wanted) : 0.0f;
      CHECK(std::abs(states[t * h + i] - wanted) < static_cast<float>(test::allowed(1e-6)));
    }
    dead += !alive;
    differ += alive != (states[4 * h + i] != 0);
  }
  CHECK(dead > 16);
  CHECK(dead < 48);
  CHECK(differ > 10);  // the other sentence has a mask of its own
}

TEST_CASE("variational dropout's gradients are those of its forward") {
  constexpr int64_t h = 16;
  const std::vector<int32_t> offsets{0, 4, 6, 7};
  for (const Cell cell : {Cell::tanh, Cell::gru, Cell::lstm}) {
    const int64_t width = gates_of(cell) * h;
    const auto x = test::random_floats(static_cast<std::size_t>(7 * width), 1);
    auto weight = test::random_floats(static_cast<std::size_t>(width * h), 2);
    auto start = test::random_floats(3 * h, 3), bias = test::random_floats(h, 4);
    const auto weights = test::random_floats(7 * h, 5);
    std::vector<float> dw(weight.size()), dstart(start.size()), db(h);
    // The sum of weights * h, in double, and the gradients by the op's own backward when asked for.
    const auto loss = [&](bool gradients) {
      Graph g(true);
      CellInput in{.cell = cell, .dropout = 0.3f};
      in.x = g.constant({7, width}, x.data());
      in.weight = g.parameter({width, h}, weight.data(), dw.data());
      if (cell == Cell::gru) in.bias = g.parameter({1, h}, bias.data(), db.data());
      in.offsets = g.constant({4, 1}, offsets.data());
      in.h = g.parameter({3, h}, start.data(), dstart.data());
      const Value y = recurrent(g, in).h;
      const Value total = test::weighted_sum(g, y, weights.data());
      const test::Once run(g, 3, 8);
      run.forward();
      if (gradients) run.backward();
      return run.run.data<double>(total)[0];
    };
    loss(true);
    INFO(kNames[static_cast<int>(cell)]);
    double worst = 0;
    const auto probe = [&](std::vector<float>& values, const std::vector<float>& gradient) {
      for (std::size_t i = 0; i < values.size(); i += 7) {
        const float before = values[i], step = 1e-2f;
        values[i] = before + step;
        const double up = loss(false);
        values[i] = before - step;
        const double down = loss(false);
        values[i] = before;
        worst =
            std::max(worst, std::abs((up - down) / (2 * static_cast<double>(step)) - static_cast<double>(gradient[i])));
      }
    };
    probe(weight, std::vector<float>(dw));
    probe(start, std::vector<float>(dstart));
    CHECK(worst < 1e-3);
  }
}

TEST_CASE("shapes that do not fit are refused by name") {
  const std::vector<int32_t> offsets{0, 2}, falling{0, 3, 2};
  const std::vector<float> numbers(1000, 0.0f);
  const auto message = [&](CellInput in, Shape x, Shape w, const std::vector<int32_t>& o, Shape bias) {
    try {
      Graph g(false);
      in.x = g.constant(x, numbers.data());
      in.weight = g.constant(w, numbers.data());
      if (bias.size()) in.bias = g.constant(bias, numbers.data());
      in.offsets = g.constant({static_cast<int64_t>(o.size()), 1}, o.data());
      recurrent(g, in);
      const test::Once run(g);
      run.forward();
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message({.cell = Cell::lstm}, {2, 8}, {8, 2}, offsets, {}).empty());
  CHECK(message({.cell = Cell::lstm}, {2, 6}, {8, 2}, offsets, {}).find("6 wide") != std::string::npos);
  CHECK(message({.cell = Cell::tanh}, {2, 8}, {8, 2}, offsets, {}).find("1 gates") != std::string::npos);
  CHECK(message({.cell = Cell::gru}, {2, 6}, {6, 2}, offsets, {}).find("bias") != std::string::npos);
  CHECK(message({.cell = Cell::lstm}, {2, 8}, {8, 2}, offsets, {1, 2}).find("bias") != std::string::npos);
  CHECK(message({.cell = Cell::lstm}, {2, 8}, {8, 2}, falling, {}).find("offsets must rise") != std::string::npos);
  CHECK(message({.cell = Cell::lstm}, {3, 8}, {8, 2}, offsets, {}).find("3 rows") != std::string::npos);
}
